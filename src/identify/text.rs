//! Is it text, in which encoding, and of which kind? RTF, PostScript, DXF, mail, markup, JSON, CSV, or plain.

use std::io::{Read, Seek, SeekFrom};

use crate::error::Result;
use crate::limits::Limits;

use super::bytes::{Bytes, has};
use super::formats::Seen;
use super::{mail, markup};

/// Largest file whose JSON is parsed to its end.
const JSON_MAX: u64 = 64 << 20;
/// Lines of the head that decide about CSV.
const LINES: usize = 50;

/// What this text is; bytes that are no text are the unknown format.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>, limits: &Limits) -> Result<Seen> {
    if file.head.starts_with(b"\xc5\xd0\xd3\xc6") {
        return Ok(previewed(&file.head));
    }
    if let Some(seen) = binary_kin(&file.head) {
        return Ok(seen);
    }
    let Some((text, encoding)) = decoded(&file.head, file.len) else {
        return Ok(odd(&file.head));
    };
    let mut seen = kind(file, &text, encoding, limits)?;
    if seen.claims.iter().all(|claim| !claim.starts_with("encoding-")) {
        seen.claims.push(format!("encoding-{encoding}"));
    }
    Ok(seen)
}

fn kind<S: Read + Seek>(file: &mut Bytes<'_, S>, text: &str, encoding: &'static str, limits: &Limits) -> Result<Seen> {
    let start = text.trim_start();
    if let Some(key) = rtf(start).or_else(|| postscript(start)).map(str::to_owned).or_else(|| drawing(start)) {
        return Ok(Seen::of(key));
    }
    if start.starts_with("#!") {
        return Ok(Seen::of("script"));
    }
    if let Some(seen) = mail::look(text) {
        return Ok(seen);
    }
    if let Some(seen) = markup::look(file, start, limits)? {
        return Ok(seen);
    }
    if start.starts_with(['{', '[']) && is_json(file)? {
        return Ok(Seen::of("json"));
    }
    if is_csv(text, file.len > file.head.len() as u64) {
        return Ok(Seen::of("csv"));
    }
    Ok(Seen::of(if encoding.starts_with("utf-16") { "txt-unicode" } else { "txt" }))
}

/// The head as text and the name of its encoding; `None` of bytes that no encoding explains.
fn decoded(head: &[u8], len: u64) -> Option<(String, &'static str)> {
    if let Some(rest) = head.strip_prefix(b"\xef\xbb\xbf") {
        return utf8(rest, len > head.len() as u64).map(|text| (text, "utf-8"));
    }
    for (bom, little, name) in [(b"\xff\xfe", true, "utf-16le"), (b"\xfe\xff", false, "utf-16be")] {
        if let Some(rest) = head.strip_prefix(bom) {
            return wide(rest, little).map(|text| (text, name));
        }
    }
    // Markup in UTF-16 without a mark is told by its first letter (XML 1.0, annex F).
    if head.starts_with(b"<\0") || head.starts_with(b"\0<") {
        return wide(head, head[0] == b'<').map(|text| (text, "utf-16"));
    }
    let is_control = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a | 0x1b);
    if head.iter().any(|&b| is_control(b)) {
        return None;
    }
    if head.is_ascii() {
        return Some((head.iter().map(|&b| b as char).collect(), "ascii"));
    }
    if let Some(text) = utf8(head, len > head.len() as u64) {
        return Some((text, "utf-8"));
    }
    latin(head)
}

/// UTF-8, forgiving a letter that the window cuts.
fn utf8(bytes: &[u8], is_cut: bool) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.to_owned()),
        Err(error) if is_cut && error.error_len().is_none() => {
            Some(String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned())
        }
        Err(_) => None,
    }
    .filter(|text| !text.contains('\0'))
}

fn wide(bytes: &[u8], little: bool) -> Option<String> {
    let join = |pair: &[u8]| if little { u16::from_le_bytes([pair[0], pair[1]]) } else { u16::from_be_bytes([pair[0], pair[1]]) };
    let units: Vec<u16> = bytes.chunks_exact(2).map(join).collect();
    let text = String::from_utf16_lossy(&units);
    (!text.chars().any(|c| c == '\0' || c == '\u{fffd}')).then_some(text)
}

/// One byte a letter, as Western Europe wrote before Unicode: mostly letters of ASCII, the others seldom and among words.
fn latin(head: &[u8]) -> Option<(String, &'static str)> {
    let high = head.iter().filter(|&&b| b >= 0x80).count();
    let is_windows = head.iter().any(|&b| (0x80..0xa0).contains(&b));
    let undefined = head.iter().any(|&b| matches!(b, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d));
    let plausible = high * 4 < head.len() && !undefined;
    plausible.then(|| (head.iter().map(|&b| b as char).collect(), if is_windows { "windows-1252" } else { "iso-8859-1" }))
}

/// EPS with a preview: a binary header, then the text it points to.
fn previewed(head: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(head);
    Seen::of(text.find("%!PS").and_then(|at| postscript(&text[at..])).unwrap_or("eps-3.0"))
}

/// Binary kin of text formats: DXF, WordPerfect.
fn binary_kin(head: &[u8]) -> Option<Seen> {
    if head.starts_with(b"AutoCAD Binary DXF") {
        return Some(Seen::of(release(&String::from_utf8_lossy(head), "dxb")));
    }
    let product = head.strip_prefix(b"\xffWPC").map(|_| (head.get(10).copied(), head.get(11).copied()))?;
    Some(Seen::of(match product {
        (Some(0), Some(0)) => "wpd-5.0",
        (Some(0), Some(1)) => "wpd-5.1",
        _ => "wpd-6",
    }))
}

/// The release of AutoCAD that a drawing in exchange form names in its header.
fn release(text: &str, prefix: &str) -> String {
    let after = text.split_once("$ACADVER").map_or("", |(_, after)| after);
    let code: String = after.chars().skip_while(|&c| c != 'A').take_while(char::is_ascii_alphanumeric).take(6).collect();
    match code.as_str() {
        "AC1004" | "AC1006" | "AC1009" | "AC1012" | "AC1014" | "AC1015" | "AC1018" | "AC1021" | "AC1024" | "AC1027"
        | "AC1032" => {
            format!("{prefix}-{code}")
        }
        _ if after.contains("AC1.40") => format!("{prefix}-1.4"),
        _ => prefix.to_owned(),
    }
}

/// Bytes with controls among them that still belong to a format told by words in its head.
fn odd(head: &[u8]) -> Seen {
    if has(&head[..head.len().min(64)], b"<\0?\0x\0m\0l\0") {
        return Seen::of("xml");
    }
    let printable: Vec<u8> = head.iter().copied().filter(|&b| b != 0).collect();
    let text = String::from_utf8_lossy(&printable);
    let start = text.trim_start();
    // Text padded with zero bytes is damaged text; its first words still say what it was.
    if let Some(key) = rtf(start).or_else(|| postscript(start)).map(str::to_owned).or_else(|| drawing(start)) {
        return Seen::of(key);
    }
    if let Some(seen) = markup::named(start).or_else(|| mail::look(&text)) {
        return seen;
    }
    Seen::of("unknown")
}

/// RTF by its version and by the control words that later versions brought.
fn rtf(start: &str) -> Option<&'static str> {
    let rest = start.strip_prefix("{\\rtf")?;
    Some(match rest.chars().next() {
        Some('0') => "rtf-0",
        _ if rest.contains("\\themedata") || rest.contains("\\colorschememapping") => "rtf-1.9",
        _ if rest.contains("\\upr") || rest.contains("\\rsid") => "rtf-1.8",
        _ if rest.contains("\\adeflang") || rest.contains("\\stshfdbch") => "rtf-1.7",
        _ if rest.contains("\\ansicpg") || rest.contains("\\viewkind") => "rtf-1.5",
        _ => "rtf-1.0",
    })
}

/// PostScript by its first line.
fn postscript(start: &str) -> Option<&'static str> {
    let line = start.strip_prefix("%!PS")?.lines().next().unwrap_or_default();
    let line = line.split('\0').next().unwrap_or_default();
    Some(match line.split_once("EPSF-").map(|(_, version)| version.trim()) {
        Some(version) if version.starts_with("1.2") => "eps-1.2",
        Some(version) if version.starts_with("2.0") => "eps-2.0",
        Some(version) if version.starts_with("2.1") => "eps-2.1",
        Some(_) => "eps-3.0",
        None if line.contains("-2.0") => "ps-2.0",
        None if line.contains("-2.1") => "ps-2.1",
        None if line.contains("-3") => "ps-3.0",
        None => "ps-1.0",
    })
}

/// DXF in text: a group code 0 and the word SECTION.
fn drawing(start: &str) -> Option<String> {
    let mut lines = start.lines().map(str::trim);
    (lines.next() == Some("0") && lines.next() == Some("SECTION")).then(|| release(start, "dxf"))
}

/// JSON, parsed to its end without keeping anything; a larger file is taken at its word.
fn is_json<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<bool> {
    if file.len > JSON_MAX {
        return Ok(true);
    }
    let source = file.source()?;
    let mut parser = serde_json::Deserializer::from_reader(std::io::BufReader::new(source));
    let parsed: std::result::Result<serde::de::IgnoredAny, _> = serde::Deserialize::deserialize(&mut parser);
    Ok(parsed.is_ok() && parser.end().is_ok())
}

/// A table: at least three lines, each with the same number of separators outside quotes.
fn is_csv(text: &str, is_cut: bool) -> bool {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(LINES).collect();
    if is_cut || lines.len() == LINES {
        lines.pop();
    }
    if lines.len() < 3 {
        return false;
    }
    [(';', 1), ('\t', 1), (',', 2)].into_iter().any(|(separator, least)| {
        let count = |line: &str| {
            let mut quoted = false;
            line.chars()
                .filter(|&c| {
                    quoted ^= c == '"';
                    c == separator && !quoted
                })
                .count()
        };
        let first = count(lines[0]);
        // Verse and indented text have tabs, too: a table has words between them.
        first >= least && lines.iter().all(|line| count(line) == first && !line.trim().is_empty())
    })
}

impl<S: Read + Seek> Bytes<'_, S> {
    /// The file from its start, past a byte order mark.
    fn source(&mut self) -> Result<impl Read + '_> {
        let mark = if self.head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        self.rewound(SeekFrom::Start(mark))
    }
}
