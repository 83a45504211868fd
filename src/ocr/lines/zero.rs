//! Is a round sign between words a nought or the word `o`? The network sees its shape; how high it stands, the line knows.

use super::fit::CAPITAL;
use super::{Found, LineImage, Piece};
use crate::ocr::lstm::{ReadLine, ReadWord};

/// A word at or over this is left as it was read.
const SURE: f32 = 93.0;
/// How high the sign may stand at most, small letters: half way to a capital or a digit.
const HIGHEST: f32 = f32::midpoint(1.0, CAPITAL);
/// And at least: a full stop or a bullet is lower.
const LOWEST: f32 = 0.75;
/// Darker than this is ink.
const INK: u8 = 128;

/// Turns each lone `0` or `O` into `o` that is no higher than the small letters of its line and stands among words in small
/// letters. Figures of the old style are as low, but stand among figures, or are surely read.
pub(in crate::ocr) fn settle(found: &Found, images: &[LineImage], read: &mut [ReadLine]) {
    for ((piece, image), line) in found.pieces().zip(images).zip(read) {
        if piece.stand_is_sure() {
            for at in 0..line.words.len() {
                if is_round(&line.words[at]) && is_among_words(&line.words, at) && is_low(piece, image, &line.words[at]) {
                    let word = &mut line.words[at];
                    "o".clone_into(&mut word.text);
                    word.glyphs.iter_mut().for_each(|glyph| "o".clone_into(&mut glyph.text));
                }
            }
        }
    }
}

fn is_round(word: &ReadWord) -> bool {
    matches!(word.text.as_str(), "0" | "O") && word.confidence < SURE
}

/// True if the words on both sides, or the one where the line ends, are of small letters.
fn is_among_words(words: &[ReadWord], at: usize) -> bool {
    let is_word = |word: &ReadWord| {
        let text = word.text.trim_end_matches([',', ';', ':', '.']);
        text.chars().count() > 1 && text.chars().all(|c| c.is_lowercase() || matches!(c, '\'' | '’'))
    };
    let before = at.checked_sub(1).map(|at| is_word(&words[at]));
    let after = words.get(at + 1).map(is_word);
    (before.is_some() || after.is_some()) && before != Some(false) && after != Some(false)
}

fn is_low(piece: &Piece, image: &LineImage, word: &ReadWord) -> bool {
    let width = image.width as usize;
    let (from, to) = (word.start.max(0.0) as usize, (word.end.max(0.0) as usize).min(width));
    let top = image.gray.chunks_exact(width.max(1)).position(|row| row.get(from..to).is_some_and(|r| r.iter().any(|v| *v < INK)));
    top.is_some_and(|top| (LOWEST..=HIGHEST).contains(&((piece.up - top as f32) / piece.small)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Vec<ReadWord> {
        let word = |text: &&str| ReadWord {
            text: (*text).to_owned(),
            start: 0.0,
            end: 9.0,
            confidence: 73.0,
            is_known: false,
            glyphs: Vec::new(),
        };
        texts.iter().map(word).collect()
    }

    #[test]
    fn only_a_lone_round_sign_among_words_in_small_letters_may_be_the_word() {
        let among = |texts: &[&str], at| is_among_words(&words(texts), at);
        assert!(among(&["sito", "0", "area"], 1) && among(&["rete,", "O"], 1) && among(&["0", "altro"], 0));
        assert!(
            !among(&["n.", "0"], 1) && !among(&["12", "0", "area"], 1) && !among(&["0"], 0) && !among(&["totale", "0", "€"], 1)
        );
        let mut sure = words(&["0"]);
        assert!(is_round(&sure[0]));
        sure[0].confidence = SURE;
        assert!(!is_round(&sure[0]) && !is_round(&words(&["00"])[0]));
    }
}
