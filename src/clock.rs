//! What time is it? The only place that asks the machine; everything else is told (invariant 12).

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// The house's clock: the machine's, or one that a test holds still.
#[derive(Debug, Clone, Copy, Default)]
pub enum Clock {
    /// The machine's clock, in UTC.
    #[default]
    System,
    /// A clock that stands still.
    Fixed(Timestamp),
}

impl Clock {
    /// The present instant, UTC, cut to whole microseconds (what every store can hold).
    #[expect(clippy::disallowed_methods, reason = "the one reading of the machine's clock")]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => Timestamp::now(),
            Self::Fixed(instant) => *instant,
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

/// The civil date of `instant` in the ente's zone (dates of law, invariant 12). An unknown zone counts as Europe/Rome.
pub fn date_of_law(instant: Timestamp, zone: &str) -> Date {
    let zone = TimeZone::get(zone).or_else(|_| TimeZone::get("Europe/Rome")).unwrap_or(TimeZone::UTC);
    instant.to_zoned(zone).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_dates_by_the_clock_of_rome() {
        let instant: Timestamp = "2025-12-31T23:30:00Z".parse().expect("an instant");
        assert_eq!(date_of_law(instant, "Europe/Rome").to_string(), "2026-01-01");
        assert_eq!(date_of_law(instant, "Luna/Mare"), date_of_law(instant, "Europe/Rome"));
    }
}
