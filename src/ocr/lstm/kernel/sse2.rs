//! The sums of the portable kernel on x86-64: compilers do not find by themselves the instruction for pairs of numbers of
//! sixteen bits, which every such processor has.
#![expect(unsafe_code, reason = "vector instructions: loads and stores take pointers")]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_and_si128, _mm_andnot_si128, _mm_cmpgt_epi32, _mm_loadu_si128, _mm_madd_epi16, _mm_or_si128,
    _mm_set1_epi32, _mm_storeu_si128,
};

use super::rows::Wide;
use super::{FOUR, LANES, ROWS, Rows, pairs};

/// Numbers of sixteen bits in one vector, and vectors that make all lanes.
const WIDTH: usize = 8;
const PARTS: usize = 2 * LANES / WIDTH;

/// The sums of four rows over all lanes.
pub(super) fn summed(words: &[u32], start: &[i32; FOUR], wide: &[Wide]) -> [[i32; LANES]; FOUR] {
    // SAFETY: every processor of this architecture has sse2.
    unsafe { summed_with(words, start, wide) }
}

#[target_feature(enable = "sse2")]
fn summed_with(words: &[u32], start: &[i32; FOUR], wide: &[Wide]) -> [[i32; LANES]; FOUR] {
    let mut sums = [[0; LANES]; FOUR];
    // Two rows at a time: more sums than there are registers would live in memory.
    for (two, sums) in sums.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let [mut a0, mut a1, mut a2, mut a3] = [_mm_set1_epi32(start[2 * two]); PARTS];
        let [mut b0, mut b1, mut b2, mut b3] = [_mm_set1_epi32(start[2 * two + 1]); PARTS];
        for (quad, words) in wide.iter().zip(words.as_chunks::<{ 2 * FOUR }>().0) {
            for (inputs, words) in quad.iter().zip(words.as_chunks::<FOUR>().0) {
                let [first, second] = words.as_chunks::<2>().0[two].map(|word| _mm_set1_epi32(word.cast_signed()));
                let [p0, p1, p2, p3] = inputs.as_chunks::<WIDTH>().0 else { continue };
                // SAFETY: each part has the 8 numbers of two bytes that are read; the load needs no alignment.
                let [p0, p1, p2, p3] = [p0, p1, p2, p3].map(|part| unsafe { _mm_loadu_si128(part.as_ptr().cast()) });
                a0 = _mm_add_epi32(a0, _mm_madd_epi16(p0, first));
                a1 = _mm_add_epi32(a1, _mm_madd_epi16(p1, first));
                a2 = _mm_add_epi32(a2, _mm_madd_epi16(p2, first));
                a3 = _mm_add_epi32(a3, _mm_madd_epi16(p3, first));
                b0 = _mm_add_epi32(b0, _mm_madd_epi16(p0, second));
                b1 = _mm_add_epi32(b1, _mm_madd_epi16(p1, second));
                b2 = _mm_add_epi32(b2, _mm_madd_epi16(p2, second));
                b3 = _mm_add_epi32(b3, _mm_madd_epi16(p3, second));
            }
        }
        for (sums, found) in sums.iter_mut().zip([[a0, a1, a2, a3], [b0, b1, b2, b3]]) {
            for (lanes, part) in sums.as_chunks_mut::<4>().0.iter_mut().zip(found) {
                // SAFETY: the array has the 16 bytes that are written; the store needs no alignment.
                unsafe { _mm_storeu_si128(lanes.as_mut_ptr().cast(), part) };
            }
        }
    }
    sums
}

/// The greatest sum of each of sixteen rows over the places given.
pub(super) fn greatest(rows: Rows<'_>, places: &[[u32; 3]]) -> [i32; ROWS] {
    // SAFETY: as for `summed`.
    unsafe { greatest_with(rows, places) }
}

#[target_feature(enable = "sse2")]
fn greatest_with(rows: Rows<'_>, places: &[[u32; 3]]) -> [i32; ROWS] {
    let mut greatest = [i32::MIN; ROWS];
    for (part, greatest) in greatest.as_chunks_mut::<FOUR>().0.iter_mut().enumerate() {
        // SAFETY: each array has the 16 bytes that are read; the load needs no alignment.
        let loaded = |words: &[u32; FOUR]| -> __m128i { unsafe { _mm_loadu_si128(words.as_ptr().cast()) } };
        let mut weights = [_mm_set1_epi32(0); 6];
        for (weights, words) in weights.iter_mut().zip(rows.words.as_chunks::<ROWS>().0) {
            *weights = loaded(&words.as_chunks::<FOUR>().0[part]);
        }
        let start = loaded(&rows.start.as_chunks::<FOUR>().0[part].map(i32::cast_unsigned));
        let mut most = _mm_set1_epi32(i32::MIN);
        for place in places {
            let mut sum = start;
            for (taps, weights) in place.iter().zip(weights.as_chunks::<2>().0) {
                let [first, second] = pairs(*taps).map(|pair| _mm_set1_epi32(pair.cast_signed()));
                sum = _mm_add_epi32(sum, _mm_madd_epi16(first, weights[0]));
                sum = _mm_add_epi32(sum, _mm_madd_epi16(second, weights[1]));
            }
            let is_greater = _mm_cmpgt_epi32(sum, most);
            most = _mm_or_si128(_mm_and_si128(is_greater, sum), _mm_andnot_si128(is_greater, most));
        }
        // SAFETY: the array has the 16 bytes that are written; the store needs no alignment.
        unsafe { _mm_storeu_si128(greatest.as_mut_ptr().cast(), most) };
    }
    greatest
}
