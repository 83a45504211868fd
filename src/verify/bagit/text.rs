//! How are the tag files of a bag written? `bagit.txt` first, since it says the encoding of all others.

use super::super::container::{Container, Entry};
use super::super::findings::{Findings, Valued as _, error, warning};
use crate::limits::Limits;

/// Versions that were published: the drafts, and RFC 8493.
const VERSIONS: [(u32, u32); 6] = [(0, 93), (0, 94), (0, 95), (0, 96), (0, 97), (1, 0)];

/// What `bagit.txt` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Declaration {
    /// `BagIt-Version`.
    pub(super) version: (u32, u32),
    /// `Tag-File-Character-Encoding`.
    pub(super) encoding: Encoding,
}

impl Declaration {
    /// True from RFC 8493 on, which forbids what the drafts left open.
    pub(super) fn is_strict(self) -> bool {
        self.version >= (1, 0)
    }
}

impl Default for Declaration {
    fn default() -> Self {
        Self { version: (1, 0), encoding: Encoding::Utf8 }
    }
}

/// The encodings that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
    Utf16Le,
    Utf16Be,
    Latin1,
    Ascii,
}

impl Encoding {
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" => Self::Utf8,
            "UTF-16" | "UTF16" => Self::Utf16,
            "UTF-16LE" => Self::Utf16Le,
            "UTF-16BE" => Self::Utf16Be,
            "ISO-8859-1" | "LATIN1" | "ISO8859-1" => Self::Latin1,
            "US-ASCII" | "ASCII" => Self::Ascii,
            _ => return None,
        })
    }

    /// The text of `bytes`, a byte order mark left out; `None` where they are no text in this encoding.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match (self, bytes) {
            (Self::Utf8, _) => std::str::from_utf8(bytes).ok().map(|text| text.trim_start_matches('\u{FEFF}').to_owned()),
            (Self::Ascii, _) => bytes.is_ascii().then(|| bytes.iter().map(|b| char::from(*b)).collect()),
            (Self::Latin1, _) => Some(bytes.iter().map(|b| char::from(*b)).collect()),
            (Self::Utf16 | Self::Utf16Le, [0xFF, 0xFE, rest @ ..]) | (Self::Utf16Le, rest) => utf16(rest, u16::from_le_bytes),
            // Without a mark the big end comes first (RFC 2781, 4.3).
            (Self::Utf16 | Self::Utf16Be, [0xFE, 0xFF, rest @ ..] | rest) => utf16(rest, u16::from_be_bytes),
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let pairs = bytes.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    char::decode_utf16(pairs.map(|pair| unit([pair[0], pair[1]]))).collect::<Result<_, _>>().ok()
}

/// The text of a tag file; what is wrong with it is in the findings.
pub(super) fn text(
    container: &Container,
    entry: &Entry,
    (encoding, limits): (Encoding, &Limits),
    findings: &mut Findings,
) -> Option<String> {
    let bytes = match container.bytes(entry, limits.metadata_bytes_max) {
        Ok(bytes) => bytes,
        Err(fault) => {
            findings.push(*fault);
            return None;
        }
    };
    if encoding == Encoding::Utf8 && bytes.starts_with(b"\xEF\xBB\xBF") {
        findings.push(warning("bag-mark").at(&entry.path, "1").clause("RFC 8493 2.2.4"));
    }
    let text = match encoding {
        // A manifest may be long: its bytes become the text.
        Encoding::Utf8 => String::from_utf8(bytes).ok().map(|mut text| {
            let mark = text.len() - text.trim_start_matches('\u{FEFF}').len();
            text.drain(..mark);
            text
        }),
        _ => encoding.decode(&bytes),
    };
    if text.is_none() {
        findings.push(error("bag-tag-encoding").at(&entry.path, "").clause("RFC 8493 2.1.1"));
    }
    text
}

/// Reads `bagit.txt`. Whatever is wrong with it, the rest is read as well as it can be.
pub(super) fn declaration(container: &Container, entry: &Entry, limits: &Limits, findings: &mut Findings) -> Declaration {
    let clause = "RFC 8493 2.1.1";
    let mut declared = Declaration::default();
    let bytes = match container.bytes(entry, limits.metadata_bytes_max) {
        Ok(bytes) => bytes,
        Err(fault) => {
            findings.push(*fault);
            return declared;
        }
    };
    if bytes.starts_with(b"\xEF\xBB\xBF") || bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        findings.push(error("bag-declaration-mark").at(&entry.path, "1").clause(clause));
    }
    let Some(text) = Encoding::Utf8.decode(&bytes) else {
        findings.push(error("bag-tag-encoding").at(&entry.path, "").clause(clause));
        return declared;
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let value = |n: usize, label: &str| {
        let (name, value) = lines.get(n)?.split_once(':')?;
        (name.trim().eq_ignore_ascii_case(label)).then(|| value.trim().to_owned())
    };
    let version = value(0, "BagIt-Version").and_then(|text| version(&text));
    let encoding = value(1, "Tag-File-Character-Encoding");
    let (Some(version), Some(encoding)) = (version, encoding) else {
        findings.push(error("bag-declaration-broken").at(&entry.path, "").clause(clause));
        return declared;
    };
    declared.version = version;
    if !VERSIONS.contains(&version) {
        let finding = error("bag-version-unknown").at(&entry.path, "BagIt-Version").clause(clause);
        findings.push(finding.value("version", format!("{}.{}", version.0, version.1)));
    }
    match Encoding::parse(&encoding) {
        Some(known) => declared.encoding = known,
        None => findings.push(
            error("bag-encoding-unknown").at(&entry.path, "Tag-File-Character-Encoding").clause(clause).value("name", encoding),
        ),
    }
    let is_exact = lines.len() == 2 && is_exact(lines[0], "BagIt-Version") && is_exact(lines[1], "Tag-File-Character-Encoding");
    if !is_exact {
        let finding = if declared.is_strict() { error("bag-declaration-loose") } else { warning("bag-declaration-loose") };
        findings.push(finding.at(&entry.path, "").clause(clause));
    }
    declared
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    Some((number(major)?, number(minor)?))
}

/// `Label: value`, one blank, nothing else.
fn is_exact(line: &str, label: &str) -> bool {
    line.strip_prefix(label)
        .and_then(|rest| rest.strip_prefix(": "))
        .is_some_and(|value| value.trim() == value && !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_read_and_what_is_none_of_it_is_said() {
        let wide = |unit: fn(u16) -> [u8; 2]| "aé".encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let marked = [&[0xFF, 0xFE][..], &wide(u16::to_le_bytes)].concat();
        assert_eq!(Encoding::Utf16.decode(&marked).as_deref(), Some("aé"));
        assert_eq!(Encoding::Utf16.decode(&wide(u16::to_be_bytes)).as_deref(), Some("aé"));
        assert_eq!(Encoding::Utf16Le.decode(&wide(u16::to_le_bytes)).as_deref(), Some("aé"));
        assert_eq!(Encoding::Latin1.decode(b"a\xE9").as_deref(), Some("aé"));
        assert_eq!(Encoding::Utf8.decode("\u{FEFF}aé".as_bytes()).as_deref(), Some("aé"));
        for (encoding, bytes) in [(Encoding::Utf8, &b"a\xE9"[..]), (Encoding::Ascii, b"\xE9"), (Encoding::Utf16, b"abc")] {
            assert_eq!(encoding.decode(bytes), None, "{encoding:?}");
        }
    }

    #[test]
    fn only_a_number_a_dot_and_a_number_is_a_version() {
        assert_eq!(version("0.97"), Some((0, 97)));
        for text in ["1", "1.0.0", "+1.0", "a.b", ""] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
