//! What does a bag say of itself beside its manifests? `bag-info.txt` with the Payload-Oxum, and `fetch.txt`.

use super::super::container::Entry;
use super::super::findings::{Findings, Valued as _, error, warning};
use super::super::names;
use super::{Bag, Payload};

/// Checks the labels of `bag-info.txt` and its Payload-Oxum against the payload that was found.
pub(super) fn labels(entry: &Entry, text: &str, payload: &Payload, findings: &mut Findings) {
    let mut oxums = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = (n + 1).to_string();
        if line.starts_with([' ', '\t']) && n > 0 {
            continue;
        }
        match line.split_once(':') {
            Some((label, value)) if !label.trim().is_empty() => {
                if label.trim().eq_ignore_ascii_case("Payload-Oxum") {
                    oxums.push((place, value.trim().to_owned()));
                }
            }
            _ => findings.push(warning("bag-info-line").at(&entry.path, &place).clause("RFC 8493 2.2.2").value("line", line)),
        }
    }
    if oxums.len() > 1 {
        findings.push(warning("bag-oxum-twice").at(&entry.path, "Payload-Oxum").clause("RFC 8493 2.2.2"));
    }
    for (place, value) in oxums {
        oxum(entry, (&place, &value), payload, findings);
    }
}

fn oxum(entry: &Entry, (place, value): (&str, &str), payload: &Payload, findings: &mut Findings) {
    let numbers = value.split_once('.').and_then(|(bytes, count)| Some((bytes.parse::<u64>().ok()?, count.parse::<u64>().ok()?)));
    let Some((bytes, count)) = numbers else {
        findings.push(error("bag-oxum-unreadable").at(&entry.path, place).clause("RFC 8493 2.2.2").value("value", value));
        return;
    };
    // An empty system file that is known to be missing takes no byte with it, only its number.
    let is_right = bytes == payload.bytes && count >= payload.count && count - payload.count <= payload.missing_empty;
    if !is_right {
        let finding = error("bag-oxum-wrong").at(&entry.path, place).clause("RFC 8493 2.2.2").value("said", value);
        findings.push(finding.value("found", format!("{}.{}", payload.bytes, payload.count)));
    }
}

/// Checks `fetch.txt`: nothing is ever fetched, so what it lists and is not here is missing. The paths it names.
pub(super) fn fetch(bag: &Bag<'_>, entry: &Entry, text: &str, findings: &mut Findings) -> Vec<(String, String)> {
    let clause = "RFC 8493 2.2.3";
    let mut listed = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = (n + 1).to_string();
        let mut parts = line.splitn(2, [' ', '\t']);
        let url = parts.next().unwrap_or_default();
        let rest = parts.next().unwrap_or_default().trim_start();
        let (length, path) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let path = path.trim_start();
        let is_length = length == "-" || (!length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()));
        if !url.contains(':') || !is_length || path.is_empty() {
            findings.push(error("bag-fetch-line").at(&entry.path, &place).clause(clause).value("line", line));
            continue;
        }
        let bare = path.strip_prefix("./").unwrap_or(path);
        if names::is_escaping(path) || !bare.starts_with("data/") {
            findings.push(error("bag-fetch-unsafe").at(&entry.path, &place).clause(clause).value("file", path));
            continue;
        }
        if bag.resolve(bare).is_none() {
            findings
                .push(error("bag-fetch-missing").at(&entry.path, &place).clause(clause).value("file", path).value("url", url));
        }
        listed.push((bare.to_owned(), place));
    }
    listed
}
