//! The printed sheets: a PDF/A by every judge, read back as they were written, whichever way they lie.

use std::borrow::Cow;
use std::path::Path;

use conserva::batch::Code;
use conserva::copy::{PdfaLevel, SeparatorOrder, separators};
use conserva::separator::{CodeKind, Numero, Said, Separator, parse};
use conserva::spot::{self, Gray};
use image::GrayImage;

use super::super::copy::{breaches, preflight};
use super::super::stage::{Stage, said};
use super::super::watch::configure;
use super::rendered;

const ALL: [CodeKind; 4] = [CodeKind::Qr, CodeKind::Code128, CodeKind::Code39, CodeKind::PatchT];

fn order(level: PdfaLevel, has_patch: bool) -> SeparatorOrder {
    let sheet = |n| Separator {
        ente: "c_x912".into(),
        profilo: "lotti".into(),
        lotto: Some("Lotto «Àèì» 7".into()),
        numero: Some(Numero { n, of: 3 }),
        fogli: Some(12),
        voce: Some("VI.3".into()),
        fascicolo: Some("Permesso di costruire 87/2019, via dell'Università 12, scala B".into()),
        protocollo: Some(("0004512".into(), 2024)),
        operatore: Some("mrossi".into()),
    };
    SeparatorOrder { sheets: (1..=3).map(sheet).collect(), has_patch, level, instant: jiff::Timestamp::UNIX_EPOCH }
}

fn written(order: &SeparatorOrder, path: &Path) {
    let mut bytes = Vec::new();
    let length = separators(order, &mut bytes).expect("sheets");
    assert_eq!(length, bytes.len() as u64);
    std::fs::write(path, bytes).expect("written");
}

fn codes(page: &GrayImage, wanted: &[CodeKind]) -> Vec<Code> {
    let gray = Gray { width: page.width(), height: page.height(), pixels: Cow::Borrowed(page.as_raw()) };
    let spotted = spot::codes(&gray, wanted);
    assert!(spotted.signs.is_empty(), "{spotted:?}");
    spotted.codes
}

#[test]
fn separator_sheets_are_pdfa_by_every_judge() {
    let folder = tempfile::tempdir().expect("folder");
    let mut first = Vec::new();
    for (level, part) in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2), (PdfaLevel::A3b, 3)] {
        for has_patch in [false, true] {
            let path = folder.path().join(format!("fogli-{part}-{has_patch}.pdf"));
            written(&order(level, has_patch), &path);
            let found = breaches(&path, part);
            assert!(found.is_empty(), "{part}: {found:#?}");
            if part == 1 {
                first.push(path);
            }
        }
    }
    if let Some(verdicts) = preflight(&first, folder.path()) {
        assert!(verdicts.iter().all(|(is_valid, _)| *is_valid), "{verdicts:#?}");
    }
}

#[test]
fn a_sheet_says_what_it_was_told_whichever_way_it_lies() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("fogli.pdf");
    let order = order(PdfaLevel::A2b, true);
    written(&order, &path);
    let pages = rendered(&path, 150);
    let page = &pages[0];
    let turned =
        [page.clone(), image::imageops::rotate90(page), image::imageops::rotate180(page), image::imageops::rotate270(page)];
    for (turn, page) in turned.iter().enumerate() {
        let codes = codes(page, &ALL);
        let said = |kind| codes.iter().find(|code| code.kind == kind).map(|code| parse(&code.text));
        let Some(Said::Sheet(read, _)) = said(CodeKind::Qr) else { panic!("{turn}: {codes:?}") };
        assert_eq!(*read, order.sheets[0]);
        let is_tagged = matches!(said(CodeKind::Code128), Some(Said::Tag(numero, _)) if numero == read.numero);
        assert!(is_tagged && said(CodeKind::PatchT).is_some(), "{turn}: {codes:?}");
    }
}

#[test]
fn the_words_of_a_sheet_can_be_found_and_copied() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("fogli.pdf");
    written(&order(PdfaLevel::A2b, false), &path);
    let doc = lopdf::Document::load(&path).expect("a PDF");
    let text = doc.extract_text(&[2]).expect("text").split_whitespace().collect::<Vec<_>>().join(" ");
    for word in ["Foglio separatore", "Lotto «Àèì» 7", "VI.3", "0004512/2024", "mrossi", "lotti"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn the_verb_prints_a_set_and_refuses_what_would_mislead() {
    let stage = Stage::with_archive();
    configure(&stage, "\n[[inbox]]\nprofile = 'lotti'\n[inbox.separators]\ncodes = ['qr']\n");
    let file = stage.path("fogli.pdf");
    let file = file.to_str().expect("a path");
    let told =
        &stage.json(&["separators", "--profile", "lotti", "--count", "2", "--lot", "L7", "--voce", "VI.3", "-o", file], &[0])[0];
    assert_eq!((&told["count"], &told["lotto"]), (&2.into(), &"L7".into()));
    let read = |page: &GrayImage| {
        let codes = codes(page, &[CodeKind::Qr]);
        match parse(&codes.first().expect("a code").text) {
            Said::Sheet(sheet, _) => *sheet,
            other => panic!("{other:?}"),
        }
    };
    let sheets: Vec<Separator> = rendered(Path::new(file), 150).iter().map(read).collect();
    assert_eq!(
        sheets.iter().filter_map(|sheet| sheet.numero).map(|numero| (numero.n, numero.of)).collect::<Vec<_>>(),
        [(1, 2), (2, 2)]
    );
    assert!(sheets.iter().all(|sheet| sheet.voce.as_deref() == Some("VI.3") && sheet.lotto.as_deref() == Some("L7")));
    let list = stage.path("elenco.csv");
    std::fs::write(&list, "fogli,fascicolo,protocollo\n2,pratica 1,17/2024\n,\"pratica 2; bis\",\n").expect("list");
    let list = list.to_str().expect("a path");
    stage.json(&["separators", "--profile", "lotti", "--list", list, "-o", file], &[0]);
    let sheets: Vec<Separator> = rendered(Path::new(file), 150).iter().map(read).collect();
    assert_eq!((sheets[0].fogli, sheets[0].protocollo.clone()), (Some(2), Some(("0000017".into(), 2024))));
    assert_eq!((sheets[1].fogli, sheets[1].fascicolo.as_deref()), (None, Some("pratica 2; bis")));
    assert!(sheets[0].lotto.is_some(), "a set is named after its moment");
    stage.json(&["separators", "--profile", "lotti", "--reusable", "--count", "1", "-o", file], &[0]);
    let sheets: Vec<Separator> = rendered(Path::new(file), 150).iter().map(read).collect();
    assert!(sheets.iter().all(|sheet| sheet.numero.is_none() && sheet.lotto.is_none()));
    std::fs::write(list, "fogli,colore\n2,rosso\n").expect("list");
    let long = "f".repeat(400);
    for wrong in [
        &["--profile", "altri"][..],
        &["--profile", "lotti", "--count", "1001"],
        &["--profile", "lotti", "--count", "0"],
        &["--profile", "lotti", "--sheets", "1001"],
        &["--profile", "lotti", "--voce", "XX.99"],
        &["--profile", "lotti", "--protocollo", "2024"],
        &["--profile", "lotti", "--protocollo", "1/2024", "--count", "2"],
        &["--profile", "lotti", "--fascicolo", &long],
        &["--profile", "lotti", "--list", list],
    ] {
        let output = stage.run(&[&["separators", "-o", file], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", said(&output));
    }
}
