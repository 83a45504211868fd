//! An inbox that this machine exports over NFS: a server in user space (nfs-ganesha) and a scanner that needs no mount (libnfs).
//! Events and polling are both tried.
//!
//! An inbox that is itself an NFS mount needs the kernel's client, or one of FUSE that Debian has not: that is not tried here.
//! `CONSERVA_SHARES` (scripts/prove) asks for it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use conserva::digest::Digest;
use rustix::process::Signal;

use super::shares::{digests, is_asked};
use super::stage::{Stage, repository};
use super::watch::{Daemon, arrivals, lying, until, watched, write};

/// An NFS server of our own that exports one folder as `/posta`, stopped when dropped.
struct Export {
    server: Child,
    port: u16,
}

impl Export {
    fn new(stage: &Stage, folder: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address").port();
        let own = stage.path("nfs");
        std::fs::create_dir(&own).expect("folder");
        let (place, folder) = (own.display(), folder.display());
        // Who died keeps its files open for the time of a lease: short here.
        let conf = format!(
            "NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {port}; Bind_addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false; }}\n\
             NFSv4 {{ Graceless = true; Lease_Lifetime = 5; RecoveryBackend = fs_ng; RecoveryRoot = {place}; Only_Numeric_Owners = true; }}\n\
             EXPORT {{ Export_Id = 1; Path = {folder}; Pseudo = /posta; Access_Type = RW; Squash = No_Root_Squash; Protocols = 4;\n\
             Transports = TCP; SecType = sys, none; FSAL {{ Name = VFS; }} }}\n"
        );
        write(&own.join("ganesha.conf"), conf.as_bytes());
        let log = File::create(own.join("out")).expect("log");
        let server = Command::new("ganesha.nfsd")
            .args(["-F", "-N", "EVENT", "-f"])
            .arg(own.join("ganesha.conf"))
            .arg("-L")
            .arg(own.join("log"))
            .arg("-p")
            .arg(own.join("pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("ganesha.nfsd");
        let export = Self { server, port };
        let url = export.url();
        until("the share answers", 30, || Command::new("nfs-ls").arg(&url).output().is_ok_and(|out| out.status.success()));
        export
    }

    fn url(&self) -> String {
        format!("nfs://127.0.0.1/posta?version=4&nfsport={}", self.port)
    }

    fn scanner(&self) -> Scanner {
        let script = repository().join("tests/fixtures/nfs/scanner.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(self.url()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3");
        let (words, answers) = (child.stdin.take().expect("stdin"), child.stdout.take().expect("stdout"));
        let mut scanner = Scanner { child, words, answers: BufReader::new(answers) };
        scanner.hears("ready");
        scanner
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.server), Signal::KILL);
        let _ = self.server.wait();
    }
}

/// A scanner that does what it is told, one thing after the other.
struct Scanner {
    child: Child,
    words: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Scanner {
    fn hears(&mut self, wanted: &str) {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        assert_eq!(line.trim(), wanted);
    }

    fn does(&mut self, what: &str) {
        writeln!(self.words, "{what}").expect("told");
        self.hears("done");
    }

    fn says(&mut self, bytes: &[u8]) {
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        self.does(&format!("say {hex}"));
    }

    /// It closes its file and goes: the server keeps files open for whoever stays.
    fn ends(mut self) {
        self.does("close");
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_scanner_on_an_nfs_share_loses_nothing_however_it_writes() {
    if !is_asked(&["ganesha.nfsd", "nfs-ls", "python3"]) {
        return;
    }
    for watching in ["events", "polling"] {
        let (stage, inbox) = watched(&format!("watching = '{watching}'\nincomplete_seconds = 60"));
        let export = Export::new(&stage, &inbox);
        let daemon = Daemon::start(&stage, &["--only", "acquire"]);
        let mut wanted = Vec::new();
        // Slowly: pauses longer than a file needs to settle, the file open all the while.
        let (mut slow, mut said) = (export.scanner(), Vec::new());
        slow.does("open lento.txt");
        for n in 0..4 {
            let piece = format!("riga {n} ").repeat(20_000);
            slow.says(piece.as_bytes());
            said.extend(piece.bytes());
            std::thread::sleep(Duration::from_millis(1_600));
            assert!(arrivals(&stage).is_empty(), "{watching}: admitted at piece {n}");
        }
        slow.ends();
        wanted.push(Digest::of(&said).hex());
        // Under another name, then renamed.
        let mut renaming = export.scanner();
        renaming.does("open doc.txt.part");
        renaming.says(b"rinominato");
        renaming.does("close");
        renaming.does("rename doc.txt.part doc.txt");
        drop(renaming);
        wanted.push(Digest::of(b"rinominato").hex());
        // Dropped in the middle: what is there ends early and waits; the scanner tries again and it is whole.
        let whole = std::fs::read(repository().join("samples/documenti/18 nota provincia.tif")).expect("a scan");
        let mut dropped = export.scanner();
        dropped.does("open caduto.tif");
        dropped.says(&whole[..whole.len() / 2]);
        drop(dropped);
        until("the others are in", 20, || arrivals(&stage).len() == 2);
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(arrivals(&stage).len(), 2, "{watching}: half a scan is no scan");
        let mut again = export.scanner();
        again.does("open caduto.tif");
        again.says(&whole);
        again.ends();
        wanted.push(Digest::of(&whole).hex());
        // Two at a time.
        let mut both = [export.scanner(), export.scanner()];
        both[0].does("open uno.txt");
        both[1].does("open due.txt");
        for n in 0..3 {
            for scanner in &mut both {
                scanner.says(format!("{n}").repeat(5_000).as_bytes());
            }
            std::thread::sleep(Duration::from_millis(700));
        }
        both[1].says(b"due");
        both.into_iter().for_each(Scanner::ends);
        let text: String = (0..3).map(|n| format!("{n}").repeat(5_000)).collect();
        wanted.extend([Digest::of(text.as_bytes()).hex(), Digest::of(format!("{text}due").as_bytes()).hex()]);
        wanted.sort();
        until("all are in", 40, || lying(&inbox).is_empty());
        assert_eq!(digests(&stage), wanted, "{watching}");
        assert_eq!(daemon.end(Signal::TERM), Some(0));
        eprintln!("shares: NFS, {watching}: slow, renamed, dropped and repeated, two at a time: all in, once");
    }
}
