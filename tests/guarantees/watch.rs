//! The daemon and its doors, on the real program: what is dropped into a watched folder is admitted once it has come to
//! rest, exactly once, whatever happens meanwhile; what cannot be admitted stays and is said.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conserva::digest::Digest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::stage::{Stage, said};

/// A name that must stand in no log.
const CANARY: &str = "Canarino-RSSMRA80A01H501U";

/// A daemon at work; killed when dropped.
pub(super) struct Daemon {
    pub(super) child: Child,
    log: PathBuf,
}

impl Daemon {
    pub(super) fn start(stage: &Stage, args: &[&str]) -> Self {
        Self::start_with(stage, args, &[])
    }

    pub(super) fn start_with(stage: &Stage, args: &[&str], environment: &[(&str, PathBuf)]) -> Self {
        Self::started(stage, args, |command| command.envs(environment.iter().cloned()))
    }

    /// Starts it as another user.
    pub(super) fn start_as(stage: &Stage, args: &[&str], user: u32) -> Self {
        Self::started(stage, args, |command| command.uid(user).gid(user))
    }

    fn started(stage: &Stage, args: &[&str], prepare: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let log = stage.path(&format!("log-{}", args.join("")));
        let err = File::options().create(true).append(true).open(&log).expect("log");
        let mut command = stage.command(&[&["--log", "json", "watch"], args].concat());
        prepare(&mut command);
        command.env("CONSERVA_LOG", "warn,conserva=debug").stdout(Stdio::null()).stderr(err);
        Self { child: command.spawn().expect("the daemon starts"), log }
    }

    /// One that another command line starts; it says nothing.
    pub(super) fn of(stage: &Stage, mut command: Command) -> Self {
        let log = stage.path("log-silent");
        write(&log, b"");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the daemon starts");
        Self { child, log }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("log")
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("child").is_some()
    }

    pub(super) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signal");
    }

    /// Sends `signal` and gives the exit code.
    pub(super) fn end(mut self, signal: Signal) -> Option<i32> {
        self.send(signal);
        let code = self.child.wait().expect("ended").code();
        if code == Some(4) {
            eprintln!("{}", self.log());
        }
        code
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let ended = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{ended:?} after\n{}", self.log());
        }
    }
}

/// Waits until it holds. `seconds` are what a quiet machine may need at most; one that many others use gets six times as much, up to
/// five minutes: what is waited for is that it comes, and a test that says how soon measures that by itself.
pub(super) fn until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    let seconds = seconds.max((seconds * 6).min(300));
    let end = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < end, "after {seconds} s still not: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Adds to the configuration.
pub(super) fn configure(stage: &Stage, text: &str) {
    let mut file = File::options().append(true).open(stage.path("archivio/conserva.toml")).expect("configuration");
    file.write_all(text.as_bytes()).expect("written");
}

/// Lowers a ceiling of the configuration.
pub(super) fn limit(stage: &Stage, key: &str, from: u64, to: u64) {
    let file = stage.path("archivio/conserva.toml");
    let text = std::fs::read_to_string(&file).expect("configuration");
    let lowered = text.replace(&format!("{key} = {from}"), &format!("{key} = {to}"));
    assert_ne!(lowered, text, "{key} was there");
    write(&file, lowered.as_bytes());
}

/// A stage whose inbox is the folder `posta`, settled after one second.
pub(super) fn watched(more: &str) -> (Stage, PathBuf) {
    settling(1, more)
}

/// A stage whose inbox is the folder `posta`, settled after so many seconds: more than one where a test writes on while the door
/// looks, for a machine that stands still for a moment makes every file look settled.
pub(super) fn settling(seconds: u64, more: &str) -> (Stage, PathBuf) {
    let stage = Stage::with_archive();
    let inbox = stage.path("posta");
    std::fs::create_dir(&inbox).expect("inbox");
    let times = format!("settle_seconds = {seconds}\nrescan_seconds = 2");
    configure(&stage, &format!("\n[[inbox]]\npath = '{}'\n{times}\n{more}\n", inbox.display()));
    (stage, inbox)
}

pub(super) fn arrivals(stage: &Stage) -> Vec<Value> {
    stage.json(&["list", "arrivals"], &[0])
}

/// The files under `folder` that are inputs, `.taken` apart.
pub(super) fn lying(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).into_iter().filter_entry(|e| e.file_name() != ".taken");
    walk.filter_map(std::result::Result::ok).filter(|e| !e.file_type().is_dir()).map(walkdir::DirEntry::into_path).collect()
}

pub(super) fn taken(folder: &Path) -> usize {
    let walk = walkdir::WalkDir::new(folder.join(".taken")).into_iter().filter_map(std::result::Result::ok);
    walk.filter(|e| e.file_type().is_file()).count()
}

pub(super) fn doctor(stage: &Stage) -> Value {
    stage.json(&["doctor"], &[0, 1]).remove(0)["inboxes"][0].take()
}

pub(super) fn write(path: &Path, bytes: &[u8]) {
    File::create(path).expect("file").write_all(bytes).expect("written");
}

#[test]
fn a_slow_writer_is_not_admitted_before_it_ends() {
    let (stage, inbox) = settling(4, "");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("the door is open", 10, || daemon.log().contains("the door is open"));
    let mut open = File::create(inbox.join("aperto.txt")).expect("file");
    write(&inbox.join("tronco.pdf"), b"%PDF-1.7\nprima");
    let mut growing = Vec::new();
    for n in 0..8 {
        // One keeps its file open and pauses for longer than files need to settle, one opens it again for every piece.
        growing.extend(format!("riga {n}\n").bytes());
        File::options()
            .create(true)
            .append(true)
            .open(inbox.join("cresce.txt"))
            .expect("file")
            .write_all(&growing[growing.len() - 7..])
            .expect("piece");
        if n % 7 == 0 {
            open.write_all(b"pezzo\n").expect("piece");
        }
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(lying(&inbox).len(), 3, "after piece {n}: {}", daemon.log());
    }
    assert!(arrivals(&stage).is_empty(), "{}", daemon.log());
    drop(open);
    File::options().append(true).open(inbox.join("tronco.pdf")).expect("file").write_all(b"\n%%EOF\n").expect("end");
    until("all three are in", 15, || lying(&inbox).is_empty());
    let sums: BTreeMap<String, String> = arrivals(&stage)
        .iter()
        .map(|a| (a["name"].as_str().expect("name").to_owned(), a["sha256"].as_str().expect("sha256").to_owned()))
        .collect();
    assert_eq!(sums["aperto.txt"], Digest::of(b"pezzo\npezzo\n").hex());
    assert_eq!(sums["cresce.txt"], Digest::of(&growing).hex());
    assert_eq!(sums["tronco.pdf"], Digest::of(b"%PDF-1.7\nprima\n%%EOF\n").hex());
    assert_eq!((sums.len(), taken(&inbox)), (3, 3));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn a_file_cut_off_for_good_is_admitted_when_patience_ends() {
    let (stage, inbox) = watched("incomplete_seconds = 9");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    write(&inbox.join("tronco.jpg"), b"\xff\xd8\xff\xe0 e poi nulla");
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(lying(&inbox).len(), 1, "{}", daemon.log());
    until("it is in", 10, || lying(&inbox).is_empty());
    assert_eq!(arrivals(&stage).len(), 1);
}

#[test]
fn what_is_renamed_into_place_is_admitted_under_its_name_every_day_anew() {
    let (stage, inbox) = watched("ignore = [\"*.bak\"]");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    for litter in ["Thumbs.db", "desktop.ini", ".DS_Store", "~$bozza.docx", "vecchio.BAK"] {
        write(&inbox.join(litter), b"x");
    }
    for day in ["lunedi", "martedi"] {
        write(&inbox.join("scansione.txt.part"), day.as_bytes());
        std::thread::sleep(Duration::from_millis(1_500));
        std::fs::rename(inbox.join("scansione.txt.part"), inbox.join("scansione.txt")).expect("renamed");
        until("it is in", 10, || !inbox.join("scansione.txt").exists());
    }
    let names: Vec<Value> = arrivals(&stage).iter().map(|a| a["name"].clone()).collect();
    assert_eq!(names, ["scansione.txt", "scansione.txt"]);
    assert_eq!(lying(&inbox).len(), 5, "litter stays where it is");
    drop(daemon);
}

#[test]
fn a_thousand_files_are_admitted_exactly_once_and_carried_to_rest() {
    let (stage, inbox) = watched("");
    let mut dropped = Vec::new();
    for n in 0..1_000 {
        let folder = inbox.join(format!("lotto{}", n % 3));
        std::fs::create_dir_all(&folder).expect("folder");
        let bytes = format!("documento {n}");
        write(&folder.join(format!("{CANARY} {n}.txt")), bytes.as_bytes());
        dropped.push(Digest::of(bytes.as_bytes()).hex());
    }
    let daemon = Daemon::start(&stage, &[]);
    let began = Instant::now();
    until("the first is in", 5, || taken(&inbox) > 0);
    let first = began.elapsed();
    until("all are in", 40, || lying(&inbox).is_empty());
    eprintln!("watch: first of 1,000 after {first:?}, all after {:?}", began.elapsed());
    let mut admitted: Vec<String> = arrivals(&stage).iter().map(|a| a["sha256"].as_str().expect("sha256").to_owned()).collect();
    dropped.sort();
    admitted.sort();
    assert!(admitted == dropped, "{} admitted of {}", admitted.len(), dropped.len());
    assert_eq!(taken(&inbox), 1_000);
    let log = daemon.log();
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert!(log.contains("the door is open") && !log.contains("Canarino"), "names stay out of the log");
}

#[test]
fn a_daemon_killed_at_any_moment_loses_and_doubles_nothing() {
    const FILES: usize = 240;
    let (stage, inbox) = watched("");
    for n in 0..FILES {
        write(&inbox.join(format!("{n}.txt")), format!("foglio {n}").as_bytes());
    }
    std::os::unix::fs::symlink("/etc/passwd", inbox.join("legame")).expect("link");
    let seed = std::process::id();
    eprintln!("watch: kill seed {seed}");
    let mut moment = seed;
    let mut kills = 0;
    for _ in 0..5 {
        let daemon = Daemon::start(&stage, &[]);
        moment = moment.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        std::thread::sleep(Duration::from_millis(600 + u64::from(moment >> 16) % 900));
        kills += usize::from(!lying(&inbox).is_empty());
        daemon.end(Signal::KILL);
        let (waiting, gone) = (lying(&inbox).len(), taken(&inbox));
        let aside = std::fs::read_dir(stage.path("archivio/quarantine")).expect("quarantine").count();
        assert_eq!(waiting + gone + aside, FILES + 1, "every input is in one place");
        let admitted = arrivals(&stage).len();
        assert!(admitted >= gone, "what left the inbox is admitted: {admitted} of {gone}");
    }
    eprintln!("watch: {kills} of 5 kills under load");
    let daemon = Daemon::start(&stage, &[]);
    until("all are in", 30, || lying(&inbox).is_empty());
    let names: std::collections::BTreeSet<String> =
        arrivals(&stage).iter().map(|a| a["name"].as_str().expect("name").to_owned()).collect();
    assert_eq!((names.len(), arrivals(&stage).len(), taken(&inbox)), (FILES, FILES, FILES));
    assert_eq!(std::fs::read_dir(stage.path("archivio/quarantine")).expect("quarantine").count(), 1);
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert!(stage.run(&["journal", "verify"]).status.success());
}

/// Dies at each write point of admission while it watches; started again, it has lost and doubled nothing.
#[cfg(feature = "drill")]
#[test]
fn a_daemon_that_dies_at_any_write_point_of_admission_goes_on_where_it_was() {
    let points = super::crash::points();
    let mut drilled = 0;
    let is_passed = |point: &str| !super::crash::ELSEWHERE.iter().any(|elsewhere| point.starts_with(elsewhere));
    for point in points.iter().filter(|p| (p.starts_with("acquire.") || p.starts_with("blobs.")) && is_passed(p)) {
        let (stage, inbox) = watched("");
        write(&inbox.join("uno.txt"), b"uno");
        write(&inbox.join("due.txt"), b"due");
        std::os::unix::fs::symlink("uno.txt", inbox.join("legame")).expect("link");
        let mut daemon = Daemon::start_with(&stage, &["--only", "acquire"], &[("CONSERVA_DRILL", PathBuf::from(point))]);
        until(&format!("it dies at {point}, which every admission passes"), 20, || daemon.has_ended());
        drilled += 1;
        let _again = Daemon::start(&stage, &["--only", "acquire"]);
        until("all are in", 20, || lying(&inbox).is_empty());
        let aside = std::fs::read_dir(stage.path("archivio/quarantine")).expect("quarantine").count();
        assert_eq!((arrivals(&stage).len(), taken(&inbox), aside), (2, 2, 1), "{point}");
    }
    assert!(drilled > 8, "{drilled} points");
}

#[test]
fn a_file_that_cannot_be_admitted_stays_and_costs_itself_only() {
    let (stage, inbox) = watched("");
    limit(&stage, "file_bytes_max", 17_179_869_184, 10);
    write(&inbox.join("grande.txt"), b"undici byte");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("it was tried", 10, || daemon.log().contains("source-too-large"));
    for n in 0..3 {
        write(&inbox.join(format!("{n}.txt")), format!("{n}").as_bytes());
    }
    until("the others are in", 10, || lying(&inbox).len() == 1);
    let door = doctor(&stage);
    assert_eq!((&door["waiting"]["files"], &door["door"]["state"]), (&1.into(), &"working".into()));
    assert!(daemon.log().matches("source-too-large").count() < 5, "tried less and less often");
}

#[test]
fn signals_end_the_daemon_within_its_bound_with_their_own_codes() {
    let (stage, inbox) = watched("");
    let socket = std::os::unix::net::UnixDatagram::bind(stage.path("notify")).expect("socket");
    socket.set_read_timeout(Some(Duration::from_mins(1))).expect("timeout");
    let heard = || {
        let mut bytes = [0; 64];
        let n = socket.recv(&mut bytes).expect("the service manager hears of it");
        String::from_utf8_lossy(&bytes[..n]).into_owned()
    };
    for (signal, code) in [(Signal::TERM, 0), (Signal::INT, 130)] {
        write(&inbox.join(format!("{code}.txt")), b"x");
        let notify = [("NOTIFY_SOCKET", stage.path("notify")), ("WATCHDOG_USEC", PathBuf::from("400000"))];
        let daemon = Daemon::start_with(&stage, &[], &notify);
        assert_eq!((heard().as_str(), heard().as_str()), ("READY=1", "WATCHDOG=1"));
        until("it is in", 10, || lying(&inbox).is_empty());
        let began = Instant::now();
        assert_eq!(daemon.end(signal), Some(code));
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        while heard() != "STOPPING=1" {}
    }
}

#[test]
fn a_daemon_without_patience_leaves_the_step_in_hand_to_the_next() {
    let (stage, inbox) = watched("");
    limit(&stage, "stop_seconds", 60, 0);
    for n in 0..200 {
        write(&inbox.join(format!("{n}.txt")), format!("{n}").as_bytes());
    }
    let daemon = Daemon::start(&stage, &[]);
    until("it is at work", 10, || taken(&inbox) > 10);
    let began = Instant::now();
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    // Patience would be a minute.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let daemon = Daemon::start(&stage, &[]);
    until("all are in", 20, || lying(&inbox).is_empty());
    until("all are at rest", 20, || arrivals(&stage).iter().all(|a| a["state"] != "working"));
    assert_eq!((arrivals(&stage).len(), taken(&inbox)), (200, 200));
    drop(daemon);
}

#[test]
fn a_second_daemon_is_refused_and_doors_beside_a_porter_are_not() {
    let (stage, inbox) = watched("");
    let porter = Daemon::start(&stage, &["--only", "work"]);
    until("the porter is there", 10, || porter.log().contains("the watch has begun"));
    let second = stage.run(&["--lang", "en", "watch"]);
    assert_eq!(second.status.code(), Some(3), "{}", said(&second));
    assert!(said(&second).contains(&porter.child.id().to_string()), "it names the holder: {}", said(&second));
    let doors = Daemon::start(&stage, &["--only", "acquire"]);
    write(&inbox.join("a.txt"), b"a");
    until("it is carried", 15, || arrivals(&stage).iter().any(|a| a["state"] != "working"));
    let third = stage.run(&["--lang", "en", "watch", "--only", "acquire"]);
    assert_eq!(third.status.code(), Some(3), "{}", said(&third));
    assert!(said(&third).contains(&doors.child.id().to_string()), "it names the holder: {}", said(&third));
    assert_eq!(doors.end(Signal::TERM), Some(0));
    assert_eq!(porter.end(Signal::TERM), Some(0));
}

#[test]
fn polling_works_where_it_is_asked_for_and_doctor_says_so() {
    let (stage, inbox) = watched("watching = \"polling\"");
    write(&inbox.join("prima.txt"), b"prima");
    let before = doctor(&stage);
    assert_eq!((&before["reachable"], &before["watched"], &before["waiting"]["files"]), (&true.into(), &false.into(), &1.into()));
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("the first is in", 10, || lying(&inbox).is_empty());
    write(&inbox.join("poi.txt"), b"poi");
    until("the second is in", 10, || lying(&inbox).is_empty());
    let now = doctor(&stage);
    assert_eq!((&now["watched"], &now["waiting"]["files"]), (&true.into(), &0.into()));
    assert_eq!((&now["door"]["state"], &now["door"]["watching"]), (&"working".into(), &"polling".into()), "{now}");
    drop(daemon);
}

#[test]
fn more_events_than_the_kernel_keeps_lose_no_file() {
    let stage = Stage::with_archive();
    let inbox = stage.path("posta");
    std::fs::create_dir(&inbox).expect("inbox");
    let times = "settle_seconds = 1\nrescan_seconds = 3600\nwatching = 'events'";
    configure(&stage, &format!("\n[[inbox]]\npath = '{}'\n{times}\n", inbox.display()));
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("the door is open", 20, || doctor(&stage)["door"]["state"] == "working");
    daemon.send(Signal::STOP);
    let kept = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("a limit");
    let kept: usize = kept.trim().parse().expect("a number");
    // Two events each: made, and gone.
    for _ in 0..kept.min(100_000) / 2 + 1_000 {
        let path = inbox.join("scansione.part");
        File::create(&path).expect("a file");
        std::fs::remove_file(path).expect("gone");
    }
    write(&inbox.join("foglio.txt"), b"di questo l'evento si perde");
    daemon.send(Signal::CONT);
    until("it is in", 30, || lying(&inbox).is_empty());
    assert_eq!((arrivals(&stage).len(), taken(&inbox)), (1, 1));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn an_inbox_that_goes_away_is_said_and_watched_again_when_it_returns() {
    let (stage, inbox) = watched("");
    std::fs::remove_dir(&inbox).expect("unmounted, as it were");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("doctor says so", 10, || doctor(&stage)["door"]["state"] == "unreachable");
    std::fs::create_dir(&inbox).expect("back");
    write(&inbox.join("a.txt"), b"a");
    until("it is in", 20, || lying(&inbox).is_empty());
    assert_eq!(doctor(&stage)["door"]["state"], "working");
    assert_eq!(daemon.log().matches("the door is paused").count(), 1, "said once");
}

#[test]
fn what_is_no_plain_file_or_has_a_hostile_name_finds_its_place() {
    let (stage, inbox) = watched("");
    let outside = stage.path("fuori.txt");
    write(&outside, b"fuori");
    std::os::unix::fs::symlink(&outside, inbox.join(format!("{CANARY}-legame"))).expect("link");
    std::fs::hard_link(&outside, inbox.join("altro-nome.txt")).expect("hard link");
    let socket = std::os::unix::net::UnixListener::bind(inbox.join("presa")).expect("socket");
    rustix::fs::mknodat(rustix::fs::CWD, inbox.join("coda"), rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("queue");
    let device = rustix::fs::makedev(1, 7);
    let has_device =
        rustix::fs::mknodat(rustix::fs::CWD, inbox.join("disp"), rustix::fs::FileType::CharacterDevice, 0o600.into(), device)
            .is_ok();
    if !has_device {
        eprintln!("NOT CHECKED: no device can be made here");
    }
    let names: [&[u8]; 3] = [b"a\nb.txt", b"\xff\xfe.txt", &[b'n'; 255]];
    for (n, name) in names.iter().enumerate() {
        write(&inbox.join(std::ffi::OsStr::from_bytes(name)), format!("nome {n}").as_bytes());
    }
    let deep = (0..63).fold(inbox.clone(), |path, n| path.join(format!("{n}")));
    std::fs::create_dir_all(&deep).expect("deep");
    write(&deep.join("fondo.txt"), b"fondo");
    std::fs::create_dir_all(deep.join("troppo")).expect("deeper");
    write(&deep.join("troppo/oltre.txt"), b"oltre");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("all but the deepest have gone", 20, || lying(&inbox).len() == 1);
    assert_eq!(lying(&inbox), [deep.join("troppo/oltre.txt")]);
    let aside = std::fs::read_dir(stage.path("archivio/quarantine")).expect("quarantine").count();
    assert_eq!(aside, 3 + usize::from(has_device));
    assert_eq!((arrivals(&stage).len(), taken(&inbox)), (5, 5));
    assert_eq!(std::fs::read(&outside).expect("the other name"), b"fuori");
    assert!(!daemon.log().contains("Canarino"), "{}", daemon.log());
    drop(socket);
}

#[test]
fn a_batch_waits_for_its_end_marker() {
    let (stage, inbox) = watched("end_marker = \"*.fine\"");
    let folder = inbox.join("lotto");
    std::fs::create_dir(&folder).expect("folder");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    for batch in 1..=2 {
        for n in 0..3 {
            write(&folder.join(format!("{n}.txt")), format!("{batch} {n}").as_bytes());
        }
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(lying(&inbox).len(), 3, "nothing goes in before its end: {}", daemon.log());
        write(&folder.join("lotto.FINE"), b"");
        until("the batch is in and its marker put away", 15, || lying(&inbox).is_empty());
        assert_eq!(arrivals(&stage).len(), 3 * batch);
    }
}

#[test]
fn inboxes_that_cannot_be_told_apart_are_refused_at_the_start() {
    for (tables, code) in [
        ("[[inbox]]\npath='/srv/a'\n[[inbox]]\npath='/srv/a/b'\nprofile='b'", "inbox-overlap"),
        ("[[inbox]]\npath='/srv/a'\n[[inbox]]\npath='/srv/./a'\nprofile='b'", "inbox-overlap"),
        ("[[inbox]]\npath='/srv/a'\n[[inbox]]\npath='/srv/b'", "inbox-profile-twice"),
        ("[[inbox]]\npath='blobs'", "inbox-in-archive"),
        ("[[inbox]]\npath='..'", "inbox-in-archive"),
        ("[[inbox]]\npath='/srv/a'\nduplex='two-pass'", "config-duplex"),
        ("[[inbox]]\npath='/srv/a'\nrescan_seconds=0", "config-bounds"),
        ("[[inbox]]\npath='/srv/a'\nvoce='VI.3'", "config-unknown"),
    ] {
        let stage = Stage::with_archive();
        configure(&stage, &format!("\n{tables}\n"));
        let lines = stage.json(&["watch"], &[3]);
        assert_eq!(lines[0]["error"], code, "{tables}");
    }
}

#[test]
fn a_queue_at_its_ceiling_pauses_the_door_until_porters_have_shortened_it() {
    let (stage, inbox) = watched("");
    limit(&stage, "queue_length_max", 1_000_000, 3);
    for n in 0..12 {
        write(&inbox.join(format!("{n}.txt")), format!("{n}").as_bytes());
    }
    let doors = Daemon::start(&stage, &["--only", "acquire"]);
    until("the door says so", 10, || doctor(&stage)["door"]["code"] == "queue-full");
    let waiting = lying(&inbox).len();
    // Those in flight when the last place was taken may still go in.
    assert!((12 - 3 - 3..=12 - 3).contains(&waiting), "{waiting} of 12 wait");
    let porter = Daemon::start(&stage, &["--only", "work"]);
    until("all are in", 40, || lying(&inbox).is_empty());
    assert_eq!(arrivals(&stage).len(), 12);
    assert_eq!((doors.end(Signal::TERM), porter.end(Signal::TERM)), (Some(0), Some(0)));
}

/// A small file system of its own, unmounted when dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// Mounted again, to be read only or to be written.
    fn again(&self, how: &str) {
        let option = format!("remount,{how}");
        assert!(std::process::Command::new("mount").args(["-o", &option]).arg(&self.0).status().expect("mount").success());
    }

    pub fn new(folder: PathBuf, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(&folder).expect("folder");
        let size = format!("size={bytes}");
        let done = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).output();
        done.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn an_inbox_that_is_read_only_for_a_while_pauses_its_door_and_admits_once() {
    let (stage, inbox) = watched("");
    let Some(mount) = Mount::new(inbox.clone(), 1 << 20) else {
        return eprintln!("NOT CHECKED: a read-only inbox: mounting is not allowed here");
    };
    write(&inbox.join("a.txt"), b"a");
    mount.again("ro");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("the door says that it is paused", 15, || doctor(&stage)["door"]["state"] == "paused");
    assert_eq!((lying(&inbox).len(), arrivals(&stage).len()), (1, 1), "admitted, and still where it was");
    mount.again("rw");
    until("it has left", 20, || lying(&inbox).is_empty());
    assert_eq!((arrivals(&stage).len(), taken(&inbox)), (1, 1));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn a_full_disk_pauses_the_door_which_goes_on_by_itself_when_there_is_room() {
    let stage = Stage::bare();
    // Room for the documents and, made meanwhile, their packages.
    let Some(_mount) = Mount::new(stage.path("archivio"), 32 << 20) else {
        return eprintln!("NOT CHECKED: a full disk: mounting is not allowed here");
    };
    assert!(stage.run(&["init"]).status.success());
    let inbox = stage.path("posta");
    std::fs::create_dir(&inbox).expect("inbox");
    configure(&stage, &format!("\n[[inbox]]\npath = '{}'\nsettle_seconds = 1\n", inbox.display()));
    let daemon = Daemon::start(&stage, &[]);
    write(&inbox.join("prima.txt"), b"prima");
    until("the first is in", 10, || lying(&inbox).is_empty());
    // What is still at work gives room back when it ends.
    until("it is at rest", 20, || arrivals(&stage).iter().all(|a| a["state"] != "working"));
    until("no step is open", 20, || stage.json(&["stats"], &[0])[0]["jobs"].as_array().is_some_and(Vec::is_empty));
    let ballast = stage.path("archivio/zavorra");
    let mut filling = File::create(&ballast).expect("ballast");
    let mut fill = || while filling.write_all(&[0; 4_096]).is_ok() {};
    fill();
    let bytes = vec![b'x'; 1 << 20];
    for n in 0..5 {
        write(&inbox.join(format!("{n}.txt")), &[&bytes[..], &[n]].concat());
    }
    // A look at an archive on a full disk may itself find no room.
    let look = || stage.json(&["doctor"], &[0, 1, 4]).remove(0)["inboxes"][0].take();
    until("the door says that it is paused", 15, || look()["door"]["state"] == "paused");
    fill();
    assert_eq!(lying(&inbox).len(), 5, "every source is where it was");
    // The reason, with its place and cause, for whoever asks: in doctor, and among what is stuck in stats, in both languages.
    // Whichever found no room first, the blob or the row.
    let sentences = [
        ("it", "Operazione su disco non riuscita", "Sul disco dell'archivio non c'è più posto"),
        ("en", "Disk operation failed", "The archive's disk has no room left"),
    ];
    for (lang, blob, row) in sentences {
        let told = stage.json(&["--lang", lang, "doctor"], &[0, 1, 4]).remove(0)["inboxes"][0]["notes"].to_string();
        assert!((told.contains(blob) && told.contains("No space left")) || told.contains(row), "{told}");
        let stats = said(&stage.run(&["--lang", lang, "stats"]));
        assert!(stats.contains(blob) || stats.contains(row), "{stats}");
    }
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(daemon.log().matches("the door is paused").count(), 1, "said once: {}", daemon.log());
    std::fs::remove_file(&ballast).expect("room");
    drop(filling);
    until("all are in", 30, || lying(&inbox).is_empty());
    until("the door says that it works", 15, || doctor(&stage)["door"]["state"] == "working");
    assert_eq!((arrivals(&stage).len(), taken(&inbox)), (6, 6));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    let verified = stage.run(&["journal", "verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
}

#[test]
fn what_can_never_be_admitted_is_set_aside_even_where_the_inbox_lies_on_another_disk() {
    let (stage, inbox) = watched("");
    let Some(_mount) = Mount::new(inbox.clone(), 1 << 20) else {
        return eprintln!("NOT CHECKED: an inbox on another disk: mounting is not allowed here");
    };
    std::os::unix::fs::symlink("/nessuno", inbox.join("legame")).expect("link");
    write(&inbox.join("a.txt"), b"a");
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("both have left", 20, || lying(&inbox).is_empty());
    let aside: Vec<PathBuf> =
        std::fs::read_dir(inbox.join(".taken/quarantine")).expect("quarantine").flatten().map(|entry| entry.path()).collect();
    assert!(aside.len() == 1 && aside[0].is_symlink(), "{aside:?}");
    assert_eq!((arrivals(&stage).len(), &doctor(&stage)["door"]["state"]), (1, &"working".into()), "{}", daemon.log());
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}
