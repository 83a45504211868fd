//! The step `form`: each component is fixed, once, and its copies are made (rules F-04 to F-06).

use std::fs::File;
use std::sync::Arc;

use super::document::doubt_of;
use super::{blocking, facts, need_document, need_fact, principal, put, put_doubts};
use crate::blobs::StoredBlob;
use crate::copy;
use crate::digest::Digest;
use crate::document::{Component, Copy, Document, DocumentId, Hold};
use crate::error::{Error, Result};
use crate::messages::Message;
use crate::page::ReadPage;
use crate::pipeline::{AGENT, House, Outcome, Step};
use crate::store::Change;

/// Fixes the components as they arrived and makes the searchable copy and the ALTO text of what was read.
pub(crate) async fn form(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let row = need_document(house, id).await?;
    let mut components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    let pages: Vec<ReadPage> = facts(house, id.as_str(), "page").await?;
    let read = pages.len() as u32;
    let source = principal(&components)?.clone();
    for component in components.iter_mut().filter(|c| c.sha256 == source.sha256) {
        component.pages = read;
    }
    let worker = Arc::clone(house);
    let made = blocking(move || copies(&worker, &row.document, &source, pages)).await?;
    let mut changes: Vec<Change> = made.copies.iter().map(|c| Change::AddBlob { sha256: c.sha256, bytes: c.bytes }).collect();
    changes.push(put(id.as_str(), "components", 0, &components)?);
    changes.push(put(id.as_str(), "copies", 0, &made.copies)?);
    changes.push(put_doubts(id.as_str(), Step::Form, &made.doubts)?);
    let mut outcome = Outcome::then(changes, Step::Fields, id.as_str());
    for copy in &made.copies {
        outcome = outcome.noting(&copy.kind, copy.sha256);
    }
    Ok(outcome)
}

/// The copies of a component, and what stood in their way.
#[derive(Default)]
struct Made {
    copies: Vec<Copy>,
    doubts: Vec<Hold>,
}

fn copies(house: &House, document: &Document, source: &Component, pages: Vec<ReadPage>) -> Result<Made> {
    let mut made = Made::default();
    if pages.is_empty() {
        return Ok(made);
    }
    let alto = copy::alto(&pages, &document.id.0, AGENT);
    let stored = house.blobs.put(&house.ente_id, &mut alto.as_bytes(), house.config.limits.file_bytes_max, None)?;
    made.copies.push(copy_of(source, "alto", AGENT.to_owned(), &stored));
    if !copy::wants_copy(&pages) {
        return Ok(made);
    }
    match searchable(house, document, source, pages) {
        Ok(copy) => made.copies.push(copy),
        Err(error) => {
            let why = doubt_of(error)?.message.sentence(crate::messages::Lang::It);
            made.doubts.push(Hold::new(Message::new("copy-failed").with("why", why)));
        }
    }
    Ok(made)
}

/// Has a child make the PDF/A copy in scratch, and keeps it as a blob. Dates and /ID come from the document (invariant 4).
fn searchable(house: &House, document: &Document, source: &Component, pages: Vec<ReadPage>) -> Result<Copy> {
    let scratch = house.scratch.folder()?;
    let level = house.config.copy.level.as_str();
    let mut id = [0_u8; 16];
    id.copy_from_slice(&Digest::of(document.id.0.as_bytes()).bytes()[..16]);
    let order = copy::CopyOrder {
        input: house.blobs.path(&house.ente_id, &source.sha256),
        mime: source.format.mime.clone(),
        pages,
        level: copy::PdfaLevel::parse(level).ok_or_else(|| Error::bug("level of PDF/A"))?,
        title: document.id.0.clone(),
        instant: document.formed_at,
        id,
        output: scratch.file("copy.pdf"),
        lang: "it".to_owned(),
    };
    house.readers.searchable(&order)?;
    let mut file = File::open(&order.output).map_err(|e| Error::disk("open copy", &order.output, e))?;
    let stored = house.blobs.put(&house.ente_id, &mut file, house.config.limits.file_bytes_max, None)?;
    Ok(copy_of(source, "pdfa", format!("{AGENT}, PDF/A-{level}"), &stored))
}

fn copy_of(source: &Component, kind: &str, origin: String, stored: &StoredBlob) -> Copy {
    Copy { kind: kind.to_owned(), sha256: stored.sha256, bytes: stored.bytes, of: source.sha256, origin }
}
