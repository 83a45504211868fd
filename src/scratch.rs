//! Where may a step put what it needs only for a moment? A private folder, emptied at start, gone when dropped.
//!
//! Names in it carry no personal data (invariant 13): steps choose neutral ones (`page-3.bin`).

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The scratch root of one archive (or of one stand-alone command).
#[derive(Debug, Clone)]
pub struct ScratchRoot(PathBuf);

impl ScratchRoot {
    /// Takes `root` as scratch: made if missing, 0700, and emptied when `is_owner` (the holder of the archive's lock).
    pub fn open(root: &Path, is_owner: bool) -> Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::create_dir_all(root).map_err(|e| Error::disk("make scratch", root, e))?;
        if is_owner {
            empty(root).map_err(|e| Error::disk("empty scratch", root, e))?;
        }
        let mode = std::fs::metadata(root).map_err(|e| Error::disk("look at scratch", root, e))?.permissions().mode();
        if mode & 0o777 != 0o700 {
            std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o700))
                .map_err(|e| Error::disk("protect scratch", root, e))?;
        }
        Ok(Self(root.to_owned()))
    }

    /// The root itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A fresh folder for one step, removed when the value is dropped.
    pub fn folder(&self) -> Result<Scratch> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = self.0.join(name);
        std::fs::create_dir_all(&path).map_err(|e| Error::disk("make scratch folder", &path, e))?;
        Ok(Scratch { path })
    }
}

/// Deletes what lies in `root`, and leaves the folder itself with its owner: an administrator who looks once as root
/// must not lock the service out of it.
fn empty(root: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
    }
    Ok(())
}

/// One step's scratch folder.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in the folder; `name` is neutral, without personal data.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes one scratch file whole. Not durable: scratch never outlives its step.
    #[expect(clippy::disallowed_methods, reason = "scratch files need no durability")]
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.file(name);
        std::fs::write(&path, bytes).map_err(|e| Error::disk("write scratch", &path, e))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::debug!(%error, "scratch folder left behind; the next start empties it");
        }
    }
}
