//! Where do the files of a PdV lie? Of a hundred thousand files each is known by its number; what it is there, its path tells again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::container::Container;
use super::pindex;

/// Metadata of a documento amministrativo informatico.
pub(super) const DAI: &str = "DocumentoAmministrativoInformatico.xml";
/// Metadata of a documento informatico.
pub(super) const DI: &str = "DocumentoInformatico.xml";
/// Metadata of an aggregation.
pub(super) const AGG: &str = "AggregazioneDocumentaliInformatiche.xml";
/// PREMIS events.
pub(super) const EVENTS: &str = "eventi.xml";

/// In which words paths below the root are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Told {
    /// In those of the profile `agid`.
    #[default]
    AsTheyAre,
    /// In those of an E-ARK package of ours.
    Eark,
}

/// Where the files of a PdV lie, by position in the container.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The package's folder with its `/`, empty where the index lies at the root.
    pub(super) root: String,
    told: Told,
    /// The files of all documents, those of one together.
    filed: Vec<u32>,
    /// Where in `filed` each document begins.
    begins: Vec<u32>,
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
    /// Its name.
    pub(super) name: String,
    pub(super) metadata: Vec<usize>,
    pub(super) principale: Vec<usize>,
    pub(super) allegati: BTreeMap<String, Vec<usize>>,
    pub(super) copie: Vec<usize>,
    pub(super) testo: Vec<usize>,
    pub(super) events: Option<usize>,
}

/// The place of a file.
enum Place<'p> {
    Events,
    Aggregation,
    /// In the folder of that document: what it is there.
    Document(&'p str, Part<'p>),
}

/// What a file is in the folder of its document.
enum Part<'p> {
    Metadata,
    Events,
    Principale,
    Allegato(&'p str, &'p str),
    Copia,
    Testo,
}

impl Layout {
    /// Where everything lies, seen from the index at position `at`.
    pub(super) fn of(container: &Container, at: usize) -> Self {
        let index = container.entries()[at].path.as_str();
        let mut layout = Self { root: pindex::folder(index).to_owned(), ..Self::default() };
        for (i, entry) in container.entries().iter().enumerate() {
            if i != at && !pindex::is_seal(&entry.path, index) && !layout.put(i, &entry.path) {
                layout.strangers.push(i);
            }
        }
        layout.parted(container)
    }

    /// Where the things of a PdV lie in a package of another kind, for whoever shows it: below `root`, each path as `told`.
    pub(super) fn told(container: &Container, root: &str, told: Told) -> Self {
        let mut layout = Self { root: root.to_owned(), told, ..Self::default() };
        for (i, entry) in container.entries().iter().enumerate() {
            layout.put(i, &entry.path);
        }
        layout.parted(container)
    }

    /// How many documents there are.
    pub(super) fn count(&self) -> usize {
        self.begins.len()
    }

    /// The files of the document with that number.
    pub(super) fn folder(&self, container: &Container, n: usize) -> Folder {
        let mut folder = Folder::default();
        for i in self.files(n) {
            let Some(inside) = self.inside(&container.entries()[i].path) else { continue };
            let Some(Place::Document(name, part)) = place(&inside) else { continue };
            if folder.name.is_empty() {
                name.clone_into(&mut folder.name);
            }
            match part {
                Part::Metadata => folder.metadata.push(i),
                Part::Events => folder.events = Some(i),
                Part::Principale => folder.principale.push(i),
                Part::Allegato(kind, n) => folder.allegati.entry(format!("{kind}/{n}")).or_default().push(i),
                Part::Copia => folder.copie.push(i),
                Part::Testo => folder.testo.push(i),
            }
        }
        folder
    }

    /// The positions of every file that has its place.
    pub(super) fn placed(&self) -> impl Iterator<Item = usize> {
        let filed = self.filed.iter().map(|i| *i as usize);
        filed.chain(self.aggregations.iter().copied()).chain(self.events)
    }

    fn files(&self, n: usize) -> impl Iterator<Item = usize> {
        let begin = self.begins.get(n).map_or(self.filed.len(), |at| *at as usize);
        let end = self.begins.get(n + 1).map_or(self.filed.len(), |at| *at as usize);
        self.filed[begin..end].iter().map(|i| *i as usize)
    }

    fn inside<'p>(&self, path: &'p str) -> Option<Cow<'p, str>> {
        let inside = path.strip_prefix(&*self.root)?;
        match self.told {
            Told::AsTheyAre => Some(inside.into()),
            Told::Eark => told_of_eark(inside).map(Cow::Owned),
        }
    }

    /// Gives the file at `path` its place; false where it has none.
    fn put(&mut self, i: usize, path: &str) -> bool {
        let Some(inside) = self.inside(path) else { return false };
        match place(&inside) {
            Some(Place::Events) => self.events = Some(i),
            Some(Place::Aggregation) => self.aggregations.push(i),
            // A package has fewer entries than these numbers (`verify_entries_max`).
            Some(Place::Document(..)) => self.filed.push(u32::try_from(i).unwrap_or(u32::MAX)),
            None => return false,
        }
        true
    }

    /// The files of each document together: in the order of paths they are, unless paths are told in other words.
    fn parted(mut self, container: &Container) -> Self {
        let mut filed = std::mem::take(&mut self.filed);
        if self.told != Told::AsTheyAre {
            filed.sort_by_cached_key(|i| (self.document(container, *i), *i));
        }
        let (mut begins, mut last) = (Vec::new(), None);
        for (n, i) in (0..).zip(&filed) {
            let document = self.document(container, *i);
            if document != last {
                begins.push(n);
                last = document;
            }
        }
        Self { filed, begins, ..self }
    }

    /// The name of the document whose file that is.
    fn document(&self, container: &Container, i: u32) -> Option<String> {
        let inside = self.inside(&container.entries()[i as usize].path)?;
        if let Some(Place::Document(name, _)) = place(&inside) { Some(name.to_owned()) } else { None }
    }
}

/// A path of an E-ARK package of ours; content of other producers lies where it likes.
fn told_of_eark(inside: &str) -> Option<String> {
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

fn place(inside: &str) -> Option<Place<'_>> {
    let parts: Vec<&str> = inside.split('/').collect();
    Some(match parts.as_slice() {
        [EVENTS] => Place::Events,
        ["aggregazioni", _, AGG] => Place::Aggregation,
        ["documenti", document, rest @ ..] => {
            let part = match rest {
                [DAI | DI] => Part::Metadata,
                [EVENTS] => Part::Events,
                ["principale", _] => Part::Principale,
                // Annexes are attachments to Allegato 5, which has no other word for them.
                [kind @ ("allegati" | "annessi"), n, _] => Part::Allegato(kind, n),
                ["copie", .., _] => Part::Copia,
                ["testo", .., _] => Part::Testo,
                _ => return None,
            };
            Place::Document(document, part)
        }
        _ => return None,
    })
}
