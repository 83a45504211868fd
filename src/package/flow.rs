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
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::Scope;

use super::container::{CRC_AT, Directory, Stored};
use super::piece::{Digester, Digesting, Mark, PIECE_BYTES, Piece, Proof, Wanted, differs};
use super::progress::Done;
use super::told::Text;
use super::{BlobReader, PlannedFile};
use crate::error::{Error, Kind, Result};

/// Pieces under way between the two hands: all the memory that content takes.
const PIECES: usize = 8;
/// Longest text that is heard to its end before any of it is written.
const SHORT_BYTES: u64 = 128 << 10;

/// A file that was given to the flow.
pub(super) struct Given {
    /// Its length and checksum.
    pub(super) stored: Stored,
    /// Its digests, where it lies there since an earlier run; else they come out in the order of the files.
    pub(super) proof: Option<Proof>,
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
    to_digest: SyncSender<Piece>,
    spare: Receiver<Piece>,
    /// Pieces in this hand beside the one that is being filled.
    idle: Vec<Piece>,
    /// Entries of a run that was stopped: they lie there, proven.
    done: VecDeque<Done>,
    /// What entries came out as that nobody has asked for yet, in their order.
    proofs: VecDeque<Proof>,
    /// The text that is heard.
    short: Vec<u8>,
}

/// Tells a text.
type Tell<'t> = dyn FnMut(&mut super::told::Ear<'_>) -> Result<()> + 't;

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
        let digester = scope.spawn(move || Digesting::new(has_sha512).run(&inbox, &back));
        let flow = Self {
            target,
            directory: Directory::default(),
            at: 0,
            piece: Piece::default(),
            to_digest,
            spare,
            idle: (1..PIECES).map(|_| Piece::default()).collect(),
            done,
            proofs: VecDeque::new(),
            short: Vec::new(),
        };
        (flow, digester)
    }

    /// Makes room for the directory of so many files, whose paths have so many bytes.
    pub(super) fn expect(&mut self, files: usize, names: usize) {
        self.directory.expect(files, names);
    }

    /// How many bytes the package has so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// One file whose text we make; it is not asked for where it lies there already.
    pub(super) fn text(&mut self, path: &str, text: Text<'_>) -> Result<Given> {
        if let Some(given) = self.passed(path)? {
            return Ok(given);
        }
        let stored = match text {
            Text::Whole(text) => self.whole(path, text.as_bytes())?,
            Text::Told(tell) => self.told(path, tell)?,
        };
        Ok(self.end(None, stored))
    }

    fn whole(&mut self, path: &str, bytes: &[u8]) -> Result<Stored> {
        let stored = Stored { bytes: bytes.len() as u64, crc: crc32fast::hash(bytes) };
        self.header(path, stored)?;
        self.put(bytes)?;
        Ok(stored)
    }

    /// Hears a text: a short one is written when it has ended. A long one is written while it is heard, where its header can be put
    /// right afterwards; a stream has to hear it twice.
    fn told(&mut self, path: &str, tell: &mut Tell<'_>) -> Result<Stored> {
        let (mut bytes, mut sum, mut header_at) = (0_u64, crc32fast::Hasher::new(), None);
        let is_file = matches!(self.target, Target::File(..));
        self.short.clear();
        tell(&mut |part| {
            let text = part.text().as_bytes();
            bytes += text.len() as u64;
            sum.update(text);
            if bytes <= SHORT_BYTES {
                self.short.extend(text);
                return Ok(());
            }
            if !is_file {
                return Ok(());
            }
            if header_at.is_none() {
                header_at = Some(self.at);
                self.header(path, Stored { bytes: 0, crc: 0 })?;
                let short = std::mem::take(&mut self.short);
                self.put(&short)?;
                self.short = short;
            }
            self.put(text)
        })?;
        let stored = Stored { bytes, crc: sum.finalize() };
        if let Some(header_at) = header_at {
            self.put_right(path, (header_at, stored))?;
            return Ok(stored);
        }
        self.header(path, stored)?;
        if bytes <= SHORT_BYTES {
            let short = std::mem::take(&mut self.short);
            self.put(&short)?;
            self.short = short;
            return Ok(stored);
        }
        let mut again = 0;
        tell(&mut |part| {
            again += part.text().len() as u64;
            self.put(part.text().as_bytes())
        })?;
        if again == bytes { Ok(stored) } else { Err(Error::bug("a text that is not told twice alike")) }
    }

    /// Length and checksum of the entry that was listed last are known: they get their place behind the header at that place.
    fn put_right(&mut self, path: &str, (header_at, stored): (u64, Stored)) -> Result<()> {
        let Target::File(out, name) = self.target else { return Err(Error::bug("a stream cannot be gone back in")) };
        let bytes = u32::try_from(stored.bytes).ok().filter(|bytes| *bytes != u32::MAX);
        let bytes = bytes.ok_or_else(|| Error::bug("a text of ours past 4 GiB"))?.to_le_bytes();
        self.send()?;
        let facts = [stored.crc.to_le_bytes(), bytes, bytes].concat();
        out.write_all_at(&facts, header_at + CRC_AT).map_err(|e| Error::disk("write package", name, e))?;
        self.directory.set(path, stored);
        self.at += stored.bytes;
        Ok(())
    }

    /// Content of the entry in hand.
    fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.piece.room().is_empty() {
                self.send()?;
            }
            let now = bytes.len().min(self.piece.room().len());
            self.piece.room()[..now].copy_from_slice(&bytes[..now]);
            self.piece.took(now);
            bytes = &bytes[now..];
        }
        Ok(())
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
            self.directory.set(&file.path, Stored { bytes: file.bytes, crc });
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
        Ok(Some(Given { stored: done.stored, proof: Some(done.proof) }))
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
        Given { stored, proof: None }
    }

    /// Writes the piece and hands it to the digester.
    fn send(&mut self) -> Result<()> {
        if self.piece.filled == 0 && self.piece.marks.is_empty() {
            return Ok(());
        }
        self.target.write(&self.piece.bytes[..self.piece.filled])?;
        let next = match self.idle.pop() {
            Some(piece) => piece,
            None => self.back()?,
        };
        let piece = std::mem::replace(&mut self.piece, next);
        self.to_digest.send(piece).map_err(Error::bug)
    }

    /// Waits for a piece that is digested and takes what came out.
    fn back(&mut self) -> Result<Piece> {
        // The digester is gone only with an error of its own, which whoever waits for it tells.
        let mut piece = self.spare.recv().map_err(Error::bug)?;
        self.proofs.extend(piece.proofs.drain(..));
        Ok(piece)
    }

    /// What the next entry came out as, where it is known by now.
    pub(super) fn proof(&mut self) -> Option<Proof> {
        self.proofs.pop_front()
    }

    /// Waits until everything that was given is written and digested.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.send()?;
        while self.idle.len() + 1 < PIECES {
            let piece = self.back()?;
            self.idle.push(piece);
        }
        Ok(())
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
