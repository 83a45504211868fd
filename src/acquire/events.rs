//! Does the kernel tell of changes in this folder? Tried once, with a file of our own; an event only wakes a look.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::inbox::Watching;
use crate::store::lock::ensure_local;

/// The file that the test writes and removes.
pub(super) const PROBE: &str = ".conserva-probe";
/// How long the test waits for its event.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// How an inbox is watched, and why so.
pub struct Listening {
    /// The kernel's events; `None`: the clock alone wakes the look.
    _watcher: Option<RecommendedWatcher>,
    /// True while events wake the look.
    pub has_events: bool,
    /// Code of the reason.
    pub why: &'static str,
}

impl Listening {
    fn polling(why: &'static str) -> Self {
        Self { _watcher: None, has_events: false, why }
    }
}

/// Listens to `folder` as `watching` asks. `wake` is called, from a thread of its own, after every change and after
/// an overflow of the kernel's queue (whatever was in it, the look is a whole one).
pub fn listen(folder: &Path, watching: Watching, wake: impl Fn() + Send + 'static) -> Listening {
    if watching == Watching::Polling {
        return Listening::polling("configured");
    }
    // There the kernel tells of what this machine does, the probe too, and keeps silent about what the scanner does.
    if watching == Watching::Auto && ensure_local(folder).is_err() {
        return Listening::polling("remote");
    }
    // A file system in user space may show what changes behind it, of which the kernel tells nothing.
    if watching == Watching::Auto && is_fuse(folder) {
        return Listening::polling("fuse");
    }
    let (probe_seen, probe) = channel();
    let heard = move |event: notify::Result<Event>| {
        let Ok(event) = event else { return wake() };
        let is_probe = event.paths.iter().any(|path| path.ends_with(PROBE));
        if is_probe && event.kind.is_create() {
            // Nobody listens any more once the test is over.
            let _ = probe_seen.send(());
        }
        let is_change = event.need_rescan() || !matches!(event.kind, EventKind::Access(access) if !is_closed(access));
        if is_change && !is_probe {
            wake();
        }
    };
    // A link in the inbox may lead anywhere: what lies behind it is not watched.
    let config = Config::default().with_follow_symlinks(false);
    let Ok(mut watcher) = RecommendedWatcher::new(heard, config) else { return Listening::polling("events-unavailable") };
    if watcher.watch(folder, RecursiveMode::Recursive).is_err() {
        return Listening::polling("events-unavailable");
    }
    match (probe_arrives(folder, &probe), watching) {
        (Ok(true), _) => Listening { _watcher: Some(watcher), has_events: true, why: "probe-seen" },
        (_, Watching::Events) => Listening { _watcher: Some(watcher), has_events: true, why: "configured" },
        (Ok(false), _) => Listening::polling("probe-unseen"),
        (Err(_), _) => Listening::polling("probe-unwritable"),
    }
}

/// True of a mount through FUSE (`statfs(2)`: one number for all its kinds).
fn is_fuse(folder: &Path) -> bool {
    const FUSE: u64 = 0x6573_5546;
    let magic = rustix::fs::statfs(folder).map(|stat| u64::try_from(stat.f_type).unwrap_or_default() & 0xffff_ffff);
    magic.is_ok_and(|magic| magic == FUSE)
}

/// A file closed after writing; other accesses (our own reading) are no change.
fn is_closed(access: notify::event::AccessKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    access == AccessKind::Close(AccessMode::Write)
}

/// Writes the probe, waits for its event, removes it.
fn probe_arrives(folder: &Path, probe: &Receiver<()>) -> std::io::Result<bool> {
    let path = folder.join(PROBE);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    File::options().write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&path)?;
    let is_seen = probe.recv_timeout(PROBE_WAIT).is_ok();
    std::fs::remove_file(&path)?;
    Ok(is_seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_chosen_where_the_probe_is_seen_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().expect("folder");
        let (woken, wakes) = channel();
        let listening = listen(folder.path(), Watching::Auto, move || {
            let _ = woken.send(());
        });
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
        if !listening.has_events {
            eprintln!("NOT CHECKED: no events on this file system: {}", listening.why);
            return;
        }
        assert_eq!(listening.why, "probe-seen");
        File::create(folder.path().join("a.tif")).expect("file");
        wakes.recv_timeout(Duration::from_secs(5)).expect("a change wakes");
    }

    #[test]
    fn what_lies_behind_a_link_is_not_watched() {
        let (folder, other) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        std::os::unix::fs::symlink(other.path(), folder.path().join("altrove")).expect("link");
        let (woken, wakes) = channel();
        let listening = listen(folder.path(), Watching::Events, move || {
            let _ = woken.send(());
        });
        if !listening.has_events {
            eprintln!("NOT CHECKED: no events on this file system: {}", listening.why);
            return;
        }
        while wakes.recv_timeout(Duration::from_millis(300)).is_ok() {}
        File::create(other.path().join("a.tif")).expect("file");
        assert!(wakes.recv_timeout(Duration::from_millis(700)).is_err(), "woken by another folder");
        File::create(folder.path().join("a.tif")).expect("file");
        wakes.recv_timeout(Duration::from_secs(5)).expect("a change wakes");
    }

    #[test]
    fn polling_is_chosen_where_it_is_asked_for_or_nothing_can_be_watched() {
        let folder = tempfile::tempdir().expect("folder");
        assert_eq!(listen(folder.path(), Watching::Polling, || {}).why, "configured");
        let listening = listen(&folder.path().join("none"), Watching::Auto, || {});
        assert_eq!((listening.has_events, listening.why), (false, "events-unavailable"));
    }
}
