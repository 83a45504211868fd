//! Where was the sheet folded? Thin lines from edge to edge, which the engine takes for borders of columns.
//!
//! Looked for on the page once it is settled what is ink, band by band: a fold is in the same place in nearly every band, give or
//! take a lean. Only where the line is as thin as a line is it taken away; letters that it crosses stay.

use std::ops::Range;

use super::PageImage;

/// Bands that the page is cut into, across or down.
const BANDS: usize = 40;
/// Share of the bands that a line must run through: rules of tables and letterheads stop at the margins.
const RUNS_THROUGH: f32 = 0.93;
/// Share of a band's pixels that are dark where the line is.
const SOLID: usize = 60;
/// Thickest line, inches.
const THICK: f32 = 0.045;
/// Most lines of one direction: more of them are a drawing.
const LINES_MAX: usize = 4;

/// A line from edge to edge: its middle in every band.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fold {
    is_upright: bool,
    middles: Vec<Option<usize>>,
}

/// The folds of a page on which values up to `ink` are dark.
pub(super) fn find(image: &PageImage, dpi: f32, ink: u8) -> Vec<Fold> {
    let (width, height) = (image.width as usize, image.height as usize);
    if width < 8 * BANDS || height < 8 * BANDS {
        return Vec::new();
    }
    let thick = ((dpi * THICK) as usize).max(3);
    let mut found = Vec::new();
    for is_upright in [true, false] {
        let bands: Vec<Vec<usize>> = (0..BANDS)
            .map(|band| {
                let (rows, columns) = part(band, is_upright, (width, height));
                let counts = if is_upright { by_column(image, rows.clone(), ink) } else { by_row(image, columns.clone(), ink) };
                let least = (if is_upright { rows.len() } else { columns.len() }) * SOLID / 100;
                thin_runs(&counts, least, thick)
            })
            .collect();
        let folds = linked(&bands, thick);
        if folds.len() <= LINES_MAX {
            found.extend(folds.into_iter().map(|middles| Fold { is_upright, middles }));
        }
    }
    found
}

/// The rows and columns of one band.
fn part(band: usize, is_upright: bool, (width, height): (usize, usize)) -> (Range<usize>, Range<usize>) {
    let of = |length: usize| band * length / BANDS..(band + 1) * length / BANDS;
    if is_upright { (of(height), 0..width) } else { (0..height, of(width)) }
}

fn by_column(image: &PageImage, rows: Range<usize>, ink: u8) -> Vec<usize> {
    let width = image.width as usize;
    let mut counts = vec![0_u16; width];
    for row in image.gray[rows.start * width..rows.end * width].chunks_exact(width) {
        counts.iter_mut().zip(row).for_each(|(count, value)| *count += u16::from(*value <= ink));
    }
    counts.into_iter().map(usize::from).collect()
}

fn by_row(image: &PageImage, columns: Range<usize>, ink: u8) -> Vec<usize> {
    // So few at a time that a byte holds their number.
    let some = |some: &[u8]| usize::from(some.iter().map(|value| u8::from(*value <= ink)).sum::<u8>());
    let dark = |row: &[u8]| row[columns.clone()].chunks(255).map(some).sum();
    image.gray.chunks_exact(image.width as usize).map(dark).collect()
}

/// Middles of the runs of at least `least` that are no thicker than a line.
fn thin_runs(counts: &[usize], least: usize, thick: usize) -> Vec<usize> {
    let mut middles = Vec::new();
    let mut from = None;
    for at in 0..=counts.len() {
        let is_solid = counts.get(at).is_some_and(|count| *count >= least.max(1));
        match (from, is_solid) {
            (None, true) => from = Some(at),
            (Some(start), false) => {
                if at - start <= thick {
                    middles.push(usize::midpoint(start, at));
                }
                from = None;
            }
            _ => {}
        }
    }
    middles
}

/// Lines that go on from band to band, by at most a line's thickness to the side for each.
fn linked(bands: &[Vec<usize>], thick: usize) -> Vec<Vec<Option<usize>>> {
    let mut lines: Vec<Vec<Option<usize>>> = Vec::new();
    for (band, middles) in bands.iter().enumerate() {
        for middle in middles {
            let last = |line: &Vec<Option<usize>>| line.iter().rev().take(3).find_map(|m| *m);
            let near = lines
                .iter()
                .position(|line| line.len() == band && last(line).is_some_and(|last| last.abs_diff(*middle) <= thick));
            match near {
                Some(at) => lines[at].push(Some(*middle)),
                // A line may be broken in its first bands.
                None if band < 3 => lines.push((0..band).map(|_| None).chain([Some(*middle)]).collect()),
                None => {}
            }
        }
        lines.iter_mut().filter(|line| line.len() == band).for_each(|line| line.push(None));
    }
    let least = (bands.len() as f32 * RUNS_THROUGH) as usize;
    lines.retain(|line| line.iter().flatten().count() >= least);
    lines
}

impl Fold {
    /// Paints the line white where it is no thicker than a line.
    pub(super) fn wipe(&self, image: &mut PageImage, dpi: f32, ink: u8) {
        let (width, height) = (image.width as usize, image.height as usize);
        let thick = ((dpi * THICK) as usize).max(3);
        let (along, across) = if self.is_upright { (height, width) } else { (width, height) };
        let at = |place: usize, aside: usize| if self.is_upright { place * width + aside } else { aside * width + place };
        for place in 0..along {
            let Some(middle) = self.middle(place * BANDS / along) else { continue };
            let near = middle.saturating_sub(thick)..(middle + thick + 1).min(across);
            let Some(dark) = near.min_by_key(|aside| (image.gray[at(place, *aside)] > ink, aside.abs_diff(middle))) else {
                continue;
            };
            if image.gray[at(place, dark)] > ink {
                continue;
            }
            let is_dark = |aside: usize| image.gray[at(place, aside)] <= ink;
            let from = (0..dark).rev().take(thick).take_while(|aside| is_dark(*aside)).last().unwrap_or(dark);
            let to = (dark + 1..across).take(thick).take_while(|aside| is_dark(*aside)).last().unwrap_or(dark);
            if to - from < thick {
                // In grey its rim goes with it.
                let rim = usize::from(!image.bilevel);
                (from.saturating_sub(rim)..=(to + rim).min(across - 1)).for_each(|aside| image.gray[at(place, aside)] = 255);
            }
        }
    }

    /// The middle in a band, or in the one nearest to it that knows.
    fn middle(&self, band: usize) -> Option<usize> {
        let near = |by: usize| [band.checked_sub(by), band.checked_add(by)].into_iter().flatten();
        (0..BANDS).flat_map(near).find_map(|band| *self.middles.get(band)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(draw: impl Fn(usize, usize) -> bool) -> PageImage {
        let gray = (0..900).flat_map(|y| (0..700).map(move |x| (x, y))).map(|(x, y)| if draw(x, y) { 0 } else { 255 });
        let mut image = PageImage::new(700, 900, gray.collect()).unwrap();
        image.bilevel = true;
        image
    }

    #[test]
    fn a_leaning_line_from_edge_to_edge_goes_and_the_letters_it_crosses_stay() {
        let is_fold = |x: usize, y: usize| x.abs_diff(340 + y / 60) < 2;
        let is_text = |x: usize, y: usize| y % 40 < 6 && (100..600).contains(&x) && x % 50 < 30;
        let mut image = page(|x, y| is_fold(x, y) || is_text(x, y));
        let folds = find(&image, 150.0, 0);
        assert_eq!(folds.len(), 1);
        folds[0].wipe(&mut image, 150.0, 0);
        let left = |rows: Range<usize>| rows.map(|y| image.gray[y * 700 + 340 + y / 60]).filter(|value| *value == 0).count();
        assert_eq!(left(10..40), 0);
        assert_eq!(image.gray[2 * 700 + 310], 0);
    }

    #[test]
    fn a_rule_that_stops_at_the_margins_and_lines_of_text_are_no_folds() {
        let image = page(|x, y| ((60..640).contains(&x) && y.abs_diff(200) < 2) || (y % 40 < 6 && x % 50 < 30));
        assert_eq!(find(&image, 150.0, 0), Vec::new());
    }
}
