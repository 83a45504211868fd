//! How does a file get in so that it is never lost? `admit`: digest while copying, blob, row, then release the source.

pub mod clean;
mod complete;
pub mod events;
mod folder;
pub mod guard;
mod lease;
mod look;
mod outgrown;
mod parcel;
pub mod partial;
mod receive;
mod record;
mod release;
pub mod settle;
pub mod sidecar;
mod walk;
pub mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

pub use outgrown::{Past, outgrown};
pub use receive::{Clerk, Letter, adopt, ensure_file_name, ensure_room, keep};
pub use record::FOLDER;
pub use walk::{Found, Walk, is_input, walk};

use crate::arrival::{Arrival, EnteId, FileName};
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::drill;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::given::Given;
use crate::limits::Limits;
use crate::rescan::Place;
use crate::stack::Duplex;
use crate::store::{Change, Store};
use parcel::Parcel;

/// Most offers admitted together: one transaction and one sync of each folder for all of them.
pub const TOGETHER_MAX: usize = 64;
/// Groups that a door admits at a time: while one waits for its commit, another is copied.
pub const GROUPS_MAX: usize = 2;

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
    /// What came with it.
    pub beside: Beside,
}

/// What comes with a file at a door.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// The folder in which it lies, seen from its door, bit by bit; empty where it lies at the door itself.
    pub folder: Vec<u8>,
    /// Its sidecar.
    pub sidecar: Option<PathBuf>,
    /// What its inbox says of every file that says nothing else.
    pub defaults: Option<Given>,
    /// The page that it was scanned for.
    pub place: Option<Place>,
    /// Of a folder that is one document: its files in the order of their pages.
    pub pages: Vec<PathBuf>,
    /// Everything that lies in such a folder and is no folder, the pages among it: one more is a page that was not seen.
    pub entries: usize,
    /// How its sheets went through the scanner.
    pub duplex: Duplex,
    /// The arrival as which it was taken before it changed; no sidecar lies beside it then, but what it was given holds.
    pub before: Option<Before>,
}

/// The arrival that a taken file was, before somebody wrote on.
#[derive(Debug, Clone)]
pub struct Before {
    /// It.
    pub arrival: crate::arrival::ArrivalId,
    /// What its sidecar said.
    pub given: Option<Given>,
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
        of: crate::arrival::ArrivalId,
    },
}

/// Lets a file in (invariants 2 and 3): copy and hash, blob, one transaction, and only then the source leaves.
///
/// An error means that nothing was let in and that the source is where it was.
pub async fn admit(desk: &Admission, offer: Offer) -> Result<Admitted> {
    let admitted = admit_together(desk, vec![offer]).await.pop();
    admitted.unwrap_or_else(|| Err(Error::bug("an offer without an answer")))
}

/// Lets a file in as [`admit`] does, as the new sheet of a page; the tie is part of the one transaction: whatever happens
/// later, the sheet does not become a document of its own. The same bytes as an earlier arrival do not make it wait as a
/// duplicate: the person has said what it is (invariant 3).
pub async fn admit_for(desk: &Admission, mut offer: Offer, place: &Place) -> Result<Admitted> {
    offer.beside.place = Some(place.clone());
    admit(desk, offer).await
}

/// Lets in several files of one ente, in the order of [`admit`] for each: all blobs are durable before the one transaction, and
/// nothing leaves before it. An error of one is its own, unless the store or a disk fails. Answers come in the order of offers.
pub async fn admit_together(desk: &Admission, mut offers: Vec<Offer>) -> Vec<Result<Admitted>> {
    let (room, full) = match room(desk).await {
        Ok(found) => found,
        Err(error) => return offers.iter().map(|_| Err(error.again())).collect(),
    };
    let beyond = offers.split_off(offers.len().min(room));
    let mut parcels = parcel::copied(desk, offers).await;
    parcels.extend(beyond.iter().map(|_| Err(full.again())));
    drill::point("acquire.blob-durable");
    let whole: Vec<&Parcel> = parcels.iter().flatten().collect();
    let recorded = record::recorded(desk, &whole).await;
    drill::point("acquire.recorded");
    let mut recorded = match recorded {
        Ok(recorded) => recorded.into_iter(),
        Err(error) => return parcels.into_iter().map(|parcel| parcel.and_then(|_| Err(error.again()))).collect(),
    };
    let (mut answers, mut leaving) = (Vec::new(), Vec::new());
    for parcel in parcels {
        answers.push(parcel.and_then(|parcel| {
            let record::Recorded { arrival, outcome, has_sidecar } =
                recorded.next().ok_or_else(|| Error::bug("a parcel was not recorded"))?;
            if let Some(leaves) = release::Leaving::of(parcel, &arrival, has_sidecar) {
                leaving.push(leaves);
            }
            Ok(Admitted { arrival, outcome, taken: None, unreleased: None })
        }));
    }
    released(&mut answers, leaving).await;
    answers
}

/// The sources of what is in leave their inboxes.
async fn released(answers: &mut [Result<Admitted>], leaving: Vec<release::Leaving>) {
    let ids: Vec<_> = leaving.iter().map(|leaves| leaves.id.clone()).collect();
    let left = blocking(move || Ok(release::take_together(&leaving))).await;
    let left = left.unwrap_or_else(|error| ids.iter().map(|_| Err(error.again())).collect());
    for (id, left) in ids.iter().zip(left) {
        // Two offers of one group may be one arrival: the first that has no answer yet is the one.
        let is_waiting =
            |admitted: &&mut Admitted| admitted.arrival.id == *id && admitted.taken.is_none() && admitted.unreleased.is_none();
        let Some(admitted) = answers.iter_mut().flatten().find(is_waiting) else { continue };
        match left {
            Ok(path) => admitted.taken = Some(path),
            Err(error) => admitted.unreleased = Some(error),
        }
    }
}

/// Moves what can never be admitted (a link, a FIFO, a device) from its inbox to the quarantine `folder`, with a journal
/// line. `None`: `reason` is not of that kind or the source is not an inbox's, and everything stays where it is.
pub async fn quarantine(desk: &Admission, offer: &Offer, folder: &Path, reason: &Error) -> Result<Option<PathBuf>> {
    let Release::Take { inbox } = &offer.release else { return Ok(None) };
    if !guard::is_hopeless(reason) {
        return Ok(None);
    }
    let inbox = inbox.clone();
    let (path, ente, folder) = (offer.path.clone(), offer.ente.clone(), folder.to_owned());
    let id = blocking(move || release::quarantine_id(&ente, &path)).await?;
    // The line comes first: a death before the move repeats the move, not the line.
    if desk.store.events_of(&offer.ente, &id).await?.is_empty() {
        let name = keyed_names(desk, &offer.ente, std::iter::once(&offer.name)).await?.pop().unwrap_or_default();
        let detail = [("reason".to_owned(), reason.code().to_owned()), ("name".to_owned(), name)];
        let line = event(desk.clock.now(), "quarantined", &id, "refuse");
        let line = Event { detail: detail.into(), ..line };
        desk.store.apply(&offer.ente, None, &[Change::Journal(line)]).await?;
    }
    let path = offer.path.clone();
    let moved = blocking(move || release::set_aside(&path, (&folder, &inbox), &id)).await?;
    drill::point("acquire.quarantined");
    Ok(Some(moved))
}

/// Puts away the markers of batches that are in, so that the next batch waits for its own; `come`: the folders from which
/// files have come since their last marker.
pub fn retire_markers(watched: &watch::Watched, settling: &mut settle::Settling, come: &mut BTreeSet<PathBuf>) -> Result<()> {
    let day = watched.clock.now().to_zoned(TimeZone::UTC).date();
    watch::spent_markers(watched, settling, come).iter().try_for_each(|marker| release::retire(marker, &watched.folder, day))
}

/// The folders from which files have come since the marker that lies there alone, as the archive knows them: what a door that
/// has just been opened cannot remember. A file waits for its marker, so that an arrival later than the marker is of its batch.
/// Empty where the times of files are another machine's: there a marker stays for as long as one that came early.
pub async fn come(desk: &Admission, ente: &EnteId, watched: &watch::Watched) -> Result<BTreeSet<PathBuf>> {
    let looked = watched.clone();
    let alone = blocking(move || watch::markers_alone(&looked)).await?;
    let (mut come, door) = (BTreeSet::new(), watched.inbox.door());
    for watch::Alone { folder, below, since } in alone {
        let told = if below.is_empty() { None } else { Some(serde_json::to_string(&FileName::new(below)).map_err(Error::bug)?) };
        if desk.store.facts_since(ente, (&door, FOLDER), since).await?.contains(&told) {
            come.insert(folder);
        }
    }
    Ok(come)
}

/// How many more may be admitted, and what is said to the others: doors stop admitting while too many jobs wait.
async fn room(desk: &Admission) -> Result<(usize, Error)> {
    let (waiting, limit) = (desk.store.open_job_count().await?, desk.limits.queue_length_max);
    let full = Error::retry("queue-full").with("waiting", waiting).with("limit", limit);
    Ok((usize::try_from(limit.saturating_sub(waiting)).unwrap_or(usize::MAX), full))
}

/// A file name may name a person: the journal gets its keyed digest (invariant 6).
async fn keyed_names<'n>(desk: &Admission, ente: &EnteId, names: impl Iterator<Item = &'n FileName>) -> Result<Vec<String>> {
    let written = names.map(serde_json::to_string).collect::<serde_json::Result<Vec<String>>>().map_err(Error::bug)?;
    desk.store.keyed_all(ente, &written).await
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
    tokio::task::spawn_blocking(work).await.map_err(Error::panicked)?
}
