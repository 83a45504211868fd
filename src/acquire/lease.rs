//! Does anybody have this file open for writing? The kernel knows, of local files: it grants a read lease only if nobody does.

#![expect(unsafe_code, reason = "fcntl with F_SETLEASE has no safe wrapper")]

use std::fs::File;
use std::os::fd::AsRawFd as _;

/// `fcntl(2)`: which signal tells of a broken lease. The same number on every Linux; the crate names it for some only.
const F_SETSIG: libc::c_int = 10;

/// True if some process has `file` (opened read-only) open for writing; `None` where the kernel or the file system
/// cannot tell, or the file belongs to somebody else. The lease is given back at once.
pub(super) fn has_writer(file: &File) -> Option<bool> {
    let fd = file.as_raw_fd();
    // A writer that comes while we have the lease makes the kernel signal us: by one whose default is to do nothing.
    // SAFETY: integers only; the descriptor is open, for `file` is borrowed.
    if unsafe { libc::fcntl(fd, F_SETSIG, libc::SIGURG) } != 0 {
        return None;
    }
    // SAFETY: as above.
    if unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) } == 0 {
        // SAFETY: as above.
        unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK) };
        return Some(false);
    }
    (std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_writer_shows_and_a_closed_one_does_not() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a");
        let writer = File::create(&path).expect("file");
        let reader = File::open(&path).expect("reader");
        let Some(has) = has_writer(&reader) else {
            eprintln!("NOT CHECKED: this file system grants no leases");
            return;
        };
        assert!(has);
        drop(writer);
        assert_eq!(has_writer(&reader), Some(false));
        File::options().append(true).open(&path).expect("the lease was given back");
    }
}
