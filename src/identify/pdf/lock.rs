//! Does the empty password open this PDF? Asked of lopdf on a tiny PDF that has nothing but the same lock.

use std::io::{Read, Seek};

use crate::error::Result;
use crate::limits::Limits;

use super::super::bytes::{Bytes, find};
use super::sieve::Lock;

/// Bytes of the encryption dictionary that are looked at: keys of 256 bits and crypt filters fit many times.
const DICTIONARY_MAX: usize = 8 * 1024;

/// True if the empty user password opens the file. What cannot be understood counts as locked.
pub(super) fn opens_empty<S: Read + Seek>(file: &mut Bytes<'_, S>, lock: Lock, limits: &Limits) -> Result<bool> {
    let Lock::At { object, generation } = lock else { return Ok(false) };
    let Some(dictionary) = body_after(file, format!("{object} {generation} obj").as_bytes(), limits, is_line_start)? else {
        return Ok(false);
    };
    let id = body_after(file, b"/ID", limits, |_, _| true)?.and_then(|bytes| array(&bytes));
    Ok(is_open(&dictionary, &id.unwrap_or_else(|| b"[<00><00>]".to_vec())))
}

/// An object's number begins a line or follows a blank: `12 0 obj` is not `2 0 obj`.
fn is_line_start(piece: &[u8], at: usize) -> bool {
    at == 0 || piece[at - 1].is_ascii_whitespace()
}

/// The bytes after the first `mark` that `fits`.
fn body_after<S: Read + Seek>(
    file: &mut Bytes<'_, S>,
    mark: &[u8],
    limits: &Limits,
    fits: fn(&[u8], usize) -> bool,
) -> Result<Option<Vec<u8>>> {
    let mut place = None;
    file.scan(limits.pdf_bytes_max, 64, |offset, piece| {
        let mut at = 0;
        while let Some(found) = find(&piece[at..], mark) {
            let here = at + found;
            if fits(piece, here) {
                place = Some(offset + (here + mark.len()) as u64);
                return false;
            }
            at = here + 1;
        }
        true
    })?;
    place.map(|place| file.at(place, DICTIONARY_MAX as u64)).transpose()
}

/// The array of two strings behind `/ID`, as it stands.
fn array(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = bytes.iter().position(|b| !b.is_ascii_whitespace()).filter(|&at| bytes[at] == b'[')?;
    let (mut depth, mut escaped, mut is_hex) = (0_i32, false, false);
    for (at, &byte) in bytes.iter().enumerate().skip(start).take(1_024) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if depth > 0 => escaped = true,
            b'(' if !is_hex => depth += 1,
            b')' if !is_hex => depth -= 1,
            b'<' if depth == 0 => is_hex = true,
            b'>' if depth == 0 => is_hex = false,
            b']' if depth == 0 && !is_hex => return Some(bytes[start..=at].to_vec()),
            _ => {}
        }
    }
    None
}

/// Builds the tiny PDF and asks.
fn is_open(dictionary: &[u8], id: &[u8]) -> bool {
    let end = find(dictionary, b"endobj").unwrap_or(dictionary.len());
    let mut pdf = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    let objects: [&[u8]; 3] = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>", &dictionary[..end]];
    for (n, body) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.extend_from_slice(format!("{} 0 obj\n", n + 1).as_bytes());
        pdf.extend_from_slice(body);
        pdf.extend_from_slice(b"\nendobj\n");
    }
    let table = pdf.len();
    pdf.extend_from_slice(b"xref\n0 4\n0000000000 65535 f \n");
    for place in places {
        pdf.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    pdf.extend_from_slice(b"trailer\n<</Size 4/Root 1 0 R/Encrypt 3 0 R/ID");
    pdf.extend_from_slice(id);
    pdf.extend_from_slice(format!(">>\nstartxref\n{table}\n%%EOF\n").as_bytes());
    // lopdf tries the empty password on loading; what it decrypted is no longer encrypted.
    lopdf::Document::load_mem(&pdf).is_ok_and(|document| {
        document.was_encrypted() && (!document.is_encrypted() || document.authenticate_password("").is_ok())
    })
}
