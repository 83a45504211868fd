mod unseen;

use super::*;
use crate::fields::Verso;
use crate::page::{Alternative, Block, Line, Rect, Word};

fn ente() -> Ente {
    let mut ente = Ente::prova();
    ente.denominazione = "Comune di Pietrachiara".into();
    ente.codice_ipa = "c_x002".into();
    ente
}

fn pages(text: &str, origin: &str) -> Vec<PageText> {
    let line = |(row, text): (usize, &str)| {
        let words = text.split_whitespace().map(|w| {
            // Where it stands in its line: words that stand apart are apart.
            let column = text.get(..w.as_ptr() as usize - text.as_ptr() as usize).map_or(0, |before| before.chars().count());
            let rect = Rect { x: 100 + column as u32 * 20, y: 100 + row as u32 * 60, w: w.chars().count() as u32 * 20, h: 40 };
            Word { text: w.into(), rect, confidence: 90.0, alternatives: Vec::new() }
        });
        Line { words: words.collect() }
    };
    let lines = text.lines().enumerate().map(line).filter(|l| !l.words.is_empty()).collect();
    vec![PageText { n: 1, width: 2480, height: 3508, origin: origin.into(), rotation: 0, blocks: vec![Block { lines }] }]
}

fn read(text: &str) -> Fields {
    fields(&pages(text, "tesseract"), &ente())
}

#[test]
fn our_stamp_is_read_in_every_layout() {
    let body =
        "\n\nAl Comune di Pietrachiara\n\nOggetto: richiesta di informazioni\n\nIl sottoscritto Aldo Fabbri chiede notizie.\n";
    for stamp in [
        "COMUNE DI PIETRACHIARA\nPROTOCOLLO GENERALE\nN. 0001234/2024\ndel 05/02/2024 - ARRIVO",
        "Comune di Pietrachiara - c_x002 - 0001234 - Ingresso - 05/02/2024 - 09:39",
        "COMUNE DI PIETRACHIARA\nPROT. N. 1234\n05 FEB. 2024\nARRIVO",
        "COMUNE DI PIETRACHIARA\nUFFICIO PROTOCOLLO\nARRIVO\nN. 1234/2024 del 05.02.2024",
        "c_x002.AOO.REGISTRO UFFICIALE.E.0001234.05-02-2024",
        "COMUNE DI PIETRACHIARA\nPG/2024/0001234 del 05/02/2024\nIN ARRIVO",
        "Comune di Pietrachiara\nProt. n. 2024/0001234\nData 05-02-2024\nENTRATA",
        "COMUNE DI PIETRACHIARA - AOO UNICA\nE - PROT. 2024/0001234 del 05-02-2024",
        "CITTÀ DI PIETRACHIARA\nRegistro Ufficiale\n0001234 del 05/02/2024\nProtocollo in arrivo\nAnno 2024",
        "COMUNE DI PIETRACHIARA\nPROTOCOLLO N. 1.234/2024\n05 FEB 2024\nARRIVO",
        "Comune di Pietrachiara\nProtocollo Generale\n05.02.2024 - n. 2024/0001234\nTit. VI Cl. 3 - in arrivo",
        "C0MUNE DI PIETRACHIARA\nPROTOCOLLO GENERALE\nN. 0OO1234/2024\ndel 05/02/2024 - ARR1VO",
    ] {
        for text in [format!("{stamp}{body}"), format!("{:90}{}{body}", "", stamp.replace('\n', &format!("\n{:90}", "")))] {
            let found = read(&text);
            let protocollo = found.protocollo.unwrap_or_else(|| panic!("{text}")).value;
            assert_eq!(
                (protocollo.numero.as_str(), protocollo.anno, protocollo.verso),
                ("0001234", 2024, Some(Verso::E)),
                "{text}"
            );
            assert_eq!(protocollo.data.map(|d| d.to_string()).as_deref(), Some("2024-02-05"), "{text}");
        }
    }
}

#[test]
fn a_paper_of_ours_is_for_whom_its_text_concerns_and_one_that_arrived_for_us() {
    let ours = |text: &str| {
        let found = read(&format!("COMUNE DI PIETRACHIARA\nUfficio Anagrafe\n\n{text}\n\nIl funzionario\n"));
        found.destinatario.map(|d| d.value.nome)
    };
    for (text, name) in [
        ("CERTIFICATO\nSi certifica che Lia Fontana è residente in questo comune", "Lia Fontana"),
        ("CONCESSIONE\nil loculo n. 4 è concesso alla sig.ra Lia Fontana per anni trenta", "Lia Fontana"),
        ("AVVISO DI VIOLAZIONE\nTrasgressore: Lia Fontana nata a Lecco", "Lia Fontana"),
        ("CONTRATTO\ne la ditta Fontana Scavi S.r.l. con sede in Lecco", "Fontana Scavi S.r.l."),
        ("AVVISO\nContribuente\nFontana Lia", "Fontana Lia"),
    ] {
        assert_eq!(ours(text).as_deref(), Some(name), "{text}");
    }
    let act = "DETERMINAZIONE N. 4\nsi liquida alla ditta Fontana Scavi S.r.l. la fattura n. 3";
    assert_eq!(ours(act).as_deref(), Some("Albo pretorio"));
    assert_eq!(
        ours("ORDINANZA N. 5\nPremesso che piove\nORDINA\nai frontisti la pulizia dei fossi").as_deref(),
        Some("Albo pretorio")
    );
    let told = "ORDINANZA N. 5\nPremesso che piove\nORDINA\n- al Servizio strade la chiusura\n- al Comando di Polizia Locale di vigilare";
    assert_eq!(ours(told).as_deref(), Some("Servizio strade; Comando di Polizia Locale"));
    let named = "DECRETO DEL SINDACO N. 2\nVisto il regolamento\nDECRETA\ndi nominare l'arch. Lia Fontana responsabile dell'area";
    assert_eq!(ours(named).as_deref(), Some("Lia Fontana"));
    let contract = "CONTRATTO D'APPALTO\ntra il Comune di Pietrachiara e\nl'impresa Fontana Scavi S.r.l., con sede in Lecco";
    assert_eq!(ours(contract).as_deref(), Some("Fontana Scavi S.r.l."));
    assert_eq!(ours("AVVISO DI ACCERTAMENTO N. 3\nLia Fontana\nVia Lunga n. 4").as_deref(), Some("Lia Fontana"));
    assert_eq!(ours("CERTIFICATO\nCERTIFICA\nche Lia Fontana risiede qui").as_deref(), Some("Lia Fontana"));
    assert_eq!(ours("AVVISO\nSi avvisa la cittadinanza che la strada è chiusa"), None);
    let arrived = read("COMUNE DI PIETRACHIARA\nPROTOCOLLO GENERALE\nN. 0001234/2024\ndel 05/02/2024 - ARRIVO\n\nFattura n. 3\n");
    assert_eq!(arrived.destinatario.map(|d| d.value.kind), Some(crate::fields::PartyKind::Ente));
}

#[test]
fn an_address_is_read_without_honours_and_copies_and_an_office_of_ours_as_ours() {
    let to = |address: &str| {
        let found = read(&format!("{address}\n\nOggetto: richiesta di notizie\n\nIl sottoscritto Aldo Fabbri chiede.\n"));
        found.destinatario.map(|d| d.value.nome).unwrap_or_default()
    };
    for (address, name) in [
        ("Spett.le Comune di Pietrachiara\nAll'Ufficio Tributi", "Comune di Pietrachiara - Ufficio Tributi"),
        ("Alla Polizia Locale di Pietrachiara\ne p.c. al Sindaco", "Comune di Pietrachiara - Polizia Locale"),
        ("Al Sindaco del Comune di Pietrachiara", "Comune di Pietrachiara - Sindaco"),
        ("All'Ufficiale d'Anagrafe del Comune di Pietrachiara", "Comune di Pietrachiara - Ufficio anagrafe"),
        (
            "All'Ill.mo Signor Prefetto\nper il tramite del Comune di Pietrachiara",
            "Prefetto - per il tramite del Comune di Pietrachiara",
        ),
        (
            "Al Sindaco del Comune di Borgolieve\nAl Sindaco del Comune di Altavilla",
            "Sindaco del Comune di Borgolieve; Sindaco del Comune di Altavilla",
        ),
        ("Egr. Sig. Carlo Bruni\nVia Lunga 3", "Carlo Bruni"),
    ] {
        assert_eq!(to(address), name, "{address}");
    }
}

#[test]
fn of_ours_the_organ_speaks_that_known_words_name_and_no_other() {
    let from = |text: &str| {
        let found = read(&format!("COMUNE DI PIETRACHIARA\nPiazza Grande 1\n\nAl Sig. Carlo Bruni\n\n{text}\n"));
        found.mittente.map(|m| m.value.nome).unwrap_or_default()
    };
    assert_eq!(from("Distinti saluti\nIl Responsabile del Settore Tributi"), "Comune di Pietrachiara - Settore tributi");
    assert_eq!(from("Distinti saluti\nIl Responsabile del Settore Trlbuti"), "Comune di Pietrachiara");
    assert_eq!(from("Distinti saluti\nIl Sindaco"), "Comune di Pietrachiara - Il Sindaco");
    assert_eq!(from("Distinti saluti\nIl Responsabile"), "Comune di Pietrachiara");
}

#[test]
fn who_writes_is_read_where_private_letters_forms_and_lawyers_say_it() {
    let from = |text: &str| read(text).mittente.map(|m| m.value.nome).unwrap_or_default();
    let to = "Al Comune di Pietrachiara\n\nOggetto: richiesta di notizie\n\n";
    for text in [
        format!("{to}Io Aldo Fabbri, nato a Lecco, chiedo notizie.\n"),
        format!("{to}La sottoscritta parte Aldo Fabbri chiede notizie.\n"),
        format!("Aldo Fabbri\nVia Lunga n. 3, Pietrachiara\n{to}Chiedo notizie.\n"),
        format!("{to}Titolare Aldo Fabbri\nCodice fiscale mancante\n"),
        format!("TRIBUNALE DI LECCO\n{to}Carlo Bruni, rappresentato e difeso dall'avv. Aldo Fabbri, espone\n"),
    ] {
        assert_eq!(from(&text), "Aldo Fabbri", "{text}");
    }
}

#[test]
fn a_stamp_of_which_a_number_was_torn_gives_no_registration_and_says_so() {
    for number in ["Prot. n. 0001 2345/2024", "Prot. n. 45/12345", "Prot. n. 0001234.7"] {
        let found = read(&format!("COMUNE DI PIETRACHIARA\n{number}\ndel 05/02/2024 - ARRIVO\n\nAl Comune di Pietrachiara\n"));
        assert_eq!(found.protocollo, None, "{number}");
        assert!(found.doubtful.iter().any(|d| d.field == "protocollo"), "{number}: {:?}", found.doubtful);
    }
}

#[test]
fn the_direction_of_a_paper_of_ours_that_addresses_nobody_is_not_guessed() {
    let found =
        read("COMUNE DI PIETRACHIARA\nPiazza Grande 1\nProt. n. 0001234/2024 del 05/02/2024\n\nVERBALE DI ACCERTAMENTO\n");
    assert_eq!(found.protocollo.map(|p| (p.value.numero, p.value.verso)), Some(("0001234".to_owned(), None)));
}

#[test]
fn the_senders_number_is_not_ours() {
    let found = read(
        "CONSORZIO ACQUE CHIARE\nProt. n. 567/2024 del 01/02/2024\n\nSpett.le Comune di Pietrachiara\n\nOggetto: lavori alla condotta\n\nSi comunica l'avvio.\n\n\n\n\n\n\nCOMUNE DI PIETRACHIARA\nPROTOCOLLO GENERALE\nN. 0001234/2024\ndel 05/02/2024 - ARRIVO",
    );
    assert_eq!(found.protocollo.map(|p| p.value.numero).as_deref(), Some("0001234"));
    assert!(found.protocolli_altri.iter().any(|p| p.value.numero == "0000567"), "{:?}", found.protocolli_altri);
    assert_eq!(found.mittente.map(|m| m.value.nome).as_deref(), Some("CONSORZIO ACQUE CHIARE"));
}

#[test]
fn another_offices_number_that_is_read_whole_is_not_said_to_be_unread() {
    let found = read(
        "COMUNE DI FONTECHIARA\nProt. n. 0004322 del 16/04/2024 - PARTENZA\n\nSpett.le Comune di Pietrachiara\n\nOggetto: richiesta di dati\n\nSi chiede.\n",
    );
    let codes: Vec<String> = doubts(&found, &ente()).iter().map(|h| h.message.code().to_owned()).collect();
    assert!(found.protocollo.is_none() && found.protocolli_altri.len() == 1, "{found:?}");
    assert!(codes.iter().any(|c| c == "protocollo-missing") && !codes.iter().any(|c| c == "protocollo-unreadable"), "{codes:?}");
}

#[test]
fn a_number_that_a_sentence_cites_is_a_reference_and_no_registration() {
    let found = read(
        "Al Comune di Pietrachiara\n\nOggetto: sollecito\n\nIn riferimento alla vostra nota prot. n. 9876/2023 del 10/11/2023 si chiede riscontro\nalla pratica edilizia n. 87/2019.\n",
    );
    assert!(found.protocollo.is_none());
    let references: Vec<&str> = found.riferimenti.iter().map(|r| r.value.as_str()).collect();
    assert_eq!(references, ["prot. 9876/2023", "pratica edilizia 87/2019"]);
    assert!(doubts(&found, &ente()).iter().any(|h| h.message.code() == "protocollo-missing"));
}

#[test]
fn two_registrations_of_ours_are_a_conflict() {
    let stamp =
        |n: &str| format!("COMUNE DI PIETRACHIARA\nPROTOCOLLO GENERALE\nN. {n}/2024\ndel 05/02/2024 - ARRIVO\n\n\n\n\n\n\n");
    let found = read(&format!("{}Al Comune di Pietrachiara\n\n\n\n\n\n{}", stamp("0001234"), stamp("0001299")));
    assert!(doubts(&found, &ente()).iter().any(|h| h.message.code() == "protocollo-conflict"), "{:?}", found.doubtful);
}

#[test]
fn a_value_without_check_digit_is_held_until_a_second_reading_agrees() {
    let text = "COMUNE DI PIETRACHIARA\nPROTOCOLLO GENERALE\nN. 0001234/2024\ndel 05/02/2024 - ARRIVO\n\nAl Comune di Pietrachiara\nOggetto: richiesta di notizie\n\nIl sottoscritto Aldo Fabbri chiede.\n";
    let mut found = read(text);
    let asked: Vec<&str> = regions(&found).iter().map(|r| r.field).collect();
    assert_eq!(asked, ["protocollo", "oggetto", "mittente"]);
    assert_eq!(doubts(&found, &ente()).len(), 3);
    let again = |field: &str, raw: &str| FieldReread {
        field: field.into(),
        raw: raw.into(),
        words: Vec::new(),
        confidence: 0.9,
        origin: "second".into(),
    };
    confirm(
        &mut found,
        &[
            again("protocollo", "N. 0001234/2024\ndel 05/02/2024 - ARRIVO"),
            again("oggetto", "Oggetto: richiesta di notizie"),
            again("mittente", "sottoscritto Aldo Fabbri chiede"),
        ],
        0.6,
    );
    assert!(doubts(&found, &ente()).is_empty(), "{:?}", doubts(&found, &ente()));
    confirm(&mut found, &[again("protocollo", "N. 0001284/2024\ndel 05/02/2024 - ARRIVO")], 0.6);
    let held = doubts(&found, &ente());
    assert_eq!(held.iter().map(|h| h.message.code()).collect::<Vec<_>>(), ["protocollo-unconfirmed"]);
}

#[test]
fn the_digital_text_of_a_file_is_data_and_needs_no_second_reading() {
    let found = fields(
        &pages(
            "COMUNE DI PIETRACHIARA\nProt. n. 1234/2024 del 05/02/2024\n\nAl Consorzio Acque\n\nOggetto: lavori\n\nSi comunica.\n",
            "pdf-text",
        ),
        &ente(),
    );
    assert!(regions(&found).is_empty());
    assert!(doubts(&found, &ente()).is_empty(), "{:?}", doubts(&found, &ente()));
    assert_eq!(found.protocollo.and_then(|p| p.value.verso), Some(Verso::U));
}

#[test]
fn no_text_makes_the_room_panic() {
    use proptest::prelude::*;
    proptest!(ProptestConfig::with_cases(64), |(text in "(?s)(prot|n\\.|oggetto:|del|cf|[0-9/ ]|\\PC|\n){0,120}")| {
        let found = fields(&pages(&text, "tesseract"), &ente());
        doubts(&found, &ente());
    });
}

#[test]
fn plates_parcels_and_addresses_are_read_where_the_text_speaks_of_them() {
    let found = read(
        "Il veicolo targato AB 12O CD e il ciclomotore. Immobile al Foglio 12, mappale 345 sub. 6\nTarga BO 123456 e fg. 3 part. 77\nScrivere a rossi@ditta.example o a ditta@pec.example\nLa sigla AB123CD da sola non basta.\n",
    );
    let values = |list: &[crate::fields::Reading<String>]| list.iter().map(|r| r.value.clone()).collect::<Vec<_>>();
    assert_eq!(values(&found.targhe), ["AB120CD", "BO123456"]);
    assert!(found.targhe[0].origin.contains("repaired"));
    assert_eq!(values(&found.catasto), ["foglio 12 particella 345 sub 6", "foglio 3 particella 77"]);
    assert_eq!(
        (values(&found.email), values(&found.pec)),
        (vec!["rossi@ditta.example".into()], vec!["ditta@pec.example".into()])
    );
}

#[test]
fn an_amount_in_words_that_says_another_than_the_figures_is_doubtful() {
    let found = read("la somma di € 1.234,56 (diconsi euro milleduecentotrentaquattro/56)\n");
    assert!(found.doubtful.is_empty(), "{:?}", found.doubtful);
    let found = read("la somma di € 1.234,56 (diconsi euro milleduecentoquarantaquattro/56)\n");
    assert_eq!(found.doubtful.first().map(|d| d.check.as_str()), Some("words"));
}

#[test]
fn what_is_left_of_a_stamp_over_text_is_said_even_of_an_act_that_needs_no_protocollo() {
    let found = read(
        "COMUNE DI PIETRACHIARA\n\nORDINANZA N. 41 DEL 10/06/2024\nOGGETTO: divieto di transito\n\nIL COMANDANTE\nc E DI PIETRA\nN, 0009555/2024\nla eZza\nORDINA\nil divieto.\n",
    );
    assert!(found.protocollo.is_none() && found.repertorio.is_some());
    assert!(doubts(&found, &ente()).iter().any(|h| h.message.code() == "protocollo-unreadable"), "{:?}", found.doubtful);
}

#[test]
fn the_crossed_option_of_a_form_is_its_oggetto_and_without_one_cross_a_person_looks() {
    let form = |crosses: [&str; 2]| {
        format!(
            "DICHIARAZIONE DI RESIDENZA\nAll'Ufficiale d'Anagrafe del Comune di Pietrachiara\n{} Dichiarazione di residenza con provenienza da altro comune: Borgo\n{} Dichiarazione di residenza con provenienza dall'estero\n",
            crosses[0], crosses[1]
        )
    };
    let oggetto = |text: &str| read(text).oggetto.map(|o| o.value);
    assert_eq!(oggetto(&form(["X", "O"])).as_deref(), Some("Dichiarazione di residenza con provenienza da altro comune"));
    assert_eq!(oggetto(&form(["O", "O"])), None);
    assert_eq!(oggetto(&form(["X", "X"])), None);
}

#[test]
fn a_character_that_the_engine_thought_of_besides_repairs_a_code_that_its_check_then_proves() {
    let read_with = |text: &str, word: usize, at: u16, character: char| {
        let mut pages = pages(text, "conserva");
        pages[0].blocks[0].lines[0].words[word].alternatives = vec![Alternative { at, character, probability: 0.3 }];
        fields(&pages, &ente())
    };
    // V read for S; the mark before it is no character of the code.
    let found = read_with("Codice fiscale (RSVMRA85T10A562S)", 2, 3, 'S');
    assert_eq!(found.codici_fiscali[0].value, "RSSMRA85T10A562S");
    assert_eq!(found.codici_fiscali[0].origin, "rule codice-fiscale, repaired by an alternative (conserva)");
    let found = read_with("Codice fiscale (RSVMRA85T10A562S)", 2, 2, 'S');
    assert!(found.codici_fiscali.is_empty() && !found.doubtful.is_empty(), "another place proves nothing");
    let found = read_with("IBAN IT60 X054 2817 1010 0000 0123 456", 3, 3, '1');
    assert_eq!(found.iban[0].value, "IT60X0542811101000000123456");
}

#[test]
fn a_letter_taken_for_another_is_repaired_where_check_and_name_prove_it_and_said() {
    let codes = |text: &str| {
        let found = read(text).codici_fiscali;
        found.into_iter().map(|code| (code.value, code.origin.contains("repaired"))).collect::<Vec<_>>()
    };
    let right = "TRRDNG88E13F839E";
    assert_eq!(codes(&format!("Dionigi Terranova, C.F. {right}")), [(right.to_owned(), false)]);
    assert_eq!(codes("Dionigi Terranova, C.F. IRRDNG88E13F839E"), [(right.to_owned(), true)]);
    assert_eq!(codes("Aldo Fabbri, C.F. IRRDNG88E13F839E"), [], "no name bears it out");
    let right = "BLLMND00D50F205J";
    assert_eq!(codes("Miranda Bellosguardo C.F. BLLMND00D50F205]"), [(right.to_owned(), true)]);
    assert_eq!(codes("Aldo Fabbri C.F. BLLMND00D50F205]"), [], "no name bears it out");
}

/// A stamp's rows beside those of a letterhead, as far apart as `gap` blanks.
fn beside(left: &[&str], right: &[&str], gap: usize) -> Fields {
    let width = left.iter().map(|l| l.chars().count()).max().unwrap_or(0) + gap;
    let rows = left.iter().zip(right).map(|(l, r)| format!("{l:width$}{r}\n"));
    let body = "\n\nAl Comune di Pietrachiara\n\nOggetto: fine dei lavori\n\nDistinti saluti\nAldo Fabbri\n";
    read(&(rows.collect::<String>() + body))
}

#[test]
fn a_letterhead_ends_where_a_stamp_beside_it_begins() {
    let head = ["Fontana Scavi S.r.l.", "Via Lunga 3 - Lecco", "tel. 0341 000000"];
    let stamps = [
        ["COMUNE DI PIETRACHIARA", "Prot. n. 0001234/2024", "05/02/2024 - ARRIVO"],
        ["Prot. n. 2024/0001234", "05-02-2024", "ENTRATA"],
        ["Registro Ufficiale", "0001234 del 05/02/2024", "Protocollo in arrivo"],
        ["Prot. n. 0001234 del 05/02/2024 ARRIVO", "", ""],
    ];
    let said = |found: Fields| {
        let registration = found.protocollo.map(|p| (p.value.numero, p.value.data.map(|d| d.to_string()), p.value.verso));
        (found.mittente.map(|m| m.value.nome), registration, found.doubtful)
    };
    let registration = Some(("0001234".to_owned(), Some("2024-02-05".to_owned()), Some(Verso::E)));
    for stamp in stamps {
        let whole = (Some(head[0].to_owned()), registration.clone(), Vec::new());
        assert_eq!(said(beside(&head, &stamp, 12)), whole, "{stamp:?} at the right");
    }
    assert_eq!(said(beside(&stamps[0], &head, 12)).0.as_deref(), Some(head[0]), "at the left");
    // Without a gap what the stamp says is enough.
    assert_eq!(said(beside(&head[..1], &stamps[3][..1], 1)).0.as_deref(), Some(head[0]));
    assert_eq!(said(beside(&["Fontana Scavi S.r.I."], &stamps[3][..1], 1)).0.as_deref(), Some(head[0]));
    // Our own name is not cut from the registration beside it: both are one stamp.
    let own =
        read("COMUNE DI PIETRACHIARA            Prot. n. 0001234 del 05/02/2024\n\nAl sig. Aldo Fabbri\n\nOggetto: avviso\n");
    assert_eq!(own.mittente, None);
}

#[test]
fn a_name_that_may_be_a_stamps_is_no_sender_without_a_person() {
    let held = |head: &str| {
        let body = "\n\nAl Comune di Pietrachiara\n\nOggetto: fine dei lavori\n\nDistinti saluti\nAldo Fabbri\n";
        let found = fields(&pages(&format!("{head}{body}"), "pdf-text"), &ente());
        let is_held = doubts(&found, &ente()).iter().any(|hold| hold.field.as_deref() == Some("mittente"));
        (found.mittente.map(|m| m.value.nome).unwrap_or_default(), is_held)
    };
    let stamp = "COMUNE DI PIETRACHIARA - PROTOCOLLO GENERALE\nN. 0001234/2024 del 05/02/2024 - ARRIVO\n";
    assert_eq!(held(&format!("Fontana Scavi S.r.l.\n\n\n\n\n\n{stamp}")), ("Fontana Scavi S.r.l.".to_owned(), false));
    assert_eq!(held(&format!("Fontana Scavi S.r.l.\n{stamp}")), ("Fontana Scavi S.r.l.".to_owned(), true));
    assert!(held("Fontana Scavi S.r.l. Comune di Pietrachiara\nProt. n. 0001234/2024 - ARRIVO\n").1);
}
