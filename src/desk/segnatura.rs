//! `segnatura ID`: the Segnatura of what the ente sends. Written from the archive, kept by whoever sends it.

use std::sync::Arc;

use super::show::{Found, find};
use crate::describe::{self, DescribedSegnatura};
use crate::document::{DocumentId, DocumentState};
use crate::error::{Error, Kind, Result};
use crate::pipeline::House;
use crate::steps::metadata::OnRecord;

/// The Segnatura of the document that `id` names. One that waits for a person is refused: its data are in doubt.
pub async fn segnatura(house: &Arc<House>, id: &str) -> Result<(DocumentId, DescribedSegnatura)> {
    let Found::Document(row) = find(house, id).await? else {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    };
    let (id, state) = (row.document.id, row.document.state);
    let is_filed =
        matches!(state, DocumentState::Ready | DocumentState::Packaged | DocumentState::Delivered | DocumentState::Preserved);
    if !is_filed || row.aggregazione.is_none() {
        return Err(Error::refuse("segnatura-not-ready").with("id", &id).with("state", state.as_str()));
    }
    let on_record = OnRecord::of(house, &id).await?;
    Ok((id, on_record.dossier(house, describe::segnatura)))
}
