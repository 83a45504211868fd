//! Was a black and white page made of greys by scattered dots? Then its dots are no ink, but the greys that they stand for.

use super::{PageImage, ink};

/// Share of the black pixels that have at most one black neighbour, from which they are dots: of print it is under 3 of 100 at 150
/// dpi and more, of a page with shadows in it up to 15, of dithered ones (Floyd and Steinberg 1976) 60 and more.
const DOTS: f32 = 0.4;
/// Least share of black on such a page: a few specks are no greys.
const BLACK_LEAST: f32 = 0.02;
/// Rows looked at.
const ROWS: usize = 240;
/// Times that the dots are drawn together, each over three by three pixels: a deviation of a pixel and a half.
const TIMES: usize = 4;

/// Makes greys of the dots of a page that was dithered; says whether it was.
pub(super) fn undone(image: &mut PageImage) -> bool {
    if !image.bilevel || !is_dithered(image) {
        return false;
    }
    for _ in 0..TIMES {
        ink::smooth(image);
    }
    image.bilevel = false;
    true
}

fn is_dithered(image: &PageImage) -> bool {
    let (width, height) = (image.width as usize, image.height as usize);
    if width < 3 || height < 3 {
        return false;
    }
    let (mut seen, mut black, mut dots) = (0_usize, 0_usize, 0_usize);
    for y in (1..height - 1).step_by((height / ROWS).max(1)) {
        let three = &image.gray[(y - 1) * width..(y + 2) * width];
        seen += width;
        for x in (1..width - 1).filter(|x| three[width + x] < 128) {
            let around = [x - 1, x, x + 1, width + x - 1, width + x + 1, 2 * width + x - 1, 2 * width + x, 2 * width + x + 1];
            black += 1;
            dots += usize::from(around.iter().filter(|at| three[**at] < 128).count() <= 1);
        }
    }
    black as f32 >= BLACK_LEAST * seen as f32 && dots as f32 >= DOTS * black as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of strokes of ink on paper as grey as `paper` says, its greys scattered (Floyd and Steinberg 1976).
    fn dithered(paper: f32) -> PageImage {
        let (width, height) = (300_usize, 200_usize);
        let mut left: Vec<f32> =
            (0..width * height).map(|at| if (at / width) % 20 < 4 && (at % width) % 30 > 8 { 20.0 } else { paper }).collect();
        for at in 0..width * height {
            let value = if left[at] < 128.0 { 0.0 } else { 255.0 };
            let error = left[at] - value;
            for (step, share) in [(1, 7.0), (width - 1, 3.0), (width, 5.0), (width + 1, 1.0)] {
                if let Some(next) = left.get_mut(at + step) {
                    *next += error * share / 16.0;
                }
            }
            left[at] = value;
        }
        let gray = left.into_iter().map(|value| value as u8).collect();
        let mut image = PageImage::new(width as u32, height as u32, gray).expect("a page");
        image.bilevel = true;
        image
    }

    #[test]
    fn dots_that_stand_for_grey_paper_become_it_and_strokes_stay_dark() {
        let mut image = dithered(190.0);
        assert!(undone(&mut image) && !image.bilevel);
        let at = |x: usize, y: usize| image.gray[y * 300 + x];
        assert!((60..80).all(|x| at(x, 92) > 140), "paper");
        assert!((45..55).all(|x| at(x, 82) < 100), "ink");
    }

    #[test]
    fn strokes_on_white_paper_and_a_few_specks_are_left_alone() {
        let mut image = dithered(255.0);
        let before = image.gray.clone();
        assert!(!undone(&mut image) && image.gray == before);
        let mut specks = dithered(255.0);
        specks.gray.fill(255);
        specks.gray.iter_mut().step_by(101).for_each(|value| *value = 0);
        assert!(!undone(&mut specks));
    }
}
