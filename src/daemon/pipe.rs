//! How do the bytes of a body get to the disk without lying in memory? A pipe of a few pieces between the connection and the
//! thread that writes; a connection that stalls, crawls or breaks shows at its other end as an error, never as an end.

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::{mpsc, watch};

use crate::error::{Error, Result};

/// Pieces between the connection and the disk.
const PIECES: usize = 8;
/// How long a body may be slower than it should before it is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The end that is filled. Dropped before [`Filler::end`], the reading end fails.
pub(super) struct Filler(mpsc::Sender<Option<Bytes>>);

/// The end that is read, on a thread that may wait.
pub(super) struct Piped {
    pieces: mpsc::Receiver<Option<Bytes>>,
    current: Bytes,
    is_ended: bool,
}

/// A new pipe.
pub(super) fn pipe() -> (Filler, Piped) {
    let (sender, pieces) = mpsc::channel(PIECES);
    (Filler(sender), Piped { pieces, current: Bytes::new(), is_ended: false })
}

impl Filler {
    /// Gives one piece on; false if the reading end wants no more.
    pub(super) async fn fill(&self, bytes: Bytes) -> bool {
        bytes.is_empty() || self.0.send(Some(bytes)).await.is_ok()
    }

    /// All pieces were given.
    pub(super) async fn end(self) {
        let _ = self.0.send(None).await;
    }
}

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() && !self.is_ended {
            match self.pieces.blocking_recv() {
                Some(Some(bytes)) => self.current = bytes,
                Some(None) => self.is_ended = true,
                None => return Err(std::io::Error::other(Error::retry("upload-broken"))),
            }
        }
        let n = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..n]);
        Ok(n)
    }
}

/// How fast a body comes: it may neither pause for longer than `idle` nor crawl.
pub(super) struct Pace {
    idle: Duration,
    bytes_per_second: u64,
    began: Instant,
    bytes: u64,
}

impl Pace {
    pub(super) fn new(idle_seconds: u64, bytes_per_second: u64) -> Self {
        Self { idle: Duration::from_secs(idle_seconds), bytes_per_second, began: Instant::now(), bytes: 0 }
    }

    /// Waits for what comes next, no longer than it may take.
    pub(super) async fn wait<T>(&self, next: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout(self.idle, next).await.map_err(|_| Error::retry("upload-slow"))
    }

    /// `bytes` more have come.
    pub(super) fn count(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes as u64;
        if is_crawling(self.bytes, self.began.elapsed(), self.bytes_per_second) {
            Err(Error::retry("upload-slow"))
        } else {
            Ok(())
        }
    }
}

fn is_crawling(bytes: u64, time: Duration, bytes_per_second: u64) -> bool {
    time > PATIENCE && bytes < time.as_secs().saturating_mul(bytes_per_second)
}

/// Feeds a whole body into a pipe. One that breaks off, stalls, or is overtaken by the wish to stop leaves the pipe without
/// an end.
pub(super) async fn feed(mut body: Incoming, filler: Filler, (mut pace, stop): (Pace, watch::Receiver<bool>)) -> Result<()> {
    let mut told = stop.clone();
    loop {
        let frame = tokio::select! {
            frame = pace.wait(body.frame()) => frame?,
            Ok(_) = told.wait_for(|is_stopping| *is_stopping) => return Err(Error::retry("upload-stopping")),
        };
        let Some(frame) = frame else {
            filler.end().await;
            return Ok(());
        };
        let bytes = frame.map_err(|e| Error::retry("upload-broken").because(e))?.into_data().unwrap_or_default();
        pace.count(bytes.len())?;
        if !filler.fill(bytes).await {
            // The disk's end has given up; it says why.
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pipe_ends_only_when_it_is_told_that_it_ends() {
        for is_told in [true, false] {
            let (filler, mut piped) = pipe();
            let reading = tokio::task::spawn_blocking(move || {
                let mut text = String::new();
                piped.read_to_string(&mut text).map(|_| text)
            });
            assert!(filler.fill(Bytes::from_static(b"uno ")).await && filler.fill(Bytes::from_static(b"due")).await);
            if is_told {
                filler.end().await;
                assert_eq!(reading.await.expect("thread").expect("text"), "uno due");
            } else {
                drop(filler);
                let error = reading.await.expect("thread").expect_err("broken");
                assert_eq!(error.downcast::<Error>().expect("ours").code(), "upload-broken");
            }
        }
    }

    #[test]
    fn a_body_may_crawl_for_a_minute_only() {
        assert!(!is_crawling(0, PATIENCE, 512));
        assert!(is_crawling(61 * 512 - 1, Duration::from_secs(61), 512));
        assert!(!is_crawling(61 * 512, Duration::from_secs(61), 512));
    }
}
