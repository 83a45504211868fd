//! At what resolution was the page scanned? As its file says, unless that cannot be; then by its size and its letters.

use super::measure::{Look, look};
use super::{PageImage, Plan, skew};
use crate::page::PageSurvey;

/// Looks at the page and settles its resolution.
pub fn plan(image: &PageImage, survey: &PageSurvey) -> Plan {
    let declared = if image.dpi > 0.0 { image.dpi } else { survey.dpi };
    let is_plausible = is_plausible(declared, image);
    let mut first = look(image, if is_plausible { declared } else { a4_dpi(image) });
    if is_plausible {
        // Letters are found by their size: whether the sheet is A4 is asked of those that it would have.
        let as_a4 = is_doubtful(declared, image).then(|| look(image, a4_dpi(image)));
        match as_a4.filter(|as_a4| contradicts(declared, image, as_a4)) {
            Some(as_a4) => first = as_a4,
            None => {
                return Plan {
                    dpi: declared,
                    is_dpi_estimated: false,
                    look: first,
                    lean_most: skew::PAGE_MOST,
                    turned: survey.turned,
                };
            }
        }
    }
    let (short, long) = (image.width.min(image.height) as f32, image.width.max(image.height) as f32);
    let is_sheet = (1.25..1.6).contains(&(long / short)) && (90.0..1300.0).contains(&a4_dpi(image));
    // A letter with its neighbours is about 7 points high in text of 10 to 12 points.
    let by_letters = first.letter_height * 72.0 / 7.0;
    let dpi = if is_sheet || by_letters < 1.0 { a4_dpi(image) } else { by_letters };
    Plan {
        dpi: dpi.clamp(70.0, 1200.0).round(),
        is_dpi_estimated: true,
        look: first,
        lean_most: skew::PAGE_MOST,
        turned: survey.turned,
    }
}

/// A declared resolution is believed if the sheet it implies could lie on a scanner or a plotter.
fn is_plausible(dpi: f32, image: &PageImage) -> bool {
    let longest = image.width.max(image.height) as f32 / dpi;
    (90.0..=1300.0).contains(&dpi) && (0.5..=60.0).contains(&longest)
}

/// A declared resolution that makes a note of what may be a sheet of A4, or is the one that software writes where it knows none.
fn is_doubtful(declared: f32, image: &PageImage) -> bool {
    let (short, long) = (image.width.min(image.height) as f32, image.width.max(image.height) as f32);
    let is_of_software = declared <= SOFTWARE_DPI && a4_dpi(image) > 1.25 * declared;
    (1.25..1.6).contains(&(long / short)) && (short / declared < SMALL_SHEET || is_of_software)
}

/// A doubtful resolution is a wrong tag if it makes a fine print of the letters, or that of a poster, and both are usual if the
/// sheet is A4, as `look` saw it.
fn contradicts(declared: f32, image: &PageImage, look: &Look) -> bool {
    let points = |dpi: f32| look.letter_height * 72.0 / dpi;
    let is_odd = if declared < a4_dpi(image) { points(declared) > POSTER_PRINT } else { points(declared) < FINE_PRINT };
    is_odd && (FINE_PRINT..=LARGE_PRINT).contains(&points(a4_dpi(image)))
}

/// Software that knows no resolution writes that of a screen, or a round hundred.
const SOFTWARE_DPI: f32 = 101.0;
/// Height of small letters in text of 16 points, points.
const POSTER_PRINT: f32 = 8.0;
/// Inches of the shorter side under which a sheet is smaller than A5.
const SMALL_SHEET: f32 = 5.5;
/// Heights of small letters in text of 6 and of 20 points, points.
const FINE_PRINT: f32 = 3.2;
const LARGE_PRINT: f32 = 10.0;

/// The resolution if the shorter side is that of an A4 sheet.
fn a4_dpi(image: &PageImage) -> f32 {
    (image.width.min(image.height) as f32 / 8.27).max(70.0)
}
