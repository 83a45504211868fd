//! How do bytes come to lie behind those that are here, so that each acknowledged one stays? Bytes, sync, record, sync.

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom, Write as _};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{Held, disk};
use crate::drill;
use crate::error::{Error, Result};

/// Bytes after which what has come is put on the disk, so that a line that breaks costs no more than these.
const SYNC_BYTES: u64 = 16 << 20;
/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// What a sender says the bytes of one request come to (the checksum extension of tus).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256.
    Sha256(Vec<u8>),
    /// SHA-1: fit to find a slip of the line, which is all that it is for here.
    Sha1(Vec<u8>),
}

enum Hasher {
    Sha256(Sha256),
    Sha1(Sha1),
}

impl Checksum {
    fn hasher(&self) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Self::Sha1(_) => Hasher::Sha1(Sha1::new()),
        }
    }

    fn is_met(&self, hasher: Hasher) -> bool {
        match (self, hasher) {
            (Self::Sha256(wanted), Hasher::Sha256(hasher)) => hasher.finalize().as_slice() == wanted,
            (Self::Sha1(wanted), Hasher::Sha1(hasher)) => hasher.finalize().as_slice() == wanted,
            _ => false,
        }
    }
}

impl Held {
    /// Appends what `source` gives and tells the new offset, whose bytes are then on the disk. A source that breaks off leaves
    /// what it gave; with a checksum all of it counts, or none. More than was declared is refused, and nothing of it is kept:
    /// whoever does not know the file's length may not know its bytes.
    pub fn append(&self, source: &mut dyn Read, checksum: Option<&Checksum>) -> Result<u64> {
        let begun = self.standing().offset;
        if begun == self.file().bytes {
            // Whole: the bytes may be a blob already, and nothing may open them for writing any more.
            return self.ends(source);
        }
        let mut part = disk::append_to(&self.upload.folder, self.n, begun)?;
        part.seek(SeekFrom::Start(begun)).map_err(|e| Error::disk("append to upload", &self.upload.folder, e))?;
        let poured = self.pour(&mut part, source, checksum);
        match (poured, checksum) {
            (Ok(offset), _) => self.record(&part, offset),
            (Err((error, _)), Some(_)) => Err(error),
            (Err((error, _)), None) if error.code() == "upload-longer" => self.return_to(begun).and(Err(error)),
            (Err((error, offset)), None) => {
                // A disk that cannot take the bytes may not be able to keep them either: then the last record counts.
                self.record(&part, offset)?;
                Err(error)
            }
        }
    }

    /// The offset of a file that is whole; a source that brings more is refused.
    fn ends(&self, source: &mut dyn Read) -> Result<u64> {
        let bytes = self.file().bytes;
        match source.read(&mut [0]) {
            Ok(0) => Ok(bytes),
            Ok(_) => Err(Error::refuse("upload-longer").with("bytes", bytes)),
            Err(e) => Err(crate::blobs::unwrapped(e, &self.upload.folder)),
        }
    }

    /// Copies the source behind the bytes that are here; an error says how far it came.
    fn pour(
        &self,
        part: &mut File,
        source: &mut dyn Read,
        checksum: Option<&Checksum>,
    ) -> std::result::Result<u64, (Error, u64)> {
        let mut offset = self.standing().offset;
        let mut recorded = offset;
        let mut hasher = checksum.map(Checksum::hasher);
        let mut buffer = vec![0_u8; BUFFER_BYTES];
        let folder = &self.upload.folder;
        loop {
            let n = match source.read(&mut buffer) {
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err((crate::blobs::unwrapped(e, folder), offset)),
            };
            if n == 0 {
                break;
            }
            if offset + n as u64 > self.file().bytes {
                return Err((Error::refuse("upload-longer").with("bytes", self.file().bytes), offset));
            }
            match &mut hasher {
                Some(Hasher::Sha256(hasher)) => hasher.update(&buffer[..n]),
                Some(Hasher::Sha1(hasher)) => hasher.update(&buffer[..n]),
                None => {}
            }
            part.write_all(&buffer[..n]).map_err(|e| (Error::disk("write upload", folder, e), offset))?;
            offset += n as u64;
            // The last byte is recorded when the source has ended: a death before that leaves no whole file of one that is longer.
            if checksum.is_none() && offset - recorded >= SYNC_BYTES && offset < self.file().bytes {
                self.record(part, offset).map_err(|error| (error, recorded))?;
                recorded = offset;
            }
        }
        match checksum.zip(hasher) {
            Some((checksum, hasher)) => {
                if checksum.is_met(hasher) {
                    Ok(offset)
                } else {
                    Err((Error::refuse("upload-checksum"), offset))
                }
            }
            None => Ok(offset),
        }
    }

    /// What was recorded behind `begun` counts no more; its bytes are cut off when the next ones come.
    fn return_to(&self, begun: u64) -> Result<()> {
        if self.standing().offset > begun {
            disk::record(&self.upload.folder, self.n, begun)?;
            self.change(|standing| standing.offset = begun);
        }
        Ok(())
    }

    /// The bytes up to `offset` are on the disk, and so is the record that says so; from here on they may be acknowledged.
    fn record(&self, part: &File, offset: u64) -> Result<u64> {
        if offset > self.standing().offset {
            drill::point("upload.bytes-written");
            if !drill::forgets("upload.bytes-sync") {
                part.sync_data().map_err(|e| Error::disk("sync upload", &self.upload.folder, e))?;
            }
            drill::point("upload.bytes-durable");
            disk::record(&self.upload.folder, self.n, offset)?;
            drill::point("upload.offset-durable");
            self.change(|standing| {
                standing.offset = offset;
                standing.mishap = None;
            });
        }
        Ok(offset)
    }
}
