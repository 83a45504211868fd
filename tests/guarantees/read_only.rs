//! An archive that cannot be written still answers: on a disk that has become read-only, and for a user without leave to write.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Output;

use super::network::{Daemon, TOKEN, configure, free_port, until};
use super::power::{Disk, NOT_HERE};
use super::stage::{Stage, said};
use super::watch::Mount;

/// Nobody's number.
const NOBODY: u32 = 65_534;
/// Verbs that only look, with the exit codes that they may end with here.
const LOOKING: &[(&[&str], i32)] = &[
    (&["list"], 0),
    (&["list", "arrivals"], 0),
    (&["list", "fascicoli"], 0),
    (&["list", "pdv"], 0),
    (&["list", "lotti"], 0),
    (&["stats"], 0),
    (&["search", "nulla"], 0),
    (&["review"], 1),
    (&["journal", "verify"], 0),
    (&["fixity"], 0),
    (&["package", "--dry-run"], 0),
    (&["doctor"], 0),
];

/// Everything that only looks answers and says what it is; everything that writes says why it does not, with exit code 4.
fn ensure_answers(run: &dyn Fn(&[&str]) -> Output, (arrival, document): (&str, &str)) {
    let shows: [(&[&str], i32); 2] = [(&["show", arrival], 0), (&["show", document], 0)];
    for (args, code) in LOOKING.iter().copied().chain(shows) {
        let output = run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        let (answer, note) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let is_said = note.matches("sola lettura").count() == 1 || (args == ["doctor"] && answer.contains("sola lettura"));
        assert!(is_said && !answer.trim().is_empty(), "{args:?}: {}", said(&output));
    }
    assert!(String::from_utf8_lossy(&run(&["list", "arrivals"]).stdout).contains("lettera.txt"));
    let writing: [&[&str]; 7] = [
        &["ingest", "."],
        &["watch"],
        &["review", document, "--refuse"],
        &["package"],
        &["search", "--rebuild"],
        &["learn"],
        &["fascicolo", "close", "2024/I.1/1"],
    ];
    for args in writing {
        let output = run(args);
        assert_eq!(output.status.code(), Some(4), "{args:?}: {}", said(&output));
        assert!(said(&output).contains("non può essere scritto"), "{args:?}: {}", said(&output));
    }
}

/// An arrival with its document, as ids.
fn furnish(stage: &Stage) -> (String, String) {
    let letter = stage.path("lettera.txt");
    std::fs::write(&letter, "Una lettera da conservare.").expect("written");
    stage.run(&["ingest", letter.to_str().expect("a path")]);
    let arrival = stage.json(&["list", "arrivals"], &[0]).remove(0);
    let id = |value: &serde_json::Value| value.as_str().expect("an id").to_owned();
    (id(&arrival["id"]), id(&arrival["documents"][0]))
}

fn remount(disk: &Disk, how: &str) {
    let done = std::process::Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&disk.place).output();
    assert!(done.as_ref().is_ok_and(|output| output.status.success()), "{done:?}");
}

fn on_disk() -> Option<(Stage, Disk)> {
    let stage = Stage::bare();
    let disk = Disk::new(&stage, 48)?;
    std::fs::create_dir(disk.place.join("archivio")).expect("folder");
    std::os::unix::fs::symlink(disk.place.join("archivio"), stage.path("archivio")).expect("link");
    let output = stage.run(&["init"]);
    assert!(output.status.success(), "{}", said(&output));
    Some((stage, disk))
}

#[test]
fn an_archive_on_a_read_only_disk_answers_and_says_why_it_writes_nothing() {
    let Some((stage, disk)) = on_disk() else { return eprintln!("{NOT_HERE}") };
    let ids = furnish(&stage);
    remount(&disk, "ro");
    ensure_answers(&|args| stage.run(args), (&ids.0, &ids.1));
    remount(&disk, "rw");
    assert_eq!(stage.run(&["fixity"]).status.code(), Some(0), "and goes on where it can be written again");
}

#[test]
fn what_a_dead_process_left_in_the_log_is_read_where_it_cannot_be_recovered() {
    let Some((stage, disk)) = on_disk() else { return eprintln!("{NOT_HERE}") };
    configure(&stage, "[[inbox]]\npath = 'inbox'\nsettle_seconds = 0\nrescan_seconds = 1");
    let daemon = Daemon::start(&stage, &[], &[]);
    std::fs::write(stage.path("archivio/inbox/lettera.txt"), "Una lettera da conservare.").expect("written");
    let mut ids = None;
    until("it is at rest", 60, || {
        let found = stage.json(&["list", "arrivals"], &[0]);
        let id = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        ids = found.first().and_then(|arrival| Some((id(&arrival["id"])?, id(&arrival["documents"][0])?)));
        ids.is_some() && stage.json(&["stats"], &[0])[0]["jobs"].as_array().is_some_and(Vec::is_empty)
    });
    daemon.end(rustix::process::Signal::KILL);
    let (arrival, document) = ids.expect("an arrival");
    assert!(stage.path("archivio/store.db-wal").metadata().expect("a log").len() > 0);
    remount(&disk, "ro");
    ensure_answers(&|args| stage.run(args), (&arrival, &document));
    // The same without the log's index, as in a copy.
    remount(&disk, "rw");
    std::fs::remove_file(stage.path("archivio/store.db-shm")).expect("an index");
    remount(&disk, "ro");
    ensure_answers(&|args| stage.run(args), (&arrival, &document));
}

#[test]
fn an_archive_on_a_full_disk_answers_and_says_so_however_it_was_left() {
    let mut told = 0;
    for is_killed in [false, true] {
        let stage = Stage::bare();
        let Some(_mount) = Mount::new(stage.path("archivio"), 16 << 20) else { return eprintln!("{NOT_HERE}") };
        assert!(stage.run(&["init"]).status.success());
        let (arrival, document) = furnish(&stage);
        if is_killed {
            configure(&stage, "");
            let daemon = Daemon::start(&stage, &[], &[]);
            until("the daemon has its log", 20, || stage.path("archivio/store.db-wal").exists());
            daemon.end(rustix::process::Signal::KILL);
        }
        let ballast = stage.path("archivio/zavorra");
        let mut filling = std::fs::File::create(&ballast).expect("ballast");
        let mut fill = || while std::io::Write::write_all(&mut filling, &[0; 4_096]).is_ok() {};
        fill();
        for (args, code) in LOOKING.iter().copied().chain([(&["show", arrival.as_str()][..], 0)]) {
            fill();
            let is_indexed = stage.path("archivio/store.db-shm").metadata().is_ok_and(|index| index.len() >= 32 << 10);
            told += usize::from(!is_indexed);
            let output = stage.run(args);
            let text = said(&output);
            let is_told = text.contains("sola lettura") && text.matches("non c'è più posto").count() == 1;
            // With the index of a log that was left, all is opened as always, and only what writes finds no room.
            let is_known =
                output.status.code() == Some(code) || (is_indexed && args == ["fixity"] && output.status.code() == Some(4));
            assert!(is_known && (is_told || is_indexed), "{args:?}: {text}");
        }
        let output = stage.run(&["review", &document, "--refuse"]);
        assert_eq!(output.status.code(), Some(4), "{}", said(&output));
        assert!(said(&output).contains("non c'è più posto"), "{}", said(&output));
        std::fs::remove_file(&ballast).expect("room");
        drop(filling);
        let output = stage.run(&["journal", "verify"]);
        assert!(output.status.success() && !said(&output).contains("sola lettura"), "{}", said(&output));
    }
    assert!(told > 0, "the log was left each time: nothing was shown");
}

/// Everybody may read below `folder`, nobody but its owner may write.
fn open_to_readers(folder: &Path) {
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.expect("an entry");
        let mode = if entry.file_type().is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(mode)).expect("permissions");
    }
}

#[test]
fn a_user_without_leave_to_write_is_answered_also_beside_a_daemon() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("NOT CHECKED: a user without leave to write: only root can act as another user");
    }
    let stage = Stage::with_archive();
    let ids = furnish(&stage);
    let port = free_port();
    configure(
        &stage,
        &format!("[upload]\nlisten = '127.0.0.1:{port}'\n[[upload.door]]\nname = 'u'\ntoken_env = 'TOKEN_UFFICIO'"),
    );
    open_to_readers(&stage.path(""));
    let as_nobody = |args: &[&str]| {
        let mut command = stage.command(args);
        command.uid(NOBODY).gid(NOBODY).current_dir("/").env("TOKEN_UFFICIO", TOKEN).output().map_err(|error| error.kind())
    };
    if as_nobody(&["--version"]).is_err() {
        return eprintln!("NOT CHECKED: a user without leave to write: this build lies where nobody else may run it");
    }
    let run = |args: &[&str]| as_nobody(args).expect("the program runs");
    ensure_answers(&run, (&ids.0, &ids.1));
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    until("the daemon has the doors", 20, || stage.json(&["doctor"], &[0])[0]["inboxes"][0]["watched"] == true);
    for name in ["store.db", "store.db-wal", "store.db-shm", "doors.json", "doors.lock"] {
        let path = stage.path("archivio").join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("permissions");
    }
    let output = run(&["list", "arrivals"]);
    assert!(output.status.success() && said(&output).contains("lettera.txt"), "{}", said(&output));
    let told = run(&["doctor"]);
    assert!(said(&told).contains("\"watched\": true"), "the daemon is seen from outside: {}", said(&told));
    assert_eq!(daemon.end(rustix::process::Signal::TERM), Some(0));
}
