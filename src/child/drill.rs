//! How does a child misbehave on demand? Only in test builds: each way of dying that the parent must survive.

use serde_json::Value;

/// Does what `how` says and, if that is not the end of it, answers with it.
pub(super) fn misbehave(how: &Value) -> Value {
    match how.as_str() {
        Some("abort") => std::process::abort(),
        Some("panic") => panic!("on demand"),
        Some("hang") => loop {
            std::thread::park();
        },
        Some("spin") => loop {
            std::hint::spin_loop();
        },
        Some("eat") => eat(),
        Some("read-passwd") => Value::Bool(std::fs::File::open("/etc/passwd").is_ok()),
        Some("connect") => Value::Bool(std::net::TcpListener::bind("127.0.0.1:0").is_ok()),
        Some("environment") => std::env::vars_os().map(|(name, _)| Value::from(name.to_string_lossy())).collect(),
        Some("exec") => Value::Bool(std::process::Command::new("/bin/true").status().is_ok()),
        Some(how) if how.starts_with("wait-to-be-killed ") => wait_to_be_killed(how),
        _ => how.clone(),
    }
}

fn eat() -> Value {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1_u8; 64 << 20]);
        std::hint::black_box(&eaten);
    }
}

/// `wait-to-be-killed TIMES FOLDER`: leaves its number in the folder and waits for the end, unless that came TIMES times before.
#[expect(clippy::disallowed_methods, reason = "marks of a test in its own scratch folder")]
fn wait_to_be_killed(how: &str) -> Value {
    let mut words = how.splitn(3, ' ').skip(1);
    let times = words.next().and_then(|times| times.parse().ok()).unwrap_or(0_usize);
    let folder = std::path::Path::new(words.next().unwrap_or_default());
    let tally = folder.with_extension("tally");
    let before = std::fs::read(&tally).unwrap_or_default();
    if before.len() < times {
        let pid = std::process::id().to_string();
        let told = std::fs::write(&tally, [before, b"x".to_vec()].concat()).and_then(|()| std::fs::write(folder.join(pid), b""));
        assert!(told.is_ok(), "{told:?}");
        loop {
            std::thread::park();
        }
    }
    Value::from(before.len())
}
