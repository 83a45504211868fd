//! Where does a line stand? Its baseline and the height of its small letters.

use super::runs::Part;
use super::strands::Strand;

/// Height of a capital letter or a digit over that of a small letter.
pub(super) const CAPITAL: f32 = 1.40;
/// Widths from which a line's own lean and bend are believed, letter heights.
const OWN_LEAN: f32 = 14.0;
const OWN_BEND: f32 = 40.0;

/// Width, letter heights, and letters from which a line may lean otherwise than its page, and by how much at most: 14 degrees.
const LEANING: f32 = 5.0;
const LEANING_LEAST: usize = 6;
const LEAN_MOST: f32 = 0.25;

/// A line's baseline, `y = at + lean * x + bend * x²` with x counted from `middle`, and the height of its small letters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stand {
    pub(super) middle: f32,
    pub(super) at: f32,
    pub(super) lean: f32,
    pub(super) bend: f32,
    /// Height of a small letter without ascender.
    pub(super) small: f32,
    /// False where the small letters' height had to be guessed.
    pub(super) is_sure: bool,
}

impl Stand {
    pub(super) fn base(&self, x: f32) -> f32 {
        let x = x - self.middle;
        self.at + self.lean * x + self.bend * x * x
    }
}

/// How the strand stands on a page that leans by `lean`.
pub(super) fn stand(parts: &[Part], strand: &Strand, (letter, lean): (f32, f32)) -> Stand {
    let middle = (strand.left + strand.right) as f32 / 2.0;
    let points: Vec<(f32, f32, f32)> = strand
        .letters
        .iter()
        .map(|at| &parts[*at as usize])
        .map(|p| ((p.left + p.right) as f32 / 2.0 - middle, p.bottom as f32, p.top as f32))
        .collect();
    let size = {
        let mut heights: Vec<f32> = points.iter().map(|p| p.1 - p.2).collect();
        heights.sort_by(f32::total_cmp);
        heights.get(heights.len() / 2).copied().unwrap_or(letter)
    };
    let width = (strand.right - strand.left) as f32;
    let lean = if width >= LEANING * size { own_lean(&points, lean, size * 0.16) } else { lean };
    let mut curve = (mode(points.iter().map(|p| p.1 - lean * p.0), size * 0.16), lean, 0.0);
    if width >= OWN_LEAN * size && points.len() >= 8 {
        for round in 0..3 {
            let near = size * [0.3, 0.16, 0.12][round];
            let is_near = |p: &&(f32, f32, f32)| (p.1 - curve.0 - curve.1 * p.0 - curve.2 * p.0 * p.0).abs() <= near;
            let inliers: Vec<(f32, f32)> = points.iter().filter(is_near).map(|p| (p.0, p.1)).collect();
            if inliers.len() * 3 < points.len() || inliers.len() < 6 {
                break;
            }
            let is_long = round > 0 && width >= OWN_BEND * size && inliers.len() >= 20;
            let Some(fitted) = (if is_long { parabola(&inliers) } else { None }).or_else(|| straight(&inliers)) else { break };
            // No line leans otherwise than it seemed to by more than a few degrees.
            if (fitted.1 - lean).abs() > 0.05 || (fitted.2 * width * width / 4.0).abs() > 1.5 * size {
                break;
            }
            curve = fitted;
        }
    }
    let base = |x: f32| curve.0 + curve.1 * x + curve.2 * x * x;
    let heights: Vec<f32> = points.iter().map(|p| base(p.0) - p.2).filter(|h| *h > 0.3 * size).collect();
    let (small, is_sure) = small_height(&heights, size);
    Stand { middle, at: curve.0, lean: curve.1, bend: curve.2, small, is_sure }
}

/// The lean of the page, or that of a line which leans otherwise (a stamp, a slip of paper): the lean at which clearly more of its
/// letters stand on one line.
fn own_lean(points: &[(f32, f32, f32)], lean: f32, near: f32) -> f32 {
    if points.len() < LEANING_LEAST {
        return lean;
    }
    let mut order: Vec<(f32, f32)> = points.iter().map(|p| (p.0, p.1)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = order.len() / 2;
    let pairs = order.iter().zip(&order[half..]).filter(|(a, b)| b.0 > a.0);
    let mut slopes: Vec<f32> = pairs.map(|(a, b)| (b.1 - a.1) / (b.0 - a.0)).collect();
    slopes.sort_by(f32::total_cmp);
    let Some(own) = slopes.get(slopes.len() / 2).copied().filter(|own| own.abs() < LEAN_MOST) else { return lean };
    let standing = |lean: f32| {
        let at = mode(order.iter().map(|p| p.1 - lean * p.0), near);
        order.iter().filter(|p| (p.1 - lean * p.0 - at).abs() <= near).count()
    };
    if standing(own) * 2 >= order.len() && standing(own) * 3 > standing(lean) * 4 { own } else { lean }
}

/// The value around which most lie, within `window`.
fn mode(values: impl Iterator<Item = f32>, window: f32) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    let (mut best, mut found, mut from) = (0, values.get(values.len() / 2).copied().unwrap_or(0.0), 0);
    for to in 0..values.len() {
        while values[to] - values[from] > window {
            from += 1;
        }
        if to - from + 1 > best {
            best = to - from + 1;
            found = values[usize::midpoint(from, to)];
        }
    }
    found
}

/// The height of small letters, and whether higher or lower ones beside it bear it out.
fn small_height(heights: &[f32], size: f32) -> (f32, bool) {
    if heights.is_empty() {
        return (size / CAPITAL, false);
    }
    let most = mode(heights.iter().copied(), size * 0.12);
    let within = |low: f32, high: f32| heights.iter().filter(|h| (low * most..high * most).contains(*h)).count();
    let (here, lower, higher) = (within(0.92, 1.08), within(0.62, 0.82), within(1.2, 1.65));
    if lower * 4 >= here && lower >= 2 {
        let small = mode(heights.iter().copied().filter(|h| (0.62 * most..0.82 * most).contains(h)), size * 0.1);
        return (small, true);
    }
    if higher * 12 >= here && higher >= 1 {
        return (most, true);
    }
    (most / CAPITAL, false)
}

fn straight(points: &[(f32, f32)]) -> Option<(f32, f32, f32)> {
    let n = points.len() as f32;
    let (sx, sy) = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
    let (mx, my) = (sx / n, sy / n);
    let (xx, xy) = points.iter().fold((0.0, 0.0), |s, p| (s.0 + (p.0 - mx).powi(2), s.1 + (p.0 - mx) * (p.1 - my)));
    (xx > 0.0).then(|| (my - xy / xx * mx, xy / xx, 0.0))
}

/// Least squares of the second degree, x scaled so that the sums keep their digits.
fn parabola(points: &[(f32, f32)]) -> Option<(f32, f32, f32)> {
    let reach = points.iter().fold(1.0_f64, |most, p| most.max(f64::from(p.0).abs()));
    let mut sums = [0.0_f64; 5];
    let mut rights = [0.0_f64; 3];
    for (x, y) in points.iter().map(|p| (f64::from(p.0) / reach, f64::from(p.1))) {
        let powers = [1.0, x, x * x, x * x * x, x * x * x * x];
        sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
        rights.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power * y);
    }
    let mut m =
        [[sums[0], sums[1], sums[2], rights[0]], [sums[1], sums[2], sums[3], rights[1]], [sums[2], sums[3], sums[4], rights[2]]];
    for at in 0..3 {
        let pivot = m[at];
        if pivot[at].abs() < 1e-9 {
            return None;
        }
        for (_, row) in m.iter_mut().enumerate().filter(|(row, _)| *row != at) {
            let factor = row[at] / pivot[at];
            row.iter_mut().zip(pivot).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    let [a, b, c] = [m[0][3] / m[0][0], m[1][3] / m[1][1], m[2][3] / m[2][2]];
    Some((a as f32, (b / reach) as f32, (c / (reach * reach)) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of small letters with an ascender every fourth and a descender every fifth, its baseline as `base` says.
    fn line(base: impl Fn(f32) -> f32, count: i32) -> (Vec<Part>, Strand) {
        let mut strand = Strand::default();
        let parts: Vec<Part> = (0..count)
            .map(|n| {
                let (left, right) = (100 + n * 22, 118 + n * 22);
                let y = base((left + right) as f32 / 2.0).round() as i32;
                let (up, down) = (if n % 4 == 0 { 28 } else { 20 }, if n % 5 == 2 { 7 } else { 0 });
                Part { left, right, top: y - up, bottom: y + down, ink: 150 }
            })
            .collect();
        for (at, part) in parts.iter().enumerate() {
            strand.take(part);
            strand.letters.push(at as u32);
        }
        (parts, strand)
    }

    #[test]
    fn a_leaning_and_a_bent_line_are_followed_to_a_pixel() {
        let bases: [fn(f32) -> f32; 3] = [|_| 500.0, |x| 500.0 + 0.012 * x, |x| 500.0 + 12.0 * ((x - 700.0) / 600.0).powi(2)];
        for base in bases {
            let (parts, strand) = line(base, 60);
            let stand = stand(&parts, &strand, (22.0, 0.0));
            for x in [120.0, 500.0, 900.0, 1400.0] {
                assert!((stand.base(x) - base(x)).abs() < 1.2, "{x}: {} for {}", stand.base(x), base(x));
            }
            assert!((stand.small - 20.0).abs() < 1.5 && stand.is_sure, "{stand:?}");
        }
    }

    #[test]
    fn a_line_that_leans_otherwise_than_its_page_is_followed_too() {
        for slope in [-0.17, -0.06, 0.09, 0.2] {
            let (parts, strand) = line(|x| 500.0 + slope * x, 16);
            let stand = stand(&parts, &strand, (22.0, 0.005));
            for x in [120.0, 280.0, 440.0] {
                let off = (stand.base(x) - 500.0 - slope * x).abs();
                assert!(off < 1.5, "{slope} {x}: {off}");
            }
        }
    }

    #[test]
    fn a_line_moved_or_enlarged_stands_moved_or_enlarged() {
        let (parts, strand) = line(|x| 500.0 + 0.01 * x, 40);
        let first = stand(&parts, &strand, (22.0, 0.0));
        let moved: Vec<Part> = parts
            .iter()
            .map(|p| Part { left: p.left + 37, right: p.right + 37, top: p.top + 11, bottom: p.bottom + 11, ..*p })
            .collect();
        let other = Strand { left: strand.left + 37, right: strand.right + 37, ..strand.clone() };
        let second = stand(&moved, &other, (22.0, 0.0));
        assert!((first.base(300.0) + 11.0 - second.base(337.0)).abs() < 0.5);
        assert!((first.small - second.small).abs() < 0.5);
    }

    #[test]
    fn a_line_of_capitals_has_small_letters_lower_than_they_are() {
        let parts: Vec<Part> =
            (0..20).map(|n| Part { left: n * 30, right: n * 30 + 24, top: 72, bottom: 100, ink: 200 }).collect();
        let mut strand = Strand::default();
        for (at, part) in parts.iter().enumerate() {
            strand.take(part);
            strand.letters.push(at as u32);
        }
        let stand = stand(&parts, &strand, (28.0, 0.0));
        assert!(!stand.is_sure && (stand.small - 20.0).abs() < 1.0, "{stand:?}");
    }
}
