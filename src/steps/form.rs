//! The step `form`: each component is fixed, once, and its copies are made (rules F-04 to F-06).

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::document::doubt_of;
use super::sheets::{self, Sheets};
use super::shelf::Shelf;
use super::{blocking, fact, need_document, need_fact, principal, put, put_doubts, stack};
use crate::blobs::StoredBlob;
use crate::copy::{self, CopyReport, OtherFile, Outline, PageLines, Pages};
use crate::digest::Digest;
use crate::document::{Component, Copy, Document, DocumentId, Format, Hold};
use crate::envelope::{self, Envelope};
use crate::error::{Error, Kind, Result};
use crate::messages::{Lang, Message};
use crate::page::{Page, PageSurvey};
use crate::pipeline::{AGENT, House, Outcome, Step};
use crate::rescan::Rescan;
use crate::scratch::Scratch;
use crate::store::Change;

/// Fact kind: what became of the searchable copy.
pub(crate) const MADE: &str = "copy-made";

/// What became of the searchable copy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CopyMade {
    /// Why there is none by rule: the original is signed, or claims to be a PDF/A.
    pub(crate) left_alone: Option<Message>,
    /// What became of the pages, where there is one.
    pub(crate) report: Option<CopyReport>,
}

/// Fixes the components as they arrived and makes the searchable copy and the ALTO text of what was read.
pub(crate) async fn form(house: &Arc<House>, id: &DocumentId) -> Result<Outcome> {
    let row = need_document(house, id).await?;
    let mut components: Vec<Component> = need_fact(house, id.as_str(), "components").await?;
    let rescans = sheets::rescans(house, id).await?;
    let scratch = house.scratch.folder()?;
    let Read { pages, has_unread, surveys: read } = read_pages(house, id, &scratch).await?;
    let source = principal(&components)?.clone();
    let sheets = Sheets::of(house, id, (&components, &rescans)).await?;
    if stack::stack_of(house, id.as_str()).await?.is_some() {
        stack::count_pages(&mut components, &sheets, &read, |c| house.blobs.path(&house.ente_id, &c.sha256));
    } else {
        for component in components.iter_mut().filter(|c| c.sha256 == source.sha256) {
            component.pages = read.len() as u32;
        }
    }
    let material = Material {
        document: row.document,
        source,
        sheets,
        rescans,
        pages,
        has_unread,
        read,
        scratch,
        shelf: Shelf::of(house, id),
    };
    let worker = Arc::clone(house);
    let made = blocking(move || copies(&worker, &material)).await?;
    let mut made = made;
    made.copies.extend(fact::<Envelope>(house, id.as_str(), envelope::FACT).await?.unwrap_or_default().copies);
    let mut changes: Vec<Change> = made.copies.iter().map(|c| Change::AddBlob { sha256: c.sha256, bytes: c.bytes }).collect();
    changes.push(put(id.as_str(), "components", 0, &components)?);
    changes.push(put(id.as_str(), "copies", 0, &made.copies)?);
    changes.push(put(id.as_str(), MADE, 0, &made.copy)?);
    changes.push(put_doubts(id.as_str(), Step::Form, &made.doubts)?);
    let mut outcome = Outcome::then(changes, Step::Fields, id.as_str());
    for copy in &made.copies {
        outcome = outcome.noting(&copy.kind, copy.sha256);
    }
    Ok(told(outcome, &made.copy))
}

/// The journal line says of the copy what is no image of the original's bytes, or why there is none.
fn told(mut outcome: Outcome, made: &CopyMade) -> Outcome {
    if let Some(why) = &made.left_alone {
        outcome = outcome.noting("left-alone", why.code());
    }
    let Some(report) = &made.report else { return outcome };
    if !report.rasterised.is_empty() {
        outcome = outcome.noting("rasterised", copy::ranges(&report.rasterised));
    }
    if !report.left_empty.is_empty() {
        outcome = outcome.noting("left-empty", copy::ranges(&report.left_empty));
    }
    let mut reasons: Vec<&str> = report.reencoded.iter().map(|(_, why)| why.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for why in reasons {
        let pages: Vec<u32> = report.reencoded.iter().filter(|(_, w)| w == why).map(|(n, _)| *n).collect();
        outcome = outcome.noting(why, copy::ranges(&pages));
    }
    outcome
}

/// What copies are made of.
struct Material {
    document: Document,
    source: Component,
    sheets: Sheets,
    rescans: Vec<Rescan>,
    pages: Pages,
    /// True if some of them could not be read and some could.
    has_unread: bool,
    read: Vec<PageSurvey>,
    scratch: Scratch,
    /// What was drawn when the pages were read; it goes with the material.
    shelf: Shelf,
}

/// The pages of a document as they were read.
struct Read {
    /// All of them, those that could not be read without words.
    pages: Pages,
    /// True if some could not and some could.
    has_unread: bool,
    /// All of them, as they were before.
    surveys: Vec<PageSurvey>,
}

/// The pages of a document, in scratch files, a page at a time: memory does not grow with the document.
async fn read_pages(house: &House, id: &DocumentId, scratch: &Scratch) -> Result<Read> {
    let surveys: Vec<PageSurvey> = need_fact(house, id.as_str(), "survey").await?;
    let mut all = PageLines::create(scratch.file("pages.jsonl"))?;
    let (mut read, mut unread) = (Vec::with_capacity(surveys.len()), 0_usize);
    for survey in surveys {
        let Some(body) = house.store.fact_at(&house.ente_id, (id.as_str(), "page", survey.n)).await? else { continue };
        all.push_json(&body)?;
        unread += usize::from(is_unread(&body)?);
        read.push(survey);
    }
    if unread == read.len() {
        read.clear();
    }
    let has_unread = (1..read.len()).contains(&unread);
    Ok(Read { pages: all.finish()?, has_unread, surveys: read })
}

/// True of the fact of a page that could not be read; its words are passed over.
fn is_unread(body: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct Glance {
        page: Page,
    }
    let glance: Glance = serde_json::from_str(body).map_err(|e| Error::bug("a page's fact").because(e))?;
    Ok(glance.page.is_unread())
}

/// The copies of a component, and what stood in their way.
#[derive(Default)]
struct Made {
    copies: Vec<Copy>,
    copy: CopyMade,
    doubts: Vec<Hold>,
}

fn copies(house: &House, material: &Material) -> Result<Made> {
    let mut made = Made::default();
    if material.read.is_empty() {
        return Ok(made);
    }
    // The text is written here while a child makes the copy: two cores, and neither waits for the other.
    let (text, copy) = std::thread::scope(|scope| {
        let text = scope.spawn(|| alto(house, material));
        let copy = wanted_copy(house, material, &mut made.copy);
        (text.join().unwrap_or_else(|_| Err(Error::bug("the thread that writes ALTO"))), copy)
    });
    made.copies.push(text?);
    match copy {
        None => {}
        Some(Ok((copy, report))) => {
            made.copies.push(copy);
            made.copy.report = Some(report);
        }
        Some(Err(error)) => {
            let why = doubt_of(error)?.message.sentence(Lang::It);
            made.doubts.push(Hold::new(Message::new("copy-failed").with("why", why)));
        }
    }
    Ok(made)
}

/// The searchable copy, where one is to be made; else `made` says why there is none.
fn wanted_copy(house: &House, material: &Material, made: &mut CopyMade) -> Option<Result<(Copy, CopyReport)>> {
    if material.read.iter().all(|survey| survey.source.is_digital()) {
        return None;
    }
    made.left_alone = left_alone(&material.source.format);
    if made.left_alone.is_some() {
        return None;
    }
    // A page that could not be read may be one that cannot be shown either: then its place is left empty.
    Some(searchable(house, material, false).or_else(|error| match error.kind() {
        Kind::Hold | Kind::Refuse if material.has_unread => searchable(house, material, true),
        _ => Err(error),
    }))
}

/// Why no copy is made of a file of that format: it is signed, or it says that it is a PDF/A already.
pub(crate) fn left_alone(format: &Format) -> Option<Message> {
    if format.signed {
        return Some(Message::new("copy-left-alone-signed"));
    }
    let claim = format.claims.iter().find(|claim| claim.starts_with("pdfa"))?;
    Some(Message::new("copy-left-alone-pdfa").with("claim", claim))
}

fn alto(house: &House, material: &Material) -> Result<Copy> {
    let path = material.scratch.file("alto.xml");
    let disk = |e| Error::disk("write ALTO", &path, e);
    let out = BufWriter::with_capacity(1 << 16, File::create(&path).map_err(disk)?);
    copy::write_alto(out, &material.pages, &material.document.id.0, AGENT)?;
    let mut file = File::open(&path).map_err(disk)?;
    let stored = house.blobs.put(&house.ente_id, &mut file, house.config.limits.file_bytes_max, None)?;
    Ok(copy_of(&material.source, "alto", AGENT.to_owned(), &stored))
}

/// Has a child make the PDF/A copy in scratch, and keeps it as a blob. Dates and /ID come from the document (invariant 4).
fn searchable(house: &House, material: &Material, is_wary: bool) -> Result<(Copy, CopyReport)> {
    let Material { document, source, sheets, .. } = material;
    let level = house.config.copy.level.as_str();
    let mut id = [0_u8; 16];
    id.copy_from_slice(&Digest::of(document.id.0.as_bytes()).bytes()[..16]);
    let order = copy::CopyOrder {
        input: sheets.whole().path.clone(),
        mime: source.format.mime.clone(),
        pages: material.pages.clone(),
        drawings: material.shelf.left(),
        others: sheets.elsewhere().map(|(page, file)| OtherFile { page, input: file.path.clone() }).collect(),
        is_wary,
        outlines: outlines(material),
        level: copy::PdfaLevel::parse(level).ok_or_else(|| Error::bug("level of PDF/A"))?,
        title: document.id.0.clone(),
        instant: document.formed_at,
        id,
        output: material.scratch.file("copy.pdf"),
        lang: "it".to_owned(),
    };
    let report = house.readers.searchable(&order)?;
    let mut file = File::open(&order.output).map_err(|e| Error::disk("open copy", &order.output, e))?;
    let stored = house.blobs.put(&house.ente_id, &mut file, house.config.limits.file_bytes_max, None)?;
    Ok((copy_of(source, "pdfa", format!("{AGENT}, PDF/A-{level}"), &stored), report))
}

/// A bookmark for each file that pages come from, where there are several.
fn outlines(material: &Material) -> Vec<Outline> {
    let anew: Vec<(u32, &Rescan)> =
        material.rescans.iter().filter(|rescan| rescan.sheet().is_some()).map(|rescan| (rescan.page, rescan)).collect();
    if anew.is_empty() {
        return Vec::new();
    }
    let own = material.read.iter().map(|survey| survey.n).find(|n| anew.iter().all(|(page, _)| page != n));
    let mut outlines: Vec<Outline> = own.map(|page| Outline { title: material.source.name.shown(), page }).into_iter().collect();
    for (page, rescan) in anew {
        let name = rescan.sheet().map(|sheet| sheet.name.shown()).unwrap_or_default();
        let title = Message::new("copy-new-sheet").with("page", page).with("name", name).sentence(Lang::It);
        outlines.push(Outline { title, page });
    }
    outlines.sort_by_key(|outline| outline.page);
    outlines
}

fn copy_of(source: &Component, kind: &str, origin: String, stored: &StoredBlob) -> Copy {
    Copy { kind: kind.to_owned(), sha256: stored.sha256, bytes: stored.bytes, of: source.sha256, origin }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Verdict;

    #[test]
    fn no_copy_is_made_of_a_signed_file_or_of_one_that_claims_to_be_a_pdfa() {
        let format = |claims: &[&str], signed| Format {
            puid: None,
            mime: "application/pdf".into(),
            name: "PDF".into(),
            version: None,
            claims: claims.iter().map(|claim| (*claim).to_owned()).collect(),
            signed,
            encrypted: false,
            verdict: Verdict::Accettato,
            rule: String::new(),
            warnings: Vec::new(),
        };
        let code = |claims: &[&str], signed| left_alone(&format(claims, signed)).map(|why| why.code().to_owned());
        assert_eq!(code(&[], true).as_deref(), Some("copy-left-alone-signed"));
        assert_eq!(code(&["pdfua-1", "pdfa-1b"], false).as_deref(), Some("copy-left-alone-pdfa"));
        assert_eq!(code(&["pdfx-4", "embedded-files"], false), None);
    }
}
