//! The days on which Italy is closed are those that another calendar has, which none of us wrote.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use conserva::calendar::{Calendario, is_holiday};
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday, date};

use crate::norms::say;

/// The interpreter of the judges from PyPI, which lies beside the program of one of them.
#[expect(clippy::disallowed_methods, reason = "a test looks for a judge where the shell would")]
pub fn interpreter() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("bagit.py"))
        .find(|judge| judge.exists())?
        .parent()
        .map(|bin| bin.join("python3"))
}

#[test]
fn thirty_years_of_holidays_are_those_of_an_independent_calendar() {
    const ASK: &str = "import holidays\nfor day in holidays.country_holidays('IT', years=range(2001, 2031)): print(day)";
    let run = interpreter().and_then(|python| Command::new(python).args(["-c", ASK]).output().ok());
    let Some(run) = run.filter(|run| run.status.success()) else {
        return say("NOT CHECKED: the calendar of PyPI is not installed");
    };
    let weekday = |day: &Date| day.weekday() != Weekday::Sunday;
    let theirs: BTreeSet<Date> =
        String::from_utf8_lossy(&run.stdout).lines().map(|day| day.parse().expect("a date")).filter(weekday).collect();
    let days = date(2001, 1, 1).series(1.day()).take_while(|day| day.year() <= 2030);
    let ours: BTreeSet<Date> = days.filter(|day| weekday(day) && is_holiday(*day)).collect();
    assert_eq!(ours, theirs);
    assert!(ours.len() > 250, "{} days", ours.len());
}

#[test]
fn twenty_years_of_working_days_of_three_enti_are_those_of_an_independent_calendar() {
    // Saint Ambrose (Milan), Saints Peter and Paul (Rome), Saint Januarius (Naples); the second works on Saturdays.
    const ASK: &str = "
import datetime, holidays, sys
italy = holidays.country_holidays('IT', years=range(2016, 2037))
for month, day, saturday in ((12, 7, 0), (6, 29, 1), (9, 19, 0)):
    now, end = datetime.date(2016, 1, 1), datetime.date(2036, 1, 1)
    while now < end:
        free = now.weekday() == 6 or (now.weekday() == 5 and not saturday) or now in italy or (now.month, now.day) == (month, day)
        if not free: print(month, now)
        now += datetime.timedelta(days=1)
";
    let run = interpreter().and_then(|python| Command::new(python).args(["-c", ASK]).output().ok());
    let Some(run) = run.filter(|run| run.status.success()) else {
        return say("NOT CHECKED: the calendar of PyPI is not installed");
    };
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    for (patrono, sabato_lavorativo) in [((12, 7), false), ((6, 29), true), ((9, 19), false)] {
        let of = format!("{} ", patrono.0);
        let theirs: Vec<Date> =
            told.lines().filter_map(|line| line.strip_prefix(&of)).map(|day| day.parse().expect("a date")).collect();
        let calendario = Calendario { patrono: Some(patrono), sabato_lavorativo };
        let days = date(2016, 1, 1).series(1.day()).take_while(|day| day.year() < 2036);
        let ours: Vec<Date> = days.filter(|day| calendario.is_working(*day)).collect();
        assert_eq!(ours, theirs, "{patrono:?}");
        assert!(ours.len() > 20 * 245, "{} days", ours.len());
        for pair in ours.windows(2) {
            let each_day_between = pair[0].series(1.day()).take_while(|day| *day < pair[1]);
            each_day_between.for_each(|day| assert_eq!(calendario.next_working_day(day), Some(pair[1]), "{day}"));
        }
    }
}
