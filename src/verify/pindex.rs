//! What does the index of the package promise? The PIndex (UNI 11386:2020) as a list of files with their digests.

use percent_encoding::percent_decode_str;

use super::container::{Container, Entry};
use super::findings::{Findings, Valued as _, error, note, warning};
use super::schema::{self, Schema};
use super::xml::{self, Element};
use super::{names, rules};
use crate::limits::Limits;

/// Name of the index file.
pub(super) const NAME: &str = "PIndex.xml";

/// What the index says.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Its files in order, those of `ExternalMetadata` included.
    pub(super) files: Vec<Promise>,
    /// The rest of the tree, without its `File` elements.
    pub(super) root: Element,
}

/// One file as the index promises it.
#[derive(Debug)]
pub(super) struct Promise {
    /// Its place in the index (`File[3]`).
    pub(super) place: String,
    /// `Path` as written.
    pub(super) raw: String,
    /// The file of the package that it means, if it is there.
    pub(super) entry: Option<usize>,
    /// `Hash` as written.
    pub(super) hash: String,
    /// `hashFunction` as written.
    pub(super) function: String,
    /// `format` as written.
    pub(super) format: String,
}

/// Finds the index among the files: its position, when there is exactly one.
pub(super) fn find(entries: &[Entry], findings: &mut Findings) -> Option<usize> {
    let mut indexes: Vec<usize> = entries.iter().enumerate().filter(|(_, e)| is_index(&e.path)).map(|(i, _)| i).collect();
    // An index below the folder of the highest one may be content (a package inside a package): the highest counts.
    let depth = |i: &usize| entries[*i].path.matches('/').count();
    let highest = indexes.iter().map(depth).min().filter(|depth| *depth <= 1)?;
    indexes.retain(|i| depth(i) == highest);
    for other in indexes.iter().skip(1) {
        findings.push(error("index-many").at(&entries[*other].path, "").value("other", &entries[indexes[0]].path));
    }
    indexes.first().copied()
}

fn is_index(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name == NAME)
}

/// Reads the index at `at` and finds the files that it means.
pub(super) fn read(container: &Container, at: usize, limits: &Limits, findings: &mut Findings) -> Option<Index> {
    let entry = &container.entries()[at];
    let bytes = match container.bytes(entry, limits.metadata_bytes_max) {
        Ok(bytes) => bytes,
        Err(fault) => {
            findings.push(*fault);
            return None;
        }
    };
    let mut index = Index::default();
    let mut files = Vec::new();
    match xml::harvest(&bytes, &entry.path, &["File", "ExternalMetadata"], &mut |file| {
        files.push(promise(&file, files.len() + 1));
    }) {
        Ok(root) => index.root = root,
        Err(fault) => {
            // What was read before the fault is still held against the package: all findings in one run.
            findings.push(*fault);
            index.files = files;
            resolve(container, at, &mut index.files, findings);
            return Some(index);
        }
    }
    if index.root.name != "PIndex" {
        findings.push(error("index-root").at(&entry.path, "/").value("name", &index.root.name));
    }
    findings.extend(schema::breaches(Schema::PIndex, &bytes, &entry.path));
    index.files = files;
    resolve(container, at, &mut index.files, findings);
    note_signs(&index.root, &entry.path, findings);
    Some(index)
}

fn promise(file: &Element, n: usize) -> Promise {
    let hash = file.child("Hash");
    Promise {
        place: format!("{}[{n}]", file.name),
        raw: file.text_at("Path").to_owned(),
        entry: None,
        hash: hash.map_or_else(String::new, |hash| hash.text.clone()),
        function: hash.map_or("", |hash| hash.attribute("hashFunction")).to_owned(),
        format: file.attribute("format").to_owned(),
    }
}

/// Finds the file that each `Path` means: relative to the index's folder, else to the package's root.
fn resolve(container: &Container, at: usize, promises: &mut [Promise], findings: &mut Findings) {
    let index = container.entries()[at].path.as_str();
    let folder = index.strip_suffix(NAME).unwrap_or_default();
    for promise in promises {
        let unsafe_path = || error("index-path-unsafe").at(index, &promise.place).value("file", &promise.raw);
        let Ok(path) = percent_decode_str(&promise.raw).decode_utf8() else {
            findings.push(unsafe_path());
            continue;
        };
        let path = path.strip_prefix("./").unwrap_or(&path);
        if path.is_empty()
            || path.contains("://")
            || path.starts_with("file:")
            || names::is_escaping(path)
            || path.chars().any(names::is_invisible)
        {
            findings.push(unsafe_path());
            continue;
        }
        promise.entry = container.find(&format!("{folder}{path}")).or_else(|| container.find(path));
        if promise.entry.is_none() {
            findings.push(error("file-missing").at(path, &promise.place).clause("UNI 11386 File/Path").value("file", path));
        }
    }
}

/// Every file of the package is promised once, and nothing else is there.
pub(super) fn check_completeness(container: &Container, at: usize, index: &Index, findings: &mut Findings) {
    let path = container.entries()[at].path.as_str();
    let mut promised = vec![0_u32; container.entries().len()];
    for promise in &index.files {
        let Some(entry) = promise.entry else { continue };
        promised[entry] += 1;
        if entry == at {
            findings.push(error("index-lists-itself").at(path, &promise.place));
        } else if promised[entry] > 1 {
            findings.push(error("index-twice").at(path, &promise.place).value("file", &promise.raw));
        }
    }
    for (entry, _) in
        container.entries().iter().zip(&promised).enumerate().filter(|(i, (_, n))| **n == 0 && *i != at).map(|(_, e)| e)
    {
        if is_seal(&entry.path, path) {
            findings.push(note("seal-present").at(&entry.path, ""));
        } else {
            findings.push(error("file-unlisted").at(&entry.path, ""));
        }
    }
}

/// True of the seal or the time stamp of the index, which it cannot list.
pub(super) fn is_seal(path: &str, index: &str) -> bool {
    let Some(tail) = path.strip_prefix(index) else { return false };
    matches!(tail, ".p7m" | ".xades" | ".tsr" | ".p7m.tsr" | ".xades.tsr")
}

/// What the producer says of the package beyond its files: a trial package, the head of its journal.
fn note_signs(root: &Element, path: &str, findings: &mut Findings) {
    if rules::says_prova(root) {
        findings.push(note("package-prova").at(path, "PVolume"));
    }
    match rules::journal_head(root) {
        Some((n, digest)) if is_head(&n, &digest) => {
            findings.push(note("journal-head").at(path, "SelfDescription/MoreInfo").value("n", n).value("digest", digest));
        }
        Some((n, digest)) => {
            findings
                .push(error("journal-head-broken").at(path, "SelfDescription/MoreInfo").value("n", n).value("digest", digest));
        }
        None => findings.push(warning("journal-head-missing").at(path, "")),
    }
}

fn is_head(n: &str, digest: &str) -> bool {
    n.parse::<u64>().is_ok() && crate::digest::Digest::parse(digest).is_some()
}
