//! `evaluate TRUTH_DIR`: how right is the house? Documents of the archive against truth files, by name of the input.
//!
//! A truth file is `NAME.json` with `files` (input names) and what is true: `tipi_accettabili`, `classi_accettabili`,
//! `protocollo {numero, anno}`; beside it may stand the exact text, `ground_truth_text`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::{Global, output, tables};
use crate::app::Archive;
use crate::desk::{self, Row};
use crate::document::DocumentState;
use crate::error::{Error, Kind, Result};
use crate::page::ReadPage;
use crate::pipeline::House;
use crate::steps;

/// What is true of one document.
#[derive(Debug, Deserialize)]
struct Truth {
    files: Vec<String>,
    #[serde(default)]
    tipi_accettabili: Vec<String>,
    #[serde(default)]
    classi_accettabili: Vec<String>,
    protocollo: Option<TrueProtocollo>,
    ground_truth_text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TrueProtocollo {
    numero: String,
    anno: i16,
}

/// One document held against its truth.
#[derive(Debug, serde::Serialize)]
struct Score {
    name: String,
    state: DocumentState,
    tipo: Option<String>,
    tipo_right: Option<bool>,
    voce: Option<String>,
    voce_right: Option<bool>,
    protocollo: Option<String>,
    protocollo_right: Option<bool>,
    recall: Option<f64>,
}

/// Scores every document that has a truth; exit 1 if any is wrong and not held.
pub(crate) async fn evaluate(all: &Global, folder: &Path) -> Result<u8> {
    let archive = Archive::open(&all.archive, all.config.as_deref()).await?;
    let house = &archive.house;
    let truths = truths(folder)?;
    let documents = house.store.documents(&house.ente_id, None).await?;
    let rows = desk::rows(house, &documents, all.words()).await?;
    let mut scores = Vec::new();
    for row in &rows {
        if let Some(truth) = truths.get(&row.name) {
            scores.push(score(house, row, truth, folder).await?);
        }
    }
    show(all, &scores);
    let is_wrong =
        |s: &&Score| s.state != DocumentState::Held && (s.voce_right == Some(false) || s.protocollo_right == Some(false));
    Ok(u8::from(scores.iter().any(|s| is_wrong(&s))))
}

fn truths(folder: &Path) -> Result<BTreeMap<String, Truth>> {
    let mut truths = BTreeMap::new();
    let entries = std::fs::read_dir(folder).map_err(|e| Error::disk("read folder", folder, e))?;
    for path in entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "json")) {
        let text = std::fs::read_to_string(&path).map_err(|e| Error::disk("read truth", &path, e))?;
        let truth: Truth = serde_json::from_str(&text)
            .map_err(|e| Error::new(Kind::Usage, "usage-wrong").with("what", format_args!("{}: {e}", path.display())))?;
        if let Some(first) = truth.files.first() {
            truths.insert(first.clone(), truth);
        }
    }
    Ok(truths)
}

async fn score(house: &House, row: &Row, truth: &Truth, folder: &Path) -> Result<Score> {
    let expected = truth.protocollo.as_ref().map(|p| format!("{}/{}", p.numero, p.anno));
    let is_in = |value: &Option<String>, accepted: &[String]| {
        (!accepted.is_empty()).then(|| value.as_ref().is_some_and(|v| accepted.contains(v)))
    };
    let recall = match &truth.ground_truth_text {
        None => None,
        Some(name) => {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path).map_err(|e| Error::disk("read truth", &path, e))?;
            let pages: Vec<ReadPage> = steps::facts(house, row.id.as_str(), "page").await?;
            let read: Vec<String> = pages.iter().map(|p| p.text.plain()).collect();
            Some(word_recall(&text, &read.join("\n")))
        }
    };
    Ok(Score {
        name: row.name.clone(),
        state: row.state,
        tipo_right: is_in(&row.tipo, &truth.tipi_accettabili),
        voce_right: is_in(&row.voce, &truth.classi_accettabili),
        protocollo_right: expected.map(|e| row.protocollo.as_ref() == Some(&e)),
        tipo: row.tipo.clone(),
        voce: row.voce.clone(),
        protocollo: row.protocollo.clone(),
        recall,
    })
}

/// Share of the true words (bag of lower-cased runs of letters, digits and `_`) that were read.
fn word_recall(truth: &str, read: &str) -> f64 {
    let bag = |text: &str| {
        let mut bag: BTreeMap<String, u32> = BTreeMap::new();
        for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()) {
            *bag.entry(word.to_owned()).or_default() += 1;
        }
        bag
    };
    let (truth, read) = (bag(truth), bag(read));
    let all: u32 = truth.values().sum();
    let found: u32 = truth.iter().map(|(word, n)| (*n).min(read.get(word).copied().unwrap_or(0))).sum();
    if all == 0 { 1.0 } else { f64::from(found) / f64::from(all) }
}

fn show(all: &Global, scores: &[Score]) {
    if all.json {
        for score in scores {
            output::line(&json!(score).to_string());
        }
        return;
    }
    let mark = |value: &Option<String>, right: Option<bool>| {
        let sign = match right {
            Some(true) => "✓",
            Some(false) => "✗",
            None => " ",
        };
        format!("{sign} {}", value.as_deref().unwrap_or("—"))
    };
    let lines: Vec<Vec<String>> = scores
        .iter()
        .map(|s| {
            vec![
                s.name.clone(),
                tables::state(s.state, all.words()),
                mark(&s.tipo, s.tipo_right),
                mark(&s.voce, s.voce_right),
                mark(&s.protocollo, s.protocollo_right),
                s.recall.map_or_else(|| "—".to_owned(), |r| format!("{r:.3}")),
            ]
        })
        .collect();
    tables::table(&["head-name", "head-state", "head-tipo", "head-voce", "head-protocollo", "head-recall"], &lines, all.words());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_recall_counts_every_occurrence_once() {
        assert!((word_recall("a a b", "A b") - 2.0 / 3.0).abs() < 1e-9);
        assert!((word_recall("", "x") - 1.0).abs() < 1e-9);
    }
}
