//! The kernel of machines with AVX-512 VNNI: one instruction multiplies and adds 64 bytes.
#![expect(unsafe_code, reason = "vector instructions: loads, stores and gathers take pointers")]

use std::arch::x86_64::{
    __m512, __m512i, _CMP_LT_OQ, _mm_storeu_si128, _mm512_abs_ps, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512,
    _mm512_castpd_ps, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_castsi512_si256, _mm512_cmp_ps_mask, _mm512_cvtepi32_epi8,
    _mm512_cvtepi32_ps, _mm512_cvttps_epi32, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_fmadd_ps, _mm512_fnmadd_ps,
    _mm512_i32gather_pd, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_sub_ps, _mm512_max_epi32, _mm512_max_ps,
    _mm512_min_epu32, _mm512_min_ps, _mm512_mul_ps, _mm512_or_si512, _mm512_permutex2var_ps, _mm512_rcp14_ps,
    _mm512_roundscale_ps, _mm512_scalef_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32, _mm512_slli_epi32,
    _mm512_storeu_ps, _mm512_storeu_si512, _mm512_sub_ps, _mm512_xor_si512,
};

use super::super::activation::{Curve, Curves, ENTRIES, PER_UNIT};
use super::super::strip::ZERO;
use super::{LANES, Precision, QUAD, ROWS, Rows, Step};

/// Sums of sixteen rows. Only ever taken apart by constant places: otherwise they live in memory, not in registers.
type Sums = [__m512i; ROWS];

pub(super) fn step(rows: Rows<'_>, step: &mut Step<'_>, (curves, precision): (&Curves, Precision)) {
    // SAFETY: `Kernel::Vnni` is chosen only where the machine has avx512f, avx512bw and avx512vnni.
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

pub(super) fn pooled(rows: Rows<'_>, places: &[[u32; 3]], (curves, precision): (&Curves, Precision)) -> [u8; ROWS] {
    // SAFETY: as for `step`.
    unsafe {
        match precision {
            Precision::Exact => pooled_with::<false>(rows, places, curves),
            Precision::Fast => pooled_with::<true>(rows, places, curves),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn loaded(quad: &[u8; QUAD]) -> __m512i {
    // SAFETY: the array has the 64 bytes that are read; the load needs no alignment.
    unsafe { _mm512_loadu_si512(quad.as_ptr().cast()) }
}

/// The sums of sixteen rows over two runs of inputs, one weight word for each row and four inputs.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn summed(start: &[i32; ROWS], words: &[u32], runs: [&[u8]; 2]) -> Sums {
    let mut sums: Sums = [_mm512_set1_epi32(0); ROWS];
    for (sum, start) in sums.iter_mut().zip(start) {
        *sum = _mm512_set1_epi32(*start);
    }
    let (first, second) = words.as_chunks::<ROWS>().0.split_at(runs[0].len() / QUAD);
    for (run, words) in runs.into_iter().zip([first, second]) {
        for (quad, words) in run.as_chunks::<QUAD>().0.iter().zip(words) {
            let inputs = loaded(quad);
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum = _mm512_dpbusd_epi32(*sum, inputs, _mm512_set1_epi32(word.cast_signed()));
            }
        }
    }
    sums
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn step_with<const FAST: bool>(rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let quads = (step.inputs.len() + step.last.len()) / QUAD;
    let groups =
        rows.words.chunks_exact(quads * ROWS).zip(rows.start.as_chunks::<ROWS>().0).zip(rows.scale.as_chunks::<ROWS>().0);
    let units = step.state.as_chunks_mut::<{ 4 * LANES }>().0.iter_mut().zip(step.outputs.as_chunks_mut::<QUAD>().0);
    for (((words, start), scale), (state, outputs)) in groups.zip(units) {
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3] = summed(start, words, [step.inputs, step.last]);
        let real = |sum, row: usize| _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(scale[row]));
        let [s0, s1, s2, s3] = state.as_chunks_mut::<LANES>().0 else { continue };
        let gates = [real(a0, 0), real(b0, 4), real(c0, 8), real(d0, 12)];
        let byte0 = unit::<FAST>(gates, s0, curves);
        let gates = [real(a1, 1), real(b1, 5), real(c1, 9), real(d1, 13)];
        let byte1 = _mm512_slli_epi32::<8>(unit::<FAST>(gates, s1, curves));
        let gates = [real(a2, 2), real(b2, 6), real(c2, 10), real(d2, 14)];
        let byte2 = _mm512_slli_epi32::<16>(unit::<FAST>(gates, s2, curves));
        let gates = [real(a3, 3), real(b3, 7), real(c3, 11), real(d3, 15)];
        let byte3 = _mm512_slli_epi32::<24>(unit::<FAST>(gates, s3, curves));
        let word = _mm512_or_si512(_mm512_or_si512(byte0, byte1), _mm512_or_si512(byte2, byte3));
        // SAFETY: the array has the 64 bytes that are written; the store needs no alignment.
        unsafe { _mm512_storeu_si512(outputs.as_mut_ptr().cast(), word) };
    }
}

/// One unit of an LSTM: its state moves on, its output as a byte with 128 added.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn unit<const FAST: bool>([input, take, keep, give]: [__m512; 4], state: &mut [f32; LANES], curves: &Curves) -> __m512i {
    // SAFETY: the array has the 16 numbers that are read.
    let before = unsafe { _mm512_loadu_ps(state.as_ptr()) };
    let kept = _mm512_mul_ps(before, logistic::<FAST>(keep, curves));
    let taken = _mm512_mul_ps(tanh::<FAST>(input, curves), logistic::<FAST>(take, curves));
    let after = _mm512_min_ps(_mm512_max_ps(_mm512_add_ps(kept, taken), _mm512_set1_ps(-100.0)), _mm512_set1_ps(100.0));
    // SAFETY: the array has the 16 numbers that are written.
    unsafe { _mm512_storeu_ps(state.as_mut_ptr(), after) };
    byte(_mm512_mul_ps(tanh::<FAST>(after, curves), logistic::<FAST>(give, curves)))
}

/// A value between -1 and 1 as a byte with 128 added, halves away from zero.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn byte(value: __m512) -> __m512i {
    let value = _mm512_mul_ps(value, _mm512_set1_ps(127.0));
    let half = _mm512_or_si512(sign(value), _mm512_castps_si512(_mm512_set1_ps(0.5)));
    let whole = _mm512_cvttps_epi32(_mm512_add_ps(value, _mm512_castsi512_ps(half)));
    _mm512_add_epi32(whole, _mm512_set1_epi32(i32::from(ZERO)))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn sign(value: __m512) -> __m512i {
    _mm512_and_si512(_mm512_castps_si512(value), _mm512_set1_epi32(i32::MIN))
}

/// A curve at 16 numbers that are not negative.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn at(curve: &Curve, x: __m512) -> __m512 {
    let x = _mm512_mul_ps(x, _mm512_set1_ps(PER_UNIT));
    // A number too great for an entry becomes 0x8000_0000, which is the greatest of all without a sign.
    let entry = _mm512_min_epu32(_mm512_cvttps_epi32(x), _mm512_set1_epi32(ENTRIES as i32 - 1));
    let pairs = std::ptr::from_ref(curve).cast::<f64>();
    // SAFETY: every entry is at most ENTRIES - 1, and the table has ENTRIES pairs of eight bytes.
    let (low, high) = unsafe {
        let low = _mm512_i32gather_pd::<8>(_mm512_castsi512_si256(entry), pairs);
        (low, _mm512_i32gather_pd::<8>(_mm512_extracti64x4_epi64::<1>(entry), pairs))
    };
    let (low, high) = (_mm512_castpd_ps(low), _mm512_castpd_ps(high));
    let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    let value = _mm512_permutex2var_ps(low, even, high);
    let slope = _mm512_permutex2var_ps(low, odd, high);
    _mm512_add_ps(value, _mm512_mul_ps(slope, _mm512_sub_ps(x, _mm512_cvtepi32_ps(entry))))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn tanh<const FAST: bool>(x: __m512, curves: &Curves) -> __m512 {
    if FAST {
        let both = logistic_fast(_mm512_add_ps(x, x));
        return _mm512_sub_ps(_mm512_add_ps(both, both), _mm512_set1_ps(1.0));
    }
    let value = at(&curves.tanh, _mm512_abs_ps(x));
    _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(value), sign(x)))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn logistic<const FAST: bool>(x: __m512, curves: &Curves) -> __m512 {
    if FAST {
        return logistic_fast(x);
    }
    let value = at(&curves.logistic, _mm512_abs_ps(x));
    let is_negative = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(x, _mm512_set1_ps(0.0));
    _mm512_mask_sub_ps(value, is_negative, _mm512_set1_ps(1.0), value)
}

/// 1 / (1 + 2^(-x log2 e)): the power by a polynomial over half a unit each way, the inverse refined once.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn logistic_fast(x: __m512) -> __m512 {
    let x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-60.0)), _mm512_set1_ps(60.0));
    let power = _mm512_mul_ps(x, _mm512_set1_ps(-std::f32::consts::LOG2_E));
    let whole = _mm512_roundscale_ps::<0>(power);
    let part = _mm512_sub_ps(power, whole);
    // The series of 2^part: powers of ln 2 over factorials.
    let mut sum = _mm512_set1_ps(0.001_333_356);
    for term in [0.009_618_13, 0.055_504_11, 0.240_226_5, std::f32::consts::LN_2, 1.0] {
        sum = _mm512_fmadd_ps(sum, part, _mm512_set1_ps(term));
    }
    let below = _mm512_add_ps(_mm512_scalef_ps(sum, whole), _mm512_set1_ps(1.0));
    let inverse = _mm512_rcp14_ps(below);
    let error = _mm512_fnmadd_ps(below, inverse, _mm512_set1_ps(1.0));
    _mm512_fmadd_ps(inverse, error, inverse)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn sums_with(rows: Rows<'_>, inputs: &[u8], sums: &mut [f32]) {
    let quads = inputs.len() / QUAD;
    let groups = rows
        .words
        .chunks_exact((quads * ROWS).max(1))
        .zip(rows.start.as_chunks::<ROWS>().0)
        .zip(rows.scale.as_chunks::<ROWS>().0);
    for (((words, start), scale), out) in groups.zip(sums.as_chunks_mut::<{ ROWS * LANES }>().0) {
        let row = summed(start, words, [inputs, &[]]);
        for ((out, sum), scale) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(row).zip(scale) {
            let real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(*scale));
            // SAFETY: the array has the 16 numbers that are written.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), real) };
        }
    }
}

/// Here the lanes are the sixteen features of one place.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn pooled_with<const FAST: bool>(rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u8; ROWS] {
    let mut out = [ZERO; ROWS];
    let ([w0, w1, w2], [start], [scale]) =
        (rows.words.as_chunks::<ROWS>().0, rows.start.as_chunks::<ROWS>().0, rows.scale.as_chunks::<ROWS>().0)
    else {
        return out;
    };
    // SAFETY: each array has the 16 numbers that are read.
    let (weights, start, scale) = unsafe {
        let weights = [w0, w1, w2].map(|words| _mm512_loadu_si512(words.as_ptr().cast()));
        (weights, _mm512_loadu_si512(start.as_ptr().cast()), _mm512_loadu_ps(scale.as_ptr()))
    };
    let mut most = _mm512_set1_epi32(i32::MIN);
    for [left, here, right] in places {
        let sum = _mm512_dpbusd_epi32(start, _mm512_set1_epi32(left.cast_signed()), weights[0]);
        let sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(here.cast_signed()), weights[1]);
        most = _mm512_max_epi32(most, _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(right.cast_signed()), weights[2]));
    }
    let features = byte(tanh::<FAST>(_mm512_mul_ps(_mm512_cvtepi32_ps(most), scale), curves));
    // SAFETY: the array has the 16 bytes that are written.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(features)) };
    out
}
