//! What does the eye see before reading? Paper, ink, light and blankness, measured on a small picture of the page.

use std::ops::Range;

use super::PageImage;
use super::edges::{self, Edges};
use super::marks::{LETTER_CELLS, has_row, is_hole};

/// Cells per inch of the small picture.
const CELLS_PER_INCH: f32 = 100.0;
/// Side of a tile over which the paper's brightness is taken, cells (8 mm).
const TILE: usize = 32;
/// Least darkening of a cell that counts as ink: show-through darkens less.
const INK_DROP: i32 = 36;
/// Darkening of faint writing: show-through of common paper stays under it.
const FAINT_DROP: i32 = 22;
/// Fewest groups of the size of letters that make faint marks writing.
pub const FAINT_LETTERS: u32 = 40;
/// Groups of the size of letters under which traces are a few lines at most.
const FEW_LETTERS: u32 = 150;
/// Darkening of traces that are read to find out what they are: less is the grain of the paper.
const TRACE_DROP: i32 = 9;
/// Fewest cells of a group that is content: a digit of 8 points has 12, a speck fewer than 8.
const CONTENT_CELLS: usize = 8;
/// Share of the page's width and height at each edge whose shadows are not content.
const EDGE: f32 = 0.015;

/// Lean from which lines of text are taken to run down the page.
const LINES_DOWN: f32 = 1.4;

/// What was seen of one page.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen by itself")]
pub struct Look {
    /// Dark cells of the small picture.
    pub(super) mask: Mask,
    /// Brightness of ink below that of paper, 0 to 1.
    pub contrast: f32,
    /// Spread of the paper's brightness over the page, 0 to 1.
    pub unevenness: f32,
    /// Groups of dark cells that could be writing; 0 of a blank page.
    pub marks: u32,
    /// Of a page without such a group those of the size of letters that are fainter: from [`FAINT_LETTERS`] on it is written.
    pub faint_marks: Option<u32>,
    /// True if nothing that could be writing is on the page.
    pub blank: bool,
    /// True of a blank page with traces that may be very faint writing, or the back of the sheet showing through: only reading
    /// tells which.
    pub has_traces: bool,
    /// True if these traces are no more than a few lines: one word that reads well proves them.
    pub has_few: bool,
    /// True if lines of text run down the stored image rather than across.
    pub sideways: bool,
    /// How much more sharply ink changes from column to column than from row to row.
    pub lean: f32,
    /// True if the page is light writing on dark paper.
    pub inverted: bool,
    /// Median height of a letter or group of letters, pixels; 0 where there is none.
    pub letter_height: f32,
    /// Groups of the size of letters that the edge of the sheet cuts.
    pub letters_cut: u32,
    /// What lies around the sheet.
    pub(super) edges: Option<Edges>,
}

impl Look {
    /// True if there is hardly any ink: a page of marks and dirt.
    pub fn is_sparse(&self) -> bool {
        let dark = self.mask.dark.iter().filter(|dark| **dark).count();
        dark * 200 < self.mask.dark.len()
    }
}

/// Dark cells, row by row.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) dark: Vec<bool>,
}

/// Looks at a page whose resolution is about `dpi`.
pub(super) fn look(image: &PageImage, dpi: f32) -> Look {
    let cell = cell_of(dpi);
    let mut small = Small::of(image, cell);
    let inverted = small.percentile(50) < 90 && !edges::shows_sheet(&small) && small.is_light_on_dark();
    if inverted {
        small.values.iter_mut().for_each(|value| *value = 255 - *value);
    }
    let edges = Edges::of(&small, cell);
    if let Some(edges) = &edges {
        let paper = small.percentile(70);
        (0..).zip(&mut small.values).filter(|(at, _)| edges.holds(*at)).for_each(|(_, value)| *value = paper);
    }
    let paper = Paper::of(&small);
    let drops = paper.drops(&small);
    // Faint ink is judged against the page's own ink, so that show-through beside black text is not ink.
    let ink = ink_depth(&drops);
    let darker = |least: i32| {
        let dark = drops.iter().map(|drop| *drop > least).collect();
        Mask { width: small.width, height: small.height, dark }
    };
    let Seen { mask, writing, marks, faint_marks } = written(darker, INK_DROP.max(ink / 4));
    let groups = groups(&mask);
    let mut heights: Vec<usize> = groups.iter().map(|g| g.height).filter(|h| *h >= 3).collect();
    heights.sort_unstable();
    let letter_height = heights.get(heights.len() / 2).map_or(0.0, |h| (h * cell) as f32);
    let (across, down) = mask.energies();
    Look {
        contrast: ink as f32 / 255.0,
        unevenness: paper.unevenness(),
        marks,
        faint_marks,
        blank: matches!(writing, Writing::None | Writing::Few | Writing::Traces),
        has_traces: matches!(writing, Writing::Few | Writing::Traces),
        has_few: writing == Writing::Few,
        sideways: down > LINES_DOWN * across,
        lean: down / across.max(1.0),
        inverted,
        letter_height,
        letters_cut: groups.iter().filter(|group| group.is_cut_letter(&mask)).count() as u32,
        mask,
        edges,
    }
}

/// How much darker than the paper the darkest mark of the page is, 0 to 1: a mark is a group of cells that is content.
pub(super) fn deepest(image: &PageImage, look: &Look, dpi: f32) -> f32 {
    let mut small = Small::of(image, cell_of(dpi));
    if look.inverted {
        small.values.iter_mut().for_each(|value| *value = 255 - *value);
    }
    let paper = small.percentile(70);
    let is_outside = |at: usize| look.edges.as_ref().is_some_and(|edges| edges.holds(at));
    (0..).zip(&mut small.values).filter(|(at, _)| is_outside(*at)).for_each(|(_, value)| *value = paper);
    let drops = Paper::of(&small).drops(&small);
    let shows = |least: i32| {
        let dark = drops.iter().map(|drop| *drop > least).collect();
        let mask = Mask { width: small.width, height: small.height, dark };
        groups(&mask).iter().any(|group| group.is_content(&mask))
    };
    let (mut seen, mut bare) = (0, 255);
    while seen + 1 < bare {
        let middle = i32::midpoint(seen, bare);
        *(if shows(middle) { &mut seen } else { &mut bare }) = middle;
    }
    seen as f32 / 255.0
}

/// Pixels of a side of a cell.
fn cell_of(dpi: f32) -> usize {
    ((dpi / CELLS_PER_INCH).round() as usize).clamp(1, 16)
}

/// What a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// Something that could be writing.
    Ink,
    /// Ink too faint for content, but so many groups of the size of letters that it is faint writing rather than dirt.
    Faint,
    /// The same, fainter still: it may as well be the back of the sheet.
    Traces,
    /// Letters in a row, fewer, or at the edge of the sheet: they may as well be dirt.
    Few,
    None,
}

/// What is on the page, the cells that it is seen in, and how many marks were counted.
struct Seen {
    mask: Mask,
    writing: Writing,
    marks: u32,
    faint_marks: Option<u32>,
}

/// What is on the page; `darker` gives the cells that are darker than paper by more than so much.
fn written(darker: impl Fn(i32) -> Mask, least: i32) -> Seen {
    let mask = darker(least);
    let inked = groups(&mask);
    let marks = inked.iter().filter(|group| group.is_content(&mask)).count() as u32;
    if marks > 0 {
        return Seen { mask, writing: Writing::Ink, marks, faint_marks: None };
    }
    let mut few = has_row(&inked, &mask).then(|| mask.clone());
    let mut faint_marks = None;
    for (least, writing) in [(FAINT_DROP, Writing::Faint), (TRACE_DROP, Writing::Traces)] {
        let faint = darker(least);
        let is_letter = |group: &&Group| LETTER_CELLS.contains(&group.height) && group.is_content(&faint);
        let found = groups(&faint);
        let letters = found.iter().filter(is_letter).count() as u32;
        faint_marks = faint_marks.or(Some(letters));
        if letters >= FAINT_LETTERS {
            let is_few = writing == Writing::Traces && letters < FEW_LETTERS;
            let writing = if is_few { Writing::Few } else { writing };
            return Seen { mask: faint, writing, marks, faint_marks };
        }
        if few.is_none() && has_row(&found, &faint) {
            few = Some(faint);
        }
    }
    let (writing, mask) = few.map_or((Writing::None, mask), |few| (Writing::Few, few));
    Seen { mask, writing, marks, faint_marks }
}

/// By how much the darker quarter of the inked cells is darker than the paper; 0 where there is no ink.
fn ink_depth(drops: &[i32]) -> i32 {
    let inked: Vec<u8> = drops.iter().filter(|drop| **drop > INK_DROP).map(|drop| (*drop).min(255) as u8).collect();
    if inked.is_empty() { 0 } else { i32::from(percentile(&inked, 75)) }
}

/// The page at one value per cell, the mean of its pixels.
pub(super) struct Small {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<u8>,
}

impl Small {
    pub(super) fn of(image: &PageImage, cell: usize) -> Self {
        let (width, height) = ((image.width as usize / cell).max(1), (image.height as usize / cell).max(1));
        let mut values = Vec::with_capacity(width * height);
        let stride = image.width as usize;
        // A cell has sixteen rows at most.
        let mut sums = vec![0_u16; stride];
        for y in 0..height {
            sums.fill(0);
            let rows = y * cell..((y + 1) * cell).min(image.height as usize);
            let count = (rows.len() * cell.min(stride)).max(1) as u32;
            for row in rows {
                let row = &image.gray[row * stride..(row + 1) * stride];
                sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum += u16::from(*pixel));
            }
            let cells = sums.chunks(cell).take(width).map(|sums| sums.iter().map(|sum| u32::from(*sum)).sum::<u32>());
            values.extend(cells.map(|sum| (sum / count).min(255) as u8));
        }
        Self { width, height, values }
    }

    pub(super) fn percentile(&self, share: usize) -> u8 {
        percentile(&self.values, share)
    }

    /// True if what stands out from the paper is lighter than it: dark paper with darker ink is no inverted page.
    fn is_light_on_dark(&self) -> bool {
        let paper = i64::from(self.percentile(50));
        self.values.iter().map(|value| i64::from(*value) - paper).sum::<i64>() > 0
    }
}

/// The paper's brightness, tile by tile.
struct Paper {
    columns: usize,
    tiles: Vec<u8>,
}

impl Paper {
    fn of(small: &Small) -> Self {
        let columns = small.width.div_ceil(TILE);
        let mut tiles = Vec::new();
        for top in (0..small.height).step_by(TILE) {
            for left in (0..small.width).step_by(TILE) {
                let rows = top..(top + TILE).min(small.height);
                let right = (left + TILE).min(small.width);
                let values: Vec<u8> =
                    rows.flat_map(|y| small.values[y * small.width + left..y * small.width + right].iter().copied()).collect();
                tiles.push(percentile(&values, 90));
            }
        }
        Self { columns, tiles }
    }

    fn at(&self, x: usize, y: usize) -> i32 {
        i32::from(self.tiles.get(y / TILE * self.columns + x / TILE).copied().unwrap_or(255))
    }

    /// By how much each cell is darker than the paper.
    fn drops(&self, small: &Small) -> Vec<i32> {
        let drop = |(at, value): (usize, &u8)| self.at(at % small.width, at / small.width) - i32::from(*value);
        (0..).zip(&small.values).map(drop).collect()
    }

    fn unevenness(&self) -> f32 {
        f32::from(percentile(&self.tiles, 95).saturating_sub(percentile(&self.tiles, 10))) / 255.0
    }
}

pub(super) fn percentile(values: &[u8], share: usize) -> u8 {
    let mut counts = [0_usize; 256];
    for value in values {
        counts[usize::from(*value)] += 1;
    }
    let wanted = values.len() * share / 100;
    let mut below = 0;
    for (value, count) in (0..=255).zip(counts) {
        below += count;
        if below > wanted {
            return value;
        }
    }
    255
}

impl Mask {
    /// How sharply ink changes from row to row (lines across) and from column to column (lines down), seen through
    /// narrow strips so that a skewed page counts like a straight one.
    fn energies(&self) -> (f32, f32) {
        let across = strips(self.width).map(|strip| energy(self.height, |y| self.row(y, strip.clone()))).sum();
        let down = strips(self.height).map(|strip| energy(self.width, |x| self.column(x, strip.clone()))).sum();
        (across, down)
    }

    fn row(&self, y: usize, columns: Range<usize>) -> usize {
        self.dark[y * self.width..(y + 1) * self.width][columns].iter().filter(|dark| **dark).count()
    }

    fn column(&self, x: usize, rows: Range<usize>) -> usize {
        rows.filter(|y| self.dark[y * self.width + x]).count()
    }
}

/// Cells of a strip; text fills less than the second of them, a ruled line all.
const STRIP: usize = 64;
const STRIP_TEXT: usize = 32;

fn strips(length: usize) -> impl Iterator<Item = Range<usize>> {
    // The outermost parts of a sheet hold shadows and holes.
    let margin = length / 25;
    (margin..(length - margin).saturating_sub(STRIP)).step_by(STRIP).map(|from| from..from + STRIP)
}

fn energy(length: usize, count: impl Fn(usize) -> usize) -> f32 {
    let margin = length / 25;
    let profile: Vec<usize> = (margin..length - margin).map(|at| count(at).min(STRIP_TEXT)).collect();
    profile.windows(2).map(|pair| pair[0].abs_diff(pair[1]).pow(2) as f32).sum()
}

/// A connected group of dark cells.
pub(super) struct Group {
    pub(super) cells: usize,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Group {
    /// Content is large enough, and not a shadow along an edge of the sheet.
    fn is_content(&self, mask: &Mask) -> bool {
        let edge = |length: usize| (length as f32 * EDGE).ceil() as usize;
        let (across, down) = (edge(mask.width), edge(mask.height));
        let touches = self.left < across
            || self.top < down
            || self.left + self.width + across > mask.width
            || self.top + self.height + down > mask.height;
        self.cells >= CONTENT_CELLS && !(touches && mask.width > 200) && !is_hole(self, mask)
    }

    /// A group that could be a letter and ends where the sheet does.
    fn is_cut_letter(&self, mask: &Mask) -> bool {
        let is_cut =
            self.left == 0 || self.top == 0 || self.left + self.width == mask.width || self.top + self.height == mask.height;
        is_cut && LETTER_CELLS.contains(&self.height) && self.width <= 2 * LETTER_CELLS.end() && self.cells >= CONTENT_CELLS
    }
}

pub(super) fn groups(mask: &Mask) -> Vec<Group> {
    let mut left_over = mask.dark.clone();
    let mut groups = Vec::new();
    let mut stack = Vec::new();
    for start in 0..left_over.len() {
        if !std::mem::take(&mut left_over[start]) {
            continue;
        }
        stack.push(start);
        let (mut cells, mut low, mut high) = (0, (usize::MAX, usize::MAX), (0, 0));
        while let Some(at) = stack.pop() {
            let (x, y) = (at % mask.width, at / mask.width);
            cells += 1;
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
            for near_y in y.saturating_sub(1)..(y + 2).min(mask.height) {
                for near_x in x.saturating_sub(1)..(x + 2).min(mask.width) {
                    let near = near_y * mask.width + near_x;
                    if std::mem::take(&mut left_over[near]) {
                        stack.push(near);
                    }
                }
            }
        }
        groups.push(Group { cells, left: low.0, top: low.1, width: high.0 - low.0 + 1, height: high.1 - low.1 + 1 });
    }
    groups
}
