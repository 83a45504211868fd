//! Any byte of any kind of package may be another: there is a report, in bounded time and memory, and never a panic.
//!
//! Whole packages of every kind: half of them have their digests put right again after the change, through all lists that carry
//! them, so that the deeper rooms are reached. Between them every reader alone, on the smallest thing that it reads: ZIP and tar
//! directories, each kind of XML and index, METS, bags and lists. All cores, from seeds that the run tells; what makes a report
//! fail is kept beside the run and belongs among the tests. A short tour in every test run; `scripts/prove` gives it minutes
//! by CONSERVA_MUTATION_SECONDS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use conserva::digest::Digest;
use conserva::messages::Lang;
use conserva::package::Profile;
use conserva::verify::{NoPictures, Options, View, diff, inspect, inspections_html, report};
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
        Profile::Bagit => ("profile bagit", crate::profiles::files(profile)),
        Profile::Eark => ("profile eark", crate::profiles::files(profile)),
        Profile::Sacer => ("profile sacer", crate::profiles::files(profile)),
        _ => ("profile agid", crate::profiles::files(profile)),
    }));
    for (name, path) in [("corpus E-ARK", "Simple-EARK-SIP.zip"), ("corpus ZIP", "shallowFileAndFolder.zip")] {
        let found = crate::stage::shared("corpus/conservation").map(|folder| unpacked(&folder.join(path)));
        subjects.extend(found.map(|files| (name, files)));
    }
    subjects
}

/// The files of a ZIP file of the corpus.
fn unpacked(path: &Path) -> Files {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).expect("a file")).expect("a ZIP");
    let mut files = Files::new();
    for n in 0..zip.len() {
        let mut entry = zip.by_index(n).expect("an entry");
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).expect("read");
        if entry.is_file() {
            files.insert(entry.name().expect("a name").into_owned(), bytes);
        }
    }
    files
}

/// The smallest thing that a reader reads: files, which of them is changed, and how they are packed.
struct Small {
    name: String,
    files: Files,
    key: Option<String>,
    packing: Packing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    Zip,
    Tar,
    /// One file as it is.
    Alone,
}

fn is_xml(key: &str) -> bool {
    Path::new(key).extension().is_some_and(|extension| extension == "xml")
}

/// Every reader with what it reads. Where no file is named, the container itself is changed.
fn readers(subjects: &[(&'static str, Files)]) -> Vec<Small> {
    let mut readers = Vec::new();
    let mut put = |name: &str, files: Files, key: Option<&str>, packing| {
        readers.push(Small { name: name.to_owned(), files, key: key.map(str::to_owned), packing });
    };
    put("ZIP directory", world::bag(), None, Packing::Zip);
    put("tar headers", world::bag(), None, Packing::Tar);
    for key in ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest-sha512.txt"] {
        put(key, world::bag(), Some(key), Packing::Tar);
    }
    for (what, files) in [("list", world::listed()), ("index of 2010", world::indexed())] {
        for key in files.keys().filter(|key| !key.starts_with("data/")) {
            put(what, files.clone(), Some(key), Packing::Zip);
        }
    }
    for (what, files) in subjects {
        // Each kind of XML once, alone: an index that is not told what it lists.
        let mut seen = std::collections::BTreeSet::new();
        for (key, bytes) in files.iter().filter(|(key, bytes)| is_xml(key) && bytes.len() < 200_000) {
            let name = key.rsplit('/').next().unwrap_or(key);
            if seen.insert(name) {
                let one = Files::from([(name.to_owned(), bytes.clone())]);
                put(&format!("{what}: {name}"), one, Some(name), Packing::Alone);
            }
        }
    }
    // Allegato 5, events and aggregation are read where an index lists them: the package of one document.
    let (_, agid) = subjects.iter().find(|(name, _)| *name == "profile agid").expect("ours");
    let first = agid.keys().find_map(|key| key.split_once("/documenti/")).and_then(|(_, rest)| rest.split('/').next());
    let first = format!("/documenti/{}/", first.expect("a document"));
    let one: Files = agid
        .iter()
        .filter(|(key, _)| !key.contains("/documenti/") || key.contains(&first))
        .map(|(key, bytes)| (key.clone(), bytes.clone()))
        .collect();
    for key in one.keys().filter(|key| is_xml(key)) {
        put("one document", one.clone(), Some(key), Packing::Zip);
    }
    readers
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

/// What a run came to.
#[derive(Default)]
struct Count {
    /// The longest report, and how to have it again.
    slowest: (Duration, String),
    packages: u64,
    put_right: u64,
    readers: u64,
    blamed: u64,
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self {
            slowest: self.slowest.max(other.slowest),
            packages: self.packages + other.packages,
            put_right: self.put_right + other.put_right,
            readers: self.readers + other.readers,
            blamed: self.blamed + other.blamed,
        }
    }
}

/// One hand: its own seed, its own file, and when its report began, for whoever watches it.
struct Hand<'a> {
    seed: u64,
    dice: Dice,
    path: PathBuf,
    begun: &'a AtomicU64,
    clock: Instant,
    count: Count,
}

/// Reports on single readers between two whole packages.
const READERS_PER_PACKAGE: usize = 100;

impl Hand<'_> {
    /// A report on `bytes`, or a panic that says how to have it again.
    fn judge(&mut self, what: &str, bytes: &[u8]) -> bool {
        std::fs::write(&self.path, bytes).expect("written");
        let (path, seed) = (self.path.clone(), self.seed);
        self.begun.store(self.clock.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
        let began = Instant::now();
        let said = std::panic::catch_unwind(|| report(&path, &Options::default()).expect("a report"));
        let took = began.elapsed();
        self.begun.store(0, Ordering::Relaxed);
        if took > self.count.slowest.0 {
            let run = self.count.packages + self.count.readers;
            self.count.slowest = (took, format!("{what}: run {run} of the hand with seed {seed}"));
        }
        let Ok(said) = said else {
            let kept = kept(bytes);
            panic!("seed {seed}: {what} panics; the bytes are in {}", kept.display());
        };
        self.count.blamed += u64::from(!said.ok);
        said.ok
    }

    fn package(&mut self, subjects: &[(&'static str, Files)], good: &Path) {
        let (name, files) = &subjects[self.dice.below(subjects.len())];
        let mut files = files.clone();
        let keys: Vec<String> = files.keys().cloned().collect();
        let key = &keys[self.dice.below(keys.len())];
        let is_tar = self.dice.below(4) == 0;
        let is_put_right = self.count.packages.is_multiple_of(2);
        let is_container = !is_put_right && self.dice.below(2) == 0;
        if !is_container {
            let old = files[key].clone();
            mutate(files.get_mut(key).expect("a file"), &mut self.dice);
            if is_put_right {
                put_right(&mut files, key, &old, 3);
                self.count.put_right += 1;
            }
        }
        let mut bytes = packed(&files, is_tar);
        if is_container {
            mutate(&mut bytes, &mut self.dice);
        }
        self.judge(&format!("{name}, {key}"), &bytes);
        if self.count.packages.is_multiple_of(50) {
            let path = self.path.clone();
            let seen = std::panic::catch_unwind(|| {
                let compared = diff(&path, good, &Options::default()).map(|diff| diff.text(Lang::default()));
                let scratch = conserva::scratch::ScratchRoot::open(&path.with_extension("lavoro"), true).expect("scratch");
                let view = View { pictures: &NoPictures, count: 1, scratch: &scratch };
                let seen = inspect(&path, &Options::default(), &view).map(|seen| inspections_html(&[seen], Lang::default()));
                (compared.is_ok(), seen.is_ok())
            });
            let again = || {
                format!(
                    "seed {}: diff or inspect of {name}, {key} panics; the bytes are in {}",
                    self.seed,
                    kept(&bytes).display()
                )
            };
            assert!(seen.is_ok(), "{}", again());
        }
        self.count.packages += 1;
    }

    fn reader(&mut self, readers: &[Small]) {
        let small = &readers[self.dice.below(readers.len())];
        let bytes = match &small.key {
            None => {
                let mut bytes = packed(&small.files, small.packing == Packing::Tar);
                mutate(&mut bytes, &mut self.dice);
                bytes
            }
            Some(key) => {
                let mut changed = small.files[key].clone();
                mutate(&mut changed, &mut self.dice);
                if small.packing == Packing::Alone {
                    changed
                } else {
                    let mut files = small.files.clone();
                    files.insert(key.clone(), changed);
                    packed(&files, small.packing == Packing::Tar)
                }
            }
        };
        self.judge(&small.name, &bytes);
        self.count.readers += 1;
    }
}

/// Keeps what makes a report fail.
fn kept(bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("conserva-mutation-{}", Digest::of(bytes)));
    std::fs::write(&path, bytes).expect("kept");
    path
}

/// Ends the run where a report never ends: nothing else would say it.
fn watch(hands: &[AtomicU64], clock: Instant, is_over: &AtomicU64) {
    while is_over.load(Ordering::Relaxed) == 0 {
        std::thread::sleep(Duration::from_millis(20));
        let now = clock.elapsed().as_millis() as u64;
        for (n, hand) in hands.iter().enumerate() {
            let begun = hand.load(Ordering::Relaxed);
            if begun > 0 && now.saturating_sub(begun) > PATIENCE.as_millis() as u64 {
                eprintln!("hand {n} has waited for a report for {PATIENCE:?}: its file is what hangs");
                std::process::abort();
            }
        }
    }
}

fn memory_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
}

#[test]
fn any_mutated_package_of_any_kind_gets_a_report_in_time() {
    let seconds = std::env::var("CONSERVA_MUTATION_SECONDS").ok().and_then(|text| text.parse().ok());
    let seed = std::env::var("CONSERVA_DRILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_240_601_u64);
    let budget = Duration::from_secs(seconds.unwrap_or(6));
    let subjects = subjects();
    let readers = readers(&subjects);
    // In memory where there is such a folder: the disk is not what is tried.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    let good = folder.path().join("buono");
    std::fs::write(&good, packed(&subjects[0].1, false)).expect("written");
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let begun: Vec<AtomicU64> = (0..count).map(|_| AtomicU64::new(0)).collect();
    let (clock, is_over) = (Instant::now(), AtomicU64::new(0));
    let total = std::thread::scope(|scope| {
        let work = |n: usize| {
            let seed = seed.wrapping_add(n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let path = folder.path().join(format!("pacchetto-{n}"));
            let mut hand = Hand { seed, dice: Dice(seed), path, begun: &begun[n], clock, count: Count::default() };
            while clock.elapsed() < budget || hand.count.packages < 20 {
                hand.package(&subjects, &good);
                for _ in 0..READERS_PER_PACKAGE {
                    hand.reader(&readers);
                }
            }
            hand.count
        };
        let hands: Vec<_> = (0..count).map(|n| scope.spawn(move || work(n))).collect();
        let watch = scope.spawn(|| watch(&begun, clock, &is_over));
        let counts: Vec<_> = hands.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(1, Ordering::Relaxed);
        watch.join().expect("watched");
        let counts = counts.into_iter().map(|count| count.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        counts.fold(Count::default(), Count::plus)
    });
    let runs = total.packages + total.readers;
    let (seconds, memory) = (clock.elapsed().as_secs_f64(), memory_mib());
    eprintln!(
        "mutations: seed {seed}, {count} hands, {seconds:.0} s: {} whole packages ({} with their digests put right), {} runs of single \
         readers over {} inputs, {} blamed, {:.0} runs a second, memory at most {memory} MiB; slowest {:.0} ms, {}",
        total.packages,
        total.put_right,
        total.readers,
        readers.len(),
        total.blamed,
        runs as f64 / seconds,
        total.slowest.0.as_secs_f64() * 1_000.0,
        total.slowest.1
    );
    assert!(total.blamed * 3 > runs, "{} of {runs}", total.blamed);
    assert!(total.put_right * 2 >= total.packages);
    assert!(memory < 2_048, "{memory} MiB");
}
