//! What do all machines with vectors do alike? A unit of an LSTM, the curves, the rounding: written once, over the few things
//! that the vectors of each machine can do.
#![expect(clippy::inline_always, reason = "a machine's instructions are only made in functions that may use them, in one piece")]

use super::super::activation::{BENT, Curve, Curves, PER_UNIT, POWER};
use super::super::strip::ZERO;
use super::LANES;

/// The vectors of a machine. A value of such a type is only made where the machine was seen to have them.
pub(super) trait Vectors: Copy {
    /// Real numbers side by side.
    type Reals: Copy;
    /// Whole numbers side by side.
    type Wholes: Copy;
    /// How many.
    const WIDTH: usize;

    fn reals(self, number: f32) -> Self::Reals;
    fn wholes(self, number: i32) -> Self::Wholes;
    /// The first numbers of a slice, which must have as many.
    fn load(self, from: &[f32]) -> Self::Reals;
    fn store(self, to: &mut [f32], numbers: Self::Reals);
    fn load_wholes(self, from: &[i32]) -> Self::Wholes;
    fn store_wholes(self, to: &mut [u32], numbers: Self::Wholes);

    fn add(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;
    fn sub(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;
    fn mul(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Reals, b: Self::Reals, c: Self::Reals) -> Self::Reals;
    fn min(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;
    fn max(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;
    /// Almost `1 / a`: to the last bit or two.
    fn inverse(self, a: Self::Reals) -> Self::Reals;
    fn abs(self, a: Self::Reals) -> Self::Reals;
    /// `a`, which is not negative, with the sign of `b`.
    fn signed(self, a: Self::Reals, b: Self::Reals) -> Self::Reals;
    /// `b` where `a` is negative, else `c`.
    fn if_negative(self, a: Self::Reals, b: Self::Reals, c: Self::Reals) -> Self::Reals;
    /// The nearest whole number, and the one below or at it.
    fn nearest(self, a: Self::Reals) -> Self::Reals;
    fn floor(self, a: Self::Reals) -> Self::Reals;
    /// `a` times 2 to the power `whole`, a whole number from -100 to 100.
    fn scaled(self, a: Self::Reals, whole: Self::Reals) -> Self::Reals;

    fn real(self, a: Self::Wholes) -> Self::Reals;
    /// Without what is behind the point.
    fn whole(self, a: Self::Reals) -> Self::Wholes;
    fn add_wholes(self, a: Self::Wholes, b: Self::Wholes) -> Self::Wholes;
    fn max_wholes(self, a: Self::Wholes, b: Self::Wholes) -> Self::Wholes;
    fn or(self, a: Self::Wholes, b: Self::Wholes) -> Self::Wholes;
    fn shifted<const LEFT: u32>(self, a: Self::Wholes) -> Self::Wholes;
    /// Of each entry of a curve (the last one where it is greater): the entry as a number, its value, its slope.
    fn entries(self, curve: &Curve, entry: Self::Wholes) -> [Self::Reals; 3];
}

/// The sums of the four rows of a unit as its gates.
#[inline(always)]
pub(super) fn gates<V: Vectors>(v: V, sums: [V::Wholes; 4], scale: &[f32; 4]) -> [V::Reals; 4] {
    let [input, take, keep, give] = sums;
    let real = |sum, row: usize| v.mul(v.real(sum), v.reals(scale[row]));
    [real(input, 0), real(take, 1), real(keep, 2), real(give, 3)]
}

/// One unit of an LSTM: its state moves on, its output as a byte with 128 added.
#[inline(always)]
pub(super) fn unit<V: Vectors, const FAST: bool>(
    v: V,
    gates: [V::Reals; 4],
    (state, curves): (&mut [f32], &Curves),
) -> V::Wholes {
    let [input, take, keep, give] = gates;
    let before = v.load(state);
    let kept = v.mul(before, logistic::<V, FAST>(v, keep, curves));
    let taken = v.mul(tanh::<V, FAST>(v, input, curves), logistic::<V, FAST>(v, take, curves));
    let after = v.min(v.max(v.add(kept, taken), v.reals(-100.0)), v.reals(100.0));
    v.store(state, after);
    byte(v, v.mul(tanh::<V, FAST>(v, after, curves), logistic::<V, FAST>(v, give, curves)))
}

/// The bytes of four units as words.
#[inline(always)]
pub(super) fn word<V: Vectors>(v: V, [first, second, third, last]: [V::Wholes; 4]) -> V::Wholes {
    v.or(v.or(first, v.shifted::<8>(second)), v.or(v.shifted::<16>(third), v.shifted::<24>(last)))
}

/// A value between -1 and 1 as a byte with 128 added, halves away from zero.
#[inline(always)]
pub(super) fn byte<V: Vectors>(v: V, value: V::Reals) -> V::Wholes {
    let value = v.mul(value, v.reals(127.0));
    let half = v.signed(v.reals(0.5), value);
    v.add_wholes(v.whole(v.add(value, half)), v.wholes(i32::from(ZERO)))
}

/// A curve at numbers that are not negative.
#[inline(always)]
fn at<V: Vectors>(v: V, curve: &Curve, x: V::Reals) -> V::Reals {
    let x = v.mul(x, v.reals(PER_UNIT));
    let [entry, value, slope] = v.entries(curve, v.whole(x));
    v.add(value, v.mul(slope, v.sub(x, entry)))
}

#[inline(always)]
pub(super) fn tanh<V: Vectors, const FAST: bool>(v: V, x: V::Reals, curves: &Curves) -> V::Reals {
    if FAST { tanh_fast(v, x) } else { v.signed(at(v, &curves.tanh, v.abs(x)), x) }
}

#[inline(always)]
fn logistic<V: Vectors, const FAST: bool>(v: V, x: V::Reals, curves: &Curves) -> V::Reals {
    if FAST {
        return logistic_fast(v, x);
    }
    let value = at(v, &curves.logistic, v.abs(x));
    v.if_negative(x, v.sub(v.reals(1.0), value), value)
}

/// 1 / (1 + e^-x).
#[inline(always)]
fn logistic_fast<V: Vectors>(v: V, x: V::Reals) -> V::Reals {
    let x = v.min(v.max(x, v.reals(-60.0)), v.reals(60.0));
    let power = v.mul(x, v.reals(-std::f32::consts::LOG2_E));
    let whole = v.nearest(power);
    let part = v.sub(power, whole);
    let mut sum = v.reals(POWER[0]);
    for term in &POWER[1..] {
        sum = v.mul_add(sum, part, v.reals(*term));
    }
    v.inverse(v.add(v.scaled(sum, whole), v.reals(1.0)))
}

/// 2 / (1 + e^-2x) - 1, less what the straight lines between the entries of the table stay under the curve: the weights were
/// rounded against those.
#[inline(always)]
fn tanh_fast<V: Vectors>(v: V, x: V::Reals) -> V::Reals {
    let both = logistic_fast(v, v.add(x, x));
    let curve = v.sub(v.add(both, both), v.reals(1.0));
    let place = v.mul(v.abs(x), v.reals(PER_UNIT));
    let part = v.sub(place, v.floor(place));
    let between = v.mul(part, v.sub(v.reals(1.0), part));
    // tanh'' = -2 tanh (1 - tanh^2).
    let second = v.mul(curve, v.sub(v.reals(1.0), v.mul(curve, curve)));
    v.sub(curve, v.mul(v.mul(between, v.reals(BENT)), second))
}

/// The state of a unit's lanes, a vector at a time.
#[inline(always)]
pub(super) fn parts<V: Vectors>(state: &mut [f32; LANES], part: usize) -> &mut [f32] {
    &mut state[part * V::WIDTH..][..V::WIDTH]
}
