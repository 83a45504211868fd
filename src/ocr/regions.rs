//! Which regions of a page that is ours are doubtful, and is another reading of one better? The limits are those of whole pages.

use super::Sheet;
use super::lines::gate::{LOW_MOST, LOW_WORD, READ_WELL};
use crate::page::{Block, Rect, Word};

/// Words that a block needs to be judged by itself.
const JUDGED: usize = 6;
/// Most regions of a page that are read again: with more of them the page is none of ours.
const REGIONS_MAX: usize = 12;
/// White around a region, inches.
const AROUND: f32 = 0.04;
/// How much surer another reading must be, points of confidence by letter, and what share of the letters it may have lost.
const SURER: f32 = 2.0;
const LOST: f32 = 0.05;

/// Numbers of the blocks that read worse than a page may.
pub(super) fn doubtful(blocks: &[Block]) -> Vec<usize> {
    let found: Vec<usize> = (0..blocks.len()).filter(|at| is_doubtful(&blocks[*at])).collect();
    if found.len() > REGIONS_MAX { Vec::new() } else { found }
}

fn is_doubtful(block: &Block) -> bool {
    let count = words(block).count();
    let low = words(block).filter(|word| word.confidence < LOW_WORD).count();
    count >= JUDGED && (confidence(std::slice::from_ref(block)) < READ_WELL || low as f32 > LOW_MOST * count as f32)
}

/// True where another reading of a block is the surer one and has lost little.
pub(super) fn is_better(first: &Block, second: &[Block]) -> bool {
    let first = std::slice::from_ref(first);
    confidence(second) > confidence(first) + SURER && letters(second) >= letters(first) * (1.0 - LOST)
}

fn words(block: &Block) -> impl Iterator<Item = &Word> {
    block.lines.iter().flat_map(|line| &line.words)
}

fn letters(blocks: &[Block]) -> f32 {
    blocks.iter().flat_map(words).map(|word| word.text.chars().count() as f32).sum()
}

/// Mean confidence by letter.
fn confidence(blocks: &[Block]) -> f32 {
    let sum: f32 = blocks.iter().flat_map(words).map(|word| word.confidence * word.text.chars().count() as f32).sum();
    sum / letters(blocks).max(1.0)
}

/// The box of a block on the sheet, with some white.
pub(super) fn rect(block: &Block, sheet: &Sheet<'_>) -> Rect {
    let around = (sheet.dpi * AROUND) as u32;
    words(block).fold(Rect::default(), |all, word| all.union(word.rect)).grown(around, sheet.width, sheet.height)
}

/// The pixels of a part of the sheet.
pub(super) fn cut(sheet: &Sheet<'_>, rect: Rect) -> Vec<u8> {
    let rows = sheet.gray.chunks_exact(sheet.width.max(1) as usize).skip(rect.y as usize).take(rect.h as usize);
    rows.flat_map(|row| row.get(rect.x as usize..(rect.x + rect.w) as usize).unwrap_or_default()).copied().collect()
}

/// Puts what was read of a part where it stands on the sheet.
pub(super) fn placed(mut blocks: Vec<Block>, part: Rect) -> Vec<Block> {
    for word in blocks.iter_mut().flat_map(|block| &mut block.lines).flat_map(|line| &mut line.words) {
        word.rect = Rect { x: word.rect.x + part.x, y: word.rect.y + part.y, ..word.rect };
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Line;

    fn block(text: &str, confidence: f32) -> Block {
        let word = |(x, text): (u32, &str)| Word {
            text: text.to_owned(),
            rect: Rect { x: 10 + 50 * x, y: 20, w: 40, h: 10 },
            confidence,
            alternatives: Vec::new(),
        };
        Block { lines: vec![Line { words: (0..).zip(text.split(' ')).map(word).collect() }] }
    }

    #[test]
    fn a_block_is_doubtful_alone_and_short_ones_are_not_judged() {
        let (good, bad) = (block("a b c d e f", READ_WELL), block("a b c d e f", READ_WELL - 1.0));
        assert_eq!(doubtful(&[good.clone(), bad.clone(), block("a b c d e", 10.0)]), [1]);
        assert_eq!(doubtful(&vec![bad.clone(); REGIONS_MAX]).len(), REGIONS_MAX);
        assert!(doubtful(&vec![bad.clone(); REGIONS_MAX + 1]).is_empty());
        let mut low = good;
        low.lines[0].words[2].confidence = LOW_WORD - 1.0;
        assert_eq!(doubtful(&[low]), [0]);
    }

    #[test]
    fn a_second_reading_is_better_if_it_is_surer_and_has_lost_nothing() {
        let first = block("uno due tre quattro cinque sei", 70.0);
        assert!(is_better(&first, &[block("uno due tre quattro", 75.0), block("cinque sei", 75.0)]));
        assert!(!is_better(&first, &[block("uno due tre quattro cinque sei", 71.0)]));
        assert!(!is_better(&first, &[block("uno due tre quattro", 99.0)]));
        assert!(!is_better(&first, &[]));
    }

    #[test]
    fn a_part_is_cut_out_and_what_is_read_of_it_is_put_back() {
        let gray: Vec<u8> = (0..60).collect();
        let sheet = Sheet {
            gray: &gray,
            width: 10,
            height: 6,
            dpi: 25.0,
            is_bilevel: false,
            threshold: None,
            is_uneven: false,
            layout: crate::ocr::Layout::Page,
        };
        let part = Rect { x: 8, y: 4, w: 2, h: 2 };
        assert_eq!(cut(&sheet, part), [48, 49, 58, 59]);
        let placed = placed(vec![block("a", 90.0)], part);
        assert_eq!(placed[0].lines[0].words[0].rect, Rect { x: 18, y: 24, w: 40, h: 10 });
        assert_eq!(rect(&block("a", 90.0), &Sheet { width: 100, height: 31, ..sheet }), Rect { x: 9, y: 19, w: 42, h: 12 });
    }
}
