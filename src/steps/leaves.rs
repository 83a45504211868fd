//! How much of a document's text is in memory at once? Its first pages, by which it is weighed; the others some at a time.

use super::document::WRITTEN;
use crate::document::DocumentId;
use crate::error::{Error, Result};
use crate::page::{Page, PageText, ReadPage};
use crate::pipeline::House;

/// Pages that are looked through at a time: with their words some ten MiB.
const SOME: u32 = 100;

/// The first pages of a document, as many as it is weighed by (`limits.pages_weighed_max`).
pub(crate) struct First {
    /// Their facts; of a file whose words stand on no page there are none.
    pub(crate) pages: Vec<Page>,
    /// Their text.
    pub(crate) texts: Vec<PageText>,
    /// From which number on there may be others.
    pub(crate) next: u32,
}

/// The pages that a document is weighed by: its own, or those that its file's words would fill.
pub(crate) async fn first(house: &House, id: &DocumentId) -> Result<First> {
    let most = house.config.limits.pages_weighed_max;
    let read = some(house, id, ("page", 0, most)).await?;
    let next = read.last().map_or(u32::MAX, |read: &ReadPage| read.page.survey.n.saturating_add(1));
    let (pages, mut texts): (Vec<Page>, Vec<PageText>) = read.into_iter().map(|read| (read.page, read.text)).unzip();
    if texts.is_empty() {
        texts = some(house, id, (WRITTEN, 0, most)).await?;
    }
    Ok(First { pages, texts, next })
}

/// Some pages more, from that number on; none behind the last.
pub(crate) async fn more(house: &House, id: &DocumentId, from: u32) -> Result<Vec<ReadPage>> {
    if from == u32::MAX { Ok(Vec::new()) } else { some(house, id, ("page", from, SOME)).await }
}

async fn some<T: serde::de::DeserializeOwned>(
    house: &House,
    id: &DocumentId,
    (kind, from, most): (&str, u32, u32),
) -> Result<Vec<T>> {
    let rows = house.store.facts_from(&house.ente_id, (id.as_str(), kind, from), most).await?;
    let parsed = |(n, body): (u32, String)| {
        serde_json::from_str(&body).map_err(|e| Error::bug(format_args!("fact {kind} {n} of {id} unreadable")).because(e))
    };
    rows.into_iter().map(parsed).collect()
}
