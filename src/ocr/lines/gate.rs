//! Are these lines to be trusted? `verdict`: keep them, ask Tesseract where the lines are, or leave it the whole page.
//!
//! What was read tells most of it: lines that are lines read with certainty, patterns and noise do not. The rest is told by
//! what was left over: marks in no line, lines over each other, pictures. The limits were set on generated pages in other
//! fonts, degraded pages and half of the scans, and are scored on others.

use super::{Found, Piece};
use crate::ocr::lstm::ReadLine;

/// What to do with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Our lines are the page's.
    Keep,
    /// Its letters read well, its lines are doubtful: Tesseract's analysis finds them.
    Layout,
    /// Tesseract reads the page.
    Whole,
}

/// What the verdict goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Mean confidence of the words kept, by their letters, 0 to 100.
    pub confidence: f32,
    /// Share of the words kept that are under 50.
    pub low: f32,
    /// Pieces that are no writing, per piece.
    pub junk: f32,
    /// Dark pixels of such pieces, and of marks in no line, per dark pixel of lines.
    pub lost: f32,
    /// Marks in no line, per part.
    pub dropped: f32,
    /// Dark pixels of pictures, per dark pixel of lines.
    pub pictures: f32,
    /// Pairs of lines over each other, per piece.
    pub overlapping: f32,
    /// Words kept.
    pub words: u32,
}

/// A piece with a mean confidence under this is no writing; a short one under the second; one without a letter or a digit
/// under the third.
const WRITING: f32 = 25.0;
const SHORT: (usize, f32) = (4, 35.0);
const SIGNS: f32 = 70.0;
/// A word under this is doubtful.
const LOW: f32 = 50.0;

/// Mean confidence of the words of a line; 0 where there are none.
fn confidence(line: &ReadLine) -> f32 {
    line.words.iter().map(|word| word.confidence).sum::<f32>() / line.words.len().max(1) as f32
}

/// True of what was read off a blot, a stroke of the pen, a part of a picture.
pub fn is_junk(line: &ReadLine) -> bool {
    let mean = confidence(line);
    let letters: usize = line.words.iter().map(|word| word.text.chars().count()).sum();
    let is_sign = !line.words.iter().any(|word| word.text.chars().any(char::is_alphanumeric));
    mean < WRITING || letters <= SHORT.0 && mean < SHORT.1 || is_sign && mean < SIGNS
}

/// The figures of a page; `read` are its pieces' texts in the order of the pieces.
pub fn figures(found: &Found, read: &[ReadLine]) -> Figures {
    let pieces: Vec<&Piece> = found.blocks.iter().flat_map(|block| &block.lines).flat_map(|line| &line.pieces).collect();
    let (mut letters, mut sum, mut words, mut low, mut junk, mut lost) = (0.0, 0.0, 0_u32, 0_u32, 0_u32, 0_u64);
    for (piece, line) in pieces.iter().zip(read) {
        if is_junk(line) {
            junk += 1;
            lost += u64::from(piece.ink);
            continue;
        }
        for word in &line.words {
            let length = word.text.chars().count() as f32;
            letters += length;
            sum += length * word.confidence;
            words += 1;
            low += u32::from(word.confidence < LOW);
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
        words,
    }
}

/// The verdict that the figures give.
pub fn verdict(figures: &Figures) -> Verdict {
    if figures.words == 0 || figures.confidence < 84.0 || figures.low > 0.12 || figures.dropped > 0.30 || figures.junk > 0.4 {
        return Verdict::Whole;
    }
    if figures.junk > 0.15 || figures.lost > 0.06 || figures.overlapping > 0.05 || figures.pictures > 0.6 {
        return Verdict::Layout;
    }
    Verdict::Keep
}
