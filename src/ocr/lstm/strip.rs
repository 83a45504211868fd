//! How does a line become the network's input? Scaled to its height, stretched between its own black and white, in eight bits.

use super::LineImage;

/// What stands for an eight-bit zero: values are stored with 128 added, as the instructions want them.
pub(super) const ZERO: u8 = 128;
/// Widest line, in columns of the network; lines that would be wider are not read.
pub(super) const COLUMNS_MAX: usize = 40_000;

/// A line as the network sees it.
#[derive(Debug, Clone)]
pub(super) struct Strip {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Values column by column, from top to bottom, and eight more bytes behind the last.
    pub(super) pixels: Vec<u8>,
    /// For each place at the border, row by row: its nine taps (three columns, each three and one that counts nothing).
    pub(super) edges: Vec<[u8; 12]>,
}

impl Strip {
    /// The strip of a line, `height` rows high; none where the line has no pixels, or is too wide.
    pub(super) fn of(line: &LineImage, height: usize, noise: &mut Noise) -> Option<Self> {
        let (width, gray) = scaled(line, height)?;
        let values = values(&gray[height / 2 * width..][..width]);
        let mut pixels = vec![ZERO; width * height + 8];
        for (y, row) in gray.chunks_exact(width).enumerate() {
            for (x, pixel) in row.iter().enumerate() {
                pixels[x * height + y] = values[usize::from(*pixel)];
            }
        }
        let mut strip = Self { width, height, pixels, edges: Vec::new() };
        strip.edges = strip.edges(noise);
        Some(strip)
    }

    /// The same line with black and white exchanged.
    pub(super) fn inverted(line: &LineImage) -> LineImage {
        LineImage { gray: line.gray.iter().map(|pixel| 255 - pixel).collect(), ..*line }
    }

    /// Steps that the network takes along the line.
    pub(super) fn steps(&self, pool: usize) -> usize {
        self.width / pool
    }

    /// Number of a place at the border among [`Self::edges`]; none inside.
    pub(super) fn edge(&self, x: usize, y: usize) -> Option<usize> {
        let per_row = self.width.min(2);
        if y == 0 {
            Some(x)
        } else if y + 1 == self.height {
            Some(self.width + (self.height - 2) * per_row + x)
        } else if x == 0 || x + 1 == self.width {
            Some(self.width + (y - 1) * per_row + usize::from(x > 0))
        } else {
            None
        }
    }

    fn edges(&self, noise: &mut Noise) -> Vec<[u8; 12]> {
        noise.next = 0;
        let mut edges = Vec::with_capacity(2 * (self.width + self.height));
        for y in 0..self.height {
            let is_inner_row = y > 0 && y + 1 < self.height;
            let step = if is_inner_row { (self.width - 1).max(1) } else { 1 };
            for x in (0..self.width).step_by(step) {
                edges.push(self.taps(x, y, noise));
            }
        }
        edges
    }

    fn taps(&self, x: usize, y: usize, noise: &mut Noise) -> [u8; 12] {
        let mut taps = [ZERO; 12];
        for (at, tap) in taps.iter_mut().enumerate().filter(|(at, _)| at % 4 != 3) {
            // One is added to both, so that nothing is negative.
            let (column, row) = (x + at / 4, y + at % 4);
            let is_inside = (1..=self.width).contains(&column) && (1..=self.height).contains(&row);
            *tap = if is_inside { self.pixels[(column - 1) * self.height + row - 1] } else { noise.next() };
        }
        taps
    }
}

/// Values beyond the border: the models were trained with noise there. The generator is the standard's minimal one, started
/// with every line as Tesseract 5.3 starts it, so that a line always gives the same text; what it drew once is kept.
#[derive(Debug)]
pub(super) struct Noise {
    state: i64,
    drawn: Vec<u8>,
    next: usize,
}

impl Noise {
    const MODULUS: i64 = 2_147_483_647;

    pub(super) fn new(seed: i64) -> Self {
        let start = seed.wrapping_mul(0x1000_0001).rem_euclid(Self::MODULUS);
        let mut noise = Self { state: if start == 0 { 1 } else { start }, drawn: Vec::new(), next: 0 };
        noise.draw();
        noise
    }

    fn draw(&mut self) -> u8 {
        self.state = self.state * 48_271 % Self::MODULUS;
        let value = (254.0 * self.state as f64 / Self::MODULUS as f64 - 127.0).round();
        (value as i32 + i32::from(ZERO)) as u8
    }

    fn next(&mut self) -> u8 {
        if self.next == self.drawn.len() {
            let value = self.draw();
            self.drawn.push(value);
        }
        self.next += 1;
        self.drawn[self.next - 1]
    }
}

/// The line in grey at the height wanted, averaged over areas; a lower one is drawn out linearly.
fn scaled(line: &LineImage, height: usize) -> Option<(usize, Vec<u8>)> {
    let (from_width, from_height) = (line.width as usize, line.height as usize);
    if from_width == 0 || from_height == 0 || line.gray.len() != from_width.checked_mul(from_height)? {
        return None;
    }
    let width = (from_width as f64 * height as f64 / from_height as f64 + 0.5) as usize;
    if width == 0 || width > COLUMNS_MAX {
        return None;
    }
    let mut rows = vec![0.0_f32; height * from_width];
    for (row, span) in rows.chunks_exact_mut(from_width).zip(spans(from_height, height)) {
        for (from, weight) in span.parts() {
            for (sum, pixel) in row.iter_mut().zip(&line.gray[from * from_width..][..from_width]) {
                *sum += weight * f32::from(*pixel);
            }
        }
    }
    Some((width, narrowed(&rows, from_width, (width, height))))
}

/// Rows of `from` values drawn together to `width` pixels each.
fn narrowed(rows: &[f32], from: usize, (width, height): (usize, usize)) -> Vec<u8> {
    let columns: Vec<Span> = spans(from, width).collect();
    let most = columns.iter().map(|span| span.last - span.first + 1).max().unwrap_or(1);
    match most {
        1 => narrowed_by::<1>(rows, (from, height), &columns),
        2 => narrowed_by::<2>(rows, (from, height), &columns),
        3 => narrowed_by::<3>(rows, (from, height), &columns),
        _ => {
            let pixel = |row: &[f32], span: &Span| span.parts().map(|(from, weight)| weight * row[from]).sum::<f32>();
            let rows = rows.chunks_exact(from);
            rows.flat_map(|row| columns.iter().map(move |span| (pixel(row, span) + 0.5) as u8)).collect()
        }
    }
}

/// The same where no pixel is made of more than `MOST`, as on nearly all lines: the others count nothing, and no loop asks how
/// many there are.
fn narrowed_by<const MOST: usize>(rows: &[f32], (from, height): (usize, usize), columns: &[Span]) -> Vec<u8> {
    let spans: Vec<(usize, [f32; MOST])> = columns
        .iter()
        .map(|span| {
            let mut weights = [0.0; MOST];
            for ((_, weight), place) in span.parts().zip(&mut weights) {
                *place = weight;
            }
            (span.first, weights)
        })
        .collect();
    // Four rows go side by side.
    let mut wide = vec![[0.0_f32; 4]; from + MOST];
    let mut gray = vec![0; height * spans.len()];
    for (rows, out) in rows.chunks(4 * from).zip(gray.chunks_mut((4 * spans.len()).max(1))) {
        for (at, row) in rows.chunks_exact(from).enumerate() {
            wide.iter_mut().zip(row).for_each(|(four, value)| four[at] = *value);
        }
        for (x, (first, weights)) in spans.iter().enumerate() {
            let Some(values) = wide[*first..].first_chunk::<MOST>() else { continue };
            let mut sums = [0.0_f32; 4];
            for (values, weight) in values.iter().zip(weights) {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
            }
            for (out, sum) in out.iter_mut().skip(x).step_by(spans.len()).zip(sums) {
                *out = (sum + 0.5) as u8;
            }
        }
    }
    gray
}

/// Which pixels make one, and how much of each: the first and the last count in part.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: usize,
    last: usize,
    /// Weights of the first, of those between, of the last.
    weights: [f32; 3],
}

impl Span {
    fn parts(self) -> impl Iterator<Item = (usize, f32)> {
        let weight = move |at| {
            if at == self.first {
                self.weights[0]
            } else if at == self.last {
                self.weights[2]
            } else {
                self.weights[1]
            }
        };
        (self.first..=self.last).map(move |at| (at, weight(at)))
    }
}

fn spans(from: usize, to: usize) -> impl Iterator<Item = Span> {
    let ratio = from as f64 / to as f64;
    (0..to).map(move |at| {
        if ratio < 1.0 {
            let middle = ((at as f64 + 0.5) * ratio - 0.5).max(0.0);
            let first = (middle as usize).min(from - 1);
            let share = (middle - first as f64) as f32;
            return Span { first, last: (first + 1).min(from - 1), weights: [1.0 - share, 0.0, share] }.whole();
        }
        let (begin, end) = (at as f64 * ratio, ((at + 1) as f64 * ratio).min(from as f64));
        let first = (begin as usize).min(from - 1);
        let last = (end.ceil() as usize).clamp(first + 1, from) - 1;
        let share = |part: f64| (part / ratio) as f32;
        let weights = [share((first + 1) as f64 - begin), share(1.0), share(end - last as f64)];
        Span { first, last, weights }.whole()
    })
}

impl Span {
    /// One pixel alone counts whole.
    fn whole(mut self) -> Self {
        if self.first == self.last {
            self.weights[0] = 1.0;
        }
        self
    }
}

/// The eight-bit value of each shade, from the darkest and lightest turns of the line's middle row.
fn values(middle: &[u8]) -> [u8; 256] {
    let (mut minima, mut maxima) = ([0_u32; 256], [0_u32; 256]);
    for three in middle.windows(3) {
        let [before, here, after] = [three[0], three[1], three[2]];
        if (here < before && here <= after) || (here <= before && here < after) {
            minima[usize::from(here)] += 1;
        }
        if (here > before && here >= after) || (here >= before && here > after) {
            maxima[usize::from(here)] += 1;
        }
    }
    let black = percentile(&minima, 0.25).unwrap_or(0.0);
    let white = percentile(&maxima, 0.75).unwrap_or(255.0);
    let contrast = (white - black) / 2.0;
    let contrast = if contrast <= 0.0 { 1.0 } else { contrast };
    std::array::from_fn(|shade| {
        let value = 128.0 * ((shade as f32 - black) / contrast - 1.0);
        ((value + 0.5_f32.copysign(value)).clamp(-127.0, 127.0) as i32 + i32::from(ZERO)) as u8
    })
}

/// The shade that `share` of the counts lie under, drawn out inside its bin; none where nothing was counted.
fn percentile(counts: &[u32; 256], share: f64) -> Option<f32> {
    let total: u32 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    let target = (share * f64::from(total)).max(1.0);
    let mut sum = 0.0;
    for (shade, count) in counts.iter().enumerate() {
        sum += f64::from(*count);
        if sum >= target {
            return Some((shade as f64 + 1.0 - (sum - target) / f64::from(*count)) as f32);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::trial::Dice;
    use super::*;

    /// Area by area, nothing clever.
    fn plainly(rows: &[f32], from: usize, width: usize) -> Vec<u8> {
        let columns: Vec<Span> = spans(from, width).collect();
        let pixel = |row: &[f32], span: &Span| span.parts().map(|(from, weight)| weight * row[from]).sum::<f32>() + 0.5;
        rows.chunks_exact(from).flat_map(|row| columns.iter().map(|span| pixel(row, span) as u8).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn rows_are_drawn_together_as_areas_say_whatever_their_length() {
        let mut dice = Dice(0x57);
        for (from, width) in [(1, 1), (1, 7), (2, 1), (9, 9), (10, 9), (9, 10), (100, 53), (100, 31), (100, 20), (100, 3), (7, 1)]
        {
            let rows: Vec<f32> = (0..from * 7).map(|_| dice.below(256) as f32).collect();
            assert_eq!(narrowed(&rows, from, (width, 7)), plainly(&rows, from, width), "{from} to {width}");
        }
    }
}
