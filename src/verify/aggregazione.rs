//! Do aggregations and documents name each other? Their metadata, read against all documents of the package.
//!
//! There may be a hundred thousand documents, and one aggregation may name them all: of each only what is compared is kept, and
//! what an aggregation says of one is compared while it is read.

use std::collections::BTreeMap;

use super::container::Container;
use super::digests::{self, Function};
use super::documento::{Known, located};
use super::findings::{Findings, Valued as _, error, note, warning};
use super::schema::Schema;
use super::xml::Element;
use super::{Options, long, rules};

/// The documents of a package, while they are read.
#[derive(Debug, Default)]
pub(super) struct Roll {
    documents: Vec<Document>,
    /// What documents say they belong to, each saying once.
    memberships: BTreeMap<Vec<(String, String)>, u32>,
}

/// What is kept of a document.
#[derive(Debug)]
struct Document {
    id: Box<str>,
    impronta: Impronta,
    /// Its metadata, by position in the container.
    at: u32,
    /// The number of what it says it belongs to.
    membership: u32,
}

/// An `Impronta` as it is compared: two ways to write one digest are one.
#[derive(Debug, PartialEq, Eq)]
enum Impronta {
    Sha256([u8; 32]),
    Other(Box<str>),
}

impl Impronta {
    fn of(text: &str) -> Self {
        let bytes = digests::decoded(text, Function::Sha256).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map_or_else(|| Self::Other(text.into()), Self::Sha256)
    }
}

impl Roll {
    /// Takes a document in; none is one whose metadata could not be read.
    pub(super) fn enter(&mut self, document: Option<Known>) {
        let Some(Known { at, id, impronta, aggregations }) = document else { return };
        let next = self.memberships.len() as u32;
        let membership = *self.memberships.entry(aggregations).or_insert(next);
        let impronta = Impronta::of(&impronta);
        self.documents.push(Document { id: id.into(), impronta, at: at as u32, membership });
    }

    /// All are in: they can be found by their ids.
    pub(super) fn closed(self) -> Register {
        let Self { mut documents, memberships } = self;
        documents.sort_by(|a, b| a.id.cmp(&b.id));
        let mut said = vec![Vec::new(); memberships.len()];
        for (membership, n) in memberships {
            said[n as usize] = membership;
        }
        Register { documents, said }
    }
}

/// The documents of a package in the order of their ids.
#[derive(Debug)]
pub(super) struct Register {
    documents: Vec<Document>,
    said: Vec<Vec<(String, String)>>,
}

impl Register {
    /// Where the documents of that id begin.
    fn first(&self, id: &str) -> usize {
        self.documents.partition_point(|document| &*document.id < id)
    }

    /// The last document of that id, and where those of that id begin.
    fn find(&self, id: &str) -> Option<(usize, &Document)> {
        let first = self.first(id);
        let alike = self.documents[first..].iter().take_while(|document| &*document.id == id);
        Some((first, alike.last()?))
    }
}

/// One aggregation of the package.
struct Aggregation {
    path: String,
    kind: String,
    id: String,
    /// Those of its documents that are here: where those of their id begin in the register, in order.
    documents: Vec<u32>,
}

/// Checks the aggregations by themselves and against the documents.
pub(super) fn check(
    container: &Container,
    files: &[usize],
    documents: &Register,
    (options, findings): (&Options, &mut Findings),
) {
    let read = super::each(files.len(), files.len() > super::SCHEMA_WORTH, |i| one(container, files[i], documents, options));
    let mut aggregations = Vec::with_capacity(read.len());
    for (aggregation, found) in read {
        findings.absorb(found);
        aggregations.extend(aggregation);
    }
    let path = |document: &Document| container.entries()[document.at as usize].path.as_str();
    for pair in documents.documents.windows(2).filter(|pair| pair[0].id == pair[1].id) {
        findings.push(error("document-id-twice").at(path(&pair[1]), "IdDoc/Identificativo").value("other", path(&pair[0])));
    }
    let by_id: BTreeMap<&str, &Aggregation> = aggregations.iter().rev().map(|a| (a.id.as_str(), a)).collect();
    for document in &documents.documents {
        membership((path(document), document), documents, (&by_id, findings));
    }
}

fn one(container: &Container, at: usize, documents: &Register, options: &Options) -> (Option<Aggregation>, Findings) {
    let entry = &container.entries()[at];
    let (mut found, mut listed, mut n) = (Findings::default(), Vec::new(), 0_u32);
    let mut take = |element: Element| {
        n += 1;
        let Some(id_doc) = element.children.first() else { return };
        let (id, place) = (id_doc.text_at("Identificativo"), || format!("IndiceDocumenti/TipoDocumento[{n}]"));
        // A document elsewhere may be in a linked PdV.
        let Some((first, document)) = documents.find(id) else {
            let finding = warning("aggregation-document-absent").at(&entry.path, &place());
            return found.push(finding.clause("A5 IndiceDocumenti").value("id", id));
        };
        listed.push(first as u32);
        if document.impronta != Impronta::of(id_doc.text_at("ImprontaCrittograficaDelDocumento/Impronta")) {
            let finding = error("aggregation-impronta").at(&entry.path, &place()).clause("A5 IndiceDocumenti");
            found.push(finding.value("id", id).value("file", &container.entries()[document.at as usize].path));
        }
    };
    let read =
        long::harvest(container, (entry, Schema::Aggregazione), options.limits.metadata_bytes_max, &["TipoDocumento"], &mut take);
    listed.sort_unstable();
    let (root, breaches) = match read {
        Ok((Ok(root), breaches)) => (root, breaches),
        Ok((Err(fault), _)) | Err(fault) => {
            found.push(*fault);
            return (None, found);
        }
    };
    found.extend(breaches);
    found.extend(rules::aggregation(&root).into_iter().map(|finding| located(finding, &entry.path)));
    let aggregation = Aggregation {
        path: entry.path.clone(),
        kind: root.text_at("IdAgg/TipoAggregazione").to_owned(),
        id: root.text_at("IdAgg/IdAggregazione").to_owned(),
        documents: listed,
    };
    (Some(aggregation), found)
}

/// A document belongs to an aggregation of this package, and that aggregation knows it.
fn membership(
    (path, document): (&str, &Document),
    documents: &Register,
    (aggregations, findings): (&BTreeMap<&str, &Aggregation>, &mut Findings),
) {
    let said = documents.said.get(document.membership as usize).map_or(&[][..], Vec::as_slice);
    let mut is_home = said.is_empty();
    for (kind, id) in said {
        let Some(aggregation) = aggregations.get(id.as_str()) else {
            findings.push(note("aggregation-elsewhere").at(path, "Agg/TipoAgg").value("id", id));
            continue;
        };
        is_home = true;
        if aggregation.kind != *kind {
            let finding = error("aggregation-kind").at(path, "Agg/TipoAgg/TipoAggregazione").clause("A5 Agg");
            findings.push(finding.value("said", kind).value("found", &aggregation.kind));
        }
        let first = documents.first(&document.id) as u32;
        if aggregation.documents.binary_search(&first).is_err() {
            let finding =
                error("document-not-in-aggregation").at(&aggregation.path, "IndiceDocumenti").clause("A5 IndiceDocumenti");
            findings.push(finding.value("id", &document.id).value("aggregation", id));
        }
    }
    if !is_home {
        findings.push(error("aggregation-unknown").at(path, "Agg").clause("A5 Agg"));
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test writes into its own folder")]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn an_aggregation_of_more_documents_than_are_held_at_once_is_read() {
        let documents = 75_000;
        let mut xml =
            "<AggregazioneDocumentaliInformatiche><IdAgg><IdAggregazione>a</IdAggregazione></IdAgg><IndiceDocumenti>".to_owned();
        for n in 0..documents {
            let _ = write!(
                xml,
                "<TipoDocumento><D><ImprontaCrittograficaDelDocumento><Impronta>x</Impronta><Algoritmo/>\
                 </ImprontaCrittograficaDelDocumento><Identificativo>{n}</Identificativo><Segnatura/></D></TipoDocumento>"
            );
        }
        xml.push_str("</IndiceDocumenti></AggregazioneDocumentaliInformatiche>");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.xml"), xml).unwrap();
        let (options, mut findings) = (Options::default(), Findings::default());
        let container = Container::open(folder.path(), &options.limits, &mut findings).unwrap().unwrap();
        let mut roll = Roll::default();
        let known = |id: u32, impronta: &str| Known {
            at: 0,
            id: id.to_string(),
            impronta: impronta.to_owned(),
            aggregations: vec![("Fascicolo".to_owned(), "a".to_owned())],
        };
        roll.enter(Some(known(documents - 1, "x")));
        roll.enter(Some(known(7, "y")));
        let (aggregation, found) = one(&container, 0, &roll.closed(), &options);
        let aggregation = aggregation.unwrap();
        assert_eq!((aggregation.id.as_str(), aggregation.documents.as_slice()), ("a", &[0, 1][..]));
        let (found, _) = found.into_list();
        let wrong = found.iter().filter(|finding| finding.message.code() == "aggregation-impronta").count();
        assert_eq!(wrong, 1);
    }
}
