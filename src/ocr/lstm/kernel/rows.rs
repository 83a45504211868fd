//! How do weights and inputs lie in memory? As the machine's multiplication of whole numbers wants them.

use super::super::model::{Cell, Matrix};
use super::super::strip::ZERO;
use super::{FOUR, LANES, QUAD, ROWS};

/// Two ways of multiplying many small whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Four bytes at once: inputs with 128 added, weights with a sign. For each sixteen rows and each four inputs, a word of
    /// four weights of each row.
    Bytes,
    /// Two numbers of sixteen bits at once. For each four rows and each four inputs, the weights of the first and the third
    /// of each row, then those of the second and the fourth.
    Pairs,
    /// Bytes whose products are first added in sixteen bits, two and two of eight inputs: inputs with 128 added, weights with a
    /// sign, no larger together than sixteen bits hold. For each eight rows and each eight inputs, a word of each row for the
    /// first four, then one for the others. What a weight is too large by is a [`Rest`].
    Doubles,
}

/// Rows of [`Form::Doubles`] that lie together.
pub(crate) const EIGHT: usize = 8;
/// The most that weights of one sign may come to where four products are added in sixteen bits: 255 times that is 32,640.
const TOGETHER: i32 = 128;

/// What the weights of a row have left for eight inputs, after those among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Number of the row among its eight.
    pub(super) row: u32,
    /// Number of the eight inputs.
    pub(super) at: u32,
    /// The weights, four in each word: apart, since a processor spreads a word that it loads, and not half of two.
    pub(super) word: u32,
    pub(super) more: u32,
}

/// Eight inputs of half of the lanes.
pub(crate) type Half = [[u8; QUAD / 2]; 2];

/// A kernel's own place for inputs in another form.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(super) wide: Vec<Wide>,
    pub(super) halves: [Vec<Half>; 2],
    /// True where no more than [`FEW`] lanes are used.
    pub(super) are_few: bool,
}

/// Lanes up to which rows, not lanes, run side by side.
pub(super) const FEW: usize = 4;

impl Room {
    /// Inputs for [`Form::Pairs`].
    pub(super) fn widen(&mut self, runs: [&[u8]; 2]) {
        self.wide.clear();
        for run in runs {
            widen(run, &mut self.wide);
        }
    }

    /// Inputs for [`Form::Doubles`]; the second half of the lanes only where one of them is used.
    pub(super) fn halve(&mut self, runs: [&[u8]; 2], lanes: usize) {
        self.halves.iter_mut().for_each(Vec::clear);
        self.are_few = lanes <= FEW;
        let used = if lanes > LANES / 2 { 2 } else { 1 };
        for (at, half) in self.halves.iter_mut().take(used).enumerate() {
            let part = |quad: &[u8; QUAD]| quad.as_chunks::<{ QUAD / 2 }>().0[at];
            let mut quads = runs.iter().flat_map(|run| run.as_chunks::<QUAD>().0).map(part);
            while let Some(first) = quads.next() {
                // Weights behind the last inputs are nothing.
                half.push([first, quads.next().unwrap_or([ZERO; QUAD / 2])]);
            }
        }
    }
}

/// Four inputs of all lanes as numbers of sixteen bits: the first and the third of each lane, then the second and the fourth.
pub(crate) type Wide = [[i16; 2 * LANES]; 2];

/// Inputs without the added 128, put behind those that are there.
fn widen(inputs: &[u8], wide: &mut Vec<Wide>) {
    let signed = |byte: u8| i16::from(byte) - i16::from(ZERO);
    wide.extend(inputs.as_chunks::<QUAD>().0.iter().map(|quad| {
        let twos = quad.as_chunks::<2>().0;
        let mut both = [[0; 2 * LANES]; 2];
        for (at, [first, second]) in twos.iter().enumerate() {
            both[0][at] = signed(*first);
            both[1][at] = signed(*second);
        }
        both
    }));
}

/// Rows of weights as kernels read them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) form: Form,
    /// The weights.
    pub(crate) words: &'a [u32],
    /// Where the sum of each row starts.
    pub(crate) start: &'a [i32],
    /// What each row's sum is multiplied by.
    pub(crate) scale: &'a [f32],
    /// Of [`Form::Doubles`], what weights have left, row after row, and where those of each eight rows end.
    pub(crate) rests: &'a [Rest],
    pub(crate) ends: &'a [u32],
}

/// Eight rows of [`Form::Doubles`].
pub(super) struct Eight<'a> {
    pub(super) words: &'a [u32],
    pub(super) start: &'a [i32; EIGHT],
    pub(super) scale: &'a [f32; EIGHT],
    pub(super) rests: &'a [Rest],
}

impl Rows<'_> {
    /// True where there are `count` rows over `quads` times four inputs, all arrays as long as that means.
    pub(super) fn are(&self, form: Form, (count, quads): (usize, usize)) -> bool {
        let is_whole = count.is_multiple_of(ROWS) && self.start.len() == count && self.scale.len() == count;
        let ends = if form == Form::Doubles { count / EIGHT } else { 0 };
        is_whole && self.form == form && self.words.len() == count * form.words(quads) && self.ends.len() == ends
    }

    /// True where they are the sixteen rows of a convolution.
    pub(super) fn are_taps(&self, form: Form) -> bool {
        let words = if form == Form::Bytes { 3 } else { 6 };
        let is_whole = self.start.len() == ROWS && self.scale.len() == ROWS;
        is_whole && self.form == form && self.words.len() == ROWS * words
    }

    /// Eight rows at a time.
    pub(super) fn eights(&self) -> impl Iterator<Item = Eight<'_>> {
        let (starts, scales) = (self.start.as_chunks::<EIGHT>().0, self.scale.as_chunks::<EIGHT>().0);
        let each = self.words.len() / starts.len().max(1);
        let rows = self.words.chunks_exact(each.max(1)).zip(starts).zip(scales).zip(self.ends);
        let mut from = 0;
        rows.map(move |(((words, start), scale), end)| {
            let rests = self.rests.get(from..*end as usize).unwrap_or_default();
            from = *end as usize;
            Eight { words, start, scale, rests }
        })
    }

    /// Sixteen rows at a time: weights, starts, scales.
    pub(super) fn sixteens(&self) -> impl Iterator<Item = (&[u32], &[i32; ROWS], &[f32; ROWS])> {
        let (starts, scales) = (self.start.as_chunks::<ROWS>().0, self.scale.as_chunks::<ROWS>().0);
        let each = self.words.len() / starts.len().max(1);
        let words = self.words.chunks_exact(each.max(1));
        words.zip(starts).zip(scales).map(|((words, start), scale)| (words, start, scale))
    }

    /// Four rows at a time.
    pub(super) fn fours(&self) -> impl Iterator<Item = (&[u32], &[i32; FOUR], &[f32; FOUR])> {
        let (starts, scales) = (self.start.as_chunks::<FOUR>().0, self.scale.as_chunks::<FOUR>().0);
        let each = self.words.len() / starts.len().max(1);
        let words = self.words.chunks_exact(each.max(1));
        words.zip(starts).zip(scales).map(|((words, start), scale)| (words, start, scale))
    }
}

impl Form {
    /// Words of one row over so many times four inputs.
    const fn words(self, quads: usize) -> usize {
        match self {
            Self::Bytes => quads,
            Self::Pairs => 2 * quads,
            Self::Doubles => quads.next_multiple_of(2),
        }
    }
}

/// The same, kept.
#[derive(Debug, Clone)]
pub(crate) struct RowsKept {
    form: Form,
    words: Vec<u32>,
    start: Vec<i32>,
    scale: Vec<f32>,
    rests: Vec<Rest>,
    ends: Vec<u32>,
}

/// One row of a matrix; none where rows are filled up.
type Row<'a> = Option<(&'a Matrix, usize)>;

impl RowsKept {
    pub(crate) fn as_rows(&self) -> Rows<'_> {
        let Self { form, words, start, scale, rests, ends } = self;
        Rows { form: *form, words, start, scale, rests, ends }
    }

    /// An LSTM: the four gates of each unit are four rows.
    pub(crate) fn of_cell(cell: &Cell, form: Form) -> Self {
        let gates = |unit| cell.gates.iter().map(move |gate| Some((gate, unit)));
        Self::of((0..cell.units).flat_map(gates).collect(), cell.inputs + cell.units, form)
    }

    /// A plain matrix, filled up with rows of nothing to a multiple of sixteen.
    pub(crate) fn of_matrix(matrix: &Matrix, form: Form) -> Self {
        let rows = (0..matrix.rows.next_multiple_of(ROWS)).map(|row| (row < matrix.rows).then_some((matrix, row)));
        Self::of(rows.collect(), matrix.columns - 1, form)
    }

    /// The convolution: three columns of three taps, each with a fourth that counts nothing. All sixteen rows of a column lie
    /// together: here rows, not inputs, are what runs side by side.
    pub(crate) fn of_taps(taps: &Matrix, form: Form) -> Self {
        let mut wide = Matrix { rows: taps.rows, columns: 13, weights: Vec::new(), scale: taps.scale.clone() };
        for row in taps.weights.chunks_exact(10) {
            for column in row[..9].chunks_exact(3) {
                wide.weights.extend(column);
                wide.weights.push(0);
            }
            wide.weights.push(row[9]);
        }
        let mut kept = Self::of_matrix(&wide, form);
        if form == Form::Doubles {
            // Three columns of all rows, and three of what they have left: of two weights that are added, never more.
            let part = |row: usize, column: usize, nth: usize| {
                let [a, b, c] = [0, 1, 2].map(|tap| wide.weights[13 * row + 4 * column + tap]);
                split([a, b, c, 0, 0, 0, 0, 0]).get(nth).map_or(0, |part| word(*part)[0])
            };
            let places = (0..2).flat_map(|nth| (0..3).map(move |column| (nth, column)));
            kept.words = places.flat_map(|(nth, column)| (0..ROWS).map(move |row| part(row, column, nth))).collect();
            (kept.rests, kept.ends) = (Vec::new(), Vec::new());
        }
        if form == Form::Pairs {
            let word = |at: usize| {
                let (column, pair, row) = (at / (2 * ROWS), at / ROWS % 2, at % ROWS);
                kept.words[(row / FOUR * 3 + column) * 2 * FOUR + pair * FOUR + row % FOUR]
            };
            kept.words = (0..kept.words.len()).map(word).collect();
        }
        kept
    }

    fn of(rows: Vec<Row<'_>>, inputs: usize, form: Form) -> Self {
        let (words, start, scale) = (Vec::new(), Vec::new(), Vec::new());
        let mut kept = Self { form, words, start, scale, rests: Vec::new(), ends: Vec::new() };
        match form {
            Form::Bytes => rows.chunks_exact(ROWS).for_each(|some| kept.lay_bytes(some, inputs)),
            Form::Pairs => rows.chunks_exact(FOUR).for_each(|some| kept.lay_pairs(some, inputs)),
            Form::Doubles => rows.chunks_exact(EIGHT).for_each(|some| kept.lay_doubles(some, inputs)),
        }
        for row in rows {
            let (inputs, constant) = weights(row).split_at_checked(inputs).unwrap_or_default();
            let sum: i32 = inputs.iter().map(|weight| i32::from(*weight)).sum();
            let constant = constant.first().map_or(0, |constant| i32::from(*constant) * 127);
            // Inputs with 128 added bring 128 times the weights: the sum starts less by that, and is exact at the end.
            kept.start.push(if form == Form::Pairs { constant } else { constant - i32::from(ZERO) * sum });
            kept.scale.push(row.map_or(0.0, |(matrix, row)| matrix.scale[row]));
        }
        kept
    }

    fn lay_bytes(&mut self, rows: &[Row<'_>], inputs: usize) {
        for quad in (0..inputs).step_by(4) {
            self.words.extend(rows.iter().map(|row| word(some::<8>(*row, quad))[0]));
        }
    }

    fn lay_pairs(&mut self, rows: &[Row<'_>], inputs: usize) {
        for quad in (0..inputs).step_by(4) {
            for first in [0, 1] {
                self.words.extend(rows.iter().map(|row| {
                    let four = some::<4>(*row, quad);
                    pair(four[first], four[first + 2])
                }));
            }
        }
    }

    fn lay_doubles(&mut self, rows: &[Row<'_>], inputs: usize) {
        for (at, first) in (0..inputs).step_by(8).enumerate() {
            let mut both = [[0; EIGHT]; 2];
            for (row, weights) in rows.iter().enumerate() {
                let mut eight = some::<8>(*weights, first);
                // Behind the inputs stands the constant.
                eight.iter_mut().skip(inputs - first).for_each(|weight| *weight = 0);
                let parts = split(eight);
                for (nth, part) in parts.iter().enumerate() {
                    let words = word(*part);
                    if nth == 0 {
                        (both[0][row], both[1][row]) = (words[0], words[1]);
                    } else {
                        self.rests.push(Rest { row: row as u32, at: at as u32, word: words[0], more: words[1] });
                    }
                }
            }
            self.words.extend(both.as_flattened());
        }
        self.ends.push(self.rests.len() as u32);
    }
}

/// The weights of a row from a place on; nothing behind its end.
fn some<const COUNT: usize>(row: Row<'_>, from: usize) -> [i8; COUNT] {
    std::array::from_fn(|at| weights(row).get(from + at).copied().unwrap_or(0))
}

/// Eight weights as two words.
fn word(weights: [i8; 8]) -> [u32; 2] {
    let bytes = weights.map(i8::cast_unsigned);
    let [first, second] = [0, 4].map(|from| [0, 1, 2, 3].map(|at| bytes[from + at]));
    [u32::from_le_bytes(first), u32::from_le_bytes(second)]
}

/// Weights as sums of weights that are never too large together: the first and second two of the first four inputs are added to
/// those of the others in sixteen bits.
fn split(mut weights: [i8; 8]) -> Vec<[i8; 8]> {
    let mut parts = Vec::new();
    while parts.is_empty() || weights.iter().any(|weight| *weight != 0) {
        // Of each sum, what may still be added and taken away.
        let mut room = [[TOGETHER; 2]; 2];
        let part = std::array::from_fn(|at| {
            let [more, less] = &mut room[at / 2 % 2];
            let weight = i32::from(weights[at]);
            let taken = weight.clamp(-*less, *more);
            *more -= taken.max(0);
            *less += taken.min(0);
            weights[at] = (weight - taken) as i8;
            taken as i8
        });
        parts.push(part);
    }
    parts
}

/// A row's weights and its constant.
fn weights(row: Row<'_>) -> &[i8] {
    row.map_or(&[], |(matrix, row)| &matrix.weights[row * matrix.columns..][..matrix.columns])
}

fn pair(low: i8, high: i8) -> u32 {
    let [a, b] = i16::from(low).to_le_bytes();
    let [c, d] = i16::from(high).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_weights_come_to_the_same_and_no_sum_of_sixteen_bits_runs_over() {
        let mut dice = super::super::super::trial::Dice(0xd0b1);
        let mut most = 0;
        for round in 0..20_000 {
            let weights = [0; 8].map(|_: i8| match dice.below(4) + round % 2 {
                0 => 127,
                1 => -128,
                _ => dice.next() as i8,
            });
            let parts = split(weights);
            most = most.max(parts.len());
            for (at, weight) in weights.iter().enumerate() {
                assert_eq!(parts.iter().map(|part| i32::from(part[at])).sum::<i32>(), i32::from(*weight));
            }
            for part in parts {
                for sum in [[0, 1, 4, 5], [2, 3, 6, 7]] {
                    let side = |sign: i32| sum.iter().map(|at| (sign * i32::from(part[*at])).max(0)).sum::<i32>() * 255;
                    assert!(side(1) <= i32::from(i16::MAX) && -side(-1) >= i32::from(i16::MIN), "{part:?}");
                }
            }
        }
        assert_eq!(most, 4, "four of the largest need four parts");
        assert_eq!(split([0; 8]), [[0; 8]]);
    }
}
