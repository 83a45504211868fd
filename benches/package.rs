//! What does building packages cost, against `cp` and `openssl dgst -sha256` of the same blobs in the same run?
//!
//! Two loads: many small documents and a few large ones; an argument divides their number. The floor starts one `cp` and one
//! `openssl` for all files. CPU says what container, index, events and the digest of the whole add; the wall on all cores, with as
//! many builds at once as the program's porters make, stands beside that on one; memory is the peak above what the plans take.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use conserva::digest::Digest;
use conserva::error::{Error, Result};
use conserva::limits::Limits;
use conserva::package::{BlobReader, Parcel, Plan, build};

mod parcels;
mod timing;

use parcels::{parcel, plans};
use timing::{Cost, Peak, content, measured, median, on_one_core, written};

const ROUNDS: usize = 3;

fn main() {
    let divisor = std::env::args().find_map(|text| text.parse::<u32>().ok()).unwrap_or(1).max(1);
    race("10,000 x 50 KiB", 10_000 / divisor, 50 << 10);
    race("20 x 100 MiB", (20 / divisor).max(2), 100 << 20);
}

/// Blobs in a folder, by digest.
struct Folder(BTreeMap<Digest, PathBuf>);

impl BlobReader for Folder {
    fn open(&self, sha256: &Digest) -> Result<Box<dyn Read>> {
        let path = self.0.get(sha256).ok_or_else(|| Error::bug("no such blob"))?;
        let file = std::fs::File::open(path).map_err(|e| Error::disk("open blob", path, e))?;
        Ok(Box::new(file))
    }
}

fn race(name: &str, count: u32, bytes: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = Folder((0..count).map(|n| blob(folder.path(), n, bytes)).collect());
    let parcels: Vec<Parcel> = (0..).zip(blobs.0.keys()).map(|(n, sha256)| parcel(n, *sha256, bytes as u64)).collect();
    let plans = plans(&parcels, &Limits::default());
    drop(parcels);
    let (mut cpu, mut wall, mut cores) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let theirs = in_a_folder(|target| measured(|| copied_and_digested(&blobs, target)));
        let peak = Peak::begin();
        let ours = in_a_folder(|target| measured(|| packages(&plans, &blobs, target)));
        let grown = peak.grown_mib();
        let alone = in_a_folder(|target| on_one_core(|| packages(&plans, &blobs, target)));
        println!(
            "package {name}, {count} files: {:.2} s CPU, {:.2} s; on one core {:.2} s; {grown} MiB above the plan; cp + openssl {:.2} s CPU, {:.2} s",
            ours.cpu, ours.wall, alone.wall, theirs.cpu, theirs.wall
        );
        cpu.push(ours.cpu / theirs.cpu);
        wall.push(ours.wall / theirs.wall);
        cores.push(ours.wall / alone.wall);
    }
    println!(
        "package {name}: ratio to cp + openssl dgst -sha256: CPU {:.2}, wall {:.2}; wall to that on one core {:.2} (median of {ROUNDS})",
        median(cpu),
        median(wall),
        median(cores)
    );
}

/// What `work` costs in an empty folder, which is thrown away after the measure.
fn in_a_folder(work: impl FnOnce(&Path) -> Cost) -> Cost {
    let target = tempfile::tempdir().expect("a folder");
    work(target.path())
}

/// Builds, one package a core at a time as the porters of the program do; every file planned must be in a package.
fn packages(plans: &[Plan], blobs: &Folder, target: &Path) {
    let (next, files) = (AtomicUsize::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    files.fetch_add(build(plan, blobs, target).expect("a package").files, Ordering::Relaxed);
                }
            });
        }
    });
    let files = files.into_inner();
    let documents: usize = plans.iter().map(|plan| plan.documents.len()).sum();
    assert_eq!(files as usize, documents * 3 + plans.len() * 3, "each document is metadata, content, events");
}

/// One `cp` and one `openssl` for all files: starting processes is not what is compared.
fn copied_and_digested(blobs: &Folder, target: &Path) {
    let copied = Command::new("cp").args(blobs.0.values()).arg(target).status().expect("cp");
    let (_, said) = timing::openssl(&blobs.0.values().cloned().collect::<Vec<_>>());
    assert!(copied.success());
    assert_eq!(said, blobs.0.keys().next().expect("a blob").hex(), "the digests agree");
}

fn blob(folder: &Path, n: u32, bytes: usize) -> (Digest, PathBuf) {
    let content = content(n, bytes);
    let path = folder.join(format!("{n:05}"));
    written(&path, &content);
    (Digest::of(&content), path)
}
