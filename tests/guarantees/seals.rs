//! Seals of our own: openssl accepts them, what is forged of them is refused for its reason, and a package is judged with its seal.

use std::path::Path;
use std::process::Command;

use conserva::limits::Limits;
use conserva::sign::{Indication, KeyKind, Options, Pkcs12Signer, Seal, SealSigner, Sub, answered, question};
use conserva::verify;

use crate::signed::{World, reasons};

const CONTENT: &[u8] = b"<PIndex>uno</PIndex>\n";

fn now() -> jiff::Timestamp {
    conserva::clock::Clock::System.now()
}

/// The key of somebody, as a PKCS #12 file of that password.
fn key(world: &World, name: &str) -> Pkcs12Signer {
    world.openssl(&format!(
        "pkcs12 -export -inkey {name}.key -in {name}.pem -certfile ca.pem -out {name}.p12 -passout pass:segreta"
    ));
    Pkcs12Signer::open(&world.read(&format!("{name}.p12")), "segreta").expect("the key opens")
}

fn is_content(world: &World, arguments: &[&str]) -> bool {
    let status = Command::new("openssl").args(arguments).current_dir(world.path("")).output().expect("openssl runs").status;
    status.success()
}

#[test]
fn openssl_accepts_what_we_seal_and_so_do_we() {
    let world = World::new().trusted();
    let signer = key(&world, "mario");
    world.write("PIndex.xml", CONTENT);
    world.write("PIndex.xml.p7m", &Seal::of(CONTENT, false, &signer, now()).expect("sealed").der(None));
    world.write("PIndex.xml.p7s", &Seal::of(CONTENT, true, &signer, now()).expect("sealed").der(None));
    let common = ["-binary", "-CAfile", "ca.pem", "-purpose", "any", "-inform", "DER", "-out", "out.xml"];
    let verify = |more: &[&str]| is_content(&world, &[&["cms", "-verify", "-cades"], &common[..], more].concat());
    assert!(verify(&["-in", "PIndex.xml.p7m"]));
    assert_eq!(world.read("out.xml"), CONTENT);
    assert!(verify(&["-in", "PIndex.xml.p7s", "-content", "PIndex.xml"]));
    for name in ["PIndex.xml.p7m", "PIndex.xml.p7s"] {
        let seal = world.one(name);
        assert_eq!((seal.indication, reasons(&seal)), (Indication::TotalPassed, vec![]), "{name}");
    }
    assert_eq!(Pkcs12Signer::open(&world.read("mario.p12"), "altra").expect_err("refused").code(), "seal-key-refused");
}

/// The answer of openssl's authority to a question.
fn answer(world: &World, asked: &[u8]) -> Vec<u8> {
    world.write("q.tsq", asked);
    world.openssl("ts -reply -config c.cnf -section t -queryfile q.tsq -signer tsa.pem -inkey tsa.key -chain ca.pem -out r.tsr");
    world.read("r.tsr")
}

#[test]
fn a_seal_is_stamped_and_a_token_of_anything_else_is_refused() {
    let world = World::new().trusted();
    let (signer, limits) = (key(&world, "mario"), Limits::default());
    let options = || Options { trust: &world.trust, now: now() + jiff::SignedDuration::from_secs(5), limits: &limits };
    let seal = Seal::of(CONTENT, false, &signer, now()).expect("sealed");
    let came = answer(&world, &question(seal.value(), 0xfeed_beef_0000_0001));
    assert!(
        is_content(&world, &["ts", "-verify", "-in", "r.tsr", "-queryfile", "q.tsq", "-CAfile", "ca.pem"]),
        "openssl takes it"
    );
    let token = answered(&came, seal.value(), 0xfeed_beef_0000_0001, &options()).expect("a good token");
    world.write("s.p7m", &seal.der(Some(&token)));
    let stamped = world.one("s.p7m");
    assert_eq!((stamped.indication, stamped.stamps.len()), (Indication::TotalPassed, 1), "{:?}", stamped.concerns);
    assert_eq!(stamped.stamps[0].authority.name, "Marca");
    // Another question, another value, no answer, an answer with a changed byte.
    let other = Seal::of(b"altro", false, &signer, now()).expect("sealed");
    assert!(answered(&came, seal.value(), 2, &options()).is_err());
    assert!(answered(&came, other.value(), 0xfeed_beef_0000_0001, &options()).is_err());
    assert!(answered(b"no", seal.value(), 1, &options()).is_err());
    let mut changed = came.clone();
    let last = changed.len() - 3;
    changed[last] ^= 1;
    assert!(answered(&changed, seal.value(), 0xfeed_beef_0000_0001, &options()).is_err());
    // A token swapped in from another seal is a fault about the time.
    world.write("s.p7m", &other.der(Some(&token)));
    let swapped = world.one("s.p7m");
    assert_eq!((swapped.is_intact(), reasons(&swapped)), (true, vec!["sign-stamp-other"]));
}

/// Signs with one key under another's certificate.
struct Forger {
    key: Pkcs12Signer,
    certificate: Vec<u8>,
}

impl SealSigner for Forger {
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }
    fn chain(&self) -> &[Vec<u8>] {
        &[]
    }
    fn kind(&self) -> KeyKind {
        self.key.kind()
    }
    fn sign(&self, bytes: &[u8]) -> conserva::error::Result<Vec<u8>> {
        self.key.sign(bytes)
    }
}

#[test]
fn a_forged_seal_is_refused_for_its_reason() {
    let world = World::new();
    world.issue("ladro", "/CN=Ladro", "leaf", "");
    world.issue("scaduto", "/CN=Scaduto", "leaf", "-startdate 20100101000000Z -enddate 20110101000000Z");
    let world = world.trusted();
    let (thief, mario) = (key(&world, "ladro"), key(&world, "mario"));
    let forger = Forger { certificate: mario.certificate().to_vec(), key: thief };
    world.write("a.p7m", &Seal::of(CONTENT, false, &forger, now()).expect("sealed").der(None));
    assert_eq!((world.one("a.p7m").sub, reasons(&world.one("a.p7m"))), (Some(Sub::SigCryptoFailure), vec!["sign-value"]));
    // The content exchanged for one of the same length.
    let good = Seal::of(CONTENT, false, &mario, now()).expect("sealed").der(None);
    let at = memchr::memmem::find(&good, b"uno").expect("the content");
    let mut other = good.clone();
    other[at..at + 3].copy_from_slice(b"due");
    world.write("b.p7m", &other);
    assert_eq!((world.one("b.p7m").sub, reasons(&world.one("b.p7m"))), (Some(Sub::HashFailure), vec!["sign-digest"]));
    // A certificate that was over when it sealed.
    world.write("c.p7m", &Seal::of(CONTENT, false, &key(&world, "scaduto"), now()).expect("sealed").der(None));
    assert_eq!(world.one("c.p7m").sub, Some(Sub::Expired));
}

#[test]
fn a_package_is_judged_with_its_seal() {
    let world = World::new().trusted();
    let signer = key(&world, "mario");
    let mut files = crate::profiles::files(conserva::package::Profile::Agid);
    let index = files.keys().find(|key| key.ends_with("/PIndex.xml")).expect("the index").clone();
    let seal = |content: &[u8]| Seal::of(content, false, &signer, now()).expect("sealed").der(None);
    let trust = || {
        let mut trust = conserva::sign::Trust::default();
        trust.add_folder(&world.path("fidati")).expect("trust");
        std::sync::Arc::new(trust)
    };
    let verdict = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
            std::fs::write(path, bytes).expect("written");
        }
        let options = verify::Options { trust: trust(), ..verify::Options::default() };
        verify::report(folder.path(), &options).expect("a report")
    };
    let text = |report: &verify::Report| report.text(conserva::messages::Lang::En);
    files.insert(format!("{index}.p7m"), seal(&files[&index]));
    let report = verdict(&files);
    assert!(report.ok && report.signatures.len() == 1, "{}", text(&report));
    assert_eq!(report.signatures[0].indication, Indication::TotalPassed);
    // The seal of another index.
    files.insert(format!("{index}.p7m"), seal(CONTENT));
    let report = verdict(&files);
    assert!(!report.ok && text(&report).contains("another index"), "{}", text(&report));
    // The seal alone, around the index, is the index and its seal.
    let inside = files.remove(&index).expect("the index");
    files.insert(format!("{index}.p7m"), seal(&inside));
    let report = verdict(&files);
    assert!(report.ok && report.signatures.len() == 1, "{}", text(&report));
}
