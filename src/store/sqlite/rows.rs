//! What does a row say? Rows to nouns, and words of states both ways.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::failed;
use crate::aggregation::{Aggregation, AggregationId, AggregationKey};
use crate::arrival::{Arrival, ArrivalId, EnteId, FileName};
use crate::digest::Digest;
use crate::document::{Document, DocumentId};
use crate::error::{Error, Result};
use crate::event::JournalLine;
use crate::filing::Voce;
use crate::pdv::{Pdv, PdvId};
use crate::store::{AggregationRow, BlobRow, Claim, DocumentRow, OpenJob};

/// The value of a JSON column that we wrote ourselves.
pub(super) fn parsed<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(Error::store)
}

/// JSON for a column.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::bug)
}

/// The word of a state or kind, as serde names it.
pub(super) fn word<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(Error::bug("a state without a word")),
    }
}

/// The state or kind of a word.
pub(super) fn unworded<T: DeserializeOwned>(word: String) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(Error::store)
}

/// An instant as whole microseconds.
pub(super) fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

pub(super) fn instant(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(Error::store)
}

pub(super) fn digest(hex: &str) -> Result<Digest> {
    Digest::parse(hex).ok_or_else(|| Error::store("a digest in the store is not one"))
}

fn get<'r, T>(row: &'r SqliteRow, column: &str) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(failed)
}

pub(super) fn blob(row: &SqliteRow) -> Result<BlobRow> {
    Ok(BlobRow {
        sha256: digest(get(row, "sha256")?)?,
        bytes: get::<i64>(row, "bytes")? as u64,
        quarantined: get(row, "quarantined")?,
        destroyed: get(row, "destroyed")?,
    })
}

pub(super) fn arrival(row: &SqliteRow) -> Result<Arrival> {
    Ok(Arrival {
        id: ArrivalId(get(row, "id")?),
        ente: EnteId(get(row, "ente")?),
        door: get(row, "door")?,
        name: FileName::new(get::<Vec<u8>>(row, "name")?),
        bytes: get::<i64>(row, "bytes")? as u64,
        mtime_ns: get(row, "mtime_ns")?,
        sha256: digest(get(row, "sha256")?)?,
        admitted_at: instant(get(row, "admitted_at")?)?,
        state: unworded(get(row, "state")?)?,
        duplicate_of: get::<Option<String>>(row, "duplicate_of")?.map(ArrivalId),
        reason: get::<Option<&str>>(row, "reason")?.map(parsed).transpose()?,
    })
}

pub(super) fn document(row: &SqliteRow) -> Result<DocumentRow> {
    let document = Document {
        id: DocumentId(get(row, "id")?),
        ente: EnteId(get(row, "ente")?),
        arrival: ArrivalId(get(row, "arrival")?),
        position: get(row, "position")?,
        name: FileName::new(get::<Vec<u8>>(row, "name")?),
        state: unworded(get(row, "state")?)?,
        formed_at: instant(get(row, "formed_at")?)?,
        version: get(row, "version")?,
    };
    Ok(DocumentRow {
        document,
        aggregazione: get::<Option<String>>(row, "aggregazione")?.map(AggregationId),
        pdv: get::<Option<String>>(row, "pdv")?.map(PdvId),
        holds: parsed(get(row, "holds")?)?,
    })
}

pub(super) fn aggregation(row: &SqliteRow) -> Result<AggregationRow> {
    let fascicolo: String = get(row, "fascicolo")?;
    let key = AggregationKey {
        tipo: unworded(get(row, "tipo")?)?,
        fascicolo: if fascicolo.is_empty() { None } else { Some(unworded(fascicolo)?) },
        anno: get(row, "anno")?,
        voce: Voce(get(row, "voce")?),
        serie: get(row, "serie")?,
        thread: get(row, "thread")?,
        oggetto: get(row, "oggetto")?,
    };
    let day = |text: &str| text.parse().map_err(|e: jiff::Error| Error::store(e));
    let aggregation = Aggregation {
        id: AggregationId(get(row, "id")?),
        ente: EnteId(get(row, "ente")?),
        key,
        progressivo: get(row, "progressivo")?,
        primario: get::<Option<String>>(row, "primario")?.map(AggregationId),
        data_apertura: day(get(row, "data_apertura")?)?,
        data_chiusura: get::<Option<&str>>(row, "data_chiusura")?.map(day).transpose()?,
    };
    Ok(AggregationRow { aggregation, documents: parsed(get(row, "documents")?)? })
}

pub(super) fn pdv(row: &SqliteRow) -> Result<(Pdv, Vec<DocumentId>)> {
    let pdv = Pdv {
        id: PdvId(get(row, "id")?),
        ente: EnteId(get(row, "ente")?),
        aggregazione: AggregationId(get(row, "aggregazione")?),
        profile: get(row, "profile")?,
        state: unworded(get(row, "state")?)?,
        planned_at: instant(get(row, "planned_at")?)?,
        plan: get(row, "plan")?,
        path: get(row, "path")?,
        sha256: get::<Option<&str>>(row, "sha256")?.map(digest).transpose()?,
        bytes: get::<Option<i64>>(row, "bytes")?.map(|bytes| bytes as u64),
    };
    Ok((pdv, parsed(get(row, "documents")?)?))
}

pub(super) fn claim(row: &SqliteRow) -> Result<Claim> {
    Ok(Claim {
        job: get(row, "id")?,
        ente: EnteId(get(row, "ente")?),
        step: get(row, "step")?,
        owner: get(row, "owner")?,
        attempt: get(row, "attempt")?,
        until: instant(get(row, "until")?)?,
    })
}

pub(super) fn open_job(row: &SqliteRow) -> Result<OpenJob> {
    Ok(OpenJob {
        job: get(row, "id")?,
        step: get(row, "step")?,
        owner: get(row, "owner")?,
        priority: get(row, "priority")?,
        attempt: get(row, "attempt")?,
        not_before: instant(get(row, "not_before")?)?,
        until: get::<Option<i64>>(row, "until")?.map(instant).transpose()?,
        reason: get(row, "reason")?,
    })
}

/// A journal line; `None` if what is stored cannot be one.
pub(super) fn line(row: &SqliteRow) -> Result<JournalLine> {
    Ok(JournalLine {
        n: get::<i64>(row, "n")? as u64,
        event: parsed(get(row, "body")?)?,
        previous: digest(get(row, "previous")?)?,
        digest: digest(get(row, "digest")?)?,
    })
}
