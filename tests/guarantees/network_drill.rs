//! Killed at every write point of the doors to the network, and at moments of no one's choosing under load, and started
//! again: what a sender was told stays true, and every file is in once.
//!
//! Needs the feature `drill` for the named points. `CONSERVA_DRILL_NETWORK` kills that many times under load (scripts/prove).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conserva::digest::Digest;
use rustix::process::Signal;

use super::network::{Daemon, Reply, arrivals, ask, connect, post, until, with_door};
use super::resumable::{create, declare, offset, patch};
use super::stage::Stage;

/// The points of the doors to the network; of a mailbox's, mailbox.rs takes care.
pub fn points(prefixes: &[&str]) -> Vec<String> {
    super::crash::points().into_iter().filter(|point| prefixes.iter().any(|prefix| point.starts_with(prefix))).collect()
}

/// A sender who remembers what it was told, and goes on where it was when nobody answered.
#[derive(Default)]
pub(super) struct Sender {
    /// Address of the resumable upload, once it was told.
    upload: Option<String>,
    /// Bytes of it that were acknowledged.
    acknowledged: u64,
    /// Digests of files that were confirmed.
    pub(super) confirmed: Arc<Mutex<BTreeSet<String>>>,
    has_cancelled: bool,
}

const RESUMED: &[u8] = b"sei byte e altri sei";
const FORM: [(&str, &[u8]); 2] = [("uno.txt", b"uno"), ("due.txt", b"due")];
const BATCH: [(&str, &[u8], bool); 3] =
    [("l/tre.txt", b"tre", true), ("l/vuoto.txt", b"", false), ("quattro.txt", b"quattro", false)];
/// Files that the sender sends in all.
pub(super) const FILES: usize = 6;

impl Sender {
    /// Goes through all that is to be sent, from the beginning, as far as somebody answers. `None`: nobody did.
    pub(super) fn send(&mut self, port: u16) -> Option<()> {
        let answer = post(port, &FORM)?;
        assert!(matches!(answer.status, 200 | 201), "{:?}", answer.head);
        self.confirm(&FORM.map(|(_, bytes)| bytes));
        self.resume(port)?;
        self.cancel(port)?;
        let told = declare(port, &BATCH)?.json();
        for (n, (_, bytes, _)) in BATCH.iter().enumerate() {
            let url = told["files"][n]["url"].as_str().expect("url");
            if told["files"][n]["arrival"].is_null() {
                let answer = patch(port, url, offset(port, url)?, bytes)?;
                // Between HEAD and PATCH the counter's own round may have admitted it.
                assert!(matches!(answer.status, 204 | 409 | 423), "{:?}", answer.head);
            }
        }
        let again = declare(port, &BATCH)?.json();
        self.confirm(&BATCH.map(|(_, bytes, _)| bytes));
        assert_eq!(again["complete"], true, "{again}");
        Some(())
    }

    fn resume(&mut self, port: u16) -> Option<()> {
        if self.upload.is_none() {
            self.upload = Some(create(port, "cinque.txt", RESUMED.len())?);
        }
        let path = self.upload.clone().expect("created");
        for end in [6, RESUMED.len()] {
            let here = offset(port, &path)?;
            assert!(here >= self.acknowledged, "{here} of {} acknowledged", self.acknowledged);
            self.acknowledged = here;
            if here as usize >= end && end < RESUMED.len() {
                continue;
            }
            let answer = patch(port, &path, here, &RESUMED[here as usize..end.max(here as usize)])?;
            assert!(matches!(answer.status, 204 | 423), "{:?}", answer.head);
            self.acknowledged = answer.header("upload-offset").map_or(here, |offset| offset.parse().expect("offset"));
        }
        self.confirm(&[RESUMED]);
        Some(())
    }

    /// An upload that is begun and cancelled.
    fn cancel(&mut self, port: u16) -> Option<()> {
        if !self.has_cancelled {
            let path = create(port, "mai.txt", 5)?;
            patch(port, &path, 0, b"mai")?;
            let headers = [("Tus-Resumable", "1.0.0".to_owned())];
            assert_eq!(ask(port, "DELETE", &path, (&headers, b""))?.status, 204);
            self.has_cancelled = true;
        }
        Some(())
    }

    fn confirm(&mut self, files: &[&[u8]]) {
        self.confirmed.lock().expect("confirmed").extend(files.iter().map(|bytes| Digest::of(bytes).hex()));
    }
}

fn digests(stage: &Stage) -> Vec<String> {
    let mut digests: Vec<String> = arrivals(stage).iter().map(|row| row["sha256"].as_str().expect("sha256").to_owned()).collect();
    digests.sort();
    digests
}

#[test]
fn a_death_at_any_write_point_of_the_upload_doors_loses_and_doubles_nothing() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: the upload drill needs --features drill (scripts/test has it)");
    }
    let points = points(&["upload.", "receive."]);
    let mut deaths = 0;
    for point in &points {
        let (stage, port) = with_door("");
        let mut sender = Sender::default();
        let daemon = Daemon::start(&stage, &["--only", "acquire"], &[("CONSERVA_DRILL", point)]);
        assert_eq!(sender.send(port), None, "it dies at {point}");
        drop(daemon);
        deaths += 1;
        let kept: BTreeSet<String> = digests(&stage).into_iter().collect();
        assert!(sender.confirmed.lock().expect("confirmed").is_subset(&kept), "{point}: what was confirmed is in");
        let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
        let mut tries = 0;
        while sender.send(port).is_none() {
            tries += 1;
            assert!(tries < 5, "{point}: it answers again");
        }
        let digests = digests(&stage);
        assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), FILES, "{point}: {digests:?}");
        assert_eq!(digests.len(), FILES, "{point}: nothing twice");
        assert_eq!(daemon.end(Signal::TERM), Some(0));
        let left = walkdir::WalkDir::new(stage.path("archivio/uploads")).into_iter().flatten();
        let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
        assert!(left.is_empty(), "{point}: {left:?}");
    }
    eprintln!("uploads: {deaths} deaths at {} points", points.len());
    assert!(deaths >= 10, "{deaths}");
}

/// What one of many senders sends, round after round, until all of it was confirmed.
fn deliver(port: u16, who: usize, (told, is_over): (&Mutex<BTreeMap<String, String>>, &AtomicBool)) {
    for n in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("{who}-{n}.bin");
        let bytes: Vec<u8> = name.bytes().cycle().take(1_000 + (n * 7_919) % 300_000).collect();
        let arrival = if n % 2 == 0 { by_form(port, &name, &bytes) } else { by_parts(port, &name, &bytes) };
        told.lock().expect("told").insert(Digest::of(&bytes).hex(), arrival);
    }
}

/// Sends until the answer comes.
fn insist(mut ask: impl FnMut() -> Option<Reply>) -> Reply {
    for _ in 0..2_400 {
        match ask() {
            Some(reply) if !matches!(reply.status, 423 | 503) => return reply,
            _ => std::thread::sleep(Duration::from_millis(25)),
        }
    }
    panic!("nobody answers");
}

pub(super) fn by_form(port: u16, name: &str, bytes: &[u8]) -> String {
    let told = insist(|| post(port, &[(name, bytes)])).json();
    told["files"][0]["arrival"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

pub(super) fn by_parts(port: u16, name: &str, bytes: &[u8]) -> String {
    let mut path = None;
    insist(|| {
        path = create(port, name, bytes.len());
        path.as_ref().map(|_| Reply { status: 201, head: String::new(), body: Vec::new() })
    });
    let path = path.expect("created");
    loop {
        let mut here = None;
        insist(|| {
            here = offset(port, &path);
            here.map(|_| Reply { status: 200, head: String::new(), body: Vec::new() })
        });
        let here = here.expect("an offset") as usize;
        let end = (here + 100_000).min(bytes.len());
        if let Some(reply) = patch(port, &path, here as u64, &bytes[here..end])
            && let Some(arrival) = reply.header("conserva-arrival")
        {
            return arrival;
        }
    }
}

#[test]
fn a_counter_killed_at_any_moment_keeps_what_it_confirmed_and_admits_once() {
    let kills: usize = std::env::var("CONSERVA_DRILL_NETWORK").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let (stage, port) = with_door("");
    let told = Arc::new(Mutex::new(BTreeMap::new()));
    let is_over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..3)
        .map(|who| {
            let (told, is_over) = (Arc::clone(&told), Arc::clone(&is_over));
            std::thread::spawn(move || deliver(port, who, (&told, &is_over)))
        })
        .collect();
    let seed = std::process::id();
    let mut moment = seed;
    for _ in 0..kills {
        let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
        drop(connect(port));
        moment = moment.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        std::thread::sleep(Duration::from_millis(100 + u64::from(moment >> 16) % 700));
        daemon.end(Signal::KILL);
        let confirmed = told.lock().expect("told").clone();
        let kept: BTreeMap<String, String> = arrivals(&stage)
            .iter()
            .map(|row| (row["sha256"].as_str().expect("sha256").to_owned(), row["id"].as_str().expect("id").to_owned()))
            .collect();
        for (digest, arrival) in &confirmed {
            assert_eq!(kept.get(digest), Some(arrival), "what was confirmed is in");
        }
    }
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    is_over.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().expect("a sender");
    }
    let told = told.lock().expect("told").clone();
    let digests = digests(&stage);
    let once: BTreeSet<&String> = digests.iter().collect();
    assert_eq!(once.len(), digests.len(), "nothing twice");
    assert!(once.into_iter().eq(told.keys()), "{} sent and confirmed, {} in", told.len(), digests.len());
    eprintln!("uploads: {kills} kills under load, seed {seed}, {} files sent, confirmed and in", told.len());
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert!(stage.run(&["journal", "verify"]).status.success());
    until("no unnamed blob is left", 1, || {
        let walk = walkdir::WalkDir::new(stage.path("archivio/blobs")).into_iter().flatten();
        !walk.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".put-"))
    });
}
