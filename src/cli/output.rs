//! Where does it go? Results on stdout, everything else on stderr, files whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::arrival::plain;
use crate::error::{Error, Kind, Result};
use crate::messages::Lang;

/// One line of result. A reader that went away (a closed pipe) is no fault of ours.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// One line for the person at the terminal.
pub(crate) fn complain(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(clean(text).as_bytes()).and_then(|()| err.write_all(b"\n"));
}

/// The rim: an error is shown here and nowhere else.
pub(super) fn error(error: &Error, lang: Lang, json: bool) -> ExitCode {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        tracing::debug!(%inner, "caused by");
        cause = inner.source();
    }
    if json {
        let object = serde_json::json!({"error": error.code(), "message": error.message().text(lang)});
        line(&object.to_string());
    }
    complain(&error.message().text(lang));
    ExitCode::from(error.exit_code())
}

/// A text without control characters but for line ends: a file name must not steer a terminal.
pub(crate) fn clean(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// Writes a file that the person asked for: under a temporary name beside it, synced, then renamed.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |out| out.write_all(bytes).map_err(|e| Error::disk("write", path, e)))
}

/// Copies a file that the person asked for, the same way.
pub(crate) fn copy_whole(source: &Path, target: &Path) -> Result<()> {
    let disk = |e| Error::disk("copy", target, e);
    let mut from = std::fs::File::open(source).map_err(disk)?;
    write_with(target, |to| std::io::copy(&mut from, to).map(drop).map_err(disk))
}

/// Links in a row that are followed: as many as the kernel follows.
const LINKS_MAX: usize = 40;

/// Where `path` is written: behind its links, which stay. What is there and is no regular file (a device, a queue, a folder) would
/// be replaced or waited for, and is refused.
pub(super) fn target(path: &Path) -> Result<PathBuf> {
    let refused = || Error::new(Kind::Usage, "output-is-special").with("path", path.display());
    let mut target = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(next) = std::fs::read_link(&target) else {
            let is_special = target.metadata().is_ok_and(|metadata| !metadata.is_file());
            return if is_special { Err(refused()) } else { Ok(target) };
        };
        target = target.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(refused())
}

/// Has `write` write a file that the person asked for, the same way.
#[expect(clippy::disallowed_methods, reason = "a file outside the archive, written whole")]
pub(crate) fn write_with(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let path = &target(path)?;
    let disk = |e| Error::disk("write", path, e);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary).map_err(disk).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        write(&mut out)?;
        out.into_inner().map_err(|e| disk(e.into_error()))?.sync_all().map_err(disk)?;
        std::fs::rename(&temporary, path).map_err(disk)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// A panic is told by its place, and by its words only where they stand so in the source: others may quote what was being read
/// (invariant 12).
pub(super) fn tell_panics_by_their_place() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        let words = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(withheld)");
        let _ = writeln!(std::io::stderr().lock(), "panic at {place}: {words}");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\nc");
    }

    #[test]
    fn a_written_file_leaves_no_temporary_one_behind() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("report.html");
        write_whole(&path, b"one").expect("written");
        write_whole(&path, b"two").expect("written again");
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 1);
    }

    #[test]
    fn a_link_is_written_through_and_stays_and_what_is_no_file_is_refused_untouched() {
        use std::os::unix::fs::{FileTypeExt as _, symlink};
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        write_whole(&at("real.txt"), b"old").expect("written");
        symlink("real.txt", at("link.txt")).expect("linked");
        symlink("link.txt", at("twice.txt")).expect("linked");
        symlink("new.txt", at("dangling.txt")).expect("linked");
        symlink("ring.txt", at("ring.txt")).expect("linked");
        write_whole(&at("twice.txt"), b"through").expect("written through");
        write_whole(&at("dangling.txt"), b"fresh").expect("written through");
        assert_eq!(std::fs::read(at("real.txt")).expect("read"), b"through");
        assert_eq!(std::fs::read(at("new.txt")).expect("read"), b"fresh");
        for link in ["link.txt", "twice.txt", "dangling.txt"] {
            assert!(at(link).symlink_metadata().expect("there").is_symlink(), "{link}");
        }
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("queue"), mode).expect("a queue");
        symlink("queue", at("to queue")).expect("linked");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        for special in ["queue", "to queue", "socket", "ring.txt", "."] {
            let error = write_whole(&at(special), b"never").expect_err(special);
            assert_eq!((error.kind(), error.code()), (Kind::Usage, "output-is-special"), "{special}");
        }
        assert!(at("queue").symlink_metadata().expect("there").file_type().is_fifo());
    }
}
