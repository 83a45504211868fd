//! How is a doubtful line read again? In a wider frame, twice at most: the reader then sees it smaller, and errs elsewhere.

use super::gate::is_junk;
use super::{Found, LineImage};
use crate::ocr::lstm::{ReadLine, ReadWord};

/// A line with a word under this is read again.
const DOUBTFUL: f32 = 86.0;
/// White put above and below, share of the height, and how much surer what is read must be, points of confidence by letter: the
/// first frame, and the second where the line is doubtful still. A stretch that is only a little surer is as often worse.
pub(in crate::ocr) const FRAMES: [(f32, f32); 2] = [(0.1, 6.0), (0.2, 8.0)];

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

/// Takes of a second reading the stretches between two gaps of both in which it is surer and has lost nothing: what is left out is
/// never doubtful.
pub(in crate::ocr) fn surer(first: &mut ReadLine, second: ReadLine, by: f32) {
    let mut words = Vec::with_capacity(first.words.len());
    let (mut ours, mut theirs) = (std::mem::take(&mut first.words).into_iter().peekable(), second.words.into_iter().peekable());
    while ours.peek().is_some() || theirs.peek().is_some() {
        let (one, other) = stretch(&mut ours, &mut theirs);
        let least = if one.is_empty() { ALONE } else { certainty(&one) + by };
        if certainty(&other) > least && letters(&other) + LOST_MOST >= letters(&one) {
            first.mean = first.mean.max(second.mean);
            words.extend(other);
        } else {
            words.extend(one);
        }
    }
    first.words = words;
}

type Words = std::iter::Peekable<std::vec::IntoIter<ReadWord>>;

/// The next words of either reading, as far as a word of one begins before the last of the other ends.
fn stretch(ours: &mut Words, theirs: &mut Words) -> (Vec<ReadWord>, Vec<ReadWord>) {
    // Neighbours touch in the middle of their gap: half a letter is no overlap.
    let inset = |word: &ReadWord| 0.5 * (word.end - word.start) / (word.text.chars().count().max(1) as f32);
    let begin = |word: &ReadWord| word.start + inset(word);
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let mut end = f32::INFINITY;
    loop {
        let is_ours = match (ours.peek(), theirs.peek()) {
            (Some(a), Some(b)) => begin(a) <= begin(b),
            (ours, _) => ours.is_some(),
        };
        let (words, side) = if is_ours { (&mut *ours, &mut one) } else { (&mut *theirs, &mut other) };
        let Some(word) = words.next_if(|word| begin(word) < end) else { break };
        let last = word.end - inset(&word);
        end = if end.is_finite() { end.max(last) } else { last };
        side.push(word);
    }
    (one, other)
}

/// How sure a second reading must be of a word where the first saw nothing.
const ALONE: f32 = 80.0;
/// Letters that a second reading may have less: one sign for two.
const LOST_MOST: usize = 1;

fn letters(words: &[ReadWord]) -> usize {
    words.iter().map(|word| word.text.chars().count()).sum()
}

/// Mean confidence by letter.
fn certainty(words: &[ReadWord]) -> f32 {
    let letters = |word: &ReadWord| word.text.chars().count() as f32;
    let sum: f32 = words.iter().map(|word| word.confidence * letters(word)).sum();
    sum / words.iter().map(letters).sum::<f32>().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn of_two_readings_each_stretch_is_taken_from_the_surer() {
        let of = |words: &[(&str, f32, f32)]| {
            let word = |(text, start, confidence): &(&str, f32, f32)| {
                let end = start + 10.0 * text.chars().count() as f32;
                ReadWord {
                    text: (*text).to_owned(),
                    start: *start,
                    end,
                    confidence: *confidence,
                    ..line("", 0.0).words[0].clone()
                }
            };
            ReadLine { words: words.iter().map(word).collect(), mean: 0.9 }
        };
        let text = |line: &ReadLine| line.words.iter().map(|word| word.text.clone()).collect::<Vec<_>>().join(" ");
        let mut first = of(&[("Vista", 0.0, 96.0), ("la", 60.0, 50.0), ("leggo", 90.0, 60.0), ("241", 150.0, 92.0)]);
        surer(&mut first, of(&[("Viste", 0.0, 70.0), ("la", 60.0, 50.0), ("legge", 90.0, 95.0), ("24l", 150.0, 60.0)]), 1.0);
        assert_eq!(text(&first), "Vista la legge 241");
        // Words run together in one reading and parted in the other are one stretch.
        let mut first = of(&[("perapertura", 0.0, 55.0), ("di", 130.0, 95.0)]);
        surer(&mut first, of(&[("per", 0.0, 90.0), ("apertura", 35.0, 94.0), ("di", 131.0, 80.0)]), 1.0);
        assert_eq!(text(&first), "per apertura di");
        // What the first did not see at all must be sure.
        let mut first = of(&[("di", 0.0, 95.0)]);
        surer(&mut first, of(&[("di", 0.0, 95.0), ("x", 90.0, 60.0)]), 1.0);
        assert_eq!(text(&first), "di");
    }

    #[test]
    fn a_frame_is_white_and_above_and_below_only() {
        let framed = framed(&LineImage { width: 3, height: 20, gray: vec![7; 60] }, FRAMES[1].0);
        assert_eq!((framed.width, framed.height, framed.gray.len()), (3, 28, 84));
        assert_eq!((framed.gray[11], framed.gray[12], framed.gray[71], framed.gray[72]), (255, 7, 7, 255));
    }
}
