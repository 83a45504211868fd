//! Where does a receipt belong? With its message, whichever came first: a receipt waits until its message is filed, and goes on then.

use super::open::is_receipt;
use super::{fact, facts, put};
use crate::aggregation::AggregationKey;
use crate::document::{DocumentId, DocumentState, Hold};
use crate::envelope::{self, Bound, Messaggio, Ruolo};
use crate::error::{Error, Result};
use crate::filing::Filing;
use crate::messages::Message;
use crate::pipeline::{House, Outcome, Step};
use crate::store::Change;

/// Code of the hold of a receipt whose message is not filed.
const WAITS: &str = "receipt-waits";

/// What was seen of a message's fascicolo: the step's transaction fails if it has changed by then.
#[derive(Default)]
pub(super) struct Watched {
    /// The change that makes sure.
    pub(super) change: Option<Change>,
    /// True of a receipt: it belongs to the registration of its message, and has none of its own (rule N-15).
    pub(super) is_receipt: bool,
}

/// Files a receipt with its message; one whose message is not filed yet waits, unless a person named its fascicolo.
pub(super) async fn join(house: &House, id: &DocumentId, filing: &mut Filing, is_named: bool) -> Result<Watched> {
    let messaggio: Option<Messaggio> = fact(house, id.as_str(), envelope::MESSAGGIO).await?;
    let Some(messaggio) = messaggio.filter(is_receipt) else { return Ok(Watched::default()) };
    if is_named {
        return Ok(Watched { change: None, is_receipt: true });
    }
    let owner = envelope::thread(&messaggio.id);
    let seen = house.store.fact(&house.ente_id, &owner, envelope::FILED).await?;
    match &seen {
        Some(body) => {
            let key: AggregationKey =
                serde_json::from_str(body).map_err(|e| Error::bug("fact thread-filed unreadable").because(e))?;
            filing.voce.value = key.voce.clone();
            filing.voce.confidence = 1.0;
            filing.doubts.retain(|doubt| doubt.field.as_deref() != Some("voce"));
            filing.reasons.retain(|known| !known.code().starts_with("reason-fascicolo-"));
            filing.reasons.push(Message::new("reason-fascicolo-message").with("message", &messaggio.id));
            filing.aggregazione = key;
        }
        None => filing.doubts.push(Hold::new(Message::new(WAITS).with("message", &messaggio.id))),
    }
    let change = Some(Change::RequireFact { owner, kind: envelope::FILED.to_owned(), seen });
    Ok(Watched { change, is_receipt: true })
}

/// A message was filed: its fascicolo is known under its id, and the receipts that waited for it go on.
pub(super) async fn filed(house: &House, id: &DocumentId, key: &AggregationKey, outcome: &mut Outcome) -> Result<()> {
    let messaggio: Option<Messaggio> = fact(house, id.as_str(), envelope::MESSAGGIO).await?;
    let Some(messaggio) = messaggio.filter(|messaggio| messaggio.ruolo == Ruolo::Messaggio) else { return Ok(()) };
    let owner = envelope::thread(&messaggio.id);
    outcome.changes.push(put(&owner, envelope::FILED, 0, key)?);
    for bound in bound(house, &messaggio.id).await? {
        if bound.ruolo != Ruolo::Ricevuta {
            continue;
        }
        let row = house.store.document(&house.ente_id, &bound.document).await?;
        let waits = |row: &crate::store::DocumentRow| {
            row.document.state == DocumentState::Held && row.holds.iter().any(|hold| hold.message.code() == WAITS)
        };
        if row.as_ref().is_some_and(waits) {
            outcome.changes.push(Change::SetDocument { id: bound.document.clone(), state: DocumentState::Working });
            outcome.next.push((Step::Filing, bound.document.0));
        }
    }
    Ok(())
}

/// All documents under a message's id, the message first, then by kind.
pub(crate) async fn bound(house: &House, message: &str) -> Result<Vec<Bound>> {
    let mut all: Vec<Bound> = facts(house, &envelope::thread(message), envelope::THREAD).await?;
    all.sort_by(|a, b| (a.ruolo, &a.tipo, &a.document).cmp(&(b.ruolo, &b.tipo, &b.document)));
    Ok(all)
}
