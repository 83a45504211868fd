//! Where does each word stand, for a program of the future? ALTO 4, the format that libraries and archives read.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::page::{Block, Line, PageText, ReadPage, Rect};

/// Name space of ALTO 4.
const NAMESPACE: &str = "http://www.loc.gov/standards/alto/ns-v4#";

pub(super) type Xml = Writer<Vec<u8>>;

/// The words of `pages` as one ALTO 4 document. `source` names the file that was read, `ocr` who read it.
///
/// Boxes are pixels of the stored page image, before any turn; a block on a page that is to be turned says so in
/// ROTATION (degrees counter-clockwise, as the schema has it).
pub fn alto(pages: &[ReadPage], source: &str, ocr: &str) -> String {
    finished(|xml| document(xml, pages, source, ocr))
}

/// The text that `write` makes; writing to memory does not fail.
pub(super) fn finished(write: impl FnOnce(&mut Xml) -> io::Result<()>) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    if let Err(error) = write(&mut xml) {
        tracing::error!(%error, "XML could not be written to memory");
    }
    String::from_utf8(xml.into_inner()).unwrap_or_default()
}

/// What XML 1.0 may hold of a text: control characters and noncharacters dropped.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}

fn document(xml: &mut Xml, pages: &[ReadPage], source: &str, ocr: &str) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = xml.create_element("alto").with_attributes([("xmlns", NAMESPACE), ("SCHEMAVERSION", "4.4")]);
    root.write_inner_content(|xml| {
        description(xml, source, ocr)?;
        xml.create_element("Layout").write_inner_content(|xml| pages.iter().try_for_each(|page| page_element(xml, page)))?;
        Ok(())
    })?;
    Ok(())
}

fn description(xml: &mut Xml, source: &str, ocr: &str) -> io::Result<()> {
    xml.create_element("Description").write_inner_content(|xml| {
        xml.create_element("MeasurementUnit").write_text_content(BytesText::new("pixel"))?;
        xml.create_element("sourceImageInformation").write_inner_content(|xml| text_element(xml, "fileName", source))?;
        let processing = xml.create_element("OCRProcessing").with_attribute(("ID", "OCR1"));
        processing.write_inner_content(|xml| {
            xml.create_element("ocrProcessingStep").write_inner_content(|xml| {
                xml.create_element("processingSoftware").write_inner_content(|xml| text_element(xml, "softwareName", ocr))?;
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

fn text_element(xml: &mut Xml, name: &'static str, text: &str) -> io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(&clean(text)))?;
    Ok(())
}

fn page_element(xml: &mut Xml, read: &ReadPage) -> io::Result<()> {
    let PageText { n, width, height, rotation, blocks, .. } = &read.text;
    let (width, height) = (width.to_string(), height.to_string());
    let page = xml.create_element("Page").with_attributes([
        ("ID", format!("P{n}").as_str()),
        ("PHYSICAL_IMG_NR", &n.to_string()),
        ("WIDTH", &width),
        ("HEIGHT", &height),
    ]);
    page.write_inner_content(|xml| {
        let whole = [("HPOS", "0"), ("VPOS", "0"), ("WIDTH", width.as_str()), ("HEIGHT", height.as_str())];
        let space = xml.create_element("PrintSpace").with_attributes(whole);
        let lines = |block: &Block| block.lines.iter().filter(|line| !line.words.is_empty()).cloned().collect::<Vec<_>>();
        let blocks: Vec<Vec<Line>> = blocks.iter().map(lines).filter(|lines| !lines.is_empty()).collect();
        if blocks.is_empty() {
            space.write_empty()?;
            return Ok(());
        }
        space.write_inner_content(|xml| {
            blocks.iter().enumerate().try_for_each(|(b, lines)| block_element(xml, &format!("P{n}B{}", b + 1), *rotation, lines))
        })?;
        Ok(())
    })?;
    Ok(())
}

fn block_element(xml: &mut Xml, id: &str, rotation: u16, lines: &[Line]) -> io::Result<()> {
    let rect = lines.iter().fold(Rect::default(), |all, line| all.union(line.rect()));
    let mut block = xml.create_element("TextBlock").with_attribute(("ID", id)).with_attributes(place(rect).iter().map(pair));
    if rotation != 0 {
        block = block.with_attribute(("ROTATION", rotation.to_string().as_str()));
    }
    block.write_inner_content(|xml| {
        lines.iter().enumerate().try_for_each(|(l, line)| line_element(xml, &format!("{id}L{}", l + 1), line))
    })?;
    Ok(())
}

fn line_element(xml: &mut Xml, id: &str, line: &Line) -> io::Result<()> {
    let element = xml.create_element("TextLine").with_attribute(("ID", id)).with_attributes(place(line.rect()).iter().map(pair));
    element.write_inner_content(|xml| {
        for (w, word) in line.words.iter().enumerate() {
            if w > 0 {
                xml.create_element("SP").write_empty()?;
            }
            let confidence = if word.confidence.is_finite() { (word.confidence / 100.0).clamp(0.0, 1.0) } else { 0.0 };
            xml.create_element("String")
                .with_attribute(("ID", format!("{id}W{}", w + 1).as_str()))
                .with_attribute(("CONTENT", clean(&word.text).as_str()))
                .with_attributes(place(word.rect).iter().map(pair))
                .with_attribute(("WC", format!("{confidence:.2}").as_str()))
                .write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn place(rect: Rect) -> [(&'static str, String); 4] {
    [("HPOS", rect.x.to_string()), ("VPOS", rect.y.to_string()), ("WIDTH", rect.w.to_string()), ("HEIGHT", rect.h.to_string())]
}

fn pair<'a>((name, value): &'a (&'static str, String)) -> (&'a str, &'a str) {
    (name, value)
}
