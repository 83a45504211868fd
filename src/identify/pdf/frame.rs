//! Does the frame of a PDF stand? `startxref`, cross-reference table, trailer and catalog, as a strict reader follows them.
//!
//! A reader that finds one of them broken goes through the whole file and guesses (ISO 32000-1, annex C.2): what it
//! then shows may lack pages or be an older state. Only the newest section is followed; memory is flat.

use std::io::{Read, Seek};

use crate::error::Result;

use super::super::bytes::{Bytes, find, rfind};

/// Bytes looked at for a trailer, a subsection's head and an object's beginning.
const LOOK: u64 = 4 * 1024;
/// Most subsections of one table; a file with more is not followed further.
const SUBSECTIONS_MAX: usize = 100_000;

/// The first part of the frame that is broken, by its name in the norm.
pub(super) fn broken<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<Option<&'static str>> {
    let Some(at) = rfind(&file.tail, b"startxref") else { return Ok(Some("startxref")) };
    let Some((place, _)) = number(&file.tail[at + 9..]) else { return Ok(Some("startxref")) };
    // Offsets count from the header: some files carry a few bytes before it.
    let shift = find(&file.head[..file.head.len().min(1_100)], b"%PDF-").unwrap_or(0) as u64;
    let mut last = None;
    for start in [place, place.saturating_add(shift)] {
        let head = file.at(start, LOOK)?;
        let text = trimmed(&head);
        last = if text.starts_with(b"xref") {
            let from = start + (head.len() - text.len()) as u64 + 4;
            table(file, from, start - place)?
        } else if is_object(text).is_some() {
            find(text, b"/XRef").is_none().then_some("xref")
        } else {
            Some("xref")
        };
        if last.is_none() || shift == 0 {
            break;
        }
    }
    Ok(last)
}

/// Follows a table through its subsections to the trailer, and from there to the catalog.
fn table<S: Read + Seek>(file: &mut Bytes<'_, S>, mut at: u64, shift: u64) -> Result<Option<&'static str>> {
    let mut parts = Vec::new();
    for _ in 0..SUBSECTIONS_MAX {
        let piece = file.at(at, LOOK)?;
        let text = trimmed(&piece);
        if text.starts_with(b"trailer") {
            return trailer(file, text, &parts, shift);
        }
        let Some((first, rest)) = number(text) else { return Ok(Some("xref")) };
        let Some((count, rest)) = number(rest) else { return Ok(Some("xref")) };
        let body = trimmed(rest);
        let start = at + (piece.len() - body.len()) as u64;
        let width = match body.get(18..20) {
            Some(b" \n" | b" \r" | b"\r\n") => 20,
            // One byte short: wrong by the norm, and unmistakable.
            Some([b'\n' | b'\r', _]) => 19,
            _ if count == 0 => 20,
            _ => return Ok(Some("xref")),
        };
        let Some(end) = count.checked_mul(width).and_then(|size| size.checked_add(start)) else { return Ok(Some("xref")) };
        if end > file.len {
            return Ok(Some("xref"));
        }
        parts.push(Part { first, count, start, width });
        at = end;
    }
    Ok(None)
}

/// One subsection of a table.
struct Part {
    first: u64,
    count: u64,
    start: u64,
    width: u64,
}

/// The trailer ends and names a catalog; where the table at hand says its place, the catalog is there.
fn trailer<S: Read + Seek>(file: &mut Bytes<'_, S>, text: &[u8], parts: &[Part], shift: u64) -> Result<Option<&'static str>> {
    let end = find(text, b"startxref");
    let dictionary = &text[..end.unwrap_or(text.len())];
    if end.is_some() && rfind(dictionary, b">>").is_none() {
        return Ok(Some("trailer"));
    }
    let Some(root) = find(dictionary, b"/Root") else { return Ok(end.map(|_| "/Root")) };
    let Some((object, _)) = number(&dictionary[root + 5..]) else { return Ok(Some("/Root")) };
    let Some(part) = parts.iter().find(|p| (p.first..p.first.saturating_add(p.count)).contains(&object)) else {
        return Ok(None);
    };
    let entry = file.at(part.start + (object - part.first) * part.width, 20)?;
    let Some((place, _)) = number(&entry) else { return Ok(Some("xref")) };
    let head = file.at(place.saturating_add(shift), LOOK)?;
    match is_object(trimmed(&head)) {
        Some((found, _)) if found != object => Ok(Some("xref")),
        Some((_, body)) => {
            let body = &body[..find(body, b"endobj").unwrap_or(body.len())];
            Ok(find(body, b"/Catalog").is_none().then_some("/Root"))
        }
        None => Ok(Some("xref")),
    }
}

/// `N G obj` at the beginning: its number and what follows.
fn is_object(text: &[u8]) -> Option<(u64, &[u8])> {
    let (object, rest) = number(text)?;
    let (_, rest) = number(rest)?;
    trimmed(rest).strip_prefix(b"obj").map(|body| (object, body))
}

/// The number at the beginning, white space before it passed over, and what follows.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let text = trimmed(text);
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let value = std::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()?;
    Some((value, &text[digits..]))
}

fn trimmed(text: &[u8]) -> &[u8] {
    let white = text.iter().take_while(|b| matches!(b, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')).count();
    &text[white..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::io::Cursor;

    /// A one-page PDF whose table is true; `junk` stands before its header.
    fn pdf(junk: &str) -> String {
        let objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>"];
        let (mut out, mut table) = (String::from("%PDF-1.4\n"), String::from("0000000000 65535 f \n"));
        for (n, object) in objects.iter().enumerate() {
            writeln!(table, "{:010} 00000 n ", out.len()).expect("written");
            writeln!(out, "{} 0 obj\n{object}\nendobj", n + 1).expect("written");
        }
        let start = out.len();
        format!("{junk}{out}xref\n0 3\n{table}trailer\n<</Root 1 0 R/Size 3>>\nstartxref\n{start}\n%%EOF\n")
    }

    fn verdict(text: &str) -> Option<&'static str> {
        let mut cursor = Cursor::new(text.as_bytes().to_vec());
        let mut bytes = Bytes::of(&mut cursor, text.len() as u64).expect("bytes");
        broken(&mut bytes).expect("looked")
    }

    #[test]
    fn a_true_frame_stands_even_behind_a_few_bytes_of_junk() {
        assert_eq!(verdict(&pdf("")), None);
        assert_eq!(verdict(&pdf("junk\r\n")), None);
    }

    #[test]
    fn each_broken_part_of_the_frame_is_named() {
        let whole = pdf("");
        let cases = [
            (whole.replace("xref\n0 3", "0 3"), "xref"),
            (whole.replace("\n0 3\n", "\n0 9\n"), "xref"),
            (whole.replace("trailer", ""), "xref"),
            (whole.replace("/Root 1 0 R", ""), "/Root"),
            (whole.replace("/Root 1", "/Root 2"), "/Root"),
            (whole.replace("3>>", "3"), "trailer"),
            (whole.replace("1 0 obj", "7 0 obj"), "xref"),
            (whole.replace("startxref\n", "startxref\nx"), "startxref"),
            (whole.replace("startxref", ""), "startxref"),
        ];
        for (text, what) in cases {
            assert!(verdict(&text).is_some_and(|found| found == what), "{what}: {:?}\n{text}", verdict(&text));
        }
    }
}
