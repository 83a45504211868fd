//! Does this document look like one that came before? The same paper scanned twice is said to a person, never dropped.

use std::sync::Arc;

use super::leaves::{self, First};
use super::sheets::Sheets;
use super::{facts, put};
use crate::document::{Document, DocumentId, DocumentState, Hold};
use crate::error::{Kind, Result};
use crate::likeness::{self, Compared, Key, Likeness, PAGES_MAX, are_alike};
use crate::messages::Message;
use crate::page::PageText;
use crate::pipeline::{House, Step};
use crate::store::{Change, DocumentRow};

/// Most documents that are compared with one: those that share most of its keys.
const COMPARED_MAX: usize = 16;

/// The fingerprints of a document's first pages that are scans and not blank. Digital pages have none: the same text sent
/// to many is no paper scanned twice.
pub(crate) fn prints(house: &Arc<House>, sheets: &Sheets, first: &First) -> Result<Vec<Likeness>> {
    let pages = first.pages.iter().zip(&first.texts);
    let scans = pages.filter(|(page, _)| !page.blank && !page.survey.source.is_digital());
    let mut prints = Vec::new();
    for (page, text) in scans.take(PAGES_MAX) {
        let mut print = Likeness::of(text);
        if print.needs_image() {
            let file = sheets.file(page.survey.n);
            print.image = match house.readers.image_print(&file.path, &file.mime, page) {
                Ok(image) => image,
                // A page that no child can look at has no fingerprint; that it cannot be read is said elsewhere.
                Err(error) if matches!(error.kind(), Kind::Hold | Kind::Refuse) => None,
                Err(error) => return Err(error),
            };
        }
        prints.push(print);
    }
    Ok(prints)
}

/// The changes that keep them, and the keys by which they are found.
pub(crate) fn kept(id: &DocumentId, prints: &[Likeness]) -> Result<Vec<Change>> {
    let mut changes = vec![Change::DropFacts { owner: id.0.clone(), kind: likeness::FACT.to_owned() }];
    for (print, n) in prints.iter().zip(1..) {
        changes.push(put(id.as_str(), likeness::FACT, n, print)?);
    }
    changes.push(Change::SetLikeness { document: id.clone(), keys: keys(prints) });
    Ok(changes)
}

fn keys(prints: &[Likeness]) -> Vec<Key> {
    prints.iter().flat_map(Likeness::keys).collect()
}

/// True if two documents may be the same papers: by their prints, and where these agree by their words too.
async fn are_same(house: &House, (id, prints): (&DocumentId, &[Likeness]), other: &DocumentId) -> Result<bool> {
    let others: Vec<Likeness> = facts(house, other.as_str(), likeness::FACT).await?;
    let bare = |prints: &[Likeness]| prints.iter().map(|print| (print.clone(), None)).collect::<Vec<Compared>>();
    if !are_alike(&bare(prints), &bare(&others)) {
        return Ok(false);
    }
    Ok(are_alike(&worded(house, id, prints).await?, &worded(house, other, &others).await?))
}

/// Prints, each with the words of the page from which it was taken.
async fn worded(house: &House, id: &DocumentId, prints: &[Likeness]) -> Result<Vec<Compared>> {
    let mut texts: Vec<PageText> = leaves::first(house, id).await?.texts;
    let of = |print: &Likeness| {
        let n = texts.iter().position(|text| !print.needs_image() && Likeness::of(text) == *print);
        (print.clone(), n.map(|n| texts.remove(n)))
    };
    Ok(prints.iter().map(of).collect())
}

/// The doubt about a document that looks like an earlier one. Of two that are read at the same time the earlier says nothing
/// where the later is sure to look after this: its step of filing is to come and nobody has taken it. Where that is not
/// sure, both may say it; that neither does cannot be, for each looks after its own prints are written.
pub(crate) async fn doubt(house: &House, document: &Document) -> Result<Option<Hold>> {
    let prints: Vec<Likeness> = facts(house, document.id.as_str(), likeness::FACT).await?;
    let mut earliest: Option<DocumentRow> = None;
    for id in house.store.sharing(&house.ente_id, &keys(&prints), COMPARED_MAX).await? {
        let Some(row) = house.store.document(&house.ente_id, &id).await?.filter(|row| row.document.arrival != document.arrival)
        else {
            continue;
        };
        let age = |document: &Document| (document.formed_at, document.id.clone());
        let is_later = row.document.state == DocumentState::Working && age(&row.document) > age(document);
        let will_say = is_later && house.store.is_to_come(&house.ente_id, Step::Filing.name(), id.as_str()).await?;
        if will_say || !are_same(house, (&document.id, &prints), &id).await? {
            continue;
        }
        if earliest.as_ref().is_none_or(|found| age(&row.document) < age(&found.document)) {
            earliest = Some(row);
        }
    }
    let age = |document: &Document| (document.formed_at, document.id.clone());
    Ok(earliest.map(|row| {
        // Should both say it, they say the same of the same one: else a person who does as he is told refuses both.
        let code = if age(&row.document) > age(document) { "looks-like-later" } else { "looks-like" };
        let (id, name, when) = (&row.document.id, row.document.name.shown(), row.document.formed_at);
        Hold::new(Message::new(code).with("id", id).with("name", name).with("when", when))
    }))
}
