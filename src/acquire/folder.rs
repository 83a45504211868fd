//! What lies in a folder that is one document? Its pages in the order of their names, and how much lies there in all.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::guard::shown;
use super::lease::has_writer;
use super::walk::{is_input, is_temporary};
use crate::error::{Error, Result};
use crate::inbox::Inbox;
use crate::limits::Limits;
use crate::stack::natural;

/// A marker says nothing or little: what is longer than so many bytes is a document, whatever its name.
const MARKER_BYTES_MAX: u64 = 1_024;

/// What lies in a folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The inputs, in the order of their paths as a person counts.
    pub(super) pages: Vec<(PathBuf, Metadata)>,
    /// What somebody still writes under the name of its time, and will rename to a page.
    pub(super) temporary: Vec<(PathBuf, Metadata)>,
    /// Everything that is no folder.
    pub(super) entries: usize,
    /// The scanner's end-of-batch markers among it.
    pub(super) markers: Vec<PathBuf>,
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
        let is_marker = is_marker(inbox, entry.path());
        if is_marker {
            listing.markers.push(entry.path().to_owned());
        }
        let is_temporary = is_temporary(name);
        if !(is_input(name) || is_temporary) || inbox.ignores(name) || is_marker {
            continue;
        }
        if listing.pages.len() + listing.temporary.len() >= limits.pages_max as usize {
            let error = Error::refuse("folder-too-many").with("path", shown(path));
            return Err(error.with("limit", limits.pages_max));
        }
        let Ok(metadata) = entry.path().symlink_metadata() else {
            return Err(Error::retry("source-gone").with("path", shown(entry.path())));
        };
        let kind = if is_temporary { &mut listing.temporary } else { &mut listing.pages };
        kind.push((entry.into_path(), metadata));
    }
    let below = |page: &PathBuf| page.strip_prefix(path).unwrap_or(page).as_os_str().as_bytes().to_vec();
    listing.pages.sort_by(|(a, _), (b, _)| natural(&below(a), &below(b)));
    Ok(listing)
}

/// True of an end-of-batch marker: it has the name of one, is empty or a short plain text, and nobody writes on it. What else has
/// such a name is a document like any other.
pub(super) fn is_marker(inbox: &Inbox, path: &Path) -> bool {
    if !inbox.is_end_marker(path.file_name().unwrap_or_default().as_bytes()) {
        return false;
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let Ok(file) = File::options().read(true).custom_flags(flags).open(path) else { return false };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) || has_writer(&file) == Some(true) {
        return false;
    }
    let mut text = String::new();
    let is_text = file.take(MARKER_BYTES_MAX + 1).read_to_string(&mut text).is_ok();
    let is_plain = !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    is_text && is_plain && text.len() as u64 <= MARKER_BYTES_MAX && !text.trim_start().starts_with(['<', '{', '%'])
}

/// How much lies in the tree at `path` that is no folder, counted to one more than `known`.
pub(super) fn entries_of(path: &Path, known: usize) -> usize {
    let entries = WalkDir::new(path).into_iter().filter(|entry| !entry.as_ref().is_ok_and(|e| e.file_type().is_dir()));
    entries.take(known.saturating_add(1)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_a_text_of_1024_bytes_at_most_and_what_is_longer_is_a_document() {
        let folder = tempfile::tempdir().expect("folder");
        let inbox = Inbox { end_marker: Some("*.ok".to_owned()), ..Inbox::default() };
        let is_one = |bytes: &[u8]| {
            let path = folder.path().join("lotto.ok");
            let mut file = File::create(&path).expect("file");
            std::io::Write::write_all(&mut file, bytes).expect("written");
            drop(file);
            is_marker(&inbox, &path)
        };
        assert!(is_one(b"") && is_one(b"lotto 12, 40 fogli\r\n"));
        assert!(is_one(&[b'x'; MARKER_BYTES_MAX as usize]));
        assert!(!is_one(&[b'x'; MARKER_BYTES_MAX as usize + 1]));
        // Two bytes a letter: bytes are counted, not letters.
        assert!(is_one("è".repeat(512).as_bytes()) && !is_one("è".repeat(513).as_bytes()));
        assert!(!is_one(b"<?xml version='1.0'?><fattura/>") && !is_one(b"%PDF-1.7") && !is_one(&[0; 8]));
    }
}
