//! The sums of many rows over all lanes: 32 products of bytes in one instruction, added two and two in sixteen bits.
#![expect(unsafe_code, reason = "vector instructions: loads and stores take pointers")]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_permute2x128_si256, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256,
    _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

use super::super::rests::Rest;
use super::super::rows::{BLOCK, EIGHT, Eight, Halves};
use super::super::{FOUR, LANES, Room};

/// The sums of the rows of a block, in their own order.
pub(super) type Sums = [[i32; LANES]; BLOCK];
/// Room for them.
pub(super) const EMPTY: Sums = [[0; LANES]; BLOCK];

/// Puts the sums of rows where they belong; of lanes not used, anything.
#[target_feature(enable = "avx2,fma")]
pub(super) fn fill<'a>(sums: &mut Sums, eights: impl Iterator<Item = Eight<'a>>, room: &Room) {
    for rows in eights {
        if room.are_few {
            put(sums, rows.places, 0, of_few(&rows, &room.quads));
        } else if room.are_both {
            let ([first, behind], [places, others]) = (rows.start.as_chunks().0, rows.places.as_chunks().0) else { continue };
            let [left, right] = of_four::<0>(&rows, first, &room.quads);
            put(sums, places, 0, left);
            put(sums, places, 1, right);
            let [left, right] = of_four::<FOUR>(&rows, behind, &room.quads);
            put(sums, others, 0, left);
            put(sums, others, 1, right);
        } else {
            put(sums, rows.places, 0, of_eight(&rows, &room.quads));
        }
    }
}

/// Puts the sums of half of the lanes in their places.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn put<const ROWS: usize>(sums: &mut Sums, places: &[u8; ROWS], half: usize, rows: [__m256i; ROWS]) {
    for (place, row) in places.iter().zip(rows) {
        if let Some(sum) = sums.get_mut(usize::from(*place)) {
            let lanes = &mut sum.as_chunks_mut::<{ LANES / 2 }>().0[half];
            // SAFETY: the array has the 32 bytes that are written; the store needs no alignment.
            unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), row) };
        }
    }
}

/// Four bytes of each of eight lanes.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn loaded(half: &[u8; 32]) -> __m256i {
    // SAFETY: the array has the 32 bytes that are read; the load needs no alignment.
    unsafe { _mm256_loadu_si256(half.as_ptr().cast()) }
}

/// Eight products of each of eight lanes, added.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn products(first: __m256i, second: __m256i, (word, more): (__m256i, __m256i)) -> __m256i {
    let two = _mm256_add_epi16(_mm256_maddubs_epi16(first, word), _mm256_maddubs_epi16(second, more));
    _mm256_madd_epi16(two, _mm256_set1_epi16(1))
}

/// The same word in all lanes.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn spread(word: u32) -> __m256i {
    _mm256_set1_epi32(word.cast_signed())
}

/// A row's sums over both halves of the lanes, with eight products more.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn more([left, right]: [__m256i; 2], [first, second]: [[__m256i; 2]; 2], (word, more): (u32, u32)) -> [__m256i; 2] {
    let words = (spread(word), spread(more));
    let [left_products, right_products] = [products(first[0], second[0], words), products(first[1], second[1], words)];
    [_mm256_add_epi32(left, left_products), _mm256_add_epi32(right, right_products)]
}

/// A row's sums over both halves of the lanes, with what its weights have left for two quads; the same where there is no such quad.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn with_rest(sums: [__m256i; 2], Rest { quads: [first, second], words }: &Rest, quads: &[Halves]) -> [__m256i; 2] {
    let (Some(first), Some(second)) = (quads.get(*first as usize), quads.get(*second as usize)) else { return sums };
    let inputs = [[loaded(&first[0]), loaded(&first[1])], [loaded(&second[0]), loaded(&second[1])]];
    more(sums, inputs, (words[0], words[1]))
}

/// The sums of four of eight rows, the first or the last, over all lanes: of the first half of the lanes, and of the second.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn of_four<const FROM: usize>(rows: &Eight<'_>, start: &[i32; FOUR], quads: &[Halves]) -> [[__m256i; FOUR]; 2] {
    let [s0, s1, s2, s3] = start.map(|start| _mm256_set1_epi32(start));
    let (mut a, mut b, mut c, mut d) = ([s0, s0], [s1, s1], [s2, s2], [s3, s3]);
    for [r0, r1, r2, r3] in rows.rests[FROM / FOUR] {
        a = with_rest(a, r0, quads);
        b = with_rest(b, r1, quads);
        c = with_rest(c, r2, quads);
        d = with_rest(d, r3, quads);
    }
    for ([first, second], words) in quads.as_chunks::<2>().0.iter().zip(rows.words.as_chunks::<{ 2 * EIGHT }>().0) {
        let inputs = [[loaded(&first[0]), loaded(&first[1])], [loaded(&second[0]), loaded(&second[1])]];
        a = more(a, inputs, (words[FROM], words[EIGHT + FROM]));
        b = more(b, inputs, (words[FROM + 1], words[EIGHT + FROM + 1]));
        c = more(c, inputs, (words[FROM + 2], words[EIGHT + FROM + 2]));
        d = more(d, inputs, (words[FROM + 3], words[EIGHT + FROM + 3]));
    }
    [[a[0], b[0], c[0], d[0]], [a[1], b[1], c[1], d[1]]]
}

/// The sums of eight rows over the first half of the lanes.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn of_eight(rows: &Eight<'_>, quads: &[Halves]) -> [__m256i; EIGHT] {
    let mut sums = started(rows, quads);
    for ([[first, _], [second, _]], words) in quads.as_chunks::<2>().0.iter().zip(rows.words.as_chunks::<{ 2 * EIGHT }>().0) {
        let (first, second) = (loaded(first), loaded(second));
        for ((sum, word), more) in sums.iter_mut().zip(words).zip(&words[EIGHT..]) {
            *sum = _mm256_add_epi32(*sum, products(first, second, (spread(*word), spread(*more))));
        }
    }
    sums
}

/// The sums of eight rows over the first half of the lanes start with what is left of some of their weights.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn started(rows: &Eight<'_>, quads: &[Halves]) -> [__m256i; EIGHT] {
    let mut sums = rows.start.map(|start| _mm256_set1_epi32(start));
    for (sums, rests) in sums.as_chunks_mut::<FOUR>().0.iter_mut().zip(rows.rests) {
        for (sum, rest) in rests.iter().flat_map(|rests| (0..).zip(rests)) {
            let [first, second] = rest.quads.map(|quad| quads.get(quad as usize));
            if let (Some([first, _]), Some([second, _])) = (first, second) {
                let words = (spread(rest.words[0]), spread(rest.words[1]));
                sums[sum] = _mm256_add_epi32(sums[sum], products(loaded(first), loaded(second), words));
            }
        }
    }
    sums
}

/// The same where few lanes are used: the rows run side by side, lane after lane. What it gives of other lanes means nothing.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn of_few(rows: &Eight<'_>, quads: &[Halves]) -> [__m256i; EIGHT] {
    let zero = _mm256_setzero_si256();
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    for ([[first, _], [second, _]], words) in quads.as_chunks::<2>().0.iter().zip(rows.words.as_chunks::<{ 2 * EIGHT }>().0) {
        let [words, more] = words.as_chunks::<EIGHT>().0 else { continue };
        // SAFETY: each array has the 32 bytes that are read; the load needs no alignment.
        let weights = unsafe { [_mm256_loadu_si256(words.as_ptr().cast()), _mm256_loadu_si256(more.as_ptr().cast())] };
        let ([a0, b0, c0, d0, ..], [a1, b1, c1, d1, ..]) = (first.as_chunks::<4>().0, second.as_chunks::<4>().0) else {
            continue;
        };
        a = _mm256_add_epi32(a, of_lane([*a0, *a1], weights));
        b = _mm256_add_epi32(b, of_lane([*b0, *b1], weights));
        c = _mm256_add_epi32(c, of_lane([*c0, *c1], weights));
        d = _mm256_add_epi32(d, of_lane([*d0, *d1], weights));
    }
    // Rows become lanes: of each vector, the lanes of one row, and behind them those of the fourth next.
    let (low, high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let (other_low, other_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    let four = [
        _mm256_unpacklo_epi64(low, other_low),
        _mm256_unpackhi_epi64(low, other_low),
        _mm256_unpacklo_epi64(high, other_high),
        _mm256_unpackhi_epi64(high, other_high),
    ];
    let mut sums = started(rows, quads);
    let [first, behind] = sums.as_chunks_mut::<4>().0 else { return sums };
    for ((sum, other), rows) in first.iter_mut().zip(behind).zip(four) {
        *sum = _mm256_add_epi32(*sum, rows);
        *other = _mm256_add_epi32(*other, _mm256_permute2x128_si256::<0x11>(rows, rows));
    }
    sums
}

/// Eight products of each of eight rows, added, of the bytes of one lane.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn of_lane(bytes: [[u8; 4]; 2], [weights, more]: [__m256i; 2]) -> __m256i {
    let [first, second] = bytes.map(u32::from_le_bytes);
    products(spread(first), spread(second), (weights, more))
}
