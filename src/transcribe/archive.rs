//! What does an office file say? Text of the parts of its archive that hold the document: paragraphs as lines, cells as words.

use std::io::{Read, Seek};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::{Kind, too_large};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Most parts of one kind (sheets, slides, headers) that are read.
const PARTS_MAX: usize = 200;

/// The lines of an office file.
pub(super) fn lines<S: Read + Seek>(source: &mut S, kind: Kind, limits: &Limits) -> Result<Vec<String>> {
    let damaged = || Error::hold("text-unreadable");
    let mut archive = zip::ZipArchive::new(source).map_err(|_| damaged())?;
    if archive.len() > limits.container_entries_max as usize {
        return Err(damaged());
    }
    let names: Vec<String> = archive.file_names().flatten().map(std::borrow::Cow::into_owned).collect();
    let mut left = limits.xml_bytes_max;
    let mut part = |name: &str| -> Result<String> {
        let Ok(mut entry) = archive.by_name(name) else { return Ok(String::new()) };
        let mut text = Vec::new();
        entry.by_ref().take(left + 1).read_to_end(&mut text).map_err(|_| damaged())?;
        left = left.checked_sub(text.len() as u64).ok_or_else(|| too_large(limits))?;
        Ok(super::plain::decoded(&text))
    };
    let numbered = |folder: &str| {
        let mut found: Vec<&String> = names.iter().filter(|name| name.starts_with(folder) && is_xml(name)).collect();
        found.sort_by_key(|name| (name.len(), (*name).clone()));
        found.truncate(PARTS_MAX);
        found
    };
    let mut lines = Vec::new();
    match kind {
        Kind::Document => {
            for header in numbered("word/header").into_iter().take(1) {
                lines.extend(paragraphs(&part(header)?, &[]));
            }
            lines.extend(paragraphs(&part("word/document.xml")?, &[]));
        }
        Kind::Slides => {
            for slide in numbered("ppt/slides/slide") {
                lines.extend(paragraphs(&part(slide)?, &[]));
            }
        }
        Kind::Workbook => {
            let shared: Vec<String> = strings(&part("xl/sharedStrings.xml")?);
            for sheet in numbered("xl/worksheets/sheet") {
                lines.extend(paragraphs(&part(sheet)?, &shared));
            }
        }
        _ => {
            lines.extend(paragraphs(&part("content.xml")?, &[]));
        }
    }
    Ok(lines)
}

fn is_xml(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"))
}

/// Text of one part, a line for each paragraph or row. Shared strings are those of a workbook, by number.
fn paragraphs(xml: &str, shared: &[String]) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut written = Written { shared, lines: Vec::new(), line: String::new(), is_shared: false, hidden: 0 };
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let refers = || tag.attributes().flatten().any(|a| a.key.as_ref() == "t" && a.value.as_ref() == "s");
                written.open(tag.local_name().as_ref(), refers);
            }
            Ok(Event::Empty(tag)) => written.empty(tag.local_name().as_ref()),
            Ok(Event::End(tag)) => written.close(tag.local_name().as_ref()),
            Ok(Event::Text(text)) => written.text(&text.xml10_content()),
            Ok(Event::CData(text)) => written.text(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => written.text(&character(&reference)),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    written.lines.push(written.line);
    written.lines
}

/// Text as it comes out of one part.
struct Written<'a> {
    shared: &'a [String],
    lines: Vec<String>,
    line: String,
    /// True inside a cell whose value is the number of a shared string.
    is_shared: bool,
    /// Open elements whose text is not shown: formulas, struck out text, notes.
    hidden: u32,
}

impl Written<'_> {
    fn is_hidden(name: &str) -> bool {
        matches!(name, "f" | "tracked-changes" | "delText" | "annotation" | "instrText")
    }

    fn open(&mut self, name: &str, refers: impl Fn() -> bool) {
        if name == "c" {
            self.is_shared = refers();
            self.line.push(' ');
        } else if Self::is_hidden(name) {
            self.hidden += 1;
        }
    }

    fn empty(&mut self, name: &str) {
        match name {
            "tab" | "s" => self.line.push(' '),
            "br" | "line-break" | "cr" => self.lines.push(std::mem::take(&mut self.line)),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" | "h" | "row" => self.lines.push(std::mem::take(&mut self.line)),
            "tc" | "table-cell" => self.line.push(' '),
            "c" => self.is_shared = false,
            name if Self::is_hidden(name) => self.hidden = self.hidden.saturating_sub(1),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        let string = text.parse::<usize>().ok().filter(|_| self.is_shared).and_then(|n| self.shared.get(n));
        match string {
            Some(string) => self.line.push_str(string),
            // Line ends between tags are the writer's layout, not the document's.
            None if text.contains('\n') && text.trim().is_empty() => {}
            None => self.line.push_str(text),
        }
    }
}

/// The character that a reference stands for.
fn character(reference: &BytesRef<'_>) -> String {
    super::markup::unescaped(&format!("&{};", reference.xml10_content()))
}

/// The shared strings of a workbook: one for each `si`, whatever runs it has.
fn strings(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut all, mut one) = (Vec::new(), String::new());
    loop {
        match reader.read_event() {
            Ok(Event::Text(text)) => one.push_str(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => one.push_str(&character(&reference)),
            Ok(Event::End(tag)) if AsRef::<str>::as_ref(&tag.local_name()) == "si" => {
                all.push(std::mem::take(&mut one).trim().to_owned());
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    all
}
