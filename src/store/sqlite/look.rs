//! Looking: arrivals, documents, facts, aggregations, Pdv. Each function is one statement, so that it sees one state.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Sqlite, failed, rows};
use crate::aggregation::AggregationId;
use crate::arrival::{Arrival, ArrivalId, EnteId};
use crate::digest::Digest;
use crate::document::{DocumentId, DocumentState};
use crate::error::Result;
use crate::filing::Voce;
use crate::pdv::{Pdv, PdvId, PdvState};
use crate::store::{AggregationRow, DocumentRow};

/// Documents with their Pdv and open holds; the literal says which, and in which order.
macro_rules! documents {
    ($which:literal) => {
        concat!(
            "SELECT d.*, p.pdv,
               (SELECT json_group_array(json(h.body) ORDER BY h.n) FROM holds h
                WHERE h.ente = d.ente AND h.document = d.id) AS holds
             FROM documents d LEFT JOIN pdv_documents p ON p.ente = d.ente AND p.document = d.id
             WHERE d.ente = ?1 AND ",
            $which
        )
    };
}

/// Aggregations with their documents in order of filing.
macro_rules! aggregations {
    ($which:literal) => {
        concat!(
            "SELECT a.*,
               (SELECT json_group_array(d.id ORDER BY d.filed, d.seq) FROM documents d
                WHERE d.ente = a.ente AND d.aggregazione = a.id) AS documents
             FROM aggregations a WHERE a.ente = ?1 AND ",
            $which
        )
    };
}

/// Pdv with their documents in the plan's order.
macro_rules! pdvs {
    ($plan:literal, $which:literal) => {
        concat!(
            "SELECT v.id, v.ente, v.aggregazione, v.profile, v.state, v.planned_at, v.path, v.sha256, v.bytes, ",
            $plan,
            " AS plan,
               (SELECT json_group_array(p.document ORDER BY p.n) FROM pdv_documents p
                WHERE p.ente = v.ente AND p.pdv = v.id) AS documents
             FROM pdvs v WHERE v.ente = ?1 AND ",
            $which
        )
    };
}

impl Sqlite {
    pub(in crate::store) async fn arrival(&self, ente: &EnteId, id: &ArrivalId) -> Result<Option<Arrival>> {
        let query = sqlx::query("SELECT * FROM arrivals WHERE ente = ?1 AND id = ?2").bind(ente.as_str()).bind(id.as_str());
        query.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(rows::arrival).transpose()
    }

    pub(in crate::store) async fn arrivals(&self, ente: &EnteId) -> Result<Vec<Arrival>> {
        let query = sqlx::query("SELECT * FROM arrivals WHERE ente = ?1 ORDER BY seq").bind(ente.as_str());
        query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::arrival).collect()
    }

    pub(in crate::store) async fn arrivals_with(&self, ente: &EnteId, digests: &BTreeSet<Digest>) -> Result<Vec<Arrival>> {
        let digests: Vec<String> = digests.iter().map(Digest::hex).collect();
        let query = "SELECT * FROM arrivals WHERE ente = ?1 AND sha256 IN (SELECT value FROM json_each(?2)) ORDER BY seq";
        let query = sqlx::query(query).bind(ente.as_str()).bind(rows::json(&digests)?);
        query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::arrival).collect()
    }

    pub(in crate::store) async fn facts_since(
        &self,
        ente: &EnteId,
        (door, kind): (&str, &str),
        since: Timestamp,
    ) -> Result<BTreeSet<Option<String>>> {
        let query = "SELECT DISTINCT f.body FROM arrivals a
             LEFT JOIN facts f ON f.ente = a.ente AND f.owner = a.id AND f.kind = ?3 AND f.n = 0
             WHERE a.ente = ?1 AND a.door = ?2 AND a.admitted_at > ?4";
        let query = sqlx::query_scalar(query).bind(ente.as_str()).bind(door).bind(kind).bind(rows::micros(since));
        Ok(query.fetch_all(&self.readers).await.map_err(failed)?.into_iter().collect())
    }

    pub(in crate::store) async fn document(&self, ente: &EnteId, id: &DocumentId) -> Result<Option<DocumentRow>> {
        let query = sqlx::query(documents!("d.id = ?2")).bind(ente.as_str()).bind(id.as_str());
        query.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(rows::document).transpose()
    }

    pub(in crate::store) async fn documents(&self, ente: &EnteId, state: Option<DocumentState>) -> Result<Vec<DocumentRow>> {
        let query = match state {
            Some(state) => sqlx::query(documents!("d.state = ?2 ORDER BY d.seq")).bind(ente.as_str()).bind(state.as_str()),
            None => sqlx::query(documents!("1 ORDER BY d.seq")).bind(ente.as_str()),
        };
        query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::document).collect()
    }

    pub(in crate::store) async fn documents_of(&self, ente: &EnteId, arrival: &ArrivalId) -> Result<Vec<DocumentRow>> {
        let query = sqlx::query(documents!("d.arrival = ?2 ORDER BY d.position, d.seq"));
        let query = query.bind(ente.as_str()).bind(arrival.as_str());
        query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::document).collect()
    }

    pub(in crate::store) async fn facts(&self, ente: &EnteId, owner: &str, kind: &str) -> Result<Vec<(u32, String)>> {
        sqlx::query_as("SELECT n, body FROM facts WHERE ente = ?1 AND owner = ?2 AND kind = ?3 ORDER BY n")
            .bind(ente.as_str())
            .bind(owner)
            .bind(kind)
            .fetch_all(&self.readers)
            .await
            .map_err(failed)
    }

    pub(in crate::store) async fn facts_from(
        &self,
        ente: &EnteId,
        (owner, kind, from): (&str, &str, u32),
        most: u32,
    ) -> Result<Vec<(u32, String)>> {
        let facts = "SELECT n, body FROM facts WHERE ente = ?1 AND owner = ?2 AND kind = ?3 AND n >= ?4 ORDER BY n LIMIT ?5";
        let facts = sqlx::query_as(facts).bind(ente.as_str()).bind(owner).bind(kind).bind(from).bind(most);
        facts.fetch_all(&self.readers).await.map_err(failed)
    }

    pub(in crate::store) async fn fact(&self, ente: &EnteId, owner: &str, kind: &str) -> Result<Option<String>> {
        self.fact_at(ente, (owner, kind, 0)).await
    }

    pub(in crate::store) async fn fact_at(&self, ente: &EnteId, (owner, kind, n): (&str, &str, u32)) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT body FROM facts WHERE ente = ?1 AND owner = ?2 AND kind = ?3 AND n = ?4")
            .bind(ente.as_str())
            .bind(owner)
            .bind(kind)
            .bind(n)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)
    }

    pub(in crate::store) async fn aggregation(&self, ente: &EnteId, id: &AggregationId) -> Result<Option<AggregationRow>> {
        let query = sqlx::query(aggregations!("a.id = ?2")).bind(ente.as_str()).bind(id.as_str());
        query.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(rows::aggregation).transpose()
    }

    pub(in crate::store) async fn sub_fascicoli(&self, ente: &EnteId, primario: &AggregationId) -> Result<Vec<AggregationRow>> {
        let query = sqlx::query(aggregations!("a.primario = ?2 ORDER BY a.seq")).bind(ente.as_str()).bind(primario.as_str());
        query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::aggregation).collect()
    }

    pub(in crate::store) async fn next_progressivo(&self, ente: &EnteId, (anno, voce): (i16, &Voce)) -> Result<u32> {
        sqlx::query_scalar(
            "SELECT 1 + coalesce(max(progressivo), 0) FROM aggregations
             WHERE ente = ?1 AND tipo = 'Fascicolo' AND anno = ?2 AND voce = ?3 AND primario IS NULL",
        )
        .bind(ente.as_str())
        .bind(anno)
        .bind(&voce.0)
        .fetch_one(&self.readers)
        .await
        .map_err(failed)
    }

    pub(in crate::store) async fn aggregations(&self, ente: &EnteId) -> Result<Vec<AggregationRow>> {
        let query = sqlx::query(aggregations!("1 ORDER BY a.seq")).bind(ente.as_str());
        query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::aggregation).collect()
    }

    pub(in crate::store) async fn pdv(&self, ente: &EnteId, id: &PdvId) -> Result<Option<(Pdv, Vec<DocumentId>)>> {
        let query = sqlx::query(pdvs!("v.plan", "v.id = ?2")).bind(ente.as_str()).bind(id.as_str());
        query.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(rows::pdv).transpose()
    }

    pub(in crate::store) async fn pdvs_in(&self, ente: &EnteId, state: PdvState) -> Result<Vec<PdvId>> {
        let query = sqlx::query_scalar("SELECT id FROM pdvs WHERE ente = ?1 AND state = ?2 ORDER BY seq");
        let ids = query.bind(ente.as_str()).bind(rows::word(&state)?).fetch_all(&self.readers).await.map_err(failed)?;
        Ok(ids.into_iter().map(PdvId).collect())
    }

    pub(in crate::store) async fn pdvs(&self, ente: &EnteId) -> Result<Vec<(Pdv, Vec<DocumentId>)>> {
        let query = sqlx::query(pdvs!("''", "1 ORDER BY v.seq")).bind(ente.as_str());
        query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::pdv).collect()
    }
}
