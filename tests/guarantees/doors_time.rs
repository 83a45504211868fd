//! Time that is not what it was: the clock is set forward and back under a daemon at work, and the whole daemon sleeps for
//! longer than a lease. It goes back to work, and nothing is done twice.
//!
//! The clock is set by Debian's faketime. `CONSERVA_SLEEP_SECONDS` (scripts/prove) says how long the daemon sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use conserva::digest::Digest;
use rustix::process::Signal;

use super::doors::Play;
use super::mailbox::Dovecot;
use super::network::{arrivals, connect, post, until};
use super::stage::{Stage, repository};
use super::watch::{self, lying, watched, write};

fn is_at_rest(stage: &Stage) -> bool {
    stage.json(&["stats"], &[0])[0]["jobs"].as_array().is_some_and(Vec::is_empty)
}

/// Steps that the journal says were taken more than once with success.
fn twice(stage: &Stage) -> Vec<String> {
    let store = stage.path("archivio/store.db");
    let query = "SELECT json_extract(body,'$.kind')||' '||json_extract(body,'$.subject') AS step FROM journal
                 WHERE json_extract(body,'$.outcome') = 'success' GROUP BY step HAVING count(*) > 1";
    let script = "import sqlite3,sys\nfor r in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(r[0])";
    let output = std::process::Command::new("python3").args(["-c", script]).arg(store).arg(query).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Debian's library that tells a process another time.
fn faketime() -> Option<&'static str> {
    let places =
        ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    if found.is_none() {
        eprintln!("NOT CHECKED: clock jumps: faketime is not installed (scripts/setup has it)");
    }
    found
}

#[test]
fn a_clock_that_is_set_forward_and_back_stops_nothing_and_doubles_nothing() {
    let Some(library) = faketime() else { return };
    let (stage, inbox) = watched("");
    let dial = stage.path("ora");
    write(&dial, b"+0");
    let environment = [
        ("LD_PRELOAD", library.into()),
        ("FAKETIME_TIMESTAMP_FILE", dial.clone()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ("DONT_FAKE_MONOTONIC", "1".into()),
    ];
    let daemon = watch::Daemon::start_with(&stage, &[], &environment);
    let mut put = BTreeSet::new();
    for (n, jump) in ["+0", "+1d", "-1d", "-30d", "+400d", "+0"].into_iter().enumerate() {
        // Some are under way when the clock is set, some come after.
        for k in 0..8 {
            let bytes = format!("foglio {n} {k}");
            write(&inbox.join(format!("{n}-{k}.txt")), bytes.as_bytes());
            put.insert(Digest::of(bytes.as_bytes()).hex());
            if k == 4 {
                std::thread::sleep(Duration::from_millis(1_300));
                write(&dial, jump.as_bytes());
            }
        }
        until(&format!("all are in after {jump}"), 20, || lying(&inbox).is_empty());
        until(&format!("all are at rest after {jump}"), 30, || is_at_rest(&stage));
    }
    let rows = arrivals(&stage);
    let admitted: BTreeSet<String> = rows.iter().map(|row| row["sha256"].as_str().expect("sha256").to_owned()).collect();
    assert_eq!((rows.len(), &admitted), (put.len(), &put));
    let days: BTreeSet<&str> = rows.iter().filter_map(|row| row["admitted_at"].as_str()?.get(..10)).collect();
    assert!(days.len() >= 5, "the clock was set indeed: {days:?}");
    assert_eq!(twice(&stage), Vec::<String>::new());
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert!(stage.run(&["journal", "verify"]).status.success());
    eprintln!("time: {} inputs through a clock set six times, {days:?}", put.len());
}

/// A file whose writer still writes when the clock is set forward is not old for that.
#[test]
fn a_clock_that_is_set_forward_makes_no_unfinished_file_old() {
    let Some(library) = faketime() else { return };
    let (stage, inbox) = watched("");
    let dial = stage.path("ora");
    write(&dial, b"+0");
    let environment = [
        ("LD_PRELOAD", library.into()),
        ("FAKETIME_TIMESTAMP_FILE", dial.clone()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ("DONT_FAKE_MONOTONIC", "1".into()),
    ];
    let daemon = watch::Daemon::start_with(&stage, &["--only", "acquire"], &environment);
    write(&inbox.join("tronco.pdf"), b"%PDF-1.7\nprima");
    std::thread::sleep(Duration::from_millis(2_500));
    write(&dial, b"+30d");
    std::thread::sleep(Duration::from_millis(3_500));
    assert_eq!(arrivals(&stage).len(), 0, "half a file is no file: {}", daemon.log());
    std::fs::File::options()
        .append(true)
        .open(inbox.join("tronco.pdf"))
        .map(|mut file| {
            std::io::Write::write_all(&mut file, b"\n%%EOF\n").expect("end");
        })
        .expect("file");
    until("it is in", 15, || lying(&inbox).is_empty());
    assert_eq!(arrivals(&stage)[0]["sha256"], Digest::of(b"%PDF-1.7\nprima\n%%EOF\n").hex());
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn a_daemon_that_slept_goes_back_to_work_and_does_nothing_twice() {
    let seconds = std::env::var("CONSERVA_SLEEP_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let Some(server) = Dovecot::start() else { return };
    let mut play = Play::new(&server);
    // A page that is being read when everything stops.
    for n in 0..3 {
        let bytes = std::fs::read(repository().join("samples/documenti/02 scia bar.tif")).expect("a sample");
        write(&play.inbox.join(format!("scansione {n}.tif")), &[&bytes[..], format!("\n{n}").as_bytes()].concat());
    }
    play.put(3);
    let daemon = play.watch(&[], &[]);
    drop(connect(play.port));
    until("a page is being read", 30, || {
        let jobs = play.stage.json(&["stats"], &[0])[0]["jobs"].clone();
        jobs.as_array().is_some_and(|jobs| jobs.iter().any(|job| job["step"] == "text" && job["leased"] != 0))
    });
    daemon.send(Signal::STOP);
    play.feed(0, (6, 4));
    std::thread::sleep(Duration::from_secs(seconds));
    daemon.send(Signal::CONT);
    let answer = post(play.port, &[("dopo.txt", b"dopo il sonno")]).expect("an answer");
    assert_eq!(answer.status, 201);
    let counts = play.comes_to_rest(&[Digest::of(b"dopo il sonno").hex()].into(), "after the sleep");
    assert_eq!(counts.upload, 1);
    until("all are at rest", 180, || is_at_rest(&play.stage));
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for row in play.stage.json(&["list"], &[0]) {
        *states.entry(row["state"].as_str().unwrap_or("-").to_owned()).or_default() += 1;
    }
    assert_eq!((states.values().sum::<usize>(), states.get("working")), (arrivals(&play.stage).len(), None), "{states:?}");
    assert_eq!(twice(&play.stage), Vec::<String>::new());
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    eprintln!("time: {seconds} s of sleep, then {states:?}");
}
