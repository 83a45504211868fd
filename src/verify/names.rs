//! Is this name safe to keep on any disk? Names inside a package are an enemy's until they passed here.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::findings::{Valued as _, error, warning};
use crate::finding::Finding;

/// Longest path inside a package, bytes: what no file system in use can hold is no path.
pub(super) const PATH_BYTES_MAX: usize = 4_096;

/// What is wrong with `path` as a path inside a package.
pub(super) fn check(path: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    if is_escaping(path) {
        found.push(error("path-escapes"));
    } else if path.split('/').any(|part| part.is_empty() || part == ".") {
        found.push(error("path-crooked"));
    }
    if path.contains('\\') {
        found.push(error("path-backslash"));
    }
    if path.chars().any(|c| is_invisible(c) && !is_line_break(c)) {
        found.push(error("path-control"));
    } else if path.contains(is_line_break) {
        // The norm of bags has a way to write it; the indexes that have none name the file as an error of theirs.
        found.push(warning("path-line-break").clause("RFC 8493 2.1.3"));
    }
    if !is_nfc(path) {
        found.push(warning("path-not-nfc"));
    }
    if let Some(part) = path.split('/').find(|part| is_bad_on_windows(part)) {
        found.push(warning("path-windows").value("part", part));
    }
    found.into_iter().map(|finding| finding.at(path, "")).collect()
}

/// True of a path that would leave the folder it is unpacked into: absolute, with a drive letter, with `..`.
pub(super) fn is_escaping(path: &str) -> bool {
    let bytes = path.as_bytes();
    let has_drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    has_drive || path.starts_with(['/', '\\', '~']) || path.split(['/', '\\']).any(|part| part == "..")
}

/// What two names have in common that differ only for case or for composition of accents.
pub(super) fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// Control characters, and those that turn or hide text on a screen (bidirectional marks, zero-width signs).
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

fn is_bad_on_windows(part: &str) -> bool {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    let is_port = stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) && stem.as_bytes()[3].is_ascii_digit();
    DEVICES.contains(&stem.as_str())
        || is_port
        || (part != ".." && part.ends_with(['.', ' ']))
        || part.contains(['<', '>', ':', '"', '|', '?', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(path: &str) -> Vec<String> {
        check(path).iter().map(|f| f.message.code().to_owned()).collect()
    }

    #[test]
    fn an_ordinary_path_is_safe() {
        assert!(codes("pdv-1/documenti/doc-1/principale/Verbale n. 3 – città.pdf").is_empty());
    }

    #[test]
    fn a_path_that_leaves_its_folder_is_an_error() {
        for path in ["../x", "a/../../x", "/etc/passwd", "C:/x", "c:x", "~root/x", "a\\..\\x"] {
            assert!(codes(path).contains(&"path-escapes".to_owned()), "{path}");
        }
    }

    #[test]
    fn two_dots_inside_a_name_escape_nothing() {
        assert!(!is_escaping("a/b..c/..d"));
    }

    #[test]
    fn names_that_differ_for_case_or_accents_fold_alike() {
        assert_eq!(fold("A/Città.PDF"), fold("a/citta\u{300}.pdf"));
        assert_ne!(fold("a/b"), fold("a-b"));
    }

    #[test]
    fn a_name_that_hides_its_extension_is_an_error() {
        assert_eq!(codes("a/fdp\u{202E}exe.pdf"), ["path-control"]);
        assert_eq!(codes("a/b\n\u{7}c"), ["path-control"]);
    }

    #[test]
    fn a_line_break_in_a_name_is_a_warning() {
        assert_eq!(codes("a/b\nc"), ["path-line-break"]);
    }

    #[test]
    fn devices_of_windows_are_a_warning() {
        for path in ["a/CON", "a/lpt1.txt", "a/x.", "a/b:c"] {
            assert_eq!(codes(path), ["path-windows"], "{path}");
        }
    }
}
