//! What does the network say, step by step? For each step along a line, the classes that are worth a thought.

use super::kernel::LANES;

/// Least certainty of a class that is kept: of fewer than 500 classes, the best has at least this.
const LEAST: f32 = 0.002;
/// Most classes kept of a step.
const MOST: usize = 12;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    /// First of its classes among those of the trace, and how many.
    first: u32,
    count: u32,
    /// Certainty that nothing is written here.
    pub(super) null: f32,
}

/// What the network says of one line.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    moments: Vec<Moment>,
    /// Classes with their certainty, the most certain first.
    classes: Vec<(u16, f32)>,
    /// Sum and number of the best certainties where something is written.
    sure: (f32, u32),
}

impl Trace {
    pub(super) fn len(&self) -> usize {
        self.moments.len()
    }

    /// Certainty of "nothing" and the classes worth a thought at a step, the most certain first.
    pub(super) fn at(&self, step: usize) -> (f32, &[(u16, f32)]) {
        let moment = self.moments[step];
        (moment.null, &self.classes[moment.first as usize..][..moment.count as usize])
    }

    /// Mean of the best certainties, cut to the steps of seven bits, where something is written; 0 where nothing is.
    pub(super) fn mean(&self) -> f32 {
        let (sum, count) = self.sure;
        if count == 0 { 0.0 } else { sum / count as f32 }
    }

    /// The most certain class of each step.
    #[cfg(test)]
    pub(super) fn labels(&self) -> Vec<u16> {
        (0..self.len()).map(|step| self.at(step).1[0].0).collect()
    }
}

/// Sums become certainties, for each lane by itself.
pub(super) fn softmax(classes: &mut [[f32; LANES]]) {
    let mut most = [f32::MIN; LANES];
    for row in classes.iter() {
        for (most, sum) in most.iter_mut().zip(row) {
            *most = most.max(*sum);
        }
    }
    let mut total = [0.0_f32; LANES];
    for row in classes.iter_mut() {
        for ((sum, most), total) in row.iter_mut().zip(most).zip(&mut total) {
            *sum = power((*sum - most).max(-86.0));
            *total += *sum;
        }
    }
    let share = total.map(|total| 1.0 / total);
    for row in classes.iter_mut() {
        for (power, share) in row.iter_mut().zip(share) {
            *power *= share;
        }
    }
}

/// The exponential of a number from -86 to 0, by its series over half a power of two each way: plain arithmetic, so that
/// it is computed for all lanes at once.
#[inline]
fn power(x: f32) -> f32 {
    /// Adding it leaves a whole number in the low bits.
    const SHIFT: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let whole = shifted - SHIFT;
    let part = (x * std::f32::consts::LOG2_E - whole) * std::f32::consts::LN_2;
    let sum = 1.0
        + part * (1.0 + part * (0.5 + part * (1.0 / 6.0 + part * (1.0 / 24.0 + part * (1.0 / 120.0 + part * (1.0 / 720.0))))));
    sum * f32::from_bits((((whole as i32) + 127) as u32) << 23)
}

/// Puts the certainties of one step to the traces of the lines that run in the lanes.
pub(super) fn push(traces: &mut [Trace], lanes: [Option<usize>; LANES], classes: &[[f32; LANES]], null: usize) {
    let mut kept: [Kept; LANES] = std::array::from_fn(|_| Kept { count: 0, classes: [(0, -1.0); MOST] });
    for (class, row) in classes.iter().enumerate() {
        if row.iter().copied().fold(0.0, f32::max) < LEAST {
            continue;
        }
        for (kept, certainty) in kept.iter_mut().zip(row).filter(|(_, certainty)| **certainty >= LEAST) {
            kept.put(class as u16, *certainty);
        }
    }
    for (lane, line) in lanes.iter().enumerate() {
        let Some(trace) = line.and_then(|line| traces.get_mut(line)) else { continue };
        let best = &kept[lane].classes[..kept[lane].count];
        let first = trace.classes.len() as u32;
        trace.classes.extend_from_slice(best);
        trace.moments.push(Moment { first, count: best.len() as u32, null: classes[null][lane] });
        if let Some((class, certainty)) = best.first()
            && usize::from(*class) != null
        {
            trace.sure.0 += (certainty * 127.0).floor() / 127.0;
            trace.sure.1 += 1;
        }
    }
}

/// The best classes of one lane.
struct Kept {
    count: usize,
    classes: [(u16, f32); MOST],
}

impl Kept {
    fn put(&mut self, class: u16, certainty: f32) {
        let at = self.classes[..self.count].iter().position(|(_, other)| *other < certainty).unwrap_or(self.count);
        if at < MOST {
            self.count = (self.count + 1).min(MOST);
            self.classes[at..self.count].rotate_right(1);
            self.classes[at] = (class, certainty);
        }
    }
}
