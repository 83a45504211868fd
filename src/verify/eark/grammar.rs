//! Is a METS file built as METS 1.12 says? The table beside this file: children in their order, attributes, ids that are referred to.
//!
//! Names are local ones: what stands in another namespace (`xlink`, the extensions of CSIP) is not looked at, nor is what is wrapped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::super::findings::{Findings, Valued as _, error};
use super::super::xml::Element;

static TABLE: &str = include_str!("grammar.tsv");

/// The lists of words.
static WORDS: [(&str, &[&str]); 9] = [
    ("role", &["CREATOR", "EDITOR", "ARCHIVIST", "PRESERVATION", "DISSEMINATOR", "CUSTODIAN", "IPOWNER", "OTHER"]),
    ("agent", &["INDIVIDUAL", "ORGANIZATION", "OTHER"]),
    ("loctype", &["ARK", "URN", "URL", "PURL", "HANDLE", "DOI", "OTHER"]),
    (
        "mdtype",
        &[
            "MARC",
            "MODS",
            "EAD",
            "DC",
            "NISOIMG",
            "LC-AV",
            "VRA",
            "TEIHDR",
            "DDI",
            "FGDC",
            "LOM",
            "PREMIS",
            "PREMIS:OBJECT",
            "PREMIS:AGENT",
            "PREMIS:RIGHTS",
            "PREMIS:EVENT",
            "TEXTMD",
            "METSRIGHTS",
            "ISO 19115:2003 NAP",
            "EAC-CPF",
            "LIDO",
            "OTHER",
        ],
    ),
    ("checksum", &["Adler-32", "CRC32", "HAVAL", "MD5", "MNP", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "TIGER", "WHIRLPOOL"]),
    ("transform", &["decompression", "decryption"]),
    ("shape", &["RECT", "CIRCLE", "POLY"]),
    (
        "betype",
        &[
            "BYTE",
            "IDREF",
            "SMIL",
            "MIDI",
            "SMPTE-25",
            "SMPTE-24",
            "SMPTE-DF30",
            "SMPTE-NDF30",
            "SMPTE-DF29.97",
            "SMPTE-NDF29.97",
            "TIME",
            "TCF",
            "XPTR",
        ],
    ),
    (
        "exttype",
        &[
            "BYTE",
            "SMIL",
            "MIDI",
            "SMPTE-25",
            "SMPTE-24",
            "SMPTE-DF30",
            "SMPTE-NDF30",
            "SMPTE-DF29.97",
            "SMPTE-NDF29.97",
            "TIME",
            "TCF",
        ],
    ),
];

/// What the table says of one element.
struct Rule {
    children: &'static str,
    attributes: &'static str,
}

static RULES: LazyLock<BTreeMap<&'static str, Rule>> = LazyLock::new(|| {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, Rule { children: cells.next()?, attributes: cells.next().unwrap_or_default() }))
    });
    rows.collect()
});

fn rule(name: &str) -> Option<&'static Rule> {
    RULES.get(name)
}

/// Everything in which the file at `path` is not built as METS says.
pub(super) fn check(root: &Element, path: &str, findings: &mut Findings) {
    let mut file = File { path, ids: BTreeSet::new(), findings };
    file.ids(root);
    let mut open = vec![root];
    while let Some(element) = open.pop() {
        // An element without a row was said to be out of place where it stands.
        let Some(rule) = rule(&element.name) else { continue };
        file.attributes(element, rule.attributes);
        if !element.text.is_empty() && !matches!(rule.children, "..." | "text") {
            file.findings.push(error("mets-text").at(path, &place(element)).clause("METS 1.12"));
        }
        if rule.children != "..." {
            file.children(element, rule.children);
            open.extend(element.children.iter().rev());
        }
    }
}

/// The file under judgement.
struct File<'a> {
    path: &'a str,
    ids: BTreeSet<&'a str>,
    findings: &'a mut Findings,
}

impl<'a> File<'a> {
    /// Gathers the ids, each of which stands once.
    fn ids(&mut self, root: &'a Element) {
        let mut open = vec![root];
        while let Some(element) = open.pop() {
            let Some(rule) = rule(&element.name) else { continue };
            let id = element.attribute("ID").trim();
            if !id.is_empty() && !self.ids.insert(id) {
                self.findings.push(error("mets-id-twice").at(self.path, &place(element)).clause("METS 1.12").value("id", id));
            }
            if rule.children != "..." {
                open.extend(&element.children);
            }
        }
    }

    fn attributes(&mut self, element: &Element, wanted: &str) {
        for one in wanted.split(' ').filter(|one| !one.is_empty()) {
            let Some((name, kind)) = one.split_once(':') else { continue };
            let must = name.ends_with('!');
            let name = name.trim_end_matches('!');
            let Some((_, value)) = element.attributes.iter().find(|(key, _)| key == name) else {
                if must {
                    let finding = error("mets-attribute-missing").at(self.path, &place(element)).clause("METS 1.12");
                    self.findings.push(finding.value("name", name));
                }
                continue;
            };
            if !self.is_value(kind, value) {
                let finding = error("mets-attribute-value").at(self.path, &place(element)).clause("METS 1.12");
                self.findings.push(finding.value("name", name).value("value", value));
            }
        }
    }

    fn is_value(&self, kind: &str, value: &str) -> bool {
        match kind {
            "text" => true,
            "id" => is_name(value.trim()),
            "ref" => self.ids.contains(value.trim()),
            "refs" => value.split_ascii_whitespace().all(|id| self.ids.contains(id)) && !value.trim().is_empty(),
            "instant" => is_instant(value.trim()),
            "number" => value.trim().trim_start_matches('+').parse::<i64>().is_ok(),
            list => WORDS.iter().any(|(name, words)| *name == list && words.contains(&value)),
        }
    }

    fn children(&mut self, element: &Element, wanted: &str) {
        let (free, wanted) = match wanted.split_at(1) {
            (mark @ ("&" | "~"), rest) => (mark, rest.trim()),
            _ => ("", wanted),
        };
        if free == "~" {
            let names: Vec<&str> = wanted.split(' ').collect();
            element
                .children
                .iter()
                .filter(|child| !names.contains(&child.name.as_str()))
                .for_each(|c| self.misplaced(element, c));
            return;
        }
        let lists: Vec<Vec<Wanted>> =
            wanted.split(" | ").map(|list| list.split(' ').filter_map(Wanted::parse).collect()).collect();
        // Of two lists the one whose element comes first is meant.
        let first = element.children.first().map(|child| child.name.as_str());
        let list = lists.iter().find(|list| list.iter().any(|one| Some(one.name) == first)).or(lists.first());
        let Some(list) = list else { return };
        let mut left: Vec<&Element> = element.children.iter().collect();
        if free == "&" {
            left.sort_by_key(|child| list.iter().position(|one| one.name == child.name));
        }
        let mut at = 0;
        for one in list {
            let count = left[at..].iter().take(one.most).take_while(|child| child.name == one.name).count();
            if count < one.least {
                let finding = error("mets-child-missing").at(self.path, &place(element)).clause("METS 1.12");
                self.findings.push(finding.value("name", one.name));
            }
            at += count;
        }
        if let Some(child) = left.get(at) {
            self.misplaced(element, child);
        }
    }

    fn misplaced(&mut self, parent: &Element, child: &Element) {
        let finding = error("mets-child-misplaced").at(self.path, &place(parent)).clause("METS 1.12");
        self.findings.push(finding.value("name", &child.name));
    }
}

/// A child as the table wants it.
struct Wanted {
    name: &'static str,
    least: usize,
    most: usize,
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        let (least, most) = match text.as_bytes().last()? {
            b'?' => (0, 1),
            b'*' => (0, usize::MAX),
            b'+' => (1, usize::MAX),
            _ => (1, 1),
        };
        // Neither `-` nor `text` is a row.
        let (&name, _) = RULES.get_key_value(text.trim_end_matches(['?', '*', '+']))?;
        Some(Self { name, least, most })
    }
}

/// The element by its name and its id, where it has one.
fn place(element: &Element) -> String {
    match element.attribute("ID") {
        "" => element.name.clone(),
        id => format!("{}[@ID='{id}']", element.name),
    }
}

/// A name as XML has it, without a colon.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    begins && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\u{b7}') || is_combining(c))
}

fn is_combining(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// A date with its hour, with or without a zone.
fn is_instant(text: &str) -> bool {
    // The parser is more generous than the norm in what stands between date and hour, and in what it leaves out.
    let has_hour = text.as_bytes().get(10) == Some(&b'T') && text.len() >= 19;
    has_hour && (text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::super::xml;
    use super::*;

    fn codes(inside: &str) -> Vec<String> {
        let text = format!("<mets xmlns:xlink='x'>{inside}</mets>");
        let mut findings = Findings::default();
        check(&xml::parse(text.as_bytes(), "METS.xml").unwrap(), "METS.xml", &mut findings);
        findings.into_list().0.iter().map(|f| f.message.code().to_owned()).collect()
    }

    const MAP: &str = "<structMap><div/></structMap>";

    #[test]
    fn every_row_speaks_of_elements_and_lists_that_there_are() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let row = rule(line.split('\t').next().unwrap()).unwrap_or_else(|| panic!("{line}"));
            for child in row.children.split([' ', '&', '~', '|']).filter(|text| !matches!(*text, "" | "-" | "text" | "...")) {
                assert!(rule(child.trim_end_matches(['?', '*', '+'])).is_some(), "{line}: {child}");
            }
            for attribute in row.attributes.split(' ').filter(|text| !text.is_empty()) {
                let (_, kind) = attribute.split_once(':').unwrap_or_else(|| panic!("{line}: {attribute}"));
                let is_kind = ["text", "id", "ref", "refs", "instant", "number"].contains(&kind);
                assert!(is_kind || WORDS.iter().any(|(name, _)| *name == kind), "{line}: {kind}");
            }
        }
    }

    #[test]
    fn a_file_in_order_is_good_and_what_is_missing_or_out_of_order_is_named() {
        assert_eq!(codes(&format!("<metsHdr CREATEDATE='2024-01-01T10:00:00Z'/>{MAP}{MAP}")), Vec::<String>::new());
        assert_eq!(codes(""), ["mets-child-missing"]);
        assert_eq!(codes(&format!("{MAP}<metsHdr/>")), ["mets-child-misplaced"]);
        assert_eq!(codes(&format!("<metsHdr/><metsHdr/>{MAP}")).first().unwrap(), "mets-child-missing");
        assert_eq!(codes(&format!("<dmdSec/>{MAP}")), ["mets-attribute-missing"]);
        assert_eq!(codes(&format!("<metsHdr><agent ROLE='SINDACO'><name/></agent></metsHdr>{MAP}")), ["mets-attribute-value"]);
        assert_eq!(codes("<structMap><div><fptr FILEID='x'/></div></structMap>"), ["mets-attribute-value"]);
        let twice = format!("<dmdSec ID='a'/><dmdSec ID='a'/>{MAP}");
        assert_eq!(codes(&twice), ["mets-id-twice"]);
        assert_eq!(codes(&format!("<metsHdr>x</metsHdr>{MAP}")), ["mets-text"]);
    }

    #[test]
    fn what_may_stand_in_any_order_or_instead_of_each_other_does() {
        let wrap = "<mdWrap MDTYPE='DC'><xmlData><x/></xmlData></mdWrap>";
        let reference = "<mdRef LOCTYPE='URL' MDTYPE='DC'/>";
        assert_eq!(codes(&format!("<dmdSec ID='a'>{wrap}{reference}</dmdSec>{MAP}")), Vec::<String>::new());
        assert_eq!(codes(&format!("<dmdSec ID='a'>{reference}{wrap}</dmdSec>{MAP}")), Vec::<String>::new());
        assert_eq!(codes(&format!("<dmdSec ID='a'>{reference}{reference}</dmdSec>{MAP}")), ["mets-child-misplaced"]);
        let group = |inside: &str| codes(&format!("<fileSec><fileGrp>{inside}</fileGrp></fileSec>{MAP}"));
        assert_eq!(group("<file ID='f'/><file ID='g'/>"), Vec::<String>::new());
        assert_eq!(group("<fileGrp/>"), Vec::<String>::new());
        assert_eq!(group("<file ID='f'/><fileGrp/>"), ["mets-child-misplaced"]);
    }
}
