//! The command `conserva`.

fn main() -> std::process::ExitCode {
    conserva::cli::main()
}
