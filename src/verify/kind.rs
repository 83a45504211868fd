//! What kind of package is this? Recognised by what lies in it, never by what the file is called.

use super::container::{Container, Entry, is_envelope};
use super::findings::{Findings, Valued as _, error};
use super::{Options, bagit, lists, pindex};

/// The kinds that are known, with the position of the file, or the folder, from which the rest is seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A PdV of the profile `agid`: index of UNI 11386:2020, folders of documents and aggregations.
    Agid(usize),
    /// Anything else with an index of UNI 11386:2020.
    Sincro(usize),
    /// A package with an index of UNI 11386:2010.
    Sincro2010(usize),
    /// A BagIt bag in that folder.
    Bag(String),
    /// An E-ARK package with that METS.
    Eark(usize),
    /// A request or an index for Sacer.
    Sacer(usize),
    /// Files with plain lists of digests.
    Lists(Vec<usize>),
    /// None of these.
    Unknown,
}

/// Root elements of what is sent to Sacer, and of its parts.
pub(super) const SACER: [&str; 5] =
    ["UnitaDocumentaria", "UnitaDocAggAllegati", "IndiceSIPFascicolo", "ProfiloArchivistico", "ProfiloGenerale"];

/// Most files whose beginning is read to see what they are.
const SNIFFED_MAX: usize = 64;

impl Kind {
    /// Position of the one index that may be sealed.
    pub(super) fn index(&self) -> Option<usize> {
        match self {
            Self::Agid(at) | Self::Sincro(at) | Self::Sincro2010(at) | Self::Eark(at) => Some(*at),
            Self::Bag(_) | Self::Sacer(_) | Self::Lists(_) | Self::Unknown => None,
        }
    }

    /// The name of the profile in a report.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Agid(_) => "agid",
            Self::Sincro(_) => "sincro",
            Self::Sincro2010(_) => "sincro-2010",
            Self::Bag(_) => "bagit",
            Self::Eark(_) => "eark",
            Self::Sacer(_) => "sacer",
            Self::Lists(_) => "manifest",
            Self::Unknown => "unknown",
        }
    }
}

/// Recognises the package. What is nearest to its top folder says what it is: a package may hold others as content.
pub(super) fn of(container: &Container, options: &Options, findings: &mut Findings) -> Kind {
    let top = top(container.entries());
    let bag = bag(container, &top);
    let mut indexes = indexes(container, &top);
    indexes.sort_by_key(|index| (index.depth, index.rank));
    let first = indexes.first();
    if let Some((_, root)) = bag.filter(|(depth, _)| first.is_none_or(|index| *depth <= index.depth)) {
        return Kind::Bag(root);
    }
    if let Some(first) = first {
        // Requests to Sacer come many together.
        let rivals = indexes
            .iter()
            .skip(1)
            .filter(|other| other.rank != Rank::Sacer && (other.depth, other.rank) == (first.depth, first.rank));
        for other in rivals {
            let finding = error("index-many").at(&container.entries()[other.at].path, "");
            findings.push(finding.value("other", &container.entries()[first.at].path));
        }
        return match first.rank {
            Rank::PIndex if is_ours(container, first.at, options) => Kind::Agid(first.at),
            Rank::PIndex => Kind::Sincro(first.at),
            Rank::Idc => Kind::Sincro2010(first.at),
            Rank::Mets => Kind::Eark(first.at),
            Rank::Sacer => Kind::Sacer(first.at),
        };
    }
    let lists = lists::find(container, &top);
    if lists.is_empty() { Kind::Unknown } else { Kind::Lists(lists) }
}

/// The folder that all files have in common, with its `/`.
pub(super) fn top(entries: &[Entry]) -> String {
    let Some(first) = entries.first() else { return String::new() };
    let mut top = first.path.rfind('/').map_or("", |at| &first.path[..=at]);
    for entry in entries {
        while !entry.path.starts_with(top) {
            top = top[..top.len() - 1].rfind('/').map_or("", |at| &top[..=at]);
        }
    }
    top.to_owned()
}

/// How many folders below the top.
fn depth(path: &str, top: &str) -> usize {
    path.strip_prefix(top).unwrap_or(path).matches('/').count()
}

fn bag(container: &Container, top: &str) -> Option<(usize, String)> {
    let folder = |path: &str| path.rfind('/').map_or("", |at| &path[..=at]).to_owned();
    let named = |entry: &Entry, name: &str| entry.path.strip_suffix(name).is_some_and(|f| f.is_empty() || f.ends_with('/'));
    let declared = container.entries().iter().filter(|entry| named(entry, bagit::DECLARATION));
    if let Some(entry) = declared.filter(|e| depth(&e.path, top) <= 1).min_by_key(|e| depth(&e.path, top)) {
        return Some((depth(&entry.path, top), folder(&entry.path)));
    }
    // Without its declaration a bag still shows by a manifest beside `data/`.
    let has_data = container.entries().iter().any(|entry| entry.path.starts_with(&format!("{top}data/")));
    let mut inside = container.entries().iter().filter_map(|entry| entry.path.strip_prefix(top));
    (has_data && inside.any(bagit::is_payload_manifest)).then(|| (0, top.to_owned()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    PIndex,
    Idc,
    Mets,
    Sacer,
}

struct Index {
    at: usize,
    depth: usize,
    rank: Rank,
}

/// The XML files near the top that are an index of some kind: by name where the name is fixed, else by their root element.
fn indexes(container: &Container, top: &str) -> Vec<Index> {
    let near = container.entries().iter().enumerate().filter(|(_, entry)| depth(&entry.path, top) <= 1);
    // An index may travel inside its seal; where it lies beside it the seal is only a seal.
    let is_xml = |path: &str| {
        let bare = &path[..path.len() - if is_envelope(path) { ".p7m".len() } else { 0 }];
        bare.to_ascii_lowercase().ends_with(".xml") && (bare == path || container.find(bare).is_none())
    };
    let xml = near.filter(|(_, entry)| is_xml(&entry.path));
    let mut found = Vec::new();
    let mut sniffed = 0;
    for (at, entry) in xml {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        let name = if is_envelope(name) { &name[..name.len() - ".p7m".len()] } else { name };
        // A broken file of that name is still meant as the index.
        let named = if name == pindex::NAME {
            Some(Rank::PIndex)
        } else if name.eq_ignore_ascii_case("METS.xml") {
            Some(Rank::Mets)
        } else if sniffed < SNIFFED_MAX {
            sniffed += 1;
            container.beginning(entry).and_then(|bytes| rank(&bytes))
        } else {
            None
        };
        found.extend(named.map(|rank| Index { at, depth: depth(&entry.path, top), rank }));
    }
    found
}

/// What the root element says of the file that begins with `bytes`.
fn rank(bytes: &[u8]) -> Option<Rank> {
    Some(match root(bytes)?.as_str() {
        "PIndex" => Rank::PIndex,
        "IdC" => Rank::Idc,
        "mets" => Rank::Mets,
        root if SACER.contains(&root) => Rank::Sacer,
        _ => return None,
    })
}

/// The local name of the root element, if it stands in these bytes.
pub(super) fn root(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.trim_start_matches('\u{FEFF}').trim_start();
    loop {
        let end = if rest.starts_with("<?") {
            "?>"
        } else if rest.starts_with("<!--") {
            "-->"
        } else {
            break;
        };
        rest = rest[rest.find(end)? + end.len()..].trim_start();
    }
    let name = rest.strip_prefix('<')?;
    let name = &name[..name.find(|c: char| c.is_whitespace() || c == '>' || c == '/')?];
    Some(name.rsplit(':').next().unwrap_or(name).to_owned())
}

/// True of a package with the layout of the profile `agid`, or with an index that names our namespace.
fn is_ours(container: &Container, at: usize, options: &Options) -> bool {
    let index = &container.entries()[at];
    let folder = pindex::folder(&index.path);
    let is_placed = |entry: &Entry| {
        entry.path.strip_prefix(folder).is_some_and(|p| p.starts_with("documenti/") || p.starts_with("aggregazioni/"))
    };
    container.entries().iter().any(is_placed)
        || container
            .bytes(index, options.limits.metadata_bytes_max)
            .is_ok_and(|bytes| memchr::memmem::find(&bytes, b"urn:conserva:pdv:").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_element_is_found_behind_whatever_may_stand_before_it() {
        assert_eq!(root("\u{FEFF}<?xml version='1.0'?>\n<!-- <a> -->\n<s:IdC x='1'>".as_bytes()).as_deref(), Some("IdC"));
        assert_eq!(root(b"<a/>").as_deref(), Some("a"));
        for bytes in [&b""[..], b"text", b"<", b"<!-- ", b"<?xml", b"\xFF\xFE<\0"] {
            assert_eq!(root(bytes), None, "{bytes:?}");
        }
    }
}
