//! The national trusted list: which services issue qualified certificates and time stamps, and since when? (ETSI TS 119 612, 5.5 and 5.6.)

use std::path::Path;

use base64::Engine as _;
use jiff::Timestamp;
use openssl::x509::X509;
use uppsala::{Document, NodeId};

use super::xml;
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;

const NAMESPACE: &str = "http://uri.etsi.org/02231/v2#";
/// Services whose certificates lead to signers, seals and time stamps (TS 119 612, 5.5.1).
const KINDS: [&str; 5] = ["CA/QC", "CA/PKC", "TSA/QTST", "TSA", "TSA/TSS-QC"];
/// Statuses under which a service may be relied upon, those before July 2016 too (TS 119 612, 5.5.4 and annex D).
const GOOD: [&str; 6] =
    ["granted", "undersupervision", "supervisionincessation", "accredited", "recognisedatnationallevel", "setbynationallaw"];

/// What a list says of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// Status and since when, the newest first.
    statuses: Vec<(Timestamp, String)>,
}

impl Service {
    /// The status at that time.
    pub(super) fn status(&self, at: Timestamp) -> Option<&str> {
        self.statuses.iter().find(|(since, _)| *since <= at).map(|(_, status)| status.as_str())
    }

    /// True if it could be relied upon at that time.
    pub(super) fn is_good(&self, at: Timestamp) -> bool {
        self.status(at).is_some_and(|status| GOOD.contains(&status))
    }
}

/// The services of a list, by certificate.
pub(super) fn services(file: &Path, limits: &Limits) -> Result<Vec<(X509, Service)>> {
    let unread = |cause: String| {
        Error::new(Kind::Environment, "trusted-list-unreadable").with("path", file.display()).with("cause", cause)
    };
    let length = std::fs::metadata(file).map_err(|e| unread(e.to_string()))?.len();
    if length > limits.xml_bytes_max {
        return Err(unread(format!("{length} > limits.xml_bytes_max")));
    }
    let text = std::fs::read_to_string(file).map_err(|e| unread(e.to_string()))?;
    let document = xml::parsed(&text, limits).ok_or_else(|| unread("XML".to_owned()))?;
    let mut found = Vec::new();
    for service in document.get_elements_by_tag_name_ns(NAMESPACE, "TSPService") {
        found.extend(read(&document, service));
    }
    if found.is_empty() { Err(unread("TSPService".to_owned())) } else { Ok(found) }
}

fn read(document: &Document<'_>, service: NodeId) -> Vec<(X509, Service)> {
    let Some(now) = document.first_child_element_by_name_ns(service, NAMESPACE, "ServiceInformation") else { return Vec::new() };
    let kind = text(document, now, "ServiceTypeIdentifier");
    if !kind.rsplit_once("/Svctype/").is_some_and(|(_, kind)| KINDS.contains(&kind)) {
        return Vec::new();
    }
    let history = document.first_child_element_by_name_ns(service, NAMESPACE, "ServiceHistory");
    let past = history.map(|history| document.child_elements_by_name_ns(history, NAMESPACE, "ServiceHistoryInstance"));
    let times = std::iter::once(now).chain(past.unwrap_or_default());
    let mut statuses: Vec<(Timestamp, String)> = times
        .filter_map(|one| {
            let since = text(document, one, "StatusStartingTime").trim().parse().ok()?;
            let status = text(document, one, "ServiceStatus");
            Some((since, status.trim().trim_end_matches('/').rsplit('/').next()?.to_owned()))
        })
        .collect();
    statuses.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
    let identity = document.first_child_element_by_name_ns(now, NAMESPACE, "ServiceDigitalIdentity");
    let inside = identity.map(|identity| document.descendants(identity)).unwrap_or_default();
    let certificates = inside
        .into_iter()
        .filter(|id| document.element(*id).is_some_and(|element| element.matches_name_ns(NAMESPACE, "X509Certificate")));
    let read = certificates.filter_map(|id| {
        let letters: String = document.text_content_deep(id).chars().filter(|c| !c.is_whitespace()).collect();
        X509::from_der(&base64::engine::general_purpose::STANDARD.decode(letters).ok()?).ok()
    });
    read.map(|certificate| (certificate, Service { statuses: statuses.clone() })).collect()
}

fn text(document: &Document<'_>, parent: NodeId, name: &str) -> String {
    document.first_child_element_by_name_ns(parent, NAMESPACE, name).map(|id| document.text_content_deep(id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_that_of_the_time_that_is_asked() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let statuses =
            vec![(at("2020-01-01T00:00:00Z"), "withdrawn".to_owned()), (at("2016-07-01T00:00:00Z"), "granted".to_owned())];
        let service = Service { statuses };
        assert!(service.is_good(at("2019-12-31T23:59:59Z")) && !service.is_good(at("2020-01-01T00:00:00Z")));
        assert_eq!(service.status(at("2010-01-01T00:00:00Z")), None);
    }
}
