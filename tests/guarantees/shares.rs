//! Inboxes that are not plain folders of this machine: a share that Samba exports and a scanner writes to over the network, and
//! a mount that tells of no events. Events and polling are both tried.
//!
//! Needs smbd, smbclient and bindfs, and some patience: `CONSERVA_SHARES` (scripts/prove) asks for it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use conserva::digest::Digest;
use rustix::process::Signal;

use super::stage::{Stage, repository};
use super::watch::{Daemon, arrivals, doctor, lying, until, watched, write};

/// False, said aloud, where nobody asked or a program is missing.
fn is_asked(programs: &[&str]) -> bool {
    if std::env::var_os("CONSERVA_SHARES").is_none() {
        eprintln!("NOT CHECKED: shares: scripts/prove asks for them");
        return false;
    }
    let has = |program: &&&str| Command::new("which").arg(program).output().is_ok_and(|output| output.status.success());
    let missing: Vec<&&str> = programs.iter().filter(|program| !has(program)).collect();
    if !missing.is_empty() {
        eprintln!("NOT CHECKED: shares: {missing:?} are not installed");
    }
    missing.is_empty()
}

/// A Samba server of our own that exports one folder, stopped when dropped.
struct Share {
    server: Child,
    port: u16,
}

impl Share {
    fn new(stage: &Stage, folder: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address").port();
        let own = stage.path("samba");
        std::fs::create_dir(&own).expect("folder");
        let place = own.display();
        let conf = format!(
            "[global]\nserver role = standalone server\nsmb ports = {port}\ninterfaces = lo\nbind interfaces only = yes\n\
             map to guest = Bad User\nguest account = root\ndisable spoolss = yes\nload printers = no\n\
             pid directory = {place}\nlock directory = {place}\nstate directory = {place}\ncache directory = {place}\n\
             private dir = {place}\nncalrpc dir = {place}/rpc\nlog file = {place}/log\n\
             [posta]\npath = {}\nguest ok = yes\nguest only = yes\nread only = no\nforce user = root\n",
            folder.display()
        );
        write(&own.join("smb.conf"), conf.as_bytes());
        let log = File::create(own.join("out")).expect("log");
        let server = Command::new("smbd")
            .args(["--foreground", "--debug-stdout", "--configfile"])
            .arg(own.join("smb.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("smbd");
        let share = Self { server, port };
        until("the share answers", 20, || {
            share.scanner("ls").stdin(Stdio::null()).output().is_ok_and(|out| out.status.success())
        });
        share
    }

    /// A scanner that does `what`.
    fn scanner(&self, what: &str) -> Command {
        let mut command = Command::new("smbclient");
        let port = self.port.to_string();
        command.args(["//127.0.0.1/posta", "-N", "-p", &port, "-c", what]).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn does(&self, what: &str) {
        assert!(self.scanner(what).stdin(Stdio::null()).status().expect("smbclient").success(), "{what}");
    }

    /// A scanner that writes what it is told, piece by piece.
    fn writer(&self, name: &str) -> Child {
        self.scanner(&format!("put - {name}")).stdin(Stdio::piped()).spawn().expect("smbclient")
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.server);
        let _ = rustix::process::kill_process(pid, Signal::TERM);
        let _ = self.server.wait();
    }
}

fn say(child: &mut Child, bytes: &[u8]) {
    child.stdin.as_mut().expect("stdin").write_all(bytes).expect("said");
}

fn digests(stage: &Stage) -> Vec<String> {
    let mut all: Vec<String> = arrivals(stage).iter().map(|a| a["sha256"].as_str().expect("sha256").to_owned()).collect();
    all.sort();
    all
}

#[test]
fn a_scanner_on_a_share_loses_nothing_however_it_writes() {
    if !is_asked(&["smbd", "smbclient"]) {
        return;
    }
    for watching in ["events", "polling"] {
        let (stage, inbox) = watched(&format!("watching = '{watching}'\nincomplete_seconds = 60"));
        let share = Share::new(&stage, &inbox);
        let daemon = Daemon::start(&stage, &["--only", "acquire"]);
        let mut wanted = Vec::new();
        // Slowly: pauses longer than a file needs to settle, the handle open all the while.
        let mut slow = share.writer("lento.txt");
        let mut said = Vec::new();
        for n in 0..4 {
            let piece = format!("riga {n} ").repeat(20_000);
            say(&mut slow, piece.as_bytes());
            said.extend(piece.bytes());
            std::thread::sleep(Duration::from_millis(1_600));
            assert!(arrivals(&stage).is_empty(), "{watching}: admitted at piece {n}");
        }
        drop(slow.stdin.take());
        assert!(slow.wait().expect("smbclient").success());
        wanted.push(Digest::of(&said).hex());
        // Under another name, then renamed.
        write(&stage.path("a.txt"), b"rinominato");
        share.does(&format!("put {} doc.txt.part; rename doc.txt.part doc.txt", stage.path("a.txt").display()));
        wanted.push(Digest::of(b"rinominato").hex());
        // Dropped in the middle: what is there ends early and waits; the scanner tries again and it is whole.
        let scan = repository().join("samples/documenti/18 nota provincia.tif");
        let whole = std::fs::read(&scan).expect("a scan");
        let mut dropped = share.writer("caduto.tif");
        say(&mut dropped, &whole[..whole.len() / 2]);
        std::thread::sleep(Duration::from_millis(500));
        dropped.kill().expect("the line drops");
        let _ = dropped.wait();
        until("the others are in", 20, || arrivals(&stage).len() == 2);
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(arrivals(&stage).len(), 2, "{watching}: half a scan is no scan");
        share.does(&format!("put \"{}\" caduto.tif", scan.display()));
        wanted.push(Digest::of(&whole).hex());
        // Two at a time.
        let mut both = [share.writer("uno.txt"), share.writer("due.txt")];
        for n in 0..3 {
            for writer in &mut both {
                say(writer, format!("{n}").repeat(5_000).as_bytes());
            }
            std::thread::sleep(Duration::from_millis(700));
        }
        say(&mut both[1], b"due");
        for writer in &mut both {
            drop(writer.stdin.take());
            assert!(writer.wait().expect("smbclient").success());
        }
        let text: String = (0..3).map(|n| format!("{n}").repeat(5_000)).collect();
        wanted.extend([Digest::of(text.as_bytes()).hex(), Digest::of(format!("{text}due").as_bytes()).hex()]);
        wanted.sort();
        until("all are in", 30, || lying(&inbox).is_empty());
        assert_eq!(digests(&stage), wanted, "{watching}");
        assert_eq!(daemon.end(Signal::TERM), Some(0));
        eprintln!("shares: Samba, {watching}: slow, renamed, dropped and repeated, two at a time: all in, once");
    }
}

/// A mount of another folder, through FUSE: no events, no leases. Unmounted when dropped.
struct Mirror(PathBuf);

impl Mirror {
    fn new(source: &Path, place: &Path) -> Option<Self> {
        let done = Command::new("bindfs").arg(source).arg(place).output();
        done.is_ok_and(|output| output.status.success()).then(|| Self(place.to_owned()))
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_mount_without_events_is_polled_and_even_with_events_asked_for_looked_through_in_time() {
    if !is_asked(&["bindfs"]) {
        return;
    }
    for (watching, why) in [("auto", "polling"), ("polling", "polling"), ("events", "events")] {
        let (stage, inbox) = watched(&format!("watching = '{watching}'"));
        let source = stage.path("lontano");
        std::fs::create_dir(&source).expect("folder");
        let Some(_mirror) = Mirror::new(&source, &inbox) else {
            return eprintln!("NOT CHECKED: a mount without events: FUSE is not allowed here");
        };
        let daemon = Daemon::start(&stage, &["--only", "acquire"]);
        until("the door is open", 10, || doctor(&stage)["door"]["watching"] == why);
        // Written on the other side: no event reaches this one.
        let mut wanted = Vec::new();
        for n in 0..20 {
            let bytes = format!("dall'altra parte {n}");
            write(&source.join(format!("{n}.txt")), bytes.as_bytes());
            wanted.push(Digest::of(bytes.as_bytes()).hex());
        }
        std::fs::rename(source.join("0.txt"), source.join("rinominato.txt")).expect("renamed");
        wanted.sort();
        until(&format!("{watching}: all are in"), 30, || lying(&inbox).is_empty());
        assert_eq!(digests(&stage), wanted, "{watching}");
        assert_eq!(daemon.end(Signal::TERM), Some(0));
        eprintln!("shares: FUSE, {watching}: all in, once");
    }
}
