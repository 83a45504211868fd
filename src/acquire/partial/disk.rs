//! What lies in an upload's folder? Written so that a death at any moment leaves the old state or the new one.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Declared, Inside, Over, Standing, Upload};
use crate::blobs::local::{make_folder, move_file, sync_folder};
use crate::error::{Error, Kind, Result};

/// What was declared.
const DECLARED: &str = "declared.json";
/// What became of the files that are over.
const OVER: &str = "over.log";
/// Folders that are not uploads yet, or not any more, begin so.
const PASSING: &str = ".";
/// A record of an offset: the number, and the number with every bit turned, by which a torn record shows.
const RECORD_BYTES: usize = 16;

#[derive(Serialize, Deserialize)]
struct Line {
    n: usize,
    over: Over,
}

fn part(folder: &Path, n: usize) -> PathBuf {
    folder.join(format!("{n}.part"))
}

fn offsets(folder: &Path, n: usize) -> PathBuf {
    folder.join(format!("{n}.offsets"))
}

fn appended(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).mode(0o600).open(path)
}

/// Writes what is declared into a folder of its own, which has its name only when it is whole.
pub(super) fn declare(shelf: &Path, id: &str, declared: &Declared) -> Result<PathBuf> {
    let (passing, folder) = (shelf.join(format!("{PASSING}new-{id}")), shelf.join(id));
    let text = serde_json::to_vec(declared).map_err(Error::bug)?;
    make_folder(shelf)?;
    make_folder(&passing)?;
    let path = passing.join(DECLARED);
    let written = File::options().create(true).write(true).truncate(true).mode(0o600).open(&path).and_then(|mut file| {
        file.write_all(&text)?;
        file.sync_all()
    });
    written.map_err(|e| Error::disk("write upload", &path, e))?;
    sync_folder(&passing)?;
    move_file(&passing, &folder).map_err(|e| Error::disk("name upload", &folder, e))?;
    sync_folder(shelf)?;
    Ok(folder)
}

/// Takes an upload's name away, then its files.
pub(super) fn remove(shelf: &Path, folder: &Path, id: &str) -> Result<()> {
    let passing = shelf.join(format!("{PASSING}gone-{id}"));
    match move_file(folder, &passing) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::disk("remove upload", folder, e)),
    }
    sync_folder(shelf)?;
    std::fs::remove_dir_all(&passing).map_err(|e| Error::disk("remove upload", &passing, e))
}

/// Opens the bytes of file `n`, cut to the `offset` that was acknowledged.
pub(super) fn append_to(folder: &Path, n: usize, offset: u64) -> Result<File> {
    let path = part(folder, n);
    let is_new = !path.exists();
    let failed = |e| Error::disk("open upload", &path, e);
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() < offset {
        return Err(shorter(&path));
    }
    file.set_len(offset).map_err(failed)?;
    if is_new {
        appended(&offsets(folder, n)).map_err(failed)?;
        sync_folder(folder)?;
    }
    Ok(file)
}

/// Where the bytes of file `n` lie; others than `bytes` of them are an error.
pub(super) fn whole_part(folder: &Path, n: usize, bytes: u64) -> Result<PathBuf> {
    let path = part(folder, n);
    if bytes == 0 && !path.exists() {
        append_to(folder, n, 0)?;
    }
    let length = path.metadata().map_err(|e| Error::disk("open upload", &path, e))?.len();
    if length == bytes { Ok(path) } else { Err(shorter(&path)) }
}

fn shorter(path: &Path) -> Error {
    Error::new(Kind::Store, "disk-failed")
        .with("what", "open upload")
        .with("path", path.display())
        .with("cause", "bytes are missing")
}

/// Records that the first `offset` bytes of file `n` are on the disk.
pub(super) fn record(folder: &Path, n: usize, offset: u64) -> Result<()> {
    let path = offsets(folder, n);
    let record = [offset.to_be_bytes(), (!offset).to_be_bytes()].concat();
    let written = appended(&path).and_then(|mut file| {
        // A record that a crash tore is written over.
        let whole = file.metadata()?.len() / RECORD_BYTES as u64 * RECORD_BYTES as u64;
        file.set_len(whole)?;
        file.write_all(&record)?;
        file.sync_all()
    });
    written.map_err(|e| Error::disk("record upload", &path, e))
}

/// The last offset of file `n` that was recorded whole. Only the end of the file is read.
fn recorded(folder: &Path, n: usize) -> Result<u64> {
    let path = offsets(folder, n);
    let failed = |e| Error::disk("read upload", &path, e);
    let file = match File::open(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        other => other.map_err(failed)?,
    };
    let mut records = file.metadata().map_err(failed)?.len() / RECORD_BYTES as u64;
    let mut record = [0_u8; RECORD_BYTES];
    while records > 0 {
        records -= 1;
        file.read_exact_at(&mut record, records * RECORD_BYTES as u64).map_err(failed)?;
        let (offset, turned) = record.split_at(8);
        if offset.iter().zip(turned).all(|(a, b)| *a == !*b) {
            return Ok(u64::from_be_bytes(offset.try_into().unwrap_or_default()));
        }
    }
    Ok(0)
}

/// Writes what became of file `n`.
pub(super) fn close(folder: &Path, n: usize, over: &Over) -> Result<()> {
    let path = folder.join(OVER);
    let line = serde_json::to_string(&Line { n, over: over.clone() }).map_err(Error::bug)?;
    let is_new = !path.exists();
    // A line of its own even behind one that a crash tore.
    let written = appended(&path).and_then(|mut file| {
        file.write_all(format!("\n{line}\n").as_bytes())?;
        file.sync_data()
    });
    written.map_err(|e| Error::disk("close upload", &path, e))?;
    if is_new { sync_folder(folder) } else { Ok(()) }
}

/// Takes the bytes of file `n` away. The record goes first: bytes without one are none.
pub(super) fn drop_part(folder: &Path, n: usize) -> Result<()> {
    for path in [offsets(folder, n), part(folder, n)] {
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::disk("remove upload", &path, e)),
            _ => {}
        }
    }
    sync_folder(folder)
}

/// All uploads of a shelf; what was being made or taken away when the process died is taken away.
pub(super) fn read_all(shelf: &Path) -> Result<Vec<Upload>> {
    make_folder(shelf)?;
    let failed = |e| Error::disk("list uploads", shelf, e);
    for entry in std::fs::read_dir(shelf).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().as_encoded_bytes().starts_with(PASSING.as_bytes()) {
            std::fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    let uploads = look_all(shelf)?;
    for upload in &uploads {
        for (n, standing) in upload.standings().iter().enumerate() {
            // A death between the line that says what became of it and the end of its bytes.
            if standing.over.is_some() && part(&upload.folder, n).exists() {
                drop_part(&upload.folder, n)?;
            }
        }
    }
    Ok(uploads)
}

/// The same without touching anything; a shelf that is not there is empty.
pub(super) fn look_all(shelf: &Path) -> Result<Vec<Upload>> {
    let entries = match std::fs::read_dir(shelf) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| Error::disk("list uploads", shelf, e))?,
    };
    let mut uploads = Vec::new();
    for entry in entries.flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        if !id.starts_with(PASSING) {
            uploads.extend(read(&entry.path(), id)?);
        }
    }
    Ok(uploads)
}

fn read(folder: &Path, id: String) -> Result<Option<Upload>> {
    let path = folder.join(DECLARED);
    let failed = |e| Error::disk("read upload", &path, e);
    let text = match std::fs::read(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let declared: Declared = serde_json::from_slice(&text).map_err(|e| failed(e.into()))?;
    let mut standings = vec![Standing::default(); declared.files.len()];
    let mut touched = modified(&path).unwrap_or(declared.at).max(declared.at);
    let mut log = Vec::new();
    if let Ok(mut file) = File::open(folder.join(OVER)) {
        file.read_to_end(&mut log).map_err(failed)?;
        touched = touched.max(modified(&folder.join(OVER)).unwrap_or(touched));
    }
    for line in log.split(|b| *b == b'\n') {
        if let Ok(line) = serde_json::from_slice::<Line>(line)
            && let Some(standing) = standings.get_mut(line.n)
        {
            standing.over = Some(line.over);
        }
    }
    for entry in std::fs::read_dir(folder).map_err(failed)?.flatten() {
        let name = entry.file_name();
        let n = name.to_str().and_then(|name| name.strip_suffix(".offsets")).and_then(|n| n.parse::<usize>().ok());
        let Some(standing) = n.and_then(|n| standings.get_mut(n)) else { continue };
        touched = touched.max(modified(&entry.path()).unwrap_or(touched));
        if standing.over.is_none() {
            let n = n.unwrap_or_default();
            // Never more than lies here: a power cut may have kept a record whose bytes were being taken away.
            let bytes = part(folder, n).metadata().map_or(0, |metadata| metadata.len());
            standing.offset = recorded(folder, n)?.min(bytes);
        }
    }
    Ok(Some(Upload {
        id,
        declared,
        folder: folder.to_owned(),
        inside: Mutex::new(Inside { standings, touched, is_gone: false }),
    }))
}

/// When a file was changed last.
fn modified(path: &Path) -> Option<Timestamp> {
    path.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| Timestamp::try_from(time).ok())
}
