//! Are these lines to be trusted? `verdict`: keep them, ask Tesseract where the lines are, or leave it the whole page.
//!
//! What was read tells most of it: lines that are lines read with certainty, patterns and noise do not. The rest is told by
//! what was left over: marks in no line, lines over each other, pictures. The limits were set on generated pages in other
//! fonts, degraded pages and half of the scans, and are scored on others.

use super::{Found, Piece};
use crate::ocr::lstm::ReadLine;

/// What to do with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ocr) enum Verdict {
    /// Our lines are the page's.
    Keep,
    /// Its letters read well, its lines are doubtful: Tesseract's analysis finds them.
    Layout,
    /// Tesseract reads the page.
    Whole,
}

/// What the verdict goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::ocr) struct Figures {
    /// Mean confidence of the words kept, by their letters, 0 to 100.
    pub(in crate::ocr) confidence: f32,
    /// Share of the words kept that are under 50.
    pub(in crate::ocr) low: f32,
    /// Pieces that are no writing, per piece.
    pub(in crate::ocr) junk: f32,
    /// Dark pixels of such pieces, and of marks in no line, per dark pixel of lines.
    pub(in crate::ocr) lost: f32,
    /// Marks in no line, per part.
    pub(in crate::ocr) dropped: f32,
    /// Dark pixels of pictures, per dark pixel of lines.
    pub(in crate::ocr) pictures: f32,
    /// Pairs of lines over each other, per piece.
    pub(in crate::ocr) overlapping: f32,
    /// Share of the sheet that pictures cover.
    pub(in crate::ocr) covered: f32,
    /// Letters that stand one over the other.
    pub(in crate::ocr) stacked: u32,
    /// Words kept.
    pub(in crate::ocr) words: u32,
}

/// A piece with a mean confidence under this is no writing; one of few parts under the second, unless it is a number or a cross; one
/// without a letter or a digit under the third; a large one of few parts under the last.
const WRITING: f32 = 25.0;
const FEW_PARTS: (u32, f32) = (2, 60.0);
const SIGNS: f32 = 70.0;
const HUGE: (f32, u32, f32) = (1.8, 3, 75.0);
/// So is one whose best probabilities and whose confidence are both under these, and a short one under the third.
const DOUBTFUL: (f32, f32) = (0.6, 60.0);
const SHORT: (usize, f32) = (4, 35.0);
/// A word under this is doubtful.
pub(in crate::ocr) const LOW_WORD: f32 = 50.0;

/// Mean confidence of the words of a line; 0 where there are none.
fn confidence(line: &ReadLine) -> f32 {
    line.words.iter().map(|word| word.confidence).sum::<f32>() / line.words.len().max(1) as f32
}

/// True of what was read off a blot, a stroke of the pen, a part of a picture; `letter` is the usual height of letters.
pub(in crate::ocr) fn is_junk(piece: &Piece, line: &ReadLine, letter: f32) -> bool {
    let mean = confidence(line);
    let text = || line.words.iter().flat_map(|word| word.text.chars());
    // Numbers and crosses stand alone in cells and boxes.
    let is_alone = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '/' | 'X' | 'x');
    let is_entry = mean >= SHORT.1 && text().all(is_alone);
    mean < WRITING
        || (text().count() <= SHORT.0 && mean < SHORT.1)
        || (piece.parts <= FEW_PARTS.0 && mean < FEW_PARTS.1 && !is_entry)
        || (line.mean < DOUBTFUL.0 && mean < DOUBTFUL.1 && !is_entry)
        || (piece.small > HUGE.0 * letter && piece.parts <= HUGE.1 && mean < HUGE.2)
        || (!text().any(char::is_alphanumeric) && mean < SIGNS)
}

/// The figures of a page; `read` are its pieces' texts in the order of the pieces.
pub(in crate::ocr) fn figures(found: &Found, read: &[ReadLine]) -> Figures {
    let pieces: Vec<&Piece> = found.blocks.iter().flat_map(|block| &block.lines).flat_map(|line| &line.pieces).collect();
    let (mut letters, mut sum, mut words, mut low, mut junk, mut lost) = (0.0, 0.0, 0_u32, 0_u32, 0_u32, 0_u64);
    for (piece, line) in pieces.iter().zip(read) {
        if is_junk(piece, line, found.signs.letter) {
            junk += 1;
            lost += u64::from(piece.ink);
            continue;
        }
        for word in &line.words {
            let length = word.text.chars().count() as f32;
            letters += length;
            sum += length * word.confidence;
            words += 1;
            low += u32::from(word.confidence < LOW_WORD);
        }
    }
    let (ink, dropped, pictures) = found.signs.ink;
    let per = |count: f32, all: f32| count / all.max(1.0);
    Figures {
        confidence: if letters > 0.0 { sum / letters } else { 0.0 },
        low: per(low as f32, words as f32),
        junk: per(junk as f32, pieces.len() as f32),
        lost: per((lost + dropped) as f32, ink as f32),
        dropped: per(found.signs.dropped as f32, found.signs.parts as f32),
        pictures: per(pictures as f32, ink as f32),
        overlapping: per(found.signs.overlapping as f32, pieces.len() as f32),
        covered: found.signs.covered,
        stacked: found.signs.stacked,
        words,
    }
}

/// The verdict that the figures give.
pub(in crate::ocr) fn verdict(figures: &Figures) -> Verdict {
    let is_noise = figures.junk > NOISE.0 || figures.dropped > NOISE.1;
    let is_littered = (figures.junk > LITTER.0 && figures.lost > LITTER.1) || figures.lost > LITTER.2;
    // Beside pictures Tesseract's lines alone are no better than ours: what it makes of the page is.
    let is_other = is_noise || is_littered || figures.covered > COVERED || figures.stacked >= STACKED;
    if figures.words == 0 || figures.confidence < READ_WELL || figures.low > LOW_MOST || is_other {
        return Verdict::Whole;
    }
    if figures.overlapping > OVERLAPPING || figures.pictures > PICTURES {
        return Verdict::Layout;
    }
    Verdict::Keep
}

/// Mean confidence of a page whose lines are lines.
pub(in crate::ocr) const READ_WELL: f32 = 84.0;
/// Share of doubtful words from which a page is not ours.
pub(in crate::ocr) const LOW_MOST: f32 = 0.12;
/// Shares of pieces that are no writing, and of marks in no line, from which there is more noise than writing.
const NOISE: (f32, f32) = (0.5, 0.3);
/// Share of pieces that are no writing, with the share of ink that they are; and that share alone.
const LITTER: (f32, f32, f32) = (0.20, 0.05, 0.12);
/// Lines over each other, per piece.
const OVERLAPPING: f32 = 0.05;
/// Dark pixels of pictures and rules, per dark pixel of lines.
const PICTURES: f32 = 1.0;
/// Share of the sheet under pictures: writing may stand in them.
const COVERED: f32 = 0.1;
/// Letters of writing that runs up or down.
const STACKED: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Figures = Figures {
        confidence: 94.0,
        low: 0.01,
        junk: 0.02,
        lost: 0.005,
        dropped: 0.01,
        pictures: 0.1,
        overlapping: 0.0,
        covered: 0.0,
        stacked: 0,
        words: 300,
    };

    #[test]
    fn a_page_read_with_certainty_is_kept_and_each_doubt_alone_hands_it_over() {
        assert_eq!(verdict(&GOOD), Verdict::Keep);
        let whole = [
            Figures { words: 0, ..GOOD },
            Figures { confidence: READ_WELL - 1.0, ..GOOD },
            Figures { low: LOW_MOST + 0.01, ..GOOD },
            Figures { junk: NOISE.0 + 0.01, ..GOOD },
            Figures { dropped: NOISE.1 + 0.01, ..GOOD },
            Figures { junk: LITTER.0 + 0.01, lost: LITTER.1 + 0.01, ..GOOD },
            Figures { lost: LITTER.2 + 0.01, ..GOOD },
            Figures { covered: COVERED + 0.01, ..GOOD },
            Figures { stacked: STACKED, ..GOOD },
        ];
        assert!(whole.iter().all(|figures| verdict(figures) == Verdict::Whole));
        let layout = [Figures { overlapping: OVERLAPPING + 0.01, ..GOOD }, Figures { pictures: PICTURES + 0.1, ..GOOD }];
        assert!(layout.iter().all(|figures| verdict(figures) == Verdict::Layout));
        assert_eq!(verdict(&Figures { junk: LITTER.0 + 0.01, ..GOOD }), Verdict::Keep);
    }

    #[test]
    fn a_page_of_which_nothing_was_found_is_left_to_tesseract() {
        assert_eq!(verdict(&figures(&Found::default(), &[])), Verdict::Whole);
    }
}
