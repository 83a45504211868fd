//! Has this file come to rest? Decided from two looks and the clock; nothing here touches the disk.

use std::collections::BTreeMap;

/// Longest wait between two tries of a file that cannot be admitted as it stands, milliseconds: five minutes.
const STUCK_MS_MAX: u64 = 300_000;

/// Clocks that differ by more since the last look were set, milliseconds.
const DRIFT_MS_MAX: u64 = 1_000;

/// What is remembered of the files that wait in one inbox: a small record each, so that 100,000 of them cost some
/// megabytes; beyond the ceiling none, and those files are looked at again when there are fewer.
#[derive(Debug)]
pub struct Settling {
    files: BTreeMap<u64, Waiting>,
    records_max: usize,
    round: u32,
    /// The clock that never goes back and the time of day at the last look, milliseconds.
    last: Option<(u64, i64)>,
    /// When a look found that the time of day had been set, by the clock that never goes back.
    set_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Digest of all that a look sees: another value is another state of the file.
    mark: u64,
    /// When this state was first seen, milliseconds of a clock that never goes back.
    since_ms: u64,
    /// Not tried again before.
    not_before_ms: u64,
    /// Tries that failed.
    strikes: u32,
    /// The round that saw it last.
    round: u32,
}

/// What may be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It changed lately.
    Moving,
    /// It has stood for the time given, but a try failed, and the next is not due.
    Stuck,
    /// It has stood long enough; if it still ends early, it may be waited for.
    Settled,
    /// It has stood so long that it is taken even if it ends early.
    Final,
    /// It has stood so long that it is taken even if somebody still has it open for writing.
    Overdue,
}

/// The times that tell rest from movement, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Unchanged for so long: settled.
    pub settle_ms: u64,
    /// Unchanged for so long: taken even if it ends early.
    pub incomplete_ms: u64,
    /// Unchanged for so long: taken even if it is open for writing.
    pub open_ms: u64,
}

impl Settling {
    /// Remembers at most `records_max` files.
    pub fn new(records_max: usize) -> Self {
        Self { files: BTreeMap::new(), records_max, round: 0, last: None, set_ms: None }
    }

    /// A look through the whole inbox begins at `now_ms` of a clock that never goes back, when the time of day is `day_ms`. Where
    /// the two have not gone on together since the last look, somebody has set the clock or the machine has slept: then no file
    /// counts as older than that moment.
    pub fn begin(&mut self, (now_ms, day_ms): (u64, i64)) {
        self.round = self.round.wrapping_add(1);
        if let Some((last_ms, last_day_ms)) = self.last.replace((now_ms, day_ms)) {
            let went = i64::try_from(now_ms.saturating_sub(last_ms)).unwrap_or(i64::MAX);
            let drift = day_ms.saturating_sub(last_day_ms).saturating_sub(went);
            if drift.unsigned_abs() > DRIFT_MS_MAX {
                self.set_ms = Some(now_ms);
            }
        }
    }

    /// The look is complete: what it did not see is gone.
    pub fn end(&mut self) {
        let round = self.round;
        self.files.retain(|_, file| file.round == round);
    }

    /// How many files are remembered.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// The file `key`, seen in the state `mark` at `now_ms`, its last change `age_ms` ago by its file system (where that
    /// clock is ours; else 0: then only two looks count).
    pub fn look(&mut self, (key, mark): (u64, u64), (now_ms, age_ms): (u64, u64), patience: Patience) -> Rest {
        let round = self.round;
        let fresh = Waiting { mark, since_ms: now_ms, not_before_ms: 0, strikes: 0, round };
        let is_known = self.files.contains_key(&key);
        let mut unremembered = fresh;
        let file = if is_known || self.files.len() < self.records_max {
            self.files.entry(key).or_insert(fresh)
        } else {
            &mut unremembered
        };
        if file.mark != mark {
            *file = fresh;
        }
        file.round = round;
        let age_ms = self.set_ms.map_or(age_ms, |set_ms| age_ms.min(now_ms.saturating_sub(set_ms)));
        let still_ms = now_ms.saturating_sub(file.since_ms).max(age_ms);
        if now_ms < file.not_before_ms {
            Rest::Stuck
        } else if still_ms < patience.settle_ms {
            Rest::Moving
        } else if still_ms < patience.incomplete_ms {
            Rest::Settled
        } else if still_ms < patience.open_ms {
            Rest::Final
        } else {
            Rest::Overdue
        }
    }

    /// A try with the file `key` failed for reasons of its own: the next is due after 1, 2, 4 … seconds. A change of the
    /// file makes it a new one.
    pub fn strike(&mut self, key: u64, now_ms: u64) {
        if let Some(file) = self.files.get_mut(&key) {
            let wait_ms = 1_000_u64.checked_shl(file.strikes.min(20)).unwrap_or(STUCK_MS_MAX).min(STUCK_MS_MAX);
            file.strikes = file.strikes.saturating_add(1);
            file.not_before_ms = now_ms.saturating_add(wait_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { settle_ms: 2_000, incomplete_ms: 600_000, open_ms: 900_000 };

    fn look(settling: &mut Settling, mark: u64, now_ms: u64) -> Rest {
        settling.look((7, mark), (now_ms, 0), PATIENCE)
    }

    #[test]
    fn a_file_settles_when_two_looks_far_enough_apart_see_the_same() {
        let mut settling = Settling::new(10);
        assert_eq!(look(&mut settling, 1, 0), Rest::Moving);
        assert_eq!(look(&mut settling, 1, 1_999), Rest::Moving);
        assert_eq!(look(&mut settling, 1, 2_000), Rest::Settled);
        assert_eq!(look(&mut settling, 1, 599_999), Rest::Settled);
        assert_eq!(look(&mut settling, 1, 600_000), Rest::Final);
        assert_eq!(look(&mut settling, 1, 899_999), Rest::Final);
        assert_eq!(look(&mut settling, 1, 900_000), Rest::Overdue);
    }

    #[test]
    fn a_file_that_grows_begins_anew() {
        let mut settling = Settling::new(10);
        look(&mut settling, 1, 0);
        assert_eq!(look(&mut settling, 2, 5_000), Rest::Moving);
        assert_eq!(look(&mut settling, 2, 6_999), Rest::Moving);
        assert_eq!(look(&mut settling, 2, 7_000), Rest::Settled);
    }

    #[test]
    fn a_file_that_has_lain_there_for_long_needs_one_look_where_the_clock_is_ours() {
        let mut settling = Settling::new(10);
        assert_eq!(settling.look((7, 1), (0, 1_999), PATIENCE), Rest::Moving);
        assert_eq!(settling.look((8, 1), (0, 2_000), PATIENCE), Rest::Settled);
        assert_eq!(settling.look((9, 1), (0, 0), PATIENCE), Rest::Moving);
    }

    #[test]
    fn a_clock_that_is_set_makes_no_file_old() {
        const DAY: i64 = 86_400_000;
        for jump in [DAY, -DAY, 1_001, -1_001] {
            let mut settling = Settling::new(10);
            settling.begin((1_000, 500_000));
            settling.begin((2_000, 501_000 + jump));
            assert_eq!(settling.look((7, 1), (2_000, 90_000_000), PATIENCE), Rest::Moving, "{jump}");
            settling.begin((4_000, 503_000 + jump));
            assert_eq!(settling.look((8, 1), (4_000, 90_000_000), PATIENCE), Rest::Settled, "{jump}");
        }
        let mut settling = Settling::new(10);
        settling.begin((1_000, 500_000));
        settling.begin((2_000, 502_000));
        assert_eq!(settling.look((7, 1), (2_000, 90_000_000), PATIENCE), Rest::Overdue, "a clock that goes a little fast");
    }

    #[test]
    fn beyond_the_ceiling_nothing_is_remembered_until_others_have_left() {
        let mut settling = Settling::new(1);
        settling.begin((0, 0));
        settling.look((1, 1), (0, 0), PATIENCE);
        settling.look((2, 1), (0, 0), PATIENCE);
        assert_eq!(settling.count(), 1);
        assert_eq!(settling.look((2, 1), (9_000, 0), PATIENCE), Rest::Moving);
        settling.begin((9_000, 9_000));
        settling.look((2, 1), (9_000, 0), PATIENCE);
        settling.end();
        assert_eq!(settling.count(), 0, "the one that was seen had no record, the other is gone");
        settling.look((2, 1), (9_000, 0), PATIENCE);
        assert_eq!(settling.look((2, 1), (11_000, 0), PATIENCE), Rest::Settled);
    }

    #[test]
    fn a_failed_try_waits_longer_each_time_and_a_change_forgives() {
        let mut settling = Settling::new(10);
        look(&mut settling, 1, 0);
        settling.strike(7, 5_000);
        assert_eq!(look(&mut settling, 1, 5_999), Rest::Stuck);
        assert_eq!(look(&mut settling, 1, 6_000), Rest::Settled);
        settling.strike(7, 6_000);
        assert_eq!(look(&mut settling, 1, 7_999), Rest::Stuck);
        for _ in 0..40 {
            settling.strike(7, 10_000);
        }
        assert_eq!(look(&mut settling, 1, 10_000 + STUCK_MS_MAX - 1), Rest::Stuck);
        assert_ne!(look(&mut settling, 1, 10_000 + STUCK_MS_MAX), Rest::Stuck);
        settling.strike(7, 400_000);
        look(&mut settling, 2, 400_001);
        assert_eq!(look(&mut settling, 2, 402_001), Rest::Settled);
    }
}
