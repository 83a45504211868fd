//! What goes where in a package? The files of one document with their paths (design.md section 6), and the view of a plan.

use std::fmt::Write as _;

use super::names::{NAME_BYTES_MAX, Taken, travelling};
use super::sacer::component_id;
use super::{Parcel, Plan, PlannedDocument, PlannedFile, PlannedText, Profile};
use crate::document::{Component, Copy, Role};
use crate::error::{Error, Result};
use crate::messages::{Lang, Message};
use crate::pdv::PdvId;

/// One document with its files, principal first, then attachments, annexes and copies.
pub(super) fn planned_document(id: &PdvId, profile: Profile, parcel: &Parcel) -> Result<PlannedDocument> {
    let document = &parcel.document;
    let name = travelling(document.id.as_str(), &mut Taken::default());
    let folder = format!("{id}/{}", profile.content(&name));
    let mut components: Vec<&Component> = parcel.components.iter().collect();
    components.sort_by_key(|component| (component.role, component.n));
    if components.iter().filter(|component| component.role == Role::Principale).count() != 1 {
        return Err(Error::hold("package-not-described").with("document", &document.id));
    }
    let mut files: Vec<PlannedFile> =
        components.iter().map(|component| component_file(&folder, document.id.as_str(), component)).collect();
    let mut copies = Copies { folder: &folder, document: document.id.as_str(), components: &components, taken: Taken::default() };
    for (n, copy) in (1..).zip(&parcel.copies) {
        let file = copies.file(n, copy)?;
        files.push(file);
    }
    if profile.names_components() {
        for file in &mut files {
            let n = file.object.rsplit('/').next().unwrap_or_default();
            file.path = format!("{folder}{}", component_id(&file.role, n));
        }
    }
    let metadata = parcel.metadata.as_deref().unwrap_or_default();
    Ok(PlannedDocument {
        id: document.id.clone(),
        metadata: PlannedText { path: format!("{id}/{}", profile.metadata(&name, root(metadata)?)), text: metadata.to_owned() },
        folder,
        files,
        events: parcel.events.clone(),
    })
}

/// The name of the metadata's root element, one of the two that the law knows; it names the file.
fn root(metadata: &str) -> Result<&'static str> {
    const ROOTS: [&str; 2] = ["DocumentoAmministrativoInformatico", "DocumentoInformatico"];
    let mut reader = quick_xml::Reader::from_str(metadata);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Start(start)) => {
                let found = ROOTS.into_iter().find(|root| start.name().as_ref() == *root);
                return found.ok_or_else(|| Error::bug("metadata of a document with a foreign root"));
            }
            Ok(quick_xml::events::Event::Eof) | Err(_) => return Err(Error::bug("metadata of a document without a root")),
            Ok(_) => {}
        }
    }
}

fn component_file(folder: &str, document: &str, component: &Component) -> PlannedFile {
    let name = travelling(&component.name.shown(), &mut Taken::default());
    let (role, path) = match component.role {
        Role::Principale => ("principale", format!("{folder}principale/{name}")),
        Role::Allegato => ("allegato", format!("{folder}allegati/{}/{name}", component.n)),
        Role::Annesso => ("annesso", format!("{folder}annessi/{}/{name}", component.n)),
    };
    PlannedFile {
        path,
        role: role.to_owned(),
        object: format!("{document}/{role}/{}", component.n),
        sha256: component.sha256,
        bytes: component.bytes,
        mime: component.format.mime.clone(),
        puid: component.format.puid.clone(),
        name: Some(component.name.exact()),
        made_of: None,
    }
}

/// The copies of one document: `copie/<name>.pdf`, `testo/alto.xml`; those of an attachment say whose they are.
struct Copies<'a> {
    folder: &'a str,
    document: &'a str,
    components: &'a [&'a Component],
    taken: Taken,
}

impl Copies<'_> {
    fn file(&mut self, n: usize, copy: &Copy) -> Result<PlannedFile> {
        let source = self.components.iter().find(|component| component.sha256 == copy.of);
        let source = source.ok_or_else(|| Error::bug(format!("a copy of {} is made of no component", self.document)))?;
        let (role, mark) = match source.role {
            Role::Principale => ("principale", String::new()),
            Role::Allegato => ("allegato", format!("allegato-{}-", source.n)),
            Role::Annesso => ("annesso", format!("annesso-{}-", source.n)),
        };
        let (folder, wanted, mime, puid) = match copy.kind.as_str() {
            "pdfa" => ("copie", format!("{mark}{}.pdf", stem(&source.name.shown())), "application/pdf", None),
            "alto" => ("testo", format!("{mark}alto.xml"), "application/xml", Some("fmt/101")),
            "text" => ("testo", format!("{mark}testo.txt"), "text/plain", Some("x-fmt/111")),
            other => ("copie", format!("{mark}{other}"), "application/octet-stream", None),
        };
        let name = travelling(&wanted, &mut self.taken);
        Ok(PlannedFile {
            path: format!("{}{folder}/{name}", self.folder),
            role: copy.kind.clone(),
            object: format!("{}/copia/{n}", self.document),
            sha256: copy.sha256,
            bytes: copy.bytes,
            mime: mime.to_owned(),
            puid: puid.map(str::to_owned),
            name: None,
            made_of: Some((format!("{}/{role}/{}", self.document, source.n), copy.origin.clone())),
        })
    }
}

/// The name without its extension, short enough to take another.
fn stem(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.chars().take(NAME_BYTES_MAX).collect()
}

/// Number of files in the package and bytes of content: what is told before anything is built.
pub(super) fn totals(plan: &Plan) -> (u64, u64) {
    let contents = plan.documents.iter().flat_map(|document| &document.files);
    let (count, bytes) = contents.fold((0, 0_u64), |(count, bytes), file| (count + 1, bytes.saturating_add(file.bytes)));
    (count + plan.profile.own_files(plan.documents.len() as u64), bytes)
}

/// What goes where, for a person.
pub(super) fn summary(plan: &Plan, lang: Lang) -> String {
    let (files, bytes) = totals(plan);
    let head = Message::new("package-summary")
        .with("pdv", &plan.id)
        .with("aggregation", &plan.aggregation.id)
        .with("documents", plan.documents.len())
        .with("files", files)
        .with("bytes", bytes)
        .with("n", plan.part.n)
        .with("of", plan.part.of);
    let mut text = head.sentence(lang);
    text.push('\n');
    if plan.ente.prova {
        let _ = writeln!(text, "{}", Message::new("package-summary-prova").sentence(lang));
    }
    for document in &plan.documents {
        let _ = writeln!(text, "  {}", document.metadata.path);
        for file in &document.files {
            let _ = writeln!(text, "  {}  {}", file.path, file.bytes);
        }
    }
    text
}

/// What goes where, as JSON.
pub(super) fn summary_json(plan: &Plan) -> serde_json::Value {
    let (files, bytes) = totals(plan);
    let document = |document: &PlannedDocument| {
        let files: Vec<_> = document
            .files
            .iter()
            .map(|file| serde_json::json!({"path": file.path, "role": file.role, "sha256": file.sha256, "bytes": file.bytes}))
            .collect();
        serde_json::json!({"id": document.id, "metadata": document.metadata.path, "files": files})
    };
    serde_json::json!({
        "pdv": plan.id, "profile": plan.profile, "instant": plan.instant, "prova": plan.ente.prova,
        "aggregazione": plan.aggregation.id, "part": plan.part.n, "parts": plan.part.of, "group": plan.part.group,
        "files": files, "bytes": bytes, "documents": plan.documents.iter().map(document).collect::<Vec<_>>(),
    })
}
