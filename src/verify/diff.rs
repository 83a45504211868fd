//! What is different between two packages? Files added, removed, renamed, changed; of changed metadata the values, by label.
//!
//! Files are compared by their path below the package's own folder, whose name is the package's id and differs by nature.
//! What the packages say of themselves (index, manifests) is compared like any other file. Nothing is judged here: that is
//! `report`.

use std::collections::BTreeMap;
use std::path::Path;

use super::container::{Container, Entry};
use super::digests::{self, Function, hex};
use super::findings::{Findings, shortened};
use super::outcome::{put, visible};
use super::xml::{self, Element};
use super::{Options, kind};
use crate::error::{Error, Kind, Result};
use crate::messages::{Lang, Message, label};

/// Most values shown of one changed file.
const VALUES_MAX: usize = 200;

/// The difference between two packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The packages as they were named.
    pub packages: [String; 2],
    /// Files that only the second has.
    pub added: Vec<Side>,
    /// Files that only the first has.
    pub removed: Vec<Side>,
    /// The same bytes under another path.
    pub renamed: Vec<(Side, Side)>,
    /// Files of the same path with other bytes.
    pub changed: Vec<Changed>,
    /// Files that could not be read on one side (barred, damaged), and are not compared.
    pub unread: Vec<String>,
    /// Files that are the same.
    pub same: u64,
}

/// One file on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Path below the package's folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// One file that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// In the first.
    pub from: Side,
    /// In the second.
    pub to: Side,
    /// Values that differ, where both are XML that can be read.
    pub values: Vec<Value>,
    /// How many more differ.
    pub left_out: usize,
}

/// One value of a metadata file that differs; nothing where one side has no such element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Path of the element.
    pub place: String,
    /// In the first.
    pub from: Option<String>,
    /// In the second.
    pub to: Option<String>,
}

/// Compares the packages at `a` and `b`. An error means that one of them cannot be opened as a package.
pub fn diff(a: &Path, b: &Path, options: &Options) -> Result<Diff> {
    let (one, two) = (opened(a, options)?, opened(b, options)?);
    let (mut left, mut right) = (sides(&one), sides(&two));
    let mut diff = Diff {
        packages: [a, b].map(|path| path.display().to_string()),
        added: Vec::new(),
        removed: Vec::new(),
        renamed: Vec::new(),
        changed: Vec::new(),
        unread: Vec::new(),
        same: 0,
    };
    let common: Vec<String> = left.keys().filter(|path| right.contains_key(*path)).cloned().collect();
    for path in common {
        let (Some((at, from)), Some((other, to))) = (left.remove(&path), right.remove(&path)) else { continue };
        if from.sha256.is_empty() || to.sha256.is_empty() {
            diff.unread.push(path);
        } else if from.sha256 == to.sha256 {
            diff.same += 1;
        } else {
            let (values, left_out) = values((&one, at), (&two, other), options);
            diff.changed.push(Changed { from, to, values, left_out });
        }
    }
    diff.rest(left, right);
    Ok(diff)
}

fn opened(path: &Path, options: &Options) -> Result<Container> {
    // What is wrong with it is the business of `verify`; here only the files count.
    let opened = Container::open(path, &options.limits, &mut Findings::default())?;
    opened.ok_or_else(|| Error::new(Kind::Usage, "diff-no-package").with("path", path.display()))
}

/// The files by path below the package's folder, with their position and digest.
fn sides(container: &Container) -> BTreeMap<String, (usize, Side)> {
    let top = kind::top(container.entries());
    let digests = super::each(container.entries().len(), container.is_large(), |i| {
        let entry = &container.entries()[i];
        digests::digest(container, entry, Function::Sha256).map(|bytes| hex(&bytes)).unwrap_or_default()
    });
    let side = |(at, (entry, sha256)): (usize, (&Entry, String))| {
        let path = entry.path.strip_prefix(&top).unwrap_or(&entry.path).to_owned();
        (path.clone(), (at, Side { path, bytes: entry.bytes, sha256 }))
    };
    container.entries().iter().zip(digests).enumerate().map(side).collect()
}

/// The values that differ between two XML files; nothing where one of them is none.
fn values((one, at): (&Container, usize), (two, other): (&Container, usize), options: &Options) -> (Vec<Value>, usize) {
    let tree = |container: &Container, at: usize| {
        let entry = &container.entries()[at];
        let begins = container.beginning(entry).and_then(|bytes| kind::root(&bytes));
        begins.and_then(|_| container.bytes(entry, options.limits.metadata_bytes_max).ok()).and_then(|bytes| {
            let mut flat = BTreeMap::new();
            flatten(&xml::parse(&bytes, "").ok()?, "", &mut flat);
            Some(flat)
        })
    };
    let (Some(from), Some(mut to)) = (tree(one, at), tree(two, other)) else { return (Vec::new(), 0) };
    let mut values: Vec<Value> = Vec::new();
    for (place, value) in from {
        let new = to.remove(&place);
        if new.as_ref() != Some(&value) {
            values.push(Value { place, from: Some(value), to: new });
        }
    }
    values.extend(to.into_iter().map(|(place, value)| Value { place, from: None, to: Some(value) }));
    values.sort_by(|a, b| a.place.cmp(&b.place));
    let left_out = values.len().saturating_sub(VALUES_MAX);
    values.truncate(VALUES_MAX);
    (values, left_out)
}

/// Every text and attribute by the path of its element; siblings of one name are numbered.
fn flatten(element: &Element, path: &str, flat: &mut BTreeMap<String, String>) {
    if !element.text.is_empty() {
        flat.insert(path.to_owned(), element.text.clone());
    }
    for (name, value) in &element.attributes {
        flat.insert(format!("{path}@{name}"), value.clone());
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for child in &element.children {
        let n = seen.entry(&child.name).or_default();
        *n += 1;
        let number = if *n > 1 { format!("[{n}]") } else { String::new() };
        let slash = if path.is_empty() { "" } else { "/" };
        flatten(child, &format!("{path}{slash}{}{number}", child.name), flat);
    }
}

impl Diff {
    /// Tells apart what was added, removed and renamed.
    fn rest(&mut self, left: BTreeMap<String, (usize, Side)>, right: BTreeMap<String, (usize, Side)>) {
        let mut by_digest: BTreeMap<String, Vec<Side>> = BTreeMap::new();
        for (_, side) in right.into_values().rev() {
            by_digest.entry(side.sha256.clone()).or_default().push(side);
        }
        for (_, side) in left.into_values() {
            let twin = by_digest.get_mut(&side.sha256).filter(|_| !side.sha256.is_empty()).and_then(Vec::pop);
            match twin {
                Some(twin) => self.renamed.push((side, twin)),
                None => self.removed.push(side),
            }
        }
        self.added = by_digest.into_values().flatten().collect();
        self.added.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// True if every file of one is in the other, under the same path, with the same bytes.
    pub fn is_same(&self) -> bool {
        let lists = [self.added.len(), self.removed.len(), self.renamed.len(), self.changed.len(), self.unread.len()];
        lists.iter().all(|count| *count == 0)
    }

    /// The difference as JSON.
    pub fn json(&self, lang: Lang) -> serde_json::Value {
        use serde_json::json;
        let side = |side: &Side| json!({"path": side.path, "bytes": side.bytes, "sha256": side.sha256});
        let value = |v: &Value| json!({"place": v.place, "label": words(&v.place, lang), "a": v.from, "b": v.to});
        let changed = |c: &Changed| {
            let values: Vec<_> = c.values.iter().map(value).collect();
            json!({"path": c.from.path, "a": side(&c.from), "b": side(&c.to), "values": values, "left_out": c.left_out})
        };
        json!({
            "a": self.packages[0], "b": self.packages[1], "same": self.is_same(), "files_same": self.same,
            "added": self.added.iter().map(side).collect::<Vec<_>>(),
            "removed": self.removed.iter().map(side).collect::<Vec<_>>(),
            "renamed": self.renamed.iter().map(|(a, b)| json!({"a": side(a), "b": side(b)})).collect::<Vec<_>>(),
            "changed": self.changed.iter().map(changed).collect::<Vec<_>>(),
            "unread": self.unread,
        })
    }

    /// The difference for a terminal.
    pub fn text(&self, lang: Lang) -> String {
        let verdict = Message::new(if self.is_same() { "diff-same" } else { "diff-differ" });
        let verdict = verdict.with("same", self.same).with("changed", self.changed.len()).with("added", self.added.len());
        let verdict = verdict.with("removed", self.removed.len()).with("renamed", self.renamed.len());
        let mut text =
            format!("a {}\nb {}\n{}\n", visible(&self.packages[0]), visible(&self.packages[1]), verdict.sentence(lang));
        let mut line = |sign: &str, words: &str| put(&mut text, format_args!("\n  {sign} {words}"));
        for side in &self.removed {
            line("-", &format!("{}  {}  {}", visible(&side.path), side.bytes, side.sha256));
        }
        for side in &self.added {
            line("+", &format!("{}  {}  {}", visible(&side.path), side.bytes, side.sha256));
        }
        for (from, to) in &self.renamed {
            line(">", &format!("{} > {}", visible(&from.path), visible(&to.path)));
        }
        for path in &self.unread {
            line("?", &format!("{}  {}", visible(path), label("diff-unread", lang)));
        }
        for one in &self.changed {
            line("~", &format!("{}  {} > {}", visible(&one.from.path), one.from.sha256, one.to.sha256));
            for value in &one.values {
                let shown = |v: &Option<String>| v.as_ref().map_or("—".to_owned(), |text| visible(&shortened(text, 200)));
                line("   ", &format!("{}: {} > {}", words(&value.place, lang), shown(&value.from), shown(&value.to)));
            }
            if one.left_out > 0 {
                line("   ", &Message::new("diff-left-out").with("count", one.left_out).sentence(lang));
            }
        }
        text.push('\n');
        text
    }
}

/// The path of an element in the words of the norm, where the catalogue has them.
fn words(place: &str, lang: Lang) -> String {
    let word = |part: &str| {
        let (name, rest) = part.split_at(part.find(['[', '@']).unwrap_or(part.len()));
        let message = Message::new(&format!("a5-{name}"));
        let words = if message.is_known() { message.sentence(lang) } else { name.to_owned() };
        format!("{words}{rest}")
    };
    place.split('/').map(word).collect::<Vec<_>>().join(" › ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_of_one_name_are_numbered_and_attributes_named() {
        let root = xml::parse(b"<r><a>1</a><a x='2'>3</a></r>", "").unwrap();
        let mut flat = BTreeMap::new();
        flatten(&root, "", &mut flat);
        let rows: Vec<(&str, &str)> = flat.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(rows, [("a", "1"), ("a[2]", "3"), ("a[2]@x", "2")]);
    }

    #[test]
    fn a_place_is_told_in_the_words_of_the_norm() {
        assert_ne!(words("ChiaveDescrittiva/Oggetto", Lang::It), "ChiaveDescrittiva › Oggetto");
        assert_eq!(words("sconosciuto[2]@x", Lang::It), "sconosciuto[2]@x");
    }
}
