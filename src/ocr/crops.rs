//! What is cut out of a sheet for each row? The pieces that are read as one picture each, and the way back to the sheet.
//!
//! Words of a row that stand close and are of one size make one piece; a wide gap or a much larger word begins another. A
//! piece reaches from where its letters' tops may be to where their tails may be, whether these letters have them or not:
//! neighbours of the same block say how high letters are.

use super::Sheet;
use super::layout::{Row, Turn};
use super::lstm::LineImage;
use crate::page::Rect;

/// A line's height (tails, small letters, tops) in heights of its tops over the baseline.
const LINE: f32 = 1.29;
/// How far tails reach under the baseline, in the same.
const TAILS: f32 = 0.29;
/// Rows whose tops are this much lower than those of their block may be without tall letters.
const LOW: f32 = 0.62;
/// A word higher than this, line heights, stands alone; and one after a gap wider than this.
const HIGH: f32 = 1.25;
const GAP: f32 = 2.0;
/// White (or what is there) around a piece, pixels.
const PAD: u32 = 4;

/// A picture for the reader of lines.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Upright, whatever the row was.
    pub(super) image: LineImage,
    /// Number of its line, in reading order.
    pub(super) line: usize,
    /// Where it was cut.
    rect: Rect,
    turn: Turn,
    /// Pixels darker than this are ink.
    ink: u8,
}

/// The pieces of rows, in reading order.
pub(super) fn pieces(sheet: &Sheet<'_>, rows: &[Row]) -> Vec<Piece> {
    let heights: Vec<(f32, f32)> = rows.iter().map(reach).collect();
    let mut pieces = Vec::new();
    let mut block = 0;
    for (at, row) in rows.iter().enumerate() {
        if row.is_first {
            block = at;
        }
        let end = (block + 1..rows.len()).find(|next| rows[*next].is_first).unwrap_or(rows.len());
        let (tops, tails) = usual(&heights[block..end], heights[at]);
        for rect in parts(row, tops * LINE) {
            let rect = if row.turn == Turn::None { stretched(rect, row, (tops, tails)) } else { rect };
            pieces.extend(
                cut(sheet, rect.grown(PAD, sheet.width, sheet.height), row.turn).map(|piece| Piece { line: at, ..piece }),
            );
        }
    }
    pieces
}

/// How far the row's ink reaches over its baseline and under it.
fn reach(row: &Row) -> (f32, f32) {
    let union = row.words.iter().copied().reduce(Rect::union).unwrap_or_default();
    if row.turn != Turn::None {
        let height = if row.turn == Turn::Down { union.h } else { union.w } as f32;
        return (height / LINE, height * (1.0 - 1.0 / LINE));
    }
    // Of a row that leans, each word is measured where it stands.
    let over = row.words.iter().map(|word| base_at(row, word) - word.y as f32).fold(1.0, f32::max);
    let under = row.words.iter().map(|word| (word.y + word.h) as f32 - base_at(row, word)).fold(0.0, f32::max);
    (over, under)
}

fn base_at(row: &Row, word: &Rect) -> f32 {
    let [(x, y), (to_x, to_y)] = row.base;
    let middle = word.x as f32 + word.w as f32 / 2.0;
    if to_x > x { y + (to_y - y) * (middle - x) / (to_x - x) } else { y }
}

/// How far letters like the row's reach over and under the baseline: as the tallest of its block, where those are its like.
fn usual(block: &[(f32, f32)], (over, under): (f32, f32)) -> (f32, f32) {
    let mut alike: Vec<f32> =
        block.iter().map(|(tops, _)| *tops).filter(|tops| *tops * LOW <= over && over <= *tops * HIGH).collect();
    alike.sort_by(f32::total_cmp);
    let tops = alike.get(alike.len() / 2).copied().unwrap_or(over).max(over);
    (tops, under.max(tops * TAILS))
}

/// The words joined to pieces.
fn parts(row: &Row, line: f32) -> Vec<Rect> {
    let is_along = !matches!(row.turn, Turn::None | Turn::Down);
    let high = |rect: &Rect| if is_along { rect.w } else { rect.h } as f32 > line * HIGH;
    let gap = |left: &Rect, right: &Rect| {
        let (from, to) = if is_along { (left.y + left.h, right.y) } else { (left.x + left.w, right.x) };
        to as f32 - from as f32
    };
    let mut parts: Vec<Rect> = Vec::new();
    for word in &row.words {
        if let Some(last) = parts.last_mut()
            && !high(last)
            && !high(word)
            && (is_along || gap(last, word) <= line * GAP)
        {
            *last = last.union(*word);
            continue;
        }
        parts.push(*word);
    }
    parts
}

/// The box from tops to tails at its middle, where it is not that high already.
fn stretched(rect: Rect, row: &Row, (tops, tails): (f32, f32)) -> Rect {
    let base = base_at(row, &rect);
    let top = (base - tops).clamp(0.0, rect.y as f32) as u32;
    let bottom = ((base + tails).max(0.0) as u32).max(rect.y + rect.h);
    Rect { y: top, h: bottom - top, ..rect }
}

fn cut(sheet: &Sheet<'_>, rect: Rect, turn: Turn) -> Option<Piece> {
    let (width, height) = (rect.w as usize, rect.h as usize);
    if width == 0 || height == 0 || rect.x + rect.w > sheet.width || rect.y + rect.h > sheet.height {
        return None;
    }
    let rows = sheet.gray.chunks_exact(sheet.width as usize).skip(rect.y as usize).take(height);
    let gray: Vec<u8> = rows.flat_map(|row| &row[rect.x as usize..][..width]).copied().collect();
    let at = |x: usize, y: usize| gray[y * width + x];
    let (image, across) = match turn {
        Turn::None => (None, rect.w),
        Turn::Down => (Some(gray.iter().rev().copied().collect()), rect.w),
        // The right side becomes the top, or the left one.
        Turn::Right => {
            (Some((0..width).rev().flat_map(|x| (0..height).map(move |y| (x, y))).map(|(x, y)| at(x, y)).collect()), rect.h)
        }
        Turn::Left => {
            (Some((0..width).flat_map(|x| (0..height).rev().map(move |y| (x, y))).map(|(x, y)| at(x, y)).collect()), rect.h)
        }
    };
    let gray = image.unwrap_or(gray);
    let ink = if sheet.is_bilevel { 128 } else { threshold(&gray) };
    let image = LineImage { width: across, height: (gray.len() / across as usize) as u32, gray };
    Some(Piece { image, line: 0, rect, turn, ink })
}

/// Between the darkest pixels and the light ones.
fn threshold(gray: &[u8]) -> u8 {
    let mut counts = [0_usize; 256];
    for pixel in gray {
        counts[usize::from(*pixel)] += 1;
    }
    let shade = |share: f32| {
        let mut left = (gray.len() as f32 * share) as usize;
        let found = counts.iter().position(|count| {
            let is_here = left < *count;
            left = left.saturating_sub(*count);
            is_here
        });
        found.unwrap_or(255) as u32
    };
    u32::midpoint(shade(0.02), shade(0.9)) as u8
}

impl Piece {
    /// The box on the sheet of the ink between two edges of the picture.
    pub(super) fn rect(&self, start: f32, end: f32) -> Rect {
        let LineImage { width, height, gray } = &self.image;
        let left = (start.max(0.0) as u32).min(width - 1);
        let right = (end.ceil().max(0.0) as u32).clamp(left + 1, *width);
        let (low, high) = if *height > 3 * PAD { (PAD, height - PAD) } else { (0, *height) };
        let is_ink = |x: u32, y: u32| gray[(y * width + x) as usize] < self.ink;
        let has_row = |y: &u32| (left..right).any(|x| is_ink(x, *y));
        let has_column = |x: &u32| (low..high).any(|y| is_ink(*x, y));
        let top = (low..high).find(has_row).unwrap_or(low);
        let bottom = (top..high).rev().find(has_row).map_or(high, |y| y + 1);
        let first = (left..right).find(has_column).unwrap_or(left);
        let last = (first..right).rev().find(has_column).map_or(right, |x| x + 1);
        self.placed(Rect { x: first, y: top, w: (last - first).max(1), h: (bottom - top).max(1) })
    }

    /// The box on the sheet of a box on the picture.
    fn placed(&self, inner: Rect) -> Rect {
        let Rect { x, y, w, h } = self.rect;
        match self.turn {
            Turn::None => Rect { x: x + inner.x, y: y + inner.y, ..inner },
            Turn::Down => Rect { x: x + w - inner.x - inner.w, y: y + h - inner.y - inner.h, ..inner },
            Turn::Right => Rect { x: x + w - inner.y - inner.h, y: y + inner.x, w: inner.h, h: inner.w },
            Turn::Left => Rect { x: x + inner.y, y: y + h - inner.x - inner.w, w: inner.h, h: inner.w },
        }
    }
}
