//! `review ID --split PAGES`: one arrival holds several documents. Each part becomes a document of its own; the whole ends, and says
//! which. Its bytes stay as they came (invariant 7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::rescan::{By, page_of};
use crate::batch::{self, Found, Piece, Record, Settled};
use crate::document::{Component, DocumentId};
use crate::error::{Error, Kind, Result};
use crate::messages::Message;
use crate::page::PageSurvey;
use crate::part;
use crate::pipeline::House;
use crate::stack::{self, PagePlace};
use crate::steps::division::{self, PARTS_MAX};
use crate::steps::{self, sheets};

/// Where a person divides a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Pages with which a new document begins.
    pub starts: Vec<u32>,
    /// Pages that are separator sheets, and of no document; those that were found are known.
    pub separators: Vec<u32>,
}

/// Divides a document: a new one begins with each page of `starts`. The files of the parts are blobs before, in one transaction with
/// both journal lines, the new documents and their jobs, the whole comes to rest. What was said of the whole from outside (sidecar,
/// registration) goes with the first part, as do its attachments; what a separator says, with the part that follows it.
pub async fn split(house: &Arc<House>, id: &str, split: &Split, by: &By) -> Result<Vec<DocumentId>> {
    let (row, _, fence) = page_of(house, id, 1).await?;
    let whole = &row.document;
    let wrong = |code: &'static str| Error::new(Kind::Usage, code).with("id", &whole.id);
    let surveys: Vec<PageSurvey> = steps::need_fact(house, whole.id.as_str(), "survey").await?;
    let pages = surveys.len() as u32;
    let record: Option<Record> = steps::fact(house, whole.id.as_str(), batch::FACT).await?;
    let mut found = record.as_ref().map(|record| record.separators.clone()).unwrap_or_default();
    let named = split.separators.iter().filter(|page| found.iter().all(|found| !found.pages.contains(page)));
    found.extend(named.map(|page| Found { page: *page, pages: vec![*page], code: None, said: None }).collect::<Vec<_>>());
    found.sort_by_key(|found| found.page);
    let is_inside = found.iter().all(|found| (1..=pages).contains(&found.page));
    let pieces = pieces(&split.starts, pages, &found).filter(|pieces| is_inside && pieces.len() <= PARTS_MAX);
    let pieces = pieces.ok_or_else(|| wrong("split-wrong").with("pages", pages).with("max", PARTS_MAX))?;
    if !sheets::rescans(house, &whole.id).await?.is_empty() {
        return Err(wrong("split-rescanned"));
    }
    let components: Vec<Component> = steps::need_fact(house, whole.id.as_str(), "components").await?;
    let places: Option<Vec<PagePlace>> = steps::fact(house, whole.id.as_str(), stack::ORDER).await?;
    let person = division::By {
        agent: format!("operator {}", by.operator),
        kind: "decided",
        ended: Message::new("split-into").with("operator", &by.operator),
    };
    let divided = division::divide(house, (whole, &components), (&pieces, &places.unwrap_or_default()), &person).await?;
    let ids: Vec<DocumentId> = divided.parts.iter().map(|part| part.document.clone()).collect();
    let mut changes = fence.to_vec();
    if let Some(mut record) = record {
        record.settled = Settled::Divided;
        record.separators = found;
        record.parts = divided.parts;
        changes.push(steps::put(whole.id.as_str(), batch::FACT, 0, &record)?);
    }
    changes.extend(divided.changes);
    changes.push(super::review::noted(house, &whole.id, (BTreeMap::new(), Vec::new()), by).await?);
    house.store.apply(&house.ente_id, None, &changes).await?;
    crate::drill::point("desk.split");
    Ok(ids)
}

/// The parts that begin with `starts`, without the separators at their ends; none where these do not divide the document.
fn pieces(starts: &[u32], pages: u32, found: &[Found]) -> Option<Vec<Piece>> {
    let apart: BTreeSet<u32> = batch::set_apart(found);
    let trimmed = |(first, last): (u32, u32)| {
        let inside = || (first..=last).filter(|page| !apart.contains(page));
        let (begin, end) = (inside().min()?, inside().max()?);
        // The separator right before it, with nothing but its own sheet between.
        let before = found.iter().rev().find(|found| found.page < begin);
        let before = before.filter(|found| (found.page + 1..begin).all(|page| apart.contains(&page)));
        let said = before.and_then(|found| Some((found.page, found.said.clone()?)));
        Some(Piece { first: begin, last: end, said })
    };
    let parts: Vec<Piece> = part::ranges(starts, pages)?.into_iter().filter_map(trimmed).collect();
    (!parts.is_empty()).then_some(parts)
}

/// `3,5` as it was typed: pages.
pub fn starts(typed: &str) -> Result<Vec<u32>> {
    let wrong = || Error::new(Kind::Usage, "usage-wrong").with("what", format_args!("--split {typed} (3,5)"));
    typed.split(',').map(|page| page.trim().parse().map_err(|_| wrong())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::separator::Separator;

    #[test]
    fn pages_are_typed_with_commas_between_them() {
        assert_eq!(starts("3, 5").unwrap(), [3, 5]);
        for typed in ["", "3,", "x", "-1", "2;3"] {
            assert_eq!(starts(typed).unwrap_err().exit_code(), 2, "{typed}");
        }
    }

    #[test]
    fn separators_are_of_no_part_and_speak_of_the_one_behind_them() {
        let said = |voce: &str| Some(Separator { voce: Some(voce.into()), ..Separator::default() });
        let found = |page, pages: &[u32], said| Found { page, pages: pages.to_vec(), code: None, said };
        let all = [found(1, &[1], said("VI.3")), found(4, &[4, 5], said("I.6")), found(8, &[8], None)];
        let parts = pieces(&[4, 8], 9, &all).expect("parts");
        let told: Vec<_> = parts
            .iter()
            .map(|part| (part.first, part.last, part.said.as_ref().and_then(|(_, said)| said.voce.as_deref())))
            .collect();
        assert_eq!(told, [(2, 3, Some("VI.3")), (6, 7, Some("I.6")), (9, 9, None)]);
        let later: Vec<_> = pieces(&[7], 9, &all).expect("parts").iter().map(|part| (part.first, part.last)).collect();
        assert_eq!(later, [(2, 6), (7, 9)], "a separator within a part stays where the person left it");
        assert_eq!(pieces(&[2], 2, &[found(1, &[1], None), found(2, &[2], None)]), None, "no part is made of separators alone");
        assert_eq!(pieces(&[3], 4, &[]).expect("parts").len(), 2);
    }
}
