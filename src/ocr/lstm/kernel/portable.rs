//! The kernel of any machine: plain loops over lanes, which compilers turn into whatever vectors there are.

use super::super::activation::{Curves, eight_bits};
use super::super::strip::ZERO;
use super::{LANES, QUAD, ROWS, Rows, Step};

type Sums = [[i32; LANES]; ROWS];

/// Adds four inputs of every lane, each times the weights of sixteen rows.
fn add(sums: &mut Sums, inputs: &[u8], words: &[u32]) {
    let mut lanes = [[0_i32; LANES]; 4];
    for (lane, bytes) in inputs.as_chunks::<4>().0.iter().enumerate() {
        for (byte, value) in bytes.iter().enumerate() {
            lanes[byte][lane] = i32::from(*value);
        }
    }
    for (row, word) in sums.iter_mut().zip(words) {
        let weights = word.to_le_bytes().map(|weight| i32::from(weight.cast_signed()));
        for (lane, sum) in row.iter_mut().enumerate() {
            *sum += lanes[0][lane] * weights[0]
                + lanes[1][lane] * weights[1]
                + lanes[2][lane] * weights[2]
                + lanes[3][lane] * weights[3];
        }
    }
}

fn summed(start: &[i32], words: &[u32], inputs: impl Iterator<Item = impl AsRef<[u8]>>) -> Sums {
    let mut sums: Sums = std::array::from_fn(|row| [start[row]; LANES]);
    for (inputs, words) in inputs.zip(words.chunks_exact(ROWS)) {
        add(&mut sums, inputs.as_ref(), words);
    }
    sums
}

pub(super) fn step(rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let quads = (step.inputs.len() + step.last.len()) / QUAD;
    let groups = rows.words.chunks_exact(quads * ROWS).zip(rows.start.chunks_exact(ROWS)).zip(rows.scale.chunks_exact(ROWS));
    let units = step.state.chunks_exact_mut(4 * LANES).zip(step.outputs.chunks_exact_mut(QUAD));
    for (((words, start), scale), (state, outputs)) in groups.zip(units) {
        let sums = summed(start, words, step.inputs.chunks_exact(QUAD).chain(step.last.chunks_exact(QUAD)));
        for unit in 0..4 {
            for lane in 0..LANES {
                let value = |gate: usize| sums[4 * gate + unit][lane] as f32 * scale[4 * gate + unit];
                let state = &mut state[unit * LANES + lane];
                let kept = *state * curves.logistic(value(2));
                *state = (kept + curves.tanh(value(0)) * curves.logistic(value(1))).clamp(-100.0, 100.0);
                let given = eight_bits(curves.tanh(*state) * curves.logistic(value(3)));
                outputs[4 * lane + unit] = given.cast_unsigned().wrapping_add(ZERO);
            }
        }
    }
}

pub(super) fn sums(rows: Rows<'_>, inputs: &[u8], sums: &mut [f32]) {
    let quads = inputs.len() / QUAD;
    let groups =
        rows.words.chunks_exact((quads * ROWS).max(1)).zip(rows.start.chunks_exact(ROWS)).zip(rows.scale.chunks_exact(ROWS));
    for (((words, start), scale), out) in groups.zip(sums.chunks_exact_mut(ROWS * LANES)) {
        let sums = summed(start, words, inputs.chunks_exact(QUAD));
        for (row, out) in out.chunks_exact_mut(LANES).enumerate() {
            for (out, sum) in out.iter_mut().zip(sums[row]) {
                *out = sum as f32 * scale[row];
            }
        }
    }
}

pub(super) fn pooled(rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u8; ROWS] {
    let mut most = [i32::MIN; ROWS];
    for place in places {
        let mut sums: [i32; ROWS] = std::array::from_fn(|row| rows.start[row]);
        for (taps, words) in place.iter().zip(rows.words.as_chunks::<ROWS>().0) {
            let taps = taps.to_le_bytes().map(i32::from);
            for (sum, word) in sums.iter_mut().zip(words) {
                let weights = word.to_le_bytes().map(|weight| i32::from(weight.cast_signed()));
                *sum += (0..4).map(|at| taps[at] * weights[at]).sum::<i32>();
            }
        }
        for (most, sum) in most.iter_mut().zip(sums) {
            *most = (*most).max(sum);
        }
    }
    std::array::from_fn(|row| eight_bits(curves.tanh(most[row] as f32 * rows.scale[row])).cast_unsigned().wrapping_add(ZERO))
}
