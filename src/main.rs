//! The command `conserva`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("page-child") => conserva::child::serve(),
        _ => ExitCode::from(2),
    }
}
