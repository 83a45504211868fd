//! Who may keep us waiting, and for how long? One connection: its head, its body and its answer all have their time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::{Counter, GRACE, route};

/// Most header lines of a request.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's head, and of the buffer that bodies pass through.
const BUFFER_BYTES: usize = 64 * 1024;
/// Milliseconds after which the kernel gives up a peer that takes nothing of our answer.
const UNREAD_MS: u32 = 60_000;
/// What a connection too many hears.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Serves one connection until it ends. Without a seat it is told to come back.
pub(super) async fn serve(counter: Arc<Counter>, mut stream: TcpStream, seat: Option<OwnedSemaphorePermit>) {
    if seat.is_none() {
        tracing::debug!("more connections than seats");
        let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(FULL)).await;
        return;
    }
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_MS).map_err(std::io::Error::from) {
        tracing::debug!(%error, "answers that nobody reads are given up late");
    }
    let _ = stream.set_nodelay(true);
    let mut stop = counter.stop.clone();
    let head_time = Duration::from_secs(counter.config.head_seconds);
    let service = service_fn(move |request| {
        let counter = Arc::clone(&counter);
        async move { Ok::<_, Infallible>(route::answer(&counter, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let stopping = async move { stop.wait_for(|is_stopping| *is_stopping).await.is_ok() };
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = stopping => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
    drop(seat);
}
