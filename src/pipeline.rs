//! THE SPINE: the steps of the three travellers, in order; what an error means (retry, hold, refuse).
//!
//! ```text
//! arrival ──admit──▶ identify ──▶ open ──▶ documents
//! document ─▶ pages ─▶ text ─▶ form ─▶ fields ─▶ filing ─▶ metadata
//! pdv ──plan──▶ build
//! ```
//!
//! This file alone knows the order. A step takes facts and gives back an [`Outcome`]: changes to store, all in one
//! transaction with its journal line and the next job (invariant 4). Steps are in `steps/`, one function each; any of
//! them may run twice with the same outcome. When and how often they run is `worker`'s business.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::arrival::{ArrivalId, ArrivalState, EnteId};
use crate::blobs::Blobs;
use crate::child::Readers;
use crate::classify::Experience;
use crate::clock::Clock;
use crate::config::{Config, Layout};
use crate::document::{Document, DocumentId, DocumentState, Hold};
use crate::ente::Ente;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::lexicon::Lexicon;
use crate::messages::Message;
use crate::pdv::PdvId;
use crate::scratch::ScratchRoot;
use crate::steps;
use crate::store::lock::{ArchiveLock, ArchiveShare};
use crate::store::{Change, Claim, Closing, NewJob, Store};

/// Name and version of the program, as it stands in events, copies and packages.
pub const AGENT: &str = concat!("Conserva ", env!("CARGO_PKG_VERSION"));

/// What the corridor needs from the house; only `app` puts it together.
pub struct House {
    /// Folders of the archive.
    pub layout: Layout,
    /// Its configuration.
    pub config: Config,
    /// Whose documents these are.
    pub ente: Ente,
    /// Id of the ente.
    pub ente_id: EnteId,
    /// Rows, jobs, journal.
    pub store: Store,
    /// Bytes.
    pub blobs: Blobs,
    /// Child processes that read pages.
    pub readers: Readers,
    /// The words of the documents' language.
    pub lexicon: Lexicon,
    /// Time.
    pub clock: Clock,
    /// Folders for a moment.
    pub scratch: ScratchRoot,
    /// The tables that the ente has decided, as they were read last.
    pub tables: steps::tables::Seen,
    /// What the archive has learned of its own filings.
    pub experience: Experience,
    /// The archive's lock, once this process has it: only its holder carries travellers.
    pub lock: tokio::sync::Mutex<Option<ArchiveLock>>,
    /// This process's share in the archive.
    pub share: ArchiveShare,
    /// What people watch while it works.
    pub meter: Arc<crate::worker::Meter>,
}

/// The steps, in the order in which a traveller takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Arrival: what are these bytes?
    Identify,
    /// Arrival: which documents does it hold?
    Open,
    /// Document: where are its pages?
    Pages,
    /// Document: what words stand on them?
    Text,
    /// Document: its components are fixed, its copies made.
    Form,
    /// Document: what does it say?
    Fields,
    /// Document: what is it and where does it belong?
    Filing,
    /// Document: what must the law know of it?
    Metadata,
    /// Pdv: its bytes.
    Build,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 9] = [
        Self::Identify,
        Self::Open,
        Self::Pages,
        Self::Text,
        Self::Form,
        Self::Fields,
        Self::Filing,
        Self::Metadata,
        Self::Build,
    ];

    /// Its name in jobs, journal and progress.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Open => "open",
            Self::Pages => "pages",
            Self::Text => "text",
            Self::Form => "form",
            Self::Fields => "fields",
            Self::Filing => "filing",
            Self::Metadata => "metadata",
            Self::Build => "build",
        }
    }

    /// The step of that name; an unknown one was written by another release.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| Error::bug(format_args!("unknown step {name}")))
    }
}

/// What a step gives back.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What to store.
    pub changes: Vec<Change>,
    /// What comes next: steps of travellers, by id.
    pub next: Vec<(Step, String)>,
    /// `success` unless the traveller comes to rest in doubt.
    pub verdict: Option<&'static str>,
    /// Codes for the journal line.
    pub detail: BTreeMap<String, String>,
}

impl Outcome {
    /// Stores `changes` and goes on to `step` of `owner`.
    pub fn then(changes: Vec<Change>, step: Step, owner: &str) -> Self {
        Self { changes, next: vec![(step, owner.to_owned())], ..Self::default() }
    }

    /// Stores `changes` and comes to rest.
    pub fn rest(changes: Vec<Change>) -> Self {
        Self { changes, ..Self::default() }
    }

    /// Adds a code to the journal line.
    #[must_use]
    pub fn noting(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.detail.insert(name.to_owned(), value.to_string());
        self
    }
}

/// Takes the step that `claim` asks for and gives the whole transaction: its changes, its journal line, the next jobs.
pub async fn take(house: &Arc<House>, claim: &Claim) -> Result<Vec<Change>> {
    let owner = claim.owner.as_str();
    let step = Step::parse(&claim.step)?;
    let outcome = match step {
        Step::Identify => steps::arrival::identify(house, &ArrivalId(owner.to_owned())).await?,
        Step::Open => steps::open::open(house, &ArrivalId(owner.to_owned())).await?,
        Step::Pages => steps::document::pages(house, &DocumentId(owner.to_owned())).await?,
        Step::Text => steps::document::text(house, &DocumentId(owner.to_owned())).await?,
        Step::Form => steps::form::form(house, &DocumentId(owner.to_owned())).await?,
        Step::Fields => steps::document::fields(house, &DocumentId(owner.to_owned())).await?,
        Step::Filing => steps::document::filing(house, &DocumentId(owner.to_owned())).await?,
        Step::Metadata => steps::metadata::metadata(house, &DocumentId(owner.to_owned())).await?,
        Step::Build => steps::pdv::build(house, &PdvId(owner.to_owned())).await?,
    };
    let mut changes = outcome.changes;
    changes.push(journal(house, step, owner, outcome.verdict.unwrap_or("success"), outcome.detail));
    changes.extend(outcome.next.into_iter().map(|(step, owner)| job(step, owner)));
    Ok(changes)
}

/// What an error means for the traveller: another try later, or rest in doubt or refusal with its reason.
///
/// A store failure means nothing for the traveller: it is the worker that stops, and nothing is lost (exit 4).
pub async fn settle(house: &House, claim: &Claim, error: &Error) -> Result<(Closing, Vec<Change>)> {
    let detail = BTreeMap::from([("code".to_owned(), error.code().to_owned())]);
    let now = house.clock.now();
    let Ok(step) = Step::parse(&claim.step) else { return Ok((Closing::Done, Vec::new())) };
    Ok(match error.kind() {
        Kind::Retry if claim.attempt < house.config.limits.attempts_max => {
            let closing = Closing::Retry { not_before: backoff(now, claim.attempt), reason: error.code().to_owned() };
            (closing, vec![journal(house, step, &claim.owner, "retry", detail)])
        }
        Kind::Refuse => {
            let mut changes = rest(house, (claim, step), DocumentState::Refused, error.message().clone()).await?;
            changes.push(journal(house, step, &claim.owner, "refuse", detail));
            (Closing::Done, changes)
        }
        kind => {
            let message = if kind == Kind::Retry { exhausted(claim, error) } else { error.message().clone() };
            let mut changes = rest(house, (claim, step), DocumentState::Held, message).await?;
            changes.push(journal(house, step, &claim.owner, "hold", detail));
            (Closing::Done, changes)
        }
    })
}

/// The error of a traveller one of whose blobs is not there although the disk is: no patience brings it back, so a person
/// must see it, and nobody else waits for it. None where the blobs are there, or none of them can be reached.
pub async fn missing_blob(house: &House, claim: &Claim) -> Result<Option<Error>> {
    if !house.blobs.is_reachable(&house.ente_id) {
        return Ok(None);
    }
    for sha256 in steps::blobs_of(house, &claim.owner).await? {
        if !house.blobs.path(&house.ente_id, &sha256).exists() {
            return Ok(Some(Error::new(Kind::Store, "blob-missing").with("sha256", sha256)));
        }
    }
    Ok(None)
}

/// The traveller of `claim` comes to rest: an arrival or document with its reason, a Pdv as it was planned. An arrival rests with its
/// document, so that whoever reviews meets it; a new sheet of a page has none of its own.
async fn rest(house: &House, (claim, step): (&Claim, Step), state: DocumentState, message: Message) -> Result<Vec<Change>> {
    let owner = claim.owner.clone();
    Ok(match step {
        Step::Identify | Step::Open => {
            let id = ArrivalId(owner);
            let is_sheet = steps::rescan::place_of(house, &id).await?.is_some();
            let arrival = if is_sheet { None } else { house.store.arrival(&house.ente_id, &id).await? };
            let arrival_state = if state == DocumentState::Refused { ArrivalState::Refused } else { ArrivalState::Held };
            let mut changes = vec![Change::SetArrival { id, state: arrival_state, reason: Some(message.clone()) }];
            if let Some(arrival) = arrival {
                let document = Document::of_arrival(&arrival, 1);
                let id = document.id.clone();
                changes.push(Change::AddDocument(Box::new(document)));
                changes.push(Change::SetDocument { id: id.clone(), state });
                changes.push(Change::SetHolds { document: id, holds: vec![Hold::new(message)] });
            }
            changes
        }
        Step::Build => {
            let body = serde_json::to_string(&message).unwrap_or_default();
            vec![Change::PutFact { owner, kind: "build-error".to_owned(), n: 0, body }]
        }
        _ => {
            let document = DocumentId(owner);
            vec![
                Change::SetDocument { id: document.clone(), state },
                Change::SetHolds { document, holds: vec![Hold::new(message)] },
            ]
        }
    })
}

fn exhausted(claim: &Claim, error: &Error) -> Message {
    Message::new("attempts-exhausted")
        .with("step", &claim.step)
        .with("attempts", claim.attempt)
        .with("reason", error.code())
        .with("id", &claim.owner)
}

/// Exponential: 1, 2, 4 … seconds, at most five minutes.
fn backoff(now: Timestamp, attempt: u32) -> Timestamp {
    let seconds = 1_i64.checked_shl(attempt.saturating_sub(1).min(9)).unwrap_or(300).min(300);
    now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now)
}

/// A job for `step` of `owner`.
pub fn job(step: Step, owner: String) -> Change {
    Change::AddJob(NewJob { step: step.name().to_owned(), owner, priority: 0 })
}

fn journal(house: &House, step: Step, subject: &str, outcome: &str, detail: BTreeMap<String, String>) -> Change {
    Change::Journal(Event {
        at: house.clock.now(),
        kind: step.name().to_owned(),
        subject: subject.to_owned(),
        outcome: outcome.to_owned(),
        agent: AGENT.to_owned(),
        detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_found_by_its_name() {
        for step in Step::ALL {
            assert_eq!(Step::parse(step.name()).expect("a step"), step);
        }
        assert!(Step::parse("vanish").is_err());
    }

    #[test]
    fn the_wait_between_attempts_doubles_up_to_a_ceiling() {
        let seconds = |attempt| backoff(Timestamp::UNIX_EPOCH, attempt).as_second();
        assert_eq!([seconds(1), seconds(2), seconds(3), seconds(4)], [1, 2, 4, 8]);
        assert_eq!(seconds(60), 300);
    }
}
