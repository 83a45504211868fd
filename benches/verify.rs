//! What does checking a package cost, against `openssl dgst -sha256` of the same files in the same run, and against bagit.py?
//!
//! A bag with SHA-256 as folder and as ZIP: digests and completeness alone, many small files and a few large ones. CPU says
//! what is added to the digest itself; the wall on all cores stands beside that on one. An argument divides the numbers; the
//! reference program is the command in CONSERVA_BAGIT, else `bagit.py`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and is told its reference program"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use conserva::digest::Digest;
use conserva::verify::{Options, report};

mod timing;

use timing::{Cost, Peak, content, measured, median, on_one_core, openssl, written};

const ROUNDS: usize = 3;

fn main() {
    let divisor = std::env::args().find_map(|text| text.parse::<u32>().ok()).unwrap_or(1).max(1);
    race("10,000 x 50 KiB", 10_000 / divisor, 50 << 10);
    race("20 x 100 MiB", (20 / divisor).max(2), 100 << 20);
}

fn race(name: &str, count: u32, bytes: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let bag = folder.path().join("bag");
    let files = bagged(&bag, count, bytes);
    let zip = folder.path().join("bag.zip");
    zipped(&bag, &files, &zip);
    for (form, package) in [("folder", &bag), ("zip", &zip)] {
        let (mut cpu, mut wall, mut cores, mut reference) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let peak = Peak::begin();
            let ours = measured(|| verified(package));
            let grown = peak.grown_mib();
            let alone = on_one_core(|| verified(package));
            let (theirs, _) = openssl(&files);
            let python = (form == "folder").then(|| bagit(&bag)).flatten();
            cpu.push(ours.cpu / theirs.cpu);
            wall.push(ours.wall / theirs.wall);
            cores.push(ours.wall / alone.wall);
            reference.extend(python.map(|python| ours.cpu / python.cpu));
            println!(
                "verify {name}, {form}: {:.2} s CPU, {:.2} s, on one core {:.2} s, {grown} MiB; openssl {:.2} s CPU, {:.2} s; bagit.py {:.2} s CPU",
                ours.cpu,
                ours.wall,
                alone.wall,
                theirs.cpu,
                theirs.wall,
                python.map_or(f64::NAN, |python| python.cpu)
            );
        }
        let (cpu, wall, cores, reference) = (median(cpu), median(wall), median(cores), median(reference));
        println!(
            "verify {name}, {form}: ratio to openssl dgst -sha256: CPU {cpu:.2}, wall {wall:.2}; wall to that on one core {cores:.2}; \
             CPU to bagit.py {reference:.2} (median of {ROUNDS})"
        );
    }
}

fn verified(package: &Path) {
    let report = report(package, &Options { only_digests: true, ..Options::default() }).expect("a report");
    assert!(report.ok && report.profile == "bagit");
}

/// What the reference program costs; none where it is not here, which is said.
fn bagit(bag: &Path) -> Option<Cost> {
    let program = std::env::var("CONSERVA_BAGIT").unwrap_or_else(|_| "bagit.py".to_owned());
    let mut words = program.split_whitespace();
    let mut command = Command::new(words.next()?);
    command.args(words).arg("--quiet").arg("--validate").arg(bag);
    let mut is_there = true;
    let cost = measured(|| match command.output() {
        Ok(run) => assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr)),
        Err(_) => is_there = false,
    });
    if !is_there {
        println!("NOT COMPARED: bagit.py is not here");
    }
    is_there.then_some(cost)
}

/// A bag of `count` files that no page of memory shares with another.
fn bagged(bag: &Path, count: u32, bytes: usize) -> Vec<PathBuf> {
    std::fs::create_dir_all(bag.join("data")).expect("a folder");
    let mut manifest = String::new();
    let files: Vec<PathBuf> = (0..count)
        .map(|n| {
            let content = content(n, bytes);
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
