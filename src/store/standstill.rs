//! May a store that nobody here can write be read, and was it left alone meanwhile?
//!
//! The engine's readers write too: they lock, and they keep an index of the write-ahead log in a file beside it. Where neither
//! can be, the store is read as it lies, which is right only as long as nobody writes through another door (a second mount, an
//! owner with more leave). That is watched: whoever did so, the answer is not given as good.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The bytes of an index that has been made: its first region. Where the disk was full a shorter one is left.
const INDEX_MIN: u64 = 32 << 10;

/// How the files of a store lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// All is in the store's file: it was closed in good order.
    Closed,
    /// Something is in the log and the log's index lies beside it: whoever writes can be read beside, and the log of one who
    /// died is read into memory.
    Logged,
    /// Something is in the log and there is no index: nobody has it open, it is read into memory.
    Left,
}

impl Lie {
    /// How those of the store at `path` lie now.
    pub(super) fn of(path: &Path) -> Self {
        let is_indexed = beside(path, "-shm").metadata().is_ok_and(|index| index.len() >= INDEX_MIN);
        match (beside(path, "-wal").exists(), is_indexed) {
            (false, _) => Self::Closed,
            (true, true) => Self::Logged,
            (true, false) => Self::Left,
        }
    }
}

/// A store as it was when reading began, where it is read as it lies.
#[derive(Debug)]
pub struct Standstill {
    path: PathBuf,
    state: (Lie, Option<(u64, u64, i64, i64)>),
}

impl Standstill {
    /// Looks at the store at `path`; none where a reader can lock, so that nothing needs to be watched.
    pub fn begin(path: &Path) -> Option<Self> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_writable = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
        let state = state(path);
        (path.exists() && !is_writable && state.0 != Lie::Logged).then(|| Self { path: path.to_owned(), state })
    }

    /// An error if somebody has written since.
    pub fn ensure(&self) -> Result<()> {
        if state(&self.path) == self.state { Ok(()) } else { Err(Error::retry("archive-changed")) }
    }
}

fn state(path: &Path) -> (Lie, Option<(u64, u64, i64, i64)>) {
    let file = path.metadata().ok().map(|file| (file.ino(), file.len(), file.mtime(), file.mtime_nsec()));
    (Lie::of(path), file)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
