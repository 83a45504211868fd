//! The index of words (FTS5): put in the transaction of whoever changes a document, asked newest first, made anew from the facts.

use std::time::Duration;

use sqlx::Row as _;
use tokio::time::Instant;

use super::apply::Writing;
use super::{Sqlite, failed};
use crate::arrival::EnteId;
use crate::document::DocumentId;
use crate::error::{Error, Kind, Result};
use crate::findable::{Expression, Findable, Shown, mark};

/// Puts what the index keeps of a document; what it kept of it before is gone.
pub(super) async fn set(writing: &mut Writing<'_>, document: &DocumentId, findable: &Findable) -> Result<()> {
    let row = sqlx::query("SELECT seq, aggregazione FROM documents WHERE ente = ?1 AND id = ?2")
        .bind(writing.ente.as_str())
        .bind(document.as_str())
        .fetch_optional(&mut *writing.connection)
        .await
        .map_err(failed)?;
    let missing = || Error::new(Kind::Bug, "row-missing").with("what", "document").with("id", document);
    let row = row.ok_or_else(missing)?;
    let seq: i64 = row.try_get("seq").map_err(failed)?;
    // Where it was filed is known in this transaction only.
    let filed: Option<String> = row.try_get("aggregazione").map_err(failed)?;
    let filed = filed.map(|id| mark("fasc", &id)).unwrap_or_default();
    sqlx::query(
        "INSERT OR REPLACE INTO findable (rowid, oggetto, mittente, destinatario, testo, campi) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(seq)
    .bind(&findable.oggetto)
    .bind(&findable.mittente)
    .bind(&findable.destinatario)
    .bind(&findable.testo)
    .bind(format!("{} {filed}", findable.campi))
    .execute(&mut *writing.connection)
    .await
    .map_err(failed)?;
    sqlx::query(
        "INSERT INTO findable_texts (seq, riservato, testo) VALUES (?1, ?2, ?3)
         ON CONFLICT (seq) DO UPDATE SET riservato = excluded.riservato, testo = excluded.testo",
    )
    .bind(seq)
    .bind(findable.riservato)
    .bind(&findable.plain)
    .execute(&mut *writing.connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Fails (`facts-changed`, retry) unless the fact is still what was seen.
pub(super) async fn require_fact(writing: &mut Writing<'_>, (owner, kind): (&str, &str), seen: Option<&str>) -> Result<()> {
    let body: Option<String> =
        sqlx::query_scalar("SELECT body FROM facts WHERE ente = ?1 AND owner = ?2 AND kind = ?3 AND n = 0")
            .bind(writing.ente.as_str())
            .bind(owner)
            .bind(kind)
            .fetch_optional(&mut *writing.connection)
            .await
            .map_err(failed)?;
    if body.as_deref() == seen { Ok(()) } else { Err(Error::retry("facts-changed")) }
}

/// How far the making anew of the index has come; none: it is whole.
pub(super) async fn set_reindexing(writing: &mut Writing<'_>, reached: Option<i64>) -> Result<()> {
    let query = match reached {
        Some(reached) => sqlx::query(
            "INSERT INTO reindexing (ente, reached) VALUES (?1, ?2) ON CONFLICT (ente) DO UPDATE SET reached = excluded.reached",
        )
        .bind(writing.ente.as_str())
        .bind(reached),
        None => sqlx::query("DELETE FROM reindexing WHERE ente = ?1").bind(writing.ente.as_str()),
    };
    query.execute(&mut *writing.connection).await.map_err(failed)?;
    Ok(())
}

/// How long documents are counted that nobody is shown yet.
const PATIENCE: Duration = Duration::from_millis(20);
/// Documents of an archive from which on counting takes noticeable time.
const MANY: i64 = 50_000;

impl Sqlite {
    pub(in crate::store) async fn found(
        &self,
        ente: &EnteId,
        expression: &Expression,
        (wanted, most): (usize, usize),
    ) -> Result<(Vec<DocumentId>, bool)> {
        let soon = Instant::now() + PATIENCE;
        let count: i64 =
            sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM documents").fetch_one(&self.readers).await.map_err(failed)?;
        let (is_large, mut ids, mut is_more) = (count > MANY, Vec::new(), false);
        // The order of the joins is ours: the index in descending order stops by itself where there is enough.
        let mut rows = sqlx::query_scalar::<_, String>(
            "SELECT d.id FROM findable f CROSS JOIN documents d ON d.seq = f.rowid
             WHERE f.findable MATCH ?1 AND d.ente = ?2 ORDER BY f.rowid DESC LIMIT ?3",
        )
        .bind(&expression.0)
        .bind(ente.as_str())
        .bind(most as i64)
        .fetch(&self.readers);
        loop {
            let next = std::future::poll_fn(|context| rows.as_mut().poll_next(context));
            let next = if is_large && ids.len() >= wanted {
                let Ok(next) = tokio::time::timeout_at(soon, next).await else {
                    is_more = true;
                    break;
                };
                next
            } else {
                next.await
            };
            let Some(id) = next else { break };
            ids.push(DocumentId(id.map_err(failed)?));
        }
        Ok((ids, is_more))
    }

    pub(in crate::store) async fn shown(&self, ente: &EnteId, document: &DocumentId) -> Result<Option<Shown>> {
        let row = sqlx::query(
            "SELECT t.riservato, t.testo FROM documents d JOIN findable_texts t ON t.seq = d.seq WHERE d.ente = ?1 AND d.id = ?2",
        )
        .bind(ente.as_str())
        .bind(document.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(|row| {
            Ok(Shown { plain: row.try_get("testo").map_err(failed)?, riservato: row.try_get("riservato").map_err(failed)? })
        })
        .transpose()
    }

    pub(in crate::store) async fn reindexing(&self, ente: &EnteId) -> Result<Option<i64>> {
        let query = sqlx::query_scalar("SELECT reached FROM reindexing WHERE ente = ?1").bind(ente.as_str());
        query.fetch_optional(&self.readers).await.map_err(failed)
    }

    pub(in crate::store) async fn documents_behind(
        &self,
        ente: &EnteId,
        reached: i64,
        most: usize,
    ) -> Result<Vec<(i64, DocumentId)>> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT seq, id FROM documents WHERE ente = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")
                .bind(ente.as_str())
                .bind(reached)
                .bind(most as i64)
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
        Ok(rows.into_iter().map(|(seq, id)| (seq, DocumentId(id))).collect())
    }

    pub(in crate::store) async fn index_bytes(&self) -> Result<u64> {
        let query = sqlx::query_scalar("SELECT coalesce(sum(length(block)), 0) FROM findable_data");
        let bytes: i64 = query.fetch_one(&self.readers).await.map_err(failed)?;
        Ok(bytes as u64)
    }
}
