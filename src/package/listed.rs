//! What is a file of a package called, whose is it, and what did it come out as? What the writers of indexes list.

use std::borrow::Cow;

use super::PlannedFile;
use super::piece::Proof;

/// One file as it was given to this package. What the plan says of it already is borrowed: a package has many files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed<'a> {
    /// Group: the id of the document, of the aggregation or of the package.
    pub(super) group: &'a str,
    /// Id of the object.
    pub(super) object: Object<'a>,
    /// Path from the folder of the index.
    pub(super) path: Cow<'a, str>,
    /// Media type.
    pub(super) mime: &'a str,
    /// Size.
    pub(super) bytes: u64,
    /// The object that it is a copy of.
    pub(super) copy_of: Option<&'a str>,
}

/// The id of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object<'a> {
    /// As the plan has it.
    Planned(&'a str),
    /// The group and what it is of it.
    Of(&'a str, &'static str),
}

impl std::fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Planned(id) => f.write_str(id),
            Self::Of(group, what) => write!(f, "{group}/{what}"),
        }
    }
}

/// A file that was written, with its digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) listed: Listed<'a>,
    pub(super) proof: Proof,
}

impl<'a> Listed<'a> {
    /// A file whose text we make; its size is known when it is made.
    pub(super) fn text(group: &'a str, what: &'static str, path: impl Into<Cow<'a, str>>) -> Self {
        let object = Object::Of(group, what);
        Self { group, object, path: path.into(), mime: "application/xml", bytes: 0, copy_of: None }
    }

    /// A blob of the plan.
    pub(super) fn blob(group: &'a str, file: &'a PlannedFile) -> Self {
        Self {
            group,
            object: Object::Planned(&file.object),
            path: Cow::Borrowed(&file.path),
            mime: &file.mime,
            bytes: file.bytes,
            copy_of: file.made_of.as_ref().map(|(source, _)| source.as_str()),
        }
    }

    /// The same with its path counted from the folder `root`.
    pub(super) fn inside(mut self, root: &str) -> Self {
        self.path = match self.path {
            Cow::Borrowed(path) => Cow::Borrowed(path.strip_prefix(root).unwrap_or(path)),
            Cow::Owned(mut path) => {
                if path.starts_with(root) {
                    path.drain(..root.len());
                }
                Cow::Owned(path)
            }
        };
        self
    }
}
