//! What is in this ZIP? OOXML, ODF, EPUB, ASiC, JAR, or an archive of files.

use std::io::{Read, Seek};

use crate::error::Result;
use crate::limits::Limits;
use crate::messages::Message;

use super::bytes::{Bytes, find, has};
use super::entries::{Directory, directory, peek};
use super::formats::Seen;

/// An archive that unpacks to more than so many times its size is said to inflate (bytes below [`SMALL`] never are).
const RATIO_MAX: u64 = 200;
const SMALL: u64 = 4 << 20;

/// What this ZIP is; its directory and a few entries are looked into, never unpacked whole.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>, limits: &Limits) -> Result<Seen> {
    let found = directory(file, limits)?;
    let mut seen = match kind(file, &found)? {
        Some(seen) => seen,
        None => archive(&found, file.len),
    };
    seen.encrypted |= found.entries.iter().any(|entry| entry.encrypted);
    if found.is_cut {
        seen.warnings.push(Message::new("container-entries").with("what", limits.container_entries_max));
    }
    Ok(seen.missing((!found.is_whole).then_some("EOCD")))
}

/// A document format that uses ZIP as its container.
fn kind<S: Read + Seek>(file: &mut Bytes<'_, S>, found: &Directory) -> Result<Option<Seen>> {
    let media = text_of(file, found, "mimetype")?;
    let media = if media.is_empty() { mimetype_in(&file.head) } else { media };
    let has_name = |name: &str| found.entries.iter().any(|entry| entry.name == name);
    if media.contains("vnd.etsi.asic-") || is_asic(found) {
        return Ok(Some(asic(found, &media)));
    }
    if media.starts_with("application/epub") {
        return Ok(Some(Seen::of("epub")));
    }
    if media.contains("opendocument") || has_name("content.xml") {
        return odf(file, found, &media).map(Some);
    }
    if has_name("[Content_Types].xml") || has_part(found, "ppt/presentation.xml") || has_part(found, "xl/workbook.xml") {
        return ooxml(file, found).map(Some);
    }
    Ok(has_name("META-INF/MANIFEST.MF").then(|| Seen::of("jar")))
}

/// The media type that stands right after the name of the first entry, where the directory is missing.
fn mimetype_in(head: &[u8]) -> String {
    let Some(at) = find(&head[..head.len().min(128)], b"mimetype") else { return String::new() };
    let rest = &head[at + 8..head.len().min(at + 108)];
    rest.iter().take_while(|b| b.is_ascii_graphic()).map(|&b| b as char).collect()
}

/// ASiC without its media type: signatures under META-INF and nothing of ODF (ETSI EN 319 162-1, 4.3 and 4.4).
fn is_asic(found: &Directory) -> bool {
    found.entries.iter().any(|entry| {
        let name = entry.name.to_ascii_lowercase();
        name.starts_with("meta-inf/") && name.contains("signature") && [".p7s", ".xml"].iter().any(|end| name.ends_with(end))
    }) && !found.entries.iter().any(|entry| matches!(entry.name.as_str(), "content.xml" | "META-INF/MANIFEST.MF"))
}

fn asic(found: &Directory, media: &str) -> Seen {
    let extended = media.contains("asic-e")
        || (media.is_empty() && found.entries.iter().any(|entry| entry.name.to_ascii_lowercase().contains("manifest")));
    let signed = found.entries.iter().any(|entry| {
        let name = entry.name.to_ascii_lowercase();
        name.starts_with("meta-inf/") && (name.contains("signature") || name.contains("timestamp"))
    });
    Seen { signed, ..Seen::of(if extended { "asice" } else { "asics" }) }
}

/// ODF: kind by media type, version by the root of `content.xml`.
fn odf<S: Read + Seek>(file: &mut Bytes<'_, S>, found: &Directory, media: &str) -> Result<Seen> {
    let content = text_of(file, found, "content.xml")?;
    let manifest = text_of(file, found, "META-INF/manifest.xml")?;
    let head = String::from_utf8_lossy(&file.head).into_owned();
    let media = if media.is_empty() { format!("{manifest}{head}") } else { media.to_owned() };
    let kind = [("text", "odt"), ("spreadsheet", "ods"), ("presentation", "odp"), ("graphics", "odg")]
        .into_iter()
        .find(|(word, _)| media.contains(&format!("opendocument.{word}")))
        .map(|(_, key)| key);
    let version = version_of(&content).or_else(|| version_of(&manifest)).or_else(|| version_of(&head));
    let key = match (kind, version.as_deref()) {
        (Some(kind), Some(version)) => format!("{kind}-{version}"),
        // The attribute became mandatory with version 1.2.
        (Some(kind), None) => format!("{kind}-1.1"),
        (None, _) => "odf".to_owned(),
    };
    let signed = found.entries.iter().any(|entry| entry.name == "META-INF/documentsignatures.xml");
    let macros = found.entries.iter().find(|entry| entry.name.starts_with("Basic/") || entry.name.starts_with("Scripts/"));
    Ok(Seen {
        signed,
        encrypted: manifest.contains("encryption-data"),
        active: macros.map(|entry| entry.name.clone()),
        ..Seen::of(key)
    })
}

/// The version that an ODF part states, if it is one of those known.
fn version_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("office:version=").or_else(|| text.split_once("manifest:version="))?;
    let version: String = rest.chars().skip(1).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    matches!(version.as_str(), "1.0" | "1.1" | "1.2" | "1.3" | "1.4").then_some(version)
}

/// OOXML: kind by content types, strictness by the namespace of the main part.
fn ooxml<S: Read + Seek>(file: &mut Bytes<'_, S>, found: &Directory) -> Result<Seen> {
    let types = text_of(file, found, "[Content_Types].xml")?.replace('\0', "");
    let (kind, part) = if has_part(found, "word/document.xml") || types.contains("wordprocessingml") {
        ("word", "word/document.xml")
    } else if has_part(found, "xl/workbook.xml") || has_part(found, "xl/workbook.bin") || types.contains("spreadsheetml") {
        ("excel", "xl/workbook.xml")
    } else if has_part(found, "ppt/presentation.xml") || types.contains("presentationml") {
        ("powerpoint", "ppt/presentation.xml")
    } else {
        return Ok(Seen::of("ooxml"));
    };
    let main = text_of(file, found, part)?;
    let macros = found.entries.iter().find(|entry| entry.name.ends_with("vbaProject.bin"));
    let types = types.to_ascii_lowercase();
    let key = match kind {
        _ if main.contains("http://purl.oclc.org/ooxml/") => strict(kind),
        "word" if types.contains("template.main+xml") => "dotx",
        "word" if types.contains("macroenabled") => "docm",
        "word" => "docx",
        "excel" if types.contains("template.main+xml") => "xltx",
        "excel" if has_part(found, "xl/workbook.bin") => "xlsb",
        "excel" if types.contains("macroenabled") => "xlsm",
        "excel" => "xlsx",
        _ if types.contains("template.main+xml") => "potx",
        _ if types.contains("macroenabled") => "pptm",
        _ if types.contains("slideshow.main+xml") => "ppsx",
        _ => "pptx",
    };
    let signed = found.entries.iter().any(|entry| entry.name.starts_with("_xmlsignatures/"));
    Ok(Seen { signed, active: macros.map(|entry| entry.name.clone()), ..Seen::of(key) })
}

fn strict(kind: &str) -> &'static str {
    match kind {
        "word" => "docx-strict",
        "excel" => "xlsx-strict",
        _ => "pptx-strict",
    }
}

/// An archive of files: what its directory lets fear.
fn archive(found: &Directory, len: u64) -> Seen {
    let mut seen = Seen::of("zip");
    let escapes = |name: &str| {
        name.starts_with(['/', '\\']) || name.split(['/', '\\']).any(|part| part == "..") || name.as_bytes().get(1) == Some(&b':')
    };
    if let Some(entry) = found.entries.iter().find(|entry| escapes(&entry.name)) {
        let shown: String = entry.name.chars().take(200).filter(|c| !c.is_control()).collect();
        seen.warnings.push(Message::new("container-escapes").with("what", shown));
    }
    let unpacked = found.entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.unpacked));
    if unpacked > SMALL && unpacked / len.max(1) > RATIO_MAX {
        seen.warnings.push(Message::new("container-inflates").with("what", format!("{len} → {unpacked} byte")));
    }
    seen
}

fn has_part(found: &Directory, name: &str) -> bool {
    found.entries.iter().any(|entry| entry.name.eq_ignore_ascii_case(name))
}

/// The first bytes of the entry `name` as text; empty where there is none.
fn text_of<S: Read + Seek>(file: &mut Bytes<'_, S>, found: &Directory, name: &str) -> Result<String> {
    let Some(entry) = found.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)) else { return Ok(String::new()) };
    let bytes = peek(file, entry)?;
    // UTF-16 parts are read as if their letters were ASCII: only markers are looked for.
    let bytes = if has(&bytes[..bytes.len().min(64)], b"\0") { bytes.into_iter().filter(|&b| b != 0).collect() } else { bytes };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
