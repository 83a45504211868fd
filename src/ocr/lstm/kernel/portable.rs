//! The kernel of any machine: plain loops over lanes, which compilers turn into whatever vectors there are.

use super::super::activation::{Curves, eight_bits, logistic_fast, tanh_fast};
use super::super::strip::ZERO;
#[cfg(not(target_arch = "x86_64"))]
use super::pairs;
use super::rows::Wide;
#[cfg(target_arch = "x86_64")]
use super::sse2::{greatest, summed};
use super::{FOUR, LANES, Precision, ROWS, Rows, Step, fours};

/// Sums of four rows for every lane.
type Sums = [[i32; LANES]; FOUR];

/// The sums of four rows over all lanes.
#[cfg(not(target_arch = "x86_64"))]
fn summed(words: &[u32], start: &[i32; FOUR], wide: &[Wide]) -> Sums {
    let mut sums = start.map(|start| [start; LANES]);
    for (quad, words) in wide.iter().zip(words.as_chunks::<{ 2 * FOUR }>().0) {
        for (inputs, words) in quad.iter().zip(words.as_chunks::<FOUR>().0) {
            for (sums, word) in sums.iter_mut().zip(words) {
                let [low, high] = halves(*word);
                for (sum, [first, second]) in sums.iter_mut().zip(inputs.as_chunks::<2>().0) {
                    *sum += i32::from(*first) * i32::from(low) + i32::from(*second) * i32::from(high);
                }
            }
        }
    }
    sums
}

/// The two numbers of sixteen bits of a word.
#[cfg(not(target_arch = "x86_64"))]
fn halves(word: u32) -> [i16; 2] {
    [word as i16, (word >> 16) as i16]
}

pub(super) fn step(rows: Rows<'_>, step: &mut Step<'_>, (curves, precision): (&Curves, Precision)) {
    let wide = std::mem::take(&mut step.room.wide);
    let mut units = rows.fours();
    for (states, outputs) in fours(step) {
        for (unit, (state, (words, start, scale))) in states.iter_mut().zip(units.by_ref()).enumerate() {
            let sums = summed(words, start, &wide);
            let bytes = match precision {
                Precision::Exact => lanes(&sums, scale, (state, (|x| curves.tanh(x), |x| curves.logistic(x)))),
                Precision::Fast => lanes(&sums, scale, (state, (tanh_fast, logistic_fast))),
            };
            for (to, byte) in outputs.as_chunks_mut::<4>().0.iter_mut().zip(bytes) {
                to[unit] = byte;
            }
        }
    }
    step.room.wide = wide;
}

/// A unit's lanes, one step on.
fn lanes<T: Fn(f32) -> f32, L: Fn(f32) -> f32>(
    sums: &Sums,
    scale: &[f32; FOUR],
    (state, (tanh, logistic)): (&mut [f32; LANES], (T, L)),
) -> [u8; LANES] {
    let mut bytes = [0; LANES];
    for lane in 0..LANES {
        let [input, take, keep, give] = [0, 1, 2, 3].map(|gate| sums[gate][lane] as f32 * scale[gate]);
        let kept = state[lane] * logistic(keep);
        let after = (kept + tanh(input) * logistic(take)).clamp(-100.0, 100.0);
        state[lane] = after;
        bytes[lane] = eight_bits(tanh(after) * logistic(give)).cast_unsigned().wrapping_add(ZERO);
    }
    bytes
}

pub(super) fn sums(rows: Rows<'_>, wide: &[Wide], sums: &mut [f32]) {
    for ((words, start, scale), out) in rows.fours().zip(sums.as_chunks_mut::<{ FOUR * LANES }>().0) {
        let sums = summed(words, start, wide);
        for ((out, sums), scale) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums).zip(scale) {
            *out = sums.map(|sum| sum as f32 * scale);
        }
    }
}

/// The greatest sum of each of sixteen rows over the places given.
#[cfg(not(target_arch = "x86_64"))]
fn greatest(rows: Rows<'_>, places: &[[u32; 3]]) -> [i32; ROWS] {
    let mut most = [i32::MIN; ROWS];
    for place in places {
        let mut sums: [i32; ROWS] = std::array::from_fn(|row| rows.start[row]);
        for (inputs, words) in place.iter().flat_map(|taps| pairs(*taps)).zip(rows.words.as_chunks::<ROWS>().0) {
            let [first, second] = halves(inputs).map(i32::from);
            for (sum, word) in sums.iter_mut().zip(words) {
                let [low, high] = halves(*word).map(i32::from);
                *sum += first * low + second * high;
            }
        }
        for (most, sum) in most.iter_mut().zip(sums) {
            *most = (*most).max(sum);
        }
    }
    most
}

/// Here the sixteen features of one place run side by side.
pub(super) fn pooled(rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u32; ROWS] {
    let most = greatest(rows, places);
    std::array::from_fn(|row| {
        u32::from(eight_bits(curves.tanh(most[row] as f32 * rows.scale[row])).cast_unsigned().wrapping_add(ZERO))
    })
}
