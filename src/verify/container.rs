//! What lies in this file or folder? The entries of a package, and their bytes as a stream.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::findings::{Fault, Findings, Valued as _, error};
use super::{cms, names, tar, zip};
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;

/// As much of a file as says what it is.
const BEGINNING_BYTES: u64 = 4 << 10;

/// One file of a package.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its path in the package, `/` between folders.
    pub(super) path: String,
    /// Its length, bytes, as the package says.
    pub(super) bytes: u64,
    /// Where its bytes are.
    source: Source,
}

#[derive(Debug)]
enum Source {
    Zipped(zip::Stored),
    /// As they are, from that byte of the file on.
    At(u64),
    /// Below the folder that was named, under its own path.
    Below,
    OnDisk(Box<Path>),
    /// Said in a finding why it is not read (encrypted, a bomb, a link, …).
    Barred,
}

/// A package, open for reading.
#[derive(Debug)]
pub(super) struct Container {
    file: Option<File>,
    /// The folder that was named.
    root: PathBuf,
    entries: Vec<Entry>,
    /// It is one XML file, named by itself.
    is_lone: bool,
}

impl Container {
    /// Opens `path`; `None` where it is no folder, no ZIP or tar file that can be read and no XML file, which the findings
    /// explain. An XML file is a package of one file: an index without what it lists.
    pub(super) fn open(path: &Path, limits: &Limits, findings: &mut Findings) -> Result<Option<Self>> {
        let failed = |e: std::io::Error| {
            Error::new(Kind::Usage, "verify-path-unreadable").with("path", path.display()).with("cause", &e).because(e)
        };
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            let entries = folder(path, limits, findings);
            return Ok(Some(Self { root: path.to_owned(), ..Self::of(None, entries, findings) }));
        }
        if !metadata.is_file() {
            return Err(failed(std::io::ErrorKind::InvalidInput.into()));
        }
        let file = File::open(path).map_err(failed)?;
        if tar::is_tar(&file) {
            let members = tar::members(&file, limits, findings).map_err(failed)?.into_iter();
            let source = |at: Option<u64>| at.map_or(Source::Barred, Source::At);
            let entries = members.map(|m| Entry { path: m.path, bytes: m.bytes, source: source(m.at) }).collect();
            return Ok(Some(Self::of(Some(file), entries, findings)));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_xml(&file) || is_envelope(&name) {
            let entry = Entry { path: name, bytes: metadata.len(), source: Source::OnDisk(path.into()) };
            return Ok(Some(Self { is_lone: true, ..Self::of(None, vec![entry], findings) }));
        }
        let Some(stored) = zip::directory(&file, limits, findings).map_err(failed)? else { return Ok(None) };
        let entries = stored.into_iter().map(|s| Entry {
            path: s.path,
            bytes: s.bytes,
            source: s.stored.map_or(Source::Barred, Source::Zipped),
        });
        let entries = entries.collect();
        Ok(Some(Self::of(Some(file), entries, findings)))
    }

    fn of(file: Option<File>, mut entries: Vec<Entry>, findings: &mut Findings) -> Self {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        check_names(&entries, findings);
        Self { file, root: PathBuf::new(), entries, is_lone: false }
    }

    /// True of one XML file, named by itself: an index without what it lists.
    pub(super) fn is_lone(&self) -> bool {
        self.is_lone
    }

    /// All files, in order of path. Two of the same path may stand beside each other in a hostile package.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// True where reading all of it is worth the start of further threads.
    pub(super) fn is_large(&self) -> bool {
        const WORTH_BYTES: u64 = 1 << 20;
        self.entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes)) > WORTH_BYTES
    }

    /// Position of the file with that path.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        let at = self.entries.partition_point(|entry| entry.path.as_str() < path);
        self.entries.get(at).is_some_and(|entry| entry.path == path).then_some(at)
    }

    /// The bytes of `entry`, checked against length and checksum while they are read; `None` of a barred entry.
    pub(super) fn reader<'a>(&'a self, entry: &'a Entry) -> Option<std::io::Result<Box<dyn Read + 'a>>> {
        match (&entry.source, &self.file) {
            (Source::Zipped(stored), Some(file)) => Some(Ok(stored.reader(file, entry.bytes))),
            (Source::At(at), Some(file)) => Some(Ok(Box::new(zip::stretch(file, *at, entry.bytes)))),
            _ => self.on_disk(entry).map(|path| File::open(path).map(|f| Box::new(f) as Box<dyn Read>)),
        }
    }

    /// The whole of a small file: the bytes, or what is wrong with it. Of an XML file in a signature envelope those of the XML.
    pub(super) fn bytes(&self, entry: &Entry, most: u64) -> std::result::Result<Vec<u8>, Fault> {
        let too_big =
            || Box::new(error("metadata-too-large").at(&entry.path, "").value("most", most).value("bytes", entry.bytes));
        if entry.bytes > most {
            return Err(too_big());
        }
        let corrupt = |e: std::io::Error| Box::new(error("entry-corrupt").at(&entry.path, "").value("cause", e));
        let Some(reader) = self.reader(entry) else { return Err(Box::new(error("entry-barred").at(&entry.path, ""))) };
        let mut bytes = Vec::with_capacity(usize::try_from(entry.bytes).unwrap_or(0).min(1 << 20));
        reader.map_err(corrupt)?.take(most + 1).read_to_end(&mut bytes).map_err(corrupt)?;
        if bytes.len() as u64 > most {
            return Err(too_big());
        }
        if !is_envelope(&entry.path) {
            return Ok(bytes);
        }
        match cms::content(&bytes) {
            Some(content) if content.is_whole => Ok(content.bytes),
            _ => Err(Box::new(error("envelope-unreadable").at(&entry.path, ""))),
        }
    }

    /// The bytes of a small file as it lies there, an envelope with all of it; `None` where they cannot be had.
    pub(super) fn as_it_lies(&self, entry: &Entry, most: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader(entry)?.ok()?.take(most.saturating_add(1)).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= most).then_some(bytes)
    }

    /// A file as a stream of at most `most` bytes, of which its length says that it has no more.
    pub(super) fn stream<'a>(&'a self, entry: &'a Entry, most: u64) -> std::result::Result<impl BufRead + 'a, Fault> {
        if entry.bytes > most {
            return Err(Box::new(
                error("metadata-too-large").at(&entry.path, "").value("most", most).value("bytes", entry.bytes),
            ));
        }
        let Some(reader) = self.reader(entry) else { return Err(Box::new(error("entry-barred").at(&entry.path, ""))) };
        let corrupt = |e: std::io::Error| Box::new(error("entry-corrupt").at(&entry.path, "").value("cause", e));
        Ok(BufReader::with_capacity(64 << 10, reader.map_err(corrupt)?.take(most)))
    }

    /// The first bytes of a file, to see what it is; `None` where they cannot be had.
    pub(super) fn beginning(&self, entry: &Entry) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader(entry)?.ok()?.take(BEGINNING_BYTES).read_to_end(&mut bytes).ok()?;
        if is_envelope(&entry.path) { cms::content(&bytes).map(|content| content.bytes) } else { Some(bytes) }
    }

    /// True if the bytes of `entry` can be had.
    pub(super) fn is_readable(entry: &Entry) -> bool {
        !matches!(entry.source, Source::Barred)
    }

    /// Where `entry` already lies on disk as a plain file.
    pub(super) fn on_disk(&self, entry: &Entry) -> Option<PathBuf> {
        match &entry.source {
            Source::Below => Some(self.root.join(&entry.path)),
            Source::OnDisk(path) => Some(path.to_path_buf()),
            _ => None,
        }
    }
}

/// True of an XML file that travels inside of its signature.
pub(super) fn is_envelope(path: &str) -> bool {
    path.len() >= 8 && path.is_char_boundary(path.len() - 8) && path[path.len() - 8..].eq_ignore_ascii_case(".xml.p7m")
}

/// True of a file that begins as XML does.
fn is_xml(file: &File) -> bool {
    let mut start = Vec::new();
    let read = zip::stretch(file, 0, 64).read_to_end(&mut start);
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start).trim_ascii_start();
    read.is_ok() && matches!(start, [b'<', b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', ..])
}

/// What the walk through a folder met.
struct Met {
    path: String,
    /// The same as the system knows it, where it is not UTF-8.
    as_is: Option<Box<Path>>,
    kind: std::fs::FileType,
}

/// The files below `root`; links and devices are never followed or opened.
fn folder(root: &Path, limits: &Limits, findings: &mut Findings) -> Vec<Entry> {
    /// To ask after the length of fewer files is not worth the start of further threads.
    const WORTH_FILES: usize = 256;
    let met = walked(root, limits, findings);
    let length = |i: usize| {
        let path = met[i].as_is.as_ref().map_or_else(|| root.join(&met[i].path), |path| path.to_path_buf());
        std::fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
    };
    let lengths = super::each(met.len(), met.len() > WORTH_FILES, length);
    let mut total = 0_u64;
    let entry = |(met, bytes): (Met, u64)| {
        total = total.saturating_add(bytes);
        let barred = if met.kind.is_symlink() {
            Some("entry-symlink")
        } else if !met.kind.is_file() {
            Some("entry-special")
        } else if total > limits.verify_bytes_max {
            Some("limit-bytes")
        } else {
            None
        };
        let source = match barred {
            Some(code) => {
                findings.push(error(code).at(&met.path, "").value("most", limits.verify_bytes_max));
                Source::Barred
            }
            None => met.as_is.map_or(Source::Below, Source::OnDisk),
        };
        Entry { path: met.path, bytes, source }
    };
    met.into_iter().zip(lengths).map(entry).collect()
}

/// Everything below `root` that is no folder, in order of path.
fn walked(root: &Path, limits: &Limits, findings: &mut Findings) -> Vec<Met> {
    let mut met = Vec::new();
    for item in walkdir::WalkDir::new(root).min_depth(1).max_depth(limits.tree_depth_max + 1) {
        let item = match item {
            Ok(item) => item,
            Err(e) => {
                let path = e.path().map(|p| relative(root, p).0).unwrap_or_default();
                findings.push(error("entry-corrupt").at(&path, "").value("cause", e));
                continue;
            }
        };
        let (path, is_utf8) = relative(root, item.path());
        if !is_utf8 {
            findings.push(error("name-not-utf8").at(&path, ""));
        }
        let kind = item.file_type();
        if kind.is_dir() {
            if item.depth() > limits.tree_depth_max {
                findings.push(error("limit-depth").at(&path, "").value("most", limits.tree_depth_max));
            }
            continue;
        }
        if met.len() as u64 >= limits.verify_entries_max {
            findings.push(error("limit-entries").value("most", limits.verify_entries_max));
            break;
        }
        met.push(Met { path, as_is: (!is_utf8).then(|| item.into_path().into()), kind });
    }
    met.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    met
}

fn relative(root: &Path, path: &Path) -> (String, bool) {
    let path = path.strip_prefix(root).unwrap_or(path);
    match path.to_str() {
        Some(text) => (text.to_owned(), true),
        None => (path.to_string_lossy().into_owned(), false),
    }
}

/// Each name by itself, and against the others: twice the same, equal but for case, at once a file and a folder.
fn check_names(entries: &[Entry], findings: &mut Findings) {
    for entry in entries {
        findings.extend(names::check(&entry.path));
    }
    for pair in entries.windows(2) {
        if pair[0].path == pair[1].path {
            findings.push(error("name-twice").at(&pair[1].path, ""));
        }
    }
    check_folded(entries, findings);
}

/// Names that some systems take for one another. Of each only a keyed number is kept: two that agree are looked at again.
fn check_folded(entries: &[Entry], findings: &mut Findings) {
    let mut folders: HashSet<u64> = HashSet::new();
    let mut folds: Vec<(u64, u32)> = Vec::with_capacity(entries.len());
    for (n, entry) in (0..).zip(entries) {
        let fold = names::fold(&entry.path);
        let (mut hasher, mut from) = (DefaultHasher::new(), 0);
        for (at, _) in fold.match_indices('/') {
            hasher.write(&fold.as_bytes()[from..at]);
            folders.insert(hasher.finish());
            hasher.write(b"/");
            from = at + 1;
        }
        hasher.write(&fold.as_bytes()[from..]);
        folds.push((hasher.finish(), n));
    }
    folds.sort_unstable();
    let path = |n: u32| entries[n as usize].path.as_str();
    for alike in folds.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
        let mut alike: Vec<(String, u32)> = alike.iter().map(|(_, n)| (names::fold(path(*n)), *n)).collect();
        alike.sort_unstable();
        for pair in alike.windows(2) {
            let (one, two) = (path(pair[0].1), path(pair[1].1));
            if pair[0].0 == pair[1].0 && one != two {
                findings.push(error("name-case-clash").at(two, "").value("other", one));
            }
        }
    }
    for (_, n) in folds.iter().filter(|(fold, _)| folders.contains(fold)) {
        findings.push(error("name-file-and-folder").at(path(*n), ""));
    }
}
