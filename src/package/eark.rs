//! How does an E-ARK SIP close? Two METS files (CSIP and SIP 2.2.0), of the representation and of the package.
//!
//! All content is one representation, `rep1`; descriptive metadata are those of Allegato 5, preservation metadata PREMIS 3.
//! The schemas of what it holds travel with the package, and one page for people. The ids of the requirements that a place
//! answers stand beside it; EARK.md has what is met by construction and what is not written.

use super::Plan;
use super::listed::Entry;
use super::names::percent_encoded;
use super::profile::Closing;
use crate::digest::Digest;
use crate::error::Result;
use crate::messages::{Lang, Message};
use crate::schemas::Schema;
use crate::xml::{Attributes, Xml};

/// The folder of the representation.
const REPRESENTATION: &str = "representations/rep1/";
/// SIP2.
const PROFILE: &str = "https://earksip.dilcis.eu/profile/E-ARK-SIP-v2-2-0.xml";

/// A file as a METS names it.
struct Named {
    path: String,
    mime: String,
    bytes: u64,
    sha256: Digest,
}

impl Named {
    fn of_entry(entry: &Entry<'_>) -> Self {
        let listed = &entry.listed;
        Self { path: listed.path.to_string(), mime: listed.mime.to_owned(), bytes: listed.bytes, sha256: entry.proof.sha256 }
    }

    fn of_closing(file: &Closing<'_>, mime: &str) -> Result<Self> {
        let (sha256, bytes) = file.digest()?;
        Ok(Self { path: file.path.clone(), mime: mime.to_owned(), bytes, sha256 })
    }
}

/// The files that close the package; `entries` are its content and metadata.
pub(super) fn closing<'e>(plan: &'e Plan, entries: &[Entry<'_>]) -> Result<Vec<Closing<'e>>> {
    let named = [
        ("allegato5-documento-amministrativo.xsd", Schema::DocumentoAmministrativo),
        ("allegato5-documento.xsd", Schema::Documento),
        ("allegato5-aggregazione.xsd", Schema::Aggregazione),
        ("premis-subset.xsd", Schema::Premis),
    ];
    let mut files: Vec<Closing<'_>> =
        named.iter().map(|(name, schema)| Closing::new(format!("schemas/{name}"), schema.text().to_owned())).collect();
    let schemas: Result<Vec<Named>> = files.iter().map(|file| Named::of_closing(file, "application/xml")).collect();
    let page = Closing::new("documentation/leggimi.txt", leggimi(plan));
    let documentation = vec![Named::of_closing(&page, "text/plain")?];
    let (content, metadata): (Vec<&Entry<'_>>, Vec<&Entry<'_>>) =
        entries.iter().partition(|entry| entry.listed.path.starts_with(REPRESENTATION));
    let inner = Closing::new(format!("{REPRESENTATION}METS.xml"), of_representation(plan, &content));
    let whole = Whole {
        descriptive: under(&metadata, "metadata/descriptive/"),
        preservation: under(&metadata, "metadata/preservation/"),
        schemas: schemas?,
        documentation,
        representation: vec![Named::of_closing(&inner, "application/xml")?],
    };
    let outer = Closing::new("METS.xml", whole.mets(plan));
    files.extend([page, inner, outer]);
    Ok(files)
}

fn under(entries: &[&Entry<'_>], folder: &str) -> Vec<Named> {
    entries.iter().filter(|entry| entry.listed.path.starts_with(folder)).map(|entry| Named::of_entry(entry)).collect()
}

fn leggimi(plan: &Plan) -> String {
    let message = Message::new("package-eark-leggimi").with("pdv", &plan.id).with("ente", &plan.ente.denominazione);
    let message = message.with("aggregation", &plan.aggregation.id).with("documents", plan.documents.len());
    let prova =
        if plan.ente.prova { format!("\n{}", Message::new("package-summary-prova").sentence(Lang::It)) } else { String::new() };
    format!("{}{prova}\n", message.sentence(Lang::It))
}

/// The METS of the representation: every file of content.
fn of_representation(plan: &Plan, content: &[&Entry<'_>]) -> String {
    let files: Vec<Named> = content
        .iter()
        .map(|entry| Named { path: entry.listed.path.trim_start_matches(REPRESENTATION).to_owned(), ..Named::of_entry(entry) })
        .collect();
    mets(plan, "rep1", |xml| {
        header(xml, plan);
        xml.element("fileSec", &[("ID", "fileSec")], |xml| group(xml, plan, ("grp-data", "Data"), &files));
        struct_map(xml, "rep1", |xml| {
            division(xml, ("div-metadata", "Metadata"), &[], |_| ());
            division(xml, ("div-data", "Data"), &[], |xml| xml.leaf_with("fptr", &[("FILEID", "grp-data")], ""));
        });
    })
}

/// What the METS of the package names.
struct Whole {
    descriptive: Vec<Named>,
    preservation: Vec<Named>,
    schemas: Vec<Named>,
    documentation: Vec<Named>,
    representation: Vec<Named>,
}

impl Whole {
    fn mets(&self, plan: &Plan) -> String {
        let ids = |prefix: &str, files: &[Named]| (1..=files.len()).map(|n| format!("{prefix}-{n}")).collect::<Vec<_>>();
        let (dmd, amd) = (ids("dmd", &self.descriptive), ids("digiprov", &self.preservation));
        mets(plan, plan.id.as_str(), |xml| {
            header(xml, plan);
            for (file, id) in self.descriptive.iter().zip(&dmd) {
                let created = plan.instant.to_string();
                // CSIP18 to CSIP30.
                xml.element("dmdSec", &[("ID", id), ("CREATED", &created), ("STATUS", "CURRENT")], |xml| {
                    let kind = [("MDTYPE", "OTHER"), ("OTHERMDTYPE", "AgID Allegato 5")];
                    reference(xml, plan, (&format!("{id}-ref"), file), &kind);
                });
            }
            // CSIP31 to CSIP44.
            xml.element("amdSec", &[("ID", "amdSec")], |xml| {
                for (file, id) in self.preservation.iter().zip(&amd) {
                    xml.element("digiprovMD", &[("ID", id), ("STATUS", "CURRENT")], |xml| {
                        let kind = [("MDTYPE", "PREMIS"), ("MDTYPEVERSION", "3.0")];
                        reference(xml, plan, (&format!("{id}-ref"), file), &kind);
                    });
                }
            });
            // CSIP58 to CSIP79.
            xml.element("fileSec", &[("ID", "fileSec")], |xml| {
                group(xml, plan, ("grp-documentation", "Documentation"), &self.documentation);
                group(xml, plan, ("grp-schemas", "Schemas"), &self.schemas);
                group(xml, plan, ("grp-rep1", "Representations/rep1"), &self.representation);
            });
            struct_map(xml, plan.id.as_str(), |xml| {
                let (dmd, amd) = (dmd.join(" "), amd.join(" "));
                division(xml, ("div-metadata", "Metadata"), &[("DMDID", &dmd), ("ADMID", &amd)], |_| ());
                for (id, label, group) in
                    [("div-documentation", "Documentation", "grp-documentation"), ("div-schemas", "Schemas", "grp-schemas")]
                {
                    division(xml, (id, label), &[], |xml| xml.leaf_with("fptr", &[("FILEID", group)], ""));
                }
                // CSIP105 to CSIP112.
                division(xml, ("div-rep1", "Representations/rep1"), &[], |xml| {
                    let href = percent_encoded(&format!("{REPRESENTATION}METS.xml"));
                    let pointer = [
                        ("LOCTYPE", "URL"),
                        ("xlink:type", "simple"),
                        ("xlink:href", href.as_str()),
                        ("xlink:title", "grp-rep1"),
                    ];
                    xml.leaf_with("mptr", &pointer, "");
                });
            });
        })
    }
}

fn mets(plan: &Plan, id: &str, children: impl FnOnce(&mut Xml)) -> String {
    let label = format!("{} {}", plan.aggregation.tipo.literal(), plan.aggregation.id);
    // CSIP1 to CSIP6, SIP1, SIP2.
    let attributes = [
        ("xmlns", "http://www.loc.gov/METS/"),
        ("xmlns:xlink", "http://www.w3.org/1999/xlink"),
        ("xmlns:csip", "https://DILCIS.eu/XML/METS/CSIPExtensionMETS"),
        ("OBJID", id),
        ("LABEL", label.as_str()),
        ("TYPE", "Mixed"),
        ("csip:CONTENTINFORMATIONTYPE", "MIXED"),
        ("PROFILE", PROFILE),
    ];
    let mut xml = Xml::default();
    xml.element("mets", &attributes, children);
    xml.finish()
}

/// CSIP117 and CSIP7 to CSIP16; SIP3, SIP4, SIP9 to SIP20.
fn header(xml: &mut Xml, plan: &Plan) {
    let created = plan.instant.to_string();
    let status = if plan.ente.prova { "TEST" } else { "NEW" };
    let attributes =
        [("CREATEDATE", created.as_str()), ("LASTMODDATE", &created), ("RECORDSTATUS", status), ("csip:OAISPACKAGETYPE", "SIP")];
    xml.element("metsHdr", &attributes, |xml| {
        let software = [("ROLE", "CREATOR"), ("TYPE", "OTHER"), ("OTHERTYPE", "SOFTWARE")];
        agent(xml, &software, "Conserva", ("SOFTWARE VERSION", &plan.version));
        for role in ["ARCHIVIST", "CREATOR"] {
            let who = [("ROLE", role), ("TYPE", "ORGANIZATION")];
            agent(xml, &who, &plan.ente.denominazione, ("IDENTIFICATIONCODE", &plan.ente.codice_ipa));
        }
    });
}

fn agent(xml: &mut Xml, attributes: Attributes<'_>, name: &str, (kind, note): (&str, &str)) {
    xml.element("agent", attributes, |xml| {
        xml.leaf("name", name);
        xml.leaf_with("note", &[("csip:NOTETYPE", kind)], note);
    });
}

fn reference(xml: &mut Xml, plan: &Plan, (id, file): (&str, &Named), kind: Attributes<'_>) {
    let (href, size, created, sha256) = written(plan, file);
    let place = [("ID", id), ("LOCTYPE", "URL"), ("xlink:type", "simple"), ("xlink:href", href.as_str())];
    let facts = [
        ("MIMETYPE", file.mime.as_str()),
        ("SIZE", &size),
        ("CREATED", &created),
        ("CHECKSUM", &sha256),
        ("CHECKSUMTYPE", "SHA-256"),
    ];
    xml.leaf_with("mdRef", &[&place[..], kind, &facts[..]].concat(), "");
}

fn group(xml: &mut Xml, plan: &Plan, (id, used): (&str, &str), files: &[Named]) {
    // CSIP62: of a package whose content is of mixed types.
    let content = [("csip:CONTENTINFORMATIONTYPE", "MIXED")];
    let content = if used.starts_with("Representations") { &content[..] } else { &[] };
    xml.element("fileGrp", &[&[("ID", id), ("USE", used)][..], content].concat(), |xml| {
        for (n, file) in (1..).zip(files) {
            let (href, size, created, sha256) = written(plan, file);
            let id = format!("{id}-{n}");
            let facts = [
                ("ID", id.as_str()),
                ("MIMETYPE", &file.mime),
                ("SIZE", &size),
                ("CREATED", &created),
                ("CHECKSUM", &sha256),
                ("CHECKSUMTYPE", "SHA-256"),
            ];
            xml.element("file", &facts, |xml| {
                xml.leaf_with("FLocat", &[("LOCTYPE", "URL"), ("xlink:type", "simple"), ("xlink:href", &href)], "");
            });
        }
    });
}

fn written(plan: &Plan, file: &Named) -> (String, String, String, String) {
    (percent_encoded(&file.path), file.bytes.to_string(), plan.instant.to_string(), file.sha256.hex())
}

/// CSIP80 to CSIP85.
fn struct_map(xml: &mut Xml, label: &str, divisions: impl FnOnce(&mut Xml)) {
    xml.element("structMap", &[("ID", "structMap"), ("TYPE", "PHYSICAL"), ("LABEL", "CSIP")], |xml| {
        xml.element("div", &[("ID", "div-all"), ("LABEL", label)], divisions);
    });
}

fn division(xml: &mut Xml, (id, label): (&str, &str), more: Attributes<'_>, children: impl FnOnce(&mut Xml)) {
    let attributes = [&[("ID", id), ("LABEL", label)][..], more].concat();
    xml.element("div", &attributes, children);
}
