//! What would this release say of a document? Its kept pages taken through fields and filing again, with nothing stored.

use std::sync::Arc;

use super::document::{Filed, filed, overlaid, readings};
use crate::document::Hold;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::filing::Filing;
use crate::pipeline::{House, Step};
use crate::store::DocumentRow;

/// Fields, filing and open doubts of a document as this release reads its pages. Pages are not read again; places are,
/// unless they were before.
pub(crate) async fn anew(house: &Arc<House>, row: &DocumentRow) -> Result<(Fields, Filing, Vec<Hold>)> {
    let id = &row.document.id;
    let read = readings(house, id).await?;
    let (fields, mut doubts) = overlaid(house, id, read.fields).await?;
    for (step, body) in house.store.facts(&house.ente_id, id.as_str(), "doubts").await? {
        if step != Step::Fields as u32 {
            let earlier: Vec<Hold> =
                serde_json::from_str(&body).map_err(|e| Error::bug(format_args!("doubts of {id} unreadable")).because(e))?;
            doubts.extend(earlier);
        }
    }
    let Filed { fields, filing, open, .. } = filed(house, row, (fields, doubts)).await?;
    Ok((fields, filing, open))
}
