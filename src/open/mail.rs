//! What hangs on a mail? Its parts, as deep as they are nested (RFC 2045, 2046), each with the bytes that its sender put there.
//!
//! The structure is walked here, within its ceilings; the fields of each head are read by mail-parser, which knows their encodings.

use jiff::Timestamp;
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders as _};

use super::{Member, Node, Opener, Place, about};
use crate::arrival::FileName;
use crate::daticert::bare;
use crate::error::{Error, Result};

/// Deepest nesting of multiparts in one mail: real ones have four.
const DEPTH_MAX: u32 = 32;
/// Most bytes of a part's head.
const HEAD_BYTES_MAX: usize = 1 << 20;
/// The head of a part that has none: it says nothing of what the part is.
const BARE_HEAD: &[u8] = b"MIME-Version: 1.0\r\n\r\n";
/// Most addresses that are kept of one field.
const ADDRESSES_MAX: usize = 1_000;

/// What a mail says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mail {
    /// Subject.
    pub subject: Option<String>,
    /// Name and address of the sender.
    pub from: Option<(String, String)>,
    /// Names and addresses of whom it goes to.
    pub to: Vec<(String, String)>,
    /// Date as the sender's machine had it.
    pub date: Option<Timestamp>,
    /// Message-ID, without brackets.
    pub id: Option<String>,
    /// `X-Trasporto`: `posta-certificata`, `errore`.
    pub trasporto: Option<String>,
    /// `X-Ricevuta`: the kind of receipt.
    pub ricevuta: Option<String>,
    /// `X-Riferimento-Message-ID`: the message that a receipt or envelope is about.
    pub riferimento: Option<String>,
    /// Words of the body that a person reads.
    pub words: usize,
    /// True if it carries a signature of its own (S/MIME).
    pub is_signed: bool,
}

impl Mail {
    /// True of a mail that is no message and no receipt of PEC.
    pub fn is_ordinary(&self) -> bool {
        self.trasporto.is_none() && self.ricevuta.is_none()
    }
}

/// The walk through one mail.
struct Walk<'w> {
    max: u32,
    parts: u32,
    mail: Mail,
    hung: Vec<Hung<'w>>,
}

/// A part that hangs on a mail.
struct Hung<'w> {
    name: String,
    place: Place,
    body: &'w [u8],
    encoding: String,
}

/// What the mail says of itself, and what hangs on it.
pub(super) fn members(opener: &mut Opener<'_>, node: &mut Node) -> Result<(Mail, Vec<Member>)> {
    let bytes = Opener::whole(node, opener.limits.mail_bytes_max)?;
    let start = bytes.iter().position(|b| !b"\r\n".contains(b)).unwrap_or(bytes.len());
    let mut walk = Walk { max: opener.limits.mail_parts_max, parts: 0, mail: Mail::default(), hung: Vec::new() };
    walk.part(&bytes[start..], Within { depth: 0, is_related: false, is_digest: false })
        .map_err(|error| about(error, &node.name))?;
    let Walk { mail, hung, .. } = walk;
    let mut members = Vec::with_capacity(hung.len());
    for part in hung {
        let decoded = unpacked(part.body, &part.encoding);
        let length = part.body.len() as u64;
        members.push(opener.keep(FileName::new(part.name), part.place, &mut decoded.as_ref(), length)?);
    }
    Ok((mail, members))
}

/// Where in a mail a part stands.
#[derive(Clone, Copy)]
struct Within {
    depth: u32,
    is_related: bool,
    /// Among mails, which need not say that they are (RFC 2046, 5.1.5).
    is_digest: bool,
}

impl<'w> Walk<'w> {
    fn part(&mut self, bytes: &'w [u8], within: Within) -> Result<()> {
        self.parts += 1;
        if self.parts > self.max {
            return Err(Error::hold("open-parts").with("max", self.max));
        }
        if within.depth > DEPTH_MAX {
            return Err(Error::hold("open-depth").with("max", DEPTH_MAX));
        }
        let (head, body) = divided(bytes);
        // A part without a head has no part in the parser's answer either, and the parser counts on one.
        let parsed = MessageParser::default().parse_headers(&head[..head.len().min(HEAD_BYTES_MAX)]);
        let bare = MessageParser::default().parse_headers(BARE_HEAD);
        let Some(fields) = parsed.as_ref().filter(|parsed| !parsed.parts.is_empty()).or(bare.as_ref()) else { return Ok(()) };
        if within.depth == 0 {
            self.mail = of(fields);
        }
        let kind = fields.content_type();
        let usual = if within.is_digest { "message/rfc822" } else { "text/plain" };
        let media = kind.map_or(usual.to_owned(), |kind| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase()
        });
        if media.starts_with("multipart/")
            && let Some(boundary) = kind.and_then(|kind| kind.attribute("boundary"))
        {
            self.mail.is_signed |= media == "multipart/signed";
            let (is_related, is_digest) = (media == "multipart/related", media == "multipart/digest");
            for piece in pieces(body, boundary) {
                self.part(piece, Within { depth: within.depth + 1, is_related, is_digest })?;
            }
            return Ok(());
        }
        let encoding = fields.content_transfer_encoding().unwrap_or_default().to_ascii_lowercase();
        let name = fields.attachment_name().map(str::to_owned).filter(|name| !name.is_empty());
        let is_hung = name.is_some() || fields.content_disposition().is_some_and(|place| place.ctype() == "attachment");
        if media.starts_with("text/") && !is_hung {
            self.words(&media, &unpacked(body, &encoding));
            return Ok(());
        }
        let is_shown = media.starts_with("image/") && within.is_related && fields.content_id().is_some();
        let name = name.unwrap_or_else(|| format!("parte-{}{}", self.parts, extension(&media)));
        self.hung.push(Hung { name: base(&name), place: if is_shown { Place::Shown } else { Place::Member }, body, encoding });
        Ok(())
    }

    /// Counts the words of a body; of alternatives the richest counts.
    fn words(&mut self, media: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let plain = if media == "text/html" { mail_parser::decoders::html::html_to_text(&text) } else { text.into_owned() };
        let words = plain.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
        self.mail.words = self.mail.words.max(words);
    }
}

/// What the head says.
fn of(fields: &Message<'_>) -> Mail {
    let text = |name: &str| {
        let value = fields.header(HeaderName::Other(name.into()));
        value.and_then(HeaderValue::as_text).map(|text| text.trim().to_ascii_lowercase())
    };
    let raw = |name: &str| fields.header(HeaderName::Other(name.into())).and_then(HeaderValue::as_text).and_then(bare);
    Mail {
        subject: fields.subject().map(one_line).filter(|subject| !subject.is_empty()),
        from: fields.from().and_then(|from| addresses(from).into_iter().next()),
        to: fields.to().map(addresses).unwrap_or_default(),
        date: fields.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
        id: fields.message_id().and_then(bare),
        trasporto: text("X-Trasporto"),
        ricevuta: text("X-Ricevuta"),
        riferimento: raw("X-Riferimento-Message-ID"),
        words: 0,
        is_signed: false,
    }
}

fn addresses(of: &Address<'_>) -> Vec<(String, String)> {
    let pair = |name: Option<&str>, address: Option<&str>| {
        let address = address.map(one_line)?;
        Some((name.map(one_line).unwrap_or_default(), address))
    };
    of.iter().filter_map(|one| pair(one.name(), one.address())).take(ADDRESSES_MAX).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Head and body, at the first empty line.
fn divided(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n + 1);
        if bytes[at..end].iter().all(|b| b"\r\n".contains(b)) {
            return (&bytes[..end], &bytes[end..]);
        }
        at = end;
    }
    (bytes, &[])
}

/// What stands between the lines of a boundary, without the line end before each, which belongs to the boundary (RFC 2046, 5.1.1).
/// A mail that is cut off has no last boundary.
fn pieces<'b>(body: &'b [u8], boundary: &str) -> Vec<&'b [u8]> {
    let mark = [b"--", boundary.as_bytes()].concat();
    let (mut pieces, mut begun, mut at) = (Vec::new(), None, 0);
    while at < body.len() {
        let end = memchr::memchr(b'\n', &body[at..]).map_or(body.len(), |n| at + n + 1);
        let line = &body[at..end];
        let after = line.strip_prefix(mark.as_slice()).map(<[u8]>::trim_ascii_end);
        if let Some(after) = after.filter(|after| after.is_empty() || *after == b"--") {
            if let Some(begun) = begun.take() {
                pieces.push(without_end(&body[begun..at]));
            }
            if after == b"--" {
                return pieces;
            }
            begun = Some(end);
        }
        at = end;
    }
    pieces.extend(begun.map(|begun| &body[begun..]));
    pieces
}

fn without_end(piece: &[u8]) -> &[u8] {
    let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
    piece.strip_suffix(b"\r").unwrap_or(piece)
}

/// The bytes behind a transfer encoding; what is not written in it is left as it is.
fn unpacked<'b>(body: &'b [u8], encoding: &str) -> std::borrow::Cow<'b, [u8]> {
    match encoding.trim() {
        "base64" => from_base64(body).map_or_else(|| body.into(), Into::into),
        "quoted-printable" => {
            mail_parser::decoders::quoted_printable::quoted_printable_decode(body).map_or_else(|| body.into(), Into::into)
        }
        _ => body.into(),
    }
}

/// The bytes written in Base64 (RFC 2045, 6.8): characters that are none of its letters count for nothing. None where it cannot be.
fn from_base64(body: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let lenient = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    // As nearly all are written, line by line; what is written otherwise is looked at letter by letter.
    let lines = memchr::memchr_iter(b'\n', body).chain([body.len()]);
    let mut kept = Vec::with_capacity(body.len());
    let mut from = 0;
    for end in lines {
        kept.extend_from_slice(body[from..end].trim_ascii());
        from = (end + 1).min(body.len());
    }
    lenient.decode(&kept).ok().or_else(|| {
        kept.retain(|b| b.is_ascii_alphanumeric() || b"+/".contains(b));
        kept.truncate(kept.len() - usize::from(kept.len() % 4 == 1));
        lenient.decode(&kept).ok()
    })
}

/// The last part of a name: senders write paths of theirs.
fn base(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name).trim();
    if last.is_empty() || last == "." || last == ".." { "parte".to_owned() } else { last.to_owned() }
}

/// An extension for a part without a name, so that a person can tell what it is.
fn extension(media: &str) -> &'static str {
    match media {
        "message/rfc822" => ".eml",
        "application/pdf" => ".pdf",
        "application/xml" => ".xml",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => ".p7s",
        "text/calendar" => ".ics",
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::from_base64;

    #[test]
    fn base64_is_read_however_its_lines_are_broken_and_whatever_stands_between() {
        let said = b"Prot. n. 4512 del 12/03/2024".as_slice();
        for written in [
            "UHJvdC4gbi4gNDUxMiBkZWwgMTIvMDMvMjAyNA==",
            "UHJvdC4gbi4gNDUxMiBk\r\nZWwgMTIvMDMvMjAyNA==\r\n",
            "UHJvdC4gbi4gNDUxMiBk\n  ZWwgMTIvMDMvMjAyNA\t\n\n",
            "UHJv dC4g!bi4g\u{7}NDUxMiBkZWwgMTIvMDMvMjAyNA=\r\n=",
            // A letter too many.
            "UHJvdC4gbi4gNDUxMiBkZWwgMTIvMDMvMjAyNAAA=A",
        ] {
            let found = from_base64(written.as_bytes()).unwrap_or_default();
            assert!(found.starts_with(said), "{written}: {}", String::from_utf8_lossy(&found));
        }
        assert_eq!(from_base64(b"").as_deref(), Some(&[][..]));
        assert_eq!(from_base64(b"====").as_deref(), Some(&[][..]));
    }
}
