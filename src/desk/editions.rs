//! `titolario`, `retention`, `tipologia`: the tables that an ente decides are imported, listed and exported. A version stays for ever;
//! each counts from its day on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::clock::date_of_law;
use crate::digest::Digest;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::filing::Voce;
use crate::messages::Message;
use crate::pipeline::House;
use crate::retention::RetentionPlan;
use crate::steps::tables::{COUNT, Edition, Table, Tables, tables};
use crate::steps::{self, facts};
use crate::store::Change;
use crate::tipologia::{self, Tipologie};
use crate::titolario::Titolario;
use crate::{classify, transcribe};

/// Longest table, bytes.
pub const TABLE_BYTES_MAX: u64 = 8 << 20;
/// Most versions of one table.
const EDITIONS_MAX: usize = 1_000;

/// What is to be imported.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Which table.
    pub table: Table,
    /// Name of the file.
    pub name: String,
    /// Its bytes, at most [`TABLE_BYTES_MAX`].
    pub bytes: Vec<u8>,
    /// From which day on it counts. The first version may leave it open: it always did.
    pub dal: Option<Date>,
    /// Where it is published.
    pub uri: Option<String>,
    /// Nothing is stored.
    pub dry_run: bool,
    /// Who imports it.
    pub operator: String,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Imported {
    /// What is wrong; where there is anything, nothing was stored.
    pub faults: Vec<Message>,
    /// Number of the version; none where none was stored.
    pub version: Option<u32>,
    /// True where that version was there already.
    pub already: bool,
    /// Rows of the table.
    pub rows: usize,
    /// Of a Titolario: what differs from the one that counted on that day before.
    pub differs: Differs,
    /// Of a Titolario: open fascicoli under voci that it does not have.
    pub orphans: Vec<String>,
}

/// What differs between two Titolari.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Differs {
    /// Voci that are new.
    pub added: Vec<Voce>,
    /// Voci that are gone.
    pub removed: Vec<Voce>,
    /// Voci of another name.
    pub renamed: Vec<Voce>,
    /// Voci that the rules of filing propose and this Titolario does not have: their documents wait for a person.
    pub unfit: Vec<Voce>,
}

/// The versions of a table, in the order in which they were imported.
pub async fn editions(house: &House, table: Table) -> Result<Vec<Edition>> {
    facts(house, &house.ente_id.0, table.fact()).await
}

/// The table in force on `day` as CSV; of a Titolario that of the Comuni where the ente has decided none.
pub async fn export(house: &House, table: Table, day: Option<Date>) -> Result<String> {
    let day = day.unwrap_or_else(|| date_of_law(house.clock.now(), &house.ente.zona));
    let tables = tables(house).await?;
    let csv = match table {
        Table::Titolario => Some(tables.titolario(day).csv()),
        Table::Retention => tables.retention(day).map(RetentionPlan::csv),
        Table::Tipologia => tables.tipologie(day).map(Tipologie::csv),
    };
    csv.unwrap_or_else(|| Err(Error::new(Kind::Usage, "table-none").with("table", table.name()).with("day", day)))
}

/// Checks a table whole and stores it as a version of its own, with its journal line. Where another process imports meanwhile, it is
/// held against what that one has stored.
pub async fn import(house: &House, order: &Order) -> Result<Imported> {
    steps::beside_others(async || imported(house, order).await).await
}

async fn imported(house: &House, order: &Order) -> Result<Imported> {
    let seen = house.store.fact(&house.ente_id, &house.ente_id.0, COUNT).await?;
    let known = editions(house, order.table).await?;
    let csv = transcribe::decoded(&order.bytes);
    ensure(order, &known)?;
    let tables = tables(house).await?;
    let day = order.dal.unwrap_or(Date::MIN);
    let mut imported = checked(house, order, (&tables, day), &csv).await?;
    let sha256 = Digest::of(&order.bytes);
    // The version that counts from that day on already says the same.
    let same = known.iter().rposition(|edition| edition.dal == order.dal);
    let same = same.filter(|at| known.get(*at).is_some_and(|edition| edition.sha256 == sha256 && edition.uri == order.uri));
    if let Some(at) = same {
        imported.version = u32::try_from(at + 1).ok();
        imported.already = true;
        return Ok(imported);
    }
    if !imported.faults.is_empty() || order.dry_run {
        return Ok(imported);
    }
    let n = u32::try_from(known.len() + 1).map_err(Error::bug)?;
    let edition = Edition {
        dal: order.dal,
        uri: order.uri.clone(),
        name: order.name.clone(),
        sha256,
        at: house.clock.now(),
        by: order.operator.clone(),
        csv,
    };
    store(house, order.table, (n, &edition), seen).await?;
    imported.version = Some(n);
    Ok(imported)
}

/// Version, count and journal line in one transaction.
async fn store(house: &House, table: Table, (n, edition): (u32, &Edition), seen: Option<String>) -> Result<()> {
    let ente = house.ente_id.0.as_str();
    let count = seen.as_deref().and_then(|body| body.parse::<u32>().ok()).unwrap_or(0) + 1;
    let dal = edition.dal.map_or_else(|| "-".to_owned(), |dal| dal.to_string());
    let event = Event {
        at: edition.at,
        kind: "table-imported".to_owned(),
        subject: ente.to_owned(),
        outcome: "success".to_owned(),
        agent: format!("operator {}", edition.by),
        detail: BTreeMap::from([
            ("table".to_owned(), table.name().to_owned()),
            ("version".to_owned(), n.to_string()),
            ("dal".to_owned(), dal),
            ("sha256".to_owned(), edition.sha256.to_string()),
        ]),
    };
    let changes = [
        Change::RequireFact { owner: ente.to_owned(), kind: COUNT.to_owned(), seen },
        steps::put(ente, table.fact(), n, edition)?,
        steps::put(ente, COUNT, 0, &count)?,
        Change::Journal(event),
    ];
    house.store.apply(&house.ente_id, None, &changes).await
}

/// What can be said of the order without reading the table.
fn ensure(order: &Order, known: &[Edition]) -> Result<()> {
    let wrong = |code| Err(Error::new(Kind::Usage, code).with("table", order.table.name()));
    if order.dal.is_none() && known.iter().any(|edition| edition.dal.is_some() || edition.sha256 != Digest::of(&order.bytes)) {
        return wrong("table-dal");
    }
    if known.len() >= EDITIONS_MAX {
        return Err(Error::new(Kind::Usage, "table-editions").with("max", EDITIONS_MAX));
    }
    if order.uri.as_ref().is_some_and(|uri| !tipologia::is_uri(uri)) {
        return Err(Error::new(Kind::Usage, "table-uri").with("uri", order.uri.as_deref().unwrap_or_default()));
    }
    Ok(())
}

/// Reads the table and holds it against what else the ente has decided.
async fn checked(house: &House, order: &Order, (tables, day): (&Tables, Date), csv: &str) -> Result<Imported> {
    let mut imported = Imported::default();
    match order.table {
        Table::Titolario => match Titolario::parse(csv) {
            Ok(new) => titolario(house, (&new, tables, day), &mut imported).await?,
            Err(faults) => imported.faults = faults,
        },
        Table::Retention => match RetentionPlan::parse(csv) {
            Ok(plan) => {
                imported.rows = plan.rules().len();
                for rule in plan.rules() {
                    imported.faults.extend(unknown((tables, day), (rule.voce.as_ref(), rule.tipo.as_deref())));
                }
            }
            Err(faults) => imported.faults = faults,
        },
        Table::Tipologia => match Tipologie::parse(csv) {
            Ok(tipologie) => {
                imported.rows = tipologie.rows().len();
                for row in tipologie.rows() {
                    imported.faults.extend(unknown((tables, day), (row.voce.as_ref(), Some(&row.tipo))));
                    let uor = row.rup.as_ref().and_then(|rup| rup.uor.as_ref());
                    let uor = uor.filter(|uor| house.ente.uor.iter().all(|known| known.codice != **uor));
                    imported.faults.extend(uor.map(|uor| Message::new("table-uor").with("uor", uor)));
                }
            }
            Err(faults) => imported.faults = faults,
        },
    }
    Ok(imported)
}

/// Voce and tipo that a table names must exist: the voce in the Titolario of the day from which the table counts, or in a later one.
fn unknown((tables, day): (&Tables, Date), (voce, tipo): (Option<&Voce>, Option<&str>)) -> Vec<Message> {
    let voce = voce.filter(|voce| tables.voce(voce, day).descrizione.is_empty());
    let tipo = tipo.filter(|tipo| classify::tipo_name(tipo).is_none());
    let voce = voce.map(|voce| Message::new("table-voce").with("voce", voce));
    voce.into_iter().chain(tipo.map(|tipo| Message::new("table-tipo").with("tipo", tipo))).collect()
}

async fn titolario(house: &House, (new, tables, day): (&Titolario, &Tables, Date), imported: &mut Imported) -> Result<()> {
    imported.rows = new.voci().len();
    imported.differs = differs(new, tables.titolario(day));
    let inboxes = house.config.inbox.iter().filter_map(|inbox| inbox.defaults.voce.clone().map(Voce));
    let lost: BTreeSet<Voce> = inboxes.filter(|voce| new.voce(voce).is_none()).collect();
    imported.faults.extend(lost.iter().map(|voce| Message::new("table-inbox").with("voce", voce)));
    for row in house.store.aggregations(&house.ente_id).await? {
        let aggregation = row.aggregation;
        if aggregation.data_chiusura.is_none() && aggregation.data_apertura >= day && new.voce(&aggregation.key.voce).is_none() {
            imported.orphans.push(aggregation.id.0);
        }
    }
    Ok(())
}

fn differs(new: &Titolario, old: &Titolario) -> Differs {
    let missing = |here: &Titolario, there: &Titolario| -> Vec<Voce> {
        here.voci().iter().filter(|v| there.voce(&v.voce).is_none()).map(|v| v.voce.clone()).collect()
    };
    let is_renamed = |voce: &Voce| old.nome(voce).is_some_and(|nome| Some(nome) != new.nome(voce));
    Differs {
        added: missing(new, old),
        removed: missing(old, new),
        renamed: new.voci().iter().map(|v| &v.voce).filter(|voce| is_renamed(voce)).cloned().collect(),
        unfit: Titolario::comuni().voci().iter().map(|v| &v.voce).filter(|voce| new.own(voce).is_none()).cloned().collect(),
    }
}
