//! On which days is Italy closed? Sundays and the civil holidays (legge 260/1949 and its changes), for terms of law that end on one.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

/// Civil holidays by month and day, with the first year in which they are such. The calendar is right from 2001 on, when the second of
/// June came back (legge 336/2000); the fourth of October is one from 2026 on (legge 151/2025).
const HOLIDAYS: [(i8, i8, i16); 11] = [
    (1, 1, 0),
    (1, 6, 0),
    (4, 25, 0),
    (5, 1, 0),
    (6, 2, 0),
    (8, 15, 0),
    (10, 4, 2026),
    (11, 1, 0),
    (12, 8, 0),
    (12, 25, 0),
    (12, 26, 0),
];
/// The one day that was a holiday once: 150 years of Italy (decreto-legge 5/2011).
const ONCE: (i16, i8, i8) = (2011, 3, 17);

/// True of a Sunday or a civil holiday.
pub fn is_holiday(day: Date) -> bool {
    let (year, month, number) = (day.year(), day.month(), day.day());
    day.weekday() == Weekday::Sunday
        || HOLIDAYS.iter().any(|(m, d, since)| (*m, *d) == (month, number) && *since <= year)
        || (year, month, number) == ONCE
        || day.yesterday().is_ok_and(|day| (day.month(), day.day()) == easter(year))
}

/// The day on which a term of so many days from `start` ends: one that would end on a holiday ends on the next day that is none (codice
/// civile, art. 2963). None beyond the end of time.
pub fn term(start: Date, days: u32) -> Option<Date> {
    let mut day = start.checked_add(i64::from(days).days()).ok()?;
    while is_holiday(day) {
        day = day.tomorrow().ok()?;
    }
    Some(day)
}

/// Month and day of Easter in the Gregorian calendar (the algorithm of Meeus, Jones and Butcher).
fn easter(year: i16) -> (i8, i8) {
    let year = i32::from(year);
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let moon = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - moon + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    ((days / 31) as i8, (days % 31 + 1) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn easter_falls_where_the_almanacs_have_it() {
        for (year, month, day) in [(2008, 3, 23), (2011, 4, 24), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2038, 4, 25)] {
            assert_eq!(easter(year), (month, day), "{year}");
        }
    }

    #[test]
    fn a_term_that_would_end_on_a_holiday_ends_on_the_next_day_that_is_none() {
        // Saturday is no holiday; Easter Sunday and Monday both are.
        assert_eq!(term(date(2024, 3, 1), 29), Some(date(2024, 3, 30)));
        assert_eq!(term(date(2024, 3, 1), 30), Some(date(2024, 4, 2)));
        // Christmas, Saint Stephen, then a Sunday.
        assert_eq!(term(date(2025, 11, 25), 30), Some(date(2025, 12, 27)));
        assert_eq!(term(date(2026, 12, 5), 20), Some(date(2026, 12, 28)));
        // The fourth of October is a holiday from 2026 on.
        assert_eq!(term(date(2025, 9, 4), 30), Some(date(2025, 10, 4)));
        assert!(is_holiday(date(2027, 10, 4)) && !is_holiday(date(2024, 10, 4)));
        assert_eq!(term(date(9999, 12, 1), 60), None);
    }
}
