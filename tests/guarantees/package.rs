//! What `package` guarantees: one plan, one set of bytes; nothing under a final name that is not whole and true.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::Path;

use conserva::arrival::FileName;
use conserva::digest::Digest;
use conserva::document::{Copy, DocumentId, DocumentState, Role};
use conserva::error::{Error, Kind, Result};
use conserva::event::{Event, JournalHead};
use conserva::limits::Limits;
use conserva::messages::Lang;
use conserva::package::{BlobReader, Built, Parcel, Plan, PlanOrder, Profile, build, plan};
use conserva::schemas::Schema;

use crate::describe::{Desk, component};
use crate::norms;

/// Blobs in memory.
#[derive(Default, Clone)]
pub(crate) struct Blobs(BTreeMap<Digest, Vec<u8>>);

impl Blobs {
    fn put(&mut self, bytes: &[u8]) -> Digest {
        let sha256 = Digest::of(bytes);
        self.0.insert(sha256, bytes.to_vec());
        sha256
    }
}

impl BlobReader for Blobs {
    fn open(&self, sha256: &Digest) -> Result<Box<dyn Read>> {
        let bytes = self.0.get(sha256).cloned().ok_or_else(|| Error::bug("no such blob"))?;
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// An order of some documents, with the blobs that they are made of.
pub(crate) struct Order {
    pub(crate) profile: Profile,
    pub(crate) desk: Desk,
    parcels: Vec<Parcel>,
    pub(crate) blobs: Blobs,
    limits: Limits,
    members: BTreeMap<DocumentId, conserva::describe::Member>,
}

impl Order {
    /// `count` documents of one aggregation: a principal, an attachment with a hostile name, a PDF/A and an ALTO each.
    pub(crate) fn of(count: u32) -> Self {
        let mut order = Self {
            profile: Profile::Agid,
            desk: Desk::protocolled(),
            parcels: Vec::new(),
            blobs: Blobs::default(),
            limits: Limits::default(),
            members: BTreeMap::new(),
        };
        for n in 0..count {
            let parcel = order.parcel(n);
            order.parcels.push(parcel);
        }
        order
    }

    /// The bytes of all blobs.
    pub(crate) fn blobs_bytes(&self) -> Vec<Vec<u8>> {
        self.blobs.0.values().cloned().collect()
    }

    pub(crate) fn parcel(&mut self, n: u32) -> Parcel {
        let mut desk = self.desk.clone();
        desk.document.id = DocumentId(Digest::id("doc", &[&n.to_be_bytes()]));
        let (principal, attached) = (format!("page {n}").into_bytes(), format!("attachment {n}").into_bytes());
        let sha256 = self.blobs.put(&principal);
        self.blobs.put(&attached);
        desk.components = vec![
            component(Role::Principale, 1, "perché no? (1).TIF", &principal),
            component(Role::Allegato, 1, "CON.tif", &attached),
        ];
        let copy = |blobs: &mut Blobs, kind: &str| {
            let bytes = format!("{kind} {n}").into_bytes();
            Copy {
                kind: kind.into(),
                sha256: blobs.put(&bytes),
                bytes: bytes.len() as u64,
                of: sha256,
                origin: "conserva 0.1.0".into(),
            }
        };
        let copies = vec![copy(&mut self.blobs, "pdfa"), copy(&mut self.blobs, "alto")];
        let described = desk.describe();
        self.members.insert(desk.document.id.clone(), described.member.expect("described"));
        let event = |kind: &str, agent: &str| Event {
            at: "2024-03-13T08:00:00.123456Z".parse().expect("instant"),
            kind: kind.into(),
            subject: desk.document.id.to_string(),
            outcome: "success".into(),
            agent: agent.into(),
            detail: BTreeMap::from([("sha256".into(), sha256.hex()), ("rule".into(), "A2 <TIFF>".into())]),
        };
        Parcel {
            aggregation: Some(desk.aggregation.clone()),
            components: desk.components.clone(),
            copies,
            metadata: Some(described.xml),
            events: vec![event("admitted", "conserva 0.1.0"), event("decided", "mrossi")],
            document: desk.document,
        }
    }

    pub(crate) fn plan(&self) -> Result<Vec<Plan>> {
        let describe = |_: &conserva::aggregation::Aggregation, ids: &[DocumentId]| {
            let members: Vec<_> = ids.iter().map(|id| self.members[id].clone()).collect();
            Ok(self.desk.describe_aggregation(&members).xml)
        };
        let order = PlanOrder {
            profile: self.profile,
            ente: &self.desk.ente,
            instant: "2024-06-01T10:00:00Z".parse().expect("instant"),
            journal: JournalHead { ente: "c_v000".into(), n: 42, digest: Digest::of(b"head") },
            version: "0.1.0",
            describe_aggregation: &describe,
            limits: &self.limits,
            versatore: Some(&versatore()),
        };
        plan(&order, &self.parcels)
    }

    fn refusal(&self) -> (Kind, String) {
        let error = self.plan().expect_err("refused");
        (error.kind(), error.code().to_owned())
    }
}

/// Names at Sacer.
pub(crate) fn versatore() -> conserva::pdv::Versatore {
    let table = "ambiente = 'PROVA'\nente = 'ente_prova'\nstruttura = 'struttura_prova'\nuser_id = 'utente_ws'";
    toml::from_str(table).expect("a table")
}

pub(crate) fn built(plan: &Plan, blobs: &Blobs) -> (tempfile::TempDir, Built) {
    let folder = tempfile::tempdir().expect("folder");
    let built = build(plan, blobs, folder.path()).expect("built");
    (folder, built)
}

/// Name and bytes of every entry, in order; stored, of 1980, by one mode.
pub(crate) fn entries(package: &Path) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(package).expect("package")).expect("zip");
    let mut entries = Vec::new();
    for n in 0..zip.len() {
        let mut entry = zip.by_index(n).expect("entry");
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        assert_eq!(entry.last_modified(), Some(zip::DateTime::default()));
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("bytes");
        entries.push((entry.name().expect("name").into_owned(), bytes));
    }
    entries
}

fn names_in(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).expect("folder").map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_the_order_of_asking_does_not_matter() {
    let order = Order::of(3);
    let plans = order.plan().expect("plan");
    let (_first, one) = built(&plans[0], &order.blobs);
    let mut turned = Order::of(3);
    turned.parcels.reverse();
    let json = serde_json::to_string(&turned.plan().expect("plan")[0]).expect("json");
    let stored: Plan = serde_json::from_str(&json).expect("plan");
    assert_eq!(stored, plans[0]);
    let (folder, two) = built(&stored, &order.blobs);
    assert_eq!((one.content, one.bytes, one.files), (two.content, two.bytes, two.files));
    assert_eq!(std::fs::read(&one.path).expect("one"), std::fs::read(&two.path).expect("two"));
    assert_eq!(std::fs::metadata(&two.path).expect("two").len(), two.bytes);
    // Built again over itself, after a crash say: the same file, nothing beside it.
    assert_eq!(build(&stored, &order.blobs, folder.path()).expect("again"), two);
    assert_eq!(names_in(folder.path()), [format!("PdV_{}.zip", stored.id)]);
}

#[test]
fn a_package_is_laid_out_as_agreed() {
    let order = Order::of(1);
    let plan = &order.plan().expect("plan")[0];
    let (_folder, built) = built(plan, &order.blobs);
    let (id, doc) = (&plan.id, &plan.documents[0].id);
    let names: Vec<String> = entries(&built.path).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            format!("{id}/aggregazioni/2024-VI.3-1/AggregazioneDocumentaliInformatiche.xml"),
            format!("{id}/documenti/{doc}/DocumentoAmministrativoInformatico.xml"),
            format!("{id}/documenti/{doc}/principale/perché no_ (1).TIF"),
            format!("{id}/documenti/{doc}/allegati/1/_CON.tif"),
            format!("{id}/documenti/{doc}/copie/perché no_ (1).pdf"),
            format!("{id}/documenti/{doc}/testo/alto.xml"),
            format!("{id}/documenti/{doc}/eventi.xml"),
            format!("{id}/eventi.xml"),
            format!("{id}/PIndex.xml"),
        ]
    );
    assert_eq!(built.files, names.len() as u64);
    let unzip = std::process::Command::new("unzip").arg("-tqq").arg(&built.path).status();
    assert!(unzip.map_or_else(
        |_| {
            norms::say("NOT CHECKED: unzip is not installed");
            true
        },
        |status| status.success()
    ));
}

#[test]
fn the_index_lists_every_other_file_with_the_digest_of_its_bytes() {
    let order = Order::of(2);
    let plan = &order.plan().expect("plan")[0];
    let (_folder, built) = built(plan, &order.blobs);
    let entries = entries(&built.path);
    let (last, others) = entries.split_last().expect("entries");
    let index = String::from_utf8(last.1.clone()).expect("text");
    assert!(last.0.ends_with("/PIndex.xml"));
    assert_eq!(index.matches("<sincro:File ").count(), others.len());
    for (name, bytes) in others {
        let path = name.strip_prefix(&format!("{}/", plan.id)).expect("inside");
        let encoded: String =
            path.bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() || b"-._~/".contains(&b) {
                        char::from(b).to_string()
                    } else {
                        format!("%{b:02X}")
                    }
                })
                .collect();
        let at =
            index.find(&format!("<sincro:Path>{encoded}</sincro:Path>")).unwrap_or_else(|| panic!("{encoded} is not listed"));
        assert!(index[at..].split("</sincro:File>").next().unwrap_or("").contains(&Digest::of(bytes).base64()), "{name}");
    }
}

#[test]
fn the_true_name_and_the_source_of_each_copy_stand_in_the_events() {
    let mut order = Order::of(1);
    order.parcels[0].components[0].name = FileName::new(&b"\xff.tif"[..]);
    let (_folder, built) = built(&order.plan().expect("plan")[0], &order.blobs);
    let events = entries(&built.path).into_iter().find(|(name, _)| name.contains("/documenti/") && name.ends_with("eventi.xml"));
    let events = String::from_utf8(events.expect("events").1).expect("text");
    let doc = &order.parcels[0].document.id;
    for part in [
        "<originalName>base64:/y50aWY=</originalName>",
        "<originalName>CON.tif</originalName>",
        "<relationshipSubType>has source</relationshipSubType>",
        "<eventType>ingestion</eventType>",
        "<agentType>person</agentType>",
        &format!("<relatedObjectIdentifierValue>{doc}/principale/1</relatedObjectIdentifierValue>"),
    ] {
        assert!(events.contains(part), "{part} is missing in {events}");
    }
}

#[test]
fn the_head_of_the_journal_stands_in_index_and_events() {
    let order = Order::of(1);
    let (_folder, built) = built(&order.plan().expect("plan")[0], &order.blobs);
    let head = Digest::of(b"head").hex();
    let with_head = |(name, bytes): &(String, Vec<u8>)| String::from_utf8_lossy(bytes).contains(&head).then(|| name.clone());
    let names: Vec<String> = entries(&built.path).iter().filter_map(with_head).collect();
    assert_eq!(names.iter().map(|name| name.rsplit('/').next().unwrap_or("")).collect::<Vec<_>>(), ["eventi.xml", "PIndex.xml"]);
}

#[test]
fn only_a_trial_archive_says_prova() {
    for is_trial in [false, true] {
        let mut order = Order::of(0);
        order.desk.ente.prova = is_trial;
        let parcel = order.parcel(0);
        order.parcels.push(parcel);
        let plan = &order.plan().expect("plan")[0];
        let (_folder, built) = built(plan, &order.blobs);
        let said: Vec<String> = entries(&built.path)
            .into_iter()
            .filter(|(_, b)| String::from_utf8_lossy(b).contains("PROVA"))
            .map(|(n, _)| n)
            .collect();
        let wanted =
            ["AggregazioneDocumentaliInformatiche.xml", "DocumentoAmministrativoInformatico.xml", "eventi.xml", "PIndex.xml"];
        let ends: Vec<&str> = said.iter().map(|name| name.rsplit('/').next().unwrap_or("")).collect();
        assert_eq!(ends, if is_trial { wanted.to_vec() } else { Vec::new() });
        assert_eq!(plan.summary(Lang::It).contains("PROVA"), is_trial);
    }
}

#[test]
fn a_blob_that_changed_stops_the_build_and_leaves_nothing() {
    let order = Order::of(2);
    let plan = &order.plan().expect("plan")[0];
    for alter in
        [|b: &mut Vec<u8>| b[0] ^= 1, |b: &mut Vec<u8>| b.push(0), |b: &mut Vec<u8>| b.truncate(1), |b: &mut Vec<u8>| b.clear()]
    {
        let mut blobs = order.blobs.clone();
        alter(blobs.0.get_mut(&plan.documents[1].files[1].sha256).expect("blob"));
        let folder = tempfile::tempdir().expect("folder");
        let error = build(plan, &blobs, folder.path()).expect_err("stopped");
        assert_eq!((error.kind(), error.code()), (Kind::Store, "blob-differs"));
        assert_eq!(names_in(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn a_different_package_of_the_same_name_is_never_overwritten() {
    let order = Order::of(1);
    let plan = &order.plan().expect("plan")[0];
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(format!("PdV_{}.zip", plan.id));
    norms::write(&path, b"something else");
    assert_eq!(build(plan, &order.blobs, folder.path()).expect_err("stopped").code(), "package-other-there");
    assert_eq!(std::fs::read(&path).expect("kept"), b"something else");
    assert_eq!(names_in(folder.path()).len(), 1);
}

#[test]
fn what_an_interrupted_build_left_is_built_over() {
    let order = Order::of(1);
    let plan = &order.plan().expect("plan")[0];
    let (_other, wanted) = built(plan, &order.blobs);
    let folder = tempfile::tempdir().expect("folder");
    norms::write(&folder.path().join(format!(".PdV_{}.zip.part", plan.id)), &vec![7; 100_000]);
    assert_eq!(build(plan, &order.blobs, folder.path()).expect("built").content, wanted.content);
    assert_eq!(names_in(folder.path()), [format!("PdV_{}.zip", plan.id)]);
}

#[test]
fn documents_not_ready_not_described_or_not_filed_are_refused_by_the_plan() {
    let mut order = Order::of(2);
    order.parcels[1].metadata = Some(" ".into());
    assert_eq!(order.refusal(), (Kind::Hold, "package-not-described".into()));
    let mut order = Order::of(2);
    order.parcels[1].aggregation = None;
    assert_eq!(order.refusal(), (Kind::Hold, "package-not-filed".into()));
    let mut order = Order::of(2);
    order.parcels[1].document.state = DocumentState::Held;
    assert_eq!(order.refusal(), (Kind::Hold, "package-not-ready".into()));
    let mut order = Order::of(1);
    order.parcels[0].metadata = Some("<DocumentoDiAltri/>".into());
    assert_eq!(order.refusal().0, Kind::Bug);
    let mut order = Order::of(1);
    order.parcels.push(order.parcels[0].clone());
    assert_eq!(order.refusal().0, Kind::Bug);
}

#[test]
fn as_many_documents_as_the_ceiling_are_one_package_and_one_more_are_two_linked_ones() {
    let mut order = Order::of(4);
    order.limits.pdv_documents_max = 4;
    let plans = order.plan().expect("plan");
    assert_eq!(plans.iter().map(|plan| plan.documents.len()).collect::<Vec<_>>(), [4]);
    assert_eq!((plans[0].part.n, plans[0].part.of), (1, 1));
    let mut order = Order::of(5);
    order.limits.pdv_documents_max = 4;
    let plans = order.plan().expect("plan");
    assert_eq!(plans.iter().map(|plan| plan.documents.len()).collect::<Vec<_>>(), [4, 1]);
    assert_eq!(plans[1].part.previous.as_ref(), Some(&plans[0].id));
    assert_ne!(plans[0].id, plans[1].id);
    let indexes: Vec<String> = plans
        .iter()
        .map(|plan| {
            let (_folder, built) = built(plan, &order.blobs);
            String::from_utf8(entries(&built.path).pop().expect("index").1).expect("text")
        })
        .collect();
    for (n, index) in (1..).zip(&indexes) {
        assert!(index.contains(&plans[0].part.group) && index.contains(&format!("Parte {n} di 2")));
    }
    assert!(indexes[1].contains(plans[0].id.as_str()));
}

#[test]
fn bytes_and_metadata_split_too_and_every_document_is_in_exactly_one_part() {
    let mut order = Order::of(7);
    let one: u64 = order.plan().expect("plan")[0].documents[0].files.iter().map(|file| file.bytes).sum::<u64>()
        + order.parcels[0].metadata.as_ref().expect("xml").len() as u64;
    order.limits.pdv_bytes_max = 3 * one + one / 2;
    let by_bytes = order.plan().expect("plan");
    assert_eq!(by_bytes.iter().map(|plan| plan.documents.len()).collect::<Vec<_>>(), [3, 3, 1]);
    let mut order = Order::of(7);
    order.limits.metadata_bytes_max = 40_000;
    let by_text = order.plan().expect("plan");
    assert!(by_text.len() > 1);
    for plan in &by_text {
        assert!(serde_json::to_string(plan).expect("json").len() < 60_000);
        let (_folder, built) = built(plan, &order.blobs);
        assert!(entries(&built.path).iter().all(|(_, bytes)| bytes.len() < 40_000));
    }
    for plans in [by_bytes, by_text] {
        let ids: Vec<_> = plans.iter().flat_map(|plan| &plan.documents).map(|document| &document.id).collect();
        assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (7, 7));
    }
}

#[test]
fn two_aggregations_are_two_packages() {
    let mut order = Order::of(2);
    let mut other = order.parcels[1].aggregation.clone().expect("filed");
    other.id.0 = "2024/VI.3/2".into();
    order.parcels[1].aggregation = Some(other);
    let plans = order.plan().expect("plan");
    assert_eq!(plans.iter().map(|plan| plan.aggregation.id.as_str()).collect::<Vec<_>>(), ["2024/VI.3/1", "2024/VI.3/2"]);
    assert!(plans.iter().all(|plan| plan.part.of == 1));
}

#[test]
fn the_view_of_a_plan_tells_what_goes_where() {
    let order = Order::of(2);
    let plan = &order.plan().expect("plan")[0];
    let (_folder, built) = built(plan, &order.blobs);
    let json = plan.summary_json();
    assert_eq!(json["files"], built.files);
    assert_eq!(json["documents"].as_array().map(Vec::len), Some(2));
    for lang in [Lang::It, Lang::En] {
        let text = plan.summary(lang);
        assert!(
            plan.blobs().count() == 8
                && plan.documents[1].files.iter().all(|file| text.contains(&file.path))
                && !text.contains(": ?")
        );
    }
}

#[test]
fn the_official_schemas_take_every_metadata_file_of_a_package() {
    let mut order = Order::of(5);
    order.limits.pdv_documents_max = 3;
    order.desk.ente.responsabili.gestione_documentale.codice_fiscale = Some("BNCLCU80A01H501U".into());
    let mut by_schema: BTreeMap<&str, (Schema, Vec<String>)> = BTreeMap::new();
    for plan in order.plan().expect("plan") {
        let (_folder, built) = built(&plan, &order.blobs);
        for (name, bytes) in entries(&built.path) {
            let schema = match name.rsplit('/').next().unwrap_or("") {
                "DocumentoAmministrativoInformatico.xml" => Schema::DocumentoAmministrativo,
                "AggregazioneDocumentaliInformatiche.xml" => Schema::Aggregazione,
                "PIndex.xml" => Schema::PIndex,
                "eventi.xml" => Schema::Premis,
                _ => continue,
            };
            assert_eq!(schema.breaches(&bytes).expect("schema"), Vec::<String>::new(), "{name}");
            let text = String::from_utf8(bytes).expect("text");
            by_schema.entry(schema.text()).or_insert_with(|| (schema, Vec::new())).1.push(text);
        }
    }
    assert_eq!(by_schema.len(), 4);
    for (schema, texts) in by_schema.values() {
        let Some(verdicts) = norms::judge(*schema, texts) else { return };
        for (text, verdict) in texts.iter().zip(verdicts) {
            assert!(verdict, "the official {schema:?} refuses {text}");
        }
    }
}

/// A blob that watches what the build does while it reads: how much it asks for at once, and that what it was given lies
/// in the file and not in memory.
struct Watched {
    inner: Cursor<Vec<u8>>,
    part: std::path::PathBuf,
}

/// Most bytes that may be under way between blob and file.
const UNDER_WAY_MAX: u64 = 1 << 20;

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        assert!(buffer.len() as u64 <= UNDER_WAY_MAX, "{} bytes asked for at once", buffer.len());
        let written = std::fs::metadata(&self.part).expect("the file in the making").len();
        let given = self.inner.position();
        assert!(written + UNDER_WAY_MAX >= given, "{given} bytes given, {written} in the file");
        self.inner.read(buffer)
    }
}

struct WatchedBlobs {
    blobs: Blobs,
    part: std::path::PathBuf,
    opened: RefCell<BTreeSet<Digest>>,
}

impl BlobReader for WatchedBlobs {
    fn open(&self, sha256: &Digest) -> Result<Box<dyn Read>> {
        let bytes = self.blobs.0.get(sha256).cloned().ok_or_else(|| Error::bug("no such blob"))?;
        assert!(self.opened.borrow_mut().insert(*sha256), "a blob is read once");
        Ok(Box::new(Watched { inner: Cursor::new(bytes), part: self.part.clone() }))
    }
}

/// Gives each of the first documents a further copy of that many bytes.
fn fatten(order: &mut Order, count: u8, bytes: usize) {
    for n in 0..count {
        let bytes = vec![n; bytes];
        let sha256 = order.blobs.put(&bytes);
        let parcel = &mut order.parcels[usize::from(n)];
        let of = parcel.components[0].sha256;
        parcel.copies.push(Copy { kind: "text".into(), sha256, bytes: bytes.len() as u64, of, origin: "conserva 0.1.0".into() });
    }
}

#[test]
fn a_package_is_written_as_it_is_read_however_large_its_files_are() {
    let mut order = Order::of(2);
    fatten(&mut order, 2, 24 << 20);
    let plan = &order.plan().expect("plan")[0];
    let folder = tempfile::tempdir().expect("folder");
    let part = folder.path().join(format!(".PdV_{}.zip.part", plan.id));
    let blobs = WatchedBlobs { blobs: order.blobs.clone(), part, opened: RefCell::default() };
    let built = build(plan, &blobs, folder.path()).expect("built");
    assert!(built.bytes > 48 << 20);
    let report = conserva::verify::report(&built.path, &conserva::verify::Options::default()).expect("a report");
    assert!(report.ok, "{}", report.text(Lang::En));
}

#[test]
fn files_of_every_size_around_a_piece_come_out_as_they_are() {
    let mut order = Order::of(6);
    // A piece has 512 KiB; the header and the path are below 300 bytes.
    for (n, bytes) in [(0_u8, 0), (1, 1), (2, (512 << 10) - 300), (3, (512 << 10) - 150), (4, 512 << 10), (5, (1 << 20) + 1)] {
        let mut one = Order::of(6);
        fatten(&mut one, n + 1, bytes);
        order.parcels[usize::from(n)].clone_from(&one.parcels[usize::from(n)]);
        order.blobs.0.extend(one.blobs.0);
    }
    let plan = &order.plan().expect("plan")[0];
    let (_folder, built) = built(plan, &order.blobs);
    let entries: BTreeMap<String, Vec<u8>> = entries(&built.path).into_iter().collect();
    for file in plan.documents.iter().flat_map(|document| &document.files) {
        assert_eq!(Digest::of(&entries[&file.path]), file.sha256, "{}", file.path);
    }
    let mut written = Vec::new();
    let said = conserva::package::stream(plan, &order.blobs, &mut written).expect("written");
    assert_eq!((said.content, said.bytes, said.files), (built.content, built.bytes, built.files));
    assert!(written == std::fs::read(&built.path).expect("the package"), "a stream has the bytes of the file");
}

/// Blobs that tell which of them were opened, and a process that dies over one of them.
struct Fatal<'a> {
    blobs: &'a Blobs,
    opened: RefCell<BTreeSet<Digest>>,
    dies_at: Option<Digest>,
}

impl BlobReader for Fatal<'_> {
    fn open(&self, sha256: &Digest) -> Result<Box<dyn Read>> {
        assert!(self.dies_at != Some(*sha256), "the process dies here");
        self.opened.borrow_mut().insert(*sha256);
        self.blobs.open(sha256)
    }
}

/// Builds until the process dies over the last blob of document `n`. What lies in the folder is what a kill leaves.
fn dead(plan: &Plan, blobs: &Blobs, n: usize, folder: &Path) {
    let dies_at = plan.documents[n].files.last().map(|file| file.sha256);
    let fatal = Fatal { blobs, opened: RefCell::default(), dies_at };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| build(plan, &fatal, folder))).expect_err("it dies");
    assert_eq!(names_in(folder).len(), 2, "the package in the making and its notes");
}

#[test]
fn a_build_that_was_killed_goes_on_and_reads_nothing_again_that_is_proven() {
    if !cfg!(feature = "drill") {
        return norms::say("NOT CHECKED: builds that go on (the feature drill has notes for packages as small as these)");
    }
    for profile in [Profile::Agid, Profile::Bagit] {
        let mut order = Order::of(8);
        order.profile = profile;
        fatten(&mut order, 8, 20_000);
        let plan = &order.plan().expect("plan")[0];
        let (_other, wanted) = built(plan, &order.blobs);
        let whole = std::fs::read(&wanted.path).expect("the package");
        let blobs_of = |n: usize| plan.documents[n].files.iter().map(|file| file.sha256);
        let again = |folder: &Path| {
            let watched = Fatal { blobs: &order.blobs, opened: RefCell::default(), dies_at: None };
            let built = build(plan, &watched, folder).expect("built");
            assert_eq!((built.content, built.bytes, built.files), (wanted.content, wanted.bytes, wanted.files));
            assert!(std::fs::read(&built.path).expect("the package") == whole, "the same bytes");
            assert_eq!(names_in(folder), [format!("PdV_{}.zip", plan.id)]);
            watched.opened.into_inner()
        };
        let folder = tempfile::tempdir().expect("folder");
        dead(plan, &order.blobs, 5, folder.path());
        let opened = again(folder.path());
        assert!((0..4).flat_map(blobs_of).all(|sha256| !opened.contains(&sha256)), "proven files are read again");
        assert!((5..8).flat_map(blobs_of).all(|sha256| opened.contains(&sha256)));

        // Killed twice, the second time further on.
        let folder = tempfile::tempdir().expect("folder");
        dead(plan, &order.blobs, 2, folder.path());
        dead(plan, &order.blobs, 6, folder.path());
        let opened = again(folder.path());
        assert!((0..5).flat_map(blobs_of).all(|sha256| !opened.contains(&sha256)), "proven files are read again");

        // Notes cut off, altered, of another plan; a package shorter than they say: it begins earlier and comes out the same.
        let part = |folder: &Path| folder.join(format!(".PdV_{}.zip.part", plan.id));
        let notes = |folder: &Path| folder.join(format!(".PdV_{}.zip.notes", plan.id));
        let damages: [&dyn Fn(&Path); 5] = [
            &|folder| norms::write(&notes(folder), &std::fs::read(notes(folder)).expect("notes")[..700]),
            &|folder| {
                let mut bytes = std::fs::read(notes(folder)).expect("notes");
                let last = bytes.len() - 40;
                bytes[last] ^= 1;
                norms::write(&notes(folder), &bytes);
            },
            &|folder| norms::write(&notes(folder), b"something else\n"),
            &|folder| std::fs::remove_file(part(folder)).expect("removed"),
            &|folder| norms::write(&part(folder), b"short"),
        ];
        for damage in damages {
            let folder = tempfile::tempdir().expect("folder");
            dead(plan, &order.blobs, 5, folder.path());
            damage(folder.path());
            again(folder.path());
        }
    }
}

/// Sixteen bits count the entries of an ordinary ZIP directory; beyond them it is counted in ZIP64.
#[test]
fn a_package_of_more_entries_than_sixteen_bits_count_is_built_and_verifies() {
    if std::env::var_os("CONSERVA_LARGE").is_none() {
        return norms::say("NOT CHECKED: a package of more than 65,535 entries (CONSERVA_LARGE; scripts/prove has it)");
    }
    let (documents, attachments) = (34, 2_000);
    let mut order = Order::of(documents);
    let bytes = b"attachment".to_vec();
    order.blobs.put(&bytes);
    for parcel in &mut order.parcels {
        let mut desk = order.desk.clone();
        desk.document = parcel.document.clone();
        parcel.copies.clear();
        parcel.components.truncate(1);
        parcel.components.extend((1..=attachments).map(|n| component(Role::Allegato, n, &format!("{n}.tif"), &bytes)));
        desk.components.clone_from(&parcel.components);
        let described = desk.describe();
        order.members.insert(parcel.document.id.clone(), described.member.expect("described"));
        parcel.metadata = Some(described.xml);
    }
    // The ceiling of one part counts an index of long, escaped names; these are short.
    order.limits.metadata_bytes_max *= 4;
    let plans = order.plan().expect("plan");
    assert_eq!(plans.len(), 1);
    let (_folder, built) = built(&plans[0], &order.blobs);
    assert!(built.files > 65_535, "{}", built.files);
    let report = conserva::verify::report(&built.path, &conserva::verify::Options::default()).expect("a report");
    assert!(report.ok && report.files == built.files, "{}", report.text(Lang::En));
}
