//! The bar code, patch code and double-sided scans of the shared corpus: a table of verdicts, where the corpus is beside the checkout.

use conserva::batch::{self, Sighting};
use conserva::child::PageAt;
use conserva::separator::{CodeKind, Separators};
use conserva::stack::{Duplex, Stack};

use super::super::stage::{readers, shared};

/// File, its type, texts of separator sheets, texts of first pages, the documents, the doubts.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static [(u32, u32)], &'static [&'static str]);

const PDF: &str = "application/pdf";
const TABLE: &[Row] = &[
    ("barcode-39-asn-123.pdf", PDF, "PATCHT", "ASN*", &[(1, 1)], &["batch-none"]),
    ("barcode-39-custom.pdf", PDF, "CUSTOM BARCODE", "-", &[], &["batch-empty"]),
    ("barcode-qr-custom.pdf", PDF, "CUSTOM BARCODE", "-", &[], &["batch-empty"]),
    ("patch-code-t.pdf", PDF, "PATCHT", "-", &[], &["batch-empty"]),
    ("patch-code-t-middle.pdf", PDF, "PATCHT", "-", &[(1, 1), (3, 3)], &[]),
    ("patch-code-t-middle.tiff", "image/tiff", "PATCHT", "-", &[(1, 1), (3, 3)], &[]),
    ("several-patcht-codes.pdf", PDF, "PATCHT", "-", &[(1, 2), (4, 5), (7, 7)], &[]),
    ("split-by-asn-1.pdf", PDF, "PATCHT", "ASN*", &[(1, 2), (3, 3), (4, 6), (7, 8), (9, 10)], &[]),
];

#[test]
fn the_corpus_of_bar_codes_and_patch_codes_is_divided_as_its_truth_has_it() {
    let Some(scans) = shared("corpus/scans") else { return };
    let folder = tempfile::tempdir().expect("folder");
    let readers = readers(folder.path(), 2);
    for (name, mime, texts, starts, documents, doubts) in TABLE {
        let path = scans.join(name);
        let settings = Separators {
            codes: vec![CodeKind::Qr, CodeKind::Code128, CodeKind::Code39, CodeKind::PatchT],
            texts: vec![(*texts).to_owned()],
            starts: vec![(*starts).to_owned()],
            ..Separators::default()
        };
        let surveys = readers.survey(&path, mime).expect("its pages");
        let pages: Vec<PageAt<'_>> = surveys.iter().map(|survey| PageAt { input: &path, mime, survey, drawings: None }).collect();
        let seen: Vec<Sighting> = readers.sightings(&pages, &settings.wanted()).expect("looked at");
        let plan = batch::plan(&settings, ("c_x912", "lotti"), &seen);
        let pieces: Vec<(u32, u32)> = plan.pieces.iter().map(|piece| (piece.first, piece.last)).collect();
        let told: Vec<&str> = plan.doubts.iter().map(|hold| hold.message.code()).collect();
        let texts: Vec<String> = seen
            .iter()
            .flat_map(|seen| seen.codes.iter().map(|code| format!("{}:{:?} {}", seen.n, code.kind, code.text)))
            .collect();
        eprintln!("{name}: {} pages, {texts:?} → {pieces:?} {told:?}", surveys.len());
        assert_eq!((pieces.as_slice(), told.as_slice()), (*documents, *doubts), "{name}");
    }
}

#[test]
fn a_double_sided_scan_with_a_back_too_few_is_said_and_left_as_it_came() {
    let Some(scans) = shared("corpus/scans") else { return };
    let folder = tempfile::tempdir().expect("folder");
    let readers = readers(folder.path(), 1);
    let count = |name: &str| readers.survey(&scans.join(name), PDF).expect("its pages").len() as u32;
    let counts = [count("double-sided-odd.pdf"), count("double-sided-even.pdf")];
    let (order, doubt) = Stack { duplex: Duplex::TwoPass, files: Vec::new() }.order(&counts);
    let code = doubt.map(|doubt| doubt.message.code().to_owned());
    eprintln!("double-sided-odd.pdf, double-sided-even.pdf: {counts:?} pages → {} in all, {code:?}", order.len());
    assert_eq!((counts, order.len(), code.as_deref()), ([3, 2], 5, Some("duplex-pages")));
}
