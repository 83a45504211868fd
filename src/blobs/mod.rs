//! Where do the bytes lie? Blobs by digest, under their ente, written once, checked on reading.

pub mod local;

use std::io::Read;
use std::path::{Path, PathBuf};

pub use local::Local;

use crate::arrival::EnteId;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Kind, Result};

/// The blobs of one archive. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Blobs {
    /// A local folder, `blobs/<ente>/<first two hex digits>/<hex>`.
    Local(Local),
}

/// A blob that is visible, whole and durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its digest.
    pub sha256: Digest,
    /// Its size.
    pub bytes: u64,
}

impl Blobs {
    /// Opens the blobs under `root`, which is made if it is missing.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self::Local(Local::open(root)?))
    }

    /// Keeps all that `source` gives, at most `ceiling` bytes, and tells its digest (invariant 1): the blob becomes visible
    /// whole, verified and durable, or not at all. Bytes that are already there are kept once. Where `expected` is given,
    /// other bytes are not kept (`blob-unexpected`).
    ///
    /// An error of the house that `source` wraps in its `io::Error` comes back as it is.
    pub fn put(&self, ente: &EnteId, source: &mut dyn Read, ceiling: u64, expected: Option<&Digest>) -> Result<StoredBlob> {
        let Self::Local(folder) = self;
        let stored = folder.place(ente, source, ceiling, expected)?;
        folder.settle(ente, &[stored.sha256])?;
        Ok(stored)
    }

    /// The first half of [`Blobs::put`], for several blobs that become durable together: it counts only after
    /// [`Blobs::settle`], and no row may point to it before.
    pub fn place(&self, ente: &EnteId, source: &mut dyn Read, ceiling: u64, expected: Option<&Digest>) -> Result<StoredBlob> {
        let Self::Local(folder) = self;
        folder.place(ente, source, ceiling, expected)
    }

    /// What [`Blobs::place`] does, of a file of ours that lies at `source`, is whole and is written to no more: it gets the
    /// blob's name beside its own instead of being copied. `None` where one file cannot have both names (two file systems, or
    /// one without links): then it must be copied.
    pub fn adopt(&self, ente: &EnteId, source: &Path, expected: Option<&Digest>) -> Result<Option<StoredBlob>> {
        let Self::Local(folder) = self;
        folder.adopt(ente, source, expected)
    }

    /// The second half: the blobs that were placed are durable.
    pub fn settle(&self, ente: &EnteId, digests: &[Digest]) -> Result<()> {
        let Self::Local(folder) = self;
        folder.settle(ente, digests)
    }

    /// True where the ente's blobs lie at all: where they do not, the disk is out of order, not one blob lost.
    pub fn is_reachable(&self, ente: &EnteId) -> bool {
        let Self::Local(folder) = self;
        folder.is_reachable(ente)
    }

    /// Where a blob lies, or would lie: for steps that open a file themselves. They must not write to it.
    pub fn path(&self, ente: &EnteId, sha256: &Digest) -> PathBuf {
        let Self::Local(folder) = self;
        folder.path(ente, sha256)
    }

    /// Opens a blob for one reading from front to end, which fails at the end if the bytes are not those of the digest.
    pub fn read(&self, ente: &EnteId, sha256: &Digest) -> Result<BlobReader> {
        let Self::Local(folder) = self;
        Ok(BlobReader { file: folder.file(ente, sha256)?, expected: *sha256, state: ReadState::Under(Hasher::default()) })
    }

    /// Reads a blob whole and tells its size, or `blob-missing`, `blob-altered`.
    pub fn check(&self, ente: &EnteId, sha256: &Digest) -> Result<u64> {
        let mut reader = self.read(ente, sha256)?;
        std::io::copy(&mut reader, &mut std::io::sink()).map_err(|e| unwrapped(e, &self.path(ente, sha256)))
    }

    /// Destroys a blob's bytes; one that is not there is destroyed already. Its row says so before (invariant 1); what it says is on the disk
    /// when this returns.
    pub fn destroy(&self, ente: &EnteId, sha256: &Digest) -> Result<()> {
        let Self::Local(folder) = self;
        folder.destroy(ente, sha256)
    }

    /// Removes what a crash left of unfinished writes; returns how many. What another living process is writing stays.
    /// Only the holder of the archive's lock calls it.
    pub fn sweep(&self, ente: &EnteId) -> Result<u64> {
        let Self::Local(folder) = self;
        folder.sweep(ente)
    }
}

/// A blob under reading; the last read, the one that finds the end, also proves the digest.
#[derive(Debug)]
pub struct BlobReader {
    file: std::fs::File,
    expected: Digest,
    state: ReadState,
}

enum ReadState {
    Under(Hasher),
    Proven,
    Altered,
}

impl std::fmt::Debug for ReadState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Under(_) => "Under",
            Self::Proven => "Proven",
            Self::Altered => "Altered",
        })
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let ReadState::Under(hasher) = &mut self.state else { return self.end() };
        let n = self.file.read(buffer)?;
        if n > 0 {
            hasher.update(&buffer[..n]);
            return Ok(n);
        }
        let (found, _) = std::mem::take(hasher).finish();
        self.state = if found == self.expected { ReadState::Proven } else { ReadState::Altered };
        self.end()
    }
}

impl BlobReader {
    fn end(&self) -> std::io::Result<usize> {
        if matches!(self.state, ReadState::Altered) {
            return Err(std::io::Error::other(altered(&self.expected)));
        }
        Ok(0)
    }
}

fn altered(sha256: &Digest) -> Error {
    Error::new(Kind::Store, "blob-altered").with("sha256", sha256)
}

/// The error of the house inside an `io::Error` (of a [`BlobReader`], of a source), or else a disk error on `path`.
pub fn unwrapped(error: std::io::Error, path: &Path) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(error) => Error::disk("read", path, error),
    }
}
