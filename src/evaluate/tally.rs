//! What do many documents say together? Precision and recall of each field, shares of right choices, of held ones, and
//! how honest the confidences are.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Choice, Hits, Score};

/// Bounds of the bins of the reliability table.
const BOUNDS: [f32; 7] = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01];

/// Precision and recall of a field.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Values counted.
    #[serde(flatten)]
    pub hits: Hits,
    /// Of the values read, the share that is true; 1 where none was read.
    pub precision: f64,
    /// Of the true values, the share that was read; 1 where there is none.
    pub recall: f64,
}

/// Shares of right choices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Documents whose truth says one.
    pub documents: usize,
    /// Share whose choice is the best.
    pub first: f64,
    /// Share whose choice is acceptable.
    pub acceptable: f64,
}

/// Documents of like confidence, and how many were right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Lowest confidence in it.
    pub from: f32,
    /// Documents in it.
    pub documents: usize,
    /// Mean of what was said.
    pub said: f64,
    /// Share that was right, tipo and voce both.
    pub right: f64,
}

/// The figures of many documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tally {
    /// Documents measured.
    pub documents: usize,
    /// Inputs of truth files of which the archive has no document.
    pub missing: Vec<String>,
    /// Share that waits for a person.
    pub held: f64,
    /// Names of those that went on and are wrong.
    pub wrong_unheld: Vec<String>,
    /// Fields by name.
    pub fields: BTreeMap<&'static str, Rate>,
    /// Choices of tipo.
    pub tipo: Option<Accuracy>,
    /// Choices of voce.
    pub voce: Option<Accuracy>,
    /// How honest the confidences of the filing are.
    pub reliability: Vec<Bin>,
    /// Mean share of the true words that were read.
    pub recall: Option<f64>,
}

impl Tally {
    /// True if every truth has its document and none is wrong and not held.
    pub fn is_good(&self) -> bool {
        self.missing.is_empty() && self.wrong_unheld.is_empty()
    }
}

/// The figures of all scores; `missing` are inputs without a document.
pub fn tally(scores: &[Score], missing: Vec<String>) -> Tally {
    let mut counted: BTreeMap<&'static str, Hits> = BTreeMap::new();
    for (name, hits) in scores.iter().flat_map(|score| &score.fields) {
        let all = counted.entry(name).or_insert(Hits { right: 0, read: 0, truth: 0 });
        *all = Hits { right: all.right + hits.right, read: all.read + hits.read, truth: all.truth + hits.truth };
    }
    let recalls: Vec<f64> = scores.iter().filter_map(|score| score.recall).collect();
    Tally {
        documents: scores.len(),
        missing,
        held: share(scores.iter().filter(|score| score.held).count(), scores.len()),
        wrong_unheld: scores.iter().filter(|score| score.is_wrong_unheld()).map(|score| score.name.clone()).collect(),
        fields: counted.into_iter().map(|(name, hits)| (name, rate(hits))).collect(),
        tipo: accuracy(scores.iter().filter_map(|score| score.tipo.as_ref())),
        voce: accuracy(scores.iter().filter_map(|score| score.voce.as_ref())),
        reliability: reliability(scores),
        recall: (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64),
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn rate(hits: Hits) -> Rate {
    let of = |whole| if whole == 0 { 1.0 } else { share(hits.right, whole) };
    Rate { hits, precision: of(hits.read), recall: of(hits.truth) }
}

fn accuracy<'a>(choices: impl Iterator<Item = &'a Choice>) -> Option<Accuracy> {
    let choices: Vec<&Choice> = choices.collect();
    let documents = choices.len();
    (documents > 0).then(|| Accuracy {
        documents,
        first: share(choices.iter().filter(|c| c.is_first).count(), documents),
        acceptable: share(choices.iter().filter(|c| c.is_acceptable).count(), documents),
    })
}

fn reliability(scores: &[Score]) -> Vec<Bin> {
    let judged: Vec<(f32, bool)> = scores.iter().filter_map(judged).collect();
    let bin = |pair: &[f32]| {
        let (from, to) = (*pair.first()?, *pair.get(1)?);
        let inside: Vec<&(f32, bool)> = judged.iter().filter(|(said, _)| *said >= from && *said < to).collect();
        let said = inside.iter().map(|(said, _)| f64::from(*said)).sum::<f64>() / inside.len().max(1) as f64;
        let right = share(inside.iter().filter(|(_, right)| *right).count(), inside.len());
        (!inside.is_empty()).then_some(Bin { from, documents: inside.len(), said, right })
    };
    BOUNDS.windows(2).filter_map(bin).collect()
}

/// The confidence of a filing, and whether it is right, where the truth says tipo or voce.
fn judged(score: &Score) -> Option<(f32, bool)> {
    let choices: Vec<&Choice> = score.tipo.iter().chain(&score.voce).collect();
    Some((score.confidence?, choices.iter().all(|c| c.is_acceptable))).filter(|_| !choices.is_empty())
}
