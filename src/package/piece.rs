//! What came of the bytes that were written? Pieces of the package go to another core, which digests what is in them.

use std::sync::mpsc::{Receiver, Sender};

use sha2::{Digest as _, Sha512};

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Kind, Result};

/// Bytes of one piece: what is read and written at once.
pub(super) const PIECE_BYTES: usize = 512 << 10;

/// What the digests of an entry came out as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    /// SHA-256 over the bytes as written.
    pub(super) sha256: Digest,
    /// SHA-512 over the same, where the profile wants it.
    pub(super) sha512: Option<Box<[u8; 64]>>,
}

/// The hand that digests; it ends with the flow, and an error of its own is the reason of any other.
pub(super) type Digester<'scope> = std::thread::ScopedJoinHandle<'scope, Result<()>>;

/// A piece of the package and what its bytes are.
pub(super) struct Piece {
    pub(super) bytes: Box<[u8]>,
    pub(super) filled: usize,
    pub(super) marks: Vec<Mark>,
    /// Of a piece that comes back: what the entries that end in it came out as.
    pub(super) proofs: Vec<Proof>,
}

pub(super) enum Mark {
    /// So many bytes of the container itself.
    Header(usize),
    /// So many bytes of an entry.
    Content(usize),
    /// An entry ends; where it is a blob it must be the one recorded.
    End(Option<Wanted>),
}

/// A blob as the plan records it.
pub(super) struct Wanted {
    pub(super) sha256: Digest,
    pub(super) object: String,
}

impl Default for Piece {
    fn default() -> Self {
        Self { bytes: vec![0; PIECE_BYTES].into_boxed_slice(), filled: 0, marks: Vec::new(), proofs: Vec::new() }
    }
}

impl Piece {
    /// Where the next bytes go.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..]
    }

    /// So many bytes of content were put there.
    pub(super) fn took(&mut self, bytes: usize) {
        self.filled += bytes;
        self.marks.push(Mark::Content(bytes));
    }
}

/// What the digester has in hand.
pub(super) struct Digesting {
    entry: Hasher,
    longer: Option<Sha512>,
}

impl Digesting {
    pub(super) fn new(has_sha512: bool) -> Self {
        let longer = has_sha512.then(Sha512::new);
        Self { entry: Hasher::default(), longer }
    }

    pub(super) fn run(mut self, inbox: &Receiver<Piece>, back: &Sender<Piece>) -> Result<()> {
        for mut piece in inbox {
            self.take(&mut piece)?;
            piece.filled = 0;
            // A flow that is gone wants no piece back.
            let _ = back.send(piece);
        }
        Ok(())
    }

    fn take(&mut self, piece: &mut Piece) -> Result<()> {
        let mut rest = &piece.bytes[..piece.filled];
        for mark in piece.marks.drain(..) {
            match mark {
                Mark::Header(n) => rest = &rest[n..],
                Mark::Content(n) => {
                    let (now, after) = rest.split_at(n);
                    self.entry.update(now);
                    if let Some(longer) = &mut self.longer {
                        longer.update(now);
                    }
                    rest = after;
                }
                Mark::End(wanted) => piece.proofs.push(self.end(wanted)?),
            }
        }
        Ok(())
    }

    fn end(&mut self, wanted: Option<Wanted>) -> Result<Proof> {
        let (sha256, _) = std::mem::take(&mut self.entry).finish();
        if let Some(wanted) = wanted.filter(|wanted| wanted.sha256 != sha256) {
            return Err(differs(&wanted.object, &wanted.sha256));
        }
        let sha512 = self.longer.as_mut().map(|longer| Box::new(longer.finalize_reset().into()));
        Ok(Proof { sha256, sha512 })
    }
}

/// A blob that has other bytes than the plan records.
pub(super) fn differs(object: &str, sha256: &Digest) -> Error {
    Error::new(Kind::Store, "blob-differs").with("object", object).with("sha256", sha256)
}
