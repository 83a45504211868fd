//! Some pages of a TIFF as a TIFF: the directories written again with the strips and tiles as they are stored.
//!
//! Byte order and kind of file (classic or `BigTIFF`) stay; what points elsewhere in the old file (sub-images, Exif) stays behind.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};

use super::range::RangeOrder;
use super::tiff::{Entry, TiffFile, damaged};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Entries that hold places in the file: of strips and of tiles, each with the entry of their lengths.
const DATA: [(u16, u16); 2] = [(273, 279), (324, 325)];
/// `SubIFDs`, Exif, GPS, Interoperability: places of directories that no page needs to be seen.
const BEHIND: [u16; 4] = [330, 34_665, 34_853, 40_965];
/// The JPEG of TIFF 6.0, section 22, keeps its data outside of strips.
const OLD_JPEG: [u16; 5] = [513, 514, 519, 520, 521];
/// Bytes copied at once.
const PIECE_BYTES: u64 = 1 << 20;
/// So much longer than the whole a part may be: directories are laid out anew. Strips that share their data are none of a scan.
const MORE_BYTES: u64 = 1 << 20;

/// Writes the pages.
pub(super) fn write(order: &RangeOrder, limits: &Limits) -> Result<()> {
    let mut tiff = TiffFile::open(&order.input)?;
    let file = File::create(&order.output).map_err(|e| Error::disk("make range", &order.output, e))?;
    let most = tiff.length().saturating_add(MORE_BYTES);
    let most = if tiff.is_big() { most } else { most.min(u64::from(u32::MAX)) };
    let mut written = Written { out: BufWriter::with_capacity(1 << 18, file), at: 0, most, shape: Shape::of(&tiff) };
    let head = written.shape.head();
    written.put(&head).map_err(|e| written.failed(order, e))?;
    let mut link = head.len() as u64 - written.shape.wide() as u64;
    for page in order.first..=order.last {
        let stored = tiff.stored(page - 1, limits)?;
        if stored.iter().any(|entry| OLD_JPEG.contains(&entry.tag)) {
            return Err(Error::hold("range-format").with("mime", "image/tiff (JPEG 6)"));
        }
        let entries = written.data(&mut tiff, stored, order)?;
        link = written.directory(entries, link).map_err(|e| written.failed(order, e))?;
    }
    written.out.flush().map_err(|e| written.failed(order, e))
}

/// How numbers are written in the file.
#[derive(Clone, Copy)]
struct Shape {
    is_little: bool,
    is_big: bool,
}

impl Shape {
    fn of(tiff: &TiffFile) -> Self {
        Self { is_little: tiff.is_little(), is_big: tiff.is_big() }
    }

    /// Bytes of a place.
    fn wide(self) -> usize {
        if self.is_big { 8 } else { 4 }
    }

    fn number(self, value: u64, bytes: usize) -> Vec<u8> {
        if self.is_little { value.to_le_bytes()[..bytes].to_vec() } else { value.to_be_bytes()[8 - bytes..].to_vec() }
    }

    /// The header, its place of the first directory left open.
    fn head(self) -> Vec<u8> {
        let mut head = if self.is_little { b"II".to_vec() } else { b"MM".to_vec() };
        head.extend(self.number(if self.is_big { 43 } else { 42 }, 2));
        if self.is_big {
            head.extend(self.number(8, 2));
            head.extend([0; 2]);
        }
        head.resize(head.len() + self.wide(), 0);
        head
    }
}

/// The file in the making.
struct Written {
    out: BufWriter<File>,
    at: u64,
    most: u64,
    shape: Shape,
}

impl Written {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.at = self.at.saturating_add(bytes.len() as u64);
        if self.at > self.most {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.out.write_all(bytes)
    }

    /// Places are even (TIFF 6.0, section 2).
    fn align(&mut self) -> std::io::Result<()> {
        if self.at % 2 == 1 { self.put(&[0]) } else { Ok(()) }
    }

    fn failed(&self, order: &RangeOrder, error: std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::FileTooLarge && self.at > self.most {
            return damaged("TIFF", "strips");
        }
        Error::disk("write range", &order.output, error)
    }

    /// Copies strips and tiles; the entries with their new places.
    fn data(&mut self, tiff: &mut TiffFile, stored: Vec<Entry>, order: &RangeOrder) -> Result<Vec<Entry>> {
        let list = |tag: u16| -> Option<Vec<u64>> {
            let entry = stored.iter().find(|entry| entry.tag == tag)?;
            Some(entry.value.chunks_exact(entry.size).map(|value| tiff.number(value)).collect())
        };
        let lists: Vec<_> = DATA.iter().filter_map(|(places, lengths)| Some((*places, list(*places)?, list(*lengths)))).collect();
        let mut moved = Vec::new();
        for (tag, places, lengths) in lists {
            let lengths = lengths.filter(|lengths| lengths.len() == places.len()).ok_or_else(|| damaged("TIFF", "strips"))?;
            let mut anew = Vec::with_capacity(places.len() * self.shape.wide());
            for (place, length) in places.into_iter().zip(lengths) {
                self.align().map_err(|e| self.failed(order, e))?;
                anew.extend(self.shape.number(self.at, self.shape.wide()));
                let mut done = 0;
                while done < length {
                    let now = (length - done).min(PIECE_BYTES);
                    let bytes = tiff.bytes(place.saturating_add(done), now)?;
                    self.put(&bytes).map_err(|e| self.failed(order, e))?;
                    done += now;
                }
            }
            moved.push(Entry { tag, kind: if self.shape.is_big { 16 } else { 4 }, size: self.shape.wide(), value: anew });
        }
        if moved.is_empty() {
            return Err(damaged("TIFF", "strips"));
        }
        let is_kept = |entry: &Entry| !BEHIND.contains(&entry.tag) && moved.iter().all(|place| place.tag != entry.tag);
        let mut entries: Vec<Entry> = stored.into_iter().filter(is_kept).collect();
        entries.extend(moved);
        entries.sort_by_key(|entry| entry.tag);
        entries.dedup_by_key(|entry| entry.tag);
        Ok(entries)
    }

    /// Writes a directory and hangs it on the place `link`; where the place of the next one stands.
    fn directory(&mut self, entries: Vec<Entry>, link: u64) -> std::io::Result<u64> {
        let (shape, wide) = (self.shape, self.shape.wide());
        let mut table = shape.number(entries.len() as u64, if shape.is_big { 8 } else { 2 });
        for Entry { tag, kind, size, mut value } in entries {
            table.extend(shape.number(u64::from(tag), 2));
            table.extend(shape.number(u64::from(kind), 2));
            table.extend(shape.number((value.len() / size) as u64, wide));
            if value.len() <= wide {
                value.resize(wide, 0);
                table.extend(value);
            } else {
                self.align()?;
                table.extend(shape.number(self.at, wide));
                self.put(&value)?;
            }
        }
        self.align()?;
        let place = self.at;
        table.resize(table.len() + wide, 0);
        self.put(&table)?;
        let end = self.at;
        self.out.seek(SeekFrom::Start(link))?;
        self.out.write_all(&shape.number(place, wide))?;
        self.out.seek(SeekFrom::Start(end))?;
        Ok(end - wide as u64)
    }
}
