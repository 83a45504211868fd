//! What is ink and what is paper? The light of the page evened out, one threshold, black and white.
//!
//! The engine reads black and white a sixth cheaper than grey, and on the generated office scans with fewer errors; its
//! own threshold is one for the whole page, which loses what stands in shadow. Here the paper's brightness is taken tile
//! by tile, the page divided by it, and one threshold (Otsu 1979) put through what remains.

use super::PageImage;

/// Side of a tile over which the paper's brightness is taken, inches.
const TILE_INCHES: f32 = 0.32;
/// Darkest paper that is evened out: below it there is no paper but a photograph or an edge of the glass.
const PAPER_LEAST: u8 = 24;
/// Share of a tile's pixels that are darker than its paper.
const PAPER_SHARE: usize = 90;
/// The threshold lies between these shares of the way from ink to paper.
const BETWEEN: (f32, f32) = (0.30, 0.72);
/// Standard deviation of neighbouring pixels on paper from which the page is smoothed first.
const NOISY: f32 = 7.0;

/// Evens out the light of a grey page, so that its paper is white; says whether the page was smoothed first.
pub(super) fn even(image: &mut PageImage, dpi: f32) -> bool {
    let is_noisy = noise(image) > NOISY;
    if is_noisy {
        smooth(image);
    }
    even_out(image, dpi);
    is_noisy
}

/// The brightest value that is ink on an even grey page.
pub(super) fn threshold_of(image: &PageImage) -> u8 {
    threshold(&histogram(&image.gray))
}

/// Brings a grey page to black and white.
pub(super) fn part(image: &mut PageImage, threshold: u8) {
    for value in &mut image.gray {
        *value = if *value > threshold { 255 } else { 0 };
    }
    image.bilevel = true;
}

/// How much neighbours on paper differ: the median over rows of the deviation between pixels two apart.
fn noise(image: &PageImage) -> f32 {
    let width = image.width as usize;
    let mut rows: Vec<f32> = image
        .gray
        .chunks_exact(width)
        .step_by((image.height as usize / 64).max(1))
        .map(|row| {
            // Text edges are few and large: pairs that differ much are not noise.
            let (sum, count) = row.windows(3).step_by(2).fold((0_u32, 0_u32), |(sum, count), three| {
                let apart = u32::from(three[0].abs_diff(three[2]));
                if apart < 64 { (sum + apart * apart, count + 1) } else { (sum, count) }
            });
            (sum as f32 / count.max(1) as f32 / 2.0).sqrt()
        })
        .collect();
    rows.sort_by(f32::total_cmp);
    rows.get(rows.len() / 2).copied().unwrap_or(0.0)
}

/// A binomial mean over three by three pixels.
pub(super) fn smooth(image: &mut PageImage) {
    let width = image.width as usize;
    if width < 3 || image.height < 3 {
        return;
    }
    let mean = |a: u8, b: u8, c: u8| ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) / 4) as u8;
    let mut above: Vec<u8> = Vec::new();
    let across = |row: &[u8]| -> Vec<u8> {
        let mut out = row.to_vec();
        for (out, three) in out[1..].iter_mut().zip(row.windows(3)) {
            *out = mean(three[0], three[1], three[2]);
        }
        out
    };
    let height = image.height as usize;
    let mut here = across(&image.gray[..width]);
    for y in 0..height {
        let below = if y + 1 < height { across(&image.gray[(y + 1) * width..(y + 2) * width]) } else { here.clone() };
        let top = if above.is_empty() { &here } else { &above };
        for (x, out) in image.gray[y * width..(y + 1) * width].iter_mut().enumerate() {
            *out = mean(top[x], here[x], below[x]);
        }
        above = std::mem::replace(&mut here, below);
    }
}

/// Divides the page by its paper's brightness, which is taken tile by tile and drawn smoothly between them.
fn even_out(image: &mut PageImage, dpi: f32) {
    let tile = ((dpi * TILE_INCHES) as usize).clamp(16, 512);
    let (width, height) = (image.width as usize, image.height as usize);
    let (columns, rows) = (width.div_ceil(tile), height.div_ceil(tile));
    let tiles = papers(image, tile, (columns, rows));
    let (least, most) = tiles.iter().fold((255, 0), |(least, most), v| ((*v).min(least), (*v).max(most)));
    if most - least < 8 && most > 235 {
        return;
    }
    // Brightness along a row of pixels, between the two rows of tiles that it lies between, in 1/256.
    let mut paper = vec![0_u32; columns];
    let place = |at: usize, count: usize| {
        let centred = (at as f32 + 0.5) / tile as f32 - 0.5;
        let first = (centred.max(0.0) as usize).min(count - 1);
        (first, (first + 1).min(count - 1), ((centred - first as f32).clamp(0.0, 1.0) * 256.0) as u32)
    };
    // Runs of pixels that lie between the same two columns of tiles, with the share of the right one for each.
    let across: Vec<(usize, usize, u32)> = (0..width).map(|x| place(x, columns)).collect();
    let between: Vec<_> = across.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1)).collect();
    for (y, row) in image.gray.chunks_exact_mut(width).enumerate() {
        let (upper, lower, down) = place(y, rows);
        for (column, value) in paper.iter_mut().enumerate() {
            let at = |row: usize| u32::from(tiles[row * columns + column]);
            *value = at(upper) * (256 - down) + at(lower) * down;
        }
        let mut left = row;
        for run in &between {
            let (pixels, rest) = left.split_at_mut(run.len());
            lighten(pixels, run, &paper);
            left = rest;
        }
    }
}

/// Divides a run of pixels between two columns of tiles by the paper's brightness, which goes from the one's to the other's.
fn lighten(pixels: &mut [u8], run: &[(usize, usize, u32)], paper: &[u32]) {
    let [first, .., last] = run else {
        return pixels
            .iter_mut()
            .zip(run)
            .for_each(|(value, place)| *value = lightened(*value, factor(brightness(place, paper))));
    };
    let (from, to) = (brightness(first, paper), brightness(last, paper));
    if from == to {
        let factor = factor(from);
        return pixels.iter_mut().for_each(|value| *value = lightened(*value, factor));
    }
    let middle = run.len() / 2;
    let ((pixels, more), (run, rest)) = (pixels.split_at_mut(middle), run.split_at(middle));
    lighten(pixels, run, paper);
    lighten(more, rest, paper);
}

/// The paper's brightness at a place between two columns.
fn brightness((left, right, share): &(usize, usize, u32), paper: &[u32]) -> u32 {
    (paper[*left] * (256 - share) + paper[*right] * share) >> 16
}

/// What a pixel is multiplied by, in 1/65536, on paper of a brightness.
fn factor(paper: u32) -> u32 {
    255 * 65_536 / paper.clamp(1, 255)
}

fn lightened(value: u8, factor: u32) -> u8 {
    ((u32::from(value) * factor) >> 16).min(255) as u8
}

/// The paper's brightness in each tile; a tile without paper takes that of its neighbours.
fn papers(image: &PageImage, tile: usize, (columns, rows): (usize, usize)) -> Vec<u8> {
    let width = image.width as usize;
    let mut tiles = vec![0_u8; columns * rows];
    for (row, band) in image.gray.chunks(width * tile).enumerate() {
        let mut counts = vec![[0_u32; 256]; columns];
        for line in band.chunks_exact(width).step_by(3) {
            for (counts, pixels) in counts.iter_mut().zip(line.chunks(tile)) {
                pixels.iter().step_by(3).for_each(|value| counts[usize::from(*value)] += 1);
            }
        }
        for (column, counts) in counts.iter().enumerate() {
            tiles[row * columns + column] = level(counts, PAPER_SHARE);
        }
    }
    // Dark tiles (photographs, thick bars) would be brightened to paper: they take the brightest of their neighbours, if
    // that is much brighter.
    let seen = tiles.clone();
    for (at, value) in tiles.iter_mut().enumerate() {
        let (x, y) = (at % columns, at / columns);
        let near_y = y.saturating_sub(1)..(y + 2).min(rows);
        let near = near_y.flat_map(|y| (x.saturating_sub(1)..(x + 2).min(columns)).map(move |x| y * columns + x));
        let brightest = near.map(|at| seen[at]).max().unwrap_or(255);
        if u32::from(*value) * 2 < u32::from(brightest) {
            *value = brightest;
        }
        *value = (*value).max(PAPER_LEAST);
    }
    tiles
}

fn level(counts: &[u32; 256], share: usize) -> u8 {
    let wanted = counts.iter().sum::<u32>() as usize * share / 100;
    let mut below = 0;
    for (value, count) in (0..=255).zip(counts) {
        below += *count as usize;
        if below > wanted {
            return value;
        }
    }
    255
}

fn histogram(gray: &[u8]) -> [u32; 256] {
    // Four counters, so that equal neighbours do not wait for each other.
    let mut counts = [[0_u32; 256]; 4];
    let mut fours = gray.chunks_exact(4);
    for four in &mut fours {
        for (counts, value) in counts.iter_mut().zip(four) {
            counts[usize::from(*value)] += 1;
        }
    }
    fours.remainder().iter().for_each(|value| counts[0][usize::from(*value)] += 1);
    std::array::from_fn(|value| counts.iter().map(|counts| counts[value]).sum())
}

/// Otsu's threshold, kept between ink and paper: on a page of little ink it would part paper from paper.
fn threshold(counts: &[u32; 256]) -> u8 {
    let all: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let moment: f64 = (0_u32..).zip(counts).map(|(value, count)| f64::from(value) * f64::from(*count)).sum();
    let (mut best, mut otsu, mut below, mut sum) = (-1.0, 128_u8, 0.0, 0.0);
    for (value, count) in (0..=255_u8).zip(counts) {
        below += f64::from(*count);
        sum += f64::from(value) * f64::from(*count);
        let between = (moment * below / all - sum).powi(2) / (below * (all - below)).max(1.0);
        if between > best {
            (best, otsu) = (between, value);
        }
    }
    let paper = f32::from(level(counts, 60));
    let dark: [u32; 256] = std::array::from_fn(|value| if value <= usize::from(otsu) { counts[value] } else { 0 });
    let ink = f32::from(level(&dark, 25)).min(paper);
    let way = |share: f32| (ink + (paper - ink) * share) as u8;
    otsu.clamp(way(BETWEEN.0), way(BETWEEN.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of strokes whose ink is a third as bright as the paper, the paper as `light` says.
    fn strokes(light: impl Fn(u32, u32) -> f32) -> (PageImage, Vec<bool>) {
        let (width, height) = (400, 300);
        let is_ink = |x: u32, y: u32| y % 30 < 3 && x % 40 > 10;
        let pixel = |x, y| (light(x, y) * if is_ink(x, y) { 0.33 } else { 1.0 }) as u8;
        let gray = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
        let ink = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| is_ink(x, y)).collect();
        (PageImage::new(width, height, gray).unwrap(), ink)
    }

    fn wrong(image: &PageImage, ink: &[bool]) -> usize {
        image.gray.iter().zip(ink).filter(|(value, is_ink)| (**value == 0) != **is_ink).count()
    }

    fn separate(image: &mut PageImage) -> bool {
        let is_smoothed = even(image, 150.0);
        let threshold = threshold_of(image);
        part(image, threshold);
        is_smoothed
    }

    #[test]
    fn a_run_of_pixels_is_lightened_as_each_pixel_by_itself() {
        let mut dice = 0x5eed_u32;
        let mut next = move || {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            dice >> 16
        };
        for width in [1_usize, 2, 3, 7, 96] {
            for _ in 0..200 {
                let paper = [next() % 232 + 24, next() % 232 + 24].map(|level| level * 256 + next() % 200);
                let run: Vec<_> = (0..width).map(|x| (0, 1, (x * 256 / width) as u32)).collect();
                let given: Vec<u8> = (0..width).map(|_| next() as u8).collect();
                let mut found = given.clone();
                lighten(&mut found, &run, &paper);
                for ((found, given), (.., share)) in found.iter().zip(&given).zip(&run) {
                    let here = (paper[0] * (256 - share) + paper[1] * share) / 65_536;
                    let expected = (u32::from(*given) * (255 * 65_536 / here) / 65_536).min(255);
                    assert_eq!(u32::from(*found), expected);
                }
            }
        }
    }

    #[test]
    fn ink_in_deep_shadow_is_found_like_ink_in_the_light() {
        let (mut page, ink) = strokes(|x, _| 240.0 - 0.45 * x as f32);
        separate(&mut page);
        assert!(wrong(&page, &ink) < ink.len() / 500, "{}", wrong(&page, &ink));
    }

    #[test]
    fn faint_ink_on_even_paper_is_found() {
        let (mut page, ink) = strokes(|_, _| 255.0);
        page.gray.iter_mut().for_each(|value| *value = 180 + *value / 10);
        separate(&mut page);
        assert_eq!(wrong(&page, &ink), 0);
    }

    #[test]
    fn noise_of_the_paper_is_smoothed_first() {
        let (mut page, ink) = strokes(|_, _| 220.0);
        let mut seed = 7_u32;
        for value in &mut page.gray {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = value.saturating_add((seed >> 26) as u8).saturating_sub(30);
        }
        assert!(separate(&mut page));
        assert!(wrong(&page, &ink) < ink.len() / 30, "{}", wrong(&page, &ink));
    }
}
