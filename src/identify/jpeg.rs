//! What is this JPEG, and is it whole? Its first segment tells JFIF from Exif, its last marker closes it.

use std::io::{Read, Seek};

use crate::error::Result;

use super::bytes::{Bytes, find, number, rfind};
use super::formats::Seen;

/// Most segments before the scan that are walked.
const SEGMENTS_MAX: usize = 1_000;

/// What this JPEG is.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<Seen> {
    let key = key(&file.head);
    Ok(Seen::of(key).missing(missing(file)?))
}

/// PRONOM tells JPEG files apart by their first segment.
fn key(head: &[u8]) -> String {
    let jfif = head.starts_with(b"\xff\xd8\xff\xe0") && head.get(6..11) == Some(b"JFIF\0");
    if jfif {
        return match (head.get(11), head.get(12)) {
            (Some(1), Some(minor @ 0..=2)) => format!("jfif-1.0{minor}"),
            _ => "jpeg".to_owned(),
        };
    }
    let exif = head.starts_with(b"\xff\xd8\xff\xe1") && head.get(6..10) == Some(b"Exif");
    match exif.then(|| exif_version(head)).flatten() {
        Some(version) if matches!(version.as_str(), "2.0" | "2.1" | "2.2" | "2.2.1" | "2.3") => format!("exif-{version}"),
        _ => "jpeg".to_owned(),
    }
}

/// The Exif version: tag 0x9000, undefined, four digits, in either byte order.
pub(super) fn exif_version(head: &[u8]) -> Option<String> {
    let at = find(head, b"\x90\0\0\x07\0\0\0\x04").or_else(|| find(head, b"\0\x90\x07\0\x04\0\0\0"))?;
    let digits = head.get(at + 8..at + 12)?;
    Some(
        match digits {
            b"0200" => "2.0",
            b"0210" => "2.1",
            b"0220" => "2.2",
            b"0221" => "2.2.1",
            [b'0', b'2', b'3', _] => "2.3",
            _ => return None,
        }
        .to_owned(),
    )
}

/// What is missing: a segment, the scan, or the mark that ends the image.
fn missing<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<Option<&'static str>> {
    let Some(scan) = scan_start(file)? else { return Ok(Some("SOS")) };
    let start = file.tail_start();
    let ends = rfind(&file.tail, b"\xff\xd9").is_some_and(|at| start + at as u64 > scan);
    Ok((!ends).then_some("EOI"))
}

/// Offset of the first scan, found by walking the segments before it.
fn scan_start<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<Option<u64>> {
    let mut at = 2_u64;
    for _ in 0..SEGMENTS_MAX {
        let mark = file.at(at, 4)?;
        let (Some(0xff), Some(kind)) = (mark.first().copied(), mark.get(1).copied()) else { return Ok(None) };
        match kind {
            0xff => at += 1,
            0xda => return Ok(Some(at)),
            0x01 | 0xd0..=0xd7 => at += 2,
            _ => {
                let Some(length) = number(&mark, 2, 2, false) else { return Ok(None) };
                at = at.saturating_add(2 + length.max(2));
            }
        }
    }
    Ok(None)
}
