//! Bytes that lie somewhere: in memory, or in pieces of a file. A content inside BER is read in place, however large it is.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

#[derive(Debug, Clone)]
enum Base {
    File(Arc<File>),
    Memory(Arc<[u8]>),
}

/// A row of pieces read as one.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    base: Base,
    /// Begin in the row, begin in the base, length.
    pieces: Arc<[(u64, u64, u64)]>,
    length: u64,
    at: u64,
}

impl Stretch {
    /// A whole file.
    pub(super) fn file(file: File) -> Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { base: Base::File(Arc::new(file)), pieces: [(0, 0, length)].into(), length, at: 0 })
    }

    /// Bytes in memory.
    pub(super) fn memory(bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u64;
        Self { base: Base::Memory(bytes.into()), pieces: [(0, 0, length)].into(), length, at: 0 }
    }

    /// The length of all pieces together, bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The parts of this row that begin there and are so long, as a row of their own; none where they reach beyond its end.
    pub(super) fn parts(&self, parts: &[(u64, u64)]) -> Option<Self> {
        let mut pieces = Vec::with_capacity(parts.len());
        let mut length = 0;
        for &(from, count) in parts {
            let end = from.checked_add(count).filter(|end| *end <= self.length)?;
            let mut from = from;
            while from < end {
                let (begin, base, whole) = self.pieces[self.piece(from)];
                let within = from - begin;
                let some = (whole - within).min(end - from);
                pieces.push((length, base + within, some));
                length += some;
                from += some;
            }
        }
        if pieces.is_empty() {
            pieces.push((0, 0, 0));
        }
        Some(Self { base: self.base.clone(), pieces: pieces.into(), length, at: 0 })
    }

    /// All of it, if it is no longer than `most`.
    pub(super) fn whole(&self, most: u64) -> Result<Vec<u8>> {
        if self.length > most {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::with_capacity(self.length as usize);
        let mut from_begin = Self { at: 0, ..self.clone() };
        from_begin.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// As many bytes from that place on as there are, at most `most`.
    pub(super) fn peek(&self, at: u64, most: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Self { at, ..self.clone() }.take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn piece(&self, at: u64) -> usize {
        self.pieces.partition_point(|(begin, ..)| *begin <= at).saturating_sub(1)
    }
}

impl Read for Stretch {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if self.at >= self.length {
            return Ok(0);
        }
        let (begin, base, length) = self.pieces[self.piece(self.at)];
        let within = self.at - begin;
        let count = usize::try_from(length - within).unwrap_or(usize::MAX).min(out.len());
        let from = base + within;
        let count = match &self.base {
            Base::File(file) => file.read_at(&mut out[..count], from)?,
            Base::Memory(bytes) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                out[..count].copy_from_slice(&bytes[from..from + count]);
                count
            }
        };
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Stretch {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_parts_are_read_in_their_order() {
        let whole = Stretch::memory(b"0123456789abcdef".to_vec());
        let some = whole.parts(&[(8, 4), (0, 3)]).unwrap();
        assert_eq!(some.whole(100).unwrap(), b"89ab012");
        assert_eq!(some.parts(&[(2, 4)]).unwrap().whole(100).unwrap(), b"ab01");
        assert!(whole.parts(&[(10, 7)]).is_none() && some.whole(6).is_err());
        assert_eq!(whole.parts(&[]).unwrap().whole(1).unwrap(), b"");
    }
}
