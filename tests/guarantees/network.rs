//! What the tests of the network doors share: the daemon, and a sender who speaks HTTP by hand, so that it can break off.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::stage::Stage;
pub(super) use super::watch::until;

/// The token of the door `ufficio`.
pub const TOKEN: &str = "segreto-di-prova-0123456789abcdef";

/// A daemon at work; killed when dropped.
pub struct Daemon {
    pub child: Child,
    pub log: PathBuf,
}

impl Daemon {
    pub fn start(stage: &Stage, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = stage.path("log");
        let err = File::options().create(true).append(true).open(&log).expect("log");
        let mut command = stage.command(&[&["--log", "json", "watch"], args].concat());
        command.env("CONSERVA_LOG", "warn,conserva=debug").env("TOKEN_UFFICIO", TOKEN).envs(environment.iter().copied());
        Self { child: command.stdout(Stdio::null()).stderr(err).spawn().expect("the daemon starts"), log }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("log")
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("child").is_some()
    }

    pub fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signal");
    }

    /// Sends `signal` and gives the exit code.
    pub fn end(mut self, signal: Signal) -> Option<i32> {
        self.send(signal);
        self.child.wait().expect("ended").code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let ended = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{ended:?} after\n{}", self.log());
        }
    }
}

/// Adds to the configuration; tables that stand in it with their defaults are taken out first.
pub fn configure(stage: &Stage, text: &str) {
    let path = stage.path("archivio/conserva.toml");
    let mut config: toml::Table = toml::from_str(&std::fs::read_to_string(&path).expect("configuration")).expect("toml");
    let more: toml::Table = toml::from_str(text).expect("toml");
    for (key, value) in more {
        match (config.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => old.extend(new),
            (_, value) => _ = config.insert(key, value),
        }
    }
    std::fs::write(path, toml::to_string(&config).expect("toml")).expect("configuration");
}

pub fn arrivals(stage: &Stage) -> Vec<Value> {
    stage.json(&["list", "arrivals"], &[0])
}

/// A port of loopback that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address").port()
}

/// An archive with the upload door `ufficio`, and the port of its counter.
pub fn with_door(more: &str) -> (Stage, u16) {
    let stage = Stage::with_archive();
    let port = free_port();
    let door = "[[upload.door]]\nname = 'ufficio'\ntoken_env = 'TOKEN_UFFICIO'\n";
    configure(&stage, &format!("[upload]\nlisten = '127.0.0.1:{port}'\n{more}\n{door}"));
    (stage, port)
}

/// What a sender was told.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("JSON: {} {}", self.head, String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }
}

/// Opens a connection to the counter, waiting for the daemon to open it.
pub fn connect(port: u16) -> TcpStream {
    let mut stream = None;
    until("the counter is open", 90, || {
        stream = TcpStream::connect(("127.0.0.1", port)).ok();
        stream.is_some()
    });
    let stream = stream.expect("open");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("timeout");
    stream
}

/// The head of a request of the door `ufficio`.
pub fn head(method: &str, path: &str, headers: &[(&str, String)]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head + "\r\n"
}

/// Reads one answer; `None` where the connection ends before it.
pub fn reply(stream: &mut TcpStream, has_body: bool) -> Option<Reply> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut reply = Reply { status, head, body: Vec::new() };
    if status == 100 {
        return self::reply(stream, has_body);
    }
    let length = reply.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    if has_body {
        reply.body = vec![0; length];
        stream.read_exact(&mut reply.body).ok()?;
    }
    Some(reply)
}

/// One request on a connection of its own.
pub fn ask(port: u16, method: &str, path: &str, (headers, body): (&[(&str, String)], &[u8])) -> Option<Reply> {
    let mut stream = connect(port);
    let mut headers = headers.to_vec();
    if !body.is_empty() || method == "PATCH" || method == "POST" {
        headers.push(("Content-Length", body.len().to_string()));
    }
    stream.write_all(head(method, path, &headers).as_bytes()).ok()?;
    // The counter may answer and close before it has read all.
    let _ = stream.write_all(body);
    reply(&mut stream, method != "HEAD")
}

/// The body of a form of `files`.
pub fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in files {
        body.extend(format!("--conf\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--conf--\r\n");
    body
}

pub fn form_headers() -> Vec<(&'static str, String)> {
    vec![("Content-Type", "multipart/form-data; boundary=conf".to_owned())]
}

/// Sends a form of `files`.
pub fn post(port: u16, files: &[(&str, &[u8])]) -> Option<Reply> {
    ask(port, "POST", "/upload/ufficio", (&form_headers(), &form(files)))
}
