//! Which child takes the next piece of work? One that is idle, best the one that has the file open; at most `count` run.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::process::{Death, Process};
use super::{Call, ReadersOptions};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Seconds that a child may take to load its engine and lock itself in.
const START_SECONDS: u64 = 30;

/// At most `count` children, started when needed.
#[derive(Debug)]
pub(super) struct Pool {
    options: Arc<ReadersOptions>,
    seats: Mutex<Seats>,
    freed: Condvar,
    starter: Sender<Start>,
}

#[derive(Debug, Default)]
struct Seats {
    idle: Vec<Process>,
    busy: usize,
    /// Pieces of work that are done, or wait to be done, while nothing else is.
    alone: usize,
}

struct Start {
    roots: Vec<PathBuf>,
    reply: Sender<Result<Process>>,
}

impl Pool {
    pub(super) fn new(mut options: ReadersOptions) -> Result<Self> {
        options.count = options.count.clamp(1, 256);
        let options = Arc::new(options);
        let starter = starter(Arc::clone(&options))?;
        Ok(Self { options, seats: Mutex::default(), freed: Condvar::new(), starter })
    }

    pub(super) fn count(&self) -> usize {
        self.options.count
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Has one child do the work. One that is killed from outside (by a kernel short of memory, which takes the largest) may be
    /// no fault of the work's: it is done once more, by a fresh child while no other works.
    pub(super) fn ask(&self, call: Call<'_>, payload: &[u8]) -> Result<Vec<u8>> {
        let input = std::path::absolute(call.input).map_err(|e| Error::disk("find", call.input, e))?;
        let (seat, idle) = self.take(&input, call.page);
        let mut answer = self.work((seat, idle), (call, &input), payload)?;
        if matches!(answer, Err(Death::Killed)) {
            answer = self.work((self.take_all(), None), (call, &input), payload)?;
        }
        answer.map_err(|death| epitaph(death, call, &self.options.limits))
    }

    /// One try. The child comes back to its seat only after a good answer.
    fn work(
        &self,
        (seat, idle): (Seat<'_>, Option<Process>),
        (call, input): (Call<'_>, &Path),
        payload: &[u8],
    ) -> Result<std::result::Result<Vec<u8>, Death>> {
        let mut process = match idle {
            Some(process) => process,
            None => self.start_for(input)?,
        };
        let answer = process.ask(payload, call.seconds);
        match &answer {
            Ok(_) => {
                process.last_input = Some(input.to_owned());
                process.ahead = call.next.or(process.ahead);
                self.seats().idle.push(process);
            }
            Err(death) => {
                tracing::warn!(op = call.op, page = call.page, ?death, "a page reader was lost");
                drop(process);
            }
        }
        drop(seat);
        Ok(answer)
    }

    /// Waits until nobody works and lets nobody begin; the idle children go, for the memory that they hold.
    fn take_all(&self) -> Seat<'_> {
        let mut seats = self.seats();
        seats.alone += 1;
        while seats.busy > 0 {
            seats = self.freed.wait(seats).unwrap_or_else(PoisonError::into_inner);
        }
        seats.busy += 1;
        let idle = std::mem::take(&mut seats.idle);
        drop(seats);
        drop(idle);
        Seat { pool: self, is_alone: true }
    }

    /// Waits for a free seat and takes it; no child if none that is idle may read `input`.
    fn take(&self, input: &Path, page: Option<u32>) -> (Seat<'_>, Option<Process>) {
        let mut seats = self.seats();
        while seats.busy >= self.options.count || seats.alone > 0 {
            seats = self.freed.wait(seats).unwrap_or_else(PoisonError::into_inner);
        }
        seats.busy += 1;
        let seat = Seat { pool: self, is_alone: false };
        let has_open = |p: &Process| p.last_input.as_deref() == Some(input);
        let decoded = seats.idle.iter().position(|p| has_open(p) && page.is_some() && p.ahead == page);
        let best = decoded.or_else(|| seats.idle.iter().position(has_open));
        let fit = best.or_else(|| seats.idle.iter().position(|p| p.roots.iter().any(|root| input.starts_with(root))));
        if let Some(at) = fit {
            return (seat, Some(seats.idle.swap_remove(at)));
        }
        // No idle child may read there: one of them makes room for a new one.
        if seats.idle.len() + seats.busy > self.options.count {
            seats.idle.pop();
        }
        (seat, None)
    }

    fn start_for(&self, input: &Path) -> Result<Process> {
        let mut roots = self.options.roots.iter().filter_map(|root| std::path::absolute(root).ok()).collect::<Vec<_>>();
        if !roots.iter().any(|root| input.starts_with(root)) {
            roots.extend(input.parent().map(Path::to_owned));
        }
        let (reply, answer) = channel();
        let lost = || Error::bug("the thread that starts page readers is gone");
        self.starter.send(Start { roots, reply }).map_err(|_| lost())?;
        answer.recv().map_err(|_| lost())?
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A seat taken; leaving it wakes who waits.
struct Seat<'a> {
    pool: &'a Pool,
    is_alone: bool,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        // A panic or an error on the way in must free the seat as well.
        let mut seats = self.pool.seats();
        seats.busy = seats.busy.saturating_sub(1);
        seats.alone = seats.alone.saturating_sub(usize::from(self.is_alone));
        drop(seats);
        // All: one of them may wait for all seats, the others for any.
        self.pool.freed.notify_all();
    }
}

/// The thread that starts children and lives as long as the pool: a child dies with the thread that started it.
fn starter(options: Arc<ReadersOptions>) -> Result<Sender<Start>> {
    let (sender, requests) = channel::<Start>();
    std::thread::Builder::new()
        .name("page-readers".to_owned())
        .spawn(move || {
            while let Ok(start) = requests.recv() {
                let process = Process::start(&options, start.roots).and_then(|process| greet(process, &options));
                if start.reply.send(process).is_err() {
                    return;
                }
            }
        })
        .map_err(|e| Error::disk("start a thread", Path::new("-"), e))?;
    Ok(sender)
}

/// Tells a new child its language, ceilings and folders, and waits until it has locked itself in.
fn greet(mut process: Process, options: &ReadersOptions) -> Result<Process> {
    let hello = super::serve::Hello {
        lang: options.lang.clone(),
        engine: options.engine,
        limits: options.limits.clone(),
        scratch: options.scratch.clone(),
        roots: process.roots.clone(),
    };
    let payload = serde_json::to_vec(&super::serve::Asked { op: "hello", request: &hello }).map_err(Error::store)?;
    let answer = process.ask(&payload, START_SECONDS).map_err(|_| Error::new(crate::error::Kind::Environment, "reader-start"))?;
    let call = Call { op: "hello", input: Path::new(""), seconds: START_SECONDS, page: None, next: None };
    super::answer::parse::<()>(&answer, call)?;
    Ok(process)
}

fn epitaph(death: Death, call: Call<'_>, limits: &Limits) -> Error {
    let code = match (death, call.page) {
        (Death::Crashed | Death::Killed, Some(_)) => "page-crashed",
        (Death::TimedOut, Some(_)) => "page-timeout",
        (Death::OutOfMemory, Some(_)) => "page-memory",
        (Death::Crashed | Death::Killed, None) => "file-crashed",
        (Death::TimedOut, None) => "file-timeout",
        (Death::OutOfMemory, None) => "file-memory",
    };
    Error::hold(code)
        .with("page", call.page.unwrap_or(0))
        .with("seconds", call.seconds)
        .with("bytes", limits.child_memory_bytes_max)
}
