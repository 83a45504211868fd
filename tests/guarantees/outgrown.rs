//! What becomes of bytes that come too late, and of files that may not leave: nothing is lost in `.taken`, and a door says what ails it.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use conserva::digest::Digest;
use rustix::process::Signal;
use serde_json::Value;

use super::stage::Stage;
use super::watch::{Daemon, arrivals, doctor, lying, taken, until, watched, write};

/// A name that must stand in no log.
const CANARY: &str = "Canarino-RSSMRA80A01H501U";

fn taken_files(inbox: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(inbox.join(".taken")).into_iter().filter_map(std::result::Result::ok);
    walk.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

fn find(arrivals: &[Value], bytes: &[u8]) -> String {
    let found = arrivals.iter().find(|arrival| arrival["sha256"] == Digest::of(bytes).hex());
    found.unwrap_or_else(|| panic!("{arrivals:?}"))["id"].as_str().expect("id").to_owned()
}

fn notes(stage: &Stage) -> String {
    doctor(stage)["notes"].to_string()
}

#[test]
fn what_is_written_on_after_it_was_taken_comes_in_whole_as_an_arrival_of_its_own() {
    let (stage, inbox) = watched("incomplete_seconds = 1\nopen_seconds = 2");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    let mut open = File::create(inbox.join(format!("{CANARY}.txt"))).expect("file");
    open.write_all(b"primo\n").expect("written");
    until("its patience is over", 20, || arrivals(&stage).len() == 1);
    until("it is taken", 5, || taken(&inbox) == 1);
    open.write_all(b"secondo\n").expect("written");
    drop(open);
    until("the whole of it is in", 20, || arrivals(&stage).len() == 2);
    let whole: &[u8] = b"primo\nsecondo\n";
    let (first, second) = (find(&arrivals(&stage), b"primo\n"), find(&arrivals(&stage), whole));
    until("it is said", 10, || notes(&stage).contains("outgrown"));
    let files = taken_files(&inbox);
    let name = files[0].file_name().expect("name").to_string_lossy().into_owned();
    assert_eq!((files.len(), name), (1, format!("{second}-{CANARY}.txt")), "it lies under the arrival whose bytes it has");
    assert_eq!(std::fs::read(&files[0]).expect("read"), whole);
    assert_ne!(first, second, "the first stays as it was");
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(arrivals(&stage).len(), 2, "once");
    assert!(!daemon.log().contains("Canarino"), "{}", daemon.log());
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn a_death_while_a_changed_file_comes_in_again_loses_and_doubles_nothing() {
    let (stage, inbox) = watched("subfolders = 'document'");
    write(&inbox.join("cresce.txt"), b"primo\n");
    write(&inbox.join("toccato.txt"), b"non cambia");
    std::fs::create_dir(inbox.join("pratica")).expect("folder");
    write(&inbox.join("pratica/1.txt"), b"pagina");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("all are in", 20, || lying(&inbox).is_empty() && arrivals(&stage).len() == 3);
    assert_eq!(daemon.end(Signal::KILL), None);
    for path in taken_files(&inbox) {
        let mut file = File::options().append(true).open(&path).expect("opened");
        if path.ends_with("1.txt") || path.to_string_lossy().ends_with("cresce.txt") {
            file.write_all(b"secondo\n").expect("written");
        } else {
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_hours(475_000)).expect("touched");
        }
    }
    let points = [
        "blobs.named",
        "acquire.blob-durable",
        "acquire.recorded",
        "acquire.before-rename",
        "acquire.renamed",
        "acquire.released",
    ];
    for point in points.iter().filter(|_| cfg!(feature = "drill")) {
        let drill = [("CONSERVA_DRILL", Path::new(point).to_owned())];
        let mut daemon = Daemon::start_with(&stage, &["--only", "acquire"], &drill);
        until(point, 20, || daemon.child.try_wait().expect("child").is_some());
    }
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("both are in", 20, || arrivals(&stage).len() == 5);
    std::thread::sleep(Duration::from_secs(7));
    let rows = arrivals(&stage);
    assert_eq!((rows.len(), taken(&inbox)), (5, 3), "a file that was only touched is what it was: {}", daemon.log());
    let ids = [find(&rows, b"primo\n"), find(&rows, b"primo\nsecondo\n")];
    assert_ne!(ids[0], ids[1]);
    let under = |id: &str| taken_files(&inbox).iter().filter(|path| path.to_string_lossy().contains(id)).count();
    assert_eq!(ids.map(|id| under(&id)), [0, 1], "{:?}", taken_files(&inbox));
    drop(daemon);
}

/// Gives the stage to nobody, whose rights count; false where we have none to give it away.
fn given_to_nobody(stage: &Stage) -> bool {
    // Whoever looks makes the lock files: they must be there, and nobody's too, before two users look.
    doctor(stage);
    assert!(arrivals(stage).is_empty());
    let mut entries = walkdir::WalkDir::new(stage.path("")).into_iter().filter_map(std::result::Result::ok);
    entries.all(|entry| chown(entry.path(), Some(65_534), Some(65_534)).is_ok())
}

fn rights(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("rights");
}

#[test]
fn a_file_that_may_not_leave_stays_with_a_sentence_and_stops_nobody_else() {
    let (stage, inbox) = watched("");
    let closed = inbox.join("chiusa");
    std::fs::create_dir(&closed).expect("folder");
    write(&closed.join("resta.txt"), b"resta");
    write(&inbox.join("parte.txt"), b"parte");
    rights(&closed, 0o555);
    if !given_to_nobody(&stage) {
        eprintln!("NOT CHECKED: only root can start the daemon as somebody else");
        return;
    }
    let daemon = Daemon::start_as(&stage, &["--only", "acquire"], 65_534);
    until("both are in", 20, || arrivals(&stage).len() == 2);
    until("it is said", 10, || notes(&stage).contains("chiusa"));
    assert_eq!((doctor(&stage)["door"]["state"].as_str(), lying(&inbox).len()), (Some("working"), 1), "{}", daemon.log());
    rights(&closed, 0o755);
    until("it leaves when it may", 30, || lying(&inbox).is_empty());
    until("nothing is said any more", 20, || !notes(&stage).contains("chiusa"));
    assert_eq!(arrivals(&stage).len(), 2);
    assert!(!daemon.log().contains("resta.txt"));
}

#[test]
fn a_paused_door_says_where_and_why() {
    let (stage, inbox) = watched("");
    write(&inbox.join("carta.txt"), b"carta");
    rights(&inbox, 0o555);
    if !given_to_nobody(&stage) {
        eprintln!("NOT CHECKED: only root can start the daemon as somebody else");
        return;
    }
    let daemon = Daemon::start_as(&stage, &["--only", "acquire"], 65_534);
    until("it is paused", 20, || doctor(&stage)["door"]["state"] == "paused");
    let said = notes(&stage);
    assert!(said.contains(".taken") && said.contains("ermission denied"), "place and cause: {said}");
    assert!(!daemon.log().contains("carta.txt"));
    rights(&inbox, 0o755);
    until("it goes on", 30, || lying(&inbox).is_empty());
    until("nothing is said any more", 10, || notes(&stage) == "[]");
}
