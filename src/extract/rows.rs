//! Where do words stand? The lines of a document folded for matching, with the way back to words, boxes and confidence.

use std::ops::Range;
use std::sync::OnceLock;

use regex::{Captures, Regex};
use unicode_normalization::UnicodeNormalization as _;

use crate::fields::Reading;
use crate::page::{PageText, Rect};

/// Most rows looked at: a longer document says nothing new about its own registration.
const ROWS_MAX: usize = 20_000;

/// A regular expression that is compiled once; one that does not compile matches nothing (tests see to that).
pub(super) struct Pattern {
    source: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(super) const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| Regex::new(self.source).map_err(|error| tracing::error!(%error, "pattern does not compile")).ok())
            .as_ref()
    }

    pub(super) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex()?.captures(text)
    }

    pub(super) fn all<'t>(&self, text: &'t str) -> Vec<Captures<'t>> {
        self.regex().map_or_else(Vec::new, |regex| regex.captures_iter(text).collect())
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }
}

/// One word inside a row.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) span: Range<usize>,
    pub(super) rect: Rect,
    pub(super) confidence: f32,
    /// What else the engine thought of: the place in the row, and the character as it would be read there.
    pub(super) alternatives: Vec<(usize, char)>,
}

/// One line: its characters, the same folded to ASCII one for one, and its words.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) page: u32,

    /// Position in the page's reading order, from 0.
    pub(super) at: usize,
    pub(super) chars: Vec<char>,
    /// Lower case ASCII, one byte for each of `chars`: an offset in one is an offset in the other.
    pub(super) fold: String,
    pub(super) pieces: Vec<Piece>,
    /// The box as it stands on the upright page.
    pub(super) upright: Rect,
    pub(super) origin: String,
    /// True of what was cut from the words beside it as a stamp's.
    pub(super) is_stamps: bool,
}

impl Row {
    /// The characters of a span, as read.
    pub(super) fn slice(&self, span: Range<usize>) -> String {
        self.chars.get(span).map_or_else(String::new, |chars| chars.iter().collect())
    }

    pub(super) fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// Letters, and how many of them are capitals.
    pub(super) fn is_capitals(&self) -> bool {
        let letters = self.chars.iter().filter(|c| c.is_alphabetic()).count();
        let capitals = self.chars.iter().filter(|c| c.is_uppercase()).count();
        letters >= 3 && capitals * 10 >= letters * 8
    }
}

/// A place in the text: a row and a span of it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) span: Range<usize>,
}

/// All rows of a document.
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
}

impl Rows {
    pub(super) fn of(pages: &[PageText]) -> Self {
        let mut rows = Vec::new();
        for page in pages {
            let mut at = 0;
            for lines in &page.blocks {
                for line in &lines.lines {
                    if rows.len() >= ROWS_MAX {
                        return Self { rows };
                    }
                    if let Some(row) = row(page, at, line) {
                        rows.push(row);
                        at += 1;
                    }
                }
            }
        }
        Self { rows }
    }

    /// A reading of `value` that stands in `places` (all on the page of the first).
    pub(super) fn reading<T>(&self, value: T, places: &[Place], rule: &str, strength: f32) -> Reading<T> {
        let first = places.first().and_then(|place| self.rows.get(place.row));
        let page = first.map(|row| row.page);
        let mut rect = Rect::default();
        let (mut sum, mut count) = (0.0_f32, 0.0_f32);
        for place in places {
            let Some(row) = self.rows.get(place.row).filter(|row| Some(row.page) == page) else { continue };
            // Marks without a letter or figure (a stamp's frame) are no part of a value.
            let says = |p: &&Piece| row.slice(p.span.clone()).chars().any(char::is_alphanumeric);
            let inside = |p: &&Piece| p.span.start < place.span.end && place.span.start < p.span.end;
            for piece in row.pieces.iter().filter(inside).filter(says) {
                rect = rect.union(piece.rect);
                sum += piece.confidence;
                count += 1.0;
            }
        }
        let words = if count > 0.0 { (sum / count / 100.0).clamp(0.0, 1.0) } else { 0.0 };
        let origin = format!("rule {rule} ({})", first.map_or("", |row| row.origin.as_str()));
        Reading { value, confidence: (words * strength).clamp(0.0, 1.0), origin, page, rect: Some(rect), second: None }
    }

    /// Mean confidence, 0 to 1, of the words with figures in `places`; none where there are none.
    pub(super) fn figures(&self, places: &[Place]) -> Option<f32> {
        let (mut sum, mut count) = (0.0_f32, 0.0_f32);
        for place in places {
            let Some(row) = self.rows.get(place.row) else { continue };
            for piece in row.pieces.iter().filter(|p| p.span.start < place.span.end && place.span.start < p.span.end) {
                if row.slice(piece.span.clone()).bytes().filter(u8::is_ascii_digit).count() >= 2 {
                    sum += piece.confidence;
                    count += 1.0;
                }
            }
        }
        (count > 0.0).then(|| (sum / count / 100.0).clamp(0.0, 1.0))
    }

    /// The rows before `row` on the same page, nearest first.
    pub(super) fn before(&self, row: usize) -> impl Iterator<Item = &Row> {
        let page = self.rows.get(row).map(|r| r.page);
        self.rows.iter().take(row).rev().take_while(move |r| Some(r.page) == page)
    }

    /// The rows after `row` on the same page, nearest first.
    pub(super) fn after(&self, row: usize) -> impl Iterator<Item = &Row> {
        let page = self.rows.get(row).map(|r| r.page);
        self.rows.iter().skip(row + 1).take_while(move |r| Some(r.page) == page)
    }

    /// Rows that stand in the same column as `row`, at most `pitch` line heights above or below: what a stamp is made of.
    pub(super) fn around(&self, row: usize, pitch: f32) -> Vec<usize> {
        let Some(centre) = self.rows.get(row) else { return Vec::new() };
        let reach = centre.upright.h.max(8) as f32 * pitch;
        let near = |r: &Row| {
            let (a, b) = (r.upright, centre.upright);
            let overlap = (a.x + a.w).min(b.x + b.w) > a.x.max(b.x);
            let gap = if a.y > b.y { a.y.saturating_sub(b.y + b.h) } else { b.y.saturating_sub(a.y + a.h) };
            overlap && gap as f32 <= reach
        };
        let same_page = |r: &Row| r.page == centre.page;
        (0..self.rows.len()).filter(|&i| i != row && self.rows.get(i).is_some_and(|r| same_page(r) && near(r))).collect()
    }
}

fn row(page: &PageText, at: usize, line: &crate::page::Line) -> Option<Row> {
    let mut chars: Vec<char> = Vec::new();
    let mut pieces = Vec::new();
    for word in &line.words {
        let text: Vec<char> = spelled(&word.text);
        if text.is_empty() {
            continue;
        }
        if !chars.is_empty() {
            chars.push(' ');
        }
        let start = chars.len();
        // Where spelling changed the number of characters, their places are no longer those of the engine.
        let is_same = text.len() == word.text.chars().count();
        let others = word.alternatives.iter().filter(|other| is_same && usize::from(other.at) < text.len());
        let alternatives = others.map(|other| (start + usize::from(other.at), other.character)).collect();
        chars.extend(text);
        let confidence = if is_digital(&page.origin) { 100.0 } else { word.confidence };
        pieces.push(Piece { span: start..chars.len(), rect: word.rect, confidence, alternatives });
    }
    if pieces.is_empty() {
        return None;
    }
    let fold = chars.iter().map(|&c| folded(c)).collect();
    let rect = pieces.iter().fold(Rect::default(), |all, p| all.union(p.rect));
    let upright = upright(rect, page);
    Some(Row { page: page.n, at, chars, fold, pieces, upright, origin: page.origin.clone(), is_stamps: false })
}

/// True of text that the file itself carries: it is data, exact to the character, not a reading of a picture.
pub(super) fn is_digital(origin: &str) -> bool {
    origin.contains("-text")
}

fn spelled(word: &str) -> Vec<char> {
    let composed: String = word.trim().nfc().collect();
    composed
        .chars()
        .flat_map(|c| if ('\u{fb00}'..='\u{fb06}').contains(&c) { c.nfkc().collect::<Vec<_>>() } else { vec![c] })
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect()
}

/// One character as lower case ASCII: accents dropped, typographic marks as plain ones, the rest `?`.
pub(super) fn folded(c: char) -> char {
    match c {
        '’' | '‘' | '´' | '`' | '′' => '\'',
        '–' | '—' | '‐' | '‑' | '−' => '-',
        '“' | '”' | '«' | '»' | '„' => '"',
        '°' | 'º' | 'ª' => '.',
        '€' => '$',
        '£' => '#',
        c if c.is_ascii() => c.to_ascii_lowercase(),
        c => c.to_lowercase().next().and_then(|l| l.nfd().next()).filter(char::is_ascii).unwrap_or('?'),
    }
}

/// Folds a whole text, blanks and line ends kept.
pub(super) fn fold(text: &str) -> String {
    text.nfc().map(|c| if c.is_whitespace() { ' ' } else { folded(c) }).collect()
}

/// A box as it stands on the upright page.
pub(super) fn upright(rect: Rect, page: &PageText) -> Rect {
    let (width, height) = (page.width, page.height);
    match page.rotation % 360 {
        90 => Rect { x: height.saturating_sub(rect.y + rect.h), y: rect.x, w: rect.h, h: rect.w },
        180 => Rect { x: width.saturating_sub(rect.x + rect.w), y: height.saturating_sub(rect.y + rect.h), w: rect.w, h: rect.h },
        270 => Rect { x: rect.y, y: width.saturating_sub(rect.x + rect.w), w: rect.h, h: rect.w },
        _ => rect,
    }
}

/// Distance of two words in edits (insert, delete, replace), at most `limit` + 1.
pub(super) fn distance(a: &str, b: &str, limit: usize) -> usize {
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = i;
        let mut above = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let Some(cell) = row.get_mut(j + 1) else { break };
            let value = (corner + usize::from(x != y)).min(above + 1).min(*cell + 1);
            corner = *cell;
            *cell = value;
            above = value;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(limit + 1)
}

/// True if a word of `text` (folded) is `word` but for one edit in six letters.
pub(super) fn has_word_like(text: &str, word: &str) -> bool {
    let limit = word.len() / 6;
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|w| w == word || (w.len() >= 5 && distance(w, word, limit) <= limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_one_byte_for_each_character() {
        for text in ["È già là", "n° 12 – “x” € 3 £ 漢", "ß Ω ﬁ"] {
            assert_eq!(fold(text).len(), text.nfc().count(), "{text}");
            assert!(fold(text).is_ascii());
        }
    }

    #[test]
    fn one_wrong_letter_in_six_is_forgiven() {
        assert!(has_word_like("- arr1vo", "arrivo"));
        assert!(has_word_like("partemza", "partenza"));
        assert!(!has_word_like("arrosto", "arrivo"));
    }
}
