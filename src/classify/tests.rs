use super::*;
use crate::aggregation::{TipoAggregazione, TipoFascicolo};
use crate::page::{Block, Line, Rect, Word};

fn filed(text: &str) -> Filing {
    filed_with(text, &Fields::default())
}

fn filed_with(text: &str, fields: &Fields) -> Filing {
    let line = |text: &str| Line {
        words: text
            .split_whitespace()
            .map(|w| Word { text: w.into(), rect: Rect::default(), confidence: 90.0, alternatives: Vec::new() })
            .collect(),
    };
    let lines = text.lines().map(line).filter(|l| !l.words.is_empty()).collect();
    let pages = [PageText { n: 1, width: 1, height: 1, origin: "tesseract".into(), rotation: 0, blocks: vec![Block { lines }] }];
    let (ente, id) = (Ente::prova(), DocumentId("doc-1".into()));
    let experience = Experience::default();
    let received = jiff::civil::date(2024, 2, 1);
    let context = Context {
        ente: &ente,
        titolario: Titolario::comuni(),
        retention: None,
        experience: &experience,
        document: &id,
        received,
    };
    filing(&pages, fields, &context)
}

#[test]
fn an_act_that_the_body_only_cites_does_not_decide() {
    let filing = filed(
        "Spett.le Ditta\nsi inoltra quanto segue in ordine alla procedura di cui trattasi e alle sue fasi successive entro i termini\nvista la deliberazione della giunta comunale n. 58 e richiamata la determinazione n. 3 del responsabile del servizio si resta in attesa\ncon voti unanimi si era deciso allora come dal verbale di accertamento già in possesso degli uffici in indirizzo e per conoscenza",
    );
    assert!(filing.doubts.iter().any(|h| h.message.code() == "classification-uncertain"), "{filing:?}");
}

#[test]
fn a_title_without_structure_is_held() {
    let filing = filed("CONTRATTO\n");
    assert_eq!(filing.tipo.value, "contratto");
    assert!(!filing.doubts.is_empty());
}

#[test]
fn a_page_without_any_cue_is_held_with_no_confidence() {
    for (text, code) in [("xyz", "classification-no-cue"), ("", "classification-no-text")] {
        let filing = filed(text);
        assert!(filing.confidence.abs() < f32::EPSILON && filing.tipo.value.is_empty(), "{text}: {}", filing.tipo.value);
        assert_eq!(filing.doubts.iter().map(|d| d.message.code()).collect::<Vec<_>>(), [code]);
    }
}

#[test]
fn an_act_joins_the_serie_of_its_repertory_and_keeps_the_voce_of_its_subject() {
    let filing = filed(
        "ORDINANZA N. 4 DEL 01/02/2024\nRicovero di cani vaganti presso il canile\nIL SINDACO\nvisto l'art. 50\nORDINA\nla cattura dei cani randagi",
    );
    assert_eq!((filing.tipo.value.as_str(), filing.voce.value.0.as_str()), ("ordinanza", "X.5"));
    assert_eq!(filing.aggregazione.tipo, TipoAggregazione::SerieDocumentale);
    assert_eq!(
        (filing.aggregazione.voce.0.as_str(), filing.aggregazione.serie.as_str(), filing.aggregazione.anno),
        ("I.6", "ordinanza", 2024)
    );
    assert!(filing.doubts.is_empty(), "{filing:?}");
}

#[test]
fn a_medical_paper_is_reserved_and_goes_to_a_persons_fascicolo() {
    let filing = filed("CERTIFICATO MEDICO\nprognosi giorni 5\nmalattia del lavoratore\nmedico curante");
    assert!(filing.riservato);
    assert_eq!(filing.aggregazione.fascicolo, Some(TipoFascicolo::PersonaFisica));
    assert_eq!(filing.aggregazione.thread, "doc-1");
}

#[test]
fn a_place_that_works_are_meant_for_is_not_what_the_paper_is_about() {
    let places = [
        ("DELLA SCUOLA MATERNA", "VII.2"),
        ("DELLA BIBLIOTECA", "VII.5"),
        ("PRESSO LA PALESTRA", "VII.7"),
        ("PER L'ASILO NIDO", "VII.2"),
        ("DEL CIMITERO", "XI.4"),
        ("ALLA PISCINA COMUNALE", "VII.7"),
        ("DEGLI ALLOGGI DI VIA ROMA", "VII.14"),
    ];
    let works = ["OFFERTA PER LA SOSTITUZIONE DELLA CALDAIA", "PREVENTIVO PER LA RIPARAZIONE DEL TETTO", "OFFERTA PER INFISSI"];
    for (place, voce) in places {
        for work in works {
            // The place may stand at the beginning of the next line.
            for text in [format!("{work} {place}\n"), format!("{work}\n{place}\n")] {
                let filing = filed(&format!("{text}la nostra offerta\nper la fornitura"));
                assert!(filing.voce.value.0 != voce || !filing.doubts.is_empty(), "{text}: {:?}", filing.voce);
            }
        }
    }
    for (text, voce) in [
        ("Iscrizione alla scuola materna per il prossimo anno", "VII.2"),
        ("Orario di apertura della biblioteca e nuovi servizi", "VII.5"),
        ("Uso della palestra da parte delle societa sportive", "VII.7"),
    ] {
        let filing = filed(&format!("DETERMINAZIONE N. 4 DEL 01/02/2024\n{text}\nIL RESPONSABILE\ndetermina"));
        assert_eq!(filing.voce.value.0, voce, "{text}");
        assert!(filing.voce.confidence > 0.6, "{text}: {}", filing.voce.confidence);
    }
}

#[test]
fn an_act_that_comes_from_outside_is_asked_of_a_person() {
    use crate::fields::{Party, Protocollo};
    let act = "DETERMINAZIONE N. 12 DEL 03/04/2024\nil responsabile del servizio determina impegno di spesa copertura finanziaria art 183 cig";
    let of = |value| Reading { value, confidence: 1.0, origin: "test".to_owned(), page: None, rect: None, second: None };
    let registered = |verso| {
        let protocollo = Protocollo { numero: "0000012".into(), anno: 2024, data: None, verso: Some(verso) };
        Fields { protocollo: Some(of(protocollo)), ..Fields::default() }
    };
    let party = Party {
        nome: "Segnaletica Neri S.r.l.".into(),
        kind: PartyKind::PersonaGiuridica,
        codice: None,
        indirizzo_digitale: None,
    };
    let sent = Fields {
        mittente: Some(Reading {
            value: party,
            confidence: 1.0,
            origin: "test".to_owned(),
            page: None,
            rect: None,
            second: None,
        }),
        ..Fields::default()
    };
    let is_asked =
        |fields: &Fields| filed_with(act, fields).doubts.iter().any(|doubt| doubt.message.code() == "act-from-outside");
    assert!(is_asked(&registered(Verso::E)) && is_asked(&sent));
    assert!(!is_asked(&registered(Verso::U)) && !is_asked(&registered(Verso::I)) && !is_asked(&Fields::default()));
}
