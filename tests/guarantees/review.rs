//! The review desk on the command line: the queue, one decision about many, one key for one decision.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::stage::{Stage, said};

fn note(n: u32) -> String {
    format!(
        "DITTA ESEMPIO {n}\n\nSpett.le Comune di Roccamirta\n\nComune di Roccamirta\nPROTOCOLLO GENERALE\nN. 000{n}/2025\n\
         del 0{n}/02/2025 - ARRIVO\n\nOggetto: comunicazione numero {n} sui contatori\n\nSi comunica quanto in oggetto.\n"
    )
}

/// An archive with notes that wait, and their ids in the order of the queue.
fn waiting(count: u32) -> (Stage, Vec<String>) {
    let stage = Stage::with_archive();
    for n in 1..=count {
        let path = stage.path(&format!("nota{n}.txt"));
        std::fs::write(&path, note(n)).expect("written");
        stage.json(&["ingest", path.to_str().expect("a path")], &[0, 1]);
    }
    let queue = stage.json(&["review"], &[0, 1]);
    let ids = queue.iter().map(|line| line["id"].as_str().expect("an id").to_owned()).collect();
    (stage, ids)
}

#[test]
fn the_queue_says_how_long_a_document_waits_and_the_nearest_deadline_comes_first() {
    let (stage, ids) = waiting(2);
    assert_eq!(ids.len(), 2);
    let path = stage.path("accesso.txt");
    std::fs::write(&path, "Lia Fontana\n\nAl Comune di Roccamirta\n\nOggetto: richiesta di copia\n\nSi chiede copia.\n")
        .expect("written");
    let lines = stage.json(&["ingest", path.to_str().expect("a path")], &[0, 1]);
    let id = lines[0]["documents"][0].as_str().expect("a document").to_owned();
    // Without a protocollo it goes on waiting, whatever its tipo.
    stage.json(&["review", &id, "--set", "tipo=istanza_accesso_atti"], &[0, 1]);
    let queue = stage.json(&["review"], &[0, 1]);
    assert_eq!(queue.len(), 3);
    assert!(queue.iter().all(|line| line["days"] == 0), "{queue:#?}");
    let deadline = |line: &Value| line["deadline"].as_str().map(|day| day.parse::<jiff::civil::Date>().expect("a day"));
    assert_eq!(queue[0]["id"], Value::from(id), "the one with a deadline comes first: {queue:#?}");
    let today = jiff::Timestamp::now().in_tz("Europe/Rome").expect("the zone of the ente").date();
    let left = deadline(&queue[0]).expect("a deadline") - today;
    assert!((29..=30).contains(&left.get_days()), "thirty days from its arrival: {left}");
    assert_eq!((deadline(&queue[1]), deadline(&queue[2])), (None, None), "a letter opens no procedure");
}

#[test]
fn one_decision_about_many_is_shown_first_and_then_made_and_journalled_for_each() {
    let (stage, ids) = waiting(3);
    let asked = ["review", "--found", "contatori", "--set", "tipo=lettera", "--set", "voce=VI.8", "--approve"];
    let shown = stage.json(&asked, &[0]);
    assert_eq!(shown.len(), 3);
    for line in &shown {
        let change = line["changes"].as_array().expect("changes").iter().find(|c| c[0] == "voce").expect("the voce");
        assert_eq!((&change[2], &line["objection"]), (&Value::from("VI.8"), &Value::Null));
    }
    let states =
        |stage: &Stage| -> Vec<Value> { stage.json(&["list"], &[0]).into_iter().map(|row| row["state"].clone()).collect() };
    assert_eq!(states(&stage), ["held", "held", "held"], "a preview decides nothing");
    stage.json(&[&asked[..], &["--apply"]].concat(), &[0]);
    assert_eq!(states(&stage), ["ready", "ready", "ready"]);
    for id in &ids {
        let shown = stage.json(&["show", id], &[0]).remove(0);
        assert_eq!(shown["filing"]["voce"], "VI.8");
    }
    let journal = stage.run(&["journal", "verify"]);
    assert!(journal.status.success(), "{}", said(&journal));
    assert_eq!(stage.run(&["review", "--found", "contatori", "--set", "voce=XX.9"]).status.code(), Some(1), "no such voce");
}

#[test]
fn two_that_are_one_document_become_one_with_an_attachment_and_nothing_is_lost() {
    let (stage, ids) = waiting(2);
    let digest = |id: &str| stage.json(&["show", id], &[0])[0]["components"][0]["sha256"].clone();
    let (first, second) = (digest(&ids[0]), digest(&ids[1]));
    stage.json(&["review", &ids[0], "--merge", &ids[1]], &[0, 1]);
    let shown = stage.json(&["show", &ids[0]], &[0]).remove(0);
    let components: Vec<(&Value, &Value)> =
        shown["components"].as_array().expect("components").iter().map(|c| (&c["role"], &c["sha256"])).collect();
    assert_eq!(components, [(&Value::from("principale"), &first), (&Value::from("allegato"), &second)]);
    let ended = stage.json(&["show", &ids[1]], &[0]).remove(0);
    assert_eq!((&ended["state"], &ended["holds"][0]["code"]), (&Value::from("refused"), &Value::from("merged-into")));
    for args in [[&ids[0], &ids[1]], [&ids[0], &ids[0]], [&ids[1], &ids[0]]] {
        let again = stage.run(&["review", args[0], "--merge", args[1]]);
        assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    }
    stage.json(&["review", &ids[0], "--set", "tipo=lettera", "--set", "voce=VI.8", "--approve"], &[0, 1]);
    assert_eq!(stage.json(&["show", &ids[0]], &[0])[0]["state"], "ready");
    let built = stage.json(&["package"], &[0]);
    let path = built[0]["path"].as_str().expect("a path");
    assert_eq!(stage.json(&["verify", path], &[0])[0]["ok"], true, "{path}");
}

#[test]
fn on_a_terminal_one_key_decides_and_the_next_document_is_shown() {
    if Command::new("script").arg("--version").output().is_err() {
        return eprintln!("NOT CHECKED: one key on a terminal (script of bsdutils is not here)");
    }
    let (stage, ids) = waiting(3);
    let program = format!("{} --archive {} review", env!("CARGO_BIN_EXE_conserva"), stage.path("archivio").display());
    let mut terminal = Command::new("script")
        .args(["-q", "-e", "-c", &program, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a terminal");
    // The first is refused, the second left, at the third the person ends; an unknown key does nothing.
    let mut keys = terminal.stdin.take().expect("keys");
    for key in ["x", "?", " ", "q"] {
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        keys.write_all(key.as_bytes()).expect("pressed");
        keys.flush().expect("pressed");
    }
    let output = terminal.wait_with_output().expect("ended");
    drop(keys);
    let text = said(&output);
    assert!(text.contains("── 1/3 ──") && text.contains("── 3/3 ──") && text.contains("[x] rifiuta"), "{text}");
    let rests = |id: &str| stage.json(&["show", id], &[0])[0]["state"].clone();
    assert_eq!([rests(&ids[0]), rests(&ids[1]), rests(&ids[2])], ["refused", "held", "held"], "{text}");
}
