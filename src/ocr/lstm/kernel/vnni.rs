//! The kernel of machines with AVX-512 VNNI: one instruction multiplies and adds 64 bytes.
#![expect(unsafe_code, reason = "vector instructions: loads, stores and gathers take pointers")]
#![expect(clippy::inline_always, reason = "a machine's instructions are only made in functions that may use them, in one piece")]

use std::arch::x86_64::{
    __m512, __m512i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEG_INF, _mm512_abs_ps, _mm512_add_epi32, _mm512_add_ps,
    _mm512_and_si512, _mm512_castpd_ps, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_castsi512_si256, _mm512_cmp_ps_mask,
    _mm512_cvtepi32_ps, _mm512_cvttps_epi32, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_fmadd_ps, _mm512_fnmadd_ps,
    _mm512_i32gather_pd, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_mov_ps, _mm512_max_epi32, _mm512_max_ps,
    _mm512_min_epu32, _mm512_min_ps, _mm512_mul_ps, _mm512_or_si512, _mm512_permutex2var_ps, _mm512_rcp14_ps,
    _mm512_roundscale_ps, _mm512_scalef_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32, _mm512_shuffle_i32x4,
    _mm512_slli_epi32, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_sub_ps, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::super::activation::{Curve, Curves, ENTRIES};
use super::rows::FEW;
use super::vectors::{self, Vectors, byte, gates, tanh, unit};
use super::{FOUR, LANES, Precision, QUAD, ROWS, Rows, Step, fours};

/// A machine that has avx512f, avx512bw and avx512vnni.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vnni(());

impl Vnni {
    /// This machine, if it has them.
    pub(super) fn here() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        (has && is_x86_feature_detected!("avx512vnni")).then_some(Self(()))
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

    pub(super) fn sums(self, rows: Rows<'_>, (inputs, lanes): (&[u8], usize), sums: &mut [f32]) {
        // SAFETY: as for `step`.
        unsafe { sums_with(self, rows, (inputs, lanes), sums) }
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

/// The sums of sixteen rows over two runs of inputs, one weight word for each row and four inputs. The array is only ever
/// taken apart by constant places: otherwise the sums live in memory, not in registers.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn summed(words: &[u32], start: &[i32; ROWS], (runs, are_few): ([&[u8]; 2], bool)) -> [__m512i; ROWS] {
    if are_few {
        return summed_of_few(words, start, runs);
    }
    let mut sums = [_mm512_set1_epi32(0); ROWS];
    for (sum, start) in sums.iter_mut().zip(start) {
        *sum = _mm512_set1_epi32(*start);
    }
    let (first, second) = words.as_chunks::<ROWS>().0.split_at(runs[0].len() / QUAD);
    for (run, words) in runs.into_iter().zip([first, second]) {
        for (quad, words) in run.as_chunks::<QUAD>().0.iter().zip(words) {
            // SAFETY: the array has the 64 bytes that are read; the load needs no alignment.
            let inputs = unsafe { _mm512_loadu_si512(quad.as_ptr().cast()) };
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum = _mm512_dpbusd_epi32(*sum, inputs, _mm512_set1_epi32(word.cast_signed()));
            }
        }
    }
    sums
}

/// The same where few lanes are used: the rows run side by side, lane after lane. What it gives of other lanes means nothing.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn summed_of_few(words: &[u32], start: &[i32; ROWS], runs: [&[u8]; 2]) -> [__m512i; ROWS] {
    let zero = _mm512_set1_epi32(0);
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    let (first, second) = words.as_chunks::<ROWS>().0.split_at(runs[0].len() / QUAD);
    for (run, words) in runs.into_iter().zip([first, second]) {
        for (quad, words) in run.as_chunks::<QUAD>().0.iter().zip(words) {
            // SAFETY: the array has the 64 bytes that are read; the load needs no alignment.
            let weights = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
            let [lane_a, lane_b, lane_c, lane_d, ..] = quad.as_chunks::<FOUR>().0 else { continue };
            a = _mm512_dpbusd_epi32(a, _mm512_set1_epi32(i32::from_le_bytes(*lane_a)), weights);
            b = _mm512_dpbusd_epi32(b, _mm512_set1_epi32(i32::from_le_bytes(*lane_b)), weights);
            c = _mm512_dpbusd_epi32(c, _mm512_set1_epi32(i32::from_le_bytes(*lane_c)), weights);
            d = _mm512_dpbusd_epi32(d, _mm512_set1_epi32(i32::from_le_bytes(*lane_d)), weights);
        }
    }
    // Rows become lanes: of each vector, the lanes of four rows, each the fourth next of the one before.
    let (low, high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let (other_low, other_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let four = [
        _mm512_unpacklo_epi64(low, other_low),
        _mm512_unpackhi_epi64(low, other_low),
        _mm512_unpacklo_epi64(high, other_high),
        _mm512_unpackhi_epi64(high, other_high),
    ];
    let mut sums = [zero; ROWS];
    let [first, second, third, last] = sums.as_chunks_mut::<FOUR>().0 else { return sums };
    *first = four;
    *second = four.map(|rows| _mm512_shuffle_i32x4::<1>(rows, rows));
    *third = four.map(|rows| _mm512_shuffle_i32x4::<2>(rows, rows));
    *last = four.map(|rows| _mm512_shuffle_i32x4::<3>(rows, rows));
    for (sum, start) in sums.iter_mut().zip(start) {
        *sum = _mm512_add_epi32(*sum, _mm512_set1_epi32(*start));
    }
    sums
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn step_with<const FAST: bool>(v: Vnni, rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let runs = ([step.inputs, step.last], step.lanes <= FEW);
    for ((words, start, scale), (states, outputs)) in rows.sixteens().zip(fours(step)) {
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3] = summed(words, start, runs);
        let ([scale_a, scale_b, scale_c, scale_d], _) = scale.as_chunks::<FOUR>() else { continue };
        let [state_a, state_b, state_c, state_d] = states;
        let first = unit::<_, FAST>(v, gates(v, [a0, a1, a2, a3], scale_a), (state_a, curves));
        let second = unit::<_, FAST>(v, gates(v, [b0, b1, b2, b3], scale_b), (state_b, curves));
        let third = unit::<_, FAST>(v, gates(v, [c0, c1, c2, c3], scale_c), (state_c, curves));
        let last = unit::<_, FAST>(v, gates(v, [d0, d1, d2, d3], scale_d), (state_d, curves));
        // SAFETY: the array has the 64 bytes that are written; the store needs no alignment.
        unsafe { _mm512_storeu_si512(outputs.as_mut_ptr().cast(), vectors::word(v, [first, second, third, last])) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn sums_with(v: Vnni, rows: Rows<'_>, (inputs, lanes): (&[u8], usize), sums: &mut [f32]) {
    for ((words, start, scale), out) in rows.sixteens().zip(sums.as_chunks_mut::<{ ROWS * LANES }>().0) {
        let row = summed(words, start, ([inputs, &[]], lanes <= FEW));
        for ((out, sum), scale) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(row).zip(scale) {
            v.store(out, v.mul(v.real(sum), v.reals(*scale)));
        }
    }
}

/// Here the sixteen features of one place run side by side.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn pooled_with<const FAST: bool>(v: Vnni, rows: Rows<'_>, places: &[[u32; 3]], curves: &Curves) -> [u32; ROWS] {
    let mut out = [0; ROWS];
    let [w0, w1, w2] = rows.words.as_chunks::<ROWS>().0 else { return out };
    // SAFETY: each array has the 16 numbers that are read.
    let weights = [w0, w1, w2].map(|words| unsafe { _mm512_loadu_si512(words.as_ptr().cast()) });
    let start = v.load_wholes(rows.start);
    let mut most = v.wholes(i32::MIN);
    for [left, here, right] in places {
        let sum = _mm512_dpbusd_epi32(start, _mm512_set1_epi32(left.cast_signed()), weights[0]);
        let sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(here.cast_signed()), weights[1]);
        most = v.max_wholes(most, _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(right.cast_signed()), weights[2]));
    }
    let features = byte(v, tanh::<_, FAST>(v, v.mul(v.real(most), v.load(rows.scale)), curves));
    v.store_wholes(&mut out, features);
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

const SIGN: i32 = i32::MIN;

impl Vectors for Vnni {
    type Reals = __m512;
    type Wholes = __m512i;
    const WIDTH: usize = 16;

    #[inline(always)]
    fn reals(self, number: f32) -> __m512 {
        here!(_mm512_set1_ps(number))
    }
    #[inline(always)]
    fn wholes(self, number: i32) -> __m512i {
        here!(_mm512_set1_epi32(number))
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        assert!(from.len() >= Self::WIDTH, "too few numbers");
        here!(_mm512_loadu_ps(from.as_ptr()))
    }
    #[inline(always)]
    fn store(self, to: &mut [f32], numbers: __m512) {
        assert!(to.len() >= Self::WIDTH, "too few places");
        here!(_mm512_storeu_ps(to.as_mut_ptr(), numbers));
    }
    #[inline(always)]
    fn load_wholes(self, from: &[i32]) -> __m512i {
        assert!(from.len() >= Self::WIDTH, "too few numbers");
        here!(_mm512_loadu_si512(from.as_ptr().cast()))
    }
    #[inline(always)]
    fn store_wholes(self, to: &mut [u32], numbers: __m512i) {
        assert!(to.len() >= Self::WIDTH, "too few places");
        here!(_mm512_storeu_si512(to.as_mut_ptr().cast(), numbers));
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        here!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_min_ps(a, b))
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_max_ps(a, b))
    }
    #[inline(always)]
    fn inverse(self, a: __m512) -> __m512 {
        // Fourteen bits, and once nearer.
        let near = here!(_mm512_rcp14_ps(a));
        let error = here!(_mm512_fnmadd_ps(a, near, _mm512_set1_ps(1.0)));
        here!(_mm512_fmadd_ps(near, error, near))
    }
    #[inline(always)]
    fn abs(self, a: __m512) -> __m512 {
        here!(_mm512_abs_ps(a))
    }
    #[inline(always)]
    fn signed(self, a: __m512, b: __m512) -> __m512 {
        let sign = here!(_mm512_and_si512(_mm512_castps_si512(b), _mm512_set1_epi32(SIGN)));
        here!(_mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(a), sign)))
    }
    #[inline(always)]
    fn if_negative(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        let is_negative = here!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, _mm512_set1_ps(0.0)));
        here!(_mm512_mask_mov_ps(c, is_negative, b))
    }
    #[inline(always)]
    fn nearest(self, a: __m512) -> __m512 {
        here!(_mm512_roundscale_ps::<0>(a))
    }
    #[inline(always)]
    fn floor(self, a: __m512) -> __m512 {
        here!(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(a))
    }
    #[inline(always)]
    fn scaled(self, a: __m512, whole: __m512) -> __m512 {
        here!(_mm512_scalef_ps(a, whole))
    }
    #[inline(always)]
    fn real(self, a: __m512i) -> __m512 {
        here!(_mm512_cvtepi32_ps(a))
    }
    #[inline(always)]
    fn whole(self, a: __m512) -> __m512i {
        here!(_mm512_cvttps_epi32(a))
    }
    #[inline(always)]
    fn add_wholes(self, a: __m512i, b: __m512i) -> __m512i {
        here!(_mm512_add_epi32(a, b))
    }
    #[inline(always)]
    fn max_wholes(self, a: __m512i, b: __m512i) -> __m512i {
        here!(_mm512_max_epi32(a, b))
    }
    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        here!(_mm512_or_si512(a, b))
    }
    #[inline(always)]
    fn shifted<const LEFT: u32>(self, a: __m512i) -> __m512i {
        here!(_mm512_slli_epi32::<LEFT>(a))
    }
    #[inline(always)]
    fn entries(self, curve: &Curve, entry: __m512i) -> [__m512; 3] {
        // A number too great for an entry has become 0x8000_0000, which is the greatest of all without a sign: every entry is
        // at most ENTRIES - 1, and the table has ENTRIES pairs of eight bytes.
        let entry = here!(_mm512_min_epu32(entry, _mm512_set1_epi32(ENTRIES as i32 - 1)));
        let pairs = std::ptr::from_ref(curve).cast::<f64>();
        let low = here!(_mm512_i32gather_pd::<8>(_mm512_castsi512_si256(entry), pairs));
        let high = here!(_mm512_i32gather_pd::<8>(_mm512_extracti64x4_epi64::<1>(entry), pairs));
        let (low, high) = (here!(_mm512_castpd_ps(low)), here!(_mm512_castpd_ps(high)));
        let even = here!(_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
        let odd = here!(_mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
        [self.real(entry), here!(_mm512_permutex2var_ps(low, even, high)), here!(_mm512_permutex2var_ps(low, odd, high))]
    }
}
