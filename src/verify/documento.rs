//! Do the metadata of a document tell the truth about its files? One document folder at a time.

use super::agid;
use super::container::Container;
use super::digests::{self, Digests, Function};
use super::findings::{Valued as _, error, note, warning};
use super::layout::{DAI, Folder};
use super::schema::{self, Schema};
use super::xml::{self, Element};
use super::{Options, rules};
use crate::finding::Finding;

/// What the rest of the package must know of a document.
#[derive(Debug)]
pub(super) struct Known {
    /// Its metadata, by position in the container.
    pub(super) at: usize,
    /// `IdDoc/Identificativo`.
    pub(super) id: String,
    /// `IdDoc/…/Impronta` as written.
    pub(super) impronta: String,
    /// The aggregations that it says it belongs to: kind and id.
    pub(super) aggregations: Vec<(String, String)>,
}

/// Checks one document; its facts if its metadata could be read.
pub(super) fn check(
    container: &Container,
    folder: &Folder,
    digests: &Digests,
    options: &Options,
) -> (Option<Known>, Vec<Finding>) {
    let mut found = Vec::new();
    if let Some(events) = folder.events {
        found.extend(agid::premis(container, events, options));
    }
    let Some(at) = folder.metadata.first() else { return (None, found) };
    let entry = &container.entries()[*at];
    let is_amministrativo = entry.path.ends_with(DAI);
    let read = container.bytes(entry, options.limits.metadata_bytes_max);
    let (bytes, root) = match read.and_then(|bytes| xml::parse(&bytes, &entry.path).map(|root| (bytes, root))) {
        Ok(read) => read,
        Err(fault) => {
            found.push(*fault);
            return (None, found);
        }
    };
    let schema = if is_amministrativo { Schema::DocumentoAmministrativo } else { Schema::Documento };
    found.extend(schema::breaches(schema, &bytes, &entry.path));
    drop(bytes);
    found.extend(rules::document(&root, is_amministrativo).into_iter().map(|finding| located(finding, &entry.path)));
    let facts = Facts { container, digests, path: &entry.path };
    principale(&facts, &root, folder, &mut found);
    allegati(&facts, &root, folder, &mut found);
    for flag in root.child("Verifica").map_or(&[][..], |verifica| &verifica.children) {
        if matches!(flag.text.as_str(), "true" | "1") {
            // What is claimed here was checked by whoever made the package; from the files alone it cannot be checked again.
            found.push(note("verifica-claimed").at(&entry.path, "Verifica").clause("C-06").value("flag", &flag.name));
        }
    }
    (Some(known(&root, *at)), found)
}

/// Puts the file's path to a finding that knows only the element.
pub(super) fn located(mut finding: Finding, path: &str) -> Finding {
    path.clone_into(&mut finding.path);
    finding
}

fn known(root: &Element, at: usize) -> Known {
    let aggregations = root.child("Agg").map_or_else(Vec::new, |agg| {
        agg.all("TipoAgg").map(|a| (a.text_at("TipoAggregazione").to_owned(), a.text_at("IdAggregazione").to_owned())).collect()
    });
    Known {
        at,
        id: root.text_at("IdDoc/Identificativo").to_owned(),
        impronta: root.text_at("IdDoc/ImprontaCrittograficaDelDocumento/Impronta").to_owned(),
        aggregations,
    }
}

struct Facts<'a> {
    container: &'a Container,
    digests: &'a Digests,
    path: &'a str,
}

impl Facts<'_> {
    /// True if `id_doc` states the digest of the file at `entry`; `None` where that cannot be said, and why is in `found`.
    fn states(&self, id_doc: &Element, entry: usize, found: &mut Vec<Finding>) -> Option<bool> {
        let impronta = id_doc.child("ImprontaCrittograficaDelDocumento")?;
        let (hash, named) = (impronta.text_at("Impronta"), impronta.text_at("Algoritmo"));
        let function = if named.is_empty() { Some(Function::Sha256) } else { Function::admitted(named) };
        let place = "IdDoc/ImprontaCrittograficaDelDocumento";
        let Some(function) = function else {
            found.push(error("hash-function").at(self.path, place).value("function", named));
            return None;
        };
        let Some(said) = digests::decoded(hash, function) else {
            found.push(error("hash-unreadable").at(self.path, place).value("hash", hash));
            return None;
        };
        if function == Function::Sha256 {
            return Some(said == self.digests.get(entry)?.as_ref()?.bytes());
        }
        found.push(warning("hash-not-sha256").at(self.path, place).value("function", named));
        Some(said == digests::digest(self.container, &self.container.entries()[entry], function).ok()?)
    }
}

fn principale(facts: &Facts<'_>, root: &Element, folder: &Folder, found: &mut Vec<Finding>) {
    let (Some(id_doc), [file]) = (root.child("IdDoc"), folder.principale.as_slice()) else { return };
    if facts.states(id_doc, *file, found) == Some(false) {
        let finding =
            error("impronta-wrong").at(facts.path, "IdDoc/ImprontaCrittograficaDelDocumento/Impronta").clause("A5 IdDoc");
        found.push(finding.value("file", &facts.container.entries()[*file].path));
    }
}

/// Each entry of `IndiceAllegati` is one file of `allegati/`, by its digest, and the other way round.
fn allegati(facts: &Facts<'_>, root: &Element, folder: &Folder, found: &mut Vec<Finding>) {
    let Some(allegati) = root.child("Allegati") else { return };
    let said: Option<u64> = allegati.text_at("NumeroAllegati").parse().ok();
    let mut files: Vec<usize> = folder.allegati.values().flatten().copied().collect();
    if said != Some(files.len() as u64) {
        let finding = error("attachment-count").at(facts.path, "Allegati/NumeroAllegati").clause("A5 Allegati");
        found.push(finding.value("said", allegati.text_at("NumeroAllegati")).value("found", files.len()));
    }
    for (n, entry) in allegati.all("IndiceAllegati").enumerate() {
        let Some(id_doc) = entry.child("IdDoc") else { continue };
        let mut is_open = false;
        let at = files.iter().position(|file| {
            let states = facts.states(id_doc, *file, &mut Vec::new());
            is_open |= states.is_none();
            states == Some(true)
        });
        match at {
            Some(at) => drop(files.remove(at)),
            // A file whose digest is unknown (unreadable, unlisted) may be the one meant; that fault has its own finding.
            None if is_open => return,
            None => {
                let place = format!("Allegati/IndiceAllegati[{}]/IdDoc", n + 1);
                let finding = error("attachment-absent").at(facts.path, &place).clause("A5 Allegati");
                found.push(finding.value("id", id_doc.text_at("Identificativo")));
            }
        }
    }
    for file in files.iter().filter(|file| facts.digests.get(**file).is_some_and(Option::is_some)) {
        let finding = error("attachment-unnamed").at(facts.path, "Allegati").clause("A5 Allegati");
        found.push(finding.value("file", &facts.container.entries()[*file].path));
    }
}
