//! What do the directories of a TIFF say? Classic and BigTIFF, both byte orders, every count and offset distrusted.
//!
//! Also reads the directory inside an EXIF block, which is the same structure (TIFF 6.0 section 2; Exif 2.3 section 4.5).

use crate::error::{Error, Result};
use crate::limits::Limits;

/// Most values taken of one entry (strips of the tallest page allowed).
const VALUES_MAX: u64 = 1 << 20;

/// Where the bytes come from: a file or a block in memory.
pub(super) trait Bytes {
    /// Bytes in all.
    fn size(&self) -> u64;
    /// Exactly `buffer.len()` bytes from `at`.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> std::io::Result<()>;
}

impl Bytes for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let part = from.checked_add(buffer.len()).and_then(|to| self.get(from..to));
        part.map(|part| buffer.copy_from_slice(part)).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }
}

/// What is needed of one directory; absent entries have the default of the standard.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bits: u16,
    pub(super) samples: u16,
    pub(super) compression: u16,
    pub(super) photometric: u16,
    pub(super) fill_order: u16,
    pub(super) orientation: u16,
    pub(super) rows_per_strip: u32,
    pub(super) t4_options: u32,
    pub(super) resolution: f64,
    pub(super) resolution_unit: u16,
    pub(super) is_tiled: bool,
    /// Pixels of one tile, across and down.
    pub(super) tile: (u32, u32),
    pub(super) planar: u16,
    pub(super) predictor: u16,
    /// What the first sample beyond the colours is: 1 and 2 are opacity.
    pub(super) extra: u16,
    pub(super) sample_format: u16,
    pub(super) is_reduced: bool,
    pub(super) colour_map: Vec<u64>,
    /// Where the value of the photometric entry stands, and a one in the file's byte order.
    pub(super) photometric_at: (u64, [u8; 2]),
    /// Where the JPEG of a page of the old kind begins, and its bytes; 0 where nothing says.
    pub(super) jpeg: (u64, u64),
    pub(super) offsets: Vec<u64>,
    pub(super) counts: Vec<u64>,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            bits: 1,
            samples: 1,
            compression: 1,
            photometric: 0,
            fill_order: 1,
            orientation: 1,
            rows_per_strip: u32::MAX,
            t4_options: 0,
            resolution: 0.0,
            resolution_unit: 2,
            is_tiled: false,
            tile: (0, 0),
            planar: 1,
            predictor: 1,
            extra: 0,
            sample_format: 1,
            is_reduced: false,
            colour_map: Vec::new(),
            photometric_at: (0, [0; 2]),
            jpeg: (0, 0),
            offsets: Vec::new(),
            counts: Vec::new(),
        }
    }
}

impl Directory {
    /// False of a page without size or data.
    pub(super) fn has_pixels(&self) -> bool {
        self.width > 0 && self.height > 0 && !self.offsets.is_empty()
    }

    /// Dots per inch, 0 where none are declared.
    pub(super) fn dpi(&self) -> f32 {
        let dpi = match self.resolution_unit {
            2 => self.resolution,
            3 => self.resolution * 2.54,
            _ => 0.0,
        };
        if dpi.is_finite() && dpi > 0.0 { dpi as f32 } else { 0.0 }
    }

    /// Degrees clockwise that bring the page upright, once a mirrored one is mirrored back.
    pub(super) fn rotation(&self) -> u16 {
        match self.orientation {
            3 | 4 => 180,
            6 | 7 => 90,
            5 | 8 => 270,
            _ => 0,
        }
    }

    /// True if left and right of the stored pixels are to be exchanged before anything else.
    pub(super) fn is_mirrored(&self) -> bool {
        matches!(self.orientation, 2 | 4 | 5 | 7)
    }
}

/// The chain of directories of a TIFF.
pub(super) fn chain(bytes: &impl Bytes, limits: &Limits) -> Result<Vec<Directory>> {
    let (reader, mut next) = Reader::open(bytes)?;
    let mut seen = std::collections::BTreeSet::new();
    let mut directories = Vec::new();
    while next != 0 {
        if !seen.insert(next) {
            return Err(super::broken("TIFF: directories in a ring"));
        }
        if seen.len() > limits.pages_max as usize {
            return Err(Error::hold("pages-too-many").with("pages", seen.len()).with("max", limits.pages_max));
        }
        let (directory, after) = reader.directory(next, seen.len() as u32)?;
        directories.push(directory);
        next = after;
    }
    Ok(directories)
}

/// The first directory alone (EXIF).
pub(super) fn first(bytes: &impl Bytes) -> Result<Directory> {
    let (reader, at) = Reader::open(bytes)?;
    Ok(reader.directory(at, 1)?.0)
}

struct Reader<'a, B> {
    bytes: &'a B,
    little: bool,
    big_tiff: bool,
}

/// One entry before its values are fetched.
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    inline: [u8; 8],
}

impl<'a, B: Bytes> Reader<'a, B> {
    fn open(bytes: &'a B) -> Result<(Self, u64)> {
        let mut head = [0_u8; 16];
        let have = (bytes.size() as usize).min(16);
        bytes.read_at(0, &mut head[..have]).map_err(super::broken)?;
        let little = match &head[..2] {
            b"II" => true,
            b"MM" => false,
            _ => return Err(super::broken("TIFF: no byte order mark")),
        };
        let mut reader = Self { bytes, little, big_tiff: false };
        match reader.number(&head[2..4]) {
            42 if have >= 8 => Ok((reader.number(&head[4..8]), reader)),
            43 if have >= 16 => {
                reader.big_tiff = true;
                Ok((reader.number(&head[8..16]), reader))
            }
            _ => Err(super::broken("TIFF: no version number")),
        }
        .map(|(at, reader)| (reader, at))
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let fold = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
        if self.little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) }
    }

    fn take(&self, at: u64, length: usize, page: u32) -> Result<Vec<u8>> {
        let end = at.checked_add(length as u64).filter(|end| *end <= self.bytes.size());
        let Some(_) = end else { return Err(super::truncated(page, at.saturating_add(length as u64), self.bytes.size())) };
        let mut buffer = vec![0; length];
        self.bytes.read_at(at, &mut buffer).map_err(super::broken)?;
        Ok(buffer)
    }

    fn directory(&self, at: u64, page: u32) -> Result<(Directory, u64)> {
        let (head, entry_size, link) = if self.big_tiff { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number(&self.take(at, head, page)?).min(4096) as usize;
        let body = self.take(at + head as u64, count * entry_size, page)?;
        let mut directory = Directory::default();
        for (place, entry) in body.chunks_exact(entry_size).enumerate() {
            let entry = self.entry(entry);
            if entry.tag == 262 {
                let value_at = at + (head + place * entry_size + if self.big_tiff { 12 } else { 8 }) as u64;
                directory.photometric_at = (value_at, if self.little { [1, 0] } else { [0, 1] });
            }
            self.fill(&mut directory, &entry, page)?;
        }
        // A missing link after the last directory is common and harmless.
        let link_at = at + (head + count * entry_size) as u64;
        let next = self.take(link_at, link, page).map_or(0, |bytes| self.number(&bytes));
        Ok((directory, next))
    }

    fn entry(&self, bytes: &[u8]) -> Entry {
        let (tag, kind) = (self.number(&bytes[..2]) as u16, self.number(&bytes[2..4]) as u16);
        let mut inline = [0; 8];
        let count = if self.big_tiff {
            inline.copy_from_slice(&bytes[12..20]);
            self.number(&bytes[4..12])
        } else {
            inline[..4].copy_from_slice(&bytes[8..12]);
            self.number(&bytes[4..8])
        };
        Entry { tag, kind, count, inline }
    }

    /// The values of an entry as whole numbers (a rational as its quotient, see [`Self::quotient`]).
    fn values(&self, entry: &Entry, page: u32) -> Result<Vec<u64>> {
        let size: u64 = match entry.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => return Ok(Vec::new()),
        };
        if entry.count > VALUES_MAX {
            return Err(super::broken(format_args!("TIFF: {} values in entry {}", entry.count, entry.tag)));
        }
        let length = (entry.count * size) as usize;
        let room = if self.big_tiff { 8 } else { 4 };
        let bytes = if length <= room {
            entry.inline[..length].to_vec()
        } else {
            self.take(self.number(&entry.inline[..room]), length, page)?
        };
        Ok(bytes.chunks_exact(size as usize).map(|value| self.number(value)).collect())
    }

    fn quotient(&self, value: u64) -> f64 {
        let (low, high) = (value as u32, (value >> 32) as u32);
        let (numerator, denominator) = if self.little { (low, high) } else { (high, low) };
        f64::from(numerator) / f64::from(denominator)
    }

    fn fill(&self, directory: &mut Directory, entry: &Entry, page: u32) -> Result<()> {
        const WANTED: [u16; 27] = [
            254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 284, 292, 293, 296, 317, 320, 322, 323, 324, 325,
            338, 339, 513, 514,
        ];
        if !WANTED.contains(&entry.tag) {
            return Ok(());
        }
        let values = self.values(entry, page)?;
        let Some(value) = values.first().copied() else { return Ok(()) };
        let (word, long) = (value as u16, u32::try_from(value).unwrap_or(u32::MAX));
        match entry.tag {
            254 => directory.is_reduced = value & 1 == 1,
            256 => directory.width = long,
            257 => directory.height = long,
            258 => directory.bits = word,
            259 => directory.compression = word,
            262 => directory.photometric = word,
            266 => directory.fill_order = word,
            274 => directory.orientation = word,
            277 => directory.samples = word,
            278 => directory.rows_per_strip = long,
            273 | 324 => directory.offsets = values,
            279 | 325 => directory.counts = values,
            282 if matches!(entry.kind, 5 | 10) => directory.resolution = self.quotient(value),
            292 => directory.t4_options = long,
            296 => directory.resolution_unit = word,
            320 => directory.colour_map = values,
            284 => directory.planar = word,
            317 => directory.predictor = word,
            322 => (directory.is_tiled, directory.tile.0) = (true, long),
            323 => (directory.is_tiled, directory.tile.1) = (true, long),
            338 => directory.extra = word,
            339 => directory.sample_format = word,
            513 => directory.jpeg.0 = value,
            514 => directory.jpeg.1 = value,
            _ => {}
        }
        Ok(())
    }
}
