//! All doors of one house at once: a watched folder, uploads and a mailbox, and a daemon that dies at every named point of any
//! of them and at moments of nobody's choosing. Every input is in one place, and in the end each is in once.
//!
//! `CONSERVA_DOORS_MOMENTS` (scripts/prove) asks for every named point and so many random moments; without it there are a few.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conserva::digest::Digest;
use rustix::process::Signal;
use serde_json::Value;

use super::mailbox::{Dovecot, PASSWORD, message};
use super::network::{Daemon, arrivals, configure, connect, until, with_door};
use super::network_drill::{FILES, Sender, by_form, by_parts};
use super::stage::Stage;
use super::watch::{lying, taken, write};

/// A house with three doors; the mail server is shared by plays, its messages are not.
pub(super) struct Play<'a> {
    pub(super) stage: Stage,
    pub(super) port: u16,
    pub(super) inbox: PathBuf,
    pub(super) server: &'a Dovecot,
    /// Files put into the inbox that are documents.
    files: usize,
    /// Files put there that go with them: sidecars.
    beside: usize,
    /// What can never be admitted: links.
    links: usize,
    /// Messages delivered.
    mails: usize,
    /// Messages that were marked before this play.
    marked_before: usize,
}

impl<'a> Play<'a> {
    pub(super) fn new(server: &'a Dovecot) -> Self {
        let (stage, port) = with_door("");
        Self::on((stage, port), server)
    }

    /// A play on a stage with an upload door.
    pub(super) fn on((stage, port): (Stage, u16), server: &'a Dovecot) -> Self {
        let inbox = stage.path("posta");
        std::fs::create_dir_all(&inbox).expect("inbox");
        let table = format!("[[inbox]]\npath = '{}'\nsettle_seconds = 0\nrescan_seconds = 1\n", inbox.display());
        configure(&stage, &format!("{table}{}", server.table("")));
        let marked_before = server.marked();
        Self { stage, port, inbox, server, files: 0, beside: 0, links: 0, mails: 0, marked_before }
    }

    pub(super) fn watch(&self, args: &[&str], more: &[(&str, &str)]) -> Daemon {
        Daemon::start(&self.stage, args, &[&[("PASSWORD_PEC", PASSWORD)], more].concat())
    }

    /// Puts files, a sidecar, a link and messages at their doors. `round` makes them others than those of any other round.
    pub(super) fn feed(&mut self, round: usize, (files, mails): (usize, usize)) {
        let folder = self.inbox.join(format!("lotto {round}"));
        std::fs::create_dir(&folder).expect("folder");
        // A sidecar that comes after its file may come too late for it.
        write(&self.inbox.join(format!("{round}-0.txt.json")), br#"{"documento": {"lotto": "L"}}"#);
        for n in 0..files {
            let place = if n % 2 == 0 { &self.inbox } else { &folder };
            write(&place.join(format!("{round}-{n}.txt")), format!("foglio {round} {n}").as_bytes());
        }
        std::os::unix::fs::symlink("/nessuno", self.inbox.join(format!("{round}-legame"))).expect("link");
        for n in 0..mails {
            self.server.deliver(&format!("{}.{}.{round}.{n}", 1_790_000_000 + n, self.port), &self.mail(round, n));
        }
        (self.files, self.beside, self.links, self.mails) =
            (self.files + files, self.beside + 1, self.links + 1, self.mails + mails);
    }

    /// So many files of somebody else's lie in the inbox, and count.
    pub(super) fn put(&mut self, files: usize) {
        self.files += files;
    }

    fn mail(&self, round: usize, n: usize) -> Vec<u8> {
        [message(round * 100 + n), format!("porta {}\r\n", self.port).into_bytes()].concat()
    }

    pub(super) fn marked(&self) -> usize {
        self.server.marked() - self.marked_before
    }

    /// Counts what lies where, and holds the sums against what was put in. Gives arrivals by door and what is in quarantine.
    pub(super) fn counted(&self, confirmed: &BTreeSet<String>, when: &str) -> Counts {
        let rows = arrivals(&self.stage);
        let of = |door: &str| rows.iter().filter(|row| row["door"] == *door).count();
        let counts = Counts {
            inbox: of("inbox"),
            upload: of("upload:ufficio"),
            mailbox: of("mailbox:pec"),
            // A death in the self-test of a door leaves its probe, which is no input; the next start takes it away.
            waiting: lying(&self.inbox).iter().filter(|path| !path.ends_with(".conserva-probe")).count(),
            taken: taken(&self.inbox),
            // What lies on another disk than the archive is set aside in its own inbox.
            aside: [self.stage.path("archivio/quarantine"), self.inbox.join(".taken/quarantine")]
                .iter()
                .map(|folder| std::fs::read_dir(folder).map_or(0, Iterator::count))
                .sum(),
            marked: self.marked(),
        };
        assert_eq!(counts.inbox + counts.upload + counts.mailbox, rows.len(), "{when}: each came through a door");
        assert_eq!(counts.waiting + counts.taken + counts.aside, self.files + self.beside + self.links, "{when}: {counts:?}");
        assert!(counts.inbox <= self.files && counts.mailbox <= self.mails, "{when}: nothing twice: {counts:?}");
        assert!(counts.inbox + self.beside >= counts.taken, "{when}: what left the inbox is in: {counts:?}");
        assert!(counts.marked <= counts.mailbox, "{when}: what is marked is in: {counts:?}");
        let digests: Vec<&str> = rows.iter().filter_map(|row| row["sha256"].as_str()).collect();
        let once: BTreeSet<&str> = digests.iter().copied().collect();
        assert_eq!(once.len(), digests.len(), "{when}: nothing twice");
        let missing: Vec<&String> = confirmed.iter().filter(|sha256| !once.contains(sha256.as_str())).collect();
        assert!(missing.is_empty(), "{when}: confirmed and not in: {missing:?}");
        counts
    }

    /// Waits until everything is in and at rest, and counts for the last time.
    pub(super) fn comes_to_rest(&self, confirmed: &BTreeSet<String>, when: &str) -> Counts {
        until(&format!("{when}: the inbox is empty"), 60, || lying(&self.inbox).is_empty());
        until(&format!("{when}: the mail is marked"), 60, || self.marked() == self.mails);
        let counts = self.counted(confirmed, when);
        let all = (counts.inbox, counts.mailbox, counts.taken, counts.aside);
        assert_eq!(all, (self.files, self.mails, self.files + self.beside, self.links), "{when}");
        counts
    }
}

/// What lies where.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Arrivals of the watched folder.
    inbox: usize,
    /// Arrivals of the upload door.
    pub(super) upload: usize,
    /// Arrivals of the mailbox.
    mailbox: usize,
    /// Files in the inbox.
    waiting: usize,
    /// Files that left it.
    taken: usize,
    /// Things in quarantine.
    aside: usize,
    /// Messages marked on their server.
    marked: usize,
}

impl Counts {
    fn add(&mut self, other: Self) {
        let mine = [&mut self.inbox, &mut self.upload, &mut self.mailbox, &mut self.waiting, &mut self.taken, &mut self.aside];
        let more = [other.inbox, other.upload, other.mailbox, other.waiting, other.taken, other.aside];
        mine.into_iter().zip(more).for_each(|(mine, more)| *mine += more);
        self.marked += other.marked;
    }
}

fn moments() -> Option<usize> {
    std::env::var("CONSERVA_DOORS_MOMENTS").ok().and_then(|text| text.parse().ok())
}

/// The points that this play passes: those of the doors and of what lies under them.
fn points() -> Vec<String> {
    let rooms = ["acquire.", "blobs.", "receive.", "upload.", "mailbox.", "store.uncommitted", "store.committed"];
    // A clean-up needs files that were taken weeks ago: inboxes.rs has them.
    let is_passed = |point: &String| rooms.iter().any(|room| point.starts_with(room)) && point != "acquire.cleaned";
    super::crash::points().into_iter().filter(is_passed).collect()
}

#[test]
fn all_doors_together_lose_and_double_nothing_at_any_write_point() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: the drill of all doors needs --features drill (scripts/test has it)");
    }
    let Some(server) = Dovecot::start() else { return };
    let few = ["receive.blob-durable", "upload.named", "mailbox.before-mark", "acquire.renamed"];
    let points = if moments().is_some() { points() } else { few.map(str::to_owned).to_vec() };
    let (mut inputs, mut aside) = (0, 0);
    for point in &points {
        let mut play = Play::new(&server);
        let mut sender = Sender::default();
        let (confirmed, port) = (Arc::clone(&sender.confirmed), play.port);
        let confirmed = || confirmed.lock().expect("confirmed").clone();
        play.feed(0, (4, 3));
        let mut daemon = play.watch(&["--only", "acquire"], &[("CONSERVA_DRILL", point)]);
        // Whoever sends goes on until all is confirmed, whoever dies meanwhile.
        let sending = std::thread::spawn(move || (0..6).any(|_| sender.send(port).is_some()));
        until(&format!("it dies at {point}"), 30, || daemon.has_ended());
        drop(daemon);
        play.counted(&confirmed(), point);
        let daemon = play.watch(&["--only", "acquire"], &[]);
        assert!(sending.join().expect("the sender"), "{point}: it answers again");
        let counts = play.comes_to_rest(&confirmed(), point);
        assert_eq!(counts.upload, FILES, "{point}");
        assert_eq!(daemon.end(Signal::TERM), Some(0), "{point}");
        assert!(play.stage.run(&["journal", "verify"]).status.success(), "{point}");
        inputs += counts.inbox + counts.upload + counts.mailbox + counts.aside;
        aside += counts.aside;
    }
    eprintln!("doors: {} deaths at named points, {inputs} inputs, {aside} of them in quarantine: sums match", points.len());
}

/// Sends files by forms and in parts, one after the other, until it is over.
fn deliver(port: u16, who: usize, (told, is_over): (&Mutex<BTreeMap<String, String>>, &AtomicBool)) {
    for n in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("{who}-{n}.bin");
        let bytes: Vec<u8> = name.bytes().cycle().take(1_000 + (n * 7_919) % 250_000).collect();
        let arrival = if n % 2 == 0 { by_form(port, &name, &bytes) } else { by_parts(port, &name, &bytes) };
        told.lock().expect("told").insert(Digest::of(&bytes).hex(), arrival);
        std::thread::sleep(Duration::from_millis(40));
    }
}

/// Deaths that one archive goes through before the next play: what is counted after each grows with it.
const KILLS: usize = 30;

#[test]
fn all_doors_together_killed_at_any_moment_lose_and_double_nothing() {
    let kills = moments().unwrap_or(3);
    let Some(server) = Dovecot::start() else { return };
    let mut seed: u64 = std::env::var("CONSERVA_DRILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_126);
    eprintln!("doors: seed {seed}");
    let (mut had, mut under_load, mut all) = (0, 0, Counts::default());
    while had < kills {
        let mut play = Play::new(&server);
        let n = KILLS.min(kills - had);
        let (counts, loaded) = killed(&mut play, n, &mut seed);
        had += n;
        under_load += loaded;
        all.add(counts);
    }
    let inputs = all.inbox + all.upload + all.mailbox + all.aside;
    eprintln!("doors: {kills} kills, {under_load} under load; {inputs} inputs, {all:?}: sums match");
}

/// Kills one house so many times while all its doors are fed, then lets it come to rest. Gives the counts, and how many deaths
/// came while something waited.
fn killed(play: &mut Play<'_>, kills: usize, seed: &mut u64) -> (Counts, usize) {
    let told = Arc::new(Mutex::new(BTreeMap::new()));
    let is_over = Arc::new(AtomicBool::new(false));
    let port = play.port;
    let senders: Vec<_> = (0..2)
        .map(|who| {
            let (told, is_over) = (Arc::clone(&told), Arc::clone(&is_over));
            std::thread::spawn(move || deliver(port, who, (&told, &is_over)))
        })
        .collect();
    let confirmed = || told.lock().expect("told").keys().cloned().collect::<BTreeSet<String>>();
    let mut under_load = 0;
    for n in 0..kills {
        play.feed(n, (6, 3));
        let daemon = play.watch(&[], &[]);
        drop(connect(port));
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(30 + (*seed >> 33) % 1_200));
        under_load += usize::from(!lying(&play.inbox).is_empty() || play.marked() < play.mails);
        // What was confirmed before the death is in after it.
        let confirmed = confirmed();
        daemon.end(Signal::KILL);
        play.counted(&confirmed, &format!("moment {n}"));
    }
    let daemon = play.watch(&[], &[]);
    is_over.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().expect("a sender");
    }
    let counts = play.comes_to_rest(&confirmed(), "in the end");
    until("all are at rest", 600, || {
        std::thread::sleep(Duration::from_millis(500));
        play.stage.json(&["stats"], &[0])[0]["jobs"].as_array().is_some_and(Vec::is_empty)
    });
    assert_eq!(counts.upload, told.lock().expect("told").len(), "uploads that were confirmed, and no other");
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert!(play.stage.run(&["journal", "verify"]).status.success());
    ensure_nothing_left(&play.stage.path("archivio"));
    let rows = arrivals(&play.stage);
    assert!(rows.iter().all(|row: &Value| row["state"] != "working" && row["duplicate_of"].is_null()));
    (counts, under_load)
}

/// No bytes without a name, no half-made upload.
fn ensure_nothing_left(archive: &Path) {
    let walk = |folder: &str| walkdir::WalkDir::new(archive.join(folder)).into_iter().flatten().collect::<Vec<_>>();
    let is_left = |name: &str| name.starts_with(".put-") || name.starts_with(".new-") || name.starts_with(".gone-");
    let left: Vec<String> = ["blobs", "uploads"]
        .iter()
        .flat_map(|folder| walk(folder))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| is_left(name) || Path::new(name).extension().is_some_and(|extension| extension == "part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
