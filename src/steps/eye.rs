//! What does another look say? Places of a document read again in other manners, each place and manner once.

use serde::{Deserialize, Serialize};

use super::sheets::Sheets;
use crate::child::{Again, Manner, Reread};
use crate::error::Result;
use crate::extract;
use crate::fields::{Fields, SecondReading};
use crate::page::{Page, PageText, Region};
use crate::pipeline::House;

/// Fact kind of what was read again.
pub(super) const FACT: &str = "again";

/// One place, read again in one manner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    manner: Manner,
    region: Region,
    read: Reread,
}

impl Kept {
    fn is(&self, manner: Manner, region: &Region) -> bool {
        self.manner == manner && self.region == *region
    }
}

/// Looks again at places of one document.
pub(super) struct Eye<'a> {
    pub(super) house: &'a House,
    pub(super) sheets: &'a Sheets,
    pub(super) pages: &'a [Page],
    /// Their text, which says who read it first.
    pub(super) texts: &'a [PageText],
    /// What it has seen already.
    pub(super) kept: Vec<Kept>,
}

impl Eye<'_> {
    /// Stamps that the reading of the page missed, each place read alone in every manner.
    pub(super) fn stamps(&mut self, regions: &[Region]) -> Result<Vec<extract::StampReread>> {
        let mut stamps = Vec::new();
        for region in regions {
            for manner in [Manner::Unframed, Manner::Gray, Manner::Sauvola] {
                let read = self.again(manner, &[("protocollo", region.clone())])?;
                stamps.extend(read.into_iter().map(|read| extract::StampReread { region: region.clone(), read }));
            }
        }
        Ok(stamps)
    }

    /// Reads every region again whose value has no check of its own; where a manner of reading says nothing of it, in the next.
    pub(super) fn second_readings(&mut self, fields: &mut Fields) -> Result<()> {
        let mut open: Vec<_> = extract::regions(fields).into_iter().map(|r| (r.field, r.region)).collect();
        for manner in Manner::ALL {
            let rereads = self.again(manner, &open)?;
            let still = extract::confirm(fields, &rereads, self.house.ente.soglie.lettura);
            open.retain(|(field, _)| still.contains(field));
        }
        self.settle_registration(fields)
    }

    /// Where the first two readings of the registration do not agree, all manners are heard.
    fn settle_registration(&mut self, fields: &mut Fields) -> Result<()> {
        let threshold = self.house.ente.soglie.lettura;
        let is_settled = |second: &SecondReading| second.agrees && second.confidence >= threshold;
        if fields.protocollo.as_ref().and_then(|p| p.second.as_ref()).is_some_and(is_settled) {
            return Ok(());
        }
        let Some(place) = extract::regions(fields).into_iter().find(|r| r.field == "protocollo") else { return Ok(()) };
        let mut rereads = Vec::new();
        for manner in Manner::ALL {
            rereads.extend(self.again(manner, &[("protocollo", place.region.clone())])?);
        }
        extract::vote(fields, &rereads, threshold);
        Ok(())
    }

    /// What one manner of reading finds in the regions, page by page. A region that cannot be read again is not confirmed.
    fn again(&mut self, manner: Manner, wanted: &[(&str, Region)]) -> Result<Vec<extract::FieldReread>> {
        let mut rereads = Vec::new();
        for page in self.pages.iter().filter(|page| !page.survey.source.is_digital()) {
            let here: Vec<&(&str, Region)> = wanted.iter().filter(|(_, region)| region.page == page.survey.n).collect();
            self.look(page, manner, &here)?;
            for (field, region) in here {
                let Some(kept) = self.kept.iter().find(|kept| kept.is(manner, region)) else { continue };
                rereads.push(extract::FieldReread {
                    field: (*field).to_owned(),
                    raw: kept.read.raw.clone(),
                    words: kept.read.words.clone(),
                    confidence: kept.read.confidence,
                    origin: kept.read.origin.clone(),
                });
            }
        }
        Ok(rereads)
    }

    /// Reads those of the places of one page that were not read in this manner before.
    fn look(&mut self, page: &Page, manner: Manner, here: &[&(&str, Region)]) -> Result<()> {
        let is_new = |region: &Region| !self.kept.iter().any(|kept| kept.is(manner, region));
        let new: Vec<Region> = here.iter().map(|(_, region)| region.clone()).filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let text = self.texts.iter().find(|text| text.n == page.survey.n);
        let first = text.map(|text| text.origin.clone()).unwrap_or_default();
        let asked = Again { manner, first, rects: new.iter().map(|region| region.rect).collect() };
        let file = self.sheets.file(page.survey.n);
        match self.house.readers.reread(&file.path, &file.mime, page, &asked) {
            Ok(read) => self.kept.extend(new.into_iter().zip(read).map(|(region, read)| Kept { manner, region, read })),
            Err(error) => _ = super::document::doubt_of(error)?,
        }
        Ok(())
    }
}
