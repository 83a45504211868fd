//! What does a file of ours say? Told part by part, so that what lists a hundred thousand files never stands in memory whole.

use crate::error::Result;
use crate::xml::{Attributes, Xml};

/// A part of a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'t> {
    /// What stands there once.
    Once(&'t str),
    /// An element of which any number may follow another, whole.
    Each(&'t str),
    /// The beginning of such an element whose own children follow.
    Open(&'t str),
    /// Its end.
    Close(&'t str),
}

/// Who listens.
pub(super) type Ear<'e> = dyn FnMut(Part<'_>) -> Result<()> + 'e;

/// The text of a file.
pub(super) enum Text<'t> {
    /// As it is.
    Whole(&'t str),
    /// Told as often as it is asked for, always the same.
    Told(&'t mut dyn FnMut(&mut Ear<'_>) -> Result<()>),
}

impl<'t> Part<'t> {
    /// What is written.
    pub(super) fn text(self) -> &'t str {
        match self {
            Self::Once(text) | Self::Each(text) | Self::Open(text) | Self::Close(text) => text,
        }
    }
}

/// Tells XML; what is told is let go of.
pub(super) struct Teller<'t, 'e> {
    xml: Xml,
    ear: &'t mut Ear<'e>,
}

impl<'t, 'e> Teller<'t, 'e> {
    /// Tells a document with that root.
    pub(super) fn document(
        ear: &'t mut Ear<'e>,
        (root, attributes): (&str, Attributes<'_>),
        inside: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let mut teller = Self { xml: Xml::default(), ear };
        teller.once(|xml| xml.enter(root, attributes))?;
        inside(&mut teller)?;
        teller.once(|xml| xml.leave(root))
    }

    /// What stands there once.
    pub(super) fn once(&mut self, write: impl FnOnce(&mut Xml)) -> Result<()> {
        write(&mut self.xml);
        self.xml.pass_on(|text| (self.ear)(Part::Once(text)))
    }

    /// One of many elements of its kind.
    pub(super) fn each(&mut self, write: impl FnOnce(&mut Xml)) -> Result<()> {
        write(&mut self.xml);
        self.xml.pass_on(|text| (self.ear)(Part::Each(text)))
    }

    /// One of many elements of its kind that has many children itself: `open` enters it, `close` leaves it.
    pub(super) fn nested(
        &mut self,
        open: impl FnOnce(&mut Xml),
        children: impl FnOnce(&mut Self) -> Result<()>,
        close: impl FnOnce(&mut Xml),
    ) -> Result<()> {
        open(&mut self.xml);
        self.xml.pass_on(|text| (self.ear)(Part::Open(text)))?;
        children(self)?;
        close(&mut self.xml);
        self.xml.pass_on(|text| (self.ear)(Part::Close(text)))
    }
}
