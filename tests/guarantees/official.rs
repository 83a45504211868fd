//! What the real program packages: judged by the official schemas, built twice to the same bytes, and broken in every way.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use conserva::digest::Digest;
use conserva::schemas::Schema;
use serde_json::Value;

use super::stage::{Stage, repository, said, shared};
use crate::norms;

/// One archive with its packages, played once for all tests here.
fn played() -> &'static (Stage, Vec<PathBuf>) {
    static PLAYED: OnceLock<(Stage, Vec<PathBuf>)> = OnceLock::new();
    PLAYED.get_or_init(play)
}

/// Takes in small real pages, decides what waits, packages: two letters that came in and one that leaves.
fn play() -> (Stage, Vec<PathBuf>) {
    let stage = Stage::with_archive();
    for name in ["due-pagine.tif", "foglio.png", "nativo.pdf"] {
        stage.put(&repository().join("tests/fixtures/drill").join(name), &format!("scans/{name}"));
    }
    stage.json(&["ingest", stage.path("scans").to_str().expect("a path")], &[0, 1]);
    for (n, row) in (1..).zip(stage.json(&["list"], &[0])) {
        let id = row["id"].as_str().expect("an id").to_owned();
        let (flow, party) = if n == 3 { ("U", "destinatario=Impresa Prove S.r.l.") } else { ("E", "mittente=Ufficio Prove") };
        let protocollo = format!("protocollo=000012{n}/2024 2024-03-12 {flow}");
        let tipo = if n == 1 { "tipo=istanza_accesso_atti" } else { "tipo=lettera" };
        let set = ["--set", tipo, "--set", "voce=I.8", "--set", party, "--set", "oggetto=Carta di prova", "--set", &protocollo];
        stage.json(&[&["review", id.as_str()], &set[..], &["--approve"]].concat(), &[0]);
    }
    let built = stage.json(&["package"], &[0]);
    let mut paths: Vec<PathBuf> = built.iter().filter_map(|row| row["path"].as_str()).map(PathBuf::from).collect();
    paths.sort();
    assert!(paths.len() >= 2, "packages were built: {built:?}");
    (stage, paths)
}

type Entries = Vec<(String, Vec<u8>)>;

fn entries(package: &Path) -> Entries {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(package).expect("a package")).expect("a ZIP");
    let mut entries = Vec::new();
    for n in 0..zip.len() {
        let mut entry = zip.by_index(n).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("bytes");
        entries.push((entry.name().expect("a name").into_owned(), bytes));
    }
    entries
}

fn pack(entries: &Entries, target: &Path) {
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    let mut zip = zip::ZipWriter::new(std::fs::File::create(target).expect("a file"));
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), options).expect("an entry");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("finished");
}

/// The schema that a file of a package has to fit.
fn schema_of(name: &str) -> Option<Schema> {
    Some(match name.rsplit('/').next()? {
        "DocumentoAmministrativoInformatico.xml" => Schema::DocumentoAmministrativo,
        "DocumentoInformatico.xml" => Schema::Documento,
        "AggregazioneDocumentaliInformatiche.xml" => Schema::Aggregazione,
        "PIndex.xml" => Schema::PIndex,
        "eventi.xml" => Schema::Premis,
        _ => return None,
    })
}

fn codes(report: &Value) -> BTreeSet<&str> {
    report["findings"].as_array().expect("findings").iter().map(|f| f["code"].as_str().expect("a code")).collect()
}

#[test]
fn packages_of_the_program_are_whole_and_give_no_error_and_no_warning() {
    let (stage, packages) = played();
    for package in packages {
        let reports = stage.json(&["verify", package.to_str().expect("a path")], &[0]);
        let findings = reports[0]["findings"].as_array().expect("findings");
        let grave: Vec<&Value> = findings.iter().filter(|f| f["severity"] != "note").collect();
        // The plan of conservation is silent on letters: that warning is honest, the ente has to decide.
        let is_honest = |f: &&Value| f["code"] == "rule-retention";
        assert!(grave.iter().all(is_honest), "{grave:?}");
        assert!(codes(&reports[0]).contains("journal-head"), "the head of the journal is read where it is written: {findings:?}");
    }
}

#[test]
fn every_metadata_file_of_the_packages_fits_the_official_schemas() {
    let (_, packages) = played();
    let mut count = 0;
    for schema in [Schema::DocumentoAmministrativo, Schema::Documento, Schema::Aggregazione, Schema::PIndex, Schema::Premis] {
        let files: Vec<(String, String)> = packages
            .iter()
            .flat_map(|package| entries(package))
            .filter(|(name, _)| schema_of(name) == Some(schema))
            .map(|(name, bytes)| (name, String::from_utf8(bytes).expect("UTF-8")))
            .collect();
        let texts: Vec<String> = files.iter().map(|(_, text)| text.clone()).collect();
        let Some(verdicts) = norms::judge(schema, &texts).filter(|_| !texts.is_empty()) else { continue };
        for ((name, text), is_valid) in files.iter().zip(verdicts) {
            assert!(is_valid, "{name}\n{text}");
            count += 1;
        }
    }
    norms::say(&format!("{count} files of {} packages fit the official schemas", packages.len()));
    assert!(count > 0 || shared("norms").is_none());
}

#[test]
fn a_package_of_the_archive_is_built_again_to_the_same_bytes() {
    let stage = Stage::with_archive();
    stage.put(&repository().join("tests/fixtures/drill/foglio.png"), "scans/foglio.png");
    stage.json(&["ingest", stage.path("scans").to_str().expect("a path")], &[0, 1]);
    let id = stage.json(&["list"], &[0])[0]["id"].as_str().expect("an id").to_owned();
    let set = ["tipo=lettera", "voce=I.8", "mittente=Ufficio Prove", "oggetto=Prova", "protocollo=0000123/2024 2024-03-12 E"];
    let set: Vec<&str> = set.iter().flat_map(|value| ["--set", value]).collect();
    stage.json(&[&["review", id.as_str()], &set[..], &["--approve"]].concat(), &[0]);
    // Stopped after the package has its name and before the archive knows: the next run builds by the same stored plan.
    let planned = stage.json(&["package"], &[0]);
    let path = PathBuf::from(planned[0]["path"].as_str().expect("a path"));
    let said_sha256 = planned[0]["content_sha256"].as_str().expect("a digest").to_owned();
    let row = stage.json(&["show", planned[0]["id"].as_str().expect("an id")], &[0]);
    let first = std::fs::read(&path).expect("the package");
    assert_eq!(row[0]["content_sha256"], said_sha256.as_str(), "{row:?}");
    assert_eq!(listed(&path), said_sha256, "the digest of what sha256sum prints of its files");
    let plan: conserva::package::Plan = stored_plan(&stage);
    let folder = tempfile::tempdir().expect("a folder");
    let again = conserva::package::build(&plan, &ArchiveBlobs(stage.path("archivio")), folder.path()).expect("built again");
    assert_eq!((again.content.hex(), std::fs::read(&again.path).expect("bytes")), (said_sha256, first));
}

/// The digest of the list of all files with their digests, as anybody makes it.
fn listed(package: &Path) -> String {
    let lines = entries(package).into_iter().map(|(name, bytes)| {
        let (_, inside) = name.split_once('/').expect("one folder");
        format!("{}  {inside}\n", Digest::of(&bytes))
    });
    Digest::of(lines.collect::<String>().as_bytes()).hex()
}

/// The plan that the archive keeps of its one package.
fn stored_plan(stage: &Stage) -> conserva::package::Plan {
    use conserva::clock::Clock;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let text = runtime.block_on(async {
        let layout = conserva::config::Layout::new(&stage.path("archivio"));
        let store = conserva::store::Store::open(&layout.store(), Clock::System).await.expect("the store");
        let ente = store.enti().await.expect("enti").remove(0);
        let pdvs = store.pdvs(&conserva::arrival::EnteId(ente.codice_ipa)).await.expect("packages");
        let id = &pdvs[0].0.id;
        store.pdv(&pdvs[0].0.ente, id).await.expect("the package").expect("there").0.plan
    });
    serde_json::from_str(&text).expect("a plan")
}

/// The blobs of an archive, found by their digest wherever they lie.
struct ArchiveBlobs(PathBuf);

impl conserva::package::BlobReader for ArchiveBlobs {
    fn open(&self, sha256: &Digest) -> conserva::error::Result<Box<dyn std::io::Read>> {
        let found = walkdir::WalkDir::new(&self.0).into_iter().flatten().find(|entry| {
            entry.file_type().is_file()
                && std::fs::File::open(entry.path()).and_then(Digest::of_reader).is_ok_and(|(found, _)| found == *sha256)
        });
        let path = found.expect("the blob is in the archive").into_path();
        Ok(Box::new(std::fs::File::open(path).expect("opened")))
    }
}

/// One way to break a package, and the errors that are said of it, no more and no fewer.
struct Damage {
    name: &'static str,
    work: fn(&mut Entries),
    codes: &'static [&'static str],
}

const DAMAGES: &[Damage] = &[
    Damage { name: "flipped-bit", work: flip, codes: &["digest-wrong", "impronta-wrong"] },
    Damage { name: "missing-file", work: lose, codes: &["file-missing"] },
    Damage { name: "extra-file", work: add, codes: &["file-unlisted"] },
    Damage { name: "wrong-digest", work: misstate, codes: &["digest-wrong"] },
    Damage { name: "broken-xml", work: cut, codes: &["xml-broken", "digest-wrong", "aggregation-unknown"] },
    Damage { name: "escaping-path", work: escape, codes: &["path-escapes", "file-unlisted"] },
    Damage { name: "case-clash", work: clash, codes: &["name-case-clash", "file-unlisted"] },
];

fn position(entries: &Entries, part: &str) -> usize {
    entries.iter().position(|(name, _)| name.contains(part)).expect("the file is there")
}

fn flip(entries: &mut Entries) {
    let at = position(entries, "/principale/");
    let middle = entries[at].1.len() / 2;
    entries[at].1[middle] ^= 1;
}

fn lose(entries: &mut Entries) {
    let at = position(entries, "/testo/alto.xml");
    entries.remove(at);
}

fn add(entries: &mut Entries) {
    let folder = entries[position(entries, "/testo/")].0.rsplit_once('/').expect("a folder").0.to_owned();
    entries.push((format!("{folder}/altro.txt"), b"nobody promised this".to_vec()));
}

/// The digest of a copy is exchanged for that of nothing.
fn misstate(entries: &mut Entries) {
    let alto = Digest::of(&entries[position(entries, "/testo/alto.xml")].1).base64();
    let at = position(entries, "/PIndex.xml");
    let index = &mut entries[at].1;
    let text = String::from_utf8(index.clone()).expect("UTF-8");
    assert!(text.contains(&alto));
    *index = text.replace(&alto, &Digest::of(b"").base64()).into_bytes();
}

fn cut(entries: &mut Entries) {
    let at = position(entries, "AggregazioneDocumentali");
    let half = entries[at].1.len() / 2;
    entries[at].1.truncate(half);
}

fn escape(entries: &mut Entries) {
    entries.push(("../../fuori.txt".to_owned(), b"out".to_vec()));
}

fn clash(entries: &mut Entries) {
    let at = position(entries, "/testo/alto.xml");
    let (name, bytes) = entries[at].clone();
    entries.push((name.replace("alto.xml", "ALTO.xml"), bytes));
}

#[test]
fn every_damage_to_a_real_package_is_named_by_its_code_and_all_together_in_one_run() {
    let (stage, packages) = played();
    let good = entries(&packages[0]);
    let path = |name: &str| stage.path(&format!("{name}.zip"));
    for damage in DAMAGES {
        let mut broken = good.clone();
        (damage.work)(&mut broken);
        pack(&broken, &path(damage.name));
        check(stage, damage.name, damage.codes);
    }
    let mut ruined = good.clone();
    let mut wanted = Vec::new();
    for damage in DAMAGES.iter().filter(|damage| damage.name != "missing-file") {
        (damage.work)(&mut ruined);
        wanted.extend(damage.codes);
    }
    pack(&ruined, &path("all"));
    check(stage, "all", &wanted);
    pack(&good, &path("good"));
    stage.json(&["verify", path("good").to_str().expect("a path")], &[0]);
    let all = stage.run(&["--json", "verify", path("good").to_str().expect("a path"), path("all").to_str().expect("a path")]);
    assert_eq!((all.status.code(), String::from_utf8_lossy(&all.stdout).lines().count()), (Some(1), 2), "{}", said(&all));
}

fn check(stage: &Stage, name: &str, wanted: &[&str]) {
    let path = stage.path(&format!("{name}.zip"));
    let reports = stage.json(&["verify", path.to_str().expect("a path")], &[1]);
    let errors = reports[0]["findings"].as_array().expect("findings").iter().filter(|f| f["severity"] == "error");
    let found: BTreeSet<&str> = errors.map(|f| f["code"].as_str().expect("a code")).collect();
    assert_eq!(found, wanted.iter().copied().collect(), "{name}");
    assert_eq!(reports[0]["ok"], Value::Bool(false));
}
