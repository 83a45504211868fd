//! Where are ruled tables, and in which cell does a piece stand? Rules that cross each other make bands and columns.

use super::order::Item;
use crate::page::Rect;

/// Rules further apart than this do not touch, letter heights; nearer ones are one rule drawn twice.
const TOUCH: f32 = 0.6;
/// Shortest rules, letter heights: across and down.
const LEAST: (f32, f32) = (4.0, 1.2);
/// Most rules of either direction: more of them are a drawing.
const RULES_MAX: usize = 500;

/// A ruled table on the straightened page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// Heights of its level rules, from top to bottom.
    levels: Vec<f32>,
    /// Places of its upright rules, from left to right.
    columns: Vec<f32>,
    left: f32,
    right: f32,
}

/// A rule on the straightened page: where it is, and from where to where it runs.
#[derive(Debug, Clone, Copy)]
struct Rule {
    at: f32,
    from: f32,
    to: f32,
}

/// The tables among the rules of a page that leans by `lean`.
pub(super) fn tables(rules: &[Rect], (letter, lean): (f32, f32)) -> Vec<Table> {
    let (mut level, mut upright) = (Vec::new(), Vec::new());
    for rule in rules {
        let (x, y, w, h) = (rule.x as f32, rule.y as f32, rule.w as f32, rule.h as f32);
        let (across, down) = (x + w / 2.0, y + h / 2.0);
        if w > 3.0 * h && w > LEAST.0 * letter {
            let aside = lean * down;
            level.push(Rule { at: down - lean * across, from: x + aside, to: x + w + aside });
        } else if h > 3.0 * w && h > LEAST.1 * letter {
            let lower = lean * across;
            upright.push(Rule { at: across + lean * down, from: y - lower, to: y + h - lower });
        }
    }
    if level.len() > RULES_MAX || upright.len() > RULES_MAX {
        return Vec::new();
    }
    let near = TOUCH * letter;
    let touch =
        |a: &Rule, b: &Rule| (a.from - near..=a.to + near).contains(&b.at) && (b.from - near..=b.to + near).contains(&a.at);
    let mut groups = vec![usize::MAX; level.len()];
    let mut tables = Vec::new();
    for first in 0..level.len() {
        if groups[first] != usize::MAX {
            continue;
        }
        let (mut waiting, mut of_level, mut of_upright) = (vec![first], Vec::new(), vec![false; upright.len()]);
        groups[first] = first;
        while let Some(at) = waiting.pop() {
            of_level.push(at);
            for crossing in 0..upright.len() {
                if of_upright[crossing] || !touch(&level[at], &upright[crossing]) {
                    continue;
                }
                of_upright[crossing] = true;
                for (other, group) in groups.iter_mut().enumerate() {
                    if *group == usize::MAX && touch(&level[other], &upright[crossing]) {
                        *group = first;
                        waiting.push(other);
                    }
                }
            }
        }
        let across: Vec<Rule> = of_level.iter().map(|at| level[*at]).collect();
        let down: Vec<Rule> = of_upright.iter().zip(&upright).filter(|(is, _)| **is).map(|(_, rule)| *rule).collect();
        tables.extend(Table::of(&across, &down, near));
    }
    tables
}

impl Table {
    /// A table has at least two rows, and two columns.
    fn of(across: &[Rule], down: &[Rule], near: f32) -> Option<Self> {
        let (levels, columns) = (places(across, near), places(down, near));
        let left = across.iter().map(|rule| rule.from).fold(f32::MAX, f32::min);
        let right = across.iter().map(|rule| rule.to).fold(f32::MIN, f32::max);
        let is_parted = columns.iter().any(|at| *at > left + 2.0 * near && *at < right - 2.0 * near);
        (levels.len() >= 3 && is_parted).then_some(Self { levels, columns, left, right })
    }

    /// The band in which a piece stands; `None` of one outside.
    pub(super) fn band(&self, item: &Item) -> Option<usize> {
        let middle = item.base - 0.5 * item.small;
        let inside = (self.left..self.right).contains(&f32::midpoint(item.left, item.right));
        let band = self.levels.iter().filter(|level| **level <= middle).count();
        (inside && band > 0 && band < self.levels.len()).then_some(band)
    }

    /// The column in which a piece stands.
    pub(super) fn column(&self, item: &Item) -> usize {
        self.columns.iter().filter(|at| **at <= f32::midpoint(item.left, item.right)).count()
    }

    /// What of a gutter lies above and below the table; all of it where it runs beside it.
    pub(super) fn spared(&self, gutter: Rect) -> Vec<Rect> {
        let (top, bottom) = (self.levels[0].max(0.0) as u32, self.levels[self.levels.len() - 1].max(0.0) as u32);
        let across = gutter.x as f32 + gutter.w as f32 / 2.0;
        if !(self.left..self.right).contains(&across) {
            return vec![gutter];
        }
        let span = |from: u32, to: u32| (to > from).then_some(Rect { y: from, h: to.saturating_sub(from), ..gutter });
        let end = gutter.y + gutter.h;
        span(gutter.y, end.min(top)).into_iter().chain(span(gutter.y.max(bottom), end)).collect()
    }
}

/// Where rules stand; those close to each other are one.
fn places(rules: &[Rule], near: f32) -> Vec<f32> {
    let mut places: Vec<f32> = rules.iter().map(|rule| rule.at).collect();
    places.sort_by(f32::total_cmp);
    places.dedup_by(|b, a| *b - *a < near);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules of a table of 3 rows and 3 columns, 60 high and 200 wide each.
    fn rules() -> Vec<Rect> {
        let across = (0..4).map(|n| Rect { x: 100, y: 100 + n * 60, w: 600, h: 3 });
        let down = (0..4).map(|n| Rect { x: 100 + n * 200, y: 100, w: 3, h: 183 });
        across.chain(down).collect()
    }

    fn item(left: f32, base: f32) -> Item {
        Item { left, right: left + 100.0, base, small: 14.0 }
    }

    #[test]
    fn rules_that_cross_are_a_table_whose_cells_are_known() {
        let tables = tables(&rules(), (20.0, 0.0));
        let [table] = &tables[..] else { panic!("{tables:?}") };
        assert_eq!((table.band(&item(120.0, 140.0)), table.column(&item(120.0, 140.0))), (Some(1), 1));
        assert_eq!((table.band(&item(520.0, 270.0)), table.column(&item(520.0, 270.0))), (Some(3), 3));
        assert_eq!(table.band(&item(120.0, 320.0)), None);
        let gutter = |x: u32, y: u32, h: u32| Rect { x, y, w: 40, h };
        assert_eq!(table.spared(gutter(280, 110, 150)), []);
        assert_eq!(table.spared(gutter(280, 110, 900)), [gutter(280, 281, 729)]);
        assert_eq!(table.spared(gutter(280, 20, 300)), [gutter(280, 20, 81), gutter(280, 281, 39)]);
        assert_eq!(table.spared(gutter(900, 110, 900)), [gutter(900, 110, 900)]);
    }

    #[test]
    fn a_frame_and_a_line_under_a_heading_are_no_table() {
        let frame = [rules()[0], rules()[3], rules()[4], rules()[7]];
        assert!(tables(&frame, (20.0, 0.0)).is_empty());
        assert!(tables(&rules()[..4], (20.0, 0.0)).is_empty());
    }
}
