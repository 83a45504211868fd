//! What is in the package? `PIndex.xml`, UNI 11386:2020: every other file with its SHA-256 (SINCRO.md, clause by clause).

use super::Plan;
use super::listed::Entry;
use super::names::percent_encoded;
use super::told::{Ear, Teller};
use crate::ente::Persona;
use crate::error::Result;
use crate::xml::Xml;

const SCHEME: &[(&str, &str)] = &[("sincro:scheme", "conserva")];
/// Namespace of what the index says beyond the norm.
const EXTRA: &str = "urn:conserva:pdv:1";

/// The index of the package: `entries` are all its other files, in the order in which they were written.
pub(super) fn pindex(plan: &Plan, entries: &[Entry<'_>], ear: &mut Ear<'_>) -> Result<()> {
    let attributes = [
        ("xmlns:sincro", "http://www.uni.com/U3011/sincro-v2/"),
        ("sincro:language", "it"),
        ("sincro:uri", "http://www.uni.com/U3011/sincro-v2/PIndex.xsd"),
        ("sincro:sincroVersion", "2.0"),
    ];
    Teller::document(ear, ("sincro:PIndex", &attributes), |teller| {
        teller.once(|xml| {
            self_description(xml, plan);
            volume(xml, plan);
        })?;
        for group in entries.chunk_by(|a, b| a.listed.group == b.listed.group) {
            file_group(teller, group)?;
        }
        teller.once(|xml| process(xml, plan))
    })
}

fn self_description(xml: &mut Xml, plan: &Plan) {
    xml.group("sincro:SelfDescription", |xml| {
        xml.leaf_with("sincro:ID", SCHEME, &format!("{}/indice", plan.id));
        xml.group("sincro:CreatingApplication", |xml| {
            xml.leaf("sincro:Name", "Conserva");
            xml.leaf("sincro:Version", &plan.version);
            xml.leaf("sincro:Producer", "Conserva");
        });
        more_info(xml, |xml| {
            xml.element("c:Pdv", &[("xmlns:c", EXTRA)], |xml| {
                xml.leaf("c:Profilo", &plan.profile.to_string());
                xml.leaf("c:Prova", &plan.ente.prova.to_string());
                xml.group("c:Giornale", |xml| {
                    xml.leaf("c:Ente", &plan.journal.ente);
                    xml.leaf("c:Numero", &plan.journal.n.to_string());
                    xml.leaf("c:Impronta", &plan.journal.digest.hex());
                });
                xml.group("c:Parte", |xml| {
                    xml.leaf("c:Numero", &plan.part.n.to_string());
                    xml.leaf("c:Di", &plan.part.of.to_string());
                    xml.leaf_if("c:Precedente", plan.part.previous.as_ref().map(crate::pdv::PdvId::as_str));
                });
            });
        });
    });
}

/// Exactly one child, which the stricter of the schemas in use asks for.
fn more_info(xml: &mut Xml, child: impl FnOnce(&mut Xml)) {
    xml.element("sincro:MoreInfo", &[("sincro:xmlSchema", EXTRA)], |xml| xml.group("sincro:EmbeddedMetadata", child));
}

fn volume(xml: &mut Xml, plan: &Plan) {
    let aggregation = &plan.aggregation;
    let prova = if plan.ente.prova { "PROVA - " } else { "" };
    let label = format!("{prova}Pacchetto di versamento di {}", plan.ente.denominazione);
    let description = format!("{prova}{} {}: {}", aggregation.tipo.literal(), aggregation.id, aggregation.oggetto);
    xml.group("sincro:PVolume", |xml| {
        xml.leaf_with("sincro:ID", SCHEME, plan.id.as_str());
        xml.leaf("sincro:Label", &label);
        xml.leaf("sincro:Description", &description);
        if plan.part.of > 1 {
            xml.group("sincro:PVolumeGroup", |xml| {
                xml.leaf_with("sincro:ID", SCHEME, &plan.part.group);
                xml.leaf("sincro:Label", &format!("{} {}", aggregation.tipo.literal(), aggregation.id));
                xml.leaf("sincro:Description", &format!("Parte {} di {}", plan.part.n, plan.part.of));
            });
        }
    });
}

fn file_group(teller: &mut Teller<'_, '_>, entries: &[Entry<'_>]) -> Result<()> {
    let open = |xml: &mut Xml| {
        xml.enter("sincro:FileGroup", &[]);
        xml.leaf_with("sincro:ID", SCHEME, entries.first().map(|entry| entry.listed.group).unwrap_or_default());
    };
    let files = |teller: &mut Teller<'_, '_>| entries.iter().try_for_each(|entry| teller.each(|xml| write_file(xml, entry)));
    teller.nested(open, files, |xml| xml.leave("sincro:FileGroup"))
}

fn write_file(xml: &mut Xml, Entry { listed, proof }: &Entry<'_>) {
    let extension = extension(&listed.path);
    let mut attributes = vec![("sincro:encoding", "binary")];
    attributes.extend(extension.as_deref().map(|extension| ("sincro:extension", extension)));
    attributes.push(("sincro:format", listed.mime));
    xml.element("sincro:File", &attributes, |xml| {
        xml.leaf_with("sincro:ID", SCHEME, &listed.object.to_string());
        xml.leaf("sincro:Path", &percent_encoded(&listed.path));
        xml.leaf_with("sincro:Hash", &[("sincro:hashFunction", "SHA-256")], &proof.sha256.base64());
        if let Some(source) = listed.copy_of {
            xml.group("sincro:Relation", |xml| {
                xml.leaf("sincro:Type", "copia di");
                xml.leaf("sincro:Value", source);
            });
        }
    });
}

fn extension(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    name.rsplit_once('.').filter(|(stem, extension)| !stem.is_empty() && !extension.is_empty()).map(|(_, e)| e.to_lowercase())
}

fn process(xml: &mut Xml, plan: &Plan) {
    let ente = &plan.ente;
    xml.group("sincro:Process", |xml| {
        person(xml, "sincro:Submitter", None, &ente.gestione, &ente.manuali.gestione);
        let attributes = [("sincro:agentType", "legal person"), ("sincro:holderRole", "soggetto produttore")];
        xml.element("sincro:Holder", &attributes, |xml| {
            xml.leaf_if("sincro:AgentID", ente.codice_fiscale.as_deref().and_then(tax_code).as_deref());
            xml.group("sincro:AgentName", |xml| xml.leaf("sincro:FormalName", &ente.denominazione));
            xml.leaf("sincro:RelevantDocument", &ente.manuali.conservazione);
        });
        let role = ("sincro:signerRole", "Responsabile della gestione documentale");
        person(xml, "sincro:AuthorizedSigner", Some(role), &ente.gestione, &ente.manuali.gestione);
        xml.group("sincro:TimeReference", |xml| {
            xml.leaf_with("sincro:TimeInfo", &[("sincro:attachedTimeStamp", "false")], &plan.instant.to_string());
        });
        xml.leaf("sincro:LawsAndRegulations", "CAD (d.lgs. 82/2005); Linee guida AgID sulla formazione, gestione e conservazione dei documenti informatici; UNI 11386:2020");
    });
}

fn person(xml: &mut Xml, element: &str, role: Option<(&str, &str)>, persona: &Persona, document: &str) {
    let mut attributes = vec![("sincro:agentType", "natural person")];
    attributes.extend(role);
    xml.element(element, &attributes, |xml| {
        xml.leaf_if("sincro:AgentID", persona.codice_fiscale.as_deref().and_then(tax_code).as_deref());
        xml.group("sincro:AgentName", |xml| {
            xml.group("sincro:NameAndSurname", |xml| {
                xml.leaf("sincro:FirstName", &persona.nome);
                xml.leaf("sincro:LastName", &persona.cognome);
            });
        });
        xml.leaf("sincro:RelevantDocument", document);
    });
}

/// An Italian tax code in the form of the norm (norms 3, AgentID); none where it is not letters and digits.
fn tax_code(code: &str) -> Option<String> {
    let code = code.trim();
    (!code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| format!("TINIT-{code}"))
}
