//! What `fixity` promises: every blob is read in its turn, what is not whole is named, a stopped run goes on.

use std::os::unix::fs::PermissionsExt as _;

use super::stage::Stage;

/// An archive with two files taken in as they are.
fn archive() -> Stage {
    let stage = Stage::with_archive();
    for name in ["uno", "due"] {
        std::fs::create_dir_all(stage.path("carte")).expect("folder");
        std::fs::write(stage.path(&format!("carte/{name}.txt")), format!("carta {name}\n")).expect("written");
    }
    stage.json(&["ingest", stage.path("carte").to_str().expect("a path")], &[0, 1]);
    stage
}

fn blobs(stage: &Stage) -> Vec<std::path::PathBuf> {
    let walk = walkdir::WalkDir::new(stage.path("archivio/blobs")).sort_by_file_name().into_iter();
    let files = walk.map(|entry| entry.expect("an entry")).filter(|entry| entry.file_type().is_file());
    files.map(walkdir::DirEntry::into_path).filter(|path| path.file_name().is_some_and(|name| name.len() == 64)).collect()
}

#[test]
fn every_blob_is_read_once_and_again_only_when_its_turn_comes() {
    let stage = archive();
    let count = blobs(&stage).len() as u64;
    assert!(count >= 2);
    let stopped = &stage.json(&["fixity", "--seconds", "0"], &[0])[0];
    assert_eq!((&stopped["read"], &stopped["left"]), (&0.into(), &count.into()));
    let all = &stage.json(&["fixity"], &[0])[0];
    assert_eq!((&all["read"], &all["left"], &all["ok"]), (&count.into(), &0.into(), &true.into()));
    assert!(all["oldest"].is_string());
    let again = &stage.json(&["fixity", "--older-than", "1"], &[0])[0];
    assert_eq!((&again["read"], &again["fresh"]), (&0.into(), &count.into()));
    assert_eq!(stage.json(&["journal", "verify"], &[0])[0]["ok"], true);
}

#[test]
fn an_altered_and_a_missing_blob_are_named_and_come_first_next_time() {
    let stage = archive();
    stage.json(&["fixity"], &[0]);
    let blobs = blobs(&stage);
    let name = |n: usize| blobs[n].file_name().expect("a name").to_string_lossy().into_owned();
    std::fs::set_permissions(&blobs[0], std::fs::Permissions::from_mode(0o600)).expect("writable");
    std::fs::write(&blobs[0], b"altro").expect("altered");
    std::fs::remove_file(&blobs[1]).expect("removed");
    let report = &stage.json(&["fixity"], &[1])[0];
    assert_eq!((&report["altered"][0], &report["missing"][0]), (&name(0).into(), &name(1).into()));
    // Bad ones have their turn at once, however lately they were read.
    let again = &stage.json(&["fixity", "--older-than", "30"], &[1])[0];
    assert_eq!((&again["altered"][0], &again["missing"][0]), (&name(0).into(), &name(1).into()));
}
