//! How large are the letters, and how does the page lean?

use super::runs::Part;

/// Heights that letters may have, inches: print of 4 points to headings of half an inch.
const LETTER_INCHES: (f32, f32) = (0.02, 0.6);
/// Leans that are tried: so many steps of so much to either side.
const LEANS: (i32, f32) = (60, 0.0005);

/// The usual height of a letter, pixels; `None` of a page without letters.
pub(super) fn letter_height(parts: &[Part], dpi: f32) -> Option<f32> {
    let dpi = dpi.clamp(70.0, 1200.0);
    let (least, most) = ((LETTER_INCHES.0 * dpi).max(5.0) as usize, (LETTER_INCHES.1 * dpi).max(12.0) as usize);
    let mut counts = vec![0_usize; most + 1];
    for part in parts {
        let (w, h) = (part.width() as usize, part.height() as usize);
        if (least..=most).contains(&h) && w * 12 > h && w < h * 4 && part.ink as usize * 12 > w * h {
            counts[h] += 1;
        }
    }
    let all: usize = counts.iter().sum();
    if all == 0 {
        return None;
    }
    let mut below = 0;
    let median = counts.iter().position(|count| {
        below += count;
        below * 2 >= all
    })?;
    Some(median as f32)
}

/// How much the lines fall per pixel to the right: the lean at which the lower edges of letters lie most on each other.
pub(super) fn lean(parts: &[Part], letters: &[u32], letter: f32) -> f32 {
    let step = (letters.len() / 4_000).max(1);
    let some = letters.iter().step_by(step).map(|at| &parts[*at as usize]);
    let points: Vec<(f32, f32)> = some.map(|part| ((part.left + part.right) as f32 / 2.0, part.bottom as f32)).collect();
    let bin = (letter / 7.0).max(1.5);
    let (mut best, mut lean) = (0.0, 0.0);
    for at in -LEANS.0..=LEANS.0 {
        let slope = at as f32 * LEANS.1;
        let places = points.iter().map(|(x, y)| (y - slope * x) / bin);
        let (least, most) = places.clone().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(v), b.max(v)));
        if least > most {
            return 0.0;
        }
        let mut counts = vec![0_u32; (most - least) as usize + 2];
        places.for_each(|place| counts[(place - least) as usize] += 1);
        // Neighbouring bins count together, lest a line on the border of two be missed; level wins among equals.
        let peaked: u64 = counts.windows(2).map(|two| u64::from(two[0] + two[1]).pow(2)).sum();
        let score = peaked as f32 * (1.0 - 0.02 * (at.abs() as f32 / LEANS.0 as f32));
        if score > best {
            (best, lean) = (score, slope);
        }
    }
    lean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(slope: f32) -> Vec<Part> {
        let at = |line: i32, x: i32| {
            let top = 100 + line * 50 + (slope * x as f32) as i32;
            Part { left: x, top, right: x + 15, bottom: top + if x % 3 == 0 { 28 } else { 20 }, ink: 100 }
        };
        (0..12).flat_map(|line| (0..60).map(move |n| at(line, 50 + n * 20))).collect()
    }

    #[test]
    fn the_lean_of_lines_is_found_to_a_third_of_a_letter_over_their_length() {
        for slope in [-0.02, -0.004, 0.0, 0.009, 0.025] {
            let parts = letters(slope);
            let found = lean(&parts, &(0..parts.len() as u32).collect::<Vec<_>>(), 20.0);
            assert!((found - slope).abs() * 1200.0 < 7.0, "{slope}: {found}");
        }
    }

    #[test]
    fn specks_and_rules_do_not_change_the_height_of_letters() {
        let mut parts = letters(0.0);
        parts.extend((0..5_000).map(|n| Part { left: n, top: n, right: n + 2, bottom: n + 2, ink: 4 }));
        parts.push(Part { left: 0, top: 0, right: 2_000, bottom: 3, ink: 6_000 });
        assert_eq!(letter_height(&parts, 300.0), Some(20.0));
        assert_eq!(letter_height(&[], 300.0), None);
    }
}
