//! What do the objects of a PDF say of it? The file streams past once; compressed object streams and metadata are unpacked within a ceiling.

use std::collections::BTreeSet;
use std::io::{Read, Seek, Write};
use std::sync::OnceLock;

use regex::bytes::{Captures, Regex};

use crate::error::Result;
use crate::limits::Limits;

use super::super::bytes::{Bytes, find, has, rfind};

/// Bytes read at a time, and kept from one reading to the next so that words across the seam are seen.
const STEP: u64 = 256 * 1024;
const SEAM: usize = 4 * 1024;
/// Most bytes that one stream is unpacked to, and all of a file together.
const STREAM_MAX: usize = 8 << 20;
const STREAMS_MAX: usize = 128 << 20;
/// How far back from `stream` its dictionary is looked at.
const DICTIONARY: usize = 1_024;

/// Claims of the XMP metadata and the information dictionary.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) part: Option<String>,
    pub(super) conformance: Option<String>,
    pub(super) accessible: Option<String>,
    pub(super) exchange: Option<String>,
    pub(super) is_engineering: bool,
}

/// Where the encryption dictionary stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lock {
    /// In an object of its own.
    At { object: u32, generation: u16 },
    /// Right there in the trailer.
    Here,
}

/// What remains in the sieve.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent thing that was seen or not")]
pub(super) struct Sieve {
    pub(super) claims: Claims,
    pub(super) signed: bool,
    pub(super) embeds: bool,
    pub(super) is_portfolio: bool,
    /// Names of active content found.
    pub(super) active: BTreeSet<&'static str>,
    /// What stands behind `/Encrypt`.
    pub(super) lock: Option<Lock>,
    /// True if an `%%EOF` stands inside an object: who reads from the front stops there.
    pub(super) ends_inside: bool,
    /// Offset of the last `%%EOF` and of the last object.
    pub(super) last_end: Option<u64>,
    pub(super) last_object: Option<u64>,
    unpacked: usize,
    resumed: bool,
}

/// What the bytes at hand belong to.
enum Place {
    Objects,
    /// Inside a stream that began at this offset; its bytes are kept where they are to be unpacked.
    Stream {
        from: u64,
        kept: Option<Vec<u8>>,
    },
}

impl Sieve {
    /// Lets the file through, up to `pdf_bytes_max`.
    pub(super) fn pass<S: Read + Seek>(&mut self, file: &mut Bytes<'_, S>, limits: &Limits) -> Result<()> {
        let end = file.len.min(limits.pdf_bytes_max);
        let (mut offset, mut place) = (0_u64, Place::Objects);
        while offset < end {
            let piece = file.at(offset, STEP.min(end - offset))?;
            let is_last = offset + piece.len() as u64 >= end;
            let used = self.piece(offset, &piece, &mut place, is_last);
            match (&place, is_last) {
                // A stream without end: what follows it is looked at as objects, once.
                (Place::Stream { from, .. }, true) if !self.resumed => {
                    offset = *from;
                    self.resumed = true;
                    place = Place::Objects;
                }
                (_, true) => break,
                _ => offset += used as u64,
            }
        }
        Ok(())
    }

    /// One piece at `offset`: how many of its bytes are done with.
    fn piece(&mut self, offset: u64, piece: &[u8], place: &mut Place, is_last: bool) -> usize {
        let mut at = 0;
        loop {
            match place {
                Place::Objects => {
                    let Some((text_end, body)) = self.next_stream(&piece[at..]) else {
                        self.text(offset + at as u64, &piece[at..]);
                        return if is_last { piece.len() } else { at.max(piece.len() - SEAM) };
                    };
                    let text = &piece[at..at + text_end];
                    self.text(offset + at as u64, text);
                    let dictionary = &text[text.len().saturating_sub(DICTIONARY)..];
                    let dictionary = &dictionary[rfind(dictionary, b" obj").unwrap_or(0)..];
                    let wanted = is_wanted(dictionary) && self.unpacked < STREAMS_MAX;
                    at += body;
                    *place = Place::Stream { from: offset + at as u64, kept: wanted.then(Vec::new) };
                }
                Place::Stream { kept, .. } => {
                    let found = find(&piece[at..], b"endstream");
                    let stop = found
                        .map_or_else(|| if is_last { piece.len() } else { piece.len().saturating_sub(9).max(at) }, |f| at + f);
                    if let Some(kept) = kept.as_mut().filter(|kept| kept.len() < STREAM_MAX) {
                        kept.extend_from_slice(&piece[at..stop]);
                    }
                    if found.is_none() {
                        return stop;
                    }
                    let kept = kept.take();
                    *place = Place::Objects;
                    at = stop + 9;
                    if let Some(raw) = kept {
                        self.stream(&raw);
                    }
                }
            }
        }
    }

    /// Where the next stream begins: end of the text before the keyword, and start of the body.
    fn next_stream(&self, piece: &[u8]) -> Option<(usize, usize)> {
        static KEYWORD: OnceLock<Option<Regex>> = OnceLock::new();
        if self.resumed {
            return None;
        }
        let keyword = KEYWORD.get_or_init(|| Regex::new(r"(?-u)>>[ \t\r\n\x00]*stream\r?\n").ok()).as_ref()?;
        keyword.find(piece).map(|found| (found.start() + 2, found.end()))
    }

    /// A stream of objects or metadata: as it is, and unpacked.
    fn stream(&mut self, raw: &[u8]) {
        let mut out = Bounded { bytes: Vec::new(), max: STREAM_MAX.min(STREAMS_MAX.saturating_sub(self.unpacked)) };
        let mut inflater = flate2::write::ZlibDecoder::new(&mut out);
        // A broken end leaves what came before it.
        let whole = inflater.write_all(raw).and_then(|()| inflater.try_finish()).is_ok();
        drop(inflater);
        self.unpacked += out.bytes.len().max(1_024);
        let plain = if whole || !out.bytes.is_empty() { out.bytes.as_slice() } else { raw };
        let (part, level) = super::xmp::claim(plain);
        self.claims.part = part.or_else(|| self.claims.part.take());
        self.claims.conformance = level.or_else(|| self.claims.conformance.take());
        self.tokens(plain);
    }

    /// Text of objects at `offset`: its tokens, and where objects and ends stand.
    fn text(&mut self, offset: u64, text: &[u8]) {
        if let Some(at) = rfind(text, b"%%EOF") {
            self.last_end = self.last_end.max(Some(offset + at as u64));
            self.ends_inside |=
                memchr::memmem::find_iter(text, b"%%EOF").any(|at| text[at + 5..].trim_ascii_start().starts_with(b"endobj"));
        }
        if let Some(at) = rfind(text, b" obj") {
            self.last_object = self.last_object.max(Some(offset + at as u64));
        }
        self.tokens(text);
    }

    fn tokens(&mut self, text: &[u8]) {
        static TOKENS: OnceLock<Option<Regex>> = OnceLock::new();
        let Some(tokens) = TOKENS.get_or_init(|| Regex::new(TOKEN).ok()) else { return };
        for found in tokens.captures_iter(text) {
            self.token(&found);
        }
    }

    fn token(&mut self, found: &Captures<'_>) {
        let group = |name: &str| found.name(name).map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned());
        if let Some(object) = group("lockobj") {
            let generation = group("lockgen").and_then(|g| g.parse().ok()).unwrap_or(0);
            self.lock = object.parse().ok().map(|object| Lock::At { object, generation });
        } else if found.name("lock").is_some() && self.lock.is_none() {
            self.lock = Some(Lock::Here);
        }
        self.signed |= found.name("signed").is_some();
        self.embeds |= found.name("embeds").is_some();
        self.is_portfolio |= found.name("portfolio").is_some();
        self.claims.part = group("part").or_else(|| self.claims.part.take());
        self.claims.conformance = group("level").or_else(|| self.claims.conformance.take());
        self.claims.accessible = group("ua").or_else(|| self.claims.accessible.take());
        self.claims.exchange = group("x").or_else(|| self.claims.exchange.take());
        self.claims.is_engineering |= found.name("e").is_some();
        for (name, word) in ACTIVE {
            if found.name(name).is_some() {
                self.active.insert(word);
            }
        }
    }
}

/// What is active (rule T-06), by the group of [`TOKEN`] that finds it.
const ACTIVE: [(&str, &str); 5] =
    [("js", "JavaScript"), ("launch", "Launch"), ("submit", "SubmitForm"), ("xfa", "XFA"), ("media", "RichMedia")];

/// All that is looked for, in one pass. Names end at a delimiter, so that `/JS` in `/JSomething` does not count.
const TOKEN: &str = concat!(
    r"(?s-u)/Encrypt\s+(?P<lockobj>\d{1,9})\s+(?P<lockgen>\d{1,5})\s+R|(?P<lock>/Encrypt\s*<<)|(?P<signed>/ByteRange\s*\[)",
    r"|(?P<embeds>/EmbeddedFiles?\b)|(?P<portfolio>/Collection[\s/<])|(?P<js>/JavaScript\b|/JS[\s(<])",
    r"|(?P<launch>/S\s*/Launch\b)|(?P<submit>/S\s*/(?:SubmitForm|ImportData)\b)|(?P<xfa>/XFA[\s\[(<])|(?P<media>/RichMedia\b)",
    r#"|pdfaid:part\s*(?:>|=\s*["'])\s*(?P<part>\d)|pdfaid:conformance\s*(?:>|=\s*["'])\s*(?P<level>[A-Za-z])"#,
    r#"|pdfuaid:part\s*(?:>|=\s*["'])\s*(?P<ua>\d)"#,
    r#"|GTS_PDFXVersion\s*(?:>|=\s*["']|\()\s*PDF/X-(?P<x>\d[a-z]{0,2}(?::\d{4})?)"#,
    r#"|(?P<e>ISO_PDFEVersion\s*(?:>|=\s*["']|\()\s*PDF/E-1)"#,
);

/// Object streams and metadata are unpacked; pictures, fonts and pages are not.
fn is_wanted(dictionary: &[u8]) -> bool {
    has(dictionary, b"/ObjStm") || has(dictionary, b"/Metadata")
}

/// A sink that refuses what exceeds its ceiling.
struct Bounded {
    bytes: Vec<u8>,
    max: usize,
}

impl Write for &mut Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = self.max.saturating_sub(self.bytes.len());
        if room == 0 {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len().min(room))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
