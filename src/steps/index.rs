//! What does the index keep of a document? Made at the end of `filing`, in its transaction; made anew from the facts alone.

use super::document::WRITTEN;
use super::{facts, leaves, need_document};
use crate::clock::date_of_law;
use crate::document::DocumentId;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::filing::Filing;
use crate::page::PageText;
use crate::pipeline::House;
use crate::search::{self, Running};
use crate::store::Change;

/// The change that makes a document findable by what its step has found.
pub(super) async fn put(
    house: &House,
    id: &DocumentId,
    (fields, filing): (&Fields, &Filing),
    received: jiff::civil::Date,
) -> Result<Change> {
    let findable = search::findable(text(house, id).await?, fields, filing, received);
    Ok(Change::SetFindable { document: id.clone(), findable: Box::new(findable) })
}

/// All text of a document; some of its pages are in memory at a time.
async fn text(house: &House, id: &DocumentId) -> Result<Running> {
    let (mut text, mut next) = (Running::default(), 0);
    loop {
        let more = leaves::more(house, id, next).await?;
        let Some(last) = more.last() else { break };
        next = last.page.survey.n.saturating_add(1);
        for read in &more {
            text.page(&read.text);
        }
    }
    if next == 0 {
        for written in facts::<PageText>(house, id.as_str(), WRITTEN).await? {
            text.page(&written);
        }
    }
    Ok(text)
}

/// The changes that make a document findable anew, valid only while its facts are still those read here; none of one that
/// has not been filed yet: its step will see to it.
pub(crate) async fn anew(house: &House, id: &DocumentId) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut body = async |kind: &str| -> Result<Option<String>> {
        let seen = house.store.fact(&house.ente_id, id.as_str(), kind).await?;
        changes.push(Change::RequireFact { owner: id.0.clone(), kind: kind.to_owned(), seen: seen.clone() });
        Ok(seen)
    };
    let (Some(fields), Some(filing)) = (body("fields").await?, body("filing").await?) else { return Ok(Vec::new()) };
    let fields: Fields = serde_json::from_str(&fields).map_err(|e| Error::bug("fact fields unreadable").because(e))?;
    let filing: Filing = serde_json::from_str(&filing).map_err(|e| Error::bug("fact filing unreadable").because(e))?;
    let row = need_document(house, id).await?;
    let received = date_of_law(row.document.formed_at, &house.ente.zona);
    let findable = search::findable(text(house, id).await?, &fields, &filing, received);
    changes.push(Change::SetFindable { document: id.clone(), findable: Box::new(findable) });
    Ok(changes)
}
