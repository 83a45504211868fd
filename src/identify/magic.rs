//! Which family of formats does a file belong to? Told by the signature bytes at its head (rule T-05).

use super::bytes::{find, number};

/// A family with an eye of its own, or a format that its signature alone tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Pdf,
    Tiff,
    Jpeg,
    Png,
    Gif,
    Bmp,
    Jp2,
    Riff,
    Zip,
    Cfb,
    /// Nothing more to see: the key of the table.
    Plain(&'static str),
}

/// The compound file's signature.
pub(super) const CFB: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Signatures at fixed places; the first that fits wins, so longer ones stand first.
const SIGNATURES: &[(usize, &[u8], Family)] = &[
    (0, b"II\x2a\0", Family::Tiff),
    (0, b"MM\0\x2a", Family::Tiff),
    (0, b"II\x2b\0", Family::Tiff),
    (0, b"MM\0\x2b", Family::Tiff),
    (0, b"MM\x2a", Family::Tiff),
    (0, b"\xff\xd8\xff", Family::Jpeg),
    (0, b"\x89PNG\r\n\x1a\n", Family::Png),
    (0, b"GIF87a", Family::Gif),
    (0, b"GIF89a", Family::Gif),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Family::Jp2),
    (0, b"\xff\x4f\xff\x51", Family::Plain("j2k")),
    (0, b"PK\x03\x04", Family::Zip),
    (0, b"PK\x05\x06", Family::Zip),
    (0, b"PK\x07\x08PK", Family::Zip),
    (0, CFB, Family::Cfb),
    (0, b"7z\xbc\xaf\x27\x1c", Family::Plain("7z")),
    (0, b"Rar!\x1a\x07\x01\0", Family::Plain("rar-5")),
    (0, b"Rar!\x1a\x07\0", Family::Plain("rar-2.9")),
    (0, b"\x1f\x8b\x08", Family::Plain("gzip")),
    (0, b"BZh", Family::Plain("bzip2")),
    (0, b"\xfd7zXZ\0", Family::Plain("xz")),
    (257, b"ustar", Family::Plain("tar")),
    (0, b"WARC/1.0", Family::Plain("warc-1.0")),
    (0, b"WARC/1.1", Family::Plain("warc-1.1")),
    (0, b"WARC/", Family::Plain("warc")),
    (0, b"AC1.3", Family::Plain("dwg-1.3")),
    (0, b"AC1.40", Family::Plain("dwg-1.4")),
    (0, b"AC1004", Family::Plain("dwg-r9")),
    (0, b"AC1006", Family::Plain("dwg-r10")),
    (0, b"AC1009", Family::Plain("dwg-r12")),
    (0, b"AC1012", Family::Plain("dwg-r13")),
    (0, b"AC1014", Family::Plain("dwg-r14")),
    (0, b"AC1015", Family::Plain("dwg-2000")),
    (0, b"AC1018", Family::Plain("dwg-2004")),
    (0, b"AC1021", Family::Plain("dwg-2007")),
    (0, b"AC1024", Family::Plain("dwg-2010")),
    (0, b"AC1027", Family::Plain("dwg-2013")),
    (0, b"AC1032", Family::Plain("dwg-2018")),
    (0, b"\x78\x9f\x3e\x22", Family::Plain("tnef")),
    (0, b"\0\x01\0\0Standard ACE DB", Family::Plain("accdb")),
    (0, b"\0\0\x27\x0a", Family::Plain("shp")),
    (0, b"AT&TFORM", Family::Plain("djvu")),
    (0, b"SDJV", Family::Plain("djvu-secure")),
    (0, b"ID3", Family::Plain("mp3")),
    (0, b"\xff\xfb", Family::Plain("mp3")),
    (0, b"\xff\xf3", Family::Plain("mp3")),
    (4, b"ftyp", Family::Plain("mp4")),
    (0, b"\xed\xde\xad\x0b\x03\0\0\0", Family::Plain("ppt-3")),
    (0, b"\x9b\xa5", Family::Plain("word-1")),
    (0, b"\xdb\xa5\x2d\0", Family::Plain("word-2")),
    (0, b"\x7fELF\x01\x01", Family::Plain("elf-32-le")),
    (0, b"\x7fELF\x01\x02", Family::Plain("elf-32-be")),
    (0, b"\x7fELF\x02\x01", Family::Plain("elf-64-le")),
    (0, b"\x7fELF\x02\x02", Family::Plain("elf-64-be")),
    (0, b"\xce\xfa\xed\xfe", Family::Plain("macho-32")),
    (0, b"\xcf\xfa\xed\xfe", Family::Plain("macho-64")),
    (0, b"\xca\xfe\xba\xbe", Family::Plain("java-class")),
    (0, b"L\0\0\0\x01\x14\x02\0", Family::Plain("lnk")),
];

/// The family of a file of `len` bytes that begins with `head`; `None` where only its structure or text can tell.
pub(super) fn family(head: &[u8], len: u64) -> Option<Family> {
    let fits = |at: usize, bytes: &[u8]| head.get(at..at + bytes.len()) == Some(bytes);
    if let Some((_, _, family)) = SIGNATURES.iter().find(|(at, bytes, _)| fits(*at, bytes)) {
        return Some(*family);
    }
    if fits(0, b"RIFF") && (fits(8, b"WAVE") || fits(8, b"WEBP")) {
        return Some(Family::Riff);
    }
    if is_pdf(head) {
        return Some(Family::Pdf);
    }
    bitmap(head)
        .or_else(|| program(head))
        .or_else(|| office(head, len))
        .or_else(|| picture(head))
        .or_else(|| dbase(head))
        .or_else(|| owner(head, len))
}

/// Tables of dBASE and its kin: a version byte, a date with month and day, and a first field with a name and a known type.
fn dbase(head: &[u8]) -> Option<Family> {
    let byte = |at: usize| head.get(at).copied();
    let has_field = |name: usize, kind: usize| {
        byte(name).is_some_and(|b| b.is_ascii_uppercase()) && byte(kind).is_some_and(|b| b"CNDLMBGFTIYPQV".contains(&b))
    };
    let first = byte(0)?;
    if first == 0x02 {
        let is_table = byte(1)? == 0 || byte(2)? <= 3;
        return (is_table && has_field(8, 19)).then_some(Family::Plain("dbf-2"));
    }
    let is_dated = (1..=12).contains(&byte(2)?) && (1..=31).contains(&byte(3)?);
    let key = match first {
        0x03 => "dbf-3",
        0x83 => "dbf-3+",
        0x04 | 0x43 | 0x63 | 0x7b | 0x8b | 0x8e | 0xcb => "dbf-4",
        0x30..=0x32 => "dbf-vfp",
        _ => return None,
    };
    (is_dated && has_field(32, 43)).then_some(Family::Plain(key))
}

/// The file that Word keeps beside an open document: the length of the user's name, the name, and the length again.
fn owner(head: &[u8], len: u64) -> Option<Family> {
    let length = *head.first()?;
    let is_owner = (1..=0x19).contains(&length) && head.get(53..56) == Some(&[0, length, 0]) && len <= 200;
    is_owner.then_some(Family::Plain("office-owner"))
}

/// A PDF's header may stand anywhere in its first 1,024 bytes (ISO 32000, annex of implementation notes), but what comes
/// before must not itself be a text that only speaks of one.
fn is_pdf(head: &[u8]) -> bool {
    match find(&head[..head.len().min(1_024)], b"%PDF-") {
        Some(0) => true,
        Some(at) => !head[..at].iter().any(|b| matches!(b, b'<' | b'{' | b':')),
        None => false,
    }
}

/// Windows bitmap: `BM` and a header size that exists.
fn bitmap(head: &[u8]) -> Option<Family> {
    let known = matches!(number(head, 14, 4, true)?, 12 | 40 | 52 | 56 | 64 | 108 | 124);
    (head.starts_with(b"BM") && number(head, 6, 4, true)? == 0 && known).then_some(Family::Bmp)
}

/// DOS and Windows programs.
fn program(head: &[u8]) -> Option<Family> {
    if !head.starts_with(b"MZ") || number(head, 2, 2, true).is_none_or(|last| last > 512) {
        return None;
    }
    let at = number(head, 0x3c, 4, true).unwrap_or(0) as usize;
    let is_windows = at > 0 && head.get(at..at.saturating_add(4)) == Some(b"PE\0\0");
    Some(Family::Plain(match (is_windows, number(head, at.saturating_add(24), 2, true)) {
        (true, Some(0x10b)) => "exe-pe32",
        (true, Some(0x20b)) => "exe-pe64",
        (true, _) => "exe-pe",
        (false, _) => "exe-dos",
    }))
}

/// Mail stores and databases of Microsoft Office.
fn office(head: &[u8], len: u64) -> Option<Family> {
    if head.starts_with(b"!BDN") && len > 16 {
        return Some(Family::Plain(if number(head, 10, 2, true)? >= 23 { "pst" } else { "pst-ansi" }));
    }
    if !head.starts_with(b"\0\x01\0\0Standard Jet DB") {
        return None;
    }
    let version = find(head, b"A\0c\0c\0e\0s\0s\0V\0e\0r\0s\0i\0o\0n\0").and_then(|at| {
        let after: Vec<u8> = head[at..].iter().take(80).copied().filter(|b| matches!(b, b'0'..=b'9' | b'.')).collect();
        [&b"08.5"[..], b"09.5"].into_iter().find(|version| find(&after, version).is_some())
    });
    Some(Family::Plain(match (version, number(head, 20, 1, true)) {
        (Some(b"09.5"), _) => "mdb-2002",
        (Some(_), _) | (_, Some(1)) => "mdb-2000",
        _ => "mdb",
    }))
}

/// Enhanced metafiles, told by their record and the length of their header.
fn picture(head: &[u8]) -> Option<Family> {
    if !head.starts_with(b"\x01\0\0\0") || head.get(40..44) != Some(b" EMF") {
        return None;
    }
    let header = number(head, 4, 4, true).filter(|&size| size >= 88);
    let description = number(head, 64, 4, true).filter(|&at| at >= 88);
    let size = header.or(description).unwrap_or(if head.len() > 96 { 108 } else { 88 });
    Some(Family::Plain(match size {
        ..100 => "emf-1",
        100..108 => "emf-2",
        _ => "emf-3",
    }))
}
