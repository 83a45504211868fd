//! What does a list of digests say? The lines of `manifest-sha256.txt`, `SHA256SUMS` and their kin.

use super::digests::Function;

/// One line that says the digest of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Its number, from 1.
    pub(super) n: usize,
    /// The digest as hexadecimal digits, as written.
    pub(super) hex: &'t str,
    /// The path as written.
    pub(super) path: &'t str,
    /// True if the path stood behind the `*` with which md5sum marks a binary file.
    pub(super) is_marked: bool,
    /// The function, where the line itself names it (BSD: `SHA256 (name) = digits`).
    pub(super) function: Option<Function>,
}

impl Line<'_> {
    /// The digest as bytes, if it has the length of `function`.
    pub(super) fn digest(&self, function: Function) -> Option<Vec<u8>> {
        super::digests::decoded(self.hex, function).filter(|bytes| bytes.len() * 2 == self.hex.len())
    }
}

/// A line that says no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    /// Its number, from 1.
    pub(super) n: usize,
    /// It begins as remarks do.
    pub(super) is_remark: bool,
}

/// The lines of a list, in order, one at a time: a list may have a hundred thousand.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Result<Line<'_>, Broken>> {
    let numbered = split(text).enumerate().filter(|(_, line)| !line.trim().is_empty());
    let broken = |n: usize, text: &str| Broken { n, is_remark: text.starts_with(['#', ';']) };
    numbered.map(move |(i, text)| line(i + 1, text).ok_or(broken(i + 1, text)))
}

/// The text between line breaks. A lone carriage return is one as well (RFC 8493, 2.1.3).
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = memchr::memchr2(b'\n', b'\r', text.as_bytes());
        rest = end.map(|end| text[end..].strip_prefix("\r\n").unwrap_or(&text[end + 1..]));
        Some(&text[..end.unwrap_or(text.len())])
    })
}

fn line(n: usize, text: &str) -> Option<Line<'_>> {
    if let Some(line) = tagged(n, text) {
        return Some(line);
    }
    let (hex, rest) = text.split_once([' ', '\t'])?;
    if hex.is_empty() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let path = rest.trim_start_matches([' ', '\t']);
    let (path, is_marked) = path.strip_prefix('*').map_or((path, false), |path| (path, true));
    (!path.is_empty()).then_some(Line { n, hex, path, is_marked, function: None })
}

/// `SHA256 (name) = digits`.
fn tagged(n: usize, text: &str) -> Option<Line<'_>> {
    let (name, rest) = text.split_once(" (")?;
    let function = Function::parse(name)?;
    let (path, hex) = rest.rsplit_once(") = ")?;
    let is_hex = !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then_some(Line { n, hex, path, is_marked: false, function: Some(function) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_all_common_tools_are_read() {
        let text = "ab12  data/a b.txt\r\nAB12 *data/b\rab12\tdata/c\n\nMD5 (d (1)) = ab12\n";
        let lines: Vec<Line<'_>> = lines(text).map(Result::unwrap).collect();
        let read: Vec<(&str, bool, usize)> = lines.iter().map(|l| (l.path, l.is_marked, l.n)).collect();
        assert_eq!(read, [("data/a b.txt", false, 1), ("data/b", true, 2), ("data/c", false, 3), ("d (1)", false, 5)]);
        assert_eq!(lines[3].function, Some(Function::Md5));
    }

    #[test]
    fn a_line_without_digest_or_path_is_said_by_number() {
        let broken = lines("xyz data/a\nab12\n# ab12\n").filter_map(Result::err);
        let told: Vec<(usize, bool)> = broken.map(|broken| (broken.n, broken.is_remark)).collect();
        assert_eq!(told, [(1, false), (2, false), (3, true)]);
    }
}
