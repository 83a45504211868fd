//! Where may the process die without harm? Everywhere; at the points named here a test build dies on demand.
//!
//! Compiled to nothing unless the Cargo feature `drill` is on, which only the crash drill switches on.

/// A named write point. With the feature `drill` and `CONSERVA_DRILL=name` (or `name:3`, the third time it is passed)
/// in the environment, the process kills itself here with SIGKILL; otherwise nothing happens.
///
/// Names are `room.what`, literal at the call, so that the drill can list them by reading the sources.
#[inline]
pub fn point(name: &str) {
    #[cfg(feature = "drill")]
    armed::pass(name);
    #[cfg(not(feature = "drill"))]
    let _ = name;
}

#[cfg(feature = "drill")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WANTED: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);

    #[expect(clippy::disallowed_methods, reason = "a test build is told where to die by its environment")]
    fn wanted() -> Option<&'static (String, u32)> {
        WANTED
            .get_or_init(|| {
                let text = std::env::var("CONSERVA_DRILL").ok()?;
                let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
                Some((name.to_owned(), count.parse().unwrap_or(1)))
            })
            .as_ref()
    }

    pub(super) fn pass(name: &str) {
        let Some((target, count)) = wanted() else { return };
        if name == target && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            std::thread::park();
        }
    }
}
