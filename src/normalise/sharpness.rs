//! How sharp are the edges of the ink? The width of the step from paper to ink, in three-hundredths of an inch.

use super::PageImage;

/// Rows looked at.
const ROWS: usize = 240;
/// Fewest steps from which a median means something.
const STEPS_LEAST: usize = 60;

/// Median width of the steps between ink and paper, from a tenth to nine tenths of the way, in 1/300 inch; `None` of a
/// page of black and white, which knows no steps, and of one with too few. `contrast` is that of ink to paper, 0 to 1.
pub(super) fn blur(image: &PageImage, dpi: f32, contrast: f32) -> Option<f32> {
    let least = (contrast * 255.0 * 0.5).max(24.0) as i32;
    if image.bilevel || dpi <= 0.0 {
        return None;
    }
    let step = (image.height as usize / ROWS).max(1);
    let mut widths = Vec::new();
    for row in image.gray.chunks_exact(image.width as usize).step_by(step) {
        widths_of(row, least, &mut widths);
    }
    if widths.len() < STEPS_LEAST {
        return None;
    }
    widths.sort_by(f32::total_cmp);
    Some(widths[widths.len() / 2] * 300.0 / dpi)
}

/// Runs that rise or fall without turning back, by at least `least`.
fn widths_of(row: &[u8], least: i32, widths: &mut Vec<f32>) {
    let mut from = 0;
    while from + 1 < row.len() {
        let rises = row[from + 1] > row[from];
        let mut to = from + 1;
        while to + 1 < row.len() && row[to + 1] != row[to] && (row[to + 1] > row[to]) == rises {
            to += 1;
        }
        let height = i32::from(row[to]) - i32::from(row[from]);
        if height.abs() >= least {
            widths.push(width_of(&row[from..=to]));
        }
        from = to;
    }
}

/// Pixels between a tenth and nine tenths of the way, between neighbours by the straight line.
fn width_of(run: &[u8]) -> f32 {
    let (first, last) = (f32::from(run[0]), f32::from(run[run.len() - 1]));
    let at = |share: f32| {
        let wanted = first + (last - first) * share;
        let place = run.windows(2).position(|pair| (f32::from(pair[1]) - wanted) * (last - first) >= 0.0).unwrap_or(0);
        let (low, high) = (f32::from(run[place]), f32::from(run[place + 1]));
        place as f32 + if (high - low).abs() < f32::EPSILON { 0.0 } else { (wanted - low) / (high - low) }
    };
    at(0.9) - at(0.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(soft: usize) -> PageImage {
        // Bars of 20 pixels with steps of `soft` pixels.
        let row: Vec<u8> = (0..800_usize)
            .map(|x| {
                let phase = x % 40;
                let into = if phase < 20 { phase } else { 40 - phase };
                (into.min(soft) * 200 / soft) as u8 + 30
            })
            .collect();
        PageImage::new(800, 300, row.repeat(300)).unwrap()
    }

    #[test]
    fn a_softer_edge_measures_wider_and_a_finer_scan_makes_it_narrower() {
        let blur = |soft, dpi| blur(&bars(soft), dpi, 0.8).unwrap();
        assert!(blur(1, 300.0) < 1.0);
        assert!((blur(10, 300.0) - 8.0).abs() < 0.5, "{}", blur(10, 300.0));
        assert!((blur(10, 600.0) - 4.0).abs() < 0.3);
    }

    #[test]
    fn black_and_white_has_no_steps_and_an_empty_page_too_few() {
        let mut image = bars(2);
        image.bilevel = true;
        assert_eq!(blur(&image, 300.0, 0.8), None);
        assert_eq!(blur(&PageImage::new(100, 100, vec![250; 10_000]).unwrap(), 300.0, 0.0), None);
    }
}
