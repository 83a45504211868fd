//! What does building packages cost, against `cp` and `openssl dgst -sha256` of the same blobs in the same run?
//!
//! Two loads: many small documents and a few large ones; an argument divides their number. The floor starts one `cp` and one
//! `openssl` for all files. CPU says what container, index, events and the digest of the whole add; the wall on two cores stands
//! beside that on one; memory is the peak above what the plan itself takes.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use conserva::aggregation::{Aggregation, AggregationId, AggregationKey, TipoAggregazione, TipoFascicolo};
use conserva::arrival::{ArrivalId, EnteId, FileName};
use conserva::digest::Digest;
use conserva::document::{Component, Document, DocumentId, DocumentState, Form, Format, Role, Verdict};
use conserva::ente::Ente;
use conserva::error::{Error, Result};
use conserva::event::{Event, JournalHead};
use conserva::filing::Voce;
use conserva::limits::Limits;
use conserva::package::{BlobReader, Parcel, Plan, PlanOrder, Profile, build, plan};

mod timing;

use timing::{Cost, Peak, content, measured, median, on_one_core, written};

const ROUNDS: usize = 3;

fn main() {
    let divisor = std::env::args().find_map(|text| text.parse::<u32>().ok()).unwrap_or(1).max(1);
    race("10,000 x 50 KiB", 10_000 / divisor, 50 << 10);
    race("20 x 100 MiB", (20 / divisor).max(2), 100 << 20);
}

/// Blobs in a folder, by digest.
struct Folder(BTreeMap<Digest, PathBuf>);

impl BlobReader for Folder {
    fn open(&self, sha256: &Digest) -> Result<Box<dyn Read>> {
        let path = self.0.get(sha256).ok_or_else(|| Error::bug("no such blob"))?;
        let file = std::fs::File::open(path).map_err(|e| Error::disk("open blob", path, e))?;
        Ok(Box::new(file))
    }
}

fn race(name: &str, count: u32, bytes: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = Folder((0..count).map(|n| blob(folder.path(), n, bytes)).collect());
    let parcels: Vec<Parcel> = (0..).zip(blobs.0.keys()).map(|(n, sha256)| parcel(n, *sha256, bytes as u64)).collect();
    let plans = plans(&parcels);
    drop(parcels);
    let (mut cpu, mut wall, mut cores) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let theirs = in_a_folder(|target| measured(|| copied_and_digested(&blobs, target)));
        let peak = Peak::begin();
        let ours = in_a_folder(|target| measured(|| packages(&plans, &blobs, target)));
        let grown = peak.grown_mib();
        let alone = in_a_folder(|target| on_one_core(|| packages(&plans, &blobs, target)));
        println!(
            "package {name}, {count} files: {:.2} s CPU, {:.2} s; on one core {:.2} s; {grown} MiB above the plan; cp + openssl {:.2} s CPU, {:.2} s",
            ours.cpu, ours.wall, alone.wall, theirs.cpu, theirs.wall
        );
        cpu.push(ours.cpu / theirs.cpu);
        wall.push(ours.wall / theirs.wall);
        cores.push(ours.wall / alone.wall);
    }
    println!(
        "package {name}: ratio to cp + openssl dgst -sha256: CPU {:.2}, wall {:.2}; wall to that on one core {:.2} (median of {ROUNDS})",
        median(cpu),
        median(wall),
        median(cores)
    );
}

/// What `work` costs in an empty folder, which is thrown away after the measure.
fn in_a_folder(work: impl FnOnce(&Path) -> Cost) -> Cost {
    let target = tempfile::tempdir().expect("a folder");
    work(target.path())
}

fn plans(parcels: &[Parcel]) -> Vec<Plan> {
    let limits = Limits::default();
    let order = PlanOrder {
        profile: Profile::Agid,
        ente: &Ente::prova(),
        instant: jiff::Timestamp::UNIX_EPOCH,
        journal: JournalHead { ente: "c_v000".into(), n: 1, digest: Digest::of(b"head") },
        version: "0.1.0",
        describe_aggregation: &|_, ids| Ok(format!("<AggregazioneDocumentaliInformatiche n=\"{}\"/>", ids.len())),
        limits: &limits,
        versatore: None,
    };
    plan(&order, parcels).expect("a plan")
}

/// Builds; every file planned must be in a package.
fn packages(plans: &[Plan], blobs: &Folder, target: &Path) {
    let files: u64 = plans.iter().map(|plan| build(plan, blobs, target).expect("a package").files).sum();
    let documents: usize = plans.iter().map(|plan| plan.documents.len()).sum();
    assert_eq!(files as usize, documents * 3 + plans.len() * 3, "each document is metadata, content, events");
}

/// One `cp` and one `openssl` for all files: starting processes is not what is compared.
fn copied_and_digested(blobs: &Folder, target: &Path) {
    let copied = Command::new("cp").args(blobs.0.values()).arg(target).status().expect("cp");
    let (_, said) = timing::openssl(&blobs.0.values().cloned().collect::<Vec<_>>());
    assert!(copied.success());
    assert_eq!(said, blobs.0.keys().next().expect("a blob").hex(), "the digests agree");
}

fn blob(folder: &Path, n: u32, bytes: usize) -> (Digest, PathBuf) {
    let content = content(n, bytes);
    let path = folder.join(format!("{n:05}"));
    written(&path, &content);
    (Digest::of(&content), path)
}

fn parcel(n: u32, sha256: Digest, bytes: u64) -> Parcel {
    let (ente, id) = (EnteId("c_v000".into()), DocumentId(Digest::id("doc", &[&n.to_be_bytes()])));
    let name = FileName::new(format!("scan{n:05}.tif").as_bytes());
    let event = |kind: &str| Event {
        at: jiff::Timestamp::UNIX_EPOCH,
        kind: kind.into(),
        subject: id.to_string(),
        outcome: "success".into(),
        agent: "Conserva 0.1.0".into(),
        detail: BTreeMap::from([("sha256".into(), sha256.hex())]),
    };
    let format = Format {
        puid: Some("fmt/353".into()),
        mime: "image/tiff".into(),
        name: "TIFF".into(),
        version: None,
        claims: Vec::new(),
        signed: false,
        encrypted: false,
        verdict: Verdict::Accettato,
        rule: "A2 TIFF".into(),
        warnings: Vec::new(),
    };
    Parcel {
        events: ["admit", "identify", "text", "form", "fields", "filing", "metadata"].map(event).to_vec(),
        metadata: Some(format!("<DocumentoAmministrativoInformatico>{}</DocumentoAmministrativoInformatico>", "x".repeat(6_000))),
        copies: Vec::new(),
        components: vec![Component {
            role: Role::Principale,
            n: 1,
            name: name.clone(),
            sha256,
            bytes,
            format,
            form: Form::AsArrived,
            pages: 1,
        }],
        aggregation: Some(aggregation(&ente)),
        document: Document {
            id,
            ente,
            arrival: ArrivalId(format!("arr-{n}")),
            position: 1,
            name,
            state: DocumentState::Ready,
            formed_at: jiff::Timestamp::UNIX_EPOCH,
            version: 1,
        },
    }
}

fn aggregation(ente: &EnteId) -> Aggregation {
    Aggregation {
        id: AggregationId("1970/VI.3/1".into()),
        ente: ente.clone(),
        key: AggregationKey {
            tipo: TipoAggregazione::Fascicolo,
            fascicolo: Some(TipoFascicolo::Affare),
            anno: 1970,
            voce: Voce("VI.3".into()),
            serie: String::new(),
            thread: "bench".into(),
            oggetto: "Fascicolo di prova".into(),
        },
        progressivo: 1,
        data_apertura: jiff::civil::date(1970, 1, 1),
        data_chiusura: None,
    }
}
