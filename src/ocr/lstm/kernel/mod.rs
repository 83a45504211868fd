//! Who does the arithmetic? The widest instructions that this machine has, over sixteen lines side by side.
//!
//! Everything a kernel touches has one form: values of sixteen lanes, four bytes of each lane together (`[k / 4][lane][k % 4]`),
//! stored with 128 added; weights in groups of sixteen rows, four bytes of each row together. A sum starts at the row's
//! constant less what the added 128 will bring, so that it is exact at the end.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(test)]
mod guard;
mod portable;
#[cfg(target_arch = "x86_64")]
mod vnni;

use super::activation::Curves;
use super::model::{Cell, Matrix};
use super::strip::ZERO;

/// Lines side by side.
pub(super) const LANES: usize = 16;
/// Bytes of four values of all lanes.
pub(super) const QUAD: usize = 4 * LANES;
/// Rows that are summed together.
pub(super) const ROWS: usize = 16;

/// How the curves are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// From the tables of the reference: the same number, bit for bit.
    Exact,
    /// By polynomials, where the kernel has them; some results differ in the last of eight bits.
    Fast,
}

/// Which instructions are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// Those of any machine.
    Portable,
    /// 256 bits wide.
    Avx2,
    /// 512 bits wide, with sums of products of bytes.
    Vnni,
}

impl Kernel {
    /// Every kernel that this machine can run, the fastest first.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                all.insert(0, Self::Avx2);
            }
            let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            if has && is_x86_feature_detected!("avx512vnni") {
                all.insert(0, Self::Vnni);
            }
        }
        all
    }

    /// The fastest that this machine has.
    pub fn best() -> Self {
        Self::all()[0]
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::Vnni => "AVX-512 VNNI",
        }
    }
}

/// Rows of weights as kernels read them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    /// Four bytes of each of sixteen rows, for each four inputs, for each sixteen rows.
    pub(super) words: &'a [u32],
    /// Where the sum of each row starts.
    pub(super) start: &'a [i32],
    /// The same for inputs from which 128 has been taken again.
    pub(super) constant: &'a [i32],
    /// What each row's sum is multiplied by.
    pub(super) scale: &'a [f32],
}

/// The same, kept.
#[derive(Debug, Clone, Default)]
pub(super) struct RowsKept {
    words: Vec<u32>,
    start: Vec<i32>,
    constant: Vec<i32>,
    scale: Vec<f32>,
}

impl RowsKept {
    pub(super) fn as_rows(&self) -> Rows<'_> {
        Rows { words: &self.words, start: &self.start, constant: &self.constant, scale: &self.scale }
    }

    /// True where every kernel computes exact sums.
    pub(super) fn is_exact(inputs: usize) -> bool {
        inputs <= portable::EXACT
    }

    /// An LSTM: four units with their four gates make sixteen rows, gate by gate.
    pub(super) fn of_cell(cell: &Cell) -> Self {
        let rows = (0..cell.units).step_by(4).flat_map(|group| {
            let gates = cell.gates.iter();
            gates.flat_map(move |gate| (group..group + 4).map(move |unit| Some((gate, unit))))
        });
        Self::of(rows, cell.inputs + cell.units)
    }

    /// A plain matrix, filled up with rows of nothing to a multiple of sixteen.
    pub(super) fn of_matrix(matrix: &Matrix) -> Self {
        let rows = (0..matrix.rows.next_multiple_of(ROWS)).map(|row| (row < matrix.rows).then_some((matrix, row)));
        Self::of(rows, matrix.columns - 1)
    }

    /// The convolution: three columns of three taps, each with a fourth that counts nothing.
    pub(super) fn of_taps(taps: &Matrix) -> Self {
        let mut wide = Matrix { rows: taps.rows, columns: 13, weights: Vec::new(), scale: taps.scale.clone() };
        for row in taps.weights.chunks_exact(10) {
            for column in row[..9].chunks_exact(3) {
                wide.weights.extend(column);
                wide.weights.push(0);
            }
            wide.weights.push(row[9]);
        }
        Self::of_matrix(&wide)
    }

    fn of<'a>(rows: impl Iterator<Item = Option<(&'a Matrix, usize)>>, inputs: usize) -> Self {
        let rows: Vec<_> = rows.collect();
        let mut kept = Self::default();
        let weights = |row: &Option<(&'a Matrix, usize)>| {
            row.map_or(&[][..], |(matrix, row)| &matrix.weights[row * matrix.columns..][..matrix.columns])
        };
        for group in rows.chunks_exact(ROWS) {
            for quad in (0..inputs).step_by(4) {
                for row in group {
                    let byte = |at: usize| weights(row).get(quad + at).map_or(0, |w| w.cast_unsigned());
                    kept.words.push(u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]));
                }
            }
        }
        for row in &rows {
            let (inputs, constant) = weights(row).split_at_checked(inputs).unwrap_or_default();
            let sum: i32 = inputs.iter().map(|weight| i32::from(*weight)).sum();
            let constant = constant.first().map_or(0, |constant| i32::from(*constant) * 127);
            kept.constant.push(constant);
            kept.start.push(constant - i32::from(ZERO) * sum);
            kept.scale.push(row.map_or(0.0, |(matrix, row)| matrix.scale[row]));
        }
        kept
    }
}

/// One step of an LSTM: what it is given, what it remembers, what it gives.
#[derive(Debug)]
pub(super) struct Step<'a> {
    /// Inputs of all lanes.
    pub(super) inputs: &'a [u8],
    /// What the layer gave last.
    pub(super) last: &'a [u8],
    /// State of each unit and lane.
    pub(super) state: &'a mut [f32],
    /// What the layer gives now.
    pub(super) outputs: &'a mut [u8],
}

/// A kernel with the curves it needs.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) kernel: Kernel,
    pub(super) precision: Precision,
    pub(super) curves: Curves,
}

impl Engine {
    pub(super) fn new(kernel: Kernel, precision: Precision) -> Self {
        Self { kernel, precision, curves: Curves::new() }
    }

    /// One step of an LSTM.
    pub(super) fn step(&self, rows: Rows<'_>, step: &mut Step<'_>) {
        let units = step.state.len() / LANES;
        let quads = (step.inputs.len() + step.last.len()) / QUAD;
        assert!(
            units.is_multiple_of(4) && step.state.len() == units * LANES && step.outputs.len() == units * LANES,
            "a step's size"
        );
        assert!(step.inputs.len().is_multiple_of(QUAD) && step.last.len() == step.outputs.len(), "a step's inputs");
        assert!(
            rows.start.len() == 4 * units && rows.scale.len() == 4 * units && rows.words.len() == 4 * units * quads,
            "weights"
        );
        assert!(rows.constant.len() == rows.start.len(), "constants");
        match self.kernel {
            Kernel::Portable => portable::step(rows, step, &self.curves),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => avx2::step(rows, step, (&self.curves, self.precision)),
            #[cfg(target_arch = "x86_64")]
            Kernel::Vnni => vnni::step(rows, step, (&self.curves, self.precision)),
            #[cfg(not(target_arch = "x86_64"))]
            Kernel::Avx2 | Kernel::Vnni => portable::step(rows, step, &self.curves),
        }
    }

    /// The scaled sum of every row for every lane.
    pub(super) fn sums(&self, rows: Rows<'_>, inputs: &[u8], sums: &mut [f32]) {
        let count = rows.start.len();
        assert!(rows.constant.len() == count, "constants");
        assert!(count.is_multiple_of(ROWS) && rows.scale.len() == count && sums.len() == count * LANES, "sums");
        assert!(inputs.len().is_multiple_of(QUAD) && rows.words.len() == count * (inputs.len() / QUAD), "weights");
        match self.kernel {
            Kernel::Portable => portable::sums(rows, inputs, sums),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => avx2::sums(rows, inputs, sums),
            #[cfg(target_arch = "x86_64")]
            Kernel::Vnni => vnni::sums(rows, inputs, sums),
            #[cfg(not(target_arch = "x86_64"))]
            Kernel::Avx2 | Kernel::Vnni => portable::sums(rows, inputs, sums),
        }
    }

    /// The sixteen features of the places given (their taps, four bytes a column), after tanh, the greatest of each.
    pub(super) fn pooled(&self, rows: Rows<'_>, places: &[[u32; 3]]) -> [u8; ROWS] {
        assert!(
            rows.start.len() == ROWS && rows.constant.len() == ROWS && rows.scale.len() == ROWS && rows.words.len() == 3 * ROWS,
            "taps"
        );
        match self.kernel {
            Kernel::Portable => portable::pooled(rows, places, &self.curves),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => avx2::pooled(rows, places, &self.curves),
            #[cfg(target_arch = "x86_64")]
            Kernel::Vnni => vnni::pooled(rows, places, (&self.curves, self.precision)),
            #[cfg(not(target_arch = "x86_64"))]
            Kernel::Avx2 | Kernel::Vnni => portable::pooled(rows, places, &self.curves),
        }
    }
}
