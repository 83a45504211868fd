//! What does checking a package cost, against `openssl dgst -sha256` of the same files in the same run?
//!
//! A bag with SHA-256 as folder and as ZIP: digests and completeness alone, many small files and a few large ones. CPU says
//! what is added to the digest itself; wall says whether the cores share the work.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use conserva::digest::Digest;
use conserva::verify::{Options, report};

const ROUNDS: usize = 3;

fn main() {
    let scale = std::env::args().find_map(|text| text.parse::<u32>().ok()).unwrap_or(1);
    race("2,000 x 50 KiB", 2_000 * scale, 50 << 10);
    race("4 x 100 MiB", 4 * scale, 100 << 20);
}

fn race(name: &str, count: u32, bytes: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let bag = folder.path().join("bag");
    let files = bagged(&bag, count, bytes);
    let zip = folder.path().join("bag.zip");
    zipped(&bag, &files, &zip);
    for (form, package) in [("folder", &bag), ("zip", &zip)] {
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let ours = measured(|| {
                let report = report(package, &Options { only_digests: true, ..Options::default() }).expect("a report");
                assert!(report.ok && report.profile == "bagit");
            });
            let theirs = measured(|| {
                let run = Command::new("openssl").args(["dgst", "-sha256", "-r"]).args(&files).output().expect("openssl");
                assert!(run.status.success());
            });
            cpu.push(ours.0 / theirs.0);
            wall.push(ours.1 / theirs.1);
            println!(
                "verify {name}, {form}: {:.2} s CPU, {:.2} s; openssl {:.2} s CPU, {:.2} s",
                ours.0, ours.1, theirs.0, theirs.1
            );
        }
        let (cpu, wall) = (median(cpu), median(wall));
        println!("verify {name}, {form}: ratio to openssl dgst -sha256: CPU {cpu:.2}, wall {wall:.2} (median of {ROUNDS})");
    }
}

/// A bag of `count` files that no page of memory shares with another.
fn bagged(bag: &Path, count: u32, bytes: usize) -> Vec<PathBuf> {
    std::fs::create_dir_all(bag.join("data")).expect("a folder");
    let mut manifest = String::new();
    let files: Vec<PathBuf> = (0..count)
        .map(|n| {
            let mut state = u64::from(n) + 1;
            let mut content = Vec::with_capacity(bytes + 8);
            while content.len() < bytes {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                content.extend(state.to_le_bytes());
            }
            content.truncate(bytes);
            let _ = writeln!(manifest, "{}  data/{n:05}", Digest::of(&content));
            let path = bag.join(format!("data/{n:05}"));
            written(&path, &content);
            path
        })
        .collect();
    written(&bag.join("manifest-sha256.txt"), manifest.as_bytes());
    written(&bag.join("bagit.txt"), b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    files
}

fn zipped(bag: &Path, files: &[PathBuf], target: &Path) {
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut zip = zip::ZipWriter::new(std::fs::File::create(target).expect("a file"));
    let tags = ["manifest-sha256.txt", "bagit.txt"].map(|name| bag.join(name));
    for path in files.iter().chain(&tags) {
        let name = path.strip_prefix(bag).expect("inside").display().to_string();
        zip.start_file(name, options).expect("an entry");
        zip.write_all(&std::fs::read(path).expect("read")).expect("written");
    }
    zip.finish().expect("finished");
}

fn written(path: &Path, bytes: &[u8]) {
    std::fs::File::create(path).and_then(|mut file| file.write_all(bytes)).expect("written");
}

/// CPU seconds of this process and of the children it waited for, and wall seconds, of `work`.
fn measured(work: impl FnOnce()) -> (f64, f64) {
    let (before, began) = (cpu_seconds(), Instant::now());
    work();
    (cpu_seconds() - before, began.elapsed().as_secs_f64())
}

/// utime, stime, cutime and cstime of /proc/self/stat, in ticks of 1/100 s.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc/self/stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    fields.iter().skip(11).take(4).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
