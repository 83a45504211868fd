//! Is this a cryptographic envelope? CMS in DER, BER, PEM or Base64: signed (p7m, p7s), enveloped, time stamps.

use std::io::{Read, Seek};

use base64::Engine as _;

use super::bytes::Bytes;
use super::formats::Seen;

/// The content types of RFC 5652 and RFC 5544, and the time-stamp info of RFC 3161, as encoded object identifiers.
const SIGNED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENVELOPED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
const STAMPED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x1f";
const STAMP_INFO: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04";

/// What this envelope is; `None` of everything else.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Option<Seen> {
    if file.head.first() == Some(&0x30) {
        let mut seen = envelope(&file.head)?;
        let whole = Item::read(&file.head)?;
        if let Some(length) = whole.length {
            let stated = whole.start as u64 + length;
            seen = seen.missing((stated > file.len).then(|| format!("{} / {stated} byte", file.len)));
        }
        return Some(seen);
    }
    envelope(&armoured(&file.head)?)
}

/// The binary form of an envelope written as PEM or as bare Base64.
fn armoured(head: &[u8]) -> Option<Vec<u8>> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let body = if text.starts_with(b"-----BEGIN ") {
        let line = text.iter().position(|&b| b == b'\n')?;
        &text[line..]
    } else {
        text
    };
    let end = body.iter().position(|&b| b == b'-').unwrap_or(body.len());
    let mut letters: Vec<u8> = body[..end].iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    if letters.len() < 64 || !letters.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) {
        return None;
    }
    if let Some(padding) = letters.iter().position(|&b| b == b'=') {
        letters.truncate(padding);
    }
    letters.truncate(letters.len() / 4 * 4);
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(&letters).ok().filter(|bytes| bytes.first() == Some(&0x30))
}

/// Reads the outer structure: what kind of content, and for signed data whether the content is inside.
fn envelope(bytes: &[u8]) -> Option<Seen> {
    let inner = Item::read(bytes)?.content(bytes);
    let first = Item::read(inner)?;
    match first.tag {
        0x06 => content_info(first.content(inner), first.after(inner)?),
        // A time-stamp response: its status, then the token.
        0x30 => {
            let token = first.after(inner)?;
            let response = Item::read(first.content(inner)).is_some_and(|status| status.tag == 0x02);
            match envelope(token) {
                Some(seen) if response && seen.key == "tst" => Some(signed("tsr")),
                _ => certificate(first.content(inner)),
            }
        }
        _ => None,
    }
}

fn content_info(kind: &[u8], rest: &[u8]) -> Option<Seen> {
    match kind {
        SIGNED => signed_data(rest).or_else(|| Some(signed("p7m"))),
        ENVELOPED => Some(Seen { encrypted: true, ..Seen::of("p7e") }),
        STAMPED_DATA => Some(signed("tsd")),
        _ => None,
    }
}

/// `[0] { SEQUENCE { version, digest algorithms, SEQUENCE { content type, [0] content? } … } }`.
fn signed_data(rest: &[u8]) -> Option<Seen> {
    let body = Item::read(rest)?.content(rest);
    let fields = Item::read(body)?.content(body);
    let version = Item::read(fields)?;
    let algorithms = version.after(fields)?;
    let content = Item::read(algorithms)?.after(algorithms)?;
    let inside = Item::read(content)?.content(content);
    let kind = Item::read(inside)?;
    if kind.tag != 0x06 {
        return None;
    }
    if kind.content(inside) == STAMP_INFO {
        return Some(signed("tst"));
    }
    let has_content = kind.after(inside).and_then(Item::read).is_some_and(|next| next.tag == 0xa0);
    let mut seen = signed(if has_content { "p7m" } else { "p7s" });
    seen.claims.push(if has_content { "attached" } else { "detached" }.to_owned());
    Some(seen)
}

/// A certificate: a version tag or a serial number, where a request or response has a status.
fn certificate(inside: &[u8]) -> Option<Seen> {
    (Item::read(inside)?.tag == 0xa0).then(|| Seen::of("x509"))
}

fn signed(key: &str) -> Seen {
    Seen { signed: true, ..Seen::of(key) }
}

/// Tag and length of one item of BER (X.690); a length of `None` is indefinite.
struct Item {
    tag: u8,
    start: usize,
    length: Option<u64>,
}

impl Item {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&tag, &first) = (bytes.first()?, bytes.get(1)?);
        let (start, length) = match first {
            0x80 => (2, None),
            0..0x80 => (2, Some(u64::from(first))),
            0x81..=0x88 => {
                let count = usize::from(first & 0x7f);
                (2 + count, Some(super::bytes::number(bytes, 2, count, false)?))
            }
            _ => return None,
        };
        Some(Self { tag, start, length })
    }

    /// Its content as far as the window shows it.
    fn content<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let rest = bytes.get(self.start..).unwrap_or_default();
        let length = self.length.map_or(rest.len(), |length| rest.len().min(usize::try_from(length).unwrap_or(usize::MAX)));
        &rest[..length]
    }

    /// What follows it; `None` of an item without stated length or beyond the window.
    fn after<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let end = self.start.checked_add(usize::try_from(self.length?).ok()?)?;
        bytes.get(end..)
    }
}
