//! How likely is each type, and each voce? Scores of cues, and the confidence that their margin allows.

use super::cues::{Heard, Hit, Zone};
use super::tipi::{Knowledge, Tipo};
use crate::filing::Voce;
use crate::page::Rect;

/// A type with the cues that speak for it.
pub(super) struct Guess<'a> {
    pub(super) tipo: &'a Tipo,
    pub(super) score: f32,
    pub(super) confidence: f32,
    /// The strongest title cue: its words and page.
    pub(super) title: Option<(&'a str, u32)>,
    /// The box of its line.
    pub(super) rect: Option<Rect>,
    /// Structure cues found, heaviest first as written in the data.
    pub(super) structure: Vec<&'a str>,
}

/// How much a title cue counts where it stands. In the body it counts nothing: acts cite other acts all the time.
fn title_factor(hit: &Hit) -> f32 {
    let early = hit.offset <= 2;
    match hit.zone {
        Zone::Title if early => 1.0,
        Zone::Oggetto if early && !hit.cited => 0.95,
        Zone::Title if !hit.cited => 0.8,
        Zone::Short if early && !hit.cited => 0.8,
        Zone::Oggetto if !hit.cited => 0.55,
        Zone::Short if !hit.cited => 0.4,
        Zone::Head if early && !hit.cited => 0.35,
        Zone::Title | Zone::Oggetto => 0.3,
        Zone::Head if !hit.cited => 0.2,
        Zone::Short | Zone::Head | Zone::Body => 0.0,
    }
}

/// All types with any cue, best first.
pub(super) fn tipi<'a>(heard: &Heard, knowledge: &'a Knowledge) -> Vec<Guess<'a>> {
    let mut guesses: Vec<Guess<'a>> = knowledge.tipi.iter().map(|tipo| guess(heard, tipo)).filter(|g| g.score > 0.0).collect();
    guesses.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.tipo.code.cmp(&b.tipo.code)));
    let confidences: Vec<f32> = guesses.iter().map(|g| confidence(g, &guesses)).collect();
    for (guess, confidence) in guesses.iter_mut().zip(confidences) {
        guess.confidence = confidence;
    }
    guesses
}

fn guess<'a>(heard: &Heard, tipo: &'a Tipo) -> Guess<'a> {
    let mut titles: Vec<(f32, &'a str, Hit)> = Vec::new();
    for phrase in &tipo.titles {
        let best = heard
            .hits(phrase)
            .into_iter()
            .map(|hit| (title_factor(&hit) * phrase.weight, hit))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((worth, hit)) = best.filter(|(worth, _)| *worth > 0.0) {
            titles.push((worth, phrase.text.as_str(), hit));
        }
    }
    titles.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = titles.first().map_or(0.0, |t| t.0);
    let second = titles.get(1).map_or(0.0, |t| t.0);
    let mut structure = Vec::new();
    let mut built = 0.0_f32;
    for phrase in &tipo.structure {
        if !heard.hits(phrase).is_empty() {
            built += phrase.weight;
            structure.push(phrase.text.as_str());
        }
    }
    let against: f32 = tipo
        .against
        .iter()
        .map(|phrase| heard.hits(phrase).iter().map(|hit| phrase.weight * against_factor(hit)).fold(0.0_f32, f32::max))
        .sum();
    let raw = if best > 0.0 { best + second.min(1.0) * 0.25 + built.min(4.0) * 0.45 } else { built.min(5.0) * 0.2 };
    let title = titles.first().map(|t| (t.1, t.2.page));
    let rect = titles.first().and_then(|t| t.2.rect);
    Guess { tipo, score: raw - against * 0.6, confidence: 0.0, title, rect, structure }
}

fn against_factor(hit: &Hit) -> f32 {
    match hit.zone {
        Zone::Title | Zone::Oggetto => 1.0,
        Zone::Short => 0.8,
        Zone::Head => 0.4,
        Zone::Body => 0.25,
    }
}

/// Confidence from how much speaks for a type, and how far the next rival is. A title without structure, or structure
/// without a title, never reaches the threshold of a filing without a person.
fn confidence(guess: &Guess<'_>, all: &[Guess<'_>]) -> f32 {
    let rival = all
        .iter()
        .filter(|other| !other.tipo.is_kin(guess.tipo) && (guess.tipo.fallback || !other.tipo.fallback))
        .map(|other| other.score)
        .fold(0.0_f32, f32::max);
    let strength = guess.score / (guess.score + 0.7);
    let margin = ((guess.score - rival) / 1.2).clamp(-1.0, 1.0);
    let both = guess.title.is_some() && !guess.structure.is_empty();
    let ceiling = match (guess.title.is_some(), guess.structure.is_empty()) {
        (true, false) => 1.0,
        (true, true) => 0.5,
        (false, _) => 0.35,
    };
    let weak_title = if both && guess.score < 2.0 { 0.8 } else { 1.0 };
    (strength * (0.65 + 0.35 * margin) * weak_title).clamp(0.0, ceiling)
}

/// What is left of the weight of a place that works or supplies are meant for: they are the matter.
const PLACE: f32 = 0.3;
/// The highest confidence of a voce that rests on such a place: below any sensible threshold.
pub(super) const PLACE_CONFIDENCE: f32 = 0.45;

/// A voce with the words that speak for it.
pub(super) struct Subject<'a> {
    pub(super) voce: &'a Voce,
    pub(super) score: f32,
    pub(super) words: Vec<&'a str>,
    pub(super) page: u32,
    /// The box of the line of its strongest word.
    pub(super) rect: Option<Rect>,
    /// True if its strongest word may be no more than the place that works or supplies are meant for.
    pub(super) is_place: bool,
}

/// All voci with any word, best first.
pub(super) fn subjects<'a>(heard: &Heard, knowledge: &'a Knowledge) -> Vec<Subject<'a>> {
    let mut found: Vec<Subject<'a>> = Vec::new();
    for (voce, phrases) in &knowledge.subjects {
        let mut worths: Vec<(f32, &'a str, Hit, bool)> = Vec::new();
        for phrase in phrases {
            let hits = heard.hits(phrase);
            let Some(first) = hits.first() else { continue };
            let is_place = |hit: &Hit| phrase.is_place && hit.served;
            let factor = |hit: &Hit| subject_factor(hit.zone) * if is_place(hit) { PLACE } else { 1.0 };
            let best = hits.iter().map(factor).fold(0.0_f32, f32::max);
            let again = 0.15 * (hits.len().min(4) - 1) as f32;
            worths.push((phrase.weight * (best + again), phrase.text.as_str(), *first, hits.iter().any(is_place)));
        }
        worths.sort_by(|a, b| b.0.total_cmp(&a.0));
        // Many weak words do not outweigh a few strong ones: each next word counts a little less.
        let score: f32 = worths.iter().zip(0..).map(|((worth, ..), n)| worth / (1.0 + 0.25 * n as f32)).sum();
        if let Some((_, _, hit, is_place)) = worths.first() {
            let (page, rect, is_place) = (hit.page, hit.rect, *is_place);
            let words = worths.iter().take(4).map(|(_, text, ..)| *text).collect();
            found.push(Subject { voce, score, words, page, rect, is_place });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.voce.cmp(b.voce)));
    found
}

fn subject_factor(zone: Zone) -> f32 {
    match zone {
        Zone::Oggetto => 2.2,
        Zone::Title => 1.5,
        Zone::Short => 0.8,
        Zone::Head => 0.7,
        Zone::Body => 0.5,
    }
}

/// Confidence of the best subject, by its weight and its margin over the next.
pub(super) fn subject_confidence(best: f32, next: f32) -> f32 {
    let strength = best / (best + 1.5);
    let margin = ((best - next) / (best * 0.5).max(0.5)).clamp(0.0, 1.0);
    (strength * (0.6 + 0.4 * margin)).clamp(0.0, 1.0)
}
