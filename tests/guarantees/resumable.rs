//! Resumable uploads and batches, on the real program: a byte that was acknowledged stays, a file that is whole is in once,
//! and a folder arrives whole or says what is missing.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conserva::digest::Digest;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::network::{Daemon, Reply, arrivals, ask, configure, connect, head, reply, until, with_door};
use super::stage::Stage;

/// A name that must stand in no log.
const CANARY: &str = "Canarino-RSSMRA80A01H501U";
const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");

fn tus(port: u16, method: &str, path: &str, (headers, body): (&[(&str, String)], &[u8])) -> Option<Reply> {
    let headers = [&[(TUS.0, TUS.1.to_owned())], headers].concat();
    ask(port, method, path, (&headers, body))
}

/// Declares one file and gives its path.
pub fn create(port: u16, name: &str, bytes: usize) -> Option<String> {
    let metadata = format!("filename {}", STANDARD.encode(name));
    let headers = [("Upload-Length", bytes.to_string()), ("Upload-Metadata", metadata)];
    let answer = tus(port, "POST", "/upload/ufficio/tus", (&headers, b""))?;
    // Only a house in trouble says another thing; whoever needs the address notices that there is none.
    answer.header("location").filter(|_| answer.status == 201)
}

/// The offset that the counter tells.
pub fn offset(port: u16, path: &str) -> Option<u64> {
    tus(port, "HEAD", path, (&[], b""))?.header("upload-offset")?.parse().ok()
}

fn patch_headers(offset: u64) -> Vec<(&'static str, String)> {
    vec![("Content-Type", "application/offset+octet-stream".to_owned()), ("Upload-Offset", offset.to_string())]
}

/// Sends `bytes` from `offset` on.
pub fn patch(port: u16, path: &str, offset: u64, bytes: &[u8]) -> Option<Reply> {
    tus(port, "PATCH", path, (&patch_headers(offset), bytes))
}

/// Declares a batch of `(name, bytes, digest)`.
pub fn declare(port: u16, files: &[(&str, &[u8], bool)]) -> Option<Reply> {
    let one = |(name, bytes, is_known): &(&str, &[u8], bool)| {
        let mut file = json!({"name": name, "bytes": bytes.len()});
        if *is_known {
            file["sha256"] = json!(Digest::of(bytes));
        }
        file
    };
    let list = json!({"files": files.iter().map(one).collect::<Vec<Value>>()}).to_string();
    ask(port, "POST", "/upload/ufficio/batch", (&[], list.as_bytes()))
}

fn doctor(stage: &Stage) -> Value {
    stage.json(&["doctor"], &[0, 1]).remove(0)["uploads"][0].take()
}

#[test]
fn an_upload_that_breaks_off_goes_on_where_it_was_even_after_a_kill() {
    let (stage, port) = with_door("");
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let path = create(port, &format!("{CANARY}.bin"), bytes.len()).expect("created");
    let answer = patch(port, &path, 0, &bytes[..1_000_000]).expect("an answer");
    assert_eq!((answer.status, answer.header("upload-offset").as_deref()), (204, Some("1000000")));
    // The line breaks in the middle of a request: what came is kept.
    let before = bytes_in(&stage.path("archivio/uploads"));
    let mut stream = connect(port);
    let mut headers = vec![(TUS.0, TUS.1.to_owned()), ("Content-Length", "2000000".to_owned())];
    headers.extend(patch_headers(1_000_000));
    stream.write_all(head("PATCH", &path, &headers).as_bytes()).expect("sent");
    stream.write_all(&bytes[1_000_000..1_700_000]).expect("sent");
    until("it has begun", 10, || bytes_in(&stage.path("archivio/uploads")) > before + 200_000);
    let busy = patch(port, &path, 1_000_000, &bytes[1_000_000..]).expect("an answer");
    assert_eq!((busy.status, busy.header("retry-after").as_deref()), (423, Some("5")), "another connection has it");
    drop(stream);
    until("what came is acknowledged", 10, || offset(port, &path) == Some(1_700_000));
    assert_eq!(doctor(&stage)["unfinished"], json!({"open": 1, "files": 1, "bytes": 1_700_000}));
    let log = daemon.log();
    daemon.end(Signal::KILL);
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    drop(connect(port));
    assert_eq!(offset(port, &path), Some(1_700_000));
    assert_eq!(patch(port, &path, 5, b"x").expect("an answer").status, 409);
    let answer = patch(port, &path, 1_700_000, &bytes[1_700_000..]).expect("an answer");
    assert_eq!((answer.status, answer.header("conserva-state").as_deref()), (204, Some("admitted")), "{}", answer.head);
    let rows = arrivals(&stage);
    assert_eq!((rows.len(), &rows[0]["sha256"]), (1, &Digest::of(&bytes).hex().into()));
    assert_eq!(answer.header("conserva-arrival").as_deref(), rows[0]["id"].as_str());
    // The last answer may have been lost: asked again, it is told again.
    assert_eq!(offset(port, &path), Some(3_000_000));
    let again = patch(port, &path, 3_000_000, b"").expect("an answer");
    assert_eq!(again.header("conserva-arrival").as_deref(), rows[0]["id"].as_str());
    let told = ask(port, "GET", &path, (&[], b"")).expect("an answer").json();
    assert_eq!((&told["state"], &told["arrival"]), (&"admitted".into(), &rows[0]["id"]));
    // Sent whole once more as another upload it is the same arrival.
    let other = create(port, &format!("{CANARY}.bin"), bytes.len()).expect("created");
    let answer = patch(port, &other, 0, &bytes).expect("an answer");
    assert_eq!(answer.header("conserva-state").as_deref(), Some("replay"));
    assert_eq!(arrivals(&stage).len(), 1);
    assert!(!log.contains("Canarino") && !daemon.log().contains("Canarino"));
    let kept = std::fs::read_dir(stage.path("archivio/uploads/ufficio")).expect("shelf").flatten();
    let parts = kept.flat_map(|e| std::fs::read_dir(e.path()).expect("upload").flatten());
    let names: Vec<_> = parts.map(|e| e.file_name().to_string_lossy().into_owned()).filter(|n| n.contains(".part")).collect();
    assert!(names.is_empty(), "bytes that are in are not kept twice: {names:?}");
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

/// Bytes of all files below a folder.
fn bytes_in(folder: &std::path::Path) -> u64 {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter_map(|entry| entry.metadata().ok());
    files.filter(std::fs::Metadata::is_file).map(|metadata| metadata.len()).sum()
}

/// Sends from `offset` on more than was declared, in pieces and without saying how much it will be.
fn longer_than_declared(port: u16, path: &str, offset: u64) -> Reply {
    let mut stream = connect(port);
    let headers = [patch_headers(offset), vec![(TUS.0, TUS.1.to_owned()), ("Transfer-Encoding", "chunked".to_owned())]].concat();
    stream.write_all(head("PATCH", path, &headers).as_bytes()).expect("sent");
    for piece in [&b"14\r\nxxxxxxxxxxxxxxxxxxxx\r\n"[..], b"64\r\n", &[b'x'; 100], b"\r\n0\r\n\r\n"] {
        stream.write_all(piece).expect("sent");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    reply(&mut stream, true).expect("an answer")
}

#[test]
fn the_protocol_is_kept_to_the_letter() {
    let (stage, port) = with_door("open_max = 3\npartial_bytes_max = 100");
    configure(&stage, "[limits]\nfile_bytes_max = 1000");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let root = "/upload/ufficio/tus";
    let able = ask(port, "OPTIONS", root, (&[], b"")).expect("an answer");
    for (name, value) in [
        ("tus-version", "1.0.0"),
        ("tus-resumable", "1.0.0"),
        ("tus-extension", "creation,termination,checksum,expiration"),
        ("tus-checksum-algorithm", "sha256,sha1"),
        ("tus-max-size", "100"),
    ] {
        assert_eq!(able.header(name).as_deref(), Some(value), "{name}");
    }
    let old = ask(port, "POST", root, (&[("Tus-Resumable", "0.2.2".to_owned())], b"")).expect("an answer");
    assert_eq!((old.status, old.header("tus-version").as_deref()), (412, Some("1.0.0")));
    let name = ("Upload-Metadata", format!("filename {}", STANDARD.encode("a.txt")));
    let length = |n: &str| ("Upload-Length", n.to_owned());
    for (headers, status) in [
        (vec![length("100"), name.clone()], 201),
        (vec![length("101"), name.clone()], 413),
        (vec![length("5"), ("Upload-Metadata", format!("{0},{0}", name.1))], 400),
        (vec![length("5"), name.clone(), name.clone()], 400),
        (vec![length("-1"), name.clone()], 400),
        (vec![name.clone()], 400),
        (vec![length("5")], 400),
        (vec![length("5"), ("Upload-Metadata", format!("filename {}", STANDARD.encode("../a")))], 422),
    ] {
        let answer = tus(port, "POST", root, (&headers, b"")).expect("an answer");
        assert_eq!((answer.status, answer.header("tus-resumable").as_deref()), (status, Some("1.0.0")), "{headers:?}");
    }
    let path = create(port, "b.txt", 100).expect("created");
    let known = tus(port, "HEAD", &path, (&[], b"")).expect("an answer");
    assert_eq!(
        (known.header("upload-length").as_deref(), known.header("cache-control").as_deref()),
        (Some("100"), Some("no-store"))
    );
    assert!(known.header("upload-expires").is_some_and(|date| date.ends_with(" GMT")), "{}", known.head);
    assert!(known.header("upload-metadata").is_some_and(|metadata| metadata.starts_with("filename ")));
    let plain = [("Upload-Offset", "0".to_owned()), ("Content-Type", "text/plain".to_owned())];
    assert_eq!(tus(port, "PATCH", &path, (&plain, b"x")).expect("an answer").status, 415);
    // Checksums: the bytes of one that is not met are not kept.
    for (value, status, at) in [
        (format!("sha256 {}", Digest::of(b"altri").base64()), 460, 0),
        ("md5 YQ==".to_owned(), 400, 0),
        (format!("sha256 {}", Digest::of(b"cinque").base64()), 204, 6),
    ] {
        let headers = [patch_headers(0), vec![("Upload-Checksum", value)]].concat();
        assert_eq!(tus(port, "PATCH", &path, (&headers, b"cinque")).expect("an answer").status, status);
        assert_eq!(offset(port, &path), Some(at));
    }
    assert_eq!(patch(port, &path, 6, &[b'x'; 95]).expect("an answer").status, 413, "longer than declared");
    assert_eq!(longer_than_declared(port, &path, 6).status, 413);
    assert_eq!(offset(port, &path), Some(6), "nothing of it is kept");
    // Ceilings of the door.
    let third = create(port, "c.txt", 100).expect("created");
    let full = patch(port, &third, 0, &[b'x'; 95]).expect("an answer");
    assert_eq!((full.status, full.json()["error"].as_str()), (507, Some("upload-partial-full")));
    let fourth = tus(port, "POST", root, (&[length("5"), name.clone()], b"")).expect("an answer");
    assert_eq!((fourth.status, fourth.json()["error"].as_str()), (429, Some("upload-open-full")));
    // Termination, also by the method that stands in for it.
    let instead = [("X-HTTP-Method-Override", "DELETE".to_owned())];
    assert_eq!(tus(port, "POST", &path, (&instead, b"")).expect("an answer").status, 204);
    for method in ["HEAD", "PATCH", "DELETE"] {
        let answer = tus(port, method, &path, (&patch_headers(0), b"")).expect("an answer");
        assert_eq!(answer.status, 404, "{method}");
    }
    assert_eq!(tus(port, "DELETE", &third, (&[], b"")).expect("an answer").status, 204);
    let empty = create(port, "vuoto.txt", 0).expect("created");
    assert_eq!((offset(port, &empty), arrivals(&stage).len()), (Some(0), 1), "an empty file is whole at once");
}

#[test]
fn a_folder_arrives_whole_or_says_what_is_missing() {
    let (stage, port) = with_door("public_url = 'https://comune.example/invio/'\nbatch_files_max = 4");
    let _daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let files: [(&str, &[u8], bool); 4] = [
        ("lotto/uno.txt", b"uno", true),
        ("lotto/due/uno.txt", b"uno", false),
        ("tre.txt", b"tre tre", true),
        ("vuoto.txt", b"", false),
    ];
    let answer = declare(port, &files).expect("an answer");
    let told = answer.json();
    assert_eq!((answer.status, &told["missing"], &told["complete"]), (201, &4.into(), &false.into()), "{told}");
    let url = told["files"][0]["url"].as_str().expect("url").to_owned();
    assert!(url.starts_with("https://comune.example/invio/upload/ufficio/tus/bat-"), "{url}");
    let path = |n: usize| told["files"][n]["url"].as_str().expect("url").replace("https://comune.example/invio", "");
    let batch = told["url"].as_str().expect("url").replace("https://comune.example/invio", "");
    let missing = || {
        let now = ask(port, "GET", &format!("{batch}?only=missing"), (&[], b"")).expect("an answer").json();
        let names = now["files"].as_array().expect("files").iter().map(|f| format!("{} {}", f["name"], f["state"]));
        (names.collect::<Vec<_>>().join(", ").replace('"', ""), now)
    };
    assert_eq!(patch(port, &path(0), 0, b"uno").expect("an answer").status, 204);
    assert_eq!(patch(port, &path(2), 0, b"tre").expect("an answer").status, 204);
    let (names, now) = missing();
    assert_eq!(names, "lotto/due/uno.txt missing, tre.txt partial, vuoto.txt missing");
    assert_eq!(
        (&now["in"], &now["missing"], &now["partial"], &now["received"], &now["bytes"]),
        (&1.into(), &2.into(), &1.into(), &6.into(), &13.into())
    );
    // Bytes that are not those of the digest declared are not admitted, and asked for again.
    let other = patch(port, &path(2), 3, b" tru").expect("an answer");
    assert_eq!((other.status, other.json()["error"].as_str()), (460, Some("upload-other-file")));
    let (names, now) = missing();
    assert_eq!(
        (names.as_str(), &now["files"][1]["error"]),
        ("lotto/due/uno.txt missing, tre.txt missing, vuoto.txt missing", &"upload-other-file".into())
    );
    assert_eq!(arrivals(&stage).len(), 1);
    assert_eq!(patch(port, &path(2), 0, b"tre tre").expect("an answer").status, 204);
    assert_eq!(patch(port, &path(3), 0, b"").expect("an answer").status, 204);
    // A sender who has forgotten everything declares the same list and hears what is missing.
    let again = declare(port, &files).expect("an answer");
    assert_eq!((again.status, &again.json()["batch"], &again.json()["missing"]), (200, &told["batch"], &1.into()));
    let last = patch(port, &path(1), 0, b"uno").expect("an answer");
    assert_eq!(
        last.header("conserva-state").as_deref(),
        Some("duplicate"),
        "the same bytes in another folder are another arrival"
    );
    let whole = ask(port, "GET", &batch, (&[], b"")).expect("an answer").json();
    assert_eq!((&whole["complete"], &whole["in"], &whole["received"]), (&true.into(), &4.into(), &13.into()), "{whole}");
    assert_eq!(arrivals(&stage).len(), 4);
    assert_eq!(tus(port, "DELETE", &path(1), (&[], b"")).expect("an answer").status, 409, "what is in stays in");
    assert_eq!(ask(port, "DELETE", &batch, (&[], b"")).expect("an answer").status, 204);
    assert_eq!(ask(port, "GET", &batch, (&[], b"")).expect("an answer").status, 404);
    for (list, status) in [
        ("", 400),
        ("{\"files\":[]}", 400),
        ("{\"files\":[{\"name\":\"a\",\"bytes\":1},{\"name\":\"a\",\"bytes\":2}]}", 400),
        ("{\"files\":[{\"name\":\"a\"}]}", 400),
        ("{\"files\":[{\"name\":\"/a\",\"bytes\":1}]}", 422),
        ("{\"files\":[{\"name\":\"a\",\"bytes\":99999999999999}]}", 413),
        ("{\"files\":[{\"name\":\"a\",\"bytes\":9000000000000}]}", 413),
    ] {
        assert_eq!(
            ask(port, "POST", "/upload/ufficio/batch", (&[], list.as_bytes())).expect("an answer").status,
            status,
            "{list}"
        );
    }
    let five: Vec<(&str, &[u8], bool)> = ["1", "2", "3", "4", "5"].into_iter().map(|n| (n, n.as_bytes(), false)).collect();
    assert_eq!(declare(port, &five).expect("an answer").status, 413);
    assert_eq!(declare(port, &five[..4]).expect("an answer").status, 201);
}

#[test]
fn a_queue_at_its_ceiling_sends_senders_away_and_admits_what_is_whole_by_and_by() {
    let (stage, port) = with_door("");
    configure(&stage, "[limits]\nqueue_length_max = 1");
    let doors = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let path = create(port, "tardi.txt", 6).expect("created");
    assert_eq!(patch(port, &path, 0, b"tar").expect("an answer").status, 204);
    assert_eq!(super::network::post(port, &[("prima.txt", b"prima")]).expect("an answer").status, 201);
    for _ in 0..2 {
        let answer = super::network::post(port, &[("poi.txt", b"poi")]).expect("an answer");
        assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("30")), "{}", answer.json());
    }
    assert_eq!(patch(port, &path, 3, b"di!").expect("an answer").status, 503);
    assert_eq!((doctor(&stage)["state"].as_str(), doctor(&stage)["code"].as_str()), (Some("paused"), Some("queue-full")));
    let _porter = Daemon::start(&stage, &["--only", "work"], &[]);
    until("the queue is short again", 20, || patch(port, &path, 3, b"di!").is_some_and(|answer| answer.status == 204));
    assert_eq!(arrivals(&stage).len(), 2);
    assert_eq!(doctor(&stage)["state"], "working");
    assert_eq!(doors.end(Signal::TERM), Some(0));
}

#[test]
fn a_disk_without_room_sends_senders_away_and_keeps_what_was_acknowledged() {
    let stage = Stage::bare();
    let Some(_mount) = super::watch::Mount::new(stage.path("archivio"), 48 << 20) else {
        return eprintln!("NOT CHECKED: uploads to a full disk: mounting is not allowed here");
    };
    assert!(stage.run(&["init"]).status.success());
    let port = super::network::free_port();
    let door = "[[upload.door]]\nname = 'ufficio'\ntoken_env = 'TOKEN_UFFICIO'\n";
    configure(&stage, &format!("[upload]\nlisten = '127.0.0.1:{port}'\n{door}"));
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|n| (n % 253) as u8).collect();
    let path = create(port, "lungo.bin", bytes.len()).expect("created");
    assert_eq!(patch(port, &path, 0, &bytes[..4_000_000]).expect("an answer").status, 204);
    // More than there is room for is said before it is sent; what a sender does not announce, when the disk is full.
    let told = tus(
        port,
        "POST",
        "/upload/ufficio/tus",
        (&[("Upload-Length", (40 << 20).to_string()), ("Upload-Metadata", "filename YQ==".to_owned())], b""),
    );
    let told = told.expect("an answer");
    assert_eq!((told.status, told.json()["error"].as_str()), (507, Some("upload-no-room")));
    assert!(told.header("retry-after").is_some());
    let ballast = stage.path("archivio/zavorra");
    std::fs::write(&ballast, vec![0; 24 << 20]).expect("ballast");
    let mut stream = connect(port);
    let chunked = [super::network::form_headers(), vec![("Transfer-Encoding", "chunked".to_owned())]].concat();
    stream.write_all(head("POST", "/upload/ufficio", &chunked).as_bytes()).expect("sent");
    let form = super::network::form(&[("a.bin", &vec![b'a'; 30 << 20])]);
    for piece in form.chunks(1 << 20) {
        let framed = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        if stream.write_all(&framed).is_err() {
            break;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    let answer = super::network::reply(&mut stream, true).expect("an answer");
    assert_eq!((answer.status, answer.header("retry-after").as_deref()), (507, Some("30")), "{}", answer.json());
    assert!(!answer.json().to_string().contains("archivio/"), "where it lies is nobody's business: {}", answer.json());
    assert_eq!((doctor(&stage)["state"].as_str(), offset(port, &path)), (Some("paused"), Some(4_000_000)));
    std::fs::remove_file(&ballast).expect("room");
    let answer = patch(port, &path, 4_000_000, &bytes[4_000_000..]).expect("an answer");
    assert_eq!((answer.status, answer.header("conserva-state").as_deref()), (204, Some("admitted")), "{}", answer.head);
    assert_eq!(arrivals(&stage)[0]["sha256"], Digest::of(&bytes).hex());
    assert_eq!(doctor(&stage)["state"], "working");
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn an_upload_that_is_whole_becomes_its_blob_and_takes_its_room_once() {
    use std::os::unix::fs::MetadataExt as _;
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: the room of an upload needs --features drill (scripts/test has it)");
    }
    let (stage, port) = with_door("");
    let bytes: Vec<u8> = (0..700_000_u32).map(|n| (n % 249) as u8).collect();
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[("CONSERVA_DRILL", "receive.blob-durable")]);
    let path = create(port, "grande.bin", bytes.len()).expect("created");
    assert!(patch(port, &path, 0, &bytes).is_none(), "it dies before it answers");
    drop(daemon);
    let hex = Digest::of(&bytes).hex();
    let files = |folder: &str| {
        let walk = walkdir::WalkDir::new(stage.path(folder)).into_iter().flatten().filter(|e| e.file_type().is_file());
        walk.map(walkdir::DirEntry::into_path).collect::<Vec<_>>()
    };
    let bits =
        files("archivio/uploads").into_iter().find(|path| path.extension().is_some_and(|e| e == "part")).expect("the part");
    let blob = files("archivio/blobs").into_iter().find(|path| path.ends_with(&hex)).expect("the blob");
    let look = |path: &std::path::Path| path.metadata().expect("metadata");
    assert_eq!((look(&bits).ino(), look(&bits).nlink()), (look(&blob).ino(), 2), "one file with two names");
    assert!(arrivals(&stage).is_empty());
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    assert_eq!(offset(port, &path), Some(bytes.len() as u64), "what was taken stays");
    until("it is in", 20, || arrivals(&stage).len() == 1);
    until("its first name is gone", 10, || !bits.exists());
    assert_eq!((look(&blob).nlink(), look(&blob).mode() & 0o777), (1, 0o400));
    assert_eq!(arrivals(&stage)[0]["sha256"], hex.as_str());
    // Asked again with nothing to add, it opens nothing.
    let again = patch(port, &path, bytes.len() as u64, b"").expect("an answer");
    assert_eq!(again.header("conserva-state").as_deref(), Some("admitted"));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}

#[test]
fn a_batch_beyond_its_ceiling_is_refused_whole_with_a_sentence() {
    let (stage, port) = with_door("batch_files_max = 3");
    let daemon = Daemon::start(&stage, &["--only", "acquire"], &[]);
    let files: Vec<(String, &[u8])> = (0..4).map(|n| (format!("{n}.txt"), &b"x"[..])).collect();
    let listed: Vec<(&str, &[u8], bool)> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes, false)).collect();
    assert_eq!(declare(port, &listed[..3]).expect("an answer").status, 201, "the last that passes");
    let answer = declare(port, &listed).expect("an answer");
    let told = answer.json();
    assert_eq!((answer.status, told["error"].as_str()), (413, Some("upload-too-many")), "{told}");
    assert!(told["message"].as_str().is_some_and(|message| message.contains('4') && message.contains('3')), "{told}");
    assert_eq!(doctor(&stage)["unfinished"]["open"], 1, "nothing is kept of it: {}", doctor(&stage));
    // A list that is itself too long is not even read to its end.
    let long = vec![b' '; (64 << 20) + 1];
    let answer = ask(port, "POST", "/upload/ufficio/batch", (&[], &long)).expect("an answer");
    assert_eq!((answer.status, answer.json()["error"].as_str()), (413, Some("upload-too-large")));
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}
