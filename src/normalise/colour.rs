//! Is something stamped in colour over the text? Where coloured ink lies over black, each is read without the other.
//!
//! A pixel of coloured ink is bright in its own colour's channel: the brightest of its three channels shows the page as
//! if the stamp were not there, and the distance between the channels shows the stamp as if the text were not there.
//! Coloured ink that lies on paper alone (a letterhead) is read with the page, in grey.

use super::PageImage;
use crate::page::Rect;

/// Distance between the channels of a pixel from which it is coloured ink; tinted paper and fringes of lenses are under it.
const COLOURED: u8 = 60;
/// Brightness of its darkest channel under which it is ink, not a tint.
const INK: u8 = 160;
/// Distance between the channels that black ink and paper have too.
const TINT: u8 = 20;
/// A neutral pixel darker than this is black ink.
const BLACK: u8 = 100;
/// Side of a cell, inches, and the share of its pixels that are coloured where coloured ink lies.
const CELL_INCHES: f32 = 0.04;
const CELL_SHARE: usize = 12;
/// Cells between parts of one stamp.
const GAP: usize = 3;
/// Smallest stamp, inches, and largest share of the page: more is a coloured page.
const LEAST_INCHES: (f32, f32) = (0.4, 0.15);
const PAGE_SHARE: usize = 4;
/// Share of black ink in a stamp's box, in thousandths, from which it lies over text.
const OVER_TEXT: usize = 8;
/// Most stamps of a page.
const STAMPS_MAX: usize = 8;
/// Resolution taken where the file says none.
const DPI: f32 = 300.0;

/// A stamp in colour over black ink.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// Its box on the page as stored.
    pub rect: Rect,
    /// The page below it, in grey.
    pub(super) below: Vec<u8>,
    /// The stamp alone, dark on light.
    pub(super) alone: Vec<u8>,
}

/// The page in grey, with the stamps that lie over its text. `rgb` has three bytes a pixel.
pub(super) fn page(width: u32, height: u32, rgb: &[u8], dpi: f32) -> Option<PageImage> {
    let luma = |p: &[u8]| ((u32::from(p[0]) * 299 + u32::from(p[1]) * 587 + u32::from(p[2]) * 114) / 1000) as u8;
    let mut image = PageImage::new(width, height, rgb.chunks_exact(3).map(luma).collect())?;
    image.stamps = stamps((width as usize, height as usize), rgb, dpi);
    Some(image)
}

fn spread(pixel: &[u8]) -> (u8, u8) {
    let (least, most) = (pixel[0].min(pixel[1]).min(pixel[2]), pixel[0].max(pixel[1]).max(pixel[2]));
    (least, most)
}

fn is_coloured(pixel: &[u8]) -> bool {
    let (least, most) = spread(pixel);
    most - least > COLOURED && least < INK
}

fn stamps((width, height): (usize, usize), rgb: &[u8], dpi: f32) -> Vec<Stamp> {
    let dpi = if (70.0..1300.0).contains(&dpi) { dpi } else { DPI };
    let cell = ((dpi * CELL_INCHES) as usize).max(2);
    let (columns, rows) = (width / cell, height / cell);
    let mut cells = vec![false; columns * rows];
    for (row, band) in rgb.chunks_exact(width * 3 * cell).enumerate().take(rows) {
        let mut counts = vec![0_usize; columns];
        for line in band.chunks_exact(width * 3) {
            for (count, pixels) in counts.iter_mut().zip(line.chunks_exact(cell * 3)) {
                *count += pixels.chunks_exact(3).filter(|pixel| is_coloured(pixel)).count();
            }
        }
        for (column, count) in counts.iter().enumerate() {
            cells[row * columns + column] = count * 100 > cell * cell * CELL_SHARE;
        }
    }
    let set = cells.iter().filter(|cell| **cell).count();
    if set == 0 || set * PAGE_SHARE > cells.len() {
        return Vec::new();
    }
    let least = ((dpi * LEAST_INCHES.0) as u32, (dpi * LEAST_INCHES.1) as u32);
    let boxes = boxes(&mut cells, columns).into_iter().map(|[left, top, right, bottom]| {
        let edge = |cells: usize, most: usize| (cells * cell).min(most);
        let (x, y) = (edge(left.saturating_sub(1), width), edge(top.saturating_sub(1), height));
        Rect { x: x as u32, y: y as u32, w: (edge(right + 2, width) - x) as u32, h: (edge(bottom + 2, height) - y) as u32 }
    });
    let is_large = |rect: &Rect| rect.w.max(rect.h) >= least.0 && rect.w.min(rect.h) >= least.1;
    boxes.filter(is_large).filter_map(|rect| stamp(rect, width, rgb)).take(STAMPS_MAX).collect()
}

/// Boxes around the groups of set cells, in cells: left, top, right, bottom, inclusive.
fn boxes(cells: &mut [bool], columns: usize) -> Vec<[usize; 4]> {
    let rows = cells.len() / columns.max(1);
    let mut boxes = Vec::new();
    let mut stack = Vec::new();
    for start in 0..cells.len() {
        if !std::mem::take(&mut cells[start]) {
            continue;
        }
        stack.push(start);
        let mut hull = [usize::MAX, usize::MAX, 0, 0];
        while let Some(at) = stack.pop() {
            let (x, y) = (at % columns, at / columns);
            hull = [hull[0].min(x), hull[1].min(y), hull[2].max(x), hull[3].max(y)];
            for near_y in y.saturating_sub(GAP)..(y + GAP + 1).min(rows) {
                for near_x in x.saturating_sub(GAP)..(x + GAP + 1).min(columns) {
                    if std::mem::take(&mut cells[near_y * columns + near_x]) {
                        stack.push(near_y * columns + near_x);
                    }
                }
            }
        }
        boxes.push(hull);
    }
    boxes
}

/// The stamp in a box, if black ink lies there too.
fn stamp(rect: Rect, width: usize, rgb: &[u8]) -> Option<Stamp> {
    let size = rect.w as usize * rect.h as usize;
    let (mut below, mut alone, mut black) = (Vec::with_capacity(size), Vec::with_capacity(size), 0);
    for y in rect.y as usize..(rect.y + rect.h) as usize {
        let from = (y * width + rect.x as usize) * 3;
        for pixel in rgb.get(from..from + rect.w as usize * 3)?.chunks_exact(3) {
            let (least, most) = spread(pixel);
            black += usize::from(most < BLACK && most - least <= COLOURED);
            // Ink that is dark in its own channel too (blue) is brightened by as much as it is coloured.
            below.push(most.saturating_add((most - least).saturating_sub(TINT)));
            alone.push(255 - (most - least).saturating_mul(2));
        }
    }
    (black * 1000 > size * OVER_TEXT).then_some(Stamp { rect, below, alone })
}

impl Stamp {
    /// Exchanges left and right, as on the page of that width.
    pub(super) fn mirror(&mut self, width: u32) {
        self.rect.x = width.saturating_sub(self.rect.x + self.rect.w);
        for part in [&mut self.below, &mut self.alone] {
            part.chunks_exact_mut(self.rect.w.max(1) as usize).for_each(<[u8]>::reverse);
        }
    }

    /// Puts what lies below the stamp in its place on the page.
    pub(super) fn lift(&self, image: &mut PageImage) {
        let width = image.width as usize;
        for (row, below) in self.below.chunks_exact(self.rect.w as usize).enumerate() {
            let from = (self.rect.y as usize + row) * width + self.rect.x as usize;
            if let Some(target) = image.gray.get_mut(from..from + below.len()) {
                target.copy_from_slice(below);
            }
        }
    }

    /// The stamp alone, as an image of its own.
    pub(super) fn image(&self, of: &PageImage) -> Option<PageImage> {
        let mut image = PageImage::new(self.rect.w, self.rect.h, self.alone.clone())?;
        image.dpi = of.dpi;
        Some(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// White paper with black lines of text on its left half, and a red frame at `left`.
    fn stamped(left: usize) -> Vec<u8> {
        let is_text = |x: usize, y: usize| x < 500 && y % 40 < 8 && x % 30 < 20;
        let is_frame = |x: usize, y: usize| {
            let (x, y) = (x.wrapping_sub(left), y.wrapping_sub(300));
            x < 300 && y < 200 && (x % 60 < 12 || y % 60 < 12)
        };
        let pixel = |x, y| match (is_text(x, y), is_frame(x, y)) {
            (true, _) => [20, 20, 20],
            (false, true) => [200, 40, 45],
            _ => [250, 250, 250],
        };
        (0..800).flat_map(|y| (0..1000).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect()
    }

    #[test]
    fn a_stamp_over_text_is_lifted_off_and_stands_alone() {
        let mut image = page(1000, 800, &stamped(100), 300.0).unwrap();
        let [stamp] = &image.stamps.clone()[..] else { panic!("one stamp, not {}", image.stamps.len()) };
        assert!(stamp.rect.x.abs_diff(100) < 30 && stamp.rect.w.abs_diff(300) < 60, "{:?}", stamp.rect);
        let (text, frame) = (320 * 1000 + 130, 330 * 1000 + 165);
        assert!(image.gray[frame] < 120);
        stamp.lift(&mut image);
        assert!(image.gray[frame] >= 200);
        assert_eq!(image.gray[text], 20);
        let alone = stamp.image(&image).unwrap();
        let at = |x: usize, y: usize| alone.gray[(y - stamp.rect.y as usize) * alone.width as usize + x - stamp.rect.x as usize];
        assert_eq!((at(165, 330), at(130, 320)), (0, 255));
    }

    #[test]
    fn a_stamp_on_bare_paper_and_a_page_in_colour_are_left_as_they_are() {
        assert!(page(1000, 800, &stamped(600), 300.0).unwrap().stamps.is_empty());
        assert!(page(100, 100, &[200, 40, 45].repeat(10_000), 300.0).unwrap().stamps.is_empty());
    }
}
