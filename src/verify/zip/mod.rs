//! What does this ZIP file hold, byte for byte? Our own reader of its structure, since a library shows only the tidy half.
//!
//! After PKWARE's APPNOTE 6.3.10: end record (4.3.16), ZIP64 (4.3.14, 4.3.15), central directory (4.3.12), local headers
//! (4.3.7), data descriptors (4.3.9). Both copies of every header are compared, every byte of the file is accounted for, and
//! one reader serves structure and contents alike, so that no other reader of the same package can see another package.

mod content;
mod header;
mod layout;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

pub(super) use content::Stored;
use header::{Central, End};

use super::findings::{Findings, Valued as _, error, note};
use super::names::PATH_BYTES_MAX;
use crate::limits::Limits;

/// Files that unpack to no more than this may have any ratio.
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// Highest ratio of unpacked to packed size beyond that; scans of blank sheets stay far below it.
const RATIO_MAX: u64 = 200;

/// One entry of the directory that is a file.
#[derive(Debug)]
pub(super) struct Listed {
    /// Its path; of a name that is not UTF-8, with replacement signs.
    pub(super) path: String,
    /// Its unpacked length as declared.
    pub(super) bytes: u64,
    /// Where its bytes lie; none where they are not to be read.
    pub(super) stored: Option<Stored>,
}

/// The files of a ZIP file; `None` where it is none, or its directory cannot be found. An error is one of the disk.
pub(super) fn directory(file: &File, limits: &Limits, findings: &mut Findings) -> io::Result<Option<Vec<Listed>>> {
    let length = file.metadata()?.len();
    if length == 0 {
        findings.push(error("package-empty"));
        return Ok(None);
    }
    let Some(end) = header::end(file, length)? else {
        let mut start = [0_u8; 4];
        let is_zip = length >= 4 && file.read_exact_at(&mut start, 0).is_ok() && &start == b"PK\x03\x04";
        findings.push(error(if is_zip { "zip-truncated" } else { "package-not-zip" }).value("bytes", length));
        return Ok(None);
    };
    check_end(&end, length, findings);
    let mut heads = central(file, &end, limits, findings)?;
    if heads.is_empty() {
        findings.push(error("zip-empty"));
    }
    layout::check(file, &end, &mut heads, findings)?;
    let mut total = 0;
    Ok(Some(heads.into_iter().filter_map(|head| listed(head, limits, &mut total, findings)).collect()))
}

fn check_end(end: &End, length: u64, findings: &mut Findings) {
    if end.disks {
        findings.push(error("zip-disks"));
    }
    if end.finish < length {
        findings.push(error("zip-trailing-data").at("", &format!("byte {}", end.finish)).value("bytes", length - end.finish));
    }
    if end.base > 0 {
        findings.push(error("zip-leading-data").at("", "byte 0").value("bytes", end.base));
    }
    if end.comment > 0 {
        findings.push(note("zip-comment").value("bytes", end.comment));
    }
}

/// The headers of the central directory, as far as they can be read.
fn central(file: &File, end: &End, limits: &Limits, findings: &mut Findings) -> io::Result<Vec<Central>> {
    let section = Section { file, at: end.directory, end: end.directory.saturating_add(end.directory_bytes) };
    let mut source = io::BufReader::with_capacity(64 << 10, section);
    let mut heads = Vec::new();
    let mut read = 0_u64;
    while read < end.directory_bytes {
        if heads.len() as u64 >= limits.verify_entries_max {
            findings.push(error("limit-entries").value("most", limits.verify_entries_max));
            return Ok(heads);
        }
        let place = format!("byte {}", end.directory + read);
        match header::central(&mut source, end.base) {
            Ok(Some((head, bytes))) => {
                read += bytes;
                if head.name.len() > PATH_BYTES_MAX {
                    findings.push(error("name-too-long").at("", &place).value("most", PATH_BYTES_MAX));
                }
                heads.push(head);
            }
            Ok(None) => {
                findings.push(error("zip-directory-broken").at("", &place));
                return Ok(heads);
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                findings.push(error("zip-directory-broken").at("", &place));
                return Ok(heads);
            }
            Err(e) => return Err(e),
        }
    }
    if heads.len() as u64 != end.entries {
        findings.push(error("zip-entry-count").value("declared", end.entries).value("found", heads.len()));
    }
    Ok(heads)
}

/// What the package makes of one header: nothing of a folder, a barred file where something is wrong with it.
fn listed(mut head: Central, limits: &Limits, total: &mut u64, findings: &mut Findings) -> Option<Listed> {
    let (path, is_utf8) = match String::from_utf8(std::mem::take(&mut head.name)) {
        Ok(path) => (path, true),
        Err(e) => (String::from_utf8_lossy(e.as_bytes()).into_owned(), false),
    };
    // Without flag 11 a name is in code page 437: unless it is ASCII, two programs will read two names.
    if !is_utf8 || (!head.is_utf8 && !path.is_ascii()) {
        findings.push(error("name-not-utf8").at(&path, ""));
    }
    let barred = bars(&head, limits, total);
    if path.ends_with('/') {
        if head.bytes > 0 || head.packed > 0 {
            findings.push(error("entry-folder-with-data").at(&path, ""));
        }
        findings.extend(super::names::check(path.trim_end_matches('/')));
        return None;
    }
    if let Some(code) = barred {
        let finding = error(code).at(&path, "").value("bytes", head.bytes).value("packed", head.packed);
        findings.push(finding.value("method", head.method).value("most", limits.verify_bytes_max));
    }
    let stored = head.data.filter(|_| barred.is_none() && !head.is_suspect);
    let stored = stored.map(|at| Stored { at, packed: head.packed, is_deflated: head.method == 8, crc: head.crc });
    Some(Listed { path, bytes: head.bytes, stored })
}

fn bars(head: &Central, limits: &Limits, total: &mut u64) -> Option<&'static str> {
    let kind = head.mode & 0o170_000;
    if kind == 0o120_000 {
        return Some("entry-symlink");
    }
    if kind != 0 && kind != 0o100_000 && kind != 0o040_000 {
        return Some("entry-special");
    }
    if head.is_encrypted {
        return Some("entry-encrypted");
    }
    if head.method != 0 && head.method != 8 {
        return Some("entry-compression");
    }
    if head.bytes > RATIO_FREE_BYTES && head.bytes / head.packed.max(1) > RATIO_MAX {
        return Some("entry-bomb");
    }
    *total = total.saturating_add(head.bytes);
    (*total > limits.verify_bytes_max).then_some("limit-bytes")
}

/// `bytes` of a file from byte `at` on, as a stream; many may be read at once.
pub(super) fn stretch(file: &File, at: u64, bytes: u64) -> impl Read + '_ {
    Section { file, at, end: at.saturating_add(bytes) }
}

/// A stretch of a file as a stream; many may be read at once.
struct Section<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.file.read_at(&mut buffer[..left], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
