//! What does the index of the package promise? The PIndex (UNI 11386:2020) as a list of files with their digests.

use std::collections::BTreeSet;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::container::{Container, is_envelope};
use super::digests::{Function, decoded};
use super::findings::{Findings, Valued as _, error, note, warning};
use super::schema::Schema;
use super::xml::Element;
use super::{long, names, rules};
use crate::digest::Digest;
use crate::limits::Limits;

/// Name of the index file.
pub(super) const NAME: &str = "PIndex.xml";

/// What the index says.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Its files in order, those of `ExternalMetadata` included.
    pub(super) files: Vec<Promise>,
    /// The rest of the tree, without its files and their groups.
    pub(super) root: Element,
    /// Its form.
    pub(super) form: Form,
}

/// One file as the index promises it. There may be a hundred thousand: of each only what is not in the package itself is kept.
#[derive(Debug)]
pub(super) struct Promise {
    /// Its number among the files of the index, from 1.
    n: u32,
    /// True of an `ExternalMetadata`.
    is_external: bool,
    /// The file of the package that it means, if it is there.
    pub(super) entry: Option<usize>,
    /// Its digest.
    pub(super) said: Said,
    /// `format` as written.
    pub(super) format: Arc<str>,
}

/// A digest as the index says it.
#[derive(Debug)]
pub(super) enum Said {
    /// A SHA-256.
    Sha256(Digest),
    /// Anything else: `hashFunction` and `Hash` as written.
    Other(Box<(String, String)>),
}

impl Promise {
    /// Its place in the index (`File[3]`).
    pub(super) fn place(&self) -> String {
        format!("{}[{}]", if self.is_external { "ExternalMetadata" } else { "File" }, self.n)
    }
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
    if is_envelope(&entry.path) && Container::is_readable(entry) {
        findings.push(note("index-in-envelope").at(&entry.path, ""));
    }
    let mut gathered = Gathered { container, at, form, formats: BTreeSet::new(), files: Vec::new(), findings };
    let mut take = |element: Element| gathered.take(&element);
    let read = long::harvest(container, (entry, form.schema()), limits.metadata_bytes_max, &CROP, &mut take);
    let Gathered { files, findings, .. } = gathered;
    if container.is_lone() {
        findings.push(warning("index-alone").at(&entry.path, "").value("count", files.len()));
    }
    let index = match read {
        Ok((Ok(root), breaches)) => {
            findings.extend(breaches);
            Index { files, root, form }
        }
        Ok((Err(fault), _)) => {
            // What was read before the fault is still held against the package: all findings in one run.
            findings.push(*fault);
            return Some(Index { files, form, ..Index::default() });
        }
        Err(fault) => {
            findings.push(*fault);
            return None;
        }
    };
    if index.root.name != form.root() {
        findings.push(error("index-root").at(&entry.path, "/").value("name", &index.root.name));
    }
    if form == Form::Agid {
        note_signs(&index.root, &entry.path, findings);
    }
    Some(index)
}

/// What is gathered while an index is read.
struct Gathered<'a> {
    container: &'a Container,
    at: usize,
    form: Form,
    formats: BTreeSet<Arc<str>>,
    files: Vec<Promise>,
    findings: &'a mut Findings,
}

/// The elements that are files, and the one that holds files.
const CROP: [&str; 3] = ["File", "ExternalMetadata", "FileGroup"];

impl Gathered<'_> {
    fn take(&mut self, file: &Element) {
        // Its files were taken one by one; nobody asks what else a group says.
        if file.name == "FileGroup" {
            return;
        }
        let hash = file.child("Hash");
        let named = |name: &str| hash.map_or("", |hash| hash.attribute(name));
        let function = match self.form {
            Form::Agid | Form::Of2020 => named("hashFunction"),
            // The default of the schema of 2010.
            Form::Of2010 => Some(named("function")).filter(|f| !f.is_empty()).unwrap_or("SHA-1"),
        };
        let text = hash.map_or("", |hash| hash.text.as_str());
        let is_sha256 = self.form.function(function) == Some(Function::Sha256);
        let digest = decoded(text, Function::Sha256).filter(|_| is_sha256).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let said = match digest {
            Some(bytes) => Said::Sha256(Digest::from(bytes)),
            None => Said::Other(Box::new((function.to_owned(), text.to_owned()))),
        };
        let format = file.attribute("format");
        let format = self.formats.get(format).cloned().unwrap_or_else(|| {
            let format: Arc<str> = format.into();
            self.formats.insert(Arc::clone(&format));
            format
        });
        let is_external = file.name == "ExternalMetadata";
        let mut promise = Promise { n: self.files.len() as u32 + 1, is_external, entry: None, said, format };
        if !self.container.is_lone() {
            promise.entry = self.resolved(file, &promise);
        }
        self.files.push(promise);
    }

    /// The file that `Path` means: relative to the index's folder, else to the package's root.
    fn resolved(&mut self, file: &Element, promise: &Promise) -> Option<usize> {
        let (container, path) = (self.container, self.container.entries()[self.at].path.as_str());
        let raw = file.text_at("Path");
        // Path is optional in 2010; then the ID may be the file's name.
        if self.form == Form::Of2010 && raw.is_empty() {
            let id = file.text_at("ID");
            let found = container.find(&format!("{}{id}", folder(path))).or_else(|| container.find(id));
            if found.is_none() {
                self.findings.push(warning("index-no-path").at(path, &promise.place()).value("id", id));
            }
            return found;
        }
        match meant(container, path, raw) {
            Ok(entry) => return Some(entry),
            Err(Some(file)) => {
                let finding = error("file-missing").at(&file, &promise.place()).clause("UNI 11386 File/Path");
                self.findings.push(finding.value("file", &file));
            }
            Err(None) => self.findings.push(error("index-path-unsafe").at(path, &promise.place()).value("file", raw)),
        }
        None
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
            findings.push(error("index-lists-itself").at(path, &promise.place()));
        } else if promised[entry] > 1 {
            let twice = error("index-twice").at(path, &promise.place());
            findings.push(twice.value("file", &container.entries()[entry].path));
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
