//! What is in this package? `inspect` opens it for a person: tree, metadata, pages with their text, events, verdict.

mod alto;
mod document;
mod others;
pub(super) mod page;
mod section;
mod tables;
mod terminal;

use std::path::Path;

pub use page::inspections_html;

use super::agid::Checked;
use super::container::Container;
use super::layout::Layout;
use super::outcome::Report;
use super::xml::{self, Element};
use super::{Options, examine, rules};
use crate::error::Result;
use crate::messages::Lang;
use crate::scratch::ScratchRoot;
use document::{DocumentView, FileView};

/// Longest side of a page picture, pixels: legible, and a hundred of them still make a page that a browser opens.
const SIDE_MAX: u32 = 1_100;

/// Whoever can make a picture of a page: the rim gives one that asks a child process, since page files are hostile.
pub trait Pictures {
    /// A page of `file` as a JPEG; `None` where there is no such page or it cannot be shown.
    fn picture(&self, file: &Path, mime: &str, sight: Sight) -> Option<Vec<u8>>;
}

/// Which page is to be pictured, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// The page, from 1.
    pub page: u32,
    /// Degrees clockwise that bring it upright: 0, 90, 180, 270.
    pub rotation: u16,
    /// Most pixels a side.
    pub side_max: u32,
}

/// Nobody makes pictures: text and metadata alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPictures;

impl Pictures for NoPictures {
    fn picture(&self, _: &Path, _: &str, _: Sight) -> Option<Vec<u8>> {
        None
    }
}

/// How a package is to be shown.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Who makes the pictures.
    pub pictures: &'a dyn Pictures,
    /// Most pages shown of one package.
    pub count: usize,
    /// Where a document's file is put for a moment, while its pages are pictured.
    pub scratch: &'a ScratchRoot,
}

/// A package as a person sees it.
#[derive(Debug)]
pub struct Inspection {
    /// The verdict with its findings.
    pub report: Report,
    id: String,
    label: String,
    /// What it holds, in a line.
    description: String,
    ente: String,
    time: String,
    application: String,
    prova: bool,
    journal: Option<(String, String)>,
    files: Vec<FileView>,
    aggregations: Vec<(String, Element)>,
    /// Metadata in the words of others.
    others: Vec<(String, Element)>,
    documents: Vec<DocumentView>,
    events: Vec<Event>,
    documents_left_out: usize,
    pages_left_out: usize,
    pages_asked: usize,
}

/// One PREMIS event, as shown.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    when: String,
    kind: String,
    outcome: String,
    agent: String,
    detail: String,
}

/// Opens the package at `path` for a person. Whatever is wrong with it is in the report; an error means that `path` cannot be read.
pub fn inspect(path: &Path, options: &Options, view: &View<'_>) -> Result<Inspection> {
    let examined = examine(path, options)?;
    let Some((container, checked)) = examined.inside else { return Ok(Inspection::of(examined.report)) };
    let mut inspection = Inspection::of(examined.report);
    inspection.describe(&checked);
    inspection.files = (0..container.entries().len()).map(|i| document::file(&container, &checked, i)).collect();
    inspection.aggregations = aggregations(&container, &checked.layout, options);
    if inspection.report.profile != "agid" {
        inspection.others = others::metadata(&container, &checked);
    }
    if let Some(at) = checked.layout.events {
        inspection.events = events(&container, at, options);
    }
    let layout = &checked.layout;
    let shown = layout.count().min(options.limits.pdv_documents_max);
    inspection.documents_left_out = layout.count() - shown;
    let mut eye = document::Eye::new((&container, &checked), options, view);
    for n in 0..shown {
        inspection.documents.push(eye.document(&layout.folder(&container, n))?);
    }
    inspection.pages_left_out = eye.left_out;
    inspection.pages_asked = view.count;
    Ok(inspection)
}

impl Inspection {
    fn of(report: Report) -> Self {
        let id = Path::new(&report.package)
            .file_name()
            .map_or_else(|| report.package.clone(), |name| name.to_string_lossy().into_owned());
        Self {
            report,
            id,
            label: String::new(),
            description: String::new(),
            ente: String::new(),
            time: String::new(),
            application: String::new(),
            prova: false,
            journal: None,
            files: Vec::new(),
            aggregations: Vec::new(),
            others: Vec::new(),
            documents: Vec::new(),
            events: Vec::new(),
            documents_left_out: 0,
            pages_left_out: 0,
            pages_asked: 0,
        }
    }

    /// What the index says of the package as a whole.
    fn describe(&mut self, checked: &Checked) {
        let root = &checked.index.root;
        let volume = root.text_at("PVolume/ID");
        if !volume.is_empty() {
            volume.clone_into(&mut self.id);
        }
        root.text_at("PVolume/Label").clone_into(&mut self.label);
        root.text_at("PVolume/Description").clone_into(&mut self.description);
        let process = root.child("Process");
        let holder = process.and_then(|p| p.child("Holder")).or_else(|| process.and_then(|p| p.child("Submitter")));
        if let Some(name) = holder.and_then(|holder| holder.child("AgentName")) {
            self.ente = agent_name(name);
        }
        let time = root.at("Process/TimeReference").and_then(|time| time.children.first());
        self.time = time.map_or_else(String::new, |time| time.text.clone());
        if let Some(application) = root.at("SelfDescription/CreatingApplication") {
            self.application = format!("{} {}", application.text_at("Name"), application.text_at("Version"));
        }
        self.prova = rules::says_prova(root);
        self.journal = rules::journal_head(root);
    }

    /// What it is called: what it holds, else its id.
    fn title(&self) -> &str {
        if self.description.is_empty() { &self.id } else { &self.description }
    }

    /// The package for a terminal.
    pub fn text(&self, lang: Lang) -> String {
        terminal::text(self, lang)
    }

    /// The package as one self-contained HTML file.
    pub fn html(&self, lang: Lang) -> String {
        inspections_html(std::slice::from_ref(self), lang)
    }
}

fn agent_name(name: &Element) -> String {
    match name.child("NameAndSurname") {
        Some(person) => format!("{} {}", person.text_at("FirstName"), person.text_at("LastName")),
        None => name.text_at("FormalName").to_owned(),
    }
}

fn aggregations(container: &Container, layout: &Layout, options: &Options) -> Vec<(String, Element)> {
    let read = |i: &usize| {
        let entry = &container.entries()[*i];
        let bytes = container.bytes(entry, options.limits.metadata_bytes_max).ok()?;
        let mut root = xml::harvest(&bytes, &entry.path, &["TipoDocumento"], &mut |_| ()).ok()?;
        // The documents themselves are shown below with all that they are; their list adds nothing.
        root.children.retain(|child| child.name != "IndiceDocumenti");
        Some((entry.path.clone(), root))
    };
    layout.aggregations.iter().filter_map(read).collect()
}

/// The events of the file at position `at`, in the order of the file.
fn events(container: &Container, at: usize, options: &Options) -> Vec<Event> {
    /// Most events shown of one file.
    const EVENTS_MAX: usize = 1_000;
    let entry = &container.entries()[at];
    let Ok(bytes) = container.bytes(entry, options.limits.metadata_bytes_max) else { return Vec::new() };
    let mut events = Vec::new();
    let mut take = |event: Element| {
        if events.len() < EVENTS_MAX {
            events.push(Event {
                when: event.text_at("eventDateTime").to_owned(),
                kind: event.text_at("eventType").to_owned(),
                outcome: event.text_at("eventOutcomeInformation/eventOutcome").to_owned(),
                agent: event.text_at("linkingAgentIdentifier/linkingAgentIdentifierValue").to_owned(),
                detail: event.text_at("eventDetailInformation/eventDetail").to_owned(),
            });
        }
    };
    // A file broken half-way still shows what stands before the break; the report says that it is broken.
    drop(xml::harvest(&bytes, &entry.path, &["event"], &mut take));
    events
}
