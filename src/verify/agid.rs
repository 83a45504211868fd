//! Is this a good PdV of the profile `agid`? Index, completeness, digests, then what the metadata say of the files.

use super::aggregazione::{self, Roll};
use super::container::Container;
use super::digests::Digests;
use super::findings::{Findings, Valued as _, error, note, warning};
use super::layout::{EVENTS, Layout};
use super::pindex::{Form, Index};
use super::schema::Schema;
use super::xml::Element;
use super::{Options, digests, documento, long, pindex};
use crate::finding::{Finding, Severity};

/// What the check of a PdV learned on its way, for whoever shows it.
#[derive(Debug)]
pub(super) struct Checked {
    /// What it says; empty if it could not be read.
    pub(super) index: Index,
    /// Digests of the files as they are.
    pub(super) digests: Digests,
    /// Where everything lies.
    pub(super) layout: Layout,
}

/// Checks a package with the index at position `at`: index, completeness, digests; of a PdV of ours the metadata too.
pub(super) fn check(container: &Container, (at, form): (usize, Form), options: &Options, findings: &mut Findings) -> Checked {
    let is_ours = form == Form::Agid;
    let layout = if is_ours { Layout::of(container, at) } else { Layout::default() };
    let Some(index) = pindex::read(container, (at, form), &options.limits, findings) else {
        return Checked { layout, ..Checked::of(vec![None; container.entries().len()]) };
    };
    if container.is_lone() {
        return Checked { index, layout, ..Checked::of(vec![None]) };
    }
    pindex::check_completeness(container, at, &index, findings);
    let digests = digests::check(container, &index, findings);
    if options.only_digests {
        findings.push(note("only-digests"));
    } else if is_ours {
        check_metadata(container, &layout, &digests, (options, findings));
    }
    Checked { index, digests, layout }
}

impl Checked {
    /// What is known of a package of another kind.
    pub(super) fn of(digests: Digests) -> Self {
        Self { index: Index::default(), digests, layout: Layout::default() }
    }
}

fn check_metadata(container: &Container, layout: &Layout, digests: &Digests, (options, findings): (&Options, &mut Findings)) {
    check_layout(container, layout, findings);
    let mut roll = Roll::default();
    let check = |n: usize| documento::check(container, &layout.folder(container, n), digests, options);
    super::each_in_turn(layout.count(), layout.count() > super::SCHEMA_WORTH, check, |(document, found)| {
        findings.extend(found);
        roll.enter(document);
    });
    aggregazione::check(container, &layout.aggregations, &roll.closed(), (options, findings));
    match layout.events {
        Some(events) => findings.extend(premis(container, events, options)),
        None => findings.push(warning("events-missing").at(&format!("{}{EVENTS}", layout.root), "")),
    }
}

fn check_layout(container: &Container, layout: &Layout, findings: &mut Findings) {
    for i in &layout.strangers {
        findings.push(warning("layout-stranger").at(&container.entries()[*i].path, ""));
    }
    if layout.count() == 0 {
        findings.push(error("documents-missing").at(&format!("{}documenti/", layout.root), ""));
    }
    if layout.aggregations.is_empty() {
        findings.push(error("aggregation-missing").at(&format!("{}aggregazioni/", layout.root), ""));
    }
    for n in 0..layout.count() {
        let folder = layout.folder(container, n);
        let path = format!("{}documenti/{}/", layout.root, folder.name);
        if folder.metadata.len() != 1 {
            findings.push(error("document-metadata-count").at(&path, "").value("count", folder.metadata.len()));
        }
        if folder.principale.len() != 1 {
            findings.push(error("document-principale-count").at(&path, "").value("count", folder.principale.len()));
        }
        for (n, files) in folder.allegati.iter().filter(|(_, files)| files.len() != 1) {
            let finding = error("attachment-file-count").at(&format!("{path}{n}/"), "");
            findings.push(finding.value("count", files.len()));
        }
        if folder.events.is_none() {
            findings.push(warning("events-missing").at(&format!("{path}{EVENTS}"), ""));
        }
    }
}

/// The events file at position `at`: valid, and each event complete. That of a package names every document: it is read as it comes.
pub(super) fn premis(container: &Container, at: usize, options: &Options) -> Vec<Finding> {
    let entry = &container.entries()[at];
    let mut events = 0_u32;
    let mut found = Findings::default();
    let mut take = |element: Element| {
        if element.name != "event" {
            return;
        }
        events += 1;
        let when = element.text_at("eventDateTime");
        if when.parse::<jiff::Timestamp>().is_err() && when.parse::<jiff::civil::DateTime>().is_err() {
            let place = format!("event[{events}]/eventDateTime");
            found.push(warning("event-time").at(&entry.path, &place).clause("PREMIS 2.3").value("time", when));
        }
    };
    let most = options.limits.metadata_bytes_max;
    let read = long::harvest(container, (entry, Schema::Premis), most, &["event", "relatedObjectIdentifier"], &mut take);
    let breaches = match read {
        Ok((Ok(_), breaches)) => breaches,
        Ok((Err(fault), _)) | Err(fault) => return vec![*fault],
    };
    if events == 0 {
        found.push(warning("events-empty").at(&entry.path, ""));
    }
    // Our schema is a subset of PREMIS 3: what it refuses in a package of somebody else may well be good PREMIS.
    found.extend(breaches.into_iter().map(|finding| Finding { severity: Severity::Warning, ..finding }));
    found.into_list().0
}
