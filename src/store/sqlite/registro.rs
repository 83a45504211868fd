//! Entries of the protocol register: added once, never overwritten.

use jiff::civil::Date;
use sqlx::Row as _;

use super::apply::Writing;
use super::{Sqlite, failed, rows};
use crate::arrival::EnteId;
use crate::error::{Error, Result};
use crate::registro::{Contrasto, OpenContrasto, Registrazione, Riga, Variazione};

/// A row that differs from one that is there fails the whole: whoever decided by looking looks again.
fn changed() -> Error {
    Error::retry("facts-changed")
}

pub(super) async fn add_registrazione(writing: &mut Writing<'_>, registro: &str, one: &Registrazione) -> Result<()> {
    let body = rows::json(one)?;
    let added = sqlx::query(
        "INSERT INTO registrazioni (ente, registro, anno, numero, giorno, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET body = excluded.body WHERE registrazioni.body = excluded.body",
    )
    .bind(writing.ente.as_str())
    .bind(registro)
    .bind(one.anno)
    .bind(one.numero as i64)
    .bind(one.data.to_string())
    .bind(body)
    .execute(&mut *writing.connection)
    .await
    .map_err(failed)?;
    if added.rows_affected() == 1 { Ok(()) } else { Err(changed()) }
}

pub(super) async fn add_variazione(writing: &mut Writing<'_>, registro: &str, one: &Variazione) -> Result<()> {
    let query = "INSERT INTO variazioni (ente, registro, giorno, id, body) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    sqlx::query(query)
        .bind(writing.ente.as_str())
        .bind(registro)
        .bind(one.data.to_string())
        .bind(Riga::Variazione(one.clone()).id()?)
        .bind(rows::json(one)?)
        .execute(&mut *writing.connection)
        .await
        .map(drop)
        .map_err(failed)
}

pub(super) async fn add_contrasto(writing: &mut Writing<'_>, registro: &str, one: &Contrasto) -> Result<()> {
    let query = "INSERT INTO contrasti (ente, registro, giorno, id, body) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    sqlx::query(query)
        .bind(writing.ente.as_str())
        .bind(registro)
        .bind(one.nuova.about().2.to_string())
        .bind(one.nuova.id()?)
        .bind(rows::json(one)?)
        .execute(&mut *writing.connection)
        .await
        .map(drop)
        .map_err(failed)
}

pub(super) async fn settle_contrasto(writing: &mut Writing<'_>, (registro, id): (&str, &str), settled: &str) -> Result<()> {
    let query = "UPDATE contrasti SET settled = ?4 WHERE ente = ?1 AND registro = ?2 AND id = ?3 AND settled IS NULL";
    let done = sqlx::query(query).bind(writing.ente.as_str()).bind(registro).bind(id).bind(settled);
    let done = done.execute(&mut *writing.connection).await.map_err(failed)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(changed()) }
}

impl Sqlite {
    pub(in crate::store) async fn registrazioni(
        &self,
        ente: &EnteId,
        (registro, anno): (&str, i16),
        (first, last): (u64, u64),
    ) -> Result<Vec<Registrazione>> {
        let query = "SELECT body FROM registrazioni WHERE ente = ?1 AND registro = ?2 AND anno = ?3
               AND numero >= coalesce((SELECT max(numero) FROM registrazioni
                                       WHERE ente = ?1 AND registro = ?2 AND anno = ?3 AND numero < ?4), ?4)
               AND numero <= coalesce((SELECT min(numero) FROM registrazioni
                                       WHERE ente = ?1 AND registro = ?2 AND anno = ?3 AND numero > ?5), ?5)
             ORDER BY numero";
        let query = sqlx::query_scalar(query).bind(ente.as_str()).bind(registro).bind(anno);
        bodies(&query.bind(first as i64).bind(last as i64).fetch_all(&self.readers).await.map_err(failed)?)
    }

    pub(in crate::store) async fn registrazioni_of(
        &self,
        ente: &EnteId,
        (registro, day): (&str, Date),
        most: usize,
    ) -> Result<Vec<Registrazione>> {
        let query = "SELECT body FROM registrazioni WHERE ente = ?1 AND registro = ?2 AND giorno = ?3 ORDER BY numero LIMIT ?4";
        let query = sqlx::query_scalar(query).bind(ente.as_str()).bind(registro).bind(day.to_string()).bind(most as i64);
        bodies(&query.fetch_all(&self.readers).await.map_err(failed)?)
    }

    pub(in crate::store) async fn variazioni_of(
        &self,
        ente: &EnteId,
        (registro, day): (&str, Date),
        most: usize,
    ) -> Result<Vec<Variazione>> {
        let query = "SELECT body FROM variazioni WHERE ente = ?1 AND registro = ?2 AND giorno = ?3 ORDER BY id LIMIT ?4";
        let query = sqlx::query_scalar(query).bind(ente.as_str()).bind(registro).bind(day.to_string()).bind(most as i64);
        bodies(&query.fetch_all(&self.readers).await.map_err(failed)?)
    }

    pub(in crate::store) async fn last_numero(&self, ente: &EnteId, (registro, day): (&str, Date)) -> Result<Option<u64>> {
        let query = "SELECT max(numero) FROM registrazioni WHERE ente = ?1 AND registro = ?2 AND anno = ?3 AND giorno < ?4";
        let query = sqlx::query_scalar(query).bind(ente.as_str()).bind(registro).bind(day.year()).bind(day.to_string());
        let found: Option<i64> = query.fetch_one(&self.readers).await.map_err(failed)?;
        Ok(found.and_then(|numero| u64::try_from(numero).ok()))
    }

    pub(in crate::store) async fn registro_days(&self, ente: &EnteId, registro: &str) -> Result<Vec<Date>> {
        let query = "SELECT giorno FROM registrazioni WHERE ente = ?1 AND registro = ?2
             UNION SELECT giorno FROM variazioni WHERE ente = ?1 AND registro = ?2
             UNION SELECT giorno FROM contrasti WHERE ente = ?1 AND registro = ?2 AND settled IS NULL ORDER BY 1";
        let days: Vec<String> =
            sqlx::query_scalar(query).bind(ente.as_str()).bind(registro).fetch_all(&self.readers).await.map_err(failed)?;
        days.iter().map(|day| day.parse().map_err(|e| Error::bug("a stored day").because(e))).collect()
    }

    pub(in crate::store) async fn contrasti(
        &self,
        ente: &EnteId,
        registro: &str,
        day: Option<Date>,
    ) -> Result<Vec<OpenContrasto>> {
        let query = "SELECT id, body FROM contrasti
             WHERE ente = ?1 AND registro = ?2 AND settled IS NULL AND giorno = coalesce(?3, giorno) ORDER BY giorno, id";
        let query = sqlx::query(query).bind(ente.as_str()).bind(registro).bind(day.map(|day| day.to_string()));
        let found = query.fetch_all(&self.readers).await.map_err(failed)?;
        let one = |row: &sqlx::sqlite::SqliteRow| {
            let body: &str = row.try_get("body").map_err(failed)?;
            let contrasto = serde_json::from_str(body).map_err(|e| Error::bug("a stored contrasto").because(e))?;
            Ok(OpenContrasto { id: row.try_get("id").map_err(failed)?, contrasto })
        };
        found.iter().map(one).collect()
    }
}

fn bodies<T: serde::de::DeserializeOwned>(found: &[String]) -> Result<Vec<T>> {
    found.iter().map(|body| serde_json::from_str(body).map_err(|e| Error::bug("a stored entry").because(e))).collect()
}
