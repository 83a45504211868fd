//! Where on the stored page is a box that was found on the prepared one? Turn, deskew and scale, and the way back.

use super::PageImage;
use crate::page::Rect;

/// The way from a prepared image back to the page image as stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Back {
    /// Pixels across of the stored image.
    pub width: u32,
    /// Pixels down of the stored image.
    pub height: u32,
    /// Degrees clockwise by which it was turned: 0, 90, 180, 270.
    pub rotation: u16,
    /// Degrees clockwise by which it was then straightened, about its centre, on a sheet with room for its corners where that is much.
    pub skew_deg: f32,
}

impl Back {
    /// The box on the stored page around what `rect` of the prepared image shows.
    pub fn stored(&self, rect: Rect) -> Rect {
        let (x0, y0) = (f64::from(rect.x), f64::from(rect.y));
        let (x1, y1) = (x0 + f64::from(rect.w), y0 + f64::from(rect.h));
        let corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|(x, y)| self.point(x, y));
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let left = corners.iter().map(|c| c.0).fold(f64::MAX, f64::min).clamp(0.0, width - 1.0).round();
        let top = corners.iter().map(|c| c.1).fold(f64::MAX, f64::min).clamp(0.0, height - 1.0).round();
        let right = corners.iter().map(|c| c.0).fold(f64::MIN, f64::max).clamp(left + 1.0, width.max(left + 1.0)).round();
        let bottom = corners.iter().map(|c| c.1).fold(f64::MIN, f64::max).clamp(top + 1.0, height.max(top + 1.0)).round();
        Rect { x: left as u32, y: top as u32, w: (right - left) as u32, h: (bottom - top) as u32 }
    }

    fn point(&self, x: f64, y: f64) -> (f64, f64) {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let (turned_width, turned_height) = if self.rotation.is_multiple_of(180) { (width, height) } else { (height, width) };
        let (sin, cos) = (-f64::from(self.skew_deg)).to_radians().sin_cos();
        let (wide, high) = room((turned_width, turned_height), self.skew_deg);
        let (dx, dy) = (x - wide / 2.0, y - high / 2.0);
        let (x, y) = (turned_width / 2.0 + dx * cos - dy * sin, turned_height / 2.0 + dx * sin + dy * cos);
        match self.rotation {
            90 => (y, height - x),
            180 => (width - x, height - y),
            270 => (width - y, x),
            _ => (x, y),
        }
    }
}

/// The image with left and right exchanged, its stamps with it.
pub(super) fn mirrored(mut image: PageImage) -> PageImage {
    let width = image.width;
    let flip = |gray: &mut [u8], width: u32| gray.chunks_exact_mut(width.max(1) as usize).for_each(<[u8]>::reverse);
    flip(&mut image.gray, width);
    image.stamps.iter_mut().for_each(|stamp| stamp.mirror(width));
    image
}

/// The image turned clockwise by a multiple of 90 degrees.
pub(super) fn turned(image: &PageImage, rotation: u16) -> PageImage {
    let (width, height) = (image.width as usize, image.height as usize);
    let mut gray = vec![0_u8; image.gray.len()];
    match rotation {
        90 => {
            for (y, row) in image.gray.chunks_exact(width).enumerate() {
                row.iter().enumerate().for_each(|(x, value)| gray[x * height + (height - 1 - y)] = *value);
            }
        }
        270 => {
            for (y, row) in image.gray.chunks_exact(width).enumerate() {
                row.iter().enumerate().for_each(|(x, value)| gray[(width - 1 - x) * height + y] = *value);
            }
        }
        180 => {
            gray.copy_from_slice(&image.gray);
            gray.reverse();
        }
        _ => gray.copy_from_slice(&image.gray),
    }
    let (width, height) = if rotation.is_multiple_of(180) { (image.width, image.height) } else { (image.height, image.width) };
    PageImage { width, height, gray, stamps: Vec::new(), ..*image }
}

/// Skew from which the corners of a straightened page, where text may stand, get room of their own, degrees.
const ROOM_FROM: f32 = 3.0;

/// Size of a page of that size once it is straightened.
fn room((width, height): (f64, f64), degrees: f32) -> (f64, f64) {
    if degrees.abs() < ROOM_FROM {
        return (width, height);
    }
    let (sin, cos) = f64::from(degrees.abs()).to_radians().sin_cos();
    ((width * cos + height * sin).ceil(), (height * cos + width * sin).ceil())
}

/// The image turned clockwise by a small angle about its centre; what comes from outside is white.
pub(super) fn straightened(image: &PageImage, degrees: f32) -> PageImage {
    let (width, height) = (image.width as usize, image.height as usize);
    let (wide, high) = room((width as f64, height as f64), degrees);
    let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
    let (cx, cy) = (width as f64 / 2.0 - 0.5, height as f64 / 2.0 - 0.5);
    let (left, top) = (0.5 - wide / 2.0, 0.5 - high / 2.0);
    // Sixteen bits after the point: enough for pages of 30,000 pixels, and integers are quick.
    let fixed = |value: f64| (value * 65_536.0) as i64;
    let (step_x, step_y) = (fixed(cos), fixed(-sin));
    let mut gray = vec![255_u8; wide as usize * high as usize];
    for (y, row) in gray.chunks_exact_mut(wide as usize).enumerate() {
        let dy = y as f64 + top;
        let (mut sx, mut sy) = (fixed(cx + left * cos + dy * sin), fixed(cy - left * sin + dy * cos));
        for out in row {
            *out = sample(&image.gray, width, height, sx, sy);
            sx += step_x;
            sy += step_y;
        }
    }
    PageImage { width: wide as u32, height: high as u32, gray, bilevel: false, stamps: Vec::new(), ..*image }
}

/// The grey at a fixed-point position, between its four neighbours.
fn sample(gray: &[u8], width: usize, height: usize, sx: i64, sy: i64) -> u8 {
    let (x, y) = (sx >> 16, sy >> 16);
    if x < 0 || y < 0 || x as usize + 1 >= width || y as usize + 1 >= height {
        return 255;
    }
    let (fx, fy) = ((sx & 0xFFFF) as u32 >> 8, (sy & 0xFFFF) as u32 >> 8);
    let at = y as usize * width + x as usize;
    let between = |at: usize| u32::from(gray[at]) * (256 - fx) + u32::from(gray[at + 1]) * fx;
    let (upper, lower) = (between(at), between(at + width));
    ((upper * (256 - fy) + lower * fy + 32_768) >> 16) as u8
}

/// The part of the image in `rect`, which lies on it.
pub(super) fn cropped(image: &PageImage, rect: Rect) -> PageImage {
    let width = image.width as usize;
    let mut gray = Vec::with_capacity(rect.w as usize * rect.h as usize);
    for y in rect.y as usize..(rect.y + rect.h) as usize {
        let from = y * width + rect.x as usize;
        gray.extend_from_slice(&image.gray[from..from + rect.w as usize]);
    }
    PageImage { width: rect.w, height: rect.h, gray, stamps: Vec::new(), ..*image }
}

/// The image at another size: between neighbours when enlarged, the mean of the pixels below when reduced.
pub(super) fn scaled(image: &PageImage, factor: f32) -> PageImage {
    let width = ((image.width as f32 * factor).round() as u32).max(1);
    let height = ((image.height as f32 * factor).round() as u32).max(1);
    if factor < 1.0 {
        // Borrowed: an A0 sheet is not copied to be made smaller.
        let borrowed = image::ImageBuffer::<image::Luma<u8>, &[u8]>::from_raw(image.width, image.height, &image.gray);
        let Some(buffer) = borrowed else {
            return image.clone();
        };
        let gray = image::imageops::thumbnail(&buffer, width, height).into_raw();
        return PageImage { width, height, gray, bilevel: false, stamps: Vec::new(), ..*image };
    }
    let step = (65_536.0 / f64::from(factor)) as i64;
    let (from_width, from_height) = (image.width as usize, image.height as usize);
    let mut gray = vec![255_u8; width as usize * height as usize];
    for (row, y) in gray.chunks_exact_mut(width as usize).zip(0_i64..) {
        let sy = (y * step).clamp(0, ((from_height as i64) << 16) - 65_537);
        for (out, x) in row.iter_mut().zip(0_i64..) {
            *out = sample(&image.gray, from_width, from_height, (x * step).min(((from_width as i64) << 16) - 65_537), sy);
        }
    }
    PageImage { width, height, gray, bilevel: false, stamps: Vec::new(), ..*image }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dotted(width: u32, height: u32, x: u32, y: u32) -> PageImage {
        let mut gray = vec![255; (width * height) as usize];
        gray[(y * width + x) as usize] = 0;
        PageImage::new(width, height, gray).unwrap()
    }

    fn dot(image: &PageImage) -> Rect {
        let at = image.gray.iter().enumerate().min_by_key(|(_, v)| **v).unwrap().0 as u32;
        Rect { x: at % image.width, y: at / image.width, w: 1, h: 1 }
    }

    #[test]
    fn a_box_found_on_a_turned_page_maps_back_to_the_stored_page() {
        let stored = dotted(50, 30, 41, 7);
        for rotation in [0, 90, 180, 270] {
            let back = Back { width: 50, height: 30, rotation, skew_deg: 0.0 };
            assert_eq!(back.stored(dot(&turned(&stored, rotation))), Rect { x: 41, y: 7, w: 1, h: 1 }, "{rotation}");
        }
    }

    #[test]
    fn a_box_found_on_a_straightened_page_maps_back_within_a_pixel() {
        let stored = dotted(400, 300, 310, 60);
        for (rotation, skew_deg) in [(0, 2.9), (90, -2.0), (270, 1.5), (0, 3.0), (90, -10.0), (180, 15.0)] {
            let turned = turned(&stored, rotation);
            let found = dot(&straightened(&turned, skew_deg));
            let back = Back { width: 400, height: 300, rotation, skew_deg };
            let rect = back.stored(found);
            assert!(rect.x.abs_diff(310) <= 1 && rect.y.abs_diff(60) <= 1, "{rotation} {skew_deg} {rect:?}");
        }
    }
}
