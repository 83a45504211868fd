//! Is this a good request for Sacer? The parts that its XSD requires, the counts, and the files beside it by component.
//!
//! Laid out as `package --profile sacer` lays it out: the XML of a request, and beside it a folder `file/` with one file per
//! component, named by the component's ID. A request without files is judged for its form alone.

use std::collections::BTreeSet;

use super::claims::{self, Claim, Place};
use super::container::Container;
use super::digests::{Digests, Function, decoded};
use super::findings::{Findings, Valued as _, error, note, warning};
use super::xml::{self, Element};
use super::{Options, kind, pindex};

/// What a request must have, by root element (norms, 5.2 and 5.4).
const REQUIRED: [(&str, &[&str]); 2] = [
    (
        "UnitaDocumentaria",
        &[
            "Intestazione/Versione",
            "Intestazione/Versatore/Ambiente",
            "Intestazione/Versatore/Ente",
            "Intestazione/Versatore/Struttura",
            "Intestazione/Versatore/UserID",
            "Intestazione/Chiave/Numero",
            "Intestazione/Chiave/Anno",
            "Intestazione/Chiave/TipoRegistro",
            "Intestazione/TipologiaUnitaDocumentaria",
            "DocumentoPrincipale/IDDocumento",
            "DocumentoPrincipale/TipoDocumento",
            "DocumentoPrincipale/StrutturaOriginale/Componenti/Componente",
        ],
    ),
    (
        "IndiceSIPFascicolo",
        &[
            "Parametri/VersioneIndiceSIPFascicolo",
            "Parametri/TipoConservazione",
            "Intestazione/Versatore/Ambiente",
            "Intestazione/Versatore/Ente",
            "Intestazione/Versatore/Struttura",
            "Intestazione/Versatore/UserID",
            "Intestazione/Chiave/Anno",
            "Intestazione/Chiave/Numero",
            "Intestazione/TipoFascicolo",
            "ProfiloArchivistico",
            "ProfiloGenerale",
            "Contenuto",
        ],
    ),
];

/// Folder of the components' files, beside the request.
const FILES: &str = "file/";

/// Checks all requests of the package; `first` is the position of one of them.
pub(super) fn check(container: &Container, first: usize, options: &Options, findings: &mut Findings) -> Digests {
    let mut claims = Vec::new();
    let mut known = BTreeSet::from([first]);
    for (at, entry) in container.entries().iter().enumerate() {
        let begins = || container.beginning(entry).and_then(|bytes| kind::root(&bytes));
        let is_inside = entry.path.starts_with(FILES) || entry.path.contains(&format!("/{FILES}"));
        if is_inside || !(at == first || begins().is_some_and(|root| kind::SACER.contains(&root.as_str()))) {
            continue;
        }
        known.insert(at);
        match container.bytes(entry, options.limits.metadata_bytes_max).and_then(|bytes| xml::parse(&bytes, &entry.path)) {
            Ok(root) => request(container, (at, &root), (&mut claims, findings)),
            Err(fault) => findings.push(*fault),
        }
    }
    known.extend(claims.iter().map(|claim: &Claim| claim.entry as usize));
    for (_, entry) in container.entries().iter().enumerate().filter(|(i, _)| !known.contains(i)) {
        // What is sent must be named by a request; what only lies beside is said.
        let is_sent = entry.path.starts_with(FILES) || entry.path.contains(&format!("/{FILES}"));
        findings.push(if is_sent { error("file-unlisted") } else { note("sacer-beside") }.at(&entry.path, ""));
    }
    claims::check(container, claims, findings)
}

fn request(container: &Container, (at, root): (usize, &Element), (claims, findings): (&mut Vec<Claim>, &mut Findings)) {
    let path = container.entries()[at].path.as_str();
    let Some((_, required)) = REQUIRED.iter().find(|(name, _)| *name == root.name) else {
        findings.push(warning("sacer-part").at(path, "/").value("name", &root.name));
        return;
    };
    for place in required.iter().filter(|place| root.at(place).is_none_or(|e| e.text.is_empty() && e.children.is_empty())) {
        findings.push(error("sacer-missing").at(path, place).value("name", place));
    }
    for (count, list) in [("NumeroAllegati", "Allegati"), ("NumeroAnnessi", "Annessi"), ("NumeroAnnotazioni", "Annotazioni")] {
        let (said, found) = (root.text_at(count), root.child(list).map_or(0, |list| list.children.len()));
        if !said.is_empty() && said.parse() != Ok(found) {
            findings.push(error("sacer-count").at(path, count).clause("XSD-003").value("said", said).value("found", found));
        }
    }
    components(container, (at, root), (claims, findings));
}

fn components(container: &Container, (at, root): (usize, &Element), (claims, findings): (&mut Vec<Claim>, &mut Findings)) {
    let path = container.entries()[at].path.as_str();
    let mut found = Vec::new();
    gather(root, &mut found);
    let folder = format!("{}{FILES}", pindex::folder(path));
    if !found.is_empty() && container.is_lone() {
        findings.push(warning("index-alone").at(path, "").value("count", found.len()));
    }
    let mut ids = BTreeSet::new();
    for component in found {
        let id = component.text_at("ID");
        let place = format!("Componente[ID='{id}']");
        if !ids.insert(id) {
            findings.push(error("sacer-id-twice").at(path, &place).clause("XSD-002").value("id", id));
        }
        if container.is_lone() {
            continue;
        }
        let Some(entry) = container.find(&format!("{folder}{id}")) else {
            findings.push(error("file-missing").at(path, &place).value("file", format!("{folder}{id}")));
            continue;
        };
        let hash = component.text_at("HashVersato");
        // Sacer infers the function from the length, and tries hexadecimal first.
        let function = [Function::Sha256, Function::Sha512, Function::Sha384, Function::Sha224, Function::Sha1, Function::Md5]
            .into_iter()
            .find_map(|function| Some((function, decoded(hash, function)?)));
        match function {
            Some((function, said)) => {
                let place = Place::Element(format!("{path} {place}").into());
                claims.push(Claim { entry: entry as u32, function, said: said.into(), place });
            }
            None => findings.push(error("hash-unreadable").at(path, &place).value("hash", hash)),
        }
    }
}

fn gather<'a>(element: &'a Element, found: &mut Vec<&'a Element>) {
    // The normative profile is not Sacer's and has no components.
    for child in element.children.iter().filter(|child| child.name != "ProfiloNormativo") {
        if child.name == "Componente" {
            found.push(child);
        }
        gather(child, found);
    }
}
