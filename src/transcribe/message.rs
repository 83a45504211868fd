//! What does a mail say? Its head in four lines and the body that a person reads (RFC 5322, RFC 2045 to 2047); what hangs on it is
//! named, not read.

use base64::Engine as _;

use super::{markup, plain};

/// Deepest parts within parts, and most parts, that are looked at; what lies behind is named as left out.
const DEPTH_MAX: usize = 8;
const PARTS_MAX: usize = 500;
/// The fields of the head that are shown, and how.
const SHOWN: [(&str, &str); 4] = [("from", "Da"), ("to", "A"), ("date", "Data"), ("subject", "Oggetto")];

/// A mail as it is read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Head and body.
    pub(super) lines: Vec<String>,
    /// Names of the parts that are not read: attachments, signatures, mails within.
    pub(super) left: Vec<String>,
    parts: usize,
}

/// Reads a mail; whatever its bytes are, they are read as far as they make sense.
pub(super) fn read(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    let (head, _) = divided(bytes);
    let fields = fields(head);
    for (name, shown) in SHOWN {
        if let Some(value) = value(&fields, name) {
            read.lines.push(format!("{shown}: {}", unworded(value)));
        }
    }
    read.lines.push(String::new());
    let body = part(bytes, 0, &mut read);
    read.lines.extend(body.unwrap_or_default());
    read
}

/// Head and body, at the first empty line.
fn divided(bytes: &[u8]) -> (&[u8], &[u8]) {
    let start = bytes.iter().position(|b| !b"\r\n".contains(b)).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let mut at = 0;
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n + 1);
        if bytes[at..end].iter().all(|b| b"\r\n".contains(b)) {
            return (&bytes[..at], &bytes[end..]);
        }
        at = end;
    }
    (bytes, &[])
}

/// The fields of a head, folded lines joined, names in lower case.
fn fields(head: &[u8]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in plain::decoded(head).lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    fields
}

fn value<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A parameter of a field (`charset=utf-8`, `boundary="x;y"`).
fn parameter(field: &str, name: &str) -> Option<String> {
    let low = field.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = low[from..].find(name).map(|at| from + at) {
        let before = low[..at].trim_end().ends_with(';');
        let after = field[at + name.len()..].trim_start();
        if let (true, Some(value)) = (before, after.strip_prefix('=')) {
            let value = value.trim_start();
            let quoted = value.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(value, _)| value);
            let value = quoted.unwrap_or_else(|| value.split([';', ' ']).next().unwrap_or(""));
            return (!value.is_empty()).then(|| value.to_owned());
        }
        from = at + name.len();
    }
    None
}

/// The lines of the body that this part holds, if it holds one; what it hangs on is named.
fn part(bytes: &[u8], depth: usize, read: &mut Read) -> Option<Vec<String>> {
    read.parts += 1;
    let (head, body) = divided(bytes);
    let fields = fields(head);
    let kind = value(&fields, "content-type").unwrap_or("text/plain");
    let media = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let place = value(&fields, "content-disposition").unwrap_or("");
    let name = parameter(place, "filename").or_else(|| parameter(kind, "name")).map(|name| unworded(&name));
    let is_hung = name.is_some() || place.to_ascii_lowercase().starts_with("attachment");
    let is_many = media.starts_with("multipart/") && depth < DEPTH_MAX && read.parts < PARTS_MAX;
    match (is_many.then(|| parameter(kind, "boundary")).flatten(), media.as_str()) {
        (Some(boundary), _) => many(body, &boundary, (&media, depth), read),
        (None, "text/plain" | "text/html" | "") if !is_hung => {
            let bytes = unpacked(body, value(&fields, "content-transfer-encoding").unwrap_or(""));
            let text = lettered(&bytes, parameter(kind, "charset").as_deref().unwrap_or(""));
            Some(if media == "text/html" { markup::html(&text) } else { text.lines().map(str::to_owned).collect() })
        }
        _ => {
            read.left.push(name.unwrap_or(media));
            None
        }
    }
}

/// The parts between boundaries. Of alternatives the plainest is read; of others the first that can be is the body, and what
/// else can be read follows it.
fn many(body: &[u8], boundary: &str, (media, depth): (&str, usize), read: &mut Read) -> Option<Vec<String>> {
    let mut bodies = Vec::new();
    for piece in pieces(body, boundary) {
        if read.parts >= PARTS_MAX {
            read.left.push("…".to_owned());
            break;
        }
        bodies.extend(part(piece, depth + 1, read));
    }
    if media == "multipart/alternative" { bodies.into_iter().next() } else { bodies.into_iter().reduce(joined) }
}

fn joined(mut one: Vec<String>, other: Vec<String>) -> Vec<String> {
    one.push(String::new());
    one.extend(other);
    one
}

/// What stands between the lines of a boundary.
fn pieces<'b>(body: &'b [u8], boundary: &str) -> Vec<&'b [u8]> {
    let mark = format!("--{boundary}").into_bytes();
    let (mut pieces, mut begun, mut at) = (Vec::new(), None, 0);
    while at < body.len() {
        let end = memchr::memchr(b'\n', &body[at..]).map_or(body.len(), |n| at + n + 1);
        if body[at..end].starts_with(&mark) {
            if let Some(begun) = begun.take() {
                pieces.push(&body[begun..at]);
            }
            if body[at + mark.len()..end].starts_with(b"--") {
                return pieces;
            }
            begun = Some(end);
        }
        at = end;
    }
    // A mail that is cut off has no last boundary.
    pieces.extend(begun.map(|begun| &body[begun..]));
    pieces
}

/// The bytes behind a transfer encoding.
fn unpacked(body: &[u8], encoding: &str) -> Vec<u8> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "quoted-printable" => unquoted(body, false),
        "base64" => unbased(body),
        _ => body.to_vec(),
    }
}

fn unbased(text: &[u8]) -> Vec<u8> {
    let kept: Vec<u8> = text.iter().copied().filter(|b| b.is_ascii_alphanumeric() || b"+/".contains(b)).collect();
    // A last group that was cut says nothing.
    let whole = if kept.len() % 4 == 1 { &kept[..kept.len() - 1] } else { &kept[..] };
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(whole).unwrap_or_else(|_| {
        let even = whole.len() / 4 * 4;
        base64::engine::general_purpose::STANDARD_NO_PAD.decode(&whole[..even]).unwrap_or_default()
    })
}

/// Quoted-printable (RFC 2045 6.7); in words of a head `_` is a blank.
fn unquoted(text: &[u8], is_word: bool) -> Vec<u8> {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16)).map(|n| n as u8);
    let (mut bytes, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        let rest = &text[at + 1..];
        if byte == b'=' && rest.starts_with(b"\r\n") {
            at += 3;
        } else if byte == b'=' && rest.starts_with(b"\n") {
            at += 2;
        } else if let (b'=', Some(high), Some(low)) = (byte, hex(rest.first()), hex(rest.get(1))) {
            bytes.push(high << 4 | low);
            at += 3;
        } else {
            bytes.push(if is_word && byte == b'_' { b' ' } else { byte });
            at += 1;
        }
    }
    bytes
}

/// The letters of bytes in a character set: those of Western Europe and Unicode.
fn lettered(bytes: &[u8], charset: &str) -> String {
    let charset = charset.to_ascii_lowercase();
    if charset.starts_with("iso-8859-15") {
        return bytes.iter().map(|&b| if b == 0xa4 { '€' } else { plain::western(b) }).collect();
    }
    if charset.starts_with("iso-8859-1") || charset.starts_with("windows-1252") {
        return bytes.iter().map(|&b| plain::western(b)).collect();
    }
    plain::decoded(bytes)
}

/// A value of a head with its encoded words (RFC 2047) read.
fn unworded(value: &str) -> String {
    let (mut text, mut rest, mut is_after_word) = (String::new(), value, false);
    while let Some((before, after)) = rest.split_once("=?") {
        let Some((word, tail)) = word(after) else {
            text.push_str(before);
            text.push_str("=?");
            (rest, is_after_word) = (after, false);
            continue;
        };
        // Blanks between two words are none of the text.
        if !(is_after_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        text.push_str(&word);
        (rest, is_after_word) = (tail, true);
    }
    text.push_str(rest);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `charset?Q?text?=` and what follows.
fn word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (body, tail) = rest.split_once("?=")?;
    let bytes = match encoding {
        "q" | "Q" => unquoted(body.as_bytes(), true),
        "b" | "B" => unbased(body.as_bytes()),
        _ => return None,
    };
    Some((lettered(&bytes, charset), tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(mail: &str) -> String {
        read(mail.replace('\n', "\r\n").as_bytes()).lines.join("\n")
    }

    #[test]
    fn head_and_body_are_read_in_every_encoding() {
        let mail = "From: =?utf-8?Q?Perch=C3=A9_No?= <a@b.example>\nSubject: =?ISO-8859-1?Q?caff=E8?=\n =?utf-8?B?IGUgdMOo?=\n\
            Content-Type: text/plain; charset=\"iso-8859-1\"\nContent-Transfer-Encoding: quoted-printable\n\nLa societ=E0 =\ncomunica.\n";
        assert_eq!(text(mail), "Da: Perché No <a@b.example>\nOggetto: caffè e tè\n\nLa società comunica.");
        let based =
            "From: a@b.example\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nUGVyY2jD\nqQ==\n";
        assert!(text(based).ends_with("Perché"), "{}", text(based));
    }

    #[test]
    fn of_alternatives_the_plain_one_is_read_and_attachments_are_named() {
        let mail = "From: a@b.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"x\"\n\n--x\n\
            Content-Type: multipart/alternative; boundary=y\n\n--y\nContent-Type: text/plain\n\nil testo\n--y\n\
            Content-Type: text/html\n\n<p>altro</p>\n--y--\n--x\nContent-Type: application/pdf; name=\"atto n. 1.pdf\"\n\nJVBERi0=\n--x--\n";
        let read = read(mail.as_bytes());
        assert_eq!(read.lines.join("|"), "Da: a@b.example||il testo");
        assert_eq!(read.left, ["atto n. 1.pdf"]);
    }

    #[test]
    fn a_mail_of_html_alone_is_read_without_its_marks() {
        let mail = "From: a@b.example\nContent-Type: text/html\n\n<html><p>Si <b>chiede</b> copia</p></html>\n";
        assert!(text(mail).contains("Si chiede copia"), "{}", text(mail));
    }

    #[test]
    fn no_cut_and_no_nesting_makes_it_fail() {
        let mail = "From: =?utf-8?Q?a=C3?= b\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\nAAA=\n--b\n";
        for end in 0..mail.len() {
            read(&mail.as_bytes()[..end]);
        }
        let level = |n: u32| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n");
        let nested = (0..100).map(level).collect::<Vec<_>>().concat();
        assert!(!read(format!("From: a\n{nested}").as_bytes()).left.is_empty(), "what lies too deep is named");
        let wide: String = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(PARTS_MAX + 10));
        assert!(read(wide.as_bytes()).left.contains(&"…".to_owned()));
    }
}
