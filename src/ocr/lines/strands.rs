//! Which letters stand in one line? Letters from left to right, each joined to the line that ends beside it.
//!
//! A line is followed by the mean band of its last letters, so that it may lean and bend. Gaps wider than a few letters
//! part it: columns and cells come apart here, and are put in order later.

use super::runs::Part;
use crate::page::Rect;

/// Widest gap inside a line, heights of its letters.
const GAP: f32 = 2.2;
/// How far a letter may begin before the end of its line.
const BACK: f32 = 2.0;
/// Share of the lower of letter and line that must lie side by side.
const OVERLAP: f32 = 0.45;
/// A letter may be so much higher than those of its line, or they than it.
const RATIO: f32 = 2.4;
/// Lines that end at one height without being looked through, and how far a line may be gone on with, letter heights.
const CROWD: usize = 48;
const REACH: f32 = 12.0;
/// Letters whose mean band is followed.
const RECENT: usize = 6;
/// Most letters that a line joined whole to another may have: larger ones stay apart.
const FEW: usize = 3;

/// Letters of one line without a wide gap, and their small marks.
#[derive(Debug, Clone, Default)]
pub(super) struct Strand {
    /// Numbers of its parts.
    pub(super) letters: Vec<u32>,
    pub(super) marks: Vec<u32>,
    /// The bullet that stood at its beginning: told apart from its letters, which are read without it.
    pub(super) bullet: Option<Part>,
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

impl Strand {
    pub(super) fn take(&mut self, part: &Part) {
        if self.letters.is_empty() && self.marks.is_empty() {
            (self.left, self.top, self.right, self.bottom) = (part.left, part.top, part.right, part.bottom);
        }
        self.left = self.left.min(part.left);
        self.right = self.right.max(part.right);
        self.top = self.top.min(part.top);
        self.bottom = self.bottom.max(part.bottom);
    }
}

/// A line while it grows.
struct Growing {
    strand: Strand,
    /// Middle, top and bottom of its last letters.
    recent: Vec<(f32, f32, f32)>,
}

impl Growing {
    /// Top and bottom of its last letters, carried on along the lean to `x`.
    fn band(&self, x: f32, lean: f32) -> (f32, f32) {
        let last = &self.recent[self.recent.len().saturating_sub(RECENT)..];
        let count = last.len() as f32;
        let sum = last.iter().fold((0.0, 0.0), |sum, (at, top, bottom)| {
            let shift = lean * (x - at);
            (sum.0 + top + shift, sum.1 + bottom + shift)
        });
        (sum.0 / count, sum.1 / count)
    }
}

/// The strands of the letters named; `upright` are ruled lines that part cells.
pub(super) fn strands(parts: &[Part], letters: &[u32], (letter, lean): (f32, f32), upright: &[Rect]) -> Vec<Strand> {
    let mut order = letters.to_vec();
    order.sort_by_key(|at| (parts[*at as usize].left, parts[*at as usize].top));
    let mut growing: Vec<Growing> = Vec::new();
    // Lines by the height at which they end, so that a letter asks only those beside it.
    let bin = (letter * 1.5).max(4.0);
    let bottom = letters.iter().map(|at| parts[*at as usize].bottom).max().unwrap_or(0);
    let mut bins: Vec<Vec<u32>> = vec![Vec::new(); (bottom as f32 / bin) as usize + 2];
    for at in order {
        let part = &parts[at as usize];
        let (top, low) = (part.top as f32, part.bottom as f32);
        let from = ((top - bin) / bin).max(0.0) as usize;
        let to = (((low + bin) / bin) as usize + 1).min(bins.len());
        // Lines that ended far to the left are asked no more.
        for bin in bins[from..to].iter_mut().filter(|bin| bin.len() > CROWD) {
            bin.retain(|line| growing[*line as usize].strand.right + (REACH * letter) as i32 >= part.left);
        }
        let near = bins[from..to].iter().flatten();
        let best = near
            .filter_map(|line| Some((fit(&growing[*line as usize], part, lean, upright)?, *line)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let middle = (part.left + part.right) as f32 / 2.0;
        let line = if let Some((_, line)) = best {
            line
        } else {
            growing.push(Growing { strand: Strand::default(), recent: Vec::new() });
            growing.len() as u32 - 1
        };
        let before = growing[line as usize].recent.last().map(|(_, top, low)| (f32::midpoint(*top, *low) / bin) as usize);
        let here = (f32::midpoint(top, low) / bin) as usize;
        if before != Some(here) {
            if let Some(before) = before {
                bins[before].retain(|other| *other != line);
            }
            bins[here].push(line);
        }
        let line = &mut growing[line as usize];
        line.strand.take(part);
        line.strand.letters.push(at);
        line.recent.push((middle, top, low));
    }
    growing.into_iter().map(|line| line.strand).collect()
}

/// How well a letter goes on with a line; `None` where it does not.
fn fit(line: &Growing, part: &Part, lean: f32, upright: &[Rect]) -> Option<f32> {
    let (top, bottom) = line.band((part.left + part.right) as f32 / 2.0, lean);
    let (height, own) = ((bottom - top).max(1.0), part.height() as f32);
    let ratio = own / height;
    if !(1.0 / RATIO..=RATIO).contains(&ratio) {
        return None;
    }
    let gap = (part.left - line.strand.right) as f32;
    let size = height.max(own);
    if gap > GAP * size || gap < -BACK * size {
        return None;
    }
    let shared = (part.bottom as f32).min(bottom) - (part.top as f32).max(top);
    let overlap = shared / height.min(own);
    if overlap < OVERLAP || is_parted((line.strand.right, part.left), f32::midpoint(top, bottom), upright) {
        return None;
    }
    Some(overlap - 0.25 * gap.max(0.0) / size)
}

/// True if a ruled line stands in the gap.
pub(super) fn is_parted((from, to): (i32, i32), y: f32, upright: &[Rect]) -> bool {
    upright.iter().any(|rule| {
        let x = (rule.x + rule.w / 2) as i32;
        x >= from - 2 && x <= to + 2 && (rule.y as f32..(rule.y + rule.h) as f32).contains(&y)
    })
}

/// Strands that lie in others or go on with them are joined.
pub(super) fn joined(mut strands: Vec<Strand>, (letter, lean): (f32, f32), upright: &[Rect]) -> Vec<Strand> {
    for _ in 0..2 {
        strands.sort_by_key(|strand| strand.left);
        let mut out: Vec<Strand> = Vec::with_capacity(strands.len());
        let reach = (letter * 12.0) as i32;
        for strand in strands {
            // The lines that may still be touched end not far to the left; few do, for the page is some dozens of lines high.
            let target = out
                .iter_mut()
                .rev()
                .take(400)
                .find(|other| other.right + reach > strand.left && goes_with(other, &strand, (letter, lean), upright));
            match target {
                Some(target) => join(target, strand),
                None => out.push(strand),
            }
        }
        strands = out;
    }
    strands
}

fn goes_with(one: &Strand, other: &Strand, (letter, lean): (f32, f32), upright: &[Rect]) -> bool {
    let gap = (other.left - one.right).max(one.left - other.right) as f32;
    let (high, own) = ((one.bottom - one.top) as f32, (other.bottom - other.top) as f32);
    let few = one.letters.len().min(other.letters.len()) <= FEW;
    let size = high.min(own).max(letter);
    if gap > 1.6 * size {
        return false;
    }
    let shift = lean * ((other.left + other.right - one.left - one.right) as f32 / 2.0);
    let shared = ((one.bottom as f32 + shift).min(other.bottom as f32) - (one.top as f32 + shift).max(other.top as f32)).max(0.0);
    let ratio = high.max(own) / high.min(own).max(1.0);
    let wanted = if few && gap < 0.0 { 0.5 } else { 0.6 };
    let is_side_by_side = shared >= wanted * high.min(own) && (ratio < 1.8 || few && ratio < 3.0);
    let (from, to) = (one.right.min(other.right), one.left.max(other.left));
    is_side_by_side && !(from < to && is_parted((from, to), (other.top + other.bottom) as f32 / 2.0, upright))
}

fn join(one: &mut Strand, other: Strand) {
    one.left = one.left.min(other.left);
    one.right = one.right.max(other.right);
    one.top = one.top.min(other.top);
    one.bottom = one.bottom.max(other.bottom);
    one.letters.extend(other.letters);
    one.marks.extend(other.marks);
}
