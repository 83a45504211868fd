//! Where would the words stand? Lines of text laid on sheets as a typewriter would: boxes for whoever reasons about places.

use crate::limits::Limits;
use crate::page::{Block, Line, PageText, Rect, Word};

/// Lines of a sheet, and characters of a line: longer ones are broken at a blank.
const LINES: usize = 62;
const COLUMNS: usize = 100;
/// Most sheets that are kept: what a paper is and says stands on its first.
const SHEETS_MAX: usize = 200;
/// Pixels of A4 at 300 dpi.
const WIDTH: u32 = 2_480;
const HEIGHT: u32 = 3_508;

/// Lines on sheets, empty ones between blocks.
pub(super) fn pages(lines: &[String], origin: &str, limits: &Limits) -> Vec<PageText> {
    let mut broken: Vec<&str> = Vec::new();
    for line in lines {
        let mut rest = line.trim_end();
        while let Some((at, _)) = rest.char_indices().nth(COLUMNS) {
            let end = rest.get(..at).and_then(|head| head.rfind(' ')).filter(|end| *end > 0).unwrap_or(at);
            let (head, tail) = rest.split_at(end);
            broken.push(head);
            rest = tail.trim_start();
        }
        let is_double_blank = rest.is_empty() && broken.last().is_none_or(|last| last.is_empty());
        if !is_double_blank {
            broken.push(rest);
        }
    }
    let sheets = broken.chunks(LINES).take(SHEETS_MAX).zip(1..);
    sheets.map(|(lines, n)| page(lines, n, (origin, limits.words_per_page_max))).filter(|p| p.word_count() > 0).collect()
}

fn page(lines: &[&str], n: u32, (origin, most): (&str, usize)) -> PageText {
    let mut blocks = vec![Block { lines: Vec::new() }];
    let mut left = most;
    for (line, row) in lines.iter().zip(0_u32..) {
        let indent = line.chars().take_while(|c| *c == ' ' || *c == '\t').count() as u32;
        let mut x = 200 + indent.min(60) * 20;
        let words: Vec<Word> = line
            .split_whitespace()
            .take(left)
            .map(|word| {
                let rect = Rect { x, y: 150 + row * 52, w: word.chars().count().min(COLUMNS) as u32 * 20, h: 36 };
                x += rect.w + 20;
                Word { text: word.to_owned(), rect, confidence: 100.0, alternatives: Vec::new() }
            })
            .collect();
        left -= words.len();
        match blocks.last_mut() {
            Some(block) if !words.is_empty() => block.lines.push(Line { words }),
            _ => blocks.push(Block { lines: Vec::new() }),
        }
    }
    blocks.retain(|block| !block.lines.is_empty());
    PageText { n, width: WIDTH, height: HEIGHT, origin: origin.to_owned(), rotation: 0, blocks }
}
