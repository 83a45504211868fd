//! The journal: appended inside a transaction, read, and proven line by line.

use sqlx::{QueryBuilder, Row as _, SqliteConnection};

use super::{Sqlite, failed, rows};
use crate::arrival::EnteId;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::event::{Event, JournalHead, JournalLine};
use crate::store::journal::{BEFORE_FIRST, canonical, line_digest};

/// Lines read at once when the chain is proven: flat memory over a journal of any length.
const LINES_AT_ONCE: i64 = 1_000;

/// Appends lines to the ente's journal, in the caller's transaction.
pub(super) async fn append(connection: &mut SqliteConnection, ente: &EnteId, events: &[&Event]) -> Result<()> {
    let (mut n, mut last) = head(connection, ente).await?;
    let mut lines = Vec::with_capacity(events.len());
    for event in events {
        n += 1;
        let (body, previous) = (canonical(event).map_err(Error::bug)?, last);
        last = line_digest(n, &body, &previous);
        lines.push((n, *event, body, previous, last));
    }
    let mut query = QueryBuilder::new("INSERT INTO journal (ente, n, subject, body, previous, digest) ");
    query.push_values(lines, |mut row, (n, event, body, previous, digest)| {
        row.push_bind(ente.as_str()).push_bind(n as i64).push_bind(&event.subject).push_bind(body);
        row.push_bind(previous.hex()).push_bind(digest.hex());
    });
    query.build().persistent(events.len() == 1).execute(&mut *connection).await.map_err(failed)?;
    sqlx::query(
        "INSERT INTO journal_heads (ente, n, digest) VALUES (?1, ?2, ?3)
         ON CONFLICT (ente) DO UPDATE SET n = excluded.n, digest = excluded.digest",
    )
    .bind(ente.as_str())
    .bind(n as i64)
    .bind(last.hex())
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Number and digest of the last line; 0 and zeros before the first.
async fn head(connection: &mut SqliteConnection, ente: &EnteId) -> Result<(u64, Digest)> {
    let row = sqlx::query("SELECT n, digest FROM journal_heads WHERE ente = ?1").bind(ente.as_str());
    match row.fetch_optional(connection).await.map_err(failed)? {
        None => Ok((0, rows::digest(BEFORE_FIRST)?)),
        Some(row) => {
            let n: i64 = row.try_get("n").map_err(failed)?;
            Ok((n as u64, rows::digest(row.try_get("digest").map_err(failed)?)?))
        }
    }
}

impl Sqlite {
    pub(in crate::store) async fn journal(&self, ente: &EnteId, from: u64, limit: u32) -> Result<Vec<JournalLine>> {
        let lines = sqlx::query("SELECT * FROM journal WHERE ente = ?1 AND n >= ?2 ORDER BY n LIMIT ?3")
            .bind(ente.as_str())
            .bind(i64::try_from(from).unwrap_or(i64::MAX))
            .bind(limit);
        lines.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::line).collect()
    }

    pub(in crate::store) async fn events_of(&self, ente: &EnteId, subject: &str) -> Result<Vec<Event>> {
        let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM journal WHERE ente = ?1 AND subject = ?2 ORDER BY n")
            .bind(ente.as_str())
            .bind(subject)
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        bodies.iter().map(|body| rows::parsed(body)).collect()
    }

    pub(in crate::store) async fn journal_head(&self, ente: &EnteId) -> Result<JournalHead> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        let (n, digest) = head(&mut connection, ente).await?;
        Ok(JournalHead { ente: ente.0.clone(), n, digest })
    }

    pub(in crate::store) async fn check_journal(&self, ente: &EnteId) -> Result<std::result::Result<JournalHead, u64>> {
        // Head and last number in one look: lines appended while we read are the next check's.
        let look = sqlx::query(
            "SELECT coalesce((SELECT max(n) FROM journal WHERE ente = ?1), 0) AS last,
                    coalesce((SELECT n FROM journal_heads WHERE ente = ?1), 0) AS n,
                    (SELECT digest FROM journal_heads WHERE ente = ?1) AS digest",
        );
        let row = look.bind(ente.as_str()).fetch_one(&self.readers).await.map_err(failed)?;
        let (last, n): (i64, i64) = (row.try_get("last").map_err(failed)?, row.try_get("n").map_err(failed)?);
        let recorded: Option<String> = row.try_get("digest").map_err(failed)?;
        let mut previous = rows::digest(BEFORE_FIRST)?;
        let mut seen = 0_i64;
        while seen < last {
            let lines = sqlx::query("SELECT * FROM journal WHERE ente = ?1 AND n > ?2 AND n <= ?3 ORDER BY n LIMIT ?4");
            let lines = lines.bind(ente.as_str()).bind(seen).bind(last).bind(LINES_AT_ONCE);
            for row in lines.fetch_all(&self.readers).await.map_err(failed)? {
                match holds(&row, seen + 1, &previous)? {
                    Some(digest) => (seen, previous) = (seen + 1, digest),
                    None => return Ok(Err(seen as u64 + 1)),
                }
            }
        }
        if n != last || recorded.unwrap_or_else(|| BEFORE_FIRST.to_owned()) != previous.hex() {
            return Ok(Err(n.min(last) as u64 + u64::from(n != last)));
        }
        Ok(Ok(JournalHead { ente: ente.0.clone(), n: n as u64, digest: previous }))
    }

    pub(in crate::store) async fn has_head(&self, ente: &EnteId, head: &JournalHead) -> Result<bool> {
        if head.ente != ente.0 {
            return Ok(false);
        }
        if head.n == 0 {
            return Ok(head.digest.hex() == BEFORE_FIRST);
        }
        let stored: Option<String> = sqlx::query_scalar("SELECT digest FROM journal WHERE ente = ?1 AND n = ?2")
            .bind(ente.as_str())
            .bind(head.n as i64)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        Ok(stored.is_some_and(|digest| digest == head.digest.hex()))
    }
}

/// The digest of the stored line if it is number `n`, follows `previous`, reads as an event about its subject, and its own
/// digest holds over the bytes as stored.
fn holds(row: &sqlx::sqlite::SqliteRow, n: i64, previous: &Digest) -> Result<Option<Digest>> {
    let found: i64 = row.try_get("n").map_err(failed)?;
    let text = |column: &str| row.try_get::<String, _>(column).map_err(failed);
    let (body, subject, before, stored) = (text("body")?, text("subject")?, text("previous")?, text("digest")?);
    let digest = line_digest(n as u64, &body, previous);
    let is_event = serde_json::from_str::<Event>(&body).is_ok_and(|event| event.subject == subject);
    Ok((found == n && is_event && before == previous.hex() && stored == digest.hex()).then_some(digest))
}
