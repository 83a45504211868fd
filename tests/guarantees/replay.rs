//! Long plays of a watched folder: a day of a busy office in bursts, the whole of the hostile corpora, and three hundred kills under
//! load. scripts/prove asks for them by the environment; without it they say that they were not played.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use conserva::digest::Digest;
use rustix::process::Signal;
use serde_json::Value;

use super::inboxes::pdf;
use super::stage::{Stage, repository, shared};
use super::watch::{Daemon, arrivals, lying, taken, until, watched, write};

fn asked(variable: &str) -> Option<usize> {
    let asked = std::env::var(variable).ok().and_then(|text| text.parse().ok());
    if asked.is_none() {
        eprintln!("NOT CHECKED: {variable} asks for this play (scripts/prove)");
    }
    asked
}

/// True once no step is open.
fn is_at_rest(stage: &Stage) -> bool {
    stage.json(&["stats"], &[0])[0]["jobs"].as_array().is_some_and(Vec::is_empty)
}

/// Kilobytes in memory and open descriptors of a process.
fn weight(pid: u32) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let rss =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    (rss.unwrap_or(0), std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count))
}

/// Bytes that no other input of the play has, of the kind that a busy office brings: of ten inputs three are scans, the rest
/// born-digital PDF, office files, mail, blank sheets. Two scans of three have one page, one has two.
fn input(n: usize, scans: &[Vec<u8>; 2]) -> (String, Vec<u8>) {
    let own = |bytes: &[u8]| [bytes, format!("\n{n}").as_bytes()].concat();
    match n % 10 {
        0 | 3 => (format!("scansione {n}.tif"), own(&scans[0])),
        6 => (format!("scansione {n}.tif"), own(&scans[1])),
        1 | 4 | 7 | 9 => {
            (format!("lettera {n}.pdf"), pdf(&[&format!("Oggetto: pratica numero {n}\nIl Comune comunica quanto segue {n}")]))
        }
        2 => (format!("modulo {n}.docx"), own(b"PK\x03\x04 nessun documento vero PK\x05\x06")),
        5 => (format!("messaggio {n}.eml"), format!("From: a@example\r\nSubject: prova {n}\r\n\r\ntesto {n}\r\n").into_bytes()),
        _ => (format!("vuoto {n}.txt"), format!("{n}").into_bytes()),
    }
}

#[test]
fn a_day_of_a_busy_office_comes_to_rest_in_flat_memory() {
    let Some(count) = asked("CONSERVA_REPLAY") else { return };
    let (stage, inbox) = watched("");
    let scan = |name: &str| std::fs::read(repository().join("samples/documenti").join(name)).expect("a sample");
    let scans = [scan("02 scia bar.tif"), scan("17 dichiarazione residenza.tif")];
    let daemon = Daemon::start(&stage, &[]);
    let (pid, began) = (daemon.child.id(), Instant::now());
    let (mut put, mut weights) = (Vec::new(), Vec::new());
    while put.len() < count {
        // A burst, then a pause in which the machine catches up, but not always.
        for _ in 0..100.min(count - put.len()) {
            let (name, bytes) = input(put.len(), &scans);
            write(&inbox.join(name), &bytes);
            put.push(Digest::of(&bytes).hex());
        }
        let pause = if put.len() % 300 == 0 { 60 } else { 5 };
        let end = Instant::now() + Duration::from_secs(pause);
        while Instant::now() < end && !(lying(&inbox).is_empty() && is_at_rest(&stage)) {
            std::thread::sleep(Duration::from_millis(500));
        }
        weights.push(weight(pid));
    }
    until("every arrival is in and at rest", 3_600, || {
        std::thread::sleep(Duration::from_secs(2));
        weights.push(weight(pid));
        lying(&inbox).is_empty() && is_at_rest(&stage)
    });
    let mut admitted: Vec<String> = arrivals(&stage).iter().map(|a| a["sha256"].as_str().expect("sha256").to_owned()).collect();
    put.sort();
    admitted.sort();
    assert!(put == admitted, "{} of {} are in", admitted.len(), put.len());
    let working = stage.json(&["list"], &[0]).iter().filter(|row| row["state"] == "working").count();
    assert_eq!(working, 0);
    let half = weights.len() / 2;
    let most = |part: &[(u64, usize)]| (part.iter().map(|w| w.0).max().unwrap_or(0), part.iter().map(|w| w.1).max().unwrap_or(0));
    let (first, second) = (most(&weights[..half]), most(&weights[half..]));
    eprintln!(
        "replay: {count} arrivals in {:.0} s; memory at most {} KiB, then {} KiB; descriptors {}, then {}",
        began.elapsed().as_secs_f64(),
        first.0,
        second.0,
        first.1,
        second.1
    );
    assert!(second.0 < first.0 * 3 / 2 && second.1 <= first.1 + 8, "it grows: {first:?} {second:?}");
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

/// A row of the corpus: where the file lies and what is expected of whoever reads it.
struct Expected {
    file: String,
    expected: String,
}

/// What the manifest of the shared corpus says of its folders `edge` and `pdf`.
fn manifest(path: &Path) -> Vec<Expected> {
    let text = std::fs::read_to_string(path).expect("the manifest");
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0].starts_with("edge/") || row[0].starts_with("pdf/"));
    rows.map(|row| Expected { file: row[0].to_owned(), expected: row[6].to_owned() }).collect()
}

/// What became of a file.
struct Verdict {
    state: String,
    mime: String,
    /// Codes of what holds it, and of what its format warns of.
    codes: Vec<String>,
    text: String,
}

impl Verdict {
    fn of(stage: &Stage, arrival: &Value) -> Self {
        let shown = stage.json(&["show", arrival["id"].as_str().expect("id")], &[0]).remove(0);
        let id = shown["documents"][0].as_str().unwrap_or_default();
        let document = if id.is_empty() { Value::Null } else { stage.json(&["show", id], &[0]).remove(0) };
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let coded = |list: &Value| list.as_array().into_iter().flatten().map(|one| word(&one["code"])).collect::<Vec<_>>();
        Self {
            state: word(if document.is_null() { &shown["state"] } else { &document["state"] }),
            mime: word(&shown["format"]["mime"]),
            codes: [coded(&document["holds"]), coded(&shown["format"]["warnings"])].concat(),
            text: word(&document["text"]),
        }
    }

    /// True if it is what the manifest asks for, as far as its words say something that can be checked.
    fn meets(&self, expected: &str) -> bool {
        let has = |codes: &[&str]| codes.iter().any(|code| self.codes.iter().any(|found| found == code));
        let is_stopped = matches!(self.state.as_str(), "held" | "refused");
        let damaged = ["file-truncated", "structure-damaged", "extension-contradicts", "page-unreadable"];
        is_stopped
            && match expected {
                _ if expected.starts_with("malformed") => has(&damaged),
                _ if expected.starts_with("truncated") => has(&["file-truncated"]),
                _ if expected.starts_with("zero bytes") => self.state == "refused" && has(&["file-empty"]),
                _ if expected.starts_with("blank page") => self.text.trim().is_empty(),
                _ if expected.starts_with("HTML") => self.mime == "text/html",
                "text file" => self.mime == "text/plain",
                _ if expected.contains("type by content") => self.mime == "application/pdf",
                _ if expected.starts_with("BOM") => self.mime == "application/xml",
                _ if expected.contains("DTD") => has(&["xml-entities"]),
                _ if expected.contains("traversal") => has(&["container-escapes"]),
                _ if expected.contains("ratio") => has(&["container-inflates"]),
                _ if expected.contains("password") || expected.contains("encrypted") => {
                    has(&["file-encrypted", "file-restricted"])
                }
                _ if expected.contains("JavaScript") => has(&["active-content"]),
                // Odd, fuzzed, repaired or refused: it is at rest, and it is said why.
                _ => !self.codes.is_empty(),
            }
    }
}

/// `CONSERVA_VERDICTS` names a file for the table.
#[test]
fn the_hostile_corpora_through_a_watched_folder_lose_nothing_and_hang_nowhere() {
    if asked("CONSERVA_CORPORA").is_none() {
        return;
    }
    let (stage, inbox) = watched("incomplete_seconds = 3");
    let Some(corpus) = shared("corpus") else { return };
    let rows = manifest(&corpus.join("MANIFEST.tsv"));
    let mut put: BTreeMap<String, String> = BTreeMap::new();
    for folder in ["edge", "pdf"] {
        std::fs::create_dir(inbox.join(folder)).expect("folder");
    }
    for Expected { file, .. } in &rows {
        let bytes = std::fs::read(corpus.join(file)).expect("a file");
        write(&inbox.join(file), &bytes);
        put.insert(file.clone(), Digest::of(&bytes).hex());
    }
    let daemon = Daemon::start(&stage, &[]);
    until("all are in and at rest", 2_400, || {
        std::thread::sleep(Duration::from_secs(1));
        lying(&inbox).is_empty() && is_at_rest(&stage)
    });
    let admitted = arrivals(&stage);
    let (mut table, mut unmet) = (vec!["file\texpected\tstate\tmime\tcodes\tcharacters\tmet".to_owned()], Vec::new());
    for Expected { file, expected } in &rows {
        let arrival = admitted.iter().find(|a| a["sha256"] == *put[file]).unwrap_or_else(|| panic!("{file} is lost"));
        let verdict = Verdict::of(&stage, arrival);
        let (codes, characters) = (verdict.codes.join(","), verdict.text.trim().chars().count());
        let is_met = verdict.meets(expected);
        let line = format!("{file}\t{expected}\t{}\t{}\t{codes}\t{characters}\t{is_met}", verdict.state, verdict.mime);
        if !is_met {
            unmet.push(line.clone());
        }
        table.push(line);
    }
    eprintln!("corpora: {} inputs, all in once, all at rest\n{}", put.len(), table.join("\n"));
    if let Some(path) = std::env::var_os("CONSERVA_VERDICTS") {
        write(Path::new(&path), (table.join("\n") + "\n").as_bytes());
    }
    assert_eq!((admitted.len(), taken(&inbox)), (put.len(), put.len()));
    assert!(unmet.is_empty(), "{unmet:#?}");
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

/// Where everything is: inputs waiting, taken and in quarantine.
fn places(stage: &Stage, inbox: &Path) -> (usize, usize, usize) {
    let aside = std::fs::read_dir(stage.path("archivio/quarantine")).expect("quarantine").count();
    (lying(inbox).len(), taken(inbox), aside)
}

#[test]
fn kills_at_random_moments_under_load_lose_and_double_nothing() {
    let Some(moments) = asked("CONSERVA_WATCH_MOMENTS") else { return };
    let mut seed: u64 = std::env::var("CONSERVA_DRILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    eprintln!("replay: seed {seed}");
    let (stage, inbox) = watched("subfolders = 'document'");
    let (mut put, mut under_load, mut sidecars) = (0, 0, 0);
    for n in 0..moments {
        for k in 0..8 {
            let name = format!("{n}-{k}");
            write(&inbox.join(format!("{name}.txt")), format!("foglio {name}").as_bytes());
        }
        write(&inbox.join(format!("{n}-0.txt.json")), br#"{"documento": {"lotto": "L"}}"#);
        std::fs::create_dir(inbox.join(format!("{n}-lotto"))).expect("folder");
        write(&inbox.join(format!("{n}-lotto/1.txt")), format!("pagina {n}").as_bytes());
        (put, sidecars) = (put + 9, sidecars + 1);
        let daemon = Daemon::start(&stage, &[]);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(200 + (seed >> 33) % 1_600));
        under_load += usize::from(!lying(&inbox).is_empty() || !is_at_rest(&stage));
        assert_eq!(daemon.end(Signal::KILL), None);
        let (waiting, gone, aside) = places(&stage, &inbox);
        assert_eq!((waiting + gone, aside), (put + sidecars, 0), "moment {n}: every input is in one place");
        assert!(arrivals(&stage).len() <= put, "moment {n}: nothing twice");
    }
    let daemon = Daemon::start(&stage, &[]);
    until("all are in and at rest", 600, || lying(&inbox).is_empty() && is_at_rest(&stage));
    assert_eq!(arrivals(&stage).len(), put);
    assert_eq!(places(&stage, &inbox), (0, put + sidecars, 0));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert!(stage.run(&["journal", "verify"]).status.success());
    eprintln!("replay: {moments} kills, {under_load} of them under load, {put} inputs: sums match");
}
