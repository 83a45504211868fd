//! From a plan and its blobs to the bytes of a package: written under a temporary name, read again, made to last, named.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use sha2::{Digest as _, Sha512};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::pindex::Entry;
use super::{BlobReader, Built, Plan, PlannedFile, premis};
use crate::digest::{Digest, Hasher};
use crate::drill;
use crate::error::{Error, Kind, Result};
use crate::schemas::Schema;

const BUFFER_BYTES: usize = 256 * 1024;
/// What is read at once of the container's headers: each is sought on its own, and what was read ahead is thrown away.
const HEADER_BYTES: usize = 512;

/// Builds the package and gives it its final name. A package of that id that is already there is the same bytes, or the
/// build stops: nothing under a final name is ever replaced by something else.
pub(super) fn package(plan: &Plan, blobs: &dyn BlobReader, target_folder: &Path) -> Result<Built> {
    let last = target_folder.join(format!("PdV_{}.zip", plan.id));
    let temporary = target_folder.join(format!(".PdV_{}.zip.part", plan.id));
    let built = write_and_check(plan, blobs, &temporary).and_then(|built| settle(&built, &temporary, &last, target_folder));
    if built.is_err() {
        // What was begun is of no use; a remainder that cannot be removed is overwritten by the next attempt.
        let _ = std::fs::remove_file(&temporary);
    }
    built
}

fn write_and_check(plan: &Plan, blobs: &dyn BlobReader, temporary: &Path) -> Result<Built> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(temporary);
    let file = file.map_err(|e| Error::disk("create package", temporary, e))?;
    drill::point("package.begun");
    let zip = ZipWriter::new(BufWriter::with_capacity(BUFFER_BYTES, file));
    let root = format!("{}/", plan.id);
    let mut writer = Writer { zip, entries: Vec::new(), temporary, root, has_sha512: plan.profile.wants_sha512() };
    writer.contents(plan, blobs)?;
    drill::point("package.indexed");
    let Writer { zip, entries, .. } = writer;
    let buffered = zip.finish().map_err(|e| zip_failed(temporary, e))?;
    let file = buffered.into_inner().map_err(|e| Error::disk("write package", temporary, e.into_error()))?;
    drill::point("package.written");
    let built = read_again(temporary, &entries)?;
    file.sync_all().map_err(|e| Error::disk("sync package", temporary, e))?;
    drill::point("package.synced");
    Ok(built)
}

/// Gives the checked package its final name and makes the name last.
#[expect(clippy::disallowed_methods, reason = "the rename stands between the fsync of the file and that of its folder")]
fn settle(built: &Built, temporary: &Path, last: &Path, folder: &Path) -> Result<Built> {
    if last.exists() {
        let there = File::open(last).and_then(Digest::of_reader).map_err(|e| Error::disk("read package", last, e))?;
        if there != (built.sha256, built.bytes) {
            return Err(Error::new(Kind::Store, "package-other-there").with("path", last.display()));
        }
    }
    std::fs::rename(temporary, last).map_err(|e| Error::disk("name package", last, e))?;
    drill::point("package.named");
    let folder_file = File::open(folder).map_err(|e| Error::disk("open folder", folder, e))?;
    folder_file.sync_all().map_err(|e| Error::disk("sync folder", folder, e))?;
    drill::point("package.settled");
    Ok(Built { path: last.to_owned(), ..built.clone() })
}

/// The package in the making: what is written is digested in the same pass and listed.
struct Writer<'a> {
    zip: ZipWriter<BufWriter<File>>,
    entries: Vec<Entry>,
    temporary: &'a Path,
    /// The package's only top folder, from which the index counts its paths.
    root: String,
    /// Whether the index carries SHA-512 too.
    has_sha512: bool,
}

impl Writer<'_> {
    /// All files in their fixed order, the index last.
    fn contents(&mut self, plan: &Plan, blobs: &dyn BlobReader) -> Result<()> {
        let mut buffer = vec![0_u8; BUFFER_BYTES];
        let aggregation = &plan.aggregation;
        let metadata = &aggregation.metadata;
        let has_metadata = !plan.profile.embeds_metadata();
        if has_metadata {
            self.text(aggregation.id.as_str(), "metadati", &metadata.path, &metadata.text)?;
        }
        for document in &plan.documents {
            let id = document.id.as_str();
            if has_metadata {
                self.text(id, "metadati", &document.metadata.path, &document.metadata.text)?;
            }
            for file in &document.files {
                self.blob(id, file, blobs, &mut buffer)?;
            }
            let events = premis::of_document(plan, document);
            Schema::Premis.ensure_ours(&events)?;
            self.text(id, "eventi", &plan.profile.events_of(plan, document), &events)?;
        }
        let events = premis::of_package(plan);
        Schema::Premis.ensure_ours(&events)?;
        self.text(plan.id.as_str(), "eventi", &format!("{}/{}", plan.id, plan.profile.own_events()), &events)?;
        for file in plan.profile.closing(plan, &self.entries)? {
            self.text(plan.id.as_str(), "indice", &format!("{}/{}", plan.id, file.path), &file.text)?;
        }
        Ok(())
    }

    /// One file whose text we made.
    fn text(&mut self, group: &str, what: &str, path: &str, text: &str) -> Result<()> {
        self.start(path, text.len() as u64)?;
        self.zip.write_all(text.as_bytes()).map_err(|e| Error::disk("write package", self.temporary, e))?;
        self.entries.push(Entry {
            group: group.to_owned(),
            object: format!("{group}/{what}"),
            path: self.inner(path),
            mime: "application/xml".to_owned(),
            bytes: text.len() as u64,
            sha256: Digest::of(text.as_bytes()),
            sha512: self.has_sha512.then(|| super::bagit::sha512(text)),
            copy_of: None,
        });
        drill::point("package.entry");
        Ok(())
    }

    /// One blob, read once for copy and digest; bytes that are not those recorded stop the build (invariant 8).
    fn blob(&mut self, group: &str, file: &PlannedFile, blobs: &dyn BlobReader, buffer: &mut [u8]) -> Result<()> {
        let mut source = blobs.open(&file.sha256)?;
        self.start(&file.path, file.bytes)?;
        let mut hasher = Hasher::default();
        let mut longer = self.has_sha512.then(Sha512::new);
        // One byte past the recorded length is enough to see that there is more.
        let mut source = (&mut source).take(file.bytes.saturating_add(1));
        loop {
            let read = match source.read(buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::new(Kind::Store, "blob-unreadable").with("sha256", file.sha256).because(e)),
            };
            hasher.update(&buffer[..read]);
            if let Some(longer) = &mut longer {
                longer.update(&buffer[..read]);
            }
            self.zip.write_all(&buffer[..read]).map_err(|e| Error::disk("write package", self.temporary, e))?;
        }
        let (sha256, bytes) = hasher.finish();
        if (sha256, bytes) != (file.sha256, file.bytes) {
            return Err(Error::new(Kind::Store, "blob-differs").with("object", &file.object).with("sha256", file.sha256));
        }
        self.entries.push(Entry {
            group: group.to_owned(),
            object: file.object.clone(),
            path: self.inner(&file.path),
            mime: file.mime.clone(),
            bytes,
            sha256,
            sha512: longer.map(|longer| super::bagit::hex(&longer.finalize())),
            copy_of: file.made_of.as_ref().map(|(source, _)| source.clone()),
        });
        drill::point("package.entry");
        Ok(())
    }

    /// Stored, not deflated; one time, one mode; ZIP64 where the length asks for it: nothing depends on where or when.
    fn start(&mut self, path: &str, bytes: u64) -> Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(bytes >= u64::from(u32::MAX));
        self.zip.start_file(path, options).map_err(|e| zip_failed(self.temporary, e))
    }

    /// The path from the folder of the index.
    fn inner(&self, path: &str) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }
}

/// Reads the package as it lies on the disk: every entry is there, in order, whole by its checksum; and the whole has its
/// digest. The headers first, then the whole file once from front to end.
fn read_again(temporary: &Path, entries: &[Entry]) -> Result<Built> {
    let failed = |e| Error::disk("read package", temporary, e);
    let mut file = File::open(temporary).map_err(failed)?;
    let mut stretches = stretches(&file, temporary, entries)?.into_iter();
    file.rewind().map_err(failed)?;
    let (mut hasher, mut sum, mut at) = (Hasher::default(), flate2::Crc::new(), 0_u64);
    let mut current = stretches.next();
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    loop {
        let n = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(failed(e)),
        };
        hasher.update(&buffer[..n]);
        let end = at + n as u64;
        while let Some(stretch) = current.as_ref().filter(|stretch| stretch.start < end || stretch.end <= end) {
            let (from, to) = (stretch.start.max(at) - at, stretch.end.min(end) - at);
            sum.update(&buffer[usize::try_from(from).unwrap_or(n).min(n)..usize::try_from(to).unwrap_or(n).min(n)]);
            if stretch.end > end {
                break;
            }
            if sum.sum() != stretch.crc {
                return Err(Error::bug("an entry of the package read again is not what was written"));
            }
            sum.reset();
            current = stretches.next();
        }
        at = end;
    }
    if current.is_some() {
        return Err(Error::bug("the package read again ends before its entries"));
    }
    let (sha256, bytes) = hasher.finish();
    Ok(Built { path: temporary.to_owned(), sha256, bytes, files: entries.len() as u64 })
}

/// Where the bytes of an entry lie in the package, and their checksum.
struct Stretch {
    start: u64,
    end: u64,
    crc: u32,
}

/// The entries as the container's own headers tell them, checked against what was written.
fn stretches(file: &File, temporary: &Path, entries: &[Entry]) -> Result<Vec<Stretch>> {
    let mut zip = ZipArchive::new(BufReader::with_capacity(HEADER_BYTES, file)).map_err(|e| zip_failed(temporary, e))?;
    if zip.len() != entries.len() {
        return Err(Error::bug("the package read again has another number of entries"));
    }
    let mut stretches: Vec<Stretch> = Vec::with_capacity(entries.len());
    for (n, entry) in entries.iter().enumerate() {
        let found = zip.by_index_raw(n).map_err(|e| zip_failed(temporary, e))?;
        let is_same = found.name().is_ok_and(|name| name.ends_with(&entry.path)) && found.size() == entry.bytes;
        let start = found.data_start().filter(|start| stretches.last().is_none_or(|before| before.end <= *start));
        let Some(start) = start.filter(|_| is_same) else {
            return Err(Error::bug("the package read again has another entry in this place"));
        };
        stretches.push(Stretch { start, end: start + found.size(), crc: found.crc32() });
    }
    Ok(stretches)
}

fn zip_failed(temporary: &Path, error: zip::result::ZipError) -> Error {
    match error {
        zip::result::ZipError::Io(io) => Error::disk("write package", temporary, io),
        other => Error::bug(format!("package container: {other}")),
    }
}
