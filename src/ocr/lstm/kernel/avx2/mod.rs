//! The kernel of machines with AVX2: eight lanes at a time, 32 products of bytes in one instruction, added two and two in sixteen
//! bits (`rows.rs` sees to it that they never run over).
#![expect(unsafe_code, reason = "vector instructions: loads, stores and gathers take pointers")]
#![expect(clippy::inline_always, reason = "a machine's instructions are only made in functions that may use them, in one piece")]

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm_load_sd, _mm_loadh_pd, _mm256_add_epi32,
    _mm256_add_ps, _mm256_and_ps, _mm256_andnot_ps, _mm256_blendv_ps, _mm256_castpd_ps, _mm256_castsi256_ps, _mm256_cmp_ps,
    _mm256_cvtepi32_ps, _mm256_cvttps_epi32, _mm256_div_ps, _mm256_floor_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_max_epi32, _mm256_max_ps, _mm256_min_epu32,
    _mm256_min_ps, _mm256_mul_ps, _mm256_or_ps, _mm256_or_si256, _mm256_round_ps, _mm256_set_m128d, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_shuffle_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_storeu_si256,
    _mm256_sub_ps, _mm256_testz_si256,
};

use super::super::activation::{Curve, Curves, ENTRIES};
use super::rows::{BLOCK, EIGHT};
use super::vectors::{self, Vectors, byte, gates, parts, tanh, unit};
use super::{FOUR, LANES, Precision, ROWS, Room, Rows, Step, fours};
use sums::EMPTY;

mod sums;

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

#[target_feature(enable = "avx2,fma")]
fn step_with<const FAST: bool>(v: Avx2, rows: Rows<'_>, step: &mut Step<'_>, curves: &Curves) {
    let room = std::mem::take(step.room);
    let (mut sums, mut eights) = (EMPTY, rows.eights());
    let mut units = fours(step).zip(rows.scale.as_chunks::<{ 4 * FOUR }>().0).peekable();
    while units.peek().is_some() {
        sums::fill(&mut sums, eights.by_ref().take(BLOCK / EIGHT), &room);
        // The sums of a block are those of the rows of sixteen units; of the last one, of fewer.
        for (sums, ((states, outputs), scale)) in sums.as_chunks::<{ 4 * FOUR }>().0.iter().zip(&mut units) {
            for half in 0..=usize::from(room.are_both) {
                let mut made = [v.wholes(0); FOUR];
                let gated = sums.as_chunks::<FOUR>().0.iter().zip(scale.as_chunks::<FOUR>().0);
                for ((made, state), (sums, scale)) in made.iter_mut().zip(states.iter_mut()).zip(gated) {
                    let part = |gate: usize| &sums[gate][half * Avx2::WIDTH..];
                    let sums = [v.load_wholes(part(0)), v.load_wholes(part(1)), v.load_wholes(part(2)), v.load_wholes(part(3))];
                    *made = unit::<_, FAST>(v, gates(v, sums, scale), (parts::<Avx2>(state, half), curves));
                }
                let bytes = &mut outputs.as_chunks_mut::<32>().0[half];
                // SAFETY: the array has the 32 bytes that are written; the store needs no alignment.
                unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vectors::word(v, made)) };
            }
        }
    }
    drop(units);
    *step.room = room;
}

#[target_feature(enable = "avx2,fma")]
fn sums_with(v: Avx2, rows: Rows<'_>, room: &Room, out: &mut [f32]) {
    let (mut sums, mut eights) = (EMPTY, rows.eights());
    for (out, scale) in out.chunks_mut(BLOCK * LANES).zip(rows.scale.chunks(BLOCK)) {
        sums::fill(&mut sums, eights.by_ref().take(BLOCK / EIGHT), room);
        for ((out, sums), scale) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(&sums).zip(scale) {
            for half in 0..=usize::from(room.are_both) {
                let sum = v.load_wholes(&sums[half * Avx2::WIDTH..]);
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
        // Gathers take longer here than loads one by one.
        let mut at = [0_u32; 8];
        here!(_mm256_storeu_si256(at.as_mut_ptr().cast(), entry));
        let two = |a: u32, b: u32| here!(_mm_loadh_pd(_mm_load_sd(pairs.add(a as usize)), pairs.add(b as usize)));
        let low = here!(_mm256_castpd_ps(_mm256_set_m128d(two(at[4], at[5]), two(at[0], at[1]))));
        let high = here!(_mm256_castpd_ps(_mm256_set_m128d(two(at[6], at[7]), two(at[2], at[3]))));
        // Of each four pairs, the first numbers and the second ones.
        let first = here!(_mm256_shuffle_ps::<0b10_00_10_00>(low, high));
        let second = here!(_mm256_shuffle_ps::<0b11_01_11_01>(low, high));
        [self.real(entry), first, second]
    }
}
