//! Which tables has the ente decided, and since when? Its Titolario, its plan of retention, its procedures (rules G-01, G-06, G-09).
//!
//! Each import is a version that stays, as a fact of the ente; what counts for a document is the version of its day. Another process
//! may import beside a daemon: who asks is told of it by one small fact.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::classify;
use crate::clock::date_of_law;
use crate::dated::Dated;
use crate::describe;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::filing::Voce;
use crate::messages::Message;
use crate::pipeline::House;
use crate::retention::RetentionPlan;
use crate::store::DocumentRow;
use crate::tipologia::{TipologiaProcedimento, Tipologie};
use crate::titolario::Titolario;

/// Fact kind of the ente: how many versions of all tables there are.
pub(crate) const COUNT: &str = "tables";

/// The tables that an ente decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Plan of classification.
    Titolario,
    /// Plan of retention.
    Retention,
    /// Table of procedures.
    Tipologia,
}

impl Table {
    /// Fact kind of its versions.
    pub(crate) fn fact(self) -> &'static str {
        match self {
            Self::Titolario => "table-titolario",
            Self::Retention => "table-retention",
            Self::Tipologia => "table-tipologia",
        }
    }

    /// Its name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Titolario => "titolario",
            Self::Retention => "retention",
            Self::Tipologia => "tipologia",
        }
    }
}

/// One version of a table, as it was imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edition {
    /// In force from this day on; none where it always was.
    pub dal: Option<Date>,
    /// Where it is published.
    pub uri: Option<String>,
    /// Name of the file.
    pub name: String,
    /// Digest of the file.
    pub sha256: Digest,
    /// When it was imported.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// The table.
    pub csv: String,
}

/// A Titolario and where it is published.
#[derive(Debug)]
struct Published {
    titolario: Titolario,
    uri: Option<String>,
}

/// All tables of the ente, by day.
#[derive(Debug, Default)]
pub struct Tables {
    titolario: Dated<Published>,
    retention: Dated<RetentionPlan>,
    tipologie: Dated<Tipologie>,
}

/// What a process has read of them last, and how many versions there were.
pub type Seen = tokio::sync::Mutex<Option<(u32, Arc<Tables>)>>;

/// The tables as they stand now.
pub(crate) async fn tables(house: &House) -> Result<Arc<Tables>> {
    let ente = house.ente_id.0.as_str();
    let count: u32 = super::fact(house, ente, COUNT).await?.unwrap_or(0);
    let mut seen = house.tables.lock().await;
    if let Some((of, tables)) = seen.as_ref()
        && *of == count
    {
        return Ok(Arc::clone(tables));
    }
    let published =
        |edition: &Edition| Titolario::parse(&edition.csv).map(|titolario| Published { titolario, uri: edition.uri.clone() });
    let tables = Arc::new(Tables {
        titolario: dated(house, Table::Titolario, published).await?,
        retention: dated(house, Table::Retention, |edition| RetentionPlan::parse(&edition.csv)).await?,
        tipologie: dated(house, Table::Tipologia, |edition| Tipologie::parse(&edition.csv)).await?,
    });
    *seen = Some((count, Arc::clone(&tables)));
    Ok(tables)
}

async fn dated<T>(
    house: &House,
    table: Table,
    read: impl Fn(&Edition) -> std::result::Result<T, Vec<Message>>,
) -> Result<Dated<T>> {
    let editions: Vec<Edition> = super::facts(house, &house.ente_id.0, table.fact()).await?;
    let versions = editions.iter().map(|edition| {
        let version =
            read(edition).map_err(|_| Error::bug(format_args!("a {} that was imported is unreadable", table.name())))?;
        Ok((edition.dal.unwrap_or(Date::MIN), version))
    });
    Ok(Dated::new(versions.collect::<Result<Vec<_>>>()?))
}

impl Tables {
    /// The Titolario in force on `day`; that of the Comuni where the ente has decided none for it.
    pub fn titolario(&self, day: Date) -> &Titolario {
        match self.titolario.on(day) {
            Some(published) => &published.titolario,
            None => Titolario::comuni(),
        }
    }

    /// What the metadata say of a voce under which something was filed on `day`. Where a Titolario was imported since that does not
    /// have it, the version counts that has.
    pub fn voce(&self, voce: &Voce, day: Date) -> describe::Titolario<'_> {
        let own = |published: &'_ Published| published.titolario.voce(voce).is_some();
        let published = self.titolario.on(day).filter(|published| own(published));
        let published = published.or_else(|| self.titolario.all().rev().map(|(_, version)| version).find(|version| own(version)));
        if self.titolario.on(day).is_some()
            && let Some(published) = published
        {
            let descrizione = published.titolario.nome(voce).unwrap_or_default();
            return describe::Titolario { descrizione, piano: published.uri.as_deref() };
        }
        let comuni = Titolario::comuni().nome(voce);
        match (comuni, published) {
            (None, Some(published)) => describe::Titolario {
                descrizione: published.titolario.nome(voce).unwrap_or_default(),
                piano: published.uri.as_deref(),
            },
            (comuni, _) => describe::Titolario { descrizione: comuni.unwrap_or_default(), piano: None },
        }
    }

    /// The plan of retention in force on `day`.
    pub fn retention(&self, day: Date) -> Option<&RetentionPlan> {
        self.retention.on(day)
    }

    /// True if a plan of retention sets a time within which documents leave.
    pub fn has_terms(&self) -> bool {
        self.retention.all().any(|(_, plan)| plan.has_days())
    }

    /// The table of procedures in force on `day`.
    pub fn tipologie(&self, day: Date) -> Option<&Tipologie> {
        self.tipologie.on(day)
    }

    /// The procedure that a document of that tipo opened on `day`.
    pub fn tipologia(&self, day: Date, (tipo, voce): (&str, &Voce)) -> Option<&TipologiaProcedimento> {
        self.tipologie.on(day).and_then(|tipologie| tipologie.of(tipo, voce))
    }

    /// Days within which the procedure that such a document opens must end: the ente's word before that of the rules.
    pub fn termine(&self, day: Date, (tipo, voce): (&str, &Voce)) -> Option<u32> {
        match self.tipologia(day, (tipo, voce)) {
            Some(TipologiaProcedimento { termine_giorni: Some(days), .. }) => Some(*days),
            _ => classify::termine(tipo),
        }
    }
}

/// The day of a document that decides which version counts: that of its registration, else that of its arrival.
pub(crate) fn day(house: &House, row: &DocumentRow, fields: &Fields) -> Date {
    let registered = fields.protocollo.as_ref().and_then(|protocollo| protocollo.value.data);
    registered.unwrap_or_else(|| date_of_law(row.document.formed_at, &house.ente.zona))
}
