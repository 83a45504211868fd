//! Killed at every write point of admission, store and blobs, and started again: every input is in exactly one place.
//!
//! Only with the feature `drill`. The process that dies is this same binary, running [`the_process_that_dies`] alone.

use std::collections::BTreeSet;
use std::path::Path;

use conserva::acquire::{Admission, Beside, Offer, Release, admit, guard, quarantine, walk};
use conserva::arrival::EnteId;
use conserva::blobs::Blobs;
use conserva::clock::Clock;
use conserva::ente::Ente;
use conserva::limits::Limits;
use conserva::store::Store;

const BYTES: [&str; 4] = ["uno", "due", "due", ""];

/// The names of the write points, read from the sources.
fn points() -> BTreeSet<String> {
    let mut points = BTreeSet::new();
    for room in ["acquire", "blobs", "store"] {
        for entry in walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room)) {
            let entry = entry.expect("entry");
            if entry.path().extension().is_some_and(|e| e == "rs") {
                let source = std::fs::read_to_string(entry.path()).expect("source");
                let names = source.split("drill::point(\"").skip(1).filter_map(|rest| rest.split_once('"'));
                points.extend(names.map(|(name, _)| name.to_owned()));
            }
        }
    }
    points
}

fn run(folder: &Path, point: &str) -> std::process::ExitStatus {
    std::process::Command::new(std::env::current_exe().expect("this binary"))
        .args(["admission_drill::the_process_that_dies", "--exact", "--ignored"])
        .env("CONSERVA_DRILL", point)
        .current_dir(folder)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("run")
}

#[tokio::test]
#[ignore = "the process that a_death_at_any_write_point_of_admission_loses_and_doubles_nothing kills, in whose folder it runs"]
async fn the_process_that_dies() {
    if !Path::new("inbox").exists() {
        return;
    }
    let prova = EnteId("prova".to_owned());
    let store = Store::open(Path::new("store.db"), Clock::System).await.expect("store");
    store.add_ente(&Ente::prova()).await.expect("ente");
    let blobs = Blobs::open(Path::new("blobs")).expect("blobs");
    blobs.sweep(&prova).expect("sweep");
    store.void_leases().await.expect("void");
    let desk = Admission { store, blobs, clock: Clock::System, limits: Limits::default() };
    for found in walk(&["inbox".into()], &desk.limits) {
        let found = found.expect("found");
        let release = Release::Take { inbox: "inbox".into() };
        let offer = Offer {
            ente: prova.clone(),
            door: "inbox".to_owned(),
            path: found.path,
            name: found.name,
            release,
            beside: Beside::default(),
        };
        match admit(&desk, offer.clone()).await {
            Ok(admitted) => assert!(admitted.unreleased.is_none(), "{:?}", admitted.unreleased),
            Err(error) if guard::is_hopeless(&error) => {
                quarantine(&desk, &offer, Path::new("quarantine"), &error).await.expect("set aside").expect("hopeless");
            }
            Err(error) => panic!("{error}"),
        }
    }
    desk.store.claim(&[], Clock::System.now(), 60).await.expect("claim");
}

fn inbox_of(folder: &Path) {
    std::fs::create_dir(folder.join("inbox")).expect("inbox");
    for (n, bytes) in BYTES.iter().enumerate() {
        let mut file = std::fs::File::create(folder.join(format!("inbox/{n}.tif"))).expect("create");
        std::io::Write::write_all(&mut file, bytes.as_bytes()).expect("write");
    }
    std::os::unix::fs::symlink("nowhere", folder.join("inbox/x")).expect("link");
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What must be so after the run that was not disturbed, whatever died before it.
async fn ensure_whole(folder: &Path, point: &str) {
    let prova = EnteId("prova".to_owned());
    let store = Store::open(&folder.join("store.db"), Clock::System).await.expect("store");
    let arrivals = store.arrivals(&prova).await.expect("arrivals");
    assert_eq!(arrivals.len(), BYTES.len(), "{point}: one arrival an input");
    assert_eq!(arrivals.iter().filter(|a| a.duplicate_of.is_some()).count(), 1, "{point}");
    assert_eq!(store.open_jobs(&prova).await.expect("jobs").len(), 3, "{point}");
    assert_eq!(names(&folder.join("inbox")), [".taken"], "{point}: the inbox is empty");
    let days = names(&folder.join("inbox/.taken"));
    let taken: Vec<String> = days.iter().flat_map(|day| names(&folder.join("inbox/.taken").join(day))).collect();
    assert_eq!(taken.len(), BYTES.len(), "{point}: {taken:?}");
    assert_eq!(names(&folder.join("quarantine")).len(), 1, "{point}");
    let lines = store.check_journal(&prova).await.expect("check").expect("the journal is whole").n;
    assert_eq!(lines, arrivals.len() as u64 + 1, "{point}: one line each, and one of the quarantine");
    let blobs = Blobs::open(&folder.join("blobs")).expect("blobs");
    for arrival in &arrivals {
        assert_eq!(blobs.check(&prova, &arrival.sha256).expect("blob"), arrival.bytes, "{point}");
    }
    assert!(names(&folder.join("blobs/prova")).iter().all(|name| name.len() == 2), "{point}: nothing temporary is left");
}

#[tokio::test]
async fn a_death_at_any_write_point_of_admission_loses_and_doubles_nothing() {
    let mut died = 0;
    for point in points() {
        for time in 1..=5 {
            let folder = tempfile::tempdir().expect("folder");
            inbox_of(folder.path());
            let is_dead = !run(folder.path(), &format!("{point}:{time}")).success();
            died += u32::from(is_dead);
            assert!(run(folder.path(), "").success(), "{point}:{time}: goes on");
            ensure_whole(folder.path(), &point).await;
            if !is_dead {
                break;
            }
        }
    }
    eprintln!("{died} deaths at {} points", points().len());
    assert!(died > 50, "{died}");
}

/// The same file, put again after it was taken: dead at any point, it is in exactly once more.
#[tokio::test]
async fn a_death_while_a_file_put_again_is_admitted_admits_it_once() {
    let prova = EnteId("prova".to_owned());
    let mut died = 0;
    for point in points() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("inbox/a.tif");
        std::fs::create_dir(folder.path().join("inbox")).expect("inbox");
        let put = || {
            let mut file = std::fs::File::create(&path).expect("create");
            std::io::Write::write_all(&mut file, b"due volte").expect("write");
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_hours(262_968)).expect("a clock that stands");
        };
        put();
        assert!(run(folder.path(), "").success(), "{point}: the first is in");
        put();
        died += u32::from(!run(folder.path(), &point).success());
        assert!(run(folder.path(), "").success() && run(folder.path(), "").success(), "{point}: goes on");
        let store = Store::open(&folder.path().join("store.db"), Clock::System).await.expect("store");
        let arrivals = store.arrivals(&prova).await.expect("arrivals");
        assert_eq!(arrivals.len(), 2, "{point}: two papers");
        assert_eq!(arrivals[1].duplicate_of.as_ref(), Some(&arrivals[0].id), "{point}");
        let days = names(&folder.path().join("inbox/.taken"));
        let taken: usize = days.iter().map(|day| names(&folder.path().join("inbox/.taken").join(day)).len()).sum();
        assert_eq!((taken, path.exists()), (2, false), "{point}");
        assert_eq!(store.check_journal(&prova).await.expect("check").expect("the journal is whole").n, 2, "{point}");
    }
    assert!(died > 8, "{died}");
}
