//! Which inboxes are watched, and what waits in them? How one is looked through is `look`'s business.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Beside;
use super::folder::is_marker;
use super::guard::{changed_ns, resolved, shown};
use super::look::is_at_rest_as_marker;
pub use super::look::look;
use super::settle::{Patience, Settling};
use super::walk::{Found, is_input, is_temporary, walk};
use crate::blobs::local::parent;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::inbox::Inbox;
use crate::limits::Limits;

/// An inbox under watch.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Its settings.
    pub inbox: Inbox,
    /// The folder.
    pub folder: PathBuf,
    /// Ceilings.
    pub limits: Limits,
    /// The time of day, to tell the age of what lies there.
    pub clock: Clock,
    /// The beginning of the time that never goes back, by which looks are told apart.
    pub began: Instant,
}

/// A file, or a folder that is one document, that may be admitted.
#[derive(Debug)]
pub struct Candidate {
    /// It.
    pub found: Found,
    /// What comes with it.
    pub beside: Beside,
    /// Its key in [`super::settle::Settling`].
    pub key: u64,
    /// Its size, as it was seen.
    pub bytes: u64,
}

/// What a look found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// Files that changed lately.
    pub moving: u64,
    /// Files that end early, and sidecars without their file.
    pub unfinished: u64,
    /// Files that somebody has open for writing.
    pub open: u64,
    /// Files that could not be admitted and wait for another try.
    pub stuck: u64,
    /// Places that could not be walked.
    pub unwalked: u64,
    /// Files under the name of their time, for which their folder waits.
    #[serde(default)]
    pub temporary: u64,
    /// Files that wait for their end-of-batch marker.
    #[serde(default)]
    pub unmarked: u64,
    /// Files with the name of the end-of-batch marker that are documents, and end no batch.
    #[serde(default)]
    pub misnamed: u64,
    /// Since when the oldest of the files waits that wait for their own name or for a marker.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Files offered for admission.
    pub offered: u64,
}

impl Sight {
    /// What waits for something that others must do has stood so since it last changed.
    pub(super) fn waits(&mut self, metadata: &Metadata) {
        let since = Timestamp::from_nanosecond(changed_ns(metadata)).ok();
        self.since = self.since.into_iter().chain(since).min();
    }
}

impl Watched {
    /// Milliseconds since the watch began.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn patience(&self) -> Patience {
        let inbox = &self.inbox;
        let (incomplete_ms, open_ms) = (inbox.incomplete_seconds * 1_000, inbox.open_seconds * 1_000);
        Patience { settle_ms: inbox.settle_seconds * 1_000, incomplete_ms, open_ms: open_ms.max(incomplete_ms) }
    }

    /// Milliseconds since anything about the file changed, by the file system's clock, which is ours on a local disk only.
    pub(super) fn age_ms(&self, metadata: &Metadata, is_local: bool) -> u64 {
        let changed_ms = changed_ns(metadata) / 1_000_000;
        let age = i128::from(self.clock.now().as_millisecond()) - changed_ms;
        if is_local { u64::try_from(age).unwrap_or(0) } else { 0 }
    }
}

/// Refuses inboxes that cannot be told apart, or that the archive would feed on.
pub fn ensure_separate(inboxes: &[(Inbox, PathBuf)], archive: &Path) -> Result<()> {
    let wrong = |code, path: &Path| Error::new(Kind::Environment, code).with("path", shown(path));
    let archive = resolved(archive);
    let places: Vec<PathBuf> = inboxes.iter().map(|(_, folder)| resolved(folder)).collect();
    for (n, ((inbox, _), place)) in inboxes.iter().zip(&places).enumerate() {
        if place.starts_with(&archive) && !place.starts_with(archive.join(super::guard::INBOX)) || archive.starts_with(place) {
            return Err(wrong("inbox-in-archive", place).with("archive", shown(&archive)));
        }
        if let Some(other) = places[..n].iter().find(|other| place.starts_with(other) || other.starts_with(place)) {
            return Err(wrong("inbox-overlap", place).with("other", shown(other)));
        }
        if inboxes[..n].iter().any(|(other, _)| other.profile == inbox.profile) {
            return Err(wrong("inbox-profile-twice", place).with("profile", &inbox.profile));
        }
    }
    Ok(())
}

/// What waits in an inbox, for a person: how many files, and the age of the oldest in seconds.
pub fn waiting(inbox: &Inbox, folder: &Path, (limits, clock): (&Limits, Clock)) -> Result<(u64, Option<i64>)> {
    let folder = resolved(folder);
    std::fs::read_dir(&folder).map_err(|e| Error::retry("inbox-unreachable").with("path", shown(&folder)).with("cause", e))?;
    let (mut count, mut oldest) = (0, None);
    for found in walk(std::slice::from_ref(&folder), limits).as_it_lies().flatten() {
        if inbox.ignores(found.name.bytes()) || is_marker(inbox, &found.path) {
            continue;
        }
        count += 1;
        if let Ok(metadata) = found.path.symlink_metadata() {
            oldest = Some(oldest.map_or(metadata.mtime(), |before: i64| before.min(metadata.mtime())));
        }
    }
    Ok((count, oldest.map(|mtime| (clock.now().as_second() - mtime).max(0))))
}

/// The end-of-batch markers in folders where nothing else waits: the batch is in, and the next one brings its own. A marker from
/// whose folder nothing has come yet (`come` has the others) may be earlier than its files: it stays for as long as an
/// incomplete file is waited for. What `come` says of folders where nothing waits is forgotten.
pub fn spent_markers(watched: &Watched, settling: &mut Settling, come: &mut BTreeSet<PathBuf>) -> Vec<PathBuf> {
    if watched.inbox.end_marker.is_none() {
        return Vec::new();
    }
    let is_old = |path: &Path| {
        let age = path.symlink_metadata().map_or(0, |metadata| watched.age_ms(&metadata, true));
        age >= watched.patience().incomplete_ms
    };
    let mut is_spent = |path: &Path| {
        let folder = parent(path);
        let is_over = || is_alone(watched, folder) && (come.contains(folder) || is_old(path));
        is_marker(&watched.inbox, path) && is_over() && is_at_rest_as_marker(watched, settling, path)
    };
    let found = walk(&[resolved(&watched.folder)], &watched.limits).as_it_lies().flatten();
    let spent = found.map(|found| found.path).filter(|path| is_spent(path)).collect();
    come.retain(|folder| !is_alone(watched, folder));
    spent
}

/// An end-of-batch marker in a folder where nothing else waits.
pub(super) struct Alone {
    pub(super) folder: PathBuf,
    /// The folder as seen from its inbox, bit by bit.
    pub(super) below: Vec<u8>,
    /// When the marker was written.
    pub(super) since: Timestamp,
}

/// The markers that lie alone; none where the times of files are another machine's.
pub(super) fn markers_alone(watched: &Watched) -> Result<Vec<Alone>> {
    let root = resolved(&watched.folder);
    std::fs::read_dir(&root).map_err(|e| Error::retry("inbox-unreachable").with("path", shown(&root)).with("cause", e))?;
    if watched.inbox.end_marker.is_none() || crate::store::lock::ensure_local(&root).is_err() {
        return Ok(Vec::new());
    }
    let alone = |path: &Path| {
        let folder = parent(path);
        let is_one = is_marker(&watched.inbox, path) && is_alone(watched, folder);
        let since = Timestamp::from_nanosecond(changed_ns(&path.symlink_metadata().ok()?)).ok()?;
        let below = folder.strip_prefix(&root).ok()?.as_os_str().as_bytes().to_vec();
        is_one.then(|| Alone { folder: folder.to_owned(), below, since })
    };
    let found = walk(std::slice::from_ref(&root), &watched.limits).as_it_lies().flatten();
    Ok(found.filter_map(|found| alone(&found.path)).collect())
}

fn is_alone(watched: &Watched, folder: &Path) -> bool {
    let mut others = std::fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.as_bytes();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_waited_for = is_input(name) || is_temporary(name);
        !is_folder && is_waited_for && !watched.inbox.ignores(name) && !is_marker(&watched.inbox, &entry.path())
    });
    others.next().is_none()
}
