//! One decision about many documents: shown before it is made, made document by document, each with its own journal line.

use serde::Serialize;

use super::review::{Request, ensure, journal_values};
use super::search::COUNTED_MAX;
use crate::document::{DocumentId, DocumentState};
use crate::error::{Error, Kind, Result};
use crate::messages::Lang;
use crate::pipeline::House;
use crate::search;

/// What a decision would change of one document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// The document.
    pub id: DocumentId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: DocumentState,
    /// Field, value of today, value to be.
    pub changes: Vec<(String, String, String)>,
    /// Why it would not be decided, in the reader's language.
    pub objection: Option<String>,
}

/// The documents that a question finds, newest first, with what `request` would change of each. More than [`COUNTED_MAX`] are
/// too many for one decision.
pub async fn planned(house: &House, question: &str, request: &Request, lang: Lang) -> Result<Vec<Planned>> {
    let has_right = house.config.search.reserved_to.contains(&request.operator);
    let wanted = search::wanted(question, has_right)?;
    let found = house.store.found(&house.ente_id, &wanted.expression, COUNTED_MAX + 1).await?;
    if found.len() > COUNTED_MAX {
        return Err(Error::new(Kind::Usage, "review-many").with("limit", COUNTED_MAX));
    }
    let mut planned = Vec::with_capacity(found.len());
    for id in found {
        let Some(row) = house.store.document(&house.ente_id, &id).await? else { continue };
        let objection = match ensure(house, &row, request).await {
            Ok(()) => None,
            Err(error) if error.kind() == Kind::Usage => Some(error.message().text(lang)),
            Err(error) => return Err(error),
        };
        let changes = journal_values(house, &row, request).await?;
        let (state, name) = (row.document.state, row.document.name.shown());
        planned.push(Planned { id, name, state, changes, objection });
    }
    Ok(planned)
}
