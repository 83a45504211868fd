//! Which codes stand on the page? Bar codes, QR codes and patch codes of a page image, read whichever way it lies.
//!
//! The pixels are a hostile file's: whoever calls it does so in a child process. What is there and cannot be read is a sign, told too.

mod patch;

use std::borrow::Cow;

use rxing::common::HybridBinarizer;
use rxing::oned::{Code39Reader, Code128Reader};
use rxing::qrcode::QRCodeReader;
use rxing::{BinaryBitmap, DecodeHints, Exceptions, Luma8Source, RXingResult, Reader};

/// Most codes kept of one page.
pub const CODES_MAX: usize = 16;
/// Longest text of a code that is kept, characters.
pub const CHARS_MAX: usize = 500;

/// Shorter side of the picture in which codes are looked for, pixels: that of an A4 sheet at some 200 dpi. Separators are printed
/// large; what is gained is that grain and dots are smoothed away.
const SIDE_PX: u32 = 1_800;
/// Largest picture that is looked at once more as it is, pixels.
const WHOLE_PIXELS_MAX: usize = 40_000_000;

/// A kind of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// QR code (ISO/IEC 18004).
    Qr,
    /// Code 128 (ISO/IEC 15417).
    Code128,
    /// Code 39 (ISO/IEC 16388).
    Code39,
    /// Patch code T, four bars across the edge of a sheet.
    PatchT,
}

/// A grey picture: 0 is black.
#[derive(Debug, Clone)]
pub struct Gray<'a> {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// One byte a pixel, row by row.
    pub pixels: Cow<'a, [u8]>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spotted {
    /// Codes that were read, each once: its kind, what it says (nothing of a patch code).
    pub codes: Vec<(Kind, String)>,
    /// Kinds of which something is there that could not be read.
    pub signs: Vec<Kind>,
}

/// The codes of the kinds `wanted` on a page.
pub fn codes(page: &Gray<'_>, wanted: &[Kind]) -> Spotted {
    let mut spotted = Spotted::default();
    if wanted.is_empty() || page.width == 0 || page.height == 0 {
        return spotted;
    }
    let small = smaller(page);
    let is_reduced = small.width < page.width && page.pixels.len() <= WHOLE_PIXELS_MAX;
    for kind in wanted {
        let before = spotted.codes.len();
        let mut is_there = false;
        if *kind == Kind::PatchT {
            let (is_read, is_sign) = patch::patch_t(&small);
            is_there = is_sign;
            if is_read {
                spotted.codes.push((*kind, String::new()));
            }
        } else {
            is_there |= spotted.look(&small, *kind);
            if spotted.codes.len() == before && *kind == Kind::Qr {
                // Grain and specks break the squares of a worn sheet; means of neighbours bring them back.
                is_there |= spotted.look(&smoothed(&small), *kind);
            }
            if spotted.codes.len() == before && is_reduced {
                is_there |= spotted.look(page, *kind);
            }
        }
        if is_there && spotted.codes.len() == before {
            spotted.signs.push(*kind);
        }
    }
    spotted.codes.truncate(CODES_MAX);
    spotted
}

impl Spotted {
    /// Looks over the whole picture and its halves, for a page may carry several codes; true where one is there that gives no text.
    fn look(&mut self, picture: &Gray<'_>, kind: Kind) -> bool {
        let mut is_there = false;
        for part in parts(picture) {
            let turns = if kind == Kind::Qr { 1 } else { 2 };
            let mut part = Cow::Borrowed(&part);
            for turn in 0..turns {
                if turn > 0 {
                    part = Cow::Owned(turned(&part));
                }
                match decoded(&part, kind) {
                    Ok(text) => self.keep(kind, &text),
                    Err(Exceptions::ChecksumException(_) | Exceptions::FormatException(_)) => is_there |= kind == Kind::Qr,
                    Err(_) => {}
                }
            }
        }
        is_there
    }

    fn keep(&mut self, kind: Kind, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
        let code = (kind, text);
        if !code.1.is_empty() && !self.codes.contains(&code) {
            self.codes.push(code);
        }
    }
}

fn decoded(picture: &Gray<'_>, kind: Kind) -> Result<String, Exceptions> {
    let hints = DecodeHints { TryHarder: Some(true), ..DecodeHints::default() };
    let source = Luma8Source::new_with_slice(&picture.pixels, picture.width, picture.height)?;
    let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
    let read = match kind {
        Kind::Qr => QRCodeReader::new().decode_with_hints(&mut bitmap, &hints),
        Kind::Code128 => Code128Reader.decode_with_hints(&mut bitmap, &hints),
        Kind::Code39 => Code39Reader::default().decode_with_hints(&mut bitmap, &hints),
        Kind::PatchT => return Err(Exceptions::NOT_FOUND),
    };
    read.map(|result: RXingResult| result.getText().to_owned())
}

/// The picture, and its halves along the longer side, each a little over half.
fn parts<'a>(picture: &'a Gray<'a>) -> Vec<Gray<'a>> {
    let whole = Gray { width: picture.width, height: picture.height, pixels: Cow::Borrowed(&picture.pixels) };
    let (width, height) = (picture.width as usize, picture.height as usize);
    if height >= width {
        let rows = (height * 11).div_ceil(20);
        let band = |from: usize| Gray {
            width: picture.width,
            height: rows as u32,
            pixels: Cow::Borrowed(&picture.pixels[from * width..(from + rows) * width]),
        };
        return vec![whole, band(0), band(height - rows)];
    }
    let columns = (width * 11).div_ceil(20);
    let band = |from: usize| Gray {
        width: columns as u32,
        height: picture.height,
        pixels: picture.pixels.chunks_exact(width).flat_map(|row| row[from..from + columns].iter().copied()).collect(),
    };
    vec![whole, band(0), band(width - columns)]
}

/// A quarter turn to the right.
fn turned(picture: &Gray<'_>) -> Gray<'static> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut pixels = Vec::with_capacity(width * height);
    for x in 0..width {
        pixels.extend((0..height).rev().map(|y| picture.pixels[y * width + x]));
    }
    Gray { width: picture.height, height: picture.width, pixels: Cow::Owned(pixels) }
}

/// The picture in means of squares, so small that its shorter side has no more than [`SIDE_PX`].
fn smaller<'a>(page: &'a Gray<'a>) -> Gray<'a> {
    let by = page.width.min(page.height).div_ceil(SIDE_PX).max(1) as usize;
    if by == 1 {
        return Gray { width: page.width, height: page.height, pixels: Cow::Borrowed(&page.pixels) };
    }
    let (width, height) = (page.width as usize / by, page.height as usize / by);
    let mut pixels = Vec::with_capacity(width * height);
    let mut sums = vec![0_u32; width];
    for rows in page.pixels.chunks_exact(page.width as usize * by).take(height) {
        sums.fill(0);
        for row in rows.chunks_exact(page.width as usize) {
            for (sum, some) in sums.iter_mut().zip(row.chunks_exact(by)) {
                *sum += some.iter().map(|value| u32::from(*value)).sum::<u32>();
            }
        }
        pixels.extend(sums.iter().map(|sum| (*sum / (by * by) as u32) as u8));
    }
    Gray { width: width as u32, height: height as u32, pixels: Cow::Owned(pixels) }
}

/// Each pixel the mean of itself and its eight neighbours; the outermost stay as they are.
fn smoothed(picture: &Gray<'_>) -> Gray<'static> {
    let width = picture.width as usize;
    let mut across = picture.pixels.to_vec();
    for (row, out) in picture.pixels.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        for (three, out) in row.windows(3).zip(out.iter_mut().skip(1)) {
            *out = (three.iter().map(|value| u32::from(*value)).sum::<u32>() / 3) as u8;
        }
    }
    let mut pixels = across.clone();
    let rows: Vec<&[u8]> = across.chunks_exact(width).collect();
    for (three, out) in rows.windows(3).zip(pixels.chunks_exact_mut(width).skip(1)) {
        for (at, out) in out.iter_mut().enumerate() {
            *out = (three.iter().map(|row| u32::from(row[at])).sum::<u32>() / 3) as u8;
        }
    }
    Gray { width: picture.width, height: picture.height, pixels: Cow::Owned(pixels) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_made_smaller_by_means_and_turned_to_the_right() {
        let page = Gray { width: 3_700, height: 3_602, pixels: Cow::Owned(vec![9; 3_700 * 3_602]) };
        let small = smaller(&page);
        assert_eq!((small.width, small.height, small.pixels[5]), (1_233, 1_200, 9));
        let two = Gray { width: 2, height: 1, pixels: Cow::Owned(vec![1, 2]) };
        let tall = turned(&two);
        assert_eq!((tall.width, tall.height, tall.pixels.as_ref()), (1, 2, &[1, 2][..]));
    }

    #[test]
    fn a_speck_is_spread_over_its_neighbours() {
        let mut pixels = vec![90; 25];
        pixels[12] = 0;
        let smooth = smoothed(&Gray { width: 5, height: 5, pixels: Cow::Owned(pixels) });
        assert_eq!((smooth.pixels[12], smooth.pixels[6], smooth.pixels[0]), (80, 80, 90));
    }

    #[test]
    fn of_a_page_without_codes_and_of_none_nothing_is_told() {
        let all = [Kind::Qr, Kind::Code128, Kind::Code39, Kind::PatchT];
        for (width, height) in [(0, 0), (1, 1), (40, 3), (3, 40), (300, 400)] {
            for value in [0, 255] {
                let page = Gray { width, height, pixels: Cow::Owned(vec![value; (width * height) as usize]) };
                assert_eq!(codes(&page, &all), Spotted::default(), "{width} × {height}, {value}");
            }
        }
    }
}
