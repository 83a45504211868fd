//! The power cut: archive and inbox lie on an ext4 of their own, which is shut down without writing anything more, as if the
//! cable were pulled. Killing a process proves nothing about fsync, for the kernel keeps what it wrote; this does. A build that
//! forgets one fsync must fail here, or the drill proves nothing.
//!
//! Needs the feature `drill`, and leave to mount. `CONSERVA_POWER_MOMENTS` (scripts/prove) asks for every write point and so many
//! random moments; without it a few points are cut.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use conserva::digest::Digest;
use rustix::process::Signal;

use super::stage::{Stage, said};
use super::watch::{Daemon, arrivals, configure, doctor, lying, until, write};

/// Inputs of one play.
const FILES: usize = 12;

/// An ext4 in a file, mounted under the archive and its inbox.
pub(super) struct Disk {
    image: PathBuf,
    pub(super) place: PathBuf,
}

impl Disk {
    /// None where mounting is not allowed.
    pub(super) fn new(stage: &Stage, mebibytes: u64) -> Option<Self> {
        let disk = Self { image: stage.path("disco.img"), place: stage.path("disco") };
        std::fs::create_dir(&disk.place).expect("folder");
        File::create(&disk.image).expect("image").set_len(mebibytes << 20).expect("length");
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image).status();
        (made.is_ok_and(|status| status.success()) && disk.mount()).then_some(disk)
    }

    fn mount(&self) -> bool {
        // What is not synced stays in memory for longer than a play takes, and the kernel guesses nobody's wishes at a close.
        let mounted =
            Command::new("mount").args(["-o", "loop,commit=300,noauto_da_alloc"]).arg(&self.image).arg(&self.place).output();
        mounted.is_ok_and(|output| output.status.success())
    }

    fn unmount(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while !Command::new("umount").arg(&self.place).output().is_ok_and(|output| output.status.success()) {
            assert!(Instant::now() < end, "the disk is still in use");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Nothing more is written, not even what the kernel has promised to the journal.
    #[expect(unsafe_code, reason = "an ioctl of ext4 has no safe wrapper")]
    pub(super) fn cut(&self) {
        /// `EXT4_IOC_SHUTDOWN`, `_IOR('X', 125, __u32)`, and its flag to leave the log unflushed.
        const SHUTDOWN: libc::c_ulong = 0x8004_587d;
        const NO_LOG_FLUSH: u32 = 2;
        let (folder, flags) = (File::open(&self.place).expect("the disk"), NO_LOG_FLUSH);
        // SAFETY: the descriptor is open, and the kernel reads one u32 at the address, which lives until the call returns.
        let done = unsafe { libc::ioctl(folder.as_raw_fd(), SHUTDOWN as _, &raw const flags) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    /// The power comes back.
    pub(super) fn again(&self) {
        self.unmount();
        assert!(self.mount(), "the disk is mounted again");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.place).output();
    }
}

/// An archive and an inbox with files on a disk of their own, all of it on the disk.
struct Play {
    stage: Stage,
    disk: Disk,
    inbox: PathBuf,
    /// What was put in, by digest.
    inputs: BTreeMap<String, String>,
}

impl Play {
    fn new() -> Option<Self> {
        let stage = Stage::bare();
        let disk = Disk::new(&stage, 96)?;
        std::fs::create_dir(disk.place.join("archivio")).expect("folder");
        std::os::unix::fs::symlink(disk.place.join("archivio"), stage.path("archivio")).expect("link");
        let output = stage.run(&["init"]);
        assert!(output.status.success(), "{}", said(&output));
        let inbox = disk.place.join("posta");
        std::fs::create_dir(&inbox).expect("inbox");
        configure(&stage, &format!("\n[[inbox]]\npath = '{}'\nsettle_seconds = 0\nrescan_seconds = 1\n", inbox.display()));
        let mut inputs = BTreeMap::new();
        for n in 0..FILES {
            let bytes = format!("foglio {n} ").repeat(2_000);
            write(&inbox.join(format!("{n}.txt")), bytes.as_bytes());
            inputs.insert(Digest::of(bytes.as_bytes()).hex(), format!("{n}.txt"));
        }
        rustix::fs::sync();
        Some(Self { stage, disk, inbox, inputs })
    }

    /// What is wrong just after the power came back, before anything runs: every input is in the inbox or was taken, and
    /// what was taken is in the archive, whole.
    fn faults(&self) -> Vec<String> {
        let digest = |path: &Path| Digest::of(&std::fs::read(path).unwrap_or_default()).hex();
        let waiting: Vec<String> = lying(&self.inbox).iter().map(|path| digest(path)).collect();
        let taken = walkdir::WalkDir::new(self.inbox.join(".taken")).into_iter().filter_map(Result::ok);
        let taken: Vec<String> = taken.filter(|e| e.file_type().is_file()).map(|e| digest(e.path())).collect();
        let rows: Vec<String> =
            arrivals(&self.stage).iter().map(|arrival| arrival["sha256"].as_str().expect("sha256").to_owned()).collect();
        let mut faults = Vec::new();
        for (sha256, name) in &self.inputs {
            let count = waiting.iter().chain(&taken).filter(|found| *found == sha256).count();
            if count != 1 {
                faults.push(format!("{name} is in {count} places"));
            }
            if taken.contains(sha256) && !rows.contains(sha256) {
                faults.push(format!("{name} left the inbox and has no row"));
            }
        }
        for sha256 in &rows {
            let blob = self.disk.place.join(format!("archivio/blobs/prova/{}/{sha256}", &sha256[..2]));
            if digest(&blob) != *sha256 {
                faults.push(format!("the row of {sha256} points to no whole blob"));
            }
        }
        if !self.stage.run(&["journal", "verify"]).status.success() {
            faults.push("the journal is not whole".to_owned());
        }
        faults
    }

    /// Goes on to the end and proves it.
    fn goes_on(&self, when: &str) {
        let daemon = Daemon::start(&self.stage, &["--only", "acquire"]);
        until(&format!("all are in after {when}"), 30, || lying(&self.inbox).is_empty());
        let mut rows: Vec<String> =
            arrivals(&self.stage).iter().map(|arrival| arrival["sha256"].as_str().expect("sha256").to_owned()).collect();
        rows.sort();
        until("the daemon obeys signals", 20, || doctor(&self.stage)["door"]["state"] == "working");
        assert!(rows.iter().eq(self.inputs.keys()), "{when}: {} arrivals of {}", rows.len(), self.inputs.len());
        assert_eq!(daemon.end(Signal::TERM), Some(0), "{when}");
        assert_eq!(self.faults(), Vec::<String>::new(), "{when}");
    }
}

pub(super) const NOT_HERE: &str = "NOT CHECKED: power cuts: mounting an ext4 is not allowed here, or mkfs.ext4 is missing";

pub(super) fn moments() -> Option<usize> {
    std::env::var("CONSERVA_POWER_MOMENTS").ok().and_then(|text| text.parse().ok())
}

/// Cuts the power at a point, and says what was wrong when it came back; none if the point was not passed.
fn cut_at(play: &Play, point: &str, forgets: Option<&str>) -> Option<Vec<String>> {
    let mut drill = vec![("CONSERVA_DRILL", PathBuf::from(point))];
    drill.extend(forgets.map(|what| ("CONSERVA_DRILL_FORGET", PathBuf::from(what))));
    let mut daemon = Daemon::start_with(&play.stage, &["--only", "acquire"], &drill);
    let is_cut = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        daemon.child.try_wait().expect("child").is_some() || lying(&play.inbox).is_empty()
    });
    // The last file may have left a moment before the death that is due.
    let is_dead = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(2));
        daemon.child.try_wait().expect("child").is_some()
    });
    assert!(is_cut, "neither dead at {point} nor done");
    play.disk.cut();
    drop(daemon);
    play.disk.again();
    is_dead.then(|| play.faults())
}

#[test]
fn a_power_cut_at_a_write_point_loses_nothing_and_doubles_nothing() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: power cuts need --features drill (scripts/test has it)");
    }
    let few = ["blobs.named", "blobs.durable", "acquire.recorded", "acquire.taken-durable"];
    let is_drilled = |point: &String| point.starts_with("acquire.") || point.starts_with("blobs.") || *point == "store.committed";
    let all = super::crash::points().into_iter().filter(is_drilled);
    let points: Vec<String> = if moments().is_some() { all.collect() } else { few.map(str::to_owned).to_vec() };
    let mut cuts = 0;
    for point in points {
        let Some(play) = Play::new() else { return eprintln!("{NOT_HERE}") };
        if let Some(faults) = cut_at(&play, &point, None) {
            cuts += 1;
            assert_eq!(faults, Vec::<String>::new(), "after a power cut at {point}");
        }
        play.goes_on(&point);
    }
    eprintln!("power: {cuts} cuts at named points");
    assert!(cuts >= few.len());
}

/// Plays of the control: a kernel that happens to write everything back in time hides what was forgotten.
const CONTROLS: usize = 6;

/// The control: without the fsync of a blob's bytes, rows point to blobs that are not there; without that of the store, what left
/// its inbox has no row.
#[test]
fn a_build_that_forgets_one_fsync_fails_the_drill() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: power cuts need --features drill (scripts/test has it)");
    }
    for (forgets, point) in [("blobs.file-sync", "acquire.recorded"), ("store.sync", "acquire.released")] {
        let is_shown = (0..CONTROLS).any(|_| {
            let Some(play) = Play::new() else {
                eprintln!("{NOT_HERE}");
                return true;
            };
            let faults = cut_at(&play, point, Some(forgets)).expect("the point is passed");
            eprintln!("power: without {forgets}: {} faults, {:?}", faults.len(), faults.first());
            !faults.is_empty()
        });
        assert!(is_shown, "a forgotten {forgets} shows");
    }
}

#[test]
fn power_cuts_at_random_moments_under_load_lose_nothing() {
    let Some(moments) = moments() else {
        return eprintln!("NOT CHECKED: power cuts at random moments: scripts/prove asks for them");
    };
    let mut seed: u64 = std::env::var("CONSERVA_DRILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    eprintln!("power: seed {seed}");
    let mut under_load = 0;
    for n in 0..moments {
        let Some(play) = Play::new() else { return eprintln!("{NOT_HERE}") };
        let daemon = Daemon::start(&play.stage, &[]);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(20 + (seed >> 33) % 900));
        under_load += usize::from(!lying(&play.inbox).is_empty());
        play.disk.cut();
        drop(daemon);
        play.disk.again();
        assert_eq!(play.faults(), Vec::<String>::new(), "moment {n}");
        play.goes_on(&format!("moment {n}"));
    }
    eprintln!("power: {moments} cuts at random moments, {under_load} before all was in");
}

#[test]
fn a_disk_that_fails_under_the_daemon_pauses_it_and_costs_nothing() {
    let Some(play) = Play::new() else { return eprintln!("{NOT_HERE}") };
    std::fs::remove_dir_all(play.inbox.join(".taken")).ok();
    let mut daemon = Daemon::start(&play.stage, &[]);
    std::thread::sleep(Duration::from_millis(300));
    play.disk.cut();
    until("the daemon says that it pauses", 20, || daemon.log().contains("paused"));
    assert!(daemon.child.try_wait().expect("child").is_none(), "it lives on: {}", daemon.log());
    drop(daemon);
    play.disk.again();
    assert_eq!(play.faults(), Vec::<String>::new());
    play.goes_on("an I/O error");
}
