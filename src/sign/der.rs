//! Items of DER and BER (X.690) in memory: certificates, attributes, tokens.
//!
//! What comes in BER with open ends is first brought to stated lengths ([`definite`]); what already states them stays as it is, byte by
//! byte, since signatures count the bytes.

/// Deepest nesting that is followed.
const DEPTH_MAX: usize = 48;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT_ID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// A constructed item of context tag `n`.
pub(super) const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// One item: its tag, what lies in it, and all of it with its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) tag: u8,
    pub(super) inside: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Item<'a> {
    /// The items in it.
    pub(super) fn items(&self) -> Items<'a> {
        Items(self.inside)
    }

    /// The item, if it has that tag.
    pub(super) fn tagged(self, tag: u8) -> Option<Self> {
        (self.tag == tag).then_some(self)
    }

    /// The dotted form of an object identifier.
    pub(super) fn object_id(&self) -> Option<String> {
        (self.tag == OBJECT_ID).then(|| dotted(self.inside)).flatten()
    }
}

/// Items one after another, of stated length.
#[derive(Debug, Clone)]
pub(super) struct Items<'a>(pub(super) &'a [u8]);

impl<'a> Items<'a> {
    /// The next, if it has that tag; else none, and nothing is passed over.
    pub(super) fn pick(&mut self, tag: u8) -> Option<Item<'a>> {
        let mut ahead = self.clone();
        let item = ahead.next()?.tagged(tag)?;
        *self = ahead;
        Some(item)
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (tag, head, length) = head(self.0)?;
        let end = head.checked_add(length?)?;
        let item = Item { tag, inside: self.0.get(head..end)?, whole: self.0.get(..end)? };
        self.0 = self.0.get(end..)?;
        Some(item)
    }
}

/// The first item of `bytes`.
pub(super) fn first(bytes: &[u8]) -> Option<Item<'_>> {
    Items(bytes).next()
}

/// Tag, length of the head and of the content; none where the end is open.
fn head(bytes: &[u8]) -> Option<(u8, usize, Option<usize>)> {
    let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
    // Tags of several bytes stand in no structure that is read here.
    if tag & 0x1f == 0x1f {
        return None;
    }
    match first {
        0..=0x7f => Some((tag, 2, Some(usize::from(first)))),
        0x80 => Some((tag, 2, None)),
        0x81..=0x88 => {
            let count = usize::from(first & 0x7f);
            let length = bytes.get(2..2 + count)?.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
            Some((tag, 2 + count, Some(usize::try_from(length).ok()?)))
        }
        _ => None,
    }
}

/// `bytes`, a row of items up to the end or to an end mark, with every open end closed. What follows the mark is left out.
pub(super) fn definite(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() && !rest.starts_with(&[0, 0]) {
        let used = close(rest, &mut out, 0)?;
        rest = rest.get(used..)?;
    }
    Some(out)
}

/// Appends the first item, closed, and says how many bytes it had.
fn close(bytes: &[u8], out: &mut Vec<u8>, depth: usize) -> Option<usize> {
    if depth > DEPTH_MAX {
        return None;
    }
    let (tag, head_length, length) = head(bytes)?;
    if let Some(length) = length {
        let end = head_length.checked_add(length)?;
        let inside = bytes.get(head_length..end)?;
        // Only what holds an open end somewhere is written anew.
        let mut closed = Vec::new();
        if tag & 0x20 != 0 && has_open(inside, depth + 1) {
            let mut rest = inside;
            while !rest.is_empty() {
                let used = close(rest, &mut closed, depth + 1)?;
                rest = rest.get(used..)?;
            }
            put(out, tag, &closed);
        } else {
            out.extend_from_slice(bytes.get(..end)?);
        }
        return Some(end);
    }
    let (mut inside, mut at) = (Vec::new(), head_length);
    loop {
        let rest = bytes.get(at..)?;
        if rest.starts_with(&[0, 0]) {
            break;
        }
        at += close(rest, &mut inside, depth + 1)?;
    }
    if tag == 0x24 {
        let joined: Vec<u8> = Items(&inside).flat_map(|piece| piece.inside.iter().copied()).collect();
        put(out, OCTETS, &joined);
    } else {
        put(out, tag, &inside);
    }
    Some(at + 2)
}

fn has_open(mut bytes: &[u8], depth: usize) -> bool {
    while let Some((tag, head_length, length)) = head(bytes) {
        let Some(length) = length else { return true };
        let Some(inside) = head_length.checked_add(length).and_then(|end| bytes.get(head_length..end)) else { return false };
        if tag & 0x20 != 0 && depth < DEPTH_MAX && has_open(inside, depth + 1) {
            return true;
        }
        bytes = &bytes[head_length + length..];
    }
    false
}

/// Appends an item of that tag around `inside`.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, inside: &[u8]) {
    out.push(tag);
    let length = inside.len() as u64;
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        out.push(0x80 | (8 - skip) as u8);
        out.extend_from_slice(&bytes[skip..]);
    }
    out.extend_from_slice(inside);
}

/// An item of that tag around the `parts`.
pub(super) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, tag, &parts.concat());
    out
}

/// The object identifier written with dots.
fn dotted(bytes: &[u8]) -> Option<String> {
    use std::fmt::Write as _;
    let mut out = String::new();
    let mut value = 0_u64;
    for byte in bytes {
        value = value.checked_mul(128)? | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if out.is_empty() {
            let first = (value / 40).min(2);
            let _ = write!(out, "{first}.{}", value - first * 40);
        } else {
            let _ = write!(out, ".{value}");
        }
        value = 0;
    }
    Some(out)
}

/// An object identifier as an item, from its form with dots.
pub(super) fn object_id(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').filter_map(|arc| arc.parse().ok()).collect();
    let mut inside = Vec::new();
    if let [first, second, rest @ ..] = arcs.as_slice() {
        for arc in std::iter::once(first * 40 + second).chain(rest.iter().copied()) {
            let mut groups = vec![(arc & 0x7f) as u8];
            let mut more = arc >> 7;
            while more > 0 {
                groups.push((more & 0x7f) as u8 | 0x80);
                more >>= 7;
            }
            inside.extend(groups.iter().rev());
        }
    }
    wrap(OBJECT_ID, &[&inside])
}

/// The instant of a UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5; fractions of seconds are cut).
pub(super) fn instant(item: &Item<'_>) -> Option<jiff::Timestamp> {
    let text = std::str::from_utf8(item.inside).ok()?.strip_suffix('Z')?;
    let text = text.split('.').next()?;
    let text = match item.tag {
        0x17 if text.len() == 12 => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        0x18 if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<i8>().ok();
    let year = text[..4].parse::<i16>().ok()?;
    let at = jiff::civil::DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_ends_are_closed_and_stated_lengths_stay_byte_by_byte() {
        let open = [0x30, 0x80, 0x24, 0x80, 0x04, 1, b'a', 0x04, 1, b'b', 0, 0, 0x30, 0x81, 3, 0x02, 1, 7, 0, 0];
        assert_eq!(definite(&open).unwrap(), [0x30, 10, 0x04, 2, b'a', b'b', 0x30, 0x81, 3, 0x02, 1, 7]);
        assert_eq!(definite(&[0x30, 0x81, 3, 0x02, 1, 7]).unwrap(), [0x30, 0x81, 3, 0x02, 1, 7]);
        assert!(definite(&[0x30, 0x80, 0x02, 1]).is_none());
        assert!(definite(&[0x30, 0x80].repeat(10_000)).is_none());
    }

    #[test]
    fn object_identifiers_are_written_and_read() {
        for id in ["1.2.840.113549.1.7.2", "2.16.840.1.101.3.4.2.1", "2.5.4.5", "0.4.0.1733.2.5"] {
            assert_eq!(first(&object_id(id)).unwrap().object_id().as_deref(), Some(id));
        }
    }

    #[test]
    fn times_of_both_kinds_are_instants() {
        let at = |tag, text: &str| instant(&Item { tag, inside: text.as_bytes(), whole: &[] }).map(|t| t.to_string());
        assert_eq!(at(0x17, "240131235959Z").as_deref(), Some("2024-01-31T23:59:59Z"));
        assert_eq!(at(0x17, "990131235959Z").as_deref(), Some("1999-01-31T23:59:59Z"));
        assert_eq!(at(0x18, "20240131235959.25Z").as_deref(), Some("2024-01-31T23:59:59Z"));
        assert_eq!((at(0x17, "2401312359Z"), at(0x18, "20241331235959Z")), (None, None));
    }
}
