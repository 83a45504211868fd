//! How are the bytes looked at? By window: head, tail and places asked for, never the whole file in memory.

use std::io::{Read, Seek, SeekFrom};

use crate::error::{Error, Result};

/// Bytes of the head that every eye sees, and of the tail.
const WINDOW: u64 = 64 * 1024;
/// Step of a scan.
const STEP: usize = 256 * 1024;

/// A file under the eye.
pub(super) struct Bytes<'a, S> {
    source: &'a mut S,
    /// Length of the file.
    pub(super) len: u64,
    /// Its first bytes, at most 64 KiB.
    pub(super) head: Vec<u8>,
    /// Its last bytes, at most 64 KiB.
    pub(super) tail: Vec<u8>,
}

impl<'a, S: Read + Seek> Bytes<'a, S> {
    /// Looks at head and tail of a file of `len` bytes.
    pub(super) fn of(source: &'a mut S, len: u64) -> Result<Self> {
        let mut bytes = Self { source, len, head: Vec::new(), tail: Vec::new() };
        bytes.head = bytes.at(0, WINDOW)?;
        bytes.tail = bytes.at(len.saturating_sub(WINDOW), WINDOW)?;
        Ok(bytes)
    }

    /// At most `count` bytes from `offset`; fewer at the end of the file, none beyond it.
    pub(super) fn at(&mut self, offset: u64, count: u64) -> Result<Vec<u8>> {
        if offset >= self.len {
            return Ok(Vec::new());
        }
        let count = count.min(self.len - offset);
        let mut out = Vec::with_capacity(count as usize);
        self.source.seek(SeekFrom::Start(offset)).map_err(Error::store)?;
        self.source.by_ref().take(count).read_to_end(&mut out).map_err(Error::store)?;
        Ok(out)
    }

    /// The file as a stream, from `place`.
    pub(super) fn rewound(&mut self, place: SeekFrom) -> Result<impl Read + '_> {
        self.source.seek(place).map_err(Error::store)?;
        Ok(self.source.by_ref().take(self.len))
    }

    /// Where the tail begins.
    pub(super) fn tail_start(&self) -> u64 {
        self.len.saturating_sub(WINDOW)
    }

    /// Hands all bytes up to `ceiling` to `see`, piece by piece; each piece begins with the last `overlap` bytes of the one before,
    /// so that what lies across two pieces is seen whole. `see` gets the offset of the piece and says whether to go on.
    pub(super) fn scan(&mut self, ceiling: u64, overlap: usize, mut see: impl FnMut(u64, &[u8]) -> bool) -> Result<()> {
        let end = self.len.min(ceiling);
        let mut offset = 0;
        loop {
            let piece = self.at(offset, (end - offset).min(STEP as u64))?;
            let last = offset + piece.len() as u64 >= end || piece.len() <= overlap;
            if !see(offset, &piece) || last {
                return Ok(());
            }
            offset += (piece.len() - overlap) as u64;
        }
    }
}

/// Offset of the first `needle` in `hay`.
pub(super) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(hay, needle)
}

/// Offset of the last `needle` in `hay`.
pub(super) fn rfind(hay: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::rfind(hay, needle)
}

/// True if `needle` occurs in `hay`.
pub(super) fn has(hay: &[u8], needle: &[u8]) -> bool {
    find(hay, needle).is_some()
}

/// Little- or big-endian number of up to eight bytes at `at`; `None` past the end.
pub(super) fn number(hay: &[u8], at: usize, size: usize, little: bool) -> Option<u64> {
    let slice = hay.get(at..at.checked_add(size)?)?;
    let join = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    Some(if little { slice.iter().rev().fold(0, join) } else { slice.iter().fold(0, join) })
}
