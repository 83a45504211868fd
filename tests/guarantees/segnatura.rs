//! What is guaranteed of a Segnatura that we write: it fits the official schema but for its signature, it reads back equal, and what
//! cannot be written is told at once.

use conserva::arrival::EnteId;
use conserva::describe::{DescribedSegnatura, Parte, RuoloUlteriore, is_ok, segnatura};
use conserva::document::Role;
use conserva::fields::{PartyKind, Verso};
use conserva::given::Given;
use conserva::xml::tree::{Bounds, root};
use proptest::prelude::*;

use super::describe::{Desk, administration, any_desk, component, foreign, party, reading, stated};
use super::stage::{Stage, repository, said};
use crate::norms;

const SCHEMA: &str = "agid-allegato6/segnatura_protocollo.xsd";

/// Stands where a seal will put its signature: the schema asks for one, and looks only at its form.
const PLACEHOLDER: &str = r#"<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod
Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<ds:Reference URI=""><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>AA==</ds:DigestValue></ds:Reference>
</ds:SignedInfo><ds:SignatureValue>AA==</ds:SignatureValue></ds:Signature>"#;

fn sealed(xml: &str) -> String {
    let end = "</prot:SegnaturaInformatica>";
    assert_eq!(xml.matches(end).count(), 1, "{xml}");
    xml.replace(end, &format!("{PLACEHOLDER}{end}"))
}

fn outgoing() -> Desk {
    let mut desk = Desk::protocolled();
    desk.fields.protocollo.as_mut().expect("registered").value.verso = Some(Verso::U);
    let (from, to) = (desk.fields.mittente.take(), desk.fields.destinatario.take());
    (desk.fields.mittente, desk.fields.destinatario) = (to, from);
    desk.components.push(component(Role::Allegato, 1, "planimetria & \"note\".pdf", b"planimetria"));
    desk
}

fn written(desk: &Desk) -> DescribedSegnatura {
    let made = desk.dossier(segnatura);
    assert_eq!(made.xml.is_empty(), !is_ok(&made.findings), "nothing is written if and only if there are errors");
    made
}

fn read(xml: &str) -> conserva::segnatura::Segnatura {
    let tree = root(xml, Bounds { depth: 64, elements: 10_000 }).expect("well-formed");
    conserva::segnatura::read(&tree, "segnatura.xml", &EnteId("c_v000".into())).expect("a Segnatura")
}

#[test]
fn what_is_sent_gets_a_segnatura_that_fits_the_official_schema_and_reads_back_equal() {
    let mut desk = outgoing();
    desk.riservato = true;
    desk.components[0].format.signed = true;
    desk.ulteriori.soggetti = vec![
        stated(RuoloUlteriore::Destinatario, foreign()),
        stated(RuoloUlteriore::Destinatario, Parte::Amministrazione(administration())),
        stated(RuoloUlteriore::Destinatario, Parte::Nominata(party("Impresa Prove S.r.l.", PartyKind::PersonaGiuridica))),
        stated(RuoloUlteriore::Autore, foreign()),
    ];
    let made = written(&desk);
    let Given { oggetto, voce, fascicolo, riservato, registrazione, mittente, destinatario, impronta, faults, .. } =
        read(&made.xml).given;
    assert_eq!(oggetto, desk.fields.oggetto.as_ref().map(|oggetto| oggetto.value.clone()));
    assert_eq!((voce.as_deref(), fascicolo), (Some("VI.3"), Some(desk.aggregation.id.to_string())));
    assert_eq!((riservato, impronta, faults), (Some(true), Some(desk.components[0].sha256), vec![]));
    let registrazione = registrazione.expect("a registration");
    let protocollo = &desk.fields.protocollo.as_ref().expect("registered").value;
    assert_eq!(registrazione.amministrazione.as_deref(), Some("c_v000"));
    assert_eq!((registrazione.numero, registrazione.data), (protocollo.numero.clone(), protocollo.data));
    assert_eq!(registrazione.verso, Some(Verso::U));
    assert_eq!(mittente.map(|party| (party.nome, party.kind)), Some(("Comune di Valdombra".to_owned(), PartyKind::Ente)));
    let destinatario = destinatario.expect("a recipient");
    assert_eq!((destinatario.nome.as_str(), destinatario.codice.as_deref()), ("Celestino Boscaroli", Some("BSCCST70S05A944C")));
    let files = read(&made.xml);
    assert_eq!(files.principale, Some(desk.components[0].name.shown()));
    assert_eq!(files.allegati, ["planimetria & \"note\".pdf"]);
    assert_eq!(made.xml.matches("<prot:Destinatario ").count(), 4, "an author is no recipient: {}", made.xml);
    let Some(verdicts) = norms::judge_by(SCHEMA, &[sealed(&made.xml), made.xml.clone()]) else { return };
    assert_eq!(verdicts, [true, false], "only the signature is missing: {}", made.xml);
}

#[test]
fn everything_that_stands_against_a_segnatura_is_told_in_one_run() {
    let mut desk = Desk::protocolled();
    desk.ente.aoo.registro = "registro troppo lungo".into();
    desk.fields.protocollo.as_mut().expect("registered").value.numero = "12".into();
    desk.fields.oggetto = Some(reading(String::new()));
    desk.fields.destinatario = None;
    desk.components.push(component(Role::Allegato, 1, &desk.components[0].name.shown(), b"another"));
    let codes: Vec<_> = written(&desk).findings.iter().map(|finding| finding.message.code().to_owned()).collect();
    for code in [
        "segnatura-not-outgoing",
        "segnatura-sender",
        "segnatura-no-destinatario",
        "segnatura-no-oggetto",
        "segnatura-name-twice",
        "describe-register-code",
        "describe-protocollo-number",
    ] {
        assert!(codes.iter().any(|found| found == code), "{code} in {codes:?}");
    }
    desk.fields.protocollo = None;
    assert!(written(&desk).findings.iter().any(|finding| finding.message.code() == "segnatura-no-protocollo"));
}

#[test]
fn whatever_is_sent_its_segnatura_is_valid_or_the_findings_say_why_not() {
    // A tree of so many strategies is deep where nothing is optimised.
    let judge = std::thread::Builder::new().stack_size(256 << 20).spawn(judge_whatever_is_sent).expect("a thread");
    judge.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn judge_whatever_is_sent() {
    let cases = std::env::var("CONSERVA_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(256);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(cases));
    let texts = std::cell::RefCell::new(Vec::new());
    let outcome = runner.run(&any_desk(), |mut desk| {
        // Most are registered and sent by the ente: else hardly one would be written.
        desk.fields.protocollo = outgoing().fields.protocollo;
        desk.fields.mittente = outgoing().fields.mittente;
        let made = written(&desk);
        if !made.xml.is_empty() {
            let said = read(&made.xml);
            prop_assert_eq!(said.given.impronta, Some(desk.components[0].sha256));
            prop_assert_eq!(said.allegati.len(), desk.components.len() - 1);
            texts.borrow_mut().push(sealed(&made.xml));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
    let texts = texts.into_inner();
    assert!(texts.len() > 5, "too few: {}", texts.len());
    let Some(verdicts) = norms::judge_by(SCHEMA, &texts) else { return };
    for (text, verdict) in texts.iter().zip(verdicts) {
        assert!(verdict, "the official schema refuses {text}");
    }
}

#[test]
fn the_command_writes_the_segnatura_of_what_is_filed_and_refuses_what_waits() {
    let stage = Stage::with_archive();
    stage.put(&repository().join("tests/fixtures/drill/foglio.png"), "in/risposta.png");
    stage.json(&["ingest", stage.path("in").to_str().expect("a path")], &[0, 1]);
    let id = stage.json(&["list"], &[0])[0]["id"].as_str().expect("an id").to_owned();
    let refused = stage.run(&["segnatura", &id]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let set = ["--set", "tipo=lettera", "--set", "voce=I.8", "--set", "oggetto=Risposta di prova", "--approve"];
    let parties = ["--set", "destinatario=Impresa Prove S.r.l.", "--set", "protocollo=0000123/2024 2024-03-12 U"];
    stage.json(&[&["review", id.as_str()], &set[..], &parties].concat(), &[0]);
    let path = stage.path("segnatura.xml");
    let object = stage.json(&["segnatura", &id, "--output", path.to_str().expect("a path")], &[0]).remove(0);
    assert_eq!((object["sealed"].as_bool(), object["xml"].is_null()), (Some(false), true), "{object}");
    let xml = std::fs::read_to_string(&path).expect("the file");
    let shown = stage.json(&["show", &id], &[0]).remove(0);
    let tree = root(&xml, Bounds { depth: 64, elements: 10_000 }).expect("well-formed");
    let back = conserva::segnatura::read(&tree, "segnatura.xml", &EnteId("prova".into())).expect("a Segnatura");
    assert_eq!(back.given.oggetto.as_deref(), Some("Risposta di prova"));
    assert_eq!(back.principale.as_deref(), Some("risposta.png"));
    assert_eq!(back.given.impronta.map(|digest| digest.hex()).as_deref(), shown["components"][0]["sha256"].as_str());
    let printed = stage.run(&["segnatura", &id]);
    assert_eq!(String::from_utf8_lossy(&printed.stdout).trim(), xml.trim());
    assert!(said(&printed).contains("XAdES"), "{}", said(&printed));
    // It comes in again with its file, and tells whose it is.
    let folder = stage.path("again");
    std::fs::create_dir_all(&folder).expect("folder");
    let bytes = std::fs::read(repository().join("tests/fixtures/drill/foglio.png")).expect("a file");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.join("spedizione.zip")).expect("a file"));
    for (name, bytes) in [("segnatura.xml", xml.as_bytes()), ("risposta.png", &bytes)] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("an entry");
        std::io::Write::write_all(&mut archive, bytes).expect("written");
    }
    archive.finish().expect("finished");
    let line = stage.json(&["ingest", folder.to_str().expect("a path")], &[0, 1]).remove(0);
    let again = stage.json(&["show", line["documents"][0].as_str().expect("an id")], &[0]).remove(0);
    assert_eq!(again["fields"]["protocollo"]["value"]["numero"], "0000123", "{again:#}");
    assert_eq!(again["fields"]["oggetto"]["value"], "Risposta di prova");
}
