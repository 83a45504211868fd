//! What is this TIFF, and is it whole? Directories are walked, strips and tiles are held against the end of the file.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use crate::error::Result;
use crate::limits::Limits;

use super::bytes::{Bytes, find, number};
use super::formats::Seen;

/// Most entries of one directory that are looked at.
const ENTRIES_MAX: u64 = 4_096;
/// Most strips or tiles of one directory that are looked at.
const STRIPS_MAX: u64 = 65_536;

/// What the directories say together.
#[derive(Default)]
struct Tags {
    compressions: BTreeSet<u64>,
    exif: Option<String>,
    dng: Option<String>,
    is_geo: bool,
    is_ep: bool,
}

/// How numbers lie in this file.
#[derive(Clone, Copy)]
struct Layout {
    little: bool,
    big: bool,
}

/// What this TIFF is.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>, limits: &Limits) -> Result<Seen> {
    let little = file.head.starts_with(b"II");
    let layout = Layout { little, big: file.head.get(if little { 2 } else { 3 }) == Some(&0x2b) };
    let mut tags = Tags::default();
    let missing = walk(file, layout, &mut tags, limits)?;
    hints(&file.head, &mut tags);
    let mut seen = Seen::of(key(layout, &tags)).missing(missing);
    seen.claims = tags.compressions.iter().filter_map(|&code| named(code)).map(|name| format!("compression-{name}")).collect();
    Ok(seen)
}

fn key(layout: Layout, tags: &Tags) -> String {
    match tags {
        _ if layout.big => "bigtiff".to_owned(),
        Tags { dng: Some(version), .. } => format!("dng-{version}"),
        Tags { is_geo: true, .. } => "tiff-geo".to_owned(),
        Tags { is_ep: true, .. } => "tiff-ep".to_owned(),
        Tags { exif: Some(version), .. } => format!("tiff-exif-{version}"),
        // Rule T-01: of the compressions that lose, JPEG in both its forms and JPEG 2000.
        _ if tags.compressions.iter().any(|code| matches!(code, 6 | 7 | 34_712)) => "tiff-lossy".to_owned(),
        _ => "tiff".to_owned(),
    }
}

/// Names of the compressions of TIFF 6.0 and its supplements.
fn named(code: u64) -> Option<&'static str> {
    Some(match code {
        1 => "none",
        2 => "ccitt-rle",
        3 => "g3",
        4 => "g4",
        5 => "lzw",
        6 => "old-jpeg",
        7 => "jpeg",
        8 | 32_946 => "deflate",
        32_773 => "packbits",
        34_712 => "jpeg2000",
        _ => return None,
    })
}

/// Walks all directories; says what of them lies past the end, in the words of TIFF 6.0, which are the same in every language.
fn walk<S: Read + Seek>(file: &mut Bytes<'_, S>, layout: Layout, tags: &mut Tags, limits: &Limits) -> Result<Option<String>> {
    let first = if layout.big { number(&file.head, 8, 8, layout.little) } else { number(&file.head, 4, 4, layout.little) };
    let Some(mut offset) = first else { return Ok(Some("IFD 1".to_owned())) };
    let mut been = BTreeSet::new();
    for n in 1..=limits.pages_max {
        if offset == 0 && n > 1 {
            return Ok(None);
        }
        if !been.insert(offset) {
            return Ok(None);
        }
        match directory(file, layout, offset, tags)? {
            Ok(next) => offset = next,
            Err(part) => return Ok(Some(format!("IFD {n}{part}"))),
        }
    }
    Ok(None)
}

/// One directory: the offset of the next one, or which part of it lies past the end (nothing where it does itself).
fn directory<S: Read + Seek>(
    file: &mut Bytes<'_, S>,
    layout: Layout,
    offset: u64,
    tags: &mut Tags,
) -> Result<std::result::Result<u64, String>> {
    let (count_size, entry_size, next_size) = if layout.big { (8, 20, 8) } else { (2, 12, 4) };
    let Some(count) = number(&file.at(offset, count_size)?, 0, count_size as usize, layout.little) else {
        return Ok(Err(String::new()));
    };
    let kept = count.min(ENTRIES_MAX);
    let table = file.at(offset.saturating_add(count_size), kept * entry_size)?;
    if (table.len() as u64) < kept * entry_size {
        return Ok(Err(String::new()));
    }
    let mut places: [Option<Entry>; 4] = [None; 4];
    for raw in table.chunks_exact(entry_size as usize) {
        let Some(entry) = Entry::read(raw, layout) else { continue };
        match entry.tag {
            273 => places[0] = Some(entry),
            279 => places[1] = Some(entry),
            324 => places[2] = Some(entry),
            325 => places[3] = Some(entry),
            259 => tags.compressions.extend(entry.inline(layout)),
            34_735 => tags.is_geo = true,
            37_398 => tags.is_ep = true,
            50_706 => tags.dng = Some(format!("{}.{}", raw.get(entry.at).unwrap_or(&1), raw.get(entry.at + 1).unwrap_or(&0))),
            _ => {}
        }
    }
    for (offsets, lengths, part) in [(places[0], places[1], "StripOffsets"), (places[2], places[3], "TileOffsets")] {
        if let Some(bad) = past_end(file, layout, offsets, lengths)? {
            return Ok(Err(format!(", {part} {bad}")));
        }
    }
    let after = offset.saturating_add(count_size).saturating_add(count.saturating_mul(entry_size));
    let next = number(&file.at(after, next_size)?, 0, next_size as usize, layout.little);
    Ok(Ok(next.unwrap_or(0)))
}

/// One entry of a directory.
#[derive(Clone, Copy)]
struct Entry {
    tag: u64,
    size: usize,
    count: u64,
    /// Where in the raw entry its value or offset stands.
    at: usize,
    /// The value field read as a number: the value itself, or where the values lie.
    field: u64,
    is_inline: bool,
}

impl Entry {
    fn read(raw: &[u8], layout: Layout) -> Option<Self> {
        let wide = if layout.big { 8 } else { 4 };
        let size = match number(raw, 2, 2, layout.little)? {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => return None,
        };
        let count = number(raw, 4, wide, layout.little)?;
        let at = 4 + wide;
        let is_inline = count.saturating_mul(size as u64) <= wide as u64;
        Some(Self {
            tag: number(raw, 0, 2, layout.little)?,
            size,
            count,
            at,
            field: number(raw, at, if is_inline && count == 1 { size } else { wide }, layout.little)?,
            is_inline,
        })
    }

    /// Its single value.
    fn inline(&self, layout: Layout) -> Option<u64> {
        let _ = layout;
        (self.is_inline && self.count == 1).then_some(self.field)
    }

    /// All its values, at most [`STRIPS_MAX`]; `None` where they lie past the end.
    fn values<S: Read + Seek>(&self, file: &mut Bytes<'_, S>, layout: Layout) -> Result<Option<Vec<u64>>> {
        if let Some(value) = self.inline(layout) {
            return Ok(Some(vec![value]));
        }
        let count = self.count.min(STRIPS_MAX);
        let wanted = count * self.size as u64;
        let raw = if self.is_inline { shifted(self.field, layout) } else { file.at(self.field, wanted)? };
        if (raw.len() as u64) < wanted {
            return Ok(None);
        }
        Ok(Some((0..count as usize).filter_map(|n| number(&raw, n * self.size, self.size, layout.little)).collect()))
    }
}

/// The bytes of a value field that holds several small values.
fn shifted(field: u64, layout: Layout) -> Vec<u8> {
    let wide = if layout.big { 8 } else { 4 };
    if layout.little { field.to_le_bytes()[..wide].to_vec() } else { field.to_be_bytes()[8 - wide..].to_vec() }
}

/// Number (from 1) of the first strip or tile that does not end within the file.
fn past_end<S: Read + Seek>(
    file: &mut Bytes<'_, S>,
    layout: Layout,
    offsets: Option<Entry>,
    lengths: Option<Entry>,
) -> Result<Option<u64>> {
    let Some(offsets) = offsets else { return Ok(None) };
    let Some(starts) = offsets.values(file, layout)? else { return Ok(Some(1)) };
    let sizes = match lengths {
        Some(lengths) => lengths.values(file, layout)?.unwrap_or_default(),
        None => Vec::new(),
    };
    let end = file.len;
    Ok(starts
        .iter()
        .enumerate()
        .find(|&(n, start)| start.saturating_add(sizes.get(n).copied().unwrap_or(1)) > end)
        .map(|(n, _)| n as u64 + 1))
}

/// Exif and EP marks that stand in the head where no directory was found to lead to them.
fn hints(head: &[u8], tags: &mut Tags) {
    tags.exif =
        tags.exif.take().or_else(|| super::jpeg::exif_version(head)).filter(|v| matches!(v.as_str(), "2.0" | "2.1" | "2.2"));
    tags.is_ep |= [&b"\x92\x16\0\x01\0\0\0\x04"[..], b"\x16\x92\x01\0\x04\0\0\0"].iter().any(|mark| find(head, mark).is_some());
    tags.is_geo |= [&b"\x87\xaf\0\x03"[..], b"\xaf\x87\x03\0"].iter().any(|mark| find(head, mark).is_some_and(|at| at < 4_096));
}
