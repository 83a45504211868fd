//! `search`: which documents say so, and where? And the index made anew, in bounded memory and from where it was left.

use std::collections::BTreeMap;

use serde::Serialize;

use super::show::fact_or_default;
use super::table::{Row, rows};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::fields::Fields;
use crate::messages::Lang;
use crate::pipeline::{AGENT, House};
use crate::search::{self, Snippet};
use crate::steps;
use crate::store::Change;

/// Most documents that one answer counts; more are said to be more.
pub const COUNTED_MAX: usize = 1_000;
/// Documents made findable anew in one transaction.
const BATCH: usize = 32;
/// How often a batch is tried again whose facts have changed meanwhile.
const BATCH_ATTEMPTS_MAX: u32 = 10;

/// What a person asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The words.
    pub words: String,
    /// How many documents are skipped.
    pub skip: usize,
    /// How many are shown.
    pub limit: usize,
    /// Who asks.
    pub operator: String,
}

/// What is found.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The documents asked for, newest first.
    pub lines: Vec<Line>,
    /// How many there are, at most [`COUNTED_MAX`]; in an archive of many documents as many of them as were counted soon.
    pub count: usize,
    /// True if there are more than that, or may be.
    pub is_more: bool,
    /// False while the index is not whole: documents may be missing.
    pub is_whole: bool,
}

/// One document found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Its line, as in a list.
    #[serde(flatten)]
    pub row: Row,
    /// Its subject; none where it is withheld.
    pub oggetto: Option<String>,
    /// True if it is reserved.
    pub riservato: bool,
    /// The words around what was asked; none where they are withheld, or stand on no page.
    pub snippet: Option<Snippet>,
}

/// Answers a question. Of reserved documents only those with the right see words, names and subjects (rule N-14).
pub async fn search(house: &House, question: &Question, lang: Lang) -> Result<Answer> {
    let has_right = house.config.search.reserved_to.contains(&question.operator);
    let wanted = search::wanted(&question.words, has_right)?;
    let shown = question.skip.saturating_add(question.limit).min(COUNTED_MAX);
    let asked = (shown, COUNTED_MAX + 1);
    let (mut found, is_cut) = house.store.found_soon(&house.ente_id, &wanted.expression, asked).await?;
    let is_more = is_cut || found.len() > COUNTED_MAX;
    found.truncate(COUNTED_MAX);
    let mut lines = Vec::new();
    for id in found.iter().skip(question.skip).take(question.limit) {
        let Some(document) = house.store.document(&house.ente_id, id).await? else { continue };
        let Some(shown) = house.store.shown(&house.ente_id, id).await? else { continue };
        let is_shown = has_right || !shown.riservato;
        let Some(mut row) = rows(house, std::slice::from_ref(&document), lang).await?.pop() else { continue };
        let fields: Fields = fact_or_default(house, id.as_str(), "fields").await?;
        if !is_shown {
            // The name of a file and the reason of a hold may say as much as the text.
            "—".clone_into(&mut row.name);
            row.why.clear();
        }
        lines.push(Line {
            row,
            oggetto: fields.oggetto.filter(|_| is_shown).map(|oggetto| oggetto.value),
            riservato: shown.riservato,
            snippet: if is_shown { search::snippet(&shown.plain, &wanted) } else { None },
        });
    }
    let is_whole = house.store.reindexing(&house.ente_id).await?.is_none();
    Ok(Answer { lines, count: found.len(), is_more, is_whole })
}

/// Makes the index anew out of the facts, or goes on where an earlier run was stopped. Each batch is a transaction with the place
/// that it reached; documents are found while it runs as they were before. Returns how many this run has passed.
pub async fn reindex(house: &House) -> Result<u64> {
    let earlier = house.store.reindexing(&house.ente_id).await?;
    if earlier.is_none() {
        house.store.apply(&house.ente_id, None, &[Change::SetReindexing { reached: Some(0) }]).await?;
    }
    let mut reached = earlier.unwrap_or(0);
    let mut passed = 0;
    loop {
        if house.meter.is_stopping() {
            return Err(Error::new(Kind::Stopped, "stopped"));
        }
        let batch = house.store.documents_behind(&house.ente_id, reached, BATCH).await?;
        let Some((last, _)) = batch.last() else { break };
        let mut attempts = 0;
        while let Err(error) = put(house, &batch, *last).await {
            attempts += 1;
            if error.code() != "facts-changed" || attempts == BATCH_ATTEMPTS_MAX {
                return Err(error);
            }
        }
        crate::drill::point("search.reindexed");
        reached = *last;
        passed += batch.len() as u64;
    }
    house.store.apply(&house.ente_id, None, &[Change::SetReindexing { reached: None }, journal(house, reached)]).await?;
    Ok(passed)
}

async fn put(house: &House, batch: &[(i64, crate::document::DocumentId)], last: i64) -> Result<()> {
    let mut changes = Vec::new();
    for (_, id) in batch {
        changes.extend(steps::index::anew(house, id).await?);
    }
    changes.push(Change::SetReindexing { reached: Some(last) });
    house.store.apply(&house.ente_id, None, &changes).await
}

fn journal(house: &House, reached: i64) -> Change {
    Change::Journal(Event {
        at: house.clock.now(),
        kind: "reindexed".to_owned(),
        subject: house.ente_id.0.clone(),
        outcome: "success".to_owned(),
        agent: AGENT.to_owned(),
        detail: BTreeMap::from([("reached".to_owned(), reached.to_string())]),
    })
}
