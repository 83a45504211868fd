//! Where is the page white from line to line? Gutters between columns, found on a coarse grid of its letters.

use super::runs::Part;
use crate::page::Rect;

/// Cells of the grid per letter height.
const FINE: f32 = 3.0;
/// Height and width of a gutter, letter heights: a narrow one must be high, lest gaps between words make one.
const HIGH_NARROW: (f32, f32) = (20.0, 0.7);
const HIGH_WIDE: (f32, f32) = (9.0, 2.0);
/// Share of its lines that must have letters on both sides.
const BOTH: f32 = 0.5;
/// Cells between two gutters that are not one.
const BESIDE: usize = 2;
/// Most cells of the grid.
const CELLS_MAX: usize = 4_000_000;
/// Cells over which a gutter is followed to the right.
const WIDE_MAX: usize = 60;
/// Most gutters of a page.
const GUTTERS_MAX: usize = 60;

/// Cells with letters in them.
struct Grid {
    width: usize,
    height: usize,
    cells: Vec<bool>,
}

/// The gutters between the parts, on a page straightened by `lean`.
pub(super) fn gutters(parts: &[Part], letters: &[u32], (letter, lean): (f32, f32)) -> Vec<Rect> {
    let cell = letter / FINE;
    let Some(grid) = Grid::of(parts, letters, cell, lean) else { return Vec::new() };
    let (least, narrow) = ((HIGH_WIDE.0 * FINE) as usize, (HIGH_NARROW.1 * FINE).ceil() as usize);
    let white: Vec<Vec<(usize, usize)>> = (0..grid.width).map(|x| grid.white(x, least)).collect();
    let ends: Vec<Option<(usize, usize)>> = (0..grid.height).map(|y| grid.ends(y)).collect();
    let mut found: Vec<[usize; 4]> = Vec::new();
    for x in 0..grid.width {
        for (top, bottom) in &white[x] {
            let (mut from, mut to, mut right) = (*top, *bottom, x + 1);
            let mut take = |right: usize, span| {
                if let Some((from, to)) = between(&ends, (x, right), span) {
                    found.push([x, from, right, to]);
                }
            };
            while right - x < WIDE_MAX
                && let Some((a, b)) = white.get(right).and_then(|runs| best_shared(runs, from, to))
            {
                if (b - a) * 5 < (to - from) * 4 || b - a < least {
                    break;
                }
                // A wider gutter may be lower: the higher one is remembered too.
                if right - x >= narrow && b - a < to - from {
                    take(right, (from, to));
                }
                (from, to, right) = (a, b, right + 1);
            }
            if right - x >= narrow {
                take(right, (from, to));
            }
        }
    }
    let is_enough = |g: &[usize; 4]| {
        let (wide, high) = ((g[2] - g[0]) as f32 / FINE, (g[3] - g[1]) as f32 / FINE);
        [HIGH_NARROW, HIGH_WIDE].iter().any(|least| high >= least.0 && wide >= least.1)
    };
    found.retain(is_enough);
    found.sort_by_key(|g| std::cmp::Reverse((g[3] - g[1], g[2] - g[0])));
    let mut kept: Vec<[usize; 4]> = Vec::new();
    for g in found {
        // What lies at the side of a gutter is the same white.
        let is_new = |k: &[usize; 4]| g[0] > k[2] + BESIDE || k[0] > g[2] + BESIDE || g[1] >= k[3] || k[1] >= g[3];
        if kept.len() < GUTTERS_MAX && kept.iter().all(is_new) {
            kept.push(g);
        }
    }
    let place = |at: usize| (at as f32 * cell) as u32;
    kept.iter()
        .map(|g| Rect { x: place(g[0]), y: place(g[1]), w: place(g[2] - g[0]).max(1), h: place(g[3] - g[1]).max(1) })
        .collect()
}

impl Grid {
    fn of(parts: &[Part], letters: &[u32], cell: f32, lean: f32) -> Option<Self> {
        let last = letters.iter().map(|at| &parts[*at as usize]);
        let (right, bottom) = last.fold((0, 0), |most, part| (most.0.max(part.right), most.1.max(part.bottom)));
        let (width, height) = ((right as f32 / cell) as usize + 3, (bottom as f32 / cell) as usize + 3);
        if width.checked_mul(height)? > CELLS_MAX {
            return None;
        }
        let mut cells = vec![false; width * height];
        for part in letters.iter().map(|at| &parts[*at as usize]) {
            // Upright strokes lean to the left where lines fall to the right.
            let aside = lean * part.top as f32;
            let across = |x: i32| (((x as f32 + aside) / cell).max(0.0) as usize).min(width - 1);
            let (from, to) = (across(part.left), across(part.right - 1));
            for y in (part.top.max(0) as f32 / cell) as usize..=((part.bottom - 1).max(0) as f32 / cell) as usize {
                cells[y * width + from..=y * width + to].fill(true);
            }
        }
        Some(Self { width, height, cells })
    }

    /// Runs of white down a column of cells, at least so long.
    fn white(&self, x: usize, least: usize) -> Vec<(usize, usize)> {
        let mut runs = Vec::new();
        let mut from = 0;
        for y in 0..=self.height {
            if y == self.height || self.cells[y * self.width + x] {
                if y - from >= least {
                    runs.push((from, y));
                }
                from = y + 1;
            }
        }
        runs
    }

    /// The first and the last cell of a row with letters.
    fn ends(&self, y: usize) -> Option<(usize, usize)> {
        let row = &self.cells[y * self.width..(y + 1) * self.width];
        Some((row.iter().position(|cell| *cell)?, row.iter().rposition(|cell| *cell)?))
    }
}

/// The part of a run that is shared most.
fn best_shared(runs: &[(usize, usize)], from: usize, to: usize) -> Option<(usize, usize)> {
    runs.iter().map(|run| (run.0.max(from), run.1.min(to))).filter(|run| run.0 < run.1).max_by_key(|run| run.1 - run.0)
}

/// From the first to the last row that has letters on both sides; `None` where few rows between do.
fn between(ends: &[Option<(usize, usize)>], (left, right): (usize, usize), (from, to): (usize, usize)) -> Option<(usize, usize)> {
    let is_both = |y: &usize| ends[*y].is_some_and(|(first, last)| first < left && last >= right);
    let first = (from..to).find(is_both)?;
    let last = (from..to).rev().find(is_both)? + 1;
    let lines = (first..last).filter(|y| ends[*y].is_some()).count();
    let both = (first..last).filter(is_both).count();
    (both as f32 >= BOTH * lines as f32).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of letters from `from` to `to`, broken where `is_white`.
    fn page(lines: i32, is_white: impl Fn(i32, i32) -> bool) -> Vec<Part> {
        let at = |line: i32, x: i32| Part { left: x, right: x + 18, top: 100 + line * 45, bottom: 120 + line * 45, ink: 100 };
        (0..lines)
            .flat_map(|line| (0..70).map(move |n| (line, 60 + n * 22 + line % 3)))
            .filter(|(line, x)| !is_white(*line, *x))
            .map(|(line, x)| at(line, x))
            .collect()
    }

    fn of(parts: &[Part]) -> Vec<Rect> {
        gutters(parts, &(0..parts.len() as u32).collect::<Vec<_>>(), (20.0, 0.0))
    }

    #[test]
    fn a_narrow_gutter_between_high_columns_is_found_and_words_make_none() {
        let found = of(&page(30, |_, x| (780..815).contains(&x)));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].x.abs_diff(785) < 25 && found[0].h > 1_200, "{found:?}");
        // Gaps between words, each line elsewhere.
        assert!(of(&page(30, |line, x| (x + line * 37) % 130 < 24)).is_empty());
    }

    #[test]
    fn a_gutter_ends_where_a_heading_crosses_it() {
        let found = of(&page(30, |line, x| line != 10 && (780..850).contains(&x)));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|g| g.y > 100 + 10 * 45 || g.y + g.h <= 105 + 10 * 45), "{found:?}");
    }
}
