//! What a package for a reader guarantees: the chosen documents and nothing reserved, a page to read, a trace in the journal.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::stage::{Stage, repository, said};

/// An archive with three documents of one fascicolo, the last of them reserved; their ids and the fascicolo's.
pub(crate) fn archive() -> (Stage, Vec<String>, String) {
    let stage = Stage::with_archive();
    for name in ["due-pagine.tif", "foglio.png", "nativo.pdf"] {
        stage.put(&repository().join("tests/fixtures/drill").join(name), &format!("scans/{name}"));
    }
    stage.json(&["ingest", stage.path("scans").to_str().expect("a path")], &[0, 1]);
    let mut ids: Vec<String> =
        stage.json(&["list"], &[0]).iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    for (n, id) in (1..).zip(&ids) {
        let protocollo = format!("protocollo=000012{n}/2024 2024-03-12 E");
        let oggetto = format!("oggetto=Carta <b>numero</b> {n}");
        let riservato = if n == 3 { "riservato=si" } else { "riservato=no" };
        let sets =
            ["tipo=lettera", "voce=I.8", "mittente=Ufficio Prove", "fascicolo=Carte di prova", &oggetto, &protocollo, riservato];
        let mut args = vec!["review", id.as_str(), "--approve"];
        args.extend(sets.iter().flat_map(|set| ["--set", *set]));
        stage.json(&args, &[0]);
    }
    let fascicolo = stage.json(&["list", "fascicoli"], &[0])[0]["id"].as_str().expect("an id").to_owned();
    (stage, ids, fascicolo)
}

fn files(package: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(package).expect("a package")).expect("a ZIP");
    let mut files = BTreeMap::new();
    for n in 0..zip.len() {
        let mut entry = zip.by_index(n).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("bytes");
        let name = entry.name().expect("a name").into_owned();
        files.insert(name.split_once('/').expect("a folder").1.to_owned(), bytes);
    }
    files
}

fn path(row: &Value) -> PathBuf {
    PathBuf::from(row["path"].as_str().expect("a path"))
}

/// The page of a package, unpacked with all beside it.
pub(crate) fn unpacked(package: &Path, folder: &Path) -> PathBuf {
    for (name, bytes) in files(package) {
        let target = folder.join(name);
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("folder");
        std::fs::write(target, bytes).expect("written");
    }
    folder.join("indice.html")
}

#[test]
fn a_reader_is_given_what_was_asked_for_without_what_is_reserved_and_the_journal_says_so() {
    let (stage, ids, fascicolo) = archive();
    let rows = stage.json(&["package", "--access", "--fascicolo", &fascicolo], &[0]);
    assert_eq!((rows.len(), &rows[0]["documents"]), (1, &2.into()));
    let package = path(&rows[0]);
    assert!(package.file_name().is_some_and(|name| name.to_string_lossy().starts_with("PdD_")));
    let files = files(&package);
    for id in &ids[..2] {
        assert!(files.keys().any(|name| name.starts_with(&format!("documenti/{id}/principale/"))), "{:?}", files.keys());
        assert!(files.contains_key(&format!("documenti/{id}/DocumentoAmministrativoInformatico.xml")));
    }
    // Of the reserved one there is its id, where the page says that it is left out, and nothing else.
    let told: Vec<&String> =
        files.iter().filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains(&ids[2])).map(|(name, _)| name).collect();
    assert_eq!(told, ["indice.html"]);
    assert!(files.iter().all(|(_, bytes)| !String::from_utf8_lossy(bytes).contains("numero&lt;/b&gt; 3")));
    assert!(!files.keys().any(|name| name.contains(&ids[2]) || name.ends_with("/eventi.xml")), "{:?}", files.keys());
    let page = String::from_utf8(files["indice.html"].clone()).expect("text");
    assert!(page.contains("<html lang=\"it\">") && page.contains("Carta &lt;b&gt;numero&lt;/b&gt; 1"), "markup stays text");
    assert!(page.contains("riservati: 1"), "the page says how many were left out");

    // The journal has the package with what was left out, and each document that was given.
    assert_eq!(stage.json(&["journal", "verify"], &[0])[0]["ok"], true);
    let pdd = rows[0]["id"].as_str().expect("an id");
    let journal = journal(&stage);
    let of = |kind: &str, subject: &str| journal.iter().filter(|line| line.0 == kind && line.1 == subject).count();
    assert_eq!((of("access", pdd), of("access-built", pdd)), (1, 1));
    assert_eq!(ids.iter().map(|id| of("access", id)).collect::<Vec<_>>(), [1, 1, 0]);
    assert!(journal.iter().any(|line| line.1 == pdd && line.2.get("riservati") == Some(&ids[2])));
    // Documents stay where they are: giving is not sending.
    assert!(stage.json(&["list"], &[0]).iter().all(|row| row["state"] == "ready"));
}

/// Kind, subject and details of the journal's lines.
fn journal(stage: &Stage) -> Vec<(String, String, BTreeMap<String, String>)> {
    use conserva::clock::Clock;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let layout = conserva::config::Layout::new(&stage.path("archivio"));
        let store = conserva::store::Store::open(&layout.store(), Clock::System).await.expect("the store");
        let ente = conserva::arrival::EnteId(store.enti().await.expect("enti").remove(0).codice_ipa);
        let lines = store.journal(&ente, 0, 1_000).await.expect("the journal");
        lines.into_iter().map(|line| (line.event.kind, line.event.subject, line.event.detail)).collect()
    })
}

#[test]
fn a_package_for_a_reader_is_checked_by_verify_and_by_sha256sum_and_an_altered_file_is_found() {
    let (stage, ids, _) = archive();
    // What was sent to the conservatore can be given as well, by its PdV.
    let sent = stage.json(&["package"], &[0]);
    let pdv = sent[0]["id"].as_str().expect("an id");
    let out = stage.path("consegna");
    let row = &stage.json(&["package", "--access", "--pdv", pdv, "--out", out.to_str().expect("a path")], &[0])[0];
    let package = path(row);
    assert!(package.starts_with(&out) && row["documents"] == 2);
    let report = &stage.json(&["verify", package.to_str().expect("a path")], &[0])[0];
    assert_eq!((&report["ok"], &report["profile"]), (&true.into(), &"manifest".into()), "{report}");
    let folder = tempfile::tempdir().expect("a folder");
    let page = unpacked(&package, folder.path());
    let check =
        || Command::new("sha256sum").args(["-c", "--quiet", "--strict", "manifest-sha256.txt"]).current_dir(&folder).output();
    let output = check().expect("sha256sum");
    assert!(output.status.success(), "{}", said(&output));
    // Every file but the list itself is listed, and every link of the page leads to a file.
    let html = std::fs::read_to_string(&page).expect("the page");
    let links = regex::Regex::new(r#"<a href="([^#"]+)""#).expect("a pattern");
    let mut count = 0;
    for link in links.captures_iter(&html) {
        let target = percent_encoding::percent_decode_str(&link[1]).decode_utf8().expect("text").into_owned();
        assert!(folder.path().join(&target).is_file(), "{target}");
        count += 1;
    }
    assert!(count >= 4, "{count} links");
    let listed = std::fs::read_to_string(folder.path().join("manifest-sha256.txt")).expect("the list").lines().count();
    assert_eq!(listed + 1, files(&package).len());
    std::fs::write(&page, html + " ").expect("altered");
    assert!(!check().expect("sha256sum").status.success());
    assert!(ids.len() == 3);
}

#[test]
fn the_same_documents_may_be_given_twice_and_what_is_reserved_alone_is_refused() {
    let (stage, ids, _) = archive();
    let give = |codes: &[i32], ids: &[&str]| stage.json(&[&["package", "--access", "--documents"], ids].concat(), codes);
    let one = give(&[0], &[&ids[0]]);
    let again = give(&[0], &[&ids[0]]);
    assert!(path(&one[0]) != path(&again[0]) && path(&one[0]).is_file() && path(&again[0]).is_file());
    let refused = stage.run(&["package", "--access", "--documents", &ids[2]]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let nothing = stage.run(&["package", "--access", "--documents", "doc-che-non-esiste"]);
    assert_eq!(nothing.status.code(), Some(1), "{}", said(&nothing));
    let unsaid = stage.run(&["package", "--access"]);
    assert_eq!(unsaid.status.code(), Some(2), "{}", said(&unsaid));
}
