//! Which documents go together, and what goes where? From an order to plans: pure, the same order gives the same plans.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::planned_document;
use super::names::{Taken, travelling};
use super::{LeftOut, Parcel, Part, Plan, PlanOrder, PlannedAggregation, PlannedDocument, PlannedText, Profile, Titolare, pdd};
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

/// Plans the documents: one aggregation each, in parts where a ceiling asks for it.
pub(super) fn plans(order: &PlanOrder<'_>, documents: &[Parcel]) -> Result<Vec<Plan>> {
    ensure_versatore(order)?;
    let mut by_aggregation: BTreeMap<&AggregationId, (Vec<Share>, BTreeMap<&DocumentId, &Parcel>)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut riservati = Vec::new();
    for parcel in documents {
        let aggregation = ensure_packable(parcel, (order.profile, order.limits))?;
        if !seen.insert(&parcel.document.id) {
            return Err(Error::bug(format!("{} is twice in one order", parcel.document.id)));
        }
        if order.profile == Profile::Pdd && pdd::is_riservato(parcel) {
            riservati.push(parcel.document.id.clone());
            continue;
        }
        let (shares, parcels) = by_aggregation.entry(&aggregation.id).or_default();
        shares.push(Share::of(parcel));
        parcels.insert(&parcel.document.id, parcel);
    }
    let mut plans = Vec::new();
    for (aggregation, (shares, parcels)) in by_aggregation {
        let division = Division::of(order, aggregation, shares);
        for (n, ids) in division.parts().iter().enumerate() {
            let chosen: Vec<&Parcel> = ids.iter().filter_map(|id| parcels.get(id).copied()).collect();
            plans.push(division.plan(order, n, &chosen)?);
        }
    }
    if order.profile == Profile::Pdd {
        if plans.is_empty() && !riservati.is_empty() {
            return Err(Error::refuse("package-all-riservato").with("count", riservati.len()));
        }
        riservati.sort();
        // Each package says it: a reader may be given one of several.
        for plan in &mut plans {
            plan.left_out = Some(LeftOut { riservati: riservati.clone() });
        }
    }
    Ok(plans)
}

/// What a document adds to a package: all that has to be known of it to divide an aggregation.
#[derive(Debug, Clone)]
pub struct Share {
    id: DocumentId,
    weight: Weight,
}

impl Share {
    /// The share of a document, if it may be sent to a conservatore.
    pub fn ensured(parcel: &Parcel, limits: &Limits) -> Result<Self> {
        ensure_packable(parcel, (Profile::default(), limits)).map(|_| Self::of(parcel))
    }

    fn of(parcel: &Parcel) -> Self {
        Self { id: parcel.document.id.clone(), weight: Weight::of(parcel) }
    }
}

/// The documents of one aggregation, divided among packages. It holds ids alone, so that an aggregation may have more documents
/// than memory has room for: they are asked for part by part.
#[derive(Debug, Clone)]
pub struct Division {
    aggregation: AggregationId,
    parts: Vec<Vec<DocumentId>>,
    group: String,
    /// Ids of the packages, one for each part.
    ids: Vec<PdvId>,
}

impl Division {
    /// Divides at the ceilings of the order, in the order of the documents' ids.
    pub fn of(order: &PlanOrder<'_>, aggregation: &AggregationId, mut shares: Vec<Share>) -> Self {
        shares.sort_by(|a, b| a.id.cmp(&b.id));
        let group = derive_id("grp", order, aggregation, (0, &mut shares.iter().map(|share| &share.id)));
        let parts = split(shares, order.limits);
        let prefix = if order.profile == Profile::Pdd { "pdd" } else { "pdv" };
        let numbered = (1..).zip(&parts);
        let ids = numbered.map(|(n, ids)| PdvId(derive_id(prefix, order, aggregation, (n, &mut ids.iter()))));
        let ids = ids.collect();
        Self { aggregation: aggregation.clone(), parts, group, ids }
    }

    /// The documents of each part.
    pub fn parts(&self) -> &[Vec<DocumentId>] {
        &self.parts
    }

    /// The plan of part `n`, from 0, whose documents are `parcels`, all of them and in their order.
    pub fn plan(&self, order: &PlanOrder<'_>, n: usize, parcels: &[&Parcel]) -> Result<Plan> {
        let ids = parcels.iter().map(|parcel| &parcel.document.id);
        let (Some(part), Some(id)) = (self.parts.get(n).filter(|part| part.iter().eq(ids)), self.ids.get(n)) else {
            return Err(Error::bug(format!("other documents than those of part {n} of {}", self.aggregation)));
        };
        ensure_versatore(order)?;
        let aggregation = parcels.first().and_then(|parcel| parcel.aggregation.as_ref());
        let aggregation = aggregation.filter(|aggregation| aggregation.id == self.aggregation);
        let aggregation = aggregation.ok_or_else(|| Error::bug("a part of another aggregation"))?;
        parcels.iter().try_for_each(|parcel| ensure_packable(parcel, (order.profile, order.limits)).map(drop))?;
        let previous = n.checked_sub(1).and_then(|before| self.ids.get(before)).cloned();
        let part_of = Part { n: n as u32 + 1, of: self.parts.len() as u32, group: self.group.clone(), previous };
        plan_of(order, (aggregation, part), parcels, (id.clone(), part_of))
    }
}

fn ensure_versatore(order: &PlanOrder<'_>) -> Result<()> {
    if order.profile == Profile::Sacer && order.versatore.is_none() {
        return Err(Error::new(Kind::Environment, "package-sacer-unset"));
    }
    Ok(())
}

/// A package lists only described, filed documents (invariant 8).
fn ensure_packable<'a>(parcel: &'a Parcel, (profile, limits): (Profile, &Limits)) -> Result<&'a Aggregation> {
    let refused = |code: &'static str| Err(Error::hold(code).with("document", &parcel.document.id));
    // A reader is given what was sent to the conservatore as well.
    let is_sent = matches!(parcel.document.state, DocumentState::Packaged | DocumentState::Delivered | DocumentState::Preserved);
    if parcel.document.state != DocumentState::Ready && !(is_sent && profile == Profile::Pdd) {
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

fn derive_id(
    prefix: &str,
    order: &PlanOrder<'_>,
    aggregation: &AggregationId,
    (part, ids): (u32, &mut dyn Iterator<Item = &DocumentId>),
) -> String {
    let part = part.to_be_bytes();
    let mut facts: Vec<&[u8]> = vec![order.ente.codice_ipa.as_bytes(), aggregation.0.as_bytes(), &part];
    facts.extend(ids.map(|id| id.0.as_bytes()));
    // The ids of the first profile are older than the choice of one.
    let profile = order.profile.to_string();
    if order.profile != Profile::Agid {
        facts.push(profile.as_bytes());
    }
    // The same documents may be given to readers many times.
    let instant = order.instant.to_string();
    if order.profile == Profile::Pdd {
        facts.push(instant.as_bytes());
    }
    Digest::id(prefix, &facts)
}

fn plan_of(
    order: &PlanOrder<'_>,
    (aggregation, ids): (&Aggregation, &[DocumentId]),
    parcels: &[&Parcel],
    (id, part): (PdvId, Part),
) -> Result<Plan> {
    let text = (order.describe_aggregation)(aggregation, ids)?;
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
        left_out: None,
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
fn split(shares: Vec<Share>, limits: &Limits) -> Vec<Vec<DocumentId>> {
    let mut parts: Vec<Vec<DocumentId>> = Vec::new();
    let mut filled = Weight::default();
    for Share { id, weight } in shares {
        match parts.last_mut() {
            Some(part) if filled.plus(weight).fits(limits) => {
                part.push(id);
                filled = filled.plus(weight);
            }
            _ => {
                parts.push(vec![id]);
                filled = weight;
            }
        }
    }
    parts
}
