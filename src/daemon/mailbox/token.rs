//! Who says the token of the hour? A program that the configuration names: it is run at every login and prints the token.
//!
//! Never through a shell, with nothing on its input, an environment of a few names (other secrets of this process are not its
//! business), in a bounded time and with a bounded output. What it prints is never shown, what it complains of neither.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::error::{Error, Kind, Result};
use crate::secret::{self, Secret};

/// How long the program may take: a renewal is one question to a server.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the program may know of this process's environment.
const KNOWN: [&str; 8] =
    ["PATH", "HOME", "LANG", "LC_ALL", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"];

/// The secret that `command` prints.
pub(super) async fn printed(command: &[String]) -> Result<Secret> {
    printed_within(command, PATIENCE).await
}

async fn printed_within(command: &[String], patience: Duration) -> Result<Secret> {
    let Some((program, arguments)) = command.split_first() else { return Err(Error::bug("a token command without a program")) };
    let failed = |why: &str| Error::new(Kind::Environment, "secret-command").with("program", program).with("why", why);
    let mut running = Command::new(program);
    running.args(arguments).env_clear().envs(KNOWN.iter().filter_map(|name| Some((name, inherited(name)?))));
    running.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
    let child = running.spawn().map_err(|e| failed(&e.kind().to_string()))?;
    let mut group = Group(child);
    let answered = tokio::time::timeout(patience, answer(&mut group.0)).await;
    let (text, status) = match answered {
        Err(_) => return Err(failed(&format!("> {} s", patience.as_secs()))),
        Ok(Err(e)) => return Err(failed(&e.kind().to_string())),
        Ok(Ok(answer)) => answer,
    };
    if !status.success() {
        return Err(failed(&status.to_string()));
    }
    let text = String::from_utf8(text).map_err(|_| failed("UTF-8"))?;
    secret::parsed(&text, program)
}

/// What it prints, up to a byte more than a secret may have, and how it ends.
async fn answer(child: &mut Child) -> std::io::Result<(Vec<u8>, std::process::ExitStatus)> {
    let mut text = Vec::new();
    if let Some(out) = child.stdout.take() {
        out.take(secret::BYTES_MAX as u64 + 3).read_to_end(&mut text).await?;
    }
    Ok((text, child.wait().await?))
}

#[expect(clippy::disallowed_methods, reason = "passed on, not read")]
fn inherited(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// The program and whatever it has started: all of it ends with the question.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Once it has ended and was waited for it has no number any more.
        let group = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
            tracing::debug!(%error, "a token command had ended by itself");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(script: &str) -> std::result::Result<String, String> {
        let command = ["/bin/sh", "-c", script].map(str::to_owned);
        let printed = printed_within(&command, Duration::from_millis(700)).await;
        printed.map(|secret| secret.expose().to_owned()).map_err(|error| format!("{} {error}", error.code()))
    }

    #[tokio::test]
    async fn a_token_is_what_the_program_prints_on_one_line() {
        assert_eq!(said("printf 'ya29.x-y\\n'").await.as_deref(), Ok("ya29.x-y"));
        for wrong in ["true", "printf 'a\\nb'", "printf '\\377'"] {
            assert!(said(wrong).await.is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_program_that_fails_hangs_or_talks_without_end_gives_no_token_and_its_words_are_not_repeated() {
        for script in ["echo geheim; exit 3", "echo geheim; sleep 60", "yes geheim", "echo geheim; echo geheim >&2; kill -9 $$"] {
            let start = std::time::Instant::now();
            let error = said(script).await.expect_err(script);
            assert!(error.starts_with("secret-"), "{error}");
            assert!(!error.contains("geheim"), "{error}");
            assert!(start.elapsed() < Duration::from_secs(5), "{script}");
        }
        let none = printed(&["/no/such/program".to_owned()]).await.expect_err("no program");
        assert_eq!((none.code(), none.exit_code()), ("secret-command", 3));
    }

    #[tokio::test]
    async fn whatever_the_program_has_started_ends_with_the_question() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("late");
        let script = format!("(sleep 2; touch {}) & sleep 60", mark.display());
        assert!(said(&script).await.is_err());
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert!(!mark.exists());
    }

    #[tokio::test]
    async fn words_are_arguments_and_other_secrets_stay_here() {
        let command = ["/bin/echo", "$HOME;", "`id`"].map(str::to_owned);
        assert_eq!(printed(&command).await.expect("printed").expose(), "$HOME; `id`");
        assert_eq!(said("env | grep -c CARGO || true").await.as_deref(), Ok("0"));
    }
}
