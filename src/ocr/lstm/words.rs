//! Which words are the letters, where do they stand, and how sure are they?

use super::beam::Letter;
use super::model::{BLANK, Charset};
use super::trace::Trace;
use super::{Glyph, ReadWord};

/// From the worst price of a word to its confidence: 100 + 5 x 7 x price, as Tesseract counts it.
const CERTAINTY: f32 = 7.0;
const CONFIDENCE: f32 = 5.0;
/// Other readings of a glyph: how many, and the least certainty worth telling.
const ALTERNATIVES: usize = 3;
const ALTERNATIVE: f32 = 0.01;

/// Pixels of the crop in one step of the network.
pub(super) type PixelsPerStep = f32;

/// The words of a line `width` pixels wide.
pub(super) fn words(letters: &[Letter], trace: &Trace, charset: &Charset, (step, width): (PixelsPerStep, f32)) -> Vec<ReadWord> {
    let mut words = Vec::new();
    let mut at = 0;
    for part in letters.split_inclusive(|letter| letter.character == BLANK) {
        let range = at..at + part.len();
        at = range.end;
        let (inner, after) = match part {
            [inner @ .., last] if last.character == BLANK => (inner, Some(last)),
            _ => (part, None),
        };
        let before = range.start.checked_sub(1).map(|blank| &letters[blank]);
        let worst = inner.iter().chain(before).chain(after).map(|letter| letter.certainty).fold(0.0, f32::min) * CERTAINTY;
        let is_known = inner.last().is_some_and(|letter| letter.is_known);
        if inner.is_empty() {
            continue;
        }
        // Between two characters, the border is in the middle between the end of one run and the start of the other.
        let border = |at: usize| match (at.checked_sub(1).map(|at| letters[at].end), letters.get(at).map(|next| next.start)) {
            (Some(end), Some(start)) => (end + start) as f32 / 2.0,
            (None, Some(start)) => start as f32,
            (Some(end), None) => end as f32,
            (None, None) => 0.0,
        };
        let place = |at: usize| (border(at) * step).clamp(0.0, width);
        let glyphs = inner.iter().enumerate().map(|(nth, letter)| {
            let at = range.start + nth;
            glyph(letter, trace, charset, (place(at), place(at + 1)))
        });
        let glyphs: Vec<Glyph> = glyphs.collect();
        let (Some(first), Some(last)) = (glyphs.first(), glyphs.last()) else { continue };
        words.push(ReadWord {
            text: glyphs.iter().map(|glyph| glyph.text.as_str()).collect(),
            start: first.start,
            end: last.end,
            confidence: (100.0 + CONFIDENCE * worst).clamp(0.0, 100.0),
            is_known,
            glyphs,
        });
    }
    words
}

fn glyph(letter: &Letter, trace: &Trace, charset: &Charset, (start, end): (f32, f32)) -> Glyph {
    let text = |class: u16| {
        let character = charset.of_class.get(usize::from(class)).copied().flatten()?;
        charset.chars.get(usize::from(character)).map(|char| char.text.clone())
    };
    let mut best: Vec<(u16, f32)> = Vec::new();
    let mut probability = 0.0_f32;
    for step in letter.start..letter.end {
        for (class, certainty) in trace.at(step).1 {
            if *class == letter.class {
                probability = probability.max(*certainty);
            } else if *certainty >= ALTERNATIVE {
                match best.iter_mut().find(|(other, _)| other == class) {
                    Some((_, other)) => *other = other.max(*certainty),
                    None => best.push((*class, *certainty)),
                }
            }
        }
    }
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    let alternatives = best.into_iter().filter_map(|(class, certainty)| Some((text(class)?, certainty)));
    Glyph {
        text: text(letter.class).unwrap_or_default(),
        start,
        end,
        probability,
        alternatives: alternatives.take(ALTERNATIVES).collect(),
    }
}
