//! What lies around the sheet? Black of the glass, shadows, neighbouring pages: thick dark parts that touch the edge.
//!
//! They make the engine see columns and letters where there are none. Only what is thicker than any stroke of writing and
//! hangs together with an edge is taken away, and only on the image that is read.

use super::PageImage;
use super::measure::{Group, Mask, Small, groups};

/// Cells of the small picture (100 per inch) that a part must be thick: 1.3 mm, thicker than rules and letters.
const THICK: usize = 5;
/// Brightness of a dark cell, as a share of the paper's: the deepest shadow in which paper is still read is brighter.
const DARK: f32 = 0.25;
/// Cells around the part that go with it: its blurred rim.
const RIM: usize = 2;

/// Heights of letters in a dark band, cells, how many of them make it one, and how far from them the band is looked for.
const LETTER: std::ops::RangeInclusive<usize> = 6..=60;
const LETTERS: usize = 8;
const BESIDE: usize = 4;
/// Cells by which the feet of letters of one line differ.
const LEVEL: usize = 2;

/// Dark parts at the edges, cell by cell of the small picture.
#[derive(Debug, Clone)]
pub(super) struct Edges {
    cell: usize,
    width: usize,
    cells: Vec<bool>,
}

impl Edges {
    /// Looks for them; `None` where there are none.
    pub(super) fn of(small: &Small, cell: usize) -> Option<Self> {
        let (width, height) = (small.width, small.height);
        if width < 8 * THICK || height < 8 * THICK {
            return None;
        }
        let limit = (f32::from(small.percentile(70)) * DARK) as u8;
        if rim(width, height).filter(|at| small.values[*at] < limit).count() < THICK {
            return None;
        }
        let dark: Vec<bool> = small.values.iter().map(|value| *value < limit).collect();
        let thick = dilated(&eroded(&dark, width, THICK), width, THICK);
        let mut light = None;
        let (mut cells, mut been) = (vec![false; dark.len()], vec![false; dark.len()]);
        for seed in rim(width, height).filter(|at| thick[*at]) {
            let part = joined(seed, &thick, width, &mut been);
            if part.is_empty() {
                continue;
            }
            let light = light.get_or_insert_with(|| {
                groups(&Mask { width, height, dark: small.values.iter().map(|value| *value >= limit).collect() })
            });
            if !is_written(&part, light, (width, height)) {
                for at in part {
                    cells[at] = true;
                }
            }
        }
        cells.iter().any(|cell| *cell).then(|| Self { cell, width, cells: dilated(&cells, width, RIM * 2 + 1) })
    }

    /// True if the cell belongs to an edge.
    pub(super) fn holds(&self, at: usize) -> bool {
        self.cells.get(at).copied().unwrap_or(false)
    }

    /// Paints them white.
    pub(super) fn wipe(&self, image: &mut PageImage) {
        let stride = image.width as usize;
        for (y, row) in image.gray.chunks_exact_mut(stride).enumerate() {
            let cells = y / self.cell * self.width;
            let Some(cells) = self.cells.get(cells..cells + self.width).or_else(|| self.cells.rchunks(self.width).next()) else {
                return;
            };
            for (pixels, _) in row.chunks_mut(self.cell).zip(cells).filter(|(_, is_edge)| **is_edge) {
                pixels.fill(255);
            }
            // Pixels beyond the last whole cell go with it.
            let rest = self.width * self.cell;
            if cells.last() == Some(&true) && rest < stride {
                row[rest..].fill(255);
            }
        }
    }
}

/// The cells that hang together with `seed`; none where they were looked at before.
fn joined(seed: usize, thick: &[bool], width: usize, been: &mut [bool]) -> Vec<usize> {
    let mut part = Vec::new();
    let mut stack = vec![seed];
    while let Some(at) = stack.pop() {
        if !thick[at] || std::mem::replace(&mut been[at], true) {
            continue;
        }
        part.push(at);
        let (x, y) = (at % width, at / width);
        (x > 0).then(|| stack.push(at - 1));
        (x + 1 < width).then(|| stack.push(at + 1));
        (y > 0).then(|| stack.push(at - width));
        (at + width < thick.len()).then(|| stack.push(at + width));
    }
    part
}

/// True of a part in which a line of letters is spared out: the band of a letterhead that runs to the edge of the sheet.
fn is_written(part: &[usize], light: &[Group], (width, height): (usize, usize)) -> bool {
    let own: std::collections::HashSet<usize> = part.iter().copied().collect();
    let is_letter = |group: &&Group| {
        let (middle, below) = (group.left + group.width / 2, group.top + group.height + BESIDE);
        LETTER.contains(&group.height)
            && group.width <= *LETTER.end()
            && group.top >= BESIDE
            && below < height
            && own.contains(&((group.top - BESIDE) * width + middle))
            && own.contains(&(below * width + middle))
    };
    // Light spots of a picture stand on no common line.
    let mut feet: Vec<usize> = light.iter().filter(is_letter).map(|group| group.top + group.height).collect();
    feet.sort_unstable();
    feet.windows(LETTERS).any(|line| line[LETTERS - 1] - line[0] <= LEVEL)
}

/// True if bright parts thicker than any stroke are a good part of the picture: a sheet on black, not light writing.
pub(super) fn shows_sheet(small: &Small) -> bool {
    let bright: Vec<bool> = small.values.iter().map(|value| *value > 150).collect();
    let thick = eroded(&bright, small.width, THICK);
    thick.iter().filter(|cell| **cell).count() * 12 > thick.len()
}

/// The cells along the four edges.
fn rim(width: usize, height: usize) -> impl Iterator<Item = usize> {
    let rows = (0..width).flat_map(move |x| [x, (height - 1) * width + x]);
    rows.chain((0..height).flat_map(move |y| [y * width, y * width + width - 1]))
}

/// Cells around which a square of `side` is wholly set; what lies outside the picture counts as set.
fn eroded(cells: &[bool], width: usize, side: usize) -> Vec<bool> {
    let unset: Vec<bool> = cells.iter().map(|cell| !cell).collect();
    dilated(&unset, width, side).iter().map(|cell| !cell).collect()
}

/// Cells within a square of `side` around a set one.
fn dilated(cells: &[bool], width: usize, side: usize) -> Vec<bool> {
    let reach = side / 2;
    let mut across = vec![false; cells.len()];
    for (row, out) in cells.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        for x in (0..width).filter(|x| row[*x]) {
            out[x.saturating_sub(reach)..(x + reach + 1).min(width)].fill(true);
        }
    }
    let height = cells.len() / width;
    let mut out = vec![false; cells.len()];
    for y in 0..height {
        let target = &mut out[y * width..(y + 1) * width];
        for near in y.saturating_sub(reach)..(y + reach + 1).min(height) {
            for (cell, set) in target.iter_mut().zip(&across[near * width..(near + 1) * width]) {
                *cell |= set;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(draw: impl Fn(u32, u32) -> bool) -> PageImage {
        let gray = (0..400_u32).flat_map(|y| (0..300_u32).map(move |x| (x, y)));
        let gray = gray.map(|(x, y)| if draw(x, y) { 10 } else { 240 }).collect();
        PageImage::new(300, 400, gray).unwrap()
    }

    #[test]
    fn a_black_band_at_the_edge_goes_and_writing_and_rules_stay() {
        let is_band = |x: u32, _: u32| x < 20;
        let is_text = |x: u32, y: u32| (100..200).contains(&x) && y % 20 < 3;
        let is_rule = |_: u32, y: u32| (300..302).contains(&y);
        let mut image = page(|x, y| is_band(x, y) || is_text(x, y) || is_rule(x, y));
        let edges = Edges::of(&Small::of(&image, 1), 1).unwrap();
        edges.wipe(&mut image);
        assert_eq!(image.gray[50 * 300 + 5], 255);
        assert_eq!(image.gray[101 * 300 + 150], 10);
        assert_eq!(image.gray[300 * 300 + 250], 10);
    }

    #[test]
    fn a_dark_band_with_letters_spared_out_is_no_edge() {
        let is_band = |_: u32, y: u32| y < 60;
        let is_letter = |x: u32, y: u32| (20..30).contains(&y) && (40..240).contains(&x) && x % 12 < 6;
        assert!(Edges::of(&Small::of(&page(|x, y| is_band(x, y) && !is_letter(x, y)), 1), 1).is_none());
        assert!(Edges::of(&Small::of(&page(is_band), 1), 1).is_some());
    }

    #[test]
    fn a_black_box_in_the_middle_of_the_sheet_is_no_edge() {
        assert!(Edges::of(&Small::of(&page(|x, y| (100..200).contains(&x) && (100..200).contains(&y)), 1), 1).is_none());
    }
}
