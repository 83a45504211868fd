//! One line per document, as a person reads it in a table.

use serde::Serialize;

use super::show::fact_or_default;
use crate::document::{DocumentId, DocumentState};
use crate::error::Result;
use crate::fields::Fields;
use crate::filing::Filing;
use crate::messages::Lang;
use crate::pipeline::House;
use crate::store::DocumentRow;

/// One line of `list`, and of the table at the end of `ingest`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Id of the document.
    pub id: DocumentId,
    /// Where it stands.
    pub state: DocumentState,
    /// Its name.
    pub name: String,
    /// Tipo code.
    pub tipo: Option<String>,
    /// Voce of the Titolario.
    pub voce: Option<String>,
    /// Protocollo as `numero/anno`.
    pub protocollo: Option<String>,
    /// Its aggregation.
    pub aggregazione: Option<String>,
    /// Confidence of the filing, 0 to 1.
    pub confidence: Option<f32>,
    /// Reasons of holds and refusals, in the reader's language.
    pub why: Vec<String>,
    /// Its Pdv.
    pub pdv: Option<String>,
}

/// The lines of `documents`, in their order.
pub async fn rows(house: &House, documents: &[DocumentRow], lang: Lang) -> Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(documents.len());
    for document in documents {
        rows.push(row(house, document, lang).await?);
    }
    Ok(rows)
}

async fn row(house: &House, row: &DocumentRow, lang: Lang) -> Result<Row> {
    let id = row.document.id.as_str();
    let filing: Option<Filing> = fact_or_default(house, id, "filing").await?;
    let fields: Fields = fact_or_default(house, id, "fields").await?;
    Ok(Row {
        id: row.document.id.clone(),
        state: row.document.state,
        name: row.document.name.shown(),
        tipo: filing.as_ref().map(|f| f.tipo.value.clone()).filter(|tipo| !tipo.is_empty()),
        voce: filing.as_ref().map(|f| f.voce.value.to_string()),
        protocollo: fields.protocollo.map(|p| format!("{}/{}", p.value.numero, p.value.anno)),
        aggregazione: row.aggregazione.as_ref().map(ToString::to_string),
        confidence: filing.map(|f| f.confidence),
        why: row.holds.iter().map(|h| h.message.text(lang)).collect(),
        pdv: row.pdv.as_ref().map(ToString::to_string),
    })
}
