//! Whole exchanges of PEC, as providers make them: a message and its receipts, in every kind, some of them before their message.

use std::path::Path;

use base64::Engine as _;

/// The kinds of receipt of delivery.
pub const KINDS: [&str; 3] = ["completa", "breve", "sintetica"];

/// One exchange.
pub struct Exchange {
    /// Message-ID, without brackets.
    pub id: String,
    /// Files of the exchange, in the order in which they come: name, bytes.
    pub files: Vec<(String, Vec<u8>)>,
    /// Name of the file of the message.
    pub message: String,
}

/// The `n`th exchange: every other one has its receipts first; every fifth ends in a failure, every fourth has an anomaly too.
pub fn exchange(n: usize) -> Exchange {
    let id = format!("scambio-{n:02}@pec.comune.roccamirta.example");
    let subject = format!("Convocazione della conferenza di servizi n. {n} per il permesso di costruire");
    let letter = format!(
        "Comune di Roccamirta\r\nOggetto: {subject}\r\n\r\nSi convoca la conferenza di servizi per il giorno {} aprile 2024 \
         presso la sede comunale.\r\nIl responsabile del procedimento\r\n",
        n + 1
    );
    let original = format!(
        "From: protocollo@pec.comune.roccamirta.example\r\nTo: ditta{n}@pec.example\r\nSubject: {subject}\r\n\
         Date: Mon, 18 Mar 2024 09:{n:02}:00 +0100\r\nMessage-ID: <{id}>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"=m{n}\"\r\n\r\n--=m{n}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Si trasmette la nota in allegato.\r\n--=m{n}\r\nContent-Type: text/plain; charset=utf-8; name=\"convocazione {n}.txt\"\r\n\
         Content-Disposition: attachment; filename=\"convocazione {n}.txt\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--=m{n}--\r\n",
        base64::engine::general_purpose::STANDARD.encode(letter)
    );
    let message = format!("{n:02} messaggio.eml");
    let envelope = envelope(n, &id, &subject, &original);
    let kind = KINDS[n % KINDS.len()];
    let mut receipts = vec![(format!("{n:02} accettazione.eml"), receipt((n, "accettazione"), (&id, &subject), None, None))];
    if n.is_multiple_of(5) {
        receipts.push((format!("{n:02} mancata.eml"), receipt((n, "errore-consegna"), (&id, &subject), None, None)));
    } else {
        let enclosed = (kind != "sintetica").then_some(original.as_str());
        receipts.push((format!("{n:02} consegna.eml"), receipt((n, "avvenuta-consegna"), (&id, &subject), Some(kind), enclosed)));
    }
    if n.is_multiple_of(4) {
        receipts.push((format!("{n:02} anomalia.eml"), anomaly(n, &id)));
    }
    let message_file = (message.clone(), envelope);
    let files = if n.is_multiple_of(2) {
        receipts.into_iter().chain([message_file]).collect()
    } else {
        [message_file].into_iter().chain(receipts).collect()
    };
    Exchange { id, files, message }
}

/// Writes those files of an exchange into `folder` that `is_wanted` wants.
pub fn write(exchange: &Exchange, folder: &Path, is_wanted: impl Fn(&str) -> bool) {
    std::fs::create_dir_all(folder).expect("folder");
    for (name, bytes) in exchange.files.iter().filter(|(name, _)| is_wanted(name)) {
        std::fs::write(folder.join(name), bytes).expect("written");
    }
}

/// A daticert.
pub fn daticert((n, tipo): (usize, &str), (id, subject): (&str, &str), kind: Option<&str>) -> String {
    let kind = kind.map(|kind| format!("<ricevuta tipo=\"{kind}\"/>")).unwrap_or_default();
    let (errore, consegna) = match tipo {
        "errore-consegna" => (
            "no-dest",
            format!("<consegna>ditta{n}@pec.example</consegna><errore-esteso>5.1.1 casella inesistente</errore-esteso>"),
        ),
        "avvenuta-consegna" => ("nessuno", format!("<consegna>ditta{n}@pec.example</consegna>")),
        _ => ("nessuno", String::new()),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><postacert tipo=\"{tipo}\" errore=\"{errore}\"><intestazione>\
         <mittente>protocollo@pec.comune.roccamirta.example</mittente><destinatari tipo=\"certificato\">ditta{n}@pec.example</destinatari>\
         <risposte>protocollo@pec.comune.roccamirta.example</risposte><oggetto>{subject}</oggetto></intestazione><dati>\
         <gestore-emittente>GESTORE DI PROVA S.P.A.</gestore-emittente><data zona=\"+0100\"><giorno>18/03/2024</giorno>\
         <ora>09:{n:02}:30</ora></data><identificativo>opec{n}.{tipo}@pec.example</identificativo><msgid>&lt;{id}&gt;</msgid>{kind}{consegna}\
         </dati></postacert>"
    )
}

/// The envelope of a message.
pub fn envelope(n: usize, id: &str, subject: &str, original: &str) -> Vec<u8> {
    let head = format!(
        "X-Trasporto: posta-certificata\r\nX-Riferimento-Message-ID: <{id}>\r\nX-TipoRicevuta: completa\r\n\
         From: \"Per conto di: protocollo@pec.comune.roccamirta.example\" <posta-certificata@pec.example>\r\nTo: ditta{n}@pec.example\r\n\
         Subject: POSTA CERTIFICATA: {subject}\r\n"
    );
    let said = "Il messaggio originale è incluso in allegato.";
    signed(n, &head, (said, &daticert((n, "posta-certificata"), (id, subject), Some("completa"))), Some(original))
}

/// A receipt, with the original message where it carries one.
pub fn receipt((n, tipo): (usize, &str), (id, subject): (&str, &str), kind: Option<&str>, original: Option<&str>) -> Vec<u8> {
    let title = match tipo {
        "accettazione" => "ACCETTAZIONE",
        "avvenuta-consegna" => "CONSEGNA",
        _ => "AVVISO DI MANCATA CONSEGNA",
    };
    let kind_field = kind.map(|kind| format!("X-TipoRicevuta: {kind}\r\n")).unwrap_or_default();
    let head = format!(
        "X-Ricevuta: {tipo}\r\nX-Riferimento-Message-ID: <{id}>\r\n{kind_field}From: posta-certificata@pec.example\r\n\
         To: protocollo@pec.comune.roccamirta.example\r\nSubject: {title}: {subject}\r\n"
    );
    let said = format!(
        "Ricevuta di {tipo}\r\n\r\nIl giorno 18/03/2024 alle ore 09:{n:02}:30 (+0100) il messaggio \"{subject}\" inviato da \
         \"protocollo@pec.comune.roccamirta.example\" ed indirizzato a ditta{n}@pec.example è stato trattato dal sistema.\r\n\
         Identificativo messaggio: opec{n}.{tipo}@pec.example"
    );
    signed(n, &head, (&said, &daticert((n, tipo), (id, subject), kind)), original)
}

/// What is wrapped and signed by the provider.
fn signed(n: usize, head: &str, (said, daticert): (&str, &str), original: Option<&str>) -> Vec<u8> {
    let original = original.map(|original| {
        format!(
            "--=b{n}\r\nContent-Type: message/rfc822; name=\"postacert.eml\"\r\nContent-Disposition: inline; filename=\"postacert.eml\"\r\n\
             \r\n{original}\r\n"
        )
    });
    format!(
        "{head}Date: Mon, 18 Mar 2024 09:{n:02}:31 +0100\r\nMessage-ID: <gestore-{n}-{}@pec.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/signed; protocol=\"application/x-pkcs7-signature\"; boundary=\"=a{n}\"\r\n\r\n--=a{n}\r\n\
         Content-Type: multipart/mixed; boundary=\"=b{n}\"\r\n\r\n--=b{n}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{said}\r\n\
         --=b{n}\r\nContent-Type: application/xml; name=\"daticert.xml\"\r\nContent-Disposition: inline; filename=\"daticert.xml\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n{}--=b{n}--\r\n\r\n--=a{n}\r\n\
         Content-Type: application/x-pkcs7-signature; name=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n{}\r\n--=a{n}--\r\n",
        daticert.len() + head.len(),
        base64::engine::general_purpose::STANDARD.encode(daticert),
        original.unwrap_or_default(),
        base64::engine::general_purpose::STANDARD.encode(p7s())
    )
    .into_bytes()
}

/// SignedData without content and without signers: its form is that of a signature, and nobody judges it here.
fn p7s() -> Vec<u8> {
    let mut bytes = vec![0x30, 0x23, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x16, 0x30, 0x14];
    bytes.extend([
        0x02, 0x01, 0x01, 0x31, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0x31, 0x00,
    ]);
    bytes
}

/// An envelope of anomaly around an answer that came by ordinary mail.
fn anomaly(n: usize, id: &str) -> Vec<u8> {
    format!(
        "X-Trasporto: errore\r\nX-Riferimento-Message-ID: <{id}>\r\nFrom: \"Per conto di: x@mail.example\" <posta-certificata@pec.example>\r\n\
         To: protocollo@pec.comune.roccamirta.example\r\nSubject: ANOMALIA MESSAGGIO: Fuori sede\r\nDate: Mon, 18 Mar 2024 10:{n:02}:00 +0100\r\n\
         Message-ID: <anomalia-{n}@pec.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=c{n}\"\r\n\r\n--=c{n}\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nAnomalia nel messaggio: il messaggio non è di posta certificata.\r\n--=c{n}\r\n\
         Content-Type: message/rfc822; name=\"postacert.eml\"\r\n\r\nFrom: x@mail.example\r\nTo: protocollo@pec.comune.roccamirta.example\r\n\
         Subject: Fuori sede\r\nIn-Reply-To: <{id}>\r\nMessage-ID: <risposta-{n}@mail.example>\r\nContent-Type: text/plain\r\n\r\n\
         Sono fuori sede fino al 25 marzo.\r\n--=c{n}--\r\n"
    )
    .into_bytes()
}
