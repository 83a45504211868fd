//! How much memory does each file of a package take, to whoever builds it and to whoever checks it?
//!
//! A package of few and one of many entries of a hundred bytes, each built and checked in a process of its own: the difference of
//! the peaks, over the difference of the entries. The plan, which holds the text of all metadata, stands before the measure.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fmt::Write as _;
use std::io::{Cursor, Read, Write as _};
use std::path::Path;
use std::process::Command;

use conserva::digest::Digest;
use conserva::error::Result;
use conserva::limits::Limits;
use conserva::package::{BlobReader, Parcel, build};
use conserva::verify::{Options, report};

mod parcels;
mod timing;

use timing::Peak;

/// Documents of the two packages: three entries each, and three of the package itself.
const DOCUMENTS: [u32; 2] = [6_666, 20_000];
const BYTES: usize = 100;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let after = |word: &str| words.iter().position(|said| said == word).map(|at| &words[at + 1..]);
    if let Some([count, target, ..]) = after("--build") {
        println!("{}", built(count.parse().expect("a number"), Path::new(target)));
    } else if let Some([package, ..]) = after("--digests") {
        println!("{}", checked(Path::new(package), true));
    } else if let Some([package, ..]) = after("--whole") {
        println!("{}", checked(Path::new(package), false));
    } else {
        compared();
    }
}

fn compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut peaks = [const { Vec::new() }; 2];
    for (count, peaks) in DOCUMENTS.into_iter().zip(&mut peaks) {
        let target = folder.path().join(count.to_string());
        std::fs::create_dir(&target).expect("a folder");
        peaks.push(alone(&["--build", &count.to_string(), &target.display().to_string()]));
        let package = std::fs::read_dir(&target).expect("a folder").next().expect("a package").expect("an entry").path();
        let bag = target.join("bag.zip");
        bagged(&bag, count * 3);
        for (word, package) in [("--digests", &package), ("--whole", &package), ("--digests", &bag)] {
            peaks.push(alone(&[word, &package.display().to_string()]));
        }
    }
    let entries = DOCUMENTS.map(|count| u64::from(count) * 3);
    for (n, what) in ["build", "verify, digests", "verify, whole", "verify, digests of a bag"].iter().enumerate() {
        let [few, many] = [peaks[0][n], peaks[1][n]];
        let each = many.saturating_sub(few) * 1024 / (entries[1] - entries[0]);
        println!("scale {what}: {few} KiB for {} entries, {many} KiB for {}: {each} bytes an entry", entries[0], entries[1]);
    }
}

/// What this program, begun anew with these words, says as its peak.
fn alone(words: &[&str]) -> u64 {
    let run = Command::new(std::env::current_exe().expect("this program")).args(words).output().expect("a run");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).trim().parse().expect("a number")
}

/// One blob under all digests.
struct One;

impl BlobReader for One {
    fn open(&self, _: &Digest) -> Result<Box<dyn Read>> {
        Ok(Box::new(Cursor::new([7; BYTES])))
    }
}

fn generous() -> Limits {
    Limits { metadata_bytes_max: 2 << 30, pdv_documents_max: usize::MAX, ..Limits::default() }
}

fn built(count: u32, target: &Path) -> u64 {
    let sha256 = Digest::of(&[7; BYTES]);
    let parcels: Vec<Parcel> = (0..count).map(|n| parcels::parcel(n, sha256, BYTES as u64)).collect();
    let plans = parcels::plans(&parcels, &generous());
    assert_eq!(plans.len(), 1);
    let peak = Peak::begin();
    let built = build(&plans[0], &One, target).expect("a package");
    let grown = peak.grown_kib();
    // What was given back before the measure would hide what it takes: nothing is.
    drop(parcels);
    assert_eq!(built.files, u64::from(count) * 3 + 3);
    grown
}

fn checked(package: &Path, only_digests: bool) -> u64 {
    let peak = Peak::begin();
    let report = report(package, &Options { only_digests, limits: generous(), ..Options::default() }).expect("a report");
    let grown = peak.grown_kib();
    assert!(report.files > 1_000);
    grown
}

/// A bag with so many files in folders of a hundred.
fn bagged(target: &Path, count: u32) {
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut zip = zip::ZipWriter::new(std::fs::File::create(target).expect("a file"));
    let mut put = |name: &str, bytes: &[u8]| {
        zip.start_file(name, options).expect("an entry");
        zip.write_all(bytes).expect("written");
    };
    let mut manifest = String::new();
    for n in 0..count {
        let (name, content) = (format!("data/cartella-{:04}/documento-{n:08}.tif", n / 100), timing::content(n, BYTES));
        let _ = writeln!(manifest, "{}  {name}", Digest::of(&content));
        put(&format!("bag/{name}"), &content);
    }
    put("bag/manifest-sha256.txt", manifest.as_bytes());
    put("bag/bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    zip.finish().expect("finished");
}
