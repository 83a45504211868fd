//! What does the reader of lines see? One line alone on white, its baseline level, from ascender to descender.
//!
//! Only the line's own ink is drawn: descenders of the line above, rules and specks are not. Where the line leans or bends,
//! columns of pixels are moved up or down, between pixels by their mean.

use super::LineImage;
use super::fit::Stand;
use super::runs::{Ink, Run};
use super::strands::Strand;
use crate::page::Rect;

/// White around a line, and what its box reaches above the baseline and below at least, heights of small letters.
#[derive(Debug, Clone, Copy)]
pub(in crate::ocr) struct Cut {
    /// Above the baseline at least.
    pub(in crate::ocr) up: f32,
    /// Below it at least.
    pub(in crate::ocr) down: f32,
    /// White above and below, pixels.
    pub(in crate::ocr) pad: f32,
    /// White before and after.
    pub(in crate::ocr) side: f32,
}

impl Default for Cut {
    fn default() -> Self {
        Self { up: 1.5, down: 0.45, pad: 4.0, side: 4.0 }
    }
}

/// A piece of a line, cut out, and the way back to the page.
#[derive(Debug, Clone)]
pub(in crate::ocr) struct Piece {
    /// What the reader sees.
    pub(in crate::ocr) image: LineImage,
    /// Where the image's left edge lies on the page.
    pub(in crate::ocr) left: i32,
    /// Its box on the page: that of its ink across, of its line down.
    pub(in crate::ocr) rect: Rect,
    /// How far its image reaches over the baseline, pixels.
    pub(in crate::ocr) up: f32,
    /// Top and bottom of its ink over and under the baseline.
    band: (f32, f32),
    stand: Stand,
    size: (u32, u32),
    /// Parts that it is drawn from.
    pub(in crate::ocr) parts: u32,
    /// Its dark pixels.
    pub(in crate::ocr) ink: u32,
    /// Height of its small letters.
    pub(in crate::ocr) small: f32,
    /// Where the bullet stands that it begins with.
    pub(in crate::ocr) bullet: Option<Rect>,
}

impl Piece {
    /// True where the height of its small letters was measured.
    pub(super) fn stand_is_sure(&self) -> bool {
        self.stand.is_sure
    }

    /// The box on the page of what lies from `start` to `end` in the image.
    pub(in crate::ocr) fn rect(&self, start: f32, end: f32) -> Rect {
        let from = (self.left as f32 + start).max(self.rect.x as f32);
        let to = (self.left as f32 + end).min((self.rect.x + self.rect.w) as f32).max(from + 1.0);
        let base = self.stand.base(f32::midpoint(from, to));
        let side = |value: f32, most: u32| value.clamp(0.0, most as f32) as u32;
        let (x, y) = (side(from.floor(), self.size.0 - 1), side((base - self.band.0).floor(), self.size.1 - 1));
        let (right, bottom) = (side(to.ceil(), self.size.0), side((base + self.band.1).ceil(), self.size.1));
        Rect { x, y, w: right.saturating_sub(x).max(1), h: bottom.saturating_sub(y).max(1) }
    }
}

/// Cuts the strand out of the page; `owners` says for each part which strand it belongs to.
pub(super) fn piece(ink: &Ink, owners: &[u32], (at, strand, stand): (u32, &Strand, Stand), page: Page<'_>) -> Option<Piece> {
    let Page { size, cut, gray } = page;
    // How far the line's own ink reaches over and under the baseline.
    let mut band = (0.0_f32, 0.0_f32);
    let mut dark = 0;
    for number in strand.letters.iter().chain(&strand.marks) {
        let part = ink.parts.get(*number as usize)?;
        let base = stand.base((part.left + part.right) as f32 / 2.0);
        band = (band.0.max(base - part.top as f32), band.1.max(part.bottom as f32 - base));
        dark += part.ink;
    }
    let small = stand.small.max(2.0);
    band = (band.0.min(3.2 * small), band.1.min(1.6 * small));
    let pad = cut.pad;
    let (up, down) = (band.0.max(cut.up * small) + pad, band.1.max(cut.down * small) + pad);
    let side = cut.side.round() as i32;
    let (left, right) = (strand.left - side, strand.right + side);
    let (width, height) = (usize::try_from(right - left).ok()?, (up + down).round().max(3.0) as usize);
    if width > WIDTH_MAX || height > HEIGHT_MAX {
        return None;
    }
    let bases: Vec<f32> = (0..width).map(|x| stand.base((left + x as i32) as f32) - up).collect();
    let (least, most) = bases.iter().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    let (top, bottom) = (least.floor() as i32, most.ceil() as i32 + height as i32 + 1);
    let rows = usize::try_from(bottom - top).ok()?;
    if rows > 4 * HEIGHT_MAX {
        return None;
    }
    let mut canvas = Canvas { cells: vec![255_u8; width * rows], left, top, width };
    let rim = gray.map_or(0, |_| ((RIM * small) as i32).max(1));
    for y in top.max(0)..bottom.min(size.1 as i32) {
        for run in ink.row(y as usize).iter().filter(|run| owners[run.part as usize] == at) {
            match gray {
                Some(gray) => (y - rim..=y + rim).for_each(|y| canvas.copy((gray, size), y, run, rim)),
                None => canvas.fill(y, run),
            }
        }
    }
    let canvas = canvas.cells;
    let gray = if most - least < 0.75 {
        let first = (least.round() as i32 - top).max(0) as usize * width;
        canvas.get(first..first + width * height)?.to_vec()
    } else {
        level(&canvas, &bases, top, (width, height))
    };
    let base = stand.base((strand.left + strand.right) as f32 / 2.0);
    let mut piece = Piece {
        image: LineImage { width: width as u32, height: height as u32, gray },
        left,
        rect: Rect { x: strand.left.max(0) as u32, y: 0, w: (strand.right - strand.left).max(1) as u32, h: 1 },
        up,
        band,
        stand,
        size,
        parts: (strand.letters.len() + strand.marks.len()) as u32,
        ink: dark,
        small,
        bullet: strand.bullet.map(|part| part.rect()),
    };
    let (y, low) = ((base - band.0).max(0.0), (base + band.1).clamp(1.0, size.1 as f32));
    piece.rect = Rect { y: y as u32, h: ((low - y) as u32).max(1), ..piece.rect };
    Some(piece)
}

/// What pieces are cut from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) size: (u32, u32),
    pub(super) cut: Cut,
    /// The page's own values, where it is not black and white.
    pub(super) gray: Option<&'a [u8]>,
}

/// Most pixels of a line across and down: a line over the longest side of a plan, a letter a hand high.
const WIDTH_MAX: usize = 40_000;
const HEIGHT_MAX: usize = 1_200;

/// Each column of the canvas moved so that the line begins at its row: between pixels, by the mean of the two.
fn level(canvas: &[u8], bases: &[f32], top: i32, (width, height): (usize, usize)) -> Vec<u8> {
    let mut gray = vec![255_u8; width * height];
    let rows: Vec<usize> = bases.iter().map(|base| (base - top as f32).max(0.0) as usize).collect();
    let shares: Vec<u16> = bases.iter().map(|base| ((base - top as f32).max(0.0).fract() * 256.0) as u16).collect();
    // Neighbours mostly begin at the same row: they are moved together.
    let mut from = 0;
    while from < width {
        let first = rows[from];
        let to = from + rows[from..].iter().take_while(|row| **row == first).count();
        for y in 0..height {
            let at = (first + y) * width;
            let (Some(upper), Some(lower)) = (canvas.get(at + from..at + to), canvas.get(at + width + from..at + width + to))
            else {
                break;
            };
            let out = &mut gray[y * width + from..y * width + to];
            for (((out, upper), lower), share) in out.iter_mut().zip(upper).zip(lower).zip(&shares[from..to]) {
                *out = ((u16::from(*upper) * (256 - share) + u16::from(*lower) * share) >> 8) as u8;
            }
        }
        from = to;
    }
    gray
}

impl Piece {
    /// The piece of a part of the page, on the whole page.
    pub(super) fn moved(&mut self, (dx, dy): (u32, u32), size: (u32, u32)) {
        self.left += dx as i32;
        self.rect.x += dx;
        self.rect.y += dy;
        if let Some(bullet) = &mut self.bullet {
            (bullet.x, bullet.y) = (bullet.x + dx, bullet.y + dy);
        }
        self.stand.middle += dx as f32;
        self.stand.at += dy as f32;
        self.size = size;
    }
}

/// How far around dark pixels grey ones belong to them, heights of small letters.
const RIM: f32 = 0.12;

/// The part of the page on which a line is drawn, a row of cells for each row of pixels.
struct Canvas {
    cells: Vec<u8>,
    left: i32,
    top: i32,
    width: usize,
}

impl Canvas {
    /// The cells from `from` to `to` of the page's row `y`, and the page's column that the first of them is.
    fn row(&mut self, y: i32, (from, to): (i32, i32)) -> Option<(&mut [u8], i32)> {
        let inside = |x: i32| ((x - self.left).max(0) as usize).min(self.width);
        let (from, to) = (inside(from), inside(to));
        let row = usize::try_from(y - self.top).ok()? * self.width;
        let cells = self.cells.get_mut(row + from..row + to).filter(|cells| !cells.is_empty())?;
        Some((cells, from as i32 + self.left))
    }

    fn fill(&mut self, y: i32, run: &Run) {
        if let Some((cells, _)) = self.row(y, (run.from as i32, run.to as i32)) {
            cells.fill(0);
        }
    }

    /// What the page shows in row `y` over or under the run, with the rim before and after it.
    fn copy(&mut self, (gray, (width, height)): (&[u8], (u32, u32)), y: i32, run: &Run, rim: i32) {
        if y < 0 || y >= height as i32 {
            return;
        }
        let (from, to) = ((run.from as i32 - rim).max(0), (run.to as i32 + rim).min(width as i32));
        if let Some((cells, first)) = self.row(y, (from, to)) {
            let place = y as usize * width as usize + first.max(0) as usize;
            if let Some(values) = gray.get(place..place + cells.len()) {
                cells.copy_from_slice(values);
            }
        }
    }
}
