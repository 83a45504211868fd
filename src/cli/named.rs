//! The files that a command names: is one there, and may it be read without waiting for somebody to write into it?

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::desk::TABLE_BYTES_MAX;
use crate::error::{Error, Kind, Result};

/// Opens `path` for reading: what is not there was typed wrong; what is no regular file (a queue, a device, a folder) is
/// refused rather than waited for. A link is followed: the person named it.
pub(super) fn open(path: &Path) -> Result<(File, Metadata)> {
    // Looked at before it is opened: opening a device can have effects.
    ensure_regular(path, &path.metadata().map_err(|cause| absent(path, cause))?)?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(|cause| absent(path, cause))?;
    let metadata = file.metadata().map_err(|cause| Error::disk("look at", path, cause))?;
    ensure_regular(path, &metadata)?;
    Ok((file, metadata))
}

/// The bytes of a table (CSV), at most [`TABLE_BYTES_MAX`] of them.
pub(super) fn table(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = open(file)?.0;
    opened.take(TABLE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| Error::disk("read table", file, e))?;
    if bytes.len() as u64 > TABLE_BYTES_MAX {
        return Err(Error::new(Kind::Usage, "table-large").with("file", file.display()).with("max", TABLE_BYTES_MAX));
    }
    Ok(bytes)
}

fn ensure_regular(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let code = if metadata.is_dir() { "source-is-folder" } else { "source-is-special" };
    Err(Error::new(Kind::Refuse, code).with("path", path.display()))
}

/// Refuses to write `outputs` where that would cost the input (invariant 7), where two of them are one file, where one is no
/// file, and where no folder is to write into: said before the work, not after it.
pub(super) fn ensure_apart(input: &Path, outputs: &[&Path]) -> Result<()> {
    let mut places: Vec<PathBuf> = vec![input.canonicalize().map_err(|cause| absent(input, cause))?];
    let mut seen = vec![identity(&places[0])];
    for output in outputs {
        let behind = super::output::target(output)?;
        let folder = behind.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().map_err(|cause| absent(folder, cause))?;
        let place = folder.join(behind.file_name().unwrap_or_default());
        let place = place.canonicalize().unwrap_or(place);
        let own = identity(&place);
        if places.contains(&place) || own.is_some() && seen.contains(&own) {
            return Err(Error::new(Kind::Usage, "output-is-input").with("path", output.display()));
        }
        places.push(place);
        seen.push(own);
    }
    Ok(())
}

/// Device and number of the file: two names of one file (hard links) have the same.
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn absent(path: &Path, cause: std::io::Error) -> Error {
    match cause.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            Error::new(Kind::Usage, "path-missing").with("path", path.display())
        }
        _ => Error::disk("find", path, cause),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files of tests")]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_never_the_input_by_whatever_name() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        let input = at("scan.jpg");
        std::fs::write(&input, b"scan").expect("written");
        std::fs::hard_link(&input, at("hard.jpg")).expect("linked");
        std::os::unix::fs::symlink("scan.jpg", at("soft.jpg")).expect("linked");
        let said = |outputs: &[&Path]| ensure_apart(&input, outputs).map_err(|error| error.code().to_owned());
        for same in [input.clone(), at("hard.jpg"), at("soft.jpg"), folder.path().join("./scan.jpg")] {
            assert_eq!(said(&[&at("new.pdf"), &same]), Err("output-is-input".to_owned()), "{}", same.display());
        }
        assert_eq!(said(&[&at("a.pdf"), &at("a.pdf")]), Err("output-is-input".to_owned()));
        std::os::unix::fs::symlink("a.pdf", at("dangling.pdf")).expect("linked");
        assert_eq!(said(&[&at("a.pdf"), &at("dangling.pdf")]), Err("output-is-input".to_owned()));
        assert_eq!(said(&[&at("a.pdf"), folder.path()]), Err("output-is-special".to_owned()));
        assert_eq!(said(&[&at("none/a.pdf")]), Err("path-missing".to_owned()));
        assert_eq!(said(&[&at("a.pdf"), &at("a.txt")]), Ok(()));
    }
}
