//! The kernel of machines that have AVX-VNNI but not AVX-512 (most personal computers since 2022): vectors of AVX2, and one
//! instruction that multiplies and adds 32 bytes.
#![expect(unsafe_code, reason = "vector instructions: loads and stores take pointers")]

use std::arch::x86_64::{__m256i, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256, _mm256_set1_epi32, _mm256_storeu_si256};

use super::super::activation::Curves;
use super::avx2::{Avx2, HALVES};
use super::vectors::{self, Vectors, byte, gates, parts, tanh, unit};
use super::{FOUR, LANES, Precision, QUAD, ROWS, Rows, Step, fours};

/// A machine that has avx2, fma and avxvnni.
#[derive(Debug, Clone, Copy)]
pub(super) struct AvxVnni(Avx2);

impl AvxVnni {
    /// This machine, if it has them.
    pub(super) fn here() -> Option<Self> {
        Avx2::here().filter(|_| is_x86_feature_detected!("avxvnni")).map(Self)
    }

    pub(super) fn step(self, rows: Rows<'_>, step: &mut Step<'_>, (curves, precision): (&Curves, Precision)) {
        // SAFETY: a value of this type is only made where the machine has the instructions.
        unsafe {
            match precision {
                Precision::Exact => step_with::<false>(self.0, rows, step, curves),
                Precision::Fast => step_with::<true>(self.0, rows, step, curves),
            }
        }
    }

    pub(super) fn sums(self, rows: Rows<'_>, inputs: &[u8], sums: &mut [f32]) {
        // SAFETY: as for `step`.
        unsafe { sums_with(self.0, rows, inputs, sums) }
    }

    pub(super) fn pooled(self, rows: Rows<'_>, places: &[[u32; 3]], (curves, precision): (&Curves, Precision)) -> [u32; ROWS] {
        // SAFETY: as for `step`.
        unsafe {
            match precision {
                Precision::Exact => pooled_with::<false>(self.0, rows, places, curves),
                Precision::Fast => pooled_with::<true>(self.0, rows, places, curves),
            }
        }
    }
}

/// The sums of one four of sixteen rows over all lanes, half by half.
#[target_feature(enable = "avx2,fma,avxvnni")]
#[inline]
fn summed(words: &[u32], four: usize, (start, runs): (&[i32; FOUR], [&[u8]; 2])) -> [[__m256i; FOUR]; HALVES] {
    let [s0, s1, s2, s3] = start.map(|start| _mm256_set1_epi32(start));
    let (mut a0, mut a1, mut a2, mut a3) = (s0, s1, s2, s3);
    let (mut b0, mut b1, mut b2, mut b3) = (s0, s1, s2, s3);
    let (first, second) = words.as_chunks::<ROWS>().0.split_at(runs[0].len() / QUAD);
    for (run, words) in runs.into_iter().zip([first, second]) {
        for (quad, words) in run.as_chunks::<QUAD>().0.iter().zip(words) {
            let [low, high] = quad.as_chunks::<{ QUAD / 2 }>().0 else { continue };
            // SAFETY: each half has the 32 bytes that are read; the load needs no alignment.
            let (low, high) = unsafe { (_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast())) };
            let [w0, w1, w2, w3] = words.as_chunks::<FOUR>().0[four].map(|word| _mm256_set1_epi32(word.cast_signed()));
            a0 = _mm256_dpbusd_avx_epi32(a0, low, w0);
            b0 = _mm256_dpbusd_avx_epi32(b0, high, w0);
            a1 = _mm256_dpbusd_avx_epi32(a1, low, w1);
            b1 = _mm256_dpbusd_avx_epi32(b1, high, w1);
            a2 = _mm256_dpbusd_avx_epi32(a2, low, w2);
            b2 = _mm256_dpbusd_avx_epi32(b2, high, w2);
            a3 = _mm256_dpbusd_avx_epi32(a3, low, w3);
            b3 = _mm256_dpbusd_avx_epi32(b3, high, w3);
        }
    }
    [[a0, a1, a2, a3], [b0, b1, b2, b3]]
}

#[target_feature(enable = "avx2,fma,avxvnni")]
fn step_with<const FAST: bool>(v: Avx2, rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let runs = [step.inputs, step.last];
    for ((words, start, scale), (states, outputs)) in rows.sixteens().zip(fours(step)) {
        let (mut low, mut high) = ([v.wholes(0); 4], [v.wholes(0); 4]);
        let (starts, scales) = (start.as_chunks::<FOUR>().0, scale.as_chunks::<FOUR>().0);
        for (four, ((start, scale), state)) in starts.iter().zip(scales).zip(states).enumerate() {
            let [a, b] = summed(words, four, (start, runs));
            low[four] = unit::<_, FAST>(v, gates(v, a, scale), (parts::<Avx2>(state, 0), curves));
            high[four] = unit::<_, FAST>(v, gates(v, b, scale), (parts::<Avx2>(state, 1), curves));
        }
        for (half, bytes) in [low, high].into_iter().zip(outputs.as_chunks_mut::<{ QUAD / 2 }>().0) {
            // SAFETY: the array has the 32 bytes that are written; the store needs no alignment.
            unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vectors::word(v, half)) };
        }
    }
}

#[target_feature(enable = "avx2,fma,avxvnni")]
fn sums_with(v: Avx2, rows: Rows<'_>, inputs: &[u8], sums: &mut [f32]) {
    for ((words, start, scale), out) in rows.sixteens().zip(sums.as_chunks_mut::<{ ROWS * LANES }>().0) {
        let (starts, scales) = (start.as_chunks::<FOUR>().0, scale.as_chunks::<FOUR>().0);
        for (four, out) in out.as_chunks_mut::<{ FOUR * LANES }>().0.iter_mut().enumerate() {
            for (half, sums) in summed(words, four, (&starts[four], [inputs, &[]])).into_iter().enumerate() {
                for (out, real) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(gates(v, sums, &scales[four])) {
                    v.store(parts::<Avx2>(out, half), real);
                }
            }
        }
    }
}

/// Here the sixteen features of one place run side by side.
#[target_feature(enable = "avx2,fma,avxvnni")]
fn pooled_with<const FAST: bool>(v: Avx2, rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u32; ROWS] {
    let mut out = [0; ROWS];
    let [w0, w1, w2] = rows.words.as_chunks::<ROWS>().0 else { return out };
    for half in 0..HALVES {
        // SAFETY: each array has the 8 numbers that are read.
        let half_of = |words: &[u32; ROWS]| unsafe { _mm256_loadu_si256(words.as_chunks::<8>().0[half].as_ptr().cast()) };
        let weights = [half_of(w0), half_of(w1), half_of(w2)];
        let start = v.load_wholes(&rows.start[8 * half..]);
        let mut most = v.wholes(i32::MIN);
        for [left, here, right] in places {
            let sum = _mm256_dpbusd_avx_epi32(start, _mm256_set1_epi32(left.cast_signed()), weights[0]);
            let sum = _mm256_dpbusd_avx_epi32(sum, _mm256_set1_epi32(here.cast_signed()), weights[1]);
            most = v.max_wholes(most, _mm256_dpbusd_avx_epi32(sum, _mm256_set1_epi32(right.cast_signed()), weights[2]));
        }
        let reals = v.mul(v.real(most), v.load(&rows.scale[8 * half..]));
        v.store_wholes(&mut out[8 * half..], byte(v, tanh::<_, FAST>(v, reals, curves)));
    }
    out
}
