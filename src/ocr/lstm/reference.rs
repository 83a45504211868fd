//! What does the network compute? The plain form, one number after the other: the oracle of the fast kernels.
//!
//! Between layers go eight-bit numbers. A layer's sum is exact, in whole numbers; only what the curves give is rounded.

use super::activation::{Curves, eight_bits};
use super::model::{Cell, Matrix, Network};
use super::strip::{Strip, ZERO};

/// The certainty of each class at each step along the line.
pub(super) fn forward(network: &Network, strip: &Strip, curves: &Curves) -> Vec<Vec<f32>> {
    let (pool_x, pool_y) = network.pool;
    let (steps, rows) = (strip.width / pool_x, strip.height / pool_y);
    let mut line: Vec<Vec<i8>> = (0..steps)
        .map(|x| {
            let column: Vec<Vec<i8>> = (0..rows).map(|y| pooled(network, strip, (x, y), curves)).collect();
            run(&network.column, &column, curves).pop().unwrap_or_default()
        })
        .collect();
    for (is_reversed, cell) in &network.along {
        if *is_reversed {
            line.reverse();
        }
        line = run(cell, &line, curves);
        if *is_reversed {
            line.reverse();
        }
    }
    line.iter().map(|inputs| softmax(&network.output, inputs)).collect()
}

/// The features of one place after convolution, tanh and pooling.
fn pooled(network: &Network, strip: &Strip, (x, y): (usize, usize), curves: &Curves) -> Vec<i8> {
    let (pool_x, pool_y) = network.pool;
    let mut best = vec![i8::MIN; network.taps.rows];
    for place in 0..pool_x * pool_y {
        let taps = taps(strip, x * pool_x + place / pool_y, y * pool_y + place % pool_y);
        for (row, best) in best.iter_mut().enumerate() {
            *best = (*best).max(eight_bits(curves.tanh(product(&network.taps, row, &taps))));
        }
    }
    best
}

/// What the convolution sees around a place: three columns from left to right, each from top to bottom.
fn taps(strip: &Strip, x: usize, y: usize) -> Vec<i8> {
    let signed = |value: u8| (i16::from(value) - i16::from(ZERO)) as i8;
    if let Some(edge) = strip.edge(x, y) {
        return strip.edges[edge].iter().enumerate().filter(|(at, _)| at % 4 != 3).map(|(_, tap)| signed(*tap)).collect();
    }
    (0..9).map(|at| signed(strip.pixels[(x + at / 3 - 1) * strip.height + y + at % 3 - 1])).collect()
}

/// The sum over one row's inputs and its constant, as a real number.
fn product(matrix: &Matrix, row: usize, inputs: &[i8]) -> f32 {
    let weights = &matrix.weights[row * matrix.columns..][..matrix.columns];
    let sum: i32 = weights.iter().zip(inputs).map(|(weight, input)| i32::from(*weight) * i32::from(*input)).sum();
    let constant = i32::from(weights[matrix.columns - 1]) * 127;
    (sum + constant) as f32 * matrix.scale[row]
}

/// An LSTM over a sequence, from rest.
fn run(cell: &Cell, sequence: &[Vec<i8>], curves: &Curves) -> Vec<Vec<i8>> {
    let mut state = vec![0.0_f32; cell.units];
    let mut last = vec![0_i8; cell.units];
    let mut outputs = Vec::with_capacity(sequence.len());
    for inputs in sequence {
        let both = [&inputs[..], &last].concat();
        let next = state.iter_mut().enumerate().map(|(unit, state)| {
            let [input, take, keep, give] = [0, 1, 2, 3].map(|gate| product(&cell.gates[gate], unit, &both));
            let kept = *state * curves.logistic(keep);
            *state = (kept + curves.tanh(input) * curves.logistic(take)).clamp(-100.0, 100.0);
            eight_bits(curves.tanh(*state) * curves.logistic(give))
        });
        last = next.collect();
        outputs.push(last.clone());
    }
    outputs
}

fn softmax(matrix: &Matrix, inputs: &[i8]) -> Vec<f32> {
    let sums: Vec<f32> = (0..matrix.rows).map(|row| product(matrix, row, inputs)).collect();
    let most = sums.iter().copied().fold(f32::MIN, f32::max);
    let powers: Vec<f32> = sums.iter().map(|sum| (sum - most).max(-86.0).exp()).collect();
    let total: f32 = powers.iter().sum();
    powers.iter().map(|power| power / total).collect()
}
