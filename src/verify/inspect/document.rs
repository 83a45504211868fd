//! What does a person see of one document? Its metadata, its files, its pages beside the text that was read.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use super::super::Options;
use super::super::agid::Checked;
use super::super::container::Container;
use super::super::layout::Folder;
use super::super::pindex::Promise;
use super::super::xml::{self, Element};
use super::{Event, SIDE_MAX, Sight, View, alto, events};
use crate::error::{Error, Result};
use crate::scratch::Scratch;

/// One file of the package, as shown.
#[derive(Debug, Clone)]
pub(super) struct FileView {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) format: String,
}

/// One document, as shown.
#[derive(Debug)]
pub(super) struct DocumentView {
    /// Path of its folder, for its findings.
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) metadata: Option<Element>,
    /// True of a reserved document, and of one whose metadata do not say that it is not.
    pub(super) is_reserved: bool,
    pub(super) files: Vec<FileView>,
    pub(super) events: Vec<Event>,
    pub(super) pages: Vec<PageView>,
    pub(super) pages_left_out: usize,
}

/// One page, as shown.
#[derive(Debug)]
pub(super) struct PageView {
    pub(super) n: u32,
    pub(super) jpeg: Option<Vec<u8>>,
    pub(super) text: Option<alto::Text>,
}

impl DocumentView {
    /// The text along `path` in the metadata.
    pub(super) fn said(&self, path: &str) -> &str {
        self.metadata.as_ref().map_or("", |root| root.text_at(path))
    }

    /// What the document is called: its object, else its folder.
    pub(super) fn title(&self) -> &str {
        match self.said("ChiaveDescrittiva/Oggetto") {
            "" => &self.name,
            oggetto => oggetto,
        }
    }

    /// Number and date of its registration, in one line.
    pub(super) fn registration(&self) -> String {
        let Some(register) = self.metadata.as_ref().and_then(|root| root.at("DatiDiRegistrazione/TipoRegistro")) else {
            return String::new();
        };
        let Some(kind) = register.children.first() else { return String::new() };
        let value = |start: &str| kind.children.iter().find(|c| c.name.starts_with(start)).map_or("", |c| c.text.as_str());
        let parts = [value("CodiceRegistro"), value("Numero"), value("Data")];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// The file at position `i` as shown.
pub(super) fn file(container: &Container, checked: &Checked, i: usize) -> FileView {
    let entry = &container.entries()[i];
    let sha256 = checked.digests.get(i).copied().flatten().map_or_else(String::new, |digest| digest.hex());
    FileView { path: entry.path.clone(), bytes: entry.bytes, sha256, format: String::new() }
}

/// Whoever looks at one document after another, with the pages that may still be shown.
pub(super) struct Eye<'a> {
    container: &'a Container,
    checked: &'a Checked,
    options: &'a Options,
    view: &'a View<'a>,
    /// The first promise of each file, by position.
    promised: BTreeMap<usize, usize>,
    left: usize,
    /// Pages that were not shown.
    pub(super) left_out: usize,
}

impl<'a> Eye<'a> {
    /// An eye that has not looked at anything yet.
    pub(super) fn new((container, checked): (&'a Container, &'a Checked), options: &'a Options, view: &'a View<'a>) -> Self {
        let files = checked.index.files.iter().enumerate().rev();
        let promised = files.filter_map(|(n, promise)| Some((promise.entry?, n))).collect();
        Self { container, checked, options, view, promised, left: view.count, left_out: 0 }
    }

    /// The document of that folder, as a person sees it.
    pub(super) fn document(&mut self, folder: &Folder) -> Result<DocumentView> {
        let metadata = folder.metadata.first().and_then(|at| self.tree(*at));
        let said = metadata.as_ref().map_or("", |root| root.text_at("Riservato"));
        let is_reserved = !matches!(said, "false" | "0");
        let positions = [&folder.principale, &folder.copie, &folder.testo].into_iter().flatten();
        let positions = positions.chain(folder.allegati.values().flatten()).chain(&folder.metadata).chain(&folder.events);
        let mut document = DocumentView {
            folder: format!("{}documenti/{}/", self.checked.layout.root, folder.name),
            name: folder.name.clone(),
            is_reserved,
            files: positions.map(|i| self.file(*i)).collect(),
            events: folder.events.map_or_else(Vec::new, |at| events(self.container, at, self.options)),
            metadata,
            pages: Vec::new(),
            pages_left_out: 0,
        };
        if !is_reserved {
            self.pages(folder, &mut document)?;
        }
        Ok(document)
    }

    fn tree(&self, at: usize) -> Option<Element> {
        let entry = &self.container.entries()[at];
        let bytes = self.container.bytes(entry, self.options.limits.metadata_bytes_max).ok()?;
        xml::parse(&bytes, &entry.path).ok()
    }

    fn promise(&self, at: usize) -> Option<&Promise> {
        self.promised.get(&at).and_then(|n| self.checked.index.files.get(*n))
    }

    fn file(&self, at: usize) -> FileView {
        let format = self.promise(at).map_or_else(String::new, |promise| promise.format.to_string());
        FileView { format, ..file(self.container, self.checked, at) }
    }

    /// Pictures and text of the principal file's pages, as many as may still be shown.
    fn pages(&mut self, folder: &Folder, document: &mut DocumentView) -> Result<()> {
        let mut texts = self.texts(folder).into_iter();
        let count = texts.len();
        let scratch = self.view.scratch.folder()?;
        let principale = folder.principale.first().copied();
        let source = match principale.filter(|_| self.left > 0) {
            Some(at) => self.source(at, &scratch)?,
            None => None,
        };
        let mime = principale.map_or_else(String::new, |at| self.mime(at, document));
        let mut n = 1;
        while self.left > 0 {
            let text = texts.next();
            let rotation = text.as_ref().map_or(0, |text| text.rotation);
            let sight = Sight { page: n, rotation, side_max: SIDE_MAX };
            let jpeg = source.as_ref().and_then(|file| self.view.pictures.picture(file, &mime, sight));
            if jpeg.is_none() && text.is_none() {
                break;
            }
            document.pages.push(PageView { n, jpeg, text });
            self.left -= 1;
            n += 1;
        }
        let shown = document.pages.len();
        // How many pages a file without text has is not known here; at least one is left out if none was shown.
        document.pages_left_out =
            count.max(usize::from(principale.is_some() && self.left == 0 && shown == 0)).saturating_sub(shown);
        self.left_out += document.pages_left_out;
        Ok(())
    }

    fn texts(&self, folder: &Folder) -> Vec<alto::Text> {
        let is_alto = |at: &&usize| self.container.entries()[**at].path.ends_with("/testo/alto.xml");
        let Some(at) = folder.testo.iter().find(is_alto) else { return Vec::new() };
        let entry = &self.container.entries()[*at];
        let limits = &self.options.limits;
        let Ok(bytes) = self.container.bytes(entry, limits.metadata_bytes_max) else { return Vec::new() };
        alto::pages(&bytes, &entry.path, limits.words_per_page_max)
    }

    fn mime(&self, at: usize, document: &DocumentView) -> String {
        let said = self.promise(at).map_or("", |promise| &*promise.format);
        if said.contains('/') { said } else { document.said("IdentificativoDelFormato/Formato") }.to_owned()
    }

    /// The file at position `at` on disk: where it lies, or a scratch copy under a neutral name.
    fn source(&self, at: usize, scratch: &Scratch) -> Result<Option<PathBuf>> {
        let entry = &self.container.entries()[at];
        if let Some(path) = self.container.on_disk(entry) {
            return Ok(Some(path));
        }
        if entry.bytes > self.options.limits.file_bytes_max {
            return Ok(None);
        }
        let Some(Ok(mut reader)) = self.container.reader(entry) else { return Ok(None) };
        let path = scratch.file("principale.bin");
        let mut target = std::fs::File::create(&path).map_err(|e| Error::disk("write scratch", &path, e))?;
        let mut buffer = vec![0_u8; 256 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(Some(path)),
                Ok(n) => target.write_all(&buffer[..n]).map_err(|e| Error::disk("write scratch", &path, e))?,
                // A damaged entry has its finding; it has no picture.
                Err(_) => return Ok(None),
            }
        }
    }
}
