//! `hold`: a person keeps a document or an aggregation from being destroyed, whatever the plan says, and lifts it again.

use std::collections::BTreeMap;

use super::show::fact_or_default;
use crate::aggregation::AggregationId;
use crate::document::DocumentId;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::given::VALUE_BYTES_MAX;
use crate::pipeline::House;
use crate::scarto::{VINCOLI, VINCOLI_MAX, Vincoli, Vincolo, is_held};
use crate::steps;
use crate::store::Change;

/// All vincoli, lifted ones too.
pub async fn vincoli(house: &House) -> Result<Vincoli> {
    fact_or_default(house, &house.ente_id.0, VINCOLI).await
}

/// Sets a vincolo on a document or an aggregation, or lifts the one that holds.
///
/// # Errors
/// Usage: an unknown id, no reason, one that holds already, none to be lifted.
pub async fn vincolo(house: &House, id: &str, (is_set, reason, operator): (bool, &str, &str)) -> Result<()> {
    let reason = reason.trim();
    if reason.is_empty() || reason.len() > VALUE_BYTES_MAX || reason.chars().any(char::is_control) {
        return Err(Error::new(Kind::Usage, "reason-wrong").with("max", VALUE_BYTES_MAX));
    }
    let is_document = house.store.document(&house.ente_id, &DocumentId(id.to_owned())).await?.is_some();
    if !is_document && house.store.aggregation(&house.ente_id, &AggregationId(id.to_owned())).await?.is_none() {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    }
    steps::beside_others(async || set(house, id, (is_set, reason, operator)).await).await
}

async fn set(house: &House, id: &str, (is_set, reason, operator): (bool, &str, &str)) -> Result<()> {
    let owner = house.ente_id.0.as_str();
    let seen = house.store.fact(&house.ente_id, owner, VINCOLI).await?;
    let mut all = vincoli(house).await?;
    if is_held(&all, id) == is_set {
        return Err(Error::new(Kind::Usage, if is_set { "hold-there" } else { "hold-none" }).with("id", id));
    }
    let now = house.clock.now();
    let own = all.entry(id.to_owned()).or_default();
    if is_set {
        if own.len() >= VINCOLI_MAX {
            return Err(Error::new(Kind::Usage, "hold-many").with("id", id).with("max", VINCOLI_MAX));
        }
        own.push(Vincolo { motivo: reason.to_owned(), by: operator.to_owned(), at: now, tolto: None });
    } else if let Some(holding) = own.iter_mut().find(|one| one.tolto.is_none()) {
        holding.tolto = Some((operator.to_owned(), now, reason.to_owned()));
    }
    let event = Event {
        at: now,
        kind: if is_set { "hold-set" } else { "hold-lifted" }.to_owned(),
        subject: id.to_owned(),
        outcome: "success".to_owned(),
        agent: format!("operator {operator}"),
        detail: BTreeMap::from([("reason".to_owned(), house.store.keyed(&house.ente_id, reason).await?)]),
    };
    let changes = [
        Change::RequireFact { owner: owner.to_owned(), kind: VINCOLI.to_owned(), seen },
        steps::put(owner, VINCOLI, 0, &all)?,
        Change::Journal(event),
    ];
    house.store.apply(&house.ente_id, None, &changes).await
}
