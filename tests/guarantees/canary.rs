//! Marked names, codici fiscali, oggetti and file names go through every door, are crashed, held and set aside; none of them
//! stands afterwards in a log, in what the program says of itself, in the words of a panic, in the name of a file of ours, or in
//! what a crash left behind.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::doors::Play;
use super::inboxes::pdf;
use super::mailbox::Dovecot;
use super::network::{Daemon, ask, form, form_headers, until};
use super::resumable::{create, declare, patch};
use super::stage::Stage;
use super::watch::{lying, write};

/// A name, an oggetto and a code that stand nowhere else.
const MARKS: [&str; 4] = ["Canarino", "Zafferano", "CNRZFR80A01H501U", "canarino.zafferano"];

/// Sends marked files to the upload door, by form, in parts and as a batch, as far as somebody answers.
fn send(port: u16, round: usize) -> Option<()> {
    let bytes = letter(1_000 + round);
    let headers = [form_headers(), vec![("Idempotency-Key", "Canarino CNRZFR80A01H501U".to_owned())]].concat();
    ask(port, "POST", "/upload/ufficio", (&headers, &form(&[(&format!("Canarino Zafferano {round}.pdf"), &bytes)])))?;
    let bytes = letter(2_000 + round);
    let path = create(port, &format!("Canarino {round} CNRZFR80A01H501U.pdf"), bytes.len())?;
    patch(port, &path, 0, &bytes[..100])?;
    patch(port, &path, 100, &bytes[100..])?;
    // One that never ends: its bytes wait.
    let path = create(port, &format!("Zafferano {round}.pdf"), 9_000)?;
    patch(port, &path, 0, b"%PDF-1.4 Canarino Zafferano")?;
    declare(port, &[(&format!("Canarino/{round} Zafferano.pdf"), b"x", true)]).map(drop)
}

fn letter(n: usize) -> Vec<u8> {
    pdf(&[&format!(
        "Oggetto: rimborso a Canarino Zafferano, pratica {n}\nIl sottoscritto Canarino Zafferano CNRZFR80A01H501U\nchiede"
    )])
}

/// Marked files, sidecars, links and messages.
fn feed(play: &Play<'_>, round: usize) {
    let sidecar = r#"{"documento": {"oggetto": "Reclamo di Canarino Zafferano", "mittente":
        {"nome": "Canarino Zafferano", "tipo": "persona_fisica", "codice": "CNRZFR80A01H501U"}}}"#;
    write(&play.inbox.join(format!("Canarino {round}.pdf.json")), sidecar.as_bytes());
    write(&play.inbox.join(format!("Canarino {round}.pdf")), &letter(round));
    write(&play.inbox.join(format!("Zafferano CNRZFR80A01H501U {round}.docx")), b"PK\x03\x04 Canarino PK\x05\x06");
    let broken = format!("%PDF-1.4\n1 0 obj <</Title (Canarino Zafferano {round})>> endobj\nCNRZFR80A01H501U\n%%EOF\n");
    write(&play.inbox.join(format!("Canarino rotto {round}.pdf")), broken.as_bytes());
    std::os::unix::fs::symlink("/nessuno/Canarino", play.inbox.join(format!("Canarino legame {round}"))).expect("link");
    let mail = format!("From: canarino.zafferano@example.it\r\nSubject: Zafferano {round}\r\n\r\nCNRZFR80A01H501U {round}\r\n");
    play.server.deliver(&format!("{}.c{}.{round}", 1_790_000_000 + round, play.port), mail.as_bytes());
}

/// The marks that `bytes` show.
fn marks(bytes: &[u8]) -> Vec<&'static str> {
    MARKS.into_iter().filter(|mark| memchr::memmem::find(bytes, mark.as_bytes()).is_some()).collect()
}

/// Names of files and folders below `folder` that show a mark.
fn names(folder: &Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(folder).into_iter().flatten();
    walk.filter(|entry| !marks(entry.file_name().as_bytes()).is_empty()).map(|entry| entry.path().display().to_string()).collect()
}

/// What lies in a folder for a moment only.
fn left_in(folder: &Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(folder).min_depth(1).into_iter().flatten();
    walk.map(|entry| entry.path().display().to_string()).collect()
}

/// Everything that the journal says.
fn journal(stage: &Stage) -> Vec<u8> {
    let script = "import sqlite3,sys\nfor r in sqlite3.connect(sys.argv[1]).execute('SELECT body FROM journal'): print(r[0])";
    let output = Command::new("python3").args(["-c", script]).arg(stage.path("archivio/store.db")).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn marked_names_go_through_every_door_and_every_crash_and_are_told_to_nobody() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: the canaries need --features drill (scripts/test has it)");
    }
    let Some(server) = Dovecot::start() else { return };
    let play = Play::new(&server);
    let temporary = play.stage.path("temporanei");
    std::fs::create_dir(&temporary).expect("folder");
    let watch = |drill: &str| {
        let environment = [("CONSERVA_DRILL", drill), ("TMPDIR", temporary.to_str().expect("a path")), ("RUST_BACKTRACE", "1")];
        play.watch(&[], &environment)
    };
    // Deaths in the middle of every door and of the work, and panics whose words quote what was read.
    let deaths = [
        "acquire.recorded",
        "upload.offset-durable",
        "receive.blob-durable",
        "mailbox.before-mark",
        "acquire.before-quarantine",
        "worker.before-commit:6",
        "acquire.recorded!Canarino",
        "receive.recorded!Zafferano",
        "worker.before-commit!CNRZFR80A01H501U",
    ];
    let mut panics = 0;
    for (round, drill) in deaths.iter().enumerate() {
        feed(&play, round);
        let mut daemon: Daemon = watch(drill);
        let port = play.port;
        // A door may bring the death before the counter is seen open.
        until("the counter is open, or the end has come", 90, || {
            TcpStream::connect(("127.0.0.1", port)).is_ok() || daemon.has_ended()
        });
        let sending = std::thread::spawn(move || send(port, round));
        let is_panic = drill.contains('!');
        until(&format!("it meets its end at {drill}"), 40, || {
            daemon.has_ended() || is_panic && daemon.log().matches("panic at ").count() > panics
        });
        panics += usize::from(is_panic);
        drop(daemon);
        // The sender tries its next request on the next daemon, or fails.
        let _again = watch("");
        let _ = sending.join();
    }
    let daemon = watch("");
    until("the inbox is empty", 60, || lying(&play.inbox).is_empty());
    until("all are at rest", 120, || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        play.stage.json(&["stats"], &[0])[0]["jobs"].as_array().is_some_and(Vec::is_empty)
    });
    let shown = play.stage.json(&["list"], &[0]);
    let states: BTreeSet<&str> = shown.iter().filter_map(|row| row["state"].as_str()).collect();
    assert!(shown.len() > 20 && states.contains("held"), "{} documents, {states:?}", shown.len());
    let said = [daemon.log().into_bytes(), journal(&play.stage)].concat();
    assert_eq!(marks(&said), Vec::<&str>::new(), "logs and journal: {}", excerpt(&said));
    assert_eq!(daemon.log().matches("panic at ").count(), 3, "each panic is told by its place");
    for verb in [&["doctor"][..], &["stats"], &["journal", "verify"]] {
        for form in [&["--json"][..], &[]] {
            let output = play.stage.run(&[form, verb].concat());
            let said = [output.stdout, output.stderr].concat();
            assert_eq!(marks(&said), Vec::<&str>::new(), "{verb:?}: {}", excerpt(&said));
        }
    }
    let archive = play.stage.path("archivio");
    // What was set aside keeps its name for the person who looks at it, there and nowhere else.
    let named: Vec<String> = names(&archive).into_iter().filter(|name| !name.contains("/archivio/quarantine/qua-")).collect();
    assert_eq!(named, Vec::<String>::new(), "names of files of ours");
    assert_eq!(marks(&std::fs::read(archive.join("doors.json")).expect("the board")), Vec::<&str>::new());
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert_eq!(left_in(&temporary), Vec::<String>::new(), "nothing is left where things lie for a moment");
    assert_eq!(left_in(&archive.join("scratch")), Vec::<String>::new(), "nor in scratch");
}

/// Where the first mark stands.
fn excerpt(said: &[u8]) -> String {
    let at = MARKS.iter().find_map(|mark| memchr::memmem::find(said, mark.as_bytes())).unwrap_or(0);
    String::from_utf8_lossy(&said[at.saturating_sub(200)..(at + 60).min(said.len())]).into_owned()
}
