//! The kernel of machines with AVX2: eight lanes at a time, sixteen products of numbers of sixteen bits in one instruction.
#![expect(unsafe_code, reason = "vector instructions: loads, stores and gathers take pointers")]
#![expect(clippy::inline_always, reason = "a machine's instructions are only made in functions that may use them, in one piece")]

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps,
    _mm256_andnot_ps, _mm256_blendv_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_castsi256_ps, _mm256_castsi256_si128,
    _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_cvttps_epi32, _mm256_div_ps, _mm256_extracti128_si256, _mm256_floor_ps,
    _mm256_fmadd_ps, _mm256_i32gather_pd, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_epi32,
    _mm256_max_ps, _mm256_min_epu32, _mm256_min_ps, _mm256_mul_ps, _mm256_or_ps, _mm256_or_si256, _mm256_permute4x64_pd,
    _mm256_round_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_shuffle_ps, _mm256_slli_epi32, _mm256_storeu_ps,
    _mm256_storeu_si256, _mm256_sub_ps,
};

use super::super::activation::{Curve, Curves, ENTRIES};
use super::rows::Wide;
use super::vectors::{self, Vectors, byte, gates, parts, tanh, unit};
use super::{FOUR, LANES, Precision, ROWS, Rows, Step, fours, pairs};

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

    pub(super) fn sums(self, rows: Rows<'_>, wide: &[Wide], sums: &mut [f32]) {
        // SAFETY: as for `step`.
        unsafe { sums_with(self, rows, wide, sums) }
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

/// The sums of four rows over all lanes, half by half.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn summed(words: &[u32], start: &[i32; FOUR], wide: &[Wide]) -> [[__m256i; FOUR]; HALVES] {
    let [s0, s1, s2, s3] = start.map(|start| _mm256_set1_epi32(start));
    let (mut a0, mut a1, mut a2, mut a3) = (s0, s1, s2, s3);
    let (mut b0, mut b1, mut b2, mut b3) = (s0, s1, s2, s3);
    for (quad, words) in wide.iter().zip(words.as_chunks::<{ 2 * FOUR }>().0) {
        for (inputs, words) in quad.iter().zip(words.as_chunks::<FOUR>().0) {
            let [low, high] = inputs.as_chunks::<LANES>().0 else { continue };
            // SAFETY: each half has the 16 numbers of two bytes that are read; the load needs no alignment.
            let (low, high) = unsafe { (_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast())) };
            let [w0, w1, w2, w3] = words.map(|word| _mm256_set1_epi32(word.cast_signed()));
            a0 = _mm256_add_epi32(a0, _mm256_madd_epi16(low, w0));
            b0 = _mm256_add_epi32(b0, _mm256_madd_epi16(high, w0));
            a1 = _mm256_add_epi32(a1, _mm256_madd_epi16(low, w1));
            b1 = _mm256_add_epi32(b1, _mm256_madd_epi16(high, w1));
            a2 = _mm256_add_epi32(a2, _mm256_madd_epi16(low, w2));
            b2 = _mm256_add_epi32(b2, _mm256_madd_epi16(high, w2));
            a3 = _mm256_add_epi32(a3, _mm256_madd_epi16(low, w3));
            b3 = _mm256_add_epi32(b3, _mm256_madd_epi16(high, w3));
        }
    }
    [[a0, a1, a2, a3], [b0, b1, b2, b3]]
}

#[target_feature(enable = "avx2,fma")]
fn step_with<const FAST: bool>(v: Avx2, rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let wide = std::mem::take(step.wide);
    let mut units = rows.fours();
    for (states, outputs) in fours(step) {
        let (mut low, mut high) = ([v.wholes(0); 4], [v.wholes(0); 4]);
        for ((state, (words, start, scale)), (low, high)) in
            states.iter_mut().zip(units.by_ref()).zip(low.iter_mut().zip(&mut high))
        {
            let [a, b] = summed(words, start, &wide);
            *low = unit::<_, FAST>(v, gates(v, a, scale), (parts::<Avx2>(state, 0), curves));
            *high = unit::<_, FAST>(v, gates(v, b, scale), (parts::<Avx2>(state, 1), curves));
        }
        for (half, bytes) in [low, high].into_iter().zip(outputs.as_chunks_mut::<32>().0) {
            // SAFETY: the array has the 32 bytes that are written; the store needs no alignment.
            unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vectors::word(v, half)) };
        }
    }
    *step.wide = wide;
}

#[target_feature(enable = "avx2,fma")]
fn sums_with(v: Avx2, rows: Rows<'_>, wide: &[Wide], sums: &mut [f32]) {
    for ((words, start, scale), out) in rows.fours().zip(sums.as_chunks_mut::<{ FOUR * LANES }>().0) {
        for (half, sums) in summed(words, start, wide).into_iter().enumerate() {
            for (out, real) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(gates(v, sums, scale)) {
                v.store(parts::<Avx2>(out, half), real);
            }
        }
    }
}

/// Here the sixteen features of one place run side by side.
#[target_feature(enable = "avx2,fma")]
fn pooled_with<const FAST: bool>(v: Avx2, rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u32; ROWS] {
    let mut out = [0; ROWS];
    for half in 0..HALVES {
        let mut weights = [[v.wholes(0); 2]; 3];
        for (weights, words) in weights.as_flattened_mut().iter_mut().zip(rows.words.chunks_exact(ROWS)) {
            let words = &words.as_chunks::<8>().0[half];
            // SAFETY: the array has the 32 bytes that are read; the load needs no alignment.
            *weights = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
        }
        let start = v.load_wholes(&rows.start[8 * half..]);
        let mut most = v.wholes(i32::MIN);
        for place in places {
            let mut sum = start;
            for (taps, [even, odd]) in place.iter().zip(weights) {
                let [first, second] = pairs(*taps).map(|pair| _mm256_set1_epi32(pair.cast_signed()));
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(first, even));
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(second, odd));
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
