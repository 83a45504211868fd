//! Which file is open, and which of its pages are decoded? One file, the page last read, and the page that comes next.
//!
//! The next page is decoded by a thread of its own while the engine reads the one before. A page is decoded once: who
//! asks for the same page again (a second reading, a picture) gets the pixels that are still there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::copy::{self, Pixels};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::normalise::{Opened, PageImage};
use crate::page::PageSurvey;

/// Most pixels of a page that is kept or decoded ahead: an A2 sheet at 300 dpi. Two larger ones would crowd the child.
const KEPT_PIXELS_MAX: u64 = 40_000_000;

/// The files of a child.
#[derive(Debug, Default)]
pub(super) struct Files {
    open: Option<Open>,
    last: Option<(PageSurvey, Arc<PageImage>)>,
    ahead: Option<(PageSurvey, JoinHandle<Result<PageImage>>)>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    mime: String,
    file: Arc<Opened>,
}

impl Files {
    /// The file, opened again only when it is another one than last time.
    pub(super) fn opened(&mut self, input: &Path, mime: &str, limits: &Limits) -> Result<Arc<Opened>> {
        if let Some(open) = self.open.as_ref().filter(|open| open.path == input && open.mime == mime) {
            return Ok(Arc::clone(&open.file));
        }
        *self = Self::default();
        let file = Arc::new(Opened::open(input, mime, limits)?);
        self.open = Some(Open { path: input.to_owned(), mime: mime.to_owned(), file: Arc::clone(&file) });
        Ok(file)
    }

    /// The pixels of one page of the open file; one that is drawn leaves its drawing in the folder `drawings`.
    pub(super) fn image(
        &mut self,
        file: &Opened,
        survey: &PageSurvey,
        (limits, drawings): (&Limits, Option<&Path>),
    ) -> Result<Arc<PageImage>> {
        if let Some((_, image)) = self.last.as_ref().filter(|(kept, _)| kept == survey) {
            return Ok(Arc::clone(image));
        }
        self.last = None;
        let image = match self.ahead.take() {
            Some((decoded, thread)) if decoded == *survey => {
                thread.join().unwrap_or_else(|_| Err(Error::bug("a page that was decoded ahead")))?
            }
            _ => decoded(file, survey, limits, drawings)?,
        };
        let image = Arc::new(image);
        if is_small(survey) {
            self.last = Some((survey.clone(), Arc::clone(&image)));
        }
        Ok(image)
    }

    /// Begins to decode `next` of the open file; a page too large for that, or one whose own text is read, waits its turn.
    pub(super) fn decode_ahead(&mut self, next: Option<&PageSurvey>, (limits, drawings): (&Limits, Option<&Path>)) {
        let Some(next) = next.filter(|next| is_small(next) && !next.source.is_digital()) else { return };
        let Some(file) = self.open.as_ref().map(|open| Arc::clone(&open.file)) else { return };
        if self.ahead.as_ref().is_some_and(|(decoded, _)| decoded == next) {
            return;
        }
        let (survey, ceilings, folder) = (next.clone(), limits.clone(), drawings.map(Path::to_owned));
        let work = move || decoded(&file, &survey, &ceilings, folder.as_deref());
        let thread = std::thread::Builder::new().name("decode".to_owned()).spawn(work);
        // Without a thread the page is decoded when its turn comes.
        self.ahead = thread.ok().map(|thread| (next.clone(), thread));
    }
}

/// Decodes a page. A drawing that cannot be kept is drawn again for the copy.
fn decoded(file: &Opened, survey: &PageSurvey, limits: &Limits, drawings: Option<&Path>) -> Result<PageImage> {
    file.image_seen(survey, limits, &mut |(width, height), rgba| {
        let Some(folder) = drawings else { return };
        if let Err(error) = copy::keep_drawing(folder, survey.n, Pixels { width, height, rgba }) {
            tracing::debug!(code = error.code(), "a drawing is not kept");
        }
    })
}

fn is_small(survey: &PageSurvey) -> bool {
    u64::from(survey.width) * u64::from(survey.height) <= KEPT_PIXELS_MAX
}
