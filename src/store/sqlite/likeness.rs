//! Which documents share a key with this one? Each key is asked for by itself and gives a bounded answer, so that a key that
//! half of the archive shares (a form's print) costs no more than another.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use super::{Sqlite, failed};
use crate::arrival::EnteId;
use crate::document::DocumentId;
use crate::error::Result;
use crate::likeness::Key;

/// Most documents that one key gives.
const OF_ONE_KEY: i64 = 64;

/// Puts the keys of a document; those that it had are gone.
pub(super) async fn set(connection: &mut SqliteConnection, (ente, document): (&EnteId, &DocumentId), keys: &[Key]) -> Result<()> {
    sqlx::query("DELETE FROM likeness WHERE ente = ?1 AND document = ?2")
        .bind(ente.as_str())
        .bind(document.as_str())
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    for (band, value) in keys {
        sqlx::query("INSERT INTO likeness (ente, band, value, document) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
            .bind(ente.as_str())
            .bind(band)
            .bind(value)
            .bind(document.as_str())
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

impl Sqlite {
    pub(in crate::store) async fn sharing(&self, ente: &EnteId, keys: &[Key], most: usize) -> Result<Vec<DocumentId>> {
        let mut hits: BTreeMap<String, usize> = BTreeMap::new();
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        for (band, value) in keys {
            let found: Vec<String> =
                sqlx::query_scalar("SELECT document FROM likeness WHERE ente = ?1 AND band = ?2 AND value = ?3 LIMIT ?4")
                    .bind(ente.as_str())
                    .bind(band)
                    .bind(value)
                    .bind(OF_ONE_KEY)
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(failed)?;
            for document in found {
                *hits.entry(document).or_default() += 1;
            }
        }
        let mut hits: Vec<(String, usize)> = hits.into_iter().collect();
        hits.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(hits.into_iter().take(most).map(|(document, _)| DocumentId(document)).collect())
    }
}
