//! What does an envelope cost, from admission to stored components (no text, no filing), against the floor of the same run: reading each
//! message, parsing it with mail-parser and hashing every part?
//!
//! 1,000 PEC messages (a busta with postacert.eml, daticert.xml and smime.p7s) with two attachments each. An argument divides the number.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use conserva::acquire::{Admission, Beside, Offer, Release, TOGETHER_MAX, admit_together};
use conserva::app::{Archive, init};
use conserva::arrival::FileName;
use conserva::digest::Digest;
use conserva::pipeline;
use conserva::store::Closing;
use mail_parser::{Message, MessageParser, PartType};

mod timing;

use timing::{Peak, content, measured, written};

const MESSAGES: u32 = 1_000;
const ROUNDS: usize = 3;
/// The attachments of a message: a letter and its plan.
const ATTACHED: [usize; 2] = [60 << 10, 200 << 10];
const LEASE_SECONDS: u64 = 60;

fn main() {
    let divisor = std::env::args().find_map(|text| text.parse::<u32>().ok()).unwrap_or(1).max(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    let (mut ratios, mut peaks) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let folder = tempfile::tempdir().expect("a folder");
        let messages = received(&folder.path().join("in"), MESSAGES / divisor, round as u32);
        let archive = folder.path().join("archivio");
        runtime.block_on(init(&archive, None)).expect("an archive");
        let peak = Peak::begin();
        let mut documents = 0;
        let ours = measured(|| documents = runtime.block_on(taken_in(&archive, &messages)));
        let grown = peak.grown_mib();
        let mut parts = 0;
        let floor = measured(|| parts = messages.iter().map(|path| hashed(path)).sum());
        assert_eq!(documents, messages.len(), "each message is one document");
        println!(
            "envelopes {} messages, {parts} parts: {:.2} s CPU, {:.2} s, {grown} MiB; floor {:.2} s CPU, {:.2} s; ratio {:.2}",
            messages.len(),
            ours.cpu,
            ours.wall,
            floor.cpu,
            floor.wall,
            ours.cpu / floor.cpu
        );
        ratios.push(ours.cpu / floor.cpu);
        peaks.push(grown);
    }
    println!(
        "envelopes: ratio {:.2} (median of {ROUNDS}), at most {} MiB more",
        timing::median(ratios),
        peaks.iter().max().unwrap_or(&0)
    );
}

/// Admits the messages and takes the steps `identify` and `open` of each; how many documents there are then.
async fn taken_in(root: &Path, messages: &[PathBuf]) -> usize {
    let archive = Archive::open(root, None).await.expect("the archive");
    let house = &archive.house;
    let (store, blobs) = (house.store.clone(), house.blobs.clone());
    let desk = Admission { store, blobs, clock: house.clock, limits: house.config.limits.clone() };
    let offer = |path: &PathBuf| Offer {
        ente: house.ente_id.clone(),
        door: "bench".to_owned(),
        path: path.clone(),
        name: FileName::new(path.file_name().expect("a name").as_encoded_bytes()),
        release: Release::Leave,
        beside: Beside::default(),
    };
    for group in messages.chunks(TOGETHER_MAX) {
        for admitted in admit_together(&desk, group.iter().map(offer).collect()).await {
            admitted.expect("admitted");
        }
    }
    while let Some(claim) = house.store.claim(&["identify", "open"], house.clock.now(), LEASE_SECONDS).await.expect("a claim") {
        let changes = pipeline::take(house, &claim).await.expect("a step");
        house.store.apply(&claim.ente, Some((&claim, Closing::Done)), &changes).await.expect("stored");
    }
    house.store.documents(&house.ente_id, None).await.expect("documents").len()
}

/// The floor: the message is read and parsed, its own bytes and every part hashed, those of the message in it too.
fn hashed(path: &Path) -> usize {
    let bytes = std::fs::read(path).expect("a message");
    std::hint::black_box(Digest::of(&bytes));
    1 + parts(&MessageParser::default().parse(&bytes).expect("a mail"))
}

fn parts(message: &Message<'_>) -> usize {
    let one = |part: &mail_parser::MessagePart<'_>| match &part.body {
        PartType::Multipart(_) => 0,
        PartType::Message(inner) => {
            std::hint::black_box(Digest::of(inner.raw_message()));
            1 + parts(inner)
        }
        _ => {
            std::hint::black_box(Digest::of(part.contents()));
            1
        }
    };
    message.parts.iter().map(one).sum()
}

fn received(folder: &Path, count: u32, round: u32) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).expect("a folder");
    let path = |n: u32| folder.join(format!("{n:04}.eml"));
    for n in 0..count {
        written(&path(n), busta(round * MESSAGES + n).as_bytes());
    }
    (0..count).map(path).collect()
}

fn base64_lines(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\r\n")
}

/// A PDF of one page whose stream has so many bytes.
fn pdf(n: u32, bytes: usize) -> Vec<u8> {
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let stream = content(n, bytes);
    let objects = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>".to_vec(),
        [format!("<</Length {}>>\nstream\n", stream.len()).as_bytes(), &stream, b"\nendstream"].concat(),
    ];
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        offsets.push(pdf.len());
        pdf.extend([format!("{number} 0 obj\n").as_bytes(), object, b"\nendobj\n"].concat());
    }
    let start = pdf.len();
    pdf.extend(b"xref\n0 5\n0000000000 65535 f \n");
    for offset in offsets {
        pdf.extend(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let tail = format!("trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
    pdf.extend(tail.as_bytes());
    pdf
}

/// A message as a provider of PEC hands it over.
fn busta(n: u32) -> String {
    let id = format!("opec{n}.20240318093000@pec.example");
    let attached = |(place, bytes): (u32, &usize)| {
        format!(
            "--=m\r\nContent-Type: application/pdf; name=\"allegato{place}.pdf\"\r\nContent-Disposition: attachment; \
             filename=\"allegato{place}.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            base64_lines(&pdf(n * 2 + place, *bytes))
        )
    };
    let attachments: String = (0..).zip(&ATTACHED).map(attached).collect();
    let from = "ditta@pec.example";
    let original = format!(
        "From: {from}\r\nTo: protocollo@pec.comune.example\r\nSubject: Consegna {n}\r\nMessage-ID: <{id}>\r\nDate: Mon, 18 Mar 2024 \
         09:30:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=m\"\r\n\r\n--=m\r\nContent-Type: text/plain; \
         charset=utf-8\r\n\r\nSi trasmettono in allegato i documenti della pratica n. {n}.\r\n{attachments}--=m--\r\n"
    );
    let daticert = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<postacert tipo=\"posta-certificata\" errore=\"nessuno\"><intestazione><mittente>{from}\
         </mittente><destinatari tipo=\"certificato\">protocollo@pec.comune.example</destinatari><risposte>{from}</risposte><oggetto>Consegna \
         {n}</oggetto></intestazione><dati><gestore-emittente>PEC</gestore-emittente><data zona=\"+0100\"><giorno>18/03/2024</giorno>\
         <ora>09:30:00</ora></data><identificativo>{id}</identificativo><msgid>&lt;{id}&gt;</msgid><ricevuta tipo=\"completa\" /></dati></postacert>"
    );
    let p7s = base64_lines(&content(n, 2_000));
    format!(
        "X-Trasporto: posta-certificata\r\nX-Riferimento-Message-ID: <{id}>\r\nX-TipoRicevuta: completa\r\nFrom: \"Per conto di: {from}\" \
         <posta-certificata@pec.example>\r\nTo: protocollo@pec.comune.example\r\nSubject: POSTA CERTIFICATA: Consegna {n}\r\nDate: Mon, 18 Mar \
         2024 09:30:01 +0100\r\nMessage-ID: <gestore-{n}@pec.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; \
         protocol=\"application/x-pkcs7-signature\"; boundary=\"=a\"\r\n\r\n--=a\r\nContent-Type: multipart/mixed; boundary=\"=b\"\r\n\r\n--=b\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nIl messaggio originale è incluso in allegato.\r\n--=b\r\nContent-Type: application/xml; \
         name=\"daticert.xml\"\r\nContent-Disposition: inline; filename=\"daticert.xml\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--=b\r\n\
         Content-Type: message/rfc822; name=\"postacert.eml\"\r\nContent-Disposition: inline; filename=\"postacert.eml\"\r\n\r\n{original}\r\n\
         --=b--\r\n\r\n--=a\r\nContent-Type: application/x-pkcs7-signature; name=\"smime.p7s\"\r\nContent-Disposition: attachment; \
         filename=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{p7s}\r\n--=a--\r\n",
        base64_lines(daticert.as_bytes())
    )
}
