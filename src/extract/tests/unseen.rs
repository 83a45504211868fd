//! What papers taught that nobody had seen when the rules were written.

use super::super::*;
use super::{ente, pages, read};
use crate::fields::PartyKind;

#[test]
fn a_law_that_a_paper_cites_under_its_title_is_no_registration_of_ours() {
    for text in [
        "COMUNE DI PIETRACHIARA\nUfficio Leva\n\nELENCO DEI GIOVANI NATI NEL 2008\n(Decreto legislativo 15 marzo 2010, n. 66)\n\n1 Neri Ugo\n",
        "COMUNE DI PIETRACHIARA\n\nDECRETO LEGISLATIVO 18 AGOSTO 2000 N. 267\nPROSPETTO DELLE SPESE\n\nSi riportano le voci.\n",
        "COMUNE DI PIETRACHIARA\n\nDECRETO DEL SINDACO\n(art. 50 del d.lgs. 18 agosto 2000, n. 267)\n\nIL SINDACO\nnomina\n",
        "COMUNE DI PIETRACHIARA\n\nDecreto del Presidente della Repubblica 28 dicembre 2000 n. 445\nDICHIARAZIONE\n",
    ] {
        assert_eq!(read(text).repertorio.map(|r| r.value), None, "{text}");
    }
    let own = "COMUNE DI PIETRACHIARA\n\nDECRETO SINDACALE N. 7 DEL 03/04/2024\n(art. 50 del d.lgs. 18 agosto 2000, n. 267)\n\nIL SINDACO\nnomina\n";
    let own = read(own).repertorio.expect("ours").value;
    assert_eq!((own.numero.as_str(), own.anno), ("7", 2024));
}

#[test]
fn a_firm_that_the_text_speaks_of_lends_its_number_to_nobody_else() {
    let letter = |head: &str, foot: &str| {
        format!(
            "{head}\n\nAl Comune di Pietrachiara\n\nOggetto: fine dei lavori del capannone\n\nPer conto della Forni Riuniti S.r.l. (P.IVA 00743110157) si dichiara\n\
             la fine dei lavori.\n\nCordiali saluti\n\n\n\n\n\n\n\n{foot}\n"
        )
    };
    let code = |text: &str| read(text).mittente.and_then(|m| m.value.codice);
    assert_eq!(code(&letter("CANTIERI DEL PO S.p.A.\nVia Argine 4 - Cremona", "")), None);
    assert_eq!(code(&letter("CANTIERI DEL PO S.p.A.\nVia Argine 4 - P.IVA 00488410010", "")).as_deref(), Some("00488410010"));
    let foot = "Cantieri del Po S.p.A. - Via Argine 4 - Cremona - P.IVA 00488410010";
    assert_eq!(code(&letter("CANTIERI DEL PO S.p.A.", foot)).as_deref(), Some("00488410010"), "at the foot of the page");
}

#[test]
fn a_letterhead_over_two_rows_is_one_name_and_an_unnamed_practice_is_its_professionals() {
    let name = |head: &str| {
        let text = format!(
            "{head}\n\nAl Comune di Pietrachiara\n\nOggetto: preventivo\n\nSi trasmette il preventivo.\n\nCordiali saluti\n"
        );
        read(&text).mittente.map(|m| (m.value.nome, m.value.kind))
    };
    let firm = name("AUTOSPURGHI FRATELLI NERI DI NERI UGO & C.\nS.N.C.\nVia dei Mulini 3");
    assert_eq!(firm.map(|f| f.0).as_deref(), Some("AUTOSPURGHI FRATELLI NERI DI NERI UGO & C. S.N.C."));
    let person = name("Geom. Ugo Neri\nStudio Tecnico - Cremona\nugo.neri@geometri.example");
    assert_eq!(person, Some(("Ugo Neri".to_owned(), PartyKind::PersonaFisica)));
    assert_eq!(
        name("Studio Legale Neri e Associati\nVia Roma 1").map(|f| f.0).as_deref(),
        Some("Studio Legale Neri e Associati")
    );
}

#[test]
fn the_oggetto_of_an_act_has_two_sentences_and_that_of_a_letter_ends_where_it_begins_to_speak() {
    let oggetto = |text: &str| read(text).oggetto.map(|o| o.value);
    let act = "COMUNE DI PIETRACHIARA\n\nDETERMINAZIONE N. 12 DEL 03/04/2024\n\nOggetto: Fornitura di sedie per la biblioteca di via dei Mulini.\n\
        Affidamento diretto e impegno di spesa\n\nIL RESPONSABILE\nVisto il regolamento\n";
    let whole = "Fornitura di sedie per la biblioteca di via dei Mulini. Affidamento diretto e impegno di spesa";
    assert_eq!(oggetto(act).as_deref(), Some(whole));
    for opens in [
        "Codesta ditta è invitata a presentare offerta",
        "Buongiorno, scrivo per la bolletta",
        "La S.V. è convocata",
        "Mi viene chiesto un documento",
    ] {
        let letter = format!(
            "Ugo Neri\n\nAl Comune di Pietrachiara\n\nOggetto: servizio di pulizia degli uffici comunali\n{opens}\nper il giorno 12.\n"
        );
        assert_eq!(oggetto(&letter).as_deref(), Some("servizio di pulizia degli uffici comunali"), "{opens}");
    }
}

#[test]
fn an_empty_row_ends_the_oggetto() {
    let body = "Questo ufficio ha ricevuto la richiesta del mese scorso e\nne ha preso nota nei modi che il regolamento prevede per\ntutti coloro che \
        ne fanno domanda nei termini di legge e\nnelle forme che sono state stabilite dal consiglio di allora\nper i cittadini che hanno in questo comune la loro residenza\n\
        e per tutti gli altri che vi hanno beni di qualsiasi specie\n";
    // Rows lie closer than they are high: an empty one leaves less than a row and a half.
    let mut pages = pages(
        &format!("Ugo Neri\n\nAl Comune di Pietrachiara\n\nOggetto: richiesta di chiarimenti sulle imposte comunali\n\n{body}"),
        "tesseract",
    );
    for word in pages.iter_mut().flat_map(|p| &mut p.blocks).flat_map(|b| &mut b.lines).flat_map(|l| &mut l.words) {
        word.rect.y = 100 + (word.rect.y - 100) * 48 / 60;
    }
    let found = fields(&pages, &ente()).oggetto.map(|o| o.value);
    assert_eq!(found.as_deref(), Some("richiesta di chiarimenti sulle imposte comunali"));
}

#[test]
fn the_label_of_a_code_is_no_part_of_a_name() {
    for label in ["CF", "C.F.", "c. f.:", "cod. fisc.", "Codice Fiscale:"] {
        assert_eq!(names::bare(&format!("Sig. Ugo Neri {label}")), "Ugo Neri", "{label}");
    }
    assert_eq!(names::bare("C.F. Impianti"), "C.F. Impianti");
}
