//! `due`: what must leave for conservation by when, what is late, what is blocked and why. Nothing is met before the conservatore has
//! accepted it (invariant 9).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::packages::{self, Profile, Selection};
use super::show::fact_or_default;
use crate::aggregation::{Aggregation, AggregationId, TipoAggregazione};
use crate::calendar::term;
use crate::clock::date_of_law;
use crate::document::{DocumentId, DocumentState};
use crate::error::{Kind, Result};
use crate::fields::Fields;
use crate::filing::Filing;
use crate::messages::Message;
use crate::pdv::{PdvId, PdvState};
use crate::pipeline::House;
use crate::registro::TIPO;
use crate::scadenza::{Oggetto, Scadenza, Urgenza};
use crate::steps::registro::{self, LAST_IMPORT, Standing};
use crate::steps::tables::{self, Tables};
use crate::store::DocumentRow;

/// How far the documents of a thing have come, each counted where it stands.
#[derive(Default)]
struct Way {
    working: u64,
    held: u64,
    ready: u64,
    unbuilt: u64,
    unsealed: u64,
    unsent: u64,
    unanswered: u64,
    refused: u64,
}

impl Way {
    /// Counts a document; false of one that has arrived, or goes nowhere.
    fn add(&mut self, row: &DocumentRow, pdvs: &BTreeMap<PdvId, PdvState>) -> bool {
        let place = match row.document.state {
            DocumentState::Preserved | DocumentState::Refused | DocumentState::Destroyed => return false,
            DocumentState::Working => &mut self.working,
            DocumentState::Held | DocumentState::Duplicate => &mut self.held,
            DocumentState::Ready | DocumentState::Packaged | DocumentState::Delivered => {
                match row.pdv.as_ref().and_then(|pdv| pdvs.get(pdv)) {
                    None => &mut self.ready,
                    Some(PdvState::Planned) => &mut self.unbuilt,
                    Some(PdvState::Built) => &mut self.unsealed,
                    Some(PdvState::Sealed) => &mut self.unsent,
                    Some(PdvState::Sent) => &mut self.unanswered,
                    Some(PdvState::Refused) => &mut self.refused,
                    Some(PdvState::Accepted) => return false,
                }
            }
        };
        *place += 1;
        true
    }

    fn count(&self) -> u64 {
        self.working + self.held + self.ready + self.unbuilt + self.unsealed + self.unsent + self.unanswered + self.refused
    }

    /// True where people or others must act: the house alone goes no further.
    fn is_blocked(&self) -> bool {
        self.held + self.unsealed + self.unsent + self.unanswered + self.refused > 0
    }

    fn why(&self) -> Vec<Message> {
        let said = [
            (self.working, Message::new("due-working")),
            (self.held, Message::new("due-held")),
            (self.ready, Message::new("due-not-packaged")),
            (self.unbuilt, Message::new("due-not-built")),
            (self.unsealed, Message::new("due-not-sealed")),
            (self.unsent, Message::new("due-not-sent")),
            (self.unanswered, Message::new("due-no-rdv")),
            (self.refused, Message::new("due-refused")),
        ];
        said.into_iter().filter(|(count, _)| *count > 0).map(|(count, why)| why.with("count", count)).collect()
    }
}

/// What all deadlines are reckoned from.
struct Reckoning {
    today: Date,
    rows: Vec<DocumentRow>,
    pdvs: BTreeMap<PdvId, PdvState>,
    tables: Arc<Tables>,
    all: Vec<Scadenza>,
}

/// Everything that must leave and has not been accepted, the soonest first; with a day, only what is due by then.
pub async fn due(house: &House, until: Option<Date>) -> Result<Vec<Scadenza>> {
    let pdvs = house.store.pdvs(&house.ente_id).await?;
    let mut reckoning = Reckoning {
        today: date_of_law(house.clock.now(), &house.ente.zona),
        rows: house.store.documents(&house.ente_id, None).await?,
        pdvs: pdvs.into_iter().map(|(pdv, _)| (pdv.id, pdv.state)).collect(),
        tables: tables::tables(house).await?,
        all: Vec::new(),
    };
    reckoning.registers(house).await?;
    reckoning.documents(house).await?;
    reckoning.aggregations(house).await?;
    let mut all = reckoning.all;
    all.retain(|one| until.is_none_or(|until| one.due <= until));
    all.sort_by(|a, b| (a.due, a.oggetto, &a.id).cmp(&(b.due, b.oggetto, &b.id)));
    Ok(all)
}

impl Reckoning {
    fn push(&mut self, (due, oggetto, id): (Date, Oggetto, String), way: &Way, rule: &'static str) {
        let urgenza = if due < self.today { Urgenza::Late } else { Urgenza::Due };
        let (documents, blocked, why) = (way.count(), way.is_blocked(), way.why());
        self.all.push(Scadenza { due, oggetto, id, urgenza, documents, blocked, why, rule });
    }

    /// The registers of days: not made, or on their way.
    async fn registers(&mut self, house: &House) -> Result<()> {
        const RULE: &str = "LG 3.1.6, D-01";
        let code = house.ente.aoo.registro.clone();
        for day in house.store.registro_days(&house.ente_id, &code).await? {
            let Standing { giornata, due, made, contrasti } = registro::standing(house, day).await?;
            let Some(due) = due.filter(|_| giornata.giorno < self.today) else { continue };
            let id = format!("{code} {day}");
            let mut way = Way::default();
            let Some(made) = made else {
                self.push((due, Oggetto::Registro, id), &way, RULE);
                if let Some(last) = self.all.last_mut() {
                    last.blocked = !contrasti.is_empty();
                    last.why.push(if contrasti.is_empty() {
                        Message::new("due-not-made")
                    } else {
                        Message::new("due-contrasti").with("count", contrasti.len())
                    });
                }
                continue;
            };
            let of: Vec<&DocumentRow> = self.rows.iter().filter(|row| row.document.arrival == made.arrival).collect();
            let on_its_way = of.iter().filter(|row| way.add(row, &self.pdvs)).count();
            if of.is_empty() {
                way.working = 1;
            }
            if on_its_way > 0 || of.is_empty() {
                self.push((due, Oggetto::Registro, id), &way, RULE);
            }
        }
        Ok(())
    }

    /// Documents whose tipo or voce has a time of its own in the ente's plan.
    async fn documents(&mut self, house: &House) -> Result<()> {
        if !self.tables.has_terms() {
            return Ok(());
        }
        for row in std::mem::take(&mut self.rows) {
            let mut way = Way::default();
            if way.add(&row, &self.pdvs) {
                let id = row.document.id.as_str();
                let filing: Option<Filing> = fact_or_default(house, id, "filing").await?;
                let fields: Fields = fact_or_default(house, id, "fields").await?;
                let day = tables::day(house, &row, &fields);
                let plan = self.tables.retention(day);
                let own = filing.as_ref().filter(|filing| filing.tipo.value != TIPO);
                let days = own.and_then(|filing| plan?.days(&filing.voce.value, &filing.tipo.value));
                if let Some(due) = days.and_then(|days| term(day, days)) {
                    self.push((due, Oggetto::Documento, id.to_owned()), &way, "LG 3.5, D-06");
                }
            }
            self.rows.push(row);
        }
        Ok(())
    }

    /// Fascicoli and serie: what has not left is due a year after its oldest document came, a closed fascicolo at the latest a year
    /// after it was closed.
    async fn aggregations(&mut self, house: &House) -> Result<()> {
        let mut waiting: BTreeMap<AggregationId, (Way, Date)> = BTreeMap::new();
        for row in &self.rows {
            let Some(id) = &row.aggregazione else { continue };
            let mut one = Way::default();
            if one.add(row, &self.pdvs) {
                let came = date_of_law(row.document.formed_at, &house.ente.zona);
                let (way, oldest) = waiting.entry(id.clone()).or_insert_with(|| (Way::default(), came));
                way.add(row, &self.pdvs);
                *oldest = came.min(*oldest);
            }
        }
        for (id, (way, oldest)) in waiting {
            let Some(row) = house.store.aggregation(&house.ente_id, &id).await? else { continue };
            let Aggregation { key, data_chiusura, .. } = row.aggregation;
            // Registers of days have their own, shorter time.
            if key.serie == TIPO {
                continue;
            }
            let from = data_chiusura.map_or(oldest, |closed| closed.min(oldest));
            let Ok(due) = from.checked_add(1.year()) else { continue };
            let oggetto = if key.tipo == TipoAggregazione::Fascicolo { Oggetto::Fascicolo } else { Oggetto::Serie };
            self.push((due, oggetto, id.0), &way, "CAD 44 c. 1-bis, D-02");
        }
        Ok(())
    }
}

/// What the daemon does by itself: makes the registers of days that are over and complete, and plans packages of those that are described;
/// with `is_all`, of every aggregation that is due within `days` too. The porters do the rest. Gives back how many were made and planned.
///
/// A day counts as complete once entries were taken in after its end: a file of the afternoon does not close its own day.
pub async fn keep_due(house: &Arc<House>, packaged: Option<u32>) -> Result<(usize, usize)> {
    let last: Option<jiff::Timestamp> = fact_or_default(house, &house.ente_id.0, LAST_IMPORT).await?;
    let complete = last.map(|last| date_of_law(last, &house.ente.zona));
    let mut made = 0;
    for standing in registro::pending(house).await? {
        let day = standing.giornata.giorno;
        if !standing.contrasti.is_empty() || complete.is_none_or(|complete| day >= complete) {
            continue;
        }
        match registro::make(house, day, "conserva watch").await {
            Ok(_) => made += 1,
            Err(error) if matches!(error.kind(), Kind::Hold | Kind::Usage | Kind::Refuse) => {
                tracing::warn!(code = error.code(), %day, "the register of a day is not made");
            }
            Err(error) => return Err(error),
        }
    }
    let mut wanted: BTreeSet<DocumentId> = BTreeSet::new();
    let mut due_aggregations: BTreeSet<String> = BTreeSet::new();
    if let Some(days) = packaged {
        let until = date_of_law(house.clock.now(), &house.ente.zona).checked_add(i64::from(days).days()).ok();
        due_aggregations.extend(due(house, until).await?.into_iter().map(|one| one.id));
    }
    for row in house.store.documents(&house.ente_id, Some(DocumentState::Ready)).await? {
        let id = row.document.id.as_str();
        let is_register = registro::made_of(house, id).await?.is_some();
        let is_due =
            due_aggregations.contains(id) || row.aggregazione.as_ref().is_some_and(|id| due_aggregations.contains(&id.0));
        if row.pdv.is_none() && (is_register || is_due) {
            wanted.insert(row.document.id);
        }
    }
    if wanted.is_empty() {
        return Ok((made, 0));
    }
    let selection = Selection::Documents(wanted.into_iter().collect());
    Ok((made, packages::plan(house, &selection, Profile::Agid).await?))
}
