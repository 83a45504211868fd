//! What are these raster images (PNG, GIF, BMP, JPEG 2000), and are they whole?

use std::io::{Read, Seek};

use crate::error::Result;

use super::bytes::{Bytes, has, number};
use super::formats::Seen;

/// Most chunks or boxes that are walked.
const PARTS_MAX: usize = 200_000;

/// PNG: chunks are walked to the end; the version follows from the chunks that each version brought.
pub(super) fn png<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<Seen> {
    let (mut at, mut ended, mut newest) = (8_u64, false, 0_u8);
    for _ in 0..PARTS_MAX {
        let lead = file.at(at, 8)?;
        let (Some(length), Some(kind)) = (number(&lead, 0, 4, false), lead.get(4..8)) else { break };
        let end = at.saturating_add(12 + length);
        if !kind.iter().all(u8::is_ascii_alphabetic) || end > file.len {
            break;
        }
        newest = newest.max(version_of(kind));
        if kind == b"IEND" {
            ended = true;
            break;
        }
        at = end;
    }
    ended = ended || file.tail.windows(8).rev().take(64).any(|w| w == b"IEND\xaeB`\x82");
    // A file too broken to be walked still names its chunks.
    for kind in [b"sPLT", b"sRGB", b"iCCP", b"iTXt"] {
        newest = newest.max(if has(&file.head[..file.head.len().min(512)], kind) { version_of(kind) } else { 0 });
    }
    Ok(Seen::of(format!("png-1.{newest}")).missing((!ended).then_some("IEND")))
}

/// Minor version of PNG that brought this chunk.
fn version_of(kind: &[u8]) -> u8 {
    match kind {
        b"iTXt" => 2,
        b"sPLT" | b"sRGB" | b"iCCP" => 1,
        _ => 0,
    }
}

/// GIF: its last byte but padding is the trailer.
pub(super) fn gif<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Seen {
    let key = if file.head.starts_with(b"GIF87a") { "gif-87a" } else { "gif-89a" };
    let last = file.tail.iter().rev().find(|&&b| b != 0);
    Seen::of(key).missing((last != Some(&0x3b)).then_some("3B"))
}

/// BMP: the version is the length of its header; the file states its own length.
pub(super) fn bmp<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Seen {
    let header = number(&file.head, 14, 4, true).unwrap_or(0);
    let key = match (header, number(&file.head, 30, 4, true)) {
        (12, _) => "bmp-2.0",
        (108, _) => "bmp-4.0",
        (124, _) => "bmp-5.0",
        (40, Some(3)) => "bmp-3.0-nt",
        _ => "bmp-3.0",
    };
    let stated = number(&file.head, 2, 4, true).unwrap_or(0);
    Seen::of(key).missing((stated > file.len).then(|| format!("{} / {stated} byte", file.len)))
}

/// JPEG 2000 in boxes: the brand tells which part of the standard; every box must end within the file.
pub(super) fn jp2<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<Seen> {
    let key = match file.head.get(20..24) {
        Some(b"jpx ") => "jpx",
        Some(b"jpm ") => "jpm",
        Some(b"mjp2") => "mj2",
        _ => "jp2",
    };
    let mut at = 0_u64;
    for _ in 0..PARTS_MAX {
        let lead = file.at(at, 16)?;
        let Some(short) = number(&lead, 0, 4, false) else { break };
        let length = match short {
            0 => return Ok(Seen::of(key)),
            1 => number(&lead, 8, 8, false).unwrap_or(0),
            length => length,
        };
        if length < 8 {
            break;
        }
        at = at.saturating_add(length);
        if at > file.len {
            let kind = String::from_utf8_lossy(lead.get(4..8).unwrap_or_default()).into_owned();
            return Ok(Seen::of(key).missing(Some(kind.trim())));
        }
    }
    Ok(Seen::of(key))
}
