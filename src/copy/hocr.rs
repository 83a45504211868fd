//! How do other OCR tools exchange words with boxes? hOCR; and the plain text that everybody reads.

use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};

use super::alto::{Xml, clean, finished};
use crate::page::{Block, Line, ReadPage, Rect};

/// The words of `pages` as hOCR 1.2 in XHTML. `source` names the file that was read, `ocr` who read it.
pub fn hocr(pages: &[ReadPage], source: &str, ocr: &str) -> String {
    finished(|xml| document(xml, pages, source, ocr))
}

/// The plain text of `pages`: a form feed between one page and the next.
pub fn plain(pages: &[ReadPage]) -> String {
    let texts: Vec<String> = pages.iter().map(|page| page.text.plain()).collect();
    let kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let texts: Vec<String> = texts.iter().map(|text| text.chars().filter(kept).collect()).collect();
    texts.join("\n\u{c}") + "\n"
}

fn document(xml: &mut Xml<Vec<u8>>, pages: &[ReadPage], source: &str, ocr: &str) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("html").with_attribute(("xmlns", "http://www.w3.org/1999/xhtml")).write_inner_content(|xml| {
        xml.create_element("head").write_inner_content(|xml| {
            xml.create_element("title").write_text_content(BytesText::new(&clean(source)))?;
            let known = "ocr_page ocr_carea ocr_line ocrx_word ocrp_wconf";
            for (name, content) in [("ocr-system", clean(ocr)), ("ocr-capabilities", known.to_owned())] {
                xml.create_element("meta").with_attributes([("name", name), ("content", &content)]).write_empty()?;
            }
            Ok(())
        })?;
        xml.create_element("body")
            .write_inner_content(|xml| pages.iter().try_for_each(|page| page_element(xml, page, source)))?;
        Ok(())
    })?;
    Ok(())
}

fn page_element(xml: &mut Xml<Vec<u8>>, read: &ReadPage, source: &str) -> io::Result<()> {
    let text = &read.text;
    let dpi = read.page.dpi_used.round();
    let image = clean(source).replace('"', "'");
    let title = format!(
        "image \"{image}\"; bbox 0 0 {} {}; ppageno {}; scan_res {dpi} {dpi}",
        text.width,
        text.height,
        text.n.saturating_sub(1)
    );
    let id = format!("page_{}", text.n);
    element(xml, "div", "ocr_page", (&id, &title), |xml| {
        let rotation = text.rotation;
        text.blocks
            .iter()
            .enumerate()
            .try_for_each(|(b, block)| block_element(xml, &format!("{}_{}", text.n, b + 1), rotation, block))
    })
}

fn block_element(xml: &mut Xml<Vec<u8>>, id: &str, rotation: u16, block: &Block) -> io::Result<()> {
    let rect = block.lines.iter().fold(Rect::default(), |all, line| all.union(line.rect()));
    element(xml, "div", "ocr_carea", (&format!("block_{id}"), &bbox(rect)), |xml| {
        block.lines.iter().enumerate().try_for_each(|(l, line)| line_element(xml, &format!("{id}_{}", l + 1), rotation, line))
    })
}

fn line_element(xml: &mut Xml<Vec<u8>>, id: &str, rotation: u16, line: &Line) -> io::Result<()> {
    // Counter-clockwise, as far as the text is turned on the stored image: as many degrees clockwise bring it upright.
    let angle = if rotation == 0 { String::new() } else { format!("; textangle {rotation}") };
    element(xml, "span", "ocr_line", (&format!("line_{id}"), &(bbox(line.rect()) + &angle)), |xml| {
        for (w, word) in line.words.iter().enumerate() {
            let title = format!("{}; x_wconf {:.0}", bbox(word.rect), word.confidence);
            let id = format!("word_{id}_{}", w + 1);
            xml.create_element("span")
                .with_attributes([("class", "ocrx_word"), ("id", id.as_str()), ("title", &title)])
                .write_text_content(BytesText::new(&clean(&word.text)))?;
        }
        Ok(())
    })
}

/// One element of hOCR with its class, id and title.
fn element(
    xml: &mut Xml<Vec<u8>>,
    name: &str,
    class: &str,
    (id, title): (&str, &str),
    inner: impl FnOnce(&mut Xml<Vec<u8>>) -> io::Result<()>,
) -> io::Result<()> {
    let element = xml.create_element(name).with_attributes([("class", class), ("id", id), ("title", title)]);
    element.write_inner_content(inner)?;
    Ok(())
}

fn bbox(rect: Rect) -> String {
    format!("bbox {} {} {} {}", rect.x, rect.y, rect.x + rect.w, rect.y + rect.h)
}
