//! What does the index of the package promise? The PIndex (UNI 11386:2020) as a list of files with their digests.

use percent_encoding::percent_decode_str;

use super::container::{Container, is_envelope};
use super::digests::Function;
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
    /// Its form.
    pub(super) form: Form,
}

/// One file as the index promises it.
#[derive(Debug)]
pub(super) struct Promise {
    /// Its place in the index (`File[3]`).
    pub(super) place: String,
    /// `Path` as written.
    pub(super) raw: String,
    /// `ID` as written.
    pub(super) id: String,
    /// The file of the package that it means, if it is there.
    pub(super) entry: Option<usize>,
    /// `Hash` as written.
    pub(super) hash: String,
    /// `hashFunction` as written.
    pub(super) function: String,
    /// `format` as written.
    pub(super) format: String,
}

/// The forms of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Form {
    /// UNI 11386:2020 in a PdV of the profile `agid`.
    #[default]
    Agid,
    /// UNI 11386:2020.
    Of2020,
    /// UNI 11386:2010.
    Of2010,
}

impl Form {
    fn root(self) -> &'static str {
        if self == Self::Of2010 { "IdC" } else { "PIndex" }
    }

    fn schema(self) -> Schema {
        if self == Self::Of2010 { Schema::Idc } else { Schema::PIndex }
    }

    /// The function that an index means, as far as its norm admits it: SHA-1 was the default of 2010.
    pub(super) fn function(self, text: &str) -> Option<Function> {
        if self == Self::Of2010 { Function::parse(text) } else { Function::admitted(text) }
    }
}

/// The folder of the index, with its `/`.
pub(super) fn folder(index: &str) -> &str {
    index.rfind('/').map_or("", |at| &index[..=at])
}

/// Reads the index at `at` and finds the files that it means.
pub(super) fn read(container: &Container, (at, form): (usize, Form), limits: &Limits, findings: &mut Findings) -> Option<Index> {
    let entry = &container.entries()[at];
    let bytes = match container.bytes(entry, limits.metadata_bytes_max) {
        Ok(bytes) => bytes,
        Err(fault) => {
            findings.push(*fault);
            return None;
        }
    };
    if is_envelope(&entry.path) {
        findings.push(note("index-in-envelope").at(&entry.path, ""));
    }
    let mut index = Index { form, ..Index::default() };
    let mut files = Vec::new();
    match xml::harvest(&bytes, &entry.path, &["File", "ExternalMetadata"], &mut |file| {
        files.push(promise(&file, files.len() + 1, form));
    }) {
        Ok(root) => index.root = root,
        Err(fault) => {
            // What was read before the fault is still held against the package: all findings in one run.
            findings.push(*fault);
            index.files = files;
            resolve(container, at, &mut index, findings);
            return Some(index);
        }
    }
    if index.root.name != form.root() {
        findings.push(error("index-root").at(&entry.path, "/").value("name", &index.root.name));
    }
    findings.extend(schema::breaches(form.schema(), &xml::in_utf8(&bytes), &entry.path));
    index.files = files;
    resolve(container, at, &mut index, findings);
    if form == Form::Agid {
        note_signs(&index.root, &entry.path, findings);
    }
    Some(index)
}

fn promise(file: &Element, n: usize, form: Form) -> Promise {
    let hash = file.child("Hash");
    let named = |name: &str| hash.map_or("", |hash| hash.attribute(name)).to_owned();
    let function = match form {
        Form::Agid | Form::Of2020 => named("hashFunction"),
        // The default of the schema of 2010.
        Form::Of2010 => Some(named("function")).filter(|f| !f.is_empty()).unwrap_or_else(|| "SHA-1".to_owned()),
    };
    Promise {
        place: format!("{}[{n}]", file.name),
        raw: file.text_at("Path").to_owned(),
        id: file.text_at("ID").to_owned(),
        entry: None,
        hash: hash.map_or_else(String::new, |hash| hash.text.clone()),
        function,
        format: file.attribute("format").to_owned(),
    }
}

/// Finds the file that each `Path` means: relative to the index's folder, else to the package's root.
fn resolve(container: &Container, at: usize, index: &mut Index, findings: &mut Findings) {
    let path = container.entries()[at].path.as_str();
    if container.is_lone() {
        findings.push(warning("index-alone").at(path, "").value("count", index.files.len()));
        return;
    }
    let of_2010 = index.form == Form::Of2010;
    for promise in &mut index.files {
        // Path is optional in 2010; then the ID may be the file's name.
        if of_2010 && promise.raw.is_empty() {
            promise.entry = container.find(&format!("{}{}", folder(path), promise.id)).or_else(|| container.find(&promise.id));
            if promise.entry.is_none() {
                findings.push(warning("index-no-path").at(path, &promise.place).value("id", &promise.id));
            }
            continue;
        }
        match meant(container, path, &promise.raw) {
            Ok(entry) => promise.entry = Some(entry),
            Err(Some(file)) => {
                let finding = error("file-missing").at(&file, &promise.place).clause("UNI 11386 File/Path");
                findings.push(finding.value("file", &file));
            }
            Err(None) => findings.push(error("index-path-unsafe").at(path, &promise.place).value("file", &promise.raw)),
        }
    }
}

/// The file that `raw` means in the index at `index`; else the path that is not there, or nothing of an unsafe one.
fn meant(container: &Container, index: &str, raw: &str) -> Result<usize, Option<String>> {
    let decoded = percent_decode_str(raw).decode_utf8().map_err(|_| None)?;
    let path = decoded.strip_prefix("./").unwrap_or(&decoded);
    let is_unsafe = path.is_empty()
        || path.contains("://")
        || path.starts_with("file:")
        || names::is_escaping(path)
        || path.chars().any(names::is_invisible);
    if is_unsafe {
        return Err(None);
    }
    let from = folder(index);
    let found = container.find(&format!("{from}{path}")).or_else(|| container.find(path));
    // Some write the name as it is, percent signs included.
    found.or_else(|| container.find(&format!("{from}{raw}"))).ok_or_else(|| Some(path.to_owned()))
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
