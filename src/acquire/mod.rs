//! How does a file get in so that it is never lost? `admit`: digest while copying, blob, row, then release the source.

mod complete;
pub mod events;
pub mod guard;
mod lease;
pub mod partial;
mod receive;
mod release;
pub mod settle;
mod walk;
pub mod watch;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

pub use receive::{FOLDER, Letter, ensure_file_name, ensure_room, keep, receive};
pub use walk::{Found, Walk, is_input, walk};

use crate::arrival::{Arrival, ArrivalId, ArrivalState, EnteId, FileName};
use crate::blobs::{Blobs, StoredBlob};
use crate::clock::Clock;
use crate::document::{Document, Hold};
use crate::drill;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::limits::Limits;
use crate::messages::Message;
use crate::rescan::{self, Place};
use crate::store::{Change, NewJob, Store};
use guard::Seen;

/// The first step of an arrival.
const FIRST_STEP: &str = "identify";
/// How often a look that turned stale before the write is repeated: each time another process admitted the same bytes.
const LOOKS_MAX: u32 = 16;

/// What admission works with.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The rows.
    pub store: Store,
    /// The bytes.
    pub blobs: Blobs,
    /// The time.
    pub clock: Clock,
    /// The ceilings.
    pub limits: Limits,
}

/// A file at a door.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Whose it is.
    pub ente: EnteId,
    /// The door: `ingest`, `inbox`.
    pub door: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its name at the door.
    pub name: FileName,
    /// What becomes of the source.
    pub release: Release,
}

/// What becomes of a source once it is admitted.
#[derive(Debug, Clone)]
pub enum Release {
    /// It stays where it is.
    Leave,
    /// It leaves the inbox for `.taken/<day>/<arrival id>-<name>` in the same inbox.
    Take {
        /// The inbox.
        inbox: PathBuf,
    },
}

/// An arrival that is in.
#[derive(Debug)]
pub struct Admitted {
    /// It.
    pub arrival: Arrival,
    /// How it got in.
    pub outcome: AdmitOutcome,
    /// Where the source lies now, if it was taken.
    pub taken: Option<PathBuf>,
    /// Why a source that was to be taken is still in the inbox. It is admitted all the same; found again, it is a replay.
    pub unreleased: Option<Error>,
}

/// How an arrival got in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdmitOutcome {
    /// For the first time.
    New,
    /// It was in already: the same file was found again (invariant 3).
    Replay,
    /// The same bytes came before, as another arrival: this one waits for a decision.
    Duplicate {
        /// The first arrival with these bytes.
        of: ArrivalId,
    },
}

/// Lets a file in (invariants 2 and 3): copy and hash, blob, one transaction, and only then the source leaves.
///
/// An error means that nothing was let in and that the source is where it was.
pub async fn admit(desk: &Admission, offer: Offer) -> Result<Admitted> {
    admit_for(desk, offer, None).await
}

/// Lets a file in as [`admit`] does; with a `place` it is the new sheet of that page, and the tie is part of the one
/// transaction: whatever happens later, the sheet does not become a document of its own. The same bytes as an earlier
/// arrival do not make it wait as a duplicate: the person has said what it is (invariant 3).
pub async fn admit_for(desk: &Admission, offer: Offer, place: Option<&Place>) -> Result<Admitted> {
    ensure_room(desk).await?;
    let (seen, stored) = copied(desk, &offer).await?;
    drill::point("acquire.blob-durable");
    let (arrival, outcome) = recorded(desk, (&offer, place), &seen, stored).await?;
    drill::point("acquire.recorded");
    let Release::Take { inbox } = offer.release else {
        return Ok(Admitted { arrival, outcome, taken: None, unreleased: None });
    };
    let (path, id, day) = (offer.path, arrival.id.clone(), arrival.admitted_at.to_zoned(TimeZone::UTC).date());
    let release = blocking(move || release::take(&path, &inbox, &seen, (&id, day))).await;
    let (taken, unreleased) = match release {
        Ok(taken) => (Some(taken), None),
        Err(error) => (None, Some(error)),
    };
    Ok(Admitted { arrival, outcome, taken, unreleased })
}

/// Moves what can never be admitted (a link, a FIFO, a device) from its inbox to the quarantine `folder`, with a journal
/// line. `None`: `reason` is not of that kind or the source is not an inbox's, and everything stays where it is.
pub async fn quarantine(desk: &Admission, offer: &Offer, folder: &Path, reason: &Error) -> Result<Option<PathBuf>> {
    if !guard::is_hopeless(reason) || matches!(offer.release, Release::Leave) {
        return Ok(None);
    }
    let (path, ente, folder) = (offer.path.clone(), offer.ente.clone(), folder.to_owned());
    let id = blocking(move || release::quarantine_id(&ente, &path)).await?;
    // The line comes first: a death before the move repeats the move, not the line.
    if desk.store.events_of(&offer.ente, &id).await?.is_empty() {
        let detail = [("reason".to_owned(), reason.code().to_owned()), ("name".to_owned(), keyed_name(desk, offer).await?)];
        let line = event(desk.clock.now(), "quarantined", &id, "refuse");
        let line = Event { detail: detail.into(), ..line };
        desk.store.apply(&offer.ente, None, &[Change::Journal(line)]).await?;
    }
    let path = offer.path.clone();
    let moved = blocking(move || release::set_aside(&path, &folder, &id)).await?;
    drill::point("acquire.quarantined");
    Ok(Some(moved))
}

/// Puts away the markers of batches that are in, so that the next batch waits for its own.
pub fn retire_markers(watched: &watch::Watched) -> Result<()> {
    let day = watched.clock.now().to_zoned(TimeZone::UTC).date();
    watch::spent_markers(watched).iter().try_for_each(|marker| release::retire(marker, &watched.folder, day))
}

/// Copies the source into a blob, hashing on the way; a source that changes meanwhile leaves no blob.
async fn copied(desk: &Admission, offer: &Offer) -> Result<(Seen, StoredBlob)> {
    let (blobs, ente, path) = (desk.blobs.clone(), offer.ente.clone(), offer.path.clone());
    let (name, limits) = (offer.name.clone(), desk.limits.clone());
    blocking(move || {
        let mut source = guard::open(&path, &name, &limits)?;
        let stored = blobs.put(&ente, &mut source, limits.file_bytes_max, None)?;
        Ok((source.seen(), stored))
    })
    .await
}

/// Writes the arrival of a file at `offer`'s path, tied to a page's `place` if there is one.
async fn recorded(
    desk: &Admission,
    (offer, place): (&Offer, Option<&Place>),
    seen: &Seen,
    stored: StoredBlob,
) -> Result<(Arrival, AdmitOutcome)> {
    let tie = place.map(serde_json::to_string).transpose().map_err(Error::bug)?;
    let id = Arrival::derive_id(&offer.ente, &offer.door, &offer.name, stored.bytes, seen.mtime_ns, &stored.sha256);
    let is_expected = tie.is_some();
    let facts = tie.map(|body| (rescan::FOR, body)).into_iter().collect();
    entered(desk, Entry { offer, id, mtime_ns: seen.mtime_ns, facts, is_expected }, stored).await
}

/// What is to be written of an arrival.
struct Entry<'a> {
    offer: &'a Offer,
    id: ArrivalId,
    mtime_ns: i64,
    /// Facts that are part of the one transaction.
    facts: Vec<(&'static str, String)>,
    /// True where a person has said what it is: earlier arrivals with the same bytes do not make it wait.
    is_expected: bool,
}

/// Writes the arrival, its first job and its journal line in one transaction, unless it is in already.
async fn entered(desk: &Admission, entry: Entry<'_>, stored: StoredBlob) -> Result<(Arrival, AdmitOutcome)> {
    let Entry { offer, id, mtime_ns, facts, is_expected } = entry;
    let name = keyed_name(desk, offer).await?;
    for _ in 0..LOOKS_MAX {
        let mut before = desk.store.arrivals_with(&offer.ente, &stored.sha256).await?;
        if let Some(n) = before.iter().position(|arrival| arrival.id == id) {
            return Ok((before.swap_remove(n), AdmitOutcome::Replay));
        }
        let first = before.first().map(|arrival| arrival.id.clone());
        let twin = before.first().filter(|_| !is_expected).cloned();
        let arrival = Arrival {
            id: id.clone(),
            ente: offer.ente.clone(),
            door: offer.door.clone(),
            name: offer.name.clone(),
            bytes: stored.bytes,
            mtime_ns,
            sha256: stored.sha256,
            admitted_at: desk.clock.now(),
            state: if twin.is_some() { ArrivalState::Duplicate } else { ArrivalState::Working },
            duplicate_of: first.clone(),
            reason: None,
        };
        let mut changes = admission(&arrival, twin.as_ref(), before.len() as u64, &name);
        let owned = facts.iter().cloned();
        changes.extend(owned.map(|(kind, body)| Change::PutFact { owner: id.0.clone(), kind: kind.to_owned(), n: 0, body }));
        drill::point("acquire.before-record");
        match desk.store.apply(&offer.ente, None, &changes).await {
            Ok(()) => {
                let outcome = twin.map_or(AdmitOutcome::New, |twin| AdmitOutcome::Duplicate { of: twin.id });
                return Ok((arrival, outcome));
            }
            Err(error) if error.code() == "arrivals-changed" => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::retry("arrivals-changed"))
}

/// The one transaction of an admission, which still must see `others` earlier arrivals with the same bytes, `twin` the
/// first of them. A duplicate has its document at once, so that it is seen waiting (invariant 3).
fn admission(arrival: &Arrival, twin: Option<&Arrival>, others: u64, keyed_name: &str) -> Vec<Change> {
    let is_duplicate = twin.is_some();
    let line = event(arrival.admitted_at, "admitted", arrival.id.as_str(), if is_duplicate { "hold" } else { "success" });
    let mut detail = vec![
        ("bytes".to_owned(), arrival.bytes.to_string()),
        ("door".to_owned(), arrival.door.clone()),
        ("name".to_owned(), keyed_name.to_owned()),
        ("sha256".to_owned(), arrival.sha256.hex()),
    ];
    detail.extend(arrival.duplicate_of.iter().map(|of| ("duplicate_of".to_owned(), of.0.clone())));
    let mut changes = vec![
        Change::RequireArrivals { sha256: arrival.sha256, count: others },
        Change::AddBlob { sha256: arrival.sha256, bytes: arrival.bytes },
        Change::AddArrival(Box::new(arrival.clone())),
    ];
    if let Some(twin) = twin {
        let document = Document::of_arrival(arrival, 1);
        let why =
            Message::new("duplicate-waits").with("id", &twin.id).with("name", twin.name.shown()).with("when", twin.admitted_at);
        let holds = vec![Hold::new(why)];
        let document_id = document.id.clone();
        changes.push(Change::AddDocument(Box::new(document)));
        changes.push(Change::SetHolds { document: document_id, holds });
    } else {
        changes.push(Change::AddJob(NewJob { step: FIRST_STEP.to_owned(), owner: arrival.id.0.clone(), priority: 0 }));
    }
    changes.push(Change::Journal(Event { detail: detail.into_iter().collect(), ..line }));
    changes
}

/// A file name may name a person: the journal gets its keyed digest (invariant 6).
async fn keyed_name(desk: &Admission, offer: &Offer) -> Result<String> {
    let written = serde_json::to_string(&offer.name).map_err(Error::bug)?;
    desk.store.keyed(&offer.ente, &written).await
}

fn event(at: jiff::Timestamp, kind: &str, subject: &str, outcome: &str) -> Event {
    Event {
        at,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        outcome: outcome.to_owned(),
        agent: concat!("conserva ", env!("CARGO_PKG_VERSION")).to_owned(),
        detail: std::collections::BTreeMap::new(),
    }
}

/// Files are read and synced off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::bug)?
}
