//! Signed files: what was signed is told from what was not, whoever signed it, and others come to the same verdict.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use conserva::finding::Severity;
use conserva::limits::Limits;
use conserva::sign::{Checked, Indication, Options, Sub, Topic, Trust, check};

use crate::stage::{repository, shared};

/// Time does not change the table below.
const NOW: &str = "2026-11-28T00:00:00Z";

fn judged(path: &Path, trust: &Trust, now: &str) -> Option<Checked> {
    let options = Options { trust, now: now.parse().expect("an instant"), limits: &Limits::default() };
    check(path, &options).expect("the file is read")
}

/// Form, outcome of each signature, and topics of what is wrong (`!`) or doubtful.
fn row(found: Option<&Checked>) -> String {
    let Some(found) = found else { return "none\t-\t-".to_owned() };
    let mut outcomes: Vec<String> = Vec::new();
    let mut topics: Vec<String> = Vec::new();
    for signature in &found.signatures {
        let sub = signature.sub.map_or(String::new(), |sub| format!("/{sub:?}"));
        outcomes.push(format!("{:?}{sub}", signature.indication));
        for concern in signature.concerns.iter().filter(|concern| concern.severity != Severity::Note) {
            topics.push(format!("{}{}", if concern.severity == Severity::Error { "!" } else { "" }, concern.reason));
        }
    }
    topics.sort();
    topics.dedup();
    let form = if found.is_readable { found.form } else { "unreadable" };
    let or_none = |list: &[String]| if list.is_empty() { "-".to_owned() } else { list.join(" ") };
    format!("{form}\t{}\t{}", or_none(&outcomes), or_none(&topics))
}

/// The table, name by name: form, outcomes, reasons, why upstream's word differs (`-`: it does not), and why another program's does.
fn table() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(repository().join("tests/fixtures/signed/corpus.tsv")).expect("the table");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn every_signed_file_of_the_corpus_has_its_outcome() {
    let Some(corpus) = shared("corpus") else { return };
    let manifest = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).expect("the manifest");
    let words: std::collections::BTreeMap<&str, &str> = manifest
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            Some((fields.first()?.strip_prefix("signed/")?, *fields.get(6)?))
        })
        .collect();
    let table = table();
    let mut faults = Vec::new();
    assert_eq!(table.len(), words.len(), "a file has no row, or a row no file");
    for fields in &table {
        let name = &fields[0];
        let found = judged(&corpus.join("signed").join(name), &Trust::default(), NOW);
        let seen = row(found.as_ref());
        if seen != fields[1..4].join("\t") {
            faults.push(format!("{name}\t{seen}"));
        }
        let is_intact = found
            .as_ref()
            .is_some_and(|found| found.is_readable && found.signatures.iter().all(conserva::sign::Signature::is_intact));
        let is_passed =
            found.as_ref().is_some_and(|found| found.signatures.iter().all(|one| one.indication == Indication::TotalPassed));
        let word = words.get(name.as_str()).copied().unwrap_or_default();
        let is_other = (word.starts_with("cryptographically intact") && !is_intact)
            || (word.starts_with("defect") && is_passed && found.is_some_and(|found| !found.signatures.is_empty()));
        if is_other != (fields[4] != "-") {
            faults.push(format!("{name}: upstream says '{word}'"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn other_programs_come_to_the_same_verdict_on_the_corpus() {
    let Some(corpus) = shared("corpus/signed") else { return };
    let (mut faults, mut asked) = (Vec::new(), 0);
    for fields in table() {
        let path = corpus.join(&fields[0]);
        let ending = fields[0].rsplit('.').next().unwrap_or_default().to_owned();
        let theirs = match ending.as_str() {
            "p7m" => {
                says("openssl", &["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-out", "/dev/null", "-in"], &path)
            }
            "xml" => says(
                "xmlsec1",
                &["--verify", "--insecure", "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"],
                &path,
            ),
            _ => continue,
        };
        let Some(theirs) = theirs else { continue };
        asked += 1;
        let found = judged(&path, &Trust::default(), NOW);
        let holds = |one: &conserva::sign::Signature| {
            one.is_intact()
                && !one
                    .concerns
                    .iter()
                    .any(|concern| matches!(concern.sub, Some(Sub::SignedDataNotFound | Sub::NoSigningCertificateFound)))
        };
        let ours = found.is_some_and(|found| found.is_readable && found.signatures.first().is_some_and(holds));
        if (ours == theirs) != (fields[5] == "-") {
            faults.push(format!("{}: ours {ours}, theirs {theirs}, said: {}", fields[0], fields[5]));
        }
    }
    eprintln!("{asked} files were put to openssl and xmlsec1");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether a program is content with a file; none where the program is not here, which is said.
fn says(program: &str, arguments: &[&str], path: &Path) -> Option<bool> {
    if let Ok(output) = Command::new(program).args(arguments).arg(path).output() {
        return Some(output.status.success());
    }
    eprintln!("not checked: {program} is not here");
    None
}

/// A certification authority, signers and an authority for time stamps, made by openssl in a folder.
pub struct World {
    folder: tempfile::TempDir,
    pub trust: Trust,
}

const CONFIGURATION: &str = "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\ncrlnumber=crlnumber\nnew_certs_dir=.\n\
    certificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=p\ndefault_days=3650\ndefault_crl_days=3650\n[p]\ncommonName=supplied\n\
    serialNumber=optional\n[req]\ndistinguished_name=dn\n[dn]\n[root]\nbasicConstraints=critical,CA:true\nkeyUsage=keyCertSign,cRLSign\n\
    subjectKeyIdentifier=hash\n[leaf]\nkeyUsage=nonRepudiation\nsubjectKeyIdentifier=hash\n[stamp]\nextendedKeyUsage=critical,timeStamping\n\
    keyUsage=digitalSignature\n[tsa]\ndefault_tsa=t\n[t]\nserial=tsaserial\nsigner_digest=sha256\ndefault_policy=1.2.3.4\n\
    digests=sha256\naccuracy=secs:1\ness_cert_id_alg=sha256\n";

impl World {
    pub fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a folder"), trust: Trust::default() };
        for (name, text) in
            [("c.cnf", CONFIGURATION), ("index.txt", ""), ("serial", "1000"), ("crlnumber", "01"), ("tsaserial", "01")]
        {
            world.write(name, text.as_bytes());
        }
        world.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Radice -days 7300 -config c.cnf -extensions root");
        world.issue("mario", "/CN=Mario Rossi/serialNumber=TINIT-RSSMRA80A01H501U", "leaf", "");
        world.issue("tsa", "/CN=Marca", "stamp", "");
        world
    }

    /// A certificate and its key.
    pub fn issue(&self, name: &str, subject: &str, extensions: &str, more: &str) {
        let new = [
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-config",
            "c.cnf",
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.csr"),
            "-subj",
            subject,
        ];
        self.run(&new.map(str::to_owned));
        self.openssl(&format!("ca -batch -notext -config c.cnf -extensions {extensions} -in {name}.csr -out {name}.pem {more}"));
    }

    /// The world with its authority trusted, and its revocation list known.
    pub fn trusted(mut self) -> Self {
        self.openssl("ca -gencrl -config c.cnf -out ca.crl");
        std::fs::create_dir(self.path("fidati")).expect("a folder");
        for name in ["ca.pem", "ca.crl"] {
            std::fs::copy(self.path(name), self.path("fidati").join(name)).expect("copied");
        }
        let mut trust = Trust::default();
        trust.add_folder(&self.path("fidati")).expect("trust");
        self.trust = trust;
        self
    }

    pub fn openssl(&self, line: &str) {
        self.run(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    }

    fn run(&self, arguments: &[String]) {
        let output = Command::new("openssl").args(arguments).current_dir(self.folder.path()).output().expect("openssl runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).expect("written");
        self.path(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("read")
    }

    fn sign(&self, name: &str, out: &str, more: &str) {
        self.openssl(&format!(
            "cms -sign -binary -cades -md sha256 -signer mario.pem -inkey mario.key -in {name} -out {out} {more}"
        ));
    }

    /// The one signature in a file, as of now.
    pub fn one(&self, name: &str) -> conserva::sign::Signature {
        let now = conserva::clock::Clock::System.now().to_string();
        let found = judged(&self.path(name), &self.trust, &now).expect("a signed file");
        assert_eq!(found.signatures.len(), 1, "{name}: {found:?}");
        found.signatures.into_iter().next().expect("one")
    }
}

pub fn reasons(signature: &conserva::sign::Signature) -> Vec<&'static str> {
    signature.concerns.iter().filter(|concern| concern.severity != Severity::Note).map(|concern| concern.reason).collect()
}

#[test]
fn a_good_signature_passes_in_every_wrapping_and_says_who_signed() {
    let world = World::new().trusted();
    world.write("atto.txt", &b"Si attesta che.\r\n".repeat(5_000));
    world.sign("atto.txt", "der.p7m", "-nodetach -outform DER");
    world.sign("atto.txt", "ber.p7m", "-nodetach -outform DER -stream");
    world.sign("atto.txt", "pem.p7m", "-nodetach -outform PEM");
    world.sign("atto.txt", "atto.txt.p7s", "-outform DER");
    world.sign("atto.txt", "pss.p7m", "-nodetach -outform DER -keyopt rsa_padding_mode:pss");
    world.write("b64.p7m", base64::engine::general_purpose::STANDARD.encode(world.read("der.p7m")).as_bytes());
    for name in ["der.p7m", "ber.p7m", "pem.p7m", "b64.p7m", "atto.txt.p7s", "pss.p7m"] {
        let signature = world.one(name);
        assert_eq!((signature.indication, signature.sub), (Indication::TotalPassed, None), "{name}: {:?}", signature.concerns);
        assert_eq!(signature.signer.codice_fiscale.as_deref(), Some("RSSMRA80A01H501U"));
        assert_eq!((signature.signer.name.as_str(), signature.digest.as_str()), ("Mario Rossi", "SHA-256"));
        assert!(signature.claimed.is_some(), "{name}");
    }
    // One in another: both are judged.
    world.sign("der.p7m", "due.p7m.p7m", "-nodetach -outform DER");
    let found =
        judged(&world.path("due.p7m.p7m"), &world.trust, &conserva::clock::Clock::System.now().to_string()).expect("signed");
    assert_eq!(found.signatures.iter().map(|one| one.indication).collect::<Vec<_>>(), [Indication::TotalPassed; 2]);
    // Without its content nothing is known of it, and another content is another's.
    std::fs::remove_file(world.path("atto.txt")).expect("gone");
    assert_eq!(world.one("atto.txt.p7s").sub, Some(Sub::SignedDataNotFound));
    world.write("atto.txt", b"altro");
    assert_eq!(world.one("atto.txt.p7s").sub, Some(Sub::HashFailure));
}

#[test]
fn no_changed_byte_of_a_signed_file_passes() {
    let world = World::new().trusted();
    world.write("atto.txt", b"Si attesta che la pratica e' conclusa.\n");
    world.sign("atto.txt", "a.p7m", "-nodetach -outform DER");
    let good = world.read("a.p7m");
    let now = conserva::clock::Clock::System.now().to_string();
    // Every second byte, and all of the beginning, where lengths and types stand.
    let mut unseen = Vec::new();
    for at in (0..good.len()).filter(|at| *at < 150 || at % 2 == 0) {
        let mut bad = good.clone();
        bad[at] ^= 0x11;
        let path = world.write("b.p7m", &bad);
        let found = judged(&path, &world.trust, &now).filter(|found| found.is_readable && !found.signatures.is_empty());
        if found.is_some_and(|found| found.signatures.iter().all(|one| one.indication == Indication::TotalPassed)) {
            unseen.push(at);
        }
    }
    assert!(unseen.is_empty(), "bytes {unseen:?} of {} were changed unseen", good.len());
}

#[test]
fn what_is_cut_or_changed_anywhere_gets_an_answer() {
    let Some(corpus) = shared("corpus/signed") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut asked = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("read");
        if bytes.len() > 60_000 {
            continue;
        }
        for n in 1..24 {
            let at = bytes.len() * n / 24;
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            for (name, bytes) in [("t", &bytes[..at]), ("c", changed.as_slice())] {
                let path = folder.path().join(format!("{name}.{}", path.extension().unwrap_or_default().display()));
                std::fs::write(&path, bytes).expect("written");
                judged(&path, &Trust::default(), NOW);
                asked += 1;
            }
        }
    }
    assert!(asked > 1_000, "only {asked} were asked");
}

#[test]
fn whoever_is_not_trusted_or_revoked_or_out_of_time_is_refused_for_that_reason() {
    let mut world = World::new();
    world.write("atto.txt", b"atto");
    world.sign("atto.txt", "a.p7m", "-nodetach -outform DER");
    // Nobody said whom to trust: a doubt, no fault.
    let unknown = world.one("a.p7m");
    assert_eq!((unknown.indication, reasons(&unknown)), (Indication::Indeterminate, vec!["sign-trust-unknown"]));
    // Another authority is trusted.
    let other = World::new().trusted();
    let now = conserva::clock::Clock::System.now().to_string();
    let found = judged(&world.path("a.p7m"), &other.trust, &now).expect("signed");
    assert_eq!(reasons(&found.signatures[0])[0], "sign-no-chain");
    // The trusted one revokes.
    world.openssl("ca -config c.cnf -revoke mario.pem");
    world = world.trusted();
    let revoked = world.one("a.p7m");
    assert_eq!((reasons(&revoked), revoked.sub), (vec!["sign-revoked"], Some(Sub::RevokedNoPoe)));
    // A certificate that was over when it signed; and one that is over now, of which nothing proves when it signed.
    world.issue("mario", "/CN=Scaduto", "leaf", "-startdate 20100101000000Z -enddate 20110101000000Z");
    world.sign("atto.txt", "s.p7m", "-nodetach -outform DER");
    assert_eq!(world.one("s.p7m").sub, Some(Sub::Expired));
}

#[test]
fn a_time_stamp_is_of_its_content_and_of_no_other() {
    let world = World::new().trusted();
    world.write("atto.txt", b"atto");
    world.openssl("ts -query -data atto.txt -sha256 -cert -out q.tsq");
    world.openssl("ts -reply -config c.cnf -section t -queryfile q.tsq -signer tsa.pem -inkey tsa.key -out atto.txt.tsr");
    world.openssl(
        "ts -reply -config c.cnf -section t -queryfile q.tsq -signer tsa.pem -inkey tsa.key -token_out -out atto.txt.tst",
    );
    for name in ["atto.txt.tsr", "atto.txt.tst"] {
        let stamp = world.one(name);
        assert_eq!((stamp.indication, stamp.signer.name.as_str()), (Indication::TotalPassed, "Marca"), "{:?}", stamp.concerns);
    }
    world.write("atto.txt", b"altro");
    let other = world.one("atto.txt.tsr");
    assert_eq!((other.sub, reasons(&other)), (Some(Sub::HashFailure), vec!["sign-stamp-other"]));
    // Who may sign documents may not stamp them.
    world.write("atto.txt", b"atto");
    let mut forged = world.read("atto.txt.tst");
    let last = forged.len() - 1;
    forged[last] ^= 1;
    world.write("atto.txt.tst", &forged);
    assert!(world.one("atto.txt.tst").concerns.iter().any(|concern| concern.topic == Topic::Integrity));
}
