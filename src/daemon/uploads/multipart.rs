//! Where does a form's part begin and end (RFC 7578)? A machine that is fed the body piece by piece and keeps no more of it
//! than a delimiter or the head of a part.

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;

use crate::error::{Error, Result};

/// Longest head of a part, bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Longest boundary (RFC 2046, 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// A form under reading.
pub(super) struct Multipart {
    /// CR LF, two hyphens and the boundary.
    delimiter: Finder<'static>,
    buffer: BytesMut,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first delimiter.
    Preamble,
    /// After a delimiter: is it the last?
    Delimited,
    /// In the head of a part.
    Head,
    /// In its body.
    Body,
    /// After the last delimiter.
    Over,
}

/// What the machine has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A part begins.
    Part(Head),
    /// A piece of its body.
    Bytes(Bytes),
    /// It ends.
    PartEnd,
    /// The form ends.
    End,
    /// Nothing more without more bytes.
    Nothing,
}

/// What the head of a part says, as it was sent, byte by byte.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Name of the field.
    pub(super) field: Vec<u8>,
    /// Name of the file, of one that is a file.
    pub(super) file: Option<Vec<u8>>,
}

impl Multipart {
    /// A form whose content type is `kind`; anything but a form is refused.
    pub(super) fn new(kind: &str) -> Result<Self> {
        let (essence, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
            return Err(Error::refuse("upload-no-form"));
        }
        let parameters = parameters_of(parameters.as_bytes()).ok_or_else(|| wrong("content-type"))?;
        let boundary = parameters.into_iter().find(|(name, _)| name == b"boundary").map(|(_, value)| value);
        let boundary = boundary.filter(|b| (1..=BOUNDARY_BYTES_MAX).contains(&b.len())).ok_or_else(|| wrong("boundary"))?;
        let delimiter = [b"\r\n--", &boundary[..]].concat();
        // The first delimiter may stand at the very beginning, without a line end before it.
        Ok(Self { delimiter: Finder::new(&delimiter).into_owned(), buffer: BytesMut::from(&b"\r\n"[..]), state: State::Preamble })
    }

    /// More of the body.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.state != State::Over {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// What comes next. To be asked until it finds nothing, before more is pushed.
    pub(super) fn next(&mut self) -> Result<Found> {
        match self.state {
            State::Preamble => {
                let Some(at) = self.delimiter.find(&self.buffer) else {
                    let spare = self.spare();
                    let _ = self.buffer.split_to(spare);
                    return Ok(Found::Nothing);
                };
                let _ = self.buffer.split_to(at + self.delimiter.needle().len());
                self.state = State::Delimited;
                self.next()
            }
            State::Delimited => self.delimited(),
            State::Head => self.head(),
            State::Body => Ok(self.body()),
            State::Over => Ok(Found::End),
        }
    }

    /// Bytes of the buffer that cannot be part of a delimiter.
    fn spare(&self) -> usize {
        self.buffer.len().saturating_sub(self.delimiter.needle().len() - 1)
    }

    fn delimited(&mut self) -> Result<Found> {
        let blanks = self.buffer.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        match &self.buffer[blanks..] {
            _ if blanks > HEAD_BYTES_MAX => Err(wrong("delimiter")),
            [b'-', b'-', ..] if blanks == 0 => {
                self.buffer.clear();
                self.state = State::Over;
                Ok(Found::End)
            }
            // The line end stays: a part without any header ends its head with the very next one.
            [b'\r', b'\n', ..] => {
                let _ = self.buffer.split_to(blanks);
                self.state = State::Head;
                self.head()
            }
            [] | [b'\r'] => Ok(Found::Nothing),
            [b'-'] if blanks == 0 => Ok(Found::Nothing),
            _ => Err(wrong("delimiter")),
        }
    }

    fn head(&mut self) -> Result<Found> {
        let end = memchr::memmem::find(&self.buffer, b"\r\n\r\n");
        if end.unwrap_or(self.buffer.len()) > HEAD_BYTES_MAX {
            return Err(wrong("head"));
        }
        let Some(end) = end else { return Ok(Found::Nothing) };
        let head = self.buffer.split_to(end + 4);
        self.state = State::Body;
        Ok(Found::Part(head_of(&head)?))
    }

    fn body(&mut self) -> Found {
        match self.delimiter.find(&self.buffer) {
            Some(0) => {
                let _ = self.buffer.split_to(self.delimiter.needle().len());
                self.state = State::Delimited;
                Found::PartEnd
            }
            Some(at) => Found::Bytes(self.buffer.split_to(at).freeze()),
            None if self.spare() > 0 => {
                let spare = self.spare();
                Found::Bytes(self.buffer.split_to(spare).freeze())
            }
            None => Found::Nothing,
        }
    }
}

fn wrong(what: &'static str) -> Error {
    Error::refuse("upload-form-wrong").with("what", what)
}

/// Reads the lines of a head. Encodings other than none have no place in a form (RFC 7578, 4.7).
fn head_of(lines: &[u8]) -> Result<Head> {
    let mut head = Head::default();
    for line in lines.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        // No name is guessed from a line that is torn, or folded (which RFC 7578, 4.8 leaves no room for).
        let colon = line.iter().position(|b| *b == b':').ok_or_else(|| wrong("head"))?;
        let (name, value) = (line[..colon].to_ascii_lowercase(), &line[colon + 1..]);
        if name == b"content-transfer-encoding" {
            let value = value.trim_ascii().to_ascii_lowercase();
            if ![&b"binary"[..], b"8bit", b"7bit"].contains(&&value[..]) {
                return Err(wrong("content-transfer-encoding"));
            }
        }
        if name == b"content-disposition" {
            let semicolon = value.iter().position(|b| *b == b';').unwrap_or(value.len());
            disposition(&value[semicolon..], &mut head).ok_or_else(|| wrong("content-disposition"))?;
        }
    }
    Ok(head)
}

/// Reads what a part says of itself; `None` where it says it twice, or not as it is written.
fn disposition(text: &[u8], head: &mut Head) -> Option<()> {
    let parameters = parameters_of(text)?;
    let count = |wanted: &[u8]| parameters.iter().filter(|(name, _)| name == wanted).count();
    if [&b"name"[..], b"filename", b"filename*"].into_iter().any(|name| count(name) > 1) {
        return None;
    }
    let mut plain = None;
    for (name, value) in parameters {
        match &name[..] {
            b"name" => head.field = value,
            b"filename" => plain = Some(value),
            b"filename*" => head.file = extended(&value),
            _ => {}
        }
    }
    head.file = head.file.take().or(plain);
    Some(())
}

/// `; name=value; name="value"`; `None` where a quote is not closed or something else stands behind it.
/// In quotes a backslash stands before a quote or a backslash, and for itself anywhere else
/// (browsers send the paths of Windows so).
fn parameters_of(mut text: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut parameters = Vec::new();
    loop {
        while let [b';' | b' ' | b'\t', rest @ ..] = text {
            text = rest;
        }
        let Some(equals) = text.iter().position(|b| *b == b'=') else { return text.is_empty().then_some(parameters) };
        let name = text[..equals].trim_ascii().to_ascii_lowercase();
        text = &text[equals + 1..];
        let mut value = Vec::new();
        if let [b'"', rest @ ..] = text {
            text = rest;
            loop {
                match text {
                    [b'"', rest @ ..] => {
                        text = rest.trim_ascii_start();
                        break;
                    }
                    [b'\\', byte @ (b'"' | b'\\'), rest @ ..] | [byte, rest @ ..] => {
                        value.push(*byte);
                        text = rest;
                    }
                    [] => return None,
                }
            }
            if !matches!(text, [] | [b';', ..]) {
                return None;
            }
        } else {
            let end = text.iter().position(|b| *b == b';').unwrap_or(text.len());
            value.extend_from_slice(text[..end].trim_ascii());
            text = &text[end..];
        }
        parameters.push((name, value));
    }
}

/// `UTF-8''name%20name` (RFC 8187).
fn extended(value: &[u8]) -> Option<Vec<u8>> {
    let rest = value.get(..7).filter(|start| start.eq_ignore_ascii_case(b"utf-8''")).and(value.get(7..))?;
    Some(percent_encoding::percent_decode(rest).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `body` in pieces of `step` and gives what was found, the bytes of each part joined.
    fn read(kind: &str, body: &[u8], step: usize) -> Result<Vec<(Head, Vec<u8>, bool)>> {
        let mut form = Multipart::new(kind)?;
        let mut parts: Vec<(Head, Vec<u8>, bool)> = Vec::new();
        for piece in body.chunks(step) {
            form.push(piece);
            loop {
                match form.next()? {
                    Found::Part(head) => parts.push((head, Vec::new(), false)),
                    Found::Bytes(bytes) => parts.last_mut().expect("a part").1.extend_from_slice(&bytes),
                    Found::PartEnd => parts.last_mut().expect("a part").2 = true,
                    Found::End | Found::Nothing => break,
                }
            }
            assert!(form.buffer.len() <= HEAD_BYTES_MAX + 4 + step, "flat memory");
        }
        Ok(parts)
    }

    const KIND: &str = "multipart/form-data; boundary=\"x y\"";

    #[test]
    fn parts_are_found_however_the_body_is_cut() {
        let body = b"before\r\n--x y\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nvalue\r\n--x y \r\n\
            content-disposition: form-data; name=f; filename=\"a \\\"b\\\" c:\\\\d\\e.tif\"\r\nContent-Type: image/tiff\r\n\r\n\
            \r\n--x \r\n-\r\n--x y\r\n\r\n\r\n--x y\r\nContent-Disposition: form-data; filename*=UTF-8''%C3%A8.pdf\r\n\r\n\r\n--x y--\r\nafter";
        for step in 1..=body.len() {
            let parts = read(KIND, body, step).expect("a form");
            assert_eq!(parts.len(), 4, "pieces of {step}");
            assert_eq!((&parts[0].0.field[..], &parts[0].1[..]), (&b"key"[..], &b"value"[..]));
            assert_eq!(parts[1].0.file.as_deref(), Some(&b"a \"b\" c:\\d\\e.tif"[..]));
            assert_eq!(parts[1].1, b"\r\n--x \r\n-", "what looks like a delimiter is none");
            assert_eq!((&parts[2].0, &parts[2].1[..]), (&Head::default(), &b""[..]));
            assert_eq!((parts[3].0.file.as_deref(), &parts[3].1[..]), (Some("è.pdf".as_bytes()), &b""[..]));
            assert!(parts.iter().all(|(_, _, is_whole)| *is_whole));
        }
    }

    #[test]
    fn a_form_that_breaks_off_never_ends_its_part() {
        let body = b"--x y\r\nContent-Disposition: form-data; filename=a\r\n\r\nbytes\r\n--x ";
        let parts = read(KIND, body, 7).expect("a form");
        assert!(!parts[0].2, "the last part is not whole");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for kind in ["text/plain", "multipart/mixed; boundary=x", "multipart/form-data", "multipart/form-data; boundary="] {
            assert!(Multipart::new(kind).is_err(), "{kind}");
        }
        let boundary = |n| format!("multipart/form-data; boundary={}", "b".repeat(n));
        assert!(Multipart::new(&boundary(70)).is_ok() && Multipart::new(&boundary(71)).is_err());
        assert!(read(KIND, b"--x y\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==", 5).is_err());
        assert!(read(KIND, b"--x yz\r\n\r\n", 5).is_err(), "a longer line is no delimiter, and nothing else either");
    }

    #[test]
    fn a_name_that_is_torn_or_said_twice_is_refused_not_guessed() {
        let named = |disposition: &str| {
            let body = format!("--x y\r\nContent-Disposition: form-data; {disposition}\r\n\r\nbytes\r\n--x y--");
            read(KIND, body.as_bytes(), 9).map(|parts| parts[0].0.file.clone())
        };
        for wrong in [
            "name=\"f\"; filename=\"a\r\nb.txt\"",
            "name=\"f\"; filename=\"a\nb.txt\"",
            "name=\"f\"; filename=\"a",
            "name=\"f\"; filename=\"a\"b.txt\"",
            "name=\"f\"; filename=a; filename=b",
            "name=\"f\";\r\n filename=\"a\"",
            "filename*=UTF-8''a; filename*=UTF-8''b",
            "name=\"f\"; filename",
        ] {
            assert_eq!(named(wrong).expect_err(wrong).code(), "upload-form-wrong", "{wrong}");
        }
        for right in ["filename=\"a\" ; name=f", "name=f; filename=\"b\"; filename*=UTF-8''a;", "filename*=UTF-8''a; filename=b"]
        {
            assert_eq!(named(right).expect(right).as_deref(), Some(&b"a"[..]), "{right}");
        }
    }

    #[test]
    fn a_head_has_a_longest_form() {
        let with = |n: usize| [b"--x y\r\nX: ".as_slice(), &vec![b'h'; n], b"\r\n\r\n"].concat();
        assert!(read(KIND, &with(HEAD_BYTES_MAX - 5), 1_000).is_ok());
        assert!(read(KIND, &with(HEAD_BYTES_MAX - 4), 1_000).is_err());
        assert!(read(KIND, &with(10 * HEAD_BYTES_MAX), 1_000).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_upset_the_machine(body in proptest::collection::vec(prop_oneof![Just(b'-'), Just(b'\r'), Just(b'\n'), Just(b'x'), Just(b':'), any::<u8>()], 0..400), step in 1_usize..64) {
            let kind = "multipart/form-data; boundary=x";
            let whole = [b"--x\r\n\r\n".as_slice(), &body, b"\r\n--x--"].concat();
            let found = read(kind, &whole, step);
            if memchr::memmem::find(&body, b"--x").is_none() {
                prop_assert_eq!(&found.expect("a form")[0].1, &body);
            }
        }
    }
}
