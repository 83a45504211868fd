//! What words does a file say that is no picture? Its text as pages of lines, exact to the character.
//!
//! Office files (OOXML, ODF), RTF, HTML, plain text and the bodies of mails. Looks do not matter here: paragraphs
//! become lines, cells words. Boxes are those of a sheet on which the text would be typed; they point at no picture.

mod archive;
mod markup;
mod message;
mod plain;
mod rtf;
mod sheet;

use std::io::{Read as _, Seek};

pub use plain::decoded;

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::page::PageText;

/// Kinds of file whose text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Html,
    Mail,
    Rtf,
    Document,
    Workbook,
    Slides,
    OpenDocument,
}

impl Kind {
    fn of(mime: &str) -> Option<Self> {
        Some(match mime {
            "text/plain" => Self::Plain,
            "text/html" | "application/xhtml+xml" => Self::Html,
            "message/rfc822" => Self::Mail,
            "application/rtf" | "text/rtf" => Self::Rtf,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => Self::Document,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Self::Workbook,
            "application/vnd.openxmlformats-officedocument.presentationml.presentation" => Self::Slides,
            "application/vnd.oasis.opendocument.text"
            | "application/vnd.oasis.opendocument.spreadsheet"
            | "application/vnd.oasis.opendocument.presentation" => Self::OpenDocument,
            _ => return None,
        })
    }

    /// Who says so, in the readings.
    fn origin(self) -> &'static str {
        match self {
            Self::Plain => "txt-text",
            Self::Html => "html-text",
            Self::Mail => "eml-text",
            Self::Rtf => "rtf-text",
            Self::Document | Self::Workbook | Self::Slides => "ooxml-text",
            Self::OpenDocument => "odf-text",
        }
    }
}

/// True of the types whose text is read.
pub fn knows(mime: &str) -> bool {
    Kind::of(mime).is_some()
}

/// The text of a file of that type, page by page. A type that is not known has none.
pub fn pages<S: std::io::Read + Seek>(source: &mut S, mime: &str, limits: &Limits) -> Result<Vec<PageText>> {
    let Some(kind) = Kind::of(mime) else { return Ok(Vec::new()) };
    let lines = match kind {
        Kind::Document | Kind::Workbook | Kind::Slides | Kind::OpenDocument => archive::lines(source, kind, limits)?,
        Kind::Plain | Kind::Html | Kind::Rtf | Kind::Mail => {
            let bytes = whole(source, limits)?;
            match kind {
                Kind::Mail => message::read(&bytes).lines,
                Kind::Html => markup::html(&plain::decoded(&bytes)),
                Kind::Rtf => rtf::lines(&bytes),
                _ => plain::decoded(&bytes).lines().map(str::to_owned).collect(),
            }
        }
    };
    Ok(sheet::pages(&lines, kind.origin(), limits))
}

/// Names of what a file of that type carries and [`pages`] does not read: the attachments of a mail.
pub fn left_out<S: std::io::Read + Seek>(source: &mut S, mime: &str, limits: &Limits) -> Result<Vec<String>> {
    if Kind::of(mime) != Some(Kind::Mail) {
        return Ok(Vec::new());
    }
    Ok(message::read(&whole(source, limits)?).left)
}

fn whole<S: std::io::Read>(source: &mut S, limits: &Limits) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.by_ref().take(limits.xml_bytes_max + 1).read_to_end(&mut bytes).map_err(Error::store)?;
    if bytes.len() as u64 > limits.xml_bytes_max { Err(too_large(limits)) } else { Ok(bytes) }
}

fn too_large(limits: &Limits) -> Error {
    Error::hold("text-too-large").with("limit", limits.xml_bytes_max)
}

#[cfg(test)]
mod tests;
