//! What was read of the pieces, as words on the page: in lines, in blocks, without what is no writing.

use super::gate::is_junk;
use super::{Found, Piece};
use crate::ocr::doubt;
use crate::ocr::lstm::{ReadLine, ReadWord};
use crate::page::{Block, Line, Word};

/// What stands for a bullet, and how sure a round spot before a line is one.
const BULLET: &str = "•";
const SURE: f32 = 90.0;

/// The words of a page; `read` are its pieces' texts in the order of the pieces.
pub(in crate::ocr) fn blocks(found: &Found, read: &[ReadLine]) -> Vec<Block> {
    let (mut read, letter) = (read.iter(), found.signs.letter);
    let mut blocks = Vec::new();
    for block in &found.blocks {
        let mut lines = Vec::new();
        for line in &block.lines {
            let words: Vec<Word> =
                line.pieces.iter().zip(&mut read).flat_map(|(piece, read)| words(piece, read, letter)).collect();
            if !words.is_empty() {
                lines.push(Line { words });
            }
        }
        if !lines.is_empty() {
            blocks.push(Block { lines });
        }
    }
    blocks
}

/// The words of a piece; none of one that is no writing.
fn words(piece: &Piece, read: &ReadLine, letter: f32) -> Vec<Word> {
    if is_junk(piece, read, letter) {
        return Vec::new();
    }
    let joined = amount(&read.words);
    let words = joined.as_ref().unwrap_or(&read.words).iter();
    let placed = words.map(|word| doubt::word(word, piece.rect(word.start, word.end)));
    let mut words: Vec<Word> = placed.filter(|word| !word.text.is_empty()).collect();
    if let Some(rect) = piece.bullet.filter(|_| !words.is_empty()) {
        words.insert(0, Word { text: BULLET.to_owned(), rect, confidence: SURE, alternatives: Vec::new() });
    }
    words
}

/// An amount that stands alone and was read in two, `1.234, 56`: typewriters and fixed pitch put white after a comma.
fn amount(words: &[ReadWord]) -> Option<Vec<ReadWord>> {
    let [whole, cents] = words else { return None };
    let digits = whole.text.strip_suffix(',')?;
    let is_whole = !digits.is_empty() && digits.split('.').enumerate().all(|(at, group)| is_group(group, at));
    let is_amount = is_whole && cents.text.len() == 2 && cents.text.bytes().all(|c| c.is_ascii_digit());
    is_amount.then(|| {
        let glyphs = whole.glyphs.iter().chain(&cents.glyphs).cloned().collect();
        let confidence = whole.confidence.min(cents.confidence);
        let is_known = whole.is_known && cents.is_known;
        let text = format!("{}{}", whole.text, cents.text);
        vec![ReadWord { text, start: whole.start, end: cents.end, confidence, is_known, glyphs }]
    })
}

/// One to three digits at first, three in every group after a point.
fn is_group(group: &str, at: usize) -> bool {
    group.bytes().all(|c| c.is_ascii_digit()) && if at == 0 { (1..=3).contains(&group.len()) } else { group.len() == 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, start: f32) -> ReadWord {
        ReadWord { text: text.to_owned(), start, end: start + 40.0, confidence: 90.0, is_known: true, glyphs: Vec::new() }
    }

    #[test]
    fn an_amount_read_in_two_is_one_word_and_other_numbers_stay_two() {
        let joined = |a: &str, b: &str| amount(&[word(a, 0.0), word(b, 60.0)]).map(|words| words[0].text.clone());
        assert_eq!(joined("97.256,", "88").as_deref(), Some("97.256,88"));
        assert_eq!(joined("7,", "50").as_deref(), Some("7,50"));
        assert_eq!(joined("12,", "138"), None);
        assert_eq!(joined("1.23,", "50"), None);
        assert_eq!(joined("art.", "88"), None);
        assert_eq!(amount(&[word("12,", 0.0), word("13", 60.0), word("14", 120.0)]), None);
    }
}
