//! Which black pixels of a black and white page are dirt? Those that stand alone in great number, smaller than any dot of a letter.

use super::PageImage;

/// Specks per million pixels from which a black and white page is cleaned: of one pixel, and of up to two by two, of which a page
/// in 7 points has 150 that are full stops and dots of an i.
const SPECKS_PER_MILLION: [usize; 2] = [60, 500];
/// Resolution from which specks of two pixels are smaller than the dot of an i (that of 7 points has three there).
const TWO_PIXELS_DPI: f32 = 250.0;

/// Black pixels that stand alone, and where they are small even two by two, if there are so many that the page is dirty.
pub(super) fn of(image: &PageImage, dpi: f32) -> Vec<usize> {
    let small = at_most(image, 1);
    if dpi < TWO_PIXELS_DPI {
        return small;
    }
    let larger = at_most(image, 2);
    if larger.is_empty() { small } else { larger }
}

/// The pixels of specks of at most `side` by `side`.
fn at_most(image: &PageImage, side: usize) -> Vec<usize> {
    let (width, height) = (image.width as usize, image.height as usize);
    let (mut alone, mut count) = (Vec::new(), 0_usize);
    for y in 1..height.saturating_sub(side) {
        let row = |y: usize| &image.gray[y * width..(y + 1) * width];
        let (above, here, below, under) = (row(y - 1), row(y), row(y + 1), row(y + side));
        let mut x = 1;
        while let Some(found) = memchr::memchr(0, here.get(x..width - side).unwrap_or_default()) {
            x += found;
            // Where the speck begins: its second row may reach further to the left.
            let from = if side == 2 && x > 1 && below[x - 1] == 0 { x - 1 } else { x };
            let (left, right) = (from - 1, from + side);
            let is_apart = |row: &[u8]| row[left] != 0 && row[right] != 0;
            let is_alone = is_apart(here)
                && (side == 1 || is_apart(below))
                && [above, under].iter().all(|row| !row[left..=right].contains(&0));
            if is_alone {
                count += 1;
                let pixels = (y..y + side).flat_map(|y| (from..right).map(move |x| y * width + x));
                alone.extend(pixels.filter(|at| image.gray[*at] == 0));
            }
            x += 1;
        }
    }
    let most = SPECKS_PER_MILLION[side - 1];
    if count > image.gray.len() / 1_000_000 * most + most { alone } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specks_are_found_by_the_size_that_no_letter_has_and_letters_are_left() {
        let (width, height) = (200_u32, 200_u32);
        let page = |side: u32| {
            let is_black = |x: u32, y: u32| x % 8 < side && y % 8 < side;
            let gray = (0..width * height).map(|at| if is_black(at % width, at / width) { 0 } else { 255 }).collect();
            PageImage::new(width, height, gray).expect("a page")
        };
        let found = |side, dpi| of(&page(side), dpi).len();
        assert!(found(1, 200.0) > 500 && found(1, 300.0) > 500);
        assert!(found(2, 300.0) > 2_000, "all four pixels");
        assert_eq!((found(2, 200.0), found(3, 300.0)), (0, 0));
    }
}
