//! What is in this compound file? Word, Excel, PowerPoint before 2007, Outlook messages, encrypted OOXML.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use crate::error::Result;

use super::bytes::{Bytes, find, has, number};
use super::formats::Seen;

/// Most directory sectors that are followed.
const SECTORS_MAX: usize = 4_096;

/// One stream or storage of the directory.
struct Item {
    name: String,
    sector: u64,
    size: u64,
}

/// What this compound file is.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Result<Seen> {
    let shift = number(&file.head, 30, 2, true).filter(|s| (7..=16).contains(s)).unwrap_or(9) as u32;
    let items = directory(file, shift)?;
    let raw = marks(&file.head);
    let has_item = |name: &str| items.iter().any(|item| item.name.eq_ignore_ascii_case(name)) || raw.contains(&name);
    let key = if has_item("EncryptedPackage") {
        return Ok(Seen { encrypted: true, ..Seen::of("office-encrypted") });
    } else if has_item("WordDocument") {
        return word(file, &items, shift);
    } else if has_item("Workbook") {
        "xls"
    } else if has_item("PowerPoint Document") {
        "ppt"
    } else if has_item("Book") {
        "xls-5"
    } else if is_message(&items) || raw.contains(&"recip_version") {
        "msg"
    } else if has_item("PerfectOffice_MAIN") || has(&file.head, b"\xffWPC") {
        "wpd"
    } else {
        "cfb"
    };
    let mut seen = with_signs(Seen::of(key), &items);
    seen.encrypted = key.starts_with("xls") && is_locked_workbook(file, &items, shift)?;
    Ok(seen)
}

/// An Outlook message has properties and recipients ([MS-OXMSG] 2.2).
fn is_message(items: &[Item]) -> bool {
    items.iter().any(|item| item.name.starts_with("__properties_version") || item.name.starts_with("__recip_version"))
}

/// Adds what the names of the directory say: macros and signatures.
fn with_signs(mut seen: Seen, items: &[Item]) -> Seen {
    let any = |names: &[&str]| items.iter().any(|item| names.iter().any(|name| item.name.eq_ignore_ascii_case(name)));
    seen.signed = any(&["_signatures", "_xmlsignatures"]);
    if any(&["VBA", "_VBA_PROJECT", "_VBA_PROJECT_CUR", "Macros"]) {
        seen.active = Some("VBA".to_owned());
    }
    seen
}

/// Word: the file information block at the start of its stream says version and encryption ([MS-DOC] 2.5.2).
fn word<S: Read + Seek>(file: &mut Bytes<'_, S>, items: &[Item], shift: u32) -> Result<Seen> {
    let fib = match items.iter().find(|item| item.name.eq_ignore_ascii_case("WordDocument")) {
        Some(item) if item.size >= 4_096 => file.at((item.sector + 1) << shift, 32)?,
        _ => Vec::new(),
    };
    let locked = number(&fib, 10, 2, true).is_some_and(|flags| flags & 0x100 != 0);
    let old = number(&fib, 2, 2, true).is_some_and(|nfib| (1..0xc1).contains(&nfib));
    let key = if locked {
        "doc-locked"
    } else if old {
        "doc-6"
    } else {
        "doc"
    };
    Ok(Seen { encrypted: locked, ..with_signs(Seen::of(key), items) })
}

/// Excel: a FILEPASS record soon after the first BOF ([MS-XLS] 2.4.117).
fn is_locked_workbook<S: Read + Seek>(file: &mut Bytes<'_, S>, items: &[Item], shift: u32) -> Result<bool> {
    let found = items.iter().find(|item| matches!(item.name.as_str(), "Workbook" | "Book") && item.size >= 4_096);
    let Some(item) = found else { return Ok(false) };
    let stream = file.at((item.sector + 1) << shift, 512)?;
    let mut at = 0;
    for _ in 0..8 {
        let (Some(kind), Some(length)) = (number(&stream, at, 2, true), number(&stream, at + 2, 2, true)) else { break };
        if kind == 0x2f {
            return Ok(true);
        }
        at += 4 + length as usize;
    }
    Ok(false)
}

/// The directory, followed through the allocation table ([MS-CFB] 2.2 to 2.6); what is broken ends it early.
fn directory<S: Read + Seek>(file: &mut Bytes<'_, S>, shift: u32) -> Result<Vec<Item>> {
    let (size, mut items, mut been) = (1_u64 << shift, Vec::new(), BTreeSet::new());
    let Some(mut sector) = number(&file.head, 48, 4, true) else { return Ok(items) };
    for _ in 0..SECTORS_MAX {
        if sector >= 0xffff_fff0 || !been.insert(sector) {
            break;
        }
        let raw = file.at((sector + 1) << shift, size)?;
        items.extend(raw.chunks_exact(128).filter_map(item));
        let Some(next) = next_sector(file, sector, shift)? else { break };
        sector = next;
    }
    Ok(items)
}

/// The sector after this one, by the first 109 sectors of the allocation table that the header lists.
fn next_sector<S: Read + Seek>(file: &mut Bytes<'_, S>, sector: u64, shift: u32) -> Result<Option<u64>> {
    let per = 1_u64 << (shift - 2);
    let slot = (sector / per) as usize;
    if slot >= 109 {
        return Ok(None);
    }
    let Some(table) = number(&file.head, 76 + slot * 4, 4, true).filter(|&t| t < 0xffff_fff0) else { return Ok(None) };
    Ok(number(&file.at(((table + 1) << shift) + (sector % per) * 4, 4)?, 0, 4, true))
}

fn item(raw: &[u8]) -> Option<Item> {
    let length = number(raw, 64, 2, true)? as usize;
    if !(4..=64).contains(&length) || number(raw, 66, 1, true)? == 0 {
        return None;
    }
    let units: Vec<u16> = raw[..length - 2].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Some(Item { name: String::from_utf16_lossy(&units), sector: number(raw, 116, 4, true)?, size: number(raw, 120, 4, true)? })
}

/// Names that stand in the head of a file whose directory cannot be followed.
fn marks(head: &[u8]) -> Vec<&'static str> {
    ["WordDocument", "Workbook", "PowerPoint Document", "Book", "recip_version", "EncryptedPackage", "PerfectOffice_MAIN"]
        .into_iter()
        .filter(|name| find(head, &name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()).is_some())
        .collect()
}
