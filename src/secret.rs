//! Where does a secret come from? From the environment or from a file that others cannot read; never from the configuration.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// Longest secret, bytes.
pub const BYTES_MAX: usize = 4_096;
/// Rights that the file of a secret must not give: writing to the group, anything to others.
const RIGHTS_OPEN: u32 = 0o027;

/// A secret in memory. It is never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The words themselves, for the one who must say them.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Reads the secret that `variable` of the environment holds, or else the `file`; a final line end is no part of it.
/// One that is missing, empty, too long, no UTF-8, or lies in a file open to others is an error that does not say it.
pub fn read(variable: &str, file: &Path) -> Result<Secret> {
    let text = if variable.is_empty() { of_file(file)? } else { of_environment(variable)? };
    parsed(&text, &if variable.is_empty() { file.display().to_string() } else { variable.to_owned() })
}

/// The secret that was found as `text` in a `place`.
pub fn parsed(text: &str, place: &str) -> Result<Secret> {
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() || text.len() > BYTES_MAX || text.contains(['\n', '\r', '\0']) {
        return Err(Error::new(Kind::Environment, "secret-wrong").with("place", place).with("limit", BYTES_MAX));
    }
    Ok(Secret(text.to_owned()))
}

/// True where exactly one of the two is given.
pub fn is_reference(variable: &str, file: &Path) -> bool {
    variable.is_empty() != file.as_os_str().is_empty()
}

#[expect(clippy::disallowed_methods, reason = "a secret is named by the configuration and kept out of it")]
fn of_environment(variable: &str) -> Result<String> {
    std::env::var(variable).map_err(|e| unreadable(variable, &e))
}

fn of_file(file: &Path) -> Result<String> {
    let mut opened = std::fs::File::open(file).map_err(|e| unreadable(&file.display().to_string(), &e))?;
    let metadata = opened.metadata().map_err(|e| unreadable(&file.display().to_string(), &e))?;
    let owner = metadata.uid();
    if !metadata.is_file() || metadata.mode() & RIGHTS_OPEN != 0 || (owner != 0 && owner != rustix::process::geteuid().as_raw()) {
        return Err(Error::new(Kind::Environment, "secret-open").with("place", file.display()));
    }
    let mut text = String::new();
    let read = opened.by_ref().take(BYTES_MAX as u64 + 3).read_to_string(&mut text);
    read.map_err(|e| unreadable(&file.display().to_string(), &e))?;
    Ok(text)
}

fn unreadable(place: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Environment, "secret-unreadable").with("place", place).with("cause", cause)
}

/// The file of a secret, seen from the archive in `root`; an empty path stays empty.
pub fn placed(root: &Path, file: &Path) -> PathBuf {
    if file.as_os_str().is_empty() { PathBuf::new() } else { root.join(file) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(folder: &Path, text: &[u8], mode: u32) -> PathBuf {
        let path = folder.join("secret");
        let _ = std::fs::remove_file(&path);
        let mut file = std::fs::File::create(&path).expect("file");
        file.write_all(text).expect("written");
        file.set_permissions(std::fs::Permissions::from_mode(mode)).expect("rights");
        path
    }

    #[test]
    fn a_secret_is_read_only_from_a_file_that_others_cannot_read() {
        let folder = tempfile::tempdir().expect("folder");
        for mode in [0o600, 0o400, 0o640] {
            let secret = read("", &file(folder.path(), b"parola\r\n", mode)).expect("secret");
            assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("parola", "Secret"));
        }
        for mode in [0o644, 0o660, 0o604] {
            let error = read("", &file(folder.path(), b"parola", mode)).expect_err("open to others");
            assert_eq!((error.code(), error.exit_code()), ("secret-open", 3));
            assert!(!error.to_string().contains("parola"));
        }
    }

    #[test]
    fn a_secret_has_a_longest_and_a_shortest_form() {
        let folder = tempfile::tempdir().expect("folder");
        let code =
            |text: &[u8]| read("", &file(folder.path(), text, 0o600)).map_or_else(|e| e.code().to_owned(), |_| "ok".to_owned());
        assert_eq!(code(&vec![b'x'; BYTES_MAX]), "ok");
        assert_eq!(code(&[&vec![b'x'; BYTES_MAX][..], b"\n"].concat()), "ok");
        assert_eq!(code(&vec![b'x'; BYTES_MAX + 1]), "secret-wrong");
        assert_eq!(code(b"x"), "ok");
        assert_eq!(code(b"\n"), "secret-wrong");
        assert_eq!(code(b"a\nb"), "secret-wrong");
        assert_eq!(code(b"\xff"), "secret-unreadable");
    }

    #[test]
    fn a_secret_comes_from_one_place() {
        assert!(is_reference("A", Path::new("")) && is_reference("", Path::new("a")));
        assert!(!is_reference("", Path::new("")) && !is_reference("A", Path::new("a")));
    }
}
