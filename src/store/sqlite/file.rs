//! Filing and packaging in a transaction: aggregations with their progressive numbers, Pdv with their documents.

use jiff::civil::Date;
use sqlx::Row as _;

use super::apply::{Writing, one};
use super::{failed, rows};
use crate::aggregation::{Aggregation, AggregationId, AggregationKey, TipoAggregazione};
use crate::digest::Digest;
use crate::document::DocumentId;
use crate::error::{Error, Kind, Result};
use crate::pdv::{Pdv, PdvId, PdvState};

/// Ties a document to the aggregation of `key`, which is opened if it is not there.
pub(super) async fn file_document(
    writing: &mut Writing<'_>,
    document: &DocumentId,
    key: &AggregationKey,
    opened: Date,
) -> Result<()> {
    let target = match key.tipo {
        TipoAggregazione::Fascicolo => fascicolo(writing, key, opened).await?,
        TipoAggregazione::SerieDocumentale | TipoAggregazione::SerieDiFascicoli => serie(writing, key, opened).await?,
    };
    let row = sqlx::query(
        "SELECT d.aggregazione, p.pdv FROM documents d
         LEFT JOIN pdv_documents p ON p.ente = d.ente AND p.document = d.id WHERE d.ente = ?1 AND d.id = ?2",
    );
    let row = row.bind(writing.ente.as_str()).bind(document.as_str()).fetch_optional(&mut *writing.connection).await;
    let missing = || Error::new(Kind::Bug, "row-missing").with("what", "document").with("id", document);
    let row = row.map_err(failed)?.ok_or_else(missing)?;
    let present: Option<String> = row.try_get("aggregazione").map_err(failed)?;
    if present.as_deref() == Some(target.as_str()) {
        return Ok(());
    }
    is_open(writing, &target).await?;
    if let Some(pdv) = row.try_get::<Option<String>, _>("pdv").map_err(failed)? {
        return Err(Error::hold("document-in-pdv").with("document", document).with("pdv", pdv));
    }
    let done = sqlx::query(
        "UPDATE documents SET aggregazione = ?3,
           filed = 1 + coalesce((SELECT max(filed) FROM documents WHERE ente = ?1 AND aggregazione = ?3), 0)
         WHERE ente = ?1 AND id = ?2",
    )
    .bind(writing.ente.as_str())
    .bind(document.as_str())
    .bind(&target)
    .execute(&mut *writing.connection)
    .await;
    one(done, "document", document)
}

/// Takes a document out of its aggregation.
pub(super) async fn unfile_document(writing: &mut Writing<'_>, document: &DocumentId) -> Result<()> {
    let done = sqlx::query(
        "UPDATE documents SET aggregazione = NULL, filed = NULL WHERE ente = ?1 AND id = ?2
           AND NOT EXISTS (SELECT 1 FROM pdv_documents p WHERE p.ente = ?1 AND p.document = ?2)",
    )
    .bind(writing.ente.as_str())
    .bind(document.as_str())
    .execute(&mut *writing.connection)
    .await;
    one(done, "document", document)
}

/// A fascicolo is closed, or open again.
pub(super) async fn set_closed(writing: &mut Writing<'_>, id: &AggregationId, closed: Option<Date>) -> Result<()> {
    let done = sqlx::query("UPDATE aggregations SET data_chiusura = ?3 WHERE ente = ?1 AND id = ?2 AND tipo = 'Fascicolo'")
        .bind(writing.ente.as_str())
        .bind(id.as_str())
        .bind(closed.map(|date| date.to_string()))
        .execute(&mut *writing.connection)
        .await;
    one(done, "aggregation", id)
}

/// Nothing more comes into a closed fascicolo.
async fn is_open(writing: &mut Writing<'_>, id: &str) -> Result<()> {
    let closed: Option<String> = sqlx::query_scalar("SELECT data_chiusura FROM aggregations WHERE ente = ?1 AND id = ?2")
        .bind(writing.ente.as_str())
        .bind(id)
        .fetch_one(&mut *writing.connection)
        .await
        .map_err(failed)?;
    closed.map_or(Ok(()), |date| Err(Error::hold("fascicolo-closed").with("fascicolo", id).with("date", date)))
}

/// The id of the fascicolo that `key` ties together: kind, year, voce and thread tell it (the object is only a proposal).
async fn fascicolo(writing: &mut Writing<'_>, key: &AggregationKey, opened: Date) -> Result<String> {
    let kind = key.fascicolo.as_ref().map(rows::word).transpose()?.unwrap_or_default();
    let found: Option<String> = sqlx::query_scalar(
        "SELECT id FROM aggregations
         WHERE ente = ?1 AND tipo = 'Fascicolo' AND anno = ?2 AND voce = ?3 AND fascicolo = ?4 AND thread = ?5",
    )
    .bind(writing.ente.as_str())
    .bind(key.anno)
    .bind(&key.voce.0)
    .bind(kind)
    .bind(&key.thread)
    .fetch_optional(&mut *writing.connection)
    .await
    .map_err(failed)?;
    if let Some(id) = found {
        return Ok(id);
    }
    let number: i64 = sqlx::query_scalar(
        "SELECT 1 + coalesce(max(progressivo), 0) FROM aggregations
         WHERE ente = ?1 AND tipo = 'Fascicolo' AND anno = ?2 AND voce = ?3 AND primario IS NULL",
    )
    .bind(writing.ente.as_str())
    .bind(key.anno)
    .bind(&key.voce.0)
    .fetch_one(&mut *writing.connection)
    .await
    .map_err(failed)?;
    let id = format!("{}/{}/{number}", key.anno, key.voce);
    open(writing, key, (&id, number), (opened, None)).await?;
    Ok(id)
}

/// The id of the serie: year and code tell it, it has no progressive number.
async fn serie(writing: &mut Writing<'_>, key: &AggregationKey, opened: Date) -> Result<String> {
    if key.serie.is_empty() {
        return Err(Error::bug("a serie without a code"));
    }
    let id = format!("{}/{}", key.anno, key.serie);
    let found: Option<String> = sqlx::query_scalar("SELECT tipo FROM aggregations WHERE ente = ?1 AND id = ?2")
        .bind(writing.ente.as_str())
        .bind(&id)
        .fetch_optional(&mut *writing.connection)
        .await
        .map_err(failed)?;
    match found {
        None => open(writing, key, (&id, 1), (opened, None)).await?,
        Some(tipo) if tipo == rows::word(&key.tipo)? => {}
        Some(_) => return Err(Error::bug("two kinds of serie with one code")),
    }
    Ok(id)
}

async fn open(
    writing: &mut Writing<'_>,
    key: &AggregationKey,
    (id, number): (&str, i64),
    (opened, primario): (Date, Option<&AggregationId>),
) -> Result<()> {
    sqlx::query(
        "INSERT INTO aggregations
           (ente, id, tipo, fascicolo, anno, voce, serie, thread, oggetto, progressivo, data_apertura, primario)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )
    .bind(writing.ente.as_str())
    .bind(id)
    .bind(rows::word(&key.tipo)?)
    .bind(key.fascicolo.as_ref().map(rows::word).transpose()?.unwrap_or_default())
    .bind(key.anno)
    .bind(&key.voce.0)
    .bind(&key.serie)
    .bind(&key.thread)
    .bind(&key.oggetto)
    .bind(number)
    .bind(opened.to_string())
    .bind(primario.map(AggregationId::as_str))
    .execute(&mut *writing.connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Opens a fascicolo under the id that it has; into one that is part of another only while that one is open.
pub(super) async fn add_aggregation(writing: &mut Writing<'_>, aggregation: &Aggregation) -> Result<()> {
    writing.same_ente(&aggregation.ente)?;
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM aggregations WHERE ente = ?1 AND id = ?2")
        .bind(writing.ente.as_str())
        .bind(aggregation.id.as_str())
        .fetch_optional(&mut *writing.connection)
        .await
        .map_err(failed)?;
    if found.is_some() {
        return Err(Error::retry("fascicolo-number").with("id", &aggregation.id));
    }
    if let Some(primario) = &aggregation.primario {
        is_open(writing, primario.as_str()).await?;
    }
    let numbered = (aggregation.id.as_str(), i64::from(aggregation.progressivo));
    open(writing, &aggregation.key, numbered, (aggregation.data_apertura, aggregation.primario.as_ref())).await
}

/// Adds a Pdv with its documents. The same Pdv with the same documents again changes nothing.
pub(super) async fn add_pdv(writing: &mut Writing<'_>, pdv: &Pdv, documents: &[DocumentId]) -> Result<()> {
    writing.same_ente(&pdv.ente)?;
    let done = sqlx::query(
        "INSERT INTO pdvs (ente, id, aggregazione, profile, state, planned_at, plan, path, sha256, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (ente, id) DO NOTHING",
    )
    .bind(writing.ente.as_str())
    .bind(pdv.id.as_str())
    .bind(pdv.aggregazione.as_str())
    .bind(&pdv.profile)
    .bind(rows::word(&pdv.state)?)
    .bind(rows::micros(pdv.planned_at))
    .bind(&pdv.plan)
    .bind(pdv.path.as_deref())
    .bind(pdv.sha256.map(|digest| digest.hex()))
    .bind(pdv.bytes.map(|bytes| bytes as i64))
    .execute(&mut *writing.connection)
    .await
    .map_err(failed)?;
    if done.rows_affected() == 0 {
        return same_documents(writing, pdv, documents).await;
    }
    for (n, document) in documents.iter().enumerate() {
        take_document(writing, &pdv.id, (n, document)).await?;
    }
    Ok(())
}

async fn take_document(writing: &mut Writing<'_>, pdv: &PdvId, (n, document): (usize, &DocumentId)) -> Result<()> {
    let taken: Option<String> = sqlx::query_scalar("SELECT pdv FROM pdv_documents WHERE ente = ?1 AND document = ?2")
        .bind(writing.ente.as_str())
        .bind(document.as_str())
        .fetch_optional(&mut *writing.connection)
        .await
        .map_err(failed)?;
    if let Some(other) = taken {
        return Err(Error::hold("document-in-pdv").with("document", document).with("pdv", other));
    }
    sqlx::query("INSERT INTO pdv_documents (ente, document, pdv, n) VALUES (?1, ?2, ?3, ?4)")
        .bind(writing.ente.as_str())
        .bind(document.as_str())
        .bind(pdv.as_str())
        .bind(n as i64)
        .execute(&mut *writing.connection)
        .await
        .map_err(failed)?;
    Ok(())
}

async fn same_documents(writing: &mut Writing<'_>, pdv: &Pdv, documents: &[DocumentId]) -> Result<()> {
    let present: Vec<String> = sqlx::query_scalar("SELECT document FROM pdv_documents WHERE ente = ?1 AND pdv = ?2 ORDER BY n")
        .bind(writing.ente.as_str())
        .bind(pdv.id.as_str())
        .fetch_all(&mut *writing.connection)
        .await
        .map_err(failed)?;
    let is_same = present.iter().map(String::as_str).eq(documents.iter().map(DocumentId::as_str));
    if is_same { Ok(()) } else { Err(Error::bug("two Pdv of one id with different documents")) }
}

/// A Pdv was built.
pub(super) async fn set_pdv_built(writing: &mut Writing<'_>, id: &PdvId, built: (&str, &Digest, u64)) -> Result<()> {
    let (path, sha256, bytes) = built;
    let done = sqlx::query("UPDATE pdvs SET state = ?3, path = ?4, sha256 = ?5, bytes = ?6 WHERE ente = ?1 AND id = ?2")
        .bind(writing.ente.as_str())
        .bind(id.as_str())
        .bind(rows::word(&PdvState::Built)?)
        .bind(path)
        .bind(sha256.hex())
        .bind(bytes as i64)
        .execute(&mut *writing.connection)
        .await;
    one(done, "Pdv", id)
}

/// A Pdv's state.
pub(super) async fn set_pdv(writing: &mut Writing<'_>, id: &PdvId, state: PdvState) -> Result<()> {
    let done = sqlx::query("UPDATE pdvs SET state = ?3 WHERE ente = ?1 AND id = ?2")
        .bind(writing.ente.as_str())
        .bind(id.as_str())
        .bind(rows::word(&state)?)
        .execute(&mut *writing.connection)
        .await;
    one(done, "Pdv", id)
}
