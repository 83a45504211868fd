//! What `verify` promises: a good package is good, and whatever was done to it is named, all in one run.
//!
//! The package is made here by hand, after section 6 of the design, so that nothing of `package` vouches for `verify`.

#![expect(clippy::disallowed_methods, reason = "tests write what they like where they like")]

mod maker;
mod mutations;
mod world;

use std::collections::BTreeSet;
use std::path::Path;

use conserva::digest::Digest;
use conserva::limits::Limits;
use conserva::messages::Lang;
use conserva::scratch::ScratchRoot;
use conserva::verify::{Options, Pictures, Report, Sight, View, inspect, inspections_html, report, report_html};
use maker::{Item, Pdv, ended_by_zip64, zipped};

fn verdict(bytes: &[u8]) -> Report {
    verdict_with(bytes, &Options::default())
}

fn verdict_with(bytes: &[u8], options: &Options) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("PdV_prova.zip");
    std::fs::write(&path, bytes).expect("written");
    report(&path, options).expect("a report")
}

/// The codes of severity error, or of all findings.
fn errors(report: &Report) -> BTreeSet<String> {
    use conserva::finding::Severity;
    report.findings.iter().filter(|f| f.severity == Severity::Error).map(|f| f.message.code().to_owned()).collect()
}

fn codes(report: &Report) -> BTreeSet<String> {
    report.findings.iter().map(|f| f.message.code().to_owned()).collect()
}

fn only(report: &Report, wanted: &[&str]) {
    let wanted: BTreeSet<String> = wanted.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(errors(report), wanted, "{}", report.text(Lang::En));
    assert_eq!(report.ok, wanted.is_empty());
}

/// The finding of that code, on that file.
fn at<'a>(report: &'a Report, code: &str, path: &str) -> &'a conserva::finding::Finding {
    report
        .findings
        .iter()
        .find(|f| f.message.code() == code && f.path == path)
        .unwrap_or_else(|| panic!("no {code} at {path}: {}", report.text(Lang::En)))
}

#[test]
fn a_good_package_is_good_without_a_single_finding() {
    let report = verdict(&Pdv::good().zip());
    assert_eq!(codes(&report), BTreeSet::from(["journal-head".to_owned()]), "{}", report.text(Lang::En));
    assert!(report.ok);
    assert_eq!((report.profile.as_str(), report.files), ("agid", Pdv::good().items.len() as u64 + 1));
}

#[test]
fn a_directory_that_is_counted_in_zip64_is_read_like_any_other() {
    let count = Pdv::good().items.len() as u64 + 1;
    let verdict_of = |count| verdict(&ended_by_zip64(&Pdv::good().zip(), count));
    only(&verdict_of(count), &[]);
    assert_eq!(verdict_of(count).files, count);
    only(&verdict_of(count + 65_536), &["zip-entry-count"]);
}

#[test]
fn the_same_package_unzipped_has_the_same_verdict() {
    let folder = tempfile::tempdir().expect("a folder");
    Pdv::good().unpack(folder.path());
    let whole = report(folder.path(), &Options::default()).expect("a report");
    only(&whole, &[]);
    let inner = report(&folder.path().join("pdv-1"), &Options::default()).expect("a report");
    only(&inner, &[]);
    assert_eq!(whole.files, inner.files);
}

#[test]
fn one_flipped_bit_in_a_document_is_found_in_its_file() {
    let mut pdv = Pdv::good();
    pdv.item_mut("doc-1/principale/istanza.txt").data[3] ^= 1;
    let report = verdict(&pdv.zip_keeping_index());
    only(&report, &["digest-wrong", "impronta-wrong"]);
    at(&report, "digest-wrong", "pdv-1/documenti/doc-1/principale/istanza.txt");
}

#[test]
fn one_flipped_bit_in_the_bytes_of_the_zip_is_found() {
    let pdv = Pdv::good();
    let mut bytes = pdv.zip();
    let needle = b"Istanza di accesso: testo";
    let place = bytes.windows(needle.len()).position(|w| w == needle).expect("the content");
    bytes[place] ^= 0x20;
    let report = verdict(&bytes);
    only(&report, &["entry-corrupt"]);
    at(&report, "entry-corrupt", "pdv-1/documenti/doc-1/principale/istanza.txt");
}

#[test]
fn a_missing_file_is_named() {
    let mut pdv = Pdv::good();
    pdv.seal_index();
    pdv.items.retain(|item| !item.name.ends_with(b"doc-1/testo/alto.xml"));
    let report = verdict(&pdv.zip_keeping_index());
    only(&report, &["file-missing"]);
    at(&report, "file-missing", "documenti/doc-1/testo/alto.xml");
}

#[test]
fn an_extra_file_is_named() {
    let mut pdv = Pdv::good();
    pdv.seal_index();
    pdv.items.push(Item::new("pdv-1/documenti/doc-1/copie/aggiunto.pdf", b"x"));
    let report = verdict(&pdv.zip_keeping_index());
    only(&report, &["file-unlisted"]);
    at(&report, "file-unlisted", "pdv-1/documenti/doc-1/copie/aggiunto.pdf");
}

#[test]
fn a_wrong_digest_in_the_index_is_found() {
    let mut pdv = Pdv::good();
    let right = Digest::of(&pdv.item("doc-1/testo/alto.xml").data).base64();
    pdv.seal_index();
    pdv.index = pdv.index.replace(&right, &Digest::of(b"other").base64());
    only(&verdict(&pdv.zip_keeping_index()), &["digest-wrong"]);
}

#[test]
fn a_hash_that_is_no_hash_is_said_to_be_unreadable() {
    let mut pdv = Pdv::good();
    let right = Digest::of(&pdv.item("doc-1/testo/alto.xml").data).base64();
    pdv.seal_index();
    pdv.index = pdv.index.replace(&right, "abc");
    only(&verdict(&pdv.zip_keeping_index()), &["hash-unreadable"]);
}

#[test]
fn a_weak_hash_function_is_refused() {
    let mut pdv = Pdv::good();
    pdv.seal_index();
    pdv.index = pdv.index.replacen("SHA-256", "MD5", 1);
    only(&verdict(&pdv.zip_keeping_index()), &["hash-function"]);
}

#[test]
fn broken_metadata_are_said_with_line_and_column() {
    let mut pdv = Pdv::good();
    pdv.edit("doc-1/DocumentoAmministrativoInformatico.xml", "</Soggetti>", "</Soggeti>");
    let report = verdict(&pdv.zip());
    only(&report, &["xml-broken"]);
    assert!(at(&report, "xml-broken", "pdv-1/documenti/doc-1/DocumentoAmministrativoInformatico.xml").place.contains(':'));
}

#[test]
fn metadata_against_their_schema_are_named_with_the_element() {
    let mut pdv = Pdv::good();
    pdv.edit("doc-1/DocumentoAmministrativoInformatico.xml", "<Riservato>false</Riservato>", "<Riservato>forse</Riservato>");
    let report = verdict(&pdv.zip());
    only(&report, &["schema-breach"]);
    let finding = at(&report, "schema-breach", "pdv-1/documenti/doc-1/DocumentoAmministrativoInformatico.xml");
    assert!(finding.place.contains("Riservato"), "{finding:?}");
}

#[test]
fn a_path_in_the_index_that_escapes_is_refused() {
    for path in ["../../etc/passwd", "/etc/passwd", "C:/x", "%2e%2e/x", "file:///etc/passwd", "a/%ff", "http://x/y"] {
        let mut pdv = Pdv::good();
        pdv.seal_index();
        pdv.index = pdv.index.replace(">documenti/doc-1/testo/alto.xml<", &format!(">{path}<"));
        only(&verdict(&pdv.zip_keeping_index()), &["file-unlisted", "index-path-unsafe"]);
    }
}

#[test]
fn an_entry_whose_name_escapes_is_refused() {
    for name in ["../../etc/passwd", "/etc/passwd", "C:\\x.txt", "pdv-1/../../x", "..\\x"] {
        let mut pdv = Pdv::good();
        pdv.seal_index();
        pdv.items.push(Item::new(name, b"x"));
        let report = verdict(&pdv.zip_keeping_index());
        assert!(errors(&report).contains("path-escapes"), "{name}");
        at(&report, "path-escapes", name);
    }
}

#[test]
fn two_names_equal_but_for_case_are_named_both() {
    let mut pdv = Pdv::good();
    pdv.items.push(Item::new("pdv-1/documenti/doc-1/TESTO/alto.xml", b"x"));
    let report = verdict(&pdv.zip());
    only(&report, &["name-case-clash"]);
    let finding = report.findings.iter().find(|f| f.message.code() == "name-case-clash").expect("a finding");
    assert!(finding.message.sentence(Lang::It).contains("alto.xml"));
}

#[test]
fn a_duplicate_entry_is_found() {
    let mut pdv = Pdv::good();
    pdv.seal_index();
    pdv.items.push(Item::new("pdv-1/documenti/doc-1/testo/alto.xml", b"another"));
    let report = verdict(&pdv.zip_keeping_index());
    assert!(errors(&report).contains("name-twice"), "{}", report.text(Lang::En));
    assert!(!report.ok);
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let mut pdv = Pdv::good();
    pdv.item_mut("doc-1/testo/alto.xml").mode = 0o120_777;
    only(&verdict(&pdv.zip()), &["entry-symlink"]);
    let folder = tempfile::tempdir().expect("a folder");
    Pdv::good().unpack(folder.path());
    let link = folder.path().join("pdv-1/documenti/doc-1/testo/alto.xml");
    std::fs::remove_file(&link).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", &link).expect("a link");
    only(&report(folder.path(), &Options::default()).expect("a report"), &["entry-symlink"]);
}

#[test]
fn an_encrypted_entry_is_named() {
    let mut pdv = Pdv::good();
    pdv.item_mut("doc-1/testo/alto.xml").flags |= 1;
    only(&verdict(&pdv.zip()), &["entry-encrypted"]);
}

#[test]
fn the_highest_ratio_allowed_is_read() {
    let mut pdv = Pdv::good();
    pdv.items.push(Item::deflated("pdv-1/documenti/doc-1/copie/zeri.bin", &vec![0; 16 << 20]));
    only(&verdict(&pdv.zip()), &[]);
}

#[test]
fn the_first_ratio_too_high_is_a_bomb() {
    let mut pdv = Pdv::good();
    pdv.items.push(Item::deflated("pdv-1/documenti/doc-1/copie/zeri.bin", &vec![0; (16 << 20) + 1]));
    only(&verdict(&pdv.zip()), &["entry-bomb"]);
}

#[test]
fn the_last_entry_below_the_ceiling_is_read() {
    let entries = Pdv::good().items.len() as u64 + 1;
    let limits = Limits { verify_entries_max: entries, ..Limits::default() };
    only(&verdict_with(&Pdv::good().zip(), &Options { limits, ..Options::default() }), &[]);
}

#[test]
fn the_first_entry_above_the_ceiling_is_not_read() {
    let entries = Pdv::good().items.len() as u64 + 1;
    let limits = Limits { verify_entries_max: entries - 1, ..Limits::default() };
    assert!(errors(&verdict_with(&Pdv::good().zip(), &Options { limits, ..Options::default() })).contains("limit-entries"));
}

#[test]
fn the_last_byte_below_the_ceiling_is_unpacked() {
    let limits = Limits { verify_bytes_max: Pdv::good().bytes(), ..Limits::default() };
    only(&verdict_with(&Pdv::good().zip(), &Options { limits, ..Options::default() }), &[]);
}

#[test]
fn the_first_byte_above_the_ceiling_is_not_unpacked() {
    let limits = Limits { verify_bytes_max: Pdv::good().bytes() - 1, ..Limits::default() };
    assert!(errors(&verdict_with(&Pdv::good().zip(), &Options { limits, ..Options::default() })).contains("limit-bytes"));
}

#[test]
fn metadata_above_their_ceiling_are_not_parsed() {
    let limits = Limits { metadata_bytes_max: 1_000, ..Limits::default() };
    assert!(errors(&verdict_with(&Pdv::good().zip(), &Options { limits, ..Options::default() })).contains("metadata-too-large"));
}

#[test]
fn an_entity_bomb_in_the_index_is_not_expanded() {
    let mut pdv = Pdv::good();
    pdv.seal_index();
    let mut bomb = String::from("<?xml version=\"1.0\"?><!DOCTYPE PIndex [<!ENTITY a \"ha\">");
    bomb.push_str("<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;\">");
    bomb.push_str("]>");
    pdv.index = pdv.index.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", &bomb);
    let report = verdict(&pdv.zip_keeping_index());
    assert!(errors(&report).contains("xml-doctype"));
    at(&report, "xml-doctype", "pdv-1/PIndex.xml");
}

#[test]
fn a_truncated_zip_is_said_to_be_cut_off() {
    let bytes = Pdv::good().zip();
    only(&verdict(&bytes[..bytes.len() - 30]), &["package-unknown", "zip-truncated"]);
}

#[test]
fn what_is_no_package_is_said_to_be_none() {
    only(&verdict(b""), &["package-empty", "package-unknown"]);
    only(&verdict(b"just a letter, not a package at all"), &["package-not-zip", "package-unknown"]);
    only(&verdict(&zipped(&[])), &["package-unknown", "zip-empty"]);
    only(&verdict(&zipped(&[Item::new("a.txt", b"a")])), &["package-unknown"]);
    let folder = tempfile::tempdir().expect("a folder");
    only(&report(folder.path(), &Options::default()).expect("a report"), &["package-unknown"]);
}

#[test]
fn a_path_that_is_not_there_is_an_error_not_a_report() {
    let error = report(Path::new("/nowhere/at/all.zip"), &Options::default()).expect_err("no report");
    assert_eq!((error.code(), error.exit_code()), ("verify-path-unreadable", 2));
}

#[test]
fn bytes_before_between_or_after_the_archive_are_found() {
    let bytes = Pdv::good().zip();
    only(&verdict(&[b"MZ program".as_slice(), &bytes].concat()), &["zip-leading-data"]);
    only(&verdict(&[bytes.as_slice(), b"tail"].concat()), &["zip-trailing-data"]);
    let mut pdv = Pdv::good();
    pdv.item_mut("doc-1/testo/alto.xml").gap = b"hidden".to_vec();
    only(&verdict(&pdv.zip()), &["zip-gap"]);
}

#[test]
fn headers_that_disagree_are_found() {
    let mut pdv = Pdv::good();
    pdv.item_mut("doc-1/testo/alto.xml").local_name = Some(b"pdv-1/documenti/doc-1/testo/ALTO.xml".to_vec());
    let report = verdict(&pdv.zip());
    only(&report, &["zip-headers-disagree"]);
    at(&report, "zip-headers-disagree", "pdv-1/documenti/doc-1/testo/alto.xml");
}

#[test]
fn a_streamed_entry_with_its_data_descriptor_is_good() {
    let mut pdv = Pdv::good();
    for item in &mut pdv.items {
        item.is_streamed = true;
    }
    only(&verdict(&pdv.zip()), &[]);
}

#[test]
fn entries_that_overlap_are_found() {
    let mut pdv = Pdv::good();
    pdv.item_mut("doc-2/testo/alto.xml").overlaps = Some(b"pdv-1/documenti/doc-1/testo/alto.xml".to_vec());
    let found = errors(&verdict(&pdv.zip()));
    assert!(found.contains("zip-overlap"), "{found:?}");
}

#[test]
fn a_name_that_is_not_utf8_is_found() {
    let mut pdv = Pdv::good();
    let mut item = Item::new("x", b"x");
    item.name = b"pdv-1/documenti/doc-1/copie/citt\xe0.pdf".to_vec();
    pdv.seal_index();
    pdv.items.push(item);
    only(&verdict(&pdv.zip_keeping_index()), &["file-unlisted", "name-not-utf8"]);
}

#[test]
fn several_faults_are_all_found_in_one_run() {
    let mut pdv = Pdv::good();
    pdv.edit("doc-2/DocumentoAmministrativoInformatico.xml", "<Segnatura>", "<!-- ");
    pdv.edit("doc-2/DocumentoAmministrativoInformatico.xml", "</Segnatura>", " -->");
    pdv.edit("aggregazioni/agg-1/AggregazioneDocumentaliInformatiche.xml", "<DataApertura>2026-", "<DataApertura>venti-");
    pdv.seal_index();
    pdv.item_mut("doc-1/principale/istanza.txt").data[0] ^= 1;
    pdv.items.retain(|item| !item.name.ends_with(b"doc-1/testo/alto.xml"));
    pdv.items.push(Item::new("pdv-1/documenti/doc-1/intruso.exe", b"MZ"));
    pdv.items.push(Item::new("pdv-1/../fuori.txt", b"x"));
    let report = verdict(&pdv.zip_keeping_index());
    let wanted =
        ["digest-wrong", "file-missing", "file-unlisted", "impronta-wrong", "path-escapes", "rule-segnatura", "schema-breach"];
    only(&report, &wanted);
    at(&report, "rule-segnatura", "pdv-1/documenti/doc-2/DocumentoAmministrativoInformatico.xml");
}

#[test]
fn metadata_that_lie_about_files_are_found_though_all_digests_hold() {
    let dai = "doc-1/DocumentoAmministrativoInformatico.xml";
    let other = Digest::of(b"something else").base64();
    let truth = Digest::of(&Pdv::good().item("doc-1/principale/istanza.txt").data).base64();
    let allegato = Digest::of(&Pdv::good().item("doc-1/allegati/1/pianta.txt").data).base64();
    let cases: [(&str, &str, &str, &[&str]); 6] = [
        (dai, &truth, &other, &["aggregation-impronta", "impronta-wrong"]),
        (dai, &allegato, &other, &["attachment-absent", "attachment-unnamed"]),
        (dai, "<NumeroAllegati>1<", "<NumeroAllegati>2<", &["attachment-count", "rule-attachments"]),
        (dai, "<IdAggregazione>2026/01.03/0001<", "<IdAggregazione>2026/01.03/0002<", &["aggregation-unknown"]),
        (
            "agg-1/AggregazioneDocumentaliInformatiche.xml",
            "<Identificativo>doc-1<",
            "<Identificativo>doc-9<",
            &["document-not-in-aggregation"],
        ),
        (
            "agg-1/AggregazioneDocumentaliInformatiche.xml",
            "<TipologiaFascicolo>affare</TipologiaFascicolo>",
            "",
            &["rule-fascicolo-kind"],
        ),
    ];
    for (file, from, to, wanted) in cases {
        let mut pdv = Pdv::good();
        pdv.edit(file, from, to);
        only(&verdict(&pdv.zip()), wanted);
    }
}

#[test]
fn only_digests_reads_no_metadata() {
    let mut pdv = Pdv::good();
    pdv.edit("doc-1/DocumentoAmministrativoInformatico.xml", "</Soggetti>", "</Soggeti>");
    only(&verdict_with(&pdv.zip(), &Options { only_digests: true, ..Options::default() }), &[]);
}

#[test]
fn a_trial_package_is_noted_and_stays_good() {
    let mut pdv = Pdv::good();
    pdv.seal_index();
    pdv.index = pdv.index.replace(
        "<sincro:PVolume><sincro:ID sincro:scheme=\"local\">pdv-1</sincro:ID>",
        "<sincro:PVolume><sincro:ID sincro:scheme=\"local\">pdv-1</sincro:ID><sincro:Label>PROVA</sincro:Label>",
    );
    let report = verdict(&pdv.zip_keeping_index());
    only(&report, &[]);
    assert!(codes(&report).contains("package-prova"));
}

#[test]
fn the_json_is_that_of_the_contract() {
    let json = verdict(b"x").json(Lang::It);
    let keys: Vec<&String> = json.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["package", "profile", "ok", "files", "findings"]);
    for key in ["code", "severity", "path", "place", "message"] {
        assert!(json["findings"][0][key].is_string(), "{key}");
    }
}

/// Any byte of a package may be another: whatever it says then, it says it, in bounded time and without a panic.
#[test]
fn a_mutated_package_gives_a_report_always() {
    let good = Pdv::good().zip();
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap_or(0)
    };
    let mut blamed = 0;
    for _ in 0..400 {
        let mut bytes = good.clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(5) {
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes[at] = 0xFF,
                2 => bytes.truncate(at.max(1)),
                3 => drop(bytes.splice(at..at, vec![b'<'; next(40)])),
                // The structure is at the end: most of the interesting bytes are there.
                _ => {
                    let at = bytes.len() - 1 - next(bytes.len().min(2_000));
                    bytes[at] = bytes[at].wrapping_add(1 + next(255) as u8);
                }
            }
        }
        let report = verdict(&bytes);
        blamed += usize::from(!report.ok);
        assert_eq!(report.ok, errors(&report).is_empty());
    }
    // A change may fall on a byte that means nothing (a time stamp in a header); most do not.
    assert!(blamed > 350, "only {blamed} of 400 changed packages were blamed");
}

/// The same with the digests put right again, so that the change reaches the metadata.
#[test]
fn mutated_metadata_give_a_report_always() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap_or(0)
    };
    for _ in 0..200 {
        let mut pdv = Pdv::good();
        let n = next(pdv.items.len());
        let data = &mut pdv.items[n].data;
        let at = next(data.len());
        match next(3) {
            0 => data[at] = data[at].wrapping_add(1 + next(255) as u8),
            1 => drop(data.drain(at..(at + next(50)).min(data.len()))),
            _ => drop(data.splice(at..at, b"<a>]]>&#0;".iter().copied())),
        }
        let report = verdict(&pdv.zip());
        assert_eq!(report.ok, errors(&report).is_empty());
    }
}

struct Painter;

impl Pictures for Painter {
    fn picture(&self, file: &Path, _: &str, sight: Sight) -> Option<Vec<u8>> {
        assert!(std::fs::read(file).is_ok_and(|bytes| !bytes.is_empty()));
        (sight.page <= 2).then(|| b"\xFF\xD8\xFF\xE0 a picture".to_vec())
    }
}

fn shown(bytes: &[u8], count: usize) -> conserva::verify::Inspection {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("PdV_prova.zip");
    std::fs::write(&path, bytes).expect("written");
    let scratch = ScratchRoot::open(&folder.path().join("scratch"), true).expect("scratch");
    inspect(&path, &Options::default(), &View { pictures: &Painter, count, scratch: &scratch }).expect("an inspection")
}

#[test]
fn the_page_of_a_package_shows_metadata_pictures_and_text() {
    let html = shown(&Pdv::good().zip(), 10).html(Lang::It);
    for wanted in [
        "<html lang=\"it\">",
        "Istanza di accesso agli atti",
        "Numero di protocollo",
        "0000123",
        "data:image/jpeg;base64,",
        "riconosciuto",
        "message digest calculation",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert_eq!(html.matches("<h1>").count(), 1);
    for outside in ["http://", "https://", "<script", "@import", "url("] {
        let found: Vec<&str> = html.match_indices(outside).map(|(at, _)| &html[at..(at + 60).min(html.len())]).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn a_reserved_document_is_shown_without_pictures_or_text() {
    let html = shown(&Pdv::good().zip(), 10).html(Lang::It);
    assert!(html.contains("Documento riservato"));
    assert!(!html.contains("segretissimo"));
}

#[test]
fn pages_beyond_the_number_asked_are_said_to_be_left_out() {
    let html = shown(&Pdv::good().zip(), 1).html(Lang::It);
    assert_eq!(html.matches("<img ").count(), 1);
    assert!(html.contains("non mostrate"));
    assert_eq!(shown(&Pdv::good().zip(), 2).html(Lang::It).matches("<img ").count(), 2);
}

#[test]
fn markup_in_names_and_metadata_stays_text() {
    let evil = "<img src=x onerror=alert(1)>";
    let mut pdv = Pdv::good();
    pdv.edit(
        "doc-1/DocumentoAmministrativoInformatico.xml",
        "Istanza di accesso agli atti",
        "&lt;img src=x onerror=alert(1)&gt;",
    );
    pdv.items.push(Item::new(&format!("pdv-1/documenti/doc-1/copie/{evil}.pdf"), b"x"));
    let inspection = shown(&pdv.zip(), 3);
    for html in [inspection.html(Lang::It), report_html(&inspection.report, Lang::En)] {
        assert!(!html.contains(evil));
    }
    assert!(inspection.html(Lang::En).contains("&lt;img src=x"));
}

#[test]
fn several_packages_stand_in_one_page_with_a_table_on_top() {
    let (good, mut bad) = (Pdv::good(), Pdv::good());
    bad.item_mut("doc-1/principale/istanza.txt").data[0] ^= 1;
    let html = inspections_html(&[shown(&good.zip(), 2), shown(&bad.zip_keeping_index(), 2)], Lang::It);
    assert!(html.contains("href=\"#p2\"") && html.contains("Non conforme") && html.contains("Conforme"));
    assert_eq!(html.matches("<h1>").count(), 1);
}

#[test]
fn what_is_no_package_can_be_looked_at_all_the_same() {
    let html = shown(b"no package", 2).html(Lang::En);
    assert!(html.contains("package-not-zip"));
}

#[test]
fn the_terminal_view_names_documents_and_verdict() {
    let text = shown(&Pdv::good().zip(), 0).text(Lang::It);
    assert!(text.contains("Istanza di accesso agli atti") && text.contains("Nessun errore e nessun avviso"), "{text}");
}

fn shared(path: &str) -> std::path::PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("CONSERVA_SHARED").map_or_else(beside, Into::into).join(path)
}

/// Whatever stands in the corpus of odd files, none of it a package: each gets a report that says so.
#[test]
fn every_odd_file_of_the_corpus_gets_a_report() {
    let mut seen = 0;
    for folder in ["corpus/edge", "corpus/formats", "corpus/signed"] {
        let Ok(files) = std::fs::read_dir(shared(folder)) else {
            eprintln!("not checked: {folder} is not beside this checkout");
            continue;
        };
        for file in files {
            let path = file.expect("an entry").path();
            let report = report(&path, &Options::default()).expect("a report");
            let is_of_a_signed_file =
                report.findings.iter().any(|f| f.message.code().starts_with("signature-") || f.message.code() == "unreadable");
            let is_no_package = !report.ok && errors(&report).contains("package-unknown");
            assert!(is_no_package || is_of_a_signed_file, "{}", report.text(Lang::En));
            seen += 1;
        }
    }
    eprintln!("{seen} files of the corpus looked at");
}

#[test]
fn the_index_of_the_norms_example_is_valid() {
    let Ok(index) = std::fs::read(shared("norms/examples/pindex-sincro-v2.xml")) else {
        eprintln!("not checked: the norms' example is not beside this checkout");
        return;
    };
    let report = verdict(&zipped(&[Item { data: index, ..Item::new("PIndex.xml", b"") }]));
    only(&report, &["file-missing"]);
    assert_eq!(report.profile, "sincro");
}

#[test]
fn metadata_of_a_package_of_others_are_shown_in_its_own_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bag.zip");
    let mut files = world::bag();
    let info = files.keys().find(|name| name.ends_with("bag-info.txt")).expect("labels").clone();
    files.insert(info, b"Source-Organization: Archivio <storico>\n di Prova\n".to_vec());
    let items: Vec<Item> = files.iter().map(|(name, bytes)| Item { data: bytes.clone(), ..Item::new(name, b"") }).collect();
    std::fs::write(&path, zipped(&items)).expect("written");
    let scratch = ScratchRoot::open(&folder.path().join("lavoro"), true).expect("scratch");
    let view = View { pictures: &conserva::verify::NoPictures, count: 0, scratch: &scratch };
    let seen = inspect(&path, &Options::default(), &view).expect("seen");
    assert!(seen.html(Lang::It).contains("Archivio &lt;storico&gt; di Prova"), "the page says it");
    assert!(seen.text(Lang::It).contains("Source-Organization: Archivio <storico> di Prova"), "{}", seen.text(Lang::It));
    let Some(corpus) = crate::stage::shared("corpus/conservation") else { return };
    let seen = inspect(&corpus.join("Simple-EARK-SIP.zip"), &Options::default(), &view).expect("seen");
    assert!(seen.text(Lang::It).contains(&conserva::messages::label("inspect-others", Lang::It)), "{}", seen.text(Lang::It));
}
