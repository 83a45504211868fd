//! The steps of a document up to its filing: pages, text, fields, filing. `form` and `metadata` have files of their own.

use std::sync::Arc;

use super::batch::{self, Paged, Parted};
use super::eye::{self, Eye};
use super::leaves::{self, First};
use super::sheets::{self, PageFile, Sheets};
use super::shelf::Shelf;
use super::{
    blocking, correspondence, decisions, facts, given, index, likeness, need_document, need_fact, overlay, poor, put, put_doubts,
    registro, stack, tables, threads,
};
use crate::clock::date_of_law;
use crate::document::{Component, DocumentId, DocumentState, Hold};
use crate::envelope;
use crate::error::{Error, Kind, Result};
use crate::fields::Fields;
use crate::filing::Filing;
use crate::likeness::Likeness;
use crate::messages::Message;
use crate::page::{PageSurvey, PageText, ReadPage};
use crate::pipeline::{House, Outcome, Step};
use crate::store::{Change, DocumentRow, Gathering, Sheaf};
use crate::turn::{self, Turn};
use crate::{classify, extract, rescan, transcribe};

/// Fact kind of text that stands on no page.
pub(crate) const WRITTEN: &str = "written";

/// Where are its pages? Files that have none (an approved docx) go on without. Here new sheets become components, and the
/// files of a folder get their order.
pub(crate) async fn pages(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    let rescans = sheets::rescans(house, id).await?;
    let (mut changes, mut doubts, mut surveys, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let sheets = Sheets::of(house, id, (&components, &rescans)).await?;
    let stack = stack::stack_of(house, id.as_str()).await?;
    let duplex = stack.as_ref().map(|stack| stack.duplex).unwrap_or_default();
    let worker = Arc::clone(house);
    let surveyed = if let Some(stack) = stack {
        let found = stack::pages(house, id, (stack, &components)).await?;
        changes.push(found.change);
        doubts.extend(found.doubts);
        places = found.places;
        blocking(move || sheets.with_new_sheets(&worker, found.surveys)).await
    } else if has_pages(&sheets.whole().mime) {
        blocking(move || sheets.surveys(&worker).and_then(|surveys| sheets.with_new_sheets(&worker, surveys))).await
    } else {
        Ok(Vec::new())
    };
    let turns: Vec<Turn> = facts(house, id.as_str(), turn::FACT).await?;
    match surveyed {
        Ok(found) => surveys = turn::turned(found, &turns, &rescan::since(&rescans)),
        Err(error) => doubts.push(doubt_of(error)?),
    }
    let components = rescan::with_sheets(components, &rescans);
    changes.push(put(id.as_str(), "components", 0, &components)?);
    changes.push(put(id.as_str(), "survey", 0, &surveys)?);
    let row = need_document(house, id).await?;
    let (surveyed, doubted) = (surveys.as_slice(), doubts.as_slice());
    let paged = Paged { components: &components, surveys: surveyed, places: &places, duplex, doubts: doubted };
    match batch::parted(house, &row.document, &paged).await? {
        Parted::Whole(more) => changes.extend(more),
        Parted::Ended(more, verdict, count) => return Ok(batch::outcome(changes, (more, verdict, count))),
    }
    house.meter.expect_pages(surveys.len() as u64);
    changes.push(put_doubts(id.as_str(), Step::Pages, &doubts)?);
    Ok(Outcome::then(changes, Step::Text, id.as_str()).noting("pages", surveys.len()))
}

/// What words stand on them? A page that cannot be read costs itself only and is a doubt.
///
/// Its words go into a sheaf as soon as it is read: memory does not grow with the pages.
pub(crate) async fn text(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    let surveys: Vec<PageSurvey> = need_fact(house, id.as_str(), "survey").await?;
    let sheets = Sheets::of(house, id, (&components, &sheets::rescans(house, id).await?)).await?;
    let is_opened = house.store.fact(&house.ente_id, id.as_str(), envelope::FACT).await?.is_some();
    let (worker, document) = (Arc::clone(house), id.clone());
    let (texts, doubts) = blocking(move || {
        let mut texts = Texts { sheaf: Sheaf::begin(worker.scratch.folder()?)?, document: &document, doubts: Vec::new() };
        let kind = if surveys.is_empty() {
            texts.write_down(&worker, sheets.whole())?;
            if !is_opened {
                texts.doubts.extend(unread_parts(&worker, sheets.whole())?);
            }
            WRITTEN
        } else {
            let shelf = Shelf::of(&worker, &document);
            let drawings = shelf.open(&surveys, &worker)?;
            sheets.read(&worker, (&surveys, drawings), &mut |survey, read| texts.keep(&worker, survey, read))?;
            shelf.leave();
            "page"
        };
        let sheaf = texts.sheaf.bound()?;
        Ok((Change::PutSheaf { owner: document.0.clone(), kind: kind.to_owned(), sheaf }, texts.doubts))
    })
    .await?;
    let drop = |kind: &str| Change::DropFacts { owner: id.0.clone(), kind: kind.to_owned() };
    let mut changes = vec![drop("page"), drop(WRITTEN), drop("read"), drop(eye::FACT)];
    changes.push(texts);
    changes.push(put_doubts(id.as_str(), Step::Text, &doubts)?);
    Ok(Outcome::then(changes, Step::Form, id.as_str()))
}

/// The text of a document as it is read.
struct Texts<'a> {
    sheaf: Gathering,
    document: &'a DocumentId,
    doubts: Vec<Hold>,
}

impl Texts<'_> {
    /// Puts a page away. The place in the copy of one that cannot be read is kept; it is said, and holds.
    fn keep(&mut self, house: &House, survey: &PageSurvey, read: Result<ReadPage>) -> Result<()> {
        let page = match read {
            Ok(mut page) => {
                page.page.weigh(house.ente.soglie.pagina);
                self.doubts.extend(poor::doubts(&page, house.ente.soglie.pagina, self.document));
                page
            }
            Err(error) => {
                self.doubts.push(doubt_of(error)?.on_page(survey.n));
                ReadPage::unread(survey)
            }
        };
        self.sheaf.push(survey.n, &page)
    }

    /// Puts away the words of a file that has no pages.
    fn write_down(&mut self, house: &House, file: &PageFile) -> Result<()> {
        match written(house, file) {
            Ok(texts) => texts.iter().try_for_each(|text| self.sheaf.push(text.n, text)),
            Err(error) => {
                self.doubts.push(doubt_of(error)?);
                Ok(())
            }
        }
    }
}

/// The text of a file whose words stand on no page.
fn written(house: &House, file: &PageFile) -> Result<Vec<PageText>> {
    if !transcribe::knows(&file.mime) {
        return Ok(Vec::new());
    }
    let mut source = std::fs::File::open(&file.path).map_err(|e| Error::disk("open blob", &file.path, e))?;
    transcribe::pages(&mut source, &file.mime, &house.config.limits)
}

/// What hangs on a mail is not read yet: a person must know of it.
fn unread_parts(house: &House, file: &PageFile) -> Result<Option<Hold>> {
    let mut source = std::fs::File::open(&file.path).map_err(|e| Error::disk("open blob", &file.path, e))?;
    let left = match transcribe::left_out(&mut source, &file.mime, &house.config.limits) {
        Ok(left) => left,
        // Too large for its text, and said so already.
        Err(error) if error.kind() == Kind::Hold => return Ok(None),
        Err(error) => return Err(error),
    };
    let shown: Vec<&str> = left.iter().take(10).map(String::as_str).collect();
    let message = || Message::new("message-attachments").with("count", left.len()).with("names", shown.join(", "));
    Ok((!left.is_empty()).then(|| Hold::new(message())))
}

/// What does it say? Values without a check digit are read a second time, independently (invariant 11). What was read is
/// kept apart (`read`), so that a person's later decision costs no second OCR.
pub(crate) async fn fields(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let mut changes = Vec::new();
    let read: Fields = if house.store.fact(&house.ente_id, id.as_str(), "read").await?.is_some() {
        need_fact(house, id.as_str(), "read").await?
    } else {
        // What the house has written itself is data: its pages are read for the words, not for what they say.
        let is_own = registro::made_of(house, id.as_str()).await?.is_some();
        let readings = if is_own { Readings::default() } else { readings(house, id).await? };
        changes.push(put(id.as_str(), "read", 0, &readings.fields)?);
        changes.push(put(id.as_str(), eye::FACT, 0, &readings.again)?);
        changes.extend(likeness::kept(id, &readings.prints)?);
        readings.fields
    };
    let (fields, doubts) = overlaid(house, id, read).await?;
    changes.push(put(id.as_str(), "fields", 0, &fields)?);
    changes.push(put_doubts(id.as_str(), Step::Fields, &doubts)?);
    Ok(Outcome::then(changes, Step::Filing, id.as_str()))
}

/// What was read, with what the office and people said laid over it, and the doubts that remain.
pub(super) async fn overlaid(house: &House, id: &DocumentId, mut fields: Fields) -> Result<(Fields, Vec<Hold>)> {
    let decided = decisions(house, id).await?;
    let given = given::given_of(house, id).await?;
    let mut contradictions = extract::contradictions(&fields, &given, &house.ente);
    given::lay(&mut fields, &given, &house.ente);
    overlay::fields(&mut fields, &decided)?;
    let mut doubts = extract::doubts(&fields, &house.ente);
    doubts.append(&mut contradictions);
    doubts.extend(given::faults(&given));
    Ok((fields, doubts))
}

/// Everything that the pages say.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) fields: Fields,
    /// What was read again, place by place.
    again: Vec<eye::Kept>,
    prints: Vec<Likeness>,
}

/// Everything that the pages say, with second readings where a value has no check of its own, and their fingerprints.
/// Places that were read again before are not read a third time.
pub(super) async fn readings(house: &Arc<House>, id: &DocumentId) -> Result<Readings> {
    let components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    let sheets = Sheets::of(house, id, (&components, &sheets::rescans(house, id).await?)).await?;
    let first = leaves::first(house, id).await?;
    let mut next = first.next;
    let kept: Vec<Vec<eye::Kept>> = facts(house, id.as_str(), eye::FACT).await?;
    let worker = Arc::clone(house);
    let mut readings = blocking(move || {
        let prints = likeness::prints(&worker, &sheets, &first)?;
        let First { pages, texts, .. } = first;
        let mut eye = Eye { house: &worker, sheets: &sheets, pages: &pages, texts: &texts, kept: kept.concat() };
        let mut fields = extract::fields(&texts, &worker.ente);
        let stamps = eye.stamps(&extract::unread_stamps(&texts, &worker.ente, &fields))?;
        if !stamps.is_empty() {
            fields = extract::fields_with(&texts, &worker.ente, &stamps);
        }
        eye.second_readings(&mut fields)?;
        extract::spelling(&mut fields, &texts, &worker.ente, &worker.lexicon);
        Ok(Readings { fields, again: eye.kept, prints })
    })
    .await?;
    loop {
        let more = leaves::more(house, id, next).await?;
        let Some(last) = more.last() else { return Ok(readings) };
        next = last.page.survey.n.saturating_add(1);
        readings = blocking(move || {
            let texts: Vec<PageText> = more.into_iter().map(|read| read.text).collect();
            extract::mentioned(&mut readings.fields, &texts);
            Ok(readings)
        })
        .await?;
    }
}

/// What is it and where does it belong? Here all doubts are weighed: with one open the document rests, held.
pub(crate) async fn filing(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let rescans = sheets::rescans(house, id).await?;
    let components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    if rescan::with_sheets(components.clone(), &rescans) != components {
        // A sheet was taken in while the steps were under way: they are taken again, with it.
        return Ok(Outcome::then(Vec::new(), Step::Pages, id.as_str()).noting("again", "rescanned"));
    }
    let row = need_document(house, id).await?;
    let fields: Fields = need_fact(house, id.as_str(), "fields").await?;
    let earlier = facts::<Vec<Hold>>(house, id.as_str(), "doubts").await?.concat();
    let Filed { fields, filing, received, mut open, watched } = filed(house, &row, (fields, earlier)).await?;
    open.extend(rescans.iter().filter_map(|rescan| rescan.hold(id)));
    let mut changes = vec![put(id.as_str(), "fields", 0, &fields)?, put(id.as_str(), "filing", 0, &filing)?];
    changes.extend(watched.change);
    let detail = (filing.tipo.value.clone(), filing.voce.value.to_string());
    let findable = index::put(house, id, (&fields, &filing), received).await?;
    let outcome = if open.is_empty() {
        changes.push(Change::SetHolds { document: id.clone(), holds: Vec::new() });
        changes.push(Change::FileDocument { document: id.clone(), key: filing.aggregazione.clone(), opened: received });
        changes.push(findable);
        let mut outcome = Outcome::then(changes, Step::Metadata, id.as_str());
        correspondence::filed(house, id, &filing.aggregazione, &mut outcome).await?;
        outcome
    } else {
        changes.push(Change::SetDocument { id: id.clone(), state: DocumentState::Held });
        changes.push(Change::SetHolds { document: id.clone(), holds: open });
        changes.push(findable);
        Outcome { verdict: Some("hold"), ..Outcome::rest(changes) }
    };
    Ok(outcome.noting("tipo", detail.0).noting("voce", detail.1))
}

/// A document filed, with the doubts that nobody has settled.
pub(super) struct Filed {
    pub(super) fields: Fields,
    pub(super) filing: Filing,
    received: jiff::civil::Date,
    pub(super) open: Vec<Hold>,
    watched: correspondence::Watched,
}

/// Files a document by its fields and pages; `earlier` are the doubts of the steps before.
pub(super) async fn filed(house: &House, row: &DocumentRow, (mut fields, earlier): (Fields, Vec<Hold>)) -> Result<Filed> {
    let id = &row.document.id;
    let texts = leaves::first(house, id).await?.texts;
    let decided = decisions(house, id).await?;
    let received = date_of_law(row.document.formed_at, &house.ente.zona);
    let (tables, day) = (tables::tables(house).await?, tables::day(house, row, &fields));
    let context = classify::Context {
        ente: &house.ente,
        titolario: tables.titolario(day),
        retention: tables.retention(day),
        experience: &house.experience,
        document: id,
        received,
    };
    let mut given = given::given_of(house, id).await?;
    // What a person says of tipo or voce stands as what an office says does, and all that follows from it is made anew.
    given.splice(0..0, overlay::given(&decided));
    let mut filing = classify::filing_given(&texts, &fields, (&context, &given));
    overlay::filing(&mut filing, &decided);
    threads::join(house, id, (&fields, &mut filing), (&decided, &given)).await?;
    let is_named = decided.value("fascicolo").is_some() || given::names_fascicolo(&given);
    let watched = correspondence::join(house, id, &mut filing, is_named).await?;
    if fields.oggetto.is_none() {
        fields.oggetto = classify::composed_oggetto(&filing, &fields);
    }
    let mut doubts = filing.doubts.clone();
    doubts.extend(earlier);
    doubts.retain(|doubt| !(watched.is_receipt && doubt.message.code() == "protocollo-missing"));
    // An invoice is read from a rendition of its own data, which cannot contradict them.
    let is_of_invoice = |doubt: &Hold| doubt.message.value("origin").is_some_and(|origin| origin.starts_with("fatturapa "));
    doubts.retain(|doubt| !(doubt.message.code() == "given-contradicted" && is_of_invoice(doubt)));
    if fields.oggetto.is_some() {
        doubts.retain(|d| d.message.code() != "oggetto-missing");
    }
    doubts.extend(likeness::doubt(house, &row.document).await?);
    let open = decided.open(doubts);
    Ok(Filed { fields, filing, received, open, watched })
}

/// True of the formats whose pages the house reads.
pub(super) fn has_pages(mime: &str) -> bool {
    matches!(
        mime,
        "image/tiff"
            | "image/jpeg"
            | "image/png"
            | "image/gif"
            | "image/bmp"
            | "image/webp"
            | "image/jp2"
            | "image/jpx"
            | "application/pdf"
    )
}

/// An error that a person can settle becomes a doubt; trouble of our own stays an error.
pub(crate) fn doubt_of(error: Error) -> Result<Hold> {
    match error.kind() {
        Kind::Hold | Kind::Refuse => Ok(Hold::new(error.message().clone())),
        _ => Err(error),
    }
}
