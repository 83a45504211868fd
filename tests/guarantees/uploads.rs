//! Uploads, on the real program: what a sender was told is in is in, once; what broke off has left nothing.

use std::io::Write as _;
use std::time::{Duration, Instant};

use conserva::digest::Digest;
use rustix::process::Signal;

use super::network::{Daemon, TOKEN, arrivals, ask, configure, connect, form, form_headers, head, post, reply, until, with_door};
use super::stage::Stage;

/// A name that must stand in no log.
const CANARY: &str = "Canarino-RSSMRA80A01H501U";

/// Files below the archive's blobs that have no name yet.
fn unfinished(stage: &Stage) -> usize {
    let walk = walkdir::WalkDir::new(stage.path("archivio/blobs")).into_iter().filter_map(std::result::Result::ok);
    walk.filter(|entry| entry.file_name().to_string_lossy().starts_with(".put-")).count()
}

#[test]
fn a_form_of_files_is_admitted_as_it_comes_with_the_digest_of_each() {
    let (stage, port) = with_door("");
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let large = vec![b'x'; 5 << 20];
    let files: [(&str, &[u8]); 4] =
        [("uno.txt", b"uno"), ("lotto 7/due.txt", b"due"), ("vuoto.txt", b""), ("grande.bin", &large)];
    let first = post(port, &files).expect("an answer");
    assert_eq!(first.status, 201, "{}", first.json());
    let told = first.json();
    for (n, (name, bytes)) in files.iter().enumerate() {
        let file = &told["files"][n];
        assert_eq!((&file["state"], &file["name"]), (&"admitted".into(), &(*name).into()));
        assert_eq!((&file["sha256"], &file["bytes"]), (&Digest::of(bytes).hex().into(), &bytes.len().into()));
    }
    let rows = arrivals(&stage);
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["door"] == "upload:ufficio"), "{rows:?}");
    let second = rows.iter().find(|row| row["name"] == "due.txt").expect("folders are no part of a name");
    let shown = stage.json(&["show", second["id"].as_str().expect("id")], &[0]);
    assert!(shown[0].to_string().contains("lotto 7"), "the folder is kept: {}", shown[0]);
    // The same sent again is the same arrival; the same bytes under another name wait, and so they do with another key.
    let again = post(port, &files).expect("an answer");
    assert_eq!((again.status, &again.json()["files"][3]["state"]), (200, &"replay".into()));
    assert_eq!(again.json()["files"][0]["arrival"], told["files"][0]["arrival"]);
    let other = post(port, &[("altro.txt", b"uno")]).expect("an answer").json();
    assert_eq!(
        (&other["files"][0]["state"], &other["files"][0]["duplicate_of"]),
        (&"duplicate".into(), &told["files"][0]["arrival"])
    );
    let headers = [form_headers(), vec![("Idempotency-Key", "secondo esemplare".to_owned())]].concat();
    for state in ["duplicate", "replay"] {
        let keyed = ask(port, "POST", "/upload/ufficio", (&headers, &form(&[("uno.txt", b"uno")]))).expect("an answer").json();
        assert_eq!(keyed["files"][0]["state"], state);
    }
    assert_eq!(arrivals(&stage).len(), 6);
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn a_file_that_cannot_be_taken_costs_itself_only() {
    let (stage, port) = with_door("form_files_max = 5");
    configure(&stage, "[limits]\nfile_bytes_max = 100000");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let (last, first) = (vec![b'a'; 100_000], vec![b'b'; 100_001]);
    let much = vec![b'c'; 3 << 20];
    let long = "n".repeat(256);
    let files: [(&str, &[u8]); 5] =
        [("../fuori.txt", b"x"), ("limite.bin", &last), ("oltre.bin", &first), ("molto.bin", &much), (&long, b"nome")];
    let answer = post(port, &files).expect("an answer");
    let told = answer.json();
    assert_eq!((answer.status, &told["complete"]), (422, &true.into()), "{told}");
    let states: Vec<&str> = (0..5).map(|n| told["files"][n]["error"].as_str().unwrap_or("in")).collect();
    assert_eq!(states, ["upload-name-wrong", "in", "file-too-large", "file-too-large", "source-name-too-long"]);
    assert!(told["files"][0]["message"].as_str().is_some_and(|m| m.contains("non è un nome")), "{told}");
    assert_eq!(arrivals(&stage).len(), 1);
    let six: Vec<(&str, &[u8])> = ["1", "2", "3", "4", "5", "6"].into_iter().map(|n| (n, n.as_bytes())).collect();
    let answer = post(port, &six).expect("an answer");
    assert_eq!((answer.status, answer.json()["error"].as_str()), (413, Some("upload-too-many")), "{:?}", answer.head);
    assert_eq!(arrivals(&stage).len(), 6, "what was confirmed before is in");
    assert_eq!(unfinished(&stage), 0);
}

#[test]
fn a_sender_that_drops_in_the_middle_leaves_nothing_half_admitted() {
    let (stage, port) = with_door("");
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let body = form(&[(&format!("{CANARY}.txt"), b"primo"), ("secondo.txt", &vec![b's'; 1 << 20])]);
    for cut in [body.len() - 20, body.len() / 2, 120] {
        let mut stream = connect(port);
        let headers = [form_headers(), vec![("Content-Length", body.len().to_string())]].concat();
        stream.write_all(head("POST", "/upload/ufficio", &headers).as_bytes()).expect("head");
        stream.write_all(&body[..cut]).expect("a piece");
        std::thread::sleep(Duration::from_millis(100));
    }
    until("temporary files are gone", 10, || unfinished(&stage) == 0);
    until("the first file, which was whole, is in", 10, || arrivals(&stage).len() == 1);
    let answer = ask(port, "POST", "/upload/ufficio", (&form_headers(), &body)).expect("an answer").json();
    let states: Vec<&str> = (0..2).map(|n| answer["files"][n]["state"].as_str().expect("state")).collect();
    assert_eq!(states, ["replay", "admitted"]);
    assert!(!daemon.log().contains("Canarino") && !daemon.log().contains(TOKEN), "{}", daemon.log());
}

#[test]
fn a_door_opens_to_its_token_only_and_says_no_more() {
    let (stage, port) = with_door("");
    configure(&stage, "");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let wrong = TOKEN.replace('0', "1");
    let mut told = Vec::new();
    for (path, token) in [("/upload/ufficio", wrong.as_str()), ("/upload/nessuno", TOKEN), ("/", TOKEN), ("/upload/ufficio", "")]
    {
        let mut stream = connect(port);
        let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let answer = reply(&mut stream, true).expect("an answer");
        told.push((answer.status, answer.body));
    }
    assert!(told.iter().all(|t| *t == told[0] && t.0 == 401), "{told:?}");
    for (method, path, status) in [("GET", "/upload/ufficio", 405), ("POST", "/upload/ufficio/x", 404)] {
        assert_eq!(ask(port, method, path, (&[], b"")).expect("an answer").status, status, "{method} {path}");
    }
    let no_form = ask(port, "POST", "/upload/ufficio", (&[("Content-Type", "text/plain".to_owned())], b"x")).expect("an answer");
    assert_eq!(no_form.status, 415);
    let empty = post(port, &[]).expect("an answer");
    assert_eq!((empty.status, empty.json()["error"].as_str()), (400, Some("upload-form-empty")));
}

#[test]
fn what_is_slow_or_too_much_is_given_up() {
    let (stage, port) = with_door("head_seconds = 1\nidle_seconds = 1\nconnections_max = 4\nform_bytes_max = 1000000");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let refused = ask(port, "POST", "/upload/ufficio", (&form_headers(), &vec![b'x'; 1_000_001])).expect("an answer");
    assert_eq!(refused.status, 413);
    // A head that never ends, and a body that stalls.
    let began = Instant::now();
    let mut dripping = connect(port);
    dripping.write_all(b"POST /upload/ufficio HTTP/1.1\r\nX: y").expect("sent");
    let mut stalled = connect(port);
    let headers = [form_headers(), vec![("Content-Length", "500".to_owned())]].concat();
    stalled.write_all(head("POST", "/upload/ufficio", &headers).as_bytes()).expect("sent");
    assert_eq!(reply(&mut stalled, true).expect("an answer").status, 408);
    assert!(reply(&mut dripping, true).is_none_or(|answer| answer.status == 408));
    assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
    let mut headed = connect(port);
    let long = vec![("X-Long", "x".repeat(400_000))];
    let _ = headed.write_all(head("POST", "/upload/ufficio", &long).as_bytes());
    assert!(reply(&mut headed, true).is_none_or(|answer| answer.status == 431));
    // One that says nothing at all loses its seat too, before its first request and after it.
    let mut silent = connect(port);
    let mut idle = connect(port);
    idle.write_all(head("GET", "/upload/ufficio", &[]).as_bytes()).expect("sent");
    assert_eq!(reply(&mut idle, true).expect("an answer").status, 405);
    for stream in [&mut silent, &mut idle] {
        assert!(reply(stream, true).is_none_or(|answer| answer.status == 408), "the connection ends");
    }
    drop((dripping, stalled, headed));
    // Seats: the fifth is told to come back.
    // Who says nothing keeps his seat for a second: on a slow machine all five may come one after the other.
    until("the fifth is told to come back", 10, || {
        let _seated: Vec<_> = (0..4).map(|_| connect(port)).collect();
        std::thread::sleep(Duration::from_millis(200));
        let told = reply(&mut connect(port), true).filter(|answer| answer.status == 503);
        told.is_some_and(|answer| answer.header("retry-after").as_deref() == Some("5"))
    });
    until("there is a seat again", 10, || post(port, &[("a.txt", b"a")]).is_some_and(|answer| answer.status != 503));
}

#[test]
fn the_daemon_ends_with_connections_open_and_forms_under_way() {
    let (stage, port) = with_door("");
    let daemon = Daemon::start(&stage, &[], &[]);
    let _idle = connect(port);
    let mut sending = connect(port);
    let headers = [form_headers(), vec![("Content-Length", "100000".to_owned())]].concat();
    sending.write_all(head("POST", "/upload/ufficio", &headers).as_bytes()).expect("sent");
    sending.write_all(&form(&[("a.txt", b"a")])[..80]).expect("sent");
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
    assert_eq!(arrivals(&stage).len(), 0);
}

#[test]
fn a_counter_that_cannot_be_opened_is_said_at_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("address");
    let door = "[[upload.door]]\nname='a'\ntoken_env='TOKEN_UFFICIO'";
    for (text, token, code) in [
        (format!("[upload]\nlisten='{address}'\n{door}"), TOKEN, "upload-address"),
        (format!("[upload]\nlisten='127.0.0.1:0'\n{door}"), "corto", "upload-token-short"),
        ("[upload]\nlisten='127.0.0.1:0'\n[[upload.door]]\nname='a'\ntoken_env='NESSUNO'".to_owned(), TOKEN, "secret-unreadable"),
        ("[upload]\nlisten='ovunque'".to_owned(), TOKEN, "config-listen"),
        ("[upload]\n[[upload.door]]\nname='A'\ntoken_env='X'".to_owned(), TOKEN, "config-name"),
        ("[upload]\n[[upload.door]]\nname='a'\ntoken='scritto qui'".to_owned(), TOKEN, "config-unknown"),
    ] {
        let stage = Stage::with_archive();
        configure(&stage, &text);
        let mut command = stage.command(&["--json", "watch"]);
        let output = command.env("TOKEN_UFFICIO", token).env_remove("NESSUNO").output().expect("run");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(3) && said.contains(code), "{text}: {said}");
        assert!(!said.contains("corto\""), "{said}");
    }
}

/// Many at a time are written together, and whoever brings the same bytes at the same instant, by whatever door, is told so.
#[test]
fn the_same_bytes_of_many_at_once_are_admitted_once_and_wait_as_duplicates() {
    const SENDERS: usize = 24;
    const BYTES: &[u8] = b"la stessa lettera";
    let (stage, port) = with_door("");
    let inbox = stage.path("archivio/inbox");
    for n in 0..3 {
        super::watch::write(&inbox.join(format!("{n}.txt")), BYTES);
    }
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    drop(connect(port));
    let start = std::sync::Barrier::new(SENDERS);
    let states: Vec<String> = std::thread::scope(|scope| {
        let send = |n: usize| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                let (same, own) = (format!("uguale {n}.txt"), format!("proprio {n}.txt"));
                let told = post(port, &[(&same, BYTES), (&own, own.as_bytes())]).expect("an answer").json();
                assert_eq!(told["files"][1]["state"], "admitted", "{told}");
                told["files"][0]["state"].as_str().expect("a state").to_owned()
            })
        };
        let senders: Vec<_> = (0..SENDERS).map(send).collect();
        senders.into_iter().map(|sender| sender.join().expect("a sender")).collect()
    });
    until("the folder is empty", 20, || std::fs::read_dir(&inbox).expect("inbox").flatten().all(|e| e.file_name() == ".taken"));
    let rows = arrivals(&stage);
    let same: Vec<&serde_json::Value> = rows.iter().filter(|row| row["sha256"] == Digest::of(BYTES).hex()).collect();
    let waiting = same.iter().filter(|row| row["state"] == "duplicate" && !row["duplicate_of"].is_null()).count();
    assert_eq!((same.len(), waiting, rows.len()), (SENDERS + 3, SENDERS + 2, 2 * SENDERS + 3), "{states:?}");
    assert!(states.iter().filter(|state| *state == "admitted").count() <= 1, "{states:?}");
    let log = daemon.log();
    let together =
        |line: &str| -> Option<u64> { serde_json::from_str::<serde_json::Value>(line).ok()?["fields"]["together"].as_u64() };
    let groups: Vec<u64> = log.lines().filter_map(together).collect();
    eprintln!("uploads: {} files in {} groups, the largest {:?}", groups.iter().sum::<u64>(), groups.len(), groups.iter().max());
    assert!(groups.iter().sum::<u64>() == 2 * SENDERS as u64 && groups.len() < 2 * SENDERS, "{groups:?}");
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn a_name_that_is_torn_is_no_name() {
    let (stage, port) = with_door("");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    for name in ["a\r\nb.txt", "a\"b.txt", "a\"; filename=\"b"] {
        let answer = post(port, &[(name, b"x")]).expect("an answer");
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("upload-form-wrong")), "{name}");
    }
    assert!(arrivals(&stage).is_empty());
    assert_eq!(unfinished(&stage), 0);
}
