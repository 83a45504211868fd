//! How fast does this machine read? A quick look, for `doctor`: network and decoding alone, on one core.

use std::time::{Duration, Instant};

use super::{LineImage, Recogniser};

/// Steps of the network on a usual page of writing: the mean of a set of administrative letters.
const STEPS_PER_PAGE: f64 = 13_464.0;
/// How long is measured at least.
const LONG_ENOUGH: Duration = Duration::from_millis(250);
/// Most rounds.
const ROUNDS_MAX: u32 = 1_000;
/// Size of a line: short, so that a round is short on the slowest kernel and in a build that is not optimised.
const WIDTH: usize = 96;
const HEIGHT: usize = 48;
/// Steps that it takes: three columns each, of a line scaled to 36 rows.
const STEPS: usize = WIDTH * 36 / HEIGHT / 3;

/// What a look gave.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Speed {
    /// The instructions used.
    pub kernel: &'static str,
    /// Usual pages that one core reads in a second, lines already found.
    pub pages_per_second: f64,
}

impl Recogniser {
    /// Reads made-up lines, as many as run side by side, for a quarter of a second.
    pub fn speed(&mut self) -> Speed {
        // Bars of changing width, as black on white as letters.
        let bar = |at: usize| if at % WIDTH * 7 % 19 < 8 { 20 } else { 235 };
        let line = LineImage { width: WIDTH as u32, height: HEIGHT as u32, gray: (0..WIDTH * HEIGHT).map(bar).collect() };
        let lines = vec![line; super::kernel::LANES];
        let steps = (lines.len() * STEPS) as f64;
        let (started, mut rounds) = (Instant::now(), 0);
        while rounds == 0 || (started.elapsed() < LONG_ENOUGH && rounds < ROUNDS_MAX) {
            self.read(&lines);
            rounds += 1;
        }
        let seconds = started.elapsed().as_secs_f64().max(1e-6);
        let pages = steps * f64::from(rounds) / seconds / STEPS_PER_PAGE;
        Speed { kernel: self.kernel().name(), pages_per_second: (pages * 100.0).round() / 100.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kernel, Precision, Recogniser};

    #[test]
    #[ignore = "a measurement: run it alone, in a release build"]
    fn speeds() {
        for kernel in Kernel::all() {
            for precision in [Precision::Exact, Precision::Fast] {
                let Ok(mut reader) = Recogniser::with("ita", kernel, precision) else { return println!("the model is not here") };
                println!("{:<14} {precision:?}: {:.1} pages a second", kernel.name(), reader.speed().pages_per_second);
            }
        }
    }
}
