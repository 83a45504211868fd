//! What is a document tied to? Its message and the receipts about it, and where else the same bytes are: found by what they have in
//! common, whichever came first.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::document::{Component, Document, DocumentId};
use crate::envelope::{self, Messaggio, Seen};
use crate::error::Result;
use crate::pipeline::House;
use crate::steps;

/// Most other places that are told of one file.
const PLACES_MAX: usize = 100;

/// A document's correspondence.
pub(super) struct Tied {
    /// The message that it is, or is about.
    pub(super) messaggio: Option<Messaggio>,
    /// All documents under the message's id, this one among them.
    pub(super) corrispondenza: Vec<Value>,
}

/// The message of a document and all that is known about it.
pub(super) async fn correspondence(house: &House, id: &DocumentId) -> Result<Tied> {
    let messaggio: Option<Messaggio> = steps::fact(house, id.as_str(), envelope::MESSAGGIO).await?;
    let mut corrispondenza = Vec::new();
    if let Some(messaggio) = &messaggio {
        for bound in steps::correspondence::bound(house, &messaggio.id).await? {
            let Some(row) = house.store.document(&house.ente_id, &bound.document).await? else { continue };
            corrispondenza.push(json!({
                "document": bound.document, "ruolo": bound.ruolo, "tipo": bound.tipo, "name": row.document.name.shown(),
                "state": row.document.state, "aggregazione": row.aggregazione,
            }));
        }
    }
    Ok(Tied { messaggio, corrispondenza })
}

/// Where else the bytes of its components are: alone, or in another envelope of the same ente; what came before is told as such.
pub(super) async fn elsewhere(house: &House, document: &Document, components: &[Component]) -> Result<Vec<Value>> {
    let digests: BTreeSet<_> = components.iter().map(|component| component.sha256).collect();
    let mut places = Vec::new();
    let mut tell = |component: &Component, row: &Document, name: String, alone: bool| {
        let is_earlier = (row.formed_at, &row.id) < (document.formed_at, &document.id);
        places.push(json!({
            "component": component.name.shown(), "sha256": component.sha256, "document": row.id, "name": name,
            "at": row.formed_at, "alone": alone, "earlier": is_earlier,
        }));
    };
    for arrival in house.store.arrivals_with(&house.ente_id, &digests).await?.into_iter().take(PLACES_MAX) {
        let Some(component) = components.iter().find(|component| component.sha256 == arrival.sha256) else { continue };
        for row in house.store.documents_of(&house.ente_id, &arrival.id).await? {
            if row.document.arrival != document.arrival {
                tell(component, &row.document, arrival.name.shown(), true);
            }
        }
    }
    for component in components {
        let seen: Vec<Seen> = steps::facts(house, &envelope::bytes(&component.sha256), envelope::SEEN).await?;
        for seen in seen.into_iter().filter(|seen| seen.document != document.id).take(PLACES_MAX) {
            let Some(row) = house.store.document(&house.ente_id, &seen.document).await? else { continue };
            tell(component, &row.document, seen.name.shown(), false);
        }
    }
    Ok(places)
}
