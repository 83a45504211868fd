//! How do files lie in a ZIP? Headers of stored entries, the directory, its ends (APPNOTE 6.3, 4.3): nothing but bytes.
//!
//! Length and checksum stand before the bytes of an entry: a reader may go from front to end. One time, one mode, ZIP64 exactly where a number asks for it: nothing depends on where or when.

use crate::error::{Error, Result};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
/// Bytes of a record of the directory without its name, and where in it the checksum stands.
const CENTRAL_BYTES: usize = 46;
const CENTRAL_CRC_AT: usize = 16;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// Number of the extra field with the numbers that need 64 bits.
const EXTRA64: u16 = 1;
/// Version of the format that stored entries need, and that ZIP64 needs.
const VERSION: u16 = 10;
const VERSION64: u16 = 45;
/// Names are in UTF-8.
const UTF8: u16 = 1 << 11;
/// 1980-01-01, the first day of the format.
const DATE: u16 = 0x21;
/// A regular file that its owner may write and all may read, as Unix says it.
const MODE: u32 = 0o100_644 << 16;
const UNIX: u16 = 3 << 8;

/// Where in the header of an entry its checksum stands.
pub(super) const CRC_AT: u64 = 14;

/// What a header says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    /// Its length.
    pub(super) bytes: u64,
    /// Its CRC-32.
    pub(super) crc: u32,
}

/// The directory in the making: what was written, where.
#[derive(Debug, Default)]
pub(super) struct Directory {
    records: Vec<u8>,
    count: u64,
    needs64: bool,
    /// Bytes of 64-bit numbers in the last record.
    last_extra: usize,
}

impl Directory {
    /// Makes room for the records of so many files, whose names have so many bytes.
    pub(super) fn expect(&mut self, files: usize, names: usize) {
        self.records.reserve_exact(files * CENTRAL_BYTES + names);
    }

    /// The header that stands before an entry at `at`, which is put on the list.
    pub(super) fn header(&mut self, at: u64, path: &str, stored: Stored, out: &mut Vec<u8>) -> Result<()> {
        let name = u16::try_from(path.len()).map_err(|_| Error::bug("a path longer than a ZIP can carry"))?;
        let is_large = stored.bytes >= u64::from(u32::MAX);
        let is_far = at >= u64::from(u32::MAX);
        let flags = if path.is_ascii() { 0 } else { UTF8 };
        let short = if is_large { u32::MAX } else { stored.bytes as u32 };
        let local = if is_large { VERSION64 } else { VERSION };
        put32(out, LOCAL);
        facts(out, local, flags, (stored.crc, short));
        put16(out, name);
        put16(out, if is_large { 20 } else { 0 });
        out.extend(path.as_bytes());
        if is_large {
            put16(out, EXTRA64);
            put16(out, 16);
            put64(out, stored.bytes);
            put64(out, stored.bytes);
        }

        let records = &mut self.records;
        put32(records, CENTRAL);
        put16(records, UNIX | local);
        facts(records, local, flags, (stored.crc, short));
        put16(records, name);
        let extra = if is_large { 16 } else { 0 } + if is_far { 8 } else { 0 };
        put16(records, if extra == 0 { 0 } else { extra + 4 });
        // No comment, the first disk, nothing inside the archive's own attributes.
        records.extend([0; 6]);
        put32(records, MODE);
        put32(records, if is_far { u32::MAX } else { at as u32 });
        records.extend(path.as_bytes());
        if extra > 0 {
            put16(records, EXTRA64);
            put16(records, extra);
        }
        if is_large {
            put64(records, stored.bytes);
            put64(records, stored.bytes);
        }
        if is_far {
            put64(records, at);
        }
        self.count += 1;
        self.last_extra = usize::from(extra);
        self.needs64 |= is_large;
        Ok(())
    }

    /// Puts checksum and length right of the entry that was listed last; a length that needs 64 bits was known before.
    pub(super) fn set(&mut self, path: &str, stored: Stored) {
        let tail = if self.last_extra == 0 { 0 } else { self.last_extra + 4 };
        let record = self.records.len() - CENTRAL_BYTES - path.len() - tail;
        let facts = &mut self.records[record + CENTRAL_CRC_AT..record + CENTRAL_CRC_AT + 12];
        facts[..4].copy_from_slice(&stored.crc.to_le_bytes());
        if stored.bytes < u64::from(u32::MAX) {
            let bytes = (stored.bytes as u32).to_le_bytes();
            facts[4..8].copy_from_slice(&bytes);
            facts[8..].copy_from_slice(&bytes);
        }
    }

    /// The directory and its ends, which stand at `at`.
    pub(super) fn close(self, at: u64) -> Vec<u8> {
        let mut out = self.records;
        let length = out.len() as u64;
        let (few, small) = (u64::from(u16::MAX), u64::from(u32::MAX));
        let is64 = self.count > few || at.max(length) > small;
        if is64 {
            let version = if self.needs64 { VERSION64 } else { VERSION };
            put32(&mut out, END64);
            put64(&mut out, 44);
            put16(&mut out, version);
            put16(&mut out, version);
            out.extend([0; 8]);
            put64(&mut out, self.count);
            put64(&mut out, self.count);
            put64(&mut out, length);
            put64(&mut out, at);
            put32(&mut out, LOCATOR64);
            put32(&mut out, 0);
            put64(&mut out, at + length);
            put32(&mut out, 1);
        }
        put32(&mut out, END);
        out.extend([0; 4]);
        let count = self.count.min(few) as u16;
        put16(&mut out, count);
        put16(&mut out, count);
        put32(&mut out, if is64 { u32::MAX } else { length as u32 });
        put32(&mut out, at.min(small) as u32);
        put16(&mut out, 0);
        out
    }
}

/// What both headers of an entry say alike.
fn facts(out: &mut Vec<u8>, version: u16, flags: u16, (crc, bytes): (u32, u32)) {
    put16(out, version);
    put16(out, flags);
    // Stored, at midnight.
    put16(out, 0);
    put16(out, 0);
    put16(out, DATE);
    put32(out, crc);
    put32(out, bytes);
    put32(out, bytes);
}

fn put16(out: &mut Vec<u8>, number: u16) {
    out.extend(number.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, number: u64) {
    out.extend(number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    /// What another writer of ZIP makes of the same files.
    fn of_another_writer(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(0o644);
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(name.as_str(), options).expect("begun");
            zip.write_all(bytes).expect("written");
        }
        zip.finish().expect("finished").into_inner()
    }

    fn crc(bytes: &[u8]) -> u32 {
        let mut sum = flate2::Crc::new();
        sum.update(bytes);
        sum.sum()
    }

    fn ours(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Directory::default());
        for (name, bytes) in files {
            let stored = Stored { bytes: bytes.len() as u64, crc: crc(bytes) };
            directory.header(out.len() as u64, name, stored, &mut out).expect("a header");
            out.extend(bytes);
        }
        let at = out.len() as u64;
        out.extend(directory.close(at));
        out
    }

    #[test]
    fn the_bytes_are_those_of_another_writer_up_to_the_last_count_of_sixteen_bits_and_beyond() {
        let named = ["a", "cartella/perché.tif", "vuoto", "data/100%.pdf"];
        let few: Vec<(String, Vec<u8>)> =
            named.iter().enumerate().map(|(n, name)| ((*name).to_owned(), vec![n as u8; n * 1_000])).collect();
        assert_eq!(ours(&few), of_another_writer(&few));
        assert_eq!(ours(&[]), of_another_writer(&[]));
        for count in [65_535, 65_536] {
            let many: Vec<(String, Vec<u8>)> = (0..count).map(|n| (format!("{n}"), Vec::new())).collect();
            assert!(ours(&many) == of_another_writer(&many), "{count}");
        }
    }

    #[test]
    fn a_checksum_that_is_known_late_stands_where_it_would_have_stood() {
        for (bytes, at) in [(3, 7), (5 << 30, 7), (3, 5 << 30), (5 << 30, 5 << 30)] {
            let (mut late, mut out) = (Directory::default(), Vec::new());
            late.header(at, "perché", Stored { bytes, crc: 0 }, &mut out).expect("a header");
            late.set("perché", Stored { bytes, crc: 0x1234_5678 });
            out[CRC_AT as usize..CRC_AT as usize + 4].copy_from_slice(&0x1234_5678_u32.to_le_bytes());
            let (mut early, mut wanted) = (Directory::default(), Vec::new());
            early.header(at, "perché", Stored { bytes, crc: 0x1234_5678 }, &mut wanted).expect("a header");
            assert_eq!((out, late.records), (wanted, early.records));
        }
    }

    #[test]
    fn a_length_that_is_known_late_stands_where_it_would_have_stood() {
        for at in [7, 5 << 30] {
            let stored = Stored { bytes: 4_000_000_000, crc: 9 };
            let (mut late, mut early) = (Directory::default(), Directory::default());
            late.header(at, "x", Stored { bytes: 0, crc: 0 }, &mut Vec::new()).expect("a header");
            late.set("x", stored);
            early.header(at, "x", stored, &mut Vec::new()).expect("a header");
            assert_eq!(late.records, early.records);
        }
    }

    #[test]
    fn the_last_length_and_place_of_thirty_two_bits_need_no_more_and_the_first_beyond_do() {
        for (bytes, at, extra) in [
            (u64::from(u32::MAX) - 1, 0, 0),
            (u64::from(u32::MAX), 0, 20),
            (1, u64::from(u32::MAX) - 1, 0),
            (1, u64::from(u32::MAX), 12),
            (5 << 30, 5 << 30, 28),
        ] {
            let (mut out, mut directory) = (Vec::new(), Directory::default());
            directory.header(at, "x", Stored { bytes, crc: 0 }, &mut out).expect("a header");
            assert_eq!(out.len(), 30 + 1 + if bytes >= u64::from(u32::MAX) { 20 } else { 0 });
            assert_eq!(directory.records.len(), 46 + 1 + extra, "{bytes} at {at}");
        }
    }
}
