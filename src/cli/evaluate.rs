//! `evaluate TRUTH_DIR`: how right is the house? Documents of the archive against truth files, by name of the input.
//!
//! The form of a truth file is told in docs/evaluate.md. `--again` takes the archive's kept pages through fields and filing
//! of this release, without a new OCR and without storing anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::{Global, output, tables};
use crate::document::DocumentState;
use crate::error::{Error, Kind, Result};
use crate::evaluate::{Choice, Rate, Score, Seen, Tally, Truth, score, tally};
use crate::fields::Fields;
use crate::filing::Filing;
use crate::messages::Message;
use crate::page::PageText;
use crate::pipeline::House;
use crate::steps;
use crate::store::DocumentRow;

/// Scores every truth that has a document; exit 1 if any is wrong and not held, or has none.
pub(crate) async fn evaluate(all: &Global, folder: &Path, again: bool) -> Result<u8> {
    let archive = super::archive::look(all).await?;
    let house = &archive.house;
    let truths = truths(folder)?;
    let mut documents: BTreeMap<String, DocumentRow> = BTreeMap::new();
    for row in house.store.documents(&house.ente_id, None).await? {
        let name = row.document.name.shown();
        // Of two inputs of one name the second waits as a duplicate: the first is the document.
        let is_better = documents.get(&name).is_none_or(|known| known.document.state == DocumentState::Duplicate);
        if is_better {
            documents.insert(name, row);
        }
    }
    let (mut scores, mut missing) = (Vec::new(), Vec::new());
    for (name, truth) in &truths {
        match documents.get(name) {
            Some(row) => scores.push(scored(house, row, (truth, folder), again).await?),
            None => missing.push(name.clone()),
        }
    }
    let figures = tally(&scores, missing);
    show(all, &scores, &figures);
    Ok(u8::from(!figures.is_good()))
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
    if truths.is_empty() {
        return Err(Error::new(Kind::Usage, "evaluate-no-truth").with("path", folder.display()));
    }
    Ok(truths)
}

async fn scored(house: &Arc<House>, row: &DocumentRow, (truth, folder): (&Truth, &Path), again: bool) -> Result<Score> {
    let id = row.document.id.as_str();
    let texts = steps::leaves::first(house, &row.document.id).await?.texts;
    let (fields, filing, state) = if again && !texts.is_empty() {
        let (fields, filing, open) = steps::anew::anew(house, row).await?;
        let state = if open.is_empty() { DocumentState::Ready } else { DocumentState::Held };
        (fields, Some(filing), state)
    } else {
        let fields: Option<Fields> = steps::fact(house, id, "fields").await?;
        let filing: Option<Filing> = steps::fact(house, id, "filing").await?;
        (fields.unwrap_or_default(), filing, row.document.state)
    };
    let text = match &truth.ground_truth_text {
        None => None,
        Some(name) => {
            let path = folder.join(name);
            Some(std::fs::read_to_string(&path).map_err(|e| Error::disk("read truth", &path, e))?)
        }
    };
    let read: Vec<String> = texts.iter().map(PageText::plain).collect();
    let seen = Seen { name: &row.document.name.shown(), state, fields: &fields, filing: filing.as_ref(), text: &read.join("\n") };
    Ok(score(&seen, truth, text.as_deref()))
}

fn show(all: &Global, scores: &[Score], figures: &Tally) {
    if all.json {
        output::line(&json!({"ok": figures.is_good(), "figures": figures, "documents": scores}).to_string());
        return;
    }
    let lines: Vec<Vec<String>> = scores
        .iter()
        .map(|score| {
            vec![
                score.name.clone(),
                tables::state(score.state, all.words()),
                chosen(score.tipo.as_ref()),
                chosen(score.voce.as_ref()),
                score.confidence.map_or_else(dash, |c| format!("{c:.2}")),
                score.recall.map_or_else(dash, |r| format!("{r:.3}")),
                if score.wrong.is_empty() { dash() } else { score.wrong.join(", ") },
            ]
        })
        .collect();
    let heads = ["head-name", "head-state", "head-tipo", "head-voce", "head-confidence", "head-recall", "head-wrong"];
    tables::table(&heads, &lines, all.words());
    output::line("");
    let rate = |(name, rate): (&&str, &Rate)| {
        let (precision, recall) = (format!("{:.3}", rate.precision), format!("{:.3}", rate.recall));
        vec![
            (*name).to_owned(),
            precision,
            recall,
            rate.hits.right.to_string(),
            rate.hits.read.to_string(),
            rate.hits.truth.to_string(),
        ]
    };
    let heads = ["head-field", "head-precision", "head-field-recall", "head-right", "head-read", "head-true"];
    tables::table(&heads, &figures.fields.iter().map(rate).collect::<Vec<_>>(), all.words());
    output::line("");
    let bin = |bin: &crate::evaluate::Bin| {
        vec![format!("≥ {:.1}", bin.from), bin.documents.to_string(), format!("{:.3}", bin.said), format!("{:.3}", bin.right)]
    };
    let heads = ["head-confidence", "head-documents", "head-said", "head-right-share"];
    tables::table(&heads, &figures.reliability.iter().map(bin).collect::<Vec<_>>(), all.words());
    output::line("");
    for line in closing(figures) {
        output::line(&output::clean(&line.sentence(all.words())));
    }
}

/// The last lines: accuracy of the choices, share held, wrong and not held, missing.
fn closing(figures: &Tally) -> Vec<Message> {
    let mut lines = Vec::new();
    for (name, accuracy) in [("tipo", figures.tipo), ("voce", figures.voce)] {
        if let Some(accuracy) = accuracy {
            let (first, acceptable) = (format!("{:.3}", accuracy.first), format!("{:.3}", accuracy.acceptable));
            lines.push(Message::new("evaluate-choice").with("field", name).with("first", first).with("acceptable", acceptable));
        }
    }
    let list = |names: &[String]| if names.is_empty() { dash() } else { names.join(", ") };
    let held = Message::new("evaluate-held").with("documents", figures.documents).with("held", format!("{:.3}", figures.held));
    lines.push(held);
    let wrong =
        Message::new("evaluate-wrong").with("count", figures.wrong_unheld.len()).with("names", list(&figures.wrong_unheld));
    lines.push(wrong);
    if !figures.missing.is_empty() {
        let count = figures.missing.len();
        lines.push(Message::new("evaluate-missing").with("count", count).with("names", list(&figures.missing)));
    }
    lines
}

fn dash() -> String {
    "—".to_owned()
}

fn chosen(choice: Option<&Choice>) -> String {
    choice.map_or_else(dash, |choice| {
        let sign = if choice.is_acceptable { "✓" } else { "✗" };
        format!("{sign} {}", choice.value.as_deref().unwrap_or("—"))
    })
}
