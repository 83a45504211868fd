//! Which line runs in which lane? Lines lie end to end in sixteen lanes, the longest first, each in the lane that is shortest.

use super::kernel::LANES;

/// Where a line runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the line among those packed.
    pub(super) line: usize,
    /// Its lane.
    pub(super) lane: usize,
    /// Its first step.
    pub(super) start: usize,
    /// How many steps it takes; never none.
    pub(super) steps: usize,
}

/// Lines in lanes.
#[derive(Debug)]
pub(super) struct Packing {
    /// Steps of the longest lane.
    pub(super) steps: usize,
    /// Lanes in use, from the first on.
    pub(super) lanes: usize,
    pub(super) places: Vec<Place>,
    /// For each step, one bit for each lane where a line begins; and where one ends.
    pub(super) begins: Vec<u16>,
    pub(super) ends: Vec<u16>,
}

impl Packing {
    /// Packs lines of so many steps each; those of none are left out.
    pub(super) fn of(lengths: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..lengths.len()).filter(|line| lengths[*line] > 0).collect();
        order.sort_by_key(|line| std::cmp::Reverse(lengths[*line]));
        let mut filled = [0_usize; LANES];
        let mut places = Vec::with_capacity(order.len());
        for line in order {
            let lane = (0..LANES).min_by_key(|lane| filled[*lane]).unwrap_or(0);
            places.push(Place { line, lane, start: filled[lane], steps: lengths[line] });
            filled[lane] += lengths[line];
        }
        let steps = filled.into_iter().max().unwrap_or(0);
        let (mut begins, mut ends) = (vec![0; steps], vec![0; steps]);
        for place in &places {
            begins[place.start] |= 1 << place.lane;
            ends[place.start + place.steps - 1] |= 1 << place.lane;
        }
        let lanes = places.len().min(LANES);
        Self { steps, lanes, places, begins, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_own_steps_and_lanes_are_filled_evenly() {
        let lengths: Vec<usize> = (0..100).map(|line| line * 37 % 91).collect();
        let packing = Packing::of(&lengths);
        let mut taken = vec![[false; LANES]; packing.steps];
        for place in &packing.places {
            assert_eq!(place.steps, lengths[place.line]);
            for row in &mut taken[place.start..place.start + place.steps] {
                assert!(!std::mem::replace(&mut row[place.lane], true), "two lines in one place");
            }
        }
        assert_eq!(packing.places.len(), lengths.iter().filter(|length| **length > 0).count());
        let all: usize = lengths.iter().sum();
        assert!(packing.steps <= all.div_ceil(LANES) + 91, "{} steps for {all}", packing.steps);
        assert_eq!(packing.begins.iter().map(|bits| bits.count_ones()).sum::<u32>() as usize, packing.places.len());
        assert_eq!(packing.ends.iter().map(|bits| bits.count_ones()).sum::<u32>() as usize, packing.places.len());
    }

    #[test]
    fn no_lines_take_no_steps() {
        assert_eq!(Packing::of(&[0, 0]).steps, 0);
    }
}
