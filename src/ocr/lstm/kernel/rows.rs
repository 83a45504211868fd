//! How do weights and inputs lie in memory? As the machine's multiplication of whole numbers wants them.

use super::super::model::{Cell, Matrix};
use super::super::strip::ZERO;
use super::rests::{Rest, laid, pairs, split};
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
    /// first four, then one for the others. What weights are too large by is a [`Rest`].
    Doubles,
}

/// Rows of [`Form::Doubles`] that lie together.
pub(crate) const EIGHT: usize = 8;
/// Rows of [`Form::Doubles`] whose sums wait for each other: they lie in the order of how much they have left.
pub(crate) const BLOCK: usize = 64;
/// Four inputs of the first half of the lanes, then of the second.
pub(crate) type Halves = [[u8; QUAD / 2]; 2];

/// A kernel's own place for inputs in another form.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(super) wide: Vec<Wide>,
    pub(super) quads: Vec<Halves>,
    /// True where lanes of the second half are used.
    pub(super) are_both: bool,
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

    /// Inputs for [`Form::Doubles`].
    pub(super) fn gather(&mut self, runs: [&[u8]; 2], lanes: usize) {
        self.are_few = lanes <= FEW;
        self.are_both = lanes > LANES / 2;
        self.quads.clear();
        for run in runs {
            self.quads.extend_from_slice(run.as_chunks::<{ QUAD / 2 }>().0.as_chunks::<2>().0);
        }
        // Weights behind the last inputs are nothing.
        self.quads.resize(self.quads.len().next_multiple_of(2), [[ZERO; QUAD / 2]; 2]);
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
    /// Of [`Form::Doubles`], the number of each row in its block: words and starts lie in another order.
    pub(crate) places: &'a [u8],
    /// And what weights have left, four rows at a time, and where that of each four rows ends.
    pub(crate) rests: &'a [[Rest; FOUR]],
    pub(crate) ends: &'a [u32],
}

/// Eight rows of [`Form::Doubles`].
pub(super) struct Eight<'a> {
    pub(super) words: &'a [u32],
    pub(super) start: &'a [i32; EIGHT],
    pub(super) places: &'a [u8; EIGHT],
    /// Of the first four rows, and of the others.
    pub(super) rests: [&'a [[Rest; FOUR]]; 2],
}

impl Rows<'_> {
    /// True where there are `count` rows over `quads` times four inputs, all arrays as long as that means.
    pub(super) fn are(&self, form: Form, (count, quads): (usize, usize)) -> bool {
        let is_whole = count.is_multiple_of(ROWS) && self.start.len() == count && self.scale.len() == count;
        let (ends, places) = if form == Form::Doubles { (count / FOUR, count) } else { (0, 0) };
        is_whole
            && self.form == form
            && self.words.len() == count * form.words(quads)
            && self.ends.len() == ends
            && self.places.len() == places
    }

    /// True where they are the sixteen rows of a convolution.
    pub(super) fn are_taps(&self, form: Form) -> bool {
        let words = if form == Form::Bytes { 3 } else { 6 };
        let is_whole = self.start.len() == ROWS && self.scale.len() == ROWS;
        is_whole && self.form == form && self.words.len() == ROWS * words
    }

    /// Eight rows at a time.
    pub(super) fn eights(&self) -> impl Iterator<Item = Eight<'_>> {
        let (starts, places) = (self.start.as_chunks::<EIGHT>().0, self.places.as_chunks::<EIGHT>().0);
        let each = self.words.len() / starts.len().max(1);
        let rows = self.words.chunks_exact(each.max(1)).zip(starts).zip(places).zip(self.ends.as_chunks::<2>().0);
        let mut from = 0;
        rows.map(move |(((words, start), places), ends)| {
            let rests = ends.map(|end| {
                let begin = std::mem::replace(&mut from, end as usize);
                self.rests.get(begin..end as usize).unwrap_or_default()
            });
            Eight { words, start, places, rests }
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
    places: Vec<u8>,
    rests: Vec<[Rest; FOUR]>,
    ends: Vec<u32>,
}

/// One row of a matrix; none where rows are filled up.
type Row<'a> = Option<(&'a Matrix, usize)>;

impl RowsKept {
    pub(crate) fn as_rows(&self) -> Rows<'_> {
        let Self { form, words, start, scale, places, rests, ends } = self;
        Rows { form: *form, words, start, scale, places, rests, ends }
    }

    /// An LSTM: the four gates of each unit are four rows.
    pub(crate) fn of_cell(cell: &Cell, form: Form) -> Self {
        let gates = |unit| cell.gates.iter().map(move |gate| Some((gate, unit)));
        Self::of(&(0..cell.units).flat_map(gates).collect::<Vec<_>>(), cell.inputs + cell.units, form)
    }

    /// A plain matrix, filled up with rows of nothing to a multiple of sixteen.
    pub(crate) fn of_matrix(matrix: &Matrix, form: Form) -> Self {
        let rows = (0..matrix.rows.next_multiple_of(ROWS)).map(|row| (row < matrix.rows).then_some((matrix, row)));
        Self::of(&rows.collect::<Vec<_>>(), matrix.columns - 1, form)
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
                let ([kept, _], left) = split(0, [[a, b, c, 0], [0; 4]]);
                let left = left.first().map_or([0; 4], |left| left.weights);
                word(if nth == 0 { kept } else { left })
            };
            let places = (0..2).flat_map(|nth| (0..3).map(move |column| (nth, column)));
            kept.words = places.flat_map(|(nth, column)| (0..ROWS).map(move |row| part(row, column, nth))).collect();
            kept.start = (0..ROWS).map(|row| start_of((row < wide.rows).then_some((&wide, row)), 12, form)).collect();
            (kept.places, kept.rests, kept.ends) = (Vec::new(), Vec::new(), Vec::new());
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

    fn of(rows: &[Row<'_>], inputs: usize, form: Form) -> Self {
        let (words, start, places) = (Vec::new(), Vec::new(), Vec::new());
        let scale = rows.iter().map(|row| row.map_or(0.0, |(matrix, row)| matrix.scale[row])).collect();
        let mut kept = Self { form, words, start, scale, places, rests: Vec::new(), ends: Vec::new() };
        match form {
            Form::Bytes => rows.chunks_exact(ROWS).for_each(|some| kept.lay_bytes(some, inputs)),
            Form::Pairs => rows.chunks_exact(FOUR).for_each(|some| kept.lay_pairs(some, inputs)),
            Form::Doubles => return kept.doubled(rows, inputs),
        }
        kept.start = rows.iter().map(|row| start_of(*row, inputs, form)).collect();
        kept
    }

    fn lay_bytes(&mut self, rows: &[Row<'_>], inputs: usize) {
        for quad in (0..inputs).step_by(4) {
            self.words.extend(rows.iter().map(|row| word(some(*row, quad))));
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

    fn doubled(mut self, rows: &[Row<'_>], inputs: usize) -> Self {
        for block in rows.chunks(BLOCK) {
            let mut parts: Vec<_> = block.iter().map(|row| doubles(*row, inputs)).enumerate().collect();
            // Rows that have as much left lie together, so that none waits for another.
            parts.sort_by_key(|(_, (_, rests))| rests.len());
            for eight in parts.chunks_exact(EIGHT) {
                for at in (0..inputs.div_ceil(4)).step_by(2) {
                    let word = |at: usize| eight.iter().map(move |(_, (words, _))| words.get(at).copied().unwrap_or(0));
                    self.words.extend(word(at).chain(word(at + 1)));
                }
                for four in eight.as_chunks::<FOUR>().0 {
                    self.rests.extend(laid(four.each_ref().map(|(_, (_, rests))| rests.as_slice())));
                    self.ends.push(self.rests.len() as u32);
                }
                self.places.extend(eight.iter().map(|(place, _)| *place as u8));
                self.start.extend(eight.iter().map(|(place, _)| start_of(block[*place], inputs, Form::Doubles)));
            }
        }
        self
    }
}

/// Where the sum of a row starts: inputs with 128 added bring 128 times the weights, which it has less from the beginning.
fn start_of(row: Row<'_>, inputs: usize, form: Form) -> i32 {
    let (inputs, constant) = weights(row).split_at_checked(inputs).unwrap_or_default();
    let constant = constant.first().map_or(0, |constant| i32::from(*constant) * 127);
    let sum: i32 = inputs.iter().map(|weight| i32::from(*weight)).sum();
    if form == Form::Pairs { constant } else { constant - i32::from(ZERO) * sum }
}

/// The words of a row for [`Form::Doubles`], and what it has left.
fn doubles(row: Row<'_>, inputs: usize) -> (Vec<u32>, Vec<Rest>) {
    let (mut words, mut left) = (Vec::new(), Vec::new());
    for first in (0..inputs).step_by(8) {
        let mut weights = [some(row, first), some(row, first + 4)];
        // Behind the inputs stands the constant.
        weights.as_flattened_mut().iter_mut().skip(inputs - first).for_each(|weight| *weight = 0);
        let (kept, more) = split((first / 4) as u32, weights);
        words.extend(kept.map(word));
        left.extend(more);
    }
    (words, pairs(left))
}

/// The weights of a row from a place on; nothing behind its end.
fn some<const COUNT: usize>(row: Row<'_>, from: usize) -> [i8; COUNT] {
    std::array::from_fn(|at| weights(row).get(from + at).copied().unwrap_or(0))
}

/// Four weights as a word.
fn word(weights: [i8; 4]) -> u32 {
    u32::from_le_bytes(weights.map(i8::cast_unsigned))
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
