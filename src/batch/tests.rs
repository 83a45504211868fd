//! Batches page by page: what is found, what is missed, and that nothing is cut where it should not be.

use super::*;
use crate::separator::Numero;

const HERE: (&str, &str) = ("c_x912", "lotti");

fn qr() -> Separators {
    Separators { codes: vec![CodeKind::Qr, CodeKind::Code39, CodeKind::PatchT], ..Separators::default() }
}

fn sheet(n: u32, of: u32) -> Separator {
    Separator {
        ente: HERE.0.into(),
        profilo: HERE.1.into(),
        lotto: Some("L1".into()),
        numero: Some(Numero { n, of }),
        ..Separator::default()
    }
}

/// `t` text, `b` blank, `p` patch T, `?` a sign, `x` unseen, `s` a start, `1`–`9` our separator of that number.
fn seen(pages: &str, of: u32) -> Vec<Sighting> {
    let code = |kind, text: String| vec![Code { kind, text }];
    let one = |(n, page): (u32, char)| {
        let mut seen = Sighting { n, ..Sighting::default() };
        match page {
            'b' => seen.blank = true,
            'p' => seen.codes = code(CodeKind::PatchT, String::new()),
            'P' => seen.codes = code(CodeKind::Code39, "PATCHT".into()),
            's' => seen.codes = code(CodeKind::Code39, "ASN00123".into()),
            '?' => seen.signs = vec![CodeKind::Qr],
            'x' => seen.unseen = true,
            digit => seen.codes = digit.to_digit(10).map_or(Vec::new(), |k| code(CodeKind::Qr, sheet(k, of).text())),
        }
        seen
    };
    (1..).zip(pages.chars()).map(one).collect()
}

fn planned(settings: &Separators, pages: &str, of: u32) -> (Vec<(u32, u32)>, Vec<String>) {
    let plan = plan(settings, HERE, &seen(pages, of));
    let pieces = plan.pieces.iter().map(|piece| (piece.first, piece.last)).collect();
    let doubt = |hold: &Hold| match hold.page {
        Some(page) => format!("{} {page}", hold.message.code()),
        None => hold.message.code().to_owned(),
    };
    (pieces, plan.doubts.iter().map(doubt).collect())
}

fn sure(settings: &Separators, pages: &str, of: u32) -> Vec<(u32, u32)> {
    let (pieces, doubts) = planned(settings, pages, of);
    assert!(doubts.is_empty(), "{pages}: {doubts:?}");
    pieces
}

#[test]
fn a_whole_set_divides_whatever_else_looks_like_a_code() {
    assert_eq!(sure(&qr(), "1tt2t3ttt", 3), [(2, 3), (5, 5), (7, 9)]);
    assert_eq!(sure(&qr(), "1t?2xt3t", 3), [(2, 3), (5, 6), (8, 8)], "no separator of the set is missing");
    assert_eq!(sure(&qr(), "1tbt2t", 2), [(2, 4), (6, 6)], "a blank page cuts nothing");
}

#[test]
fn a_number_that_is_missing_is_said_with_the_pages_where_it_may_lie() {
    assert_eq!(planned(&qr(), "1tt3t", 3).1, ["separator-missing", "separator-perhaps 2", "separator-perhaps 3"]);
    assert_eq!(planned(&qr(), "1t?3t", 3).1, ["separator-missing", "separator-suspect 3"]);
    assert_eq!(planned(&qr(), "1tx3t", 3).1, ["separator-missing", "separator-unseen 3"]);
    assert_eq!(planned(&qr(), "tt2t", 2).1, ["separator-missing", "separator-perhaps 1", "separator-perhaps 2"]);
    assert_eq!(planned(&qr(), "1t2t", 3).1, ["separator-missing", "separator-perhaps 4"]);
}

#[test]
fn numbers_that_come_twice_in_disorder_or_of_two_sets_are_doubts() {
    assert_eq!(planned(&qr(), "1t1t2t", 2).1, ["separator-order 3"]);
    assert_eq!(planned(&qr(), "1t3t2t", 3).1.last().map(String::as_str), Some("separator-order 5"));
    let mut two = seen("1t2t", 2);
    two[2].codes[0].text = Separator { lotto: Some("L2".into()), ..sheet(2, 2) }.text();
    let codes: Vec<_> = plan(&qr(), HERE, &two).doubts.iter().map(|hold| hold.message.code().to_owned()).collect();
    assert_eq!(codes[0], "separator-set");
    assert_eq!(planned(&qr(), "t1t2t", 2).1, ["separator-before 1"]);
}

#[test]
fn the_sheets_that_a_separator_declares_are_counted() {
    let told = |pages: &str, fogli, sides| {
        let mut all = seen(pages, 1);
        let at = all.iter().position(|seen| !seen.codes.is_empty()).expect("a separator");
        all[at].codes[0].text = Separator { fogli: Some(fogli), ..sheet(1, 1) }.text();
        plan(&Separators { sides, ..qr() }, HERE, &all).doubts
    };
    assert!(told("1ttt", 3, 1).is_empty());
    let doubts = told("1ttt", 2, 1);
    assert_eq!((doubts[0].message.code(), doubts[0].page), ("separator-sheets", Some(1)));
    assert!(told("1bttbb", 2, 2).is_empty());
    assert_eq!(told("1bttbb", 4, 2)[0].message.code(), "separator-sheets");
}

#[test]
fn the_data_of_a_separator_are_said_of_its_own_document_only() {
    let plan = plan(&qr(), HERE, &seen("1t2tt", 2));
    let said: Vec<_> = plan.pieces.iter().map(|piece| piece.said.as_ref().expect("said").1.numero.expect("number").n).collect();
    assert_eq!(said, [1, 2]);
    let pages: Vec<_> = plan.pieces.iter().map(|piece| piece.said.as_ref().expect("said").0).collect();
    assert_eq!(pages, [1, 3]);
}

#[test]
fn a_separator_of_another_ente_or_another_profile_is_a_doubt() {
    for other in [("c_y001", "lotti"), ("c_x912", "altri")] {
        let doubts = plan(&qr(), other, &seen("1t", 1)).doubts;
        assert_eq!((doubts[0].message.code(), doubts[0].page), ("separator-elsewhere", Some(1)), "{other:?}");
    }
}

#[test]
fn a_separator_whose_data_cannot_be_read_is_a_doubt_at_its_page() {
    let mut all = seen("1t2t", 2);
    all[2].codes = vec![Code { kind: CodeKind::Code128, text: sheet(2, 2).tag() }];
    let plan = plan(&qr(), HERE, &all);
    let doubts: Vec<_> = plan.doubts.iter().map(|hold| (hold.message.code(), hold.page)).collect();
    assert_eq!(doubts, [("separator-partial", Some(3))]);
    assert_eq!(plan.pieces.len(), 2, "where it lies is known");
    all[2].codes = vec![Code { kind: CodeKind::Qr, text: "CONSERVA2;ente=x".into() }];
    assert!(super::plan(&qr(), HERE, &all).doubts.iter().any(|hold| hold.message.code() == "separator-strange"));
    all[2].codes = [sheet(1, 2), sheet(2, 2)].map(|sheet| Code { kind: CodeKind::Qr, text: sheet.text() }).to_vec();
    assert!(super::plan(&qr(), HERE, &all).doubts.iter().any(|hold| hold.message.code() == "separator-two"));
}

#[test]
fn generic_sheets_divide_and_what_stands_before_the_first_is_a_document() {
    assert_eq!(sure(&qr(), "ttptPt", 0), [(1, 2), (4, 4), (6, 6)]);
    assert_eq!(sure(&qr(), "pttp", 0), [(2, 3)], "a sheet at an end cuts nothing off");
    assert_eq!(planned(&qr(), "tp?t", 0).1, ["separator-suspect 3"]);
    let bars = Separators { codes: vec![CodeKind::Code128], ..Separators::default() };
    assert_eq!(planned(&bars, "tpt", 0).1, ["batch-none"], "a kind of code that the profile does not name");
    assert!(planned(&Separators { required: false, ..bars }, "ttt", 0).1.is_empty());
}

#[test]
fn a_first_page_that_carries_the_code_stays_the_first_page_of_its_document() {
    let asn = Separators { starts: vec!["ASN*".into()], ..qr() };
    assert_eq!(sure(&asn, "stsst", 0), [(1, 2), (3, 3), (4, 5)]);
    assert_eq!(sure(&asn, "tst", 0), [(1, 1), (2, 3)]);
}

#[test]
fn backs_of_separators_are_of_no_document_and_blank_backs_cut_nothing() {
    let duplex = Separators { sides: 2, ..qr() };
    assert_eq!(sure(&duplex, "1btbtt2btb", 2), [(3, 6), (9, 10)]);
    assert_eq!(sure(&duplex, "b1tb2btb", 2), [(3, 4), (7, 8)], "a separator that lay face down");
    let apart = set_apart(&plan(&duplex, HERE, &seen("b1tb2btb", 2)).separators);
    assert_eq!(apart.into_iter().collect::<Vec<_>>(), [1, 2, 5, 6]);
    let (pieces, doubts) = planned(&duplex, "1ttb", 1);
    assert_eq!((pieces, doubts), (vec![(2, 4)], vec!["separator-back 2".to_owned()]), "what stands on its back is not lost");
    assert_eq!(planned(&duplex, "1btbt", 1).1, ["batch-sides"]);
}

#[test]
fn a_blank_sheet_divides_where_the_profile_says_so_only() {
    let blank = Separators { blank: true, ..Separators::default() };
    assert_eq!(sure(&blank, "ttbt", 0), [(1, 2), (4, 4)]);
    assert_eq!(sure(&qr(), "1tbtb", 1), [(2, 5)]);
    let sheets = Separators { sides: 2, ..blank.clone() };
    assert_eq!(sure(&sheets, "tbbbtb", 0), [(1, 2), (5, 6)], "a blank back alone is no blank sheet");
    let mut traced = seen("tbt", 0);
    traced[1].traces = true;
    assert_eq!(plan(&blank, HERE, &traced).pieces.len(), 1, "faint writing is no blank sheet");
}

#[test]
fn pages_are_counted_where_the_profile_says_so() {
    let three = Separators { pages: 3, ..Separators::default() };
    assert_eq!(sure(&three, "tttttt", 0), [(1, 3), (4, 6)]);
    assert_eq!(planned(&three, "tttt", 0).1, ["batch-rest 4"]);
}

#[test]
fn separators_with_nothing_behind_them_are_doubts() {
    assert_eq!(planned(&qr(), "12t", 2).1, ["separator-empty 1"]);
    assert_eq!(planned(&qr(), "1t2", 2).1, ["separator-empty 3"]);
}

#[test]
fn every_page_is_in_one_document_or_set_apart_whatever_is_found() {
    let mut state = 7_u64;
    for _ in 0..2_000 {
        let mut next = |most: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % most
        };
        let pages: String = (0..=next(12)).map(|_| ['t', 'b', 'p', '?', 'x', 's', '1', '2', '3'][next(9)]).collect();
        let sides = 1 + next(2) as u32;
        let settings = Separators { sides, blank: next(2) == 0, starts: vec!["ASN*".into()], ..qr() };
        let plan = plan(&settings, HERE, &seen(&pages, 3));
        let mut all: Vec<u32> = set_apart(&plan.separators).into_iter().collect();
        all.extend(plan.pieces.iter().flat_map(|piece| piece.first..=piece.last));
        all.sort_unstable();
        assert_eq!(all, (1..=pages.len() as u32).collect::<Vec<_>>(), "{pages} {settings:?}");
    }
}
