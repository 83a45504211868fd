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
