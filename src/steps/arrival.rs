//! The first step of an arrival: what are these bytes, and may they go on?

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::{blocking, decisions, put, rescan, stack};
use crate::arrival::{Arrival, ArrivalId, ArrivalState, FileName};
use crate::document::{Component, Document, DocumentState, Format, Hold};
use crate::error::{Error, Kind, Result};
use crate::identify;
use crate::pipeline::{House, Outcome, Step};
use crate::store::Change;

/// What are these bytes? Puts the format of the arrival, or of each file of a folder; where the gate says no, its document
/// rests with the reason.
pub(crate) async fn identify(house: &Arc<House>, id: &ArrivalId) -> Result<Outcome> {
    let arrival = need_arrival(house, id).await?;
    let stack = stack::stack_of(house, id.as_str()).await?;
    let Looked { formats, objections, scanned } = match &stack {
        Some(stack) => stack::look(house, &arrival, stack.clone()).await?,
        None => look(house, &arrival).await?,
    };
    let mut changes = vec![Change::DropFacts { owner: id.0.clone(), kind: "format".to_owned() }];
    for (format, n) in formats.iter().zip(0..) {
        changes.push(put(id.as_str(), "format", n, format)?);
    }
    let noted = |mut outcome: Outcome| {
        if let Some(puid) = formats.first().and_then(|format| format.puid.as_deref()) {
            outcome = outcome.noting("puid", puid);
        }
        if let Some(by) = &scanned {
            outcome = outcome.noting("clamd", by);
        }
        outcome
    };
    let document = Document::of_arrival(&arrival, 1);
    let Some(objection) = objections.first() else {
        return Ok(noted(Outcome::then(changes, Step::Open, id.as_str())));
    };
    if let Some(place) = rescan::place_of(house, id).await? {
        let mut outcome = rescan::not_taken(house, &arrival, objection, &place).await?;
        outcome.changes.extend(changes);
        return Ok(noted(outcome));
    }
    let decided = decisions(house, &document.id).await?;
    let is_settled =
        |objection: &&Error| objection.kind() == Kind::Hold && decided.settles(&Hold::new(objection.message().clone()));
    let open: Vec<&Error> = objections.iter().filter(|objection| !is_settled(objection)).collect();
    let Some(gravest) = open.first() else {
        return Ok(noted(Outcome::then(changes, Step::Open, id.as_str()).noting("approved", objection.code())));
    };
    let components = match &stack {
        Some(stack) if stack.files.len() == formats.len() => stack.components(&formats),
        Some(_) => Vec::new(),
        None => formats.iter().map(|format| Component::as_arrived(&arrival, format)).collect(),
    };
    changes.extend(rest_with(&arrival, &open, document, &components)?);
    let outcome = Outcome { verdict: Some(word(gravest)), ..Outcome::rest(changes) };
    Ok(noted(outcome.noting("code", gravest.code())))
}

/// Most objections that are told of one arrival.
const OBJECTIONS_MAX: usize = 20;

/// What was seen of the files of an arrival.
#[derive(Default)]
pub(super) struct Looked {
    /// What each is, in order.
    pub(super) formats: Vec<Format>,
    /// What speaks against them, refusals first.
    pub(super) objections: Vec<Error>,
    /// Who has found no malware in the last of them, where somebody is asked.
    pub(super) scanned: Option<String>,
}

impl Looked {
    /// Takes an objection in; any other error is trouble of its own.
    pub(super) fn object(&mut self, error: Error) -> Result<()> {
        match error.kind() {
            Kind::Refuse => self.objections.insert(0, error),
            Kind::Hold => self.objections.push(error),
            _ => return Err(error),
        }
        self.objections.truncate(OBJECTIONS_MAX);
        Ok(())
    }
}

/// The format, and the objections. Trouble with the disk is an error of its own.
async fn look(house: &Arc<House>, arrival: &Arrival) -> Result<Looked> {
    let path = house.blobs.path(&arrival.ente, &arrival.sha256);
    let (name, bytes, worker) = (arrival.name.clone(), arrival.bytes, Arc::clone(house));
    blocking(move || {
        let mut looked = Looked::default();
        for error in seen(&worker, &path, (&name, bytes), &mut looked)? {
            looked.object(error)?;
        }
        Ok(looked)
    })
    .await
}

/// Looks at one file: what it is, whether it is malware, and what the gate says. Its objections.
pub(super) fn seen(house: &House, path: &Path, (name, bytes): (&FileName, u64), looked: &mut Looked) -> Result<Vec<Error>> {
    let open = || File::open(path).map_err(|e| Error::disk("open blob", path, e));
    let format = match identify::format(&mut open()?, bytes, name, &house.config.limits) {
        Ok(format) => format,
        Err(error) => return Ok(vec![error]),
    };
    let mut objections: Vec<Error> = identify::gate(&format, name).err().into_iter().collect();
    looked.formats.push(format);
    looked.scanned = None;
    if house.config.malware.is_asked() {
        match identify::scan(&mut open()?, &house.config.malware) {
            Ok(identify::Scanned { by, found: None }) => looked.scanned = Some(by),
            Ok(identify::Scanned { by, found: Some(found) }) => {
                objections.push(Error::refuse("malware-found").with("name", name.shown()).with("found", found).with("by", by));
            }
            Err(error) => objections.push(error),
        }
    }
    Ok(objections)
}

/// The arrival and its one document come to rest with the reasons, the gravest first; refused bytes go into quarantine as they lie.
pub(super) fn rest_with(
    arrival: &Arrival,
    objections: &[&Error],
    document: Document,
    components: &[Component],
) -> Result<Vec<Change>> {
    let is_refused = objections.iter().any(|objection| objection.kind() == Kind::Refuse);
    let (state, arrival_state) =
        if is_refused { (DocumentState::Refused, ArrivalState::Refused) } else { (DocumentState::Held, ArrivalState::Held) };
    let holds: Vec<Hold> = objections.iter().map(|objection| Hold::new(objection.message().clone())).collect();
    let reason = holds.first().map(|hold| hold.message.clone());
    let id = document.id.clone();
    let mut changes = vec![
        Change::SetArrival { id: arrival.id.clone(), state: arrival_state, reason },
        Change::AddDocument(Box::new(document)),
        Change::SetDocument { id: id.clone(), state },
        Change::SetHolds { document: id.clone(), holds },
        Change::SetQuarantine { sha256: arrival.sha256, is_held: is_refused },
    ];
    if !components.is_empty() {
        changes.push(put(id.as_str(), "components", 0, &components)?);
    }
    let parts = components.iter().filter(|component| component.sha256 != arrival.sha256);
    changes.extend(parts.map(|part| Change::SetQuarantine { sha256: part.sha256, is_held: is_refused }));
    Ok(changes)
}

pub(super) async fn need_arrival(house: &House, id: &ArrivalId) -> Result<Arrival> {
    house.store.arrival(&house.ente_id, id).await?.ok_or_else(|| Error::bug(format_args!("no arrival {id}")))
}

pub(super) fn word(error: &Error) -> &'static str {
    if error.kind() == Kind::Refuse { "refuse" } else { "hold" }
}
