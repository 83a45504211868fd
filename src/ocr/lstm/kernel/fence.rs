//! Does anything of the reader leave its buffers, whatever the width of a line? Tests in which every buffer that is asked for,
//! by safe code or by a kernel, lies between closed pages of its own, and is closed for good when it is given back.
#![expect(unsafe_code, reason = "memory is given out, opened and closed by hand")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::forward::Prepared;
use super::super::model::Network;
use super::super::strip::{Noise, Strip};
use super::super::tests::compare;
use super::super::trial::Dice;
use super::*;

/// Gives the buffers of a thread that has said so from fenced memory, those of all others as ever.
struct Fences;

#[global_allocator]
static FENCES: Fences = Fences;

thread_local! {
    /// At which end of its pages a buffer of this thread lies; none where it is not fenced.
    static SIDE: Cell<Option<Side>> = const { Cell::new(None) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Begin,
    End,
}

const PAGE: usize = 4096;
/// Addresses for all buffers of a run; none is given out twice.
const SPACE: usize = 16 << 30;

/// Where they begin, and how many were given out.
static START: OnceLock<usize> = OnceLock::new();
static GIVEN: AtomicUsize = AtomicUsize::new(PAGE);

/// The address of closed memory; 0 where there is none.
fn start() -> usize {
    *START.get_or_init(|| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping that nothing can touch.
        let map = unsafe { libc::mmap(null_mut(), SPACE, libc::PROT_NONE, flags, -1, 0) };
        if map == libc::MAP_FAILED { 0 } else { map.addr() }
    })
}

fn fenced(layout: Layout, side: Side) -> *mut u8 {
    let inner = layout.size().next_multiple_of(PAGE).max(PAGE);
    // A closed page stays behind each buffer; the first stands before all.
    let at = GIVEN.fetch_add(inner + PAGE, Ordering::Relaxed);
    if start() == 0 || at + inner + PAGE > SPACE || layout.align() > PAGE {
        return null_mut();
    }
    let first = std::ptr::with_exposed_provenance_mut::<u8>(start() + at);
    // SAFETY: whole pages inside of the mapping that were given to nobody.
    let answer = unsafe { libc::mprotect(first.cast(), inner, libc::PROT_READ | libc::PROT_WRITE) };
    let offset = if side == Side::End { (inner - layout.size()) / layout.align() * layout.align() } else { 0 };
    if answer == 0 { first.wrapping_add(offset) } else { null_mut() }
}

// SAFETY: what is given out is as long and as aligned as asked for, and belongs to nobody else: the system's, or pages of our own
// that are opened once. It goes back to where it came from, which its address tells.
unsafe impl GlobalAlloc for Fences {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match SIDE.try_with(Cell::get).ok().flatten() {
            Some(side) => fenced(layout, side),
            // SAFETY: as the caller promises.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, buffer: *mut u8, layout: Layout) {
        let start = START.get().copied().unwrap_or(0);
        if start != 0 && (start..start + SPACE).contains(&buffer.addr()) {
            let inner = layout.size().next_multiple_of(PAGE).max(PAGE);
            let first = buffer.wrapping_sub(buffer.addr() % PAGE);
            // SAFETY: the pages that were opened for this buffer; nobody has it any more.
            unsafe {
                libc::madvise(first.cast(), inner, libc::MADV_DONTNEED);
                libc::mprotect(first.cast(), inner, libc::PROT_NONE);
            }
            return;
        }
        // SAFETY: it came from there.
        unsafe { System.dealloc(buffer, layout) }
    }
}

/// What is done between closed pages.
fn between_closed_pages<T>(side: Side, work: impl FnOnce() -> T) -> T {
    SIDE.set(Some(side));
    let done = work();
    SIDE.set(None);
    done
}

/// The labels of lines, read with every buffer fenced: model, tables, lines, values, traces.
fn labels(network: &Network, lines: &[super::super::LineImage], (engine, side): ((Kernel, Precision), Side)) -> Vec<Vec<u16>> {
    between_closed_pages(side, || {
        let engine = Engine::new(engine.0, engine.1);
        let prepared = Prepared::of(network, engine.form()).expect("sixteen features");
        let mut noise = Noise::new(network.seed);
        let strips: Vec<Strip> = lines.iter().map(|line| Strip::of(line, network.height, &mut noise).expect("a strip")).collect();
        prepared.traces(&engine, &strips).iter().map(super::super::trace::Trace::labels).collect()
    })
}

#[test]
fn no_buffer_is_left_whatever_the_width_of_a_line_and_the_number_of_lines() {
    let mut dice = Dice(0xfe4ce);
    let small = dice.network([4, 8, 4, 12, 9]);
    let odd = dice.network([20, 12, 28, 4, 119]);
    // Every small width alone; then widths up to some thousands, in groups of one line to more than run side by side.
    let mut groups: Vec<Vec<u32>> = (1..=70).map(|width| vec![width]).collect();
    for count in [1, 2, 3, 7, 8, 9, 15, 16, 17, 33] {
        groups.push((0..count).map(|_| 1 + dice.below(if count < 4 { 6_000 } else { 400 }) as u32).collect());
    }
    for (nth, widths) in groups.iter().enumerate() {
        let network = if nth % 7 == 0 { &odd } else { &small };
        let lines: Vec<_> = widths.iter().map(|width| dice.line(*width, 12)).collect();
        let mut expected = None;
        for kernel in Kernel::all() {
            for side in [Side::Begin, Side::End] {
                let found = labels(network, &lines, ((kernel, Precision::Exact), side));
                assert_eq!(expected.get_or_insert_with(|| found.clone()), &found, "{kernel:?}, {widths:?}");
                labels(network, &lines, ((kernel, Precision::Fast), side));
            }
        }
    }
    compare(&small, &[dice.line(97, 12)]);
}

#[test]
fn a_buffer_lies_at_the_closed_page_and_keeps_what_is_put_there() {
    for side in [Side::Begin, Side::End] {
        let words = between_closed_pages(side, || (0..5_000_u32).collect::<Vec<u32>>().into_boxed_slice());
        assert!(words.iter().zip(0..).all(|(word, number)| *word == number));
        let (first, behind) = (words.as_ptr().addr(), words.as_ptr().addr() + size_of_val(&*words));
        assert_eq!(if side == Side::Begin { first } else { behind } % PAGE, 0);
        assert!((start()..start() + SPACE).contains(&first), "from the memory with closed pages");
    }
}
