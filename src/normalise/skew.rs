//! By how much does the text rise or fall? The angle at which rows of ink are sharpest.

use super::measure::Mask;

/// Steepest skew of a page, degrees; beyond it nobody would put a sheet on the glass.
pub(super) const PAGE_MOST: f32 = 16.0;
/// Steepest lean of a stamp, degrees: a hand sets it as it comes.
pub(super) const STAMP_MOST: f32 = 25.0;
/// Most ink cells looked at, and as many at each of the angles half a degree apart among which the best is sought first.
const CELLS_MAX: usize = 60_000;
const COARSE_CELLS_MAX: usize = 15_000;
/// How much sharper than straight the rows must become for the angle to be believed: a little, and much more where it is
/// steeper than sheets that a feeder drew in.
const GAIN: f32 = 1.03;
const STEEP: f32 = 8.0;
const STEEP_GAIN: f32 = 1.3;

/// Degrees, at most `most`, by which text rises to the right, once the page is turned clockwise by `rotation`; 0 where nothing
/// shows it.
pub(super) fn degrees(mask: &Mask, rotation: u16, most: f32) -> f32 {
    let points = points(mask, rotation);
    if points.len() < 200 {
        return 0.0;
    }
    let few: Vec<(f32, f32)> = points.iter().copied().step_by(points.len().div_ceil(COARSE_CELLS_MAX)).collect();
    let best_of = |points: &[(f32, f32)], from: f32, to: f32, step: f32| {
        let count = ((to - from) / step).round() as i32;
        (0..=count)
            .map(|i| from + step * i as f32)
            .map(|degrees| (degrees, sharpness(points, degrees)))
            .fold((0.0, f32::MIN), |best, next| if next.1 > best.1 { next } else { best })
    };
    let coarse = best_of(&few, -most, most, 0.5).0;
    let (fine, sharp) = best_of(&points, coarse - 0.5, coarse + 0.5, 0.05);
    let gain = if fine.abs() > STEEP { STEEP_GAIN } else { GAIN };
    let is_certain = fine.abs() < most - 0.1 && sharp > gain * sharpness(&points, 0.0);
    if is_certain { (fine * 100.0).round() / 100.0 } else { 0.0 }
}

/// Lower edges of ink (baselines make the sharpest rows), as they lie once the page is turned.
fn points(mask: &Mask, rotation: u16) -> Vec<(f32, f32)> {
    let (width, height) = (mask.width as f32, mask.height as f32);
    let mut points = Vec::new();
    for y in 1..mask.height.saturating_sub(1) {
        for x in 1..mask.width.saturating_sub(1) {
            let below = match rotation {
                90 => y * mask.width + x + 1,
                180 => (y - 1) * mask.width + x,
                270 => y * mask.width + x - 1,
                _ => (y + 1) * mask.width + x,
            };
            if mask.dark[y * mask.width + x] && !mask.dark[below] {
                let (x, y) = (x as f32, y as f32);
                points.push(match rotation {
                    90 => (height - y, x),
                    180 => (width - x, height - y),
                    270 => (y, width - x),
                    _ => (x, y),
                });
            }
        }
    }
    let step = points.len().div_ceil(CELLS_MAX).max(1);
    points.into_iter().step_by(step).collect()
}

fn sharpness(points: &[(f32, f32)], degrees: f32) -> f32 {
    let slope = degrees.to_radians().tan();
    let level = |(x, y): &(f32, f32)| y + x * slope;
    let (low, high) = points.iter().map(level).fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
    let mut rows = vec![0.0_f32; (high - low) as usize + 2];
    for point in points {
        rows[(level(point) - low) as usize] += 1.0;
    }
    rows.iter().map(|count| count * count).sum()
}
