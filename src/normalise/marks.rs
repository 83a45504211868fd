//! What is on a page that has hardly any ink? Drawn strokes (a signature, a seal), letters in a row, or dirt.
//!
//! Dirt is small (specks), straight (folds, staples, lines of the glass), filled (punched holes, stains) or lies along the edge. What
//! was drawn is large, thin and curved.

use super::PageImage;
use super::measure::{Group, Mask, groups, percentile};

/// Cells that are a quarter of a millimetre: sizes of what was drawn, and of what may as well be a word that shows through.
const LEAST: usize = 20;
const TALL: usize = 32;
const FLAT: usize = 8;
/// A punched hole is no larger, and lies no further from the edge.
const HOLE: usize = 36;
const HOLE_EDGE: usize = 100;
/// Share of the cells of a stroke, in hundredths, that lie two cells or more within it: of a blob most do.
const INNER_SHARE: usize = 30;
/// Side of a piece in which a stroke is looked at, cells, and the fewest of its cells there.
const PIECE: usize = 64;
const PIECE_CELLS: usize = 12;
/// Mean square of the distance from the straight line under which a piece is straight, cells.
const STRAIGHT: f64 = 2.5;
/// Cells on each side of a row and a column that a crossing of two straight lines keeps to, and the share of it, in hundredths.
const BAND: usize = 2;
const CROSS_SHARE: usize = 85;

/// Cells of drawn strokes from which a page without text carries marks: two centimetres of a thin pen.
pub const DRAWN_LEAST: u32 = 80;

/// Cells of the strokes that were drawn; those that may be words only where `is_ink`: what shows through is paler.
pub(super) fn drawn(mask: &Mask, is_ink: bool) -> u32 {
    parts(mask).iter().filter(|part| is_stroke(part, mask, is_ink)).map(|part| curved(part)).sum()
}

/// A punched hole, or the rim of one: round, of its size, near an edge of the sheet.
pub(super) fn is_hole(group: &Group, mask: &Mask) -> bool {
    let (right, bottom) = (group.left + group.width, group.top + group.height);
    let to_edge = group.left.min(group.top).min(mask.width - right).min(mask.height - bottom);
    let is_of_size = (LEAST..=HOLE).contains(&group.width) && group.width.abs_diff(group.height) <= 3;
    if !is_of_size || to_edge >= HOLE_EDGE {
        return false;
    }
    // Of a disc the corners of its box are empty, and the middles of its sides are not.
    let is_dark = |x: usize, y: usize| mask.dark[y * mask.width + x];
    let corner = group.width / 10;
    let is_empty = |x: usize, y: usize| !(y..=y + corner).any(|y| (x..=x + corner).any(|x| is_dark(x, y)));
    let (far_x, far_y) = (right - 1 - corner, bottom - 1 - corner);
    let (across, down) = (group.left + group.width / 2, group.top + group.height / 2);
    let touches = |from: usize, side: &dyn Fn(usize) -> bool| (from..from + 3).any(side);
    [(group.left, group.top), (far_x, group.top), (group.left, far_y), (far_x, far_y)].iter().all(|at| is_empty(at.0, at.1))
        && touches(group.left, &|x| is_dark(x, down))
        && touches(right - 3, &|x| is_dark(x, down))
        && touches(group.top, &|y| is_dark(across, y))
        && touches(bottom - 3, &|y| is_dark(across, y))
}

/// Cells beside and above letters that are kept with them.
const AROUND: (usize, usize) = (25, 12);

/// Makes all of an even page that is far from its letters one value: of a few pale letters no threshold can be chosen beside the
/// grain of a whole sheet.
pub(super) fn clear_paper(mask: &Mask, image: &mut PageImage) {
    let (kept, width) = (written(mask), image.width.max(1) as usize);
    let paper = percentile(&image.gray, 50);
    let cell = |at: usize, from: u32, cells: usize| (at * cells / from.max(1) as usize).min(cells - 1);
    let (across, down) = (image.width, image.height);
    for (y, row) in image.gray.chunks_exact_mut(width).enumerate() {
        let line = cell(y, down, mask.height) * mask.width;
        for (x, value) in row.iter_mut().enumerate() {
            if !kept[line + cell(x, across, mask.width)] {
                *value = paper;
            }
        }
    }
}

/// The cells of letters, and those around them: what a page with hardly any ink, and pale, is read of.
fn written(mask: &Mask) -> Vec<bool> {
    let mut kept = vec![false; mask.dark.len()];
    let is_letter = |group: &&Group| {
        let (low, high) = (group.width.min(group.height), group.width.max(group.height));
        group.cells >= LETTER_LEAST && *LETTER_CELLS.start() <= high && low <= *LETTER_CELLS.end()
    };
    for group in groups(mask).iter().filter(is_letter) {
        let columns = group.left.saturating_sub(AROUND.0)..(group.left + group.width + AROUND.0).min(mask.width);
        for y in group.top.saturating_sub(AROUND.1)..(group.top + group.height + AROUND.1).min(mask.height) {
            kept[y * mask.width..][columns.clone()].fill(true);
        }
    }
    kept
}

type Cell = (usize, usize);

/// The cells of each group that hangs together.
fn parts(mask: &Mask) -> Vec<Vec<Cell>> {
    let mut left_over = mask.dark.clone();
    let (mut parts, mut stack) = (Vec::new(), Vec::new());
    for start in 0..left_over.len() {
        if !std::mem::take(&mut left_over[start]) {
            continue;
        }
        stack.push(start);
        let mut part = Vec::new();
        while let Some(at) = stack.pop() {
            let (x, y) = (at % mask.width, at / mask.width);
            part.push((x, y));
            for near_y in y.saturating_sub(1)..(y + 2).min(mask.height) {
                for near_x in x.saturating_sub(1)..(x + 2).min(mask.width) {
                    let near = near_y * mask.width + near_x;
                    if std::mem::take(&mut left_over[near]) {
                        stack.push(near);
                    }
                }
            }
        }
        parts.push(part);
    }
    parts
}

fn is_stroke(part: &[Cell], mask: &Mask, is_ink: bool) -> bool {
    let bounds = |side: fn(&Cell) -> usize| {
        let sides = part.iter().map(side);
        (sides.clone().min().unwrap_or(0), sides.max().unwrap_or(0))
    };
    let ((left, right), (top, bottom)) = (bounds(|cell| cell.0), bounds(|cell| cell.1));
    let (width, height) = (right - left + 1, bottom - top + 1);
    let (long, short) = (width.max(height), width.min(height));
    let to_edge = left.min(top).min(mask.width - 1 - right).min(mask.height - 1 - bottom);
    let is_hole = long <= HOLE && to_edge < HOLE_EDGE;
    if long < LEAST || short < FLAT || (short < TALL && !is_ink) || is_hole || to_edge == 0 {
        return false;
    }
    let is_dark = |x: usize, y: usize| mask.dark[y * mask.width + x];
    let is_inner = |&&(x, y): &&Cell| {
        let is_within = x >= 2 && y >= 2 && x + 2 < mask.width && y + 2 < mask.height;
        is_within && (y - 2..=y + 2).all(|y| (x - 2..=x + 2).all(|x| is_dark(x, y)))
    };
    part.iter().filter(is_inner).count() * 100 <= part.len() * INNER_SHARE
}

/// Cells of the pieces of a stroke that are neither straight nor a crossing of straight lines.
fn curved(part: &[Cell]) -> u32 {
    let mut pieces = std::collections::BTreeMap::<Cell, Vec<Cell>>::new();
    for cell in part {
        pieces.entry((cell.0 / PIECE, cell.1 / PIECE)).or_default().push(*cell);
    }
    let is_curved = |piece: &&Vec<Cell>| piece.len() >= PIECE_CELLS && !is_straight(piece) && !is_crossing(piece);
    pieces.values().filter(is_curved).map(|piece| piece.len() as u32).sum()
}

/// True of cells that lie about a straight line: the smaller of the two spreads about their middle is small.
fn is_straight(piece: &[Cell]) -> bool {
    let count = piece.len() as f64;
    let mean = |side: fn(&Cell) -> usize| piece.iter().map(|cell| side(cell) as f64).sum::<f64>() / count;
    let (x, y) = (mean(|cell| cell.0), mean(|cell| cell.1));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for cell in piece {
        let (dx, dy) = (cell.0 as f64 - x, cell.1 as f64 - y);
        (xx, yy, xy) = (xx + dx * dx / count, yy + dy * dy / count, xy + dx * dy / count);
    }
    let least = f64::midpoint(xx, yy) - (((xx - yy) / 2.0).powi(2) + xy * xy).sqrt();
    least < STRAIGHT
}

/// True where nearly all cells keep to one row and one column.
fn is_crossing(piece: &[Cell]) -> bool {
    let fullest = |side: fn(&Cell) -> usize| {
        let mut counts = [0_usize; PIECE];
        for cell in piece {
            counts[side(cell) % PIECE] += 1;
        }
        let band = |at: usize| counts[at.saturating_sub(BAND)..(at + BAND + 1).min(PIECE)].iter().sum::<usize>();
        (0..PIECE).max_by_key(|at| band(*at)).unwrap_or(0)
    };
    let (column, row) = (fullest(|cell| cell.0), fullest(|cell| cell.1));
    let keeps = |cell: &&Cell| (cell.0 % PIECE).abs_diff(column) <= BAND || (cell.1 % PIECE).abs_diff(row) <= BAND;
    piece.iter().filter(keeps).count() * 100 >= piece.len() * CROSS_SHARE
}

/// Heights of letters, cells: 8 to 30 points.
pub(super) const LETTER_CELLS: std::ops::RangeInclusive<usize> = 6..=42;
/// A letter of 8 points has 12 cells.
const LETTER_LEAST: usize = 10;
/// Widths of letters, in heights, that stand in a row: one word.
const ROW: usize = 2;

/// True where groups of the size of letters stand in a row, across or down, wherever on the sheet. What touches its very edge is a
/// shadow, a part of a letter or dirt.
pub(super) fn has_row(groups: &[Group], mask: &Mask) -> bool {
    let inside = |group: &&Group| {
        group.left > 0 && group.top > 0 && group.left + group.width < mask.width && group.top + group.height < mask.height
    };
    let all: Vec<&Group> =
        groups.iter().filter(inside).filter(|group| group.cells >= LETTER_LEAST && !is_hole(group, mask)).collect();
    // Place and length along the row, place and height across it.
    let across = |group: &Group| (group.left, group.width, group.top, group.height);
    let down = |group: &Group| (group.top, group.height, group.left, group.width);
    is_row(all.iter().map(|group| across(group)).collect()) || is_row(all.iter().map(|group| down(group)).collect())
}

fn is_row(mut groups: Vec<(usize, usize, usize, usize)>) -> bool {
    groups.retain(|(_, _, _, height)| LETTER_CELLS.contains(height));
    groups.iter().any(|(from, _, top, height)| {
        let is_beside = |other: &&(usize, usize, usize, usize)| {
            let overlap = (other.2 + other.3).min(top + height).saturating_sub(other.2.max(*top));
            other.0 >= *from && other.0 < from + 12 * height && 2 * overlap >= other.3.min(*height)
        };
        groups.iter().filter(is_beside).map(|other| other.1).sum::<usize>() >= ROW * height
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sheet of A4 at a hundred cells an inch on which `is_dark` is dark.
    fn sheet(is_dark: impl Fn(f32, f32) -> bool) -> Mask {
        let (width, height) = (827, 1169);
        let dark = (0..width * height).map(|at| is_dark((at % width) as f32, (at / width) as f32)).collect();
        Mask { width, height, dark }
    }

    #[test]
    fn a_signature_and_a_seal_are_drawn() {
        let signature = sheet(|x, y| {
            let wave = 700.0 + 30.0 * (x / 9.0).sin() + 12.0 * (x / 4.0).cos();
            (400.0..600.0).contains(&x) && (y - wave).abs() < 2.0
        });
        assert!(drawn(&signature, true) >= DRAWN_LEAST, "{}", drawn(&signature, true));
        let seal = sheet(|x, y| ((x - 500.0).hypot(y - 800.0) - 60.0).abs() < 1.5);
        assert!(drawn(&seal, false) >= DRAWN_LEAST, "a seal may be pale: {}", drawn(&seal, false));
    }

    #[test]
    fn folds_holes_specks_stains_and_borders_are_not_drawn() {
        let folds = sheet(|x, y| (y - 390.0 - x * 0.01).abs() < 1.2 || (x - 410.0 + y * 0.005).abs() < 1.2);
        let disc = sheet(|x, y| (x - 45.0).hypot(y - 500.0) < 12.0);
        let crescent = sheet(|x, y| ((x - 45.0).hypot(y - 500.0) - 12.0).abs() < 1.0);
        let specks = sheet(|x, y| x as u32 % 40 < 3 && y as u32 % 50 < 2);
        let stain = sheet(|x, y| (x - 400.0).hypot(y - 600.0) < 40.0);
        let border = sheet(|x, y| x < 12.0 + y / 100.0 || y > 1_150.0);
        let staple = sheet(|x, y| (60.0..108.0).contains(&x) && (y - x).abs() < 2.0);
        let named = [folds, disc, crescent, specks, stain, border, staple];
        for (n, mask) in named.iter().enumerate() {
            assert!(drawn(mask, true) < DRAWN_LEAST, "{n}: {}", drawn(mask, true));
        }
    }
}
