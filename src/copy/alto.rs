//! Where does each word stand, for a program of the future? ALTO 4, the format that libraries and archives read.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::order::Pages;
use crate::error::{Error, Result};
use crate::page::{Block, Line, PageText, ReadPage, Rect, Word};

/// Name space of ALTO 4.
const NAMESPACE: &str = "http://www.loc.gov/standards/alto/ns-v4#";
/// What a divided word may end with: the hyphen, the soft one, the typographer's.
const HYPHENS: [char; 3] = ['-', '\u{ad}', '\u{2010}'];

pub(super) type Xml<W> = Writer<W>;

/// The words of `pages` as one ALTO 4 document. `source` names the file that was read, `ocr` the program that had it read.
///
/// Boxes are pixels of the stored page image, before any turn; a page that is to be turned, and its blocks, say so in
/// ROTATION (degrees counter-clockwise, as the schema has it). Blocks and lines stand in reading order. Who read a page,
/// and what was done to its image before, are processing steps that the page refers to (rules S-06, S-07).
///
/// Written page by page: memory does not grow with the words of the document.
pub fn write_alto(out: impl Write, pages: &Pages, source: &str, ocr: &str) -> Result<()> {
    document(&mut Writer::new_with_indent(out, b' ', 1), pages, (source, ocr))
}

/// What XML 1.0 may hold of a text: control characters and noncharacters dropped.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}

fn document<W: Write>(xml: &mut Xml<W>, pages: &Pages, (source, ocr): (&str, &str)) -> Result<()> {
    let failed = |e: io::Error| Error::disk("write ALTO", Path::new("alto.xml"), e);
    // The steps stand before the pages that refer to them: the pages are gone through twice rather than kept.
    let mut steps = Steps::default();
    for page in pages.one_by_one()? {
        steps.add(page?.as_ref());
    }
    head(xml, source, ocr, &steps).map_err(failed)?;
    for page in pages.one_by_one()? {
        let page = page?;
        page_element(xml, &page, &steps.references(&page)).map_err(failed)?;
    }
    foot(xml).map_err(failed)
}

fn head<W: Write>(xml: &mut Xml<W>, source: &str, ocr: &str, steps: &Steps) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = BytesStart::new("alto").with_attributes([("xmlns", NAMESPACE), ("SCHEMAVERSION", "4.4")]);
    xml.write_event(Event::Start(root))?;
    xml.create_element("Description").write_inner_content(|xml| {
        xml.create_element("MeasurementUnit").write_text_content(BytesText::new("pixel"))?;
        xml.create_element("sourceImageInformation").write_inner_content(|xml| text_element(xml, "fileName", source))?;
        steps.elements(xml, ocr)
    })?;
    xml.write_event(Event::Start(BytesStart::new("Layout")))
}

fn foot<W: Write>(xml: &mut Xml<W>) -> io::Result<()> {
    xml.write_event(Event::End(BytesEnd::new("Layout")))?;
    xml.write_event(Event::End(BytesEnd::new("alto")))?;
    xml.get_mut().flush()
}

/// The different ways in which the pages were prepared and read, each with its number.
#[derive(Default)]
struct Steps {
    origins: BTreeMap<String, usize>,
    prepared: BTreeMap<Vec<String>, usize>,
}

impl Steps {
    fn add(&mut self, page: &ReadPage) {
        let next = self.origins.len() + 1;
        self.origins.entry(page.text.origin.clone()).or_insert(next);
        if !page.page.steps.is_empty() {
            let next = self.prepared.len() + 1;
            self.prepared.entry(page.page.steps.clone()).or_insert(next);
        }
    }

    /// The steps behind one page, as PROCESSINGREFS has them.
    fn references(&self, page: &ReadPage) -> String {
        let prepared = self.prepared.get(&page.page.steps).map(|n| format!("PRE{n}"));
        let read = self.origins.get(&page.text.origin).map(|n| format!("OCR{n}"));
        prepared.into_iter().chain(read).collect::<Vec<_>>().join(" ")
    }

    fn elements<W: Write>(&self, xml: &mut Xml<W>, program: &str) -> io::Result<()> {
        let mut prepared: Vec<_> = self.prepared.iter().map(|(steps, n)| (n, steps)).collect();
        prepared.sort_unstable();
        for (n, steps) in prepared {
            step_element(xml, &format!("PRE{n}"), ("preOperation", program), steps)?;
        }
        let mut origins: Vec<_> = self.origins.iter().map(|(origin, n)| (n, origin)).collect();
        origins.sort_unstable();
        for (n, origin) in origins {
            step_element(xml, &format!("OCR{n}"), ("contentGeneration", program), std::slice::from_ref(origin))?;
        }
        Ok(())
    }
}

fn step_element<W: Write>(
    xml: &mut Xml<W>,
    id: &str,
    (category, program): (&str, &str),
    descriptions: &[String],
) -> io::Result<()> {
    xml.create_element("Processing").with_attribute(("ID", id)).write_inner_content(|xml| {
        text_element(xml, "processingCategory", category)?;
        descriptions.iter().try_for_each(|text| text_element(xml, "processingStepDescription", text))?;
        xml.create_element("processingSoftware").write_inner_content(|xml| text_element(xml, "softwareName", program))?;
        Ok(())
    })?;
    Ok(())
}

fn text_element<W: Write>(xml: &mut Xml<W>, name: &'static str, text: &str) -> io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(&clean(text)))?;
    Ok(())
}

fn page_element<W: Write>(xml: &mut Xml<W>, read: &ReadPage, steps: &str) -> io::Result<()> {
    let PageText { n, width, height, rotation, blocks, .. } = &read.text;
    let (width, height) = (width.to_string(), height.to_string());
    let mut page = xml.create_element("Page").with_attributes([
        ("ID", format!("P{n}").as_str()),
        ("PHYSICAL_IMG_NR", &n.to_string()),
        ("WIDTH", &width),
        ("HEIGHT", &height),
        ("PROCESSINGREFS", steps),
    ]);
    if let Some(mean) = read.page.mean_confidence {
        page = page.with_attribute(("PC", confidence(mean).as_str()));
    }
    if *rotation != 0 {
        page = page.with_attribute(("ROTATION", rotation.to_string().as_str()));
    }
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

fn block_element<W: Write>(xml: &mut Xml<W>, id: &str, rotation: u16, lines: &[Line]) -> io::Result<()> {
    let rect = lines.iter().fold(Rect::default(), |all, line| all.union(line.rect()));
    let mut block = xml.create_element("TextBlock").with_attribute(("ID", id)).with_attributes(place(rect).iter().map(pair));
    if rotation != 0 {
        block = block.with_attribute(("ROTATION", rotation.to_string().as_str()));
    }
    block.write_inner_content(|xml| {
        let mut begun = None;
        for (l, line) in lines.iter().enumerate() {
            let divided = divided(line, lines.get(l + 1));
            let parts = Parts { begun: begun.take(), divided: divided.clone(), rotation };
            line_element(xml, &format!("{id}L{}", l + 1), line, &parts)?;
            begun = divided;
        }
        Ok(())
    })?;
    Ok(())
}

/// What a line shares with its neighbours: the whole of the word that its first word ends, that of the word that its
/// last word begins.
struct Parts {
    begun: Option<String>,
    divided: Option<String>,
    rotation: u16,
}

/// The whole word, if the last word of `line` is one that goes on in the line below: a hyphen after letters, then a small
/// letter.
fn divided(line: &Line, below: Option<&Line>) -> Option<String> {
    let begun = line.words.last()?.text.strip_suffix(HYPHENS)?;
    let rest = below?.words.first()?.text.as_str();
    let letters = begun.chars().rev().take_while(|c| c.is_alphabetic()).count();
    (letters >= 2 && rest.starts_with(char::is_lowercase)).then(|| clean(&format!("{begun}{rest}")))
}

fn line_element<W: Write>(xml: &mut Xml<W>, id: &str, line: &Line, parts: &Parts) -> io::Result<()> {
    let element = xml.create_element("TextLine").with_attribute(("ID", id)).with_attributes(place(line.rect()).iter().map(pair));
    element.write_inner_content(|xml| {
        for (w, word) in line.words.iter().enumerate() {
            if w > 0 {
                xml.create_element("SP").write_empty()?;
            }
            let id = format!("{id}W{}", w + 1);
            let whole = parts.divided.as_deref().filter(|_| w + 1 == line.words.len());
            let ends = parts.begun.as_deref().filter(|_| w == 0);
            match (whole, ends) {
                (Some(whole), _) => divided_word(xml, &id, (word, whole), parts.rotation)?,
                (None, Some(whole)) => string(xml, &id, word, &[("SUBS_TYPE", "HypPart2"), ("SUBS_CONTENT", whole)])?,
                (None, None) => string(xml, &id, word, &[])?,
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// The first part of a word that goes on in the next line, and its hyphen.
fn divided_word<W: Write>(xml: &mut Xml<W>, id: &str, (word, whole): (&Word, &str), rotation: u16) -> io::Result<()> {
    let (part, hyphen) = cut(word, rotation);
    string(xml, id, &part, &[("SUBS_TYPE", "HypPart1"), ("SUBS_CONTENT", whole)])?;
    xml.create_element("HYP").with_attributes(place(hyphen).iter().map(pair)).with_attribute(("CONTENT", "-")).write_empty()?;
    Ok(())
}

/// The word without its hyphen, and the hyphen's share of the box, at the end to which the line runs.
fn cut(word: &Word, rotation: u16) -> (Word, Rect) {
    let Rect { x, y, w, h } = word.rect;
    let share = |length: u32| (length / u32::try_from(word.text.chars().count().max(1)).unwrap_or(1)).clamp(1, length.max(1));
    let (across, down) = (share(w), share(h));
    let (rect, hyphen) = match rotation {
        90 => (Rect { x, y: y + down, w, h: h - down.min(h) }, Rect { x, y, w, h: down }),
        180 => (Rect { x: x + across, y, w: w - across.min(w), h }, Rect { x, y, w: across, h }),
        270 => (Rect { x, y, w, h: h - down.min(h) }, Rect { x, y: y + h - down.min(h), w, h: down }),
        _ => (Rect { x, y, w: w - across.min(w), h }, Rect { x: x + w - across.min(w), y, w: across, h }),
    };
    let text = word.text.strip_suffix(HYPHENS).unwrap_or(&word.text).to_owned();
    (Word { text, rect, confidence: word.confidence, alternatives: Vec::new() }, hyphen)
}

fn string<W: Write>(xml: &mut Xml<W>, id: &str, word: &Word, more: &[(&str, &str)]) -> io::Result<()> {
    xml.create_element("String")
        .with_attribute(("ID", id))
        .with_attribute(("CONTENT", clean(&word.text).as_str()))
        .with_attributes(place(word.rect).iter().map(pair))
        .with_attribute(("WC", confidence(word.confidence).as_str()))
        .with_attributes(more.iter().copied())
        .write_empty()?;
    Ok(())
}

/// A confidence of 0 to 100 as ALTO has it, 0 to 1.
fn confidence(percent: f32) -> String {
    let part = if percent.is_finite() { (percent / 100.0).clamp(0.0, 1.0) } else { 0.0 };
    format!("{part:.2}")
}

fn place(rect: Rect) -> [(&'static str, String); 4] {
    [("HPOS", rect.x.to_string()), ("VPOS", rect.y.to_string()), ("WIDTH", rect.w.to_string()), ("HEIGHT", rect.h.to_string())]
}

fn pair<'a>((name, value): &'a (&'static str, String)) -> (&'a str, &'a str) {
    (name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Line {
        let word = |text: &&str| Word {
            text: (*text).to_owned(),
            rect: Rect { x: 10, y: 20, w: 50, h: 8 },
            confidence: 90.0,
            alternatives: Vec::new(),
        };
        Line { words: words.iter().map(word).collect() }
    }

    #[test]
    fn a_word_divided_at_the_end_of_its_line_is_known_whole() {
        assert_eq!(divided(&line(&["un", "docu-"]), Some(&line(&["mento"]))).as_deref(), Some("documento"));
        assert_eq!(divided(&line(&["docu\u{ad}"]), Some(&line(&["mento,"]))).as_deref(), Some("documento,"));
        for (above, below) in [("n.-", "mento"), ("2019-", "anno"), ("Emilia-", "Romagna"), ("docu", "mento"), ("-", "a")] {
            assert_eq!(divided(&line(&[above]), Some(&line(&[below]))), None, "{above} {below}");
        }
        assert_eq!(divided(&line(&["docu-"]), None), None);
    }

    #[test]
    fn a_hyphen_stands_at_the_end_to_which_its_line_runs() {
        let word = line(&["docu-"]).words.remove(0);
        let hyphens = [0, 90, 180, 270].map(|rotation| cut(&word, rotation).1);
        let at = |x, y, w, h| Rect { x, y, w, h };
        assert_eq!(hyphens, [at(50, 20, 10, 8), at(10, 20, 50, 1), at(10, 20, 10, 8), at(10, 27, 50, 1)]);
        assert_eq!(cut(&word, 0).0.rect, at(10, 20, 40, 8));
    }
}
