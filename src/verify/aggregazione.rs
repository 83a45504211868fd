//! Do aggregations and documents name each other? Their metadata, read against all documents of the package.

use std::collections::{BTreeMap, BTreeSet};

use super::container::Container;
use super::digests::{self, Function};
use super::documento::{Known, located};
use super::findings::{Findings, Valued as _, error, note, warning};
use super::schema::{self, Schema};
use super::xml::{self, Element};
use super::{Options, rules};
use crate::finding::Finding;

/// One aggregation of the package.
struct Aggregation {
    path: String,
    kind: String,
    id: String,
    /// Its documents: id and `Impronta` as written.
    documents: Vec<(String, String)>,
}

/// Checks the aggregations by themselves and against the documents.
pub(super) fn check(container: &Container, files: &[usize], documents: &[Known], (options, findings): (&Options, &mut Findings)) {
    let read = super::each(files.len(), files.len() > super::SCHEMA_WORTH, |i| one(container, files[i], options));
    let mut aggregations = Vec::with_capacity(read.len());
    for (aggregation, found) in read {
        findings.extend(found);
        aggregations.extend(aggregation);
    }
    let mut by_id: BTreeMap<&str, &Known> = BTreeMap::new();
    for document in documents {
        if let Some(other) = by_id.insert(&document.id, document) {
            findings.push(error("document-id-twice").at(&document.path, "IdDoc/Identificativo").value("other", &other.path));
        }
    }
    for aggregation in &aggregations {
        contents(aggregation, &by_id, findings);
    }
    let listed: Vec<BTreeSet<&str>> =
        aggregations.iter().map(|aggregation| aggregation.documents.iter().map(|(id, _)| id.as_str()).collect()).collect();
    for document in documents {
        membership(document, (&aggregations, &listed), findings);
    }
}

fn one(container: &Container, at: usize, options: &Options) -> (Option<Aggregation>, Vec<Finding>) {
    let entry = &container.entries()[at];
    let read = container.bytes(entry, options.limits.metadata_bytes_max);
    let (bytes, root) = match read.and_then(|bytes| xml::parse(&bytes, &entry.path).map(|root| (bytes, root))) {
        Ok(read) => read,
        Err(fault) => return (None, vec![*fault]),
    };
    let mut found = schema::breaches(Schema::Aggregazione, &bytes, &entry.path);
    found.extend(rules::aggregation(&root).into_iter().map(|finding| located(finding, &entry.path)));
    let listed = root
        .child("IndiceDocumenti")
        .map_or_else(Vec::new, |index| index.all("TipoDocumento").filter_map(|d| d.children.first()).map(identity).collect());
    let aggregation = Aggregation {
        path: entry.path.clone(),
        kind: root.text_at("IdAgg/TipoAggregazione").to_owned(),
        id: root.text_at("IdAgg/IdAggregazione").to_owned(),
        documents: listed,
    };
    (Some(aggregation), found)
}

fn identity(id_doc: &Element) -> (String, String) {
    (id_doc.text_at("Identificativo").to_owned(), id_doc.text_at("ImprontaCrittograficaDelDocumento/Impronta").to_owned())
}

/// What an aggregation names is there, with the same digest. A document elsewhere may be in a linked PdV: a warning.
fn contents(aggregation: &Aggregation, by_id: &BTreeMap<&str, &Known>, findings: &mut Findings) {
    for (n, (id, impronta)) in aggregation.documents.iter().enumerate() {
        let place = format!("IndiceDocumenti/TipoDocumento[{}]", n + 1);
        let Some(document) = by_id.get(id.as_str()) else {
            findings.push(
                warning("aggregation-document-absent").at(&aggregation.path, &place).clause("A5 IndiceDocumenti").value("id", id),
            );
            continue;
        };
        let bytes = |text: &str| digests::decoded(text, Function::Sha256);
        if document.impronta != *impronta && (bytes(&document.impronta).is_none() || bytes(&document.impronta) != bytes(impronta))
        {
            let finding = error("aggregation-impronta").at(&aggregation.path, &place).clause("A5 IndiceDocumenti");
            findings.push(finding.value("id", id).value("file", &document.path));
        }
    }
}

/// A document belongs to an aggregation of this package, and that aggregation knows it.
fn membership(document: &Known, (aggregations, listed): (&[Aggregation], &[BTreeSet<&str>]), findings: &mut Findings) {
    let mut is_home = document.aggregations.is_empty();
    for (kind, id) in &document.aggregations {
        let Some((aggregation, listed)) = aggregations.iter().zip(listed).find(|(a, _)| a.id == *id) else {
            findings.push(note("aggregation-elsewhere").at(&document.path, "Agg/TipoAgg").value("id", id));
            continue;
        };
        is_home = true;
        if aggregation.kind != *kind {
            let finding = error("aggregation-kind").at(&document.path, "Agg/TipoAgg/TipoAggregazione").clause("A5 Agg");
            findings.push(finding.value("said", kind).value("found", &aggregation.kind));
        }
        if !listed.contains(document.id.as_str()) {
            let finding =
                error("document-not-in-aggregation").at(&aggregation.path, "IndiceDocumenti").clause("A5 IndiceDocumenti");
            findings.push(finding.value("id", &document.id).value("aggregation", id));
        }
    }
    if !is_home {
        findings.push(error("aggregation-unknown").at(&document.path, "Agg").clause("A5 Agg"));
    }
}
