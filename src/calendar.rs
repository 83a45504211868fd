//! On which days is Italy closed, and on which does an ente work? Sundays and the civil holidays (legge 260/1949 and its changes), the
//! day of the ente's patron saint, Saturday where it is no working day: for terms of law that end on one or count working days (D-01).

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

use crate::ente::Ente;

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

/// The working days of one ente.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calendario {
    /// Month and day of the patron saint, where the ente has told it.
    pub patrono: Option<(i8, i8)>,
    /// True if offices work on Saturdays.
    pub sabato_lavorativo: bool,
}

/// Most days that are looked through for a working day: the longest run of holidays and of all that an ente may add is shorter.
const DAYS_MAX: usize = 30;

impl Calendario {
    /// That of `ente`. A day of the patron saint that is no day was refused when the ente was read; one that slipped in is none.
    pub fn of(ente: &Ente) -> Self {
        Self { patrono: ente.santo_patrono.as_deref().and_then(month_and_day), sabato_lavorativo: ente.sabato_lavorativo }
    }

    /// True if the ente's offices work on `day`: no Sunday, no civil holiday, not its patron saint's day, no Saturday where that is free.
    pub fn is_working(&self, day: Date) -> bool {
        let is_free_saturday = !self.sabato_lavorativo && day.weekday() == Weekday::Saturday;
        !is_holiday(day) && !is_free_saturday && self.patrono != Some((day.month(), day.day()))
    }

    /// The first working day after `day`; none at the end of time.
    pub fn next_working_day(&self, day: Date) -> Option<Date> {
        let mut next = day;
        for _ in 0..DAYS_MAX {
            next = next.tomorrow().ok()?;
            if self.is_working(next) {
                return Some(next);
            }
        }
        None
    }
}

/// Month and day of a text `MM-DD`; none where the year has no such day (the 29th of February is one: it comes every fourth year).
pub fn month_and_day(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    let number = |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i8>().ok())?;
    let (month, day) = (number(month)?, number(day)?);
    // A leap year has them all.
    Date::new(2024, month, day).ok().map(|_| (month, day))
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
    #[test]
    fn the_register_of_a_friday_is_due_on_the_day_on_which_the_office_opens_again() {
        let five = Calendario { patrono: Some((6, 24)), sabato_lavorativo: false };
        let six = Calendario { sabato_lavorativo: true, ..five };
        assert_eq!(five.next_working_day(date(2024, 3, 8)), Some(date(2024, 3, 11)));
        assert_eq!(six.next_working_day(date(2024, 3, 8)), Some(date(2024, 3, 9)));
        // Good Friday is none; Easter Monday is.
        assert_eq!(five.next_working_day(date(2024, 3, 29)), Some(date(2024, 4, 2)));
        // Saint John, a Monday in 2024: of this ente only.
        assert_eq!(five.next_working_day(date(2024, 6, 21)), Some(date(2024, 6, 25)));
        let other = Calendario { patrono: None, ..five };
        assert_eq!(other.next_working_day(date(2024, 6, 21)), Some(date(2024, 6, 24)));
        assert_eq!(five.next_working_day(date(9999, 12, 31)), None);
    }

    #[test]
    fn a_patron_saint_has_a_day_of_the_year_or_none() {
        assert_eq!(month_and_day("06-24"), Some((6, 24)));
        assert_eq!(month_and_day("02-29"), Some((2, 29)));
        for text in ["", "6-24", "06-31", "13-01", "02-30", "24/06", "06-24-1", "+6-24", "-6-24"] {
            assert_eq!(month_and_day(text), None, "{text}");
        }
    }
}
