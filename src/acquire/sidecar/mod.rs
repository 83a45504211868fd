//! Is this file the sidecar of another, and what does it say? `scan.tif.json` and `scan.tif.xml` beside `scan.tif`: our own
//! simple form, or a Segnatura of Allegato 6. Anything else of such a name is an input of its own.

mod own;

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::arrival::EnteId;
use crate::given::Given;
use crate::segnatura;
use crate::xml::tree;

/// Largest sidecar, bytes: it holds a few lines. A larger file of such a name is an input of its own.
pub const SIDECAR_BYTES_MAX: u64 = 1 << 20;
/// What is added to a file's whole name, in the order in which it is asked for.
const ENDINGS: [&str; 4] = [".json", ".xml", ".JSON", ".XML"];

/// The file that `path` would be the sidecar of, by its name alone.
pub(super) fn file_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.as_bytes();
    let stem = ENDINGS.iter().find_map(|ending| {
        let at = name.len().checked_sub(ending.len()).filter(|at| *at > 0)?;
        (name[at..] == *ending.as_bytes()).then(|| &name[..at])
    })?;
    Some(path.with_file_name(std::ffi::OsString::from_vec(stem.to_vec())))
}

/// Where the sidecars of the file at `path` would lie, in the order in which they are asked; the first that is one counts.
pub(super) fn places(path: &Path) -> impl Iterator<Item = PathBuf> {
    let name = path.file_name().unwrap_or_default().to_owned();
    ENDINGS.into_iter().map(move |ending| {
        let mut beside = name.clone();
        beside.push(ending);
        path.with_file_name(beside)
    })
}

/// The sidecar of the file at `path`, if one lies beside it.
pub fn beside(path: &Path) -> Option<PathBuf> {
    places(path).find(|place| is_sidecar(place))
}

/// True of the sidecar of a file that lies beside it: it goes with that file.
pub fn is_bound(path: &Path) -> bool {
    let is_file = |file: &PathBuf| file.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    file_of(path).filter(is_file).is_some_and(|file| beside(&file).as_deref() == Some(path))
}

/// True of a file whose root is one of a sidecar; who writes it need not have ended.
pub(super) fn is_sidecar(path: &Path) -> bool {
    contents(path).is_some_and(|bytes| read(&bytes, "", &EnteId(String::new())).is_some())
}

/// The bytes of a small regular file; none of anything else.
fn contents(path: &Path) -> Option<Vec<u8>> {
    if !path.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() <= SIDECAR_BYTES_MAX) {
        return None;
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(SIDECAR_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= SIDECAR_BYTES_MAX).then_some(bytes)
}

/// What a sidecar of that name says to `ente`; none of bytes whose root is not one of a sidecar. Values that cannot be
/// understood are faults of what is given, and hold the document.
pub fn read(bytes: &[u8], name: &str, ente: &EnteId) -> Option<Given> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    if text.starts_with('{') {
        let root: serde_json::Value = serde_json::from_str(text).ok()?;
        let body = root.as_object().filter(|root| root.len() == 1)?.get(own::ROOT)?.as_object()?;
        return Some(own::given(body, name));
    }
    if !text.starts_with('<') {
        return None;
    }
    let root = tree::root(text, tree::SMALL).ok()?;
    if root.name == own::ROOT && root.spaces.iter().all(|space| space == own::SPACE) {
        return Some(own::given(root.as_json().as_object()?, name));
    }
    segnatura::is_informatica(&root).then(|| segnatura::given(&root, name, ente))
}

#[cfg(test)]
mod tests;
