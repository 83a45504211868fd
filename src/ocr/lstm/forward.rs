//! How does the network run fast? Over packed lines, layer after layer, each step of sixteen lanes at once.

use super::kernel::{Engine, Form, LANES, QUAD, ROWS, Room, RowsKept, Step};
use super::model::{Cell, Network};
use super::pack::Packing;
use super::strip::{Strip, ZERO};
use super::trace::Trace;

/// A network whose weights lie as the kernels want them.
#[derive(Debug)]
pub(super) struct Prepared {
    pool: (usize, usize),
    taps: RowsKept,
    column: Layer,
    along: Vec<(bool, Layer)>,
    output: RowsKept,
    pub(super) classes: usize,
    pub(super) null: usize,
    pub(super) height: usize,
}

#[derive(Debug)]
struct Layer {
    rows: RowsKept,
    units: usize,
}

impl Layer {
    fn of(cell: &Cell, form: Form) -> Self {
        Self { rows: RowsKept::of_cell(cell, form), units: cell.units }
    }
}

/// Values of one layer: for each step, four values of each lane, for each four of the layer.
struct Values {
    /// Bytes of one step.
    size: usize,
    bytes: Vec<u8>,
}

impl Values {
    fn new(steps: usize, width: usize) -> Self {
        let size = width * LANES;
        Self { size, bytes: vec![ZERO; steps * size] }
    }

    fn at(&self, step: usize) -> &[u8] {
        &self.bytes[step * self.size..][..self.size]
    }
}

impl Prepared {
    /// None where the convolution has not the sixteen features that kernels know.
    pub(super) fn of(network: &Network, form: Form) -> Option<Self> {
        (network.taps.rows == ROWS).then(|| Self {
            pool: network.pool,
            taps: RowsKept::of_taps(&network.taps, form),
            column: Layer::of(&network.column, form),
            along: network.along.iter().map(|(is_reversed, cell)| (*is_reversed, Layer::of(cell, form))).collect(),
            output: RowsKept::of_matrix(&network.output, form),
            classes: network.output.rows,
            null: network.null,
            height: network.height,
        })
    }

    /// Columns of a strip in one step.
    pub(super) fn step(&self) -> usize {
        self.pool.0
    }

    /// Steps that a strip takes.
    pub(super) fn steps(&self, strip: &Strip) -> usize {
        strip.steps(self.pool.0)
    }

    /// What the network says of each strip.
    pub(super) fn traces(&self, engine: &Engine, strips: &[Strip]) -> Vec<Trace> {
        let lengths: Vec<usize> = strips.iter().map(|strip| self.steps(strip)).collect();
        let packing = Packing::of(&lengths);
        let mut values = self.columns(engine, strips, &packing);
        for (is_reversed, layer) in &self.along {
            values = along(engine, layer, &values, (&packing, *is_reversed));
        }
        self.outputs(engine, &values, (&packing, strips.len()))
    }

    /// The values of the first layers: each column by itself, sixteen columns side by side.
    fn columns(&self, engine: &Engine, strips: &[Strip], packing: &Packing) -> Values {
        let rows = self.height / self.pool.1;
        let units = self.column.units;
        let mut values = Values::new(packing.steps, units);
        let places = packing.places.iter();
        let all: Vec<_> = places.flat_map(|place| (0..place.steps).map(move |step| (place, step))).collect();
        let mut features = vec![ZERO; rows * ROWS * LANES];
        let mut around = vec![[0_u32; 3]; self.pool.0 * self.pool.1];
        let mut state = vec![0.0; units * LANES];
        let (mut last, mut next, mut room) = (vec![ZERO; units * LANES], vec![ZERO; units * LANES], Room::default());
        for some in all.chunks(LANES) {
            for (lane, (place, step)) in some.iter().enumerate() {
                self.features(engine, (&strips[place.line], *step), &mut around, (&mut features, lane));
            }
            state.fill(0.0);
            last.fill(ZERO);
            for inputs in features.chunks_exact(ROWS * LANES) {
                let (room, lanes) = (&mut room, some.len());
                let mut step = Step { inputs, last: &last, state: &mut state, outputs: &mut next, room, lanes };
                engine.step(self.column.rows.as_rows(), &mut step);
                std::mem::swap(&mut last, &mut next);
            }
            for (lane, (place, step)) in some.iter().enumerate() {
                let size = values.size;
                let column = &mut values.bytes[(place.start + step) * size..][..size];
                for (to, from) in column.as_chunks_mut::<QUAD>().0.iter_mut().zip(last.as_chunks::<QUAD>().0) {
                    to[4 * place.lane..][..4].copy_from_slice(&from[4 * lane..][..4]);
                }
            }
        }
        values
    }

    /// The features of one column of pooled places, into one lane.
    fn features(
        &self,
        engine: &Engine,
        (strip, column): (&Strip, usize),
        places: &mut [[u32; 3]],
        (features, lane): (&mut [u8], usize),
    ) {
        let (pool_x, pool_y) = self.pool;
        for (y, features) in features.chunks_exact_mut(ROWS * LANES).enumerate() {
            let seen = inner_taps(strip, (column * pool_x, y * pool_y), self.pool, places).unwrap_or_else(|| {
                for (at, place) in places.iter_mut().enumerate() {
                    *place = taps(strip, column * pool_x + at / pool_y, y * pool_y + at % pool_y);
                }
                places.len()
            });
            let found = engine.pooled(self.taps.as_rows(), &places[..seen]);
            for (to, from) in features.as_chunks_mut::<QUAD>().0.iter_mut().zip(found.as_chunks::<4>().0) {
                to[4 * lane..][..4].copy_from_slice(from);
            }
        }
    }

    /// The certainties, as traces of the lines.
    fn outputs(&self, engine: &Engine, values: &Values, (packing, count): (&Packing, usize)) -> Vec<Trace> {
        let mut traces: Vec<Trace> = (0..count).map(|_| Trace::default()).collect();
        let mut order: Vec<_> = packing.places.iter().collect();
        order.sort_by_key(|place| place.start);
        let mut coming = order.into_iter().peekable();
        let mut running = [None; LANES];
        let mut room = Room::default();
        let mut sums = vec![0.0_f32; self.classes.next_multiple_of(ROWS) * LANES];
        for step in 0..packing.steps {
            while let Some(place) = coming.next_if(|place| place.start == step) {
                running[place.lane] = Some(place);
            }
            engine.sums(self.output.as_rows(), (values.at(step), packing.lanes), (&mut sums, &mut room));
            let classes = &mut sums.as_chunks_mut::<LANES>().0[..self.classes];
            super::trace::softmax(classes);
            let lanes = running.map(|place| place.filter(|place| step < place.start + place.steps).map(|place| place.line));
            super::trace::push(&mut traces, lanes, classes, self.null);
        }
        traces
    }
}

/// What the convolution sees around nine places that are pooled, from one reading of their five columns, and how many of the
/// places must be looked at: one where all is of one shade, as between letters. None where a place is at the border or others than
/// nine are pooled.
fn inner_taps(strip: &Strip, (x, y): (usize, usize), pool: (usize, usize), places: &mut [[u32; 3]]) -> Option<usize> {
    /// The five bytes of a column that are looked at.
    const FIVE: u64 = 0xFF_FFFF_FFFF;
    let is_inner = x > 0 && y > 0 && x + 3 < strip.width && y + 3 < strip.height;
    let places = <&mut [[u32; 3]; 9]>::try_from(places).ok()?;
    if !is_inner || pool != (3, 3) {
        return None;
    }
    let column = |at: usize| {
        let from = (x + at - 1) * strip.height + y - 1;
        strip.pixels[from..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
    };
    let columns = [column(0), column(1), column(2), column(3), column(4)];
    for (at, place) in places.iter_mut().enumerate() {
        let (right, down) = (at / 3, at % 3);
        *place = [0, 1, 2].map(|next| (columns[right + next] >> (8 * down)) as u32);
    }
    let shade = (columns[0] & 0xFF) * (FIVE / 0xFF);
    Some(if columns.iter().all(|column| column & FIVE == shade) { 1 } else { places.len() })
}

/// What the convolution sees around a place, four bytes a column.
fn taps(strip: &Strip, x: usize, y: usize) -> [u32; 3] {
    if let Some(edge) = strip.edge(x, y) {
        let columns = strip.edges[edge].as_chunks::<4>().0;
        return std::array::from_fn(|column| u32::from_le_bytes(columns[column]));
    }
    std::array::from_fn(|column| {
        let from = (x + column - 1) * strip.height + y - 1;
        strip.pixels[from..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
    })
}

/// One LSTM along all lanes, from left to right or from right to left; it starts from rest with each line.
fn along(engine: &Engine, layer: &Layer, inputs: &Values, (packing, is_reversed): (&Packing, bool)) -> Values {
    let mut outputs = Values::new(packing.steps, layer.units);
    let mut state = vec![0.0; layer.units * LANES];
    let (mut last, mut room) = (vec![ZERO; outputs.size], Room::default());
    for at in 0..packing.steps {
        let (step, fresh) = if is_reversed {
            let step = packing.steps - 1 - at;
            (step, packing.ends[step])
        } else {
            (at, packing.begins[at])
        };
        for lane in (0..LANES).filter(|lane| fresh >> lane & 1 == 1) {
            state.iter_mut().skip(lane).step_by(LANES).for_each(|state| *state = 0.0);
            last.as_chunks_mut::<QUAD>().0.iter_mut().for_each(|quad| quad[4 * lane..][..4].fill(ZERO));
        }
        let to = &mut outputs.bytes[step * outputs.size..][..outputs.size];
        let state = &mut state[..];
        let (room, lanes) = (&mut room, packing.lanes);
        let mut now = Step { inputs: inputs.at(step), last: &last, state, outputs: to, room, lanes };
        engine.step(layer.rows.as_rows(), &mut now);
        last.copy_from_slice(to);
    }
    outputs
}
