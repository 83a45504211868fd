//! What has changed since it was taken? Whoever wrote a file may write on when it lies in `.taken` already: it was taken although
//! it was open (`open_seconds`), or its file system does not tell who writes. What differs there from what was admitted is offered
//! once more, as it now stands, when it has come to rest: an arrival of its own.
//!
//! Nothing has to be remembered for it: the name of a taken file tells its arrival, whose row tells size and time. A death at any
//! moment leaves a file that differs and is found again, or one that was admitted and is a replay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirEntry, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;

use super::clean::{arrival_id, is_admitted};
use super::folder::{Listing, listing};
use super::guard::{Seen, resolved};
use super::look::{at_rest, key_of, mark_of};
use super::record::FOLDER;
use super::settle::Settling;
use super::walk::Found;
use super::watch::{Candidate, Sight, Watched};
use super::{Admission, Before, Beside, blocking};
use crate::arrival::{Arrival, ArrivalId, EnteId, FileName};
use crate::error::{Error, Result};
use crate::given::{self, Given};
use crate::stack::{self, Stack, StackFile};

/// So many of the latest days on which something was taken are looked through: a writer that goes on for longer is found by the
/// clean-up, which deletes nothing that differs.
const DAYS: usize = 2;
/// Most taken things whose rows one look asks for; the next one asks for others.
const ROWS_MAX: usize = 1_024;
/// Most entries of the days' folders that one look goes through; the next goes on behind them. However much was taken, a look costs
/// some hundredths of a second.
const ENTRIES_MAX: usize = 8_192;
/// Time to the next look in the middle of a pass through all that was taken, milliseconds.
const ON_MS: u64 = 1_000;
/// Least time between two looks, milliseconds; a look that costs more than a twentieth of it makes it longer.
const EVERY_MS: u64 = 5_000;
/// So much longer than a look is the time to the next.
const COST: u64 = 20;

/// Things by key, with the state in which they were seen.
type Marks = BTreeMap<u64, u64>;

/// What a door knows of the things that it has taken. Lost with the process, it is found out again.
#[derive(Debug)]
pub struct Past {
    /// Things that are as they were admitted: key, and the state in which they were seen.
    same: Marks,
    /// Those that are not.
    settling: Settling,
    /// Where they lie, for each look sees all of them.
    changed: Vec<PathBuf>,
    /// How far the pass through all has come; none between two passes.
    pass: Option<Pass>,
    records_max: usize,
    not_before_ms: u64,
    sight: Sight,
}

/// A pass through all that was taken, look by look.
struct Pass {
    entries: Box<dyn Iterator<Item = DirEntry> + Send>,
    seen: BTreeSet<u64>,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass").field("seen", &self.seen.len()).finish_non_exhaustive()
    }
}

impl Pass {
    fn begin(inbox: &Path) -> Self {
        let entries = latest_days(inbox).into_iter().flat_map(|day| std::fs::read_dir(day).into_iter().flatten().flatten());
        Self { entries: Box::new(entries), seen: BTreeSet::new() }
    }
}

/// Something that was taken: a file, or a folder that was one document.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) path: PathBuf,
    pub(super) key: u64,
    pub(super) mark: u64,
    /// It, or the files of the folder.
    pub(super) files: Vec<(PathBuf, Metadata)>,
    day: PathBuf,
    id: ArrivalId,
    /// Of a folder: how much lies in it.
    entries: Option<usize>,
}

/// What the archive knows of a thing.
struct Known {
    arrival: Arrival,
    given: Option<Given>,
    stack: Option<Stack>,
}

impl Past {
    /// Remembers at most `records_max` things.
    pub fn new(records_max: usize) -> Self {
        let (settling, sight) = (Settling::new(records_max), Sight::default());
        Self { same: BTreeMap::new(), settling, changed: Vec::new(), pass: None, records_max, not_before_ms: 0, sight }
    }

    /// How soon it should be looked again where a pass through all that was taken is not over.
    pub fn goes_on(&self) -> Option<Duration> {
        self.pass.as_ref().map(|_| Duration::from_millis(ON_MS))
    }

    /// A try with the thing `key` failed: the next waits a while.
    pub fn strike(&mut self, key: u64, now_ms: u64) {
        self.settling.strike(key, now_ms);
    }

    fn remember(&mut self, thing: &Thing) {
        self.changed.retain(|path| *path != thing.path);
        if self.same.len() < self.records_max || self.same.contains_key(&thing.key) {
            self.same.insert(thing.key, thing.mark);
        }
    }
}

/// What of the taken things is not any more what was admitted and has come to rest, to be admitted as it stands; and what of
/// them is still moving. Between two looks it is the last one's word.
pub async fn outgrown(
    (desk, ente): (&Admission, &EnteId),
    watched: &Arc<Watched>,
    past: &mut Past,
) -> Result<(Vec<Candidate>, Sight)> {
    if watched.now_ms() < past.not_before_ms {
        return Ok((Vec::new(), past.sight));
    }
    let began = Instant::now();
    let mut changed = Vec::new();
    for thing in unknown(watched, past).await? {
        match known(desk, ente, &thing.id).await? {
            Some(known) if !is_same(&thing, &known) => {
                if !past.changed.contains(&thing.path) && past.changed.len() < past.records_max {
                    past.changed.push(thing.path.clone());
                }
                changed.push(thing);
            }
            // Of what never was ours nothing can be said; the clean-up keeps it.
            _ => past.remember(&thing),
        }
    }
    let (eye, mut settling) = (Arc::clone(watched), std::mem::replace(&mut past.settling, Settling::new(0)));
    let (settling, still, sight) = blocking(move || {
        let (still, sight) = at_rest(&eye, &mut settling, changed);
        Ok((settling, still, sight))
    })
    .await?;
    (past.settling, past.sight) = (settling, sight);
    let mut candidates = Vec::new();
    for thing in still {
        // A time that was set, a copy put back from a backup: the bytes tell.
        if has_admitted_bytes(desk, ente, &thing).await? {
            past.remember(&thing);
        } else if let Some(known) = known(desk, ente, &thing.id).await? {
            candidates.push(candidate(desk, (ente, watched), thing, known).await?);
        }
    }
    let cost = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_mul(COST);
    let is_quiet = sight.moving == 0 && candidates.is_empty();
    let pause = if past.pass.is_some() {
        ON_MS
    } else if is_quiet {
        EVERY_MS
    } else {
        watched.inbox.settle_seconds.saturating_mul(1_000).min(EVERY_MS)
    };
    past.not_before_ms = watched.now_ms().saturating_add(pause.max(cost));
    Ok((candidates, sight))
}

/// The next of the things of the latest days that are not known to be as they were admitted; those that changed are always
/// among them.
async fn unknown(watched: &Arc<Watched>, past: &mut Past) -> Result<Vec<Thing>> {
    let (eye, same, begun) = (Arc::clone(watched), std::mem::take(&mut past.same), past.pass.take());
    let changed = std::mem::take(&mut past.changed);
    let (same, begun, things) = blocking(move || Ok(slice(&eye, (same, begun), &changed))).await?;
    past.changed = things.iter().filter(|(_, has_changed)| *has_changed).map(|(thing, _)| thing.path.clone()).collect();
    (past.same, past.pass) = (same, begun);
    Ok(things.into_iter().map(|(thing, _)| thing).collect())
}

/// What a look finds: first what has `changed` before, as it is now, then what the pass comes to.
fn slice(eye: &Watched, (same, pass): (Marks, Option<Pass>), changed: &[PathBuf]) -> (Marks, Option<Pass>, Vec<(Thing, bool)>) {
    let mut pass = pass.unwrap_or_else(|| Pass::begin(&eye.folder));
    let is_new = |thing: &Thing| same.get(&thing.key) != Some(&thing.mark);
    let before = changed.iter().filter_map(|path| thing_at(eye, path.clone())).filter(is_new);
    let mut things: Vec<(Thing, bool)> = before.map(|thing| (thing, true)).collect();
    let known: BTreeSet<u64> = things.iter().map(|(thing, _)| thing.key).collect();
    let most = things.len() + ROWS_MAX;
    for _ in 0..ENTRIES_MAX {
        if things.len() >= most {
            break;
        }
        let Some(entry) = pass.entries.next() else {
            // What the pass has not met is gone.
            let same = same.into_iter().filter(|(key, _)| pass.seen.contains(key)).collect();
            return (same, None, things);
        };
        let Some(thing) = thing_at(eye, entry.path()) else { continue };
        pass.seen.insert(thing.key);
        if !known.contains(&thing.key) && same.get(&thing.key) != Some(&thing.mark) {
            things.push((thing, false));
        }
    }
    (same, Some(pass), things)
}

/// The folders of the latest days on which something was taken, the last one first.
fn latest_days(inbox: &Path) -> Vec<PathBuf> {
    let inbox = resolved(inbox);
    let entries = std::fs::read_dir(inbox.join(".taken")).into_iter().flatten().flatten();
    let is_day = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.parse::<Date>().is_ok());
    let days = entries.filter(|entry| is_day(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut days: Vec<PathBuf> = days.map(|entry| entry.path()).collect();
    days.sort();
    days.into_iter().rev().take(DAYS).collect()
}

/// What was taken and lies at `path`, where it can be looked at; links are neither followed nor touched.
fn thing_at(watched: &Watched, path: PathBuf) -> Option<Thing> {
    let (day, id) = (path.parent()?.to_owned(), arrival_id(path.file_name()?)?);
    let metadata = path.symlink_metadata().ok()?;
    let Listing { pages, entries, .. } = if metadata.is_dir() {
        listing(&path, &watched.inbox, &watched.limits).ok()?
    } else if metadata.is_file() {
        Listing { pages: vec![(path.clone(), metadata)], ..Listing::default() }
    } else {
        return None;
    };
    let mut hasher = DefaultHasher::new();
    for (page, metadata) in &pages {
        (page, mark_of(metadata)).hash(&mut hasher);
    }
    let (key, mark, entries) = (key_of(&path), hasher.finish(), (entries > 0).then_some(entries));
    (!pages.is_empty()).then_some(Thing { path, key, mark, files: pages, day, id, entries })
}

async fn known(desk: &Admission, ente: &EnteId, id: &ArrivalId) -> Result<Option<Known>> {
    let Some(arrival) = desk.store.arrival(ente, id).await? else { return Ok(None) };
    let given = desk.store.fact_at(ente, (id.as_str(), given::FACT, given::SIDECAR)).await?;
    let given = given.map(|body| serde_json::from_str(&body)).transpose().map_err(Error::bug)?;
    let stack = desk.store.fact(ente, id.as_str(), stack::FACT).await?;
    let stack = stack.map(|body| serde_json::from_str(&body)).transpose().map_err(Error::bug)?;
    Ok(Some(Known { arrival, given, stack }))
}

/// True where size and time are those of the arrival. Of a folder's files only the newest one's time is known.
fn is_same(thing: &Thing, known: &Known) -> bool {
    let Known { arrival, stack, .. } = known;
    let Some(stack) = stack.as_ref().filter(|_| thing.entries.is_some()) else {
        let is_file = |(_, metadata): &(PathBuf, Metadata)| {
            metadata.len() == arrival.bytes && Seen::of(metadata).mtime_ns == arrival.mtime_ns
        };
        return thing.files.iter().all(is_file);
    };
    let sizes: BTreeMap<&[u8], u64> = stack.files.iter().map(|StackFile { name, bytes, .. }| (name.bytes(), *bytes)).collect();
    thing.files.iter().all(|(path, metadata)| {
        let below = path.strip_prefix(&thing.path).unwrap_or(path).as_os_str().as_bytes();
        sizes.get(below) == Some(&metadata.len()) && Seen::of(metadata).mtime_ns <= arrival.mtime_ns
    })
}

async fn has_admitted_bytes(desk: &Admission, ente: &EnteId, thing: &Thing) -> Result<bool> {
    for (path, _) in &thing.files {
        if !is_admitted(desk, ente, (&thing.day, path)).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The thing as an arrival that comes after the one that it was: same door, folder and name, and what it was given.
async fn candidate(
    desk: &Admission,
    (ente, watched): (&EnteId, &Watched),
    thing: Thing,
    Known { arrival, given, .. }: Known,
) -> Result<Candidate> {
    let folder = desk.store.fact(ente, arrival.id.as_str(), FOLDER).await?;
    let folder: Option<FileName> = folder.map(|body| serde_json::from_str(&body)).transpose().map_err(Error::bug)?;
    // A sidecar that changed is no sidecar of anything any more: an input of its own.
    let lies_as = |name: &FileName| thing.path.as_os_str().as_bytes().ends_with(name.bytes());
    let sidecar = given.as_ref().and_then(|given| given.sidecar.as_ref()).map(|file| &file.name);
    let sidecar = sidecar.filter(|name| thing.entries.is_none() && lies_as(name) && !lies_as(&arrival.name)).cloned();
    let (name, given) = sidecar.map_or((arrival.name, given), |name| (name, None));
    let mut beside = Beside {
        folder: folder.map(|folder| folder.bytes().to_vec()).unwrap_or_default(),
        defaults: watched.inbox.given(),
        before: Some(Before { arrival: arrival.id, given }),
        ..Beside::default()
    };
    if let Some(entries) = thing.entries {
        beside.pages = thing.files.iter().map(|(page, _)| page.clone()).collect();
        (beside.entries, beside.duplex) = (entries, watched.inbox.duplex);
    }
    let bytes = thing.files.iter().map(|(_, metadata)| metadata.len()).sum();
    Ok(Candidate { found: Found { path: thing.path, name }, beside, key: thing.key, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::inbox::Inbox;
    use crate::limits::Limits;

    #[test]
    fn a_look_goes_through_a_part_of_what_was_taken_and_the_next_goes_on_behind_it() {
        let folder = tempfile::tempdir().expect("folder");
        let day = folder.path().join(".taken/2026-03-02");
        std::fs::create_dir_all(&day).expect("folder");
        let path = |n: usize| day.join(format!("arr-{n}-a.tif"));
        (0..=ENTRIES_MAX).for_each(|n| drop(std::fs::File::create(path(n)).expect("file")));
        let (limits, clock) = (Limits::default(), Clock::System);
        let eye = Watched { inbox: Inbox::default(), folder: folder.path().to_owned(), limits, clock, began: Instant::now() };
        let same: Marks =
            (0..=ENTRIES_MAX).filter_map(|n| thing_at(&eye, path(n))).map(|thing| (thing.key, thing.mark)).collect();
        let (same, pass, things) = slice(&eye, (same, None), &[]);
        assert!(things.is_empty() && pass.as_ref().is_some_and(|pass| pass.seen.len() == ENTRIES_MAX), "{pass:?}");
        let mut later = std::fs::File::options().write(true).open(path(0)).expect("opened");
        std::io::Write::write_all(&mut later, b"scritto dopo").expect("written");
        std::fs::remove_file(path(1)).expect("removed");
        // What is known to change is seen by every look, wherever the pass is.
        let (same, pass, things) = slice(&eye, (same, pass), &[path(0)]);
        assert!(things.iter().any(|(thing, has_changed)| *has_changed && thing.path == path(0)));
        assert!(pass.is_none(), "the pass is over");
        let (_, pass, things) = slice(&eye, (BTreeMap::new(), pass), &[]);
        assert_eq!((things.len(), pass.is_some()), (ROWS_MAX, true), "no more rows are asked for than so many");
        drop(same);
    }
}
