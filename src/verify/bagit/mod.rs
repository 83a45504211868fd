//! Is this a complete and valid bag? BagIt 0.93 to 1.0: declaration, manifests, completeness, Payload-Oxum, `fetch.txt`.
//!
//! Clauses are those of RFC 8493; the drafts before it are read by the same rules, where they left something open with a
//! warning instead of an error. The verdict does not depend on the machine: what is unsafe on any system is an error.

mod info;
mod manifest;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use super::claims::{self, Claim};
use super::container::{Container, Entry};
use super::digests::{Digests, Function};
use super::findings::{Findings, Valued as _, error, note, warning};
use super::{Options, names};
use manifest::Manifest;
use text::Declaration;

/// Name of the declaration.
pub(super) const DECLARATION: &str = "bagit.txt";

/// Names of the file of labels: RFC 8493, and the drafts up to 0.95.
const INFOS: [&str; 2] = ["bag-info.txt", "package-info.txt"];

/// A bag, seen from its folder.
pub(super) struct Bag<'a> {
    container: &'a Container,
    /// The bag's folder with its `/`, or nothing.
    root: &'a str,
    declared: Declaration,
    /// Files by their path without case of composition, for names that were written by another system.
    folded: BTreeMap<String, usize>,
}

/// What the payload amounts to.
struct Payload {
    bytes: u64,
    count: u64,
    /// Empty files of operating systems that a manifest lists and that are not here.
    missing_empty: u64,
}

/// True of a payload manifest's name.
pub(super) fn is_payload_manifest(name: &str) -> bool {
    manifest::algorithm(name).is_some_and(|(algorithm, is_tag)| !is_tag && Function::parse(algorithm).is_some())
}

/// Checks the bag in the folder `root`; the digests that were computed on the way.
pub(super) fn check(container: &Container, root: &str, options: &Options, findings: &mut Findings) -> Digests {
    // Whatever else was learned is let go before all is read.
    let claims = claims(container, root, options, findings);
    claims::check(container, claims, findings)
}

/// What the manifests say, held against what is here.
fn claims(container: &Container, root: &str, options: &Options, findings: &mut Findings) -> Vec<Claim> {
    let path = format!("{root}{DECLARATION}");
    let declared = if let Some(at) = container.find(&path) {
        text::declaration(container, &container.entries()[at], &options.limits, findings)
    } else {
        findings.push(error("bag-declaration-missing").at(&path, "").clause("RFC 8493 2.1.1"));
        Declaration::default()
    };
    let bag = Bag { container, root, declared, folded: folded(container) };
    let manifests = bag.manifests(findings);
    let mut heard = Heard { payload: vec![0; container.entries().len()], ..Heard::default() };
    for (n, one) in manifests.iter().enumerate() {
        let Some(text) = text::text(container, one.entry, (declared.encoding, &options.limits), findings) else { continue };
        let said = manifest::read(&bag, one, &text, findings);
        heard.take(&bag, (n, one), said);
    }
    let payload = bag.completeness(&manifests, &heard, findings);
    bag.tag_files(&payload, &heard, (options, findings));
    heard.claims
}

/// What all manifests said together.
#[derive(Default)]
struct Heard {
    claims: Vec<Claim>,
    /// For each file by position, a bit for each payload manifest that lists it.
    payload: Vec<u64>,
    /// Tag files that a tag manifest lists.
    tags: BTreeSet<usize>,
    /// Listed and not here.
    missing: BTreeMap<String, (String, bool)>,
}

impl Heard {
    fn take(&mut self, bag: &Bag<'_>, (n, manifest): (usize, &Manifest<'_>), said: manifest::Said) {
        for claim in &said.claims {
            if manifest.is_tag {
                self.tags.insert(claim.entry as usize);
            } else {
                self.payload[claim.entry as usize] |= bit(n);
            }
        }
        if self.claims.is_empty() {
            // The first manifest is the long one; its claims are not kept twice, not even for a moment.
            self.claims = said.claims;
        } else {
            self.claims.extend(said.claims);
        }
        for (path, (place, is_empty)) in said.missing {
            self.missing.entry(format!("{}{path}", bag.root)).or_insert((place, is_empty));
        }
    }
}

impl<'a> Bag<'a> {
    /// The file that a listed path means, and whether its name is the same to the byte.
    fn resolve(&self, path: &str) -> Option<(usize, bool)> {
        let whole = |path: &str| format!("{}{path}", self.root);
        let decoded = decoded(path);
        let literal = self.container.find(&whole(path));
        // Line breaks and percent signs are escaped since RFC 8493; in a draft the name as written comes first.
        let escaped = || self.container.find(&whole(&decoded));
        let exact = if self.declared.is_strict() { escaped().or(literal) } else { literal.or_else(escaped) };
        exact.map(|at| (at, true)).or_else(|| self.folded.get(&composed(&whole(&decoded))).map(|at| (*at, false)))
    }

    fn inside<'b>(&self, entry: &'b Entry) -> Option<&'b str> {
        entry.path.strip_prefix(self.root)
    }

    /// The manifests, payload manifests first. A function that is not known cannot be checked.
    fn manifests(&self, findings: &mut Findings) -> Vec<Manifest<'a>> {
        let mut manifests = Vec::new();
        for entry in self.container.entries() {
            let Some(name) = entry.path.strip_prefix(self.root).filter(|name| !name.contains('/')) else { continue };
            let Some((algorithm, is_tag)) = manifest::algorithm(name) else { continue };
            match Function::parse(algorithm) {
                Some(function) => manifests.push(Manifest { entry, name, function, is_tag }),
                None => findings.push(warning("bag-algorithm").at(&entry.path, "").value("function", algorithm)),
            }
        }
        if !manifests.iter().any(|manifest| !manifest.is_tag) {
            findings.push(error("bag-manifest-missing").at(self.root, "").clause("RFC 8493 2.1.3"));
        }
        manifests.sort_by_key(|manifest| manifest.is_tag);
        manifests
    }

    /// Everything that is listed is here, and everything that is here is listed.
    fn completeness(&self, manifests: &[Manifest<'_>], heard: &Heard, findings: &mut Findings) -> Payload {
        let mut payload = Payload { bytes: 0, count: 0, missing_empty: 0 };
        for (path, (place, is_empty)) in &heard.missing {
            if *is_empty && is_system_file(path) {
                payload.missing_empty += 1;
                findings.push(warning("bag-system-file-missing").at(path, place).value("file", path));
            } else {
                findings.push(error("file-missing").at(path, place).clause("RFC 8493 3").value("file", path));
            }
        }
        let names: Vec<&str> = manifests.iter().filter(|m| !m.is_tag).map(|m| m.name).collect();
        for (i, entry) in self.container.entries().iter().enumerate() {
            match self.inside(entry) {
                Some(path) if path.starts_with("data/") => {
                    payload.bytes = payload.bytes.saturating_add(entry.bytes);
                    payload.count += 1;
                    self.listed(entry, heard.payload[i], &names, findings);
                }
                Some(path) => {
                    let is_apart = path == DECLARATION || manifest::algorithm(path).is_some() || INFOS.contains(&path);
                    if !is_apart && !heard.tags.contains(&i) {
                        findings.push(note("bag-tag-unlisted").at(&entry.path, ""));
                    }
                }
                None => findings.push(error("bag-outside").at(&entry.path, "").clause("RFC 8493 4")),
            }
        }
        payload
    }

    /// RFC 8493 wants each file in every payload manifest; the drafts were content with one.
    fn listed(&self, entry: &Entry, lists: u64, names: &[&str], findings: &mut Findings) {
        if is_system_file(&entry.path) {
            findings.push(warning("bag-system-file").at(&entry.path, "").clause("RFC 8493 5.1"));
        }
        if lists == 0 {
            findings.push(error("file-unlisted").at(&entry.path, "").clause("RFC 8493 3"));
            return;
        }
        if self.declared.is_strict() {
            for (_, name) in names.iter().enumerate().filter(|(n, _)| lists & bit(*n) == 0) {
                findings.push(error("bag-payload-unlisted").at(&entry.path, name).clause("RFC 8493 2.1.3").value("name", name));
            }
        }
    }

    /// `bag-info.txt` and `fetch.txt`.
    fn tag_files(&self, payload: &Payload, heard: &Heard, (options, findings): (&Options, &mut Findings)) {
        let find = |name: &str| self.container.find(&format!("{}{name}", self.root)).map(|at| &self.container.entries()[at]);
        let with = (self.declared.encoding, &options.limits);
        for entry in INFOS.iter().filter_map(|name| find(name)) {
            if let Some(text) = text::text(self.container, entry, with, findings) {
                info::labels(entry, &text, payload, findings);
            }
        }
        let Some(entry) = find("fetch.txt") else { return };
        let Some(text) = text::text(self.container, entry, with, findings) else { return };
        for (path, place) in info::fetch(self, entry, &text, findings) {
            let is_listed = heard.missing.contains_key(&format!("{}{path}", self.root))
                || self.resolve(&path).is_some_and(|(at, _)| heard.payload[at] != 0);
            if !is_listed {
                findings.push(error("bag-fetch-unlisted").at(&entry.path, &place).clause("RFC 8493 2.2.3").value("file", path));
            }
        }
    }
}

/// The bit of the manifest at position `n`. There are six functions; whoever writes more manifests than bits shares the last.
fn bit(n: usize) -> u64 {
    1 << n.min(63)
}

fn folded(container: &Container) -> BTreeMap<String, usize> {
    // Only names that can be written in two ways need the second look.
    let wide = container.entries().iter().enumerate().filter(|(_, entry)| !entry.path.is_ascii());
    wide.map(|(i, entry)| (composed(&entry.path), i)).collect()
}

fn composed(path: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    path.nfc().collect()
}

/// A path as RFC 8493 (2.1.3) writes it: only line breaks and the percent sign are escaped.
fn decoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let sign = match rest.get(at + 1..at + 3).map(str::to_ascii_uppercase).as_deref() {
            Some("0A") => Some('\n'),
            Some("0D") => Some('\r'),
            Some("25") => Some('%'),
            _ => None,
        };
        out.push(sign.unwrap_or('%'));
        rest = &rest[at + if sign.is_some() { 3 } else { 1 }..];
    }
    out.push_str(rest);
    out
}

/// Files that systems leave behind by themselves and that are nobody's content.
fn is_system_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["thumbs.db", "desktop.ini", ".ds_store", ".directory"].contains(&names::fold(name).as_str())
        || name.starts_with("._")
        || path.contains("/__MACOSX/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_breaks_and_percent_signs_are_unescaped() {
        assert_eq!(decoded("a%0Ab%0dc%25d%7Ee%2"), "a\nb\rc%d%7Ee%2");
        assert_eq!(decoded("%é%"), "%é%");
    }
}
