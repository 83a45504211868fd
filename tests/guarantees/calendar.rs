//! The days on which Italy is closed are those that another calendar has, which none of us wrote.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use conserva::calendar::is_holiday;
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday, date};

use crate::norms::say;

/// The interpreter of the judges from PyPI, which lies beside the program of one of them.
#[expect(clippy::disallowed_methods, reason = "a test looks for a judge where the shell would")]
fn interpreter() -> Option<PathBuf> {
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
