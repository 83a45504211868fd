//! How does a file outlive a power cut? Temporary file, length and digest checked, fsync, rename, fsync of the folders.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{ErrorKind, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{StoredBlob, altered};
use crate::arrival::EnteId;
use crate::digest::{Digest, Hasher};
use crate::drill;
use crate::error::{Error, Kind, Result};

/// Temporary files begin so; the rest of the name is random.
const TEMPORARY: &str = ".put-";

/// So many wait for the disk at a time: a file system writes its journal once for all who wait. More bring nothing (measured on
/// ext4: sixteen wait less than half as long as four).
pub const HANDS: usize = 16;

/// Blobs in a local folder.
#[derive(Debug, Clone)]
pub struct Local {
    root: PathBuf,
}

impl Local {
    pub(super) fn open(root: &Path) -> Result<Self> {
        make_folder(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Everything that makes a blob visible and whole, but for its folders' entries: those are [`Self::settle`]'s.
    pub(super) fn place(
        &self,
        ente: &EnteId,
        source: &mut dyn Read,
        ceiling: u64,
        expected: Option<&Digest>,
    ) -> Result<StoredBlob> {
        // The name is known only when the bytes are: the temporary file lies in the ente's folder, one above the final one.
        let folder = self.root.join(folder_name(ente));
        make_folder(&folder)?;
        let temporary = Temporary::make(&folder)?;
        drill::point("blobs.temporary-made");
        let (sha256, bytes) = temporary.fill(source, ceiling)?;
        ensure_expected(&sha256, expected)?;
        temporary.make_durable(bytes)?;
        let path = self.path(ente, &sha256);
        make_folder(path.parent().unwrap_or(&folder))?;
        drill::point("blobs.folder-made");
        if temporary.name(&path)? {
            drill::point("blobs.named");
        } else {
            keep(&path, &sha256, bytes)?;
        }
        Ok(StoredBlob { sha256, bytes })
    }

    /// A file that lies on the same disk becomes a blob: read once, protected, synced, and only then named. Its own name stays
    /// until whoever owns it takes it away, so that a death in between finds it where it was.
    pub(super) fn adopt(&self, ente: &EnteId, source: &Path, expected: Option<&Digest>) -> Result<Option<StoredBlob>> {
        let file = File::open(source).map_err(|e| Error::disk("open", source, e))?;
        let (sha256, bytes) = Digest::of_reader(&file).map_err(|e| Error::disk("read", source, e))?;
        ensure_expected(&sha256, expected)?;
        file.set_permissions(Permissions::from_mode(0o400)).map_err(|e| Error::disk("protect blob", source, e))?;
        if !drill::forgets("blobs.file-sync") {
            file.sync_all().map_err(|e| Error::disk("sync blob", source, e))?;
        }
        drill::point("upload.before-name");
        let path = self.path(ente, &sha256);
        make_folder(parent(&path))?;
        match std::fs::hard_link(source, &path) {
            Ok(()) => drill::point("upload.named"),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => keep(&path, &sha256, bytes)?,
            Err(e) if has_no_links(&e) => return Ok(None),
            Err(e) => return Err(Error::disk("name blob", &path, e)),
        }
        Ok(Some(StoredBlob { sha256, bytes }))
    }

    /// The names of these blobs are on the disk: each folder is synced once, however many of them lie in it.
    pub(super) fn settle(&self, ente: &EnteId, digests: &[Digest]) -> Result<()> {
        let folders: BTreeSet<PathBuf> =
            digests.iter().filter_map(|sha256| self.path(ente, sha256).parent().map(Path::to_owned)).collect();
        if drill::forgets("blobs.folder-sync") {
            return Ok(());
        }
        sync_folders(&folders.into_iter().collect::<Vec<_>>())?;
        sync_folder(&self.root.join(folder_name(ente)))?;
        sync_folder(&self.root)?;
        drill::point("blobs.durable");
        Ok(())
    }

    pub(super) fn path(&self, ente: &EnteId, sha256: &Digest) -> PathBuf {
        let hex = sha256.hex();
        self.root.join(folder_name(ente)).join(&hex[..2]).join(&hex)
    }

    pub(super) fn is_reachable(&self, ente: &EnteId) -> bool {
        self.root.join(folder_name(ente)).is_dir()
    }

    pub(super) fn file(&self, ente: &EnteId, sha256: &Digest) -> Result<File> {
        let path = self.path(ente, sha256);
        File::open(&path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Error::new(Kind::Store, "blob-missing").with("sha256", sha256),
            _ => Error::disk("open blob", &path, e),
        })
    }

    pub(super) fn destroy(&self, ente: &EnteId, sha256: &Digest) -> Result<()> {
        let path = self.path(ente, sha256);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(|e| Error::disk("destroy blob", &path, e))?,
        }
        path.parent().map_or(Ok(()), sync_folder)
    }

    pub(super) fn sweep(&self, ente: &EnteId) -> Result<u64> {
        let folder = self.root.join(folder_name(ente));
        let entries = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
            other => other.map_err(|e| Error::disk("list", &folder, e))?,
        };
        let mut swept = 0;
        for entry in entries {
            let entry = entry.map_err(|e| Error::disk("list", &folder, e))?;
            if !entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) || is_in_use(&entry.path()) {
                continue;
            }
            std::fs::remove_file(entry.path()).map_err(|e| Error::disk("sweep", &folder, e))?;
            swept += 1;
        }
        Ok(swept)
    }
}

fn ensure_expected(found: &Digest, expected: Option<&Digest>) -> Result<()> {
    match expected {
        Some(expected) if expected != found => {
            Err(Error::retry("blob-unexpected").with("found", found).with("expected", expected))
        }
        _ => Ok(()),
    }
}

/// True of the answers of a file system, or of two, on which one file cannot have two names.
fn has_no_links(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let known = [Errno::XDEV, Errno::PERM, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS, Errno::MLINK];
    error.raw_os_error().is_some_and(|code| known.iter().any(|errno| errno.raw_os_error() == code))
}

/// True while the process that writes the temporary file lives: it holds the file's lock.
fn is_in_use(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
}

/// The bytes were here before: their length must be right, then this put has nothing to add.
fn keep(path: &Path, sha256: &Digest, bytes: u64) -> Result<()> {
    let file = File::open(path).map_err(|e| Error::disk("open blob", path, e))?;
    let length = file.metadata().map_err(|e| Error::disk("look at blob", path, e))?.len();
    if length != bytes {
        return Err(altered(sha256));
    }
    // Whoever named it may have died before his fsync.
    file.sync_all().map_err(|e| Error::disk("sync blob", path, e))
}

/// The ente's folder. Ids are plain (`Store::add_ente` sees to it); any other character is written as `%XX`, so that no id
/// leaves the root and no two share a folder.
fn folder_name(ente: &EnteId) -> String {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let name: String = ente.0.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
    if name.is_empty() { "%".to_owned() } else { name }
}

/// A file without its final name; removed when dropped, unless it was named.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    /// A fresh, locked file in `folder`. A sweeper may take it away between its making and its locking: then another one.
    fn make(folder: &Path) -> Result<Self> {
        for _ in 0..8 {
            let mut random = [0_u8; 16];
            let filled = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty());
            filled.map_err(|e| Error::disk("name temporary file", folder, e.into()))?;
            let path = folder.join(format!("{TEMPORARY}{:032x}", u128::from_ne_bytes(random)));
            let file = File::options().create_new(true).write(true).mode(0o600).open(&path);
            let file = file.map_err(|e| Error::disk("make temporary file", folder, e))?;
            let is_locked = file.try_lock().is_ok();
            let links = file.metadata().map_err(|e| Error::disk("look at temporary file", folder, e))?.nlink();
            let temporary = Self { path, file };
            if is_locked && links == 1 {
                return Ok(temporary);
            }
        }
        Err(Error::bug("temporary files vanish as soon as they are made"))
    }

    /// Copies and hashes in one pass.
    fn fill(&self, source: &mut dyn Read, ceiling: u64) -> Result<(Digest, u64)> {
        let mut buffer = vec![0_u8; 256 * 1024];
        let (mut hasher, mut length) = (Hasher::default(), 0_u64);
        loop {
            let n = match source.read(&mut buffer) {
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(source_failed(e)),
            };
            if n == 0 {
                return Ok(hasher.finish());
            }
            length += n as u64;
            if length > ceiling {
                return Err(Error::refuse("file-too-large").with("limit", ceiling));
            }
            hasher.update(&buffer[..n]);
            (&self.file).write_all(&buffer[..n]).map_err(|e| Error::disk("write blob", &self.path, e))?;
        }
    }

    /// Length checked, read-only, on the disk.
    fn make_durable(&self, bytes: u64) -> Result<()> {
        drill::point("blobs.temporary-written");
        let length = self.file.metadata().map_err(|e| Error::disk("look at blob", &self.path, e))?.len();
        if length != bytes {
            return Err(Error::new(Kind::Store, "disk-failed")
                .with("what", "write blob")
                .with("path", self.path.display())
                .with("cause", format_args!("{length} bytes of {bytes} on the disk")));
        }
        let only_read = self.file.set_permissions(Permissions::from_mode(0o400));
        only_read.map_err(|e| Error::disk("protect blob", &self.path, e))?;
        if !drill::forgets("blobs.file-sync") {
            self.file.sync_all().map_err(|e| Error::disk("sync blob", &self.path, e))?;
        }
        drill::point("blobs.temporary-durable");
        Ok(())
    }

    /// Gives the final name; false if it is taken. Whatever happens, nothing that has that name is replaced.
    fn name(self, path: &Path) -> Result<bool> {
        match move_file(&self.path, path) {
            Ok(()) => {
                // Named: there is no temporary file to remove any more, so that dropping is harmless.
                Ok(true)
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(Error::disk("name blob", path, e)),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::debug!(%error, "temporary blob left behind; the next start sweeps it");
            }
            _ => {}
        }
    }
}

/// The source's own words are kept if they are an error of the house; else its failure may pass.
fn source_failed(error: std::io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(error) => Error::retry("source-failed").with("cause", &error).because(error),
    }
}

/// Makes a folder for its owner alone, if it is missing, with the folders above it; the entries of new ones are durable.
pub fn make_folder(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_folder(parent(path)),
        Err(e) if e.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound && path.parent().is_some_and(|p| !p.as_os_str().is_empty()) => {
            make_folder(parent(path))?;
            make_folder(path)
        }
        Err(e) => Err(Error::disk("make folder", path, e)),
    }
}

/// The folder that holds `path`.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The entries of a folder are on the disk.
pub fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|e| Error::disk("sync folder", path, e))
}

/// What [`sync_folder`] does of each, at the same time.
fn sync_folders(folders: &[PathBuf]) -> Result<()> {
    let next = AtomicUsize::new(0);
    let hand = || {
        let mut mine = std::iter::from_fn(|| folders.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.try_for_each(|folder| sync_folder(folder))
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..folders.len().min(HANDS)).map(|_| scope.spawn(hand)).collect();
        let panicked = |_| Err(Error::bug("a folder was not synced, for its thread ended by panic"));
        others.into_iter().fold(hand(), |done, other| done.and(other.join().unwrap_or_else(panicked)))
    })
}

/// Renames without replacing: `AlreadyExists` if the new name is taken. Durable after [`sync_folder`] of both folders.
pub fn move_file(from: &Path, to: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system knows the flag; a second link never replaces either. A folder has no second link, but a
        // rename replaces an empty folder only.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if from.is_dir() => {
            if to.symlink_metadata().is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            rustix::fs::rename(from, to).map_err(Into::into)
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            std::fs::hard_link(from, to)?;
            std::fs::remove_file(from)
        }
        other => Ok(other?),
    }
}
