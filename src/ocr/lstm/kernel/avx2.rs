//! The kernel of machines with AVX2: eight lanes at a time, 32 products of bytes in one instruction, added two and two in sixteen
//! bits (`rows.rs` sees to it that they never run over).
#![expect(unsafe_code, reason = "vector instructions: loads, stores and gathers take pointers")]
#![expect(clippy::inline_always, reason = "a machine's instructions are only made in functions that may use them, in one piece")]

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_add_epi16, _mm256_add_epi32, _mm256_add_ps,
    _mm256_and_ps, _mm256_andnot_ps, _mm256_blendv_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_castsi256_ps,
    _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_cvttps_epi32, _mm256_div_ps, _mm256_extracti128_si256,
    _mm256_floor_ps, _mm256_fmadd_ps, _mm256_i32gather_pd, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_max_epi32, _mm256_max_ps, _mm256_min_epu32, _mm256_min_ps, _mm256_mul_ps, _mm256_or_ps,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_permute4x64_pd, _mm256_round_ps, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_setzero_si256, _mm256_shuffle_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_storeu_si256,
    _mm256_sub_ps, _mm256_testz_si256, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64,
};

use super::super::activation::{Curve, Curves, ENTRIES};
use super::rows::{EIGHT, Eight, Half, Rest};
use super::vectors::{self, Vectors, byte, gates, parts, tanh, unit};
use super::{LANES, Precision, ROWS, Room, Rows, Step, fours};

/// A machine that has avx2 and fma.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

/// Vectors that make all lanes.
pub(super) const HALVES: usize = 2;

impl Avx2 {
    /// This machine, if it has them.
    pub(super) fn here() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    pub(super) fn step(self, rows: Rows<'_>, step: &mut Step<'_>, (curves, precision): (&Curves, Precision)) {
        // SAFETY: a value of this type is only made where the machine has the instructions.
        unsafe {
            match precision {
                Precision::Exact => step_with::<false>(self, rows, step, curves),
                Precision::Fast => step_with::<true>(self, rows, step, curves),
            }
        }
    }

    pub(super) fn sums(self, rows: Rows<'_>, room: &Room, sums: &mut [f32]) {
        // SAFETY: as for `step`.
        unsafe { sums_with(self, rows, room, sums) }
    }

    pub(super) fn pooled(self, rows: Rows<'_>, places: &[[u32; 3]], (curves, precision): (&Curves, Precision)) -> [u32; ROWS] {
        // SAFETY: as for `step`.
        unsafe {
            match precision {
                Precision::Exact => pooled_with::<false>(self, rows, places, curves),
                Precision::Fast => pooled_with::<true>(self, rows, places, curves),
            }
        }
    }
}

/// Eight bytes of each of eight lanes, four by four.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn loaded([first, second]: &Half) -> [__m256i; 2] {
    // SAFETY: each array has the 32 bytes that are read; the load needs no alignment.
    unsafe { [_mm256_loadu_si256(first.as_ptr().cast()), _mm256_loadu_si256(second.as_ptr().cast())] }
}

/// Eight products of each of eight lanes, added.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn products([first, second]: [__m256i; 2], (word, more): (u32, u32)) -> __m256i {
    let (a, b) = (_mm256_set1_epi32(word.cast_signed()), _mm256_set1_epi32(more.cast_signed()));
    let two = _mm256_add_epi16(_mm256_maddubs_epi16(first, a), _mm256_maddubs_epi16(second, b));
    _mm256_madd_epi16(two, _mm256_set1_epi16(1))
}

/// The sums of eight rows start with what is left of few of their weights.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn started(start: &[i32; EIGHT], rests: &[Rest], inputs: &[Half]) -> [__m256i; EIGHT] {
    let mut sums = start.map(|start| _mm256_set1_epi32(start));
    for Rest { row, at, word, more } in rests {
        if let (Some(sum), Some(inputs)) = (sums.get_mut(*row as usize), inputs.get(*at as usize)) {
            *sum = _mm256_add_epi32(*sum, products(loaded(inputs), (*word, *more)));
        }
    }
    sums
}

/// The same where few lanes are used: the rows run side by side, lane after lane. What it gives of other lanes means nothing.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn summed_of_few(rows: &Eight<'_>, inputs: &[Half]) -> [__m256i; EIGHT] {
    let zero = _mm256_setzero_si256();
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    for ([first, second], words) in inputs.iter().zip(rows.words.as_chunks::<{ 2 * EIGHT }>().0) {
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
    let mut sums = started(rows.start, rows.rests, inputs);
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
    let [first, second] = bytes.map(|bytes| _mm256_set1_epi32(i32::from_le_bytes(bytes)));
    let two = _mm256_add_epi16(_mm256_maddubs_epi16(first, weights), _mm256_maddubs_epi16(second, more));
    _mm256_madd_epi16(two, _mm256_set1_epi16(1))
}

/// The sums of eight rows over half of the lanes.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn summed(rows: &Eight<'_>, inputs: &[Half], are_few: bool) -> [__m256i; EIGHT] {
    if are_few {
        return summed_of_few(rows, inputs);
    }
    let [mut s0, mut s1, mut s2, mut s3, mut s4, mut s5, mut s6, mut s7] = started(rows.start, rows.rests, inputs);
    for (inputs, words) in inputs.iter().zip(rows.words.as_chunks::<{ 2 * EIGHT }>().0) {
        let inputs = loaded(inputs);
        s0 = _mm256_add_epi32(s0, products(inputs, (words[0], words[EIGHT])));
        s1 = _mm256_add_epi32(s1, products(inputs, (words[1], words[EIGHT + 1])));
        s2 = _mm256_add_epi32(s2, products(inputs, (words[2], words[EIGHT + 2])));
        s3 = _mm256_add_epi32(s3, products(inputs, (words[3], words[EIGHT + 3])));
        s4 = _mm256_add_epi32(s4, products(inputs, (words[4], words[EIGHT + 4])));
        s5 = _mm256_add_epi32(s5, products(inputs, (words[5], words[EIGHT + 5])));
        s6 = _mm256_add_epi32(s6, products(inputs, (words[6], words[EIGHT + 6])));
        s7 = _mm256_add_epi32(s7, products(inputs, (words[7], words[EIGHT + 7])));
    }
    [s0, s1, s2, s3, s4, s5, s6, s7]
}

#[target_feature(enable = "avx2,fma")]
fn step_with<const FAST: bool>(v: Avx2, rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let (halves, are_few) = (std::mem::take(&mut step.room.halves), step.room.are_few);
    let mut eights = rows.eights();
    for (states, outputs) in fours(step) {
        let (Some(rows), Some(more)) = (eights.next(), eights.next()) else { break };
        let outputs = outputs.as_chunks_mut::<32>().0;
        for (half, (inputs, bytes)) in halves.iter().zip(outputs).enumerate().filter(|(_, (inputs, _))| !inputs.is_empty()) {
            let mut made = [v.wholes(0); 4];
            for (rows, (made, states)) in
                [&rows, &more].into_iter().zip(made.as_chunks_mut::<2>().0.iter_mut().zip(states.as_chunks_mut::<2>().0))
            {
                let [a0, a1, a2, a3, b0, b1, b2, b3] = summed(rows, inputs, are_few);
                let ([first, second], _) = rows.scale.as_chunks::<4>() else { continue };
                let [state_a, state_b] = states;
                made[0] = unit::<_, FAST>(v, gates(v, [a0, a1, a2, a3], first), (parts::<Avx2>(state_a, half), curves));
                made[1] = unit::<_, FAST>(v, gates(v, [b0, b1, b2, b3], second), (parts::<Avx2>(state_b, half), curves));
            }
            // SAFETY: the array has the 32 bytes that are written; the store needs no alignment.
            unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vectors::word(v, made)) };
        }
    }
    step.room.halves = halves;
}

#[target_feature(enable = "avx2,fma")]
fn sums_with(v: Avx2, rows: Rows<'_>, room: &Room, sums: &mut [f32]) {
    for (rows, out) in rows.eights().zip(sums.as_chunks_mut::<{ EIGHT * LANES }>().0) {
        for (half, inputs) in room.halves.iter().enumerate().filter(|(_, inputs)| !inputs.is_empty()) {
            let lanes = out.as_chunks_mut::<LANES>().0.iter_mut();
            for ((out, sum), scale) in lanes.zip(summed(&rows, inputs, room.are_few)).zip(rows.scale) {
                v.store(parts::<Avx2>(out, half), v.mul(v.real(sum), v.reals(*scale)));
            }
        }
    }
}

/// Here the sixteen features of one place run side by side.
#[target_feature(enable = "avx2,fma")]
fn pooled_with<const FAST: bool>(v: Avx2, rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u32; ROWS] {
    let mut out = [0; ROWS];
    let one = _mm256_set1_epi16(1);
    let four = |taps: u32, weights| _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi32(taps.cast_signed()), weights), one);
    for half in 0..HALVES {
        let mut weights = [v.wholes(0); 6];
        for (weights, words) in weights.iter_mut().zip(rows.words.as_chunks::<ROWS>().0) {
            let words = &words.as_chunks::<8>().0[half];
            // SAFETY: the array has the 32 bytes that are read; the load needs no alignment.
            *weights = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
        }
        let [left, here, right, rests @ ..] = weights;
        let is_whole = rests.iter().all(|rest| _mm256_testz_si256(*rest, *rest) == 1);
        let start = v.load_wholes(&rows.start[8 * half..]);
        let mut most = v.wholes(i32::MIN);
        for [a, b, c] in places {
            let mut sum = v.add_wholes(v.add_wholes(start, four(*a, left)), v.add_wholes(four(*b, here), four(*c, right)));
            if !is_whole {
                let [left, here, right] = rests;
                sum = v.add_wholes(v.add_wholes(sum, four(*a, left)), v.add_wholes(four(*b, here), four(*c, right)));
            }
            most = v.max_wholes(most, sum);
        }
        let reals = v.mul(v.real(most), v.load(&rows.scale[8 * half..]));
        v.store_wholes(&mut out[8 * half..], byte(v, tanh::<_, FAST>(v, reals, curves)));
    }
    out
}

/// An instruction of this machine.
macro_rules! here {
    ($instruction:expr) => {
        // SAFETY: a value of the type that this is a method of is only made where the machine has the instructions; where
        // one takes a pointer, what it points to is checked on the line before.
        unsafe { $instruction }
    };
}

impl Vectors for Avx2 {
    type Reals = __m256;
    type Wholes = __m256i;
    const WIDTH: usize = 8;

    #[inline(always)]
    fn reals(self, number: f32) -> __m256 {
        here!(_mm256_set1_ps(number))
    }
    #[inline(always)]
    fn wholes(self, number: i32) -> __m256i {
        here!(_mm256_set1_epi32(number))
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        assert!(from.len() >= Self::WIDTH, "too few numbers");
        here!(_mm256_loadu_ps(from.as_ptr()))
    }
    #[inline(always)]
    fn store(self, to: &mut [f32], numbers: __m256) {
        assert!(to.len() >= Self::WIDTH, "too few places");
        here!(_mm256_storeu_ps(to.as_mut_ptr(), numbers));
    }
    #[inline(always)]
    fn load_wholes(self, from: &[i32]) -> __m256i {
        assert!(from.len() >= Self::WIDTH, "too few numbers");
        here!(_mm256_loadu_si256(from.as_ptr().cast()))
    }
    #[inline(always)]
    fn store_wholes(self, to: &mut [u32], numbers: __m256i) {
        assert!(to.len() >= Self::WIDTH, "too few places");
        here!(_mm256_storeu_si256(to.as_mut_ptr().cast(), numbers));
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        here!(_mm256_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        here!(_mm256_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        here!(_mm256_mul_ps(a, b))
    }
    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        here!(_mm256_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        here!(_mm256_min_ps(a, b))
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        here!(_mm256_max_ps(a, b))
    }
    #[inline(always)]
    fn inverse(self, a: __m256) -> __m256 {
        here!(_mm256_div_ps(_mm256_set1_ps(1.0), a))
    }
    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        here!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), a))
    }
    #[inline(always)]
    fn signed(self, a: __m256, b: __m256) -> __m256 {
        here!(_mm256_or_ps(a, _mm256_and_ps(b, _mm256_set1_ps(-0.0))))
    }
    #[inline(always)]
    fn if_negative(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        here!(_mm256_blendv_ps(c, b, _mm256_cmp_ps::<_CMP_LT_OQ>(a, _mm256_set1_ps(0.0))))
    }
    #[inline(always)]
    fn nearest(self, a: __m256) -> __m256 {
        here!(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a))
    }
    #[inline(always)]
    fn floor(self, a: __m256) -> __m256 {
        here!(_mm256_floor_ps(a))
    }
    #[inline(always)]
    fn scaled(self, a: __m256, whole: __m256) -> __m256 {
        // The bits of the exponent.
        let exponent = here!(_mm256_add_epi32(_mm256_cvttps_epi32(whole), _mm256_set1_epi32(127)));
        here!(_mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))))
    }
    #[inline(always)]
    fn real(self, a: __m256i) -> __m256 {
        here!(_mm256_cvtepi32_ps(a))
    }
    #[inline(always)]
    fn whole(self, a: __m256) -> __m256i {
        here!(_mm256_cvttps_epi32(a))
    }
    #[inline(always)]
    fn add_wholes(self, a: __m256i, b: __m256i) -> __m256i {
        here!(_mm256_add_epi32(a, b))
    }
    #[inline(always)]
    fn max_wholes(self, a: __m256i, b: __m256i) -> __m256i {
        here!(_mm256_max_epi32(a, b))
    }
    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        here!(_mm256_or_si256(a, b))
    }
    #[inline(always)]
    fn shifted<const LEFT: u32>(self, a: __m256i) -> __m256i {
        match LEFT {
            8 => here!(_mm256_slli_epi32::<8>(a)),
            16 => here!(_mm256_slli_epi32::<16>(a)),
            _ => here!(_mm256_slli_epi32::<24>(a)),
        }
    }
    #[inline(always)]
    fn entries(self, curve: &Curve, entry: __m256i) -> [__m256; 3] {
        // A number too great for an entry has become 0x8000_0000, which is the greatest of all without a sign: every entry is
        // at most ENTRIES - 1, and the table has ENTRIES pairs of eight bytes.
        let entry = here!(_mm256_min_epu32(entry, _mm256_set1_epi32(ENTRIES as i32 - 1)));
        let pairs = std::ptr::from_ref(curve).cast::<f64>();
        let low = here!(_mm256_i32gather_pd::<8>(pairs, _mm256_castsi256_si128(entry)));
        let high = here!(_mm256_i32gather_pd::<8>(pairs, _mm256_extracti128_si256::<1>(entry)));
        // Of each four pairs, the first numbers and the second ones; the halves' middles change places.
        let (low, high) = (here!(_mm256_castpd_ps(low)), here!(_mm256_castpd_ps(high)));
        let first = here!(_mm256_shuffle_ps::<0b10_00_10_00>(low, high));
        let second = here!(_mm256_shuffle_ps::<0b11_01_11_01>(low, high));
        let sorted = |mixed| here!(_mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(mixed))));
        [self.real(entry), sorted(first), sorted(second)]
    }
}
