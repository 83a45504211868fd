//! How does a source leave its inbox without being lost? By one rename inside it, checked before and after, made durable.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::folder::entries_of;
use super::guard::{Seen, resolved, shown};
use super::parcel::Parcel;
use super::record::TAKEN;
use super::{Admission, Offer, Release, blocking};
use crate::arrival::{Arrival, ArrivalId, EnteId};
use crate::blobs::local::{make_folder, move_file, parent, sync_folder};
use crate::digest::Digest;
use crate::drill;
use crate::error::{Error, Result};

/// Longest name on the file systems we know.
const NAME_MAX: usize = 255;
/// Where in an inbox that lies on a disk of its own what can never be admitted is put.
const QUARANTINE: &str = ".taken/quarantine";
/// The same file may be put into the inbox again after it was taken; each time its name gets a number.
pub(super) const SAME_NAMES_MAX: u32 = 1_000;

/// What leaves its inbox.
#[derive(Debug)]
pub(super) struct Leaving {
    /// The arrival that it is.
    pub(super) id: ArrivalId,
    day: Date,
    inbox: PathBuf,
    /// The file, or the folder that is one document.
    path: PathBuf,
    /// Its name at the door, which is that of `path` unless it was taken before.
    name: OsString,
    /// Every file of it, as it was when it was copied.
    sources: Vec<(PathBuf, Seen)>,
    /// Of a folder: how much lies in it.
    entries: Option<usize>,
    /// Its sidecar.
    sidecar: Option<(PathBuf, Seen)>,
}

impl Leaving {
    /// What leaves with a parcel that is in; none where its source stays.
    pub(super) fn of(parcel: Parcel, arrival: &Arrival, has_sidecar: bool) -> Option<Self> {
        let Release::Take { inbox } = parcel.offer.release else { return None };
        Some(Self {
            id: arrival.id.clone(),
            day: arrival.admitted_at.to_zoned(TimeZone::UTC).date(),
            inbox,
            name: match &parcel.offer.beside.before {
                Some(_) => OsString::from_vec(parcel.offer.name.bytes().to_vec()),
                None => name_of(&parcel.offer.path),
            },
            path: parcel.offer.path,
            entries: parcel.stack.map(|_| parcel.offer.beside.entries),
            sources: parcel.sources,
            sidecar: parcel.sidecar.filter(|_| has_sidecar).map(|(path, seen, _)| (path, seen)),
        })
    }

    fn folder(&self) -> PathBuf {
        folder(&self.inbox, self.day)
    }

    /// Everything under `place`, where `path` was, is as it was copied, and nothing else is there that might be an input.
    fn ensure_seen(&self, place: &Path) -> Result<()> {
        for (source, seen) in &self.sources {
            let below = source.strip_prefix(&self.path).unwrap_or(Path::new(""));
            let now = if below.as_os_str().is_empty() { place.to_owned() } else { place.join(below) };
            ensure_seen(&now, seen, source)?;
        }
        if self.entries.is_some_and(|entries| entries_of(place, entries) != entries) {
            return Err(Error::retry("release-changed").with("path", shown(&self.path)));
        }
        Ok(())
    }
}

/// Where an inbox keeps what was taken on a day.
fn folder(inbox: &Path, day: Date) -> PathBuf {
    inbox.join(".taken").join(day.to_string())
}

/// True if what `arrival` was lies in `.taken`, or lay there, while something else lies where `offer` found it. One file under
/// both names (a power cut between the syncs of two folders) is a move that happened by half.
pub(super) async fn is_taken(desk: &Admission, offer: &Offer, arrival: &Arrival) -> Result<bool> {
    let Release::Take { inbox } = &offer.release else { return Ok(false) };
    if desk.store.fact(&offer.ente, arrival.id.as_str(), TAKEN).await?.is_some() {
        return Ok(true);
    }
    let day = arrival.admitted_at.to_zoned(TimeZone::UTC).date();
    let target = folder(inbox, day).join(fitted(&format!("{}-", arrival.id), OsStr::from_bytes(offer.name.bytes())));
    let path = offer.path.clone();
    let place = |metadata: Metadata| (metadata.dev(), metadata.ino());
    blocking(move || match target.symlink_metadata() {
        Ok(taken) => Ok(path.symlink_metadata().map_or(true, |found| place(found) != place(taken))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::disk("look at source", parent(&target), e)),
    })
    .await
}

/// Moves all of `leaving` to `.taken/<day>/<arrival id>-<name>` of their inboxes, and makes the moves durable together: every
/// folder is synced once.
///
/// What is moved is what was copied: another file that was put in its place meanwhile stays in the inbox.
pub(super) fn take_together(leaving: &[Leaving]) -> Vec<Result<PathBuf>> {
    let mut ready: BTreeMap<PathBuf, Result<()>> = BTreeMap::new();
    let mut taken: Vec<Result<PathBuf>> = Vec::with_capacity(leaving.len());
    for leaves in leaving {
        let folder = leaves.folder();
        let is_ready = ready.entry(folder.clone()).or_insert_with(|| make_ready(&folder, &leaves.inbox));
        taken.push(match is_ready {
            Ok(()) => take(leaves, &folder),
            Err(error) => Err(error.again()),
        });
    }
    let moved = || leaving.iter().zip(&taken).filter(|(_, taken)| taken.is_ok()).map(|(leaves, _)| leaves);
    let targets: BTreeSet<PathBuf> = moved().map(Leaving::folder).collect();
    let sources: BTreeSet<PathBuf> = moved().map(|leaves| parent(&leaves.path).to_owned()).collect();
    // First where they are now: a name in both folders after a power cut is a replay, a name in none would be a loss.
    let synced = targets.iter().try_for_each(|folder| sync_folder(folder)).and_then(|()| {
        drill::point("acquire.taken-durable");
        sources.iter().try_for_each(|folder| sync_folder(folder))
    });
    drill::point("acquire.released");
    if let Err(error) = synced {
        taken.iter_mut().filter(|taken| taken.is_ok()).for_each(|taken| *taken = Err(error.again()));
    }
    taken
}

/// The folder of the day is there, durable, and in the inbox: whoever may write there could have planted a link.
fn make_ready(folder: &Path, inbox: &Path) -> Result<()> {
    make_folder(folder)?;
    if !resolved(folder).starts_with(resolved(inbox)) {
        return Err(Error::refuse("release-outside").with("path", shown(folder)).with("inbox", shown(inbox)));
    }
    sync_folder(parent(folder))?;
    sync_folder(inbox)
}

/// Moves one, its sidecar first: should we die between the two, the file is found again, is the same arrival and follows,
/// while a sidecar left alone would be taken for an input.
fn take(leaves: &Leaving, folder: &Path) -> Result<PathBuf> {
    let path = &leaves.path;
    if !resolved(parent(path)).starts_with(resolved(&leaves.inbox)) {
        return Err(Error::refuse("release-outside").with("path", shown(parent(path))).with("inbox", shown(&leaves.inbox)));
    }
    leaves.ensure_seen(path)?;
    let id = leaves.id.as_str();
    let mut sidecar = None;
    if let Some((place, seen)) = &leaves.sidecar
        && ensure_seen(place, seen, place).is_ok()
    {
        sidecar = Some((place, move_under((place, &name_of(place)), folder, id)?));
        drill::point("acquire.sidecar-renamed");
    }
    drill::point("acquire.before-rename");
    let moved = move_under((path, &leaves.name), folder, id).and_then(|target| {
        drill::point("acquire.renamed");
        match leaves.ensure_seen(&target) {
            Ok(()) => Ok(target),
            Err(error) => give_back(&target, path).and(Err(error)),
        }
    });
    if moved.is_err()
        && let Some((place, target)) = sidecar
    {
        give_back(&target, place)?;
    }
    moved
}

/// Moves a spent end-of-batch marker into `.taken/<day>` of its inbox.
pub(super) fn retire(path: &Path, inbox: &Path, day: Date) -> Result<()> {
    let folder = inbox.join(".taken").join(day.to_string());
    make_folder(&folder)?;
    if !resolved(&folder).starts_with(resolved(inbox)) {
        return Err(Error::refuse("release-outside").with("path", shown(&folder)).with("inbox", shown(inbox)));
    }
    move_under((path, &name_of(path)), &folder, "marker")?;
    sync_folder(&folder)?;
    sync_folder(parent(path))
}

/// The id of what is put into quarantine, from what makes it that thing at that place: the same after a restart.
pub(super) fn quarantine_id(ente: &EnteId, path: &Path) -> Result<String> {
    let metadata = path.symlink_metadata().map_err(|e| Error::disk("look at source", parent(path), e))?;
    let seen = Seen::of(&metadata);
    Ok(Digest::id("qua", &[ente.0.as_bytes(), path.as_os_str().as_bytes(), &seen.bytes()]))
}

/// Moves `path` into the quarantine folder, under `prefix` and its own name. What lies on another disk than the quarantine
/// cannot be moved there, and a link or a device cannot be copied: it goes into [`QUARANTINE`] of its own inbox.
pub(super) fn set_aside(path: &Path, (folder, inbox): (&Path, &Path), prefix: &str) -> Result<PathBuf> {
    make_folder(folder)?;
    drill::point("acquire.before-quarantine");
    match moved_aside(path, folder, prefix) {
        Err(error) if is_between_disks(&error) => {}
        moved => return moved,
    }
    let folder = inbox.join(QUARANTINE);
    make_folder(&folder)?;
    if !resolved(&folder).starts_with(resolved(inbox)) {
        return Err(Error::refuse("release-outside").with("path", shown(&folder)).with("inbox", shown(inbox)));
    }
    moved_aside(path, &folder, prefix)
}

fn moved_aside(path: &Path, folder: &Path, prefix: &str) -> Result<PathBuf> {
    let target = move_under((path, &name_of(path)), folder, prefix)?;
    sync_folder(folder)?;
    sync_folder(parent(path))?;
    Ok(target)
}

fn is_between_disks(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == ErrorKind::CrossesDevices)
}

fn name_of(path: &Path) -> OsString {
    path.file_name().unwrap_or(OsStr::new("unnamed")).to_owned()
}

/// Renames into `folder` as `<prefix>-<name>`, or with a number where that name is taken; nothing is replaced.
fn move_under((path, name): (&Path, &OsStr), folder: &Path, prefix: &str) -> Result<PathBuf> {
    for n in 1..=SAME_NAMES_MAX {
        let prefix = if n == 1 { format!("{prefix}-") } else { format!("{prefix}-{n}-") };
        let target = folder.join(fitted(&prefix, name));
        match move_file(path, &target) {
            Ok(()) => return Ok(target),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(Error::retry("source-gone").with("path", shown(path))),
            // Not the disk's fault, nor the folder's that all others go to: only what lies here stays (sub-folders have rights of
            // their own, files may be immutable).
            Err(e) if e.kind() == ErrorKind::PermissionDenied && is_writable(folder) => {
                return Err(Error::refuse("release-denied").with("path", shown(parent(path))).with("cause", &e).because(e));
            }
            Err(e) => return Err(Error::disk("move source", folder, e)),
        }
    }
    Err(Error::hold("release-crowded").with("path", shown(folder)))
}

/// True of a folder into which this process may move something.
fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// Prefix and name, cut at the end to what a file system takes; the true name is in the arrival's row, bit by bit.
fn fitted(prefix: &str, name: &OsStr) -> OsString {
    let mut length = name.len().min(NAME_MAX.saturating_sub(prefix.len()));
    let bytes = name.as_bytes();
    // Not inside a UTF-8 sequence (a sequence has at most three following bytes).
    for _ in 0..3 {
        if length > 0 && length < bytes.len() && bytes[length] & 0b1100_0000 == 0b1000_0000 {
            length -= 1;
        }
    }
    let mut fitted = prefix.as_bytes().to_vec();
    fitted.extend_from_slice(&bytes[..length]);
    OsString::from_vec(fitted)
}

/// The file at `place` is still the one that was seen, unaltered.
fn ensure_seen(place: &Path, seen: &Seen, path: &Path) -> Result<()> {
    match place.symlink_metadata() {
        Ok(metadata) if Seen::of(&metadata) == *seen => Ok(()),
        Ok(_) => Err(Error::retry("release-changed").with("path", shown(path))),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::retry("source-gone").with("path", shown(path))),
        Err(e) => Err(Error::disk("look at source", parent(place), e)),
    }
}

/// What was moved is not what was admitted: back into the inbox, beside a newcomer of its name if there is one.
fn give_back(target: &Path, path: &Path) -> Result<()> {
    match move_file(target, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => move_under((target, &name_of(target)), parent(path), "2").map(drop)?,
        other => other.map_err(|e| Error::disk("give source back", parent(path), e))?,
    }
    sync_folder(parent(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_to_what_a_file_system_takes_between_characters() {
        assert_eq!(fitted("arr-", OsStr::new("a.tif")), "arr-a.tif");
        let longest = "x".repeat(NAME_MAX - 4);
        assert_eq!(fitted("arr-", OsStr::new(&longest)).len(), NAME_MAX);
        let accented = "è".repeat(127);
        let cut = fitted("arr-", OsStr::new(&accented));
        assert_eq!(cut.len(), 254);
        assert!(cut.to_str().is_some());
    }

    #[test]
    fn what_was_moved_by_mistake_returns_beside_a_newcomer() {
        let inbox = tempfile::tempdir().expect("folder");
        let (moved, path) = (inbox.path().join("moved"), inbox.path().join("a.tif"));
        for file in [&moved, &path] {
            std::fs::File::create(file).expect("file");
        }
        give_back(&moved, &path).expect("back");
        assert!(path.exists() && inbox.path().join("2-moved").exists() && !moved.exists());
    }
}
