//! May this path be read as a document, and is it still the file that was looked at? Nothing here follows a link or blocks.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::arrival::FileName;
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;

/// The folder of an archive that is a door: its files, alone of the archive's, may be admitted.
pub(super) const INBOX: &str = "inbox";

/// What tells a file, and a state of it, from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
}

impl Seen {
    /// What `metadata` says.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let mtime_ns = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        Self { device: metadata.dev(), inode: metadata.ino(), bytes: metadata.len(), mtime_ns }
    }

    /// All of it, for an id.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let parts = [self.device, self.inode, self.bytes, self.mtime_ns.cast_unsigned()];
        parts.iter().flat_map(|part| part.to_be_bytes()).collect()
    }
}

/// An open source. Its last read, the one that finds the end, fails with `source-changed` if the file is not as it was
/// when it was opened.
#[derive(Debug)]
pub struct Source {
    file: File,
    path: PathBuf,
    seen: Seen,
    /// Time of the last change of anything about the file: also betrays a writer that sets the modification time back.
    changed_ns: i128,
    read: u64,
}

/// Opens a source for reading: a regular file, within the ceilings, readable; else an error with a sentence.
pub fn open(path: &Path, name: &FileName, limits: &Limits) -> Result<Source> {
    let length = name.bytes().len().max(path.file_name().map_or(0, std::ffi::OsStr::len));
    if length > limits.name_bytes_max {
        let error = Error::refuse("source-name-too-long").with("path", shown(path)).with("bytes", length);
        return Err(error.with("limit", limits.name_bytes_max));
    }
    // Looked at before it is opened: opening a device can have effects.
    ensure_regular(path, &path.symlink_metadata().map_err(|e| unreadable(path, e))?)?;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(|e| unreadable(path, e))?;
    let metadata = file.metadata().map_err(|e| unreadable(path, e))?;
    ensure_regular(path, &metadata)?;
    if metadata.len() > limits.file_bytes_max {
        let error = Error::refuse("source-too-large").with("path", shown(path)).with("bytes", metadata.len());
        return Err(error.with("limit", limits.file_bytes_max));
    }
    Ok(Source { file, path: path.to_owned(), seen: Seen::of(&metadata), changed_ns: changed_ns(&metadata), read: 0 })
}

impl Source {
    /// What was seen when it was opened.
    pub fn seen(&self) -> Seen {
        self.seen
    }

    fn ensure_same(&self) -> Result<()> {
        let metadata = self.file.metadata().map_err(|e| unreadable(&self.path, e))?;
        let is_same =
            Seen::of(&metadata) == self.seen && changed_ns(&metadata) == self.changed_ns && self.read == self.seen.bytes;
        if is_same { Ok(()) } else { Err(Error::retry("source-changed").with("path", shown(&self.path))) }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.file.read(buffer) {
            Ok(0) if !buffer.is_empty() => self.ensure_same().map(|()| 0).map_err(std::io::Error::other),
            Ok(n) => {
                self.read += n as u64;
                Ok(n)
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => Err(e),
            Err(e) => Err(std::io::Error::other(broken(&self.path, &e))),
        }
    }
}

/// Time of the last change of anything about the file, nanoseconds since 1970.
pub(super) fn changed_ns(metadata: &Metadata) -> i128 {
    i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec())
}

/// True of what no patience makes admissible: what an inbox may be rid of (links, queues, sockets, devices).
pub fn is_hopeless(error: &Error) -> bool {
    matches!(error.code(), "source-is-link" | "source-is-special")
}

/// Refuses a path inside the archive, which would feed on itself; its `inbox` alone is a door.
pub fn ensure_apart(path: &Path, archive: &Path) -> Result<()> {
    let (real, archive_real) = (resolved(path), resolved(archive));
    if !real.starts_with(&archive_real) || real.starts_with(archive_real.join(INBOX)) {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, "path-in-archive").with("path", shown(path)).with("archive", shown(archive)))
}

/// The path without links and dots; of what does not exist, that of the nearest folder above, and the rest.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (above.canonicalize(), path.strip_prefix(above)) {
            return real.join(rest);
        }
    }
    path
}

fn ensure_regular(path: &Path, metadata: &Metadata) -> Result<()> {
    let kind = metadata.file_type();
    let code = if kind.is_file() {
        return Ok(());
    } else if kind.is_symlink() {
        "source-is-link"
    } else if kind.is_dir() {
        "source-is-folder"
    } else {
        debug_assert!(kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device());
        "source-is-special"
    };
    Err(Error::refuse(code).with("path", shown(path)))
}

/// A source that cannot be opened or looked at: gone, a link put in its place, or unreadable as it stands.
fn unreadable(path: &Path, error: std::io::Error) -> Error {
    if error.raw_os_error() == Some(libc::ELOOP) {
        return Error::refuse("source-is-link").with("path", shown(path));
    }
    match error.kind() {
        ErrorKind::NotFound => Error::retry("source-gone").with("path", shown(path)),
        ErrorKind::PermissionDenied | ErrorKind::InvalidFilename | ErrorKind::NotADirectory => {
            Error::refuse("source-unreadable").with("path", shown(path)).with("cause", &error).because(error)
        }
        _ => broken(path, &error),
    }
}

/// A medium or a network that fails may work again.
fn broken(path: &Path, error: &std::io::Error) -> Error {
    Error::retry("source-unreadable").with("path", shown(path)).with("cause", error)
}

/// A path for a person: no control characters, whatever somebody put into a name.
pub(super) fn shown(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    FileName::new(path.as_os_str().as_bytes()).shown()
}
