//! What of this inbox may be admitted now? One look through it, in the order of the disk.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Beside;
use super::complete::is_complete;
use super::folder::{Listing, is_marker, listing};
use super::guard::{Seen, changed_ns, resolved, shown};
use super::lease::has_writer;
use super::outgrown::Thing;
use super::settle::{Patience, Rest, Settling};
use super::sidecar;
use super::walk::{Found, is_input, walk};
use super::watch::{Candidate, Sight, Watched};
use crate::arrival::FileName;
use crate::blobs::local::parent;
use crate::error::{Error, Result};
use crate::inbox::Subfolders;

/// Looks through the inbox once and gives everything that has come to rest to `offer`, as soon as it is met; it ends early
/// when `offer` wants no more. An error means that the inbox cannot be reached.
pub fn look(watched: &Watched, settling: &mut Settling, offer: &mut dyn FnMut(Candidate) -> bool) -> Result<Sight> {
    let root = resolved(&watched.folder);
    if let Err(e) = std::fs::read_dir(&root) {
        return Err(Error::retry("inbox-unreachable").with("path", shown(&root)).with("cause", &e).because(e));
    }
    let is_local = crate::store::lock::ensure_local(&root).is_ok();
    settling.begin((watched.now_ms(), watched.clock.now().as_millisecond()));
    let walk = walk(std::slice::from_ref(&root), &watched.limits).as_it_lies();
    let mut eye = Eye { watched, settling, root, is_local, sight: Sight::default(), ended: None, folders: BTreeSet::new() };
    for found in walk {
        let Ok(found) = found else {
            eye.sight.unwalked += 1;
            continue;
        };
        if let Some(candidate) = eye.candidate(found) {
            eye.sight.offered += 1;
            if !offer(candidate) {
                return Ok(eye.sight);
            }
        }
    }
    eye.settling.end();
    Ok(eye.sight)
}

/// Which of the things that changed after they were taken have come to rest; the others are counted. Where nobody tells who has a
/// file open, its writer has already shown that it pauses for longer than files need to settle: it gets the time of one
/// that ends early.
pub(super) fn at_rest(watched: &Watched, settling: &mut Settling, things: Vec<Thing>) -> (Vec<Thing>, Sight) {
    let root = resolved(&watched.folder);
    let is_local = crate::store::lock::ensure_local(&root).is_ok();
    settling.begin((watched.now_ms(), watched.clock.now().as_millisecond()));
    let mut eye = Eye { watched, settling, root, is_local, sight: Sight::default(), ended: None, folders: BTreeSet::new() };
    let still = things.into_iter().filter(|thing| eye.is_still(thing)).collect();
    eye.settling.end();
    (still, eye.sight)
}

/// A look under way.
struct Eye<'a> {
    watched: &'a Watched,
    settling: &'a mut Settling,
    root: PathBuf,
    is_local: bool,
    sight: Sight,
    /// The folder whose files come now, and whether its batch is ended: files come folder by folder.
    ended: Option<(PathBuf, bool)>,
    /// The folders that are documents and were looked at in this round.
    folders: BTreeSet<PathBuf>,
}

/// What lies beside a file under the name of a sidecar.
enum Neighbour {
    /// Nothing, or nothing that is one.
    None,
    /// Something that may become one.
    Unsettled,
    /// Its sidecar.
    Sidecar(PathBuf),
}

impl Eye<'_> {
    /// What may be admitted of what was found: a file, or the folder in which it lies, once.
    fn candidate(&mut self, found: Found) -> Option<Candidate> {
        let inbox = &self.watched.inbox;
        if inbox.ignores(found.name.bytes()) {
            return None;
        }
        if inbox.is_end_marker(found.name.bytes()) {
            if is_marker(inbox, &found.path) {
                self.has_rested(&[found.path]);
                return None;
            }
            self.sight.misnamed += 1;
        }
        if inbox.subfolders == Subfolders::Document
            && let Some(folder) = self.folder_of(&found.path)
        {
            return if self.folders.insert(folder.clone()) { self.folder(folder) } else { None };
        }
        if self.is_ended(parent(&found.path)) {
            return self.file(found);
        }
        self.sight.unmarked += 1;
        if let Ok(metadata) = found.path.symlink_metadata() {
            self.sight.waits(&metadata);
        }
        None
    }

    /// True if the batch of a folder is over: its end marker lies there.
    fn is_ended(&mut self, folder: &Path) -> bool {
        if self.watched.inbox.end_marker.is_none() {
            return true;
        }
        if let Some((last, is_ended)) = &self.ended
            && last == folder
        {
            return *is_ended;
        }
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let markers: Vec<PathBuf> = entries.filter(|path| is_marker(&self.watched.inbox, path)).collect();
        let is_ended = self.has_rested(&markers);
        self.ended = Some((folder.to_owned(), is_ended));
        is_ended
    }

    /// True if one of these markers has stood as long as any file must: a document, too, is empty when it comes into being.
    fn has_rested(&mut self, markers: &[PathBuf]) -> bool {
        let rested = markers.iter().filter(|path| is_at_rest_as_marker(self.watched, self.settling, path)).count();
        self.sight.moving += u64::from(rested == 0 && !markers.is_empty());
        rested > 0
    }

    /// The folder just below the inbox in which `path` lies, if it does not lie in the inbox itself.
    fn folder_of(&self, path: &Path) -> Option<PathBuf> {
        let mut parts = path.strip_prefix(&self.root).ok()?.components();
        let first = parts.next()?;
        parts.next().map(|_| self.root.join(first))
    }

    fn file(&mut self, found: Found) -> Option<Candidate> {
        let metadata = found.path.symlink_metadata().ok()?;
        let key = key_of(&found.path);
        let neighbour = self.neighbour(&found.path);
        let mut patience = self.watched.patience();
        if matches!(neighbour, Neighbour::None) && sidecar::file_of(&found.path).is_none() {
            patience.settle_ms = patience.settle_ms.max(self.watched.inbox.sidecar_seconds * 1_000);
        }
        let rest = self.rest((key, mark_of(&metadata)), &[&metadata], patience);
        if !self.is_at_rest(rest, &[(&found.path, &metadata)]) {
            return None;
        }
        if metadata.is_file() && self.is_bound(&found.path, rest) {
            return None;
        }
        let sidecar = match neighbour {
            Neighbour::None => None,
            Neighbour::Sidecar(path) => Some(path),
            Neighbour::Unsettled => {
                self.sight.moving += 1;
                return None;
            }
        };
        let folder = parent(&found.path).strip_prefix(&self.root).map(|below| below.as_os_str().as_bytes().to_vec());
        let beside =
            Beside { folder: folder.unwrap_or_default(), sidecar, defaults: self.watched.inbox.given(), ..Beside::default() };
        Some(Candidate { found, beside, key, bytes: metadata.len() })
    }

    /// True of a sidecar: it goes with its file, or waits for it as long as for the end of a file that ends early.
    fn is_bound(&mut self, path: &Path, rest: Rest) -> bool {
        let Some(file) = sidecar::file_of(path) else { return false };
        let name = file.file_name().unwrap_or_default().as_bytes();
        let inbox = &self.watched.inbox;
        let is_one = is_input(name) && !inbox.ignores(name) && !inbox.is_end_marker(name);
        let has_file = is_one
            && file.symlink_metadata().is_ok_and(|m| m.is_file() || m.is_dir() && inbox.subfolders == Subfolders::Document);
        let waits = matches!(rest, Rest::Settled);
        if !(has_file || waits) || !sidecar::is_sidecar(path) {
            return false;
        }
        self.sight.unfinished += u64::from(!has_file);
        true
    }

    /// What lies under the names of sidecars beside `path`.
    fn neighbour(&mut self, path: &Path) -> Neighbour {
        for place in sidecar::places(path) {
            let Ok(metadata) = place.symlink_metadata() else { continue };
            if !metadata.is_file() {
                continue;
            }
            let rest = self.rest((key_of(&place), mark_of(&metadata)), &[&metadata], self.watched.patience());
            match (rest, finish_of(&place)) {
                (Rest::Moving, _) | (Rest::Settled, Finish::Open) => return Neighbour::Unsettled,
                _ if sidecar::is_sidecar(&place) => return Neighbour::Sidecar(place),
                _ => {}
            }
        }
        Neighbour::None
    }

    /// A folder is complete with its end marker where one is configured, else when nothing in it has changed for long enough.
    fn folder(&mut self, path: PathBuf) -> Option<Candidate> {
        let Ok(Listing { pages, temporary, entries, markers }) = listing(&path, &self.watched.inbox, &self.watched.limits) else {
            self.sight.unwalked += 1;
            return None;
        };
        if self.watched.inbox.end_marker.is_some() && !self.has_rested(&markers) {
            self.sight.unmarked += (pages.len() + temporary.len()) as u64;
            pages.iter().chain(&temporary).for_each(|(_, metadata)| self.sight.waits(metadata));
            return None;
        }
        if pages.is_empty() && temporary.is_empty() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        entries.hash(&mut hasher);
        let parts = || pages.iter().chain(&temporary);
        for (page, metadata) in parts() {
            (page, mark_of(metadata)).hash(&mut hasher);
        }
        let (key, mark) = (key_of(&path), hasher.finish());
        let neighbour = self.neighbour(&path);
        let mut patience = self.watched.patience();
        if matches!(neighbour, Neighbour::None) {
            patience.settle_ms = patience.settle_ms.max(self.watched.inbox.sidecar_seconds * 1_000);
        }
        let mut times: Vec<&Metadata> = parts().map(|(_, metadata)| metadata).collect();
        let own = path.symlink_metadata().ok()?;
        times.push(&own);
        let rest = self.rest((key, mark), &times, patience);
        let files: Vec<(&Path, &Metadata)> = parts().map(|(page, metadata)| (page.as_path(), metadata)).collect();
        if !self.is_at_rest(rest, &files) {
            return None;
        }
        // However long it rests, a page that has not got its name is none that the folder could go without.
        if !temporary.is_empty() {
            self.sight.temporary += temporary.len() as u64;
            for (_, metadata) in &temporary {
                self.sight.waits(metadata);
            }
            return None;
        }
        if matches!(neighbour, Neighbour::Unsettled) {
            self.sight.moving += 1;
            return None;
        }
        let name = FileName::new(path.file_name().unwrap_or_default().as_bytes());
        let beside = Beside {
            sidecar: if let Neighbour::Sidecar(path) = neighbour { Some(path) } else { None },
            defaults: self.watched.inbox.given(),
            pages: pages.iter().map(|(page, _)| page.clone()).collect(),
            entries,
            duplex: self.watched.inbox.duplex,
            ..Beside::default()
        };
        let bytes = pages.iter().map(|(_, metadata)| metadata.len()).sum();
        Some(Candidate { found: Found { path, name }, beside, key, bytes })
    }

    fn is_still(&mut self, thing: &Thing) -> bool {
        let mut patience = self.watched.patience();
        let files: Vec<(&Path, &Metadata)> = thing.files.iter().map(|(path, metadata)| (path.as_path(), metadata)).collect();
        if !files.iter().all(|(path, _)| tells_writers(path)) {
            patience.settle_ms = patience.settle_ms.max(patience.incomplete_ms);
        }
        let times: Vec<&Metadata> = files.iter().map(|(_, metadata)| *metadata).collect();
        let rest = self.rest((thing.key, thing.mark), &times, patience);
        self.is_at_rest(rest, &files)
    }

    /// How long that has stood whose parts were seen so: the youngest part tells.
    fn rest(&mut self, (key, mark): (u64, u64), parts: &[&Metadata], patience: Patience) -> Rest {
        let ages = parts.iter().map(|metadata| self.watched.age_ms(metadata, self.is_local));
        let times = (self.watched.now_ms(), ages.min().unwrap_or(0));
        self.settling.look((key, mark), times, patience)
    }

    /// True if it may be offered; else it is counted among those that wait.
    fn is_at_rest(&mut self, rest: Rest, files: &[(&Path, &Metadata)]) -> bool {
        match rest {
            Rest::Moving => self.sight.moving += 1,
            Rest::Stuck => self.sight.stuck += 1,
            Rest::Overdue => return true,
            Rest::Settled | Rest::Final => {
                let finishes = files.iter().filter(|(_, metadata)| metadata.is_file()).map(|(path, _)| finish_of(path));
                match finishes.max().unwrap_or(Finish::Done) {
                    Finish::Open => self.sight.open += 1,
                    Finish::Early if rest == Rest::Settled => self.sight.unfinished += 1,
                    Finish::Early | Finish::Done => return true,
                }
            }
        }
        false
    }
}

/// Whether who writes a file has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Finish {
    /// Nobody writes, and it ends where its format says. What cannot be opened is for admission to tell.
    Done,
    /// It ends early.
    Early,
    /// Somebody has it open for writing.
    Open,
}

fn opened(path: &Path) -> std::io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// True where it can be known whether somebody has the file open for writing.
fn tells_writers(path: &Path) -> bool {
    opened(path).is_ok_and(|file| has_writer(&file).is_some())
}

fn finish_of(path: &Path) -> Finish {
    match opened(path) {
        Err(_) => Finish::Done,
        Ok(file) if has_writer(&file) == Some(true) => Finish::Open,
        Ok(file) if is_complete(&file) => Finish::Done,
        Ok(_) => Finish::Early,
    }
}

/// True if what looks like an end marker has stood as it is for as long as any file must.
pub(super) fn is_at_rest_as_marker(watched: &Watched, settling: &mut Settling, path: &Path) -> bool {
    let Ok(metadata) = path.symlink_metadata() else { return false };
    let age = watched.age_ms(&metadata, crate::store::lock::ensure_local(parent(path)).is_ok());
    let rest = settling.look((key_of(path), mark_of(&metadata)), (watched.now_ms(), age), watched.patience());
    rest != Rest::Moving
}

pub(super) fn key_of(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.as_os_str().as_bytes().hash(&mut hasher);
    hasher.finish()
}

pub(super) fn mark_of(metadata: &Metadata) -> u64 {
    let mut hasher = DefaultHasher::new();
    Seen::of(metadata).bytes().hash(&mut hasher);
    changed_ns(metadata).hash(&mut hasher);
    hasher.finish()
}
