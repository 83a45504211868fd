//! Where does it go? Results on stdout, everything else on stderr, files whole or not at all.

use std::io::Write as _;
use std::path::Path;

use crate::error::{Error, Result};

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

/// A text without control characters: a file name must not steer a terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Writes a file that the person asked for: under a temporary name beside it, synced, then renamed.
#[expect(clippy::disallowed_methods, reason = "a file outside the archive, written whole")]
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| std::fs::rename(&temporary, path)).map_err(|e| {
        let _ = std::fs::remove_file(&temporary);
        Error::disk("write", path, e)
    })
}

/// Copies a file that the person asked for, the same way.
#[expect(clippy::disallowed_methods, reason = "a file outside the archive, written whole")]
pub(crate) fn copy_whole(source: &Path, target: &Path) -> Result<()> {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = target.with_file_name(name);
    let copied = std::fs::File::open(source).and_then(|mut from| {
        let mut to = std::fs::File::create(&temporary)?;
        std::io::copy(&mut from, &mut to)?;
        to.sync_all()
    });
    copied.and_then(|()| std::fs::rename(&temporary, target)).map_err(|e| {
        let _ = std::fs::remove_file(&temporary);
        Error::disk("copy", target, e)
    })
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
}
