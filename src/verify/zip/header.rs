//! What do the headers of a ZIP file say? End record, central directory, local header, each read with its bounds.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

/// Length of the end record without its comment; the comment has at most 65,535 bytes.
const END_BYTES: usize = 22;
const LOCATOR_BYTES: u64 = 20;
const END64_BYTES: u64 = 56;
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;

/// What the end of the file says, ZIP64 resolved.
#[derive(Debug)]
pub(super) struct End {
    /// Where the central directory lies in the file.
    pub(super) directory: u64,
    /// Its length.
    pub(super) directory_bytes: u64,
    /// Entries that it declares.
    pub(super) entries: u64,
    /// Bytes before the first byte of the archive proper.
    pub(super) base: u64,
    /// Where the archive ends in the file.
    pub(super) finish: u64,
    /// Length of the comment.
    pub(super) comment: u16,
    /// True if the archive says it spans disks.
    pub(super) disks: bool,
}

/// One header of the central directory.
#[derive(Debug, Clone)]
pub(super) struct Central {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) bytes: u64,
    /// Where the local header lies in the file.
    pub(super) local: u64,
    /// Unix mode, 0 where none is declared.
    pub(super) mode: u32,
    pub(super) is_utf8: bool,
    pub(super) is_encrypted: bool,
    /// Where the data lie, once the local header was read.
    pub(super) data: Option<u64>,
    /// True if its place or its headers are contradictory: its bytes are not read.
    pub(super) is_suspect: bool,
}

/// One local header.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) bytes: u64,
    pub(super) data: u64,
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// The end record: the last one whose comment fits in the file. `None` where there is none or it contradicts the file.
pub(super) fn end(file: &File, length: u64) -> io::Result<Option<End>> {
    let tail_bytes = length.min((END_BYTES + usize::from(u16::MAX)) as u64);
    let mut tail = vec![0_u8; usize::try_from(tail_bytes).unwrap_or(0)];
    file.read_exact_at(&mut tail, length - tail_bytes)?;
    let mut loose = None;
    for at in (0..tail.len().saturating_sub(END_BYTES - 1)).rev() {
        if &tail[at..at + 4] == b"PK\x05\x06" {
            let finish = at + END_BYTES + usize::from(u16_at(&tail, at + 20));
            if finish == tail.len() {
                return resolved(file, &tail[at..], length - tail_bytes + at as u64);
            }
            // A record that leaves bytes over counts only if no other ends with the file.
            if finish < tail.len() && loose.is_none() {
                loose = Some(at);
            }
        }
    }
    match loose {
        Some(at) => resolved(file, &tail[at..], length - tail_bytes + at as u64),
        None => Ok(None),
    }
}

fn resolved(file: &File, record: &[u8], at: u64) -> io::Result<Option<End>> {
    let (mut entries, mut size) = (u64::from(u16_at(record, 10)), u64::from(u32_at(record, 12)));
    let mut offset = u64::from(u32_at(record, 16));
    let mut disks = u16_at(record, 4) | u16_at(record, 6) != 0;
    let mut tables_end = at;
    let is_wide = entries == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF;
    if let Some((at64, record)) = if is_wide { end64(file, at)? } else { None } {
        (entries, size, offset) = (u64_at(&record, 32), u64_at(&record, 40), u64_at(&record, 48));
        disks = u32_at(&record, 16) | u32_at(&record, 20) != 0;
        tables_end = at64;
    }
    let Some(directory) = tables_end.checked_sub(size) else { return Ok(None) };
    let Some(base) = directory.checked_sub(offset) else { return Ok(None) };
    let comment = u16_at(record, 20);
    let finish = at + END_BYTES as u64 + u64::from(comment);
    Ok(Some(End { directory, directory_bytes: size, entries, base, finish, comment, disks }))
}

/// The ZIP64 end record before the end record at `end`, with its place.
fn end64(file: &File, end: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let Some(at) = end.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
    let mut locator = [0_u8; LOCATOR_BYTES as usize];
    file.read_exact_at(&mut locator, at)?;
    if &locator[..4] != b"PK\x06\x07" {
        return Ok(None);
    }
    // The record stands before its locator; the declared place is wrong where bytes were put before the archive.
    for place in [u64_at(&locator, 8), at.saturating_sub(END64_BYTES)] {
        let mut record = vec![0_u8; END64_BYTES as usize];
        let is_inside = place.checked_add(END64_BYTES).is_some_and(|finish| finish <= at);
        if is_inside {
            file.read_exact_at(&mut record, place)?;
            if &record[..4] == b"PK\x06\x06" {
                return Ok(Some((place, record)));
            }
        }
    }
    Ok(None)
}

/// The next header of the central directory with its length; `None` where something else stands there.
pub(super) fn central(source: &mut impl Read, base: u64) -> io::Result<Option<(Central, u64)>> {
    let mut fixed = [0_u8; CENTRAL_BYTES];
    source.read_exact(&mut fixed)?;
    if &fixed[..4] != b"PK\x01\x02" {
        return Ok(None);
    }
    let lengths = [28, 30, 32].map(|at| usize::from(u16_at(&fixed, at)));
    let mut rest = vec![0_u8; lengths.iter().sum()];
    source.read_exact(&mut rest)?;
    let extra = &rest[lengths[0]..lengths[0] + lengths[1]];
    let (flags, method) = (u16_at(&fixed, 8), u16_at(&fixed, 10));
    let mut wide = [u64::from(u32_at(&fixed, 24)), u64::from(u32_at(&fixed, 20)), u64::from(u32_at(&fixed, 42))];
    widen(&mut wide, extra);
    let [bytes, packed, local] = wide;
    let head = Central {
        name: rest[..lengths[0]].to_vec(),
        flags,
        method,
        crc: u32_at(&fixed, 16),
        packed,
        bytes,
        local: local.saturating_add(base),
        mode: u32_at(&fixed, 38) >> 16,
        is_utf8: flags & 0x0800 != 0,
        // Bit 0: encrypted; bit 6: strongly; bit 13: its header masked; method 99: AES of WinZip.
        is_encrypted: flags & 0x2041 != 0 || method == 99,
        data: None,
        is_suspect: false,
    };
    Ok(Some((head, (CENTRAL_BYTES + rest.len()) as u64)))
}

/// The local header at `at`; `None` where none stands there.
pub(super) fn local(file: &File, at: u64, length: u64) -> io::Result<Option<Local>> {
    let mut fixed = [0_u8; LOCAL_BYTES];
    if at.checked_add(LOCAL_BYTES as u64).is_none_or(|end| end > length) {
        return Ok(None);
    }
    file.read_exact_at(&mut fixed, at)?;
    let lengths = [26, 28].map(|at| usize::from(u16_at(&fixed, at)));
    let start = at + LOCAL_BYTES as u64;
    let data = start + (lengths[0] + lengths[1]) as u64;
    if &fixed[..4] != b"PK\x03\x04" || data > length {
        return Ok(None);
    }
    let mut rest = vec![0_u8; lengths[0] + lengths[1]];
    file.read_exact_at(&mut rest, start)?;
    let mut wide = [u64::from(u32_at(&fixed, 22)), u64::from(u32_at(&fixed, 18)), 0];
    widen(&mut wide, &rest[lengths[0]..]);
    rest.truncate(lengths[0]);
    let (flags, method, crc) = (u16_at(&fixed, 6), u16_at(&fixed, 8), u32_at(&fixed, 14));
    Ok(Some(Local { name: rest, flags, method, crc, packed: wide[1], bytes: wide[0], data }))
}

/// Puts the values of the ZIP64 extra field (APPNOTE 4.5.3) in the place of those that say 0xFFFFFFFF, in its fixed order.
fn widen(values: &mut [u64; 3], extra: &[u8]) {
    let mut rest = extra;
    while rest.len() >= 4 {
        let (id, size) = (u16_at(rest, 0), usize::from(u16_at(rest, 2)));
        let Some(body) = rest.get(4..4 + size) else { return };
        if id == 1 {
            let mut at = 0;
            for value in values.iter_mut().filter(|value| **value == 0xFFFF_FFFF) {
                if body.len() >= at + 8 {
                    *value = u64_at(body, at);
                    at += 8;
                }
            }
            return;
        }
        rest = &rest[4 + size..];
    }
}
