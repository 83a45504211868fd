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
/// A low gutter is at least so many times as wide as the blanks between the words of most of its lines.
const OVER_BLANK: f32 = 1.5;
/// At its ends it is wider than the blanks of its lines by half as much as elsewhere, from so much to so much: below a table or
/// columns, blanks of some lines may lie under a gutter by chance.
const AT_ENDS: (f32, f32) = (1.0, 2.5);
/// Beside columns of text, a line that begins as far right of the gutter as most others do (letter heights) is one of theirs,
/// however wide its blanks; where the gutter is so many times wider than blanks, it parts a table, which needs no such sign.
const FLUSH: f32 = 0.35;
const TABLE: f32 = 4.0;
/// Least blank between words, and how far the middles of a line's letters lie apart, letter heights.
const BLANK: f32 = 0.5;
const LINE: f32 = 0.75;
/// Least blanks of a line that tell how wide they are there.
const BLANKS_LEAST: usize = 2;
/// Cells between two gutters that are not one.
const BESIDE: usize = 2;
/// Most cells of the grid.
const CELLS_MAX: usize = 4_000_000;
/// Cells over which a gutter is followed to the right.
const WIDE_MAX: usize = 60;
/// Most gutters of a page, most that are looked at closely, and most that each of these is held against, the highest first.
const GUTTERS_MAX: usize = 60;
const TRIED_MAX: usize = 200;
const OTHERS_MAX: usize = 2_000;
/// Share of a least measure that is left of it where both ends were rounded to pixels.
const ROUNDED: f32 = 0.95;

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
    let place = |at: usize| (at as f32 * cell) as u32;
    let rect =
        |g: &[usize; 4]| Rect { x: place(g[0]), y: place(g[1]), w: place(g[2] - g[0]).max(1), h: place(g[3] - g[1]).max(1) };
    let all: Vec<Rect> = found.iter().map(rect).collect();
    let placed = Placed::of(parts, letters, (letter, lean));
    let is_high = |gutter: &Rect| {
        let (wide, high) = (gutter.w as f32 / letter, gutter.h as f32 / letter);
        [HIGH_NARROW, HIGH_WIDE].iter().any(|least| high >= least.0 * ROUNDED && wide >= least.1 * ROUNDED)
    };
    let (mut kept, mut tried): (Vec<Rect>, usize) = (Vec::new(), 0);
    for gutter in &all {
        // What lies at the side of a gutter is the same white.
        let beside = (BESIDE as f32 * cell) as u32;
        let is_new =
            |g: &Rect, k: &Rect| g.x > k.x + k.w + beside || k.x > g.x + g.w + beside || g.y >= k.y + k.h || k.y >= g.y + g.h;
        if kept.len() < GUTTERS_MAX && tried < TRIED_MAX && kept.iter().all(|k| is_new(gutter, k)) {
            tried += 1;
            kept.extend(placed.trimmed(*gutter, &all[..all.len().min(OTHERS_MAX)]).filter(is_high));
        }
    }
    kept
}

/// A line that a gutter crosses: its height, how many times wider than its other blanks the one at the gutter is, and where it
/// goes on at the right.
struct Crossed {
    height: f32,
    share: Option<f32>,
    start: f32,
}

/// The letters on the straightened page: left, right and middle height, from top to bottom.
struct Placed {
    letters: Vec<(f32, f32, f32)>,
    letter: f32,
}

impl Placed {
    fn of(parts: &[Part], letters: &[u32], (letter, lean): (f32, f32)) -> Self {
        let place = |part: &Part| {
            let aside = lean * part.top as f32;
            let across = (part.left + part.right) as f32 / 2.0;
            let middle = (part.top + part.bottom) as f32 / 2.0 - lean * across;
            (part.left as f32 + aside, part.right as f32 + aside, middle)
        };
        let mut letters: Vec<(f32, f32, f32)> = letters.iter().map(|at| place(&parts[*at as usize])).collect();
        letters.sort_by(|a, b| a.2.total_cmp(&b.2));
        Self { letters, letter }
    }

    /// The gutter without the lines at its ends that it crosses as one of the blanks between their words; `None` where nothing
    /// is left of a low one. Blanks that are gutters themselves do not count, and lines of a word or two end the search.
    fn trimmed(&self, gutter: Rect, others: &[Rect]) -> Option<Rect> {
        let lines = self.crossed(&gutter, others);
        let mut shares: Vec<f32> = lines.iter().filter_map(|line| line.share).collect();
        shares.sort_by(f32::total_cmp);
        let Some(wide) = shares.get(shares.len() * 3 / 4).copied() else { return Some(gutter) };
        if shares[shares.len() / 2] < OVER_BLANK && (gutter.h as f32) < HIGH_NARROW.0 * self.letter {
            return None;
        }
        let limit = (wide / 2.0).clamp(AT_ENDS.0, AT_ENDS.1);
        let is_narrow = |line: &&Crossed| line.share.is_some_and(|share| share < limit);
        let mut starts: Vec<f32> = lines.iter().filter(|line| !is_narrow(line)).map(|line| line.start).collect();
        starts.sort_by(f32::total_cmp);
        let usual = starts.get(starts.len() / 2).copied().filter(|_| wide < TABLE);
        let is_flush = |start: f32| usual.is_some_and(|usual| (start - usual).abs() < FLUSH * self.letter);
        let is_column = starts.iter().filter(|start| is_flush(**start)).count() * 2 > starts.len();
        let is_blank = |line: &&Crossed| is_narrow(line) && !(is_column && is_flush(line.start));
        let (above, below) = (lines.iter().take_while(is_blank).count(), lines.iter().rev().take_while(is_blank).count());
        if above == lines.len() {
            return Some(gutter);
        }
        let between = |at: usize| f32::midpoint(lines[at - 1].height, lines[at].height) as u32;
        let top = if above > 0 { between(above) } else { gutter.y };
        let bottom = if below > 0 { between(lines.len() - below) } else { gutter.y + gutter.h };
        Some(Rect { y: top, h: bottom.saturating_sub(top), ..gutter })
    }

    /// The lines that have letters at the left of the gutter, from top to bottom.
    fn crossed(&self, gutter: &Rect, others: &[Rect]) -> Vec<Crossed> {
        let (top, bottom) = (gutter.y as f32, (gutter.y + gutter.h) as f32);
        let middle = gutter.x as f32 + gutter.w as f32 / 2.0;
        // The letters at the left of the gutter, the nearest first: each begins a line.
        let mut ends: Vec<&(f32, f32, f32)> = self.between(top, bottom).iter().filter(|at| at.1 <= middle).collect();
        ends.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut lines = Vec::new();
        while let Some(height) = ends.first().map(|end| end.2) {
            let near = LINE * self.letter;
            ends.retain(|end| (end.2 - height).abs() >= near);
            let mut line = self.between((height - near).max(top), (height + near).min(bottom)).to_vec();
            line.sort_by(|a, b| a.0.total_cmp(&b.0));
            let share = self.share(&line, middle, |blank| {
                let is_there = |o: &&Rect| (o.y as f32) < height && height < (o.y + o.h) as f32;
                let is_in = |o: &Rect| (o.x as f32) < blank.1 && blank.0 < (o.x + o.w) as f32;
                others.iter().filter(is_there).any(is_in)
            });
            let start = line.iter().map(|at| at.0).find(|left| *left >= middle).unwrap_or(f32::MAX);
            lines.push(Crossed { height, share, start });
        }
        lines.sort_by(|a, b| a.height.total_cmp(&b.height));
        lines
    }

    /// The letters whose middles lie from `top` to `bottom`.
    fn between(&self, top: f32, bottom: f32) -> &[(f32, f32, f32)] {
        let from = self.letters.partition_point(|at| at.2 < top);
        let to = self.letters.partition_point(|at| at.2 <= bottom);
        self.letters.get(from..to).unwrap_or_default()
    }

    /// How many times wider than its other blanks is the one of a line around `middle`? `None` where it has none there or too few.
    fn share(&self, line: &[(f32, f32, f32)], middle: f32, is_gutter: impl Fn((f32, f32)) -> bool) -> Option<f32> {
        let (mut here, mut blanks, mut last) = (None, Vec::new(), None::<f32>);
        for (left, right, _) in line.iter().copied() {
            let end = last.unwrap_or(left);
            if left - end > BLANK * self.letter {
                if end <= middle && middle <= left {
                    here = Some(left - end);
                } else if !is_gutter((end, left)) {
                    blanks.push(left - end);
                }
            }
            last = Some(last.map_or(right, |end| end.max(right)));
        }
        blanks.sort_by(f32::total_cmp);
        (blanks.len() >= BLANKS_LEAST).then(|| here.map(|here| here / blanks[blanks.len() / 2])).flatten()
    }
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
    fn blanks_of_justified_lines_that_stand_over_each_other_by_chance_are_no_gutter_and_those_of_columns_are() {
        // Five lines with blanks as wide all along, each line elsewhere but for one place.
        let is_word = |line: i32, x: i32| (x + line * 97) % 330 < 44 && !(700..900).contains(&x);
        let here = |x: i32| (780..826).contains(&x);
        let chance = of(&page(5, |line, x| here(x) || is_word(line, x)));
        assert!(chance.is_empty(), "{chance:?}");
        // The same place between lines whose words stand closer.
        let close = of(&page(5, |line, x| here(x) || is_word(line, x) && (x + line * 97) % 330 < 22));
        assert_eq!(close.len(), 1, "{close:?}");
        // A table: all of its blanks are as wide, and each stands over the one above.
        let table = of(&page(5, |_, x| x % 330 < 46));
        assert!(table.len() >= 3, "{table:?}");
    }

    #[test]
    fn a_gutter_ends_with_its_table_though_blanks_of_the_lines_below_stand_under_it() {
        // Eight rows of two wide columns, then six lines of running text with a blank at the same place.
        let is_cell = |line: i32, x: i32| (500..826).contains(&x) || (x + line * 97) % 330 < 22;
        let is_word = |line: i32, x: i32| (780..802).contains(&x) || (x + line * 97) % 330 < 22;
        let found = of(&page(14, |line, x| if line < 8 { is_cell(line, x) } else { is_word(line, x) }));
        assert!(!found.is_empty());
        assert!(found.iter().all(|g| g.y + g.h <= 120 + 8 * 45), "{found:?}");
    }

    #[test]
    fn a_gutter_ends_where_a_heading_crosses_it() {
        let found = of(&page(30, |line, x| line != 10 && (780..850).contains(&x)));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|g| g.y > 100 + 10 * 45 || g.y + g.h <= 105 + 10 * 45), "{found:?}");
    }
}
