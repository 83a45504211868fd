//! Which lines stand on a page? `find`: lines cut out one by one, in reading order, and how sure that they are all.
//!
//! Ink is parted into pieces that hang together ([`runs`]); large ones are rules, frames, pictures ([`large`]); letters are
//! strung to lines ([`strands`]), each with its own baseline ([`fit`]), small marks go to the nearest ([`marks`]); columns
//! and rows give the order ([`gutters`], [`order`]); each line is drawn alone and level ([`crop`]).

#![allow(clippy::similar_names, reason = "strands stand: the two nouns of this folder")]

pub(super) mod again;
pub(super) mod beside;
mod crop;
mod fit;
pub(super) mod gate;
mod gutters;
mod large;
mod marks;
mod order;
mod runs;
mod sizes;
mod strands;
mod tables;
#[cfg(test)]
mod tests;
mod words;
pub(super) mod zero;

pub(super) use crop::{Cut, Piece};
pub(super) use words::blocks;

use super::Sheet;
use super::lstm::LineImage;
use crate::page::Rect;
use marks::DUST;

/// Pieces of one line, from left to right.
#[derive(Debug, Clone)]
pub(in crate::ocr) struct FoundLine {
    /// Its pieces: one, or the cells of a row.
    pub(in crate::ocr) pieces: Vec<Piece>,
}

/// Lines that belong together.
#[derive(Debug, Clone)]
pub(in crate::ocr) struct FoundBlock {
    /// From top to bottom.
    pub(in crate::ocr) lines: Vec<FoundLine>,
}

/// What was found on a page.
#[derive(Debug, Clone, Default)]
pub(in crate::ocr) struct Found {
    /// Blocks in reading order.
    pub(in crate::ocr) blocks: Vec<FoundBlock>,
    /// Ruled lines.
    pub(in crate::ocr) rules: Vec<Rect>,
    /// Pictures, seals, blots: not read.
    pub(in crate::ocr) pictures: Vec<Rect>,
    /// What the gate asks.
    pub(in crate::ocr) signs: Signs,
}

impl Found {
    /// Its pieces, in reading order.
    pub(in crate::ocr) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.blocks.iter().flat_map(|block| &block.lines).flat_map(|line| &line.pieces)
    }

    /// The same, to be changed.
    pub(in crate::ocr) fn pieces_mut(&mut self) -> impl Iterator<Item = &mut Piece> {
        self.blocks.iter_mut().flat_map(|block| &mut block.lines).flat_map(|line| &mut line.pieces)
    }
}

/// What the finder knows of its own work.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::ocr) struct Signs {
    /// Usual height of a letter, pixels.
    pub(in crate::ocr) letter: f32,
    /// How much lines fall per pixel to the right.
    pub(in crate::ocr) lean: f32,
    /// Parts of the page that are no rules and no pictures.
    pub(in crate::ocr) parts: u32,
    /// Marks that belong to no line, dust not counted.
    pub(in crate::ocr) dropped: u32,
    /// Dark pixels in lines, among those in no line, and of pictures.
    pub(in crate::ocr) ink: (u64, u64, u64),
    /// Pairs of lines that lie over each other.
    pub(in crate::ocr) overlapping: u32,
    /// Blocks in white on black.
    pub(in crate::ocr) inverse: u32,
    /// Share of the sheet that pictures cover.
    pub(in crate::ocr) covered: f32,
    /// Letters that stand one over the other: writing that runs up or down.
    pub(in crate::ocr) stacked: u32,
}

/// Most letters of a page, and most marks: four times those of a page of a newspaper.
const LETTERS_MAX: usize = 100_000;
/// Most pieces of a page: more of them are a pattern.
const PIECES_MAX: usize = 6_000;
/// Share of the letter height, and inches, from which a part is a letter and not a mark.
const MARK_HIGH: (f32, f32) = (0.45, 0.045);
/// A part so many times wider than high is a dash.
const DASH: i32 = 4;
/// Lower parts than this, letter heights, one or two of them, are marks if they stand at a line; lower ones, some more.
const LONE: (f32, f32) = (0.9, 0.5);
/// Dots and dashes side by side that may be marks.
const DOTS: usize = 8;
/// Least letters of a stack.
const STACK: u32 = 6;
/// Inches from the edge of the sheet in which a letter or two are none.
const EDGE: f32 = 0.1;
/// How far a block in white on black is looked into.
const INVERSE_MAX: usize = 60;

/// The lines of the sheet; `None` where it is no page of writing or has too much of everything.
pub(in crate::ocr) fn find(sheet: &Sheet<'_>, cut: Cut) -> Option<Found> {
    let (width, height) = (sheet.width as usize, sheet.height as usize);
    if width == 0 || height == 0 || sheet.gray.len() != width.checked_mul(height)? {
        return None;
    }
    let threshold = if sheet.is_bilevel { 128 } else { sheet.threshold.unwrap_or_else(|| threshold(sheet.gray)) };
    let ink = runs::ink(runs::Pixels { gray: sheet.gray, width, threshold, is_bilevel: sheet.is_bilevel })?;
    let Some(letter) = sizes::letter_height(&ink.parts, sheet.dpi) else { return Some(Found::default()) };
    let mut found = of_ink(ink, sheet, (letter, cut))?;
    let inverse = std::mem::take(&mut found.1);
    let mut found = found.0;
    for rect in inverse.iter().take(INVERSE_MAX) {
        found.signs.inverse += 1;
        turned(&mut found, sheet, *rect, (letter, threshold, cut));
    }
    Some(found)
}

/// A line while it is looked for.
type Standing = (strands::Strand, fit::Stand);

/// The parts that are letters, those that may be marks, and what of them tells where the page is white.
struct Sorted {
    letters: Vec<u32>,
    marks: Vec<u32>,
    /// Dark pixels of dust, and its grains.
    dust: u64,
    grains: usize,
    lean: f32,
}

/// Lines of the ink, and the blocks in white on black.
fn of_ink(mut ink: runs::Ink, sheet: &Sheet<'_>, (letter, cut): (f32, Cut)) -> Option<(Found, Vec<Rect>)> {
    let sum = |ink: &runs::Ink| -> u64 { ink.parts.iter().map(|part| u64::from(part.ink)).sum() };
    let before = sum(&ink);
    let large = large::sort_out(&mut ink, letter);
    let after = sum(&ink);
    let sorted = sorted(&ink, sheet, letter)?;
    let seen: Vec<u32> = sorted.letters.iter().chain(&sorted.marks).copied().collect();
    let gutters = gutters::gutters(&ink.parts, &seen, (letter, sorted.lean));
    let is_upright = |rule: &&Rect| rule.h > 3 * rule.w && rule.h as f32 > 1.2 * letter;
    let mut upright: Vec<Rect> = large.rules.iter().filter(is_upright).copied().collect();
    upright.extend(gutters.iter().map(|gutter| on_page(*gutter, sorted.lean)));
    let (lines, dropped) = standing(&ink, &sorted, &upright, (sheet, letter))?;
    let items: Vec<order::Item> = lines.iter().map(|(strand, stand)| item(strand, stand, sorted.lean)).collect();
    let tables = tables::tables(&large.rules, (letter, sorted.lean));
    let blocks = cut_out(&ink, &lines, &order::blocks(&items, &gutters, &tables), (sheet, cut));
    let lost = sorted.dust + dropped.iter().map(|at| u64::from(ink.parts[*at as usize].ink)).sum::<u64>();
    let signs = Signs {
        letter,
        lean: sorted.lean,
        parts: (seen.len() + sorted.grains) as u32,
        dropped: dropped.len() as u32,
        ink: (after - lost, lost, before - after),
        overlapping: overlapping(&items),
        inverse: 0,
        covered: covered(&large.pictures, sheet),
        stacked: stacked(&lines, letter),
    };
    Some((Found { blocks, rules: large.rules, pictures: large.pictures, signs }, large.inverse))
}

/// Sorts the parts by size; `None` where there are more of them than a page of writing has.
fn sorted(ink: &runs::Ink, sheet: &Sheet<'_>, letter: f32) -> Option<Sorted> {
    let high = (MARK_HIGH.0 * letter).min(MARK_HIGH.1 * sheet.dpi.clamp(70.0, 1200.0)).max(4.0) as i32;
    let grain = ((DUST * letter) as i32).max(1);
    let mut sorted = Sorted { letters: Vec::new(), marks: Vec::new(), dust: 0, grains: 0, lean: 0.0 };
    for (at, part) in ink.parts.iter().enumerate().filter(|(_, part)| part.ink > 0) {
        if part.height() >= high && part.width() <= part.height() * DASH {
            sorted.letters.push(at as u32);
        } else if part.height().max(part.width()) > grain {
            sorted.marks.push(at as u32);
        } else {
            sorted.dust += u64::from(part.ink);
            sorted.grains += 1;
        }
    }
    if sorted.letters.len() > LETTERS_MAX || sorted.marks.len() > LETTERS_MAX {
        return None;
    }
    sorted.lean = sizes::lean(&ink.parts, &sorted.letters, letter);
    Some(sorted)
}

/// The lines with their marks, and the marks that belong to none; `None` where the lines are too many.
fn standing(
    ink: &runs::Ink,
    sorted: &Sorted,
    upright: &[Rect],
    (sheet, letter): (&Sheet<'_>, f32),
) -> Option<(Vec<Standing>, Vec<u32>)> {
    let (parts, scale) = (&ink.parts, (letter, sorted.lean));
    let strands = strands::joined(strands::strands(parts, &sorted.letters, scale, upright), scale, upright);
    if strands.len() > PIECES_MAX {
        return None;
    }
    // Commas and quotation marks of larger letters are as high as small print: alone, they may be marks.
    let is_lone = |strand: &strands::Strand| {
        let high = strand.letters.iter().map(|at| parts[*at as usize].height()).max().unwrap_or(0) as f32 / letter;
        (strand.letters.len() <= 2 && high < LONE.0) || (strand.letters.len() <= DOTS && high < LONE.1)
    };
    let (lone, strands): (Vec<_>, Vec<_>) = strands.into_iter().partition(is_lone);
    let stands = |strand: strands::Strand| {
        let stand = fit::stand(parts, &strand, scale);
        (strand, stand)
    };
    let mut lines: Vec<Standing> = strands.into_iter().map(stands).collect();
    let heads: Vec<u32> = lone.iter().flat_map(|strand| strand.letters.iter().copied()).collect();
    let alone: std::collections::BTreeSet<u32> = marks::attach(parts, &heads, &mut lines, letter).into_iter().collect();
    lines.extend(lone.into_iter().filter(|strand| strand.letters.iter().any(|at| alone.contains(at))).map(stands));
    lines.retain(|(strand, _)| !is_stray(strand, sheet, letter));
    sized(&mut lines);
    let dropped = marks::attach(parts, &sorted.marks, &mut lines, letter);
    for line in &mut lines {
        marks::without_bullet(parts, line, letter);
    }
    lines.retain(|(strand, _)| !strand.letters.is_empty());
    Some((lines, dropped))
}

/// The pieces of the rows of each block.
fn cut_out(ink: &runs::Ink, lines: &[Standing], blocks: &[order::Rows], (sheet, cut): (&Sheet<'_>, Cut)) -> Vec<FoundBlock> {
    let mut owners = vec![u32::MAX; ink.parts.len()];
    for (at, (strand, _)) in lines.iter().enumerate() {
        strand.letters.iter().chain(&strand.marks).for_each(|part| owners[*part as usize] = at as u32);
    }
    let gray = (!sheet.is_bilevel).then_some(sheet.gray);
    let page = crop::Page { size: (sheet.width, sheet.height), cut, gray };
    let piece = |at: &usize| crop::piece(ink, &owners, (*at as u32, &lines[*at].0, lines[*at].1), page);
    let line = |row: &Vec<usize>| FoundLine { pieces: row.iter().filter_map(piece).collect() };
    blocks.iter().map(|rows| FoundBlock { lines: rows.iter().map(line).collect() }).collect()
}

/// One or two upright strokes at the edge of the sheet, or much higher or lower than letters: shadows and scratches.
fn is_stray(strand: &strands::Strand, sheet: &Sheet<'_>, letter: f32) -> bool {
    let (width, height) = ((strand.right - strand.left) as f32, (strand.bottom - strand.top) as f32);
    let edge = (EDGE * sheet.dpi.clamp(70.0, 1200.0)) as i32;
    let is_at_edge = strand.left < edge || strand.right > sheet.width as i32 - edge;
    let is_stroke = width < 0.3 * height;
    strand.letters.len() <= 2 && (is_at_edge || is_stroke && !(0.6 * letter..1.6 * letter).contains(&height))
}

/// Lines whose small letters' height is a guess take that of the page where it is near.
fn sized(lines: &mut [(strands::Strand, fit::Stand)]) {
    let mut sure: Vec<f32> =
        lines.iter().filter(|(s, stand)| stand.is_sure && s.letters.len() >= 8).map(|(_, stand)| stand.small).collect();
    sure.sort_by(f32::total_cmp);
    let Some(usual) = sure.get(sure.len() / 2).copied() else { return };
    for (_, stand) in lines.iter_mut().filter(|(_, stand)| !stand.is_sure) {
        let high = stand.small * fit::CAPITAL;
        // As high as small letters are, or as capitals of that size.
        stand.small = if (0.88..1.13).contains(&(high / usual)) {
            high
        } else if (0.85..1.3).contains(&(stand.small / usual)) {
            usual
        } else {
            stand.small
        };
    }
}

fn item(strand: &strands::Strand, stand: &fit::Stand, lean: f32) -> order::Item {
    let middle = (strand.left + strand.right) as f32 / 2.0;
    let base = stand.base(middle) - lean * middle;
    let aside = lean * stand.base(middle);
    order::Item { left: strand.left as f32 + aside, right: strand.right as f32 + aside, base, small: stand.small }
}

/// A gutter of the straightened page, on the page as it lies, around its middle.
fn on_page(gutter: Rect, lean: f32) -> Rect {
    let x = gutter.x as f32 - lean * (gutter.y as f32 + gutter.h as f32 / 2.0);
    Rect { x: x.max(0.0) as u32, ..gutter }
}

/// Pairs of items that lie over each other.
fn overlapping(items: &[order::Item]) -> u32 {
    let mut order: Vec<&order::Item> = items.iter().collect();
    order.sort_by(|a, b| a.base.total_cmp(&b.base));
    let mut count = 0;
    for (at, one) in order.iter().enumerate() {
        let near = order[at + 1..].iter().take(40).take_while(|other| other.base - one.base < 0.7 * one.small.min(other.small));
        count += near.filter(|o| one.right.min(o.right) - one.left.max(o.left) > 1.0 * one.small.min(o.small)).count() as u32;
    }
    count
}

fn covered(pictures: &[Rect], sheet: &Sheet<'_>) -> f32 {
    let area = |rect: &Rect| rect.w as f32 * rect.h as f32;
    pictures.iter().map(area).sum::<f32>() / (sheet.width as f32 * sheet.height as f32).max(1.0)
}

/// Lone letters close over each other, in stacks of at least [`STACK`].
fn stacked(lines: &[Standing], letter: f32) -> u32 {
    let lone = lines.iter().map(|(strand, _)| strand).filter(|strand| strand.letters.len() <= 2);
    let mut places: Vec<(f32, f32)> = lone.map(|s| ((s.left + s.right) as f32 / 2.0, (s.top + s.bottom) as f32 / 2.0)).collect();
    places.sort_by(|a, b| a.1.total_cmp(&b.1));
    // The last letter of each stack, and how many it has.
    let mut stacks: Vec<((f32, f32), u32)> = Vec::new();
    for place in places {
        let goes_on = |stack: &&mut ((f32, f32), u32)| {
            let ((x, y), _) = **stack;
            (x - place.0).abs() < 0.6 * letter && place.1 > y && place.1 - y < 1.6 * letter
        };
        match stacks.iter_mut().rev().take(200).find(goes_on) {
            Some(stack) => *stack = (place, stack.1 + 1),
            None => stacks.push((place, 1)),
        }
    }
    stacks.iter().map(|(_, count)| *count).filter(|count| *count >= STACK).sum()
}

/// The lines of a block in white on black, as a block of its own.
fn turned(found: &mut Found, sheet: &Sheet<'_>, rect: Rect, (letter, threshold, cut): (f32, u8, Cut)) {
    let (width, height) = (rect.w as usize, rect.h as usize);
    let mut gray = Vec::with_capacity(width * height);
    for y in rect.y as usize..rect.y as usize + height {
        let from = y * sheet.width as usize + rect.x as usize;
        let Some(row) = sheet.gray.get(from..from + width) else { return };
        gray.extend(row.iter().map(|value| if *value <= threshold { 255 } else { 0 }));
    }
    // What touches the block's own edge is the paper around it.
    let Some(mut ink) = runs::ink(runs::Pixels { gray: &gray, width, threshold: 128, is_bilevel: true }) else { return };
    let is_outside = |p: &runs::Part| p.left == 0 || p.top == 0 || p.right == rect.w as i32 || p.bottom == rect.h as i32;
    let gone: Vec<bool> = ink.parts.iter().map(is_outside).collect();
    ink.replace(&gone, Vec::new());
    let block = Sheet { gray: &gray, width: rect.w, height: rect.h, is_bilevel: true, threshold: None, ..*sheet };
    let Some((inner, _)) = of_ink(ink, &block, (letter, cut)) else { return };
    for mut block in inner.blocks {
        for piece in block.lines.iter_mut().flat_map(|line| &mut line.pieces) {
            piece.moved((rect.x, rect.y), (sheet.width, sheet.height));
        }
        let at = found.blocks.iter().position(|other| top(other) > top(&block)).unwrap_or(found.blocks.len());
        found.blocks.insert(at, block);
    }
}

fn top(block: &FoundBlock) -> u32 {
    block.lines.iter().flat_map(|line| &line.pieces).map(|piece| piece.rect.y).min().unwrap_or(0)
}

/// Otsu's threshold of a page in grey.
fn threshold(gray: &[u8]) -> u8 {
    let mut counts = [0_u64; 256];
    for value in gray {
        counts[usize::from(*value)] += 1;
    }
    let all = gray.len() as f64;
    let moment: f64 = counts.iter().enumerate().map(|(value, count)| value as f64 * *count as f64).sum();
    let (mut best, mut found, mut below, mut sum) = (-1.0, 128, 0.0, 0.0);
    for (value, count) in (0..=255_u8).zip(counts) {
        below += count as f64;
        sum += f64::from(value) * count as f64;
        let between = (moment * below / all - sum).powi(2) / (below * (all - below)).max(1.0);
        if between > best {
            (best, found) = (between, value);
        }
    }
    found
}
