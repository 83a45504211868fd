//! The kernel of any machine: plain loops over lanes, which compilers turn into whatever vectors there are.

use super::super::activation::{Curves, eight_bits};
use super::super::strip::ZERO;
use super::{LANES, QUAD, ROWS, Rows, Step};

/// Sums of whole numbers, kept as real ones: every machine multiplies these by the vector, and below 2^24 they are exact.
type Sums = [[f32; LANES]; ROWS];

/// Four inputs of every lane, 128 taken away again.
type Quad = [[f32; LANES]; 4];

fn quads(inputs: &[u8]) -> impl Iterator<Item = Quad> {
    inputs.as_chunks::<QUAD>().0.iter().map(|bytes| {
        let lanes = bytes.as_chunks::<4>().0;
        std::array::from_fn(|byte| std::array::from_fn(|lane| f32::from(i16::from(lanes[lane][byte]) - i16::from(ZERO))))
    })
}

/// Adds four inputs of every lane, each times the weights of sixteen rows.
fn add(sums: &mut Sums, inputs: &Quad, words: &[u32; ROWS]) {
    for (row, word) in sums.iter_mut().zip(words) {
        for (inputs, weight) in inputs.iter().zip(word.to_le_bytes()) {
            let weight = f32::from(weight.cast_signed());
            for (sum, input) in row.iter_mut().zip(inputs) {
                *sum += *input * weight;
            }
        }
    }
}

/// Most inputs whose sums stay below 2^24: 127 times 128 for each, and the constant.
pub(super) const EXACT: usize = (1 << 24) / (127 * 128) - 1;

fn summed(constant: &[i32], words: &[u32], inputs: &[Quad]) -> Sums {
    let mut sums: Sums = std::array::from_fn(|row| [constant[row] as f32; LANES]);
    for (inputs, words) in inputs.iter().zip(words.as_chunks::<ROWS>().0) {
        add(&mut sums, inputs, words);
    }
    sums
}

pub(super) fn step(rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let inputs: Vec<Quad> = quads(step.inputs).chain(quads(step.last)).collect();
    let quads = inputs.len();
    let groups = rows.words.chunks_exact(quads * ROWS).zip(rows.constant.chunks_exact(ROWS)).zip(rows.scale.chunks_exact(ROWS));
    let units = step.state.chunks_exact_mut(4 * LANES).zip(step.outputs.chunks_exact_mut(QUAD));
    for (((words, constant), scale), (state, outputs)) in groups.zip(units) {
        let sums = summed(constant, words, &inputs);
        for unit in 0..4 {
            for lane in 0..LANES {
                let value = |gate: usize| sums[4 * gate + unit][lane] * scale[4 * gate + unit];
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
    let inputs: Vec<Quad> = quads(inputs).collect();
    let quads = inputs.len();
    let groups =
        rows.words.chunks_exact((quads * ROWS).max(1)).zip(rows.constant.chunks_exact(ROWS)).zip(rows.scale.chunks_exact(ROWS));
    for (((words, constant), scale), out) in groups.zip(sums.chunks_exact_mut(ROWS * LANES)) {
        let sums = summed(constant, words, &inputs);
        for (row, out) in out.chunks_exact_mut(LANES).enumerate() {
            for (out, sum) in out.iter_mut().zip(sums[row]) {
                *out = sum * scale[row];
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
