//! What is it called inside a package? One function for every name in a path: NFC, safe on Windows, short, unique without case.
//!
//! The true name is kept bit by bit elsewhere (`NomeDelDocumento`, PREMIS `originalName`); here it only has to travel.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use unicode_normalization::UnicodeNormalization as _;

/// Longest name in a path, bytes (design.md section 6).
pub(super) const NAME_BYTES_MAX: usize = 100;

/// Names that Windows keeps for devices, whatever the extension.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];

/// The names taken in one folder, without case.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeSet<String>);

/// A name that travels, made of `wanted` and different from all taken before, which it joins. `wanted` may be an id with
/// slashes or the shown name of a file.
pub(super) fn travelling(wanted: &str, taken: &mut Taken) -> String {
    let clean = clean(wanted);
    let (stem, extension) = parts(&clean);
    // A number is tried only after a clash, so at most as many times as there are names.
    for n in 1_u64.. {
        let mark = if n == 1 { String::new() } else { format!("-{n}") };
        let room = NAME_BYTES_MAX - extension.len() - mark.len();
        let name = format!("{}{mark}{extension}", cut(stem, room).trim_end_matches([' ', '.']));
        if !name.is_empty() && taken.0.insert(key(&name)) {
            return name;
        }
    }
    clean
}

/// Path for `PIndex`: everything but unreserved characters and `/` percent-encoded.
pub(super) fn percent_encoded(path: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    utf8_percent_encode(path, ESCAPED).to_string()
}

/// Two names of one key are one file on a file system without case.
fn key(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

fn clean(wanted: &str) -> String {
    let safe: String = wanted
        .nfc()
        .map(|c| {
            if c == '/' {
                '-'
            } else if is_unsafe(c) {
                '_'
            } else {
                c
            }
        })
        .collect();
    let safe = safe.trim().trim_end_matches([' ', '.']);
    let safe = if safe.is_empty() { "file" } else { safe };
    let stem = safe.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")).unwrap_or_default();
    let is_device = DEVICES.contains(&stem.as_str()) || (port.chars().count() == 1 && port.chars().all(char::is_numeric));
    if is_device || safe.starts_with(['.', '~', '-']) { format!("_{safe}") } else { safe.to_owned() }
}

/// Characters that Windows refuses, controls, and characters that are not seen or turn the direction of writing.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || "\\:*?\"<>|".contains(c)
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffd}' | '\u{e000}'..='\u{f8ff}')
        || !crate::xml::is_legal(c)
}

/// Stem and extension with its dot; an extension longer than sixteen bytes is part of the stem.
fn parts(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= 16 => name.split_at(at),
        _ => (name, ""),
    }
}

/// At most `max` bytes of `text`, whole characters.
fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alone(wanted: &str) -> String {
        travelling(wanted, &mut Taken::default())
    }

    #[test]
    fn names_are_safe_everywhere() {
        assert_eq!(alone("2024/VI.3/1"), "2024-VI.3-1");
        assert_eq!(alone("a:b?.tif"), "a_b_.tif");
        assert_eq!(alone("CON.tif"), "_CON.tif");
        assert_eq!(alone("com1"), "_com1");
        assert_eq!(alone("com10"), "com10");
        assert_eq!(alone("..."), "file");
        assert_eq!(alone("../../etc/passwd"), "_..-.-etc-passwd");
        assert_eq!(alone("perche\u{301}.tif"), "perché.tif");
        assert_eq!(alone("fdp\u{202e}.exe"), "fdp_.exe");
        assert_eq!(alone("a. "), "a");
    }

    #[test]
    fn names_equal_but_for_case_are_told_apart() {
        let mut taken = Taken::default();
        let names: Vec<String> =
            ["A.tif", "a.TIF", "a.tif", "Å.tif", "å.tif"].iter().map(|name| travelling(name, &mut taken)).collect();
        assert_eq!(names, ["A.tif", "a-2.TIF", "a-3.tif", "Å.tif", "å-2.tif"]);
    }

    #[test]
    fn a_name_of_one_hundred_bytes_stays_and_one_of_one_hundred_and_one_is_cut() {
        let fits = format!("{}.tif", "x".repeat(96));
        assert_eq!(alone(&fits), fits);
        assert_eq!(alone(&format!("x{fits}")), fits);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_names_come_out_short_safe_and_unique_without_case(wanted in proptest::collection::vec("(?s).{0,140}|[aAbB.]{0,3}", 1..12)) {
            let (mut taken, mut keys) = (Taken::default(), BTreeSet::new());
            for name in wanted.iter().map(|name| travelling(name, &mut taken)) {
                prop_assert!(!name.is_empty() && name.len() <= NAME_BYTES_MAX, "{name:?}");
                prop_assert!(!name.contains(['/', '\\', ':', '\0']) && !name.ends_with(['.', ' ']) && !name.starts_with('.'), "{name:?}");
                prop_assert!(keys.insert(name.to_lowercase()), "{name:?} twice");
                prop_assert_eq!(name.nfc().collect::<String>(), name);
            }
        }
    }
}
