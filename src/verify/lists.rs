//! Are these files those that a plain list of digests names? `SHA256SUMS`, `checksums.md5`, `file.pdf.sha256` and their kin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::claims::{self, Claim, Place};
use super::container::{Container, Entry};
use super::digests::{Digests, Function};
use super::findings::{Findings, Valued as _, error, warning};
use super::sums::{self, Line};
use super::{Options, names};

/// Most lists of one package: a list beside each file is the widest habit.
const LISTS_MAX: usize = 100_000;

/// The files near the top that are lists of digests: by name, and by a first line that is one.
pub(super) fn find(container: &Container, top: &str) -> Vec<usize> {
    let near = |entry: &Entry| entry.path.strip_prefix(top).unwrap_or(&entry.path).matches('/').count() <= 1;
    let is_list = |entry: &Entry| is_named(&entry.path) && container.beginning(entry).is_some_and(|bytes| is_begun(&bytes));
    let entries = container.entries().iter().enumerate();
    entries.filter(|(_, entry)| near(entry) && is_list(entry)).map(|(i, _)| i).take(LISTS_MAX).collect()
}

fn is_named(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let has = |word: &str| name.contains(word);
    let ends = [".md5", ".sha1", ".sha224", ".sha256", ".sha384", ".sha512"];
    has("sums")
        || has("checksum")
        || has("manifest")
        || has("impronte")
        || has("hash")
        || ends.iter().any(|end| name.ends_with(end))
}

fn is_begun(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let line = text.trim_start_matches('\u{FEFF}').lines().find(|line| !is_remark(line)).unwrap_or_default();
    matches!(sums::lines(line).next(), Some(Ok(line)) if function(&line).is_some())
}

fn is_remark(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with(['#', ';'])
}

/// The function of a line: the one that it names, else the one whose digests are that long.
fn function(line: &Line<'_>) -> Option<Function> {
    line.function.or_else(|| Function::of_length(line.hex.len() / 2).filter(|_| line.hex.len().is_multiple_of(2)))
}

/// Checks all lists together: what they name is here and unchanged, and nothing else is here.
pub(super) fn check(container: &Container, lists: &[usize], options: &Options, findings: &mut Findings) -> Digests {
    let mut claims = Vec::new();
    let mut vouched: BTreeSet<usize> = lists.iter().copied().collect();
    for list in lists {
        let entry = &container.entries()[*list];
        let bytes = match container.bytes(entry, options.limits.metadata_bytes_max) {
            Ok(bytes) => bytes,
            Err(fault) => {
                findings.push(*fault);
                continue;
            }
        };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            findings.push(error("list-not-utf8").at(&entry.path, ""));
            continue;
        };
        one(container, entry, text.trim_start_matches('\u{FEFF}'), (&mut claims, findings));
    }
    vouched.extend(claims.iter().map(|claim| claim.entry as usize));
    for (_, entry) in container.entries().iter().enumerate().filter(|(i, _)| !vouched.contains(i)) {
        findings.push(error("file-unlisted").at(&entry.path, ""));
    }
    claims::check(container, claims, findings)
}

fn one(container: &Container, entry: &Entry, text: &str, (claims, findings): (&mut Vec<Claim>, &mut Findings)) {
    let folder = entry.path.rfind('/').map_or("", |at| &entry.path[..=at]);
    let list: Arc<str> = entry.path.as_str().into();
    let mut seen: BTreeMap<(Function, &str), &str> = BTreeMap::new();
    for line in sums::lines(text) {
        let line = match line {
            Ok(line) => line,
            Err(broken) => {
                if !broken.is_remark {
                    findings.push(error("list-line").at(&entry.path, &broken.n.to_string()));
                }
                continue;
            }
        };
        let place = Place::Line(Arc::clone(&list), u32::try_from(line.n).unwrap_or(u32::MAX));
        let path = line.path.strip_prefix("./").unwrap_or(line.path);
        if names::is_escaping(path) {
            findings.push(error("index-path-unsafe").at(&entry.path, &place.to_string()).value("file", line.path));
            continue;
        }
        let Some((function, said)) = function(&line).and_then(|f| Some((f, line.digest(f)?))) else {
            findings.push(error("hash-unreadable").at(&entry.path, &place.to_string()).value("hash", line.hex));
            continue;
        };
        match seen.insert((function, path), line.hex) {
            Some(other) if !other.eq_ignore_ascii_case(line.hex) => {
                findings.push(error("bag-listed-differently").at(&entry.path, &place.to_string()).value("file", path));
            }
            Some(_) => findings.push(warning("bag-listed-twice").at(&entry.path, &place.to_string()).value("file", path)),
            None => {}
        }
        match container.find(&format!("{folder}{path}")).or_else(|| container.find(path)) {
            Some(entry) => claims.push(Claim { entry: entry as u32, function, said: said.into(), place }),
            None => findings.push(error("file-missing").at(path, &place.to_string()).value("file", path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_known_by_name_and_by_its_first_line() {
        for name in ["SHA256SUMS", "a/md5sums.txt", "checksums.txt", "x.pdf.sha512", "manifest-sha256.txt", "Impronte.txt"] {
            assert!(is_named(name), "{name}");
        }
        assert!(!is_named("a/verbale.pdf"));
        assert!(is_begun(b"# made by hand\n900150983cd24fb0d6963f7d28e17f72  a\n"));
        for text in [&b""[..], b"900150983c  a\n", b"hello world\n", b"900150983cd24fb0d6963f7d28e17f72\n"] {
            assert!(!is_begun(text), "{text:?}");
        }
    }
}
