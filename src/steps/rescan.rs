//! A sheet that was scanned for a page: it takes the old page's place in its document, which goes its way again.

use std::sync::Arc;

use super::document::doubt_of;
use super::{blocking, put};
use crate::arrival::{Arrival, ArrivalId, ArrivalState};
use crate::document::{DocumentState, Format, Hold};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::messages::{Lang, Message};
use crate::pipeline::{AGENT, House, Outcome, Step, job};
use crate::rescan::{self, Place, Rescan, Sheet};
use crate::store::{Change, DocumentRow};

/// The page that an arrival was scanned for, if it was.
pub(crate) async fn place_of(house: &House, id: &ArrivalId) -> Result<Option<Place>> {
    let body = house.store.fact(&house.ente_id, id.as_str(), rescan::FOR).await?;
    body.map(|body| serde_json::from_str(&body).map_err(|e| Error::bug("fact rescan-for unreadable").because(e))).transpose()
}

/// Ties the sheet to its page. The document starts again at its pages; components and blobs that were there stay.
pub(crate) async fn tied(house: &Arc<House>, arrival: &Arrival, format: &Format, place: &Place) -> Result<Outcome> {
    let id = &place.document;
    let [require, bump] = super::sheets::fence(house, id).await?;
    let row = house.store.document(&house.ente_id, id).await?;
    let row = row.ok_or_else(|| Error::bug(format_args!("no document {id}")))?;
    let mut rescan = rescan_of(house, place).await?;
    if rescan.sheets.iter().any(|sheet| sheet.arrival == arrival.id) {
        return Ok(Outcome::rest(Vec::new()).noting("already", "tied"));
    }
    if let Err(objection) = fitting(house, arrival, (&row, &rescan), format).await {
        return not_taken(house, arrival, &objection, place).await;
    }
    let asked = rescan.expected.take();
    rescan.sheets.push(Sheet {
        arrival: arrival.id.clone(),
        name: arrival.name.clone(),
        sha256: arrival.sha256,
        bytes: arrival.bytes,
        format: format.clone(),
        at: arrival.admitted_at,
        operator: place.operator.clone(),
        asked,
    });
    let changes = vec![
        require,
        bump,
        Change::SetArrival { id: arrival.id.clone(), state: ArrivalState::Opened, reason: None },
        put(id.as_str(), rescan::FACT, place.page, &rescan)?,
        Change::SetDocument { id: id.clone(), state: DocumentState::Working },
        Change::SetHolds { document: id.clone(), holds: Vec::new() },
        taking_in(house, arrival, place),
        job(Step::Pages, id.0.clone()),
    ];
    Ok(Outcome::rest(changes).noting("document", id).noting("page", place.page))
}

/// What is known of the page's sheets so far.
async fn rescan_of(house: &House, place: &Place) -> Result<Rescan> {
    let all = super::sheets::rescans(house, &place.document).await?;
    Ok(all.into_iter().find(|rescan| rescan.page == place.page).unwrap_or_else(|| Rescan::of(place.page)))
}

/// The sheet must be waited for, by a document that is in no package (rule F-07), and be one page.
async fn fitting(house: &Arc<House>, arrival: &Arrival, (row, rescan): (&DocumentRow, &Rescan), format: &Format) -> Result<()> {
    let about = |error: Error| error.with("page", rescan.page).with("id", &row.document.id);
    if row.pdv.is_some() {
        return Err(about(Error::hold("rescan-packaged")));
    }
    if rescan.expected.is_none() || !matches!(row.document.state, DocumentState::Held | DocumentState::Working) {
        return Err(about(Error::hold("rescan-not-expected")));
    }
    let (worker, path) = (Arc::clone(house), house.blobs.path(&house.ente_id, &arrival.sha256));
    let mime = format.mime.clone();
    let count = blocking(move || worker.readers.survey(&path, &mime)).await?.len();
    if count == 1 { Ok(()) } else { Err(about(Error::hold("rescan-many-pages")).with("count", count)) }
}

/// The sheet cannot take the page's place: it rests with its reason, kept, and the document goes on waiting and says why.
pub(crate) async fn not_taken(house: &House, arrival: &Arrival, objection: &Error, place: &Place) -> Result<Outcome> {
    let is_refused = objection.kind() == Kind::Refuse;
    let why = doubt_of(objection.again())?.message;
    let state = if is_refused { ArrivalState::Refused } else { ArrivalState::Held };
    let mut changes = vec![
        Change::SetArrival { id: arrival.id.clone(), state, reason: Some(why.clone()) },
        Change::SetQuarantine { sha256: arrival.sha256, is_held: is_refused && arrival.duplicate_of.is_none() },
    ];
    let row = house.store.document(&house.ente_id, &place.document).await?;
    if let Some(row) = row.filter(|row| row.document.state == DocumentState::Held && row.pdv.is_none()) {
        let said = Message::new("rescan-not-taken")
            .with("page", place.page)
            .with("name", arrival.name.shown())
            .with("why", why.sentence(Lang::It));
        let is_other = |hold: &Hold| (hold.message.code(), hold.page) != ("rescan-not-taken", Some(place.page));
        let mut holds: Vec<Hold> = row.holds.into_iter().filter(is_other).collect();
        holds.push(Hold::new(said).on_page(place.page));
        changes.push(Change::SetHolds { document: place.document.clone(), holds });
    }
    let verdict = Some(if is_refused { "refuse" } else { "hold" });
    Ok(Outcome { verdict, ..Outcome::rest(changes) }.noting("code", objection.code()))
}

/// The journal line of the document: which arrival now stands for which page.
fn taking_in(house: &House, arrival: &Arrival, place: &Place) -> Change {
    let detail = [
        ("arrival", arrival.id.0.clone()),
        ("page", place.page.to_string()),
        ("sha256", arrival.sha256.hex()),
        ("operator", place.operator.clone()),
    ];
    Change::Journal(Event {
        at: house.clock.now(),
        kind: "rescanned".to_owned(),
        subject: place.document.0.clone(),
        outcome: "success".to_owned(),
        agent: AGENT.to_owned(),
        detail: detail.map(|(key, value)| (key.to_owned(), value)).into(),
    })
}
