//! The kernel of machines with AVX2: eight lanes at a time, eight sums at a time.
//!
//! Bytes are multiplied as magnitude times signed value: with the sign of the weight given to the input, no pair of
//! products leaves sixteen bits (2 x 127 x 127), which inputs with 128 added would.
#![expect(unsafe_code, reason = "vector instructions: loads, stores and gathers take pointers")]

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_abs_epi8, _mm256_add_epi32, _mm256_add_ps,
    _mm256_and_ps, _mm256_andnot_ps, _mm256_blendv_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_castsi256_ps,
    _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_cvttps_epi32, _mm256_div_ps, _mm256_extracti128_si256,
    _mm256_i32gather_pd, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_max_epi32,
    _mm256_max_ps, _mm256_min_epu32, _mm256_min_ps, _mm256_mul_ps, _mm256_or_ps, _mm256_or_si256, _mm256_permute4x64_pd,
    _mm256_round_ps, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_shuffle_ps, _mm256_sign_epi8,
    _mm256_slli_epi32, _mm256_storeu_ps, _mm256_storeu_si256, _mm256_sub_ps, _mm256_xor_ps, _mm256_xor_si256,
};

use super::super::activation::{Curve, Curves, ENTRIES, PER_UNIT};
use super::super::strip::ZERO;
use super::{LANES, Precision, QUAD, ROWS, Rows, Step};

/// Lanes of one vector.
const HALF: usize = LANES / 2;
/// Rows summed together: as many as leave registers for the rest.
const SOME: usize = 8;

pub(super) fn step(rows: Rows<'_>, step: &mut Step<'_>, (curves, precision): (&Curves, Precision)) {
    // SAFETY: `Kernel::Avx2` is chosen only where the machine has avx2.
    unsafe {
        match precision {
            Precision::Exact => step_with::<false>(rows, step, curves),
            Precision::Fast => step_with::<true>(rows, step, curves),
        }
    }
}

pub(super) fn sums(rows: Rows<'_>, inputs: &[u8], sums: &mut [f32]) {
    // SAFETY: as for `step`.
    unsafe { sums_with(rows, inputs, sums) }
}

pub(super) fn pooled(rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u8; ROWS] {
    // SAFETY: as for `step`.
    unsafe { pooled_with(rows, places, curves) }
}

/// Adds the products of four bytes: inputs already without the added 128.
#[target_feature(enable = "avx2")]
#[inline]
fn add(sum: __m256i, inputs: __m256i, weights: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(inputs, weights));
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

/// 128 less, as signed bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn signed(bytes: __m256i) -> __m256i {
    _mm256_xor_si256(bytes, _mm256_set1_epi8(i8::MIN))
}

/// Which eight of sixteen rows are summed: the first two units with their gates, the last two, or one half. Known to the
/// compiler, so that sums stay in registers.
const SETS: [[usize; SOME]; 4] =
    [[0, 1, 4, 5, 8, 9, 12, 13], [2, 3, 6, 7, 10, 11, 14, 15], [0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]];

/// The scaled sums of a set of rows over the lanes of one half.
#[target_feature(enable = "avx2")]
#[inline]
fn summed<const SET: usize>(group: &Group<'_>, (runs, half): ([&[u8]; 2], usize)) -> [__m256; SOME] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = const { SETS[SET] };
    let start = |row: usize| _mm256_set1_epi32(group.constant[row]);
    let (mut s0, mut s1, mut s2, mut s3) = (start(r0), start(r1), start(r2), start(r3));
    let (mut s4, mut s5, mut s6, mut s7) = (start(r4), start(r5), start(r6), start(r7));
    let (first, second) = group.words.as_chunks::<ROWS>().0.split_at(runs[0].len() / QUAD);
    for (run, words) in runs.into_iter().zip([first, second]) {
        for (quad, words) in run.as_chunks::<QUAD>().0.iter().zip(words) {
            let (low, high) = quad.split_at(QUAD / 2);
            let bytes = if half == 0 { low } else { high };
            // SAFETY: each half has the 32 bytes that are read; the load needs no alignment.
            let inputs = signed(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) });
            let weights = |row: usize| _mm256_set1_epi32(words[row].cast_signed());
            s0 = add(s0, inputs, weights(r0));
            s1 = add(s1, inputs, weights(r1));
            s2 = add(s2, inputs, weights(r2));
            s3 = add(s3, inputs, weights(r3));
            s4 = add(s4, inputs, weights(r4));
            s5 = add(s5, inputs, weights(r5));
            s6 = add(s6, inputs, weights(r6));
            s7 = add(s7, inputs, weights(r7));
        }
    }
    let real = |sum, row: usize| _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(group.scale[row]));
    [real(s0, r0), real(s1, r1), real(s2, r2), real(s3, r3), real(s4, r4), real(s5, r5), real(s6, r6), real(s7, r7)]
}

/// Sixteen rows.
struct Group<'a> {
    words: &'a [u32],
    constant: &'a [i32; ROWS],
    scale: &'a [f32; ROWS],
}

fn groups(rows: Rows<'_>, quads: usize) -> impl Iterator<Item = Group<'_>> {
    let words = rows.words.chunks_exact((quads * ROWS).max(1));
    let rest = rows.constant.as_chunks::<ROWS>().0.iter().zip(rows.scale.as_chunks::<ROWS>().0);
    words.zip(rest).map(|(words, (constant, scale))| Group { words, constant, scale })
}

#[target_feature(enable = "avx2")]
fn step_with<const FAST: bool>(rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let quads = (step.inputs.len() + step.last.len()) / QUAD;
    let units = step.state.as_chunks_mut::<{ 4 * LANES }>().0.iter_mut().zip(step.outputs.as_chunks_mut::<QUAD>().0);
    for (group, (state, outputs)) in groups(rows, quads).zip(units) {
        for (half, outputs) in outputs.as_chunks_mut::<{ QUAD / 2 }>().0.iter_mut().enumerate() {
            let runs = [step.inputs, step.last];
            let [s0, s1, s2, s3] = state.as_chunks_mut::<LANES>().0 else { continue };
            let [a0, a1, b0, b1, c0, c1, d0, d1] = summed::<0>(&group, (runs, half));
            let byte0 = unit::<FAST>([a0, b0, c0, d0], half_of(s0, half), curves);
            let byte1 = unit::<FAST>([a1, b1, c1, d1], half_of(s1, half), curves);
            let [a2, a3, b2, b3, c2, c3, d2, d3] = summed::<1>(&group, (runs, half));
            let byte2 = unit::<FAST>([a2, b2, c2, d2], half_of(s2, half), curves);
            let byte3 = unit::<FAST>([a3, b3, c3, d3], half_of(s3, half), curves);
            let low = _mm256_or_si256(byte0, _mm256_slli_epi32::<8>(byte1));
            let high = _mm256_or_si256(_mm256_slli_epi32::<16>(byte2), _mm256_slli_epi32::<24>(byte3));
            let word = _mm256_or_si256(low, high);
            // SAFETY: the array has the 32 bytes that are written.
            unsafe { _mm256_storeu_si256(outputs.as_mut_ptr().cast(), word) };
        }
    }
}

/// The states of the lanes of one half.
fn half_of(state: &mut [f32; LANES], half: usize) -> &mut [f32] {
    &mut state[half * HALF..][..HALF]
}

/// One unit of an LSTM: its state moves on, its output as a byte with 128 added.
#[target_feature(enable = "avx2")]
#[inline]
fn unit<const FAST: bool>([input, take, keep, give]: [__m256; 4], state: &mut [f32], curves: &Curves) -> __m256i {
    assert!(state.len() == HALF, "the lanes of one half");
    // SAFETY: the slice has the 8 numbers that are read, as is checked.
    let before = unsafe { _mm256_loadu_ps(state.as_ptr()) };
    let kept = _mm256_mul_ps(before, logistic::<FAST>(keep, curves));
    let taken = _mm256_mul_ps(tanh::<FAST>(input, curves), logistic::<FAST>(take, curves));
    let after = _mm256_min_ps(_mm256_max_ps(_mm256_add_ps(kept, taken), _mm256_set1_ps(-100.0)), _mm256_set1_ps(100.0));
    // SAFETY: the slice has the 8 numbers that are written, as is checked.
    unsafe { _mm256_storeu_ps(state.as_mut_ptr(), after) };
    byte(_mm256_mul_ps(tanh::<FAST>(after, curves), logistic::<FAST>(give, curves)))
}

/// A value between -1 and 1 as a byte with 128 added, halves away from zero.
#[target_feature(enable = "avx2")]
#[inline]
fn byte(value: __m256) -> __m256i {
    let value = _mm256_mul_ps(value, _mm256_set1_ps(127.0));
    let half = _mm256_or_ps(_mm256_and_ps(value, _mm256_set1_ps(-0.0)), _mm256_set1_ps(0.5));
    _mm256_add_epi32(_mm256_cvttps_epi32(_mm256_add_ps(value, half)), _mm256_set1_epi32(i32::from(ZERO)))
}

/// A curve at 8 numbers that are not negative.
#[target_feature(enable = "avx2")]
#[inline]
fn at(curve: &Curve, x: __m256) -> __m256 {
    let x = _mm256_mul_ps(x, _mm256_set1_ps(PER_UNIT));
    // A number too great for an entry becomes 0x8000_0000, which is the greatest of all without a sign.
    let entry = _mm256_min_epu32(_mm256_cvttps_epi32(x), _mm256_set1_epi32(ENTRIES as i32 - 1));
    let pairs = std::ptr::from_ref(curve).cast::<f64>();
    // SAFETY: every entry is at most ENTRIES - 1, and the table has ENTRIES pairs of eight bytes.
    let (low, high) = unsafe {
        let low = _mm256_i32gather_pd::<8>(pairs, _mm256_castsi256_si128(entry));
        (low, _mm256_i32gather_pd::<8>(pairs, _mm256_extracti128_si256::<1>(entry)))
    };
    // Of each four pairs, the first numbers and the second ones; the halves' middles change places.
    let (low, high) = (_mm256_castpd_ps(low), _mm256_castpd_ps(high));
    let sorted = |mixed| _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(mixed)));
    let value = sorted(_mm256_shuffle_ps::<0b10_00_10_00>(low, high));
    let slope = sorted(_mm256_shuffle_ps::<0b11_01_11_01>(low, high));
    _mm256_add_ps(value, _mm256_mul_ps(slope, _mm256_sub_ps(x, _mm256_cvtepi32_ps(entry))))
}

#[target_feature(enable = "avx2")]
#[inline]
fn tanh<const FAST: bool>(x: __m256, curves: &Curves) -> __m256 {
    if FAST {
        let both = logistic_fast(_mm256_add_ps(x, x));
        return _mm256_sub_ps(_mm256_add_ps(both, both), _mm256_set1_ps(1.0));
    }
    let sign = _mm256_set1_ps(-0.0);
    _mm256_xor_ps(at(&curves.tanh, _mm256_andnot_ps(sign, x)), _mm256_and_ps(x, sign))
}

#[target_feature(enable = "avx2")]
#[inline]
fn logistic<const FAST: bool>(x: __m256, curves: &Curves) -> __m256 {
    if FAST {
        return logistic_fast(x);
    }
    let value = at(&curves.logistic, _mm256_andnot_ps(_mm256_set1_ps(-0.0), x));
    let is_negative = _mm256_cmp_ps::<_CMP_LT_OQ>(x, _mm256_set1_ps(0.0));
    _mm256_blendv_ps(value, _mm256_sub_ps(_mm256_set1_ps(1.0), value), is_negative)
}

/// 1 / (1 + 2^(-x log2 e)): the power by a polynomial over half a unit each way.
#[target_feature(enable = "avx2")]
#[inline]
fn logistic_fast(x: __m256) -> __m256 {
    let x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-60.0)), _mm256_set1_ps(60.0));
    let power = _mm256_mul_ps(x, _mm256_set1_ps(-std::f32::consts::LOG2_E));
    let whole = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(power);
    let part = _mm256_sub_ps(power, whole);
    // The series of 2^part: powers of ln 2 over factorials.
    let mut sum = _mm256_set1_ps(0.001_333_356);
    for term in [0.009_618_13, 0.055_504_11, 0.240_226_5, std::f32::consts::LN_2, 1.0] {
        sum = _mm256_add_ps(_mm256_mul_ps(sum, part), _mm256_set1_ps(term));
    }
    // 2^whole: the exponent's bits.
    let exponent = _mm256_slli_epi32::<23>(_mm256_add_epi32(_mm256_cvttps_epi32(whole), _mm256_set1_epi32(127)));
    let one = _mm256_set1_ps(1.0);
    _mm256_div_ps(one, _mm256_add_ps(_mm256_mul_ps(sum, _mm256_castsi256_ps(exponent)), one))
}

#[target_feature(enable = "avx2")]
fn sums_with(rows: Rows<'_>, inputs: &[u8], sums: &mut [f32]) {
    for (group, out) in groups(rows, inputs.len() / QUAD).zip(sums.as_chunks_mut::<{ ROWS * LANES }>().0) {
        let out = out.as_chunks_mut::<HALF>().0;
        for half in 0..2 {
            let runs = [inputs, &[]];
            let reals = summed::<2>(&group, (runs, half)).into_iter().chain(summed::<3>(&group, (runs, half)));
            for (row, real) in reals.enumerate() {
                // SAFETY: the array has the 8 numbers that are written.
                unsafe { _mm256_storeu_ps(out[2 * row + half].as_mut_ptr(), real) };
            }
        }
    }
}

/// Here the lanes are the sixteen features of one place.
#[target_feature(enable = "avx2")]
fn pooled_with(rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u8; ROWS] {
    let mut out = [ZERO; ROWS];
    for (half, out) in out.as_chunks_mut::<HALF>().0.iter_mut().enumerate() {
        let eight = |words: &[u32]| {
            let eight = &words.as_chunks::<HALF>().0[half];
            // SAFETY: the array has the 32 bytes that are read.
            unsafe { _mm256_loadu_si256(eight.as_ptr().cast()) }
        };
        let [w0, w1, w2] = [0, 1, 2].map(|column| eight(&rows.words[column * ROWS..][..ROWS]));
        let constant = &rows.constant.as_chunks::<HALF>().0[half];
        let scale = &rows.scale.as_chunks::<HALF>().0[half];
        // SAFETY: both arrays have the 8 numbers that are read.
        let (constant, scale) = unsafe { (_mm256_loadu_si256(constant.as_ptr().cast()), _mm256_loadu_ps(scale.as_ptr())) };
        let mut most = _mm256_set1_epi32(i32::MIN);
        for [left, here, right] in places {
            let taps = [left, here, right].map(|taps| signed(_mm256_set1_epi32(taps.cast_signed())));
            let sum = add(add(add(constant, taps[0], w0), taps[1], w1), taps[2], w2);
            most = _mm256_max_epi32(most, sum);
        }
        let features = byte(tanh::<false>(_mm256_mul_ps(_mm256_cvtepi32_ps(most), scale), curves));
        let mut words = [0_i32; HALF];
        // SAFETY: the array has the 32 bytes that are written.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), features) };
        *out = words.map(|word| word as u8);
    }
    out
}
