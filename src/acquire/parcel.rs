//! What goes in together? A file with its sidecar, or a folder with all its files: copied and hashed, not yet recorded.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::folder::entries_of;
use super::guard::{self, Seen};
use super::{Admission, Offer, blocking, sidecar};
use crate::arrival::{EnteId, FileName};
use crate::blobs::StoredBlob;
use crate::blobs::local::HANDS;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::given::{self, Given, SidecarFile};
use crate::messages::Message;
use crate::stack::{Stack, StackFile};

/// What is said of a sidecar that tells another digest.
const OTHER_FILE: &str = "sidecar-other-file";

/// An offer whose bytes are in the blobs.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) offer: Offer,
    /// The file, or the newest of the folder's files.
    pub(super) seen: Seen,
    /// The bytes of the arrival: of the file, or the list of the folder's files.
    pub(super) stored: StoredBlob,
    /// The files of a folder.
    pub(super) stack: Option<Stack>,
    /// Every file that leaves with it, as it was when it was copied.
    pub(super) sources: Vec<(PathBuf, Seen)>,
    /// Its sidecar, with what it says.
    pub(super) sidecar: Option<(PathBuf, Seen, Given)>,
}

impl Parcel {
    /// Every blob that it needs.
    pub(super) fn blobs(&self) -> Vec<(Digest, u64)> {
        let own = [(self.stored.sha256, self.stored.bytes)];
        let pages = self.stack.iter().flat_map(|stack| stack.files.iter().map(|file| (file.sha256, file.bytes)));
        let sidecar = self.sidecar.iter().filter_map(|(_, _, given)| given.sidecar.as_ref());
        own.into_iter().chain(pages).chain(sidecar.map(|file| (file.sha256, file.bytes))).collect()
    }

    /// What was said of it, with the number of each fact.
    pub(super) fn given(&self) -> impl Iterator<Item = (u32, &Given)> {
        let before = self.offer.beside.before.iter().filter_map(|before| before.given.as_ref());
        let sidecar = self.sidecar.iter().map(|(_, _, given)| given).chain(before).map(|given| (given::SIDECAR, given));
        sidecar.chain(self.offer.beside.defaults.iter().map(|given| (given::DEFAULTS, given)))
    }
}

/// Copies every offer, hashing on the way, and makes all that was copied durable together: each file by itself, their folders
/// once. A source that changes meanwhile leaves no blob.
pub(super) async fn copied(desk: &Admission, offers: Vec<Offer>) -> Vec<Result<Parcel>> {
    let worker = desk.clone();
    let count = offers.len();
    let done = blocking(move || Ok(copied_here(&worker, offers))).await;
    done.unwrap_or_else(|error| (0..count).map(|_| Err(error.again())).collect())
}

fn copied_here(desk: &Admission, offers: Vec<Offer>) -> Vec<Result<Parcel>> {
    let count = offers.len();
    let mut parcels: Vec<Result<Parcel>> =
        offers.iter().map(|_| Err(Error::bug("a file was not copied, for its thread ended by panic"))).collect();
    let work = Mutex::new(offers.into_iter().zip(&mut parcels));
    let next = || work.lock().ok().and_then(|mut work| work.next());
    let hand = || std::iter::from_fn(next).for_each(|(offer, place)| *place = parcel(desk, offer));
    std::thread::scope(|scope| {
        for _ in 1..count.min(HANDS) {
            scope.spawn(hand);
        }
        hand();
    });
    drop(work);
    if let Err(error) = settle(desk, &parcels) {
        parcels.iter_mut().filter(|parcel| parcel.is_ok()).for_each(|parcel| *parcel = Err(error.again()));
    }
    parcels
}

/// Makes durable all that was copied, ente by ente.
fn settle(desk: &Admission, parcels: &[Result<Parcel>]) -> Result<()> {
    let mut by_ente: BTreeMap<&EnteId, Vec<Digest>> = BTreeMap::new();
    for parcel in parcels.iter().flatten() {
        by_ente.entry(&parcel.offer.ente).or_default().extend(parcel.blobs().into_iter().map(|(sha256, _)| sha256));
    }
    by_ente.into_iter().try_for_each(|(ente, digests)| desk.blobs.settle(ente, &digests))
}

fn parcel(desk: &Admission, offer: Offer) -> Result<Parcel> {
    let sidecar = match offer.beside.sidecar.clone() {
        None => None,
        Some(path) => read_sidecar(desk, &offer, path)?,
    };
    let mut parcel = if offer.beside.pages.is_empty() { file(desk, offer)? } else { folder(desk, offer)? };
    // The digest of a folder is that of its list, which nobody outside knows.
    let own = parcel.stack.is_none().then_some(parcel.stored.sha256);
    parcel.sidecar = sidecar.map(|(path, seen, mut given)| {
        compare(&mut given, own);
        (path, seen, given)
    });
    if let Some(given) = parcel.offer.beside.before.as_mut().and_then(|before| before.given.as_mut()) {
        compare(given, own);
    }
    Ok(parcel)
}

/// Says of a sidecar that it speaks of another file than the one whose digest is `own`; what was said of an earlier state of
/// the file is forgotten.
fn compare(given: &mut Given, own: Option<Digest>) {
    given.faults.retain(|fault| fault.code() != OTHER_FILE);
    if own.zip(given.impronta).is_some_and(|(own, said)| own != said) {
        let name = given.sidecar.as_ref().map(|file| file.name.shown()).unwrap_or_default();
        given.faults.push(Message::new(OTHER_FILE).with("name", name));
    }
}

fn name_of(path: &Path) -> FileName {
    FileName::new(path.file_name().unwrap_or_default().as_bytes())
}

fn file(desk: &Admission, offer: Offer) -> Result<Parcel> {
    let (seen, stored) = copy(desk, &offer, (&offer.path, &offer.name))?;
    let sources = vec![(offer.path.clone(), seen)];
    Ok(Parcel { offer, seen, stored, stack: None, sources, sidecar: None })
}

/// Copies one file into a blob that is not durable in its folder yet.
fn copy(desk: &Admission, offer: &Offer, (path, name): (&Path, &FileName)) -> Result<(Seen, StoredBlob)> {
    let mut source = guard::open(path, name, &desk.limits)?;
    let stored = desk.blobs.place(&offer.ente, &mut source, desk.limits.file_bytes_max, None)?;
    Ok((source.seen(), stored))
}

/// Copies all files of a folder; the list of them is the arrival's own blob.
fn folder(desk: &Admission, offer: Offer) -> Result<Parcel> {
    let (mut files, mut sources) = (Vec::new(), Vec::new());
    for path in &offer.beside.pages {
        let name = path.strip_prefix(&offer.path).map_err(|_| Error::bug("a page outside its folder"))?;
        let (seen, stored) = copy(desk, &offer, (path, &name_of(path)))?;
        files.push(StackFile { name: FileName::new(name.as_os_str().as_bytes()), bytes: stored.bytes, sha256: stored.sha256 });
        sources.push((path.clone(), seen));
    }
    if entries_of(&offer.path, offer.beside.entries) != offer.beside.entries {
        return Err(Error::retry("source-changed").with("path", guard::shown(&offer.path)));
    }
    let newest = sources.iter().map(|(_, seen)| *seen).max_by_key(|seen| seen.mtime_ns);
    let seen = newest.ok_or_else(|| Error::bug("a folder without files"))?;
    let stack = Stack { duplex: offer.beside.duplex, files };
    let list = serde_json::to_vec(&stack).map_err(Error::bug)?;
    let stored = desk.blobs.place(&offer.ente, &mut Cursor::new(list), desk.limits.file_bytes_max, None)?;
    Ok(Parcel { offer, seen, stored, stack: Some(stack), sources, sidecar: None })
}

/// The sidecar, kept as it came, with what it says; none if it is no sidecar any more: then it is an input of its own.
fn read_sidecar(desk: &Admission, offer: &Offer, path: PathBuf) -> Result<Option<(PathBuf, Seen, Given)>> {
    use std::io::Read as _;
    let name = name_of(&path);
    let mut source = guard::open(&path, &name, &desk.limits)?;
    let mut bytes = Vec::new();
    let read = (&mut source).take(sidecar::SIDECAR_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|e| crate::blobs::unwrapped(e, &path))?;
    let is_small = bytes.len() as u64 <= sidecar::SIDECAR_BYTES_MAX;
    let Some(mut given) = is_small.then(|| sidecar::read(&bytes, &name.shown(), &offer.ente)).flatten() else { return Ok(None) };
    let stored = desk.blobs.place(&offer.ente, &mut Cursor::new(&bytes), sidecar::SIDECAR_BYTES_MAX, None)?;
    given.sidecar = Some(SidecarFile { name, sha256: stored.sha256, bytes: stored.bytes });
    Ok(Some((path, source.seen(), given)))
}
