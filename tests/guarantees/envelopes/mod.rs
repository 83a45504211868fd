//! What comes in an envelope: mails and PEC with their receipts, archives, signed files, invoices, segnature. Played on the real program.

mod contents;
mod corpus;
mod exchange;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use super::stage::{Stage, repository};

fn show(stage: &Stage, id: &str) -> Value {
    stage.json(&["show", id], &[0]).remove(0)
}

fn documents(lines: &[Value]) -> Vec<String> {
    let ids = |line: &Value| line["documents"].as_array().cloned().unwrap_or_default();
    lines.iter().flat_map(ids).map(|id| id.as_str().expect("an id").to_owned()).collect()
}

/// Role and name of each component.
fn components(document: &Value) -> Vec<String> {
    let one = |c: &Value| format!("{} {}", c["role"].as_str().expect("a role"), c["name"].as_str().expect("a name"));
    document["components"].as_array().expect("components").iter().map(one).collect()
}

fn codes(document: &Value) -> Vec<String> {
    document["holds"].as_array().expect("holds").iter().map(|hold| hold["code"].as_str().expect("a code").to_owned()).collect()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a file");
        writer.write_all(bytes).expect("written");
    }
    writer.finish().expect("a zip").into_inner()
}

fn write(stage: &Stage, name: &str, bytes: &[u8]) -> String {
    let path = stage.path(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    std::fs::write(&path, bytes).expect("written");
    path.to_str().expect("a path").to_owned()
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("samples").join(name)).expect("a sample")
}

const LETTER: &str = "Comune di Roccamirta\nOggetto: Richiesta di accesso agli atti della pratica edilizia\n\nLa sottoscritta Maria Rossi \
    chiede di accedere agli atti della pratica edilizia n. 87/2019.\n";

#[test]
fn each_file_of_an_archive_is_a_document_and_the_archive_stays_whole() {
    let stage = Stage::with_archive();
    let inner = zip(&[("lettera.txt", LETTER.as_bytes())]);
    let archive = zip(&[("a/istanza.txt", b"Istanza di prova del signor Bianchi"), ("dentro.zip", &inner)]);
    let path = write(&stage, "in/pratica.zip", &archive);
    let ids = documents(&stage.json(&["ingest", &path], &[0, 1]));
    let shown: Vec<Value> = ids.iter().map(|id| show(&stage, id)).collect();
    let names: Vec<&str> = shown.iter().map(|document| document["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["a/istanza.txt", "dentro.zip/lettera.txt"]);
    assert!(shown[1]["text"].as_str().expect("text").contains("87/2019"));
    let source = shown[0]["source"]["arrival"].as_str().expect("an arrival");
    assert_eq!(shown[1]["source"]["arrival"], source);
    let arrival = show(&stage, source);
    assert_eq!((arrival["state"].as_str(), arrival["documents"].as_array().map(Vec::len)), (Some("opened"), Some(2)));
    assert_eq!(arrival["bytes"], archive.len());
}

#[test]
fn an_attachment_that_came_before_is_kept_once_and_said_on_both_sides() {
    let stage = Stage::with_archive();
    let mail = |n: usize| {
        format!(
            "From: a{n}@mail.example\r\nTo: b@mail.example\r\nSubject: Invio {n}\r\nMessage-ID: <{n}@mail.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nIn allegato, invio {n}.\r\n--x\r\n\
             Content-Type: text/plain; name=\"lettera {n}.txt\"\r\nContent-Disposition: attachment\r\n\r\n{LETTER}\r\n--x--\r\n"
        )
    };
    let alone = write(&stage, "in/lettera.txt", LETTER.as_bytes());
    let first = documents(&stage.json(&["ingest", &alone], &[0, 1]));
    let one = write(&stage, "in/uno.eml", mail(1).as_bytes());
    let second = documents(&stage.json(&["ingest", &one], &[0, 1]));
    let two = write(&stage, "in/due.eml", mail(2).as_bytes());
    let third = documents(&stage.json(&["ingest", &two], &[0, 1]));
    let earlier = |id: &str| -> Vec<(String, bool)> {
        let places = show(&stage, id)["also_in"].as_array().expect("places").clone();
        let place =
            |place: &Value| (place["document"].as_str().expect("an id").to_owned(), place["earlier"].as_bool().expect("a truth"));
        places.iter().map(place).collect()
    };
    assert_eq!(earlier(&third[0]), [(first[0].clone(), true), (second[0].clone(), true)]);
    assert_eq!(earlier(&second[0]), [(first[0].clone(), true), (third[0].clone(), false)]);
    let digest = show(&stage, &first[0])["components"][0]["sha256"].clone();
    assert_eq!(show(&stage, &third[0])["components"][0]["sha256"], digest, "the bytes are the same blob");
}

#[test]
fn twenty_exchanges_of_pec_are_twenty_threads_whoever_comes_first() {
    let stage = Stage::with_archive();
    let exchanges: Vec<_> = (1..=20).map(exchange::exchange).collect();
    let mut ids = BTreeMap::new();
    // Of each exchange first what comes first; then all that is left.
    for is_first in [true, false] {
        let folder = stage.path(if is_first { "in/1" } else { "in/2" });
        for exchange in &exchanges {
            let begins_with_message = exchange.files[0].0 == exchange.message;
            exchange::write(exchange, &folder, |name| (name == exchange.message) == (begins_with_message == is_first));
        }
        for line in stage.json(&["ingest", folder.to_str().expect("a path")], &[0, 1]) {
            let [id] = &documents(std::slice::from_ref(&line))[..] else { panic!("one document: {line}") };
            let name = line["path"].as_str().expect("a path").rsplit('/').next().expect("a name").to_owned();
            ids.insert(name, id.clone());
        }
    }
    for exchange in &exchanges {
        stage.json(&["review", &ids[&exchange.message], "--set", "voce=VI.3", "--approve"], &[0, 1]);
    }
    for exchange in &exchanges {
        checked(&stage, exchange, &ids);
    }
}

/// The message with all that belongs to it, and each receipt tied to it.
fn checked(stage: &Stage, exchange: &exchange::Exchange, ids: &BTreeMap<String, String>) {
    let message = show(stage, &ids[&exchange.message]);
    let n = exchange.message.split(' ').next().expect("a number").trim_start_matches('0').to_owned();
    let expected = [
        format!("principale convocazione {n}.txt"),
        "annesso postacert.eml".to_owned(),
        format!("annesso {}", exchange.message),
        "annesso daticert.xml".to_owned(),
        "annesso smime.p7s".to_owned(),
    ];
    assert_eq!(components(&message), expected);
    assert_eq!(message["messaggio"]["id"], exchange.id.as_str());
    assert_eq!(message["messaggio"]["daticert"]["tipo"], "posta-certificata");
    assert_eq!(message["fields"]["mittente"]["value"]["indirizzo_digitale"], "protocollo@pec.comune.roccamirta.example");
    assert!(message["fields"]["oggetto"]["origin"].as_str().expect("an origin").starts_with("daticert"), "{}", message["fields"]);
    let fascicolo = message["filing"]["aggregazione"]["id"].as_str().unwrap_or_else(|| panic!("filed: {:?}", codes(&message)));
    for (name, _) in &exchange.files {
        let document = show(stage, &ids[name]);
        let thread = document["corrispondenza"].as_array().expect("a thread");
        assert_eq!((thread.len(), &thread[0]["document"]), (exchange.files.len(), &message["id"]), "{name}: {thread:?}");
        if name.contains("anomalia") {
            assert_eq!(document["messaggio"]["ruolo"], "anomalia");
            assert!(codes(&document).contains(&"pec-anomaly".to_owned()), "{name}: {:?}", codes(&document));
        } else if *name != exchange.message {
            let parts = components(&document);
            assert_eq!(parts[0], format!("principale {name}"));
            assert!(
                parts.contains(&"annesso daticert.xml".to_owned()) && parts.contains(&"annesso smime.p7s".to_owned()),
                "{parts:?}"
            );
            assert_eq!(document["filing"]["aggregazione"]["id"], fascicolo, "{name}: {:?}", codes(&document));
            assert_eq!(
                (&document["fields"]["tipo"]["value"], codes(&document)),
                (&Value::from("pec_ricevuta"), vec![]),
                "{name}"
            );
        }
    }
}

#[test]
fn a_receipt_whose_message_is_not_here_waits_and_a_person_may_name_its_fascicolo() {
    let stage = Stage::with_archive();
    let exchange = exchange::exchange(2);
    let folder = stage.path("in");
    exchange::write(&exchange, &folder, |name| name.contains("accettazione"));
    let ids = documents(&stage.json(&["ingest", folder.to_str().expect("a path")], &[1]));
    assert_eq!(codes(&show(&stage, &ids[0])), ["receipt-waits"]);
    stage.json(&["review", &ids[0], "--set", "fascicolo=conferenza 2024", "--set", "voce=VI.3"], &[0, 1]);
    let document = show(&stage, &ids[0]);
    assert_eq!((document["state"].as_str(), codes(&document)), (Some("ready"), vec![]));
}

#[cfg(feature = "drill")]
#[test]
fn an_envelope_whose_opening_is_killed_is_opened_once_and_to_the_same_ids() {
    let archive = zip(&[("istanza.txt", b"Istanza di prova del signor Bianchi"), ("lettera.txt", LETTER.as_bytes())]);
    let listed = |point: Option<&str>| {
        let stage = Stage::with_archive();
        let path = write(&stage, "in/pratica.zip", &archive);
        let instant = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(475_000);
        std::fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(instant)).expect("mtime");
        if let Some(point) = point {
            let killed = stage.command(&["ingest", &path]).env("CONSERVA_DRILL", point).output().expect("the program");
            assert!(!killed.status.success(), "{point}");
        }
        stage.run(&["ingest", &path]);
        let rows = stage.json(&["list"], &[0]);
        rows.iter().map(|row| format!("{} {} {}", row["id"], row["name"], row["state"])).collect::<Vec<_>>()
    };
    let whole = listed(None);
    assert_eq!(whole.len(), 2, "{whole:?}");
    assert_eq!(listed(Some("open.members-stored")), whole);
}

const FATTURA: &str = r#"<?xml version="1.0" encoding="UTF-8"?><p:FatturaElettronica versione="FPA12"
    xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2"><FatturaElettronicaHeader><CedentePrestatore><DatiAnagrafici>
    <IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>00093330046</IdCodice></IdFiscaleIVA><Anagrafica><Denominazione>Ferramenta Prova S.r.l.
    </Denominazione></Anagrafica></DatiAnagrafici></CedentePrestatore><CessionarioCommittente><DatiAnagrafici><CodiceFiscale>80009120348
    </CodiceFiscale><Anagrafica><Denominazione>Comune di Roccamirta</Denominazione></Anagrafica></DatiAnagrafici></CessionarioCommittente>
    </FatturaElettronicaHeader><FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD01</TipoDocumento>
    <Divisa>EUR</Divisa><Data>2024-03-12</Data><Numero>12/PA</Numero><ImportoTotaleDocumento>122.00</ImportoTotaleDocumento>
    </DatiGeneraliDocumento><DatiOrdineAcquisto><CodiceCUP>B83D21001230001</CodiceCUP><CodiceCIG>ZB52C1A0F3</CodiceCIG>
    </DatiOrdineAcquisto></DatiGenerali></FatturaElettronicaBody></p:FatturaElettronica>"#;

/// An item of DER with a length of two bytes.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a short content").to_be_bytes();
    [&[tag, 0x82], &length[..], content].concat()
}

/// SignedData around `content`, without signers.
fn p7m(content: &[u8]) -> Vec<u8> {
    signed_data(b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", content)
}

/// The same around a content of another kind.
fn signed_data(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let inner = der(0x30, &[der(0x06, kind), der(0xa0, &der(0x04, content))].concat());
    let body = der(0x30, &[vec![2, 1, 1, 0x31, 0], inner, vec![0x31, 0]].concat());
    der(0x30, &[der(0x06, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), der(0xa0, &body)].concat())
}

#[test]
fn an_invoice_is_read_from_its_data_signed_or_not_and_shown_to_people() {
    let stage = Stage::with_archive();
    let plain = write(&stage, "in/IT00093330046_00001.xml", FATTURA.as_bytes());
    let signed = write(&stage, "in/IT00093330046_00002.xml.p7m", &p7m(FATTURA.as_bytes()));
    for (path, is_signed) in [(plain, false), (signed, true)] {
        let ids = documents(&stage.json(&["ingest", &path], &[0, 1]));
        let document = show(&stage, &ids[0]);
        assert_eq!(document["fields"]["tipo"]["value"], "fattura");
        let fattura = &document["fattura"];
        assert_eq!((&fattura["numero"], &fattura["data"]), (&Value::from("12/PA"), &Value::from("2024-03-12")));
        assert_eq!((&fattura["totale"], &fattura["cig"][0]), (&Value::from("122.00"), &Value::from("ZB52C1A0F3")));
        let fields = &document["fields"];
        assert_eq!(fields["data"]["value"], "2024-03-12");
        assert_eq!(fields["mittente"]["value"]["nome"], "Ferramenta Prova S.r.l.");
        for field in ["tipo", "data", "mittente", "oggetto"] {
            assert!(fields[field]["origin"].as_str().expect("an origin").starts_with("fatturapa"), "{field}");
        }
        assert_eq!(codes(&document).contains(&"signature-waits".to_owned()), is_signed, "{:?}", codes(&document));
        let copies = document["copies"].as_array().expect("copies");
        assert!(
            copies.iter().any(|copy| copy["kind"] == "html" && copy["of"] == document["components"][0]["sha256"]),
            "{copies:?}"
        );
        assert!(document["text"].as_str().expect("text").contains("che solo fa fede"));
    }
}

#[test]
fn an_invoice_that_lacks_what_the_law_wants_says_what() {
    let stage = Stage::with_archive();
    let path = write(&stage, "in/IT00093330046_00003.xml", FATTURA.replace("<Numero>12/PA</Numero>", "").as_bytes());
    let document = show(&stage, &documents(&stage.json(&["ingest", &path], &[1]))[0]);
    let hold = document["holds"].as_array().expect("holds").iter().find(|hold| hold["code"] == "fattura-incomplete");
    assert!(hold.expect("a hold")["why"].as_str().expect("words").contains("Numero"));
}

#[test]
fn every_hostile_envelope_ends_as_a_sentence_and_stops_no_other() {
    let stage = Stage::with_archive();
    for name in ["bomba.zip", "fuga.zip", "entita.xml"] {
        stage.put(&repository().join("samples/hostile").join(name), &format!("in/{name}"));
    }
    write(&stage, "in/vuoto.zip", &zip(&[]));
    write(&stage, "in/rotto.p7m", &sample("altri/pratica.zip")[..40]);
    write(&stage, "in/buono.txt", LETTER.as_bytes());
    let lines = stage.json(&["ingest", stage.path("in").to_str().expect("a path")], &[1]);
    assert_eq!(lines.len(), 6);
    for id in documents(&lines) {
        let document = show(&stage, &id);
        let is_good = document["name"] == "buono.txt";
        assert!(is_good || !codes(&document).is_empty(), "{}", document["name"]);
    }
    assert!(Path::new(&stage.path("archivio")).exists());
}
