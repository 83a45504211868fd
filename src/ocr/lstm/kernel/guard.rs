//! Do kernels keep to their buffers? Tests with buffers that end, or begin, at a page that cannot be touched: one byte
//! beyond ends the process.
#![expect(unsafe_code, reason = "pages are mapped and closed by hand")]

use std::ptr::NonNull;

use super::super::model::Cell;
use super::super::trial::Dice;
use super::rests::Rest;
use super::*;

/// A buffer between two pages that cannot be touched, pressed to the one behind it or to the one before it.
struct Guarded<T> {
    map: NonNull<libc::c_void>,
    bytes: usize,
    first: NonNull<T>,
    count: usize,
}

const PAGE: usize = 4096;

impl<T: Copy> Guarded<T> {
    fn of(values: &[T], is_at_end: bool) -> Self {
        let size = size_of_val(values);
        let inner = size.next_multiple_of(PAGE);
        let bytes = inner + 2 * PAGE;
        // SAFETY: a fresh mapping of `bytes`; the first and the last page of it are closed; the values go to the pages
        // between, which are as long as the values or longer, aligned to T because both ends of a page are.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let map = libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            assert!(map != libc::MAP_FAILED, "no memory for a test");
            assert_eq!(libc::mprotect(map, PAGE, libc::PROT_NONE), 0);
            assert_eq!(libc::mprotect(map.byte_add(PAGE + inner), PAGE, libc::PROT_NONE), 0);
            let first = map.byte_add(PAGE + if is_at_end { inner - size } else { 0 }).cast::<T>();
            std::ptr::copy_nonoverlapping(values.as_ptr(), first, values.len());
            let map = NonNull::new(map).expect("a mapping");
            Self { map, bytes, first: NonNull::new(first).expect("a place in it"), count: values.len() }
        }
    }

    fn get(&mut self) -> &mut [T] {
        // SAFETY: `count` values were put there; the borrow of self is the only way to them.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.count) }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: mapped in `of` with this length, unmapped only here.
        unsafe { libc::munmap(self.map.as_ptr(), self.bytes) };
    }
}

/// Rows with every array between closed pages.
struct GuardedRows {
    form: Form,
    words: Guarded<u32>,
    start: Guarded<i32>,
    scale: Guarded<f32>,
    places: Guarded<u8>,
    rests: Guarded<[Rest; FOUR]>,
    ends: Guarded<u32>,
}

impl GuardedRows {
    fn of(rows: &RowsKept, is_at_end: bool) -> Self {
        let Rows { form, words, start, scale, places, rests, ends } = rows.as_rows();
        let (words, ends) = (Guarded::of(words, is_at_end), Guarded::of(ends, is_at_end));
        let (start, scale) = (Guarded::of(start, is_at_end), Guarded::of(scale, is_at_end));
        let (places, rests) = (Guarded::of(places, is_at_end), Guarded::of(rests, is_at_end));
        Self { form, words, start, scale, places, rests, ends }
    }

    fn as_rows(&mut self) -> Rows<'_> {
        let (words, start, scale) = (self.words.get(), self.start.get(), self.scale.get());
        let (places, rests, ends) = (self.places.get(), self.rests.get(), self.ends.get());
        Rows { form: self.form, words, start, scale, places, rests, ends }
    }
}

fn bytes(dice: &mut Dice, count: usize) -> Vec<u8> {
    (0..count).map(|_| 1 + dice.below(255) as u8).collect()
}

/// Lanes used, all of them first.
const LANES_USED: [usize; 6] = [LANES, 9, 8, 5, 4, 1];

/// What of `values`, `each` side by side for each lane, is of a lane in use.
fn used<T: Copy>(values: &[T], each: usize, lanes: usize) -> Vec<T> {
    values.chunks_exact(each * LANES).flat_map(|all| &all[..each * lanes]).copied().collect()
}

/// Every kernel, both precisions, buffers at either end.
fn engines() -> impl Iterator<Item = (Engine, bool)> {
    let ways = [(Precision::Exact, true), (Precision::Exact, false), (Precision::Fast, true), (Precision::Fast, false)];
    Kernel::all().into_iter().flat_map(move |kernel| ways.map(|(precision, end)| (Engine::new(kernel, precision), end)))
}

#[test]
fn no_kernel_leaves_the_buffers_of_a_step() {
    let mut dice = Dice(0x9a4d);
    for (inputs, units) in [(4, 4), (8, 4), (4, 8), (16, 12), (16, 64), (20, 28), (4, 16), (96, 96), (36, 132)] {
        let gates = std::array::from_fn(|_| dice.matrix(units, inputs + units));
        let cell = Cell { inputs, units, gates };
        let (given, last) = (bytes(&mut dice, inputs * LANES), bytes(&mut dice, units * LANES));
        let state: Vec<f32> = (0..units * LANES).map(|_| dice.below(200) as f32 - 100.0).collect();
        let mut expected = None;
        for (engine, end) in engines() {
            for lanes in LANES_USED {
                let mut rows = GuardedRows::of(&RowsKept::of_cell(&cell, engine.form()), end);
                let (mut given, mut last) = (Guarded::of(&given, end), Guarded::of(&last, end));
                let (mut state, mut outputs) = (Guarded::of(&state, end), Guarded::of(&vec![0_u8; units * LANES], end));
                let (inputs, last, outputs_now) = (given.get(), last.get(), outputs.get());
                let room = &mut Room::default();
                let step = &mut Step { inputs, last, state: state.get(), outputs: outputs_now, room, lanes };
                engine.step(rows.as_rows(), step);
                if engine.precision == Precision::Exact {
                    let expected: &(Vec<u8>, Vec<f32>) =
                        expected.get_or_insert_with(|| (outputs.get().to_vec(), state.get().to_vec()));
                    // Four bytes of each lane, and one number.
                    assert_eq!(used(&expected.0, 4, lanes), used(outputs.get(), 4, lanes), "{:?}, {lanes}", engine.kernel);
                    assert_eq!(used(&expected.1, 1, lanes), used(state.get(), 1, lanes), "{:?}, {lanes}", engine.kernel);
                }
            }
        }
    }
}

#[test]
fn no_kernel_leaves_the_buffers_of_sums_or_of_the_convolution() {
    let mut dice = Dice(0x5c4e);
    for (count, inputs) in [(1, 4), (16, 4), (17, 8), (31, 64), (119, 192), (140, 128), (512, 20)] {
        let matrix = dice.matrix(count, inputs);
        let given = bytes(&mut dice, inputs * LANES);
        let mut expected = None;
        for (engine, end) in engines() {
            for lanes in LANES_USED {
                let mut rows = GuardedRows::of(&RowsKept::of_matrix(&matrix, engine.form()), end);
                let mut given = Guarded::of(&given, end);
                let mut sums = Guarded::of(&vec![0.0_f32; count.next_multiple_of(ROWS) * LANES], end);
                engine.sums(rows.as_rows(), (given.get(), lanes), (sums.get(), &mut Room::default()));
                let expected: &Vec<f32> = expected.get_or_insert_with(|| sums.get().to_vec());
                assert_eq!(used(expected, 1, lanes), used(sums.get(), 1, lanes), "{:?}, {lanes}", engine.kernel);
            }
        }
    }
    let taps = dice.matrix(ROWS, 9);
    for count in [0, 1, 2, 4, 9, 64] {
        let tap = |dice: &mut Dice| [0; 3].map(|_: u32| u32::from_le_bytes([0; 4].map(|_: u8| 1 + dice.below(255) as u8)));
        let places: Vec<[u32; 3]> = (0..count).map(|_| tap(&mut dice)).collect();
        let mut expected = None;
        for (engine, end) in engines() {
            let mut rows = GuardedRows::of(&RowsKept::of_taps(&taps, engine.form()), end);
            let mut places = Guarded::of(&places, end);
            let found = engine.pooled(rows.as_rows(), places.get());
            if engine.precision == Precision::Exact {
                assert_eq!(*expected.get_or_insert(found), found, "{:?}", engine.kernel);
            }
        }
    }
}

/// Not a promise but a judge's trial: `scripts/sanitize` runs it first, and goes on only if it is caught.
#[test]
#[ignore = "a planted error, for a sanitizer to find"]
fn planted_error() {
    let bytes = bytes(&mut Dice(1), 64);
    let behind = std::hint::black_box(bytes.as_ptr());
    // SAFETY: none, on purpose: one byte behind the buffer is read.
    println!("{}", unsafe { behind.add(bytes.len()).read_volatile() });
}
