//! Who owns the archive now, and may it lie where it lies? One exclusive lock file; no archive on a network file system.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// Longest wait for somebody who needs the archive for himself, seconds; and how often is asked, a second.
const ALONE_SECONDS: u32 = 60;
const ASKED: u32 = 10;
/// Lock file of whoever carries travellers.
const PORTER: &str = "archive.lock";
/// Lock file of whoever looks through the inboxes.
const DOORS: &str = "doors.lock";

/// The archive's exclusive lock, held until it is dropped or the process dies, by whatever death.
///
/// Its holder alone voids leases, empties scratch and sweeps what a crash left; other verbs work beside it.
#[derive(Debug)]
pub struct ArchiveLock {
    _file: File,
}

impl ArchiveLock {
    /// Takes the lock of `archive` at once; `None` if somebody else holds it. The lock is the kernel's (`flock`), the
    /// file says for a person who has it: boot id and process id, one a line.
    pub fn take(archive: &Path) -> Result<Option<Self>> {
        Self::take_file(&archive.join(PORTER))
    }

    /// Takes the lock of the archive's doors the same way: its holder alone looks through the inboxes.
    pub fn take_doors(archive: &Path) -> Result<Option<Self>> {
        Self::take_file(&archive.join(DOORS))
    }

    /// Who wrote himself into a lock file last, if he did so since this machine was started: his process id.
    pub fn holder(archive: &Path, is_doors: bool) -> Option<u32> {
        let text = std::fs::read_to_string(archive.join(if is_doors { DOORS } else { PORTER })).ok()?;
        let (boot, process) = text.split_once('\n')?;
        (boot == boot_id()).then(|| process.trim().parse().ok()).flatten()
    }

    /// True while somebody holds the archive's lock, or that of its doors; leaves no trace, and asks for no leave to write.
    pub fn is_held(archive: &Path, is_doors: bool) -> bool {
        let file = File::open(archive.join(if is_doors { DOORS } else { PORTER }));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
    }

    fn take_file(path: &Path) -> Result<Option<Self>> {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| unwritable(path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(e)) => return Err(Error::disk("lock", path, e)),
        }
        let holder = format!("{}\n{}\n", boot_id(), std::process::id());
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        written.map_err(|e| Error::disk("write lock", path, e))?;
        Ok(Some(Self { _file: file }))
    }
}

/// A share in the archive, which each process has that uses it. What must not be done beside anybody else, not even a reader or an
/// `ingest`, which need no lock, is done by whoever has it alone. The lock is on the folder itself: no file can be put in its place.
#[derive(Debug)]
pub struct ArchiveShare {
    folder: File,
    path: PathBuf,
}

impl ArchiveShare {
    /// Takes a share of `archive`, after whoever has it alone.
    ///
    /// # Errors
    /// Environment: somebody has it alone for more than a minute.
    pub async fn take(archive: &Path) -> Result<Self> {
        let folder = File::open(archive).map_err(|e| Error::disk("open folder", archive, e))?;
        for _ in 0..ALONE_SECONDS * ASKED {
            match folder.try_lock_shared() {
                Ok(()) => return Ok(Self { folder, path: archive.to_owned() }),
                Err(std::fs::TryLockError::WouldBlock) => {
                    tokio::time::sleep(std::time::Duration::from_millis(1_000 / u64::from(ASKED))).await;
                }
                Err(std::fs::TryLockError::Error(e)) => return Err(Error::disk("lock", archive, e)),
            }
        }
        Err(Error::new(Kind::Environment, "archive-alone").with("path", archive.display()))
    }

    /// Makes the share the whole; false, and the share as it was, where somebody else has one.
    pub fn alone(&self) -> Result<bool> {
        match self.folder.try_lock() {
            Ok(()) => Ok(true),
            Err(std::fs::TryLockError::WouldBlock) => self.shared().map(|()| false),
            Err(std::fs::TryLockError::Error(e)) => Err(Error::disk("lock", &self.path, e)),
        }
    }

    /// Makes the whole a share again.
    pub fn shared(&self) -> Result<()> {
        self.folder.lock_shared().map_err(|e| Error::disk("lock", &self.path, e))
    }
}

/// A lock that cannot be opened because the disk, or whoever set the permissions, lets nothing be written here.
fn unwritable(path: &Path, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
            let archive = path.parent().unwrap_or(Path::new("."));
            Error::new(Kind::Store, "archive-read-only").with("path", archive.display()).because(error)
        }
        _ => Error::disk("open lock", path, error),
    }
}

/// The id of this boot of the machine, as the kernel gives it; `unknown` where it gives none.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}

/// Refuses a `path` (or, where it does not exist yet, the nearest folder above it) on a network file system: locks and
/// the write-ahead log of the store are not safe there (invariant 5).
pub fn ensure_local(path: &Path) -> Result<()> {
    let place = nearest_existing(path);
    let stat = rustix::fs::statfs(&place).map_err(|e| Error::disk("look at file system", &place, e.into()))?;
    let magic = u64::try_from(stat.f_type).unwrap_or_default() & 0xffff_ffff;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    match remote_kind(magic, fs_name(&mounts, &place)) {
        Some(kind) => Err(Error::new(Kind::Environment, "archive-remote").with("path", path.display()).with("kind", kind)),
        None => Ok(()),
    }
}

fn nearest_existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find_map(|place| place.canonicalize().ok());
    found.unwrap_or_else(|| PathBuf::from("/"))
}

/// File systems whose type number alone tells that another machine holds the bytes (`statfs(2)`, `linux/magic.h`).
const REMOTE: &[(u64, &str)] = &[
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x564c, "ncp"),
    (0x7375_7245, "coda"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd0, "lustre"),
];

/// FUSE has one number for all: these of its kinds are remote. Others (ntfs-3g, overlays of containers) are local.
const REMOTE_FUSE: &[&str] = &[
    "sshfs",
    "s3fs",
    "rclone",
    "glusterfs",
    "ceph",
    "ceph-fuse",
    "davfs",
    "davfs2",
    "gcsfuse",
    "goofys",
    "curlftpfs",
    "seaweedfs",
    "juicefs",
    "nfs",
    "smbnetfs",
];

fn remote_kind(magic: u64, name: Option<&str>) -> Option<String> {
    const FUSE: u64 = 0x6573_5546;
    if let Some((_, kind)) = REMOTE.iter().find(|(number, _)| *number == magic) {
        return Some((*kind).to_owned());
    }
    let name = name?;
    let is_remote = magic == FUSE && name.strip_prefix("fuse.").is_some_and(|kind| REMOTE_FUSE.contains(&kind));
    is_remote.then(|| name.to_owned())
}

/// The type of the mount that `place` lies in: the last line of `mountinfo` with the longest mount point above it.
fn fs_name<'a>(mounts: &'a str, place: &Path) -> Option<&'a str> {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let Some(point) = before.split(' ').nth(4) else { continue };
        let (point, kind) = (unescape(point), after.split(' ').next().unwrap_or_default());
        if place.starts_with(&point) && best.is_none_or(|(length, _)| point.len() >= length) {
            best = Some((point.len(), kind));
        }
    }
    best.map(|(_, kind)| kind)
}

/// `mountinfo` writes blank, tab, newline and backslash as octal.
fn unescape(point: &str) -> String {
    point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
        30 22 0:40 / /mnt/far\\040away rw shared:7 - fuse.sshfs me@there:/ rw\n\
        31 22 0:41 / /mnt/usb rw - fuseblk /dev/sdb1 rw\n";

    #[test]
    fn the_innermost_mount_names_the_file_system() {
        assert_eq!(fs_name(MOUNTS, Path::new("/mnt/far away/archivio")), Some("fuse.sshfs"));
        assert_eq!(fs_name(MOUNTS, Path::new("/mnt/far")), Some("ext4"));
        assert_eq!(fs_name(MOUNTS, Path::new("/mnt/usb/x")), Some("fuseblk"));
    }

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        assert_eq!(remote_kind(0x6969, None).as_deref(), Some("nfs"));
        assert_eq!(remote_kind(0xff53_4d42, Some("cifs")).as_deref(), Some("cifs"));
        assert_eq!(remote_kind(0x6573_5546, Some("fuse.sshfs")).as_deref(), Some("fuse.sshfs"));
        assert_eq!(remote_kind(0x6573_5546, Some("fuse.fuse-overlayfs")), None);
        assert_eq!(remote_kind(0xef53, Some("ext4")), None);
    }
}
