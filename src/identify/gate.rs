//! May it go on? What the eye for formats saw, turned into a doubt for a person, a refusal, or nothing.

use crate::arrival::FileName;
use crate::document::Format;
use crate::error::{Error, Result};
use crate::messages::Message;

use super::formats::{Way, way_of};

/// Warnings that hold, the gravest first; each is also the code of the hold. The last is said only of what could else be read.
const HOLDING: &[&str] =
    &["file-truncated", "structure-damaged", "extension-contradicts", "container-escapes", "xml-entities", "active-content"];

/// Nothing if the file may be opened and read; else why not (refused, or held for a person).
pub fn gate(format: &Format, name: &FileName) -> Result<()> {
    let way = way_of(format);
    match way {
        Way::Executable => return Err(about(Error::refuse("format-executable"), format, name)),
        Way::Unknown => return Err(about(Error::refuse("format-unknown"), format, name)),
        Way::Pages | Way::Text | Way::Unread | Way::Envelope | Way::Container => {}
    }
    for &code in &HOLDING[..5] {
        warned(format, name, code)?;
    }
    if format.encrypted {
        let opens = format.claims.iter().any(|claim| claim == "opens-without-password");
        return Err(about(Error::hold(if opens { "file-restricted" } else { "file-encrypted" }), format, name));
    }
    // What is signed with its content inside can be opened all the same; its document says that the signature waits.
    if format.signed && way != Way::Envelope {
        return Err(about(Error::hold("signature-waits"), format, name));
    }
    for &code in &HOLDING[5..] {
        warned(format, name, code)?;
    }
    match way {
        Way::Container => Err(about(Error::hold("container-waits"), format, name)),
        Way::Unread => Err(about(Error::hold("format-not-read"), format, name)),
        Way::Pages | Way::Text | Way::Envelope | Way::Executable | Way::Unknown => Ok(()),
    }
}

/// Holds with the words of the warning `code`, if it was given.
fn warned(format: &Format, name: &FileName, code: &'static str) -> Result<()> {
    let Some(warning) = format.warnings.iter().find(|warning| warning.code() == code) else { return Ok(()) };
    Err(with_values(about(Error::hold(code), format, name), warning))
}

fn with_values(error: Error, warning: &Message) -> Error {
    ["what", "extension"].into_iter().fold(error, |error, key| match warning.value(key) {
        Some(value) => error.with(key, value),
        None => error,
    })
}

fn about(error: Error, format: &Format, name: &FileName) -> Error {
    error.with("name", name.shown()).with("format", described(format))
}

/// Name and version of the format, for a person.
fn described(format: &Format) -> String {
    match &format.version {
        Some(version) if !format.name.contains(version.as_str()) => format!("{} {version}", format.name),
        _ => format.name.clone(),
    }
}
