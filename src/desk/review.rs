//! `review`: what waits for a person, and what the person decides. Every decision is journalled with keyed digests only.

use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::Date;

use super::rescan::By;
use super::show::{Found, fact_or_default, find};
use crate::aggregation::AggregationId;
use crate::arrival::ArrivalState;
use crate::batch::{self, Record};
use crate::decision::{self, Decision, Settled};
use crate::document::{DocumentId, DocumentState, Hold};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::fields::Fields;
use crate::filing::Filing;
use crate::messages::Message;
use crate::pipeline::{self, House, Step};
use crate::steps::{self, overlay, tables};
use crate::store::{Change, DocumentRow};

/// What a person asks for one document. Nothing asked is a mistake.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one wish of the person each; they combine")]
pub struct Request {
    /// Values to set, by field name.
    pub set: BTreeMap<String, String>,
    /// The doubts shown are settled as they stand.
    pub approve: bool,
    /// Take the failed step again.
    pub retry: bool,
    /// A duplicate is a document of its own; a held file goes on.
    pub release: bool,
    /// It is not taken at all.
    pub refuse: bool,
    /// Free words.
    pub note: Option<String>,
    /// Who decides.
    pub operator: String,
}

/// A document that waits, with how long it has waited and until when the law gives time.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The document.
    pub row: DocumentRow,
    /// Whole days since it came in.
    pub days: i64,
    /// Day by which its procedure must end, where its tipo gives a term.
    pub deadline: Option<Date>,
}

/// Everything that waits: held documents and duplicates, the nearest deadline first, then the oldest.
pub async fn queue(house: &House) -> Result<Vec<Waiting>> {
    let mut rows = house.store.documents(&house.ente_id, Some(DocumentState::Held)).await?;
    rows.extend(house.store.documents(&house.ente_id, Some(DocumentState::Duplicate)).await?);
    let now = house.clock.now();
    let mut waiting = Vec::with_capacity(rows.len());
    for row in rows {
        let deadline = deadline(house, &row).await?;
        // A clock that was set back makes nothing wait a negative time.
        let days = (now.as_second() - row.document.formed_at.as_second()).max(0) / 86_400;
        waiting.push(Waiting { row, days, deadline });
    }
    waiting.sort_by_cached_key(|w| (w.deadline.is_none(), w.deadline, w.row.document.formed_at, w.row.document.id.clone()));
    Ok(waiting)
}

/// The term runs from the registration, else from the arrival.
async fn deadline(house: &House, row: &DocumentRow) -> Result<Option<Date>> {
    let filing: Option<Filing> = fact_or_default(house, row.document.id.as_str(), "filing").await?;
    let Some(filing) = filing else { return Ok(None) };
    let fields: Fields = fact_or_default(house, row.document.id.as_str(), "fields").await?;
    let from = tables::day(house, row, &fields);
    let termine = tables::tables(house).await?.termine(from, (&filing.tipo.value, &filing.voce.value));
    let Some(days) = termine else { return Ok(None) };
    Ok(from.checked_add(Span::new().days(i64::from(days))).ok())
}

/// Stores the decision with its journal line and the next job, in one transaction. The porters do the rest.
pub async fn decide(house: &House, id: &str, request: &Request) -> Result<DocumentRow> {
    let Found::Document(row) = find(house, id).await? else {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    };
    check(house, &row, request).await?;
    let mut changes = consequences(house, &row, request).await?;
    changes.extend(forgone(house, &row, request).await?);
    changes.push(record(house, &row, request).await?);
    changes.push(journal(house, &row, request).await?);
    house.store.apply(&house.ente_id, None, &changes).await?;
    Ok(*row)
}

/// Every value can be one of its field; a fascicolo that is named like one of ours is one.
async fn check(house: &House, row: &DocumentRow, request: &Request) -> Result<()> {
    let fields: Fields = fact_or_default(house, row.document.id.as_str(), "fields").await?;
    let tables = tables::tables(house).await?;
    let titolario = tables.titolario(tables::day(house, row, &fields));
    for (field, value) in &request.set {
        overlay::check(field, value, titolario)?;
    }
    let Some(named) = request.set.get("fascicolo").filter(|value| AggregationId::is_of_fascicolo(value)) else { return Ok(()) };
    match house.store.aggregation(&house.ente_id, &AggregationId(named.clone())).await? {
        None => Err(Error::new(Kind::Usage, "id-unknown").with("id", named)),
        Some(row) => row
            .aggregation
            .data_chiusura
            .map_or(Ok(()), |date| Err(Error::new(Kind::Usage, "fascicolo-closed").with("fascicolo", named).with("date", date))),
    }
}

/// Nothing, if `request` can be decided about that document as it stands; else why not.
pub(super) async fn ensure(house: &House, row: &DocumentRow, request: &Request) -> Result<()> {
    check(house, row, request).await?;
    consequences(house, row, request).await.map(drop)
}

/// What follows from the decision in the state that the document is in.
async fn consequences(house: &House, row: &DocumentRow, request: &Request) -> Result<Vec<Change>> {
    let document = &row.document;
    let wrong = || {
        let error = Error::new(Kind::Usage, "state-wrong");
        Err(error.with("id", &document.id).with("state", document.state.as_str()))
    };
    let working = Change::SetDocument { id: document.id.clone(), state: DocumentState::Working };
    let from_arrival = [
        Change::SetArrival { id: document.arrival.clone(), state: ArrivalState::Working, reason: None },
        pipeline::job(Step::Identify, document.arrival.0.clone()),
    ];
    match document.state {
        DocumentState::Held | DocumentState::Duplicate if request.refuse => {
            let holds = vec![Hold::new(Message::new("refused-by-person").with("operator", &request.operator))];
            Ok(vec![
                Change::SetDocument { id: document.id.clone(), state: DocumentState::Refused },
                Change::SetHolds { document: document.id.clone(), holds },
            ])
        }
        DocumentState::Duplicate if request.release => {
            Ok([vec![working, Change::SetHolds { document: document.id.clone(), holds: Vec::new() }], from_arrival.to_vec()]
                .concat())
        }
        DocumentState::Held if request.approve || request.retry || request.release || !request.set.is_empty() => {
            let is_surveyed = house.store.fact(&house.ente_id, document.id.as_str(), "survey").await?.is_some();
            let batch: Option<Record> = steps::fact(house, document.id.as_str(), batch::FACT).await?;
            if batch.is_some_and(|record| record.settled == batch::Settled::Held) {
                // Nothing was read of it yet: it is looked at again, and divided where that is what was approved.
                return Ok(vec![working, pipeline::job(Step::Pages, document.id.0.clone())]);
            }
            // The arrival makes its first document only: a part of a divided one has its own files already.
            let is_part = document.position > 1;
            Ok(match (is_surveyed, request.retry) {
                (false, _) if is_part => vec![working, pipeline::job(Step::Pages, document.id.0.clone())],
                (false, _) => [vec![working], from_arrival.to_vec()].concat(),
                (true, true) => vec![working, pipeline::job(Step::Pages, document.id.0.clone())],
                (true, false) => vec![working, pipeline::job(Step::Fields, document.id.0.clone())],
            })
        }
        DocumentState::Ready if !request.set.is_empty() && row.pdv.is_none() => {
            Ok(vec![working, pipeline::job(Step::Fields, document.id.0.clone())])
        }
        _ => wrong(),
    }
}

/// Whoever approves does without the new sheets that are waited for.
async fn forgone(house: &House, row: &DocumentRow, request: &Request) -> Result<Vec<Change>> {
    let rescans = if request.approve { steps::sheets::rescans(house, &row.document.id).await? } else { Vec::new() };
    let waited_for = rescans.into_iter().filter(|rescan| rescan.expected.is_some());
    waited_for
        .map(|mut rescan| {
            rescan.expected = None;
            steps::put(row.document.id.as_str(), crate::rescan::FACT, rescan.page, &rescan)
        })
        .collect()
}

/// The decision as a fact of the document.
async fn record(house: &House, row: &DocumentRow, request: &Request) -> Result<Change> {
    let is_settling = request.approve || request.release;
    let settled = if is_settling { row.holds.iter().map(Settled::of).collect() } else { Vec::new() };
    let by = By { operator: request.operator.clone(), note: request.note.clone() };
    noted(house, &row.document.id, (request.set.clone(), settled), &by).await
}

/// A decision as the next fact of its kind.
pub(super) async fn noted(
    house: &House,
    id: &DocumentId,
    (set, settled): (BTreeMap<String, String>, Vec<Settled>),
    by: &By,
) -> Result<Change> {
    let before = steps::facts::<Decision>(house, id.as_str(), decision::FACT).await?.len() as u32;
    let decision = Decision { operator: by.operator.clone(), at: house.clock.now(), set, settled, note: by.note.clone() };
    steps::put(id.as_str(), decision::FACT, before + 1, &decision)
}

/// Field, value of today and value to be, of everything that is set.
pub(super) async fn journal_values(house: &House, row: &DocumentRow, request: &Request) -> Result<Vec<(String, String, String)>> {
    let id = row.document.id.as_str();
    let fields: serde_json::Value = fact_or_default(house, id, "fields").await?;
    let filing: serde_json::Value = fact_or_default(house, id, "filing").await?;
    let old = |field: &str| {
        if field == "fascicolo" {
            return row.aggregazione.as_ref().map(ToString::to_string).unwrap_or_default();
        }
        let reading = fields.get(field).or_else(|| filing.get(field));
        let value = reading.map(|reading| reading.get("value").unwrap_or(reading));
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
    };
    Ok(request.set.iter().map(|(field, value)| (field.clone(), old(field), value.clone())).collect())
}

/// The journal line: what was decided by whom, values as keyed digests of old and new (invariant 6).
async fn journal(house: &House, row: &DocumentRow, request: &Request) -> Result<Change> {
    let mut detail = BTreeMap::new();
    for (field, old, new) in journal_values(house, row, request).await? {
        detail.insert(format!("{field}.old"), house.store.keyed(&house.ente_id, &old).await?);
        detail.insert(format!("{field}.new"), house.store.keyed(&house.ente_id, &new).await?);
    }
    let asked = [
        (request.approve, "approve"),
        (request.retry, "retry"),
        (request.release, "release"),
        (request.refuse, "refuse"),
        (!request.set.is_empty(), "set"),
    ];
    let words: Vec<&str> = asked.iter().filter(|(is_asked, _)| *is_asked).map(|(_, word)| *word).collect();
    detail.insert("decision".to_owned(), words.join(" "));
    Ok(Change::Journal(Event {
        at: house.clock.now(),
        kind: "decided".to_owned(),
        subject: row.document.id.0.clone(),
        outcome: "success".to_owned(),
        agent: format!("operator {}", request.operator),
        detail,
    }))
}
