//! Is this a good E-ARK package? Its METS, those of its representations, every file that they name, every requirement.
//!
//! Digests and completeness as for any package; beyond that the structure of METS, and the requirements of CSIP and SIP 2.2.0 with a
//! verdict each.

mod grammar;
mod requirements;

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

pub use requirements::{Requirement, Verdict};

use super::claims::{self, Claim, Place};
use super::container::{Container, Entry};
use super::digests::{Digests, Function, decoded};
use super::findings::{Findings, Valued as _, error, note, warning};
use super::xml::{self, Element};
use super::{Options, agid, kind, names, pindex};
use requirements::Asked;

/// Most METS files of one package: the representations of one are a handful.
const METS_MAX: usize = 10_000;

/// Namespace of the attributes of CSIP as the schema has it; some write it in small letters, and then no schema checks them.
const NAMESPACE: &[u8] = b"=\"https://dilcis.eu/XML/METS/CSIPExtensionMETS\"";

/// Checks the package with the METS at position `at`: digests, and a verdict per requirement.
pub(super) fn check(container: &Container, at: usize, options: &Options, findings: &mut Findings) -> (Digests, Vec<Requirement>) {
    let mut seen = Seen::default();
    let mut verdicts = Vec::new();
    let mut queue = vec![at];
    seen.listed.insert(at);
    while let Some(at) = queue.pop() {
        // Many pointers may lead to one file: it is read once.
        if !seen.mets.insert(at) {
            continue;
        }
        let is_first = seen.mets.len() == 1;
        let entry = &container.entries()[at];
        let read = container.bytes(entry, options.limits.metadata_bytes_max);
        let (bytes, root) = match read.and_then(|bytes| xml::parse(&bytes, &entry.path).map(|root| (bytes, root))) {
            Ok(read) => read,
            Err(fault) => {
                findings.push(*fault);
                continue;
            }
        };
        if root.name != "mets" {
            findings.push(error("mets-root").at(&entry.path, "/").value("name", &root.name));
        }
        if memchr::memmem::find(&bytes, NAMESPACE).is_some() {
            findings.push(warning("mets-namespace").at(&entry.path, "mets").clause("CSIP"));
        }
        drop(bytes);
        let mets = Mets { container, entry, options };
        if !options.only_digests {
            if root.name == "mets" {
                grammar::check(&root, &entry.path, findings);
            }
            verdicts.extend(mets.requirements(&root, is_first, findings));
        }
        for next in mets.files(&root, &mut seen, findings) {
            if !seen.mets.contains(&next) && seen.mets.len() + queue.len() < METS_MAX {
                queue.push(next);
            }
        }
    }
    for (_, entry) in container.entries().iter().enumerate().filter(|(i, _)| !seen.listed.contains(i)) {
        findings.push(error("file-unlisted").at(&entry.path, ""));
    }
    if options.only_digests {
        findings.push(note("only-digests"));
    }
    (claims::check(container, seen.claims, findings), verdicts)
}

/// What all METS files of the package named.
#[derive(Default)]
struct Seen {
    mets: BTreeSet<usize>,
    listed: BTreeSet<usize>,
    claims: Vec<Claim>,
}

struct Mets<'a> {
    container: &'a Container,
    entry: &'a Entry,
    options: &'a Options,
}

impl Mets<'_> {
    fn folder(&self) -> &str {
        pindex::folder(&self.entry.path)
    }

    fn requirements(&self, root: &Element, is_root: bool, findings: &mut Findings) -> Vec<Requirement> {
        let folder = self.folder();
        let has_folder = |name: &str| {
            let inside = format!("{folder}{name}");
            self.container.entries().iter().any(|entry| entry.path.starts_with(&inside))
        };
        requirements::ask(&Asked { root, path: &self.entry.path, is_root, has_folder: &has_folder }, findings)
    }

    /// Takes in every file that this METS names; the METS files that it points to.
    fn files(&self, root: &Element, seen: &mut Seen, findings: &mut Findings) -> Vec<usize> {
        let mut next = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut open = vec![root];
        // In no order: each finding says its own place by the ID of its element.
        while let Some(element) = open.pop() {
            let (name, href) = match element.name.as_str() {
                "file" => ("file", element.child("FLocat").map_or("", |locat| locat.attribute("href"))),
                "mdRef" => ("mdRef", element.attribute("href")),
                "mptr" => ("mptr", element.attribute("href")),
                _ => {
                    open.extend(&element.children);
                    continue;
                }
            };
            let n = places.entry(name).or_default();
            *n += 1;
            let id = element.attribute("ID");
            let place = if id.is_empty() { format!("{name}[{n}]") } else { format!("{name}[@ID='{id}']") };
            let Some(at) = self.target(href, &place, findings) else { continue };
            seen.listed.insert(at);
            match name {
                "mptr" => next.push(at),
                _ => self.take(element, (at, &place), seen, findings),
            }
            if name == "mdRef" && !self.options.only_digests {
                self.metadata(at, findings);
            }
        }
        next
    }

    /// Size and digest that the METS states of the file at `at`.
    fn take(&self, element: &Element, (at, place): (usize, &str), seen: &mut Seen, findings: &mut Findings) {
        let target = &self.container.entries()[at];
        let size = element.attribute("SIZE");
        if !size.is_empty() && size.parse() != Ok(target.bytes) {
            let finding = error("mets-size").at(&target.path, place).clause("CSIP69");
            findings.push(finding.value("said", size).value("found", target.bytes));
        }
        let (name, hex) = (element.attribute("CHECKSUMTYPE"), element.attribute("CHECKSUM"));
        if hex.is_empty() {
            findings.push(error("mets-no-checksum").at(&self.entry.path, place).clause("CSIP71").value("file", &target.path));
            return;
        }
        let Some(function) = Function::parse(name) else {
            findings.push(error("hash-function").at(&self.entry.path, place).clause("CSIP72").value("function", name));
            return;
        };
        match decoded(hex, function) {
            Some(said) => {
                let place = Place::Element(format!("{} {place}", self.entry.path).into());
                seen.claims.push(Claim { entry: at as u32, function, said: said.into(), place });
            }
            None => findings.push(error("hash-unreadable").at(&self.entry.path, place).value("hash", hex)),
        }
    }

    /// The file that `href` means, from the folder of this METS.
    fn target(&self, href: &str, place: &str, findings: &mut Findings) -> Option<usize> {
        if href.contains("://") || href.starts_with("file:") {
            findings.push(error("mets-file-elsewhere").at(&self.entry.path, place).value("file", href));
            return None;
        }
        let decoded = percent_decode_str(href).decode_utf8().map(std::borrow::Cow::into_owned).unwrap_or_default();
        // Some producers encode as forms do, a blank as `+`.
        let plus =
            percent_decode_str(&href.replace('+', " ")).decode_utf8().map(std::borrow::Cow::into_owned).unwrap_or_default();
        let paths: Vec<String> = [&decoded, href, &plus].into_iter().filter_map(|path| self.joined(path)).collect();
        let Some(first) = paths.first() else {
            findings.push(error("index-path-unsafe").at(&self.entry.path, place).value("file", href));
            return None;
        };
        let found = paths.iter().find_map(|path| self.container.find(path));
        if found.is_none() {
            findings.push(error("file-missing").at(first, &format!("{} {place}", self.entry.path)).value("file", first));
        }
        found
    }

    /// `path` from the folder of this METS, `..` resolved inside the package; none of a path that leaves it.
    fn joined(&self, path: &str) -> Option<String> {
        let is_bad = path.is_empty() || path.starts_with(['/', '\\', '~']) || path.chars().any(names::is_invisible);
        let mut parts: Vec<&str> = self.folder().split('/').filter(|part| !part.is_empty()).collect();
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                parts.pop()?;
            } else {
                parts.push(part);
            }
        }
        let joined = parts.join("/");
        (!is_bad && !names::is_escaping(&joined)).then_some(joined)
    }

    /// PREMIS is checked for what it is, whatever the METS calls it.
    fn metadata(&self, at: usize, findings: &mut Findings) {
        let target = &self.container.entries()[at];
        let Some(bytes) = self.container.beginning(target) else { return };
        if kind::root(&bytes).as_deref() != Some("premis") {
            return;
        }
        let version = String::from_utf8_lossy(&bytes).contains("http://www.loc.gov/premis/v3");
        if version {
            findings.extend(agid::premis(self.container, at, self.options));
        } else {
            findings.push(warning("premis-version").at(&target.path, "/").clause("PREMIS 3"));
        }
    }
}
