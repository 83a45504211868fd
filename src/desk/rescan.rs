//! `review ID --rescan PAGE` and `ingest FILE --rescan ID:PAGE`: a new sheet is waited for, and given.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::ingest::{IngestLine, admission, complete, line_of};
use super::show::{Found, find};
use crate::acquire::{self, Beside, Offer, Release};
use crate::arrival::FileName;
use crate::digest::Digest;
use crate::document::{Component, DocumentId, DocumentState, Hold};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::messages::Lang;
use crate::page::PageSurvey;
use crate::pipeline::House;
use crate::rescan::{self, Expected, Place, Rescan};
use crate::steps::{self, sheets};
use crate::store::{Change, DocumentRow};
use crate::worker;

/// Who asks for a new sheet or gives it.
#[derive(Debug, Clone, Default)]
pub struct By {
    /// The operator.
    pub operator: String,
    /// Free words on why.
    pub note: Option<String>,
}

/// The document waits, held, for the new sheet of a page. Asked twice it waits once.
pub async fn expect(house: &House, id: &str, page: u32, by: &By) -> Result<DocumentRow> {
    steps::beside_others(async || expected(house, id, page, by).await).await
}

async fn expected(house: &House, id: &str, page: u32, by: &By) -> Result<DocumentRow> {
    let (row, mut rescan, [require, bump]) = page_of(house, id, page).await?;
    if rescan.expected.is_some() {
        return Ok(row);
    }
    let document = &row.document.id;
    let codes = row.holds.iter().filter(|hold| hold.page == Some(page)).map(|hold| hold.message.code().to_owned());
    let why = codes.chain(by.note.clone()).collect();
    rescan.expected = Some(Expected { operator: by.operator.clone(), at: house.clock.now(), why });
    let mut holds: Vec<Hold> = row.holds.clone();
    holds.extend(rescan.hold(document));
    let detail = [("decision", "rescan".to_owned()), ("page", page.to_string())];
    let changes = [
        require,
        bump,
        steps::put(document.as_str(), rescan::FACT, page, &rescan)?,
        Change::SetDocument { id: document.clone(), state: DocumentState::Held },
        Change::SetHolds { document: document.clone(), holds },
        decided(house, document, by, detail),
    ];
    house.store.apply(&house.ente_id, None, &changes).await?;
    crate::drill::point("desk.rescan-expected");
    Ok(row)
}

/// The journal line of a decision about a page; what is in `detail` is no personal datum (invariant 6).
pub(super) fn decided<const N: usize>(house: &House, document: &DocumentId, by: &By, detail: [(&str, String); N]) -> Change {
    Change::Journal(Event {
        at: house.clock.now(),
        kind: "decided".to_owned(),
        subject: document.0.clone(),
        outcome: "success".to_owned(),
        agent: format!("operator {}", by.operator),
        detail: detail.map(|(key, value)| (key.to_owned(), value)).into(),
    })
}

/// Gives `file` as the new sheet of a page and works until its document is at rest. The sheet is an arrival of its own;
/// with `take` its source leaves as from an inbox.
pub async fn give(house: &Arc<House>, target: (&str, u32), file: (&Path, bool), by: &By, lang: Lang) -> Result<IngestLine> {
    let (id, page) = target;
    let (row, rescan, _) = page_of(house, id, page).await?;
    ensure_new(house, &row, &rescan, file.0).await?;
    expect(house, id, page, by).await?;
    let place = Place { document: row.document.id.clone(), page, operator: by.operator.clone() };
    let mut line = line_of(house, file.0, admitted(house, &place, file).await, lang)?;
    worker::work_to_rest(house, house.config.ocr.children_used() + 1).await?;
    complete(house, &mut line, lang).await?;
    Ok(line)
}

async fn admitted(house: &House, place: &Place, (path, take): (&Path, bool)) -> Result<acquire::Admitted> {
    use std::os::unix::ffi::OsStrExt as _;
    let inbox = path.parent().unwrap_or(path).to_owned();
    let offer = Offer {
        ente: house.ente_id.clone(),
        door: place.door(),
        path: path.to_owned(),
        name: FileName::new(path.file_name().unwrap_or_default().as_bytes()),
        release: if take { Release::Take { inbox } } else { Release::Leave },
        beside: Beside::default(),
    };
    acquire::admit_for(&admission(house), offer, place).await
}

/// `ID:PAGE` as it was typed.
pub fn target(typed: &str) -> Result<(&str, u32)> {
    let wrong = || Error::new(Kind::Usage, "usage-wrong").with("what", format_args!("--rescan {typed} (ID:PAGE)"));
    let (id, page) = typed.rsplit_once(':').ok_or_else(wrong)?;
    Ok((id, page.parse().map_err(|_| wrong())?))
}

/// The document and what is known of the page's sheets, with the fence of whatever is decided about them; the document must be one whose
/// pages may still change.
pub(super) async fn page_of(house: &House, id: &str, page: u32) -> Result<(DocumentRow, Rescan, [Change; 2])> {
    let Found::Document(row) = find(house, id).await? else {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", id));
    };
    let fence = sheets::fence(house, &row.document.id).await?;
    // What was read before the fence stood may have changed.
    let row = steps::need_document(house, &row.document.id).await?;
    let document = &row.document;
    let about = |code| Error::new(Kind::Usage, code).with("id", &document.id).with("page", page);
    match document.state {
        DocumentState::Packaged | DocumentState::Delivered | DocumentState::Preserved => {
            return Err(about("rescan-packaged"));
        }
        _ if row.pdv.is_some() => return Err(about("rescan-packaged")),
        DocumentState::Held | DocumentState::Ready => {}
        state => return Err(about("state-wrong").with("state", state.as_str())),
    }
    let surveys: Vec<PageSurvey> = super::show::fact_or_default(house, document.id.as_str(), "survey").await?;
    if surveys.iter().all(|survey| survey.n != page) {
        return Err(about("rescan-page-unknown"));
    }
    let known: BTreeMap<u32, Rescan> =
        sheets::rescans(house, &document.id).await?.into_iter().map(|rescan| (rescan.page, rescan)).collect();
    let rescan = known.get(&page).cloned().unwrap_or_else(|| Rescan::of(page));
    Ok((row, rescan, fence))
}

/// The same bytes as the old page's are no new scan: the wrong file was picked.
async fn ensure_new(house: &House, row: &DocumentRow, rescan: &Rescan, file: &Path) -> Result<()> {
    let path = file.to_owned();
    let sha256 = steps::blocking(move || {
        let digest = std::fs::File::open(&path).and_then(Digest::of_reader);
        Ok(digest
            .map_err(|e| {
                Error::new(Kind::Usage, "disk-failed").with("what", "read").with("path", path.display()).with("cause", e)
            })?
            .0)
    })
    .await?;
    let components: Vec<Component> = steps::need_fact(house, row.document.id.as_str(), "components").await?;
    let whole = steps::principal(&components)?.sha256;
    if sha256 == whole || rescan.sheets.iter().any(|sheet| sheet.sha256 == sha256) {
        return Err(Error::new(Kind::Usage, "rescan-same").with("page", rescan.page));
    }
    Ok(())
}
