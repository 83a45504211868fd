//! What does a signature envelope hold? The content of a CMS SignedData (RFC 5652, 5.1 and 5.2), in DER or BER.
//!
//! An index may travel inside its own seal, `PIndex.xml.p7m`. Here the index is taken out; the signature itself is not judged. Lengths
//! are bounded by the bytes that are there, nesting by a ceiling.

/// Deepest nesting of constructed strings and of what is skipped.
const DEPTH_MAX: usize = 16;
const SEQUENCE: u8 = 0x30;
const EXPLICIT: u8 = 0xA0;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PARTS: u8 = 0x24;
/// `id-signedData`, 1.2.840.113549.1.7.2.
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];

/// What was taken out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// False where the envelope is cut off in them.
    pub(super) is_whole: bool,
}

/// The content of the envelope that begins with `bytes`; none of anything else, or of a signature apart from its content.
pub(super) fn content(bytes: &[u8]) -> Option<Content> {
    let info = entered(bytes, SEQUENCE)?;
    let rest = info.strip_prefix(&SIGNED_DATA)?;
    let signed = entered(entered(rest, EXPLICIT)?, SEQUENCE)?;
    // Version and digest algorithms stand before the content, its type inside.
    let rest = after(after(signed)?)?;
    let rest = after(entered(rest, SEQUENCE)?)?;
    let mut content = Content { bytes: Vec::new(), is_whole: false };
    content.is_whole = take(entered(rest, EXPLICIT)?, &mut content.bytes, 0)?.1;
    Some(content)
}

/// Tag, length of the header and length of the content, none where it is open to its end mark.
fn header(bytes: &[u8]) -> Option<(u8, usize, Option<usize>)> {
    let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
    // Tags of several bytes stand nowhere on the way to the content.
    if tag & 0x1F == 0x1F {
        return None;
    }
    match first {
        0..=0x7F => Some((tag, 2, Some(usize::from(first)))),
        0x80 => Some((tag, 2, None)),
        0x81..=0x88 => {
            let count = usize::from(first & 0x7F);
            let length = bytes.get(2..2 + count)?.iter().fold(0_u64, |sum, b| sum << 8 | u64::from(*b));
            Some((tag, 2 + count, Some(usize::try_from(length).ok()?)))
        }
        _ => None,
    }
}

/// The inside of an element of that tag, as far as it is there.
fn entered(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let (tag, at, length) = header(bytes)?;
    let inside = bytes.get(at..)?;
    (tag == wanted).then(|| &inside[..length.unwrap_or(inside.len()).min(inside.len())])
}

/// What follows the first element.
fn after(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(skipped(bytes, 0)?..)
}

/// The length of the first element with its header.
fn skipped(bytes: &[u8], depth: usize) -> Option<usize> {
    let (_, mut at, length) = header(bytes)?;
    if let Some(length) = length {
        return at.checked_add(length).filter(|end| *end <= bytes.len());
    }
    if depth >= DEPTH_MAX {
        return None;
    }
    loop {
        let rest = bytes.get(at..)?;
        if rest.starts_with(&[0, 0]) {
            return Some(at + 2);
        }
        at += skipped(rest, depth + 1)?;
    }
}

/// Appends an octet string, in one piece or in parts: its length, and whether it is whole.
fn take(bytes: &[u8], out: &mut Vec<u8>, depth: usize) -> Option<(usize, bool)> {
    let (tag, mut at, length) = header(bytes)?;
    let inside = bytes.get(at..)?;
    let end = length.map(|length| length.min(inside.len()));
    match tag {
        OCTETS => {
            out.extend_from_slice(&inside[..end?]);
            Some((at + end?, end == length))
        }
        OCTETS_IN_PARTS if depth < DEPTH_MAX => {
            let limit = end.map_or(bytes.len(), |end| at + end);
            while at < limit {
                let rest = &bytes[at..limit];
                if length.is_none() && rest.starts_with(&[0, 0]) {
                    return Some((at + 2, true));
                }
                let Some((n, is_whole)) = take(rest, out, depth + 1) else { return Some((at, false)) };
                if !is_whole {
                    return Some((at + n, false));
                }
                at += n;
            }
            Some((at, length.is_some() && end == length))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let mut bytes = vec![tag];
        if length < 0x80 {
            bytes.push(length as u8);
        } else {
            bytes.extend([0x82, (length >> 8) as u8, length as u8]);
        }
        bytes.extend(content);
        bytes
    }

    fn open(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80][..], content, &[0, 0]].concat()
    }

    /// An envelope around a string that is already an element.
    fn envelope(string: &[u8], wrap: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let data = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
        let inner = wrap(SEQUENCE, &[&data[..], &wrap(EXPLICIT, string)].concat());
        let signed = wrap(SEQUENCE, &[&[0x02, 1, 1][..], &element(0x31, b""), &inner, &element(0x31, b"signers")].concat());
        wrap(SEQUENCE, &[&SIGNED_DATA[..], &wrap(EXPLICIT, &signed)].concat())
    }

    #[test]
    fn the_content_is_taken_out_of_der_and_of_ber_in_parts() {
        let text = b"<PIndex/>".repeat(50);
        let whole = Some(Content { bytes: text.clone(), is_whole: true });
        assert_eq!(content(&envelope(&element(OCTETS, &text), element)), whole);
        let (one, two) = text.split_at(100);
        let parts = [element(OCTETS, one), element(OCTETS, two)].concat();
        assert_eq!(content(&envelope(&open(OCTETS_IN_PARTS, &parts), open)), whole);
        assert_eq!(content(&envelope(&element(OCTETS_IN_PARTS, &parts), element)), whole);
    }

    #[test]
    fn an_envelope_that_is_cut_off_gives_its_beginning_and_what_is_none_gives_nothing() {
        let text = b"<PIndex/>".repeat(50);
        for envelope in
            [envelope(&element(OCTETS, &text), element), envelope(&open(OCTETS_IN_PARTS, &element(OCTETS, &text)), open)]
        {
            for cut in 0..envelope.len() {
                if let Some(found) = content(&envelope[..cut]) {
                    assert!(text.starts_with(&found.bytes));
                    assert!(!found.is_whole || found.bytes == text);
                }
            }
            assert!(content(&envelope[..200]).is_some_and(|found| !found.is_whole && found.bytes.starts_with(b"<PIndex/>")));
        }
        for bytes in [&b""[..], b"<PIndex/>", &[0x30], &[0x30, 0x80], &[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]] {
            assert_eq!(content(bytes), None, "{bytes:?}");
        }
        let deep = [&[0x24, 0x80][..]].concat().repeat(100_000);
        assert!(content(&envelope(&deep, open)).is_none_or(|found| found.bytes.is_empty()));
    }
}
