//! The steps of a document up to its filing: pages, text, fields, filing. `form` and `metadata` have files of their own.

use std::sync::Arc;

use super::sheets::{self, Sheets};
use super::{blocking, decisions, facts, given, likeness, need_document, need_fact, overlay, poor, put, put_doubts, stack};
use crate::child::{Again, Manner};
use crate::clock::date_of_law;
use crate::document::{Component, DocumentId, DocumentState, Hold};
use crate::error::{Error, Kind, Result};
use crate::fields::Fields;
use crate::likeness::Likeness;
use crate::page::{Page, PageSurvey, PageText, ReadPage, Region};
use crate::pipeline::{House, Outcome, Step};
use crate::store::Change;
use crate::{classify, extract, rescan};

/// Where are its pages? Files that have none (an approved docx) go on without. Here new sheets become components, and the
/// files of a folder get their order.
pub(crate) async fn pages(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    let rescans = sheets::rescans(house, id).await?;
    let (mut changes, mut doubts, mut surveys) = (Vec::new(), Vec::new(), Vec::new());
    let sheets = Sheets::of(house, id, (&components, &rescans)).await?;
    let stack = stack::stack_of(house, id.as_str()).await?;
    let worker = Arc::clone(house);
    let surveyed = if let Some(stack) = stack {
        let found = stack::pages(house, id, (stack, &components)).await?;
        changes.push(found.change);
        doubts.extend(found.doubts);
        blocking(move || sheets.with_new_sheets(&worker, found.surveys)).await
    } else if has_pages(&sheets.whole().mime) {
        blocking(move || sheets.surveys(&worker).and_then(|surveys| sheets.with_new_sheets(&worker, surveys))).await
    } else {
        Ok(Vec::new())
    };
    match surveyed {
        Ok(found) => surveys = found,
        Err(error) => doubts.push(doubt_of(error)?),
    }
    house.meter.expect_pages(surveys.len() as u64);
    changes.push(put(id.as_str(), "components", 0, &rescan::with_sheets(components, &rescans))?);
    changes.push(put(id.as_str(), "survey", 0, &surveys)?);
    changes.push(put_doubts(id.as_str(), Step::Pages, &doubts)?);
    Ok(Outcome::then(changes, Step::Text, id.as_str()).noting("pages", surveys.len()))
}

/// What words stand on them? A page that cannot be read costs itself only and is a doubt.
pub(crate) async fn text(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    let surveys: Vec<PageSurvey> = need_fact(house, id.as_str(), "survey").await?;
    let sheets = Sheets::of(house, id, (&components, &sheets::rescans(house, id).await?)).await?;
    let (worker, document) = (Arc::clone(house), id.clone());
    let (pages, doubts) = blocking(move || {
        let (mut pages, mut doubts) = (Vec::with_capacity(surveys.len()), Vec::new());
        sheets.read(&worker, &surveys, &mut |survey, read| {
            match read {
                Ok(page) => {
                    doubts.extend(poor::doubts(&page, worker.ente.soglie.pagina, &document));
                    pages.push(put(document.as_str(), "page", survey.n, &page)?);
                }
                Err(error) => {
                    // Its place in the copy is kept; what could not be read is said, and holds.
                    doubts.push(doubt_of(error)?.on_page(survey.n));
                    pages.push(put(document.as_str(), "page", survey.n, &ReadPage::unread(survey))?);
                }
            }
            Ok(())
        })?;
        Ok((pages, doubts))
    })
    .await?;
    let drop = |kind: &str| Change::DropFacts { owner: id.0.clone(), kind: kind.to_owned() };
    let mut changes = vec![drop("page"), drop("read")];
    changes.extend(pages);
    changes.push(put_doubts(id.as_str(), Step::Text, &doubts)?);
    Ok(Outcome::then(changes, Step::Form, id.as_str()))
}

/// What does it say? Values without a check digit are read a second time, independently (invariant 11). What was read is
/// kept apart (`read`), so that a person's later decision costs no second OCR.
pub(crate) async fn fields(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let decided = decisions(house, id).await?;
    let mut changes = Vec::new();
    let mut fields: Fields = if house.store.fact(&house.ente_id, id.as_str(), "read").await?.is_some() {
        need_fact(house, id.as_str(), "read").await?
    } else {
        let (fields, prints) = readings(house, id).await?;
        changes.push(put(id.as_str(), "read", 0, &fields)?);
        changes.extend(likeness::kept(id, &prints)?);
        fields
    };
    let given = given::given_of(house, id).await?;
    let mut contradictions = extract::contradictions(&fields, &given, &house.ente);
    given::lay(&mut fields, &given, &house.ente);
    overlay::fields(&mut fields, &decided)?;
    let mut doubts = extract::doubts(&fields, &house.ente);
    doubts.append(&mut contradictions);
    doubts.extend(given::faults(&given));
    changes.push(put(id.as_str(), "fields", 0, &fields)?);
    changes.push(put_doubts(id.as_str(), Step::Fields, &doubts)?);
    Ok(Outcome::then(changes, Step::Filing, id.as_str()))
}

/// Everything that the pages say, with second readings where a value has no check of its own, and their fingerprints.
async fn readings(house: &Arc<House>, id: &DocumentId) -> Result<(Fields, Vec<Likeness>)> {
    let components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    let sheets = Sheets::of(house, id, (&components, &sheets::rescans(house, id).await?)).await?;
    let read: Vec<ReadPage> = facts(house, id.as_str(), "page").await?;
    let worker = Arc::clone(house);
    blocking(move || {
        let prints = likeness::prints(&worker, &sheets, &read)?;
        let (pages, texts): (Vec<Page>, Vec<PageText>) = read.into_iter().map(|read| (read.page, read.text)).unzip();
        let eye = Eye { house: &worker, sheets: &sheets, pages: &pages, texts: &texts };
        let mut fields = extract::fields(&texts, &worker.ente);
        let stamps = eye.stamps(&extract::unread_stamps(&texts, &worker.ente, &fields))?;
        if !stamps.is_empty() {
            fields = extract::fields_with(&texts, &worker.ente, &stamps);
        }
        eye.second_readings(&mut fields)?;
        extract::spelling(&mut fields, &texts, &worker.ente, &worker.lexicon);
        Ok((fields, prints))
    })
    .await
}

/// Looks again at places of one document.
struct Eye<'a> {
    house: &'a House,
    sheets: &'a Sheets,
    pages: &'a [Page],
    texts: &'a [PageText],
}

impl Eye<'_> {
    /// Stamps that the reading of the page missed, each place read alone in every manner.
    fn stamps(&self, regions: &[Region]) -> Result<Vec<extract::StampReread>> {
        let mut stamps = Vec::new();
        for region in regions {
            for manner in [Manner::Unframed, Manner::Gray, Manner::Sauvola] {
                let read = self.again(manner, &[("protocollo", region.clone())])?;
                stamps.extend(read.into_iter().map(|read| extract::StampReread { region: region.clone(), read }));
            }
        }
        Ok(stamps)
    }

    /// Reads every region again whose value has no check of its own; where a manner of reading says nothing of it, in the next.
    fn second_readings(&self, fields: &mut Fields) -> Result<()> {
        let mut open: Vec<_> = extract::regions(fields).into_iter().map(|r| (r.field, r.region)).collect();
        for manner in Manner::ALL {
            let rereads = self.again(manner, &open)?;
            let still = extract::confirm(fields, &rereads, self.house.ente.soglie.lettura);
            open.retain(|(field, _)| still.contains(field));
        }
        Ok(())
    }

    /// What one manner of reading finds in the regions, page by page. A region that cannot be read again is not confirmed.
    fn again(&self, manner: Manner, wanted: &[(&str, Region)]) -> Result<Vec<extract::FieldReread>> {
        let mut rereads = Vec::new();
        for page in self.pages.iter().filter(|page| !page.survey.source.is_digital()) {
            let here: Vec<_> = wanted.iter().filter(|(_, region)| region.page == page.survey.n).collect();
            if here.is_empty() {
                continue;
            }
            let first =
                self.texts.iter().find(|text| text.n == page.survey.n).map(|text| text.origin.clone()).unwrap_or_default();
            let asked = Again { manner, first, rects: here.iter().map(|(_, region)| region.rect).collect() };
            let file = self.sheets.file(page.survey.n);
            match self.house.readers.reread(&file.path, &file.mime, page, &asked) {
                Ok(read) => rereads.extend(here.iter().zip(read).map(|((field, _), r)| extract::FieldReread {
                    field: (*field).to_owned(),
                    raw: r.raw,
                    words: r.words,
                    confidence: r.confidence,
                    origin: r.origin,
                })),
                Err(error) => _ = doubt_of(error)?,
            }
        }
        Ok(rereads)
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
    let mut fields: Fields = need_fact(house, id.as_str(), "fields").await?;
    let pages: Vec<ReadPage> = facts(house, id.as_str(), "page").await?;
    let decided = decisions(house, id).await?;
    let texts: Vec<PageText> = pages.into_iter().map(|p| p.text).collect();
    let received = date_of_law(row.document.formed_at, &house.ente.zona);
    let context = classify::Context { ente: &house.ente, titolario: house.titolario, document: id, received };
    let given = given::given_of(house, id).await?;
    let mut filing = classify::filing_given(&texts, &fields, (&context, &given));
    overlay::filing(&mut filing, &decided);
    if fields.oggetto.is_none() {
        fields.oggetto = classify::composed_oggetto(&filing, &fields);
    }
    let mut doubts = filing.doubts.clone();
    for earlier in facts::<Vec<Hold>>(house, id.as_str(), "doubts").await? {
        doubts.extend(earlier);
    }
    if fields.oggetto.is_some() {
        doubts.retain(|d| d.message.code() != "oggetto-missing");
    }
    doubts.extend(likeness::doubt(house, &row.document).await?);
    let mut open = decided.open(doubts);
    open.extend(rescans.iter().filter_map(|rescan| rescan.hold(id)));
    let mut changes = vec![put(id.as_str(), "fields", 0, &fields)?, put(id.as_str(), "filing", 0, &filing)?];
    let detail = (filing.tipo.value.clone(), filing.voce.value.to_string());
    let outcome = if open.is_empty() {
        changes.push(Change::SetHolds { document: id.clone(), holds: Vec::new() });
        changes.push(Change::FileDocument { document: id.clone(), key: filing.aggregazione, opened: received });
        Outcome::then(changes, Step::Metadata, id.as_str())
    } else {
        changes.push(Change::SetDocument { id: id.clone(), state: DocumentState::Held });
        changes.push(Change::SetHolds { document: id.clone(), holds: open });
        Outcome { verdict: Some("hold"), ..Outcome::rest(changes) }
    };
    Ok(outcome.noting("tipo", detail.0).noting("voce", detail.1))
}

/// True of the formats whose pages the house reads.
pub(super) fn has_pages(mime: &str) -> bool {
    matches!(mime, "image/tiff" | "image/jpeg" | "image/png" | "application/pdf")
}

/// An error that a person can settle becomes a doubt; trouble of our own stays an error.
pub(crate) fn doubt_of(error: Error) -> Result<Hold> {
    match error.kind() {
        Kind::Hold | Kind::Refuse => Ok(Hold::new(error.message().clone())),
        _ => Err(error),
    }
}
