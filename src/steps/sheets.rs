//! Where do the bytes of each page lie? In the principal component, in another file of the folder that the document is, or in
//! the sheet that was scanned anew for the page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{facts, principal};
use crate::child::PageAt;
use crate::document::{Component, DocumentId, Role};
use crate::error::{Error, Result};
use crate::page::{PageSurvey, ReadPage};
use crate::pipeline::House;
use crate::rescan::{self, Rescan};
use crate::stack::{self, PagePlace};
use crate::store::Change;

/// A file that pages are read from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Pages that lie elsewhere, by number.
    elsewhere: BTreeMap<u32, PageFile>,
    /// Of these the sheets that were scanned anew.
    anew: Vec<u32>,
}

impl Sheets {
    /// The files of a document's pages, as its components, rescans and the order of its files have them.
    pub(crate) async fn of(house: &House, id: &DocumentId, (components, rescans): (&[Component], &[Rescan])) -> Result<Self> {
        let order = house.store.fact(&house.ente_id, id.as_str(), stack::ORDER).await?;
        let places: Vec<PagePlace> = match order {
            None => Vec::new(),
            Some(body) => serde_json::from_str(&body).map_err(|e| Error::bug("fact order unreadable").because(e))?,
        };
        let file = |sha256, mime: &str| PageFile { path: house.blobs.path(&house.ente_id, sha256), mime: mime.to_owned() };
        let principal = principal(components)?;
        let mut elsewhere = BTreeMap::new();
        for (place, n) in places.iter().zip(1..) {
            let annex = |c: &&Component| c.role == Role::Annesso && c.n == place.file;
            if let Some(annex) = components.iter().find(annex) {
                elsewhere.insert(n, file(&annex.sha256, &annex.format.mime));
            }
        }
        let sheets = rescans.iter().filter_map(|rescan| Some((rescan.page, rescan.sheet()?)));
        let mut anew = Vec::new();
        for (page, sheet) in sheets {
            anew.push(page);
            elsewhere.insert(page, file(&sheet.sha256, &sheet.format.mime));
        }
        let whole = match super::open::inside_of(house, id).await? {
            Some(inside) => file(&inside.sha256, &inside.mime),
            None => file(&principal.sha256, &principal.format.mime),
        };
        Ok(Self { whole, elsewhere, anew })
    }

    /// The principal component's file, or what is read in its place.
    pub(crate) fn whole(&self) -> &PageFile {
        &self.whole
    }

    /// The file that page `n` lies in.
    pub(crate) fn file(&self, n: u32) -> &PageFile {
        self.elsewhere.get(&n).unwrap_or(&self.whole)
    }

    /// The pages that do not lie in the principal component's file, each with its file.
    pub(crate) fn elsewhere(&self) -> impl Iterator<Item = (u32, &PageFile)> {
        self.elsewhere.iter().map(|(n, file)| (*n, file))
    }

    /// The pages of the principal component's file, nothing decoded.
    pub(crate) fn surveys(&self, house: &House) -> Result<Vec<PageSurvey>> {
        house.readers.survey(&self.whole.path, &self.whole.mime)
    }

    /// A new sheet stands in its old page's place, under its number.
    pub(crate) fn with_new_sheets(&self, house: &House, mut surveys: Vec<PageSurvey>) -> Result<Vec<PageSurvey>> {
        for n in &self.anew {
            let Some(old) = surveys.iter_mut().find(|survey| survey.n == *n) else { continue };
            let file = self.file(*n);
            let new = house.readers.survey(&file.path, &file.mime)?.into_iter().next();
            *old = PageSurvey { n: *n, ..new.ok_or_else(|| Error::hold("page-unread").with("page", n).with("why", "0"))? };
        }
        Ok(surveys)
    }

    /// Reads the pages of `surveys` and hands each to `keep` in their order. Drawings of pages without an image are kept
    /// in `drawings` for the copy.
    pub(crate) fn read<'a>(
        &'a self,
        house: &House,
        (surveys, drawings): (&'a [PageSurvey], Option<&'a Path>),
        keep: &mut dyn FnMut(&PageSurvey, Result<ReadPage>) -> Result<()>,
    ) -> Result<()> {
        let at = |survey: &'a PageSurvey| {
            let file = self.file(survey.n);
            PageAt { input: &file.path, mime: &file.mime, survey, drawings }
        };
        let pages: Vec<PageAt<'_>> = surveys.iter().map(at).collect();
        house.readers.read_in_turn(&pages, &|| house.meter.page_done(), &mut |at, read| keep(&surveys[at], read))
    }
}

/// Fact kind of a document: how often something was decided about its pages.
const DECIDED: &str = "pages-decided";

/// The changes that make a decision about the pages of a document fail (`facts-changed`) where another one came between; asked for before
/// anything else of them is read.
pub(crate) async fn fence(house: &House, id: &DocumentId) -> Result<[Change; 2]> {
    let seen = house.store.fact(&house.ente_id, id.as_str(), DECIDED).await?;
    let count = seen.as_deref().and_then(|body| body.parse::<u64>().ok()).unwrap_or(0) + 1;
    let require = Change::RequireFact { owner: id.0.clone(), kind: DECIDED.to_owned(), seen };
    Ok([require, super::put(id.as_str(), DECIDED, 0, &count)?])
}

/// The pages of a document that are or were scanned anew.
pub(crate) async fn rescans(house: &House, id: &DocumentId) -> Result<Vec<Rescan>> {
    facts(house, id.as_str(), rescan::FACT).await
}
