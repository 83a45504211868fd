//! Where is ink? The page as runs of dark pixels, and the parts that hang together.
//!
//! Runs are found row by row and joined to those above that they touch, corners included. Their number is capped: a page of
//! nothing but specks is not looked at any further.

use crate::page::Rect;

/// Most runs of one page, about ten times those of a dense page at 300 dpi; 16 bytes each.
pub(super) const RUNS_MAX: usize = 2_000_000;
/// Most parts of one page.
pub(super) const PARTS_MAX: usize = 300_000;

/// Dark pixels side by side: `from` up to but without `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) y: u32,
    pub(super) from: u32,
    pub(super) to: u32,
    /// The part it belongs to.
    pub(super) part: u32,
}

/// Runs that hang together; `right` and `bottom` lie just outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
    /// Its dark pixels.
    pub(super) ink: u32,
}

impl Part {
    const NONE: Self = Self { left: i32::MAX, top: i32::MAX, right: i32::MIN, bottom: i32::MIN, ink: 0 };

    pub(super) fn width(&self) -> i32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> i32 {
        self.bottom - self.top
    }

    /// Its box, as far as it lies on the page.
    pub(super) fn rect(&self) -> Rect {
        let side = |value: i32| value.max(0) as u32;
        Rect { x: side(self.left), y: side(self.top), w: side(self.width()), h: side(self.height()) }
    }

    fn take(&mut self, run: &Run) {
        self.left = self.left.min(run.from as i32);
        self.right = self.right.max(run.to as i32);
        self.top = self.top.min(run.y as i32);
        self.bottom = self.bottom.max(run.y as i32 + 1);
        self.ink += run.to - run.from;
    }
}

/// The ink of a page.
#[derive(Debug, Default)]
pub(super) struct Ink {
    /// Runs, row by row, from left to right.
    pub(super) runs: Vec<Run>,
    /// Where the runs of each row begin, and one more.
    pub(super) rows: Vec<u32>,
    pub(super) parts: Vec<Part>,
}

/// A picture to look for ink in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pixels<'a> {
    pub(super) gray: &'a [u8],
    pub(super) width: usize,
    /// The brightest value that is ink.
    pub(super) threshold: u8,
    /// True if there are no values but 0 and 255.
    pub(super) is_bilevel: bool,
}

/// The ink of the pixels; `None` where there is more of it in pieces than a page of writing has.
pub(super) fn ink(pixels: Pixels<'_>) -> Option<Ink> {
    let mut joined = Joined::default();
    let (mut runs, mut rows) = (Vec::new(), vec![0_u32]);
    let mut above = 0..0;
    for (y, row) in pixels.gray.chunks_exact(pixels.width.max(1)).enumerate() {
        let first = runs.len();
        runs_of(row, y as u32, pixels, &mut runs);
        if runs.len() > RUNS_MAX {
            return None;
        }
        joined.row(&mut runs, above, first);
        above = first..runs.len();
        rows.push(runs.len() as u32);
    }
    let parts = joined.parts(&mut runs)?;
    Some(Ink { runs, rows, parts })
}

fn runs_of(row: &[u8], y: u32, pixels: Pixels<'_>, runs: &mut Vec<Run>) {
    let dark = |from: usize| {
        let rest = row.get(from..)?;
        let found = if pixels.is_bilevel { memchr::memchr(0, rest) } else { first_dark(rest, pixels.threshold) };
        found.map(|at| from + at)
    };
    let light = |from: usize| {
        let rest = row.get(from..).unwrap_or_default();
        let found =
            if pixels.is_bilevel { memchr::memchr(255, rest) } else { rest.iter().position(|value| *value > pixels.threshold) };
        found.map_or(row.len(), |at| from + at)
    };
    let mut x = 0;
    while let Some(from) = dark(x) {
        let to = light(from + 1);
        runs.push(Run { y, from: from as u32, to: to as u32, part: 0 });
        x = to;
    }
}

/// The first value that is ink; paper is passed over thirty-two pixels at a time.
fn first_dark(row: &[u8], threshold: u8) -> Option<usize> {
    let least = |chunk: &[u8]| chunk.iter().fold(255, |least, value| (*value).min(least));
    let paper = row.chunks_exact(32).take_while(|chunk| least(chunk) > threshold).count() * 32;
    row[paper..].iter().position(|value| *value <= threshold).map(|at| paper + at)
}

/// Which runs were found to belong together.
#[derive(Debug, Default)]
struct Joined {
    parents: Vec<u32>,
}

impl Joined {
    fn root(&mut self, mut at: u32) -> u32 {
        while self.parents[at as usize] != at {
            let up = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = up;
            at = up;
        }
        at
    }

    /// Gives the runs from `first` on the names of those above that they touch.
    fn row(&mut self, runs: &mut [Run], above: std::ops::Range<usize>, first: usize) {
        let mut next = above.start;
        for at in first..runs.len() {
            let here = runs[at];
            while next < above.end && runs[next].to < here.from {
                next += 1;
            }
            let mut name = None;
            let mut touching = next;
            while touching < above.end && runs[touching].from <= here.to {
                let other = self.root(runs[touching].part);
                name = Some(match name {
                    None => other,
                    Some(name) if name < other => {
                        self.parents[other as usize] = name;
                        name
                    }
                    Some(name) => {
                        self.parents[name as usize] = other;
                        other
                    }
                });
                touching += 1;
            }
            runs[at].part = name.unwrap_or_else(|| {
                let name = self.parents.len() as u32;
                self.parents.push(name);
                name
            });
        }
    }

    /// The parts, and every run with the number of its part.
    fn parts(mut self, runs: &mut [Run]) -> Option<Vec<Part>> {
        let mut numbers = vec![u32::MAX; self.parents.len()];
        let mut parts: Vec<Part> = Vec::new();
        for run in runs {
            let root = self.root(run.part) as usize;
            if numbers[root] == u32::MAX {
                if parts.len() >= PARTS_MAX {
                    return None;
                }
                numbers[root] = parts.len() as u32;
                parts.push(Part::NONE);
            }
            run.part = numbers[root];
            parts[run.part as usize].take(run);
        }
        Some(parts)
    }
}

impl Ink {
    /// The runs of a row.
    pub(super) fn row(&self, y: usize) -> &[Run] {
        match (self.rows.get(y), self.rows.get(y + 1)) {
            (Some(from), Some(to)) => self.runs.get(*from as usize..*to as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Takes the runs of some parts out and puts other runs with their parts in; part numbers of the others stay.
    pub(super) fn replace(&mut self, is_gone: &[bool], fresh: Vec<(Vec<Run>, Vec<Part>)>) {
        let height = self.rows.len().saturating_sub(1);
        self.runs.retain(|run| !is_gone.get(run.part as usize).copied().unwrap_or(false));
        for (runs, parts) in fresh {
            let base = self.parts.len() as u32;
            self.parts.extend(parts);
            self.runs.extend(runs.into_iter().map(|run| Run { part: run.part + base, ..run }));
        }
        for (part, _) in self.parts.iter_mut().zip(is_gone).filter(|(_, is_gone)| **is_gone) {
            *part = Part { ink: 0, right: part.left, bottom: part.top, ..*part };
        }
        // Row by row again: counted, then dealt out.
        let mut counts = vec![0_u32; height + 1];
        for run in &self.runs {
            counts[run.y as usize + 1] += 1;
        }
        for at in 1..counts.len() {
            counts[at] += counts[at - 1];
        }
        self.rows.clone_from(&counts);
        let mut sorted = vec![Run { y: 0, from: 0, to: 0, part: 0 }; self.runs.len()];
        for run in &self.runs {
            let place = &mut counts[run.y as usize];
            sorted[*place as usize] = *run;
            *place += 1;
        }
        self.runs = sorted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&str]) -> Ink {
        let gray: Vec<u8> = rows.iter().flat_map(|row| row.bytes()).map(|c| if c == b'#' { 0 } else { 255 }).collect();
        ink(Pixels { gray: &gray, width: rows[0].len(), threshold: 128, is_bilevel: true }).unwrap()
    }

    #[test]
    fn what_touches_at_a_side_or_a_corner_is_one_part() {
        let ink = of(&["#.#..", ".#..#", "....#"]);
        let boxes: Vec<_> = ink.parts.iter().map(|p| (p.left, p.top, p.right, p.bottom, p.ink)).collect();
        assert_eq!(boxes, [(0, 0, 3, 2, 3), (4, 1, 5, 3, 2)]);
        assert_eq!(ink.row(1).len(), 2);
    }

    #[test]
    fn two_arms_that_meet_further_down_are_one_part() {
        let ink = of(&["#...#", "#...#", "#####"]);
        assert_eq!(ink.parts.len(), 1);
        assert_eq!(ink.parts[0].ink, 9);
        assert!(ink.runs.iter().all(|run| run.part == 0));
    }

    #[test]
    fn grey_pixels_and_black_and_white_ones_give_the_same_runs() {
        let gray = [0, 255, 0, 0, 255, 255];
        let at = |is_bilevel| ink(Pixels { gray: &gray, width: 3, threshold: 100, is_bilevel }).unwrap();
        assert_eq!(at(true).runs, at(false).runs);
    }

    #[test]
    fn a_chequered_page_is_given_up_within_the_ceiling() {
        let gray: Vec<u8> = (0..9_000_000_usize).map(|at| if (at % 3_000).is_multiple_of(2) { 0 } else { 255 }).collect();
        assert!(ink(Pixels { gray: &gray, width: 3_000, threshold: 128, is_bilevel: true }).is_none());
        assert!(ink(Pixels { gray: &[], width: 0, threshold: 128, is_bilevel: true }).unwrap().parts.is_empty());
    }

    #[test]
    fn runs_put_in_for_others_stand_row_by_row() {
        let mut ink = of(&["##.#", "##.#"]);
        let run = Run { y: 1, from: 0, to: 1, part: 0 };
        let part = Part { left: 0, top: 1, right: 1, bottom: 2, ink: 1 };
        ink.replace(&[true, false], vec![(vec![run], vec![part])]);
        assert_eq!(ink.row(0).len(), 1);
        assert_eq!(ink.row(1).iter().map(|run| run.part).collect::<Vec<_>>().len(), 2);
        assert_eq!(ink.parts[2], part);
    }
}
