//! The contract of the blobs. Every function takes empty blobs: another place to keep bytes runs the same suite.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use conserva::arrival::EnteId;
use conserva::blobs::{Blobs, unwrapped};
use conserva::digest::Digest;
use conserva::error::{Error, Kind};

const CEILING: u64 = 1 << 20;

fn prova() -> EnteId {
    EnteId("prova".to_owned())
}

fn fresh() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().expect("folder");
    let blobs = Blobs::open(&folder.path().join("blobs")).expect("open");
    (folder, blobs)
}

/// Every regular file below `folder`, relative.
fn files(folder: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|e| e.expect("entry"));
    let files = entries.filter(|e| e.file_type().is_file());
    files.map(|e| e.path().strip_prefix(folder).expect("below").display().to_string()).collect()
}

/// A disk that rots: the blob's bytes are replaced behind the back of the house.
#[expect(clippy::disallowed_methods, reason = "a test spoils a file")]
fn spoil(path: &Path, bytes: &[u8]) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("unprotect");
    std::fs::write(path, bytes).expect("spoil");
}

#[test]
fn a_blob_lies_under_its_ente_and_digest_read_only_and_for_its_owner_alone() {
    let (folder, blobs) = fresh();
    let stored = blobs.put(&prova(), &mut &b"abc"[..], CEILING, None).expect("put");
    assert_eq!((stored.sha256, stored.bytes), (Digest::of(b"abc"), 3));
    let hex = Digest::of(b"abc").hex();
    assert_eq!(files(folder.path()), [format!("blobs/prova/ba/{hex}")]);
    let path = blobs.path(&prova(), &stored.sha256);
    assert_eq!(path, folder.path().join("blobs/prova/ba").join(&hex));
    let mode = |path: &Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o400);
    for above in path.ancestors().skip(1).take(3) {
        assert_eq!(mode(above), 0o700, "{}", above.display());
    }
    assert_eq!(blobs.check(&prova(), &stored.sha256).expect("check"), 3);
}

#[test]
fn the_same_bytes_are_kept_once_and_each_ente_has_its_own() {
    let (folder, blobs) = fresh();
    let other = EnteId("c_i145".to_owned());
    for ente in [&prova(), &prova(), &other] {
        blobs.put(ente, &mut &b"abc"[..], CEILING, None).expect("put");
    }
    assert_eq!(files(folder.path()).len(), 2);
    let alone = blobs.put(&other, &mut &b"only there"[..], CEILING, None).expect("put");
    assert_eq!(blobs.check(&prova(), &alone.sha256).expect_err("not told across enti").code(), "blob-missing");
}

#[test]
fn an_empty_file_is_a_blob_like_any_other() {
    let (_folder, blobs) = fresh();
    let stored = blobs.put(&prova(), &mut &b""[..], 0, None).expect("put");
    assert_eq!((stored.sha256, stored.bytes), (Digest::of(b""), 0));
    assert_eq!(blobs.check(&prova(), &stored.sha256).expect("check"), 0);
}

#[test]
fn a_source_as_long_as_the_ceiling_is_kept_and_one_byte_more_is_not() {
    let (folder, blobs) = fresh();
    blobs.put(&prova(), &mut &[7_u8; 100][..], 100, None).expect("as long as the ceiling");
    let error = blobs.put(&prova(), &mut &[7_u8; 101][..], 100, None).expect_err("one byte more");
    assert_eq!((error.code(), error.kind()), ("file-too-large", Kind::Refuse));
    assert_eq!(files(folder.path()).len(), 1, "nothing is left of what was not kept");
}

#[test]
fn bytes_other_than_the_expected_ones_are_not_kept() {
    let (folder, blobs) = fresh();
    blobs.put(&prova(), &mut &b"abc"[..], CEILING, Some(&Digest::of(b"abc"))).expect("as expected");
    let error = blobs.put(&prova(), &mut &b"abd"[..], CEILING, Some(&Digest::of(b"abc"))).expect_err("other bytes");
    assert_eq!((error.code(), error.kind()), ("blob-unexpected", Kind::Retry));
    assert_eq!(files(folder.path()).len(), 1);
}

/// A source that gives some bytes and then an error.
struct Broken(Option<std::io::Error>);

impl std::io::Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.take() {
            Some(error) if buffer[0] == 0 => {
                buffer[0] = 1;
                self.0 = Some(error);
                Ok(1)
            }
            Some(error) => Err(error),
            None => Ok(0),
        }
    }
}

#[test]
fn a_source_that_breaks_off_leaves_nothing_and_its_own_words_are_kept() {
    let (folder, blobs) = fresh();
    let mut cable = Broken(Some(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
    let error = blobs.put(&prova(), &mut cable, CEILING, None).expect_err("breaks off");
    assert_eq!((error.code(), error.kind()), ("source-failed", Kind::Retry));
    let mut ours = Broken(Some(std::io::Error::other(Error::hold("bug"))));
    assert_eq!(blobs.put(&prova(), &mut ours, CEILING, None).expect_err("breaks off").kind(), Kind::Hold);
    assert!(files(folder.path()).is_empty());
}

#[test]
fn one_altered_byte_is_found_at_the_end_of_reading() {
    let (_folder, blobs) = fresh();
    let stored = blobs.put(&prova(), &mut &b"abc"[..], CEILING, None).expect("put");
    spoil(&blobs.path(&prova(), &stored.sha256), b"abd");
    let mut reader = blobs.read(&prova(), &stored.sha256).expect("read");
    let mut bytes = Vec::new();
    let error = unwrapped(reader.read_to_end(&mut bytes).expect_err("altered"), Path::new("x"));
    assert_eq!((error.code(), error.kind()), ("blob-altered", Kind::Store));
    assert!(reader.read(&mut [0]).is_err(), "and stays so");
    assert_eq!(blobs.check(&prova(), &stored.sha256).expect_err("altered").code(), "blob-altered");
}

#[test]
fn a_blob_cut_short_is_found_when_the_same_bytes_come_again() {
    let (_folder, blobs) = fresh();
    let stored = blobs.put(&prova(), &mut &b"abc"[..], CEILING, None).expect("put");
    spoil(&blobs.path(&prova(), &stored.sha256), b"ab");
    let error = blobs.put(&prova(), &mut &b"abc"[..], CEILING, None).expect_err("cut short");
    assert_eq!((error.code(), error.kind()), ("blob-altered", Kind::Store));
}

#[test]
fn the_sweep_takes_what_a_crash_left_and_spares_what_a_living_process_writes() {
    let (folder, blobs) = fresh();
    let stored = blobs.put(&prova(), &mut &b"abc"[..], CEILING, None).expect("put");
    let ours = folder.path().join("blobs/prova");
    std::fs::File::create(ours.join(".put-dead")).expect("left by a crash");
    let living = std::fs::File::create(ours.join(".put-living")).expect("being written");
    living.lock().expect("lock");
    assert_eq!(blobs.sweep(&prova()).expect("sweep"), 1);
    assert!(ours.join(".put-living").exists() && !ours.join(".put-dead").exists());
    blobs.check(&prova(), &stored.sha256).expect("blobs stay");
    assert_eq!(blobs.sweep(&EnteId("none".to_owned())).expect("nothing there"), 0);
}

#[test]
fn no_id_of_an_ente_leads_out_of_the_blobs_or_into_anothers_folder() {
    let (folder, blobs) = fresh();
    let ids = ["../x", "..", ".", "", "a/b", "A", "%2E%2E"];
    for id in ids {
        blobs.put(&EnteId(id.to_owned()), &mut &b"abc"[..], CEILING, None).expect("put");
    }
    let kept = files(folder.path());
    assert_eq!(kept.len(), ids.len(), "{kept:?}");
    assert!(kept.iter().all(|path| path.starts_with("blobs/") && path.split('/').count() == 4), "{kept:?}");
}

#[test]
fn many_writers_of_the_same_bytes_leave_one_blob() {
    let (folder, blobs) = fresh();
    let bytes = vec![9_u8; 300_000];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| blobs.put(&prova(), &mut &bytes[..], CEILING, None).expect("put"));
        }
    });
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(blobs.check(&prova(), &Digest::of(&bytes)).expect("check"), 300_000);
}

#[test]
fn a_file_of_ours_gets_the_name_of_its_blob_beside_its_own_or_is_left_to_be_copied() {
    use std::os::unix::fs::MetadataExt as _;
    let (folder, blobs) = fresh();
    let (part, other) = (folder.path().join("part"), folder.path().join("other"));
    for path in [&part, &other] {
        lay(path, b"abc");
    }
    let error = blobs.adopt(&prova(), &part, Some(&Digest::of(b"abd"))).expect_err("other bytes");
    assert_eq!((error.code(), files(&folder.path().join("blobs")).len()), ("blob-unexpected", 0));
    let stored = blobs.adopt(&prova(), &part, Some(&Digest::of(b"abc"))).expect("adopted").expect("one disk");
    blobs.settle(&prova(), &[stored.sha256]).expect("settled");
    let blob = blobs.path(&prova(), &stored.sha256);
    let look = |path: &Path| path.metadata().expect("metadata");
    assert_eq!((stored.bytes, look(&blob).ino(), look(&blob).mode() & 0o777), (3, look(&part).ino(), 0o400));
    // The same bytes in another file, and the same file after a death: what is there stays.
    for path in [&other, &part] {
        assert_eq!(blobs.adopt(&prova(), path, None).expect("adopted"), Some(stored));
    }
    assert_eq!((look(&blob).ino(), look(&other).nlink()), (look(&part).ino(), 1));
    std::fs::remove_file(&part).expect("its own name goes");
    assert_eq!(blobs.check(&prova(), &stored.sha256).expect("check"), 3);
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        return eprintln!("NOT CHECKED: a second file system: no /dev/shm");
    };
    let far = elsewhere.path().join("part");
    lay(&far, b"lontano");
    if look(&far).dev() == look(&blob).dev() {
        return eprintln!("NOT CHECKED: a second file system: /dev/shm is the same");
    }
    assert_eq!(blobs.adopt(&prova(), &far, None).expect("looked at"), None);
}

#[expect(clippy::disallowed_methods, reason = "a test writes a file")]
fn lay(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("written");
}
