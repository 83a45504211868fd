//! What is large: a file of some GiB through a watched folder and as a resumable upload, in flat memory, and a folder of many files over
//! a line that breaks. `CONSERVA_LARGE_GIB` and `CONSERVA_SHAKY_FILES` (scripts/prove) say how large.

use std::io::{Read, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use conserva::digest::Digest;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::network::{Daemon, arrivals, ask, connect, head, reply, until, with_door};
use super::resumable::{create, offset};
use super::watch::{lying, write};

fn asked(variable: &str) -> Option<u64> {
    let asked = std::env::var(variable).ok().and_then(|text| text.parse().ok());
    if asked.is_none() {
        eprintln!("NOT CHECKED: {variable} asks for this play (scripts/prove)");
    }
    asked
}

/// The most memory that the process has had, KiB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A stream that repeats nothing soon: a counter, word by word.
struct Counting {
    at: u64,
    end: u64,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        for (k, byte) in buffer[..n].iter_mut().enumerate() {
            let at = self.at + k as u64;
            *byte = if at % 4_096 < 8 { (at / 4_096).to_le_bytes()[(at % 8) as usize] } else { 0 };
        }
        self.at += n as u64;
        Ok(n)
    }
}

#[test]
fn a_file_of_many_gib_goes_through_a_folder_in_flat_memory() {
    let Some(gib) = asked("CONSERVA_LARGE_GIB") else { return };
    let bytes = gib << 30;
    let (stage, inbox) = super::watch::watched("");
    // Holes cost the sender nothing; what is admitted is written whole.
    let mut file = std::fs::File::create(inbox.join("grande.bin")).expect("file");
    file.set_len(bytes).expect("length");
    file.write_all(b"grande").expect("written");
    drop(file);
    let daemon = Daemon::start(&stage, &[], &[]);
    let (pid, began) = (daemon.child.id(), Instant::now());
    until("the file is in", 1_800, || lying(&inbox).is_empty());
    let row = arrivals(&stage).remove(0);
    assert_eq!(row["bytes"], bytes);
    eprintln!("large: {gib} GiB through a folder in {:.0} s, at most {} KiB in memory", began.elapsed().as_secs_f64(), peak(pid));
    assert!(peak(pid) < 256 << 10, "{} KiB", peak(pid));
    until("it is at rest", 900, || arrivals(&stage)[0]["state"] != "working");
    eprintln!("large: at rest after {:.0} s, at most {} KiB in memory", began.elapsed().as_secs_f64(), peak(pid));
    assert!(peak(pid) < 256 << 10, "{} KiB", peak(pid));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn a_file_of_many_gib_goes_through_a_resumable_upload_in_flat_memory_and_takes_its_room_once() {
    let Some(gib) = asked("CONSERVA_LARGE_GIB") else { return };
    let bytes = gib << 30;
    let (stage, port) = with_door("idle_seconds = 120");
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let pid = daemon.child.id();
    let (expected, _) = Digest::of_reader(Counting { at: 0, end: bytes }).expect("digest");
    let began = Instant::now();
    let path = create(port, "grande.iso", usize::try_from(bytes).expect("a size")).expect("created");
    let (mut here, mut breaks) = (0, 0);
    while here < bytes {
        // Every third request breaks off in the middle.
        let whole = (256_u64 << 20).min(bytes - here);
        let is_broken = breaks * 3 < here >> 28;
        let sent = if is_broken { whole / 2 } else { whole };
        breaks += u64::from(is_broken);
        send(port, &path, (here, whole), sent);
        until("what came is acknowledged", 120, || offset(port, &path).is_some_and(|offset| offset >= here + sent));
        here = offset(port, &path).expect("an offset");
    }
    until("the upload is in", 900, || arrivals(&stage).len() == 1);
    let blobs = walkdir::WalkDir::new(stage.path("archivio")).into_iter().flatten().filter(|e| e.file_type().is_file());
    let room: u64 = blobs.filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum();
    eprintln!(
        "large: {gib} GiB as a resumable upload with {breaks} breaks in {:.0} s, at most {} KiB in memory; the archive holds {} MiB",
        began.elapsed().as_secs_f64(),
        peak(pid),
        room >> 20
    );
    assert_eq!(arrivals(&stage)[0]["sha256"], expected.hex(), "bit by bit");
    assert!(peak(pid) < 256 << 10 && room < bytes + (64 << 20), "{} KiB, {room} bytes", peak(pid));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

/// Sends `sent` of the `whole` bytes that the request announces, and goes away.
fn send(port: u16, path: &str, (here, whole): (u64, u64), sent: u64) {
    let mut stream = connect(port);
    stream.set_read_timeout(Some(Duration::from_mins(10))).expect("timeout");
    let headers = [
        ("Tus-Resumable", "1.0.0".to_owned()),
        ("Content-Type", "application/offset+octet-stream".to_owned()),
        ("Upload-Offset", here.to_string()),
        ("Content-Length", whole.to_string()),
    ];
    stream.write_all(head("PATCH", path, &headers).as_bytes()).expect("sent");
    std::io::copy(&mut Counting { at: here, end: here + sent }, &mut stream).expect("sent");
    if sent == whole {
        let answer = reply(&mut stream, true).expect("an answer");
        assert_eq!(answer.status, 204, "{}", answer.head);
    }
}

/// A folder that is sent by several hands over a line that breaks, to a house that is killed now and then.
#[test]
fn a_folder_over_a_line_that_breaks_arrives_whole_and_says_meanwhile_what_is_missing() {
    const BYTES: u64 = 5 << 20;
    let files = std::env::var("CONSERVA_SHAKY_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(6_u64);
    let (stage, port) = with_door("");
    let digests: Vec<String> = (0..files).map(|n| Digest::of_reader(content(n, BYTES)).expect("digest").0.hex()).collect();
    let list: Vec<Value> = (0..files)
        .map(|n| json!({"name": format!("cartella/{}/{n}.tif", n % 10), "bytes": BYTES, "sha256": digests[n as usize]}))
        .collect();
    let mut daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let told =
        ask(port, "POST", "/upload/ufficio/batch", (&[], json!({"files": list}).to_string().as_bytes())).expect("told").json();
    let urls: Vec<String> = (0..files as usize).map(|n| told["files"][n]["url"].as_str().expect("url").to_owned()).collect();
    let batch = format!("/upload/ufficio/batch/{}?only=missing", told["batch"].as_str().expect("a batch"));
    let (next, breaks, began) = (AtomicUsize::new(0), AtomicUsize::new(0), Instant::now());
    let mut kills = 0;
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        let Some(url) = urls.get(n) else { return };
                        deliver(port, url, (n as u64, BYTES), &breaks);
                    }
                })
            })
            .collect();
        // The house dies five times meanwhile, and knows afterwards what is missing.
        while !hands.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(200));
            if kills < 5 && next.load(Ordering::Relaxed) as u64 > files * (kills + 1) / 6 {
                kills += 1;
                daemon.send(Signal::KILL);
                daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
                let told = ask(port, "GET", &batch, (&[], b"")).expect("told").json();
                let counted: u64 = ["missing", "partial", "in", "refused"].iter().filter_map(|key| told[*key].as_u64()).sum();
                assert_eq!(counted, files, "{told}");
            }
        }
    });
    let told = ask(port, "GET", &batch, (&[], b"")).expect("told").json();
    assert_eq!((&told["complete"], &told["missing"], told["files"].as_array().map(Vec::len)), (&true.into(), &0.into(), Some(0)));
    let mut admitted: Vec<String> =
        arrivals(&stage).iter().map(|row| row["sha256"].as_str().expect("sha256").to_owned()).collect();
    let mut wanted = digests;
    admitted.sort();
    wanted.sort();
    assert!(admitted == wanted, "{} of {files} are in", admitted.len());
    eprintln!(
        "shaky: {files} files, {} MiB, {} breaks, {kills} kills, {:.0} s, whole; at most {} KiB in memory",
        (files * BYTES) >> 20,
        breaks.load(Ordering::Relaxed),
        began.elapsed().as_secs_f64(),
        peak(daemon.child.id())
    );
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

/// The bytes of one file of the folder: no two have the same.
fn content(n: u64, bytes: u64) -> impl Read {
    std::io::Cursor::new(format!("foglio {n:08}").into_bytes()).chain(std::io::repeat(n as u8)).take(bytes)
}

/// Sends one file until it is in, however often the line breaks.
fn deliver(port: u16, url: &str, (n, bytes): (u64, u64), breaks: &AtomicUsize) {
    for round in 0..200_u64 {
        let Some(here) = offset(port, url) else { continue };
        let told = ask(port, "GET", url, (&[], b""));
        if told.is_some_and(|told| !told.json()["arrival"].is_null()) {
            return;
        }
        // Three of four requests break off somewhere.
        let left = bytes - here;
        let sent = if (n + round) % 4 == 3 { left } else { left * (1 + (n * 7 + round * 13) % 9) / 10 };
        breaks.fetch_add(usize::from(sent < left), Ordering::Relaxed);
        let mut stream = connect(port);
        let headers = [
            ("Tus-Resumable", "1.0.0".to_owned()),
            ("Content-Type", "application/offset+octet-stream".to_owned()),
            ("Upload-Offset", here.to_string()),
            ("Content-Length", left.to_string()),
        ];
        let mut source = content(n, bytes);
        let skipped = std::io::copy(&mut (&mut source).take(here), &mut std::io::sink());
        let written = stream.write_all(head("PATCH", url, &headers).as_bytes());
        if skipped.is_ok() && written.is_ok() && std::io::copy(&mut source.take(sent), &mut stream).is_ok() && sent == left {
            let _ = reply(&mut stream, true);
        }
        drop(stream);
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{url} never arrives");
}

/// A hundred thousand files wait: the first is in within a second of the opening of the door, and memory stays flat.
#[test]
fn a_hundred_thousand_files_that_wait_are_admitted_at_once_and_in_flat_memory() {
    let Some(count) = asked("CONSERVA_WAITING_FILES") else { return };
    let (stage, inbox) = super::watch::watched("");
    for n in 0..count {
        if n % 1_000 == 0 {
            std::fs::create_dir(inbox.join(format!("{}", n / 1_000))).expect("folder");
        }
        write(&inbox.join(format!("{}/{n}.txt", n / 1_000)), format!("foglio {n}").as_bytes());
    }
    std::thread::sleep(Duration::from_secs(2));
    let began = Instant::now();
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[("CONSERVA_LOG", "info")]);
    until("the door is open", 20, || daemon.log().contains("the door is open"));
    let open = began.elapsed();
    until("the first is in", 20, || inbox.join(".taken").exists() && super::watch::taken(&inbox) > 0);
    let first = began.elapsed();
    let mut early = 0;
    until("a part is in", 600, || {
        std::thread::sleep(Duration::from_secs(1));
        early = early.max(peak(daemon.child.id()));
        super::watch::taken(&inbox) as u64 > count / 10
    });
    let (part, since) = (super::watch::taken(&inbox), began.elapsed());
    until("all are in", 3_600, || {
        std::thread::sleep(Duration::from_secs(5));
        lying(&inbox).is_empty()
    });
    let last = peak(daemon.child.id());
    eprintln!(
        "waiting: {count} files; door open after {open:?}, first in after {first:?}, {part} after {since:?}, all after {:?}; memory at most {early} KiB, then {last} KiB",
        began.elapsed()
    );
    assert!(first < Duration::from_secs(2), "{first:?}");
    assert!(last < early + (64 << 10), "{early} KiB, then {last} KiB");
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}
