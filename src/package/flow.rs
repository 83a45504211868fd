//! How do the bytes get into the package? In large pieces, each read, written and digested once, the digest on another core.
//!
//! One hand reads, sums (CRC-32) and writes; the other digests what was written. Memory holds a few pieces, however large the
//! files are. The checksum of a file larger than a piece is put into its header when it is known; where the bytes go into a
//! stream, which cannot be gone back in, such a file is read a second time for it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::Scope;

use sha2::{Digest as _, Sha512};

use super::container::{CRC_AT, Directory, Stored};
use super::progress::Done;
use super::{BlobReader, PlannedFile};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Kind, Result};

/// Bytes of one piece: what is read and written at once.
const PIECE_BYTES: usize = 512 << 10;
/// Pieces under way between the two hands: all the memory that content takes.
const PIECES: usize = 8;

/// What the digests of an entry came out as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    /// SHA-256 over the bytes as written.
    pub(super) sha256: Digest,
    /// SHA-512 over the same, where the profile wants it.
    pub(super) sha512: Option<Box<[u8; 64]>>,
}

/// A file that was given to the flow.
pub(super) struct Given {
    /// Its length.
    pub(super) bytes: u64,
    /// Its digests, where it lies there since an earlier run; else they come with the next report.
    pub(super) proof: Option<Proof>,
}

/// A piece of the package and what its bytes are.
struct Piece {
    bytes: Box<[u8]>,
    filled: usize,
    marks: Vec<Mark>,
}

enum Mark {
    /// So many bytes of the container itself.
    Header(usize),
    /// So many bytes of an entry.
    Content(usize),
    /// An entry ends; where it is a blob it must be the one recorded.
    End(Option<Wanted>),
}

/// A blob as the plan records it.
struct Wanted {
    sha256: Digest,
    object: String,
}

enum Message {
    Piece(Piece),
    /// Asks for the proofs since the last report.
    Report(SyncSender<Vec<Proof>>),
}

/// Where the bytes of a package go.
pub(super) enum Target<'a> {
    /// Into a file, from where it stands.
    File(&'a File, &'a Path),
    /// Away.
    Stream(&'a mut dyn Write),
}

impl Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::File(file, path) => file.write_all(bytes).map_err(|e| Error::disk("write package", path, e)),
            Self::Stream(sink) => sink.write_all(bytes).map_err(|e| Error::disk("write package", Path::new("-"), e)),
        }
    }
}

/// Where bytes go, and what is known of those that went.
pub(super) struct Flow<'a> {
    target: Target<'a>,
    directory: Directory,
    at: u64,
    piece: Piece,
    to_digest: SyncSender<Message>,
    spare: Receiver<Piece>,
    /// Entries of a run that was stopped: they lie there, proven.
    done: VecDeque<Done>,
    /// Checksum and length of every entry since the last report.
    pub(super) since: Vec<Stored>,
}

/// The hand that digests; it ends with the flow, and an error of its own is the reason of any other.
pub(super) type Digester<'scope> = std::thread::ScopedJoinHandle<'scope, Result<()>>;

impl<'a> Flow<'a> {
    /// Begins at the front, or after the entries `done`.
    pub(super) fn begin<'scope>(
        scope: &'scope Scope<'scope, '_>,
        target: Target<'a>,
        done: VecDeque<Done>,
        has_sha512: bool,
    ) -> (Self, Digester<'scope>) {
        let (to_digest, inbox) = sync_channel(PIECES);
        let (back, spare) = channel();
        for _ in 0..PIECES {
            // The receiver is in this function's hands.
            let _ = back.send(Piece::default());
        }
        let digester = scope.spawn(move || Digesting::new(has_sha512).run(&inbox, &back));
        let directory = Directory::default();
        (Self { target, directory, at: 0, piece: Piece::default(), to_digest, spare, done, since: Vec::new() }, digester)
    }

    /// How many bytes the package has so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// One file whose text `make` gives; it is not asked for where it lies there already.
    pub(super) fn text<T: AsRef<str>>(&mut self, path: &str, make: impl FnOnce() -> Result<T>) -> Result<Given> {
        if let Some(given) = self.passed(path)? {
            return Ok(given);
        }
        let text = make()?;
        let bytes = text.as_ref().as_bytes();
        let stored = Stored { bytes: bytes.len() as u64, crc: crc32fast::hash(bytes) };
        self.header(path, stored)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.piece.room().is_empty() {
                self.send()?;
            }
            let now = rest.len().min(self.piece.room().len());
            self.piece.room()[..now].copy_from_slice(&rest[..now]);
            self.piece.took(now);
            rest = &rest[now..];
        }
        Ok(self.end(None, stored))
    }

    /// One blob; bytes that are not those recorded stop the build (invariant 8).
    pub(super) fn blob(&mut self, file: &PlannedFile, blobs: &dyn BlobReader) -> Result<Given> {
        if let Some(given) = self.passed(&file.path)? {
            return Ok(given);
        }
        let length = header_bytes(&file.path);
        let stored = match usize::try_from(file.bytes).ok().filter(|bytes| length + bytes <= PIECE_BYTES) {
            Some(bytes) => self.small(file, bytes, blobs)?,
            None => self.large(file, blobs)?,
        };
        Ok(self.end(Some(Wanted { sha256: file.sha256, object: file.object.clone() }), stored))
    }

    /// Reads the blob behind the place of its header, which is written once the checksum is known.
    fn small(&mut self, file: &PlannedFile, bytes: usize, blobs: &dyn BlobReader) -> Result<Stored> {
        let length = header_bytes(&file.path);
        if length + bytes > self.piece.room().len() {
            self.send()?;
        }
        let mut source = blobs.open(&file.sha256)?;
        let content = &mut self.piece.room()[length..length + bytes];
        let is_whole = fill(&mut *source, content, file)? == bytes && fill(&mut *source, &mut [0], file)? == 0;
        if !is_whole {
            return Err(differs(&file.object, &file.sha256));
        }
        let stored = Stored { bytes: file.bytes, crc: crc32fast::hash(content) };
        self.header(&file.path, stored)?;
        self.piece.took(bytes);
        Ok(stored)
    }

    /// Writes a blob that is larger than a piece.
    fn large(&mut self, file: &PlannedFile, blobs: &dyn BlobReader) -> Result<Stored> {
        let known = match self.target {
            Target::File(..) => None,
            Target::Stream(_) => Some(self.checksum(file, blobs)?),
        };
        let header_at = self.at;
        self.header(&file.path, Stored { bytes: file.bytes, crc: known.unwrap_or_default() })?;
        let (mut source, mut left) = (blobs.open(&file.sha256)?, file.bytes);
        let mut sum = crc32fast::Hasher::new();
        while left > 0 {
            if self.piece.room().is_empty() {
                self.send()?;
            }
            let most = self.piece.room().len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let n = fill(&mut *source, &mut self.piece.room()[..most], file)?;
            if n == 0 {
                return Err(differs(&file.object, &file.sha256));
            }
            if known.is_none() {
                sum.update(&self.piece.room()[..n]);
            }
            self.piece.took(n);
            left -= n as u64;
        }
        if fill(&mut *source, &mut [0], file)? != 0 {
            return Err(differs(&file.object, &file.sha256));
        }
        let crc = known.unwrap_or_else(|| sum.finalize());
        if let Target::File(out, path) = self.target {
            self.send()?;
            out.write_all_at(&crc.to_le_bytes(), header_at + CRC_AT).map_err(|e| Error::disk("write package", path, e))?;
            self.directory.set_crc(&file.path, crc);
        }
        Ok(Stored { bytes: file.bytes, crc })
    }

    /// Reads a blob for its checksum alone.
    fn checksum(&mut self, file: &PlannedFile, blobs: &dyn BlobReader) -> Result<u32> {
        self.send()?;
        let (mut source, mut sum, mut bytes) = (blobs.open(&file.sha256)?, crc32fast::Hasher::new(), 0_u64);
        loop {
            let n = fill(&mut *source, self.piece.room(), file)?;
            sum.update(&self.piece.room()[..n]);
            bytes += n as u64;
            if n == 0 || bytes > file.bytes {
                break;
            }
        }
        if bytes == file.bytes { Ok(sum.finalize()) } else { Err(differs(&file.object, &file.sha256)) }
    }

    /// Puts an entry of a stopped run on the list. None where this run has to write it.
    fn passed(&mut self, path: &str) -> Result<Option<Given>> {
        let Some(done) = self.done.pop_front() else { return Ok(None) };
        let mut header = Vec::new();
        self.directory.header(self.at, path, done.stored, &mut header)?;
        self.at += header.len() as u64 + done.stored.bytes;
        Ok(Some(Given { bytes: done.stored.bytes, proof: Some(done.proof) }))
    }

    fn header(&mut self, path: &str, stored: Stored) -> Result<()> {
        let mut header = Vec::with_capacity(header_bytes(path) + 20);
        self.directory.header(self.at, path, stored, &mut header)?;
        if header.len() > self.piece.room().len() {
            self.send()?;
        }
        self.piece.room()[..header.len()].copy_from_slice(&header);
        self.piece.filled += header.len();
        self.piece.marks.push(Mark::Header(header.len()));
        self.at += header.len() as u64 + stored.bytes;
        Ok(())
    }

    fn end(&mut self, wanted: Option<Wanted>, stored: Stored) -> Given {
        self.piece.marks.push(Mark::End(wanted));
        self.since.push(stored);
        Given { bytes: stored.bytes, proof: None }
    }

    /// Writes the piece and hands it to the digester.
    fn send(&mut self) -> Result<()> {
        if self.piece.filled == 0 && self.piece.marks.is_empty() {
            return Ok(());
        }
        self.target.write(&self.piece.bytes[..self.piece.filled])?;
        // The digester is gone only with an error of its own, which whoever waits for it tells.
        let next = self.spare.recv().map_err(Error::bug)?;
        let piece = std::mem::replace(&mut self.piece, next);
        self.to_digest.send(Message::Piece(piece)).map_err(Error::bug)
    }

    /// Everything that was given so far is written and digested: the proofs since the last report.
    pub(super) fn report(&mut self) -> Result<Vec<Proof>> {
        self.send()?;
        let (reply, answer) = sync_channel(1);
        self.to_digest.send(Message::Report(reply)).map_err(Error::bug)?;
        answer.recv().map_err(Error::bug)
    }

    /// Closes the container, when everything was reported; tells its length.
    pub(super) fn finish(mut self) -> Result<u64> {
        let ends = std::mem::take(&mut self.directory).close(self.at);
        self.target.write(&ends)?;
        Ok(self.at + ends.len() as u64)
    }
}

/// Bytes of the header of an entry that needs no ZIP64.
fn header_bytes(path: &str) -> usize {
    30 + path.len()
}

fn differs(object: &str, sha256: &Digest) -> Error {
    Error::new(Kind::Store, "blob-differs").with("object", object).with("sha256", sha256)
}

/// Reads until `buffer` is full or the blob ends.
fn fill(source: &mut dyn Read, buffer: &mut [u8], file: &PlannedFile) -> Result<usize> {
    let mut at = 0;
    while at < buffer.len() {
        match source.read(&mut buffer[at..]) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::new(Kind::Store, "blob-unreadable").with("sha256", file.sha256).because(e)),
        }
    }
    Ok(at)
}

impl Default for Piece {
    fn default() -> Self {
        Self { bytes: vec![0; PIECE_BYTES].into_boxed_slice(), filled: 0, marks: Vec::new() }
    }
}

impl Piece {
    /// Where the next bytes go.
    fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..]
    }

    /// So many bytes of content were put there.
    fn took(&mut self, bytes: usize) {
        self.filled += bytes;
        self.marks.push(Mark::Content(bytes));
    }
}

/// What the digester has in hand.
struct Digesting {
    entry: Hasher,
    longer: Option<Sha512>,
    proofs: Vec<Proof>,
}

impl Digesting {
    fn new(has_sha512: bool) -> Self {
        let longer = has_sha512.then(Sha512::new);
        Self { entry: Hasher::default(), longer, proofs: Vec::new() }
    }

    fn run(mut self, inbox: &Receiver<Message>, back: &Sender<Piece>) -> Result<()> {
        for message in inbox {
            match message {
                Message::Piece(mut piece) => {
                    self.take(&mut piece)?;
                    piece.filled = 0;
                    // A flow that is gone wants no piece back.
                    let _ = back.send(piece);
                }
                Message::Report(reply) => {
                    let _ = reply.send(std::mem::take(&mut self.proofs));
                }
            }
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
                Mark::End(wanted) => self.end(wanted)?,
            }
        }
        Ok(())
    }

    fn end(&mut self, wanted: Option<Wanted>) -> Result<()> {
        let (sha256, _) = std::mem::take(&mut self.entry).finish();
        if let Some(wanted) = wanted.filter(|wanted| wanted.sha256 != sha256) {
            return Err(differs(&wanted.object, &wanted.sha256));
        }
        let sha512 = self.longer.as_mut().map(|longer| Box::new(longer.finalize_reset().into()));
        self.proofs.push(Proof { sha256, sha512 });
        Ok(())
    }
}
