//! What the profiles beside `agid` guarantee: the same plan as a bag and as an E-ARK SIP, judged by `verify` and from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use conserva::finding::Severity;
use conserva::messages::Lang;
use conserva::package::Profile;
use conserva::verify::{Options, Report, Verdict, diff, report};

use crate::norms;
use crate::package::{Order, built, entries};

fn ordered(profile: Profile, count: u32) -> Order {
    let mut order = Order::of(count);
    order.profile = profile;
    order
}

fn verdict(package: &Path) -> Report {
    report(package, &Options::default()).expect("a report")
}

fn unpack(package: &Path, folder: &Path) {
    for (name, bytes) in entries(package) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        norms::write(&path, &bytes);
    }
}

/// The files of a package with one document in that profile.
pub(crate) fn files(profile: Profile) -> BTreeMap<String, Vec<u8>> {
    let order = ordered(profile, 1);
    let (_folder, built) = built(&order.plan().expect("plan")[0], &order.blobs);
    entries(&built.path).into_iter().collect()
}

/// Two documents in a profile: the verdict is good, the view of the plan tells the truth, the bytes repeat.
fn good(profile: Profile) -> Report {
    let order = ordered(profile, 2);
    let plan = &order.plan().expect("plan")[0];
    let (_folder, one) = built(plan, &order.blobs);
    let (_other, two) = built(plan, &order.blobs);
    assert_eq!(std::fs::read(&one.path).expect("one"), std::fs::read(&two.path).expect("two"), "{profile}");
    assert_eq!(plan.summary_json()["files"], one.files, "{profile}");
    let report = verdict(&one.path);
    assert!(report.ok, "{}", report.text(Lang::En));
    assert_eq!(report.profile, profile.to_string());
    // What Allegato 5 would still like of the documents is a warning of the first profile; of the others nothing is.
    let warnings = report.count(Severity::Warning);
    assert!(profile == Profile::Agid || warnings == 0, "{}", report.text(Lang::En));
    report
}

#[test]
fn every_profile_is_good_by_the_verdict_that_knows_nothing_of_it() {
    for profile in Profile::ALL {
        good(profile);
    }
}

#[test]
fn two_profiles_of_one_plan_are_two_packages_with_the_same_content() {
    let contents = Profile::ALL.map(|profile| {
        let order = ordered(profile, 1);
        let plan = order.plan().expect("plan").remove(0);
        let (_folder, built) = built(&plan, &order.blobs);
        let files: BTreeSet<Vec<u8>> = entries(&built.path).into_iter().map(|(_, bytes)| bytes).collect();
        let content: Vec<bool> = order.blobs_bytes().iter().map(|bytes| files.contains(bytes)).collect();
        (plan.id, content)
    });
    let ids: BTreeSet<&str> = contents.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids.len(), Profile::ALL.len());
    assert!(contents.iter().all(|(_, content)| content.len() == 4 && content.iter().all(|is_there| *is_there)));
}

#[test]
fn a_bag_of_ours_is_valid_to_the_reference_program() {
    let order = ordered(Profile::Bagit, 3);
    let (_folder, built) = built(&order.plan().expect("plan")[0], &order.blobs);
    let folder = tempfile::tempdir().expect("folder");
    unpack(&built.path, folder.path());
    let bag = std::fs::read_dir(folder.path()).expect("folder").next().expect("one folder").expect("entry").path();
    let Ok(run) = Command::new("bagit.py").arg("--validate").arg(&bag).output() else {
        norms::say("NOT CHECKED: bagit.py is not installed");
        return;
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn an_eark_package_of_ours_breaks_no_requirement_and_the_official_schema_takes_it() {
    let report = good(Profile::Eark);
    let broken: Vec<_> = report.requirements.iter().filter(|one| one.verdict == Verdict::Broken).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let met = report.requirements.iter().filter(|one| one.verdict == Verdict::Met).count();
    assert!(met > 110, "{met}");
    let order = ordered(Profile::Eark, 2);
    let (_folder, built) = built(&order.plan().expect("plan")[0], &order.blobs);
    let of = |end: &str| -> Vec<String> {
        let found = entries(&built.path).into_iter().filter(|(name, _)| name.ends_with(end));
        found.map(|(_, bytes)| String::from_utf8(bytes).expect("text")).collect()
    };
    let mets = of("METS.xml");
    assert_eq!(mets.len(), 2);
    let Some(verdicts) = norms::judge_by("mets-premis-eark/eark-mets-driver.xsd", &mets) else { return };
    assert_eq!(verdicts, [true, true], "{}", mets[1]);
}

#[test]
fn of_any_mutant_of_a_mets_the_verdict_on_its_structure_is_that_of_the_official_schema() {
    let files = files(Profile::Eark);
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with("METS.xml")) {
        let valid = String::from_utf8(bytes.clone()).expect("text");
        let mut texts = crate::mutants::mutants(&valid, 150, 20_261_126);
        // Attributes too: a value that is none, one that is missing, an id that is there twice, one that is not there.
        for (from, to) in [
            ("ROLE=\"CREATOR\"", "ROLE=\"creator\""),
            ("ROLE=\"CREATOR\" ", ""),
            ("LOCTYPE=\"URL\"", "LOCTYPE=\"FILE\""),
            ("MDTYPE=\"PREMIS\"", "MDTYPE=\"Premis\""),
            ("CHECKSUMTYPE=\"SHA-256\"", "CHECKSUMTYPE=\"sha256\""),
            ("CREATEDATE=\"2024-06-01T10:00:00Z\"", "CREATEDATE=\"2024-06-01\""),
            ("CREATEDATE=\"2024-06-01T10:00:00Z\"", "CREATEDATE=\"2024-06-01T10:00:00\""),
            ("SIZE=\"", "SIZE=\"x"),
            ("FILEID=\"grp-", "FILEID=\"grip-"),
            ("ADMID=\"digiprov-1", "ADMID=\"digiprov-99"),
            ("ID=\"div-all\"", "ID=\"structMap\""),
            ("ID=\"div-all\"", "ID=\"1div\""),
        ] {
            texts.extend(valid.contains(from).then(|| valid.replacen(from, to, 1)));
        }
        let Some(official) = norms::judge_by("mets-premis-eark/eark-mets-driver.xsd", &texts) else { return };
        let folder = tempfile::tempdir().expect("folder");
        let (mut taken, mut refused, mut dangling) = (0, 0, 0);
        for (text, official) in texts.iter().zip(official) {
            norms::write(&folder.path().join("METS.xml"), text.as_bytes());
            let report = verdict(folder.path());
            let structure = ["mets-child-", "mets-attribute-", "mets-id-", "mets-text", "mets-root"];
            let broken: Vec<_> =
                report.findings.iter().filter(|f| structure.iter().any(|code| f.message.code().starts_with(code))).collect();
            // libxml2 does not ask whether the id that an IDREF names is there; the norm (XML Schema 1, 3.3.4) does.
            if official && !broken.is_empty() && broken.iter().all(|finding| is_dangling(finding, text)) {
                dangling += 1;
                continue;
            }
            assert_eq!(broken.is_empty(), official, "ours (left) and official differ, {name}: {broken:?}\n{text}");
            if official { taken += 1 } else { refused += 1 }
        }
        norms::say(&format!(
            "METS: {taken} mutants taken by both, {refused} refused by both, {dangling} refused by us for a reference that dangles"
        ));
        assert!(taken > 0 && refused > 0);
    }
}

/// True of a reference, well written, to an id that `text` does not have.
fn is_dangling(finding: &conserva::finding::Finding, text: &str) -> bool {
    let value = |name: &str| finding.message.value(name).unwrap_or_default();
    let is_reference = ["ADMID", "DMDID", "FILEID", "STRUCTID"].contains(&value("name"));
    let mut ids = value("value").split_ascii_whitespace();
    finding.message.code() == "mets-attribute-value" && is_reference && ids.any(|id| !text.contains(&format!(" ID=\"{id}\"")))
}

#[test]
fn requests_to_sacer_are_laid_out_as_they_are_sent_and_valid_to_its_schemas() {
    let order = ordered(Profile::Sacer, 2);
    let (_folder, built) = built(&order.plan().expect("plan")[0], &order.blobs);
    let files = entries(&built.path);
    let of = |end: &str| -> Vec<(String, String)> {
        let found = files.iter().filter(|(name, _)| name.ends_with(end));
        found.map(|(name, bytes)| (name.clone(), String::from_utf8(bytes.clone()).expect("text"))).collect()
    };
    let requests = of("XMLSIP.xml");
    assert_eq!(requests.len(), 3);
    for (name, table) in of("parti.tsv") {
        let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
        let order: Vec<&str> = rows.iter().take(4).map(|row| row[1]).collect();
        assert_eq!(order, ["VERSIONE", "LOGINNAME", "PASSWORD", "XMLSIP"], "{name}");
        assert_eq!(rows[2][3], "", "no password is written");
        let folder = name.trim_end_matches("parti.tsv");
        for row in &rows[4..] {
            assert_eq!(row[3], format!("file/{}", row[1]));
            assert!(files.iter().any(|(file, bytes)| *file == format!("{folder}{}", row[3]) && !bytes.is_empty()), "{row:?}");
        }
        assert_eq!(rows.len(), if name.contains("fascicolo") { 4 } else { 4 + 5 }, "{name}");
    }
    let (fascicolo, units): (Vec<_>, Vec<_>) = requests.into_iter().partition(|(name, _)| name.contains("fascicolo"));
    let texts = |list: Vec<(String, String)>| list.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    for (schema, texts) in [
        ("parer-sacer/unita-documentaria/WSRequestVersamento.xsd", texts(units)),
        ("parer-sacer/fascicolo-v3/WSRequestIndiceSIPFascicolo.xsd", texts(fascicolo)),
    ] {
        let Some(verdicts) = norms::judge_by(schema, &texts) else { return };
        assert!(verdicts.iter().all(|is_valid| *is_valid), "{schema}: {}", texts[0]);
    }
}

#[test]
fn a_flipped_bit_in_any_profile_is_found_and_named_by_diff() {
    for profile in Profile::ALL {
        let order = ordered(profile, 1);
        let (_folder, built) = built(&order.plan().expect("plan")[0], &order.blobs);
        let folders = [tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder")];
        for folder in &folders {
            unpack(&built.path, folder.path());
        }
        let same = diff(&built.path, folders[0].path(), &Options::default()).expect("a diff");
        assert!(same.is_same() && same.same == built.files, "{}", same.text(Lang::En));
        let is_content = |name: &String| name.contains("perch") || name.ends_with("PRINCIPALE-1");
        let name = entries(&built.path).into_iter().map(|(name, _)| name).find(is_content).expect("content");
        let path = folders[1].path().join(&name);
        let mut bytes = std::fs::read(&path).expect("content");
        bytes[0] ^= 1;
        norms::write(&path, &bytes);
        let report = verdict(folders[1].path());
        let finding = report.findings.iter().find(|f| f.message.code() == "digest-wrong").expect("found");
        assert_eq!(finding.path, name, "{profile}");
        let differ = diff(folders[0].path(), folders[1].path(), &Options::default()).expect("a diff");
        assert_eq!((differ.changed.len(), differ.added.len(), differ.removed.len()), (1, 0, 0));
    }
}

#[test]
fn diff_tells_what_was_added_removed_renamed_and_which_values_changed() {
    let order = ordered(Profile::Agid, 2);
    let (_folder, built) = built(&order.plan().expect("plan")[0], &order.blobs);
    let folder = tempfile::tempdir().expect("folder");
    unpack(&built.path, folder.path());
    let names: Vec<String> = entries(&built.path).into_iter().map(|(name, _)| name).collect();
    let at = |end: &str| folder.path().join(names.iter().find(|name| name.contains(end)).expect("a file"));
    let metadata = at("DocumentoAmministrativoInformatico.xml");
    let text = std::fs::read_to_string(&metadata).expect("metadata");
    let start = text.find("<Oggetto>").expect("an object") + "<Oggetto>".len();
    norms::write(&metadata, format!("{}Altro: {}", &text[..start], &text[start..]).as_bytes());
    std::fs::rename(at("alto.xml"), folder.path().join("altrove.xml")).expect("renamed");
    std::fs::remove_file(at("CON")).or_else(|_| std::fs::remove_file(at("allegati"))).expect("removed");
    norms::write(&folder.path().join("nuovo.txt"), b"nuovo");
    let diff = diff(&built.path, folder.path(), &Options::default()).expect("a diff");
    // The folder of the package is no longer all that there is: every path has it now on one side only.
    assert!(!diff.is_same());
    let inner = folder.path().join(names[0].split('/').next().expect("a folder"));
    let diff = conserva::verify::diff(&built.path, &inner, &Options::default()).expect("a diff");
    assert_eq!((diff.changed.len(), diff.removed.len()), (1, 2), "{}", diff.text(Lang::En));
    let value = &diff.changed[0].values[0];
    assert_eq!(value.place, "ChiaveDescrittiva/Oggetto");
    assert!(value.to.as_ref().is_some_and(|to| to.starts_with("Altro: ")));
    let json = diff.json(Lang::It);
    assert_eq!(json["changed"][0]["values"][0]["place"], "ChiaveDescrittiva/Oggetto");
    assert_ne!(json["changed"][0]["values"][0]["label"], json["changed"][0]["values"][0]["place"]);
}

#[test]
fn a_person_sees_documents_and_metadata_in_every_profile_that_has_them_as_files() {
    use conserva::verify::{NoPictures, View, inspect};
    for profile in [Profile::Agid, Profile::Bagit, Profile::Eark] {
        let order = ordered(profile, 2);
        let plan = &order.plan().expect("plan")[0];
        let (folder, built) = built(plan, &order.blobs);
        let scratch = conserva::scratch::ScratchRoot::open(&folder.path().join("lavoro"), true).expect("scratch");
        let view = View { pictures: &NoPictures, count: 1, scratch: &scratch };
        let html = inspect(&built.path, &Options::default(), &view).expect("seen").html(Lang::It);
        for part in [
            "Istanza di accesso agli atti della pratica edilizia n. 87/2019",
            "0004512",
            "ingestion",
            "Pratica edilizia n. 87/2019",
        ] {
            assert!(html.contains(part), "{profile}: {part} is not shown");
        }
        for document in &plan.documents {
            assert!(html.contains(document.id.as_str()), "{profile}");
        }
    }
}
