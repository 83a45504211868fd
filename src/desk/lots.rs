//! What has become of a lot? A lot (`lotto`) is what was scanned or sent together: so the sidecars of its files call it, or the
//! separators of a batch do, or the folder in which they lay at their door.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::show::{documents_of, fact_or_default};
use crate::acquire::FOLDER;
use crate::arrival::{Arrival, ArrivalId, FileName};
use crate::batch::{self, Record};
use crate::document::{Document, DocumentState};
use crate::error::Result;
use crate::given::{self, Given};
use crate::pipeline::House;
use crate::steps;

/// A lot and where its documents stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lot {
    /// Its name.
    pub lotto: String,
    /// The doors that it came through.
    pub doors: Vec<String>,
    /// Its arrivals.
    pub arrivals: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When the first was admitted.
    pub first_at: Timestamp,
    /// When the last was admitted.
    pub last_at: Timestamp,
    /// Arrivals of which nothing has come yet.
    pub opening: u64,
    /// Its documents, by state.
    pub documents: BTreeMap<&'static str, u64>,
    /// True when no step of it is to be taken any more: it waits for people, or is done.
    pub at_rest: bool,
}

/// The lot of an arrival: what its sidecar says, else what the separators of a batch say, else the folder in which it lay.
pub async fn lot_of(house: &House, id: &ArrivalId) -> Result<Option<String>> {
    let given: Vec<Given> = steps::facts(house, id.as_str(), given::FACT).await?;
    if let Some((lotto, _)) = given::first(&given, |given| given.lotto.clone()) {
        return Ok(Some(lotto));
    }
    if let Some(arrival) = house.store.arrival(&house.ente_id, id).await? {
        let whole = Document::derive_id(&arrival.ente, id, 1);
        let record: Option<Record> = steps::fact(house, whole.as_str(), batch::FACT).await?;
        if let Some(lotto) = record.and_then(|record| record.lotto) {
            return Ok(Some(lotto));
        }
    }
    let folder: Option<FileName> = fact_or_default(house, id.as_str(), FOLDER).await?;
    Ok(folder.map(|folder| folder.shown()))
}

/// All lots, by name.
pub async fn lots(house: &House) -> Result<Vec<Lot>> {
    let mut lots: BTreeMap<String, Lot> = BTreeMap::new();
    for arrival in house.store.arrivals(&house.ente_id).await? {
        let Some(lotto) = lot_of(house, &arrival.id).await? else { continue };
        let lot = lots.entry(lotto.clone()).or_insert_with(|| Lot::begun(lotto, &arrival));
        let states: Vec<DocumentState> =
            documents_of(house, &arrival.id).await?.into_iter().map(|row| row.document.state).collect();
        lot.add(&arrival, &states);
    }
    Ok(lots.into_values().collect())
}

impl Lot {
    fn begun(lotto: String, first: &Arrival) -> Self {
        let (first_at, last_at) = (first.admitted_at, first.admitted_at);
        let (doors, documents) = (Vec::new(), BTreeMap::new());
        Self { lotto, doors, arrivals: 0, bytes: 0, first_at, last_at, opening: 0, documents, at_rest: true }
    }

    fn add(&mut self, arrival: &Arrival, states: &[DocumentState]) {
        if !self.doors.contains(&arrival.door) {
            self.doors.push(arrival.door.clone());
        }
        self.arrivals += 1;
        self.bytes = self.bytes.saturating_add(arrival.bytes);
        self.first_at = self.first_at.min(arrival.admitted_at);
        self.last_at = self.last_at.max(arrival.admitted_at);
        self.opening += u64::from(states.is_empty());
        for state in states {
            *self.documents.entry(state.as_str()).or_default() += 1;
        }
        self.at_rest &= !states.is_empty() && !states.contains(&DocumentState::Working);
    }

    /// Its documents in `state`.
    pub fn count(&self, state: DocumentState) -> u64 {
        self.documents.get(state.as_str()).copied().unwrap_or(0)
    }
}
