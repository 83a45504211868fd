//! What do the network's curves give? Tables of hyperbolic tangent and logistic, read between their entries: the numbers
//! that the models' weights were rounded against.

/// Entries per unit.
pub(super) const PER_UNIT: f32 = 256.0;
/// Entries; from the last on, a curve has reached 1.
pub(super) const ENTRIES: usize = 4096;

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

/// A value between -1 and 1 in eight bits, halves away from zero.
#[inline]
pub(super) fn eight_bits(value: f32) -> i8 {
    let value = value * 127.0;
    (value + 0.5_f32.copysign(value)).clamp(-127.0, 127.0) as i8
}
