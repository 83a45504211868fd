//! Which documents go together, and what goes where? From an order to plans: pure, the same order gives the same plans.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::planned_document;
use super::names::{Taken, travelling};
use super::{Parcel, Part, Plan, PlanOrder, PlannedAggregation, PlannedDocument, PlannedText, Profile, Titolare};
use crate::aggregation::{Aggregation, AggregationId};
use crate::digest::Digest;
use crate::document::{DocumentId, DocumentState};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::limits::Limits;
use crate::pdv::PdvId;

/// Bytes that one file takes in the PIndex at most, with its path fully percent-encoded.
const INDEX_BYTES_PER_FILE: u64 = 1_400;
/// Bytes that the aggregation's metadata take for one document.
const MEMBER_BYTES: u64 = 700;

/// Plans the order: one aggregation each, in parts where a ceiling asks for it.
pub(super) fn plans(order: &PlanOrder<'_>) -> Result<Vec<Plan>> {
    if order.profile == Profile::Sacer && order.versatore.is_none() {
        return Err(Error::new(Kind::Environment, "package-sacer-unset"));
    }
    let mut by_aggregation: BTreeMap<&AggregationId, (&Aggregation, Vec<&Parcel>)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for parcel in &order.documents {
        let aggregation = ensure_packable(parcel, order.limits)?;
        if !seen.insert(&parcel.document.id) {
            return Err(Error::bug(format!("{} is twice in one order", parcel.document.id)));
        }
        by_aggregation.entry(&aggregation.id).or_insert_with(|| (aggregation, Vec::new())).1.push(parcel);
    }
    let mut plans = Vec::new();
    for (aggregation, mut parcels) in by_aggregation.into_values() {
        parcels.sort_by(|a, b| a.document.id.cmp(&b.document.id));
        plans.extend(plans_of(order, aggregation, &parcels)?);
    }
    Ok(plans)
}

/// A package lists only described, filed documents (invariant 8).
fn ensure_packable<'a>(parcel: &'a Parcel, limits: &Limits) -> Result<&'a Aggregation> {
    let refused = |code: &'static str| Err(Error::hold(code).with("document", &parcel.document.id));
    if parcel.document.state != DocumentState::Ready {
        return refused("package-not-ready");
    }
    let Some(metadata) = parcel.metadata.as_deref().filter(|xml| !xml.trim().is_empty()) else {
        return refused("package-not-described");
    };
    if metadata.len() as u64 > limits.metadata_bytes_max {
        return Err(Error::hold("package-metadata-large")
            .with("document", &parcel.document.id)
            .with("limit", limits.metadata_bytes_max)
            .with("key", "metadata_bytes_max"));
    }
    match &parcel.aggregation {
        Some(aggregation) => Ok(aggregation),
        None => refused("package-not-filed"),
    }
}

/// The parts of one aggregation, tied by one group and each by the part before it.
fn plans_of(order: &PlanOrder<'_>, aggregation: &Aggregation, parcels: &[&Parcel]) -> Result<Vec<Plan>> {
    let parts = split(parcels, order.limits);
    let group = derive_id("grp", order, aggregation, parcels, 0);
    let mut plans: Vec<Plan> = Vec::with_capacity(parts.len());
    for (n, parcels) in (1_u32..).zip(&parts) {
        let part = Part { n, of: parts.len() as u32, group: group.clone(), previous: plans.last().map(|plan| plan.id.clone()) };
        let id = PdvId(derive_id("pdv", order, aggregation, parcels, n));
        plans.push(plan_of(order, aggregation, parcels, id, part)?);
    }
    Ok(plans)
}

fn derive_id(prefix: &str, order: &PlanOrder<'_>, aggregation: &Aggregation, parcels: &[&Parcel], part: u32) -> String {
    let part = part.to_be_bytes();
    let mut facts: Vec<&[u8]> = vec![order.ente.codice_ipa.as_bytes(), aggregation.id.0.as_bytes(), &part];
    facts.extend(parcels.iter().map(|parcel| parcel.document.id.0.as_bytes()));
    // The ids of the first profile are older than the choice of one.
    let profile = order.profile.to_string();
    if order.profile != Profile::Agid {
        facts.push(profile.as_bytes());
    }
    Digest::id(prefix, &facts)
}

fn plan_of(order: &PlanOrder<'_>, aggregation: &Aggregation, parcels: &[&Parcel], id: PdvId, part: Part) -> Result<Plan> {
    let ids: Vec<DocumentId> = parcels.iter().map(|parcel| parcel.document.id.clone()).collect();
    let text = (order.describe_aggregation)(aggregation, &ids)?;
    if text.trim().is_empty() {
        return Err(Error::hold("package-aggregation-not-described").with("aggregation", &aggregation.id));
    }
    let folder = travelling(aggregation.id.as_str(), &mut Taken::default());
    let path = format!("{id}/{}AggregazioneDocumentaliInformatiche.xml", order.profile.aggregation(&folder));
    let documents: Result<Vec<PlannedDocument>> =
        parcels.iter().map(|parcel| planned_document(&id, order.profile, parcel)).collect();
    let ente = order.ente;
    Ok(Plan {
        form: 1,
        id,
        profile: order.profile,
        instant: order.instant,
        journal: order.journal.clone(),
        version: order.version.to_owned(),
        ente: Titolare {
            codice_ipa: ente.codice_ipa.clone(),
            denominazione: ente.denominazione.clone(),
            codice_fiscale: ente.codice_fiscale.clone(),
            prova: ente.prova,
            gestione: ente.responsabili.gestione_documentale.clone(),
            conservazione: ente.responsabili.conservazione.clone(),
            manuali: ente.manuali.clone(),
        },
        aggregation: PlannedAggregation {
            id: aggregation.id.clone(),
            tipo: aggregation.key.tipo,
            oggetto: aggregation.key.oggetto.clone(),
            metadata: PlannedText { path, text },
        },
        part,
        documents: documents?,
        versatore: order.versatore.filter(|_| order.profile == Profile::Sacer).cloned(),
    })
}

/// What a document adds to a package: one document, its bytes, and the text that plan and index carry for it.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    documents: usize,
    bytes: u64,
    text: u64,
}

impl Weight {
    fn of(parcel: &Parcel) -> Self {
        let files = (parcel.components.len() + parcel.copies.len() + 2) as u64;
        let content: u64 = parcel.components.iter().map(|c| c.bytes).chain(parcel.copies.iter().map(|c| c.bytes)).sum();
        let metadata = parcel.metadata.as_ref().map_or(0, String::len) as u64;
        let events: u64 = parcel.events.iter().map(event_bytes).sum();
        Self { documents: 1, bytes: content + metadata, text: files * INDEX_BYTES_PER_FILE + metadata + events + MEMBER_BYTES }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            documents: self.documents + other.documents,
            bytes: self.bytes.saturating_add(other.bytes),
            text: self.text.saturating_add(other.text),
        }
    }

    fn fits(self, limits: &Limits) -> bool {
        self.documents <= limits.pdv_documents_max && self.bytes <= limits.pdv_bytes_max && self.text <= limits.metadata_bytes_max
    }
}

fn event_bytes(event: &Event) -> u64 {
    let detail: usize = event.detail.iter().map(|(key, value)| key.len() + value.len() + 8).sum();
    (200 + event.kind.len() + event.subject.len() + event.agent.len() + detail) as u64
}

/// Fills part after part in order. A document that passes a ceiling alone has a part of its own: it cannot be divided.
fn split<'a>(parcels: &[&'a Parcel], limits: &Limits) -> Vec<Vec<&'a Parcel>> {
    let mut parts: Vec<Vec<&Parcel>> = Vec::new();
    let mut filled = Weight::default();
    for parcel in parcels {
        let weight = Weight::of(parcel);
        match parts.last_mut() {
            Some(part) if filled.plus(weight).fits(limits) => {
                part.push(parcel);
                filled = filled.plus(weight);
            }
            _ => {
                parts.push(vec![parcel]);
                filled = weight;
            }
        }
    }
    parts
}
