//! `review ID --merge OTHER`: two arrivals are one document. What came apart becomes an attachment; its own document ends, and says so.

use std::collections::BTreeMap;

use super::rescan::{By, decided};
use super::review::noted;
use super::show::{Found, find};
use crate::document::{Component, Document, DocumentId, DocumentState, Hold, Role};
use crate::error::{Error, Kind, Result};
use crate::messages::Message;
use crate::pipeline::{self, House, Step};
use crate::steps;
use crate::store::{Change, DocumentRow};

/// Fact kind: which document this one has become part of.
const INTO: &str = "merged-into";

/// The components of `other` become attachments of `id`, in one transaction with both journal lines and the next job.
/// `other` must wait for a person and be filed nowhere.
pub async fn merge(house: &House, id: &str, other: &str, by: &By) -> Result<()> {
    let (into, from) = (document(house, id).await?, document(house, other).await?);
    let is_apart = into.document.id != from.document.id;
    let is_open = matches!(into.document.state, DocumentState::Held | DocumentState::Ready) && into.pdv.is_none();
    let is_loose = from.document.state == DocumentState::Held && from.aggregazione.is_none();
    if !(is_apart && is_open && is_loose) {
        return Err(Error::new(Kind::Usage, "merge-wrong").with("id", id).with("other", other));
    }
    let (mut components, mut changes) = components(house, &into.document).await?;
    let (added, seen) = self::components(house, &from.document).await?;
    changes.extend(seen);
    for mut component in added {
        if components.iter().any(|known| known.sha256 == component.sha256) {
            return Err(Error::new(Kind::Usage, "merge-wrong").with("id", id).with("other", other));
        }
        component.role = Role::Allegato;
        component.n = components.iter().filter(|c| c.role == Role::Allegato).map(|c| c.n).max().unwrap_or(0) + 1;
        components.push(component);
    }
    let (into_id, from_id) = (into.document.id.0.clone(), from.document.id.0.clone());
    changes.push(steps::put(&into_id, "components", 0, &components)?);
    changes.push(steps::put(&from_id, INTO, 0, &into_id)?);
    changes.push(Change::SetDocument { id: into.document.id.clone(), state: DocumentState::Working });
    changes.push(pipeline::job(Step::Fields, into_id.clone()));
    changes.push(Change::SetDocument { id: from.document.id.clone(), state: DocumentState::Refused });
    let ended = Message::new("merged-into").with("id", &into_id).with("operator", &by.operator);
    changes.push(Change::SetHolds { document: from.document.id.clone(), holds: vec![Hold::new(ended)] });
    for (subject, with) in [(&into_id, &from_id), (&from_id, &into_id)] {
        let subject = DocumentId(subject.clone());
        changes.push(noted(house, &subject, (BTreeMap::new(), Vec::new()), by).await?);
        changes.push(decided(house, &subject, by, [("decision", "merge".to_owned()), ("with", with.clone())]));
    }
    house.store.apply(&house.ente_id, None, &changes).await
}

async fn document(house: &House, id: &str) -> Result<DocumentRow> {
    match find(house, id).await? {
        Found::Document(row) => Ok(*row),
        _ => Err(Error::new(Kind::Usage, "id-unknown").with("id", id)),
    }
}

/// The components as they are now, and the change that fails where they are others by then. Only what was surveyed can be
/// merged: the steps before would make its components anew.
async fn components(house: &House, document: &Document) -> Result<(Vec<Component>, Vec<Change>)> {
    let id = document.id.as_str();
    let seen = house.store.fact(&house.ente_id, id, "components").await?;
    let is_surveyed = house.store.fact(&house.ente_id, id, "survey").await?.is_some();
    let Some(body) = seen.as_ref().filter(|_| is_surveyed) else {
        return Err(Error::new(Kind::Usage, "state-wrong").with("id", id).with("state", document.state.as_str()));
    };
    let components = serde_json::from_str(body).map_err(|e| Error::bug("fact components unreadable").because(e))?;
    Ok((components, vec![Change::RequireFact { owner: id.to_owned(), kind: "components".to_owned(), seen }]))
}
