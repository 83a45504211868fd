//! What was done to it? `eventi.xml`, PREMIS 3: of each document its objects and events, of the package how it was made.

use std::collections::BTreeSet;

use super::{Plan, PlannedDocument, PlannedFile};
use crate::event::Event;
use crate::xml::Xml;

/// The kind of identifier that all of ours have.
const IDENTIFIER: &str = "conserva";

/// Agent, journal head and rest of the package, as its own events.
pub(super) fn of_package(plan: &Plan) -> String {
    let agent = format!("conserva {}", plan.version);
    let journal = &plan.journal;
    let head = format!("journal {} n. {} sha256 {}", journal.ente, journal.n, journal.digest);
    let prova = if plan.ente.prova { "PROVA; " } else { "" };
    let left_out = match &plan.left_out {
        Some(left_out) if !left_out.riservati.is_empty() => format!("; {} reserved documents left out", left_out.riservati.len()),
        _ => String::new(),
    };
    let part = format!("part {} of {} of {}", plan.part.n, plan.part.of, plan.part.group);
    let events = [
        ("information package creation", format!("{prova}profile {}; {part}; {head}{left_out}", plan.profile)),
        ("fixity check", "SHA-256 of every file computed over the bytes as written, equal to the one recorded".to_owned()),
    ];
    premis(|xml| {
        let documents: Vec<&str> = plan.documents.iter().map(|document| document.id.as_str()).collect();
        representation(xml, plan.id.as_str(), &documents);
        for (n, (kind, detail)) in (1..).zip(&events) {
            xml.group("event", |xml| {
                identifier(xml, "eventIdentifier", &format!("{}/evento/{n}", plan.id));
                xml.leaf("eventType", kind);
                xml.leaf("eventDateTime", &plan.instant.to_string());
                outcome(xml, detail, "success");
                identifier(xml, "linkingAgentIdentifier", &agent);
                identifier(xml, "linkingObjectIdentifier", plan.id.as_str());
            });
        }
        write_agent(xml, &agent);
    })
}

/// Objects and events of one document.
pub(super) fn of_document(plan: &Plan, document: &PlannedDocument) -> String {
    let writer = format!("conserva {}", plan.version);
    let mut agents: BTreeSet<&str> = document.events.iter().map(|event| event.agent.as_str()).collect();
    agents.insert(&writer);
    premis(|xml| {
        let files: Vec<&str> = document.files.iter().map(|file| file.object.as_str()).collect();
        representation(xml, document.id.as_str(), &files);
        document.files.iter().for_each(|file| write_file(xml, file));
        for (n, event) in (1..).zip(&document.events) {
            write_event(xml, document, n, event);
        }
        for agent in &agents {
            write_agent(xml, agent);
        }
    })
}

fn premis(children: impl FnOnce(&mut Xml)) -> String {
    let attributes = [
        ("xmlns", "http://www.loc.gov/premis/v3"),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
        ("version", "3.0"),
    ];
    let mut xml = Xml::default();
    xml.element("premis", &attributes, children);
    xml.finish()
}

/// The whole that files or documents are parts of.
fn representation(xml: &mut Xml, id: &str, parts: &[&str]) {
    xml.element("object", &[("xsi:type", "representation")], |xml| {
        identifier(xml, "objectIdentifier", id);
        if !parts.is_empty() {
            xml.group("relationship", |xml| {
                xml.leaf("relationshipType", "structural");
                xml.leaf("relationshipSubType", "has part");
                for part in parts {
                    identifier(xml, "relatedObjectIdentifier", part);
                }
            });
        }
    });
}

fn write_file(xml: &mut Xml, file: &PlannedFile) {
    xml.element("object", &[("xsi:type", "file")], |xml| {
        identifier(xml, "objectIdentifier", &file.object);
        xml.group("objectCharacteristics", |xml| {
            xml.group("fixity", |xml| {
                xml.leaf("messageDigestAlgorithm", "SHA-256");
                xml.leaf("messageDigest", &file.sha256.hex());
            });
            xml.leaf("size", &file.bytes.to_string());
            xml.group("format", |xml| {
                xml.group("formatDesignation", |xml| xml.leaf("formatName", &file.mime));
                if let Some(puid) = &file.puid {
                    xml.group("formatRegistry", |xml| {
                        xml.leaf("formatRegistryName", "PRONOM");
                        xml.leaf("formatRegistryKey", puid);
                    });
                }
            });
        });
        xml.leaf_if("originalName", file.name.as_deref());
        if let Some((source, _)) = &file.made_of {
            xml.group("relationship", |xml| {
                xml.leaf("relationshipType", "derivation");
                xml.leaf("relationshipSubType", "has source");
                identifier(xml, "relatedObjectIdentifier", source);
            });
        }
    });
}

fn write_event(xml: &mut Xml, document: &PlannedDocument, n: u64, event: &Event) {
    let mut detail = format!("{} {}", event.kind, event.subject);
    for (key, value) in &event.detail {
        detail.push_str("; ");
        detail.push_str(key);
        detail.push(' ');
        detail.push_str(value);
    }
    xml.group("event", |xml| {
        identifier(xml, "eventIdentifier", &format!("{}/evento/{n}", document.id));
        xml.leaf("eventType", event_type(&event.kind));
        xml.leaf("eventDateTime", &event.at.to_string());
        outcome(xml, &detail, &event.outcome);
        identifier(xml, "linkingAgentIdentifier", &event.agent);
        identifier(xml, "linkingObjectIdentifier", document.id.as_str());
    });
}

/// The word of the PREMIS event vocabulary for a kind of event, where it has one; else our own.
fn event_type(kind: &str) -> &str {
    match kind {
        "admitted" => "ingestion",
        "identified" => "format identification",
        "opened" => "unpacking",
        "pages" => "image analysis",
        "text" => "text recognition",
        "form" => "message digest calculation",
        "copied" => "migration",
        "fields" => "information extraction",
        "filing" => "classification",
        "described" => "metadata extraction",
        "held" | "refused" => "validation",
        "decided" => "appraisal",
        other => other,
    }
}

fn outcome(xml: &mut Xml, detail: &str, outcome: &str) {
    xml.group("eventDetailInformation", |xml| xml.leaf("eventDetail", detail));
    xml.group("eventOutcomeInformation", |xml| xml.leaf("eventOutcome", outcome));
}

fn write_agent(xml: &mut Xml, agent: &str) {
    let version = agent.strip_prefix("conserva ");
    xml.group("agent", |xml| {
        identifier(xml, "agentIdentifier", agent);
        xml.leaf("agentName", if version.is_some() { "Conserva" } else { agent });
        xml.leaf("agentType", if version.is_some() { "software" } else { "person" });
        xml.leaf_if("agentVersion", version);
    });
}

/// An identifier of ours under the name that its place asks for (`eventIdentifier`, `linkingAgentIdentifier`, …).
fn identifier(xml: &mut Xml, name: &str, value: &str) {
    xml.group(name, |xml| {
        xml.leaf(&format!("{name}Type"), IDENTIFIER);
        xml.leaf(&format!("{name}Value"), value);
    });
}
