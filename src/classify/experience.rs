//! What does experience say? The learned voice: one model of types, one of voci, over the same words.
//!
//! It is born knowing the seed corpus (`schemas/seed-corpus.txt`), which it learns when it is first asked; an archive that
//! has learned from its own filings has its own. It never hears the rules, nor they it: two voices that agree are two.

use std::sync::OnceLock;

use conserva_linear::{Bag, Example, Model, Seed, Split, Written, spelled};

use crate::fields::Fields;
use crate::filing::Voce;
use crate::page::PageText;

/// Lines of the first page among which a heading is looked for.
const HEAD_LINES: usize = 25;
/// Longest line that is a heading, words.
const HEADING_WORDS: usize = 14;
/// Pages that are listened to: the kind of a paper is told long before.
const PAGES: usize = 3;
/// Documents put together from each block of the seed corpus.
const DRAWN: usize = 10;
/// By how much scores of the models of the seed corpus are divided (types, voci): found with wordings that they had not
/// learned, and kept here so that every house says the same.
const TEMPERATURES: (f32, f32) = (0.6, 0.85);
/// Head of the bytes of an experience.
const HEAD: &[u8; 8] = b"exper.1\n";

/// What an archive has learned.
#[derive(Debug, Default)]
pub struct Experience {
    own: Option<Voice>,
}

#[derive(Debug)]
struct Voice {
    tipi: Model,
    voci: Model,
}

/// A filing that a person or the house's rules have confirmed.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// Tipo code.
    pub tipo: String,
    /// Voce.
    pub voce: Voce,
    bag: Bag,
}

impl Lesson {
    /// The lesson of a document filed so.
    pub fn of(pages: &[PageText], fields: &Fields, (tipo, voce): (&str, &Voce)) -> Self {
        let (heading, text) = words(pages, fields);
        Self { tipo: tipo.to_owned(), voce: voce.clone(), bag: Bag::of(&heading, &text) }
    }

    /// The lesson of a text with its heading.
    pub fn written(heading: &str, text: &str, (tipo, voce): (&str, &str)) -> Self {
        Self { tipo: tipo.to_owned(), voce: Voce(voce.to_owned()), bag: Bag::of(heading, text) }
    }
}

/// What the learned voice says of a document.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    /// Types, the surest first.
    pub(super) tipi: Vec<(String, f32)>,
    /// Voci, the surest first.
    pub(super) voci: Vec<(Voce, f32)>,
    /// How many words it has heard.
    pub(super) heard: usize,
    /// The words that speak for the first tipo.
    pub(super) tipo_words: Vec<String>,
    /// The words that speak for the first voce.
    pub(super) voce_words: Vec<String>,
}

impl Said {
    /// Confidence that it gives to a tipo.
    pub(super) fn of_tipo(&self, code: &str) -> f32 {
        self.tipi.iter().find(|(tipo, _)| tipo == code).map_or(0.0, |(_, confidence)| *confidence)
    }

    /// Confidence that it gives to a voce, among those that `is_known` lets through.
    pub(super) fn of_voce(&self, voce: &Voce, is_known: impl Fn(&Voce) -> bool) -> f32 {
        let all: f32 = self.voci.iter().filter(|(v, _)| is_known(v)).map(|(_, c)| c).sum();
        let own = self.voci.iter().find(|(v, _)| v == voce).map_or(0.0, |(_, confidence)| *confidence);
        if all > 0.0 { own / all } else { 0.0 }
    }
}

impl Experience {
    /// Learns `lessons` after what it knows.
    pub fn learn(&mut self, lessons: &[Lesson]) {
        let voice = self.own.get_or_insert_with(|| seed().copied());
        for (model, label) in [(&mut voice.tipi, label_tipo as fn(&Lesson) -> &str), (&mut voice.voci, label_voce)] {
            let examples: Vec<Example> = lessons
                .iter()
                .map(|lesson| Example { labels: vec![model.label(label(lesson))], bag: lesson.bag.clone() })
                .collect();
            model.learn(&examples);
        }
    }

    /// How many examples it has seen, those of the seed corpus among them.
    pub fn seen(&self) -> u64 {
        self.voice().tipi.seen()
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (tipi, voci) = (self.voice().tipi.to_bytes(), self.voice().voci.to_bytes());
        [&HEAD[..], &(tipi.len() as u64).to_le_bytes(), &tipi, &voci].concat()
    }

    /// The experience of those bytes; none of bytes that are not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(HEAD)?;
        let (length, rest) = rest.split_at_checked(8)?;
        let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (tipi, voci) = rest.split_at_checked(length)?;
        Some(Self { own: Some(Voice { tipi: Model::from_bytes(tipi)?, voci: Model::from_bytes(voci)? }) })
    }

    fn voice(&self) -> &Voice {
        self.own.as_ref().unwrap_or_else(|| seed())
    }

    /// What it says of a document.
    pub(super) fn said(&self, pages: &[PageText], fields: &Fields) -> Said {
        let (heading, text) = words(pages, fields);
        let bag = Bag::of(&heading, &text);
        if bag.is_empty() {
            return Said::default();
        }
        let known = spelled(&format!("{heading}\n{text}"));
        let (tipi, tipo_words) = opinion(&self.voice().tipi, &bag, &known);
        let (voci, voce_words) = opinion(&self.voice().voci, &bag, &known);
        let voci = voci.into_iter().map(|(voce, confidence)| (Voce(voce), confidence)).collect();
        let heard = text.split_whitespace().count();
        Said { tipi, voci, heard, tipo_words, voce_words }
    }
}

fn label_tipo(lesson: &Lesson) -> &str {
    &lesson.tipo
}

fn label_voce(lesson: &Lesson) -> &str {
    &lesson.voce.0
}

/// Labels with confidence, and the words that speak for the first.
fn opinion(model: &Model, bag: &Bag, known: &[(u32, String)]) -> (Vec<(String, f32)>, Vec<String>) {
    let ranked = model.ranked(bag);
    let mut words: Vec<String> = Vec::new();
    if let Some((first, _)) = ranked.first() {
        for (feature, _) in model.reasons(bag, *first) {
            let Ok(at) = known.binary_search_by_key(&feature, |(feature, _)| *feature) else { continue };
            let word = known.get(at).map_or("", |(_, word)| word.as_str());
            if word.len() > 3 && !words.iter().any(|said| said.contains(word) || word.contains(said.as_str())) {
                words.push(word.to_owned());
            }
            if words.len() == 4 {
                break;
            }
        }
    }
    let named =
        ranked.into_iter().map(|(label, confidence)| (model.labels().get(label).cloned().unwrap_or_default(), confidence));
    (named.collect(), words)
}

impl Voice {
    fn copied(&self) -> Self {
        Self { tipi: self.tipi.clone(), voci: self.voci.clone() }
    }
}

/// The heading (oggetto, short lines and capitals at the top of the first page) and the words of a document.
fn words(pages: &[PageText], fields: &Fields) -> (String, String) {
    let mut heading = String::new();
    if let Some(oggetto) = fields.oggetto.as_ref().filter(|o| !o.origin.starts_with("composed")) {
        heading.push_str(&oggetto.value);
    }
    let mut text = String::new();
    let written = pages.iter().filter(|page| page.word_count() > 0).take(PAGES);
    for (n, page) in written.enumerate() {
        for (at, line) in page.lines().enumerate() {
            let words = line.text();
            if n == 0 && at < HEAD_LINES && line.words.len() <= HEADING_WORDS && is_heading(&words) {
                heading.push('\n');
                heading.push_str(&words);
            }
            text.push('\n');
            text.push_str(&words);
        }
    }
    (heading, text)
}

/// True of a line mostly in capitals.
fn is_heading(line: &str) -> bool {
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = line.chars().filter(|c| c.is_uppercase()).count();
    letters >= 4 && capitals * 10 >= letters * 7
}

/// The seed corpus, read.
fn corpus() -> &'static Seed {
    static CORPUS: OnceLock<Seed> = OnceLock::new();
    CORPUS.get_or_init(|| {
        Seed::parse(include_str!("../../schemas/seed-corpus.txt")).unwrap_or_else(|line| {
            tracing::error!(line, "seed corpus unreadable");
            Seed::default()
        })
    })
}

/// The voice that has learned the seed corpus and nothing else.
fn seed() -> &'static Voice {
    static SEED: OnceLock<Voice> = OnceLock::new();
    SEED.get_or_init(|| {
        let (tipi, voci) = corpus().codes();
        let (mut tipi, mut voci) = (Model::new(tipi), Model::new(voci));
        let written = corpus().documents(Split::Taught, (DRAWN, 7));
        tipi.learn(&examples(&written, &mut tipi.clone(), |w| &w.tipo));
        voci.learn(&examples(&written, &mut voci.clone(), |w| &w.voce));
        tipi.set_temperature(TEMPERATURES.0);
        voci.set_temperature(TEMPERATURES.1);
        Voice { tipi, voci }
    })
}

fn examples(written: &[Written], model: &mut Model, label: fn(&Written) -> &String) -> Vec<Example> {
    let example = |w: &Written| Example { labels: vec![model.label(label(w))], bag: Bag::of(&w.heading, &w.text) };
    written.iter().filter(|w| !label(w).is_empty()).map(example).collect()
}
