//! Is this a good PdV of the profile `agid`? Index, completeness, digests, then what the metadata say of the files.

use std::collections::BTreeMap;

use super::container::Container;
use super::digests::Digests;
use super::findings::{Findings, Valued as _, error, note, warning};
use super::pindex::{Form, Index};
use super::schema::{self, Schema};
use super::{Options, aggregazione, digests, documento, pindex, xml};
use crate::finding::{Finding, Severity};

/// Metadata of a documento amministrativo informatico.
pub(super) const DAI: &str = "DocumentoAmministrativoInformatico.xml";
/// Metadata of a documento informatico.
pub(super) const DI: &str = "DocumentoInformatico.xml";
/// Metadata of an aggregation.
pub(super) const AGG: &str = "AggregazioneDocumentaliInformatiche.xml";
/// PREMIS events.
pub(super) const EVENTS: &str = "eventi.xml";

/// Where the files of a PdV lie, by position in the container.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The package's folder with its `/`, empty where the index lies at the root.
    pub(super) root: String,
    /// The documents by folder name.
    pub(super) documents: BTreeMap<String, Folder>,
    /// The aggregations' metadata.
    pub(super) aggregations: Vec<usize>,
    /// Events of the package.
    pub(super) events: Option<usize>,
    /// Files that the layout has no place for.
    pub(super) strangers: Vec<usize>,
}

/// The files of one document.
#[derive(Debug, Default, Clone)]
pub(super) struct Folder {
    pub(super) metadata: Vec<usize>,
    pub(super) principale: Vec<usize>,
    pub(super) allegati: BTreeMap<String, Vec<usize>>,
    pub(super) copie: Vec<usize>,
    pub(super) testo: Vec<usize>,
    pub(super) events: Option<usize>,
}

/// What the check of a PdV learned on its way, for whoever shows it.
#[derive(Debug)]
pub(super) struct Checked {
    /// What it says; empty if it could not be read.
    pub(super) index: Index,
    /// Digests of the files as they are.
    pub(super) digests: Digests,
    /// Where everything lies.
    pub(super) layout: Layout,
}

/// Checks a package with the index at position `at`: index, completeness, digests; of a PdV of ours the metadata too.
pub(super) fn check(container: &Container, (at, form): (usize, Form), options: &Options, findings: &mut Findings) -> Checked {
    let is_ours = form == Form::Agid;
    let layout = if is_ours { layout(container, at) } else { Layout::default() };
    let Some(index) = pindex::read(container, (at, form), &options.limits, findings) else {
        return Checked { layout, ..Checked::of(vec![None; container.entries().len()]) };
    };
    if container.is_lone() {
        return Checked { index, layout, ..Checked::of(vec![None]) };
    }
    pindex::check_completeness(container, at, &index, findings);
    let digests = digests::check(container, &index, findings);
    if options.only_digests {
        findings.push(note("only-digests"));
    } else if is_ours {
        check_metadata(container, &layout, &digests, (options, findings));
    }
    Checked { index, digests, layout }
}

impl Checked {
    /// What is known of a package of another kind.
    pub(super) fn of(digests: Digests) -> Self {
        Self { index: Index::default(), digests, layout: Layout::default() }
    }
}

fn check_metadata(container: &Container, layout: &Layout, digests: &Digests, (options, findings): (&Options, &mut Findings)) {
    check_layout(container, layout, findings);
    let folders: Vec<&Folder> = layout.documents.values().collect();
    let documents = super::each(folders.len(), folders.len() > super::SCHEMA_WORTH, |i| {
        documento::check(container, folders[i], digests, options)
    });
    let mut known = Vec::with_capacity(documents.len());
    for (document, found) in documents {
        findings.extend(found);
        known.extend(document);
    }
    aggregazione::check(container, &layout.aggregations, &known, (options, findings));
    match layout.events {
        Some(events) => findings.extend(premis(container, events, options)),
        None => findings.push(warning("events-missing").at(&format!("{}{EVENTS}", layout.root), "")),
    }
}

/// Where everything lies, seen from the index at position `at`.
fn layout(container: &Container, at: usize) -> Layout {
    let index = container.entries()[at].path.as_str();
    let root = pindex::folder(index);
    let mut layout = Layout { root: root.to_owned(), ..Layout::default() };
    for (i, entry) in container.entries().iter().enumerate() {
        if i == at || pindex::is_seal(&entry.path, index) {
            continue;
        }
        let is_placed = entry.path.strip_prefix(root).is_some_and(|inside| place(inside, i, &mut layout));
        if !is_placed {
            layout.strangers.push(i);
        }
    }
    layout
}

/// Where the things of a PdV lie in a package of another kind, for whoever shows it: below `root`, each path told as the profile
/// `agid` has it.
pub(super) fn layout_told(container: &Container, root: &str, told: fn(&str) -> Option<String>) -> Layout {
    let mut layout = Layout { root: root.to_owned(), ..Layout::default() };
    for (i, entry) in container.entries().iter().enumerate() {
        if let Some(inside) = entry.path.strip_prefix(root).and_then(told) {
            place(&inside, i, &mut layout);
        }
    }
    layout
}

/// A path of an E-ARK package of ours; content of other producers lies where it likes.
pub(super) fn told_of_eark(inside: &str) -> Option<String> {
    let parts: Vec<&str> = inside.split('/').collect();
    Some(match parts.as_slice() {
        ["metadata", "descriptive", name, AGG] => format!("aggregazioni/{name}/{AGG}"),
        ["metadata", "descriptive", name, file] => format!("documenti/{name}/{file}"),
        ["metadata", "preservation", "pacchetto.xml"] => EVENTS.to_owned(),
        ["metadata", "preservation", file] => format!("documenti/{}/{EVENTS}", file.strip_suffix(".xml")?),
        ["representations", _, "data", rest @ ..] => format!("documenti/{}", rest.join("/")),
        _ => return None,
    })
}

/// Gives the file at `inside` its place; false where it has none.
fn place(inside: &str, i: usize, layout: &mut Layout) -> bool {
    let parts: Vec<&str> = inside.split('/').collect();
    match parts.as_slice() {
        [EVENTS] => layout.events = Some(i),
        ["aggregazioni", _, AGG] => layout.aggregations.push(i),
        ["documenti", document, rest @ ..] if !rest.is_empty() => {
            let folder = layout.documents.entry((*document).to_owned()).or_default();
            match rest {
                [DAI | DI] => folder.metadata.push(i),
                [EVENTS] => folder.events = Some(i),
                ["principale", _] => folder.principale.push(i),
                // Annexes are attachments to Allegato 5, which has no other word for them.
                [kind @ ("allegati" | "annessi"), n, _] => folder.allegati.entry(format!("{kind}/{n}")).or_default().push(i),
                ["copie", .., _] => folder.copie.push(i),
                ["testo", .., _] => folder.testo.push(i),
                _ => return false,
            }
        }
        _ => return false,
    }
    true
}

fn check_layout(container: &Container, layout: &Layout, findings: &mut Findings) {
    for i in &layout.strangers {
        findings.push(warning("layout-stranger").at(&container.entries()[*i].path, ""));
    }
    if layout.documents.is_empty() {
        findings.push(error("documents-missing").at(&format!("{}documenti/", layout.root), ""));
    }
    if layout.aggregations.is_empty() {
        findings.push(error("aggregation-missing").at(&format!("{}aggregazioni/", layout.root), ""));
    }
    for (name, folder) in &layout.documents {
        let path = format!("{}documenti/{name}/", layout.root);
        if folder.metadata.len() != 1 {
            findings.push(error("document-metadata-count").at(&path, "").value("count", folder.metadata.len()));
        }
        if folder.principale.len() != 1 {
            findings.push(error("document-principale-count").at(&path, "").value("count", folder.principale.len()));
        }
        for (n, files) in folder.allegati.iter().filter(|(_, files)| files.len() != 1) {
            let finding = error("attachment-file-count").at(&format!("{path}{n}/"), "");
            findings.push(finding.value("count", files.len()));
        }
        if folder.events.is_none() {
            findings.push(warning("events-missing").at(&format!("{path}{EVENTS}"), ""));
        }
    }
}

/// The events file at position `at`: valid, and each event complete.
pub(super) fn premis(container: &Container, at: usize, options: &Options) -> Vec<Finding> {
    let entry = &container.entries()[at];
    let bytes = match container.bytes(entry, options.limits.metadata_bytes_max) {
        Ok(bytes) => bytes,
        Err(fault) => return vec![*fault],
    };
    let mut events = 0_u32;
    let mut found = Vec::new();
    let root = xml::harvest(&bytes, &entry.path, &["event"], &mut |event| {
        events += 1;
        let when = event.text_at("eventDateTime");
        if when.parse::<jiff::Timestamp>().is_err() && when.parse::<jiff::civil::DateTime>().is_err() {
            let place = format!("event[{events}]/eventDateTime");
            found.push(warning("event-time").at(&entry.path, &place).clause("PREMIS 2.3").value("time", when));
        }
    });
    if let Err(fault) = root {
        return vec![*fault];
    }
    if events == 0 {
        found.push(warning("events-empty").at(&entry.path, ""));
    }
    // Our schema is a subset of PREMIS 3: what it refuses in a package of somebody else may well be good PREMIS.
    let breaches = schema::breaches(Schema::Premis, &bytes, &entry.path);
    found.extend(breaches.into_iter().map(|finding| Finding { severity: Severity::Warning, ..finding }));
    found
}
