//! Which codes stand on the pages of a batch? Pages are hostile here too: looked at by children, several at a time.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::reading::Reader;
use super::{Call, PageAt, Readers};
use crate::batch::{CODE_CHARS_MAX, CODES_MAX, Sighting};
use crate::error::{Error, Kind, Result};
use crate::page::PageSurvey;
use crate::separator::CodeKind;
use crate::{normalise, spot};

/// What the look at a page is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SightingRequest {
    input: PathBuf,
    mime: String,
    survey: PageSurvey,
    wanted: Vec<CodeKind>,
}

impl SightingRequest {
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.survey.width) * u64::from(self.survey.height)
    }
}

impl Readers {
    /// What is seen on each of `pages`, in their order. A page that cannot be looked at is told as unseen.
    pub fn sightings(&self, pages: &[PageAt<'_>], wanted: &[CodeKind]) -> Result<Vec<Sighting>> {
        let (next, seen) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(pages.len())));
        std::thread::scope(|scope| {
            for _ in 0..self.pool.count().min(pages.len()) {
                scope.spawn(|| {
                    while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let sighting = self.sighting(page, wanted);
                        let is_over = sighting.is_err();
                        seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(sighting);
                        if is_over {
                            return;
                        }
                    }
                });
            }
        });
        let seen = seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut sightings = seen.into_iter().collect::<Result<Vec<_>>>()?;
        sightings.sort_by_key(|seen| seen.n);
        let is_whole = sightings.len() == pages.len();
        if is_whole { Ok(sightings) } else { Err(Error::bug("a page was not looked at")) }
    }

    fn sighting(&self, page: &PageAt<'_>, wanted: &[CodeKind]) -> Result<Sighting> {
        let n = page.survey.n;
        let request = SightingRequest {
            input: page.input.to_owned(),
            mime: page.mime.to_owned(),
            survey: page.survey.clone(),
            wanted: wanted.to_vec(),
        };
        let seconds = self.limits().page_seconds(request.pixels());
        let call = Call { seconds, ..self.work("sighting", page.input, Some(n)) };
        match self.call::<_, Sighting>(call, &request) {
            Ok(sighting) => Ok(checked(sighting, n, wanted)),
            Err(error) if matches!(error.kind(), Kind::Hold | Kind::Refuse) => {
                Ok(Sighting { n, unseen: true, ..Sighting::default() })
            }
            Err(error) => Err(error),
        }
    }
}

/// A sighting as it may be: of that page, of kinds that were asked for, its texts short and plain.
fn checked(mut sighting: Sighting, n: u32, wanted: &[CodeKind]) -> Sighting {
    sighting.codes.retain(|code| wanted.contains(&code.kind));
    sighting.codes.truncate(CODES_MAX);
    for code in &mut sighting.codes {
        code.text = code.text.nfc().filter(|c| !c.is_control()).take(CODE_CHARS_MAX).collect();
    }
    sighting.signs.retain(|kind| wanted.contains(kind));
    sighting.signs.truncate(CODES_MAX);
    let is_strange = sighting.n != n;
    Sighting { n, unseen: sighting.unseen || is_strange, ..sighting }
}

impl Reader {
    /// What is seen on a page. It is read only later, as a page of its document.
    pub(super) fn sighting(&mut self, request: &SightingRequest) -> Result<Sighting> {
        let image = self.image(&request.input, &request.mime, &request.survey)?;
        let gray = spot::Gray { width: image.width, height: image.height, pixels: image.gray.as_slice().into() };
        let spot::Spotted { codes, signs } = spot::codes(&gray, &request.wanted);
        let look = normalise::plan(&image, &request.survey).look;
        let (blank, traces) = (look.blank && codes.is_empty(), look.has_traces);
        Ok(Sighting { n: request.survey.n, blank, traces, codes, signs, unseen: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Code;

    #[test]
    fn what_a_child_says_it_saw_has_ceilings_and_is_of_the_page_that_was_asked_for() {
        let code = |kind, text: &str| Code { kind, text: text.to_owned() };
        let told = Sighting {
            n: 3,
            codes: vec![code(CodeKind::Qr, &"x\u{7}".repeat(600)), code(CodeKind::Code39, "A")],
            signs: vec![CodeKind::PatchT, CodeKind::Qr],
            ..Sighting::default()
        };
        let kept = checked(told.clone(), 3, &[CodeKind::Qr]);
        assert_eq!((kept.codes.len(), kept.codes[0].text.len(), kept.signs.len(), kept.unseen), (1, CODE_CHARS_MAX, 1, false));
        assert!(checked(told.clone(), 4, &[CodeKind::Qr]).unseen, "another page's");
        let many = Sighting { codes: vec![code(CodeKind::Qr, "x"); CODES_MAX + 1], ..told };
        assert_eq!(checked(many, 3, &[CodeKind::Qr]).codes.len(), CODES_MAX);
    }
}
