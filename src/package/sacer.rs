//! How does it go to Sacer? For each document the request of `VersamentoSync` (UnitaDocumentaria 1.5), then the fascicolo (v3).
//!
//! Each request has its folder: `XMLSIP.xml`, the files as `file/<Componente ID>`, and `parti.tsv`, the parts of the multipart in
//! the order in which they are sent (the order is fixed; the field name of a file is its component's ID: norms, 5.1). The
//! password is written nowhere. What the conservatore calls things stands in the table `[sacer]` of the configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::facts::{Facts, first};
use super::listed::Entry;
use super::profile::Closing;
use super::{Plan, PlannedDocument, PlannedFile};
use crate::aggregation::TipoAggregazione;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::pdv::Versatore;
use crate::xml::Xml;

/// The version of the request that carries ProfiloNormativo (norms, 5.2).
const VERSION: &str = "1.5";
/// Version of the index of a fascicolo.
const FASCICOLO_VERSION: &str = "3.0";
/// Component of a document's events.
pub(super) const EVENTS: &str = "EVENTI";

/// The component ID of a file: its role and number.
pub(super) fn component_id(role: &str, n: &str) -> String {
    format!("{}-{n}", role.to_uppercase())
}

/// The requests of the package.
pub(super) fn closing<'e>(plan: &'e Plan, entries: &[Entry<'_>]) -> Result<Vec<Closing<'e>>> {
    let versatore = plan.versatore.as_ref().ok_or_else(|| Error::bug("a plan for Sacer without its versatore"))?;
    let mut files = Vec::new();
    let events = events(entries);
    for document in &plan.documents {
        let folder = document.folder.trim_start_matches(&format!("{}/", plan.id)).trim_end_matches("file/");
        let events = events.get(document.id.as_str()).ok_or_else(|| Error::bug("the events of a document were not written"))?;
        let parts = Parts::of(document, events);
        let request = Request { plan, versatore, document, facts: Facts::of(document), parts };
        files.push(Closing::new(format!("{folder}XMLSIP.xml"), request.xml()));
        files.push(Closing::new(format!("{folder}parti.tsv"), request.table()));
    }
    files.push(Closing::new("fascicolo/XMLSIP.xml", fascicolo(plan, versatore)));
    files.push(Closing::new("fascicolo/parti.tsv", fields(FASCICOLO_VERSION, versatore)));
    Ok(files)
}

/// The digest of each document's events.
fn events<'a>(entries: &'a [Entry<'_>]) -> BTreeMap<&'a str, Digest> {
    let events = entries.iter().filter(|entry| entry.listed.path.ends_with(&format!("file/{EVENTS}")));
    events.map(|entry| (entry.listed.group, entry.proof.sha256)).collect()
}

/// One document of Sacer's: a component with its file.
struct Part {
    id: String,
    name: String,
    mime: String,
    sha256: Digest,
}

/// The parts of a unit, by their place in the request.
struct Parts {
    principale: Vec<Part>,
    allegati: Vec<Part>,
    annessi: Vec<Part>,
}

impl Parts {
    fn of(document: &PlannedDocument, events: &Digest) -> Self {
        let mut parts = Self { principale: Vec::new(), allegati: Vec::new(), annessi: Vec::new() };
        for file in &document.files {
            match file.role.as_str() {
                "principale" => parts.principale.push(part(file)),
                "allegato" => parts.allegati.push(part(file)),
                // Copies travel as annexes: the norm knows no other place for what was made of a document.
                _ => parts.annessi.push(part(file)),
            }
        }
        let name = "eventi.xml".to_owned();
        parts.annessi.push(Part { id: EVENTS.to_owned(), name, mime: "application/xml".to_owned(), sha256: *events });
        parts
    }

    fn all(&self) -> impl Iterator<Item = &Part> {
        self.principale.iter().chain(&self.allegati).chain(&self.annessi)
    }
}

fn part(file: &PlannedFile) -> Part {
    let id = file.path.rsplit('/').next().unwrap_or_default().to_owned();
    let extension = match file.mime.as_str() {
        "application/pdf" => "pdf",
        "application/xml" => "xml",
        "text/plain" => "txt",
        _ => "bin",
    };
    // NomeComponente holds 254 characters; a longer name stands whole in the events and in Allegato 5.
    let name = file.name.clone().unwrap_or_else(|| format!("{}.{extension}", file.role));
    Part { name: name.chars().take(254).collect(), mime: file.mime.clone(), sha256: file.sha256, id }
}

struct Request<'a> {
    plan: &'a Plan,
    versatore: &'a Versatore,
    document: &'a PlannedDocument,
    facts: Facts,
    parts: Parts,
}

impl Request<'_> {
    fn xml(&self) -> String {
        let facts = &self.facts;
        let mut xml = Xml::default();
        xml.group("UnitaDocumentaria", |xml| {
            xml.group("Intestazione", |xml| {
                xml.leaf("Versione", VERSION);
                write_versatore(xml, self.versatore);
                xml.group("Chiave", |xml| {
                    xml.leaf("Numero", &facts.numero);
                    xml.leaf("Anno", &facts.anno);
                    xml.leaf("TipoRegistro", &facts.registro);
                });
                xml.leaf("TipologiaUnitaDocumentaria", self.versatore.tipologia.as_deref().unwrap_or(&facts.tipologia));
            });
            if let Some(kind) = &self.versatore.tipo_conservazione {
                xml.group("Configurazione", |xml| xml.leaf("TipoConservazione", kind));
            }
            xml.group("ProfiloArchivistico", |xml| self.filing(xml));
            xml.group("ProfiloUnitaDocumentaria", |xml| {
                xml.leaf("Oggetto", &facts.oggetto);
                xml.leaf("Data", &facts.data);
            });
            xml.element("ProfiloNormativo", &[("versione", &self.versatore.profilo_normativo)], |xml| {
                xml.made(&self.document.metadata.text);
            });
            xml.leaf("NumeroAllegati", &self.parts.allegati.len().to_string());
            xml.leaf("NumeroAnnessi", &self.parts.annessi.len().to_string());
            xml.leaf("NumeroAnnotazioni", "0");
            for part in &self.parts.principale {
                xml.group("DocumentoPrincipale", |xml| self.documento(xml, part, &facts.tipologia));
            }
            for (list, one, parts) in
                [("Allegati", "Allegato", &self.parts.allegati), ("Annessi", "Annesso", &self.parts.annessi)]
            {
                if !parts.is_empty() {
                    xml.group(list, |xml| {
                        for part in parts {
                            xml.group(one, |xml| self.documento(xml, part, &one.to_uppercase()));
                        }
                    });
                }
            }
        });
        xml.finish()
    }

    fn filing(&self, xml: &mut Xml) {
        let aggregation = &self.plan.aggregation;
        xml.group("FascicoloPrincipale", |xml| {
            xml.leaf_if("Classifica", Some(self.facts.voce.as_str()).filter(|voce| !voce.is_empty()));
            xml.group("Fascicolo", |xml| {
                xml.leaf("Identificativo", aggregation.id.as_str());
                xml.leaf("Oggetto", &aggregation.oggetto);
            });
        });
    }

    fn documento(&self, xml: &mut Xml, part: &Part, tipo: &str) {
        let extension = part.name.rsplit_once('.').map_or("BIN", |(_, extension)| extension).to_uppercase();
        // A hundred characters at most: the id of the document and of the component.
        xml.leaf("IDDocumento", &format!("{}/{}", self.document.id, part.id));
        xml.leaf("TipoDocumento", if tipo.is_empty() { "DOCUMENTO" } else { tipo });
        xml.group("StrutturaOriginale", |xml| {
            xml.leaf("TipoStruttura", &self.versatore.tipo_struttura);
            xml.group("Componenti", |xml| {
                xml.group("Componente", |xml| {
                    xml.leaf("ID", &part.id);
                    xml.leaf("OrdinePresentazione", "1");
                    xml.leaf("TipoComponente", &self.versatore.tipo_componente);
                    xml.leaf("TipoSupportoComponente", "FILE");
                    xml.leaf("NomeComponente", &part.name);
                    xml.leaf("FormatoFileVersato", &extension);
                    xml.leaf("HashVersato", &part.sha256.hex());
                });
            });
        });
    }

    /// The parts in the order in which they are sent.
    fn table(&self) -> String {
        let mut text = fields(VERSION, self.versatore);
        for (n, part) in (5..).zip(self.parts.all()) {
            let name = part.name.replace(['\t', '\n', '\r'], " ");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{n}\t{}\tfile\tfile/{}\t{name}\t{}", part.id, part.id, part.mime);
        }
        text
    }
}

/// The plain fields that come before the files. The password is asked for when it is sent.
fn fields(version: &str, versatore: &Versatore) -> String {
    format!(
        "n\tnome\ttipo\tcontenuto\tnome del file\tformato\n1\tVERSIONE\tcampo\t{version}\t\t\n2\tLOGINNAME\tcampo\t{}\t\t\n\
         3\tPASSWORD\tcampo\t\t\t\n4\tXMLSIP\tcampo\tXMLSIP.xml\t\tapplication/xml\n",
        versatore.user_id
    )
}

fn write_versatore(xml: &mut Xml, versatore: &Versatore) {
    xml.group("Versatore", |xml| {
        xml.leaf("Ambiente", &versatore.ambiente);
        xml.leaf("Ente", &versatore.ente);
        xml.leaf("Struttura", &versatore.struttura);
        xml.leaf("UserID", &versatore.user_id);
    });
}

/// The index of the fascicolo, sent after its documents. Of a split package it lists the documents of this part.
fn fascicolo(plan: &Plan, versatore: &Versatore) -> String {
    let aggregation = &plan.aggregation;
    let metadata = aggregation.metadata.text.as_str();
    let date = |name: &str| first(metadata, &[name]).chars().take(10).collect::<String>();
    let (opened, closed) = (date("DataApertura"), date("DataChiusura"));
    let kind = match aggregation.tipo {
        TipoAggregazione::Fascicolo => versatore.tipo_fascicolo.as_str(),
        TipoAggregazione::SerieDocumentale | TipoAggregazione::SerieDiFascicoli => aggregation.tipo.literal(),
    };
    let version = [("versione", versatore.profili.as_str())];
    let mut xml = Xml::default();
    xml.group("IndiceSIPFascicolo", |xml| {
        xml.group("Parametri", |xml| {
            xml.leaf("VersioneIndiceSIPFascicolo", FASCICOLO_VERSION);
            xml.leaf("TipoConservazione", if closed.is_empty() { "VERSAMENTO_ANTICIPATO" } else { "IN_ARCHIVIO" });
        });
        xml.group("Intestazione", |xml| {
            write_versatore(xml, versatore);
            xml.group("Chiave", |xml| {
                xml.leaf("Anno", opened.get(..4).unwrap_or("0"));
                xml.leaf("Numero", aggregation.id.as_str());
            });
            xml.leaf("TipoFascicolo", kind);
        });
        xml.element("ProfiloArchivistico", &version, |xml| {
            xml.group("ProfiloArchivisticoFascicolo", |xml| {
                xml.group("SegnaturaArchivistica", |xml| {
                    xml.group("Classificazione", |xml| {
                        xml.leaf("IndiceClassificazione", &first(metadata, &["IndiceDiClassificazione"]));
                    });
                });
            });
        });
        xml.element("ProfiloNormativo", &[("versione", &versatore.profilo_normativo)], |xml| xml.made(metadata));
        xml.element("ProfiloGenerale", &version, |xml| {
            xml.group("ProfiloGeneraleFascicolo", |xml| {
                xml.leaf("DataApertura", &opened);
                xml.leaf_if("DataChiusura", Some(closed.as_str()).filter(|date| !date.is_empty()));
                xml.leaf("Oggetto", &aggregation.oggetto);
            });
        });
        xml.group("Contenuto", |xml| contenuto(xml, plan));
    });
    xml.finish()
}

fn contenuto(xml: &mut Xml, plan: &Plan) {
    xml.group("UnitaDocumentarie", |xml| {
        xml.leaf("NumeroUnitaDocumentarie", &plan.documents.len().to_string());
        xml.group("DettaglioUnitaDocumentarie", |xml| {
            for facts in plan.documents.iter().map(Facts::of) {
                xml.group("UnitaDocumentaria", |xml| {
                    xml.leaf("Registro", &facts.registro);
                    xml.leaf("Anno", &facts.anno);
                    xml.leaf("Numero", &facts.numero);
                });
            }
        });
    });
}
