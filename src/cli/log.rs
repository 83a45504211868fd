//! What is logged, where, and in which form?

use clap::ValueEnum;

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    Text,
    Json,
}

/// Logs go to stderr, warnings and worse, of a daemon also what it does; `CONSERVA_LOG` asks for more. Lines hold ids and
/// codes only (invariant 13).
#[expect(clippy::disallowed_methods, reason = "the log level is needed before any configuration is read")]
pub(super) fn to_stderr(form: Form, is_daemon: bool) {
    let filter =
        std::env::var("CONSERVA_LOG").unwrap_or_else(|_| if is_daemon { "warn,conserva=info" } else { "warn" }.to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match form {
        Form::Text => log.init(),
        Form::Json => log.json().init(),
    }
}
