//! Where does a TIFF keep its pages? The directories of the file and the stored strips of one of them, read by place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};
use crate::limits::Limits;

/// Entries of one directory: no writer needs more, and an enemy may claim any number.
const ENTRIES_MAX: u64 = 4_096;
/// Bytes of one entry's values (offsets of strips are the longest).
const VALUE_BYTES_MAX: u64 = 64 << 20;

/// A TIFF opened for reading strips in any order.
pub(super) struct TiffFile {
    file: File,
    length: u64,
    is_little: bool,
    is_big: bool,
    /// Places of the directories found so far.
    directories: Vec<u64>,
    /// Place of the next directory, 0 at the end.
    next: u64,
}

/// One directory's values by tag, each as numbers.
pub(super) struct Directory {
    numbers: BTreeMap<u16, Vec<u64>>,
    /// JPEGTables, the only entry taken as bytes.
    pub(super) jpeg_tables: Vec<u8>,
    /// Resolution across and down.
    pub(super) resolution: (f64, f64),
}

/// One entry of a directory as it is stored.
pub(super) struct Entry {
    pub(super) tag: u16,
    /// Type of its values (TIFF 6.0, section 2).
    pub(super) kind: u16,
    /// Bytes of one value.
    pub(super) size: usize,
    /// Its values in the file's byte order.
    pub(super) value: Vec<u8>,
}

impl Directory {
    /// The first value of `tag`.
    pub(super) fn get(&self, tag: u16) -> Option<u64> {
        self.list(tag).first().copied()
    }

    /// All values of `tag`.
    pub(super) fn list(&self, tag: u16) -> &[u64] {
        self.numbers.get(&tag).map_or(&[], Vec::as_slice)
    }
}

impl TiffFile {
    /// The same file once more, read from its beginning.
    pub(super) fn again(&mut self) -> Result<File> {
        self.file.rewind().map_err(Error::store)?;
        self.file.try_clone().map_err(Error::store)
    }

    /// Opens `path`, classic TIFF or BigTIFF.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::disk("open TIFF", path, e))?;
        let length = file.metadata().map_err(|e| Error::disk("measure TIFF", path, e))?.len();
        let mut tiff = Self { file, length, is_little: true, is_big: false, directories: Vec::new(), next: 0 };
        let head = tiff.bytes(0, 16.min(length))?;
        tiff.is_little = head.starts_with(b"II");
        let version = tiff.number(head.get(2..4).unwrap_or_default());
        tiff.is_big = version == 43;
        if !(tiff.is_little || head.starts_with(b"MM")) || !matches!(version, 42 | 43) {
            return Err(damaged("TIFF", "header"));
        }
        tiff.next = tiff.number(head.get(if tiff.is_big { 8..16 } else { 4..8 }).unwrap_or_default());
        Ok(tiff)
    }

    /// The directory of that number, from 0.
    pub(super) fn directory(&mut self, number: u32, limits: &Limits) -> Result<Directory> {
        if number >= limits.pages_max {
            return Err(Error::hold("copy-limit").with("limit", "pages_max").with("page", u64::from(number) + 1));
        }
        while self.directories.len() <= number as usize {
            if self.next == 0 || self.directories.contains(&self.next) {
                return Err(Error::hold("copy-page-missing").with("page", u64::from(number) + 1));
            }
            let place = self.next;
            let (count, _, after) = self.table(place)?;
            let link = self.bytes(after, if self.is_big { 8 } else { 4 }).unwrap_or_default();
            tracing::trace!(count, "TIFF directory");
            self.next = self.number(&link);
            self.directories.push(place);
        }
        self.read_directory(self.directories[number as usize])
    }

    /// The bytes of a strip; it must lie in the file.
    pub(super) fn bytes(&mut self, place: u64, length: u64) -> Result<Vec<u8>> {
        if place.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(damaged("TIFF", format!("byte {place}")));
        }
        let mut bytes = vec![0; length as usize];
        let read = self.file.seek(SeekFrom::Start(place)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|e| Error::disk("read TIFF", Path::new("input"), e))?;
        Ok(bytes)
    }

    /// Number of entries of the directory at `place`, where they begin and where they end.
    fn table(&mut self, place: u64) -> Result<(u64, u64, u64)> {
        let wide = if self.is_big { 8 } else { 2 };
        let count = self.bytes(place, wide)?;
        let count = self.number(&count);
        if count == 0 || count > ENTRIES_MAX {
            return Err(damaged("TIFF", format!("byte {place}")));
        }
        Ok((count, place + wide, place + wide + count * if self.is_big { 20 } else { 12 }))
    }

    /// The entries of the directory of that number, from 0, as they are stored.
    pub(super) fn stored(&mut self, number: u32, limits: &Limits) -> Result<Vec<Entry>> {
        self.directory(number, limits)?;
        self.entries(self.directories[number as usize])
    }

    fn read_directory(&mut self, place: u64) -> Result<Directory> {
        let mut found = Directory { numbers: BTreeMap::new(), jpeg_tables: Vec::new(), resolution: (0.0, 0.0) };
        for Entry { tag, size, value, .. } in self.entries(place)? {
            self.take_value(&mut found, tag, size, value);
        }
        Ok(found)
    }

    fn entries(&mut self, place: u64) -> Result<Vec<Entry>> {
        let (_, start, end) = self.table(place)?;
        let table = self.bytes(start, end - start)?;
        let mut entries = Vec::new();
        for entry in table.chunks_exact(if self.is_big { 20 } else { 12 }) {
            let (tag, kind) = (self.number(&entry[..2]) as u16, self.number(&entry[2..4]) as u16);
            let (count, field) = if self.is_big { entry[4..].split_at(8) } else { entry[4..].split_at(4) };
            let size = match kind {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                5 | 10 | 12 | 16..=18 => 8,
                _ => continue,
            };
            let length = self.number(count).saturating_mul(size);
            if length == 0 || length > VALUE_BYTES_MAX {
                continue;
            }
            let inline = field.get(..length as usize).map(<[u8]>::to_vec);
            let value = match inline {
                Some(value) => value,
                None => self.bytes(self.number(field), length)?,
            };
            entries.push(Entry { tag, kind, size: size as usize, value });
        }
        Ok(entries)
    }

    fn take_value(&self, found: &mut Directory, tag: u16, size: usize, value: Vec<u8>) {
        match tag {
            347 => found.jpeg_tables = value,
            282 | 283 if value.len() >= 8 => {
                let ratio = self.number(&value[..4]) as f64 / (self.number(&value[4..8]) as f64).max(1.0);
                if tag == 282 { found.resolution.0 = ratio } else { found.resolution.1 = ratio }
            }
            _ => _ = found.numbers.insert(tag, value.chunks_exact(size).map(|part| self.number(part)).collect()),
        }
    }

    /// A number in the file's byte order.
    pub(super) fn number(&self, bytes: &[u8]) -> u64 {
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.is_little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) }
    }

    /// True of a `BigTIFF`.
    pub(super) fn is_big(&self) -> bool {
        self.is_big
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// True of `II` files: the order of 16-bit samples.
    pub(super) fn is_little(&self) -> bool {
        self.is_little
    }
}

/// A file whose structure is broken at `place`.
pub(super) fn damaged(format: &str, place: impl std::fmt::Display) -> Error {
    Error::hold("copy-damaged").with("format", format).with("place", place)
}
