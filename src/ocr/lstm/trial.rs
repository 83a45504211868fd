//! Made up for tests: random networks and lines, and model files written byte by byte.

use super::LineImage;
use super::model::{Cell, Matrix, Network};

/// Random numbers that are the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }

    /// Any weight that a model may have, the extreme ones often.
    fn weight(&mut self) -> i8 {
        match self.below(8) {
            0 => 127,
            1 => -127,
            2 => -128,
            _ => self.next() as i8,
        }
    }

    pub(super) fn matrix(&mut self, rows: usize, inputs: usize) -> Matrix {
        let weights = (0..rows * (inputs + 1)).map(|_| self.weight()).collect();
        // Sums of some hundreds of thousands come to a few units.
        let scale = (0..rows).map(|_| (1 + self.below(1000)) as f32 / 40_000_000.0).collect();
        Matrix { rows, columns: inputs + 1, weights, scale }
    }

    fn cell(&mut self, inputs: usize, units: usize) -> Cell {
        Cell { inputs, units, gates: std::array::from_fn(|_| self.matrix(units, inputs + units)) }
    }

    /// A network of few units, of the shape that is known.
    pub(super) fn network(&mut self, [column, first, second, last, classes]: [usize; 5]) -> Network {
        Network {
            height: 12,
            taps: self.matrix(16, 9),
            pool: (3, 3),
            column: self.cell(16, column),
            along: vec![(false, self.cell(column, first)), (true, self.cell(first, second)), (false, self.cell(second, last))],
            output: self.matrix(classes, last),
            null: classes - 1,
            seed: self.below(1 << 30) as i64,
        }
    }

    /// A line of shades, of which every other one has a stretch of one shade, as between words.
    pub(super) fn line(&mut self, width: u32, height: u32) -> LineImage {
        let from = if self.below(2) == 0 { self.below(width as usize + 1) } else { width as usize } as u32;
        let to = from + self.below(60) as u32;
        let shade = |x: u32, random: u64| if (from..to).contains(&x) { 200 } else { random as u8 };
        let gray = (0..width * height).map(|at| shade(at % width, self.next())).collect();
        LineImage { width, height, gray }
    }
}

/// Parts of a model file.
pub(super) struct File(pub(super) Vec<(usize, Vec<u8>)>);

impl File {
    /// A whole small model.
    pub(super) fn small() -> Self {
        let letters = "NULL 0\nJoined 7\n|Broken|0|1 f\na 3\nb 3\n1 8\n";
        let mut recoder = 6_i32.to_le_bytes().to_vec();
        for code in [0, 4, 4, 1, 2, 3] {
            recoder.push(1);
            recoder.extend(1_i32.to_le_bytes());
            recoder.extend(i32::to_le_bytes(code));
        }
        let dawg = |edges: &[u64]| {
            let mut file = 42_i16.to_le_bytes().to_vec();
            file.extend(6_i32.to_le_bytes());
            file.extend((edges.len() as i32).to_le_bytes());
            file.extend(edges.iter().flat_map(|edge| edge.to_le_bytes()));
            file
        };
        // Three bits of letter, three of flags: one word of any kind, the word "ab", any one digit.
        let edge = |letter: u64, flags: u64, next: u64| letter | flags << 3 | next << 6;
        let network = network(&Dice(7).network([4, 4, 8, 4, 5]));
        Self(vec![
            (17, network),
            (18, dawg(&[edge(0, 5, 0)])),
            (19, dawg(&[edge(3, 1, 1), edge(4, 5, 0)])),
            (20, dawg(&[edge(0, 5, 0)])),
            (21, format!("6\n{letters}").into_bytes()),
            (22, recoder),
            (23, b"trial".to_vec()),
        ])
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut file = 24_i32.to_le_bytes().to_vec();
        let mut start = 4 + 24 * 8;
        for place in 0..24 {
            let part = self.0.iter().find(|(at, _)| *at == place);
            file.extend(part.map_or(-1_i64, |_| start).to_le_bytes());
            start += part.map_or(0, |(_, bytes)| bytes.len() as i64);
        }
        file.extend(self.0.iter().flat_map(|(_, bytes)| bytes));
        file
    }
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as i32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn numbers(numbers: &[usize]) -> Vec<u8> {
    numbers.iter().flat_map(|number| (*number as i32).to_le_bytes()).collect()
}

fn node(kind: &str, (inputs, outputs): (usize, usize), rest: &[Vec<u8>]) -> Vec<u8> {
    let head = [vec![0], string(kind), vec![0, 0], numbers(&[0, inputs, outputs, 0]), string(kind)].concat();
    [head, rest.concat()].concat()
}

fn matrix(matrix: &Matrix) -> Vec<u8> {
    let weights: Vec<u8> = matrix.weights.iter().map(|weight| weight.cast_unsigned()).collect();
    // Some files have scales of nothing up to a whole vector's.
    let scales = matrix.rows.next_multiple_of(8);
    let scale = matrix.scale.iter().copied().chain(std::iter::repeat(0.0)).take(scales);
    let scale: Vec<u8> = scale.flat_map(|scale| (f64::from(scale) * 127.0).to_le_bytes()).collect();
    [vec![133], numbers(&[matrix.rows, matrix.columns]), vec![0], weights, numbers(&[scales]), scale].concat()
}

fn cell(kind: &str, cell: &Cell) -> Vec<u8> {
    let gates: Vec<Vec<u8>> = cell.gates.iter().map(matrix).collect();
    node(kind, (cell.inputs, cell.units), &[numbers(&[cell.inputs + cell.units]), gates.concat()])
}

/// A network as the component of a model file.
fn network(network: &Network) -> Vec<u8> {
    let sizes = (network.taps.columns - 1, network.taps.rows);
    let first = [numbers(&[2]), node("Convolve", (1, 9), &[numbers(&[1, 1])]), node("Tanh", sizes, &[matrix(&network.taps)])];
    let mut parts = vec![
        node("Input", (0, 0), &[numbers(&[1, network.height, 0, 1, 0])]),
        node("Series", (1, 16), &first),
        node("Maxpool", (16, 16), &[numbers(&[network.pool.0, network.pool.1])]),
        node("XYTranspose", (16, 16), &[numbers(&[1]), cell("SummLSTM", &network.column)]),
    ];
    for (is_reversed, along) in &network.along {
        let layer = cell("LSTM", along);
        let sizes = (along.inputs, along.units);
        parts.push(if *is_reversed { node("RTLReversed", sizes, &[numbers(&[1]), layer]) } else { layer });
    }
    let sizes = (network.output.columns - 1, network.output.rows);
    parts.push(node("Softmax", sizes, &[matrix(&network.output)]));
    let root = node("Series", (0, 0), &[numbers(&[parts.len()]), parts.concat()]);
    let tail = [numbers(&[65, 1, network.seed as usize, network.null]), vec![0; 12]].concat();
    [root, string("a network"), tail].concat()
}
