//! What was done to it? `eventi.xml`, PREMIS 3: of each document its objects and events, of the package how it was made.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::told::{Ear, Teller};
use super::{Plan, PlannedDocument, PlannedFile};
use crate::error::Result;
use crate::event::Event;
use crate::xml::Xml;

/// The kind of identifier that all of ours have.
const IDENTIFIER: &str = "conserva";

/// The names of an identifier: of its group, of its type, of its value.
type Named = (&'static str, &'static str, &'static str);
const OBJECT: Named = ("objectIdentifier", "objectIdentifierType", "objectIdentifierValue");
const RELATED: Named = ("relatedObjectIdentifier", "relatedObjectIdentifierType", "relatedObjectIdentifierValue");
const EVENT: Named = ("eventIdentifier", "eventIdentifierType", "eventIdentifierValue");
const LINKED_AGENT: Named = ("linkingAgentIdentifier", "linkingAgentIdentifierType", "linkingAgentIdentifierValue");
const LINKED_OBJECT: Named = ("linkingObjectIdentifier", "linkingObjectIdentifierType", "linkingObjectIdentifierValue");
const AGENT: Named = ("agentIdentifier", "agentIdentifierType", "agentIdentifierValue");

/// Agent, journal head and rest of the package, as its own events.
pub(super) fn of_package(plan: &Plan, ear: &mut Ear<'_>) -> Result<()> {
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
    premis(ear, |teller| {
        representation(teller, plan.id.as_str(), plan.documents.iter().map(|document| document.id.as_str()))?;
        for (n, (kind, detail)) in (1..).zip(&events) {
            teller.each(|xml| {
                xml.group("event", |xml| {
                    identifier(xml, EVENT, &format!("{}/evento/{n}", plan.id));
                    xml.leaf("eventType", kind);
                    xml.leaf("eventDateTime", &plan.instant.to_string());
                    outcome(xml, detail, "success");
                    identifier(xml, LINKED_AGENT, &agent);
                    identifier(xml, LINKED_OBJECT, plan.id.as_str());
                });
            })?;
        }
        teller.each(|xml| write_agent(xml, &agent))
    })
}

/// Objects and events of one document.
pub(super) fn of_document(plan: &Plan, document: &PlannedDocument, ear: &mut Ear<'_>) -> Result<()> {
    let writer = format!("conserva {}", plan.version);
    let mut agents: BTreeSet<&str> = document.events.iter().map(|event| event.agent.as_str()).collect();
    agents.insert(&writer);
    premis(ear, |teller| {
        representation(teller, document.id.as_str(), document.files.iter().map(|file| file.object.as_str()))?;
        for file in &document.files {
            teller.each(|xml| write_file(xml, file))?;
        }
        for (n, event) in (1..).zip(&document.events) {
            teller.each(|xml| write_event(xml, document, n, event))?;
        }
        agents.iter().try_for_each(|agent| teller.each(|xml| write_agent(xml, agent)))
    })
}

fn premis(ear: &mut Ear<'_>, inside: impl FnOnce(&mut Teller<'_, '_>) -> Result<()>) -> Result<()> {
    let attributes = [
        ("xmlns", "http://www.loc.gov/premis/v3"),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
        ("version", "3.0"),
    ];
    Teller::document(ear, ("premis", &attributes), inside)
}

/// The whole that files or documents are parts of.
fn representation<'p>(teller: &mut Teller<'_, '_>, id: &str, parts: impl Iterator<Item = &'p str>) -> Result<()> {
    let mut parts = parts.peekable();
    let has_parts = parts.peek().is_some();
    let open = |xml: &mut Xml| {
        xml.enter("object", &[("xsi:type", "representation")]);
        identifier(xml, OBJECT, id);
        if has_parts {
            xml.enter("relationship", &[]);
            xml.leaf("relationshipType", "structural");
            xml.leaf("relationshipSubType", "has part");
        }
    };
    let close = |xml: &mut Xml| {
        if has_parts {
            xml.leave("relationship");
        }
        xml.leave("object");
    };
    teller.nested(open, |teller| parts.try_for_each(|part| teller.each(|xml| identifier(xml, RELATED, part))), close)
}

fn write_file(xml: &mut Xml, file: &PlannedFile) {
    xml.element("object", &[("xsi:type", "file")], |xml| {
        identifier(xml, OBJECT, &file.object);
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
                identifier(xml, RELATED, source);
            });
        }
    });
}

fn write_event(xml: &mut Xml, document: &PlannedDocument, n: u64, event: &Event) {
    let mut detail = format!("{} {}", event.kind, event.subject);
    for (key, value) in &event.detail {
        // Writing to a string cannot fail.
        let _ = write!(detail, "; {key} {value}");
    }
    xml.group("event", |xml| {
        identifier(xml, EVENT, &format!("{}/evento/{n}", document.id));
        xml.leaf("eventType", event_type(&event.kind));
        xml.leaf("eventDateTime", &event.at.to_string());
        outcome(xml, &detail, &event.outcome);
        identifier(xml, LINKED_AGENT, &event.agent);
        identifier(xml, LINKED_OBJECT, document.id.as_str());
    });
}

/// The word of the PREMIS event vocabulary for a kind of event, where it has one; else our own.
fn event_type(kind: &str) -> &str {
    match kind {
        "admitted" => "ingestion",
        "identified" => "format identification",
        "opened" | "divided" => "unpacking",
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
        identifier(xml, AGENT, agent);
        xml.leaf("agentName", if version.is_some() { "Conserva" } else { agent });
        xml.leaf("agentType", if version.is_some() { "software" } else { "person" });
        xml.leaf_if("agentVersion", version);
    });
}

/// An identifier of ours under the names that its place asks for.
fn identifier(xml: &mut Xml, (group, kind, value_name): Named, value: &str) {
    xml.group(group, |xml| {
        xml.leaf(kind, IDENTIFIER);
        xml.leaf(value_name, value);
    });
}
