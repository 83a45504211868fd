//! `watch`: the daemon, from the signal that ends it to its exit code.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use tokio::signal::unix::{SignalKind, signal};

use super::Global;
use crate::app::Archive;
use crate::daemon::{self, Roles};
use crate::desk;
use crate::error::{Error, Result};
use crate::pipeline::House;

/// A part of the daemon's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The doors: watched folders.
    Acquire,
    /// The porters: reading, filing, describing.
    Work,
}

/// `watch`: 0 after SIGTERM or SIGHUP (a terminal that was closed), 130 after SIGINT, whether the steps in hand were done in time or
/// are left to their leases.
pub(crate) async fn watch(all: &Global, only: &[Part]) -> Result<u8> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::bug)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::bug)?;
    // Whoever started us so that a closed terminal does not matter (nohup) has had the signal ignored: so it stays.
    let mut hang_up = if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup()).map_err(Error::bug)?) };
    let closed = async {
        match &mut hang_up {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    };
    let archive = Archive::open(&all.archive, all.config.as_deref()).await?;
    let has = |part| only.is_empty() || only.contains(&part);
    let roles = Roles { acquire: has(Part::Acquire), work: has(Part::Work) };
    let bound = Duration::from_secs(archive.house.config.watch.stop_seconds);
    let (stopper, stop) = tokio::sync::watch::channel(false);
    let house = Arc::clone(&archive.house);
    let mut daemon = tokio::spawn(async move { daemon::keep(&house, roles, stop).await });
    let code = tokio::select! {
        ended = &mut daemon => return ended.map_err(Error::bug)?.map(|()| 0),
        // What it does is one transaction after the other: it may be ended anywhere.
        never = keep_due(&archive.house), if roles.work => match never {},
        _ = terminate.recv() => 0,
        _ = closed => 0,
        _ = interrupt.recv() => 130,
    };
    stopper.send_replace(true);
    if let Ok(ended) = tokio::time::timeout(bound, &mut daemon).await {
        ended.map_err(Error::bug)??;
    } else {
        daemon.abort();
        tracing::warn!("the step in hand is left to its lease: it will be done again");
    }
    Ok(code)
}

/// Makes and packages what is due, as the archive's configuration says. Trouble is told and tried again: it ends no daemon.
async fn keep_due(house: &Arc<House>) -> Infallible {
    let mut beat = tokio::time::interval(Duration::from_secs(house.config.watch.due_seconds.max(1)));
    loop {
        beat.tick().await;
        if !house.config.watch.registro {
            continue;
        }
        match desk::keep_due(house, house.config.watch.due_days).await {
            Ok((0, 0)) => {}
            Ok((made, planned)) => tracing::info!(made, planned, "what is due was made and planned"),
            Err(error) => tracing::warn!(code = error.code(), "what is due could not be made"),
        }
    }
}

/// True if SIGHUP, the first of the signals, was ignored when this process began.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
