//! Where do the bytes of each page lie? In the principal component, or in the sheet that was scanned anew for the page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{facts, principal};
use crate::document::{Component, DocumentId};
use crate::error::{Error, Result};
use crate::page::{PageSurvey, ReadPage};
use crate::pipeline::House;
use crate::rescan::{self, Rescan};

/// Pages that are read at a time before their words are put away: memory grows with these, not with the document.
const TOGETHER: usize = 64;

/// A file that pages are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageFile {
    /// Its blob.
    pub(crate) path: PathBuf,
    /// Its media type.
    pub(crate) mime: String,
}

/// The files that the pages of one document lie in.
#[derive(Debug, Clone)]
pub(crate) struct Sheets {
    whole: PageFile,
    anew: BTreeMap<u32, PageFile>,
}

impl Sheets {
    /// The files of a document's pages, as its components and rescans have them.
    pub(crate) fn of(house: &House, components: &[Component], rescans: &[Rescan]) -> Result<Self> {
        let file = |sha256, mime: &str| PageFile { path: house.blobs.path(&house.ente_id, sha256), mime: mime.to_owned() };
        let principal = principal(components)?;
        let anew = rescans.iter().filter_map(|rescan| {
            let sheet = rescan.sheet()?;
            Some((rescan.page, file(&sheet.sha256, &sheet.format.mime)))
        });
        Ok(Self { whole: file(&principal.sha256, &principal.format.mime), anew: anew.collect() })
    }

    /// The principal component's file.
    pub(crate) fn whole(&self) -> &PageFile {
        &self.whole
    }

    /// The file that page `n` lies in.
    pub(crate) fn file(&self, n: u32) -> &PageFile {
        self.anew.get(&n).unwrap_or(&self.whole)
    }

    /// The pages that lie in files of their own, each with its file.
    pub(crate) fn anew(&self) -> impl Iterator<Item = (u32, &PageFile)> {
        self.anew.iter().map(|(n, file)| (*n, file))
    }

    /// The pages of the document, nothing decoded; a new sheet stands in its old page's place, under its number.
    pub(crate) fn surveys(&self, house: &House) -> Result<Vec<PageSurvey>> {
        let mut surveys = house.readers.survey(&self.whole.path, &self.whole.mime)?;
        for (n, file) in &self.anew {
            let Some(old) = surveys.iter_mut().find(|survey| survey.n == *n) else { continue };
            let new = house.readers.survey(&file.path, &file.mime)?.into_iter().next();
            *old = PageSurvey { n: *n, ..new.ok_or_else(|| Error::hold("page-unread").with("page", n).with("why", "0"))? };
        }
        Ok(surveys)
    }

    /// Reads the pages of `surveys` in their order and hands each to `keep`, some at a time.
    pub(crate) fn read(
        &self,
        house: &House,
        surveys: &[PageSurvey],
        keep: &mut dyn FnMut(&PageSurvey, Result<ReadPage>) -> Result<()>,
    ) -> Result<()> {
        let same_file = |a: &PageSurvey, b: &PageSurvey| self.file(a.n) == self.file(b.n);
        for run in surveys.chunk_by(same_file).flat_map(|run| run.chunks(TOGETHER)) {
            let Some(first) = run.first() else { continue };
            let file = self.file(first.n);
            let read = house.readers.read_all(&file.path, &file.mime, run, &|_| house.meter.page_done());
            for (survey, page) in run.iter().zip(read) {
                keep(survey, page)?;
            }
        }
        Ok(())
    }
}

/// The pages of a document that are or were scanned anew.
pub(crate) async fn rescans(house: &House, id: &DocumentId) -> Result<Vec<Rescan>> {
    facts(house, id.as_str(), rescan::FACT).await
}
