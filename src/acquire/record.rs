//! How do arrivals get into the store? Several at a time, in one transaction with their first jobs and journal lines, each
//! unless it is in already (invariants 2 and 3).

use std::collections::{BTreeMap, BTreeSet};

use super::parcel::Parcel;
use super::{Admission, AdmitOutcome, Offer, event, guard, keyed_names, release};
use crate::arrival::{Arrival, ArrivalId, ArrivalState, FileName};
use crate::blobs::StoredBlob;
use crate::digest::Digest;
use crate::document::{Document, Hold};
use crate::drill;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::given::{self, Given};
use crate::messages::Message;
use crate::rescan;
use crate::stack;
use crate::store::{Change, NewJob};

/// The first step of an arrival.
const FIRST_STEP: &str = "identify";
/// Fact kind of an arrival: the folder below its door in which it lay.
pub const FOLDER: &str = "folder";
/// Fact kind of an arrival: it was taken, and does not lie under its name in `.taken` any more.
pub(super) const TAKEN: &str = "taken";
/// How often a look that turned stale before the write is repeated: each time another process admitted the same bytes.
const LOOKS_MAX: u32 = 16;
/// How often the same file may be put into an inbox after it was taken: as often as `.taken` has names for it.
const AGAIN_MAX: u32 = release::SAME_NAMES_MAX;

/// What became of a parcel.
pub(super) struct Recorded {
    pub(super) arrival: Arrival,
    pub(super) outcome: AdmitOutcome,
    /// True if the row knows the sidecar that came with it: then it leaves too.
    pub(super) has_sidecar: bool,
}

/// Records all parcels of one ente, in order.
pub(super) async fn recorded(desk: &Admission, parcels: &[&Parcel]) -> Result<Vec<Recorded>> {
    let entries: Vec<Entry<'_>> = parcels.iter().map(|parcel| Entry::of(parcel)).collect::<Result<_>>()?;
    let mut all = Vec::with_capacity(parcels.len());
    for (parcel, (arrival, outcome)) in parcels.iter().zip(entered(desk, &entries).await?) {
        let has_sidecar = outcome != AdmitOutcome::Replay || knows_sidecar(desk, parcel, &arrival.id).await?;
        all.push(Recorded { arrival, outcome, has_sidecar });
    }
    Ok(all)
}

/// What is to be written of one arrival.
pub(super) struct Entry<'a> {
    pub(super) offer: &'a Offer,
    pub(super) id: ArrivalId,
    pub(super) mtime_ns: i64,
    /// The bytes of the arrival.
    pub(super) stored: StoredBlob,
    /// The other blobs that it needs.
    pub(super) blobs: Vec<(Digest, u64)>,
    /// What is known of it before its first step: kind, number, body.
    pub(super) facts: Vec<(&'static str, u32, String)>,
    /// What its journal line says besides.
    pub(super) detail: Vec<(String, String)>,
}

impl<'a> Entry<'a> {
    fn of(parcel: &'a Parcel) -> Result<Self> {
        let sidecar = parcel.sidecar.iter().filter_map(|(_, _, given)| given.sidecar.as_ref());
        let before = parcel.offer.beside.before.iter().map(|before| ("before".to_owned(), before.arrival.0.clone()));
        let files = parcel.stack.iter().map(|stack| ("files".to_owned(), stack.files.len().to_string()));
        Ok(Self {
            offer: &parcel.offer,
            id: id_of(parcel),
            mtime_ns: parcel.seen.mtime_ns,
            stored: parcel.stored,
            blobs: parcel.blobs().split_off(1),
            facts: facts(parcel)?,
            detail: files.chain(before).chain(sidecar.map(|file| ("sidecar".to_owned(), file.sha256.hex()))).collect(),
        })
    }
}

/// Records all entries of one ente in one transaction, in order: each with its first job and journal line, unless it is in already.
pub(super) async fn entered(desk: &Admission, entries: &[Entry<'_>]) -> Result<Vec<(Arrival, AdmitOutcome)>> {
    let Some(Entry { offer: Offer { ente, .. }, .. }) = entries.first() else { return Ok(Vec::new()) };
    let names = keyed_names(desk, ente, entries.iter().map(|entry| &entry.offer.name)).await?;
    let digests: BTreeSet<Digest> = entries.iter().map(|entry| entry.stored.sha256).collect();
    for _ in 0..LOOKS_MAX {
        let mut looking = Looking { desk, before: BTreeMap::new(), changes: Vec::new() };
        for arrival in desk.store.arrivals_with(ente, &digests).await? {
            looking.before.entry(arrival.sha256).or_default().push(arrival);
        }
        let mut all = Vec::with_capacity(entries.len());
        for (entry, name) in entries.iter().zip(&names) {
            all.push(looking.entered(entry, name).await?);
        }
        let mut changes = looking.changes;
        if changes.is_empty() {
            return Ok(all);
        }
        // What is alike is written together; of one kind the order of the entries stays.
        changes.sort_by_key(turn);
        drill::point("acquire.before-record");
        match desk.store.apply(ente, None, &changes).await {
            Ok(()) => return Ok(all),
            Err(error) if error.code() == "arrivals-changed" => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::retry("arrivals-changed"))
}

/// When a change of an admission is written: what others point to comes before them.
fn turn(change: &Change) -> u8 {
    match change {
        Change::RequireArrivals { .. } => 0,
        Change::AddBlob { .. } => 1,
        Change::AddArrival(_) => 2,
        Change::AddDocument(_) => 3,
        Change::SetHolds { .. } => 4,
        Change::AddJob(_) => 5,
        Change::PutFact { .. } => 6,
        _ => 7,
    }
}

/// One look at the store, and what shall be written after it.
struct Looking<'a> {
    desk: &'a Admission,
    /// The arrivals with the same bytes: those that are in, then those of this very transaction.
    before: BTreeMap<Digest, Vec<Arrival>>,
    changes: Vec<Change>,
}

impl Looking<'_> {
    async fn entered(&mut self, entry: &Entry<'_>, name: &str) -> Result<(Arrival, AdmitOutcome)> {
        let Entry { offer, stored: StoredBlob { sha256, bytes, .. }, .. } = entry;
        let before = self.before.entry(*sha256).or_default();
        let id = match self::id(self.desk, entry, before).await? {
            Known::Replay(arrival) => return Ok((*arrival, AdmitOutcome::Replay)),
            Known::New(id) => id,
        };
        let first = before.first().cloned();
        // Where a person has said what it is, earlier arrivals with the same bytes do not make it wait.
        let twin = first.as_ref().filter(|_| offer.beside.place.is_none());
        let arrival = Arrival {
            id: id.clone(),
            ente: offer.ente.clone(),
            door: offer.door.clone(),
            name: offer.name.clone(),
            bytes: *bytes,
            mtime_ns: entry.mtime_ns,
            sha256: *sha256,
            admitted_at: self.desk.clock.now(),
            state: if twin.is_some() { ArrivalState::Duplicate } else { ArrivalState::Working },
            duplicate_of: first.as_ref().map(|arrival| arrival.id.clone()),
            reason: None,
        };
        // The first newcomer of this look says what the store must still hold; the others of these bytes are of its transaction.
        if !self.changes.iter().any(|change| matches!(change, Change::RequireArrivals { sha256: of, .. } if of == sha256)) {
            self.changes.push(Change::RequireArrivals { sha256: *sha256, count: before.len() as u64 });
        }
        let blobs = std::iter::once((*sha256, *bytes)).chain(entry.blobs.iter().copied());
        self.changes.extend(blobs.map(|(sha256, bytes)| Change::AddBlob { sha256, bytes }));
        self.changes.extend(admission(&arrival, twin));
        let facts = entry.facts.iter().cloned();
        self.changes.extend(facts.map(|(kind, n, body)| Change::PutFact { owner: id.0.clone(), kind: kind.to_owned(), n, body }));
        self.changes.push(line(&arrival, &entry.detail, name.to_owned()));
        if let Some(before) = &offer.beside.before {
            let line = event(arrival.admitted_at, "outgrown", before.arrival.as_str(), "success");
            let detail = [("by".to_owned(), id.0.clone())].into();
            self.changes.push(taken(before.arrival.0.clone()));
            self.changes.push(Change::Journal(Event { detail, ..line }));
        }
        let outcome = twin.map_or(AdmitOutcome::New, |twin| AdmitOutcome::Duplicate { of: twin.id.clone() });
        before.push(arrival.clone());
        Ok((arrival, outcome))
    }
}

/// The arrival `owner` was taken; what lay there is gone.
pub(super) fn taken(owner: String) -> Change {
    Change::PutFact { owner, kind: TAKEN.to_owned(), n: 0, body: "true".to_owned() }
}

/// What an entry is by its id.
enum Known {
    /// This arrival, found again.
    Replay(Box<Arrival>),
    /// A new one.
    New(ArrivalId),
}

/// The same file is the same arrival as long as it has not been taken. Where that one already lies among what was taken, this is
/// no move that did not happen: it was put there again, and is the next of its name (invariant 3). A death between its commit
/// and its move finds it under its own number, not taken yet.
async fn id(desk: &Admission, entry: &Entry<'_>, before: &[Arrival]) -> Result<Known> {
    for n in 1..=AGAIN_MAX {
        let id = if n == 1 { entry.id.clone() } else { entry.id.again(n) };
        let Some(arrival) = before.iter().find(|arrival| arrival.id == id) else { return Ok(Known::New(id)) };
        if !release::is_taken(desk, entry.offer, arrival).await? {
            return Ok(Known::Replay(Box::new(arrival.clone())));
        }
    }
    Err(Error::hold("release-crowded").with("path", guard::shown(&entry.offer.path)))
}

/// All that makes an arrival that arrival. The folder in which it lay is part of the door: two files of one name, size, time
/// and content in two folders are two receipts.
fn id_of(parcel: &Parcel) -> ArrivalId {
    let (offer, folder) = (&parcel.offer, &parcel.offer.beside.folder);
    let mut door = offer.door.as_bytes().to_vec();
    if !folder.is_empty() {
        door.push(0);
        door.extend_from_slice(folder);
    }
    Arrival::derive_id(&offer.ente, &door, &offer.name, parcel.stored.bytes, parcel.seen.mtime_ns, &parcel.stored.sha256)
}

/// A file that is found again may have got a sidecar since, which no row knows: that one stays, an input of its own.
async fn knows_sidecar(desk: &Admission, parcel: &Parcel, id: &ArrivalId) -> Result<bool> {
    let Some((_, _, given)) = &parcel.sidecar else { return Ok(false) };
    let known = desk.store.fact_at(&parcel.offer.ente, (id.as_str(), given::FACT, given::SIDECAR)).await?;
    let known: Option<Given> = known.and_then(|body| serde_json::from_str(&body).ok());
    Ok(known.is_some_and(|known| known.sidecar == given.sidecar))
}

/// The arrival and its first job. A duplicate has its document at once, so that it is seen waiting (invariant 3).
fn admission(arrival: &Arrival, twin: Option<&Arrival>) -> Vec<Change> {
    let mut changes = vec![Change::AddArrival(Box::new(arrival.clone()))];
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
    changes
}

/// What is known of it before its first step: the page that it was scanned for, the folder it lay in, its files, what was said.
fn facts(parcel: &Parcel) -> Result<Vec<(&'static str, u32, String)>> {
    let mut facts = Vec::new();
    let mut put = |kind, n, body: serde_json::Result<String>| {
        facts.push((kind, n, body.map_err(Error::bug)?));
        Ok::<(), Error>(())
    };
    let beside = &parcel.offer.beside;
    if let Some(place) = &beside.place {
        put(rescan::FOR, 0, serde_json::to_string(place))?;
    }
    if !beside.folder.is_empty() {
        put(FOLDER, 0, serde_json::to_string(&FileName::new(beside.folder.clone())))?;
    }
    if let Some(stack) = &parcel.stack {
        put(stack::FACT, 0, serde_json::to_string(stack))?;
    }
    for (n, given) in parcel.given() {
        put(given::FACT, n, serde_json::to_string(given))?;
    }
    Ok(facts)
}

fn line(arrival: &Arrival, more: &[(String, String)], keyed_name: String) -> Change {
    let outcome = if arrival.state == ArrivalState::Duplicate { "hold" } else { "success" };
    let line = event(arrival.admitted_at, "admitted", arrival.id.as_str(), outcome);
    let mut detail = vec![
        ("bytes".to_owned(), arrival.bytes.to_string()),
        ("door".to_owned(), arrival.door.clone()),
        ("name".to_owned(), keyed_name),
        ("sha256".to_owned(), arrival.sha256.hex()),
    ];
    detail.extend(arrival.duplicate_of.iter().map(|of| ("duplicate_of".to_owned(), of.0.clone())));
    detail.extend(more.iter().cloned());
    Change::Journal(Event { detail: detail.into_iter().collect(), ..line })
}
