//! What stands around the pages? Catalogue, page tree, information, XMP and output intent of a PDF/A.

use std::fmt::Write as _;
use std::io::Write;

use jiff::Timestamp;

use super::writer::{PdfWriter, Ref, text_string};
use super::{CopyOrder, CopyReport, Outline, PdfaLevel, icc, ranges};
use crate::error::Result;
use crate::messages::{Lang, Message};

const PRODUCER: &str = concat!("Conserva ", env!("CARGO_PKG_VERSION"));
/// Pages under one node of the page tree.
const BRANCH: usize = 64;

/// A page as it was written.
pub(super) struct Leaf {
    /// Its object.
    pub(super) page: Ref,
    /// The node above it.
    pub(super) parent: Ref,
    /// Its number in the document.
    pub(super) n: u32,
}

/// Writes everything but the pages themselves and says which objects are catalogue and information. The
/// subject of the copy names the pages of `report` that were drawn anew or left empty to whoever opens its properties.
pub(super) fn write<W: Write>(
    out: &mut PdfWriter<W>,
    (order, report): (&CopyOrder, &CopyReport),
    root: Ref,
    pages: &[Leaf],
) -> Result<(Ref, Ref)> {
    page_tree(out, root, pages)?;
    let outlines = outlines(out, &order.outlines, pages)?;
    let (catalog, info, metadata) = (out.promise(), out.promise(), out.promise());
    let (intent, profile) = (out.promise(), out.promise());
    out.deflated(profile, "/N 3/Alternate/DeviceRGB", &icc::srgb_profile())?;
    out.object(
        intent,
        format!(
            "<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB IEC61966-2.1)\
             /RegistryName(http://www.color.org)/Info(sRGB IEC61966-2.1)/DestOutputProfile {profile} 0 R>>"
        ),
    )?;
    let title = clean(&order.title);
    let subject = subject(report);
    out.stream(metadata, "/Type/Metadata/Subtype/XML", xmp(order, &title, &subject).as_bytes())?;
    let entry = |key: &str, text: &str| if text.is_empty() { String::new() } else { format!("/{key}{}", text_string(text)) };
    let titled = entry("Title", &title) + &entry("Subject", &subject);
    let date = order.instant.strftime("(D:%Y%m%d%H%M%S+00'00')");
    out.object(info, format!("<<{titled}/Producer{}/CreationDate{date}/ModDate{date}>>", text_string(PRODUCER)))?;
    let lang = language(&order.lang).map_or_else(String::new, |lang| format!("/Lang({lang})"));
    out.object(
        catalog,
        format!("<</Type/Catalog/Pages {root} 0 R/Metadata {metadata} 0 R/OutputIntents[{intent} 0 R]{lang}{outlines}>>"),
    )?;
    Ok((catalog, info))
}

/// For each page of `count`, the node that will be its parent. Two levels at most: a flat tree of thousands is slow to open.
pub(super) fn parents<W: Write>(out: &mut PdfWriter<W>, root: Ref, count: usize) -> Vec<Ref> {
    if count <= BRANCH {
        return vec![root; count];
    }
    let mut parents = Vec::with_capacity(count);
    while parents.len() < count {
        let node = out.promise();
        parents.resize((parents.len() + BRANCH).min(count), node);
    }
    parents
}

/// The bookmarks as one flat list, and the catalogue's entry for them. One that leads to no page is left out.
fn outlines<W: Write>(out: &mut PdfWriter<W>, wanted: &[Outline], pages: &[Leaf]) -> Result<String> {
    let leads_to = |outline: &Outline| pages.iter().find(|leaf| leaf.n == outline.page).map(|leaf| leaf.page);
    let found: Vec<(&Outline, Ref)> = wanted.iter().filter_map(|outline| Some((outline, leads_to(outline)?))).collect();
    if found.is_empty() {
        return Ok(String::new());
    }
    let list = out.promise();
    let items: Vec<Ref> = found.iter().map(|_| out.promise()).collect();
    for (at, (outline, page)) in found.iter().enumerate() {
        let previous = at.checked_sub(1).and_then(|before| items.get(before));
        let beside = |key: &str, item: Option<&Ref>| item.map_or_else(String::new, |item| format!("/{key} {item} 0 R"));
        let title = text_string(&clean(&outline.title));
        let (before, after) = (beside("Prev", previous), beside("Next", items.get(at + 1)));
        out.object(items[at], format!("<</Title{title}/Parent {list} 0 R{before}{after}/Dest[{page} 0 R/Fit]>>"))?;
    }
    let ends = (items[0], items[items.len() - 1]);
    out.object(list, format!("<</Type/Outlines/First {} 0 R/Last {} 0 R/Count {}>>", ends.0, ends.1, items.len()))?;
    Ok(format!("/Outlines {list} 0 R/PageMode/UseOutlines"))
}

/// What the properties of the copy say about pages that are no image of the original's bytes; nothing where there are none.
fn subject(report: &CopyReport) -> String {
    let said = [("copy-drawn-pages", &report.rasterised), ("copy-empty-pages", &report.left_empty)];
    let said = said.into_iter().filter(|(_, pages)| !pages.is_empty());
    let said = said.map(|(code, pages)| Message::new(code).with("pages", ranges(pages)).sentence(Lang::It));
    clean(&said.collect::<Vec<_>>().join(" "))
}

fn page_tree<W: Write>(out: &mut PdfWriter<W>, root: Ref, pages: &[Leaf]) -> Result<()> {
    let mut top = String::new();
    for group in pages.chunk_by(|a, b| a.parent == b.parent) {
        let kids = group.iter().fold(String::new(), |mut kids, leaf| {
            _ = write!(kids, "{} 0 R ", leaf.page);
            kids
        });
        let Some(Leaf { parent: node, .. }) = group.first() else { continue };
        if *node == root {
            top = kids;
        } else {
            out.object(*node, format!("<</Type/Pages/Parent {root} 0 R/Count {}/Kids[{kids}]>>", group.len()))?;
            _ = write!(top, "{node} 0 R ");
        }
    }
    out.object(root, format!("<</Type/Pages/Count {}/Kids[{top}]>>", pages.len()))
}

fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .take(500)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The language tag of the catalogue: a tag as it is, an OCR language as the tag of ISO 639-1; none of anything else.
fn language(lang: &str) -> Option<String> {
    let first = lang.split('+').next().unwrap_or_default();
    let known =
        [("ita", "it"), ("eng", "en"), ("deu", "de"), ("fra", "fr"), ("spa", "es"), ("slv", "sl"), ("por", "pt"), ("lat", "la")];
    if let Some((_, tag)) = known.iter().find(|(code, _)| *code == first) {
        return Some((*tag).to_owned());
    }
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_tag = first.split('-').all(is_part) && first.split('-').next().is_some_and(|p| (2..=3).contains(&p.len()));
    is_tag.then(|| first.to_owned())
}

/// The XMP packet, equal to the information dictionary in all that both say.
fn xmp(order: &CopyOrder, title: &str, subject: &str) -> String {
    let date = xmp_date(order.instant);
    let part = order.level.part();
    let entry = |name: &str, text: &str| {
        let text = quick_xml::escape::escape(text);
        format!("<dc:{name}><rdf:Alt><rdf:li xml:lang=\"x-default\">{text}</rdf:li></rdf:Alt></dc:{name}>")
    };
    let said = [("title", title), ("description", subject)];
    let titled: String = said.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| entry(name, text)).collect();
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
         <rdf:Description rdf:about=\"\" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">\
         <pdfaid:part>{part}</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>\n\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\
         <dc:format>application/pdf</dc:format>{titled}</rdf:Description>\n\
         <rdf:Description rdf:about=\"\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\">\
         <pdf:Producer>{PRODUCER}</pdf:Producer></rdf:Description>\n\
         <rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\">\
         <xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate></rdf:Description>\n\
         </rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>"
    )
}

fn xmp_date(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

impl PdfaLevel {
    /// Part of ISO 19005.
    pub(super) fn part(self) -> u8 {
        match self {
            Self::A1b => 1,
            Self::A2b => 2,
            Self::A3b => 3,
        }
    }

    /// True of part 1, which knows PDF 1.4 and no transparency.
    pub(super) fn is_first(self) -> bool {
        self == Self::A1b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ocr_language_becomes_a_tag_and_rubbish_becomes_nothing() {
        assert_eq!(language("ita").as_deref(), Some("it"));
        assert_eq!(language("ita+eng").as_deref(), Some("it"));
        assert_eq!(language("it-IT").as_deref(), Some("it-IT"));
        for rubbish in ["", "a", "it)/X(", "it IT", "una lingua"] {
            assert_eq!(language(rubbish), None, "{rubbish}");
        }
    }
}
