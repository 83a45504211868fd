//! `ingest PATH…`: admits files and folders, carries them to rest, and tells the outcome of every input.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::show::documents_of;
use crate::acquire::{self, Admission, AdmitOutcome, Beside, Offer, Release};
use crate::arrival::{ArrivalId, ArrivalState};
use crate::document::{DocumentId, DocumentState};
use crate::error::{Error, Kind, Result};
use crate::messages::Lang;
use crate::pipeline::House;
use crate::worker;

/// What became of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Admitted and carried to rest without a doubt.
    Admitted,
    /// The same bytes arrived before.
    Duplicate,
    /// A person must decide.
    Held,
    /// Refused with a reason.
    Refused,
}

/// One line of `ingest --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IngestLine {
    /// The input as named or found.
    pub path: String,
    /// Its arrival, if it was admitted at all.
    pub arrival: Option<ArrivalId>,
    /// What became of it.
    pub outcome: Outcome,
    /// Its documents.
    pub documents: Vec<DocumentId>,
    /// Why it is held, refused or waiting.
    pub reason: Option<String>,
}

/// Admits everything under `paths` and works until all of it is at rest. With `take` the sources leave as from an inbox.
pub async fn ingest(house: &Arc<House>, paths: &[PathBuf], take: bool, lang: Lang) -> Result<Vec<IngestLine>> {
    // Said before anything is taken in: a path that was typed wrong is no input.
    for root in paths {
        let is_missing = root.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if is_missing {
            return Err(Error::new(Kind::Usage, "path-missing").with("path", root.display()));
        }
    }
    let mut lines = Vec::new();
    for root in paths {
        admit_under(house, root, (take, lang), &mut lines).await?;
    }
    worker::work_to_rest(house, house.config.ocr.children_used() + 1).await?;
    for line in &mut lines {
        complete(house, line, lang).await?;
    }
    Ok(lines)
}

/// Admits every file at `root`, one after the other. What cannot be admitted costs itself only; a failing store ends it.
///
/// With `take` a sidecar goes with its file; without it every file is an input and has its line.
async fn admit_under(house: &Arc<House>, root: &Path, (take, lang): (bool, Lang), lines: &mut Vec<IngestLine>) -> Result<()> {
    let admission = admission(house);
    let inbox = if root.is_dir() { root } else { root.parent().unwrap_or(root) };
    let mut taken = BTreeSet::new();
    for found in acquire::walk(&[root.to_owned()], &house.config.limits).apart_from(house.layout.root()) {
        if house.meter.is_stopping() {
            return Ok(());
        }
        let (path, admitted) = match found {
            Err(error) => (root.to_owned(), Err(error)),
            Ok(found) if taken.contains(&found.path) || take && acquire::sidecar::is_bound(&found.path) => continue,
            Ok(found) => {
                let sidecar = if take { acquire::sidecar::beside(&found.path) } else { None };
                taken.extend(sidecar.clone());
                let folder = found.path.parent().and_then(|above| above.strip_prefix(inbox).ok());
                let beside = Beside {
                    folder: folder.map(|folder| folder.as_os_str().as_bytes().to_vec()).unwrap_or_default(),
                    sidecar,
                    ..Beside::default()
                };
                let offer = Offer {
                    ente: house.ente_id.clone(),
                    door: "ingest".to_owned(),
                    path: found.path.clone(),
                    name: found.name,
                    release: if take { Release::Take { inbox: inbox.to_owned() } } else { Release::Leave },
                    beside,
                };
                (found.path, admitted(house, &admission, offer).await?)
            }
        };
        lines.push(line_of(house, &path, admitted, lang)?);
    }
    Ok(())
}

/// What became of one offer. Where too much waits for work, that is done first: a batch may be longer than the queue.
async fn admitted(house: &Arc<House>, admission: &Admission, offer: Offer) -> Result<Result<acquire::Admitted>> {
    let mut answer = acquire::admit(admission, offer.clone()).await;
    if answer.as_ref().is_err_and(|error| error.code() == "queue-full") {
        worker::work_to_rest(house, house.config.ocr.children_used() + 1).await?;
        answer = acquire::admit(admission, offer.clone()).await;
    }
    if let Err(error) = &answer {
        acquire::quarantine(admission, &offer, &house.layout.quarantine(), error).await?;
    }
    Ok(answer)
}

/// What admission works with here.
pub(super) fn admission(house: &House) -> Admission {
    Admission { store: house.store.clone(), blobs: house.blobs.clone(), clock: house.clock, limits: house.config.limits.clone() }
}

/// What is said of one input at once; a disk without room or a store out of order ends the whole instead.
pub(super) fn line_of(house: &House, path: &Path, admitted: Result<acquire::Admitted>, lang: Lang) -> Result<IngestLine> {
    let path = path.display().to_string();
    let line = |arrival, outcome, reason| IngestLine { path, arrival, outcome, documents: Vec::new(), reason };
    match admitted {
        Ok(admitted) => {
            let outcome = match admitted.outcome {
                AdmitOutcome::Duplicate { .. } => Outcome::Duplicate,
                AdmitOutcome::New | AdmitOutcome::Replay => Outcome::Admitted,
            };
            if outcome == Outcome::Admitted {
                house.meter.expect_documents(1);
            }
            let why = admitted.unreleased.map(|error| error.message().text(lang));
            Ok(line(Some(admitted.arrival.id), outcome, why))
        }
        // A disk without room, a store out of order: nothing became of the input, and no person has anything to decide.
        Err(error) if error.is_pressure() => Err(error),
        Err(error) => {
            let outcome = if matches!(error.kind(), Kind::Refuse | Kind::Usage) { Outcome::Refused } else { Outcome::Held };
            Ok(line(None, outcome, Some(error.message().text(lang))))
        }
    }
}

/// Fills in what became of an admitted input once everything is at rest.
pub(super) async fn complete(house: &House, line: &mut IngestLine, lang: Lang) -> Result<()> {
    let Some(id) = &line.arrival else { return Ok(()) };
    let Some(arrival) = house.store.arrival(&house.ente_id, id).await? else { return Ok(()) };
    let documents = documents_of(house, id).await?;
    line.documents = documents.iter().map(|row| row.document.id.clone()).collect();
    let has = |state| documents.iter().any(|row| row.document.state == state);
    line.outcome = match arrival.state {
        ArrivalState::Duplicate => Outcome::Duplicate,
        ArrivalState::Refused => Outcome::Refused,
        ArrivalState::Held => Outcome::Held,
        _ if has(DocumentState::Refused) => Outcome::Refused,
        _ if has(DocumentState::Held) => Outcome::Held,
        _ => Outcome::Admitted,
    };
    let mut reasons: Vec<String> = documents.iter().flat_map(|row| &row.holds).map(|h| h.message.text(lang)).collect();
    if reasons.is_empty() {
        reasons.extend(arrival.reason.as_ref().map(|m| m.text(lang)));
    }
    reasons.extend(line.reason.take());
    line.reason = (!reasons.is_empty()).then(|| reasons.join(" · "));
    Ok(())
}
