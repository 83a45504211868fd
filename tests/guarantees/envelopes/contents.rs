//! What data and wrappings say of a content: time-stamped and signed files, the parcel of a one-stop shop, contradictions.

use base64::Engine as _;
use serde_json::Value;

use super::exchange;
use super::{LETTER, codes, components, der, documents, p7m, show, signed_data, write, zip};
use crate::stage::Stage;

/// A time stamp's token, of a content that nobody judges here.
fn token() -> Vec<u8> {
    signed_data(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04", b"token")
}

/// RFC 5544: the content with its time stamp, which nobody judges here.
fn tsd(content: &[u8]) -> Vec<u8> {
    let oid = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x1f";
    let evidence = der(0xa0, &der(0x30, &der(0x30, &token())));
    let body = der(0x30, &[b"\x02\x01\x01".to_vec(), der(0x04, content), evidence].concat());
    der(0x30, &[oid.to_vec(), der(0xa0, &body)].concat())
}

/// A signed file and its time stamp as two parts of one MIME message.
fn m7m(content: &[u8]) -> Vec<u8> {
    let part = |head: &str, bytes: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("--=s\r\n{head}\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}\r\n")
    };
    let named = |name: &str| format!("name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"");
    let signed = part(&format!("Content-Type: application/pkcs7-mime; {}", named("istanza.txt.p7m")), content);
    let reply = der(0x30, &[b"\x30\x03\x02\x01\x00".to_vec(), token()].concat());
    let stamp = part(&format!("Content-Type: application/timestamp-reply; {}", named("istanza.tsr")), &reply);
    format!("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=s\"\r\n\r\n{signed}{stamp}--=s--\r\n").into_bytes()
}

fn one(stage: &Stage, path: &str) -> Value {
    let ids = documents(&stage.json(&["ingest", path], &[0, 1]));
    assert_eq!(ids.len(), 1, "{path}: {ids:?}");
    show(stage, &ids[0])
}

#[test]
fn a_stamped_file_is_kept_as_it_came_and_its_content_read() {
    let stage = Stage::with_archive();
    let files = [("istanza.txt.tsd", tsd(LETTER.as_bytes())), ("istanza.txt.p7m.tsd", tsd(&p7m(LETTER.as_bytes())))];
    for (name, bytes) in files {
        let document = one(&stage, &write(&stage, &format!("in/{name}"), &bytes));
        assert_eq!(components(&document), [format!("principale {name}")]);
        assert_eq!(document["components"][0]["sha256"], conserva::digest::Digest::of(&bytes).hex());
        assert!(document["text"].as_str().expect("text").contains("pratica edilizia n. 87/2019"), "{document:#}");
        assert!(codes(&document).contains(&"signature-waits".to_owned()), "{:?}", codes(&document));
    }
}

#[test]
fn a_signed_file_that_comes_with_its_stamp_in_one_message_is_the_document() {
    let stage = Stage::with_archive();
    let document = one(&stage, &write(&stage, "in/istanza.txt.m7m", &m7m(&p7m(LETTER.as_bytes()))));
    let parts = components(&document);
    assert_eq!(parts, ["principale istanza.txt.p7m", "annesso istanza.tsr", "annesso istanza.txt.m7m"]);
    assert!(document["text"].as_str().expect("text").contains("pratica edilizia n. 87/2019"), "{document:#}");
}

const SUAP: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ps:riepilogo-pratica-suap xmlns:ps="http://www.impresainungiorno.gov.it/schema/suap/pratica"><info-schema versione="1.0.0"/><intestazione>
<impresa><ragione-sociale>FORNO PROVA S.R.L.</ragione-sociale><codice-fiscale>00093330046</codice-fiscale></impresa>
<oggetto-comunicazione tipo-procedimento="SCIA">SCIA di apertura FORNO PROVA S.R.L.</oggetto-comunicazione>
<codice-pratica>RSSMRA85T50A562P-12032024-0930</codice-pratica><domicilio-elettronico>forno@pec.example</domicilio-elettronico></intestazione>
<struttura><modulo nome="SCIA"><distinta-modello-attivita nome-file="001.MDA.txt.p7m"/><documento nome-file="planimetria.txt"/></modulo></struttura>
</ps:riepilogo-pratica-suap>"#;

#[test]
fn the_parcel_of_a_one_stop_shop_is_one_document_with_the_data_of_its_riepilogo() {
    let stage = Stage::with_archive();
    let form = p7m(b"SEGNALAZIONE CERTIFICATA DI INIZIO ATTIVITA\nIl sottoscritto segnala l'apertura di un forno.\n");
    let files: [(&str, &[u8]); 3] =
        [("planimetria.txt", b"Planimetria dei locali"), ("SUAP.xml", SUAP.as_bytes()), ("001.MDA.txt.p7m", &form)];
    let document = one(&stage, &write(&stage, "in/pratica.zip", &zip(&files)));
    let parts = components(&document);
    assert_eq!(parts[0], "principale 001.MDA.txt.p7m", "the form is the document: {parts:?}");
    assert!(parts.contains(&"allegato planimetria.txt".to_owned()), "{parts:?}");
    assert!(parts.contains(&"annesso SUAP.xml".to_owned()), "{parts:?}");
    let fields = &document["fields"];
    let mittente = &fields["mittente"];
    assert_eq!(mittente["value"]["nome"], "FORNO PROVA S.R.L.");
    assert_eq!(mittente["value"]["codice"], "00093330046");
    assert_eq!(mittente["value"]["indirizzo_digitale"], "forno@pec.example");
    assert_eq!(fields["oggetto"]["value"], "SCIA di apertura FORNO PROVA S.R.L.");
    assert!(mittente["origin"].as_str().expect("an origin").starts_with("riepilogo SUAP.xml"), "{mittente}");
    assert!(fields["riferimenti"].to_string().contains("rssmra85t50a562p-12032024-0930"), "{fields:#}");
}

#[test]
fn data_that_the_document_contradicts_stand_and_both_are_shown() {
    let stage = Stage::with_archive();
    let segnatura = r#"<prot:SegnaturaInformatica xmlns:prot="http://www.agid.gov.it/protocollo/" prot:versione="3.0.0" prot:lang="it">
        <prot:Intestazione><prot:Identificatore><prot:CodiceAmministrazione>p_xx</prot:CodiceAmministrazione><prot:CodiceAOO>A</prot:CodiceAOO>
        <prot:CodiceRegistro>R</prot:CodiceRegistro><prot:NumeroRegistrazione>0000777</prot:NumeroRegistrazione>
        <prot:DataRegistrazione>2024-03-12</prot:DataRegistrazione></prot:Identificatore><prot:Oggetto>Bilancio consuntivo</prot:Oggetto>
        </prot:Intestazione><prot:Descrizione><prot:DocumentoPrimario prot:nomeFile="lettera.txt" prot:mimeType="text/plain"/>
        </prot:Descrizione></prot:SegnaturaInformatica>"#;
    let files: [(&str, &[u8]); 2] = [("segnatura.xml", segnatura.as_bytes()), ("lettera.txt", LETTER.as_bytes())];
    let parcel = one(&stage, &write(&stage, "in/invio.zip", &zip(&files)));
    // Of a mail the subject is its own; it is the letter that hangs on it that says otherwise.
    let original = format!(
        "From: ditta@pec.example\r\nTo: comune@pec.example\r\nSubject: Bilancio consuntivo\r\nMessage-ID: <opec1@pec.example>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=m\"\r\n\r\n--=m\r\nContent-Type: text/plain\r\n\r\n\
         In allegato.\r\n--=m\r\nContent-Type: text/plain; charset=utf-8; name=\"lettera.txt\"\r\nContent-Disposition: attachment; \
         filename=\"lettera.txt\"\r\n\r\n{}\r\n--=m--\r\n",
        LETTER.replace("della pratica", "della ditta Rossi, pratica").replace('\n', "\r\n")
    );
    let busta = exchange::envelope(1, "opec1@pec.example", "Bilancio consuntivo", &original);
    let pec = one(&stage, &write(&stage, "in/messaggio.eml", &busta));
    for (document, origin) in [(parcel, "segnatura segnatura.xml"), (pec, "daticert messaggio.eml")] {
        assert_eq!(document["fields"]["oggetto"]["value"], "Bilancio consuntivo", "the data stand");
        let holds = document["holds"].as_array().expect("holds").clone();
        let hold = holds.iter().find(|hold| hold["code"] == "given-contradicted" && hold["field"] == "oggetto");
        let why = hold.unwrap_or_else(|| panic!("{origin}: {holds:#?}"))["why"].as_str().expect("words");
        for word in [origin, "Bilancio consuntivo", "Richiesta di accesso agli atti"] {
            assert!(why.contains(word), "{word} in {why}");
        }
    }
}
