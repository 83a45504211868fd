//! What lies in a folder that is one document? Its pages in the order of their names, and how much lies there in all.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::guard::shown;
use super::walk::is_input;
use crate::error::{Error, Result};
use crate::inbox::Inbox;
use crate::limits::Limits;
use crate::stack::natural;

/// What lies in a folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The inputs, in the order of their paths as a person counts.
    pub(super) pages: Vec<(PathBuf, Metadata)>,
    /// Everything that is no folder.
    pub(super) entries: usize,
    /// True if the scanner's end-of-batch marker is among it.
    pub(super) is_ended: bool,
}

/// Lists the folder at `path`: all of its tree, within the ceilings. Links are not followed.
pub(super) fn listing(path: &Path, inbox: &Inbox, limits: &Limits) -> Result<Listing> {
    let mut listing = Listing::default();
    for entry in WalkDir::new(path).follow_root_links(false) {
        let entry = entry.map_err(|e| {
            let cause = e.io_error().map_or(std::io::ErrorKind::Other, std::io::Error::kind);
            Error::retry("source-unreadable").with("path", shown(path)).with("cause", cause)
        })?;
        if entry.file_type().is_dir() {
            if entry.depth() >= limits.tree_depth_max {
                let error = Error::refuse("tree-too-deep").with("path", shown(entry.path()));
                return Err(error.with("limit", limits.tree_depth_max));
            }
            continue;
        }
        listing.entries += 1;
        let name = entry.file_name().as_bytes();
        listing.is_ended |= inbox.is_end_marker(name);
        if !is_input(name) || inbox.ignores(name) || inbox.is_end_marker(name) {
            continue;
        }
        if listing.pages.len() >= limits.pages_max as usize {
            let error = Error::refuse("folder-too-many").with("path", shown(path));
            return Err(error.with("limit", limits.pages_max));
        }
        let Ok(metadata) = entry.path().symlink_metadata() else {
            return Err(Error::retry("source-gone").with("path", shown(entry.path())));
        };
        listing.pages.push((entry.into_path(), metadata));
    }
    let below = |page: &PathBuf| page.strip_prefix(path).unwrap_or(page).as_os_str().as_bytes().to_vec();
    listing.pages.sort_by(|(a, _), (b, _)| natural(&below(a), &below(b)));
    Ok(listing)
}

/// How much lies in the tree at `path` that is no folder, counted to one more than `known`.
pub(super) fn entries_of(path: &Path, known: usize) -> usize {
    let entries = WalkDir::new(path).into_iter().filter(|entry| !entry.as_ref().is_ok_and(|e| e.file_type().is_dir()));
    entries.take(known.saturating_add(1)).count()
}
