//! `learn`: what people have confirmed teaches the learned voice. Each confirmed filing is learned once, and again when it changes.
//!
//! Confirmed is a filing that a person has decided about, or whose tipo or voce the office gave: what the program filed by
//! itself teaches it nothing. Every version is a blob of its own with the count of its lessons; the same archive gives the
//! same version to the byte.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::classify::{Experience, Lesson};
use crate::decision::{self, Decision};
use crate::digest::Digest;
use crate::document::DocumentState;
use crate::error::Result;
use crate::event::Event;
use crate::fields::Fields;
use crate::filing::Filing;
use crate::pipeline::{AGENT, House};
use crate::steps::{self, blocking, fact};
use crate::store::{Change, DocumentRow};

/// Fact kind of what a document has taught.
const TAUGHT: &str = "taught";
/// Most bytes of an experience; one of a hundred thousand papers has a tenth of them.
const EXPERIENCE_BYTES_MAX: u64 = 1 << 30;

/// A version of what the archive has learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number, from 1.
    pub version: u32,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Their number.
    pub bytes: u64,
    /// Filings learned for the first time, or again, in this version.
    pub lessons: usize,
    /// Examples seen since the beginning, those of the seed corpus among them.
    pub seen: u64,
}

/// Learns what was confirmed since the last version; with `anew` everything, from the seed corpus on. None where there is
/// nothing to learn.
pub async fn learn(house: &House, anew: bool) -> Result<Option<Version>> {
    let last: Option<Version> = fact(house, &house.ente_id.0, steps::experience::FACT).await?;
    let (mut lessons, mut changes) = (Vec::new(), Vec::new());
    let mut documents = house.store.documents(&house.ente_id, None).await?;
    documents.sort_by(|a, b| a.document.id.cmp(&b.document.id));
    for row in &documents {
        let Some(label) = confirmed(house, row).await? else { continue };
        let id = row.document.id.as_str();
        let taught: Option<(String, String)> = fact(house, id, TAUGHT).await?;
        if anew || taught.as_ref() != Some(&label) {
            lessons.push(lesson(house, row, &label).await?);
            changes.push(steps::put(id, TAUGHT, 0, &label)?);
        }
    }
    if lessons.is_empty() {
        return Ok(None);
    }
    let known = if anew { Experience::default() } else { steps::experience::of(house).await? };
    let count = lessons.len();
    let (experience, bytes) = blocking(move || {
        let mut experience = known;
        experience.learn(&lessons);
        let bytes = experience.to_bytes();
        Ok((experience, bytes))
    })
    .await?;
    let blob = house.blobs.put(&house.ente_id, &mut bytes.as_slice(), EXPERIENCE_BYTES_MAX, None)?;
    let version = Version {
        version: last.map_or(0, |last| last.version) + 1,
        sha256: blob.sha256,
        bytes: blob.bytes,
        lessons: count,
        seen: experience.seen(),
    };
    changes.push(Change::AddBlob { sha256: blob.sha256, bytes: blob.bytes });
    changes.push(steps::put(&house.ente_id.0, steps::experience::FACT, 0, &version)?);
    changes.push(steps::put(&house.ente_id.0, "experience-version", version.version, &version)?);
    changes.push(journal(house, &version));
    house.store.apply(&house.ente_id, None, &changes).await?;
    Ok(Some(version))
}

/// Tipo and voce of a document that somebody has confirmed.
async fn confirmed(house: &House, row: &DocumentRow) -> Result<Option<(String, String)>> {
    let is_filed = matches!(
        row.document.state,
        DocumentState::Ready | DocumentState::Packaged | DocumentState::Delivered | DocumentState::Preserved
    );
    if !is_filed {
        return Ok(None);
    }
    let id = row.document.id.as_str();
    let Some(filing) = fact::<Filing>(house, id, "filing").await? else { return Ok(None) };
    let decided = steps::facts::<Decision>(house, id, decision::FACT).await?;
    let is_given =
        |origin: &str| origin.starts_with("person ") || origin.starts_with("sidecar") || origin.starts_with("segnatura");
    let is_confirmed = !decided.is_empty() || is_given(&filing.tipo.origin) || is_given(&filing.voce.origin);
    Ok((is_confirmed && !filing.tipo.value.is_empty()).then_some((filing.tipo.value, filing.voce.value.0)))
}

async fn lesson(house: &House, row: &DocumentRow, (tipo, voce): &(String, String)) -> Result<Lesson> {
    let id = &row.document.id;
    let texts = steps::leaves::first(house, id).await?.texts;
    let fields: Fields = fact(house, id.as_str(), "fields").await?.unwrap_or_default();
    let (tables, day) = (steps::tables::tables(house).await?, steps::tables::day(house, row, &fields));
    let voce = tables.titolario(day).proposed(&crate::filing::Voce(voce.clone()));
    Ok(Lesson::of(&texts, &fields, (tipo, &voce)))
}

fn journal(house: &House, version: &Version) -> Change {
    let detail = BTreeMap::from([
        ("version".to_owned(), version.version.to_string()),
        ("sha256".to_owned(), version.sha256.to_string()),
        ("lessons".to_owned(), version.lessons.to_string()),
    ]);
    Change::Journal(Event {
        at: house.clock.now(),
        kind: "learned".to_owned(),
        subject: house.ente_id.0.clone(),
        outcome: "success".to_owned(),
        agent: AGENT.to_owned(),
        detail,
    })
}
