//! How right is the house? One document held against its truth, and the figures of many.
//!
//! A document is *wrong and not held* if it went on without a person and a value that became metadata is another than the
//! truth's: registration, tipo, voce, sender, an oggetto that the page states, or a code that is not there. A value that
//! was not found is counted by recall; a registration, tipo or voce that is missing where there is one is wrong.

mod tally;
mod truth;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::document::DocumentState;
use crate::fields::{Fields, Party, Protocollo, Reading, Verso};
use crate::filing::Filing;

pub use tally::{Bin, Rate, Tally, tally};
pub use truth::{TrueProtocollo, Truth};

/// Share of words that two subjects must have in common to be the same (of all words of both).
const OGGETTO_SHARE: f64 = 0.95;

/// What the house made of one document.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Name of its input.
    pub name: &'a str,
    /// Where it stands.
    pub state: DocumentState,
    /// What was read; none of a document that never came so far.
    pub fields: &'a Fields,
    /// How it was filed.
    pub filing: Option<&'a Filing>,
    /// The words of its pages.
    pub text: &'a str,
}

/// Of one field of one document: how many values are right, how many were read, how many are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hits {
    /// Values read that are true.
    pub right: usize,
    /// Values read.
    pub read: usize,
    /// Values of the truth.
    pub truth: usize,
}

/// A choice among codes, held against those that are acceptable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The code proposed.
    pub value: Option<String>,
    /// True if it is the first of those acceptable.
    pub is_first: bool,
    /// True if it is one of them.
    pub is_acceptable: bool,
}

/// One document held against its truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Name of its input.
    pub name: String,
    /// Where it stands.
    pub state: DocumentState,
    /// True if it waits for a person.
    pub held: bool,
    /// Fields whose value is another than the truth's.
    pub wrong: Vec<&'static str>,
    /// Tipo, where the truth says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tipo: Option<Choice>,
    /// Voce, where the truth says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voce: Option<Choice>,
    /// Confidence of tipo and voce together.
    pub confidence: Option<f32>,
    /// The fields that the truth speaks of, by name.
    pub fields: Vec<(&'static str, Hits)>,
    /// Share of the true words that were read, where the truth has its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
}

impl Score {
    /// True if it went on without a person, and should not have.
    pub fn is_wrong_unheld(&self) -> bool {
        !self.held && !self.wrong.is_empty()
    }
}

/// Holds one document against its truth; `text` is the exact text, where there is one.
pub fn score(seen: &Seen<'_>, truth: &Truth, text: Option<&str>) -> Score {
    let mut wrong = Vec::new();
    let mut fields = Vec::new();
    if let Some(expected) = &truth.protocollo {
        let read = seen.fields.protocollo.as_ref().map(|p| &p.value);
        let hits = single(read, expected.as_ref(), is_registration);
        if hits.read > hits.right || hits.truth > hits.right {
            wrong.push("protocollo");
        }
        fields.push(("protocollo", hits));
    }
    if let (Some(expected), Some(true)) = (&truth.oggetto, truth.oggetto_sulla_pagina) {
        let hits = single(seen.fields.oggetto.as_ref().map(|o| &o.value), Some(expected), |a, b| shared(a, b) >= OGGETTO_SHARE);
        if hits.right == 0 {
            wrong.push("oggetto");
        }
        fields.push(("oggetto", hits));
    }
    for (name, party, expected) in
        [("mittente", &seen.fields.mittente, &truth.mittente), ("destinatario", &seen.fields.destinatario, &truth.destinatario)]
    {
        let Some(expected) = expected else { continue };
        let hits = single(party.as_ref().map(|p| &p.value), Some(expected), |a: &Party, b| is_party(&a.nome, b));
        let from_outside = seen.fields.protocollo.as_ref().is_none_or(|p| p.value.verso.is_none_or(|v| v == Verso::E));
        let is_other = party.as_ref().is_some_and(|p| !shares_a_word(&p.value.nome, expected));
        if name == "mittente" && from_outside && is_other {
            wrong.push(name);
        }
        fields.push((name, hits));
    }
    for (name, read, expected) in [
        ("codici_fiscali", &seen.fields.codici_fiscali, &truth.codici_fiscali),
        ("partite_iva", &seen.fields.partite_iva, &truth.partite_iva),
        ("iban", &seen.fields.iban, &truth.iban),
        ("cig", &seen.fields.cig, &truth.cig),
        ("cup", &seen.fields.cup, &truth.cup),
        ("targhe", &seen.fields.targhe, &truth.targhe),
        ("pec", &seen.fields.pec, &truth.pec),
    ] {
        let Some(expected) = expected else { continue };
        let hits = several(read, expected);
        if hits.read > hits.right {
            wrong.push(name);
        }
        fields.push((name, hits));
    }
    let tipo = choice(seen.filing.map(|f| f.tipo.value.as_str()), &truth.tipi_accettabili);
    let voce = choice(seen.filing.map(|f| f.voce.value.0.as_str()), &truth.voci());
    wrong.extend(tipo.as_ref().filter(|c| !c.is_acceptable).map(|_| "tipo"));
    wrong.extend(voce.as_ref().filter(|c| !c.is_acceptable).map(|_| "voce"));
    Score {
        name: seen.name.to_owned(),
        state: seen.state,
        held: waits(seen.state),
        wrong,
        tipo,
        voce,
        confidence: seen.filing.map(|f| f.confidence),
        fields,
        recall: text.map(|text| word_recall(text, seen.text)),
    }
}

/// True of a document that does not go on without a person.
fn waits(state: DocumentState) -> bool {
    matches!(state, DocumentState::Held | DocumentState::Refused | DocumentState::Duplicate)
}

fn single<A, B: ?Sized>(read: Option<&A>, truth: Option<&B>, same: impl Fn(&A, &B) -> bool) -> Hits {
    let right = read.zip(truth).is_some_and(|(read, truth)| same(read, truth));
    Hits { right: usize::from(right), read: usize::from(read.is_some()), truth: usize::from(truth.is_some()) }
}

fn several(read: &[Reading<String>], truth: &[String]) -> Hits {
    let read: BTreeSet<&str> = read.iter().map(|r| r.value.as_str()).collect();
    let truth: BTreeSet<&str> = truth.iter().map(String::as_str).collect();
    Hits { right: read.intersection(&truth).count(), read: read.len(), truth: truth.len() }
}

fn choice(value: Option<&str>, acceptable: &[String]) -> Option<Choice> {
    let first = acceptable.first()?;
    Some(Choice {
        value: value.map(str::to_owned),
        is_first: value == Some(first),
        is_acceptable: value.is_some_and(|value| acceptable.iter().any(|a| a == value)),
    })
}

/// Number and year; date and direction too, where both sides say them.
fn is_registration(read: &Protocollo, truth: &TrueProtocollo) -> bool {
    let number = |text: &str| text.trim_start_matches('0').to_owned();
    let verso = truth.verso.as_deref().and_then(truth::verso);
    number(&read.numero) == number(&truth.numero)
        && read.anno == truth.anno
        && truth.data.zip(read.data).is_none_or(|(a, b)| a == b)
        && verso.zip(read.verso).is_none_or(|(a, b)| a == b)
}

fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// Words in both, as a share of words in either.
fn shared(a: &str, b: &str) -> f64 {
    let (a, b) = (words(a), words(b));
    let all = a.union(&b).count();
    if all == 0 { 1.0 } else { a.intersection(&b).count() as f64 / all as f64 }
}

/// One name may be longer than the other (an office behind the body), but no word of the shorter is missing.
fn is_party(a: &str, b: &str) -> bool {
    let (a, b) = (words(a), words(b));
    a.is_subset(&b) || b.is_subset(&a)
}

/// True if a word that tells something stands in both names.
fn shares_a_word(a: &str, b: &str) -> bool {
    let (a, b) = (words(a), words(b));
    a.intersection(&b).any(|word| word.chars().count() >= 4)
}

/// Share of the true words (bag of lower-cased runs of letters, digits and `_`) that were read.
fn word_recall(truth: &str, read: &str) -> f64 {
    let bag = |text: &str| {
        let mut bag: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
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

#[cfg(test)]
mod tests;
