//! The drill of an upgrade: an archive of this release is opened by a program with a later schema, which is killed at every
//! named point of backup and migration. The next start ends with the migrated store, its rows as they were, and a backup
//! that is a whole store of the earlier schema.
//!
//! The later schema is a script of test builds (feature `drill`).

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::crash::points;
use super::stage::{Stage, repository, said};

const LATER: &str = "CONSERVA_DRILL_SCHEMA";

/// What an archive says of itself through the program, by the schema that `later` chooses.
fn told(stage: &Stage, later: bool) -> Value {
    let look = |args: &[&str]| {
        let mut command = stage.command(&[&["--json"], args].concat());
        if later {
            command.env(LATER, "1");
        }
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).expect("json"))
            .collect::<Vec<Value>>()
    };
    let documents = look(&["list"]);
    let shown: Vec<Value> = documents.iter().flat_map(|row| look(&["show", row["id"].as_str().expect("an id")])).collect();
    look(&["journal", "verify"]);
    json!([documents, shown, look(&["list", "arrivals"]), look(&["list", "pdv"])])
}

/// The backups of a store, whole or not.
fn backups(stage: &Stage) -> Vec<PathBuf> {
    let files = std::fs::read_dir(stage.path("archivio")).expect("the archive").map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("store.db.backup-"))).collect()
}

/// A copy of an archive, file by file.
pub(super) fn copied(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("an entry");
        let target = to.join(entry.path().strip_prefix(from).expect("inside"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
        } else {
            std::fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

#[test]
fn an_upgrade_killed_at_any_point_ends_migrated_with_its_rows_on_the_next_start() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: the drill of an upgrade needs --features drill (scripts/test has it)");
    }
    let before = Stage::with_archive();
    for name in ["foglio.png", "nativo.pdf"] {
        before.put(&repository().join("tests/fixtures/drill").join(name), &format!("scans/{name}"));
    }
    before.json(&["ingest", before.path("scans").to_str().expect("a path")], &[0, 1]);
    let expected = told(&before, false);
    let mut killed = 0;
    for point in points().iter().filter(|p| p.starts_with("store.backup-") || p.starts_with("store.migration-")) {
        let stage = Stage::bare();
        copied(&before.path("archivio"), &stage.path("archivio"));
        let end = stage.command(&["list"]).env(LATER, "1").env("CONSERVA_DRILL", point).output().expect("the program runs");
        assert_eq!(end.status.signal(), Some(9), "{point}: {}", said(&end));
        killed += 1;
        assert_eq!(told(&stage, true), expected, "after a kill at {point}");
        let backups = backups(&stage);
        assert_eq!(backups.len(), 1, "{point}: one backup, nothing half written is left: {backups:?}");
        let refused = stage.run(&["list"]);
        assert_eq!(refused.status.code(), Some(3), "{point}: the store is migrated, the earlier release refuses it");
        // The backup is a whole store: put in place of the migrated one, it serves the earlier release.
        for name in ["store.db-wal", "store.db-shm"] {
            let _ = std::fs::remove_file(stage.path("archivio").join(name));
        }
        std::fs::copy(&backups[0], stage.path("archivio/store.db")).expect("the backup is there");
        assert_eq!(told(&stage, false), expected, "the backup after a kill at {point}");
    }
    eprintln!("drill of an upgrade: {killed} kills");
    assert!(killed >= 5, "{killed} points");
}
