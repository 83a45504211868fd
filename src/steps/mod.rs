//! What happens at each step? One function per step: facts in, room's work, changes out. `pipeline` knows the order.

pub(crate) mod anew;
pub mod arrival;
mod batch;
pub(crate) mod correspondence;
pub(crate) mod division;
pub mod document;
pub(crate) mod experience;
mod eye;
pub mod form;
pub(crate) mod given;
pub(crate) mod index;
pub(crate) mod leaves;
pub(crate) mod likeness;
pub mod metadata;
pub mod open;
pub(crate) mod overlay;
pub(crate) mod part;
pub mod pdv;
pub(crate) mod poor;
pub(crate) mod registro;
pub(crate) mod rescan;
pub(crate) mod sheets;
mod shelf;
pub(crate) mod stack;
pub mod tables;
pub(crate) mod threads;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arrival::ArrivalId;
use crate::decision::{self, Decision, Decisions};
use crate::digest::Digest;
use crate::document::{Component, DocumentId, Hold};
use crate::error::{Error, Result};
use crate::pipeline::{House, Step};
use crate::store::{Change, DocumentRow};
use crate::turn::{self, Turn};

/// Runs blocking work (a room) off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::panicked)?
}

/// Attempts at a transaction that others get before.
const ATTEMPTS_MAX: u32 = 20;

/// Reads and decides again where somebody else has changed meanwhile what the decision rests on.
pub(crate) async fn beside_others<T>(mut act: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut attempt = 1;
    loop {
        match act().await {
            Err(error) if error.code() == "facts-changed" && attempt < ATTEMPTS_MAX => attempt += 1,
            outcome => return outcome,
        }
    }
}

/// The row of a document that a job names.
pub(crate) async fn need_document(house: &House, id: &DocumentId) -> Result<DocumentRow> {
    house.store.document(&house.ente_id, id).await?.ok_or_else(|| Error::bug(format_args!("no document {id}")))
}

/// A fact that an earlier step must have stored.
pub(crate) async fn need_fact<T: DeserializeOwned>(house: &House, owner: &str, kind: &str) -> Result<T> {
    let body = house.store.fact(&house.ente_id, owner, kind).await?;
    let body = body.ok_or_else(|| Error::bug(format_args!("no fact {kind} of {owner}")))?;
    serde_json::from_str(&body).map_err(|e| Error::bug(format_args!("fact {kind} of {owner} unreadable")).because(e))
}

/// A fact, where there is one.
pub(crate) async fn fact<T: DeserializeOwned>(house: &House, owner: &str, kind: &str) -> Result<Option<T>> {
    match house.store.fact(&house.ente_id, owner, kind).await? {
        Some(body) => serde_json::from_str(&body)
            .map(Some)
            .map_err(|e| Error::bug(format_args!("fact {kind} of {owner} unreadable")).because(e)),
        None => Ok(None),
    }
}

/// All numbered facts of a kind.
pub(crate) async fn facts<T: DeserializeOwned>(house: &House, owner: &str, kind: &str) -> Result<Vec<T>> {
    let rows = house.store.facts(&house.ente_id, owner, kind).await?;
    rows.into_iter()
        .map(|(n, body)| {
            serde_json::from_str(&body).map_err(|e| Error::bug(format_args!("fact {kind} {n} of {owner} unreadable")).because(e))
        })
        .collect()
}

/// The change that stores a fact.
pub(crate) fn put<T: Serialize>(owner: &str, kind: &str, n: u32, value: &T) -> Result<Change> {
    let body = serde_json::to_string(value).map_err(|e| Error::bug(format_args!("fact {kind} unwritable")).because(e))?;
    Ok(Change::PutFact { owner: owner.to_owned(), kind: kind.to_owned(), n, body })
}

/// The change that stores the doubts which `step` raised; they are weighed together at the end of `filing`.
pub(crate) fn put_doubts(owner: &str, step: Step, doubts: &[Hold]) -> Result<Change> {
    put(owner, "doubts", step as u32, &doubts)
}

/// The decisions of people about a document, oldest first, as they bear on its sheets of today.
pub(crate) async fn decisions(house: &House, id: &DocumentId) -> Result<Decisions> {
    let all = Decisions(facts::<Decision>(house, id.as_str(), decision::FACT).await?);
    let mut since = crate::rescan::since(&sheets::rescans(house, id).await?);
    // What was decided about a page that was read the wrong way up was about no reading of it.
    for turn in facts::<Turn>(house, id.as_str(), turn::FACT).await? {
        let at = since.entry(turn.page).or_insert(turn.at);
        *at = turn.at.max(*at);
    }
    Ok(all.about(&since))
}

/// The blobs that an arrival or a document is made of; none of what has no bytes of its own.
pub(crate) async fn blobs_of(house: &House, owner: &str) -> Result<Vec<Digest>> {
    if let Some(arrival) = house.store.arrival(&house.ente_id, &ArrivalId(owner.to_owned())).await? {
        let files = stack::stack_of(house, owner).await?.map(|stack| stack.files).unwrap_or_default();
        return Ok(std::iter::once(arrival.sha256).chain(files.into_iter().map(|file| file.sha256)).collect());
    }
    let Some(body) = house.store.fact(&house.ente_id, owner, "components").await? else { return Ok(Vec::new()) };
    let mut inside: Vec<Digest> =
        open::inside_of(house, &DocumentId(owner.to_owned())).await?.into_iter().map(|inside| inside.sha256).collect();
    let components: Vec<Component> =
        serde_json::from_str(&body).map_err(|e| Error::bug("fact components unreadable").because(e))?;
    inside.extend(components.into_iter().map(|component| component.sha256));
    Ok(inside)
}

/// The principal component among `components`.
pub(crate) fn principal(components: &[Component]) -> Result<&Component> {
    components
        .iter()
        .find(|c| c.role == crate::document::Role::Principale)
        .ok_or_else(|| Error::bug("a document without principal component"))
}
