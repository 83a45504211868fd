//! How does a source leave its inbox without being lost? By one rename inside it, checked before and after, made durable.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::guard::{Seen, resolved, shown};
use crate::arrival::{ArrivalId, EnteId};
use crate::blobs::local::{make_folder, move_file, parent, sync_folder};
use crate::digest::Digest;
use crate::drill;
use crate::error::{Error, Result};

/// Longest name on the file systems we know.
const NAME_MAX: usize = 255;
/// The same file may be put into the inbox again after it was taken; each time its name gets a number.
const SAME_NAMES_MAX: u32 = 1_000;

/// Moves `path`, seen as `seen`, to `.taken/<day>/<arrival id>-<name>` of its inbox.
///
/// What is moved is the file that was copied: another one that was put in its place meanwhile stays in the inbox.
pub(super) fn take(path: &Path, inbox: &Path, seen: &Seen, (id, day): (&ArrivalId, Date)) -> Result<PathBuf> {
    if !resolved(parent(path)).starts_with(resolved(inbox)) {
        return Err(Error::refuse("release-outside").with("path", shown(path)).with("inbox", shown(inbox)));
    }
    ensure_seen(path, seen, path)?;
    let folder = inbox.join(".taken").join(day.to_string());
    make_folder(&folder)?;
    // Whoever may write into the inbox could have planted a link that leads elsewhere.
    if !resolved(&folder).starts_with(resolved(inbox)) {
        return Err(Error::refuse("release-outside").with("path", shown(&folder)).with("inbox", shown(inbox)));
    }
    sync_folder(parent(&folder))?;
    sync_folder(inbox)?;
    drill::point("acquire.before-rename");
    let target = move_under(path, &folder, id.as_str())?;
    drill::point("acquire.renamed");
    if let Err(error) = ensure_seen(&target, seen, path) {
        give_back(&target, path)?;
        return Err(error);
    }
    sync_folder(&folder)?;
    drill::point("acquire.taken-durable");
    sync_folder(parent(path))?;
    drill::point("acquire.released");
    Ok(target)
}

/// Moves a spent end-of-batch marker into `.taken/<day>` of its inbox.
pub(super) fn retire(path: &Path, inbox: &Path, day: Date) -> Result<()> {
    let folder = inbox.join(".taken").join(day.to_string());
    make_folder(&folder)?;
    if !resolved(&folder).starts_with(resolved(inbox)) {
        return Err(Error::refuse("release-outside").with("path", shown(&folder)).with("inbox", shown(inbox)));
    }
    move_under(path, &folder, "marker")?;
    sync_folder(&folder)?;
    sync_folder(parent(path))
}

/// The id of what is put into quarantine, from what makes it that thing at that place: the same after a restart.
pub(super) fn quarantine_id(ente: &EnteId, path: &Path) -> Result<String> {
    let metadata = path.symlink_metadata().map_err(|e| Error::disk("look at source", parent(path), e))?;
    let seen = Seen::of(&metadata);
    Ok(Digest::id("qua", &[ente.0.as_bytes(), path.as_os_str().as_bytes(), &seen.bytes()]))
}

/// Moves `path` into the quarantine folder, under `prefix` and its own name.
pub(super) fn set_aside(path: &Path, folder: &Path, prefix: &str) -> Result<PathBuf> {
    make_folder(folder)?;
    drill::point("acquire.before-quarantine");
    let target = move_under(path, folder, prefix)?;
    sync_folder(folder)?;
    sync_folder(parent(path))?;
    Ok(target)
}

/// Renames into `folder` as `<prefix>-<name>`, or with a number where that name is taken; nothing is replaced.
fn move_under(path: &Path, folder: &Path, prefix: &str) -> Result<PathBuf> {
    let name = path.file_name().unwrap_or(OsStr::new("unnamed"));
    for n in 1..=SAME_NAMES_MAX {
        let prefix = if n == 1 { format!("{prefix}-") } else { format!("{prefix}-{n}-") };
        let target = folder.join(fitted(&prefix, name));
        match move_file(path, &target) {
            Ok(()) => return Ok(target),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(Error::retry("source-gone").with("path", shown(path))),
            Err(e) => return Err(Error::disk("move source", folder, e)),
        }
    }
    Err(Error::hold("release-crowded").with("path", shown(folder)))
}

/// Prefix and name, cut at the end to what a file system takes; the true name is in the arrival's row, bit by bit.
fn fitted(prefix: &str, name: &OsStr) -> OsString {
    let mut length = name.len().min(NAME_MAX.saturating_sub(prefix.len()));
    let bytes = name.as_bytes();
    // Not inside a UTF-8 sequence (a sequence has at most three following bytes).
    for _ in 0..3 {
        if length > 0 && length < bytes.len() && bytes[length] & 0b1100_0000 == 0b1000_0000 {
            length -= 1;
        }
    }
    let mut fitted = prefix.as_bytes().to_vec();
    fitted.extend_from_slice(&bytes[..length]);
    OsString::from_vec(fitted)
}

/// The file at `place` is still the one that was seen, unaltered.
fn ensure_seen(place: &Path, seen: &Seen, path: &Path) -> Result<()> {
    match place.symlink_metadata() {
        Ok(metadata) if Seen::of(&metadata) == *seen => Ok(()),
        Ok(_) => Err(Error::retry("release-changed").with("path", shown(path))),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::retry("source-gone").with("path", shown(path))),
        Err(e) => Err(Error::disk("look at source", parent(place), e)),
    }
}

/// What was moved is not what was admitted: back into the inbox, beside a newcomer of its name if there is one.
fn give_back(target: &Path, path: &Path) -> Result<()> {
    match move_file(target, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => move_under(target, parent(path), "2").map(drop)?,
        other => other.map_err(|e| Error::disk("give source back", parent(path), e))?,
    }
    sync_folder(parent(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_to_what_a_file_system_takes_between_characters() {
        assert_eq!(fitted("arr-", OsStr::new("a.tif")), "arr-a.tif");
        let longest = "x".repeat(NAME_MAX - 4);
        assert_eq!(fitted("arr-", OsStr::new(&longest)).len(), NAME_MAX);
        let accented = "è".repeat(127);
        let cut = fitted("arr-", OsStr::new(&accented));
        assert_eq!(cut.len(), 254);
        assert!(cut.to_str().is_some());
    }

    #[test]
    fn what_was_moved_by_mistake_returns_beside_a_newcomer() {
        let inbox = tempfile::tempdir().expect("folder");
        let (moved, path) = (inbox.path().join("moved"), inbox.path().join("a.tif"));
        for file in [&moved, &path] {
            std::fs::File::create(file).expect("file");
        }
        give_back(&moved, &path).expect("back");
        assert!(path.exists() && inbox.path().join("2-moved").exists() && !moved.exists());
    }
}
