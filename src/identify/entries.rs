//! What stands in the directory of this ZIP? Names, flags and sizes, read in a bounded way; single entries' first bytes.

use std::io::{Read, Seek};

use crate::error::Result;
use crate::limits::Limits;

use super::bytes::{Bytes, number, rfind};

/// Longest entry name that is kept.
const NAME_MAX: u64 = 4_096;
/// Bytes of an entry that are looked at.
const PEEK: u64 = 64 * 1024;

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its name, lossily.
    pub(super) name: String,
    /// True if its content is encrypted.
    pub(super) encrypted: bool,
    method: u64,
    packed: u64,
    /// Its size unpacked, as stated.
    pub(super) unpacked: u64,
    offset: u64,
}

/// The directory.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Entries in the order of the directory, at most `container_entries_max`.
    pub(super) entries: Vec<Entry>,
    /// True if the end-of-central-directory record was found and the directory lies within the file.
    pub(super) is_whole: bool,
    /// True if there are more entries than the ceiling allows.
    pub(super) is_cut: bool,
}

/// Reads the directory; where its end is missing, the entries that can be followed from the start of the file.
pub(super) fn directory<S: Read + Seek>(file: &mut Bytes<'_, S>, limits: &Limits) -> Result<Directory> {
    let most = limits.container_entries_max as usize;
    if let Some((start, _)) = end_record(file)?
        && let Some(found) = central(file, start, most)?
    {
        return Ok(found);
    }
    local(file, most)
}

/// Start and length of the central directory, after the record that ends it (ZIP64 where the short fields overflow).
fn end_record<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<Option<(u64, u64)>> {
    let Some(at) = rfind(&file.tail, b"PK\x05\x06") else { return Ok(None) };
    let (length, start) = (number(&file.tail, at + 12, 4, true), number(&file.tail, at + 16, 4, true));
    let (Some(length), Some(start)) = (length, start) else { return Ok(None) };
    if start != 0xffff_ffff && length != 0xffff_ffff {
        return Ok(Some((start, length)));
    }
    let Some(locator) = at.checked_sub(20).filter(|&at| file.tail[at..].starts_with(b"PK\x06\x07")) else { return Ok(None) };
    let Some(place) = number(&file.tail, locator + 8, 8, true) else { return Ok(None) };
    let record = file.at(place, 56)?;
    Ok(match (record.starts_with(b"PK\x06\x06"), number(&record, 48, 8, true), number(&record, 40, 8, true)) {
        (true, Some(start), Some(length)) => Some((start, length)),
        _ => None,
    })
}

/// Reads the central directory, entry by entry; `None` where it does not stand where the end record says.
fn central<S: Read + Seek>(file: &mut Bytes<'_, S>, start: u64, most: usize) -> Result<Option<Directory>> {
    let mut found = Directory { is_whole: true, ..Directory::default() };
    let mut at = start;
    loop {
        let lead = file.at(at, 46)?;
        if !lead.starts_with(b"PK\x01\x02") {
            // An archive without entries has its end record at once.
            return Ok((!found.entries.is_empty() || lead.starts_with(b"PK\x05\x06")).then_some(found));
        }
        if found.entries.len() >= most {
            found.is_cut = true;
            return Ok(Some(found));
        }
        let field = |at: usize, size: usize| number(&lead, at, size, true);
        let (Some(name), Some(extra), Some(comment)) = (field(28, 2), field(30, 2), field(32, 2)) else { return Ok(None) };
        found.entries.push(Entry {
            name: String::from_utf8_lossy(&file.at(at + 46, name.min(NAME_MAX))?).into_owned(),
            encrypted: field(8, 2).unwrap_or(0) & 1 == 1,
            method: field(10, 2).unwrap_or(0),
            packed: field(20, 4).unwrap_or(0),
            unpacked: field(24, 4).unwrap_or(0),
            offset: field(42, 4).unwrap_or(0),
        });
        at += 46 + name + extra + comment;
    }
}

/// Follows local headers from the start of a file whose directory is missing.
fn local<S: Read + Seek>(file: &mut Bytes<'_, S>, most: usize) -> Result<Directory> {
    let mut found = Directory::default();
    let mut at = 0;
    while found.entries.len() < most {
        let lead = file.at(at, 30)?;
        if !lead.starts_with(b"PK\x03\x04") {
            break;
        }
        let field = |at: usize, size: usize| number(&lead, at, size, true);
        let (Some(name), Some(extra), Some(packed)) = (field(26, 2), field(28, 2), field(18, 4)) else { break };
        found.entries.push(Entry {
            name: String::from_utf8_lossy(&file.at(at + 30, name.min(NAME_MAX))?).into_owned(),
            encrypted: field(6, 2).unwrap_or(0) & 1 == 1,
            method: field(8, 2).unwrap_or(0),
            packed,
            unpacked: field(22, 4).unwrap_or(0),
            offset: at,
        });
        // Sizes that follow the content cannot be stepped over.
        if packed == 0 && field(6, 2).unwrap_or(0) & 8 == 8 {
            break;
        }
        at += 30 + name + extra + packed;
    }
    Ok(found)
}

/// The first bytes (at most 64 KiB) of an entry, unpacked; empty where it cannot be read.
pub(super) fn peek<S: Read + Seek>(file: &mut Bytes<'_, S>, entry: &Entry) -> Result<Vec<u8>> {
    let lead = file.at(entry.offset, 30)?;
    let (Some(name), Some(extra)) = (number(&lead, 26, 2, true), number(&lead, 28, 2, true)) else { return Ok(Vec::new()) };
    if entry.encrypted || !lead.starts_with(b"PK\x03\x04") {
        return Ok(Vec::new());
    }
    // Where sizes follow the content, the packed size may stand as zero; the window is then the ceiling.
    let packed = if entry.packed == 0 { PEEK } else { entry.packed.min(PEEK) };
    let raw = file.at(entry.offset + 30 + name + extra, packed)?;
    Ok(match entry.method {
        0 => raw,
        8 => {
            let mut out = Vec::new();
            // What was unpacked before an error is all that is asked for.
            let _ = flate2::read::DeflateDecoder::new(raw.as_slice()).take(PEEK).read_to_end(&mut out);
            out
        }
        _ => Vec::new(),
    })
}
