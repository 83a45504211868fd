//! `review`: what waits for a person, and what the person decides. Every decision is journalled with keyed digests only.

use std::collections::BTreeMap;

use super::show::{Found, fact_or_default, find};
use crate::arrival::ArrivalState;
use crate::decision::{self, Decision, Settled};
use crate::document::{DocumentState, Hold};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::messages::Message;
use crate::pipeline::{self, House, Step};
use crate::steps::{self, overlay};
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

/// Everything that waits: held documents and duplicates, oldest first.
pub async fn queue(house: &House) -> Result<Vec<DocumentRow>> {
    let mut rows = house.store.documents(&house.ente_id, Some(DocumentState::Held)).await?;
    rows.extend(house.store.documents(&house.ente_id, Some(DocumentState::Duplicate)).await?);
    rows.sort_by(|a, b| (a.document.formed_at, &a.document.id).cmp(&(b.document.formed_at, &b.document.id)));
    Ok(rows)
}

/// Stores the decision with its journal line and the next job, in one transaction. The porters do the rest.
pub async fn decide(house: &House, id: &str, request: &Request) -> Result<DocumentRow> {
    let Found::Document(row) = find(house, id).await? else {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    };
    for (field, value) in &request.set {
        overlay::check(field, value, house.titolario)?;
    }
    let mut changes = consequences(house, &row, request).await?;
    changes.extend(forgone(house, &row, request).await?);
    changes.push(record(house, &row, request).await?);
    changes.push(journal(house, &row, request).await?);
    house.store.apply(&house.ente_id, None, &changes).await?;
    Ok(*row)
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
            Ok(match (is_surveyed, request.retry) {
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
    let id = row.document.id.as_str();
    let before = steps::facts::<Decision>(house, id, decision::FACT).await?.len() as u32;
    let is_settling = request.approve || request.release;
    let decision = Decision {
        operator: request.operator.clone(),
        at: house.clock.now(),
        set: request.set.clone(),
        settled: if is_settling { row.holds.iter().map(Settled::of).collect() } else { Vec::new() },
        note: request.note.clone(),
    };
    steps::put(id, decision::FACT, before + 1, &decision)
}

/// The journal line: what was decided by whom, values as keyed digests of old and new (invariant 6).
async fn journal(house: &House, row: &DocumentRow, request: &Request) -> Result<Change> {
    let mut detail = BTreeMap::new();
    let shown: serde_json::Value = fact_or_default(house, row.document.id.as_str(), "fields").await?;
    for (field, value) in &request.set {
        let old = shown.get(field).map(ToString::to_string).unwrap_or_default();
        detail.insert(format!("{field}.old"), house.store.keyed(&house.ente_id, &old).await?);
        detail.insert(format!("{field}.new"), house.store.keyed(&house.ente_id, value).await?);
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
