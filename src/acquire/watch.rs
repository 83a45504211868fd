//! What waits in this inbox, and what of it may be admitted now? One look through it, in the order of the disk.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::complete::is_complete;
use super::guard::{Seen, changed_ns, resolved, shown};
use super::lease::has_writer;
use super::settle::{Patience, Rest, Settling};
use super::walk::{Found, is_input, walk};
use crate::blobs::local::parent;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::inbox::{Inbox, Subfolders};
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

/// A file that may be admitted.
#[derive(Debug)]
pub struct Candidate {
    /// It.
    pub found: Found,
    /// Its key in [`Settling`].
    pub key: u64,
}

/// What a look found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sight {
    /// Files that changed lately.
    pub moving: u64,
    /// Files that are open for writing or end early.
    pub unfinished: u64,
    /// Files that could not be admitted and wait for another try.
    pub stuck: u64,
    /// Places that could not be walked.
    pub unwalked: u64,
    /// Files offered for admission.
    pub offered: u64,
    /// True if the look went through the whole inbox.
    pub is_complete: bool,
}

impl Watched {
    /// Milliseconds since the watch began.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn patience(&self) -> Patience {
        Patience { settle_ms: self.inbox.settle_seconds * 1_000, incomplete_ms: self.inbox.incomplete_seconds * 1_000 }
    }

    /// Milliseconds since anything about the file changed, by the file system's clock, which is ours on a local disk only.
    fn age_ms(&self, metadata: &Metadata, is_local: bool) -> u64 {
        let changed_ms = changed_ns(metadata) / 1_000_000;
        let age = i128::from(self.clock.now().as_millisecond()) - changed_ms;
        if is_local { u64::try_from(age).unwrap_or(0) } else { 0 }
    }
}

/// Refuses inboxes that cannot be told apart, that the archive would feed on, or that ask for what is not there yet.
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
        if inbox.subfolders == Subfolders::Document {
            return Err(wrong("inbox-subfolders-document", place));
        }
    }
    Ok(())
}

/// Looks through the inbox once and gives every file that has come to rest to `offer`, as soon as it is met; it ends early
/// when `offer` wants no more. An error means that the inbox cannot be reached.
pub fn look(watched: &Watched, settling: &mut Settling, offer: &mut dyn FnMut(Candidate) -> bool) -> Result<Sight> {
    let folder = resolved(&watched.folder);
    if let Err(e) = std::fs::read_dir(&folder) {
        return Err(Error::retry("inbox-unreachable").with("path", shown(&folder)).with("cause", &e).because(e));
    }
    let is_local = crate::store::lock::ensure_local(&folder).is_ok();
    let mut sight = Sight::default();
    let mut batch = Batch::default();
    settling.begin();
    for found in walk(std::slice::from_ref(&folder), &watched.limits).as_it_lies() {
        let Ok(found) = found else {
            sight.unwalked += 1;
            continue;
        };
        let name = found.name.bytes();
        if watched.inbox.ignores(name) || watched.inbox.is_end_marker(name) || !batch.is_ended(watched, parent(&found.path)) {
            continue;
        }
        let Ok(metadata) = found.path.symlink_metadata() else { continue };
        let key = key_of(&found.path);
        let times = (watched.now_ms(), watched.age_ms(&metadata, is_local));
        let rest = settling.look((key, mark_of(&metadata)), times, watched.patience());
        match rest {
            Rest::Moving => sight.moving += 1,
            Rest::Stuck => sight.stuck += 1,
            Rest::Settled if metadata.is_file() && !is_finished(&found.path) => sight.unfinished += 1,
            Rest::Settled | Rest::Final => {
                sight.offered += 1;
                if !offer(Candidate { found, key }) {
                    return Ok(sight);
                }
            }
        }
    }
    settling.end();
    sight.is_complete = true;
    Ok(sight)
}

/// What waits in an inbox, for a person: how many files, and the age of the oldest in seconds.
pub fn waiting(inbox: &Inbox, folder: &Path, (limits, clock): (&Limits, Clock)) -> Result<(u64, Option<i64>)> {
    let folder = resolved(folder);
    std::fs::read_dir(&folder).map_err(|e| Error::retry("inbox-unreachable").with("path", shown(&folder)).with("cause", e))?;
    let (mut count, mut oldest) = (0, None);
    for found in walk(std::slice::from_ref(&folder), limits).as_it_lies().flatten() {
        if inbox.ignores(found.name.bytes()) || inbox.is_end_marker(found.name.bytes()) {
            continue;
        }
        count += 1;
        if let Ok(metadata) = found.path.symlink_metadata() {
            oldest = Some(oldest.map_or(metadata.mtime(), |before: i64| before.min(metadata.mtime())));
        }
    }
    Ok((count, oldest.map(|mtime| (clock.now().as_second() - mtime).max(0))))
}

/// Nobody writes to it any more, and it ends where its format says. What cannot be opened is for admission to tell.
fn is_finished(path: &Path) -> bool {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let Ok(file) = File::options().read(true).custom_flags(flags).open(path) else { return true };
    has_writer(&file) != Some(true) && is_complete(&file)
}

fn key_of(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.as_os_str().as_bytes().hash(&mut hasher);
    hasher.finish()
}

fn mark_of(metadata: &Metadata) -> u64 {
    let mut hasher = DefaultHasher::new();
    Seen::of(metadata).bytes().hash(&mut hasher);
    changed_ns(metadata).hash(&mut hasher);
    hasher.finish()
}

/// Whether the folder at hand has its end-of-batch marker; the last answer is kept, for files come folder by folder.
#[derive(Debug, Default)]
struct Batch {
    last: Option<(PathBuf, bool)>,
}

impl Batch {
    fn is_ended(&mut self, watched: &Watched, folder: &Path) -> bool {
        if watched.inbox.end_marker.is_none() {
            return true;
        }
        if let Some((last, is_ended)) = &self.last
            && last == folder
        {
            return *is_ended;
        }
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let is_ended = names.into_iter().any(|name| watched.inbox.is_end_marker(name.as_bytes()));
        self.last = Some((folder.to_owned(), is_ended));
        is_ended
    }
}

/// The end-of-batch markers in folders where nothing else waits: the batch is in, and the next one brings its own.
pub fn spent_markers(watched: &Watched) -> Vec<PathBuf> {
    if watched.inbox.end_marker.is_none() {
        return Vec::new();
    }
    let is_marker = |path: &Path| watched.inbox.is_end_marker(path.file_name().unwrap_or(OsStr::new("")).as_bytes());
    let found = walk(&[resolved(&watched.folder)], &watched.limits).as_it_lies().flatten();
    found.filter(|found| is_marker(&found.path) && is_alone(watched, parent(&found.path))).map(|found| found.path).collect()
}

fn is_alone(watched: &Watched, folder: &Path) -> bool {
    let mut others = std::fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| {
        let name = entry.file_name();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        !is_folder
            && is_input(name.as_bytes())
            && !watched.inbox.ignores(name.as_bytes())
            && !watched.inbox.is_end_marker(name.as_bytes())
    });
    others.next().is_none()
}
