//! What of the files that were taken may be deleted? Only what lay there for the days given and whose bytes, compared by
//! digest, are in the archive; anything else stays for ever.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use walkdir::WalkDir;

use super::record::taken;
use super::{Admission, TOGETHER_MAX, blocking};
use crate::arrival::{ArrivalId, EnteId};
use crate::blobs::local::{parent, sync_folder};
use crate::digest::{Digest, Hasher};
use crate::drill;
use crate::error::{Error, Result};
use crate::given::{self, Given};
use crate::inbox::Inbox;
use crate::stack::{self, Stack};

/// What a clean-up did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Files deleted.
    pub deleted: u64,
    /// Files of days that are over which stay, for no row or no blob has their bytes.
    pub kept: u64,
}

/// Deletes from `.taken` of the inbox at `folder` what was taken more than its `taken_days` before `today` and is in the
/// archive, and the scanner's end markers in which nothing stands. No days: nothing is ever deleted.
pub async fn clean(desk: &Admission, ente: &EnteId, (inbox, folder): (&Inbox, &Path), today: Date) -> Result<Cleaned> {
    let (mut cleaned, days) = (Cleaned::default(), inbox.taken_days);
    let Some(last) =
        i64::try_from(days).ok().filter(|days| *days > 0).and_then(|n| today.checked_sub(jiff::Span::new().days(n)).ok())
    else {
        return Ok(cleaned);
    };
    for day in days_before(&folder.join(".taken"), last)? {
        let mut files = files_of(&day);
        loop {
            let group: Vec<PathBuf> = files.by_ref().take(TOGETHER_MAX).collect();
            if group.is_empty() {
                break;
            }
            let mut over = Vec::with_capacity(group.len());
            for path in &group {
                if is_empty_marker(inbox, path) || is_admitted(desk, ente, (&day, path)).await? {
                    over.push(path);
                }
            }
            cleaned.kept += (group.len() - over.len()) as u64;
            note(desk, ente, (&day, &over)).await?;
            for path in over {
                std::fs::remove_file(path).map_err(|e| Error::disk("delete taken file", parent(path), e))?;
                drill::point("acquire.cleaned");
                cleaned.deleted += 1;
            }
        }
        remove_empty(&day);
        sync_folder(parent(&day))?;
    }
    Ok(cleaned)
}

/// Before they are deleted: that these arrivals were taken, which nothing but their files has told so far.
async fn note(desk: &Admission, ente: &EnteId, (day, files): (&Path, &[&PathBuf])) -> Result<()> {
    let top = |path: &&PathBuf| path.strip_prefix(day).ok()?.components().next().and_then(|top| arrival_id(top.as_os_str()));
    let ids: BTreeSet<String> = files.iter().filter_map(top).map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    desk.store.apply(ente, None, &ids.into_iter().map(taken).collect::<Vec<_>>()).await
}

/// The folders of days before `last`.
fn days_before(taken: &Path, last: Date) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(taken) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| Error::disk("list", taken, e))?,
    };
    let day = |name: &OsStr| name.to_str().and_then(|name| name.parse::<Date>().ok());
    let is_over = |path: &PathBuf| path.file_name().and_then(day).is_some_and(|day| day < last) && !path.is_symlink();
    Ok(entries.flatten().map(|entry| entry.path()).filter(is_over).collect())
}

/// The regular files under a day's folder; links are neither followed nor touched.
fn files_of(day: &Path) -> impl Iterator<Item = PathBuf> {
    let files = WalkDir::new(day).into_iter().filter_map(std::result::Result::ok);
    files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path)
}

/// True of an end marker without content: of a batch it has a word before its name, of a folder it lies in the folder.
fn is_empty_marker(inbox: &Inbox, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let is_marker = inbox.is_end_marker(name.strip_prefix(b"marker-").unwrap_or(name));
    is_marker && path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

/// True if the file's bytes are those of the arrival that its name tells, of its sidecar, or of one of its pages, and the blob
/// is there, whole.
pub(super) async fn is_admitted(desk: &Admission, ente: &EnteId, (day, path): (&Path, &Path)) -> Result<bool> {
    let top = path.strip_prefix(day).ok().and_then(|below| below.components().next());
    let Some(id) = top.and_then(|top| arrival_id(top.as_os_str())) else { return Ok(false) };
    let Some(arrival) = desk.store.arrival(ente, &id).await? else { return Ok(false) };
    let mut known = vec![arrival.sha256];
    if let Some(body) = desk.store.fact_at(ente, (id.as_str(), given::FACT, given::SIDECAR)).await? {
        let given: Given = serde_json::from_str(&body).map_err(Error::bug)?;
        known.extend(given.sidecar.map(|file| file.sha256));
    }
    if let Some(body) = desk.store.fact(ente, id.as_str(), stack::FACT).await? {
        let stack: Stack = serde_json::from_str(&body).map_err(Error::bug)?;
        known.extend(stack.files.into_iter().map(|file| file.sha256));
    }
    let (blobs, ente, path) = (desk.blobs.clone(), ente.clone(), path.to_owned());
    blocking(move || {
        let sha256 = digest_of(&path)?;
        Ok(known.contains(&sha256) && blobs.check(&ente, &sha256).is_ok())
    })
    .await
}

/// The id with which a taken file's name begins: `arr-…-NAME`.
pub(super) fn arrival_id(name: &OsStr) -> Option<ArrivalId> {
    let text = name.as_bytes();
    let rest = text.strip_prefix(b"arr-")?;
    let end = rest.iter().position(|b| *b == b'-')?;
    std::str::from_utf8(&text[..4 + end]).ok().map(|id| ArrivalId(id.to_owned()))
}

fn digest_of(path: &Path) -> Result<Digest> {
    let broken = |e| Error::disk("read taken file", parent(path), e);
    let mut file = File::open(path).map_err(broken)?;
    let (mut hasher, mut buffer) = (Hasher::default(), vec![0; 256 * 1024]);
    loop {
        match std::io::Read::read(&mut file, &mut buffer).map_err(broken)? {
            0 => return Ok(hasher.finish().0),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// Removes the folders that are empty now, the deepest first; one that is not empty stays.
fn remove_empty(day: &Path) {
    let folders = WalkDir::new(day).contents_first(true).into_iter().filter_map(std::result::Result::ok);
    for folder in folders.filter(|entry| entry.file_type().is_dir()) {
        // Not empty is the answer that keeps it.
        let _ = std::fs::remove_dir(folder.path());
    }
}
