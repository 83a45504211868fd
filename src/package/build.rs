//! From a plan and its blobs to the bytes of a package: written under a temporary name, made to last, named.
//!
//! Every byte is read and digested once, as it is written: `verify` reads again for whoever asks. A build that was stopped goes on
//! where its notes end.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write};
use std::path::Path;

use super::flow::{Flow, Given, Target};
use super::listed::{Entry, Listed};
use super::profile::Body;
use super::progress::{self, Done, Progress};
use super::shape::Shapes;
use super::told::{Ear, Text};
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
        let (mut flow, digester) = Flow::begin(scope, target, done, plan.profile.wants_sha512());
        let (files, names) = extent(plan);
        flow.expect(files, names);
        let writer = Writer {
            plan,
            flow,
            progress,
            root: format!("{}/", plan.id),
            waiting: VecDeque::new(),
            // A list that doubles as it grows would hold twice what it needs.
            entries: Vec::with_capacity(files),
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

/// About how many files the package has, and the length of all their paths; of a document two are made, of the package a few.
fn extent(plan: &Plan) -> (usize, usize) {
    const OWN: usize = 16;
    let files = plan.documents.iter().flat_map(|document| &document.files);
    let (planned, names) = files.fold((0, 0), |(count, names), file| (count + 1, names + file.path.len()));
    let made = plan.documents.len() * 2 + OWN;
    let longest = plan.documents.iter().map(|document| document.metadata.path.len()).max().unwrap_or_default();
    (planned + made, names + made * longest)
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
    waiting: VecDeque<(Listed<'a>, Given)>,
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
            let listed = Listed::text(aggregation.id.as_str(), "metadati", &aggregation.metadata.path);
            self.text(listed, Text::Whole(&aggregation.metadata.text))?;
        }
        for document in &plan.documents {
            let id = document.id.as_str();
            if has_metadata {
                self.text(Listed::text(id, "metadati", &document.metadata.path), Text::Whole(&document.metadata.text))?;
            }
            for file in &document.files {
                self.blob(id, file, blobs)?;
            }
            if plan.profile.has_events() {
                let path = plan.profile.events_of(plan, document);
                self.events(Listed::text(id, "eventi", path), |ear| premis::of_document(plan, document, ear))?;
            }
        }
        let path = format!("{}/{}", plan.id, plan.profile.own_events());
        self.events(Listed::text(plan.id.as_str(), "eventi", path), |ear| premis::of_package(plan, ear))?;
        self.proven()?;
        self.closing()?;
        self.proven()?;
        drill::point("package.indexed");
        let bytes = self.flow.finish()?;
        Ok(Written { content: self.content.finish().0, bytes, files: self.files })
    }

    /// The files that list the others.
    fn closing(&mut self) -> Result<()> {
        let plan = self.plan;
        // The list is made; no more is asked of it.
        let entries = std::mem::take(&mut self.entries);
        for file in plan.profile.closing(plan, &entries)? {
            let listed = Listed::text(plan.id.as_str(), "indice", format!("{}/{}", plan.id, file.path));
            match file.body {
                Body::Whole(text) => self.text(listed, Text::Whole(&text))?,
                Body::Told(tell) => self.text(listed, Text::Told(&mut |ear| tell(ear)))?,
                Body::Judged(schema, tell) => {
                    let mut shapes = std::mem::take(&mut self.shapes);
                    let told = self.text(listed, Text::Told(&mut |ear| shapes.judged(schema, ear, |ear| tell(ear))));
                    self.shapes = shapes;
                    told?;
                }
            }
        }
        Ok(())
    }

    /// One file whose text we make.
    fn text(&mut self, mut listed: Listed<'a>, text: Text<'_>) -> Result<()> {
        let given = self.flow.text(&listed.path, text)?;
        listed.bytes = given.stored.bytes;
        self.listed(listed, given)
    }

    /// One file of PREMIS.
    fn events(&mut self, listed: Listed<'a>, tell: impl Fn(&mut Ear<'_>) -> Result<()>) -> Result<()> {
        let mut shapes = std::mem::take(&mut self.shapes);
        let told = self.text(listed, Text::Told(&mut |ear| shapes.judged(Schema::Premis, ear, &tell)));
        self.shapes = shapes;
        told
    }

    /// One blob, digested on its way; bytes that are not those recorded stop the build (invariant 8).
    fn blob(&mut self, group: &'a str, file: &'a PlannedFile, blobs: &dyn BlobReader) -> Result<()> {
        let given = self.flow.blob(file, blobs)?;
        self.listed(Listed::blob(group, file), given)
    }

    fn listed(&mut self, listed: Listed<'a>, given: Given) -> Result<()> {
        self.waiting.push_back((listed.inside(&self.root), given));
        self.take_in();
        let at = self.flow.at();
        if self.progress.as_ref().is_some_and(|progress| progress.is_due(at, self.fresh.len())) {
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
        self.flow.settle()?;
        self.take_in();
        if self.waiting.is_empty() { Ok(()) } else { Err(Error::bug("a file was written and not digested")) }
    }

    /// Lists the files whose digests are there, in their order.
    fn take_in(&mut self) {
        while let Some((listed, mut given)) = self.waiting.pop_front() {
            let is_known = given.proof.is_some();
            let Some(proof) = given.proof.take().or_else(|| self.flow.proof()) else {
                self.waiting.push_front((listed, given));
                return;
            };
            if self.progress.is_some() && !is_known {
                self.fresh.push(Done { stored: given.stored, proof: proof.clone() });
            }
            self.content.update(format!("{}  {}\n", proof.sha256, listed.path).as_bytes());
            self.files += 1;
            self.entries.push(Entry { listed, proof });
        }
    }
}
