//! In which order is a page read? Columns first, then rows from top to bottom, pieces of a row from left to right.
//!
//! A gutter parts columns if the lines on its sides do not stand on common baselines, or if they fill their column as
//! running text does. Otherwise it parts cells of a table, which is read row by row; so are the bands of ruled tables, and where
//! a cell has several lines, cell by cell.

use std::collections::BTreeMap;

use super::tables::Table;
use crate::page::Rect;

/// A piece of a line, on a page made straight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Item {
    pub(super) left: f32,
    pub(super) right: f32,
    /// Height of its baseline.
    pub(super) base: f32,
    /// Height of its small letters.
    pub(super) small: f32,
}

impl Item {
    fn top(&self) -> f32 {
        self.base - 1.4 * self.small
    }

    fn bottom(&self) -> f32 {
        self.base + 0.4 * self.small
    }

    fn middle(&self) -> f32 {
        f32::midpoint(self.left, self.right)
    }
}

/// Rows of pieces of a block; the numbers are those of the items.
pub(super) type Rows = Vec<Vec<usize>>;

/// Least lines on each side of a gutter between columns.
const LINES: usize = 3;
/// Share of lines with a neighbour on the same baseline from which two columns may be a table.
const ALIGNED: f32 = 0.55;
/// Median width of lines of running text, heights of small letters, and the share of them that fill the column.
const TEXT_WIDE: f32 = 15.0;
const FILLED: f32 = 0.5;
/// A line goes on with a column if it is no further from its last one than so many usual distances.
const TAIL: f32 = 1.85;
/// A row that is further from the last one than so many usual distances begins a block.
const BLOCK_GAP: f32 = 1.55;
/// So does one whose letters are larger or smaller by this.
const BLOCK_SIZE: f32 = 1.3;
/// How often a page is cut.
const DEPTH: usize = 24;

/// The blocks of the page in reading order.
pub(super) fn blocks(items: &[Item], gutters: &[Rect], tables: &[Table]) -> Vec<Rows> {
    let mut regions = Vec::new();
    let gutters: Vec<Rect> = gutters.iter().flat_map(|gutter| beside_tables(*gutter, tables)).collect();
    cut((0..items.len()).collect(), items, &gutters, (&mut regions, DEPTH));
    regions.into_iter().flat_map(|region| parted(ordered(region, items, tables), items)).collect()
}

/// What of a gutter lies above, between and below the ruled tables that it crosses: in them it parts cells.
fn beside_tables(gutter: Rect, tables: &[Table]) -> Vec<Rect> {
    tables.iter().fold(vec![gutter], |parts, table| parts.into_iter().flat_map(|part| table.spared(part)).collect())
}

/// Rows from top to bottom; bands of a ruled table with cells of several lines cell by cell.
fn ordered(region: Vec<usize>, items: &[Item], tables: &[Table]) -> Rows {
    let mut bands: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    let mut others = Vec::new();
    for at in region {
        let place = tables.iter().enumerate().find_map(|(table, of)| Some((table, of.band(&items[at])?)));
        match place {
            Some(place) => bands.entry(place).or_default().push(at),
            None => others.push(at),
        }
    }
    let mut units: Vec<Rows> = rows(others, items).into_iter().map(|row| vec![row]).collect();
    for ((table, _), inside) in bands {
        let of_band = rows(inside, items);
        if of_band.len() == 1 {
            units.push(of_band);
            continue;
        }
        let mut cells: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in of_band.into_iter().flatten() {
            cells.entry(tables[table].column(&items[at])).or_default().push(at);
        }
        units.push(cells.into_values().flat_map(|cell| rows(cell, items)).collect());
    }
    let top = |unit: &Rows| unit.iter().map(|row| mean(row, items, |i| i.base)).fold(f32::MAX, f32::min);
    units.sort_by(|a, b| top(a).total_cmp(&top(b)));
    units.concat()
}

fn cut(inside: Vec<usize>, items: &[Item], gutters: &[Rect], (regions, depth): (&mut Vec<Vec<usize>>, usize)) {
    if inside.is_empty() {
        return;
    }
    let best = gutters.iter().filter(|gutter| is_between_columns(gutter, &inside, items, gutters)).max_by_key(|gutter| gutter.h);
    let Some(gutter) = best.filter(|_| depth > 0) else {
        regions.push(inside);
        return;
    };
    let (top, bottom) = (gutter.y as f32, (gutter.y + gutter.h) as f32);
    let middle = gutter.x as f32 + gutter.w as f32 / 2.0;
    let mut parts: [Vec<usize>; 4] = Default::default();
    for at in inside {
        let item = &items[at];
        let y = item.base - 0.5 * item.small;
        let part = if y < top {
            0
        } else if y > bottom {
            3
        } else if item.middle() < middle {
            1
        } else {
            2
        };
        parts[part].push(at);
    }
    if parts[1].is_empty() || parts[2].is_empty() {
        regions.push(parts.concat());
        return;
    }
    let [_, left, right, below] = &mut parts;
    let count = tails([&*left, &*right], below, items, middle);
    for at in below.drain(..count) {
        if items[at].middle() < middle { left.push(at) } else { right.push(at) }
    }
    for part in parts {
        cut(part, items, gutters, (regions, depth - 1));
    }
}

/// How many of the lines below a gutter go on with its columns: beside the end of the longer one there is nothing, so the
/// gutter does not reach so far. They are put first, from top to bottom.
fn tails(columns: [&[usize]; 2], below: &mut [usize], items: &[Item], middle: f32) -> usize {
    let bases = columns.map(|column| {
        let mut bases: Vec<f32> = column.iter().map(|at| items[*at].base).collect();
        bases.sort_by(f32::total_cmp);
        bases
    });
    let mut steps: Vec<f32> = bases.iter().flat_map(|of| of.windows(2).map(|two| two[1] - two[0])).collect();
    steps.retain(|step| *step > 0.5 * items[columns[0][0]].small);
    steps.sort_by(f32::total_cmp);
    let (Some(usual), [Some(left), Some(right)]) = (steps.get(steps.len() / 2), bases.map(|of| of.last().copied())) else {
        return 0;
    };
    let mut last = [left, right];
    below.sort_by(|a, b| items[*a].base.total_cmp(&items[*b].base));
    let mut count = 0;
    for item in below.iter().map(|at| &items[*at]) {
        if item.left < middle && item.right > middle {
            // A line as wide as the page that follows closely on a short one: the short one is its own.
            return if count == 1 { 0 } else { count };
        }
        let last = &mut last[usize::from(item.left > middle)];
        if item.base - *last > TAIL * usual {
            return count;
        }
        *last = last.max(item.base);
        count += 1;
    }
    count
}

/// The items beside the gutter, up to the next gutter on either side.
fn sides(gutter: &Rect, inside: &[usize], items: &[Item], gutters: &[Rect]) -> [Vec<usize>; 2] {
    let (top, bottom) = (gutter.y as f32, (gutter.y + gutter.h) as f32);
    let middle = gutter.x as f32 + gutter.w as f32 / 2.0;
    let is_beside = |other: &&Rect| {
        let shared = (other.y + other.h).min(gutter.y + gutter.h).saturating_sub(other.y.max(gutter.y));
        shared * 2 > gutter.h
    };
    let mut sides = [Vec::new(), Vec::new()];
    for at in inside.iter().filter(|at| (top..=bottom).contains(&(items[**at].base - 0.5 * items[**at].small))) {
        sides[usize::from(items[*at].middle() > middle)].push(*at);
    }
    // The next gutter is the nearest with more than a piece between: a speck parts no gutter in two.
    let mut others: Vec<f32> = gutters.iter().filter(is_beside).map(|other| other.x as f32 + other.w as f32 / 2.0).collect();
    others.sort_by(|a, b| (a - middle).abs().total_cmp(&(b - middle).abs()));
    for (side, is_left) in sides.iter_mut().zip([true, false]) {
        let is_between = |at: &usize, x: f32| if is_left { items[*at].middle() > x } else { items[*at].middle() < x };
        let bound = others
            .iter()
            .filter(|x| if is_left { **x < middle - 1.0 } else { **x > middle + 1.0 })
            .find(|x| side.iter().filter(|at| is_between(at, **x)).count() >= 2);
        if let Some(bound) = bound {
            side.retain(|at| is_between(at, *bound));
        }
    }
    sides
}

fn is_between_columns(gutter: &Rect, inside: &[usize], items: &[Item], gutters: &[Rect]) -> bool {
    let [left, right] = sides(gutter, inside, items, gutters);
    // Pieces of one justified line are not several.
    if [&left, &right].into_iter().any(|side| lines(side, items).len() < LINES) {
        return false;
    }
    let (few, many) = if left.len() < right.len() { (&left, &right) } else { (&right, &left) };
    let mut bases: Vec<f32> = many.iter().map(|at| items[*at].base).collect();
    bases.sort_by(f32::total_cmp);
    let is_aligned = |at: &&usize| {
        let (base, near) = (items[**at].base, 0.3 * items[**at].small);
        bases.get(bases.partition_point(|other| *other <= base - near)).is_some_and(|other| *other < base + near)
    };
    let aligned = few.iter().filter(is_aligned).count() as f32 / few.len() as f32;
    aligned < ALIGNED || (is_filled(&left, items) && is_filled(&right, items))
}

/// True of running text: long lines, most of them as long as the column is wide.
fn is_filled(side: &[usize], items: &[Item]) -> bool {
    let lines = lines(side, items);
    // Notes and headings beside the column do not count for its width.
    let sorted = |of: fn(&Item) -> f32| {
        let mut values: Vec<f32> = lines.iter().map(of).collect();
        values.sort_by(f32::total_cmp);
        values
    };
    let (lefts, rights) = (sorted(|item| item.left), sorted(|item| item.right));
    let (left, right) = (lefts[lefts.len() / 3], rights[rights.len() * 4 / 5]);
    let widths = sorted(|item| (item.right - item.left) / item.small);
    let full = lines.iter().filter(|line| line.right - line.left > 0.8 * (right - left)).count();
    widths[widths.len() / 2] >= TEXT_WIDE && full as f32 >= FILLED * lines.len() as f32
}

/// The lines of a column: words far apart in a justified line are pieces of one.
fn lines(side: &[usize], items: &[Item]) -> Vec<Item> {
    let mut order: Vec<&Item> = side.iter().map(|at| &items[*at]).collect();
    order.sort_by(|a, b| a.base.total_cmp(&b.base));
    let mut lines: Vec<Item> = Vec::new();
    for item in order {
        match lines.last_mut().filter(|line| item.base - line.base < 0.5 * line.small.min(item.small)) {
            Some(line) => (line.left, line.right) = (line.left.min(item.left), line.right.max(item.right)),
            None => lines.push(*item),
        }
    }
    lines
}

/// Pieces side by side are a row.
fn rows(mut inside: Vec<usize>, items: &[Item]) -> Rows {
    inside.sort_by(|a, b| items[*a].base.total_cmp(&items[*b].base));
    let mut rows: Rows = Vec::new();
    for at in inside {
        let item = &items[at];
        let fits = |row: &Vec<usize>| {
            let is_side_by_side = |other: &usize| {
                let other = &items[*other];
                let shared = item.bottom().min(other.bottom()) - item.top().max(other.top());
                shared > 0.5 * item.small.min(other.small) * 1.8
            };
            let is_clear = |other: &usize| {
                let other = &items[*other];
                item.left.max(other.left) > item.right.min(other.right) - 0.5 * item.small
            };
            row.iter().any(is_side_by_side) && row.iter().all(is_clear)
        };
        match rows.iter_mut().rev().take(8).find(|row| fits(row)) {
            Some(row) => row.push(at),
            None => rows.push(vec![at]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| items[*a].left.total_cmp(&items[*b].left));
    }
    rows.sort_by(|a, b| mean(a, items, |i| i.base).total_cmp(&mean(b, items, |i| i.base)));
    rows
}

fn mean(row: &[usize], items: &[Item], of: impl Fn(&Item) -> f32) -> f32 {
    row.iter().map(|at| of(&items[*at])).sum::<f32>() / row.len().max(1) as f32
}

/// Rows parted into blocks, at wide gaps and changes of size.
fn parted(rows: Rows, items: &[Item]) -> Vec<Rows> {
    let bases: Vec<f32> = rows.iter().map(|row| mean(row, items, |i| i.base)).collect();
    let sizes: Vec<f32> = rows.iter().map(|row| mean(row, items, |i| i.small)).collect();
    let mut blocks: Vec<Rows> = Vec::new();
    let mut last: Option<usize> = None;
    for (at, row) in rows.into_iter().enumerate() {
        let is_new = last.is_none_or(|last| {
            let gap = bases[at] - bases[last];
            // The usual distance hereabouts: the least of those before and after, if it is one of lines at all.
            let near = [(last.checked_sub(1), last), (Some(at), at + 1)];
            let usual = near
                .iter()
                .filter_map(|(from, to)| Some(bases.get(*to)? - bases.get((*from)?)?))
                .filter(|gap| *gap > 1.2 * sizes[last])
                .fold(f32::MAX, f32::min)
                .clamp(1.8 * sizes[last], 3.4 * sizes[last]);
            let ratio = sizes[at].max(sizes[last]) / sizes[at].min(sizes[last]).max(1.0);
            gap > BLOCK_GAP * usual || ratio > BLOCK_SIZE
        });
        last = Some(at);
        match blocks.last_mut().filter(|_| !is_new) {
            Some(block) => block.push(row),
            None => blocks.push(vec![row]),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(left: f32, right: f32, base: f32) -> Item {
        Item { left, right, base, small: 20.0 }
    }

    #[test]
    fn columns_of_running_text_are_read_one_after_the_other() {
        let mut items: Vec<Item> = vec![item(100.0, 1500.0, 50.0)];
        for line in 0..8_u8 {
            items.push(item(100.0, 780.0, 150.0 + 45.0 * f32::from(line)));
            items.push(item(860.0, 1500.0, 150.0 + 45.0 * f32::from(line)));
        }
        items.push(item(100.0, 1500.0, 700.0));
        let gutter = Rect { x: 790, y: 110, w: 60, h: 380 };
        let read: Vec<usize> = blocks(&items, &[gutter], &[]).concat().concat();
        let expected: Vec<usize> = [0].into_iter().chain((1..16).step_by(2)).chain((2..17).step_by(2)).chain([17]).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn the_longer_of_two_columns_is_read_to_its_end_and_what_is_below_both_is_not() {
        let line = |n: u8| 150.0 + 45.0 * f32::from(n);
        let mut items: Vec<Item> = (0..12).map(|n| item(100.0, 780.0, line(n))).collect();
        items.extend((0..8).map(|n| item(860.0, 1500.0, line(n))));
        items.push(item(100.0, 400.0, line(14)));
        let gutter = Rect { x: 790, y: 110, w: 60, h: 365 };
        let read = |items: &[Item]| blocks(items, &[gutter], &[]).concat().concat();
        assert_eq!(read(&items), (0..21).collect::<Vec<_>>());
        // Short lines close over lines as wide as the page belong to them.
        let mut items: Vec<Item> = (0..8).map(|n| item(100.0, 780.0, line(n))).collect();
        items.extend((0..8).map(|n| item(860.0, 1500.0, line(n))));
        items.extend([item(100.0, 400.0, line(8)), item(100.0, 1500.0, line(9))]);
        assert_eq!(read(&items), (0..18).collect::<Vec<_>>());
        // A last line of the right column, and a second paragraph of the left one.
        let mut items: Vec<Item> = (0..8).map(|n| item(100.0, 780.0, line(n))).collect();
        items.extend((9..15).map(|n| item(100.0, 780.0, line(n) - 15.0)));
        items.extend((0..8).map(|n| item(860.0, 1500.0, line(n))));
        items.push(item(860.0, 1_000.0, line(8) + 10.0));
        assert_eq!(read(&items), (0..23).collect::<Vec<_>>());
    }

    #[test]
    fn cells_of_a_table_are_read_row_by_row() {
        let items: Vec<Item> = (0..8_u8)
            .flat_map(|line| {
                let base = 150.0 + 60.0 * f32::from(line);
                [item(100.0, 130.0, base), item(250.0, 500.0, base + 2.0), item(860.0, 960.0, base - 1.0)]
            })
            .collect();
        let gutters = [Rect { x: 140, y: 110, w: 90, h: 500 }, Rect { x: 600, y: 110, w: 200, h: 500 }];
        let read = blocks(&items, &gutters, &[]);
        assert_eq!(read.concat().concat(), (0..24).collect::<Vec<_>>());
        assert_eq!(read.concat().len(), 8);
    }

    #[test]
    fn a_gutter_of_a_ruled_table_does_not_part_the_justified_lines_below_it() {
        let rule = |x: u32, y: u32, w: u32, h: u32| Rect { x, y, w, h };
        let across = (0..6).map(|n| rule(100, 100 + n * 60, 1_400, 3));
        let down = [100, 780, 1_500].into_iter().map(|x| rule(x, 100, 3, 303));
        let tables = super::super::tables::tables(&across.chain(down).collect::<Vec<_>>(), (20.0, 0.0));
        let mut items: Vec<Item> = Vec::new();
        for row in 0..7_u8 {
            let base = 140.0 + 60.0 * f32::from(row);
            items.extend([item(110.0, 740.0, base), item(800.0, 1_150.0, base), item(1_200.0, 1_490.0, base)]);
        }
        let gutter = rule(745, 110, 50, 400);
        assert_eq!(blocks(&items, &[gutter], &tables).concat().concat(), (0..21).collect::<Vec<_>>());
    }

    #[test]
    fn a_note_in_the_margin_on_baselines_of_its_own_is_read_apart() {
        let mut items: Vec<Item> = (0..6_u8).map(|line| item(50.0, 190.0, 163.0 + 33.0 * f32::from(line))).collect();
        items.extend((0..6_u8).map(|line| item(300.0, 1400.0, 150.0 + 45.0 * f32::from(line))));
        let read: Vec<usize> = blocks(&items, &[Rect { x: 200, y: 110, w: 90, h: 240 }], &[]).concat().concat();
        assert_eq!(read[..5], [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_wide_gap_and_a_larger_letter_begin_blocks() {
        let mut items: Vec<Item> = [100.0, 145.0, 190.0, 300.0, 345.0].map(|base| item(100.0, 900.0, base)).to_vec();
        items.push(Item { small: 30.0, ..item(100.0, 900.0, 400.0) });
        let sizes: Vec<usize> = blocks(&items, &[], &[]).iter().map(Vec::len).collect();
        assert_eq!(sizes, [3, 2, 1]);
    }
}
