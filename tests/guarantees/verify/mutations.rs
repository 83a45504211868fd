//! Any byte of any kind of package may be another: there is a report, in bounded time, and never a panic.
//!
//! Half of the runs put the digests right again after the change, through all lists that carry them, so that the deeper
//! rooms are reached. A short tour in every test run; `scripts/prove` gives it minutes by CONSERVA_MUTATION_SECONDS.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use conserva::digest::Digest;
use conserva::messages::Lang;
use conserva::package::Profile;
use conserva::verify::{Options, diff, report};
use sha2::Digest as _;

use super::maker::{Item, zipped};
use super::world;

type Files = BTreeMap<String, Vec<u8>>;

/// Longest that one report may take, whatever the bytes: small packages take milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit.max(1) as u64)).unwrap_or(0)
    }
}

/// Changes one to four places of `bytes`.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    const TOKENS: [&[u8]; 14] = [
        b"<",
        b">",
        b"&#0;",
        b"<!DOCTYPE a>",
        b"..",
        b"/",
        b"\\",
        b"%00",
        b"%2e%2e%2f",
        b"\n",
        b"\0",
        b"\xFF\xFE",
        b"18446744073709551616",
        b"\xE2\x80\xAE",
    ];
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        match dice.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            1 if !bytes.is_empty() => bytes[at] = dice.below(256) as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.splice(at..at, TOKENS[dice.below(TOKENS.len())].iter().copied())),
            4 => {
                // A stretch is said twice.
                let end = (at + 1 + dice.below(200)).min(bytes.len());
                let stretch = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, stretch));
            }
            5 => drop(bytes.drain(at..(at + 1 + dice.below(60)).min(bytes.len()))),
            _ => {
                let end = bytes.len() - bytes.len().min(dice.below(600) + 1);
                if let Some(byte) = bytes.get_mut(end) {
                    *byte = byte.wrapping_add(1 + dice.below(255) as u8);
                }
            }
        }
    }
}

/// The digests of `bytes` in every form that a list of ours may carry.
fn written(bytes: &[u8]) -> [String; 5] {
    let sha256 = Digest::of(bytes);
    let hex = world::hex;
    [
        sha256.hex(),
        sha256.base64(),
        hex(&sha2::Sha512::digest(bytes)),
        hex(&sha1::Sha1::digest(bytes)),
        base64::engine::general_purpose::STANDARD.encode(sha2::Sha512::digest(bytes)),
    ]
}

/// Puts the digests of the file at `path` right in every other file, and then those of the files that changed by that.
fn put_right(files: &mut Files, path: &str, old: &[u8], depth: usize) {
    let (from, to) = (written(old), written(&files[path]));
    let others: Vec<String> = files.keys().filter(|other| *other != path).cloned().collect();
    for other in others {
        let before = files[&other].clone();
        let Ok(text) = std::str::from_utf8(&before) else { continue };
        let after = from.iter().zip(&to).fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        if after.as_bytes() != before {
            files.insert(other.clone(), after.into_bytes());
            if depth > 0 {
                put_right(files, &other, &before, depth - 1);
            }
        }
    }
}

fn subjects() -> Vec<(&'static str, Files)> {
    let mut subjects = vec![("bag", world::bag()), ("index of 2010", world::indexed()), ("list", world::listed())];
    subjects.extend(Profile::ALL.map(|profile| match profile {
        Profile::Agid => ("profile agid", crate::profiles::files(profile)),
        Profile::Bagit => ("profile bagit", crate::profiles::files(profile)),
        Profile::Eark => ("profile eark", crate::profiles::files(profile)),
        Profile::Sacer => ("profile sacer", crate::profiles::files(profile)),
    }));
    subjects
}

/// The package as one file: a ZIP, or a tar.
fn packed(files: &Files, is_tar: bool) -> Vec<u8> {
    if is_tar {
        let members = files.iter().filter(|(name, _)| name.len() < 100);
        let mut bytes: Vec<u8> = members.flat_map(|(name, bytes)| world::member(name, b'0', bytes)).collect();
        bytes.extend([0; 1024]);
        return bytes;
    }
    let items: Vec<Item> = files.iter().map(|(name, bytes)| Item { data: bytes.clone(), ..Item::new(name, b"") }).collect();
    zipped(&items)
}

#[test]
fn any_mutated_package_of_any_kind_gets_a_report_in_time() {
    let seconds = std::env::var("CONSERVA_MUTATION_SECONDS").ok().and_then(|text| text.parse().ok());
    let seed = std::env::var("CONSERVA_DRILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_240_601_u64);
    let budget = Duration::from_secs(seconds.unwrap_or(6));
    let (begun, subjects) = (Instant::now(), subjects());
    let folder = tempfile::tempdir().expect("a folder");
    let (path, good) = (folder.path().join("pacchetto"), folder.path().join("buono"));
    let mut dice = Dice(seed | 1);
    let (mut runs, mut blamed, mut readers) = (0_u64, 0_u64, 0_u64);
    while begun.elapsed() < budget || runs < 40 {
        let (name, files) = &subjects[dice.below(subjects.len())];
        let mut files = files.clone();
        let is_tar = dice.below(4) == 0;
        let keys: Vec<String> = files.keys().cloned().collect();
        let key = &keys[dice.below(keys.len())];
        let is_container = dice.below(4) == 0;
        if !is_container {
            let old = files[key].clone();
            mutate(files.get_mut(key).expect("a file"), &mut dice);
            if dice.below(2) == 0 {
                put_right(&mut files, key, &old, 3);
            }
        }
        let mut bytes = packed(&files, is_tar);
        if is_container {
            mutate(&mut bytes, &mut dice);
        }
        std::fs::write(&path, &bytes).expect("written");
        let started = Instant::now();
        let said = std::panic::catch_unwind(|| report(&path, &Options::default()).expect("a report"));
        let said = said.unwrap_or_else(|_| panic!("seed {seed}, run {runs}: {name}, {key} panics"));
        assert!(started.elapsed() < PATIENCE, "seed {seed}, run {runs}: {name}, {key} took {:?}", started.elapsed());
        if runs.is_multiple_of(50) {
            std::fs::write(&good, packed(&subjects[0].1, false)).expect("written");
            let _ = std::panic::catch_unwind(|| diff(&path, &good, &Options::default()).map(|diff| diff.text(Lang::default())))
                .unwrap_or_else(|_| panic!("seed {seed}, run {runs}: diff with {name} panics"));
        }
        runs += 1;
        readers += said.files;
        blamed += u64::from(!said.ok);
    }
    let rate = runs as f64 / begun.elapsed().as_secs_f64();
    eprintln!("mutations: seed {seed}, {runs} packages, {readers} files read, {blamed} blamed, {rate:.0} packages a second");
    assert!(blamed * 3 > runs, "{blamed} of {runs}");
}
