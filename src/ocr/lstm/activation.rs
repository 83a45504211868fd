//! What do the network's curves give? Tables of hyperbolic tangent and logistic, read between their entries: the numbers
//! that the models' weights were rounded against. And the same almost, by a series, for vectors that tables are slow for.

/// Entries per unit.
pub(super) const PER_UNIT: f32 = 256.0;
/// Entries; from the last on, a curve has reached 1.
pub(super) const ENTRIES: usize = 4096;

/// The series of 2^x over half a unit each way that is nowhere further off than 1e-7, from the fifth power down.
#[expect(clippy::approx_constant, reason = "the second last is near to the logarithm of 2, and not it")]
pub(super) const POWER: [f32; 6] = [0.001_326_472_7, 0.009_671_513, 0.055_507_336, 0.240_222_42, 0.693_147, 1.0];
/// Half the square of the step between two entries, twice: how far a straight line between them is from a curve, by half of
/// its second derivative.
pub(super) const BENT: f32 = 1.0 / (PER_UNIT * PER_UNIT);

/// A curve for numbers from 0 on: each entry, and how far the next one is from it.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Curve(pub(super) [[f32; 2]; ENTRIES]);

impl Curve {
    #[expect(clippy::large_stack_arrays, reason = "32 KiB for a moment, once for each engine")]
    fn of(curve: fn(f64) -> f64) -> Box<Self> {
        let value = |at: usize| curve(at as f64 / f64::from(PER_UNIT)) as f32;
        let mut entries = Box::new(Self([[1.0, 0.0]; ENTRIES]));
        for (at, entry) in entries.0[..ENTRIES - 1].iter_mut().enumerate() {
            *entry = [value(at), value(at + 1) - value(at)];
        }
        entries
    }

    /// The curve at `x`, which is not negative.
    #[inline]
    fn at(&self, x: f32) -> f32 {
        let x = x * PER_UNIT;
        let entry = (x as usize).min(ENTRIES - 1);
        let [value, step] = self.0[entry];
        value + step * (x - entry as f32)
    }
}

/// Both curves.
#[derive(Debug)]
pub(super) struct Curves {
    pub(super) tanh: Box<Curve>,
    pub(super) logistic: Box<Curve>,
}

impl Curves {
    pub(super) fn new() -> Self {
        Self { tanh: Curve::of(f64::tanh), logistic: Curve::of(|x| 1.0 / (1.0 + (-x).exp())) }
    }

    #[inline]
    pub(super) fn tanh(&self, x: f32) -> f32 {
        if x < 0.0 { -self.tanh.at(-x) } else { self.tanh.at(x) }
    }

    #[inline]
    pub(super) fn logistic(&self, x: f32) -> f32 {
        if x < 0.0 { 1.0 - self.logistic.at(-x) } else { self.logistic.at(x) }
    }
}

/// Adding it leaves the nearest whole number in the low bits; taking it away again, that number.
const SHIFT: f32 = 12_582_912.0;

/// 1 / (1 + e^-x), by plain arithmetic that compilers do side by side.
#[inline]
pub(super) fn logistic_fast(x: f32) -> f32 {
    let power = x.clamp(-60.0, 60.0) * -std::f32::consts::LOG2_E;
    let shifted = power + SHIFT;
    let part = power - (shifted - SHIFT);
    let sum = POWER[1..].iter().fold(POWER[0], |sum, term| sum * part + term);
    // Two to the whole number: its low bits, put to the exponent's place.
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    1.0 / (1.0 + sum * scale)
}

/// 2 / (1 + e^-2x) - 1, less what the straight lines between the entries of the table stay under the curve.
#[inline]
pub(super) fn tanh_fast(x: f32) -> f32 {
    let curve = 2.0 * logistic_fast(x + x) - 1.0;
    let place = x.abs().min(16.0) * PER_UNIT;
    let part = place - ((place + SHIFT) - SHIFT);
    // The part lies half a step each way: a negative one is behind the middle.
    let part = part.abs();
    let second = curve * (1.0 - curve * curve);
    curve - part * (1.0 - part) * BENT * second
}

/// A value between -1 and 1 in eight bits, halves away from zero.
#[inline]
pub(super) fn eight_bits(value: f32) -> i8 {
    let value = value * 127.0;
    (value + 0.5_f32.copysign(value)).clamp(-127.0, 127.0) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_as_near_to_the_tables_as_their_own_rounding() {
        let curves = Curves::new();
        let (mut worst, mut steps) = ([0.0_f32; 2], 0);
        let mut x = -20.0_f32;
        while x < 20.0 {
            worst[0] = worst[0].max((curves.logistic(x) - logistic_fast(x)).abs());
            worst[1] = worst[1].max((curves.tanh(x) - tanh_fast(x)).abs());
            x += 0.000_37;
            steps += 1;
        }
        assert!(steps > 100_000 && worst[0] < 4e-7 && worst[1] < 4e-7, "{worst:?}");
        assert!(logistic_fast(f32::MAX) >= 1.0);
        assert!(logistic_fast(f32::MIN) < 1e-20);
    }
}
