//! Do the two copies of every header agree, and is every byte of the file accounted for once?

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::header::{self, Central, End, Local, u32_at, u64_at};
use crate::finding::Finding;
use crate::verify::findings::{Findings, Valued as _, error};

/// Reads every local header, compares it with its central one, and accounts for the bytes between them.
pub(super) fn check(file: &File, end: &End, heads: &mut [Central], findings: &mut Findings) -> io::Result<()> {
    let mut extents = Vec::with_capacity(heads.len());
    for (i, head) in heads.iter_mut().enumerate() {
        let local = header::local(file, head.local, end.directory)?;
        for finding in compared(head, local.as_ref(), end.directory) {
            findings.push(finding.at(&String::from_utf8_lossy(&head.name), &format!("byte {}", head.local)));
        }
        let Some(data) = head.data else { continue };
        let finish = data.saturating_add(head.packed);
        extents.push((head.local, finish, i));
    }
    extents.sort_unstable();
    account(file, end, (heads, &extents), findings)
}

/// What is wrong with an entry by its two headers; where it is in order its data get their place.
fn compared(head: &mut Central, local: Option<&Local>, directory: u64) -> Vec<Finding> {
    let Some(local) = local else {
        head.is_suspect = true;
        return vec![error("zip-header-missing")];
    };
    let mut found = Vec::new();
    for field in disagreements(head, local) {
        found.push(error("zip-headers-disagree").value("field", field));
        head.is_suspect |= field != "crc";
    }
    head.data = Some(local.data);
    let finish = local.data.saturating_add(head.packed);
    if finish > directory {
        found.push(error("zip-data-missing").value("bytes", finish - directory));
        head.is_suspect = true;
    }
    found
}

/// Walks the stretches of the file in order: none may overlap the next, and only a data descriptor may stand between.
fn account(
    file: &File,
    end: &End,
    (heads, extents): (&mut [Central], &[(u64, u64, usize)]),
    findings: &mut Findings,
) -> io::Result<()> {
    if let Some((first, ..)) = extents.first().filter(|(first, ..)| *first > end.base) {
        findings.push(error("zip-leading-data").at("", "byte 0").value("bytes", first - end.base));
    }
    let mut reached = 0_u64;
    let mut owner = None;
    for (n, &(start, finish, i)) in extents.iter().enumerate() {
        let name = |heads: &[Central], i: usize| String::from_utf8_lossy(&heads[i].name).into_owned();
        if let Some(other) = owner.filter(|_| start < reached) {
            let finding = error("zip-overlap").at(&name(heads, i), &format!("byte {start}"));
            findings.push(finding.value("other", name(heads, other)));
            heads[i].is_suspect = true;
        }
        if finish >= reached {
            (reached, owner) = (finish, Some(i));
        }
        let next = extents.get(n + 1).map_or(end.directory, |(next, ..)| *next);
        let Some(gap) = next.checked_sub(finish).filter(|gap| *gap > 0) else { continue };
        if heads[i].flags & 8 != 0 && descriptor_agrees(file, finish, gap, &heads[i])? {
            continue;
        }
        findings.push(error("zip-gap").at(&name(heads, i), &format!("byte {finish}")).value("bytes", gap));
    }
    Ok(())
}

/// The fields in which the copies differ. With a data descriptor (bit 3) the local copy may leave sizes and sum at zero.
fn disagreements(head: &Central, local: &Local) -> Vec<&'static str> {
    let is_streamed = head.flags & 8 != 0;
    let mut found = Vec::new();
    let mut compare = |field, is_equal: bool| {
        if !is_equal {
            found.push(field);
        }
    };
    compare("name", head.name == local.name);
    compare("method", head.method == local.method);
    // Bits 1 and 2 are hints of the packer; the others change how the bytes are read.
    compare("flags", (head.flags ^ local.flags) & !0x0006 == 0);
    compare("crc", head.crc == local.crc || (is_streamed && local.crc == 0));
    compare("packed size", head.packed == local.packed || (is_streamed && is_left_open(local.packed)));
    compare("size", head.bytes == local.bytes || (is_streamed && is_left_open(local.bytes)));
    compare("stored size", head.method != 0 || head.is_encrypted || head.packed == head.bytes);
    found
}

fn is_left_open(size: u64) -> bool {
    size == 0 || size == 0xFFFF_FFFF
}

/// True if the `gap` bytes after the data are a data descriptor in one of its four forms that agrees with the directory.
fn descriptor_agrees(file: &File, at: u64, gap: u64, head: &Central) -> io::Result<bool> {
    if !matches!(gap, 12 | 16 | 20 | 24) {
        return Ok(false);
    }
    let mut bytes = [0_u8; 24];
    let bytes = &mut bytes[..gap as usize];
    file.read_exact_at(bytes, at)?;
    let body = match gap {
        16 | 24 if &bytes[..4] == b"PK\x07\x08" => &bytes[4..],
        12 | 20 => bytes,
        _ => return Ok(false),
    };
    let (packed, size) = match body.len() {
        12 => (u64::from(u32_at(body, 4)), u64::from(u32_at(body, 8))),
        _ => (u64_at(body, 4), u64_at(body, 12)),
    };
    Ok(u32_at(body, 0) == head.crc && packed == head.packed && size == head.bytes)
}
