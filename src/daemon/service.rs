//! What does the service manager want to know? `sd_notify(3)`: datagrams to the socket that it named, where it named one.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The service manager, if there is one.
pub(super) struct Service {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants a sign of life.
    pub(super) watchdog: Option<Duration>,
}

impl Service {
    /// Finds it in the environment.
    #[expect(clippy::disallowed_methods, reason = "the service manager speaks through the environment alone")]
    pub(super) fn find() -> Self {
        let watchdog = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        Self::at(std::env::var("NOTIFY_SOCKET").ok().as_deref(), watchdog)
    }

    fn at(name: Option<&str>, watchdog_us: Option<u64>) -> Self {
        let address = name.and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(name).ok(),
        });
        let socket = address.and_then(|address| Some((UnixDatagram::unbound().ok()?, address)));
        // Twice in the time that it grants, as its manual asks.
        let watchdog = socket.as_ref().and(watchdog_us).map(|us| Duration::from_micros(us / 2).max(Duration::from_millis(100)));
        Self { socket, watchdog }
    }

    /// Tells it `state`; one that does not listen changes nothing for us.
    pub(super) fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!(%error, "the service manager does not listen");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_reach_a_socket_in_a_folder_and_an_abstract_one() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("notify");
        let name = format!("conserva-test-{}", std::process::id());
        let abstract_address = SocketAddr::from_abstract_name(&name).expect("address");
        let listeners = [
            (UnixDatagram::bind(&path).expect("bound"), path.to_str().expect("a path").to_owned()),
            (UnixDatagram::bind_addr(&abstract_address).expect("bound"), format!("@{name}")),
        ];
        for (listener, name) in listeners {
            let service = Service::at(Some(&name), Some(10_000_000));
            assert_eq!(service.watchdog, Some(Duration::from_secs(5)));
            service.tell("READY=1");
            let mut heard = [0; 32];
            let n = listener.recv(&mut heard).expect("a datagram");
            assert_eq!(&heard[..n], b"READY=1");
        }
        assert!(Service::at(None, Some(10)).watchdog.is_none());
    }
}
