//! Packages of the world: bags, indexes of 2010 and of others, plain lists of digests, tar files. Made here by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use conserva::finding::Severity;
use conserva::verify::{Options, Report, report};
use sha2::Digest as _;

use super::{at, codes, errors, only};
use crate::stage::shared;

/// A folder in the making: path and bytes.
type Files = BTreeMap<String, Vec<u8>>;

fn files(list: &[(&str, &[u8])]) -> Files {
    list.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect()
}

fn laid(files: &Files) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        std::fs::write(path, bytes).expect("written");
    }
    folder
}

fn verdict(files: &Files) -> Report {
    report(laid(files).path(), &Options::default()).expect("a report")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

fn sha512(bytes: &[u8]) -> String {
    hex(&sha2::Sha512::digest(bytes))
}

fn manifest(files: &Files, digest: fn(&[u8]) -> String) -> Vec<u8> {
    let payload = files.iter().filter(|(path, _)| path.starts_with("data/"));
    payload
        .fold(String::new(), |mut text, (path, bytes)| {
            let _ = writeln!(text, "{}  {path}", digest(bytes));
            text
        })
        .into_bytes()
}

/// A bag of RFC 8493 with two files and both manifests.
pub(super) fn bag() -> Files {
    let mut bag = files(&[
        ("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
        ("bag-info.txt", b"Source-Organization: Ente di prova\nPayload-Oxum: 7.2\n"),
        ("data/a.txt", b"uno"),
        ("data/sub/b.txt", b"due\n"),
    ]);
    sign(&mut bag);
    bag
}

/// Writes the manifests anew.
fn sign(bag: &mut Files) {
    let (one, two) = (manifest(bag, sha256), manifest(bag, sha512));
    bag.insert("manifest-sha256.txt".to_owned(), one);
    bag.insert("manifest-sha512.txt".to_owned(), two);
}

fn append(files: &mut Files, path: &str, text: &str) {
    files.entry(path.to_owned()).or_default().extend_from_slice(text.as_bytes());
}

#[test]
fn a_good_bag_is_good_as_a_folder_and_in_a_folder() {
    let report = verdict(&bag());
    assert_eq!((report.profile.as_str(), codes(&report).len()), ("bagit", 0), "{:?}", codes(&report));
    let deeper = bag().into_iter().map(|(path, bytes)| (format!("consegna/{path}"), bytes)).collect();
    only(&verdict(&deeper), &[]);
}

#[test]
fn whatever_is_done_to_a_bag_is_named() {
    type Deed = fn(&mut Files);
    let deeds: [(&str, Deed); 14] = [
        ("digest-wrong", |b| b.insert("data/a.txt".into(), b"unO".to_vec()).map_or((), drop)),
        ("file-unlisted,bag-oxum-wrong", |b| append(b, "data/c.txt", "tre")),
        ("file-missing,bag-oxum-wrong", |b| b.remove("data/a.txt").map_or((), drop)),
        ("bag-payload-unlisted", |b| {
            let text = String::from_utf8(b["manifest-sha512.txt"].clone()).expect("text");
            let first = text.lines().next().expect("a line").to_owned() + "\n";
            b.insert("manifest-sha512.txt".into(), first.into_bytes());
        }),
        ("bag-declaration-missing", |b| b.remove("bagit.txt").map_or((), drop)),
        ("bag-declaration-mark", |b| {
            b.get_mut("bagit.txt").expect("it").splice(0..0, *b"\xEF\xBB\xBF");
        }),
        ("bag-version-unknown", |b| {
            b.insert("bagit.txt".into(), b"BagIt-Version: 9.9\nTag-File-Character-Encoding: UTF-8\n".to_vec());
        }),
        ("bag-declaration-loose", |b| append(b, "bagit.txt", "Third: line\n")),
        ("bag-oxum-wrong", |b| b.insert("bag-info.txt".into(), b"Payload-Oxum: 8.2\n".to_vec()).map_or((), drop)),
        ("bag-oxum-unreadable", |b| b.insert("bag-info.txt".into(), b"Payload-Oxum: 7\n".to_vec()).map_or((), drop)),
        ("bag-path-outside", |b| append(b, "manifest-sha256.txt", &format!("{}  data/../../etc/passwd\n", "0".repeat(64)))),
        ("bag-manifest-line", |b| append(b, "manifest-sha256.txt", "not a line\n")),
        ("bag-listed-twice", |b| {
            let text = b["manifest-sha256.txt"].clone();
            b.get_mut("manifest-sha256.txt").expect("it").extend(text.split_inclusive(|c| *c == b'\n').next().expect("a line"));
        }),
        ("bag-fetch-missing,bag-fetch-unlisted", |b| append(b, "fetch.txt", "http://example.it/x - data/x\n")),
    ];
    for (wanted, deed) in deeds {
        let mut bag = bag();
        deed(&mut bag);
        only(&verdict(&bag), &wanted.split(',').collect::<Vec<_>>());
    }
}

#[test]
fn a_bag_without_its_payload_manifest_vouches_for_nothing() {
    let mut bag = bag();
    bag.remove("manifest-sha256.txt");
    bag.remove("manifest-sha512.txt");
    only(&verdict(&bag), &["bag-manifest-missing", "file-unlisted"]);
}

#[test]
fn what_the_drafts_left_open_is_a_warning_there_and_an_error_since_the_norm() {
    let with = |version: &str| {
        let mut bag = bag();
        let text = format!("BagIt-Version : {version}\nTag-File-Character-Encoding: UTF-8\n");
        bag.insert("bagit.txt".to_owned(), text.into_bytes());
        verdict(&bag)
    };
    only(&with("1.0"), &["bag-declaration-loose"]);
    only(&with("0.97"), &[]);
    assert!(codes(&with("0.97")).contains("bag-declaration-loose"));
}

#[test]
fn escaped_line_breaks_and_composed_accents_find_their_files() {
    let mut bag = bag();
    bag.insert("data/100%\nnuovo".to_owned(), b"x".to_vec());
    bag.insert("data/citta\u{300}.txt".to_owned(), b"y".to_vec());
    sign(&mut bag);
    for name in ["manifest-sha256.txt", "manifest-sha512.txt"] {
        let text = String::from_utf8(bag[name].clone()).expect("text");
        let text = text.replace("data/100%\nnuovo", "data/100%25%0Anuovo").replace("citta\u{300}", "citt\u{e0}");
        bag.insert(name.to_owned(), text.into_bytes());
    }
    bag.remove("bag-info.txt");
    let report = verdict(&bag);
    // A line break in a name is worth a word, and no error: the norm has a way to write it.
    only(&report, &[]);
    assert!(codes(&report).contains("path-line-break") && codes(&report).contains("bag-path-normalised"));
}

#[test]
fn a_missing_system_file_that_was_empty_is_no_loss_but_one_with_content_is() {
    let with = |content: &[u8]| {
        let mut bag = bag();
        bag.insert("data/Thumbs.db".to_owned(), content.to_vec());
        sign(&mut bag);
        bag.remove("data/Thumbs.db");
        bag.remove("bag-info.txt");
        verdict(&bag)
    };
    only(&with(b""), &[]);
    assert!(codes(&with(b"")).contains("bag-system-file-missing"));
    only(&with(b"x"), &["file-missing"]);
}

/// Rows of the manifest of the corpus: file and what is expected of it.
fn expected(folder: &str) -> Option<Vec<(std::path::PathBuf, String)>> {
    let corpus = shared("corpus")?;
    let table = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).expect("the table");
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let rows = rows.filter(|cells| cells.first().is_some_and(|file| file.starts_with(folder)));
    Some(rows.map(|cells| (corpus.join(cells[0]), cells[6].to_owned())).collect())
}

#[test]
fn every_bag_of_the_conformance_suite_has_the_verdict_of_the_suite() {
    let Some(rows) = expected("bagit/") else { return };
    let mut count = 0;
    for (file, expected) in rows {
        let report = report(&file, &Options::default()).expect("a report");
        let has_warning = report.findings.iter().any(|finding| finding.severity == Severity::Warning);
        let wanted = match expected.as_str() {
            "valid bag" => (true, false),
            text if text.starts_with("valid with warning") => (true, true),
            // What is unsafe on one system is unsafe: the verdict does not depend on the machine.
            text if text.starts_with("invalid") => (false, has_warning),
            other => panic!("{other}"),
        };
        assert_eq!((report.ok, has_warning), wanted, "{}: {}", file.display(), report.text(conserva::messages::Lang::En));
        assert_eq!(report.profile, "bagit");
        count += 1;
    }
    assert!(count >= 31, "{count}");
}

#[test]
fn every_package_of_the_conservation_corpus_has_its_verdict() {
    let Some(rows) = expected("conservation/") else { return };
    // File, profile, ok, and why where the table of the corpus says something else or nothing.
    let wanted = [
        ("Simple-EARK-SIP.zip", "eark", true, "follows CSIP; declares no SIP profile, so SIP2 and SIP15 are warnings; PREMIS 2"),
        ("fascicoloCorretto.xml", "sacer", true, "in ISO 8859-1, which it declares"),
        ("profiloArchivistico.xml", "sacer", true, "part of a request, no package: a warning says so"),
        ("profiloGenerale.xml", "sacer", true, "part of a request, no package: a warning says so"),
        ("shallowFileAndFolder.zip", "eark", false, "shallow: the content lies elsewhere and cannot be vouched for"),
        ("verSerie.xml", "sincro-2010", true, "the index alone: a warning says that its file is not here"),
    ];
    for (file, expected) in rows {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let report = report(&file, &Options::default()).expect("a report");
        let row = wanted.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("{name}: {expected}"));
        assert_eq!((report.profile.as_str(), report.ok), (row.1, row.2), "{name} ({expected}; {}): {:?}", row.3, errors(&report));
    }
}

#[test]
fn each_requirement_of_an_eark_package_has_a_verdict() {
    let Some(file) = shared("corpus/conservation/Simple-EARK-SIP.zip") else { return };
    let report = report(&file, &Options::default()).expect("a report");
    let json = report.json(conserva::messages::Lang::En);
    let rows = json["requirements"].as_array().expect("requirements");
    let verdict = |id: &str| rows.iter().find(|row| row["id"] == id && !row["path"].as_str().expect("a path").contains("repr"));
    for (id, wanted) in
        [("CSIP1", "met"), ("CSIP71", "met"), ("CSIP46", "not_applicable"), ("SIP2", "broken"), ("CSIP4", "broken")]
    {
        assert_eq!(verdict(id).expect("a row")["verdict"], wanted, "{id}");
    }
    assert!(rows.len() > 120, "{}", rows.len());
}

/// Of what the specification asks, what has no row here, and why.
const UNASKED: &[(&str, &str)] =
    &[("CSIP101", "a division for content without METS of its own, where there is none of a representation: nothing says which")];

#[test]
fn every_requirement_of_the_specification_is_asked_or_it_is_said_why_not() {
    let Some(folder) = shared("norms/mets-premis-eark") else { return };
    let package = laid(&crate::profiles::files(conserva::package::Profile::Eark));
    let report = report(package.path(), &Options::default()).expect("a report");
    let asked: std::collections::BTreeSet<&str> = report.requirements.iter().map(|requirement| requirement.id).collect();
    let mut missing = Vec::new();
    let mut count = 0;
    for table in ["csip-requirements-v2.2.0.tsv", "sip-requirements-v2.2.0.tsv"] {
        let text = std::fs::read_to_string(folder.join(table)).expect("the table");
        for line in text.lines() {
            let mut cells = line.split('\t');
            let (Some(id), Some(level)) = (cells.next(), cells.next()) else { continue };
            if !matches!(level, "MUST" | "SHOULD") || !id.starts_with(['C', 'S']) {
                continue;
            }
            count += 1;
            if !asked.contains(id) && !UNASKED.iter().any(|(unasked, _)| *unasked == id) {
                missing.push(id.to_owned());
            }
        }
    }
    assert!(count > 120 && missing.is_empty(), "{count} asked for, not asked: {missing:?}");
}

/// A signature envelope around `content`: a CMS SignedData in DER without a signer.
fn envelope(content: &[u8]) -> Vec<u8> {
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u32).to_be_bytes();
        [&[tag, 0x84][..], &length, content].concat()
    }
    let oid = |last: u8| vec![0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, last];
    let inner = element(0x30, &[oid(1), element(0xA0, &element(0x04, content))].concat());
    let signed = element(0x30, &[vec![0x02, 1, 1], element(0x31, b""), inner, element(0x31, b"")].concat());
    element(0x30, &[oid(2), element(0xA0, &signed)].concat())
}

#[test]
fn an_index_inside_its_signature_envelope_is_read_from_there() {
    let mut files = crate::profiles::files(conserva::package::Profile::Agid);
    let key = files.keys().find(|key| key.ends_with("/PIndex.xml")).expect("the index").clone();
    let index = files.remove(&key).expect("the index");
    let sealed = format!("{key}.p7m");
    files.insert(sealed.clone(), envelope(&index));
    let report = verdict(&files);
    // That envelope has no signer.
    only(&report, &["signature-form"]);
    assert_eq!(report.profile, "agid");
    at(&report, "index-in-envelope", &sealed);
    // Alone it is an index without what it lists.
    let folder = tempfile::tempdir().expect("a folder");
    let alone = folder.path().join("PIndex.xml.p7m");
    std::fs::write(&alone, envelope(&index)).expect("written");
    let report = conserva::verify::report(&alone, &Options::default()).expect("a report");
    // What is said of the envelope is said beside what is said of the index.
    assert_eq!((report.ok, errors(&report).len()), (false, 1));
    assert!(codes(&report).contains("signature-form") && codes(&report).contains("index-alone"), "{:?}", codes(&report));
    // What it promises holds, and what is cut off is not guessed.
    let other = String::from_utf8(index.clone()).expect("text").replacen("SHA-256", "SHA-512", 1).into_bytes();
    files.insert(sealed.clone(), envelope(&other));
    assert!(!verdict(&files).ok);
    let mut cut = envelope(&index);
    cut.truncate(cut.len() - 200);
    files.insert(sealed.clone(), cut);
    at(&verdict(&files), "envelope-unreadable", &sealed);
    // Beside the index it is its seal.
    files.insert(sealed.clone(), envelope(&index));
    files.insert(key, index);
    at(&verdict(&files), "seal-present", &sealed);
}

#[test]
fn a_folder_with_a_plain_list_of_digests_is_checked_by_it() {
    let mut folder = listed();
    let report = verdict(&folder);
    only(&report, &[]);
    assert_eq!(report.profile, "manifest");
    let mut changed = folder.clone();
    changed.insert("a.txt".to_owned(), b"unO".to_vec());
    at(&verdict(&changed), "digest-wrong", "a.txt");
    let mut extra = folder.clone();
    extra.insert("c.txt".to_owned(), Vec::new());
    only(&verdict(&extra), &["file-unlisted"]);
    append(&mut folder, "SHA256SUMS", &format!("{}  ../x\n{}  gone\nwhat\n# a remark\n", sha256(b""), sha256(b"")));
    only(&verdict(&folder), &["file-missing", "index-path-unsafe", "list-line"]);
}

/// An index of UNI 11386:2010 over files with SHA-1 in hexadecimal.
fn idc(files: &[(&str, &[u8])]) -> String {
    let file = |(path, bytes): &(&str, &[u8])| {
        let digest = hex(&sha1::Sha1::digest(bytes));
        format!("<File s:format='text/plain'><ID>{path}</ID><Path>{path}</Path><Hash s:function='SHA-1'>{digest}</Hash></File>")
    };
    let listed: String = files.iter().map(file).collect();
    format!(
        "<IdC xmlns='http://www.uni.com/U3011/sincro/' xmlns:s='http://www.uni.com/U3011/sincro/'><SelfDescription><ID>i</ID>\
         <CreatingApplication><Name>n</Name><Version>1</Version><Producer>p</Producer></CreatingApplication></SelfDescription>\
         <VdC><ID>v</ID></VdC><FileGroup>{listed}</FileGroup><Process><Agent s:type='organization' s:role='OtherRole'>\
         <AgentName><FormalName>Ente di prova</FormalName></AgentName></Agent><TimeReference><TimeInfo>2016-09-30T14:58:31Z</TimeInfo>\
         </TimeReference></Process></IdC>"
    )
}

/// A package with an index of 2010.
pub(super) fn indexed() -> Files {
    let content: [(&str, &[u8]); 2] = [("a.txt", b"uno"), ("b.txt", b"due")];
    let mut package = files(&content);
    append(&mut package, "IPdA-1.xml", &idc(&content));
    package
}

/// Files with a plain list of digests.
pub(super) fn listed() -> Files {
    let mut folder = files(&[("a.txt", b"uno"), ("sub/b c.txt", b"due")]);
    append(&mut folder, "SHA256SUMS", &format!("{}  a.txt\n{} *./sub/b c.txt\n", sha256(b"uno"), sha256(b"due")));
    folder
}

#[test]
fn a_package_with_an_index_of_2010_is_checked_with_the_functions_of_its_time() {
    let mut package = indexed();
    let good = verdict(&package);
    only(&good, &[]);
    assert_eq!(good.profile, "sincro-2010");
    assert!(codes(&good).contains("hash-not-sha256"));
    package.insert("a.txt".to_owned(), b"unO".to_vec());
    package.insert("c.txt".to_owned(), Vec::new());
    package.remove("b.txt");
    only(&verdict(&package), &["digest-wrong", "file-missing", "file-unlisted"]);
}

/// A ustar header with its content, padded.
pub(super) fn member(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut block = vec![0_u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|b| u64::from(*b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block.extend_from_slice(content);
    block.resize(block.len().div_ceil(512) * 512, 0);
    block
}

fn tar_verdict(bytes: &[u8]) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pacchetto.tar");
    std::fs::write(&path, bytes).expect("written");
    report(Path::new(&path), &Options::default()).expect("a report")
}

#[test]
fn a_tar_file_is_read_where_it_lies_and_its_dangers_are_named() {
    let good: Vec<u8> = bag().iter().flat_map(|(path, bytes)| member(&format!("b/{path}"), b'0', bytes)).collect();
    let ended = |bytes: &[u8]| [bytes, &[0; 1024]].concat();
    only(&tar_verdict(&ended(&good)), &[]);
    only(&tar_verdict(&good), &["tar-truncated"]);
    let with = |extra: Vec<u8>| tar_verdict(&ended(&[&good[..], &extra].concat()));
    only(&with(member("b/data/link", b'2', b"")), &["bag-oxum-wrong", "entry-symlink", "file-unlisted"]);
    let escaping = with(member("../../etc/cron.d/x", b'0', b"x"));
    assert!(errors(&escaping).contains("path-escapes"), "{:?}", errors(&escaping));
    let twice = with(member("b/data/a.txt", b'0', b"uno"));
    assert!(errors(&twice).contains("name-twice"), "{:?}", errors(&twice));
    let mut broken = ended(&good);
    broken[512 + 512 + 3] ^= 1;
    assert!(!tar_verdict(&broken).ok);
}

#[test]
fn a_pax_name_that_is_longer_than_a_header_is_read() {
    let name = format!("b/data/{}.txt", "lungo".repeat(30));
    let record = |text: &str| {
        let length = text.len() + 5;
        format!("{length} {text}\n")
    };
    let header = member("pax", b'x', record(&format!("path={name}")).as_bytes());
    let tar = [header, member("short", b'0', b"x"), vec![0; 1024]].concat();
    let report = tar_verdict(&tar);
    assert_eq!(report.files, 1);
    let list = format!("{}  {name}\n", sha256(b"x"));
    let header = member("pax", b'x', record(&format!("path={name}")).as_bytes());
    let tar = [header, member("short", b'0', b"x"), member("SHA256SUMS", b'0', list.as_bytes()), vec![0; 1024]].concat();
    only(&tar_verdict(&tar), &[]);
}
