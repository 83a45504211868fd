//! What is guaranteed of deadlines: what must leave is told with its day and with what stands in its way, and as a calendar that others read.

use std::process::Command;

use conserva::messages::{Lang, Message};
use conserva::scadenza::{Oggetto, Scadenza, Urgenza, calendar};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use rustix::process::Signal;

use super::calendar::interpreter;
use super::stage::Stage;
use super::watch::{Daemon, limit, until};
use crate::norms::say;

fn one(id: &str, due: Date, blocked: bool) -> Scadenza {
    let why = vec![Message::new("due-held").with("count", 3), Message::new("due-not-packaged").with("count", 12)];
    let (oggetto, urgenza) = (Oggetto::Fascicolo, Urgenza::Due);
    Scadenza { due, oggetto, id: id.to_owned(), urgenza, documents: 15, blocked, why, rule: "CAD 44 c. 1-bis, D-02" }
}

#[test]
fn the_calendar_is_read_by_another_reader_as_what_was_written() {
    const ASK: &str = "
import icalendar, sys
calendar = icalendar.Calendar.from_ical(open(sys.argv[1], 'rb').read())
for event in calendar.walk('VEVENT'):
    assert not event.errors, event.errors
    print(event['UID'], event.decoded('DTSTART'), event.decoded('DTEND'), str(event['SUMMARY']), repr(str(event['DESCRIPTION'])), sep='|')
";
    let ids = ["2024/VI.3/1", "2024/VI.3/2, con; segni \\ è lungo ".repeat(4).leak() as &str, "RG-X912 2024-03-12"];
    let all: Vec<Scadenza> = ids.iter().zip(1..).map(|(id, n)| one(id, date(2024, 12, 27 + n), n == 2)).collect();
    let text = calendar(&all, ("c_x912", Timestamp::UNIX_EPOCH, Lang::It));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("due.ics");
    std::fs::write(&path, &text).expect("written");
    let run = interpreter().and_then(|python| Command::new(python).args(["-c", ASK]).arg(&path).output().ok());
    let Some(run) = run else { return say("NOT CHECKED: the reader of calendars of PyPI is not installed") };
    let error = String::from_utf8_lossy(&run.stderr).into_owned();
    if error.contains("No module named 'icalendar'") {
        return say("NOT CHECKED: the reader of calendars of PyPI is not installed");
    }
    assert!(run.status.success(), "{error}");
    let read = String::from_utf8_lossy(&run.stdout).into_owned();
    let lines: Vec<Vec<&str>> = read.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(lines.len(), all.len(), "{read}");
    for (line, one) in lines.iter().zip(&all) {
        assert_eq!((line[1], line[2]), (one.due.to_string().as_str(), one.due.tomorrow().expect("a day").to_string().as_str()));
        assert_eq!(line[3], format!("Fascicolo: {}", one.id));
        let why: Vec<String> = one.why.iter().map(|why| why.sentence(Lang::It)).collect();
        assert_eq!(line[4].trim_matches(['\'', '"']), why.join("\\n"));
    }
}

#[test]
fn what_must_leave_is_told_with_its_day_and_with_what_stands_in_its_way() {
    let stage = Stage::with_archive();
    assert!(stage.json(&["due"], &[0]).is_empty());
    let path = stage.path("r.csv");
    // A Friday; the office of the samples is closed on Saturdays.
    std::fs::write(&path, "numero,data,verso,oggetto\n1,2024-03-08,I,Nota\n").expect("written");
    stage.json(&["registro", "import", path.to_str().expect("a path")], &[0]);
    let told = stage.json(&["due"], &[1]).remove(0);
    assert_eq!((&told["due"], &told["urgenza"]), (&"2024-03-11".into(), &"late".into()), "{told}");
    assert_eq!((&told["why"][0]["code"], &told["blocked"]), (&"due-not-made".into(), &false.into()));
    stage.json(&["registro", "make"], &[0]);
    assert_eq!(stage.json(&["due"], &[1])[0]["why"][0]["code"], "due-not-packaged");
    stage.json(&["package"], &[0]);
    let told = stage.json(&["due", "--ical", stage.path("due.ics").to_str().expect("a path")], &[1]).remove(0);
    assert_eq!(
        (&told["why"][0]["code"], &told["blocked"]),
        (&"due-not-sealed".into(), &true.into()),
        "nothing has left yet: {told}"
    );
    assert!(std::fs::read_to_string(stage.path("due.ics")).expect("a calendar").contains("DTSTART;VALUE=DATE:20240311\r\n"));
    assert!(stage.json(&["due", "--until", "2024-03-10"], &[0]).is_empty());
}

#[test]
fn a_document_is_due_when_the_plan_says_and_its_fascicolo_within_a_year() {
    let stage = Stage::with_archive();
    let plan = stage.path("piano.csv");
    std::fs::write(&plan, "titolo,classe,tipo,anni,nota,versamento_giorni\n,,fattura,10,,15\n").expect("written");
    stage.json(&["retention", "import", plan.to_str().expect("a path")], &[0]);
    let path = stage.path("nota.txt");
    let text = "CONSORZIO ACQUE CHIARE\n\nComune di Roccamirta\nPROTOCOLLO GENERALE\nN. 0000011/2025\ndel 10/03/2025 - ARRIVO\n\nOggetto: fattura\n";
    std::fs::write(&path, text).expect("written");
    let line = stage.json(&["ingest", path.to_str().expect("a path")], &[0, 1]).remove(0);
    let id = line["documents"][0].as_str().expect("a document").to_owned();
    stage.json(&["review", &id, "--set", "tipo=fattura", "--set", "voce=IV.4", "--approve"], &[0, 1]);
    let told = stage.json(&["due"], &[1]);
    let of = |oggetto: &str| told.iter().find(|one| one["oggetto"] == oggetto).unwrap_or_else(|| panic!("{oggetto}: {told:?}"));
    assert_eq!((&of("documento")["due"], &of("documento")["id"]), (&"2025-03-25".into(), &id.as_str().into()));
    let serie = of("serie");
    assert_eq!((&serie["id"], &serie["urgenza"]), (&"2025/fattura".into(), &"due".into()));
}

#[test]
fn the_daemon_makes_and_packages_registers_of_days_that_are_over_and_leaves_a_day_that_may_not_be_complete() {
    let stage = Stage::with_archive();
    limit(&stage, "due_seconds", 300, 1);
    let path = stage.path("r.csv");
    let today = jiff::Timestamp::now().in_tz("Europe/Rome").expect("a zone").date();
    std::fs::write(&path, format!("numero,data,verso,oggetto\n1,2024-03-08,I,Nota\n2,{today},I,Oggi\n")).expect("written");
    stage.json(&["registro", "import", path.to_str().expect("a path")], &[0]);
    let daemon = Daemon::start(&stage, &[]);
    let first = || stage.json(&["registro", "show"], &[0]).remove(0);
    until("the register of the day is made and packaged", 60, || {
        let day = first();
        day["document"][1] == "packaged" || stage.json(&["list", "pdv"], &[0]).iter().any(|pdv| pdv["state"] == "built")
    });
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert_eq!(first()["made"]["by"], "conserva watch");
    let today = stage.json(&["registro", "show"], &[0]).remove(1);
    assert!(today["made"].is_null(), "a day that is not over: {today}");
    assert_eq!(stage.json(&["list", "pdv"], &[0]).len(), 1, "once, however often it looks");
}
