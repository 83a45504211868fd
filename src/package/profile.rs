//! In which form does it leave? A profile is data (where each thing lies) and one writer (what closes the package).
//!
//! All profiles are built of the same plan by the same hand: content, metadata and events are written and digested in one
//! pass; then the profile's writer makes the files that list them. Adding a conservatore is adding a row and a writer.

use serde::{Deserialize, Serialize};

use super::listed::Entry;
use super::told::Ear;
use super::{Plan, PlannedDocument, bagit, eark, pdd, pindex, sacer};
use crate::digest::{Digest, Hasher};
use crate::error::Result;
use crate::schemas::Schema;

/// The profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A PdV with the index of UNI 11386:2020 (SINCRO.md).
    #[default]
    Agid,
    /// A bag of RFC 8493.
    Bagit,
    /// An E-ARK SIP, CSIP and SIP 2.2.0.
    Eark,
    /// The requests to Sacer, laid out as they are sent.
    Sacer,
    /// A package for a reader (PdD): documents, metadata and a page to read, without what is reserved.
    Pdd,
}

/// Where the things of a package lie, from its folder.
struct Places {
    name: &'static str,
    /// Folder of a document's content; `{}` is the document's name.
    content: &'static str,
    /// A document's metadata file without `.xml`; the second `{}` is the name of the root element. Nothing where metadata travel
    /// inside of what closes the package, those of the aggregation too.
    metadata: &'static str,
    /// A document's events; nothing where they stay in the archive.
    events: &'static str,
    /// Folder of the aggregation's metadata.
    aggregation: &'static str,
    /// The package's own events.
    own_events: &'static str,
    /// How many files there are for each document beside its content.
    per_document: u64,
    /// How many files there are for the package.
    per_package: u64,
}

static PLACES: [Places; 5] = [
    Places {
        name: "agid",
        content: "documenti/{}/",
        metadata: "documenti/{}/{}",
        events: "documenti/{}/eventi.xml",
        aggregation: "aggregazioni/{}/",
        own_events: "eventi.xml",
        per_document: 2,
        per_package: 3,
    },
    Places {
        name: "bagit",
        content: "data/documenti/{}/",
        metadata: "data/documenti/{}/{}",
        events: "data/documenti/{}/eventi.xml",
        aggregation: "data/aggregazioni/{}/",
        own_events: "data/eventi.xml",
        per_document: 2,
        per_package: 8,
    },
    Places {
        name: "eark",
        content: "representations/rep1/data/{}/",
        metadata: "metadata/descriptive/{}/{}",
        events: "metadata/preservation/{}.xml",
        aggregation: "metadata/descriptive/{}/",
        own_events: "metadata/preservation/pacchetto.xml",
        per_document: 2,
        per_package: 9,
    },
    Places {
        name: "sacer",
        content: "ud-{}/file/",
        metadata: "",
        events: "ud-{}/file/EVENTI",
        aggregation: "",
        own_events: "eventi.xml",
        per_document: 3,
        per_package: 3,
    },
    Places {
        name: "pdd",
        content: "documenti/{}/",
        metadata: "documenti/{}/{}",
        events: "",
        aggregation: "aggregazioni/{}/",
        own_events: "eventi.xml",
        per_document: 1,
        per_package: 4,
    },
];

/// A file that the writer of a profile makes.
pub(super) struct Closing<'e> {
    /// Path from the package's folder.
    pub(super) path: String,
    /// What it says.
    pub(super) body: Body<'e>,
}

/// Tells a file.
pub(super) type Tell<'e> = Box<dyn Fn(&mut Ear<'_>) -> Result<()> + 'e>;

/// What a file says.
pub(super) enum Body<'e> {
    /// It is short.
    Whole(String),
    /// It grows with the package.
    Told(Tell<'e>),
    /// It grows with the package and has a schema of ours.
    Judged(Schema, Tell<'e>),
}

impl<'e> Closing<'e> {
    pub(super) fn new(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), body: Body::Whole(text) }
    }

    /// One that is told.
    pub(super) fn told(path: impl Into<String>, tell: impl Fn(&mut Ear<'_>) -> Result<()> + 'e) -> Self {
        Self { path: path.into(), body: Body::Told(Box::new(tell)) }
    }

    /// Gives all its bytes to `take`, in order.
    pub(super) fn each(&self, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        match &self.body {
            Body::Whole(text) => take(text.as_bytes()),
            Body::Told(tell) | Body::Judged(_, tell) => tell(&mut |part| {
                take(part.text().as_bytes());
                Ok(())
            })?,
        }
        Ok(())
    }

    /// Its digest and length.
    pub(super) fn digest(&self) -> Result<(Digest, u64)> {
        let mut hasher = Hasher::default();
        self.each(&mut |bytes| hasher.update(bytes))?;
        Ok(hasher.finish())
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.places().name)
    }
}

impl Profile {
    /// Those that are sent to a conservatore.
    pub const ALL: [Self; 4] = [Self::Agid, Self::Bagit, Self::Eark, Self::Sacer];

    fn places(self) -> &'static Places {
        &PLACES[self as usize]
    }

    /// Folder of the content of the document called `name`.
    pub(super) fn content(self, name: &str) -> String {
        self.places().content.replace("{}", name)
    }

    /// Path of the metadata of the document called `name`, whose root element is `root`.
    pub(super) fn metadata(self, name: &str, root: &str) -> String {
        format!("{}.xml", self.places().metadata.replacen("{}", name, 1).replacen("{}", root, 1))
    }

    /// Path of the events of a document, whose name is read off its folder.
    pub(super) fn events_of(self, plan: &Plan, document: &PlannedDocument) -> String {
        let (before, after) = self.places().content.split_once("{}").unwrap_or_default();
        let folder = document.folder.strip_prefix(&format!("{}/{before}", plan.id)).unwrap_or(&document.folder);
        let name = folder.strip_suffix(after).unwrap_or(folder);
        format!("{}/{}", plan.id, self.places().events.replace("{}", name))
    }

    /// Folder of the metadata of the aggregation called `name`.
    pub(super) fn aggregation(self, name: &str) -> String {
        self.places().aggregation.replace("{}", name)
    }

    /// Path of the package's own events.
    pub(super) fn own_events(self) -> &'static str {
        self.places().own_events
    }

    /// How many files a package of that many documents has beside their content.
    pub(super) fn own_files(self, documents: u64) -> u64 {
        self.places().per_document * documents + self.places().per_package
    }

    /// True where metadata travel inside of what closes the package.
    pub(super) fn embeds_metadata(self) -> bool {
        self.places().metadata.is_empty()
    }

    /// True where the events of each document go with it.
    pub(super) fn has_events(self) -> bool {
        !self.places().events.is_empty()
    }

    /// The name of a package's file without its extension.
    pub(super) fn file_name(self, id: &crate::pdv::PdvId) -> String {
        format!("{}_{id}", if self == Self::Pdd { "PdD" } else { "PdV" })
    }

    /// True where files are called by their component and not by their name.
    pub(super) fn names_components(self) -> bool {
        self == Self::Sacer
    }

    /// True of a profile whose index carries SHA-512 beside SHA-256.
    pub(super) fn wants_sha512(self) -> bool {
        self == Self::Bagit
    }

    /// The files that close the package, in the order in which they are written; the last one lists the others where a norm
    /// has it so.
    pub(super) fn closing<'e>(self, plan: &'e Plan, entries: &'e [Entry<'e>]) -> Result<Vec<Closing<'e>>> {
        match self {
            Self::Agid => {
                let tell: Tell<'e> = Box::new(move |ear| pindex::pindex(plan, entries, ear));
                Ok(vec![Closing { path: "PIndex.xml".to_owned(), body: Body::Judged(Schema::PIndex, tell) }])
            }
            Self::Bagit => bagit::tag_files(plan, entries),
            Self::Eark => eark::closing(plan, entries),
            Self::Sacer => sacer::closing(plan, entries),
            Self::Pdd => pdd::closing(plan, entries),
        }
    }
}
