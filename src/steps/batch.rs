//! The step `pages` of a batch of sheets: are there separators among its pages, as its inbox expects? A sure batch is divided, a
//! doubtful one waits for a person, anything else goes on as one document.

use std::sync::Arc;

use jiff::Timestamp;

use super::division::{self, By, PARTS_MAX};
use super::sheets::PageFile;
use super::{blocking, decisions, fact, put, put_doubts};
use crate::batch::{self, Plan, Record, RecordedPart, Settled, Sighting};
use crate::child::PageAt;
use crate::document::{Component, Document, DocumentState, Hold};
use crate::envelope;
use crate::error::{Error, Kind, Result};
use crate::messages::Message;
use crate::page::PageSurvey;
use crate::part;
use crate::pipeline::{AGENT, House, Outcome, Step};
use crate::separator::Separators;
use crate::stack::{Duplex, PagePlace};
use crate::store::Change;

/// The pages of a document, before anything is read of them.
pub(super) struct Paged<'a> {
    pub(super) components: &'a [Component],
    pub(super) surveys: &'a [PageSurvey],
    /// Where they lie, of a folder.
    pub(super) places: &'a [PagePlace],
    /// How the sheets of a folder went through the scanner.
    pub(super) duplex: Duplex,
    /// What stands against them already.
    pub(super) doubts: &'a [Hold],
}

/// What becomes of it.
pub(super) enum Parted {
    /// It goes on as one document; this is recorded.
    Whole(Vec<Change>),
    /// It is divided, or waits.
    Ended(Vec<Change>, &'static str, usize),
}

/// Divides a batch at its separators, or says why not.
pub(super) async fn parted(house: &Arc<House>, document: &Document, paged: &Paged<'_>) -> Result<Parted> {
    let Some((profile, mut settings)) = expected(house, document, paged).await? else { return Ok(Parted::Whole(Vec::new())) };
    if paged.duplex == Duplex::TwoPass {
        settings.sides = 2;
    }
    let sightings = sightings(house, paged, &settings).await?;
    let plan = batch::plan(&settings, (&house.ente.codice_ipa, &profile), &sightings);
    let mut record = record(house, document, (&profile, &settings), (&sightings, &plan)).await?;
    let decided = decisions(house, &document.id).await?;
    let doubts = [paged.doubts, &plan.doubts].concat();
    record.doubts = doubts.iter().map(|doubt| doubt.message.code().to_owned()).collect();
    let open = decided.open(doubts.clone());
    if !open.is_empty() {
        return held(document, record, (doubts, open));
    }
    let is_one = plan.separators.is_empty() && plan.pieces.len() < 2;
    if is_one || plan.pieces.is_empty() {
        record.settled = Settled::Whole;
        return Ok(Parted::Whole(vec![put(document.id.as_str(), batch::FACT, 0, &record)?]));
    }
    match divided(house, document, (paged, &plan)).await {
        Ok(division) => {
            crate::drill::point("batch.divided");
            record.settled = Settled::Divided;
            record.parts = division.parts;
            let count = record.parts.len();
            let mut changes = vec![put(document.id.as_str(), batch::FACT, 0, &record)?];
            changes.extend(division.changes);
            Ok(Parted::Ended(changes, "success", count))
        }
        Err(error) if matches!(error.kind(), Kind::Usage | Kind::Hold | Kind::Refuse) => {
            let doubt = Hold::new(error.message().clone());
            if decided.settles(&doubt) {
                record.settled = Settled::Whole;
                return Ok(Parted::Whole(vec![put(document.id.as_str(), batch::FACT, 0, &record)?]));
            }
            held(document, record, (vec![doubt.clone()], vec![doubt]))
        }
        Err(error) => Err(error),
    }
}

/// The profile of the inbox that it came in by, and what separates there. None of what is no batch: a part of a divided document, what
/// came out of an envelope, what nobody has told to come apart.
async fn expected(house: &House, document: &Document, paged: &Paged<'_>) -> Result<Option<(String, Separators)>> {
    let is_off = house.config.inbox.iter().all(|inbox| inbox.separators.is_off());
    if is_off || document.position != 1 || paged.surveys.is_empty() {
        return Ok(None);
    }
    let arrival = super::arrival::need_arrival(house, &document.arrival).await?;
    let of_door = house.config.inbox.iter().find(|inbox| inbox.door() == arrival.door);
    let Some(inbox) = of_door.filter(|inbox| !inbox.separators.is_off()) else { return Ok(None) };
    let id = document.id.as_str();
    let is_other = fact::<part::Part>(house, id, part::FACT).await?.is_some()
        || house.store.fact(&house.ente_id, id, envelope::FACT).await?.is_some()
        || !super::sheets::rescans(house, &document.id).await?.is_empty();
    Ok((!is_other).then(|| (inbox.profile.clone(), inbox.separators.clone())))
}

/// What is seen on the pages. Where pages are only counted nothing is looked at.
async fn sightings(house: &Arc<House>, paged: &Paged<'_>, settings: &Separators) -> Result<Vec<Sighting>> {
    let (surveys, wanted) = (paged.surveys.to_vec(), settings.wanted());
    if settings.pages > 0 {
        return Ok(surveys.iter().map(|survey| Sighting { n: survey.n, ..Sighting::default() }).collect());
    }
    let principal = super::principal(paged.components)?;
    let lies_in = |n: u32| {
        let place = paged.places.get(n.checked_sub(1)? as usize)?;
        paged.components.get(place.file as usize)
    };
    let file = |survey: &PageSurvey| {
        let component = lies_in(survey.n).unwrap_or(principal);
        PageFile { path: house.blobs.path(&house.ente_id, &component.sha256), mime: component.format.mime.clone() }
    };
    let files: Vec<PageFile> = surveys.iter().map(file).collect();
    let worker = Arc::clone(house);
    blocking(move || {
        let all: Vec<PageAt<'_>> = surveys.iter().zip(&files).map(|(survey, file)| page_at(survey, file)).collect();
        worker.readers.sightings(&all, &wanted)
    })
    .await
}

fn page_at<'a>(survey: &'a PageSurvey, file: &'a PageFile) -> PageAt<'a> {
    PageAt { input: &file.path, mime: &file.mime, survey, drawings: None }
}

async fn divided(house: &Arc<House>, document: &Document, (paged, plan): (&Paged<'_>, &Plan)) -> Result<division::Division> {
    if plan.pieces.len() > PARTS_MAX {
        return Err(Error::hold("batch-many").with("count", plan.pieces.len()).with("max", PARTS_MAX));
    }
    let by = By { agent: AGENT.to_owned(), kind: "divided", ended: Message::new("batch-into") };
    division::divide(house, (document, paged.components), (&plan.pieces, paged.places), &by).await
}

/// It waits for a person, with all that stands against it; nothing is cut and nothing is read before.
fn held(document: &Document, mut record: Record, (doubts, open): (Vec<Hold>, Vec<Hold>)) -> Result<Parted> {
    record.settled = Settled::Held;
    let id = &document.id;
    let changes = vec![
        put(id.as_str(), batch::FACT, 0, &record)?,
        put_doubts(id.as_str(), Step::Pages, &doubts)?,
        Change::SetDocument { id: id.clone(), state: DocumentState::Held },
        Change::SetHolds { document: id.clone(), holds: open },
    ];
    Ok(Parted::Ended(changes, "hold", 0))
}

/// The record of the batch so far.
async fn record(
    house: &House,
    document: &Document,
    (profile, settings): (&str, &Separators),
    (sightings, plan): (&[Sighting], &Plan),
) -> Result<Record> {
    let arrival = super::arrival::need_arrival(house, &document.arrival).await?;
    let said = || plan.separators.iter().filter_map(|found| found.said.as_ref());
    let pages = sightings.len() as u32;
    Ok(Record {
        settled: Settled::Held,
        profile: profile.to_owned(),
        settings: settings.clone(),
        software: AGENT.to_owned(),
        device: settings.device.clone(),
        operator: said().find_map(|said| said.operatore.clone()),
        lotto: said().find_map(|said| said.lotto.clone()),
        scanned_at: Timestamp::from_nanosecond(i128::from(arrival.mtime_ns)).ok(),
        admitted_at: arrival.admitted_at,
        sha256: arrival.sha256,
        pages,
        sheets: pages.div_ceil(settings.sides),
        blank_pages: sightings.iter().filter(|seen| seen.blank).map(|seen| seen.n).collect(),
        expected: plan.expected,
        separators: plan.separators.clone(),
        parts: Vec::<RecordedPart>::new(),
        doubts: Vec::new(),
    })
}

/// The outcome of the step for a document that has ended here.
pub(super) fn outcome(mut changes: Vec<Change>, ended: (Vec<Change>, &'static str, usize)) -> Outcome {
    let (more, verdict, documents) = ended;
    changes.extend(more);
    let verdict = Some(verdict).filter(|verdict| *verdict != "success");
    Outcome { verdict, ..Outcome::rest(changes) }.noting("documents", documents)
}
