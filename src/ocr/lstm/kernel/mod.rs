//! Who does the arithmetic? The widest instructions that this machine has, over sixteen lines side by side.
//!
//! Everything a kernel touches has one form: values of sixteen lanes, four bytes of each lane together (`[k / 4][lane][k % 4]`),
//! stored with 128 added; weights as `rows` lays them for the kernel. Sums are whole numbers, exact in every kernel.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx_vnni;
#[cfg(test)]
mod fence;
#[cfg(test)]
mod guard;
mod portable;
mod rests;
mod rows;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(target_arch = "x86_64")]
mod vectors;
#[cfg(target_arch = "x86_64")]
mod vnni;

use super::activation::Curves;
use super::strip::ZERO;
pub(super) use rows::Room;
use rows::Rows;
pub(super) use rows::{Form, RowsKept};

/// Lines side by side.
pub(super) const LANES: usize = 16;
/// Bytes of four values of all lanes.
pub(super) const QUAD: usize = 4 * LANES;
/// Rows that are summed together at most, and at least.
pub(super) const ROWS: usize = 16;
const FOUR: usize = 4;

/// How the curves are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// From the tables of the reference: the same number, bit for bit.
    Exact,
    /// By series, as near to the tables as the rounding of their entries: one result in some ten thousand differs in the last
    /// of eight bits.
    Fast,
}

impl Precision {
    /// As it is asked for: `exact`, `fast`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "exact" => Some(Self::Exact),
            "fast" => Some(Self::Fast),
            _ => None,
        }
    }
}

/// Which instructions are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// Those of any machine.
    Portable,
    /// 256 bits wide.
    Avx2,
    /// 256 bits wide, with sums of products of bytes.
    AvxVnni,
    /// 512 bits wide, with sums of products of bytes.
    Vnni,
}

impl Kernel {
    /// Every kernel that this machine can run, the fastest first.
    pub fn all() -> Vec<Self> {
        let kernels = [Self::Vnni, Self::AvxVnni, Self::Avx2, Self::Portable];
        kernels.into_iter().filter(|kernel| Machine::of(*kernel).is_some()).collect()
    }

    /// The fastest that this machine has.
    pub fn best() -> Self {
        Self::all().first().copied().unwrap_or(Self::Portable)
    }

    /// How it computes curves unless it is said. Where there are gathers the tables cost as little as the series, and say what the
    /// plain network says; elsewhere the series saves a quarter, and one line of text in a hundred is another.
    pub fn precision(self) -> Precision {
        match self {
            Self::Vnni | Self::AvxVnni | Self::Avx2 => Precision::Exact,
            Self::Portable => Precision::Fast,
        }
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::AvxVnni => "AVX-VNNI",
            Self::Vnni => "AVX-512 VNNI",
        }
    }

    /// As it is asked for: `portable`, `avx2`, `avx-vnni`, `vnni`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "portable" => Some(Self::Portable),
            "avx2" => Some(Self::Avx2),
            "avx-vnni" => Some(Self::AvxVnni),
            "vnni" => Some(Self::Vnni),
            _ => None,
        }
    }
}

/// What was seen of this machine.
#[derive(Debug, Clone, Copy)]
enum Machine {
    Any,
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    AvxVnni(avx_vnni::AvxVnni),
    #[cfg(target_arch = "x86_64")]
    Vnni(vnni::Vnni),
}

impl Machine {
    /// None where this machine has not what the kernel needs.
    fn of(kernel: Kernel) -> Option<Self> {
        match kernel {
            Kernel::Portable => Some(Self::Any),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => avx2::Avx2::here().map(Self::Avx2),
            #[cfg(target_arch = "x86_64")]
            Kernel::AvxVnni => avx_vnni::AvxVnni::here().map(Self::AvxVnni),
            #[cfg(target_arch = "x86_64")]
            Kernel::Vnni => vnni::Vnni::here().map(Self::Vnni),
            #[cfg(not(target_arch = "x86_64"))]
            Kernel::Avx2 | Kernel::AvxVnni | Kernel::Vnni => None,
        }
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
    /// A kernel's own place for inputs in another form.
    pub(super) room: &'a mut Room,
    /// How many lanes are used, from the first on; others need not be computed.
    pub(super) lanes: usize,
}

/// The states of four units and the place of their outputs.
type Four<'a> = (&'a mut [[f32; LANES]; 4], &'a mut [u8; QUAD]);

/// The units of a layer, four at a time.
fn fours<'a>(step: &'a mut Step<'_>) -> impl Iterator<Item = Four<'a>> {
    let states = step.state.as_chunks_mut::<LANES>().0.as_chunks_mut::<4>().0;
    states.iter_mut().zip(step.outputs.as_chunks_mut::<QUAD>().0)
}

/// A kernel with the curves it needs.
#[derive(Debug)]
pub(super) struct Engine {
    machine: Machine,
    pub(super) kernel: Kernel,
    pub(super) precision: Precision,
    curves: Curves,
}

impl Engine {
    /// The kernel asked for; where this machine cannot run it, the one that every machine can.
    pub(super) fn new(kernel: Kernel, precision: Precision) -> Self {
        let (machine, kernel) = Machine::of(kernel).map_or((Machine::Any, Kernel::Portable), |machine| (machine, kernel));
        Self { machine, kernel, precision, curves: Curves::new() }
    }

    /// How weights lie for this kernel.
    pub(super) fn form(&self) -> Form {
        match self.machine {
            #[cfg(target_arch = "x86_64")]
            Machine::Vnni(_) | Machine::AvxVnni(_) => Form::Bytes,
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2(_) => Form::Doubles,
            Machine::Any => Form::Pairs,
        }
    }

    /// One step of an LSTM.
    pub(super) fn step(&self, rows: Rows<'_>, step: &mut Step<'_>) {
        let units = step.state.len() / LANES;
        let quads = (step.inputs.len() + step.last.len()) / QUAD;
        let is_whole = units.is_multiple_of(4) && step.state.len() == units * LANES && step.outputs.len() == units * LANES;
        assert!(is_whole, "a step's size");
        assert!(step.inputs.len().is_multiple_of(QUAD) && step.last.len() == step.outputs.len(), "a step's inputs");
        assert!(rows.are(self.form(), (4 * units, quads)), "weights");
        self.lay(step.room, [step.inputs, step.last], step.lanes);
        let how = (&self.curves, self.precision);
        match self.machine {
            Machine::Any => portable::step(rows, step, how),
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2(machine) => machine.step(rows, step, how),
            #[cfg(target_arch = "x86_64")]
            Machine::AvxVnni(machine) => machine.step(rows, step, how),
            #[cfg(target_arch = "x86_64")]
            Machine::Vnni(machine) => machine.step(rows, step, how),
        }
    }

    /// Puts inputs to the kernel's own place, where it wants them otherwise.
    fn lay(&self, room: &mut Room, runs: [&[u8]; 2], lanes: usize) {
        match self.form() {
            Form::Bytes => {}
            Form::Pairs => room.widen(runs),
            Form::Doubles => room.gather(runs, lanes),
        }
    }

    /// The scaled sum of every row for every lane used.
    pub(super) fn sums(&self, rows: Rows<'_>, (inputs, lanes): (&[u8], usize), (sums, room): (&mut [f32], &mut Room)) {
        assert!(inputs.len().is_multiple_of(QUAD) && sums.len().is_multiple_of(LANES), "inputs and sums");
        assert!(rows.are(self.form(), (sums.len() / LANES, inputs.len() / QUAD)), "weights");
        self.lay(room, [inputs, &[]], lanes);
        match self.machine {
            Machine::Any => portable::sums(rows, &room.wide, sums),
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2(machine) => machine.sums(rows, room, sums),
            #[cfg(target_arch = "x86_64")]
            Machine::AvxVnni(machine) => machine.sums(rows, inputs, sums),
            #[cfg(target_arch = "x86_64")]
            Machine::Vnni(machine) => machine.sums(rows, (inputs, lanes), sums),
        }
    }

    /// The sixteen features of the places given (their taps, four bytes a column), after tanh, the greatest of each.
    pub(super) fn pooled(&self, rows: Rows<'_>, places: &[[u32; 3]]) -> [u8; ROWS] {
        assert!(rows.are_taps(self.form()), "taps");
        let features = match self.machine {
            Machine::Any => portable::pooled(rows, places, &self.curves),
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2(machine) => machine.pooled(rows, places, (&self.curves, self.precision)),
            #[cfg(target_arch = "x86_64")]
            Machine::AvxVnni(machine) => machine.pooled(rows, places, (&self.curves, self.precision)),
            #[cfg(target_arch = "x86_64")]
            Machine::Vnni(machine) => machine.pooled(rows, places, (&self.curves, self.precision)),
        };
        features.map(|feature| feature as u8)
    }
}

/// Four bytes with 128 added as numbers of sixteen bits: the first and the third, the second and the fourth.
#[inline]
fn pairs(bytes: u32) -> [u32; 2] {
    let pair = |bytes: u32| {
        let bytes = bytes & 0x00FF_00FF;
        let low = (bytes & 0xFFFF).wrapping_sub(u32::from(ZERO)) & 0xFFFF;
        let high = (bytes >> 16).wrapping_sub(u32::from(ZERO)) << 16;
        low | high
    };
    [pair(bytes), pair(bytes >> 8)]
}
