//! How many files does a door admit, against the floor of the same disk in the same run? The floor writes each file under a
//! temporary name, syncs it, renames it, syncs its folder, and appends to one file, synced, for each group: what no
//! admission that loses nothing can do without. Slices of both take turns, so that a disk that slows down slows both.
//! As at a door, so many groups are under way at a time.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a bench is told its size by the environment")]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use conserva::acquire::{Admission, Admitted, Beside, GROUPS_MAX, Offer, Release, TOGETHER_MAX, admit_together};
use conserva::arrival::{EnteId, FileName};
use conserva::blobs::Blobs;
use conserva::clock::Clock;
use conserva::ente::Ente;
use conserva::limits::Limits;
use conserva::store::Store;
use tokio::task::{JoinError, JoinSet};

const FILES: usize = 10_000;
const BYTES: usize = 50 << 10;
const SLICES: usize = 10;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    let files = std::env::var("CONSERVA_BENCH_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(FILES);
    runtime.block_on(race(files / SLICES));
}

async fn race(of_slice: usize) {
    let folder = tempfile::tempdir_in(std::env::var_os("CONSERVA_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from));
    let folder = folder.expect("a folder");
    let (inbox, floor) = (folder.path().join("inbox"), folder.path().join("floor"));
    for path in [&inbox, &floor] {
        std::fs::create_dir(path).expect("folder");
    }
    let store = Store::open(&folder.path().join("store.db"), Clock::System).await.expect("store");
    store.add_ente(&Ente::prova()).await.expect("ente");
    let blobs = Blobs::open(&folder.path().join("blobs")).expect("blobs");
    let desk = Admission { store, blobs, clock: Clock::System, limits: Limits::default() };
    let (mut ours, mut least) = (Vec::new(), Vec::new());
    for slice in 0..SLICES {
        let sources = fill(&inbox, slice, of_slice);
        let began = Instant::now();
        let mut crew = JoinSet::new();
        for group in sources.chunks(TOGETHER_MAX) {
            if crew.len() >= GROUPS_MAX {
                in_and_gone(crew.join_next().await);
            }
            let (desk, offers) = (desk.clone(), group.iter().map(|path| offer(path, &inbox)).collect());
            crew.spawn(async move { admit_together(&desk, offers).await });
        }
        while !crew.is_empty() {
            in_and_gone(crew.join_next().await);
        }
        ours.push(began.elapsed());
        let bytes: Vec<Vec<u8>> = (0..of_slice).map(|n| content(SLICES + slice, n)).collect();
        let began = Instant::now();
        floor_of(&floor, slice, &bytes);
        least.push(began.elapsed());
        let rate = |time: Duration| of_slice as f64 / time.as_secs_f64();
        println!("admission slice {slice}: {:.0} files/s, floor {:.0} files/s", rate(ours[slice]), rate(least[slice]));
    }
    let rate = |times: &[Duration]| (of_slice * SLICES) as f64 / times.iter().sum::<Duration>().as_secs_f64();
    let (ours, least) = (rate(&ours), rate(&least));
    let files = of_slice * SLICES;
    println!("admission {files} x {BYTES} bytes: {ours:.0} files/s, floor {least:.0} files/s, ratio {:.2}", ours / least);
}

/// All of a group are in, and their sources have left.
fn in_and_gone(group: Option<Result<Vec<conserva::error::Result<Admitted>>, JoinError>>) {
    for admitted in group.expect("a group").expect("no panic") {
        assert!(admitted.expect("admitted").unreleased.is_none());
    }
}

fn content(slice: usize, n: usize) -> Vec<u8> {
    let mut bytes = vec![0x5a; BYTES];
    bytes[..16].copy_from_slice(&[slice.to_le_bytes(), n.to_le_bytes()].concat());
    bytes
}

/// Files at the door, already on the disk.
fn fill(inbox: &Path, slice: usize, count: usize) -> Vec<PathBuf> {
    let path = |n| inbox.join(format!("{slice}-{n}.tif"));
    for n in 0..count {
        File::create(path(n)).expect("file").write_all(&content(slice, n)).expect("written");
    }
    rustix::fs::sync();
    (0..count).map(path).collect()
}

fn offer(path: &Path, inbox: &Path) -> Offer {
    Offer {
        ente: EnteId("prova".to_owned()),
        door: "inbox".to_owned(),
        path: path.to_owned(),
        name: FileName::new(path.file_name().expect("name").as_encoded_bytes()),
        release: Release::Take { inbox: inbox.to_owned() },
        beside: Beside::default(),
    }
}

fn floor_of(folder: &Path, slice: usize, files: &[Vec<u8>]) {
    let mut commits = File::options().create(true).append(true).open(folder.join("commits")).expect("commits");
    for (g, group) in files.chunks(TOGETHER_MAX).enumerate() {
        for (n, bytes) in group.iter().enumerate() {
            let temporary = folder.join("temporary");
            let mut file = File::create(&temporary).expect("file");
            file.write_all(bytes).expect("written");
            file.sync_all().expect("synced");
            std::fs::rename(&temporary, folder.join(format!("{slice}-{g}-{n}"))).expect("renamed");
            File::open(folder).and_then(|folder| folder.sync_all()).expect("folder synced");
        }
        commits.write_all(&vec![0; group.len() * 1_024]).and_then(|()| commits.sync_all()).expect("committed");
    }
}
