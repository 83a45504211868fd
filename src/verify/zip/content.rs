//! What bytes does an entry unpack to? A stream that ends in an error where length or checksum do not hold.

use std::fs::File;
use std::io::{self, Read};

use super::Section;

/// Where the bytes of an entry lie.
#[derive(Debug)]
pub(in crate::verify) struct Stored {
    pub(super) at: u64,
    pub(super) packed: u64,
    pub(super) is_deflated: bool,
    pub(super) crc: u32,
}

impl Stored {
    /// The unpacked bytes; never more than `bytes`, whatever the packed ones say.
    pub(in crate::verify) fn reader<'a>(&self, file: &'a File, bytes: u64) -> Box<dyn Read + 'a> {
        let section = Section { file, at: self.at, end: self.at.saturating_add(self.packed) };
        if self.is_deflated {
            let section = io::BufReader::with_capacity(64 << 10, section);
            let inner = flate2::bufread::DeflateDecoder::new(section);
            Box::new(Checked { inner, sum: flate2::Crc::new(), left: bytes, crc: self.crc })
        } else {
            Box::new(Checked { inner: section, sum: flate2::Crc::new(), left: bytes, crc: self.crc })
        }
    }
}

struct Checked<R> {
    inner: R,
    sum: flate2::Crc,
    left: u64,
    crc: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let n = self.inner.read(buffer)?;
        if n as u64 > self.left {
            return Err(io::Error::other("longer than declared"));
        }
        if n == 0 && self.left > 0 {
            return Err(io::Error::other("shorter than declared"));
        }
        if n == 0 && self.sum.sum() != self.crc {
            return Err(io::Error::other("CRC-32 differs"));
        }
        self.left -= n as u64;
        self.sum.update(&buffer[..n]);
        Ok(n)
    }
}
