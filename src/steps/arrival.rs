//! The steps of an arrival: what are these bytes, and which documents do they hold?

use std::fs::File;
use std::sync::Arc;

use super::{blocking, decisions, need_fact, put, rescan, stack};
use crate::arrival::{Arrival, ArrivalId, ArrivalState};
use crate::document::{Component, Document, DocumentState, Format, Hold};
use crate::error::{Error, Kind, Result};
use crate::pipeline::{House, Outcome, Step};
use crate::store::Change;
use crate::{identify, open};

/// What are these bytes? Puts the format of the arrival, or of each file of a folder; where the gate says no, its document
/// rests with the reason.
pub(crate) async fn identify(house: &Arc<House>, id: &ArrivalId) -> Result<Outcome> {
    let arrival = need_arrival(house, id).await?;
    let stack = stack::stack_of(house, id.as_str()).await?;
    let (formats, objection) = match &stack {
        Some(stack) => stack::look(house, &arrival, stack.clone()).await?,
        None => look(house, &arrival).await.map(|(format, objection)| (format.into_iter().collect(), objection))?,
    };
    let mut changes = vec![Change::DropFacts { owner: id.0.clone(), kind: "format".to_owned() }];
    for (format, n) in formats.iter().zip(0..) {
        changes.push(put(id.as_str(), "format", n, format)?);
    }
    let noted = |outcome: Outcome| match formats.first().and_then(|f| f.puid.as_deref()) {
        Some(puid) => outcome.noting("puid", puid),
        None => outcome,
    };
    let Some(objection) = objection else {
        return Ok(noted(Outcome::then(changes, Step::Open, id.as_str())));
    };
    if let Some(place) = rescan::place_of(house, id).await? {
        let mut outcome = rescan::not_taken(house, &arrival, &objection, &place).await?;
        outcome.changes.extend(changes);
        return Ok(noted(outcome));
    }
    let hold = Hold::new(objection.message().clone());
    let document = Document::of_arrival(&arrival, 1);
    if objection.kind() == Kind::Hold && decisions(house, &document.id).await?.settles(&hold) {
        return Ok(noted(Outcome::then(changes, Step::Open, id.as_str()).noting("approved", objection.code())));
    }
    let components = match &stack {
        Some(stack) if stack.files.len() == formats.len() => stack.components(&formats),
        Some(_) => Vec::new(),
        None => formats.iter().map(|format| Component::as_arrived(&arrival, format)).collect(),
    };
    changes.extend(rest_with(&arrival, &objection, document, &components)?);
    let outcome = Outcome { verdict: Some(word(&objection)), ..Outcome::rest(changes) };
    Ok(noted(outcome.noting("code", objection.code())))
}

/// The format, and the objection of the gate if it has one. Trouble with the disk is an error of its own.
async fn look(house: &Arc<House>, arrival: &Arrival) -> Result<(Option<Format>, Option<Error>)> {
    let path = house.blobs.path(&arrival.ente, &arrival.sha256);
    let (name, bytes, limits) = (arrival.name.clone(), arrival.bytes, house.config.limits.clone());
    blocking(move || {
        let mut file = File::open(&path).map_err(|e| Error::disk("open blob", &path, e))?;
        let format = match identify::format(&mut file, bytes, &name, &limits) {
            Ok(format) => format,
            Err(error) if matches!(error.kind(), Kind::Hold | Kind::Refuse) => return Ok((None, Some(error))),
            Err(error) => return Err(error),
        };
        match identify::gate(&format, &name) {
            Ok(()) => Ok((Some(format), None)),
            Err(error) => Ok((Some(format), Some(error))),
        }
    })
    .await
}

/// The arrival and its one document come to rest with the gate's reason; refused bytes go into quarantine as they lie.
fn rest_with(arrival: &Arrival, objection: &Error, document: Document, components: &[Component]) -> Result<Vec<Change>> {
    let is_refused = objection.kind() == Kind::Refuse;
    let (state, arrival_state) =
        if is_refused { (DocumentState::Refused, ArrivalState::Refused) } else { (DocumentState::Held, ArrivalState::Held) };
    let message = objection.message().clone();
    let id = document.id.clone();
    let mut changes = vec![
        Change::SetArrival { id: arrival.id.clone(), state: arrival_state, reason: Some(message.clone()) },
        Change::AddDocument(Box::new(document)),
        Change::SetDocument { id: id.clone(), state },
        Change::SetHolds { document: id.clone(), holds: vec![Hold::new(message)] },
        Change::SetQuarantine { sha256: arrival.sha256, is_held: is_refused },
    ];
    if !components.is_empty() {
        changes.push(put(id.as_str(), "components", 0, &components)?);
    }
    let parts = components.iter().filter(|component| component.sha256 != arrival.sha256);
    changes.extend(parts.map(|part| Change::SetQuarantine { sha256: part.sha256, is_held: is_refused }));
    Ok(changes)
}

/// Which documents does the arrival hold? Makes them, each with its components, and sends each on its way.
pub(crate) async fn open(house: &Arc<House>, id: &ArrivalId) -> Result<Outcome> {
    let arrival = need_arrival(house, id).await?;
    let format: Format = need_fact(house, id.as_str(), "format").await?;
    if let Some(place) = rescan::place_of(house, id).await? {
        return rescan::tied(house, &arrival, &format, &place).await;
    }
    let mut outcome = Outcome::rest(vec![Change::SetArrival { id: id.clone(), state: ArrivalState::Opened, reason: None }]);
    let opened = match stack::components(house, id).await? {
        None => open::documents(&arrival, &format)?,
        Some(components) => vec![open::Opened { position: 1, name: arrival.name.clone(), components }],
    };
    let stack = stack::stack_of(house, id.as_str()).await?;
    for opened in opened {
        let mut document = Document::of_arrival(&arrival, opened.position);
        document.name = opened.name;
        let id = document.id.clone();
        outcome.changes.push(Change::AddDocument(Box::new(document)));
        outcome.changes.push(Change::SetDocument { id: id.clone(), state: DocumentState::Working });
        outcome.changes.push(Change::SetHolds { document: id.clone(), holds: Vec::new() });
        outcome.changes.push(put(id.as_str(), "components", 0, &opened.components)?);
        if let Some(stack) = &stack {
            outcome.changes.push(put(id.as_str(), crate::stack::FACT, 0, stack)?);
        }
        outcome.next.push((Step::Pages, id.0));
    }
    Ok(outcome)
}

async fn need_arrival(house: &House, id: &ArrivalId) -> Result<Arrival> {
    house.store.arrival(&house.ente_id, id).await?.ok_or_else(|| Error::bug(format_args!("no arrival {id}")))
}

fn word(error: &Error) -> &'static str {
    if error.kind() == Kind::Refuse { "refuse" } else { "hold" }
}
