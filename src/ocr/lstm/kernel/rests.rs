//! What are weights too large by? Where products of bytes are added in sixteen bits, weights of one sign may come to 128 together; what
//! is above that is multiplied once more, apart.

use super::FOUR;

/// The most that weights of one sign may come to where products are added in sixteen bits: 255 times that is 32,640.
const TOGETHER: i32 = 128;

/// What the weights of a row have left for two quads of inputs: four weights for each, none of them too large together. A quad is a
/// word, and words stand apart, since a processor spreads a word that it loads and not half of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rest {
    /// Numbers of the two quads.
    pub(super) quads: [u32; 2],
    /// The weights for each; nothing where a row has less left than others.
    pub(super) words: [u32; 2],
}

/// Four weights for a quad of inputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    pub(super) quad: u32,
    pub(super) weights: [i8; 4],
}

/// The weights for two quads, the same without what they are too large by, and that: the first two and the last two of one quad are
/// added to those of the other.
pub(super) fn split(first: u32, mut weights: [[i8; 4]; 2]) -> ([[i8; 4]; 2], Vec<Left>) {
    let kept = taken(&mut weights);
    let mut left = Vec::new();
    for (quad, mut weights) in (first..).zip(weights) {
        while weights != [0; 4] {
            let [weights] = taken(std::array::from_mut(&mut weights));
            left.push(Left { quad, weights });
        }
    }
    (kept, left)
}

/// Takes as much of weights whose products are added as may be, quad by quad.
fn taken<const QUADS: usize>(weights: &mut [[i8; 4]; QUADS]) -> [[i8; 4]; QUADS] {
    // Of each of the two sums, what may still be added and taken away.
    let mut room = [[TOGETHER; 2]; 2];
    let mut kept = [[0; 4]; QUADS];
    for (kept, weights) in kept.iter_mut().zip(weights) {
        for (at, (kept, weight)) in kept.iter_mut().zip(weights).enumerate() {
            let [more, less] = &mut room[at / 2];
            let part = i32::from(*weight).clamp(-*less, *more);
            *more -= part.max(0);
            *less += part.min(0);
            *kept = part as i8;
            *weight -= *kept;
        }
    }
    kept
}

/// What four rows have left, side by side: as many as the row has that has most.
pub(super) fn laid(rows: [&[Rest]; FOUR]) -> impl Iterator<Item = [Rest; FOUR]> {
    let most = rows.iter().map(|rests| rests.len()).max().unwrap_or(0);
    (0..most).map(move |nth| rows.map(|rests| rests.get(nth).copied().unwrap_or_default()))
}

/// Two and two that are not too large together; one alone where nothing fits beside it.
pub(super) fn pairs(mut left: Vec<Left>) -> Vec<Rest> {
    let mut rests = Vec::new();
    while let Some(one) = left.pop() {
        let beside = left.iter().rposition(|other| taken(&mut [one.weights, other.weights]) == [one.weights, other.weights]);
        let other = beside.map_or(Left { quad: one.quad, weights: [0; 4] }, |at| left.remove(at));
        let word = |weights: [i8; 4]| u32::from_le_bytes(weights.map(i8::cast_unsigned));
        rests.push(Rest { quads: [one.quad, other.quad], words: [word(one.weights), word(other.weights)] });
    }
    rests
}

#[cfg(test)]
mod tests {
    use super::super::super::trial::Dice;
    use super::*;

    /// The largest sum of sixteen bits that weights can bring, and the smallest.
    fn sums(weights: &[[i8; 4]]) -> Vec<i32> {
        let of = |from: usize, sign: i32| {
            let two = weights.iter().flat_map(|four| &four[from..from + 2]);
            two.map(|weight| (sign * i32::from(*weight)).max(0)).sum::<i32>() * 255
        };
        vec![of(0, 1), of(2, 1), of(0, -1), of(2, -1)]
    }

    fn weights(dice: &mut Dice, round: u32) -> [[i8; 4]; 2] {
        [[0; 4]; 2].map(|four| {
            four.map(|_: i32| match dice.below(4) + round as usize % 2 {
                0 => 127,
                1 => -128,
                _ => dice.next() as i8,
            })
        })
    }

    #[test]
    fn split_weights_come_to_the_same_and_no_sum_of_sixteen_bits_runs_over() {
        let mut dice = Dice(0xd0b1);
        let mut most = 0;
        for round in 0..20_000 {
            let weights = weights(&mut dice, round);
            let (kept, left) = split(6, weights);
            most = most.max(left.len());
            for (quad, four) in (6..).zip(weights) {
                for (at, weight) in four.iter().enumerate() {
                    let parts = left.iter().filter(|left| left.quad == quad).map(|left| i32::from(left.weights[at]));
                    assert_eq!(i32::from(kept[quad as usize - 6][at]) + parts.sum::<i32>(), i32::from(*weight));
                }
            }
            let all = std::iter::once(kept.to_vec()).chain(left.iter().map(|left| vec![left.weights]));
            for part in all {
                assert!(sums(&part).iter().all(|sum| *sum <= i32::from(i16::MAX)), "{part:?}");
            }
        }
        assert_eq!(most, 3, "four of the largest leave three quads");
        let (kept, left) = split(0, [[0; 4]; 2]);
        assert!(kept == [[0; 4]; 2] && left.is_empty());
    }

    #[test]
    fn what_rows_have_left_is_laid_two_and_two_and_nothing_is_lost() {
        let mut dice = Dice(7);
        for round in 0..2_000 {
            let mut given = [0_i64; FOUR];
            let rows: [Vec<Rest>; FOUR] = std::array::from_fn(|row| {
                let some =
                    (0..dice.below(6) as u32).flat_map(|at| split(2 * at, weights(&mut dice, round)).1).collect::<Vec<_>>();
                given[row] = some.iter().map(|left| worth(left.quad, left.weights)).sum();
                pairs(some)
            });
            let laid: Vec<_> = laid(rows.each_ref().map(Vec::as_slice)).collect();
            for (row, given) in given.iter().enumerate() {
                let rests = laid.iter().map(|four| four[row]);
                let found = rests.map(|Rest { quads, words }| {
                    let weights = words.map(|word| word.to_le_bytes().map(u8::cast_signed));
                    assert!(sums(&weights).iter().all(|sum| *sum <= i32::from(i16::MAX)), "{weights:?}");
                    worth(quads[0], weights[0]) + worth(quads[1], weights[1])
                });
                assert_eq!(found.sum::<i64>(), *given);
            }
        }
    }

    /// What weights bring over inputs that are all different.
    fn worth(quad: u32, weights: [i8; 4]) -> i64 {
        weights.iter().enumerate().map(|(at, weight)| i64::from(*weight) * (1_000 + 37 * i64::from(quad) + at as i64)).sum()
    }
}
