//! `fascicolo`: closed when its affare ends, open again when it goes on. Nothing is filed into a closed one.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::aggregation::{AggregationId, TipoAggregazione};
use crate::clock::date_of_law;
use crate::document::DocumentState;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::pipeline::House;
use crate::store::{AggregationRow, Change};

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
    set(house, &row, (Some(date), operator)).await
}

/// Opens a closed fascicolo again.
pub async fn reopen(house: &House, id: &str, operator: &str) -> Result<AggregationRow> {
    let row = fascicolo(house, id).await?;
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
