//! The contract goes on: entries of the protocol register, and what a scarto asks.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::Store;
use crate::arrival::EnteId;
use crate::digest::Digest;
use crate::error::Result;
use crate::registro::{OpenContrasto, Registrazione, Variazione};

/// The protocol register.
impl Store {
    /// The entries of a year from one number to another, with the nearest ones before and after.
    pub async fn registrazioni(&self, ente: &EnteId, year: (&str, i16), numbers: (u64, u64)) -> Result<Vec<Registrazione>> {
        let Self::Sqlite(engine) = self;
        engine.registrazioni(ente, year, numbers).await
    }

    /// At most `most` entries of a day of a register, by number.
    pub async fn registrazioni_of(&self, ente: &EnteId, day: (&str, Date), most: usize) -> Result<Vec<Registrazione>> {
        let Self::Sqlite(engine) = self;
        engine.registrazioni_of(ente, day, most).await
    }

    /// At most `most` changes made on a day.
    pub async fn variazioni_of(&self, ente: &EnteId, day: (&str, Date), most: usize) -> Result<Vec<Variazione>> {
        let Self::Sqlite(engine) = self;
        engine.variazioni_of(ente, day, most).await
    }

    /// The last number of the year before a day.
    pub async fn last_numero(&self, ente: &EnteId, day: (&str, Date)) -> Result<Option<u64>> {
        let Self::Sqlite(engine) = self;
        engine.last_numero(ente, day).await
    }

    /// The days of which there is an entry, a change or an open contradiction, in order.
    pub async fn registro_days(&self, ente: &EnteId, registro: &str) -> Result<Vec<Date>> {
        let Self::Sqlite(engine) = self;
        engine.registro_days(ente, registro).await
    }

    /// The contradictions that nobody has looked at, of a day or of all.
    pub async fn contrasti(&self, ente: &EnteId, registro: &str, day: Option<Date>) -> Result<Vec<OpenContrasto>> {
        let Self::Sqlite(engine) = self;
        engine.contrasti(ente, registro, day).await
    }
}

/// What a scarto asks.
impl Store {
    /// The blobs that are there and of which only these documents and arrivals speak.
    pub async fn only_of(&self, ente: &EnteId, owners: &BTreeSet<String>) -> Result<BTreeSet<Digest>> {
        let Self::Sqlite(engine) = self;
        engine.only_of(ente, owners).await
    }
}
