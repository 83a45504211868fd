//! What stays bounded however much there is: memory while a package is built, while a hundred thousand documents are planned.
//!
//! Small tours in every run; CONSERVA_SCALE (scripts/prove) has the full sizes: 60 GB of sparse content into a counting sink, 20 GB in
//! one package of more than 65,535 entries with some past 4 GiB, 100,000 documents.

use std::collections::BTreeMap;
use std::io::{Read, Seek as _, SeekFrom, Write};
use std::path::Path;

use conserva::aggregation::Aggregation;
use conserva::digest::{Digest, Hasher};
use conserva::document::{Component, DocumentId, Role};
use conserva::error::{Error, Result};
use conserva::event::JournalHead;
use conserva::limits::Limits;
use conserva::package::{BlobReader, Division, Parcel, Plan, PlanOrder, Profile, Share, plan, stream};

use crate::describe::component;
use crate::norms;
use crate::package::Order;

/// Blobs of zeros, known by their length: nothing of them lies anywhere.
#[derive(Default)]
struct Zeros(BTreeMap<Digest, u64>);

impl Zeros {
    fn put(&mut self, bytes: u64) -> Digest {
        let (mut hasher, mut left) = (Hasher::default(), bytes);
        let zeros = vec![0; 1 << 20];
        while left > 0 {
            let now = left.min(zeros.len() as u64);
            hasher.update(&zeros[..usize::try_from(now).expect("a megabyte")]);
            left -= now;
        }
        let (sha256, _) = hasher.finish();
        self.0.insert(sha256, bytes);
        sha256
    }
}

impl BlobReader for Zeros {
    fn open(&self, sha256: &Digest) -> Result<Box<dyn Read>> {
        let bytes = self.0.get(sha256).ok_or_else(|| Error::bug("no such blob"))?;
        Ok(Box::new(std::io::repeat(0).take(*bytes)))
    }
}

fn is_full() -> bool {
    let is_full = std::env::var_os("CONSERVA_SCALE").is_some();
    if !is_full {
        norms::say("NOT CHECKED: the full sizes of scale (CONSERVA_SCALE; scripts/prove has them)");
    }
    is_full
}

/// A line of /proc/self/status, KiB.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// How many bytes of memory `work` takes at its peak above what there is before. Other tests run in this process: the full sizes
/// are measured alone.
fn grown(work: impl FnOnce()) -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak is forgotten");
    let before = status("VmRSS:");
    work();
    status("VmHWM:").saturating_sub(before) * 1024
}

/// One document whose components have these digests and lengths; principal first.
fn document(order: &mut Order, n: u32, contents: &[(Digest, u64)]) -> Parcel {
    let mut parcel = order.parcel(n);
    parcel.copies.clear();
    let of = |(n, (sha256, bytes)): (u32, &(Digest, u64))| {
        let role = if n == 0 { Role::Principale } else { Role::Allegato };
        Component { sha256: *sha256, bytes: *bytes, ..component(role, n.max(1), &format!("{n}.tif"), b"") }
    };
    parcel.components = (0..).zip(contents).map(of).collect();
    parcel
}

fn generous() -> Limits {
    Limits { pdv_bytes_max: u64::MAX, metadata_bytes_max: 2 << 30, pdv_documents_max: usize::MAX, ..Limits::default() }
}

fn one_plan(order: &Order, parcels: &[Parcel], limits: &Limits) -> Plan {
    let describe = |_: &Aggregation, _: &[DocumentId]| Ok("<AggregazioneDocumentaliInformatiche/>".to_owned());
    let mut plans = plan(&planning(order, &describe, limits), parcels).expect("plans");
    assert_eq!(plans.len(), 1);
    plans.remove(0)
}

fn planning<'a>(
    order: &'a Order,
    describe_aggregation: &'a conserva::package::DescribeAggregation<'a>,
    limits: &'a Limits,
) -> PlanOrder<'a> {
    PlanOrder {
        profile: Profile::Agid,
        ente: &order.desk.ente,
        instant: "2024-06-01T10:00:00Z".parse().expect("instant"),
        journal: JournalHead { ente: "c_v000".into(), n: 42, digest: Digest::of(b"head") },
        version: "0.1.0",
        describe_aggregation,
        limits,
        versatore: None,
    }
}

/// Counts what is written.
struct Counting(u64);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn content_without_end_goes_into_a_package_in_flat_memory() {
    let (count, bytes) = if is_full() { (12_u32, 5_u64 << 30) } else { (3, 24 << 20) };
    let mut order = Order::of(0);
    let mut zeros = Zeros::default();
    let sha256 = zeros.put(bytes);
    let parcels: Vec<Parcel> = (0..count).map(|n| document(&mut order, n, &[(sha256, bytes)])).collect();
    let plan = one_plan(&order, &parcels, &generous());
    let (mut sink, begun) = (Counting(0), std::time::Instant::now());
    let mut written = None;
    let grown = grown(|| written = Some(stream(&plan, &zeros, &mut sink).expect("written")));
    let written = written.expect("written");
    assert_eq!(sink.0, written.bytes);
    assert!(written.bytes > u64::from(count) * bytes);
    norms::say(&format!(
        "scale: {} bytes into a counting sink in {:.0} s, memory {} KiB above the plan",
        written.bytes,
        begun.elapsed().as_secs_f64(),
        grown / 1024
    ));
    // Beside the pieces under way there are compiled schemas, and in a short tour whatever other tests take.
    assert!(!is_full() || grown < 64 << 20, "{grown} bytes");
}

/// A file in which zeros are holes.
struct Sparse(std::fs::File);

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > 4_096 && bytes.iter().all(|byte| *byte == 0) {
            self.0.seek(SeekFrom::Current(bytes.len() as i64))?;
            return Ok(bytes.len());
        }
        // A piece of headers and zeros: its zeros at the end of each page-sized part are holes as well.
        for part in bytes.chunks(4_096) {
            if part.iter().all(|byte| *byte == 0) {
                self.0.seek(SeekFrom::Current(part.len() as i64))?;
            } else {
                self.0.write_all(part)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Builds a package of that many small attachments and large principals into `path`; tells its entries and the memory that it took.
fn large(path: &Path, (documents, attachments, large): (u32, u32, u64)) -> (u64, u64) {
    let mut order = Order::of(0);
    let mut zeros = Zeros::default();
    let (small, large) = ((zeros.put(100), 100), (zeros.put(large), large));
    let contents: Vec<(Digest, u64)> = std::iter::once(large).chain((0..attachments).map(|_| small)).collect();
    let parcels: Vec<Parcel> = (0..documents).map(|n| document(&mut order, n, &contents)).collect();
    let plan = one_plan(&order, &parcels, &generous());
    drop(parcels);
    let mut sink = Sparse(std::fs::File::create(path).expect("a file"));
    let mut written = None;
    let grown = grown(|| written = Some(stream(&plan, &zeros, &mut sink).expect("written")));
    let written = written.expect("written");
    sink.0.set_len(written.bytes).expect("its length");
    (written.files, grown)
}

#[test]
fn a_package_past_every_number_of_thirty_two_bits_is_built_and_verified_and_each_entry_takes_little_memory() {
    if !is_full() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("grande.zip");
    let begun = std::time::Instant::now();
    let (few, of_few) = large(&path, (4, 5_000, 1 << 20));
    let (files, of_many) = large(&path, (4, 17_500, 5 << 30));
    assert!(files > 65_535 && std::fs::metadata(&path).expect("it").len() > 20 << 30);
    let each = of_many.saturating_sub(of_few) / (files - few);
    norms::say(&format!(
        "scale: {files} entries, {} bytes, in {:.0} s; memory above the plan {} KiB, {each} bytes for each further entry",
        std::fs::metadata(&path).expect("it").len(),
        begun.elapsed().as_secs_f64(),
        of_many / 1024,
    ));
    let (begun, mut report) = (std::time::Instant::now(), None);
    let options = conserva::verify::Options { only_digests: true, ..Default::default() };
    let limits = conserva::limits::Limits { metadata_bytes_max: 2 << 30, ..Limits::default() };
    let options = conserva::verify::Options { limits, ..options };
    let grown = grown(|| report = Some(conserva::verify::report(&path, &options).expect("a report")));
    let report = report.expect("a report");
    assert!(report.ok && report.files == files, "{}", report.text(conserva::messages::Lang::En));
    norms::say(&format!("scale: verified in {:.0} s, memory {} KiB", begun.elapsed().as_secs_f64(), grown / 1024));
    let zip = zip::ZipArchive::new(std::fs::File::open(&path).expect("it")).expect("another reader opens it");
    assert_eq!(zip.len() as u64, files);
}

#[test]
fn a_hundred_thousand_documents_are_planned_part_by_part_in_the_memory_of_one_part() {
    let count = if is_full() { 100_000_u32 } else { 3_000 };
    let mut order = Order::of(0);
    let first = document(&mut order, 0, &[(Digest::of(b"x"), 50_000)]);
    let made = |n: u32| {
        let mut parcel = first.clone();
        parcel.document.id = DocumentId(Digest::id("doc", &[&n.to_be_bytes()]));
        parcel
    };
    let mut numbers: BTreeMap<DocumentId, u32> = BTreeMap::new();
    let limits = Limits::default();
    let describe =
        |_: &Aggregation, ids: &[DocumentId]| Ok(format!("<AggregazioneDocumentaliInformatiche n=\"{}\"/>", ids.len()));
    let begun = std::time::Instant::now();
    let shares: Vec<Share> = (0..count)
        .map(|n| {
            let parcel = made(n);
            numbers.insert(parcel.document.id.clone(), n);
            Share::ensured(&parcel, &limits).expect("a share")
        })
        .collect();
    let planning = planning(&order, &describe, &limits);
    let division = Division::of(&planning, &first.aggregation.as_ref().expect("filed").id, shares);
    let (mut documents, mut previous, mut most) = (0, None, 0);
    let grown = grown(|| {
        for (n, ids) in division.parts().iter().enumerate() {
            let parcels: Vec<Parcel> = ids.iter().map(|id| made(numbers[id])).collect();
            let plan = division.plan(&planning, n, &parcels.iter().collect::<Vec<_>>()).expect("a plan");
            assert_eq!((plan.part.n as usize, plan.part.of as usize), (n + 1, division.parts().len()));
            assert_eq!(plan.part.previous, previous, "each names the one before");
            documents += plan.documents.len();
            most = most.max(serde_json::to_string(&plan).expect("json").len());
            previous = Some(plan.id);
        }
    });
    assert_eq!(documents, count as usize);
    assert!(division.parts().len() >= count as usize / limits.pdv_documents_max);
    norms::say(&format!(
        "scale: {count} documents in {} linked packages planned in {:.1} s; the largest plan has {most} bytes, memory {} KiB above the ids",
        division.parts().len(),
        begun.elapsed().as_secs_f64(),
        grown / 1024
    ));
    assert!(!is_full() || grown < 200 << 20, "{grown} bytes");
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

#[test]
fn the_whole_verdict_costs_two_milliseconds_a_metadata_file_beyond_the_digests() {
    if !is_full() {
        return;
    }
    let order = Order::of(1_500);
    let plan = &order.plan().expect("a plan")[0];
    let (_folder, built) = crate::package::built(plan, &order.blobs);
    let verified = |only_digests| {
        let (begun, options) = (cpu(), conserva::verify::Options { only_digests, ..Default::default() });
        let mut peak = 0;
        let mut ok = false;
        peak += grown(|| ok = conserva::verify::report(&built.path, &options).expect("a report").ok);
        assert!(ok);
        (cpu() - begun, peak / 1024)
    };
    let (digests, whole) = (verified(true), verified(false));
    // Of each document its metadata and its events; of the package aggregation, events and index.
    let files = 2 * plan.documents.len() + 3;
    let each = (whole.0 - digests.0) * 1_000.0 / files as f64;
    norms::say(&format!(
        "scale: verify of {} files: digests {:.2} s CPU, {} KiB; whole {:.2} s CPU, {} KiB; {each:.2} ms more for each of {files} metadata files",
        built.files, digests.0, digests.1, whole.0, whole.1
    ));
    assert!(cfg!(debug_assertions) || each <= 2.0, "{each} ms");
}
