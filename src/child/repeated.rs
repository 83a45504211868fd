//! Does a coloured stamp say something new? Letters of coloured ink that the page's own reading had already are said once.

use crate::page::{Block, Rect, Word};

/// Share of the smaller of two boxes that both cover, from which they are at the same place.
const SAME_PLACE: f64 = 0.5;

/// The words of `stamps` that the page's reading does not have at the same place: what lies over text says other words
/// than the text below it, what is only printed in colour says the same. All boxes are on the page as stored.
pub(super) fn unrepeated(stamps: Vec<Block>, read: &[Block]) -> Vec<Block> {
    if stamps.is_empty() {
        return stamps;
    }
    let known: Vec<&Word> = read.iter().flat_map(|block| &block.lines).flat_map(|line| &line.words).collect();
    let keep = |mut block: Block| {
        for line in &mut block.lines {
            line.words.retain(|word| !known.iter().any(|other| is_again(word, other)));
        }
        block.lines.retain(|line| !line.words.is_empty());
        (!block.lines.is_empty()).then_some(block)
    };
    stamps.into_iter().filter_map(keep).collect()
}

/// True where both words stand at the same place and are the same, or one of them is a piece of the other.
fn is_again(word: &Word, other: &Word) -> bool {
    if covered(word.rect, other.rect) < SAME_PLACE {
        return false;
    }
    let (a, b) = (letters(&word.text), letters(&other.text));
    // A slip of one letter in three is still the same word read twice.
    let slips = a.chars().count().max(b.chars().count()) / 3;
    a.is_empty() || b.contains(&a) || a.contains(&b) && !b.is_empty() || differing(&a, &b) <= slips
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Characters that differ when both are laid side by side from the front, and those that one has more.
fn differing(a: &str, b: &str) -> usize {
    let (long, short) = (a.chars().count().max(b.chars().count()), a.chars().count().min(b.chars().count()));
    let same = a.chars().zip(b.chars()).filter(|(x, y)| x == y).count();
    short - same + (long - short)
}

/// Share of the smaller box that lies in the other.
fn covered(a: Rect, b: Rect) -> f64 {
    let over = |from: (u32, u32), to: (u32, u32)| {
        let end = (from.0 + from.1).min(to.0 + to.1);
        f64::from(end.saturating_sub(from.0.max(to.0)))
    };
    let smaller = (f64::from(a.w) * f64::from(a.h)).min(f64::from(b.w) * f64::from(b.h));
    if smaller <= 0.0 { 0.0 } else { over((a.x, a.w), (b.x, b.w)) * over((a.y, a.h), (b.y, b.h)) / smaller }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Line;

    fn block(words: &[(&str, Rect)]) -> Block {
        let word =
            |&(text, rect): &(&str, Rect)| Word { text: text.to_owned(), rect, confidence: 90.0, alternatives: Vec::new() };
        Block { lines: vec![Line { words: words.iter().map(word).collect() }] }
    }

    fn said(blocks: &[Block]) -> Vec<&str> {
        blocks.iter().flat_map(|b| &b.lines).flat_map(|l| &l.words).map(|w| w.text.as_str()).collect()
    }

    #[test]
    fn letters_printed_in_colour_are_said_once_and_a_stamp_over_text_is_said_beside_it() {
        let at = |x| Rect { x, y: 100, w: 90, h: 30 };
        let page = [block(&[("Ufficio", at(0)), ("Tributi", at(100)), ("presente", at(300))])];
        let again = block(&[("Ufficio", at(2)), ("Tribuli", at(101)), ("ARRIVO", at(305)), ("altrove", at(700))]);
        assert_eq!(said(&unrepeated(vec![again], &page)), ["ARRIVO", "altrove"]);
        assert!(unrepeated(vec![block(&[("UFFICIO", at(0))])], &page).is_empty(), "no empty block is left behind");
        assert_eq!(said(&unrepeated(vec![block(&[("Ufficio", at(600))])], &page)), ["Ufficio"], "the same word elsewhere");
    }
}
