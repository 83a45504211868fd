//! How are a sheet's pixels handed to the engine? As Leptonica holds them: words of the machine, the leftmost pixel on top.
//!
//! A page of black and white goes in one bit per pixel: the engine then chooses no threshold, and reading costs a sixth
//! less than the same page in grey (measured against Tesseract 5.3.0).

use tesseract_plumbing::leptonica_plumbing::Pix;
use tesseract_plumbing::leptonica_plumbing::memory::RefCountedExclusive;

use super::Sheet;

/// The sheet's pixels; `None` where they are not as many as its size says, or there is no memory for them.
#[expect(unsafe_code, reason = "Leptonica hands out a raw buffer to be filled")]
pub(super) fn of(sheet: &Sheet<'_>) -> Option<RefCountedExclusive<Pix>> {
    let (width, height) = (sheet.width as usize, sheet.height as usize);
    if width == 0 || height == 0 || sheet.gray.len() != width.checked_mul(height)? {
        return None;
    }
    let ink = if sheet.is_bilevel { Some(127) } else { sheet.threshold };
    let depth = if ink.is_some() { 1 } else { 8 };
    let words = (width * depth).div_ceil(32);
    // SAFETY: a null result is caught; the buffer of a new Pix holds `height` rows of `wpl` words, which is checked to be
    // `words`, and no other reference to it exists; the Pix is given away only after the slice is gone.
    unsafe {
        let pix =
            leptonica_sys::pixCreateNoInit(i32::try_from(width).ok()?, i32::try_from(height).ok()?, i32::try_from(depth).ok()?);
        if pix.is_null() {
            return None;
        }
        let owned = RefCountedExclusive::new(Pix::new_from_pointer(pix));
        let data = leptonica_sys::pixGetData(pix);
        if data.is_null() || usize::try_from(leptonica_sys::pixGetWpl(pix)).ok()? != words {
            return None;
        }
        let rows = std::slice::from_raw_parts_mut(data, words * height);
        for (row, pixels) in rows.chunks_exact_mut(words).zip(sheet.gray.chunks_exact(width)) {
            match ink {
                Some(ink) => bits(row, pixels, ink),
                None => bytes(row, pixels),
            }
        }
        Some(owned)
    }
}

/// A set bit is black, which is what is no brighter than `ink`.
fn bits(row: &mut [u32], pixels: &[u8], ink: u8) {
    for (word, pixels) in row.iter_mut().zip(pixels.chunks(32)) {
        let black = pixels.iter().fold(0_u32, |word, pixel| word << 1 | u32::from(*pixel <= ink));
        *word = black << (32 - pixels.len());
    }
}

fn bytes(row: &mut [u32], pixels: &[u8]) {
    for (word, pixels) in row.iter_mut().zip(pixels.chunks(4)) {
        let mut four = [0; 4];
        four[..pixels.len()].copy_from_slice(pixels);
        *word = u32::from_be_bytes(four);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leftmost_pixel_is_the_highest_bit_or_byte_of_its_word() {
        let mut row = [9; 2];
        let mut pixels = [255; 33];
        (pixels[0], pixels[32]) = (0, 0);
        bits(&mut row, &pixels, 127);
        assert_eq!(row, [1 << 31, 1 << 31]);
        bytes(&mut row, &[1, 2, 3, 4, 5]);
        assert_eq!(row, [0x0102_0304, 0x0500_0000]);
    }

    #[test]
    fn pixels_of_another_number_than_the_size_says_are_not_taken() {
        use crate::ocr::Layout;
        let sheet = |gray| Sheet {
            gray,
            width: 3,
            height: 2,
            dpi: 300.0,
            is_bilevel: true,
            is_uneven: false,
            threshold: None,
            layout: Layout::Page,
        };
        assert!(of(&sheet(&[0; 6])).is_some());
        assert!(of(&sheet(&[0; 5])).is_none());
    }
}
