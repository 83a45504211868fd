//! What else may a doubtful word say? The characters that the reader thought of besides, few and only where the word is not sure:
//! a check digit may prove one of them.

use super::lstm::ReadWord;
use super::tesseract::folded;
use crate::page::{Alternative, Rect, Word};

/// A word at or over this is not doubtful: of those, some two in a hundred are wrong.
const SURE: f32 = 93.0;
/// Most alternatives of one character, and of one word.
const PER_CHARACTER: usize = 3;
const PER_WORD: usize = 24;
/// The least probability worth telling; digits behind the point that are told.
const LEAST: f32 = 0.01;
const DIGITS: f32 = 1000.0;

/// A word read, at its place.
pub(super) fn word(read: &ReadWord, rect: Rect) -> Word {
    let text = folded(&read.text);
    // Where characters were composed or taken apart, their numbers are no longer those of the glyphs.
    let is_same = text == read.text;
    let alternatives = if is_same && read.confidence < SURE { alternatives(read) } else { Vec::new() };
    Word { text, rect, confidence: read.confidence, alternatives }
}

fn alternatives(read: &ReadWord) -> Vec<Alternative> {
    let mut found = Vec::new();
    let mut at = 0_u16;
    for glyph in &read.glyphs {
        let count = u16::try_from(glyph.text.chars().count()).unwrap_or(u16::MAX);
        for (text, probability) in glyph.alternatives.iter().filter(|(_, p)| count == 1 && *p >= LEAST).take(PER_CHARACTER) {
            let mut characters = text.chars().filter(|c| !c.is_whitespace());
            if let (Some(character), None) = (characters.next(), characters.next()) {
                found.push(Alternative { at, character, probability: (probability * DIGITS).round() / DIGITS });
            }
        }
        at = at.saturating_add(count);
    }
    // Of too many, the most probable.
    if found.len() > PER_WORD {
        found.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        found.truncate(PER_WORD);
        found.sort_by_key(|alternative| alternative.at);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::lstm::Glyph;

    fn read(text: &str, confidence: f32, alternatives: &[(&str, f32)]) -> ReadWord {
        let alternatives: Vec<_> = alternatives.iter().map(|(text, p)| ((*text).to_owned(), *p)).collect();
        let glyph =
            |c: char| Glyph { text: c.to_string(), start: 0.0, end: 9.0, probability: 0.6, alternatives: alternatives.clone() };
        let glyphs = text.chars().map(glyph).collect();
        ReadWord { text: text.to_owned(), start: 0.0, end: 9.0, confidence, is_known: false, glyphs }
    }

    #[test]
    fn only_a_doubtful_word_carries_alternatives_and_only_so_many() {
        let four = [("0", 0.3), ("Q", 0.2), ("D", 0.1), ("C", 0.05)];
        assert!(word(&read("OO", SURE, &four), Rect::default()).alternatives.is_empty());
        let doubtful = word(&read("OO", SURE - 1.0, &four), Rect::default()).alternatives;
        let found: String = doubtful.iter().map(|alternative| alternative.character).collect();
        assert_eq!(found, "0QD0QD");
        assert_eq!(doubtful[3].at, 1);
        let long = "O".repeat(PER_WORD);
        assert_eq!(word(&read(&long, 50.0, &four), Rect::default()).alternatives.len(), PER_WORD);
        // What is improbable, a blank, or more than one character is none.
        assert!(word(&read("O", 50.0, &[(" ", 0.3), ("rn", 0.2), ("0", 0.001)]), Rect::default()).alternatives.is_empty());
    }

    #[test]
    fn a_word_whose_characters_were_put_together_carries_none() {
        let word = word(&read("\u{fb01}ne", 50.0, &[("h", 0.2)]), Rect::default());
        assert_eq!(word.text, "fine");
        assert!(word.alternatives.is_empty());
    }
}
