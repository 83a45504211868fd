use std::io::Write as _;

use super::*;
use crate::digest::Digest;
use crate::document::{Role, Verdict};
use crate::scratch::ScratchRoot;

/// What a small eye sees: enough for these tests, by the first bytes.
fn format(bytes: &[u8]) -> Format {
    let (mime, name) = match bytes {
        _ if bytes.starts_with(b"PK") => ("application/zip", "ZIP"),
        _ if bytes.starts_with(b"\x30") => ("application/pkcs7-mime", "CAdES (p7m)"),
        _ if bytes.starts_with(b"MI") || bytes.starts_with(b"-----") => ("application/pkcs7-mime", "CAdES (p7m)"),
        _ if bytes.starts_with(b"From:") => ("message/rfc822", "EML"),
        _ if bytes.starts_with(b"\x78\x9f\x3e\x22") => ("application/vnd.ms-tnef", "TNEF"),
        _ if bytes.starts_with(b"<postacert") => ("application/xml", "daticert"),
        _ if bytes.starts_with(b"<FatturaElettronica") => ("application/xml", "FatturaPA"),
        _ if bytes.starts_with(b"<Segnatura") => ("application/xml", "Segnatura"),
        _ => ("text/plain", "TXT"),
    };
    Format {
        puid: None,
        mime: mime.into(),
        name: name.into(),
        version: None,
        claims: Vec::new(),
        signed: mime == "application/pkcs7-mime",
        encrypted: false,
        verdict: Verdict::Accettato,
        rule: String::new(),
        warnings: Vec::new(),
    }
}

/// Takes `bytes` apart and hands the tree to `see`.
fn opened<T>(name: &str, bytes: &[u8], limits: &Limits, see: impl FnOnce(&Node) -> T) -> Result<T> {
    let folder = tempfile::tempdir().expect("folder");
    let root = ScratchRoot::open(&folder.path().join("scratch"), true).expect("scratch");
    let scratch = root.folder().expect("scratch");
    let path = scratch.write("arrival", bytes).expect("written");
    let mut look = |path: &Path, name: &FileName, bytes: u64| {
        let head = std::fs::read(path).expect("a member");
        if bytes == 0 {
            return Ok((None, vec![Error::refuse("file-empty").with("name", name.shown())]));
        }
        Ok((Some(format(&head)), Vec::new()))
    };
    let ente = EnteId("c_x912".into());
    let mut opener = Opener::new((limits, &ente, &scratch), &mut look);
    opener.tree(&path, (&FileName::new(name), bytes.len() as u64), &format(bytes)).map(|tree| see(&tree))
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a file");
        writer.write_all(bytes).expect("written");
    }
    writer.finish().expect("a zip").into_inner()
}

/// Names of the principal components and of what goes with them, document by document.
fn made(tree: &Node) -> Vec<String> {
    let shown = |planned: Planned<'_>| {
        let part = |part: &Part<'_>| {
            let role = match part.role {
                Role::Principale => "",
                Role::Allegato => "+",
                Role::Annesso => "~",
            };
            format!("{role}{}", part.node.name.shown())
        };
        planned.parts.iter().map(part).collect::<Vec<_>>().join(" ")
    };
    documents(tree).into_iter().map(shown).collect()
}

fn codes(tree: &Node) -> Vec<String> {
    let mut all: Vec<String> = tree.objections.iter().map(|error| error.code().to_owned()).collect();
    all.extend(tree.members.iter().flat_map(codes));
    all
}

fn code<T>(result: Result<T>) -> String {
    result.err().map(|error| error.code().to_owned()).unwrap_or_default()
}

#[test]
fn each_file_of_an_archive_is_a_document_those_of_an_archive_in_it_too() {
    let inner = zip(&[("c.txt", b"c"), ("Thumbs.db", b"x")]);
    let outer = zip(&[("a.txt", b"a"), ("cartella/b.txt", b"b"), ("d.zip", &inner), ("__MACOSX/a.txt", b"x")]);
    let names = opened("x.zip", &outer, &Limits::default(), |tree| {
        documents(tree).iter().map(|planned| planned.name.shown()).collect::<Vec<_>>()
    });
    assert_eq!(names.expect("a tree"), ["a.txt", "cartella/b.txt", "d.zip/c.txt"]);
}

#[test]
fn a_name_that_leads_out_of_its_folder_is_said_and_costs_no_other() {
    let hostile = zip(&[("../../etc/x", b"x"), ("b.txt", b"b"), ("C:/x", b"x"), ("/x", b"x")]);
    let (names, codes) = opened("x.zip", &hostile, &Limits::default(), |tree| (made(tree), codes(tree))).expect("a tree");
    assert_eq!(names, ["b.txt"]);
    assert_eq!(codes, ["open-escapes"; 3]);
    assert_eq!(opened("x.zip", &zip(&[]), &Limits::default(), |tree| documents(tree)[0].doubts.len()).expect("a tree"), 1);
}

#[test]
fn a_package_is_no_set_of_documents() {
    for name in ["METS.xml", "sip/METS.xml", "bag/bagit.txt", "PIndex.xml"] {
        assert_eq!(code(opened("x.zip", &zip(&[(name, b"a"), ("b.txt", b"b")]), &Limits::default(), drop_tree)), "open-package");
    }
    assert_eq!(code(opened("x.zip", &zip(&[("a/b/METS.xml", b"a")]), &Limits::default(), drop_tree)), "");
}

#[test]
fn each_ceiling_of_archives_has_a_last_that_passes_and_a_first_that_does_not() {
    let limits = |change: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    let three = zip(&[("a", b"a"), ("b", b"b"), ("c", b"c")]);
    assert_eq!(code(opened("x.zip", &three, &limits(&|l| l.container_entries_max = 3), drop_tree)), "");
    assert_eq!(code(opened("x.zip", &three, &limits(&|l| l.container_entries_max = 2), drop_tree)), "open-entries");
    let large = zip(&[("a", &[b'a'; 100])]);
    assert_eq!(code(opened("x.zip", &large, &limits(&|l| l.unpacked_bytes_max = 100), drop_tree)), "");
    assert_eq!(code(opened("x.zip", &large, &limits(&|l| l.unpacked_bytes_max = 99), drop_tree)), "open-large");
    let two = zip(&[("a", &[b'a'; 100]), ("b", &[b'b'; 100])]);
    assert_eq!(code(opened("x.zip", &two, &limits(&|l| l.container_bytes_max = 200), drop_tree)), "");
    assert_eq!(code(opened("x.zip", &two, &limits(&|l| l.container_bytes_max = 199), drop_tree)), "open-total");
}

fn drop_tree(_: &Node) {}

#[test]
fn what_unpacks_to_too_many_times_its_size_stays_closed() {
    let zeros = |bytes: u64| zip(&[("a", &vec![0_u8; bytes as usize])]);
    assert_eq!(code(opened("x.zip", &zeros(INFLATED_BYTES_MIN), &Limits::default(), drop_tree)), "");
    assert_eq!(code(opened("x.zip", &zeros(INFLATED_BYTES_MIN + 1), &Limits::default(), drop_tree)), "open-ratio");
    // In another archive it costs itself alone.
    let inner = zeros(INFLATED_BYTES_MIN + 1);
    let outer = zip(&[("a.zip", &inner), ("b.txt", b"b")]);
    let (names, codes) = opened("x.zip", &outer, &Limits::default(), |tree| (made(tree), codes(tree))).expect("a tree");
    assert_eq!((names.join("|"), codes), ("a.zip|b.txt".to_owned(), vec!["open-ratio".to_owned()]));
}

#[test]
fn the_deepest_nesting_is_opened_and_one_more_stays_closed() {
    let nested = |depth: u32| (0..depth).fold(b"testo".to_vec(), |inner, _| zip(&[("a.zip", &inner)]));
    let limits = Limits { container_depth_max: 3, ..Limits::default() };
    assert_eq!(opened("a.zip", &nested(3), &limits, codes).expect("a tree"), Vec::<String>::new());
    assert_eq!(opened("a.zip", &nested(4), &limits, codes).expect("a tree"), ["open-depth"]);
}

fn mail(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut text = "From: Maria Rossi <m@mail.example>\r\nTo: c@pec.example\r\nSubject: Istanza\r\nMessage-ID: <a@b>\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=x\"\r\n\r\n"
        .to_owned();
    for (head, body) in parts {
        text.extend(["--=x\r\n", head, "\r\n\r\n", body, "\r\n"]);
    }
    text.push_str("--=x--\r\n");
    text.into_bytes()
}

const NOTE: (&str, &str) = ("Content-Type: text/plain; charset=utf-8", "Si trasmette in allegato l'istanza. Cordiali saluti");

fn hung(name: &str) -> String {
    format!("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"{name}\"")
}

#[test]
fn a_mail_is_one_document_its_one_file_or_its_body_principal() {
    let (one, two) = (hung("a.txt"), hung("../b.txt"));
    let seen = |parts: &[(&str, &str)]| opened("m.eml", &mail(parts), &Limits::default(), made).expect("a tree");
    assert_eq!(seen(&[NOTE, (&one, "uno")]), ["a.txt ~m.eml"]);
    assert_eq!(seen(&[NOTE, (&one, "uno"), (&two, "due")]), ["m.eml +a.txt +b.txt"]);
    let long = "parola ".repeat(40);
    assert_eq!(seen(&[("Content-Type: text/plain", &long), (&one, "uno")]), ["m.eml +a.txt"]);
    assert_eq!(seen(&[NOTE]), ["m.eml"]);
    let picture = "Content-Type: image/png; name=logo.png\r\nContent-ID: <l>\r\nContent-Disposition: inline";
    let related = (
        "Content-Type: multipart/related; boundary=y",
        &*format!("--y\r\nContent-Type: text/html\r\n\r\n<p>a</p>\r\n--y\r\n{picture}\r\n\r\nx\r\n--y--"),
    );
    assert_eq!(seen(&[related, (&one, "uno")]), ["a.txt ~m.eml"], "a logo is part of the body");
}

#[test]
fn the_bytes_of_a_part_are_those_that_its_sender_put_there() {
    let based = "Content-Type: text/plain; name=\"=?utf-8?Q?perch=C3=A9.txt?=\"\r\nContent-Transfer-Encoding: base64";
    let quoted = format!("{}\r\nContent-Transfer-Encoding: quoted-printable", hung("q.txt"));
    let eml = mail(&[
        (based, "UGVyY2jD\r\nqQ=="),
        (&quoted, "societ=C3=A0=\r\n s.p.a."),
        ("Content-Type: message/rfc822", "From: a@b\r\n\r\ntesto\r\n"),
    ]);
    let files = opened("m.eml", &eml, &Limits::default(), |tree| {
        let one =
            |member: &Node| (member.name.shown(), String::from_utf8(std::fs::read(&member.path).expect("bytes")).expect("text"));
        tree.members.iter().map(one).collect::<Vec<_>>()
    });
    let files = files.expect("a tree");
    assert_eq!(files[0], ("perché.txt".to_owned(), "Perché".to_owned()));
    assert_eq!(files[1], ("q.txt".to_owned(), "società s.p.a.".to_owned()));
    assert_eq!(files[2], ("parte-4.eml".to_owned(), "From: a@b\r\n\r\ntesto\r\n".to_owned()));
}

#[test]
fn what_hangs_on_a_forwarded_mail_hangs_on_the_document_too() {
    let inner = String::from_utf8(mail(&[NOTE, (&hung("b.txt"), "due")])).expect("text").replace("=x", "=y");
    let forwarded = ("Content-Type: message/rfc822; name=inoltro.eml\r\nContent-Disposition: attachment", &*inner);
    let seen = |bytes: &[u8]| opened("m.eml", bytes, &Limits::default(), made).expect("a tree");
    assert_eq!(seen(&mail(&[NOTE, forwarded])), ["inoltro.eml +b.txt ~m.eml"], "nothing but a note stands beside it");
    assert_eq!(seen(&mail(&[NOTE, (&hung("a.txt"), "uno"), forwarded])), ["m.eml +a.txt +inoltro.eml +b.txt"]);
    // Of a digest each part is a mail, whether it says so or not.
    let digest = (
        "Content-Type: multipart/digest; boundary=d",
        "--d\r\n\r\nSubject: a\r\n\r\nuno\r\n--d\r\n\r\nSubject: b\r\n\r\ndue\r\n--d--",
    );
    assert_eq!(seen(&mail(&[NOTE, digest])), ["m.eml +parte-4.eml +parte-5.eml"]);
}

#[test]
fn each_ceiling_of_mails_has_a_last_that_passes_and_a_first_that_does_not() {
    let eml = mail(&[NOTE, (&hung("a"), "a"), (&hung("b"), "b")]);
    let parts = |max: u32| Limits { mail_parts_max: max, ..Limits::default() };
    assert_eq!(code(opened("m.eml", &eml, &parts(4), drop_tree)), "");
    assert_eq!(code(opened("m.eml", &eml, &parts(3), drop_tree)), "open-parts");
    let bytes = |max: u64| Limits { mail_bytes_max: max, ..Limits::default() };
    assert_eq!(code(opened("m.eml", &eml, &bytes(eml.len() as u64), drop_tree)), "");
    assert_eq!(code(opened("m.eml", &eml, &bytes(eml.len() as u64 - 1), drop_tree)), "open-large");
    let deep = |depth: usize| {
        let open = |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
        let open: Vec<String> = (0..depth).map(open).collect();
        format!("From: a@b\r\n{}\r\ntesto\r\n", open.concat()).into_bytes()
    };
    assert_eq!(code(opened("m.eml", &deep(32), &Limits::default(), drop_tree)), "");
    assert_eq!(code(opened("m.eml", &deep(33), &Limits::default(), drop_tree)), "open-depth");
}

#[test]
fn each_ceiling_of_xml_has_a_last_that_passes_and_a_first_that_does_not() {
    let xml = b"<FatturaElettronica><FatturaElettronicaHeader/><FatturaElettronicaBody><DatiGenerali/></FatturaElettronicaBody></FatturaElettronica>";
    let limits = |bytes: u64, depth: usize, elements: usize| Limits {
        xml_bytes_max: bytes,
        xml_depth_max: depth,
        xml_elements_max: elements,
        ..Limits::default()
    };
    let code = |limits: Limits| code(opened("f.xml", xml, &limits, drop_tree));
    assert_eq!(code(limits(xml.len() as u64, 2, 4)), "");
    assert_eq!(code(limits(xml.len() as u64 - 1, 2, 4)), "open-large");
    assert_eq!(code(limits(1 << 20, 1, 4)), "open-xml-depth");
    assert_eq!(code(limits(1 << 20, 2, 3)), "open-xml-elements");
}

/// An item of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut item = vec![tag];
    match length {
        0..0x80 => item.push(length as u8),
        0x80..0x100 => item.extend([0x81, length as u8]),
        _ => item.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    item.extend(content);
    item
}

const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";

/// SignedData around `content` without signers, which nobody asks here.
fn p7m(content: &[u8]) -> Vec<u8> {
    let inner = der(0x30, &[der(0x06, DATA), der(0xa0, &der(0x04, content))].concat());
    let body = der(0x30, &[der(0x02, &[1]), der(0x31, &[]), inner, der(0x31, &[])].concat());
    der(0x30, &[der(0x06, SIGNED_DATA), der(0xa0, &body)].concat())
}

/// The same in BER of indefinite length, the content in pieces of two bytes.
fn ber(content: &[u8]) -> Vec<u8> {
    let endless = |tag: u8, content: &[u8]| [&[tag, 0x80], content, &[0, 0]].concat();
    let pieces: Vec<u8> = content.chunks(2).flat_map(|piece| der(0x04, piece)).collect();
    let inner = endless(0x30, &[der(0x06, DATA), endless(0xa0, &endless(0x24, &pieces))].concat());
    let body = endless(0x30, &[der(0x02, &[1]), endless(0x31, &der(0x30, b"")), inner, endless(0x31, b"")].concat());
    endless(0x30, &[der(0x06, SIGNED_DATA), endless(0xa0, &body)].concat())
}

#[test]
fn the_content_of_a_signed_file_is_read_in_every_way_of_writing_it() {
    use base64::Engine as _;
    let text = "Il contenuto del documento, perché sia letto.\r\n".repeat(20);
    let based = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines = |text: String| {
        let lines: Vec<&[u8]> = text.as_bytes().chunks(64).collect();
        String::from_utf8([lines.join(&b"\r\n"[..]), b"\r\n".to_vec()].concat()).expect("Base64")
    };
    let der = p7m(text.as_bytes());
    let pem = format!("-----BEGIN PKCS7-----\n{}-----END PKCS7-----\n", lines(based(&der)));
    for (way, bytes) in [
        ("DER", der.clone()),
        ("BER", ber(text.as_bytes())),
        ("PEM", pem.into_bytes()),
        ("Base64", lines(based(&der)).into_bytes()),
        ("nested", p7m(&ber(text.as_bytes()))),
    ] {
        let seen = opened("a.txt.p7m.P7M", &bytes, &Limits::default(), |tree| {
            let planned = documents(tree).remove(0);
            let inside = planned.inside.expect("a content");
            let role = (planned.parts.len(), planned.parts[0].node.name.shown());
            (Digest::of(&std::fs::read(&inside.path).expect("bytes")), inside.name.shown(), role)
        });
        let (digest, name, role) = seen.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(digest, Digest::of(text.as_bytes()), "{way}");
        assert_eq!(role, (1, "a.txt.p7m.P7M".to_owned()), "the signed file is the component");
        assert_eq!(name, if way == "nested" { "a.txt" } else { "a.txt.p7m" });
    }
}

#[test]
fn a_signed_file_that_is_cut_or_lies_about_its_lengths_is_a_sentence() {
    let whole = p7m(b"Il contenuto del documento");
    let endless = ber(b"Il contenuto del documento");
    for bytes in
        (8..whole.len()).map(|end| whole[..end].to_vec()).chain((2..endless.len() - 16).map(|end| endless[..end].to_vec()))
    {
        let result = opened("a.p7m", &bytes, &Limits::default(), |tree| tree.members.len());
        assert!(matches!(&result, Ok(1)) || code(result) == "open-damaged");
    }
    let deep = [vec![0x30, 0x80], der(0x06, SIGNED_DATA), [0xa0, 0x80].repeat(200_000)].concat();
    assert_eq!(code(opened("a.p7m", &deep, &Limits::default(), drop_tree)), "open-damaged");
}

#[test]
fn the_files_of_a_winmail_are_taken_out_under_their_long_names() {
    let attribute = |level: u8, id: u32, value: &[u8]| {
        let mut bytes = vec![level];
        bytes.extend(id.to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(value);
        bytes.extend([0, 0]);
        bytes
    };
    let wide: Vec<u8> = "delibera n. 1.txt\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut properties =
        [&1_u32.to_le_bytes()[..], &0x3707_001f_u32.to_le_bytes(), &1_u32.to_le_bytes(), &(wide.len() as u32).to_le_bytes()]
            .concat();
    properties.extend(&wide);
    let tnef = [
        b"\x78\x9f\x3e\x22\x01\0".to_vec(),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"DELIBE~1.TXT\0"),
        attribute(2, 0x0006_800f, b"uno"),
        attribute(2, 0x0006_9005, &properties),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"b.txt\0"),
        attribute(2, 0x0006_800f, b"due"),
    ]
    .concat();
    let seen = |bytes: &[u8]| opened("winmail.dat", bytes, &Limits::default(), |tree| (made(tree), codes(tree)));
    assert_eq!(seen(&tnef).expect("a tree").0, ["delibera n. 1.txt +b.txt ~winmail.dat"]);
    let (names, codes) = seen(&tnef[..tnef.len() - 1]).expect("a tree");
    assert_eq!((names.join("|"), codes), ("delibera n. 1.txt ~winmail.dat".to_owned(), vec!["open-damaged".to_owned()]));
    assert_eq!(code(seen(b"\x78\x9f\x3e\x22\x01\0\x02\x02\x02\x02")), "open-damaged");
}

#[test]
fn a_segnatura_says_which_file_is_the_document_and_which_hang_on_it() {
    let segnatura = r#"<Segnatura><Intestazione><Identificatore><CodiceAmministrazione>c_a000</CodiceAmministrazione><CodiceAOO>A</CodiceAOO>
        <CodiceRegistro>R</CodiceRegistro><NumeroRegistrazione>0000012</NumeroRegistrazione><DataRegistrazione>2024-03-12</DataRegistrazione>
        </Identificatore><Origine><IndirizzoTelematico>p@pec.example</IndirizzoTelematico><Mittente><Amministrazione><Denominazione>Comune di Prova</Denominazione>
        </Amministrazione><AOO><Denominazione>AOO</Denominazione></AOO></Mittente></Origine><Oggetto>Parere</Oggetto></Intestazione>
        <Descrizione><Documento nome="b.txt"/><Allegati><Documento nome="a.txt"/></Allegati></Descrizione></Segnatura>"#;
    let eml = mail(&[NOTE, (&hung("a.txt"), "uno"), (&hung("b.txt"), "due"), (&hung("segnatura.xml"), segnatura)]);
    let (names, given) =
        opened("m.eml", &eml, &Limits::default(), |tree| (made(tree), documents(tree)[0].given.clone())).expect("a tree");
    assert_eq!(names, ["b.txt +a.txt ~segnatura.xml ~m.eml"]);
    assert_eq!((given[0].origin.as_str(), given[0].oggetto.as_deref()), ("segnatura segnatura.xml", Some("Parere")));
    let mittente = given[0].mittente.clone().expect("a sender");
    assert_eq!((mittente.nome.as_str(), mittente.indirizzo_digitale.as_deref()), ("Comune di Prova", Some("p@pec.example")));
    let without = mail(&[NOTE, (&hung("a.txt"), "uno"), (&hung("segnatura.xml"), segnatura)]);
    let codes = opened("m.eml", &without, &Limits::default(), |tree| documents(tree)[0].doubts.clone()).expect("a tree");
    assert!(codes.iter().any(|hold| hold.message.code() == "open-primary-missing"), "{codes:?}");
}
