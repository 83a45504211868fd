//! `scarto execute`: what the authority has allowed is destroyed in every place that the archive holds. Killed at any point it has not begun
//! or goes on: rows first say what is destroyed and by which authorisation, in one transaction (invariant 1), then files go, then it is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::scarto::{changed, line, scarti, scarto};
use super::show::{documents_of, fact_or_default};
use super::vincolo::vincoli;
use crate::arrival::ArrivalId;
use crate::digest::Digest;
use crate::document::{DocumentId, DocumentState};
use crate::drill;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::fields::Fields;
use crate::filing::Filing;
use crate::pipeline::House;
use crate::scarto::{BLOBS, DESTROYED, Scarto, ScartoItem, ScartoState, is_held};
use crate::steps::{self, blocking};
use crate::store::lock::ArchiveLock;
use crate::store::{Change, DocumentRow};

/// What was done.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Destroyed {
    /// The scarto as it stands.
    pub scarto: Scarto,
    /// Blobs whose bytes are gone.
    pub blobs: usize,
    /// Packages whose files are gone.
    pub pdvs: Vec<String>,
    /// Packages that still hold some of it, beside documents that stay.
    pub left_in: Vec<String>,
}

/// Destroys what was allowed; one that has begun goes on.
///
/// # Errors
/// Usage: no authorisation. Environment: another process carries the archive, keeps its doors, or uses it in any way.
pub async fn execute(house: &Arc<House>, id: &str, operator: &str) -> Result<Destroyed> {
    // Nobody reads or admits what is about to go: bytes that came in again between the look at their row and their end would be lost.
    let is_mine = house.lock.lock().await.is_some();
    let doors = ArchiveLock::take_doors(house.layout.root())?;
    if !is_mine || doors.is_none() || !house.share.alone()? {
        return Err(Error::new(Kind::Environment, "scarto-busy"));
    }
    let destroyed = executed(house, id, operator).await;
    house.share.shared()?;
    destroyed
}

async fn executed(house: &Arc<House>, id: &str, operator: &str) -> Result<Destroyed> {
    let (mut scarto, mut seen) = scarto(house, id).await?;
    match scarto.state {
        ScartoState::Proposed => return Err(Error::new(Kind::Usage, "scarto-not-authorised").with("id", id)),
        ScartoState::Authorised => {
            begin(house, &mut scarto, (seen, operator)).await?;
            seen = self::scarto(house, id).await?.1;
        }
        ScartoState::Executing | ScartoState::Executed => {}
    }
    let gone: Vec<Digest> = fact_or_default(house, id, BLOBS).await?;
    let (pdvs, left_in) = packages(house, &scarto).await?;
    if scarto.state == ScartoState::Executed {
        return Ok(Destroyed { scarto, blobs: gone.len(), pdvs, left_in });
    }
    remove(house, &gone, &pdvs).await?;
    drill::point("scarto.removed");
    scarto.state = ScartoState::Executed;
    scarto.executed_at = Some(house.clock.now());
    let mut changes = changed(&scarto, Some(seen))?.to_vec();
    let told = json!({"scarto": scarto.id, "at": scarto.executed_at});
    for pdv in &pdvs {
        changes.push(steps::put(pdv, DESTROYED, 0, &told)?);
    }
    let detail = [("blobs", gone.len().to_string()), ("packages", pdvs.len().to_string()), ("left", left_in.len().to_string())];
    changes.push(line(house, &scarto, ("scarto-executed", operator), detail));
    house.store.apply(&house.ente_id, None, &changes).await?;
    drill::point("scarto.recorded");
    Ok(Destroyed { scarto, blobs: gone.len(), pdvs, left_in })
}

/// The one transaction after which it has begun: documents and blobs are marked, personal values emptied.
async fn begin(house: &House, scarto: &mut Scarto, (seen, operator): (String, &str)) -> Result<()> {
    let mut rows: Vec<DocumentRow> = Vec::new();
    for item in scarto.granted().cloned().collect::<Vec<ScartoItem>>() {
        match ensure(house, &item).await? {
            Ok(row) => rows.push(row),
            Err(code) => _ = scarto.spared.insert(item.document, code.to_owned()),
        }
    }
    let mine: BTreeSet<DocumentId> = rows.iter().map(|row| row.document.id.clone()).collect();
    let mut arrivals: BTreeSet<ArrivalId> = BTreeSet::new();
    for row in &rows {
        let siblings = documents_of(house, &row.document.arrival).await?;
        let is_gone = |row: &DocumentRow| mine.contains(&row.document.id) || row.document.state == DocumentState::Destroyed;
        if siblings.iter().all(is_gone) {
            arrivals.insert(row.document.arrival.clone());
        }
    }
    let owners: BTreeSet<String> = mine.iter().map(|id| id.0.clone()).chain(arrivals.iter().map(|id| id.0.clone())).collect();
    let mut gone = house.store.only_of(&house.ente_id, &owners).await?;
    // An answer of the authority is proof: it stays whatever else has its bytes.
    for other in scarti(house).await? {
        other.autorizzazione.iter().for_each(|answer| _ = gone.remove(&answer.sha256));
    }
    let now = house.clock.now();
    scarto.state = ScartoState::Executing;
    let atto = scarto.autorizzazione.as_ref().map(|answer| answer.atto.clone()).unwrap_or_default();
    let told = json!({"scarto": scarto.id, "at": now, "authorisation": atto}).to_string();
    let mut changes = changed(scarto, Some(seen))?.to_vec();
    changes.push(steps::put(scarto.id.as_str(), BLOBS, 0, &gone)?);
    changes.extend(gone.iter().map(|sha256| Change::SetDestroyed { sha256: *sha256, destroyed: told.clone() }));
    for row in &rows {
        changes.extend(emptied(house, row, &told).await?);
        changes.push(Change::Journal(Event {
            at: now,
            kind: "destroyed".to_owned(),
            subject: row.document.id.0.clone(),
            outcome: "success".to_owned(),
            agent: format!("operator {operator}"),
            detail: BTreeMap::from([("scarto".to_owned(), scarto.id.0.clone())]),
        }));
    }
    changes.extend(arrivals.into_iter().map(|arrival| Change::Forget { owner: arrival.0 }));
    let detail = [("documents", rows.len().to_string()), ("spared", scarto.spared.len().to_string())];
    changes.push(line(house, scarto, ("scarto-begun", operator), detail));
    drill::point("scarto.before-begin");
    house.store.apply(&house.ente_id, None, &changes).await?;
    drill::point("scarto.begun");
    Ok(())
}

/// The document, or the code of what keeps it now: much may have happened since the list was written.
async fn ensure(house: &House, item: &ScartoItem) -> Result<std::result::Result<DocumentRow, &'static str>> {
    let vincoli = vincoli(house).await?;
    if is_held(&vincoli, item.document.as_str()) || is_held(&vincoli, item.aggregazione.as_str()) {
        return Ok(Err("scarto-held"));
    }
    let Some(row) = house.store.document(&house.ente_id, &item.document).await? else { return Ok(Err("scarto-changed")) };
    let aggregation = house.store.aggregation(&house.ente_id, &item.aggregazione).await?;
    let primario = aggregation.as_ref().and_then(|row| row.aggregation.primario.clone());
    if primario.is_some_and(|id| is_held(&vincoli, id.as_str())) {
        return Ok(Err("scarto-held"));
    }
    let is_open =
        aggregation.is_some_and(|row| row.aggregation.key.fascicolo.is_some() && row.aggregation.data_chiusura.is_none());
    let is_same = row.aggregazione.as_ref() == Some(&item.aggregazione);
    let is_at_rest = matches!(
        row.document.state,
        DocumentState::Ready | DocumentState::Packaged | DocumentState::Delivered | DocumentState::Preserved
    );
    Ok(if is_open || !is_same || !is_at_rest { Err("scarto-changed") } else { Ok(row) })
}

/// What stays of a document: digests, tipo, voce, registration and dates; no names, no words, no metadata that have them.
async fn emptied(house: &House, row: &DocumentRow, told: &str) -> Result<Vec<Change>> {
    let id = row.document.id.as_str();
    let fields: Fields = fact_or_default(house, id, "fields").await?;
    let kept = Fields { protocollo: fields.protocollo, repertorio: fields.repertorio, data: fields.data, ..Fields::default() };
    let filing: Option<Filing> = fact_or_default(house, id, "filing").await?;
    let mut components: Vec<crate::document::Component> = fact_or_default(house, id, "components").await?;
    let copies: Vec<crate::document::Copy> = fact_or_default(house, id, "copies").await?;
    for component in &mut components {
        component.name = crate::arrival::FileName::new(component.sha256.hex());
    }
    let mut changes = vec![
        Change::Forget { owner: id.to_owned() },
        Change::SetDocument { id: row.document.id.clone(), state: DocumentState::Destroyed },
        Change::SetHolds { document: row.document.id.clone(), holds: Vec::new() },
        Change::SetLikeness { document: row.document.id.clone(), keys: Vec::new() },
        steps::put(id, "components", 0, &components)?,
        steps::put(id, "copies", 0, &copies)?,
        steps::put(id, "fields", 0, &kept)?,
        Change::PutFact { owner: id.to_owned(), kind: DESTROYED.to_owned(), n: 0, body: told.to_owned() },
    ];
    if let Some(mut filing) = filing {
        filing.aggregazione.thread.clear();
        "-".clone_into(&mut filing.aggregazione.oggetto);
        filing.reasons.clear();
        filing.doubts.clear();
        changes.push(steps::put(id, "filing", 0, &filing)?);
    }
    Ok(changes)
}

/// The packages of which nothing stays, and those that hold some of it beside documents that stay.
async fn packages(house: &House, scarto: &Scarto) -> Result<(Vec<String>, Vec<String>)> {
    let mine: BTreeSet<&DocumentId> =
        scarto.granted().map(|item| &item.document).filter(|id| !scarto.spared.contains_key(id)).collect();
    let (mut whole, mut left) = (Vec::new(), Vec::new());
    for (pdv, documents) in house.store.pdvs(&house.ente_id).await? {
        if !documents.iter().any(|id| mine.contains(id)) {
            continue;
        }
        let mut is_whole = true;
        for id in &documents {
            let row = house.store.document(&house.ente_id, id).await?;
            is_whole &= row.is_some_and(|row| row.document.state == DocumentState::Destroyed);
        }
        if is_whole { &mut whole } else { &mut left }.push(pdv.id.0);
    }
    Ok((whole, left))
}

/// Takes the files away. A blob that came in again meanwhile is there again, and stays.
async fn remove(house: &Arc<House>, gone: &[Digest], pdvs: &[String]) -> Result<()> {
    for sha256 in gone {
        let is_destroyed = house.store.blob(&house.ente_id, sha256).await?.is_some_and(|row| row.destroyed.is_some());
        if is_destroyed {
            let (blobs, ente, sha256) = (house.blobs.clone(), house.ente_id.clone(), *sha256);
            blocking(move || blobs.destroy(&ente, &sha256)).await?;
            drill::point("scarto.blob-gone");
        }
    }
    let mut paths = Vec::new();
    for id in pdvs {
        let found = house.store.pdv(&house.ente_id, &crate::pdv::PdvId(id.clone())).await?;
        paths.extend(found.and_then(|(pdv, _)| pdv.path).map(|path| house.layout.root().join(path)));
    }
    blocking(move || {
        for path in paths {
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::disk("destroy package", &path, e)),
                _ => drill::point("scarto.package-gone"),
            }
            let folder = path.parent().unwrap_or(&path).to_owned();
            let synced = std::fs::File::open(&folder).and_then(|folder| folder.sync_all());
            synced.map_err(|e| Error::disk("sync folder", &folder, e))?;
        }
        Ok(())
    })
    .await
}
