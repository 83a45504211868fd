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
}

/// Four inputs of all lanes as numbers of sixteen bits: the first and the third of each lane, then the second and the fourth.
pub(crate) type Wide = [[i16; 2 * LANES]; 2];

/// Inputs without the added 128, put behind those that are there.
pub(crate) fn widen(inputs: &[u8], wide: &mut Vec<Wide>) {
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
}

impl Rows<'_> {
    /// True where there are `count` rows over `quads` times four inputs, all arrays as long as that means.
    pub(super) fn are(&self, form: Form, (count, quads): (usize, usize)) -> bool {
        let is_whole = count.is_multiple_of(ROWS) && self.start.len() == count && self.scale.len() == count;
        is_whole && self.form == form && self.words.len() == count * quads * form.words()
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
    /// Words of one row and four inputs.
    const fn words(self) -> usize {
        match self {
            Self::Bytes => 1,
            Self::Pairs => 2,
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
}

/// One row of a matrix; none where rows are filled up.
type Row<'a> = Option<(&'a Matrix, usize)>;

impl RowsKept {
    pub(crate) fn as_rows(&self) -> Rows<'_> {
        Rows { form: self.form, words: &self.words, start: &self.start, scale: &self.scale }
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
        let mut kept = Self { form, words: Vec::new(), start: Vec::new(), scale: Vec::new() };
        let together = if form == Form::Bytes { ROWS } else { FOUR };
        for some in rows.chunks_exact(together) {
            for quad in (0..inputs).step_by(4) {
                let weight = |row: &Row<'_>, at: usize| weights(*row).get(quad + at).copied().unwrap_or(0);
                match form {
                    Form::Bytes => kept.words.extend(
                        some.iter().map(|row| u32::from_le_bytes([0, 1, 2, 3].map(|at| weight(row, at).cast_unsigned()))),
                    ),
                    Form::Pairs => kept.words.extend(
                        [0, 1]
                            .into_iter()
                            .flat_map(|first| some.iter().map(move |row| pair(weight(row, first), weight(row, first + 2)))),
                    ),
                }
            }
        }
        for row in rows {
            let (inputs, constant) = weights(row).split_at_checked(inputs).unwrap_or_default();
            let sum: i32 = inputs.iter().map(|weight| i32::from(*weight)).sum();
            let constant = constant.first().map_or(0, |constant| i32::from(*constant) * 127);
            // Inputs with 128 added bring 128 times the weights: the sum starts less by that, and is exact at the end.
            kept.start.push(if form == Form::Bytes { constant - i32::from(ZERO) * sum } else { constant });
            kept.scale.push(row.map_or(0.0, |(matrix, row)| matrix.scale[row]));
        }
        kept
    }
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
