//! How is a doubtful line read again? In a wider frame, twice at most: the reader then sees it smaller, and errs elsewhere.

use super::gate::is_junk;
use super::{Found, LineImage};
use crate::ocr::lstm::ReadLine;

/// A line with a word under this is read again.
const DOUBTFUL: f32 = 86.0;
/// White put above and below, share of the height, and how much surer what is read must be, points of confidence by letter: the
/// first frame, and the second where the line is doubtful still.
pub(in crate::ocr) const FRAMES: [(f32, f32); 2] = [(0.1, 1.0), (0.2, 3.0)];

/// Numbers of the lines that are read again: what is no writing would only look more like it.
pub(in crate::ocr) fn doubtful(found: &Found, read: &[ReadLine]) -> Vec<usize> {
    let is_writing = found.pieces().zip(read).map(|(piece, line)| !is_junk(piece, line, found.signs.letter));
    is_writing.enumerate().filter(|(at, is_writing)| *is_writing && is_doubtful(&read[*at])).map(|(at, _)| at).collect()
}

pub(super) fn is_doubtful(line: &ReadLine) -> bool {
    line.words.iter().any(|word| word.confidence < DOUBTFUL)
}

/// The line with more white above and below; what is read of it stands where it stood.
pub(in crate::ocr) fn framed(line: &LineImage, frame: f32) -> LineImage {
    let rows = ((line.height as f32 * frame).round() as u32).max(1);
    let white = vec![255; (rows * line.width) as usize];
    let gray = [white.as_slice(), &line.gray, &white].concat();
    LineImage { width: line.width, height: line.height + 2 * rows, gray }
}

/// The second reading where it is the surer one, and has lost nothing: what is left out is never doubtful.
pub(in crate::ocr) fn surer(first: &mut ReadLine, second: ReadLine, by: f32) {
    if certainty(&second) > certainty(first) + by && letters(&second) + LOST_MOST >= letters(first) {
        *first = second;
    }
}

/// Letters that a second reading may have less: one sign for two.
const LOST_MOST: usize = 1;

fn letters(line: &ReadLine) -> usize {
    line.words.iter().map(|word| word.text.chars().count()).sum()
}

/// Mean confidence by letter.
fn certainty(line: &ReadLine) -> f32 {
    let letters = |word: &crate::ocr::lstm::ReadWord| word.text.chars().count() as f32;
    let sum: f32 = line.words.iter().map(|word| word.confidence * letters(word)).sum();
    sum / line.words.iter().map(letters).sum::<f32>().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::lstm::ReadWord;

    fn line(text: &str, confidence: f32) -> ReadLine {
        let word = ReadWord { text: text.to_owned(), start: 0.0, end: 9.0, confidence, is_known: false, glyphs: Vec::new() };
        ReadLine { words: vec![word], mean: 0.9 }
    }

    #[test]
    fn the_surer_reading_stays() {
        assert!(!is_doubtful(&line("a", 95.0)) && is_doubtful(&line("b", 60.0)));
        let mut first = line("Can", 60.0);
        surer(&mut first, line("Con", 60.5), 1.0);
        assert_eq!(first.words[0].text, "Can");
        surer(&mut first, line("Con", 90.0), 1.0);
        assert_eq!(first.words[0].text, "Con");
        // A surer reading of less is none.
        surer(&mut first, line("C", 97.0), 1.0);
        assert_eq!(first.words[0].text, "Con");
    }

    #[test]
    fn a_frame_is_white_and_above_and_below_only() {
        let framed = framed(&LineImage { width: 3, height: 20, gray: vec![7; 60] }, FRAMES[1].0);
        assert_eq!((framed.width, framed.height, framed.gray.len()), (3, 28, 84));
        assert_eq!((framed.gray[11], framed.gray[12], framed.gray[71], framed.gray[72]), (255, 7, 7, 255));
    }
}
