//! What does the index keep of a document? Made at the end of `filing`, in its transaction; made anew from the facts alone.

use super::{fact, need_document};
use crate::clock::date_of_law;
use crate::document::DocumentId;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::filing::Filing;
use crate::page::{PageSurvey, PageText, ReadPage};
use crate::pipeline::House;
use crate::search::{self, Running};
use crate::store::Change;

/// The change that makes a document findable by what its step has found.
pub(super) fn put(
    id: &DocumentId,
    texts: &[PageText],
    (fields, filing): (&Fields, &Filing),
    received: jiff::civil::Date,
) -> Change {
    let mut text = Running::default();
    for page in texts {
        text.page(page);
    }
    Change::SetFindable { document: id.clone(), findable: Box::new(search::findable(text, fields, filing, received)) }
}

/// The changes that make a document findable anew, valid only while its facts are still those read here; none of one that
/// has not been filed yet: its step will see to it. Its pages are read one at a time.
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
    let mut text = Running::default();
    let surveys: Vec<PageSurvey> = fact(house, id.as_str(), "survey").await?.unwrap_or_default();
    for survey in &surveys {
        if let Some(read) = page(house, id, survey.n).await? {
            text.page(&read.text);
        }
    }
    if surveys.is_empty() {
        for written in super::facts::<PageText>(house, id.as_str(), super::document::WRITTEN).await? {
            text.page(&written);
        }
    }
    let findable = search::findable(text, &fields, &filing, received);
    changes.push(Change::SetFindable { document: id.clone(), findable: Box::new(findable) });
    Ok(changes)
}

async fn page(house: &House, id: &DocumentId, n: u32) -> Result<Option<ReadPage>> {
    let body = house.store.fact_at(&house.ente_id, (id.as_str(), "page", n)).await?;
    let unreadable = |e| Error::bug(format_args!("fact page {n} unreadable")).because(e);
    body.map(|body| serde_json::from_str(&body).map_err(unreadable)).transpose()
}
