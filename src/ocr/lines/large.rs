//! What of the ink is no writing? Ruled lines, frames, pictures; and writing in white on black.
//!
//! Only parts much larger than letters are looked at. Thin ones are rules. The others are drawn on a sheet of their own, long
//! unbroken runs across and down are taken away as rules, and what remains is parted again: letters that touch a frame come
//! free. What is then still large is a picture, or, where letters are spared out of it, a block in white on black.

use super::runs::{Ink, Part, Pixels, Run, ink};
use crate::page::Rect;

/// A part is large from these multiples of the letter height on.
const LARGE_HIGH: f32 = 4.5;
const LARGE_WIDE: f32 = 14.0;
/// A large part without rules may still be one huge letter or a word of touching ones.
const LETTER_HIGH: f32 = 8.0;
/// Thickness of a rule, letter heights.
const RULE_THICK: f32 = 0.3;
/// Ink that reaches so far across a rule hangs on it, letter heights.
const HANGING: f32 = 0.6;
/// Unbroken ink this long is a rule, letter heights.
const RULE_LONG: f32 = 2.6;
/// A shred of an upright rule is no further than this from the next piece of the rule, letter heights.
const BROKEN: f32 = 1.0;
/// Thin remains and upright rules that are held against each other: what shatters into more is no table.
const SHREDS_MAX: usize = 4_000;
/// Share of its box that is dark in a block: letters and frames are thinner.
const SOLID: f32 = 0.45;
/// Pages' worth of pixels drawn apart, all large parts together: beyond it the rest are pictures.
const DRAWN_MAX: usize = 2;
/// Large parts looked at.
const LARGE_MAX: usize = 4_000;
/// Places along a run at which its thickness is looked at.
const SAMPLES: usize = 9;
/// A picture's least side, letter heights: smaller remains are marks.
const PICTURE: f32 = 3.0;
/// The hole of a file, a blot, a black square: its least height, letter heights, the dark share of its box, how round it is.
const SPOT: (f32, f32, f32) = (1.4, 0.7, 0.75);
/// Most runs of its dark pixels per row.
const RAGGED: f32 = 1.1;

/// What was found among the large parts.
#[derive(Debug, Default)]
pub(super) struct Large {
    /// Ruled lines.
    pub(super) rules: Vec<Rect>,
    /// Pictures, stamps, blots: left out of the reading, and remembered.
    pub(super) pictures: Vec<Rect>,
    /// Blocks in which the writing is white.
    pub(super) inverse: Vec<Rect>,
}

/// Sorts the large parts out of the ink; what stays in it are letters and marks.
pub(super) fn sort_out(page: &mut Ink, letter: f32) -> Large {
    let mut large = Large::default();
    let mut is_gone = vec![false; page.parts.len()];
    let mut fresh = Vec::new();
    let is_large = |part: &Part| part.height() as f32 > LARGE_HIGH * letter || part.width() as f32 > LARGE_WIDE * letter;
    let mut order: Vec<usize> = (0..page.parts.len()).filter(|at| is_large(&page.parts[*at])).collect();
    for at in spots(page, letter) {
        large.pictures.push(page.parts[at].rect());
        is_gone[at] = true;
    }
    order.retain(|at| !is_gone[*at]);
    if order.is_empty() && large.pictures.is_empty() {
        return large;
    }
    order.sort_by_key(|at| std::cmp::Reverse(page.parts[*at].ink));
    let runs = runs_by_part(page, &order);
    let mut left = (page.rows.len().saturating_sub(1)).max(1) * page.parts.iter().map(|p| p.right).max().unwrap_or(0) as usize;
    left = left.saturating_mul(DRAWN_MAX);
    for (place, at) in order.iter().enumerate() {
        let part = page.parts[*at];
        let area = part.width() as usize * part.height() as usize;
        if is_rule(&part, letter) && is_bare(&part, &runs[place], letter) {
            large.rules.push(part.rect());
            is_gone[*at] = true;
        } else if place >= LARGE_MAX || area > left {
            large.pictures.push(part.rect());
            is_gone[*at] = true;
        } else {
            left -= area;
            let drawing = Drawing::of(&part, &runs[place]);
            if let Some(parted) = apart(drawing, &part, letter, &mut large) {
                is_gone[*at] = true;
                fresh.push(parted);
            }
        }
    }
    page.replace(&is_gone, fresh);
    large
}

/// Thin along its whole length, level or leaning.
fn is_rule(part: &Part, letter: f32) -> bool {
    let long = part.width().max(part.height()) as f32;
    let short = part.width().min(part.height()) as f32;
    part.ink as f32 / long <= RULE_THICK * letter
        && short <= long * 0.06
        && (short < letter || part.ink as f32 / long < 0.2 * letter)
}

/// True of a rule that no letter hangs on: the tails of underlined letters touch the line.
fn is_bare(part: &Part, runs: &[Run], letter: f32) -> bool {
    let is_level = part.width() >= part.height();
    let mut reach = vec![(i32::MAX, i32::MIN); part.width().max(part.height()) as usize];
    for run in runs {
        let (y, from, to) = (run.y as i32 - part.top, run.from as i32 - part.left, run.to as i32 - part.left);
        if is_level {
            reach[from as usize..to as usize].iter_mut().for_each(|(low, high)| (*low, *high) = ((*low).min(y), (*high).max(y)));
        } else {
            let (low, high) = &mut reach[y as usize];
            (*low, *high) = ((*low).min(from), (*high).max(to - 1));
        }
    }
    let is_thick = |(low, high): &&(i32, i32)| *high > *low && (high - low) as f32 > HANGING * letter;
    reach.iter().filter(is_thick).count() as f32 <= 0.1 * letter
}

/// Parts as high as wide, higher than letters, and without a gap in any row: letters of such a size are never so solid.
fn spots(page: &Ink, letter: f32) -> Vec<usize> {
    let is_solid = |at: &usize| {
        let part = &page.parts[*at];
        let (width, height) = (part.width() as f32, part.height() as f32);
        height >= SPOT.0 * letter && height.min(width) >= SPOT.2 * height.max(width) && part.ink as f32 >= SPOT.1 * width * height
    };
    let solid: Vec<usize> = (0..page.parts.len()).filter(is_solid).collect();
    if solid.is_empty() {
        return solid;
    }
    let runs = runs_by_part(page, &solid);
    // A ragged edge may part a run here and there.
    let is_whole = |(at, runs): &(usize, Vec<Run>)| runs.len() as f32 <= RAGGED * page.parts[*at].height() as f32;
    solid.into_iter().zip(runs).filter(is_whole).map(|(at, _)| at).collect()
}

/// The runs of the parts named, in their order.
fn runs_by_part(page: &Ink, order: &[usize]) -> Vec<Vec<Run>> {
    let mut place = vec![u32::MAX; page.parts.len()];
    for (at, part) in order.iter().enumerate() {
        place[*part] = at as u32;
    }
    let mut runs = vec![Vec::new(); order.len()];
    for run in &page.runs {
        let at = place[run.part as usize];
        if at != u32::MAX {
            runs[at as usize].push(*run);
        }
    }
    runs
}

/// One part alone: 1 is ink, 3 is ink of a rule.
struct Drawing {
    width: usize,
    height: usize,
    cells: Vec<u8>,
}

impl Drawing {
    fn of(part: &Part, runs: &[Run]) -> Self {
        let (width, height) = (part.width() as usize, part.height() as usize);
        let mut cells = vec![0; width * height];
        for run in runs {
            let row = (run.y as i32 - part.top) as usize * width;
            cells[row + (run.from as i32 - part.left) as usize..row + (run.to as i32 - part.left) as usize].fill(1);
        }
        Self { width, height, cells }
    }

    /// Marks long runs across and down as rules, with the ragged rim along them; gives their boxes.
    fn rules(&mut self, runs: &[Run], part: &Part, (long, thick): (usize, usize)) -> Vec<[usize; 4]> {
        let mut found = Vec::new();
        for run in runs.iter().filter(|run| (run.to - run.from) as usize >= long) {
            let y = (run.y as i32 - part.top) as usize;
            let (from, to) = ((run.from as i32 - part.left) as usize, (run.to as i32 - part.left) as usize);
            found.push([from, y, to, y + 1]);
        }
        let mut lengths = vec![0_u32; self.width];
        for y in 0..=self.height {
            for (x, length) in lengths.iter_mut().enumerate() {
                if y < self.height && self.cells[y * self.width + x] != 0 {
                    *length += 1;
                } else {
                    if *length as usize >= long {
                        found.push([x, y - *length as usize, x + 1, y]);
                    }
                    *length = 0;
                }
            }
        }
        found.retain(|line| self.is_thin(*line, thick));
        for [from, top, to, bottom] in &found {
            for y in *top..*bottom {
                self.cells[y * self.width + from..y * self.width + to].fill(3);
            }
        }
        for line in &found {
            self.rim(*line, thick);
        }
        found
    }

    /// True if the ink across the line is no thicker than a rule at most of its places: stems of large letters are thicker.
    fn is_thin(&self, [from, top, to, bottom]: [usize; 4], thick: usize) -> bool {
        let is_level = bottom == top + 1;
        let (start, end, middle) = if is_level { (from, to, top) } else { (top, bottom, from) };
        let across = if is_level { self.height } else { self.width };
        let is_thin = |at: &usize| {
            let is_ink =
                |aside: &usize| self.cells[if is_level { aside * self.width + at } else { at * self.width + aside }] != 0;
            let before = (0..middle).rev().take(thick + 1).take_while(is_ink).count();
            before + (middle + 1..across).take(thick + 1).take_while(is_ink).count() < thick
        };
        let places: Vec<usize> = (1..=SAMPLES).map(|n| start + (end - start) * n / (SAMPLES + 1)).collect();
        places.iter().filter(|at| is_thin(at)).count() * 2 > SAMPLES
    }

    /// Ink beside a rule that is no thicker than a rule goes with it: what a letter puts across it stays.
    fn rim(&mut self, [from, top, to, bottom]: [usize; 4], thick: usize) {
        let is_level = bottom == top + 1;
        let (along, middle) = if is_level { (from..to, top) } else { (top..bottom, from) };
        let across = if is_level { self.height } else { self.width };
        for at in along {
            let cell = |aside: usize| if is_level { aside * self.width + at } else { at * self.width + aside };
            let before = (0..middle).rev().take(thick + 1).take_while(|aside| self.cells[cell(*aside)] != 0).count();
            let after = (middle + 1..across).take(thick + 1).take_while(|aside| self.cells[cell(*aside)] != 0).count();
            if before + after < thick {
                for aside in middle - before..=middle + after {
                    let cell = cell(aside);
                    self.cells[cell] = 3;
                }
            }
        }
    }

    /// What remains, as ink: the parts are placed as on the page.
    fn parted(self, part: &Part) -> Option<(Vec<Run>, Vec<Part>)> {
        let gray: Vec<u8> = self.cells.iter().map(|cell| if *cell == 1 { 0 } else { 255 }).collect();
        let found = ink(Pixels { gray: &gray, width: self.width, threshold: 128, is_bilevel: true })?;
        let (dx, dy) = (part.left, part.top);
        let runs = found.runs.iter().map(|run| Run {
            y: run.y + dy as u32,
            from: run.from + dx as u32,
            to: run.to + dx as u32,
            part: run.part,
        });
        let place =
            |p: &Part| Part { left: p.left + dx, right: p.right + dx, top: p.top + dy, bottom: p.bottom + dy, ink: p.ink };
        Some((runs.collect(), found.parts.iter().map(place).collect()))
    }
}

/// What of a large part is writing; `None` where it may stay as it is.
fn apart(mut drawing: Drawing, part: &Part, letter: f32, large: &mut Large) -> Option<(Vec<Run>, Vec<Part>)> {
    let share = part.ink as f32 / (part.width() as f32 * part.height() as f32);
    let is_thick = part.width().min(part.height()) as f32 >= 1.2 * letter;
    if is_thick && share >= SOLID {
        if holds_letters(&drawing, letter) {
            large.inverse.push(part.rect());
        } else {
            large.pictures.push(part.rect());
        }
        return Some((Vec::new(), Vec::new()));
    }
    let runs = runs_of(&drawing, part);
    let found = drawing.rules(&runs, part, ((RULE_LONG * letter) as usize + 1, (RULE_THICK * letter) as usize + 1));
    if found.is_empty() && (part.height() as f32) < LETTER_HIGH * letter && (part.width() as f32) < 3.0 * LARGE_WIDE * letter {
        return None;
    }
    let before = large.rules.len();
    remember(&found, part, letter, large);
    let Some((runs, parts)) = drawing.parted(part) else {
        large.pictures.push(part.rect());
        return Some((Vec::new(), Vec::new()));
    };
    let uprights = large.rules[before..].iter().filter(|rule| rule.h > rule.w).copied().collect();
    let shreds = in_line(&parts, uprights, letter);
    Some(without_remains(runs, (&parts, &shreds), letter, large))
}

fn runs_of(drawing: &Drawing, part: &Part) -> Vec<Run> {
    let mut runs = Vec::new();
    for (y, row) in drawing.cells.chunks_exact(drawing.width).enumerate() {
        let mut x = 0;
        while let Some(from) = memchr::memchr(1, &row[x..]).map(|at| at + x) {
            let to = memchr::memchr(0, &row[from..]).map_or(row.len(), |at| at + from);
            let place = |x: usize| x as u32 + part.left as u32;
            runs.push(Run { y: y as u32 + part.top as u32, from: place(from), to: place(to), part: 0 });
            x = to;
        }
    }
    runs
}

/// Rules as boxes: runs that lie close to each other are one.
fn remember(found: &[[usize; 4]], part: &Part, letter: f32, large: &mut Large) {
    let slack = (letter * 0.35) as i64;
    for is_level in [true, false] {
        let mut boxes: Vec<[i64; 4]> = Vec::new();
        for line in found.iter().filter(|line| (line[3] == line[1] + 1) == is_level) {
            let line = line.map(|v| v as i64);
            let near = |b: &&mut [i64; 4]| {
                line[0] <= b[2] + slack && b[0] <= line[2] + slack && line[1] <= b[3] + slack && b[1] <= line[3] + slack
            };
            match boxes.iter_mut().rev().take(64).find(near) {
                Some(b) => *b = [b[0].min(line[0]), b[1].min(line[1]), b[2].max(line[2]), b[3].max(line[3])],
                None => boxes.push(line),
            }
        }
        large.rules.extend(boxes.iter().map(|b| Rect {
            x: (b[0] + i64::from(part.left)) as u32,
            y: (b[1] + i64::from(part.top)) as u32,
            w: (b[2] - b[0]) as u32,
            h: (b[3] - b[1]) as u32,
        }));
    }
}

/// Which parts are shreds of upright rules? As thin, and in line with what was found of one, or with another shred: where
/// dust breaks a rule, runs between the level ones of a table are too short to be found.
fn in_line(parts: &[Part], mut uprights: Vec<Rect>, letter: f32) -> Vec<bool> {
    let thick = (RULE_THICK * letter) as i32 + 1;
    let mut is_shred = vec![false; parts.len()];
    let mut thin: Vec<usize> = (0..parts.len()).filter(|at| parts[*at].width() <= thick).collect();
    if uprights.is_empty() || uprights.len() + thin.len() > SHREDS_MAX {
        return is_shred;
    }
    thin.sort_by_key(|at| parts[*at].top);
    for at in thin.iter().chain(thin.iter().rev()) {
        let part = &parts[*at];
        // A crumb lies within the rule's breadth; what is upright may lie beside its next piece, as the rule leans.
        let slack = if part.height() >= 2 * part.width() { thick } else { thick / 3 };
        let follows = |rule: &Rect| {
            let (left, right) = (rule.x as i32 - slack, (rule.x + rule.w) as i32 + slack);
            let gap = part.top.max(rule.y as i32) - part.bottom.min((rule.y + rule.h) as i32);
            part.left >= left && part.right <= right && gap as f32 <= BROKEN * letter
        };
        if !is_shred[*at] && uprights.iter().any(follows) {
            is_shred[*at] = true;
            uprights.push(part.rect());
        }
    }
    is_shred
}

/// Parts that are no shreds of rules; large ones are pictures.
fn without_remains(runs: Vec<Run>, (parts, shreds): (&[Part], &[bool]), letter: f32, large: &mut Large) -> (Vec<Run>, Vec<Part>) {
    let mut numbers = vec![u32::MAX; parts.len()];
    let mut kept = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let (short, long) = (part.width().min(part.height()) as f32, part.width().max(part.height()) as f32);
        let is_shred =
            shreds[at] || (short <= 0.1 * letter && long >= 0.3 * letter) || is_rule(part, letter) && long > 2.0 * letter;
        let is_picture = part.height() as f32 > LARGE_HIGH * letter || part.width() as f32 > LARGE_WIDE * letter;
        if is_picture && short >= PICTURE * letter {
            large.pictures.push(part.rect());
        } else if !is_shred {
            numbers[at] = kept.len() as u32;
            kept.push(*part);
        }
    }
    let named = |run: Run| Run { part: numbers[run.part as usize], ..run };
    (runs.into_iter().map(named).filter(|run| run.part != u32::MAX).collect(), kept)
}

/// True if light parts as large as letters, and as many as in a word, are spared out of the block.
fn holds_letters(drawing: &Drawing, letter: f32) -> bool {
    let gray: Vec<u8> = drawing.cells.iter().map(|cell| if *cell == 0 { 0 } else { 255 }).collect();
    let Some(light) = ink(Pixels { gray: &gray, width: drawing.width, threshold: 128, is_bilevel: true }) else { return false };
    let (width, height) = (drawing.width as i32, drawing.height as i32);
    let inside: Vec<&Part> =
        light.parts.iter().filter(|p| p.left > 0 && p.top > 0 && p.right < width && p.bottom < height).collect();
    let is_letter = |p: &&&Part| {
        let (w, h) = (p.width() as f32, p.height() as f32);
        (0.5 * letter..4.0 * letter).contains(&h) && w < 5.0 * letter && w > 0.05 * letter && p.ink as f32 > 0.12 * w * h
    };
    let letters = inside.iter().filter(is_letter).count();
    letters >= 3 && letters * 3 >= inside.iter().filter(|p| p.ink > 4).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shreds_in_line_with_an_upright_rule_are_its_own_and_strokes_elsewhere_are_letters() {
        let part = |left, top, right, bottom| Part { left, right, top, bottom, ink: 20 };
        let rule = Rect { x: 100, y: 0, w: 5, h: 80 };
        let parts = [
            part(99, 140, 104, 180), // In line with the shred above it only.
            part(100, 85, 105, 135),
            part(101, 82, 105, 86),   // A crumb.
            part(112, 85, 117, 115),  // The stroke of a letter beside it.
            part(100, 300, 105, 330), // Far below.
        ];
        assert_eq!(in_line(&parts, vec![rule], 20.0), [true, true, true, false, false]);
    }
}
