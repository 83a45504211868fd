//! What lies in a signed file? The content of CMS SignedData (RFC 5652, 5.2) and of TimeStampedData (RFC 5544): DER, BER of indefinite
//! length, PEM, bare Base64.
//!
//! The content is taken out as it lies there, byte by byte. Whether the signature is good is not asked here.

use std::fs::File;
use std::io::{BufReader, Error as IoError, ErrorKind, Read, Seek as _};

use super::{Member, Node, Opener, Place, about};
use crate::arrival::FileName;
use crate::error::{Error, Result};

/// Deepest nesting of pieces of one string, and of what is passed over.
const DEPTH_MAX: usize = 32;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const SEQUENCE: u8 = 0x30;
const EXPLICIT: u8 = 0xa0;
/// Endings that say that a file is signed, and not what it is.
const ENDINGS: [&str; 4] = [".p7m", ".tsd", ".m7m", ".p7c"];

/// The content of a signed file.
pub(super) fn content(opener: &mut Opener<'_>, node: &Node) -> Result<Member> {
    let mut ber = opened(opener, node)?;
    let first = signed_content(&mut ber).map_err(|_| damaged(node))?;
    kept(opener, node, Octets::begin(ber, first))
}

/// The data that a file with a time stamp holds.
pub(super) fn stamped(opener: &mut Opener<'_>, node: &Node) -> Result<Member> {
    let mut ber = opened(opener, node)?;
    let first = stamped_content(&mut ber).map_err(|_| damaged(node))?;
    kept(opener, node, Octets::begin(ber, first))
}

fn kept(opener: &mut Opener<'_>, node: &Node, octets: Option<Octets>) -> Result<Member> {
    let mut octets = octets.ok_or_else(|| damaged(node))?;
    // An error while reading is one of the structure or of the disk; the one is said, the other shows in the next step too.
    opener
        .keep(unsigned(&node.name), Place::Member, &mut octets, node.bytes)
        .map_err(|error| if error.code() == "open-damaged" { damaged(node) } else { error })
}

fn damaged(node: &Node) -> Error {
    about(Error::hold("open-damaged").with("kind", &node.format.name), &node.name)
}

/// The name without the ending that says that it is signed.
fn unsigned(name: &FileName) -> FileName {
    let bytes = name.bytes();
    let ending = |ending: &&str| {
        let at = bytes.len().checked_sub(ending.len()).filter(|at| *at > 0)?;
        bytes[at..].eq_ignore_ascii_case(ending.as_bytes()).then_some(at)
    };
    let end = ENDINGS.iter().find_map(ending).unwrap_or(bytes.len());
    FileName::new(&bytes[..end])
}

/// The file as binary: what is written in letters is put into scratch first.
fn opened(opener: &mut Opener<'_>, node: &Node) -> Result<Ber> {
    let disk = |e| Error::disk("open signed file", &node.path, e);
    let mut file = File::open(&node.path).map_err(disk)?;
    let mut first = [0_u8];
    file.read_exact(&mut first).map_err(disk)?;
    file.rewind().map_err(disk)?;
    if first[0] == SEQUENCE {
        return Ok(Ber { source: BufReader::new(file), at: 0 });
    }
    let mut letters =
        base64::read::DecoderReader::new(Letters::of(BufReader::new(file)), &base64::engine::general_purpose::STANDARD_NO_PAD);
    let binary = opener.keep(node.name.clone(), Place::Member, &mut letters, node.bytes)?;
    let file = File::open(&binary.path).map_err(|e| Error::disk("open signed file", &binary.path, e))?;
    Ok(Ber { source: BufReader::new(file), at: 0 })
}

/// The letters of Base64 alone, of PEM those between its lines of dashes; padding ends them.
struct Letters<R> {
    source: R,
    is_line_of_dashes: bool,
    is_over: bool,
    has_begun: bool,
}

impl<R: Read> Letters<R> {
    fn of(source: R) -> Self {
        Self { source, is_line_of_dashes: false, is_over: false, has_begun: false }
    }
}

impl<R: Read> Read for Letters<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let mut kept = 0;
        let mut piece = vec![0_u8; out.len().min(64 << 10)];
        while kept == 0 && !self.is_over {
            let count = self.source.read(&mut piece)?;
            if count == 0 {
                break;
            }
            for &byte in &piece[..count] {
                match byte {
                    b'\n' => self.is_line_of_dashes = false,
                    b'-' if self.has_begun => self.is_over = true,
                    b'-' => self.is_line_of_dashes = true,
                    b'=' => self.is_over = true,
                    _ if self.is_line_of_dashes || self.is_over => {}
                    _ if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') => {
                        self.has_begun = true;
                        out[kept] = byte;
                        kept += 1;
                    }
                    _ => {}
                }
            }
        }
        Ok(kept)
    }
}

/// Items of BER (X.690), one after another.
struct Ber {
    source: BufReader<File>,
    at: u64,
}

/// Tag and end of an item; an end of none is indefinite.
#[derive(Clone, Copy)]
struct Item {
    tag: u8,
    end: Option<u64>,
}

impl Ber {
    fn byte(&mut self) -> std::io::Result<u8> {
        let mut byte = [0_u8];
        self.source.read_exact(&mut byte)?;
        self.at += 1;
        Ok(byte[0])
    }

    /// The head of the next item.
    fn item(&mut self) -> std::io::Result<Item> {
        let tag = self.byte()?;
        let first = self.byte()?;
        let length = match first {
            0x80 => return Ok(Item { tag, end: None }),
            0..0x80 => u64::from(first),
            0x81..=0x88 => {
                let mut length = 0_u64;
                for _ in 0..first & 0x7f {
                    length = length << 8 | u64::from(self.byte()?);
                }
                length
            }
            _ => return Err(malformed()),
        };
        let end = self.at.checked_add(length).ok_or_else(malformed)?;
        Ok(Item { tag, end: Some(end) })
    }

    /// The next item, which must have that tag.
    fn need(&mut self, tag: u8) -> std::io::Result<Item> {
        let item = self.item()?;
        if item.tag == tag { Ok(item) } else { Err(malformed()) }
    }

    /// Passes over the rest of an item.
    fn pass(&mut self, item: Item, depth: usize) -> std::io::Result<()> {
        if let Some(end) = item.end {
            let rest = i64::try_from(end.checked_sub(self.at).ok_or_else(malformed)?).map_err(|_| malformed())?;
            self.source.seek_relative(rest)?;
            self.at = end;
            return Ok(());
        }
        if depth > DEPTH_MAX {
            return Err(malformed());
        }
        loop {
            let inner = self.item()?;
            if inner.tag == 0 && inner.end == Some(self.at) {
                return Ok(());
            }
            self.pass(inner, depth + 1)?;
        }
    }
}

fn malformed() -> IoError {
    IoError::from(ErrorKind::InvalidData)
}

/// `ContentInfo { signedData, [0] SignedData { version, digestAlgorithms, { contentType, [0] content } … } }`: the head of the content.
fn signed_content(ber: &mut Ber) -> std::io::Result<Item> {
    ber.need(SEQUENCE)?;
    let kind = ber.need(OBJECT_ID)?;
    ber.pass(kind, 0)?;
    ber.need(EXPLICIT)?;
    ber.need(SEQUENCE)?;
    for _ in ["version", "digestAlgorithms"] {
        let item = ber.item()?;
        ber.pass(item, 0)?;
    }
    ber.need(SEQUENCE)?;
    let kind = ber.need(OBJECT_ID)?;
    ber.pass(kind, 0)?;
    ber.need(EXPLICIT)?;
    ber.item()
}

/// `ContentInfo { timestampedData, [0] TimeStampedData { version, dataUri?, metaData?, content? … } }`: the head of the content.
fn stamped_content(ber: &mut Ber) -> std::io::Result<Item> {
    ber.need(SEQUENCE)?;
    let kind = ber.need(OBJECT_ID)?;
    ber.pass(kind, 0)?;
    ber.need(EXPLICIT)?;
    ber.need(SEQUENCE)?;
    for _ in ["version", "dataUri", "metaData", "content"] {
        let item = ber.item()?;
        if matches!(item.tag, OCTETS | OCTETS_IN_PIECES) {
            return Ok(item);
        }
        ber.pass(item, 0)?;
    }
    Err(malformed())
}

/// The bytes of a string of octets, in one piece or in many.
struct Octets {
    ber: Ber,
    /// Bytes left of the piece in hand.
    left: u64,
    /// The strings in pieces that are open, each with its end where it is stated.
    open: Vec<Option<u64>>,
}

impl Octets {
    /// Those of the string whose head was read; none of anything else.
    fn begin(ber: Ber, first: Item) -> Option<Self> {
        match (first.tag, first.end) {
            (OCTETS, Some(end)) => Some(Self { left: end - ber.at, ber, open: Vec::new() }),
            (OCTETS_IN_PIECES, end) => Some(Self { ber, left: 0, open: vec![end] }),
            _ => None,
        }
    }

    /// Goes to the next piece; false at the end.
    fn next(&mut self) -> std::io::Result<bool> {
        while self.left == 0 {
            let Some(&end) = self.open.last() else { return Ok(false) };
            if end.is_some_and(|end| self.ber.at >= end) {
                self.open.pop();
                continue;
            }
            let item = self.ber.item()?;
            match (item.tag, item.end) {
                (0, Some(at)) if end.is_none() && at == self.ber.at => drop(self.open.pop()),
                (OCTETS, Some(end)) => self.left = end - self.ber.at,
                (OCTETS_IN_PIECES, end) if self.open.len() < DEPTH_MAX => self.open.push(end),
                _ => return Err(malformed()),
            }
        }
        Ok(true)
    }
}

impl Read for Octets {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if out.is_empty() || !self.next()? {
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let count = self.ber.source.read(&mut out[..most])?;
        if count == 0 {
            return Err(IoError::from(ErrorKind::UnexpectedEof));
        }
        self.left -= count as u64;
        self.ber.at += count as u64;
        Ok(count)
    }
}
