//! How do other OCR tools exchange words with boxes? hOCR; and the plain text that everybody reads.

use std::io::{self, Write};
use std::path::Path;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::alto::{Xml, clean};
use super::order::Pages;
use crate::error::{Error, Result};
use crate::page::{Block, Line, ReadPage, Rect};

/// The words of `pages` as hOCR 1.2 in XHTML, page by page. `source` names the file that was read, `ocr` who read it.
pub fn write_hocr(out: impl Write, pages: &Pages, source: &str, ocr: &str) -> Result<()> {
    let failed = |e: io::Error| Error::disk("write hOCR", Path::new("page.hocr"), e);
    let mut xml = Writer::new_with_indent(out, b' ', 1);
    head(&mut xml, source, ocr).map_err(failed)?;
    for page in pages.one_by_one()? {
        page_element(&mut xml, page?.as_ref(), source).map_err(failed)?;
    }
    foot(&mut xml).map_err(failed)
}

/// The plain text of `pages`, page by page: a form feed between one and the next.
pub fn write_plain(mut out: impl Write, pages: &Pages) -> Result<()> {
    let failed = |e: io::Error| Error::disk("write text", Path::new("page.txt"), e);
    let kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    for (n, page) in pages.one_by_one()?.enumerate() {
        let between = if n == 0 { "" } else { "\n\u{c}" };
        let text: String = page?.text.plain().chars().filter(kept).collect();
        out.write_all(between.as_bytes()).and_then(|()| out.write_all(text.as_bytes())).map_err(failed)?;
    }
    out.write_all(b"\n").and_then(|()| out.flush()).map_err(failed)
}

fn head<W: Write>(xml: &mut Xml<W>, source: &str, ocr: &str) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::Start(BytesStart::new("html").with_attributes([("xmlns", "http://www.w3.org/1999/xhtml")])))?;
    xml.create_element("head").write_inner_content(|xml| {
        xml.create_element("title").write_text_content(BytesText::new(&clean(source)))?;
        let known = "ocr_page ocr_carea ocr_line ocrx_word ocrp_wconf";
        for (name, content) in [("ocr-system", clean(ocr)), ("ocr-capabilities", known.to_owned())] {
            xml.create_element("meta").with_attributes([("name", name), ("content", &content)]).write_empty()?;
        }
        Ok(())
    })?;
    xml.write_event(Event::Start(BytesStart::new("body")))
}

fn foot<W: Write>(xml: &mut Xml<W>) -> io::Result<()> {
    xml.write_event(Event::End(BytesEnd::new("body")))?;
    xml.write_event(Event::End(BytesEnd::new("html")))?;
    xml.get_mut().flush()
}

fn page_element<W: Write>(xml: &mut Xml<W>, read: &ReadPage, source: &str) -> io::Result<()> {
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

fn block_element<W: Write>(xml: &mut Xml<W>, id: &str, rotation: u16, block: &Block) -> io::Result<()> {
    let rect = block.lines.iter().fold(Rect::default(), |all, line| all.union(line.rect()));
    element(xml, "div", "ocr_carea", (&format!("block_{id}"), &bbox(rect)), |xml| {
        block.lines.iter().enumerate().try_for_each(|(l, line)| line_element(xml, &format!("{id}_{}", l + 1), rotation, line))
    })
}

fn line_element<W: Write>(xml: &mut Xml<W>, id: &str, rotation: u16, line: &Line) -> io::Result<()> {
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
fn element<W: Write>(
    xml: &mut Xml<W>,
    name: &str,
    class: &str,
    (id, title): (&str, &str),
    inner: impl FnOnce(&mut Xml<W>) -> io::Result<()>,
) -> io::Result<()> {
    let element = xml.create_element(name).with_attributes([("class", class), ("id", id), ("title", title)]);
    element.write_inner_content(inner)?;
    Ok(())
}

fn bbox(rect: Rect) -> String {
    format!("bbox {} {} {} {}", rect.x, rect.y, rect.x + rect.w, rect.y + rect.h)
}
