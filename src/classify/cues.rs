//! Which cues does a document show? Phrases of the data files looked up in its words, forgiving one wrong letter.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use crate::fields::Fields;
use crate::page::{PageText, Rect};

/// Most words of a document that are looked at: its kind is told long before.
const TOKENS_MAX: usize = 20_000;
/// Lines of the first page that count as its head.
const HEAD_LINES: usize = 25;

/// Where in the document a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// A line in capitals among the first of the first page.
    Title,
    /// The oggetto.
    Oggetto,
    /// A short line among the first.
    Short,
    /// Any other line among the first.
    Head,
    /// The rest.
    Body,
}

/// A phrase to look for, and what it weighs.
#[derive(Debug, Clone)]
pub(super) struct Phrase {
    /// As written in the data, for the reasons.
    pub(super) text: String,
    pub(super) weight: f32,
    /// True of what may be a mere place (`scuola materna @`).
    pub(super) is_place: bool,
    /// Words by number; every part must be found, the first decides the place.
    parts: Vec<Vec<u32>>,
}

/// Every word of every phrase, by number.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    words: HashMap<String, u32>,
    prefixes: HashMap<String, u32>,
    by_length: Vec<Vec<(String, u32)>>,
    count: u32,
}

impl Lexicon {
    /// Takes a phrase of the data files in: `two words & beginn*:2.5`, `a place @:3`.
    pub(super) fn phrase(&mut self, source: &str, weight: f32) -> Phrase {
        let (text, weight) = match source.rsplit_once(':').map(|(text, w)| (text, w.parse::<f32>())) {
            Some((text, Ok(own))) => (text, own),
            _ => (source, weight),
        };
        let (text, is_place) = text.trim().strip_suffix('@').map_or((text, false), |place| (place, true));
        let parts = text.split('&').map(|part| part.split_whitespace().map(|word| self.number(word)).collect()).collect();
        Phrase { text: text.trim().to_owned(), weight, is_place, parts }
    }

    fn number(&mut self, word: &str) -> u32 {
        let next = self.count;
        let known = match word.strip_suffix('*') {
            Some(head) => *self.prefixes.entry(head.to_owned()).or_insert(next),
            None => *self.words.entry(word.to_owned()).or_insert(next),
        };
        if known == next {
            self.count += 1;
            if !word.ends_with('*') {
                if self.by_length.len() <= word.len() {
                    self.by_length.resize(word.len() + 1, Vec::new());
                }
                if let Some(list) = self.by_length.get_mut(word.len()) {
                    list.push((word.to_owned(), next));
                }
            }
        }
        known
    }

    /// The numbers that a word of a document answers to.
    fn meanings(&self, word: &str) -> Vec<u32> {
        let mut found: Vec<u32> = self.words.get(word).copied().into_iter().collect();
        found.extend((3..=word.len()).filter_map(|n| word.get(..n).and_then(|head| self.prefixes.get(head).copied())));
        if found.is_empty() && word.len() >= 6 && word.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let limit = if word.len() >= 11 { 2 } else { 1 };
            for length in word.len() - 1..=word.len() + 1 {
                let near = self.by_length.get(length).into_iter().flatten();
                found.extend(near.filter(|(known, _)| is_near(known, word, limit)).map(|(_, number)| *number));
            }
        }
        found
    }
}

/// True if the words differ in at most `limit` letters put, dropped or changed; figures must be equal.
fn is_near(a: &str, b: &str, limit: usize) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.iter().any(u8::is_ascii_digit) || (a.first() != b.first() && a.last() != b.last()) {
        return false;
    }
    let same_head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let same_tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let longest = a.len().max(b.len());
    longest.saturating_sub(same_head + same_tail) <= limit
}

#[derive(Debug, Clone, Copy)]
struct Token {
    page: u32,
    line: u32,
    /// Place in its line.
    offset: u32,
    zone: Zone,
    citing: bool,
    /// True of a noun of works or supplies.
    works: bool,
    /// True of a word that ties what follows to what stands before.
    ties: bool,
}

/// The words of one document, ready to be asked.
pub(super) struct Heard {
    tokens: Vec<Token>,
    places: HashMap<u32, Vec<u32>>,
    /// The box of each line, by its number.
    boxes: HashMap<u32, Rect>,
}

/// A phrase found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) page: u32,
    /// The box of its line.
    pub(super) rect: Option<Rect>,
    pub(super) zone: Zone,
    /// Place of its first word in the line.
    pub(super) offset: u32,
    /// True if a citing word stands right before it (`vista la deliberazione`).
    pub(super) cited: bool,
    /// True of what works or supplies are meant for (`sostituzione della caldaia della …`).
    pub(super) served: bool,
}

const CITING: [&str; 30] = [
    "vista",
    "visto",
    "visti",
    "viste",
    "richiamata",
    "richiamato",
    "richiamate",
    "avverso",
    "contro",
    "dalla",
    "con",
    "alla",
    "nella",
    "dell",
    "della",
    "precedente",
    "citata",
    "citato",
    "suddetta",
    "presente",
    "dal",
    "al",
    "cui",
    "relativa",
    "relativo",
    "relativi",
    "approvata",
    "approvato",
    "nominata",
    "esecutiva",
];

/// Beginnings of nouns of works on a building, of its plant and of supplies to it: what they are meant for is a place.
const WORKS: [&str; 32] = [
    "manutenzion",
    "sostituzion",
    "riparazion",
    "fornitur",
    "installazion",
    "offert",
    "preventiv",
    "tinteggiatur",
    "imbiancatur",
    "rifaciment",
    "ristrutturazion",
    "adeguament",
    "ampliament",
    "costruzion",
    "demolizion",
    "serrament",
    "infiss",
    "caldai",
    "generator",
    "impiant",
    "copertur",
    "pavimentazion",
    "pulizi",
    "lavor",
    "arred",
    "climatizza",
    "riscaldament",
    "illuminazion",
    "ascensor",
    "infiltrazion",
    "allacciament",
    "guast",
];
/// Words that tie a place to what is done there.
const TIES: [&str; 24] = [
    "di", "del", "dello", "della", "dell", "dei", "degli", "delle", "al", "allo", "alla", "all", "in", "nel", "nella", "nell",
    "per", "presso", "il", "la", "l", "i", "gli", "le",
];
/// Words before a place among which works are looked for.
const SERVED_WORDS: usize = 10;

impl Heard {
    /// Listens to the pages, and to the oggetto that was read from them.
    pub(super) fn of(pages: &[PageText], fields: &Fields, lexicon: &Lexicon) -> Self {
        let mut heard = Self { tokens: Vec::new(), places: HashMap::new(), boxes: HashMap::new() };
        let mut known: HashMap<String, Vec<u32>> = HashMap::new();
        let mut line_number = 0;
        if let Some(oggetto) = fields.oggetto.as_ref().filter(|o| !o.origin.starts_with("composed")) {
            heard.boxes.extend(oggetto.rect.map(|rect| (line_number, rect)));
            heard.line(&oggetto.value, (oggetto.page.unwrap_or(1), line_number, Zone::Oggetto), lexicon, &mut known);
        }
        let first = pages.iter().find(|p| p.word_count() > 0).map(|p| p.n);
        for page in pages {
            for (n, line) in page.lines().enumerate() {
                line_number += 1;
                heard.boxes.insert(line_number, line.rect());
                let text = line.text();
                let zone = if Some(page.n) == first && n < HEAD_LINES { head_zone(&text, line.words.len()) } else { Zone::Body };
                heard.line(&text, (page.n, line_number, zone), lexicon, &mut known);
            }
        }
        heard
    }

    fn line(
        &mut self,
        text: &str,
        (page, line, zone): (u32, u32, Zone),
        lexicon: &Lexicon,
        known: &mut HashMap<String, Vec<u32>>,
    ) {
        for (offset, word) in words(text).into_iter().enumerate() {
            if self.tokens.len() >= TOKENS_MAX {
                return;
            }
            let position = self.tokens.len() as u32;
            let citing = CITING.contains(&word.as_str());
            let (works, ties) = (WORKS.iter().any(|stem| word.starts_with(stem)), TIES.contains(&word.as_str()));
            self.tokens.push(Token { page, line, offset: offset as u32, zone, citing, works, ties });
            let meanings = known.entry(word).or_insert_with_key(|word| lexicon.meanings(word));
            for meaning in meanings.iter() {
                self.places.entry(*meaning).or_default().push(position);
            }
        }
    }

    /// Every place of a phrase; of a phrase in parts, those of its first part, if the others are there at all.
    pub(super) fn hits(&self, phrase: &Phrase) -> Vec<Hit> {
        let Some((first, others)) = phrase.parts.split_first() else { return Vec::new() };
        let starts = self.starts(first);
        if starts.is_empty() || others.iter().any(|part| self.starts(part).is_empty()) {
            return Vec::new();
        }
        starts.into_iter().filter_map(|at| self.hit(at)).collect()
    }

    fn hit(&self, at: u32) -> Option<Hit> {
        let index = at as usize;
        let token = self.tokens.get(index)?;
        let before = self.tokens.get(index.saturating_sub(3)..index).unwrap_or(&[]);
        let cited = before.iter().any(|t| t.citing && t.line == token.line);
        let rect = self.boxes.get(&token.line).copied();
        // A place at the end of one line may be tied to what the line before it says.
        let same = |t: &&Token| t.page == token.page && (t.zone == Zone::Oggetto) == (token.zone == Zone::Oggetto);
        let ahead = self.tokens.get(index.saturating_sub(SERVED_WORDS)..index).unwrap_or(&[]);
        // One word may stand between: `per l'asilo nido` is also a nido.
        let is_tied = ahead.iter().rev().take(2).filter(same).any(|t| t.ties);
        let served = is_tied && ahead.iter().filter(same).any(|t| t.works);
        Some(Hit { page: token.page, rect, zone: token.zone, offset: token.offset, cited, served })
    }

    fn starts(&self, part: &[u32]) -> Vec<u32> {
        let Some((first, rest)) = part.split_first() else { return Vec::new() };
        let follows = |at: u32| {
            rest.iter().zip(at + 1..).all(|(word, next)| self.places.get(word).is_some_and(|p| p.binary_search(&next).is_ok()))
        };
        self.places.get(first).into_iter().flatten().copied().filter(|&at| follows(at)).collect()
    }
}

/// A line in capitals is a title; a short line may be one.
fn head_zone(text: &str, words: usize) -> Zone {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = text.chars().filter(|c| c.is_uppercase()).count();
    if letters >= 3 && capitals * 10 >= letters * 7 && words <= 16 {
        Zone::Title
    } else if words <= 8 {
        Zone::Short
    } else {
        Zone::Head
    }
}

/// The words of a line: lower case, accents and marks dropped, apostrophes as blanks.
pub(super) fn words(text: &str) -> Vec<String> {
    let plain: String = text.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).flat_map(char::to_lowercase).collect();
    plain.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_letter_in_a_long_word_is_forgiven_and_figures_are_not() {
        assert!(is_near("deliberazione", "deliberazlone", 2));
        assert!(is_near("giunta", "giunla", 1));
        assert!(!is_near("giunta", "giusto", 1));
        assert!(!is_near("241", "242", 1));
    }

    #[test]
    fn words_lose_accents_and_apostrophes() {
        assert_eq!(words("L'ATTIVITÀ n° 241/1990"), ["l", "attivita", "n", "241", "1990"]);
    }
}
