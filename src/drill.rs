//! Where may the process die without harm? Everywhere; at the points named here a test build dies on demand.
//!
//! Compiled to nothing unless the Cargo feature `drill` is on, which only the crash drill switches on.

/// A named write point. With the feature `drill` and `CONSERVA_DRILL=name` (or `name:3`, the third time it is passed)
/// in the environment, the process kills itself here with SIGKILL; with `name!words` it panics with these words. Otherwise
/// nothing happens.
///
/// Names are `room.what`, literal at the call, so that the drill can list them by reading the sources.
#[inline]
pub fn point(name: &str) {
    #[cfg(feature = "drill")]
    armed::pass(name);
    #[cfg(not(feature = "drill"))]
    let _ = name;
}

/// True where this build is told to forget the named fsync (feature `drill` and `CONSERVA_DRILL_FORGET=name`): the control
/// of the power cut, which must fail then.
#[inline]
pub fn forgets(name: &str) -> bool {
    #[cfg(feature = "drill")]
    return armed::forgets(name);
    #[cfg(not(feature = "drill"))]
    {
        let _ = name;
        false
    }
}

/// The script of a later schema, so that the upgrade of a store can be killed before a release needs one: with the feature
/// `drill` and `CONSERVA_DRILL_SCHEMA` in the environment; otherwise none.
pub fn migration() -> Option<&'static str> {
    #[cfg(feature = "drill")]
    return armed::migration();
    #[cfg(not(feature = "drill"))]
    None
}

#[cfg(feature = "drill")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Where to die, the how manieth time, and the last words if it is to be a panic.
    type Wanted = (String, u32, Option<String>);

    static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);

    #[expect(clippy::disallowed_methods, reason = "a test build is told where to die by its environment")]
    fn wanted() -> Option<&'static Wanted> {
        WANTED
            .get_or_init(|| {
                let text = std::env::var("CONSERVA_DRILL").ok()?;
                let (place, words) = text.split_once('!').map_or((&text[..], None), |(place, words)| (place, Some(words)));
                let (name, count) = place.split_once(':').unwrap_or((place, "1"));
                Some((name.to_owned(), count.parse().unwrap_or(1), words.map(str::to_owned)))
            })
            .as_ref()
    }

    /// What upgrades do: a table made anew with its rows, a column more.
    const MIGRATION: &str = "
        CREATE TABLE facts_anew (
            ente  TEXT    NOT NULL REFERENCES enti (id),
            owner TEXT    NOT NULL,
            kind  TEXT    NOT NULL,
            n     INTEGER NOT NULL,
            body  TEXT    NOT NULL,
            bytes INTEGER NOT NULL GENERATED ALWAYS AS (length (body)) VIRTUAL,
            PRIMARY KEY (ente, owner, kind, n)
        ) STRICT;
        INSERT INTO facts_anew (ente, owner, kind, n, body) SELECT ente, owner, kind, n, body FROM facts;
        DROP TABLE facts;
        ALTER TABLE facts_anew RENAME TO facts;
        ALTER TABLE documents ADD COLUMN drilled INTEGER NOT NULL DEFAULT 1;
    ";

    #[expect(clippy::disallowed_methods, reason = "a test build is told by its environment")]
    pub(super) fn migration() -> Option<&'static str> {
        std::env::var_os("CONSERVA_DRILL_SCHEMA").map(|_| MIGRATION)
    }

    #[expect(clippy::disallowed_methods, reason = "a test build is told by its environment")]
    pub(super) fn forgets(name: &str) -> bool {
        static FORGOTTEN: OnceLock<Option<String>> = OnceLock::new();
        FORGOTTEN.get_or_init(|| std::env::var("CONSERVA_DRILL_FORGET").ok()).as_deref() == Some(name)
    }

    pub(super) fn pass(name: &str) {
        let Some((target, count, words)) = wanted() else { return };
        if name == target && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
            if let Some(words) = words {
                panic!("{words}");
            }
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            std::thread::park();
        }
    }
}
