//! The power cut at the doors to the network: archive, unfinished uploads and blobs lie on an ext4 of their own whose cable is
//! pulled, and a sender and a mail server remember what they were told. A build that forgets one fsync must fail. And the same
//! disk full, read-only and broken under all doors: they wait, say so, and go on by themselves.
//!
//! `CONSERVA_POWER_MOMENTS` (scripts/prove) asks for every point and so many random moments.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conserva::digest::Digest;
use rustix::process::Signal;
use serde_json::Value;

use super::doors::Play;
use super::mailbox::Dovecot;
use super::network::{Daemon, arrivals, configure, free_port, post, until};
use super::power::{Disk, NOT_HERE, moments};
use super::resumable::{create, offset, patch};
use super::stage::{Stage, said};

/// Files and messages at the other doors of a play.
const LOAD: (usize, usize) = (4, 6);

/// What a sender was told, whatever became of the house.
#[derive(Debug, Default)]
struct Told {
    /// Digests of files that were confirmed.
    confirmed: BTreeSet<String>,
    /// Bytes of each upload that were acknowledged.
    acknowledged: BTreeMap<String, u64>,
}

/// A house whose archive lies on `disk`.
fn house(server: &Dovecot, mebibytes: u64) -> Option<(Disk, Play<'_>)> {
    let stage = Stage::bare();
    let disk = Disk::new(&stage, mebibytes)?;
    std::fs::create_dir(disk.place.join("archivio")).expect("folder");
    std::os::unix::fs::symlink(disk.place.join("archivio"), stage.path("archivio")).expect("link");
    Some((disk, furnished(stage, server)))
}

/// An archive with all its doors.
fn furnished(stage: Stage, server: &Dovecot) -> Play<'_> {
    let output = stage.run(&["init"]);
    assert!(output.status.success(), "{}", said(&output));
    let port = free_port();
    let door = "[[upload.door]]\nname = 'ufficio'\ntoken_env = 'TOKEN_UFFICIO'\n";
    configure(&stage, &format!("[upload]\nlisten = '127.0.0.1:{port}'\n{door}"));
    let play = Play::on((stage, port), server);
    // What was there before the play is on the disk.
    let archive = std::fs::File::open(play.stage.path("archivio")).expect("the archive");
    rustix::fs::syncfs(archive).expect("synced");
    play
}

/// Sends forms and uploads in parts until nobody answers any more, and writes down what it hears. It does not wait for anybody.
fn send(port: u16, round: usize, (told, is_over): (&Mutex<Told>, &AtomicBool)) {
    for n in 0.. {
        if is_over.load(Ordering::Relaxed) || std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            return;
        }
        let bytes: Vec<u8> = format!("invio {round} {n} ").bytes().cycle().take(3_000 + n * 977 % 60_000).collect();
        let sha256 = Digest::of(&bytes).hex();
        let name = format!("{round}-{n}.bin");
        let is_in = if n % 2 == 0 { by_form(port, &name, &bytes) } else { by_parts(port, (&name, &bytes), told) };
        match is_in {
            Some(true) => _ = told.lock().expect("told").confirmed.insert(sha256),
            Some(false) => std::thread::sleep(Duration::from_millis(50)),
            None => return,
        }
    }
}

fn by_form(port: u16, name: &str, bytes: &[u8]) -> Option<bool> {
    post(port, &[(name, bytes)]).map(|answer| matches!(answer.status, 200 | 201))
}

fn by_parts(port: u16, (name, bytes): (&str, &[u8]), told: &Mutex<Told>) -> Option<bool> {
    let path = create(port, name, bytes.len())?;
    for end in [bytes.len() / 2, bytes.len()] {
        let here = told.lock().expect("told").acknowledged.get(&path).copied().unwrap_or(0);
        let answer = patch(port, &path, here, &bytes[here as usize..end])?;
        let Some(offset) = answer.header("upload-offset").filter(|_| answer.status == 204) else { return Some(false) };
        told.lock().expect("told").acknowledged.insert(path.clone(), offset.parse().expect("an offset"));
    }
    Some(true)
}

/// What is wrong just after the power came back: what was confirmed or marked is in and whole, and no offset went back.
fn faults(play: &Play<'_>, told: &Told) -> Vec<String> {
    let mut faults = Vec::new();
    let rows = arrivals(&play.stage);
    let of = |row: &Value| row["sha256"].as_str().expect("sha256").to_owned();
    for row in &rows {
        let sha256 = of(row);
        let blob = play.stage.path(&format!("archivio/blobs/prova/{}/{sha256}", &sha256[..2]));
        if Digest::of(&std::fs::read(&blob).unwrap_or_default()).hex() != sha256 {
            faults.push(format!("the row of {sha256} points to no whole blob"));
        }
    }
    let here: BTreeSet<String> = rows.iter().map(of).collect();
    faults.extend(told.confirmed.difference(&here).map(|sha256| format!("{sha256} was confirmed and has no row")));
    let mails = rows.iter().filter(|row| row["door"] == "mailbox:pec").count();
    if play.marked() > mails {
        faults.push(format!("{} messages are marked, {mails} are in", play.marked()));
    }
    if here.len() != rows.len() {
        faults.push(format!("{} rows of {} contents", rows.len(), here.len()));
    }
    if !play.stage.run(&["journal", "verify"]).status.success() {
        faults.push("the journal is not whole".to_owned());
    }
    faults
}

/// Offsets that were acknowledged and are not there any more; asked of a daemon at work.
fn offsets_lost(play: &Play<'_>, told: &Told) -> Vec<String> {
    let lost = |(path, acknowledged): (&String, &u64)| {
        let here = offset(play.port, path).unwrap_or(0);
        (here < *acknowledged).then(|| format!("{acknowledged} bytes were acknowledged, {here} are here"))
    };
    told.acknowledged.iter().filter_map(lost).collect()
}

/// One play: doors at work, a cut when `is_due`, the power back, and what is wrong then, before and after it goes on.
fn cut(
    (disk, play): &mut (Disk, Play<'_>),
    (round, load): (usize, (usize, usize)),
    drill: &[(&str, &str)],
    mut is_due: impl FnMut(&mut Daemon) -> bool,
) -> Vec<String> {
    if load.0 > 0 {
        play.feed(round, load);
    }
    let (told, is_over) = (Arc::new(Mutex::new(Told::default())), Arc::new(AtomicBool::new(false)));
    let mut daemon = play.watch(&["--only", "acquire"], drill);
    until("the counter is open or dead", 20, || {
        daemon.has_ended() || std::net::TcpStream::connect(("127.0.0.1", play.port)).is_ok()
    });
    let sending = {
        let (told, is_over, port) = (Arc::clone(&told), Arc::clone(&is_over), play.port);
        std::thread::spawn(move || send(port, round, (&told, &is_over)))
    };
    until("the moment comes", 30, || is_due(&mut daemon));
    disk.cut();
    is_over.store(true, Ordering::Relaxed);
    drop(daemon);
    sending.join().expect("the sender");
    disk.again();
    let told = told.lock().expect("told");
    let mut faults = faults(play, &told);
    let daemon = play.watch(&["--only", "acquire"], &[]);
    until("the counter is open", 20, || std::net::TcpStream::connect(("127.0.0.1", play.port)).is_ok());
    faults.extend(offsets_lost(play, &told));
    if faults.is_empty() {
        play.comes_to_rest(&told.confirmed, &format!("round {round}"));
        assert_eq!(daemon.end(Signal::TERM), Some(0));
    }
    faults
}

#[test]
fn a_power_cut_at_a_write_point_of_the_network_doors_takes_nothing_back() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: power cuts need --features drill (scripts/test has it)");
    }
    let Some(server) = Dovecot::start() else { return };
    let few = ["upload.offset-durable", "receive.recorded", "mailbox.marked"];
    let points = if moments().is_some() {
        let passed = ["upload.", "receive.", "mailbox."];
        let all = super::crash::points().into_iter().filter(|point| passed.iter().any(|room| point.starts_with(room)));
        // No sender of this play cancels.
        all.filter(|point| !point.contains("remov")).collect()
    } else {
        few.map(str::to_owned).to_vec()
    };
    for point in &points {
        let Some(mut house) = house(&server, 96) else { return eprintln!("{NOT_HERE}") };
        let wrong = cut(&mut house, (0, LOAD), &[("CONSERVA_DRILL", point)], Daemon::has_ended);
        assert_eq!(wrong, Vec::<String>::new(), "after a power cut at {point}");
    }
    eprintln!("power: {} cuts at named points of uploads and mailboxes", points.len());
}

#[test]
fn power_cuts_at_random_moments_under_the_load_of_all_doors_take_nothing_back() {
    let Some(moments) = moments() else {
        return eprintln!("NOT CHECKED: power cuts at random moments: scripts/prove asks for them");
    };
    let Some(server) = Dovecot::start() else { return };
    let mut seed: u64 = std::env::var("CONSERVA_DRILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    eprintln!("power: seed {seed}");
    let Some(mut house) = house(&server, 512) else { return eprintln!("{NOT_HERE}") };
    for n in 0..moments {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (began, wait) = (std::time::Instant::now(), Duration::from_millis(20 + (seed >> 33) % 900));
        let wrong = cut(&mut house, (n, LOAD), &[], |_| began.elapsed() > wait);
        assert_eq!(wrong, Vec::<String>::new(), "moment {n}");
    }
    eprintln!(
        "power: {moments} cuts at random moments under uploads, mail and a watched folder; {} in",
        arrivals(&house.1.stage).len()
    );
}

/// Plays of the control: a kernel that happens to write everything back in time hides what was forgotten.
const CONTROLS: usize = 6;

/// The control: without the fsync of an upload's bytes, acknowledged offsets go back; without that of the store, what was
/// confirmed has no row; without that of a blob's bytes, rows point to nothing.
#[test]
fn a_build_that_forgets_one_fsync_of_the_network_doors_fails_the_drill() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: power cuts need --features drill (scripts/test has it)");
    }
    let Some(server) = Dovecot::start() else { return };
    // The commit of another door would write the bytes of an upload too: there the house is quiet.
    let all = [
        ("upload.bytes-sync", "upload.bytes-written:2", (0, 0)),
        ("store.sync", "mailbox.marked:3", LOAD),
        ("blobs.file-sync", "receive.recorded:3", LOAD),
    ];
    // One is enough where nobody asked for proofs.
    for (forgets, point, load) in &all[..if moments().is_some() { all.len() } else { 1 }] {
        let is_shown = (0..CONTROLS).any(|round| {
            let Some(mut house) = house(&server, 96) else {
                eprintln!("{NOT_HERE}");
                return true;
            };
            let drill = [("CONSERVA_DRILL", *point), ("CONSERVA_DRILL_FORGET", *forgets)];
            let wrong = cut(&mut house, (round, *load), &drill, Daemon::has_ended);
            eprintln!("power: without {forgets}: {} faults, {:?}", wrong.len(), wrong.first());
            !wrong.is_empty()
        });
        assert!(is_shown, "a forgotten {forgets} shows");
    }
}

fn states(stage: &Stage) -> BTreeMap<String, String> {
    let told = stage.json(&["doctor"], &[0, 1, 4]).remove(0);
    let word = |value: &Value| format!("{} {}", value["state"].as_str().unwrap_or("-"), value["code"].as_str().unwrap_or("-"));
    BTreeMap::from([
        ("inbox".to_owned(), word(&told["inboxes"][0]["door"])),
        ("upload".to_owned(), word(&told["uploads"][0])),
        ("mailbox".to_owned(), word(&told["mailboxes"][0])),
    ])
}

/// Trouble on a disk under all doors, and its end, while one daemon lives: each door says that it waits, nothing is lost, and
/// when the trouble is over everything goes in by itself.
fn outlives(play: &mut Play<'_>, what: &str, (begin, end): (impl FnOnce(), impl FnOnce(&Daemon))) {
    let daemon = play.watch(&["--only", "acquire"], &[]);
    play.feed(0, (2, 2));
    play.comes_to_rest(&BTreeSet::new(), what);
    let (sent, late) = (b"prima del guaio ".repeat(9_000), b"nel guaio ".repeat(100_000));
    let path = create(play.port, "grande.bin", sent.len()).expect("created");
    assert_eq!(patch(play.port, &path, 0, &sent[..50_000]).expect("an answer").status, 204, "{what}");
    begin();
    play.feed(1, (3, 2));
    let (mut answers, mut seen) = (BTreeSet::new(), BTreeMap::new());
    until(&format!("{what}: every door says that it waits"), 60, || {
        answers.extend(post(play.port, &[("file.bin", &late)]).map(|answer| answer.status));
        std::thread::sleep(Duration::from_millis(200));
        seen = states(&play.stage);
        seen.values().all(|state| state.starts_with("paused"))
    });
    assert!(answers.iter().all(|status| matches!(status, 500..=507)), "{what}: senders hear that it cannot be now: {answers:?}");
    eprintln!("pressure: {what}: {seen:?}, senders hear {answers:?}");
    end(&daemon);
    until(&format!("{what}: uploads are taken again"), 60, || {
        post(play.port, &[("file.bin", &late)]).is_some_and(|answer| matches!(answer.status, 200 | 201))
    });
    let here = offset(play.port, &path).expect("an offset");
    assert_eq!(here, 50_000, "{what}: what was acknowledged is here");
    let answer = patch(play.port, &path, here, &sent[50_000..]).expect("an answer");
    assert_eq!(answer.header("conserva-state").as_deref(), Some("admitted"), "{what}");
    let confirmed = [&sent[..], &late[..]].map(|bytes| Digest::of(bytes).hex());
    play.comes_to_rest(&confirmed.into(), what);
    until(&format!("{what}: every door works"), 30, || states(&play.stage).values().all(|state| state == "working -"));
    assert_eq!(daemon.end(Signal::TERM), Some(0), "{what}");
    assert!(play.stage.run(&["journal", "verify"]).status.success(), "{what}");
}

#[test]
fn a_full_disk_pauses_every_door_and_all_go_on_by_themselves() {
    let Some(server) = Dovecot::start() else { return };
    let Some((disk, mut play)) = house(&server, 48) else { return eprintln!("{NOT_HERE}") };
    let ballast = disk.place.join("zavorra");
    let fill = || {
        let mut file = std::fs::File::create(&ballast).expect("ballast");
        while file.write_all(&[0; 4_096]).is_ok() {}
        let _ = file.sync_all();
    };
    outlives(&mut play, "a full disk", (fill, |_: &Daemon| std::fs::remove_file(&ballast).expect("room")));
}

/// Blobs on a disk of their own, so that it can be taken from under a daemon that lives: read-only, and then broken and mounted
/// again. Uploads in parts lie on the other disk, and are copied.
#[test]
fn a_disk_of_blobs_that_is_read_only_or_breaks_pauses_every_door_and_all_go_on_by_themselves() {
    let Some(server) = Dovecot::start() else { return };
    for what in ["a read-only disk", "a broken disk"] {
        let stage = Stage::bare();
        let Some(disk) = Disk::new(&stage, 64) else { return eprintln!("{NOT_HERE}") };
        let mut play = furnished(stage, &server);
        let blobs = play.stage.path("archivio/blobs");
        // What init has made moves onto the disk, which is mounted in its place.
        std::fs::create_dir(disk.place.join("blobs")).expect("folder");
        let bound = std::process::Command::new("mount").arg("--bind").arg(disk.place.join("blobs")).arg(&blobs).status();
        assert!(bound.expect("mount").success());
        let bind = Bind(&blobs);
        if what == "a read-only disk" {
            let remount = |how: &str| {
                let option = format!("remount,bind,{how}");
                // Not while a blob is being written.
                until("the disk is remounted", 10, || {
                    let done = std::process::Command::new("mount").args(["-o", &option]).arg(&blobs).output();
                    done.is_ok_and(|output| output.status.success())
                });
            };
            outlives(&mut play, what, (|| remount("ro"), |_: &Daemon| remount("rw")));
        } else {
            let repair = |daemon: &Daemon| {
                // Nobody writes into the bare folder while nothing is mounted there.
                daemon.send(Signal::STOP);
                bind.release();
                disk.again();
                let again = std::process::Command::new("mount").arg("--bind").arg(disk.place.join("blobs")).arg(&blobs).status();
                assert!(again.expect("mount").success());
                daemon.send(Signal::CONT);
            };
            outlives(&mut play, what, (|| disk.cut(), repair));
        }
        bind.release();
    }
}

/// A folder of a disk that is mounted elsewhere, until it is released.
struct Bind<'a>(&'a Path);

impl Bind<'_> {
    fn release(&self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0).output();
    }
}

impl Drop for Bind<'_> {
    fn drop(&mut self) {
        self.release();
    }
}
