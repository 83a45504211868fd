//! `fascicolo`: opened for an affare or as part of another, closed when its affare ends, open again when it goes on. Nothing is filed
//! into a closed one.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::aggregation::{Aggregation, AggregationId, AggregationKey, TipoAggregazione, TipoFascicolo};
use crate::clock::date_of_law;
use crate::document::DocumentState;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::filing::Voce;
use crate::given::VALUE_BYTES_MAX;
use crate::pipeline::House;
use crate::steps::{overlay, tables};
use crate::store::{AggregationRow, Change};

/// A fascicolo to be opened by a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// What it is about.
    pub oggetto: String,
    /// Where and as what it is opened.
    pub place: Place,
    /// Opening date, today if none.
    pub date: Option<Date>,
}

/// Where a fascicolo is opened.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// On its own, under a voce of the Titolario.
    Voce(Voce, TipoFascicolo),
    /// As part of another, whose voce, year and kind it has.
    Under(AggregationId),
}

/// Attempts at a number that another process takes meanwhile.
const NUMBERS_MAX: u32 = 20;

/// Opens a fascicolo with the next number of its year and voce, or as the next part of another (rules G-03, G-05).
pub async fn open(house: &House, opening: &Opening, operator: &str) -> Result<AggregationRow> {
    let today = date_of_law(house.clock.now(), &house.ente.zona);
    let date = opening.date.unwrap_or(today);
    let oggetto = opening.oggetto.trim();
    if oggetto.is_empty() || oggetto.len() > VALUE_BYTES_MAX || oggetto.chars().any(char::is_control) || date > today {
        return Err(Error::new(Kind::Usage, "fascicolo-opening").with("max", VALUE_BYTES_MAX));
    }
    let mut attempt = 1;
    loop {
        let aggregation = numbered(house, opening, (date, oggetto)).await?;
        let event = Event {
            at: house.clock.now(),
            kind: "fascicolo-opened".to_owned(),
            subject: aggregation.id.0.clone(),
            outcome: "success".to_owned(),
            agent: format!("operator {operator}"),
            detail: aggregation.primario.iter().map(|id| ("primario".to_owned(), id.0.clone())).collect(),
        };
        let changes = [Change::AddAggregation(Box::new(aggregation.clone())), Change::Journal(event)];
        match house.store.apply(&house.ente_id, None, &changes).await {
            Ok(()) => return Ok(AggregationRow { aggregation, documents: Vec::new() }),
            Err(error) if error.code() == "fascicolo-number" && attempt < NUMBERS_MAX => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The fascicolo with the number that is free now.
async fn numbered(house: &House, opening: &Opening, (date, oggetto): (Date, &str)) -> Result<Aggregation> {
    let (key, number, primario) = match &opening.place {
        Place::Voce(voce, kind) => {
            overlay::check("voce", &voce.0, tables::tables(house).await?.titolario(date))?;
            let number = house.store.next_progressivo(&house.ente_id, (date.year(), voce)).await?;
            let key = AggregationKey {
                tipo: TipoAggregazione::Fascicolo,
                fascicolo: Some(*kind),
                anno: date.year(),
                voce: voce.clone(),
                serie: String::new(),
                thread: String::new(),
                oggetto: oggetto.to_owned(),
            };
            (key, number, None)
        }
        Place::Under(id) => {
            let primary = fascicolo(house, id.as_str()).await?.aggregation;
            let wrong = |code| Err(Error::new(Kind::Usage, code).with("id", &primary.id));
            if primary.primario.is_some() {
                return wrong("fascicolo-sub-of-sub");
            }
            if let Some(closed) = primary.data_chiusura {
                return Err(Error::new(Kind::Usage, "fascicolo-closed").with("fascicolo", id).with("date", closed));
            }
            if date < primary.data_apertura {
                return wrong("fascicolo-sub-before");
            }
            let known = house.store.sub_fascicoli(&house.ente_id, &primary.id).await?;
            let number = 1 + known.iter().map(|row| row.aggregation.progressivo).max().unwrap_or(0);
            (AggregationKey { oggetto: oggetto.to_owned(), ..primary.key }, number, Some(primary.id))
        }
    };
    let id = match &primario {
        Some(primario) => AggregationId(format!("{primario}.{number}")),
        None => AggregationId(format!("{}/{}/{number}", key.anno, key.voce)),
    };
    // Documents join it by its id alone: nothing that is read ties them to it.
    let key = AggregationKey { thread: format!("fascicolo {id}"), ..key };
    let ente = house.ente_id.clone();
    Ok(Aggregation { id, ente, key, progressivo: number, primario, data_apertura: date, data_chiusura: None })
}

/// Closes a fascicolo on `date` (today, if none): all its documents are at rest and good by then.
pub async fn close(house: &House, id: &str, (date, operator): (Option<Date>, &str)) -> Result<AggregationRow> {
    let row = fascicolo(house, id).await?;
    let today = date_of_law(house.clock.now(), &house.ente.zona);
    let date = date.unwrap_or(today);
    if date < row.aggregation.data_apertura || date > today {
        let error = Error::new(Kind::Usage, "fascicolo-date").with("id", id).with("date", date);
        return Err(error.with("opened", row.aggregation.data_apertura));
    }
    let mut waiting = 0;
    for document in &row.documents {
        let state = house.store.document(&house.ente_id, document).await?.map(|row| row.document.state);
        waiting += u32::from(state.is_some_and(|s| matches!(s, DocumentState::Working | DocumentState::Held)));
    }
    if waiting > 0 {
        return Err(Error::new(Kind::Usage, "fascicolo-waits").with("id", id).with("count", waiting));
    }
    let parts = house.store.sub_fascicoli(&house.ente_id, &row.aggregation.id).await?;
    let open = parts.iter().filter(|part| part.aggregation.data_chiusura.is_none()).count();
    if open > 0 {
        return Err(Error::new(Kind::Usage, "fascicolo-sub-open").with("id", id).with("count", open));
    }
    set(house, &row, (Some(date), operator)).await
}

/// Opens a closed fascicolo again.
pub async fn reopen(house: &House, id: &str, operator: &str) -> Result<AggregationRow> {
    let row = fascicolo(house, id).await?;
    if let Some(primario) = &row.aggregation.primario
        && let Some(closed) = fascicolo(house, primario.as_str()).await?.aggregation.data_chiusura
    {
        return Err(Error::new(Kind::Usage, "fascicolo-closed").with("fascicolo", primario).with("date", closed));
    }
    set(house, &row, (None, operator)).await
}

async fn fascicolo(house: &House, id: &str) -> Result<AggregationRow> {
    let row = house.store.aggregation(&house.ente_id, &AggregationId(id.to_owned())).await?;
    let row = row.ok_or_else(|| Error::new(Kind::Usage, "id-unknown").with("id", id))?;
    if row.aggregation.key.tipo != TipoAggregazione::Fascicolo {
        return Err(Error::new(Kind::Usage, "fascicolo-not").with("id", id));
    }
    Ok(row)
}

/// Date and journal line in one transaction; the same again changes nothing and says nothing.
async fn set(house: &House, row: &AggregationRow, (closed, operator): (Option<Date>, &str)) -> Result<AggregationRow> {
    let mut after = row.clone();
    after.aggregation.data_chiusura = closed;
    if row.aggregation.data_chiusura == closed {
        return Ok(after);
    }
    let day = |date: Option<Date>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
    let event = Event {
        at: house.clock.now(),
        kind: if closed.is_some() { "fascicolo-closed" } else { "fascicolo-reopened" }.to_owned(),
        subject: row.aggregation.id.0.clone(),
        outcome: "success".to_owned(),
        agent: format!("operator {operator}"),
        detail: BTreeMap::from([("old".to_owned(), day(row.aggregation.data_chiusura)), ("new".to_owned(), day(closed))]),
    };
    let changes = [Change::SetClosed { id: row.aggregation.id.clone(), closed }, Change::Journal(event)];
    house.store.apply(&house.ente_id, None, &changes).await?;
    Ok(after)
}
