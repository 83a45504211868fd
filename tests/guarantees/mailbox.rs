//! A mailbox as a door, against a real server (dovecot): each message is in once, bit by bit, and marked only then; and
//! against servers that lie.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conserva::digest::Digest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::network::{Daemon, arrivals, configure, free_port, until};
use super::stage::Stage;

const USER: &str = "protocollo";
pub(super) const PASSWORD: &str = "parola \"d'ordine\" \\ 7";
/// A name that must stand in no log.
const CANARY: &str = "Canarino-RSSMRA80A01H501U";

/// A server of our own: its configuration, its mail and its certificate lie in a folder, and it needs no rights.
pub(super) struct Dovecot {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    tls_port: u16,
}

impl Dovecot {
    /// `None` where dovecot is not installed, which is said aloud.
    pub(super) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with `more` in its configuration.
    fn start_with(more: &str) -> Option<Self> {
        let program = Path::new("/usr/sbin/dovecot");
        if !program.exists() {
            eprintln!("NOT CHECKED: a mailbox on a real server: dovecot-imapd is not installed (scripts/setup has it)");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("imap").tempdir_in("/tmp").expect("folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("rights");
        let root = folder.path().display().to_string();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &format!("{root}/key.pem"), "-out", &format!("{root}/cert.pem")])
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("openssl").success(), "a certificate");
        let who = |args: &str| {
            let output = Command::new("id").arg(args).output().expect("id");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        // Mail is never kept for root: where we are root, the files belong to the user that Debian has for nothing.
        let is_root = who("-u") == "0";
        let (user, group) = if is_root { ("nobody".to_owned(), "nogroup".to_owned()) } else { (who("-un"), who("-gn")) };
        std::fs::write(folder.path().join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).expect("users");
        let (port, tls_port) = (free_port(), free_port());
        let config = format!(
            "base_dir = {root}/run\nstate_dir = {root}/state\nlog_path = {root}/log\nprotocols = imap\nlisten = 127.0.0.1\n\
             default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
             first_valid_uid = 1\nlast_valid_uid = 0\nfirst_valid_gid = 1\n\
             mail_location = maildir:{root}/mail\nmail_uid = {user}\nmail_gid = {group}\ndisable_plaintext_auth = no\n\
             ssl = yes\nssl_cert = <{root}/cert.pem\nssl_key = <{root}/key.pem\n\
             passdb {{\n driver = passwd-file\n args = scheme=plain {root}/users\n}}\n\
             userdb {{\n driver = static\n args = uid={user} gid={group} home={root}/mail\n}}\n\
             service imap-login {{\n chroot =\n inet_listener imap {{\n address = 127.0.0.1\n port = {port}\n }}\n \
             inet_listener imaps {{\n address = 127.0.0.1\n port = {tls_port}\n ssl = yes\n }}\n}}\n\
             service anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n{more}\n"
        );
        std::fs::write(folder.path().join("dovecot.conf"), config).expect("configuration");
        std::fs::create_dir_all(folder.path().join("mail/new")).expect("mail");
        for sub in ["mail/cur", "mail/tmp"] {
            std::fs::create_dir_all(folder.path().join(sub)).expect("mail");
        }
        if is_root {
            let owned = Command::new("chown").args(["-R", "nobody:nogroup"]).arg(folder.path().join("mail")).status();
            assert!(owned.expect("chown").success());
        }
        let child = Self::begin(folder.path());
        let server = Self { child, folder, port, tls_port };
        server.answers();
        Some(server)
    }

    fn begin(folder: &Path) -> Child {
        Command::new("/usr/sbin/dovecot").arg("-F").arg("-c").arg(folder.join("dovecot.conf")).spawn().expect("dovecot")
    }

    fn answers(&self) {
        until("the mail server answers", 15, || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Starts it again, with the mail that it had.
    fn again(&mut self) {
        self.child = Self::begin(self.folder.path());
        self.answers();
    }

    fn mail(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Delivers a message as a mail server does: whole, by rename. Its time of arrival is that of the file.
    pub(super) fn deliver(&self, name: &str, bytes: &[u8]) {
        let (writing, new) = (self.mail().join("tmp").join(name), self.mail().join("new").join(name));
        std::fs::write(&writing, bytes).expect("message");
        std::fs::set_permissions(&writing, std::fs::Permissions::from_mode(0o666)).expect("rights");
        std::fs::rename(writing, new).expect("delivered");
    }

    /// Maildir flags of the messages in a folder, as they stand in the names.
    fn flags(&self, folder: &str) -> Vec<String> {
        let mut flags = Vec::new();
        for sub in ["cur", "new"] {
            let entries = std::fs::read_dir(self.mail().join(folder).join(sub)).into_iter().flatten().flatten();
            flags.extend(entries.map(|e| {
                let name = e.file_name().to_string_lossy().into_owned();
                name.split_once(":2,").map_or(String::new(), |(_, flags)| flags.to_owned())
            }));
        }
        flags
    }

    /// How many messages of the inbox carry the keyword.
    pub(super) fn marked(&self) -> usize {
        self.flags("").iter().filter(|flags| flags.contains('a') && flags.contains('S')).count()
    }

    /// The table `[[mailbox]]` for this server.
    pub(super) fn table(&self, more: &str) -> String {
        format!(
            "[[mailbox]]\nname = 'pec'\nhost = 'localhost'\nport = {}\nuser = '{USER}'\npassword_env = 'PASSWORD_PEC'\n\
             poll_seconds = 1\nca_file = '{}/cert.pem'\n{more}\n",
            if more.contains("tls = ") { self.port } else { self.tls_port },
            self.folder.path().display()
        )
    }
}

impl Dovecot {
    /// Stops the server; its folder stays.
    fn stop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}

pub(super) fn message(n: usize) -> Vec<u8> {
    let body = format!("Oggetto della lettera numero {n}\r\nperché è così\r\n");
    format!("From: {CANARY}@example.it\r\nSubject: {CANARY} {n}\r\nMessage-ID: <{n}@example.it>\r\n\r\n{body}").into_bytes()
}

fn watch(stage: &Stage, more: &[(&str, &str)]) -> Daemon {
    let environment = [&[("PASSWORD_PEC", PASSWORD)], more].concat();
    Daemon::start(stage, &["--only", "acquire"], &environment)
}

fn digests(stage: &Stage) -> Vec<String> {
    let mut digests: Vec<String> = arrivals(stage).iter().map(|row| row["sha256"].as_str().expect("sha256").to_owned()).collect();
    digests.sort();
    digests
}

fn doctor(stage: &Stage) -> Value {
    stage.json(&["doctor"], &[0, 1]).remove(0)["mailboxes"][0].take()
}

fn expected(messages: &[Vec<u8>]) -> Vec<String> {
    let mut digests: Vec<String> = messages.iter().map(|bytes| Digest::of(bytes).hex()).collect();
    digests.sort();
    digests
}

#[test]
fn messages_are_admitted_bit_by_bit_and_marked_however_the_server_is_reached() {
    let Some(server) = Dovecot::start() else { return };
    let mut sent = Vec::new();
    for (round, more) in ["", "tls = 'starttls'", "tls = 'none'"].into_iter().enumerate() {
        let stage = Stage::with_archive();
        configure(&stage, &server.table(more));
        let messages: Vec<Vec<u8>> = (0..3).map(|n| message(round * 10 + n)).collect();
        for (n, bytes) in messages.iter().enumerate() {
            server.deliver(&format!("{}.{round}.{n}", 1_790_000_000 + n), bytes);
        }
        let daemon = watch(&stage, &[]);
        sent.extend(messages.clone());
        until("all are in and marked", 20, || server.marked() == sent.len());
        assert_eq!(digests(&stage), expected(&messages), "only those that were not marked");
        let rows = arrivals(&stage);
        assert!(rows.iter().all(|row| row["door"] == "mailbox:pec" && row["state"] != "duplicate"), "{rows:?}");
        assert!(rows[0]["name"].as_str().is_some_and(|name| name.starts_with("20") && name.contains(".eml")), "{rows:?}");
        assert_eq!((&doctor(&stage)["state"], &doctor(&stage)["code"]), (&"working".into(), &Value::Null));
        let log = daemon.log();
        assert_eq!(daemon.end(Signal::TERM), Some(0));
        assert!(!log.contains("Canarino") && !log.contains("ordine") && log.contains("the mailbox is looked into"), "{log}");
    }
}

#[test]
fn messages_are_moved_where_that_is_asked_for_and_held_like_other_mail() {
    // The second server does not say that it can move: there a message is copied, deleted and expunged.
    for more in ["", "imap_capability = IMAP4rev1 UIDPLUS"] {
        let Some(server) = Dovecot::start_with(more) else { return };
        let stage = Stage::with_archive();
        configure(&stage, &server.table("after = 'move'\nmove_to = 'Archivio'"));
        let messages: Vec<Vec<u8>> = (0..4).map(message).collect();
        for (n, bytes) in messages.iter().enumerate() {
            server.deliver(&format!("{}.m", 1_790_000_000 + n), bytes);
        }
        // The same message twice is two messages: the second waits for a decision.
        server.deliver("1790000000.n", &messages[0]);
        let _daemon = Daemon::start(&stage, &[], &[("PASSWORD_PEC", PASSWORD)]);
        until("all have moved", 30, || server.flags(".Archivio").len() == 5);
        until("nothing is left", 10, || server.flags("").is_empty());
        let documents = || stage.json(&["list"], &[0]);
        let is_at_rest = |all: Vec<serde_json::Value>| all.len() == 5 && all.iter().all(|row| row["state"] != "working");
        until("all are at rest", 30, || is_at_rest(documents()));
        let rows = arrivals(&stage);
        assert_eq!((rows.len(), rows.iter().filter(|row| row["state"] == "duplicate").count()), (5, 1), "{rows:?}");
        let documents = documents();
        assert!(documents.iter().all(|row| matches!(row["state"].as_str(), Some("held" | "duplicate"))), "{documents:?}");
    }
}

#[test]
fn a_message_that_is_too_large_stays_and_costs_itself_only() {
    let Some(server) = Dovecot::start() else { return };
    let stage = Stage::with_archive();
    configure(&stage, &server.table("message_bytes_max = 2000"));
    let at = |n: usize| [message(9), vec![b'x'; n - message(9).len() - 2], b"\r\n".to_vec()].concat();
    server.deliver("1790000000.a", &at(2_001));
    server.deliver("1790000001.b", &at(2_000));
    let _daemon = watch(&stage, &[]);
    until("the other is in", 20, || server.marked() == 1);
    assert_eq!(digests(&stage), expected(&[at(2_000)]));
    until("doctor says so", 10, || doctor(&stage)["code"] == "mailbox-message-too-large");
    assert_eq!(doctor(&stage)["state"], "working");
}

#[test]
fn a_mailbox_that_cannot_be_opened_is_said_and_tried_again() {
    let Some(mut server) = Dovecot::start() else { return };
    let stage = Stage::with_archive();
    configure(&stage, &server.table(""));
    for (password, code) in [("sbagliata-davvero", "mailbox-login"), (PASSWORD, "")] {
        let daemon = Daemon::start(&stage, &["--only", "acquire"], &[("PASSWORD_PEC", password)]);
        let wanted = if code.is_empty() { Value::Null } else { code.into() };
        until("doctor says so", 20, || doctor(&stage)["state"] != "opening" && doctor(&stage)["code"] == wanted);
        assert!(!daemon.log().contains("davvero"));
        daemon.end(Signal::TERM);
    }
    // A certificate that nobody vouches for.
    let stage = Stage::with_archive();
    configure(&stage, &server.table("").replace("ca_file", "# ca_file"));
    let _daemon = watch(&stage, &[]);
    until("doctor says so", 20, || {
        let door = doctor(&stage);
        matches!(door["code"].as_str(), Some("mailbox-tls" | "mailbox-certificates"))
    });
    // The server goes away.
    let stage = Stage::with_archive();
    configure(&stage, &server.table(""));
    server.stop();
    let _daemon = watch(&stage, &[]);
    until("doctor says so", 20, || doctor(&stage)["state"] == "unreachable");
}

#[test]
fn a_death_at_any_write_point_of_a_mailbox_loses_and_doubles_nothing() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: the mailbox drill needs --features drill (scripts/test has it)");
    }
    let Some(server) = Dovecot::start() else { return };
    let points = super::network_drill::points(&["mailbox.", "receive."]);
    let mut all = 0;
    for (round, point) in points.iter().enumerate() {
        let stage = Stage::with_archive();
        let more = if round % 2 == 0 { "" } else { "tls = 'none'" };
        configure(&stage, &server.table(more));
        let messages: Vec<Vec<u8>> = (0..3).map(|n| message(round * 10 + n)).collect();
        for (n, bytes) in messages.iter().enumerate() {
            server.deliver(&format!("{}.{round}.{n}", 1_790_000_000 + n), bytes);
        }
        all += messages.len();
        let mut daemon = watch(&stage, &[("CONSERVA_DRILL", &format!("{point}:2"))]);
        until(&format!("it dies at {point}"), 20, || daemon.has_ended());
        assert!(server.marked() - (all - 3) <= digests(&stage).len(), "{point}: what is marked is in");
        let _again = watch(&stage, &[]);
        until("all are in and marked", 20, || server.marked() == all);
        assert_eq!(digests(&stage), expected(&messages), "{point}");
    }
    eprintln!("mailbox: {} deaths at named points", points.len());
    assert!(points.len() >= 5, "{points:?}");
}

#[test]
fn a_mailbox_killed_at_any_moment_loses_and_doubles_nothing() {
    let kills: usize = std::env::var("CONSERVA_DRILL_NETWORK").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let Some(server) = Dovecot::start() else { return };
    let stage = Stage::with_archive();
    configure(&stage, &server.table(""));
    let mut messages = Vec::new();
    let seed = std::process::id();
    let mut moment = seed;
    for round in 0..kills {
        for n in 0..30 {
            let bytes = message(round * 100 + n);
            server.deliver(&format!("{}.{round}.{n}", 1_790_000_000 + n), &bytes);
            messages.push(bytes);
        }
        let daemon = watch(&stage, &[]);
        moment = moment.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        std::thread::sleep(Duration::from_millis(150 + u64::from(moment >> 16) % 900));
        daemon.end(Signal::KILL);
        assert!(server.marked() <= digests(&stage).len(), "what is marked is in");
    }
    let _daemon = watch(&stage, &[]);
    until("all are in and marked", 60, || server.marked() == messages.len());
    assert_eq!(digests(&stage), expected(&messages));
    eprintln!("mailbox: {kills} kills, seed {seed}, {} messages delivered, in and marked", messages.len());
}

/// A server that says what it is told to say, whatever it is asked; gives what it heard.
fn liar(answers: Vec<&'static str>, end: &'static [u8]) -> (u16, std::thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("address").port();
    let lying = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(Duration::from_mins(2))).expect("timeout");
        stream.set_write_timeout(Some(Duration::from_mins(2))).expect("timeout");
        let mut buffer = [0; 4_096];
        stream.write_all(b"* OK ready\r\n").expect("greeting");
        for answer in answers {
            let n = stream.read(&mut buffer).unwrap_or(0);
            let said = String::from_utf8_lossy(&buffer[..n]).into_owned();
            let tag = said.split(' ').next().unwrap_or("").to_owned();
            let _ = stream.write_all(answer.replace("TAG", &tag).as_bytes());
        }
        if end.is_empty() {
            return 0;
        }
        let _ = stream.read(&mut buffer);
        // Without end, until the other side has had enough.
        let began = Instant::now();
        let mut written = 0;
        while began.elapsed() < Duration::from_mins(2) {
            match stream.write(end) {
                Ok(n) if n > 0 => written += n,
                _ => break,
            }
        }
        written
    });
    (port, lying)
}

/// What an honest server says up to a search, up to the fetch of a message, and then `more`.
const HONEST: &[&str] = &[
    "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n",
    "TAG OK\r\n",
    "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n",
    "* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [PERMANENTFLAGS (\\*)]\r\nTAG OK [READ-WRITE]\r\n",
    "* SEARCH 5\r\nTAG OK\r\n",
    "* 1 FETCH (UID 5 RFC822.SIZE 10 INTERNALDATE \"17-Jul-2026 02:44:25 +0000\")\r\nTAG OK\r\n",
];

#[test]
fn a_server_that_lies_is_left_and_leaves_nothing() {
    let after = |honest: usize, more: &[&'static str]| [&HONEST[..honest], more].concat();
    let cases: [(Vec<&'static str>, &[u8], &str, usize); 7] = [
        (vec![], b"x", "a line without end", 0),
        (after(4, &[]), b"* 1 FETCH (FLAGS ())\r\n", "lines without end", 0),
        (after(4, &["* SEARCH 1 2 3 {999999999}\r\n"]), b"7 ", "a literal that nobody asked for", 0),
        (after(6, &["* 1 FETCH (UID 5 BODY[] {17000000000}\r\n"]), b"x", "a message beyond all ceilings", 0),
        (after(6, &["* 1 FETCH (UID 6 BODY[] {3}\r\nabc)\r\nTAG OK\r\n"]), b"", "another message than was asked for", 0),
        (after(6, &["* 1 FETCH (UID 5 BODY[] {5000}\r\nabc)\r\nTAG OK\r\n"]), b"", "a message shorter than announced", 0),
        (after(6, &["* 1 FETCH (UID 5 BODY[] {3}\r\nabc)\r\nTAG OK\r\n", "TAG NO\r\n"]), b"", "a mark that is refused", 1),
    ];
    for (answers, end, what, admitted) in cases {
        let (port, lying) = liar(answers, end);
        let stage = Stage::with_archive();
        let table = "[[mailbox]]\nname='pec'\nhost='127.0.0.1'\nuser='u'\npassword_env='PASSWORD_PEC'\ntls='none'\n";
        configure(&stage, &format!("{table}port={port}\n"));
        let began = Instant::now();
        let daemon = watch(&stage, &[]);
        let has_left = || daemon.log().contains("is not looked into") || daemon.log().contains("stays in its mailbox");
        until(what, 15, has_left);
        assert!(began.elapsed() < Duration::from_secs(100), "{what}: {:?}", began.elapsed());
        assert_eq!(arrivals(&stage).len(), admitted, "{what}");
        assert_eq!(daemon.end(Signal::TERM), Some(0), "{what}");
        let written = lying.join().expect("the liar");
        assert!(written < 32 << 20, "{what}: {written} bytes were taken");
        let left = walkdir::WalkDir::new(stage.path("archivio/blobs")).into_iter().flatten();
        assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".put-")), "{what}");
    }
}

#[test]
fn a_server_that_tells_of_new_messages_wakes_the_look_and_is_called_again_when_it_was_away() {
    let Some(mut server) = Dovecot::start() else { return };
    let stage = Stage::with_archive();
    configure(&stage, &server.table("").replace("poll_seconds = 1", "poll_seconds = 3600"));
    let daemon = watch(&stage, &[]);
    until("the mailbox is looked into", 20, || doctor(&stage)["state"] == "working");
    for n in 0..3 {
        std::thread::sleep(Duration::from_millis(700));
        server.deliver(&format!("{}.i", 1_790_000_000 + n), &message(n));
        until("the message is in long before the next look is due", 15, || server.marked() == n + 1);
    }
    server.stop();
    server.deliver("1790000009.i", &message(9));
    std::thread::sleep(Duration::from_secs(1));
    server.again();
    until("what came while it was away is in", 45, || server.marked() == 4);
    assert_eq!(digests(&stage), expected(&[message(0), message(1), message(2), message(9)]));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

/// An access token as Dovecot checks it by itself: signed with a key that it knows.
fn token(user: &str, key: &str) -> String {
    use base64::Engine as _;
    let encoded = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let claims = format!(r#"{{"sub":"{user}","iat":1600000000,"exp":4000000000}}"#);
    let signed = format!("{}.{}", encoded(br#"{"alg":"HS256","typ":"JWT"}"#), encoded(claims.as_bytes()));
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-binary", "-hmac", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    openssl.stdin.take().expect("stdin").write_all(signed.as_bytes()).expect("said");
    let output = openssl.wait_with_output().expect("openssl");
    format!("{signed}.{}", encoded(&output.stdout))
}

#[test]
fn an_access_token_is_read_at_every_login_and_its_end_is_said() {
    tokens_of_the_hour("password_file = 'token'");
}

#[test]
fn a_program_that_prints_the_token_is_asked_at_every_login() {
    tokens_of_the_hour("token_command = ['/bin/cat', 'ARCHIVE/token']");
}

/// A mailbox whose token, given in that manner, has ended and is then renewed.
fn tokens_of_the_hour(given: &str) {
    use base64::Engine as _;
    const KEY: &str = "chiave-di-prova-0123456789";
    let own = tempfile::Builder::new().prefix("oauth").tempdir_in("/tmp").expect("folder");
    std::fs::set_permissions(own.path(), std::fs::Permissions::from_mode(0o755)).expect("rights");
    let keys = own.path().join("keys/default/HS256");
    std::fs::create_dir_all(&keys).expect("folder");
    std::fs::write(keys.join("default"), base64::engine::general_purpose::STANDARD.encode(KEY)).expect("key");
    let root = own.path().display();
    let settings = format!(
        "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={root}/keys/\nusername_attribute = sub\n"
    );
    std::fs::write(own.path().join("oauth2.conf"), settings).expect("settings");
    let more = format!(
        "auth_mechanisms = plain xoauth2\npassdb {{\n driver = oauth2\n mechanisms = xoauth2\n args = {root}/oauth2.conf\n}}\n"
    );
    let Some(server) = Dovecot::start_with(&more) else { return };
    let stage = Stage::with_archive();
    let file = stage.path("archivio/token");
    let give = |token: &str| {
        std::fs::write(&file, token).expect("token");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("rights");
    };
    give("scaduto");
    let table = server.table("auth = 'xoauth2'").replace("password_env = 'PASSWORD_PEC'", given);
    let table = table.replace("ARCHIVE", &stage.path("archivio").display().to_string());
    configure(&stage, &table);
    server.deliver("1790000000.t", &message(1));
    let daemon = watch(&stage, &[]);
    until("doctor says that the token is not taken", 30, || doctor(&stage)["code"] == "mailbox-login");
    give(&token(USER, KEY));
    until("the message is in with the next token", 60, || server.marked() == 1);
    assert_eq!((digests(&stage), &doctor(&stage)["state"]), (expected(&[message(1)]), &"working".into()));
    assert!(!daemon.log().contains("scaduto") && !daemon.log().contains("eyJ"));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}
