//! One transaction: a list of changes, whole or not at all, behind the fence of the job that wants it.

use sqlx::SqliteConnection;

use super::{Sqlite, failed, file, jobs, likeness, lines, registro, rows, scarto, search, together};
use crate::arrival::{Arrival, ArrivalId, ArrivalState, EnteId};
use crate::digest::Digest;
use crate::document::{Document, DocumentId, Hold};
use crate::drill;
use crate::error::{Error, Kind, Result};
use crate::messages::Message;
use crate::store::{Change, Claim, Closing, Sheaf};

impl Sqlite {
    pub(in crate::store) async fn apply(
        &self,
        ente: &EnteId,
        fence: Option<(&Claim, Closing)>,
        changes: &[Change],
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        if let Some((claim, closing)) = &fence {
            if claim.ente != *ente {
                return Err(Error::bug("a claim of one ente fences changes of another"));
            }
            jobs::close(&mut tx, claim, closing).await?;
        }
        for run in together::runs(changes) {
            Writing { connection: &mut tx, ente }.run(run).await?;
        }
        drill::point("store.uncommitted");
        tx.commit().await.map_err(failed)?;
        drill::point("store.committed");
        Ok(())
    }
}

/// A transaction under way, of one ente.
pub(super) struct Writing<'t> {
    pub(super) connection: &'t mut SqliteConnection,
    pub(super) ente: &'t EnteId,
}

impl Writing<'_> {
    pub(super) async fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::AddBlob { sha256, bytes } => self.add_blob(sha256, *bytes).await,
            Change::SetQuarantine { sha256, is_held } => self.set_quarantine(sha256, *is_held).await,
            Change::RequireArrivals { sha256, count } => self.require_arrivals(sha256, *count).await,
            Change::AddArrival(arrival) => self.add_arrival(arrival).await,
            Change::SetArrival { id, state, reason } => self.set_arrival(id, *state, reason.as_ref()).await,
            Change::AddDocument(document) => self.add_document(document).await,
            Change::SetDocument { id, state } => self.set_document(id, state.as_str()).await,
            Change::SetHolds { document, holds } => self.set_holds(document, holds).await,
            Change::PutFact { owner, kind, n, body } => self.put_fact((owner, kind, *n), body).await,
            Change::PutSheaf { owner, kind, sheaf } => self.put_sheaf((owner, kind), sheaf).await,
            Change::DropFacts { owner, kind } => self.drop_facts(owner, kind).await,
            Change::SetLikeness { document, keys } => likeness::set(self.connection, (self.ente, document), keys).await,
            Change::RequireFact { owner, kind, seen } => search::require_fact(self, (owner, kind), seen.as_deref()).await,
            Change::SetFindable { document, findable } => search::set(self, document, findable).await,
            Change::SetReindexing { reached } => search::set_reindexing(self, *reached).await,
            Change::FileDocument { document, key, opened } => file::file_document(self, document, key, *opened).await,
            Change::AddAggregation(aggregation) => file::add_aggregation(self, aggregation).await,
            Change::UnfileDocument { document } => file::unfile_document(self, document).await,
            Change::SetClosed { id, closed } => file::set_closed(self, id, *closed).await,
            Change::AddPdv { pdv, documents } => file::add_pdv(self, pdv, documents).await,
            Change::SetPdvBuilt { id, path, sha256, bytes } => file::set_pdv_built(self, id, (path, sha256, *bytes)).await,
            Change::SetPdv { id, state } => file::set_pdv(self, id, *state).await,
            Change::AddRegistrazione { registro, registrazione } => {
                registro::add_registrazione(self, registro, registrazione).await
            }
            Change::AddVariazione { registro, variazione } => registro::add_variazione(self, registro, variazione).await,
            Change::AddContrasto { registro, contrasto } => registro::add_contrasto(self, registro, contrasto).await,
            Change::SettleContrasto { registro, id, settled } => registro::settle_contrasto(self, (registro, id), settled).await,
            Change::Forget { owner } => scarto::forget(self, owner).await,
            Change::SetDestroyed { sha256, destroyed } => self.set_destroyed(sha256, destroyed).await,
            Change::AddJob(job) => jobs::add(self.connection, self.ente, job).await,
            Change::Journal(event) => lines::append(self.connection, self.ente, &[event]).await,
        }
    }

    async fn add_blob(&mut self, sha256: &Digest, bytes: u64) -> Result<()> {
        // The same bytes may come again after a scarto: then they are there again.
        sqlx::query(
            "INSERT INTO blobs (ente, sha256, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (ente, sha256) DO UPDATE SET destroyed = NULL WHERE destroyed IS NOT NULL",
        )
        .bind(self.ente.as_str())
        .bind(sha256.hex())
        .bind(bytes as i64)
        .execute(&mut *self.connection)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn set_quarantine(&mut self, sha256: &Digest, is_held: bool) -> Result<()> {
        let done = sqlx::query("UPDATE blobs SET quarantined = ?3 WHERE ente = ?1 AND sha256 = ?2")
            .bind(self.ente.as_str())
            .bind(sha256.hex())
            .bind(is_held)
            .execute(&mut *self.connection)
            .await;
        one(done, "blob", sha256)
    }

    async fn set_destroyed(&mut self, sha256: &Digest, destroyed: &str) -> Result<()> {
        let done = sqlx::query("UPDATE blobs SET destroyed = ?3 WHERE ente = ?1 AND sha256 = ?2")
            .bind(self.ente.as_str())
            .bind(sha256.hex())
            .bind(destroyed)
            .execute(&mut *self.connection)
            .await;
        one(done, "blob", sha256)
    }

    async fn require_arrivals(&mut self, sha256: &Digest, count: u64) -> Result<()> {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM arrivals WHERE ente = ?1 AND sha256 = ?2")
            .bind(self.ente.as_str())
            .bind(sha256.hex())
            .fetch_one(&mut *self.connection)
            .await
            .map_err(failed)?;
        if found as u64 == count { Ok(()) } else { Err(Error::retry("arrivals-changed")) }
    }

    async fn add_arrival(&mut self, arrival: &Arrival) -> Result<()> {
        self.same_ente(&arrival.ente)?;
        sqlx::query(
            "INSERT INTO arrivals
               (ente, id, door, name, bytes, mtime_ns, sha256, admitted_at, state, duplicate_of, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (ente, id) DO NOTHING",
        )
        .bind(self.ente.as_str())
        .bind(arrival.id.as_str())
        .bind(&arrival.door)
        .bind(arrival.name.bytes())
        .bind(arrival.bytes as i64)
        .bind(arrival.mtime_ns)
        .bind(arrival.sha256.hex())
        .bind(rows::micros(arrival.admitted_at))
        .bind(rows::word(&arrival.state)?)
        .bind(arrival.duplicate_of.as_ref().map(ArrivalId::as_str))
        .bind(arrival.reason.as_ref().map(rows::json).transpose()?)
        .execute(&mut *self.connection)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn set_arrival(&mut self, id: &ArrivalId, state: ArrivalState, reason: Option<&Message>) -> Result<()> {
        let done = sqlx::query("UPDATE arrivals SET state = ?3, reason = ?4 WHERE ente = ?1 AND id = ?2")
            .bind(self.ente.as_str())
            .bind(id.as_str())
            .bind(rows::word(&state)?)
            .bind(reason.map(rows::json).transpose()?)
            .execute(&mut *self.connection)
            .await;
        one(done, "arrival", id)
    }

    async fn add_document(&mut self, document: &Document) -> Result<()> {
        self.same_ente(&document.ente)?;
        sqlx::query(
            "INSERT INTO documents (ente, id, arrival, position, name, state, formed_at, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (ente, id) DO NOTHING",
        )
        .bind(self.ente.as_str())
        .bind(document.id.as_str())
        .bind(document.arrival.as_str())
        .bind(document.position)
        .bind(document.name.bytes())
        .bind(document.state.as_str())
        .bind(rows::micros(document.formed_at))
        .bind(document.version)
        .execute(&mut *self.connection)
        .await
        .map_err(failed)?;
        Ok(())
    }

    pub(super) async fn set_document(&mut self, id: &DocumentId, state: &str) -> Result<()> {
        let done = sqlx::query("UPDATE documents SET state = ?3 WHERE ente = ?1 AND id = ?2")
            .bind(self.ente.as_str())
            .bind(id.as_str())
            .bind(state)
            .execute(&mut *self.connection)
            .await;
        one(done, "document", id)
    }

    async fn set_holds(&mut self, document: &DocumentId, holds: &[Hold]) -> Result<()> {
        sqlx::query("DELETE FROM holds WHERE ente = ?1 AND document = ?2")
            .bind(self.ente.as_str())
            .bind(document.as_str())
            .execute(&mut *self.connection)
            .await
            .map_err(failed)?;
        for (n, hold) in holds.iter().enumerate() {
            sqlx::query("INSERT INTO holds (ente, document, n, body) VALUES (?1, ?2, ?3, ?4)")
                .bind(self.ente.as_str())
                .bind(document.as_str())
                .bind(n as i64)
                .bind(rows::json(hold)?)
                .execute(&mut *self.connection)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    async fn put_fact(&mut self, (owner, kind, n): (&str, &str, u32), body: &str) -> Result<()> {
        sqlx::query(
            "INSERT INTO facts (ente, owner, kind, n, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (ente, owner, kind, n) DO UPDATE SET body = excluded.body",
        )
        .bind(self.ente.as_str())
        .bind(owner)
        .bind(kind)
        .bind(n)
        .bind(body)
        .execute(&mut *self.connection)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn put_sheaf(&mut self, (owner, kind): (&str, &str), sheaf: &Sheaf) -> Result<()> {
        for fact in sheaf.facts()? {
            let (n, body) = fact?;
            self.put_fact((owner, kind, n), &body).await?;
            drill::point("store.sheaf");
        }
        Ok(())
    }

    async fn drop_facts(&mut self, owner: &str, kind: &str) -> Result<()> {
        sqlx::query("DELETE FROM facts WHERE ente = ?1 AND owner = ?2 AND kind = ?3")
            .bind(self.ente.as_str())
            .bind(owner)
            .bind(kind)
            .execute(&mut *self.connection)
            .await
            .map_err(failed)?;
        Ok(())
    }

    /// A row says itself whose it is: it must be the ente whose transaction this is.
    pub(super) fn same_ente(&self, ente: &EnteId) -> Result<()> {
        if ente == self.ente { Ok(()) } else { Err(Error::bug("a row of one ente among the changes of another")) }
    }
}

type Done = std::result::Result<sqlx::sqlite::SqliteQueryResult, sqlx::Error>;

/// Exactly one row was there to be changed.
pub(super) fn one(done: Done, what: &str, id: impl std::fmt::Display) -> Result<()> {
    if done.map_err(failed)?.rows_affected() == 1 {
        return Ok(());
    }
    Err(Error::new(Kind::Bug, "row-missing").with("what", what).with("id", id))
}
