//! Which requirements of E-ARK CSIP and SIP 2.2.0 does a METS meet? The table beside this file, one verdict per id.
//!
//! A row says: id, level, `root` (METS of the package) or `any` (those of representations too), elements, how, test.
//! Elements are a path below `mets`, each step with conditions on attributes (`=` equals, `^` begins with, `!` differs,
//! `~` contains). How: `every` element passes the test, `some` there is at least one, `one` there is exactly one,
//! `if folder/` there is one wherever the package has files in that folder, `where elements` wherever the METS has those. A test is `@attribute`, `@attribute=value` or the
//! name of a child. Names are local ones: packages write the namespace of the attributes in two ways (norms, 6).

use super::super::findings::{Findings, Valued as _, error, note, warning};
use super::super::xml::Element;

static TABLE: &str = include_str!("requirements.tsv");

/// One requirement and what a package makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Its id in the specification (`CSIP9`).
    pub id: &'static str,
    /// `must` or `should`.
    pub level: &'static str,
    /// The METS that was asked.
    pub path: String,
    /// What came out.
    pub verdict: Verdict,
}

/// What came out of one requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is met.
    Met,
    /// It is not.
    Broken,
    /// There is nothing that it speaks of.
    NotApplicable,
}

/// One METS as it is asked.
pub(super) struct Asked<'a> {
    /// Its root.
    pub(super) root: &'a Element,
    /// Its path.
    pub(super) path: &'a str,
    /// True of the METS of the package.
    pub(super) is_root: bool,
    /// True if the package has files in that folder beside the METS.
    pub(super) has_folder: &'a dyn Fn(&str) -> bool,
}

/// Asks all requirements of one METS. What is broken is a finding as well: MUST an error, SHOULD a note.
pub(super) fn ask(asked: &Asked<'_>, findings: &mut Findings) -> Vec<Requirement> {
    // Rules for a SIP bind a package that declares their profile; others call themselves SIP and follow CSIP alone.
    let is_sip = asked.root.attribute("PROFILE").to_ascii_uppercase().contains("E-ARK-SIP");
    let mut verdicts = Vec::new();
    for row in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let Some(row) = Row::parse(row) else { continue };
        if row.scope == "root" && !asked.is_root {
            continue;
        }
        let (verdict, broken) = row.verdict(asked);
        if verdict == Verdict::Broken {
            let is_bound = is_sip || row.id.starts_with("CSIP");
            let finding = match (row.level, is_bound) {
                ("must", true) => error("eark-must"),
                ("must", false) => warning("eark-must"),
                _ => note("eark-should"),
            };
            let finding = finding.at(asked.path, row.place()).clause(row.id).value("id", row.id).value("count", broken);
            findings.push(finding.value("test", row.words()));
        }
        verdicts.push(Requirement { id: row.id, level: row.level, path: asked.path.to_owned(), verdict });
    }
    verdicts
}

struct Row {
    id: &'static str,
    level: &'static str,
    scope: &'static str,
    elements: &'static str,
    how: &'static str,
    test: &'static str,
}

impl Row {
    fn parse(line: &'static str) -> Option<Self> {
        let mut cells = line.split('\t');
        let mut next = || cells.next();
        Some(Self { id: next()?, level: next()?, scope: next()?, elements: next()?, how: next()?, test: next()? })
    }

    fn place(&self) -> &'static str {
        if self.elements.is_empty() { "mets" } else { self.elements }
    }

    /// What it asks for, in the notation of the specification's paths.
    fn words(&self) -> String {
        let place = self.place();
        match (self.how, self.elements) {
            ("every", "") => self.test.to_owned(),
            ("every", _) => format!("{place}/{}", self.test),
            ("one", _) => format!("{place} (1..1)"),
            _ => format!("{place} (1..n)"),
        }
    }

    /// The verdict, and how many elements fail.
    fn verdict(&self, asked: &Asked<'_>) -> (Verdict, usize) {
        let found = select(asked.root, self.elements);
        let there_is = |is_met: bool| if is_met { (Verdict::Met, 0) } else { (Verdict::Broken, 1) };
        match self.how {
            "every" if found.is_empty() => (Verdict::NotApplicable, 0),
            "every" => {
                let failed = found.iter().filter(|element| !passes(element, self.test)).count();
                (if failed == 0 { Verdict::Met } else { Verdict::Broken }, failed)
            }
            "some" => there_is(!found.is_empty()),
            "one" => there_is(found.len() == 1),
            how => {
                let is_asked = match (how.strip_prefix("if "), how.strip_prefix("where ")) {
                    (Some(folder), _) => (asked.has_folder)(folder),
                    (_, Some(elements)) => !select(asked.root, elements).is_empty(),
                    _ => false,
                };
                if is_asked { there_is(!found.is_empty()) } else { (Verdict::NotApplicable, 0) }
            }
        }
    }
}

/// The elements along a path with conditions.
fn select<'a>(root: &'a Element, path: &str) -> Vec<&'a Element> {
    let mut found = vec![root];
    for step in steps(path) {
        let (name, conditions) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest.trim_end_matches(']')));
        if !name.is_empty() {
            found = found.into_iter().flat_map(|element| &element.children).filter(|child| child.name == name).collect();
        }
        found.retain(|element| conditions.split(',').filter(|c| !c.is_empty()).all(|condition| holds(element, condition)));
    }
    found
}

/// The steps of a path; a `/` inside of brackets belongs to a value.
fn steps(path: &str) -> Vec<&str> {
    let (mut steps, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, c) in path.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '/' if depth == 0 => {
                steps.push(&path[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    if !path.is_empty() {
        steps.push(&path[from..]);
    }
    steps
}

fn holds(element: &Element, condition: &str) -> bool {
    let Some(at) = condition.find(['=', '^', '!', '~']) else { return false };
    let (value, wanted) = (element.attribute(&condition[..at]), &condition[at + 1..]);
    match condition.as_bytes()[at] {
        b'=' => value == wanted,
        b'^' => value.starts_with(wanted),
        b'!' => !value.is_empty() && value != wanted,
        _ => value.contains(wanted),
    }
}

fn passes(element: &Element, test: &str) -> bool {
    match test.strip_prefix('@') {
        Some(attribute) => match attribute.split_once('=') {
            Some((name, value)) => element.attribute(name) == value,
            None => !element.attribute(attribute).is_empty(),
        },
        None => element.child(test).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::xml;
    use super::*;

    #[test]
    fn every_row_of_the_table_can_be_asked() {
        let rows: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(rows.len() > 100, "{}", rows.len());
        for line in rows {
            let row = Row::parse(line).unwrap_or_else(|| panic!("{line}"));
            assert!(["must", "should"].contains(&row.level) && ["root", "any"].contains(&row.scope), "{line}");
            let is_how =
                ["every", "some", "one"].contains(&row.how) || row.how.starts_with("if ") || row.how.starts_with("where ");
            assert!(is_how && (row.how == "every") != row.test.is_empty(), "{line}");
        }
    }

    #[test]
    fn conditions_and_tests_are_read_as_they_are_told() {
        let root = xml::parse(b"<m P='E-ARK-SIP'><g USE='Representations/a'><f A='1'/><f/></g><g USE='Data'/></m>", "").unwrap();
        assert_eq!(select(&root, "g[USE^Representations/]/f").len(), 2);
        assert_eq!(select(&root, "g[USE!Data]").len(), 1);
        assert_eq!((select(&root, "[P~SIP]").len(), select(&root, "[P=SIP]").len()), (1, 0));
        let passing = select(&root, "g/f").into_iter().filter(|f| passes(f, "@A")).count();
        assert_eq!((passing, passes(&root, "g"), passes(&root, "h")), (1, true, false));
    }
}
