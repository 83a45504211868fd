//! What is one child to its parent? A process with two pipes, a clock and a short memory of its last words.

use std::collections::VecDeque;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{ReadersOptions, frame, kernel};
use crate::error::{Error, Result};

/// What a child may know of its parent's environment: where models lie, how texts are coded, how much is logged, which kernel
/// is measured. Tokens and passwords that are kept there stay with the parent.
const KNOWN: [&str; 7] =
    ["TESSDATA_PREFIX", "LD_LIBRARY_PATH", "PATH", "LANG", "LC_ALL", "CONSERVA_LOG", crate::ocr::lstm::KERNEL_VARIABLE];

#[expect(clippy::disallowed_methods, reason = "passed on, not read")]
fn inherited(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Last words kept of a child, bytes. They are only searched for the marks below, never shown (invariant 13).
const LAST_WORDS: usize = 8 << 10;
const MEMORY_MARKS: [&str; 4] = ["memory allocation of", "bad_alloc", "out of memory", "capacity overflow"];

/// How a piece of work failed; the caller knows which page it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    Crashed,
    TimedOut,
    OutOfMemory,
    /// By a signal that no fault of its own sends: the kernel short of memory, or a person.
    Killed,
}

/// One running child.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    work: Sender<Vec<u8>>,
    answers: Receiver<std::io::Result<Vec<u8>>>,
    last_words: Arc<Mutex<VecDeque<u8>>>,
    /// The folders that this child may read.
    pub(super) roots: Vec<PathBuf>,
    /// The input it last worked on: it may still have it open.
    pub(super) last_input: Option<PathBuf>,
    /// The page of it that it was last told to decode ahead.
    pub(super) ahead: Option<u32>,
}

impl Process {
    /// Starts a child that may read below `roots`. To be called from a thread that outlives the child.
    pub(super) fn start(options: &ReadersOptions, roots: Vec<PathBuf>) -> Result<Self> {
        let mut command = Command::new(&options.program);
        command.args(&options.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().envs(KNOWN.iter().filter_map(|name| Some((name, inherited(name)?))));
        // One thread per engine: without it Tesseract burns four times the CPU. It only counts before exec.
        command.env("OMP_THREAD_LIMIT", "1").env("OMP_NUM_THREADS", "1").env("MALLOC_ARENA_MAX", "1");
        kernel::arm(&mut command, options.limits.child_memory_bytes_max);
        let mut child = command.spawn().map_err(|e| Error::disk("start a page reader", &options.program, e))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(Error::bug("a child without pipes"));
        };
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let heard = Arc::clone(&last_words);
        std::thread::spawn(move || listen(stderr, &heard));
        let (work, to_write) = channel();
        let (to_answer, answers) = channel();
        let bytes_max = options.limits.frame_bytes_max;
        std::thread::spawn(move || converse(stdin, stdout, &to_write, &to_answer, bytes_max));
        Ok(Self { child, work, answers, last_words, roots, last_input: None, ahead: None })
    }

    /// Sends one frame and waits for one, no longer than `seconds`. After an error the child is of no more use.
    pub(super) fn ask(&mut self, payload: &[u8], seconds: u64) -> std::result::Result<Vec<u8>, Death> {
        if self.work.send(payload.to_vec()).is_err() {
            return Err(self.cause_of_death());
        }
        match self.answers.recv_timeout(Duration::from_secs(seconds)) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.cause_of_death()),
            Err(RecvTimeoutError::Timeout) => Err(Death::TimedOut),
        }
    }

    fn cause_of_death(&mut self) -> Death {
        use std::os::unix::process::ExitStatusExt as _;
        let is_own_end = self.end();
        match self.child.wait().ok().and_then(|status| status.signal()) {
            Some(libc::SIGXCPU) => return Death::TimedOut,
            Some(libc::SIGKILL) if is_own_end => return Death::Killed,
            _ => {}
        }
        let words: Vec<u8> = self.last_words.lock().map(|heard| heard.iter().copied().collect()).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        if MEMORY_MARKS.iter().any(|mark| words.contains(mark)) { Death::OutOfMemory } else { Death::Crashed }
    }

    /// Gives a dying child a moment to finish dying by its own cause, then kills it. True if it did.
    fn end(&mut self) -> bool {
        for _ in 0..20 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                // The thread that listens needs a moment for the last words.
                std::thread::sleep(Duration::from_millis(10));
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Err(error) = self.child.kill() {
            tracing::debug!(%error, "a page reader could not be killed");
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::debug!(%error, "a page reader did not end");
        }
    }
}

/// Writes questions and reads answers, one for one, until either pipe breaks.
fn converse(
    mut stdin: ChildStdin,
    mut stdout: ChildStdout,
    work: &Receiver<Vec<u8>>,
    answers: &Sender<std::io::Result<Vec<u8>>>,
    bytes_max: u32,
) {
    while let Ok(payload) = work.recv() {
        let answer = frame::write(&mut stdin, &payload, bytes_max)
            .and_then(|()| frame::read(&mut stdout, bytes_max)?.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into()));
        let is_broken = answer.is_err();
        if answers.send(answer).is_err() || is_broken {
            return;
        }
    }
}

fn listen(mut stderr: ChildStderr, heard: &Mutex<VecDeque<u8>>) {
    let mut buffer = [0_u8; 1024];
    while let Ok(n @ 1..) = stderr.read(&mut buffer) {
        let Ok(mut heard) = heard.lock() else { return };
        heard.extend(&buffer[..n]);
        let surplus = heard.len().saturating_sub(LAST_WORDS);
        heard.drain(..surplus);
    }
}
