//! `watch`: the daemon, from the signal that ends it to its exit code.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use tokio::signal::unix::{SignalKind, signal};

use super::Global;
use crate::app::Archive;
use crate::daemon::{self, Roles};
use crate::error::{Error, Result};

/// A part of the daemon's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The doors: watched folders.
    Acquire,
    /// The porters: reading, filing, describing.
    Work,
}

/// `watch`: 0 after SIGTERM, 130 after SIGINT, whether the steps in hand were done in time or are left to their leases.
pub(crate) async fn watch(all: &Global, only: &[Part]) -> Result<u8> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::bug)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::bug)?;
    let archive = Archive::open(&all.archive, all.config.as_deref()).await?;
    let has = |part| only.is_empty() || only.contains(&part);
    let roles = Roles { acquire: has(Part::Acquire), work: has(Part::Work) };
    let bound = Duration::from_secs(archive.house.config.watch.stop_seconds);
    let (stopper, stop) = tokio::sync::watch::channel(false);
    let house = Arc::clone(&archive.house);
    let mut daemon = tokio::spawn(async move { daemon::keep(&house, roles, stop).await });
    let code = tokio::select! {
        ended = &mut daemon => return ended.map_err(Error::bug)?.map(|()| 0),
        _ = terminate.recv() => 0,
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
