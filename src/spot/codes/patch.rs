//! Does a patch code T lie along an edge of the page? Four bars, narrow and wide, read from the edge that is nearest.
//!
//! The measures are Kodak's (A-61599): narrow bars and spaces of 0.08 inch, wide bars of 0.20, ten units in all, two of the four bars
//! wide; bars at least 0.75 inch long. Of the six codes T is narrow, wide, narrow, wide, seen from the edge; seen from the other side
//! that is patch 3, so the edge matters.

use super::Gray;

/// Lines that are looked along, one in so many pixels.
const STEP: usize = 3;
/// Length of the bars in units: from the first on a code is there that cannot be read, from the second on it can.
const LENGTH_SIGN: f32 = 5.0;
const LENGTH_READ: f32 = 9.0;
/// Width of the whole code on an A4 sheet, share of the sheet's longer side, and how far it may be off on other sheets.
const SHARE: f32 = 20.3 / 297.0;
const SHARE_OFF: f32 = 1.8;
/// How far a code may lie askew: its edges from line to line, pixels for a pixel.
const LEAN: f32 = 0.2;

/// Wide bars, from the first that is met.
const T: [bool; 4] = [false, true, false, true];

/// Whether patch T was read, and whether something that looks like it is there.
pub(super) fn patch_t(picture: &Gray<'_>) -> (bool, bool) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    if width < 60 || height < 60 {
        return (false, false);
    }
    let threshold = threshold(&picture.pixels);
    let longer = width.max(height) as f32;
    let down = longest(width, height, longer, |line, at| picture.pixels[at * width + line] < threshold);
    let across = longest(height, width, longer, |line, at| picture.pixels[line * width + at] < threshold);
    let most = down.max(across);
    (most >= LENGTH_READ, (LENGTH_SIGN..LENGTH_READ).contains(&most))
}

/// Brightness between ink and paper that parts them best (Otsu).
fn threshold(pixels: &[u8]) -> u8 {
    let mut counts = [0_u64; 256];
    for value in pixels {
        counts[usize::from(*value)] += 1;
    }
    let all = pixels.len() as f64;
    let total: f64 = counts.iter().zip(0_u32..).map(|(count, value)| *count as f64 * f64::from(value)).sum();
    let (mut below, mut sum, mut best, mut found) = (0.0, 0.0, 0.0, 128);
    for (count, value) in counts.iter().zip(0..=u8::MAX) {
        below += *count as f64;
        sum += *count as f64 * f64::from(value);
        let above = all - below;
        if below > 0.0 && above > 0.0 {
            let apart = sum / below - (total - sum) / above;
            let spread = below * above * apart * apart;
            if spread > best {
                (best, found) = (spread, value.saturating_add(1));
            }
        }
    }
    found
}

/// A code as one line crosses it.
#[derive(Clone, Copy)]
struct Crossing {
    start: usize,
    unit: f32,
}

/// A code that several lines have crossed.
struct Track {
    first: usize,
    last: usize,
    crossing: Crossing,
}

/// The length in units of the longest bars of a patch T, lines being looked along from 0 to `length`.
fn longest(lines: usize, length: usize, longer: f32, is_dark: impl Fn(usize, usize) -> bool) -> f32 {
    let (mut tracks, mut most) = (Vec::<Track>::new(), 0.0_f32);
    let mut runs = Vec::new();
    for line in (0..lines).step_by(STEP) {
        runs.clear();
        let mut start = 0;
        for at in 1..=length {
            if at == length || is_dark(line, at) != is_dark(line, start) {
                runs.push((start, at - start, is_dark(line, start)));
                start = at;
            }
        }
        for crossing in crossings(&runs, length, longer) {
            let follows = |track: &&mut Track| {
                let gap = line - track.last;
                gap > 0 && gap <= 2 * STEP && track.crossing.start.abs_diff(crossing.start) as f32 <= LEAN * gap as f32 + 2.0
            };
            match tracks.iter_mut().find(follows) {
                Some(track) => {
                    track.last = line;
                    track.crossing = crossing;
                    most = most.max((line - track.first) as f32 / crossing.unit);
                }
                None => tracks.push(Track { first: line, last: line, crossing }),
            }
        }
        tracks.retain(|track| line - track.last <= 2 * STEP);
    }
    most
}

/// The patches T that lie along one line: runs as (start, length, dark).
fn crossings(runs: &[(usize, usize, bool)], length: usize, longer: f32) -> Vec<Crossing> {
    let mut found = Vec::new();
    for (at, seven) in runs.windows(7).enumerate() {
        let (start, _, is_dark) = seven[0];
        if !is_dark {
            continue;
        }
        let total: usize = seven.iter().map(|(_, run, _)| run).sum();
        let (unit, share) = (total as f32 / 10.0, total as f32 / longer);
        if !(SHARE / SHARE_OFF..=SHARE * SHARE_OFF).contains(&share) || unit < 2.0 {
            continue;
        }
        let bars: Vec<f32> = seven.iter().step_by(2).map(|(_, run, _)| *run as f32 / unit).collect();
        let spaces = seven.iter().skip(1).step_by(2).map(|(_, run, _)| *run as f32 / unit);
        let is_bar = |bar: &f32| (0.5..=1.55).contains(bar) || (1.8..=3.2).contains(bar);
        if !bars.iter().all(is_bar) || !spaces.into_iter().all(|space| (0.5..=1.6).contains(&space)) {
            continue;
        }
        // Paper on both sides: bars of a table go on.
        let is_clear = |run: Option<&(usize, usize, bool)>| run.is_none_or(|(_, run, _)| *run as f32 >= 1.8 * unit);
        if !is_clear(at.checked_sub(1).and_then(|before| runs.get(before))) || !is_clear(runs.get(at + 7)) {
            continue;
        }
        let mut wide: Vec<bool> = bars.iter().map(|bar| *bar > 1.7).collect();
        if start + total / 2 > length / 2 {
            wide.reverse();
        }
        if wide == T {
            found.push(Crossing { start, unit });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    const WIDTH: usize = 827;
    const HEIGHT: usize = 1_169;

    /// An A4 sheet at 100 dpi with four bars 250 pixels long, `from` pixels under its upper edge.
    fn sheet(bars: [usize; 4], from: usize, long: usize) -> Gray<'static> {
        let mut pixels = vec![240_u8; WIDTH * HEIGHT];
        let mut y = from;
        for bar in bars {
            for row in y..y + bar {
                pixels[row * WIDTH + 100..row * WIDTH + 100 + long].fill(20);
            }
            y += bar + 8;
        }
        Gray { width: WIDTH as u32, height: HEIGHT as u32, pixels: Cow::Owned(pixels) }
    }

    fn upside_down(mut picture: Gray<'static>) -> Gray<'static> {
        picture.pixels.to_mut().reverse();
        picture
    }

    #[test]
    fn patch_t_is_read_at_every_edge_and_its_mirror_is_another_code() {
        let t = sheet([8, 20, 8, 20], 40, 250);
        assert_eq!(patch_t(&t), (true, false));
        assert_eq!(patch_t(&super::super::turned(&t)), (true, false));
        assert_eq!(patch_t(&upside_down(t)), (true, false));
        for other in [[20, 8, 20, 8], [20, 8, 8, 20], [20, 20, 8, 8], [8, 20, 20, 8], [8, 8, 20, 20]] {
            assert_eq!(patch_t(&sheet(other, 40, 250)), (false, false), "{other:?}");
        }
    }

    #[test]
    fn bars_that_are_cut_off_are_a_sign_and_shorter_ones_are_nothing() {
        for (long, wanted) in [(85, (true, false)), (70, (false, true)), (50, (false, true)), (30, (false, false))] {
            assert_eq!(patch_t(&sheet([8, 20, 8, 20], 40, long)), wanted, "{long}");
        }
    }
}
