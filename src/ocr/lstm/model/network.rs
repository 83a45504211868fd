//! Of which layers is the network made, and with which weights?
//!
//! Known is the one shape that the Latin models have (`[1,36,0,1 Ct3,3,16 Mp3,3 Lfys64 Lfx96 Lrx96 Lfx192 O1c1]` and its
//! relatives of other sizes, eight-bit weights): convolution 3x3 with tanh, pooling, an LSTM down each column, LSTMs
//! along the line in either direction, softmax. Anything else is an error, and another engine reads.

use super::bytes::{Bytes, Parsed};

/// Most inputs or outputs of a layer; the largest known model has 512.
const WIDTH_MAX: usize = 2048;
/// Most layers inside a layer, and deepest nesting.
const PARTS_MAX: usize = 32;
const DEPTH_MAX: usize = 6;
/// Highest line image; known models have 36 and 48.
const HEIGHT_MAX: usize = 256;

/// Rows of eight-bit weights, one row per output, the last column for a constant input of 1 (127 in eight bits).
#[derive(Debug, Clone, Default)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) weights: Vec<i8>,
    /// What a sum of products of eight-bit numbers is multiplied by.
    pub(crate) scale: Vec<f32>,
}

/// One LSTM: cell input, input gate, forget gate, output gate, each over the inputs and then its own last outputs.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) inputs: usize,
    pub(crate) units: usize,
    pub(crate) gates: [Matrix; 4],
}

/// The whole network.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// Rows of a line image.
    pub(crate) height: usize,
    /// The nine taps of the convolution, columns from left to right, each from top to bottom.
    pub(crate) taps: Matrix,
    /// Columns and rows that pooling makes one.
    pub(crate) pool: (usize, usize),
    /// Runs down each column; its last outputs are kept.
    pub(crate) column: Cell,
    /// Run along the line, from right to left where the flag says so.
    pub(crate) along: Vec<(bool, Cell)>,
    /// Gives one certainty per class.
    pub(crate) output: Matrix,
    /// The class that means nothing.
    pub(crate) null: usize,
    /// Seed of the noise beyond the border of the image.
    pub(crate) seed: i64,
}

enum Node {
    Input { height: usize },
    Series(Vec<Self>),
    Convolve,
    Tanh(Matrix),
    Pool(usize, usize),
    Transposed(Vec<Self>),
    Reversed(Vec<Self>),
    Lstm(Cell),
    Summary(Cell),
    Softmax(Matrix),
}

impl Network {
    pub(super) fn parse(bytes: &[u8]) -> Parsed<Self> {
        const INT_MODE: i32 = 1;
        let mut bytes = Bytes::of(bytes);
        let root = node(&mut bytes, 0)?;
        bytes.string()?;
        let flags = bytes.i32()?;
        bytes.i32()?;
        let seed = i64::from(bytes.i32()?);
        let null = bytes.size(WIDTH_MAX)?;
        bytes.take(12)?;
        if !bytes.is_done() {
            return Err("more than a network");
        }
        if flags & INT_MODE == 0 {
            return Err("weights are not of eight bits");
        }
        let Node::Series(parts) = root else { return Err("not a series of layers") };
        assembled(parts, null, seed)?.checked()
    }

    /// The network where its layers fit together.
    fn checked(self) -> Parsed<Self> {
        let (pool_x, pool_y) = self.pool;
        if pool_x == 0 || pool_y == 0 || pool_x > 8 || pool_y > 8 || self.height < 2 * pool_y || self.height < 3 {
            return Err("sizes of the pooling");
        }
        if self.taps.columns != 10 || self.taps.rows != self.column.inputs {
            return Err("sizes of the convolution");
        }
        let mut width = self.column.units;
        for (_, cell) in &self.along {
            if cell.inputs != width {
                return Err("layers that do not fit");
            }
            width = cell.units;
        }
        if self.output.columns != width + 1 || self.null >= self.output.rows {
            return Err("sizes of the output");
        }
        Ok(self)
    }
}

/// The layers, in the one order that is known.
fn assembled(parts: Vec<Node>, null: usize, seed: i64) -> Parsed<Network> {
    const OTHER: &str = "layers in an order that is not known";
    let mut parts = parts.into_iter();
    let Some(Node::Input { height }) = parts.next() else { return Err(OTHER) };
    let Some(Node::Series(first)) = parts.next() else { return Err(OTHER) };
    let Ok([Node::Convolve, Node::Tanh(taps)]) = <[Node; 2]>::try_from(first) else { return Err(OTHER) };
    let Some(Node::Pool(x, y)) = parts.next() else { return Err(OTHER) };
    let Some(Node::Transposed(down)) = parts.next() else { return Err(OTHER) };
    let Ok([Node::Summary(column)]) = <[Node; 1]>::try_from(down) else { return Err(OTHER) };
    let mut along = Vec::new();
    for part in parts {
        match part {
            Node::Lstm(cell) => along.push((false, cell)),
            Node::Reversed(inner) => {
                let Ok([Node::Lstm(cell)]) = <[Node; 1]>::try_from(inner) else { return Err(OTHER) };
                along.push((true, cell));
            }
            Node::Softmax(output) => {
                return Ok(Network { height, taps, pool: (x, y), column, along, output, null, seed });
            }
            _ => return Err(OTHER),
        }
    }
    Err(OTHER)
}

fn node(bytes: &mut Bytes<'_>, depth: usize) -> Parsed<Node> {
    const LAYER_SPECIFIC_RATES: i32 = 64;
    if depth > DEPTH_MAX {
        return Err("layers nested too deep");
    }
    if bytes.u8()? != 0 {
        return Err("a layer of another form");
    }
    let kind = bytes.string()?;
    bytes.take(2)?;
    let flags = bytes.i32()?;
    let (inputs, outputs) = (bytes.size(WIDTH_MAX)?, bytes.size(WIDTH_MAX)?);
    bytes.i32()?;
    bytes.string()?;
    Ok(match kind {
        b"Series" | b"RTLReversed" | b"XYTranspose" => {
            let count = bytes.count(1, PARTS_MAX)?;
            let parts = (0..count).map(|_| node(bytes, depth + 1)).collect::<Parsed<Vec<_>>>()?;
            if flags & LAYER_SPECIFIC_RATES != 0 {
                let rates = bytes.count(4, PARTS_MAX)?;
                bytes.take(4 * rates)?;
            }
            match kind {
                b"Series" => Node::Series(parts),
                b"RTLReversed" => Node::Reversed(parts),
                _ => Node::Transposed(parts),
            }
        }
        b"Input" => {
            let shape = [bytes.i32()?, bytes.i32()?, bytes.i32()?, bytes.i32()?, bytes.i32()?];
            let height = usize::try_from(shape[1]).ok().filter(|h| (3..=HEIGHT_MAX).contains(h));
            if shape[3] != 1 {
                return Err("an image in colours");
            }
            Node::Input { height: height.ok_or("a height that is not known")? }
        }
        b"Convolve" if (bytes.i32()?, bytes.i32()?) == (1, 1) => Node::Convolve,
        b"Maxpool" => Node::Pool(bytes.size(8)?, bytes.size(8)?),
        b"Tanh" => Node::Tanh(matrix(bytes, inputs, outputs)?),
        b"Softmax" => Node::Softmax(matrix(bytes, inputs, outputs)?),
        b"LSTM" => Node::Lstm(cell(bytes, inputs, outputs)?),
        b"SummLSTM" => Node::Summary(cell(bytes, inputs, outputs)?),
        _ => return Err("a layer that is not known"),
    })
}

fn cell(bytes: &mut Bytes<'_>, inputs: usize, units: usize) -> Parsed<Cell> {
    let both = bytes.size(2 * WIDTH_MAX)?;
    if both != inputs + units || inputs == 0 || units == 0 || !inputs.is_multiple_of(4) || !units.is_multiple_of(4) {
        return Err("an LSTM of sizes that are not known");
    }
    let mut gates: [Matrix; 4] = Default::default();
    for gate in &mut gates {
        *gate = matrix(bytes, both, units)?;
    }
    Ok(Cell { inputs, units, gates })
}

fn matrix(bytes: &mut Bytes<'_>, inputs: usize, outputs: usize) -> Parsed<Matrix> {
    /// Eight-bit weights, scales in double precision.
    const MODE: u8 = 128 | 4 | 1;
    const MODE_UNTRAINED: u8 = 128 | 1;
    const SCALES_TOGETHER: usize = 64;
    if !matches!(bytes.u8()?, MODE | MODE_UNTRAINED) {
        return Err("weights of a form that is not known");
    }
    let (rows, columns) = (bytes.size(WIDTH_MAX)?, bytes.size(2 * WIDTH_MAX + 1)?);
    bytes.u8()?;
    if rows != outputs || columns != inputs + 1 || rows == 0 {
        return Err("a matrix of another size than its layer");
    }
    let weights = bytes.take(rows * columns)?.iter().map(|byte| byte.cast_signed()).collect();
    // Models that were made of those with real weights have scales of nothing behind, up to a whole vector's.
    let scales = bytes.count(8, WIDTH_MAX)?;
    if !(rows..=rows.next_multiple_of(SCALES_TOGETHER)).contains(&scales) {
        return Err("not one scale per row");
    }
    let scale = (0..rows).map(|_| bytes.f64().map(|scale| (scale / 127.0) as f32)).collect::<Parsed<Vec<_>>>()?;
    bytes.take(8 * (scales - rows))?;
    // Pooling before the activation and the comparison of sums are only right where no scale turns the order round.
    if scale.iter().any(|scale| !scale.is_finite() || *scale <= 0.0 || *scale > 1.0) {
        return Err("a scale out of its bounds");
    }
    Ok(Matrix { rows, columns, weights, scale })
}
