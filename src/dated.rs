//! Which version was in force on that day? Tables that an ente decides anew from time to time; what has been decided stays.

use jiff::civil::Date;

/// Versions of a table, each in force from its day on until the next one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<T>(Vec<(Date, T)>);

impl<T> Default for Dated<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Dated<T> {
    /// The versions, in any order; of two of one day the later one of the list counts.
    pub fn new(versions: impl IntoIterator<Item = (Date, T)>) -> Self {
        let mut versions: Vec<(Date, T)> = versions.into_iter().collect();
        versions.sort_by_key(|(from, _)| *from);
        Self(versions)
    }

    /// The version in force on `day`; none where the first one came later.
    pub fn on(&self, day: Date) -> Option<&T> {
        let after = self.0.partition_point(|(from, _)| *from <= day);
        after.checked_sub(1).and_then(|at| self.0.get(at)).map(|(_, version)| version)
    }

    /// All versions, oldest first, with the day from which each is in force.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &(Date, T)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn each_version_counts_from_its_day_until_the_day_before_the_next() {
        let versions = Dated::new([(date(2026, 1, 1), "new"), (date(1995, 5, 3), "old"), (date(2026, 1, 1), "newest")]);
        let on = |year, month, day| versions.on(date(year, month, day)).copied();
        assert_eq!(on(1995, 5, 2), None);
        assert_eq!(on(1995, 5, 3), Some("old"));
        assert_eq!(on(2025, 12, 31), Some("old"));
        assert_eq!(on(2026, 1, 1), Some("newest"));
        assert_eq!(Dated::<()>::default().on(date(2026, 1, 1)), None);
    }
}
