//! How does it leave? `plan` (pure) and `build` (bytes): the PdV in one of its profiles, its index and its events.
//!
//! The plan fixes everything that could vary (id, one instant, journal head, order, names, writer version), so that
//! `build` is a pure function of the plan and the blobs: the same bytes every time (design.md section 6, invariant 8).
//! SINCRO.md beside this file says clause by clause how the index meets UNI 11386:2020.

mod bagit;
mod build;
mod container;
mod eark;
mod facts;
mod flow;
mod layout;
mod listed;
mod names;
mod pdd;
mod piece;
mod pindex;
mod plan;
mod premis;
mod profile;
mod progress;
mod sacer;
mod shape;
mod told;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

pub use plan::{Division, Share};
pub use profile::Profile;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aggregation::{Aggregation, AggregationId, TipoAggregazione};
use crate::digest::Digest;
use crate::document::{Component, Copy, Document, DocumentId};
use crate::ente::Ente;
use crate::error::Result;
use crate::event::{Event, JournalHead};
use crate::limits::Limits;
use crate::messages::Lang;
use crate::pdv::{PdvId, Versatore};

/// Gives the bytes of a blob. The only thing of the archive that `build` sees.
pub trait BlobReader {
    /// Opens the blob of that digest for one reading from its beginning.
    fn open(&self, sha256: &Digest) -> Result<Box<dyn Read>>;
}

/// Describes an aggregation for the documents of one part; `describe::aggregation` behind a closure of the spine.
pub type DescribeAggregation<'a> = dyn Fn(&Aggregation, &[DocumentId]) -> Result<String> + 'a;

/// What to plan.
pub struct PlanOrder<'a> {
    /// In which form.
    pub profile: Profile,
    /// Whose documents.
    pub ente: &'a Ente,
    /// The one instant of the package.
    pub instant: Timestamp,
    /// The head of the ente's journal at that instant (invariant 6).
    pub journal: JournalHead,
    /// Version of the writer (`0.1.0`).
    pub version: &'a str,
    /// Gives the metadata file of an aggregation, listing those documents.
    pub describe_aggregation: &'a DescribeAggregation<'a>,
    /// Ceilings.
    pub limits: &'a Limits,
    /// Names at Sacer, for that profile.
    pub versatore: Option<&'a Versatore>,
}

/// What a package for a reader (PdD) leaves out, and says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// Reserved documents that were asked for: their ids alone, nothing of what they say.
    pub riservati: Vec<DocumentId>,
}

/// One document as it goes into a package.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// The document.
    pub document: Document,
    /// Its aggregation; a document that is not filed is refused by the plan.
    pub aggregation: Option<Aggregation>,
    /// Its components.
    pub components: Vec<Component>,
    /// Its copies (`pdfa`, `alto`, `text`).
    pub copies: Vec<Copy>,
    /// Its metadata file, `Described::xml`; a document without one is refused by the plan.
    pub metadata: Option<String>,
    /// Its events, oldest first.
    pub events: Vec<Event>,
}

/// A plan: with the blobs, all that `build` needs. Kept as JSON in the row of the Pdv.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form, 1.
    pub form: u32,
    /// Id of the Pdv.
    pub id: PdvId,
    /// Its profile.
    pub profile: Profile,
    /// The one instant.
    pub instant: Timestamp,
    /// Head of the journal.
    pub journal: JournalHead,
    /// Version of the writer.
    pub version: String,
    /// The ente, as far as the package names it.
    pub ente: Titolare,
    /// The aggregation.
    pub aggregation: PlannedAggregation,
    /// Which part of how many.
    pub part: Part,
    /// The documents, in the order in which they are written.
    pub documents: Vec<PlannedDocument>,
    /// Names at Sacer, of a plan for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versatore: Option<Versatore>,
    /// Of a package for a reader: what is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
}

/// The ente as far as a package names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Titolare {
    /// IPA code.
    pub codice_ipa: String,
    /// Name.
    pub denominazione: String,
    /// Tax code, where known.
    pub codice_fiscale: Option<String>,
    /// True of a trial archive.
    pub prova: bool,
    /// Responsabile della gestione documentale: produttore of the PdV.
    pub gestione: crate::ente::Persona,
    /// Responsabile della conservazione.
    pub conservazione: crate::ente::Persona,
    /// Title and date of the manuals.
    pub manuali: crate::ente::Manuali,
}

/// The aggregation of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedAggregation {
    /// Its id.
    pub id: AggregationId,
    /// Its kind.
    pub tipo: TipoAggregazione,
    /// Its object.
    pub oggetto: String,
    /// Its metadata file.
    pub metadata: PlannedText,
}

/// One part of the documents that were planned together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Number, from 1.
    pub n: u32,
    /// How many there are.
    pub of: u32,
    /// What ties the parts.
    pub group: String,
    /// Id of the part before this one, of the first none.
    pub previous: Option<PdvId>,
}

/// A file whose text stands in the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedText {
    /// Path in the package.
    pub path: String,
    /// The text.
    pub text: String,
}

/// One document of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its folder in the package, ending with `/`.
    pub folder: String,
    /// Its metadata file.
    pub metadata: PlannedText,
    /// Its files, principal first.
    pub files: Vec<PlannedFile>,
    /// Its events.
    pub events: Vec<Event>,
}

/// One file of a plan whose bytes are a blob.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Path in the package.
    pub path: String,
    /// `principale`, `allegato`, `annesso`, or the kind of a copy.
    pub role: String,
    /// Id of the object in PREMIS and PIndex.
    pub object: String,
    /// Digest.
    pub sha256: Digest,
    /// Size.
    pub bytes: u64,
    /// Media type.
    pub mime: String,
    /// PRONOM id, where known.
    pub puid: Option<String>,
    /// True name, as `FileName::exact` writes it; none of a copy.
    pub name: Option<String>,
    /// Of a copy: the object that it was made of, and by whom.
    pub made_of: Option<(String, String)>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The package under its final name.
    pub path: PathBuf,
    /// Digest of its content, as of [`Written`].
    pub content: Digest,
    /// Its size.
    pub bytes: u64,
    /// Number of files in it.
    pub files: u64,
}

/// What was written into a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Digest of its content: SHA-256 of what `sha256sum` prints of its files, in their order, in its folder. It binds every byte of
    /// every file without a second reading; anybody can tell it with `unzip` and `sha256sum`.
    pub content: Digest,
    /// How many they are.
    pub bytes: u64,
    /// Number of files among them.
    pub files: u64,
}

/// Plans packages of these documents, which may be of several aggregations: one aggregation each, split at the ceilings, in a fixed
/// order. Pure: nothing is read or written. [`Division`] does the same part by part, for more documents than memory has room for.
///
/// A document that is not described or not filed refuses the whole order (invariant 8), and says which one.
pub fn plan(order: &PlanOrder<'_>, documents: &[Parcel]) -> Result<Vec<Plan>> {
    plan::plans(order, documents)
}

/// Builds the package of `plan` in `target_folder`, or finds it there whole.
///
/// It stands under its final name, `PdV_<id>.zip`, only when complete: written under a temporary name, fsync, rename, fsync of the
/// folder. A build that was stopped goes on where it was. Nothing is read again; `verify` does that.
pub fn build(plan: &Plan, blobs: &dyn BlobReader, target_folder: &Path) -> Result<Built> {
    build::package(plan, blobs, target_folder)
}

/// Writes the bytes of the package of `plan` into `sink`, front to end: the same that [`build()`] puts into a file.
pub fn stream(plan: &Plan, blobs: &dyn BlobReader, sink: &mut dyn Write) -> Result<Written> {
    build::stream(plan, blobs, sink)
}

impl Plan {
    /// The digests of the blobs that `build` will ask for.
    pub fn blobs(&self) -> impl Iterator<Item = &Digest> {
        self.documents.iter().flat_map(|document| &document.files).map(|file| &file.sha256)
    }

    /// What goes where, for a person.
    pub fn summary(&self, lang: Lang) -> String {
        layout::summary(self, lang)
    }

    /// What goes where, as JSON.
    pub fn summary_json(&self) -> serde_json::Value {
        layout::summary_json(self)
    }
}
