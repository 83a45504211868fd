//! Which files do these paths name? Files and folders given to `ingest`, in order, one at a time.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::events::PROBE;
use super::guard::{resolved, shown};
use crate::arrival::FileName;
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name.
    pub name: FileName,
}

/// The files at `paths`, each folder's by name. What is no input by its name (see [`is_input`]) and `.taken` is passed
/// over; what is no regular file is given too, for the guard to say so. Links are not followed.
///
/// Memory grows with the largest folder, not with the tree.
pub fn walk(paths: &[PathBuf], limits: &Limits) -> Walk {
    let roots = Vec::from(paths).into_iter();
    Walk { roots, current: None, depth_max: limits.tree_depth_max, archive: None, is_sorted: true }
}

/// The walk under way.
#[derive(Debug)]
pub struct Walk {
    roots: std::vec::IntoIter<PathBuf>,
    current: Option<walkdir::IntoIter>,
    depth_max: usize,
    archive: Option<PathBuf>,
    is_sorted: bool,
}

impl Walk {
    /// Passes over the archive, where a folder above it is walked (`ingest .`).
    #[must_use]
    pub fn apart_from(mut self, archive: &Path) -> Self {
        self.archive = Some(resolved(archive));
        self
    }

    /// Gives the files in the order of the disk: memory stays flat, and the first comes before the last was read.
    #[must_use]
    pub fn as_it_lies(mut self) -> Self {
        self.is_sorted = false;
        self
    }

    /// What an entry is: `None` where it is passed over.
    fn looked_at(&mut self, entry: walkdir::Result<walkdir::DirEntry>) -> Option<Result<Found>> {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(unwalked(error))),
        };
        let name = entry.file_name().as_bytes();
        if entry.file_type().is_dir() {
            let is_passed = name == b".taken" || self.archive.as_ref().is_some_and(|archive| resolved(entry.path()) == *archive);
            if !is_passed && entry.depth() < self.depth_max {
                return None;
            }
            if let Some(current) = &mut self.current {
                current.skip_current_dir();
            }
            let error = || Error::refuse("tree-too-deep").with("path", shown(entry.path())).with("limit", self.depth_max);
            return (!is_passed).then(|| Err(error()));
        }
        is_input(name).then(|| Ok(Found { path: entry.path().to_owned(), name: FileName::new(name) }))
    }
}

impl Iterator for Walk {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(entry) = self.current.as_mut().and_then(Iterator::next) else {
                let root = WalkDir::new(self.roots.next()?).follow_root_links(false);
                self.current = Some(if self.is_sorted { root.sort_by_file_name() } else { root }.into_iter());
                continue;
            };
            if let Some(item) = self.looked_at(entry) {
                return Some(item);
            }
        }
    }
}

/// False of names that systems and programs leave beside documents: `Thumbs.db`, `desktop.ini`, `.DS_Store`, `~$…`,
/// `*.part`, `*.tmp`, and our own probe of an inbox.
pub fn is_input(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_left = matches!(lower.as_slice(), b"thumbs.db" | b"desktop.ini" | b".ds_store");
    !(is_left || lower == PROBE.as_bytes() || lower.starts_with(b"~$") || is_temporary(name))
}

/// True of the name under which a program writes what it will rename when it is whole: `*.part`, `*.tmp`.
pub(super) fn is_temporary(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    (lower.ends_with(b".part") || lower.ends_with(b".tmp")) && !lower.starts_with(b"~$")
}

fn unwalked(error: walkdir::Error) -> Error {
    let path = error.path().map(shown).unwrap_or_default();
    let is_root = error.depth() == 0;
    let error = std::io::Error::from(error);
    match error.kind() {
        ErrorKind::NotFound if is_root => Error::new(Kind::Usage, "path-missing").with("path", path),
        ErrorKind::NotFound => Error::retry("source-gone").with("path", path),
        kind => {
            // walkdir's own words repeat the path, which the sentence has already.
            Error::refuse("source-unreadable").with("path", path).with("cause", kind)
        }
    }
}
