//! What a scarto needs: which blobs are of some documents and arrivals alone, and how they are forgotten.

use std::collections::BTreeSet;

use super::apply::Writing;
use super::{Sqlite, failed};
use crate::arrival::EnteId;
use crate::digest::Digest;
use crate::error::Result;

/// Facts that list digests without needing the bytes, or hold none: what was read again by `fixity`, lists of scarti, words.
const LISTS: &str = "('blobs', 'scarto', 'scarto-blobs', 'page', 'written', 'read', 'again')";

/// Facts looked at together.
const ROWS: u32 = 500;

/// Everything that says what a document or an arrival is about goes: names, words, facts. What proves that it was there stays, put anew by
/// whoever forgets.
pub(super) async fn forget(writing: &mut Writing<'_>, owner: &str) -> Result<()> {
    for query in [
        "DELETE FROM findable WHERE rowid = (SELECT seq FROM documents WHERE ente = ?1 AND id = ?2)",
        "DELETE FROM findable_texts WHERE seq = (SELECT seq FROM documents WHERE ente = ?1 AND id = ?2)",
        "DELETE FROM facts WHERE ente = ?1 AND owner = ?2",
        "UPDATE documents SET name = CAST(id AS BLOB) WHERE ente = ?1 AND id = ?2",
        "UPDATE arrivals SET name = CAST(id AS BLOB), reason = NULL WHERE ente = ?1 AND id = ?2",
    ] {
        let query = sqlx::query(query).bind(writing.ente.as_str()).bind(owner);
        query.execute(&mut *writing.connection).await.map_err(failed)?;
    }
    Ok(())
}

impl Sqlite {
    pub(in crate::store) async fn only_of(&self, ente: &EnteId, owners: &BTreeSet<String>) -> Result<BTreeSet<Digest>> {
        let blobs: BTreeSet<Digest> =
            self.blobs(ente).await?.into_iter().filter(|row| row.destroyed.is_none()).map(|row| row.sha256).collect();
        let mut mine = BTreeSet::new();
        self.digests(ente, |owner, digest| {
            if owners.contains(owner) && blobs.contains(&digest) {
                mine.insert(digest);
            }
        })
        .await?;
        let mut only = mine.clone();
        self.digests(ente, |owner, digest| {
            if !owners.contains(owner) && mine.contains(&digest) {
                only.remove(&digest);
            }
        })
        .await?;
        Ok(only)
    }

    /// Gives every digest that a fact or an arrival speaks of to `take`, with its owner. Memory does not grow with them.
    async fn digests(&self, ente: &EnteId, mut take: impl FnMut(&str, Digest)) -> Result<()> {
        let query = format!(
            "SELECT owner, kind, n, body FROM facts WHERE ente = ?1 AND (owner, kind, n) > (?2, ?3, ?4) AND kind NOT IN {LISTS}
             ORDER BY owner, kind, n LIMIT {ROWS}"
        );
        let mut last: (String, String, i64) = (String::new(), String::new(), -1);
        loop {
            let some: Vec<(String, String, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(query.clone()))
                .bind(ente.as_str())
                .bind(&last.0)
                .bind(&last.1)
                .bind(last.2)
                .fetch_all(&self.readers)
                .await
                .map_err(failed)?;
            let Some((owner, kind, n, _)) = some.last() else { break };
            last = (owner.clone(), kind.clone(), *n);
            for (owner, _, _, body) in &some {
                let words = body.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64);
                words.filter_map(Digest::parse).for_each(|digest| take(owner, digest));
            }
        }
        for arrival in self.arrivals(ente).await? {
            take(arrival.id.as_str(), arrival.sha256);
        }
        Ok(())
    }
}
