use std::io::Write as _;

use super::*;

const CEILINGS: Ceilings = Ceilings { open_max: 2, bytes_max: 100, keep_hours: 24 };

fn declared(bytes: u64) -> Declared {
    let file = |name: &str| DeclaredFile { name: FileName::new(name), folder: FileName::new(""), bytes, sha256: None };
    let at = jiff::Timestamp::from_second(1_700_000_000).expect("instant");
    Declared { at, key: String::new(), metadata: String::new(), is_batch: true, files: vec![file("a"), file("b")] }
}

/// Gives its bytes, then breaks.
struct Breaking(&'static [u8]);

impl std::io::Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(std::io::Error::other(Error::retry("upload-broken")));
        }
        self.0.read(buffer)
    }
}

fn bytes(held: &Held) -> Vec<u8> {
    std::fs::read(held.whole().expect("whole")).expect("read")
}

#[test]
fn what_was_acknowledged_is_there_after_any_death_and_nothing_else() {
    let folder = tempfile::tempdir().expect("folder");
    let shelf = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    let (upload, is_new) = shelf.declare("u".to_owned(), declared(10)).expect("declared");
    let held = upload.hold(1).expect("held");
    assert!(is_new && upload.hold(1).is_err_and(|e| e.code() == "upload-busy") && upload.hold(2).is_err());
    assert_eq!(held.append(&mut &b"0123"[..], None).expect("appended"), 4);
    assert_eq!(held.append(&mut Breaking(b"45"), None).expect_err("broken").code(), "upload-broken");
    assert_eq!(held.standing().offset, 6, "what came before the break is kept");
    // Bytes and half a record that a death left behind are no part of it.
    let mut part = std::fs::File::options().append(true).open(folder.path().join("u/1.part")).expect("part");
    part.write_all(b"xxxx").expect("bytes");
    let mut records = std::fs::File::options().append(true).open(folder.path().join("u/1.offsets")).expect("records");
    records.write_all(&9_u64.to_be_bytes()).expect("half a record");
    let again = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    assert_eq!(again.load(), Load { open: 1, files: 2, bytes: 6 });
    let upload = again.find("u").expect("there");
    let held = upload.hold(1).expect("held");
    assert_eq!(held.append(&mut &b"6789"[..], None).expect("appended"), 10);
    assert_eq!(bytes(&held), b"0123456789");
    assert_eq!(upload.waiting(), [1]);
    let again = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    assert_eq!(again.find("u").expect("there").standing(1).expect("file").offset, 10);
}

#[test]
fn a_file_that_is_over_stays_over_even_beside_a_torn_line() {
    let folder = tempfile::tempdir().expect("folder");
    let shelf = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    let (upload, _) = shelf.declare("u".to_owned(), declared(1)).expect("declared");
    let over = Over::Refused { reason: Message::new("file-too-large") };
    upload.hold(0).expect("held").close(over.clone()).expect("closed");
    // Bytes that outlived a death just after the line are taken away.
    let part = folder.path().join("u/0.part");
    std::fs::File::create(&part).expect("part");
    let mut log = std::fs::File::options().append(true).open(folder.path().join("u/over.log")).expect("log");
    log.write_all(b"{\"n\":1,\"ov").expect("torn");
    let again = Shelf::open(folder.path(), CEILINGS).expect("shelf").find("u").expect("there");
    assert_eq!((again.standing(0).expect("file").over, again.is_over(), part.exists()), (Some(over.clone()), false, false));
    again.hold(1).expect("held").close(over).expect("closed");
    let shelf = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    assert!(shelf.find("u").expect("there").is_over());
    assert_eq!(shelf.load(), Load::default());
}

#[test]
fn a_checksum_that_is_not_met_leaves_what_was_there_before() {
    let folder = tempfile::tempdir().expect("folder");
    let shelf = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    let (upload, _) = shelf.declare("u".to_owned(), declared(10)).expect("declared");
    let held = upload.hold(0).expect("held");
    let right = Checksum::Sha256(Digest::of(b"01234").bytes().to_vec());
    assert_eq!(held.append(&mut &b"01234"[..], Some(&right)).expect("met"), 5);
    for (source, code) in [(&b"56789"[..], "upload-checksum"), (b"5678901", "upload-longer")] {
        assert_eq!(held.append(&mut &*source, Some(&right)).expect_err("not met").code(), code);
        assert_eq!(held.standing().offset, 5);
    }
    // SHA-1 of `56789`.
    let sha1 = "1e9c5dea34d6d1e1f3f8ab4ee9d9ef4d2a06d0d5";
    assert!(held.append(&mut &b"56789"[..], Some(&Checksum::Sha1(sha1.as_bytes().to_vec()))).is_err());
    assert_eq!(held.append(&mut &b"56789"[..], None).expect("appended"), 10);
    assert_eq!(bytes(&held), b"0123456789");
}

#[test]
fn more_than_was_declared_is_refused_and_nothing_of_it_is_kept() {
    // A line that gives its bytes in pieces, the last of them beyond what was declared: also where those before were recorded.
    const PIECE: u64 = 17 << 20;
    let folder = tempfile::tempdir().expect("folder");
    let shelf = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    for (id, bytes, sent) in [("short", 10, 11), ("long", PIECE, PIECE + 1), ("longest", 2 * PIECE, 2 * PIECE + 1)] {
        let (upload, _) = shelf.declare(id.to_owned(), declared(bytes)).expect("declared");
        let held = upload.hold(0).expect("held");
        assert_eq!(held.append(&mut &b"0123"[..], None).expect("appended"), 4);
        let mut pieces = std::io::Read::chain(&b"45"[..], std::io::Read::take(std::io::repeat(b'x'), sent - 6));
        assert_eq!(held.append(&mut pieces, None).expect_err("longer").code(), "upload-longer", "{id}");
        assert_eq!(held.standing().offset, 4, "{id}");
        let again = Shelf::open(folder.path(), CEILINGS).expect("shelf").find(id).expect("there");
        assert_eq!((again.standing(0).expect("file").offset, again.waiting().len()), (4, 0), "{id}: also after a death");
        drop(held);
        shelf.remove(&upload).expect("removed");
    }
}

#[test]
fn what_was_refused_as_too_long_or_thrown_away_may_be_sent_again() {
    let folder = tempfile::tempdir().expect("folder");
    let shelf = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    let (upload, _) = shelf.declare("u".to_owned(), declared(4)).expect("declared");
    let held = upload.hold(0).expect("held");
    assert_eq!(held.append(&mut &b"01234"[..], None).expect_err("longer").code(), "upload-longer");
    assert_eq!(held.append(&mut &b"0123"[..], None).expect("appended"), 4);
    held.reset(Some("blob-unexpected")).expect("reset");
    let standing = held.standing();
    assert_eq!((standing.offset, standing.mishap.as_deref()), (0, Some("blob-unexpected")));
    assert_eq!(held.append(&mut &b"4567"[..], None).expect("appended"), 4);
    assert_eq!(bytes(&held), b"4567");
}

#[test]
fn a_shelf_holds_so_many_uploads_and_bytes_and_no_more() {
    let folder = tempfile::tempdir().expect("folder");
    let shelf = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    for id in ["a", "b"] {
        shelf.declare(id.to_owned(), declared(80)).expect("declared");
    }
    assert_eq!(shelf.declare("c".to_owned(), declared(1)).expect_err("full").code(), "upload-open-full");
    let (first, is_new) = shelf.declare("a".to_owned(), declared(80)).expect("the same");
    assert!(!is_new);
    let held = first.hold(0).expect("held");
    shelf.ensure_bytes().expect("80 bytes may come");
    held.append(&mut &[7; 20][..], None).expect("appended");
    drop(held);
    let second = shelf.find("b").expect("there");
    let held = second.hold(0).expect("held");
    shelf.ensure_bytes().expect("20 bytes are here and 80 may come");
    let both = first.hold(1).expect("held");
    assert_eq!(shelf.ensure_bytes().expect_err("full").code(), "upload-partial-full");
    drop(both);
    first.hold(0).expect("held").append(&mut &[7; 1][..], None).expect("appended");
    assert_eq!(shelf.ensure_bytes().expect_err("one byte more").code(), "upload-partial-full");
    drop(held);
    shelf.remove(&first).expect("removed");
    assert!(shelf.ensure_bytes().is_ok() && first.hold(0).is_err());
    shelf.declare("c".to_owned(), declared(1)).expect("room again");
}

#[test]
fn an_upload_at_which_nothing_happens_is_forgotten_unless_it_is_whole_or_held() {
    let folder = tempfile::tempdir().expect("folder");
    let shelf = Shelf::open(folder.path(), Ceilings { open_max: 9, ..CEILINGS }).expect("shelf");
    let at = |id: &str| shelf.declare(id.to_owned(), declared(3)).expect("declared").0;
    let (idle, whole, busy) = (at("idle"), at("whole"), at("busy"));
    whole.hold(0).expect("held").append(&mut &b"012"[..], None).expect("appended");
    let held = busy.hold(0).expect("held");
    let after = |hours: i64| idle.declared.at.saturating_add(SignedDuration::from_hours(hours)).expect("instant");
    held.touch(after(1));
    assert_eq!(shelf.expire(after(24)).expect("expired"), 0);
    assert_eq!(shelf.expire(after(26)).expect("expired"), 1);
    assert!(shelf.find("idle").is_none() && shelf.find("whole").is_some() && shelf.find("busy").is_some());
    drop(held);
    assert_eq!(shelf.expire(after(25)).expect("expired"), 0, "it was used at the first hour");
    assert_eq!(shelf.expire(after(26)).expect("expired"), 1);
    let names: Vec<_> = std::fs::read_dir(folder.path()).expect("folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(names, ["whole"]);
}

#[test]
fn a_clock_that_was_set_forward_ends_no_upload() {
    let folder = tempfile::tempdir().expect("folder");
    let shelf = Shelf::open(folder.path(), CEILINGS).expect("shelf");
    let (upload, _) = shelf.declare("u".to_owned(), declared(3)).expect("declared");
    let after = |hours: i64| upload.declared.at.saturating_add(SignedDuration::from_hours(hours)).expect("instant");
    shelf.touch(after(8_760));
    assert_eq!(shelf.expire(after(8_783)).expect("looked"), 0);
    assert_eq!(shelf.expire(after(8_785)).expect("looked"), 1);
}
