//! From a plan and its blobs to the bytes of a package: written under a temporary name, made to last, named.
//!
//! Every byte is read and digested once, as it is written: `verify` reads again for whoever asks. A build that was stopped goes on
//! where its notes end.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write};
use std::path::Path;

use super::flow::{Flow, Proof, Target};
use super::listed::{Entry, Listed};
use super::progress::{self, Done, Progress};
use super::shape::Shapes;
use super::{BlobReader, Built, Plan, PlannedFile, Written, premis};
use crate::digest::Hasher;
use crate::drill;
use crate::error::{Error, Kind, Result};
use crate::schemas::Schema;

/// Builds the package and gives it its final name. A package of that id that is already there is the same bytes, or the
/// build stops: nothing under a final name is ever replaced by something else.
pub(super) fn package(plan: &Plan, blobs: &dyn BlobReader, target_folder: &Path) -> Result<Built> {
    let name = plan.profile.file_name(&plan.id);
    let last = target_folder.join(format!("{name}.zip"));
    let temporary = target_folder.join(format!(".{name}.zip.part"));
    let built = write(plan, blobs, &temporary).and_then(|written| settle(&written, &temporary, &last, target_folder));
    if built.is_err() {
        // What was begun is of no use after an error; a remainder that cannot be removed is cut by the next attempt.
        let _ = std::fs::remove_file(&temporary);
        progress::forget(&temporary);
    }
    built
}

fn write(plan: &Plan, blobs: &dyn BlobReader, temporary: &Path) -> Result<Written> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(temporary);
    let file = file.map_err(|e| Error::disk("create package", temporary, e))?;
    drill::point("package.begun");
    let (progress, done) = Progress::taken_up(plan, (&file, temporary))?;
    let written = into((plan, blobs), Target::File(&file, temporary), Some(progress), done)?;
    drill::point("package.written");
    file.sync_all().map_err(|e| Error::disk("sync package", temporary, e))?;
    drill::point("package.synced");
    Ok(written)
}

/// Writes the package into `sink`, from its beginning.
pub(super) fn stream(plan: &Plan, blobs: &dyn BlobReader, sink: &mut dyn Write) -> Result<Written> {
    into((plan, blobs), Target::Stream(sink), None, VecDeque::new())
}

fn into<'a>(
    (plan, blobs): (&'a Plan, &'a dyn BlobReader),
    target: Target<'a>,
    progress: Option<Progress<'a>>,
    done: VecDeque<Done>,
) -> Result<Written> {
    std::thread::scope(|scope| {
        let (flow, digester) = Flow::begin(scope, target, done, plan.profile.wants_sha512());
        let writer = Writer {
            plan,
            flow,
            progress,
            root: format!("{}/", plan.id),
            waiting: Vec::new(),
            entries: Vec::new(),
            fresh: Vec::new(),
            shapes: Shapes::default(),
            content: Hasher::default(),
            files: 0,
        };
        let written = writer.whole(blobs);
        // The flow is gone, so that the digester comes to its end; its own error is the reason of the other one.
        let outcome = digester.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome.and(written)
    })
}

/// Gives the whole package its final name and makes the name last.
#[expect(clippy::disallowed_methods, reason = "the rename stands between the fsync of the file and that of its folder")]
fn settle(written: &Written, temporary: &Path, last: &Path, folder: &Path) -> Result<Built> {
    if last.exists() && !are_same(last, temporary).map_err(|e| Error::disk("read package", last, e))? {
        return Err(Error::new(Kind::Store, "package-other-there").with("path", last.display()));
    }
    progress::forget(temporary);
    std::fs::rename(temporary, last).map_err(|e| Error::disk("name package", last, e))?;
    drill::point("package.named");
    let folder_file = File::open(folder).map_err(|e| Error::disk("open folder", folder, e))?;
    folder_file.sync_all().map_err(|e| Error::disk("sync folder", folder, e))?;
    drill::point("package.settled");
    let Written { content, bytes, files } = *written;
    Ok(Built { path: last.to_owned(), content, bytes, files })
}

/// True of two files of the same bytes.
fn are_same(one: &Path, other: &Path) -> std::io::Result<bool> {
    const BUFFER_BYTES: usize = 256 << 10;
    let (one, other) = (File::open(one)?, File::open(other)?);
    let mut left = one.metadata()?.len();
    if left != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut here, mut there) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
        (&one).read_exact(&mut here[..most])?;
        (&other).read_exact(&mut there[..most])?;
        if here[..most] != there[..most] {
            return Ok(false);
        }
        left -= most as u64;
    }
    Ok(true)
}

/// The package in the making: what is written is digested in the same pass and listed.
struct Writer<'a> {
    plan: &'a Plan,
    flow: Flow<'a>,
    progress: Option<Progress<'a>>,
    /// The package's only top folder, from which the index counts its paths.
    root: String,
    /// Files given to the flow whose digests are not back yet; those of a stopped run have theirs.
    waiting: Vec<(Listed<'a>, Option<Proof>)>,
    entries: Vec<Entry<'a>>,
    /// What the next note says.
    fresh: Vec<Done>,
    shapes: Shapes,
    /// The digest of the whole content in the making (see [`Written`]).
    content: Hasher,
    files: u64,
}

impl<'a> Writer<'a> {
    /// All files in their fixed order, those that list the others last.
    fn whole(mut self, blobs: &dyn BlobReader) -> Result<Written> {
        let plan = self.plan;
        let aggregation = &plan.aggregation;
        let has_metadata = !plan.profile.embeds_metadata();
        if has_metadata {
            self.text(Listed::text(aggregation.id.as_str(), "metadati", &aggregation.metadata.path), |_| {
                Ok(&aggregation.metadata.text)
            })?;
        }
        for document in &plan.documents {
            let id = document.id.as_str();
            if has_metadata {
                self.text(Listed::text(id, "metadati", &document.metadata.path), |_| Ok(&document.metadata.text))?;
            }
            for file in &document.files {
                self.blob(id, file, blobs)?;
            }
            if !plan.profile.has_events() {
                continue;
            }
            let path = plan.profile.events_of(plan, document);
            self.text(Listed::text(id, "eventi", path), |shapes| {
                let events = premis::of_document(plan, document);
                shapes.ensure(Schema::Premis, &events)?;
                Ok(events)
            })?;
        }
        let path = format!("{}/{}", plan.id, plan.profile.own_events());
        self.text(Listed::text(plan.id.as_str(), "eventi", path), |_| {
            let events = premis::of_package(plan);
            Schema::Premis.ensure_ours(&events)?;
            Ok(events)
        })?;
        self.proven()?;
        let closing = plan.profile.closing(plan, &self.entries, &mut self.shapes)?;
        // The list is made; no more is asked of it.
        self.entries = Vec::new();
        for file in closing {
            let path = format!("{}/{}", plan.id, file.path);
            self.text(Listed::text(plan.id.as_str(), "indice", path), |_| Ok(file.text))?;
        }
        self.proven()?;
        drill::point("package.indexed");
        let bytes = self.flow.finish()?;
        Ok(Written { content: self.content.finish().0, bytes, files: self.files })
    }

    /// One file whose text we make.
    fn text<T: AsRef<str>>(&mut self, mut listed: Listed<'a>, make: impl FnOnce(&mut Shapes) -> Result<T>) -> Result<()> {
        let shapes = &mut self.shapes;
        let given = self.flow.text(&listed.path, || make(shapes))?;
        listed.bytes = given.bytes;
        self.listed(listed, given.proof)
    }

    /// One blob, digested on its way; bytes that are not those recorded stop the build (invariant 8).
    fn blob(&mut self, group: &'a str, file: &'a PlannedFile, blobs: &dyn BlobReader) -> Result<()> {
        let given = self.flow.blob(file, blobs)?;
        self.listed(Listed::blob(group, file), given.proof)
    }

    fn listed(&mut self, listed: Listed<'a>, proof: Option<Proof>) -> Result<()> {
        self.waiting.push((listed.inside(&self.root), proof));
        let at = self.flow.at();
        if self.progress.as_ref().is_some_and(|progress| progress.is_due(at)) {
            self.proven()?;
            if let Some(progress) = &mut self.progress {
                progress.note(at, &self.fresh)?;
                self.fresh.clear();
            }
        }
        drill::point("package.entry");
        Ok(())
    }

    /// Waits for the digests of all that was given.
    fn proven(&mut self) -> Result<()> {
        let proofs = self.flow.report()?;
        let mut new = proofs.into_iter().zip(std::mem::take(&mut self.flow.since));
        for (listed, proof) in self.waiting.drain(..) {
            let proof = if let Some(proof) = proof {
                proof
            } else {
                let (proof, stored) = new.next().ok_or_else(|| Error::bug("a file was written and not digested"))?;
                if self.progress.is_some() {
                    self.fresh.push(Done { stored, proof: proof.clone() });
                }
                proof
            };
            self.content.update(format!("{}  {}\n", proof.sha256, listed.path).as_bytes());
            self.files += 1;
            self.entries.push(Entry { listed, proof });
        }
        Ok(())
    }
}
