//! What `describe` guarantees: valid metadata, every breach in one run, no flag without a proof.

use std::collections::BTreeSet;

use conserva::aggregation::{Aggregation, AggregationId, AggregationKey, TipoAggregazione, TipoFascicolo};
use conserva::arrival::{ArrivalId, EnteId, FileName};
use conserva::describe::{
    AggregationDossier, Amministrazione, Assegnazione, Checks, Described, Dossier, Emergenza, Fase, Formazione, Literals, Member,
    Modifica, Parte, PeriodoFase, Primario, Procedimento, Prodotto, Proof, RuoloUlteriore, Tipo, TipoModifica, Titolario,
    Ulteriore, Ulteriori, UlterioriAggregazione, aggregation, metadata,
};
use conserva::digest::Digest;
use conserva::document::{Component, Document, DocumentId, DocumentState, Form, Format, Role, Verdict};
use conserva::ente::{Ente, Persona, Uor};
use conserva::fields::{Fields, Party, PartyKind, Protocollo, Reading, Repertorio, Verso};
use conserva::filing::{Filing, Voce};
use conserva::finding::Severity;
use conserva::messages::Lang;
use conserva::schemas::Schema;
use jiff::civil::{Date, Time, date, time};
use proptest::prelude::*;

use crate::norms;

/// Everything a dossier is made of, owned, so that a test alters one thing.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub ente: Ente,
    pub document: Document,
    pub components: Vec<Component>,
    pub fields: Fields,
    pub filing: Filing,
    pub aggregation: Aggregation,
    pub descrizione: String,
    pub checks: Checks,
    pub formazione: Formazione,
    pub riservato: bool,
    pub modifica: Option<Modifica>,
    pub operatore: Option<Persona>,
    pub rup: Option<Persona>,
    pub literals: Literals,
    pub ulteriori: Ulteriori,
    pub of_aggregation: UlterioriAggregazione,
    pub procedimento: Option<Procedimento>,
    pub posizione: Option<String>,
    pub intestatario: Option<Party>,
}

pub(crate) fn reading<T>(value: T) -> Reading<T> {
    Reading { value, confidence: 0.9, origin: "tesseract 5.3.0 ita".into(), page: Some(1), rect: None, second: None }
}

pub(crate) fn party(nome: &str, kind: PartyKind) -> Party {
    Party { nome: nome.into(), kind, codice: None, indirizzo_digitale: None }
}

pub(crate) fn ente() -> Ente {
    let mut ente = Ente::prova();
    ente.prova = false;
    ente.codice_ipa = "c_v000".into();
    ente.denominazione = "Comune di Valdombra".into();
    ente.codice_fiscale = Some("01234567890".into());
    ente.aoo.codice = "AOO1".into();
    ente.aoo.denominazione = "AOO unica".into();
    ente.aoo.registro = "REG1".into();
    ente.aoo.pec = "protocollo@pec.valdombra.example".into();
    ente.uor = vec![Uor { codice: "ED01".into(), denominazione: "Ufficio Edilizia".into() }];
    ente.responsabili.gestione_documentale = persona("Bianchi", "Luca");
    ente.responsabili.conservazione = persona("Verdi", "Anna");
    ente.manuali.gestione = "Manuale di gestione documentale, 2024".into();
    ente.manuali.conservazione = "Manuale di conservazione, 2024".into();
    ente
}

fn persona(cognome: &str, nome: &str) -> Persona {
    Persona { cognome: cognome.into(), nome: nome.into(), codice_fiscale: None, uor: Some("ED01".into()) }
}

pub(crate) fn component(role: Role, n: u32, name: &str, bytes: &[u8]) -> Component {
    Component {
        role,
        n,
        name: FileName::new(name.as_bytes()),
        sha256: Digest::of(bytes),
        bytes: bytes.len() as u64,
        format: Format {
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
        },
        form: Form::AsArrived,
        pages: 1,
    }
}

impl Desk {
    /// A scanned application for access, protocolled, filed in a Fascicolo of procedimento.
    #[expect(clippy::too_many_lines, reason = "everything that a dossier is made of, once")]
    pub(crate) fn protocolled() -> Self {
        let voce = Voce("VI.3".into());
        let key = AggregationKey {
            tipo: TipoAggregazione::Fascicolo,
            fascicolo: Some(TipoFascicolo::Procedimento),
            anno: 2024,
            voce: voce.clone(),
            serie: String::new(),
            thread: "pratica edilizia 87/2019".into(),
            oggetto: "Pratica edilizia n. 87/2019".into(),
        };
        let ente_id = EnteId("c_v000".into());
        let fields = Fields {
            oggetto: Some(reading("Istanza di accesso agli atti della pratica edilizia n. 87/2019".into())),
            protocollo: Some(reading(Protocollo {
                numero: "0004512".into(),
                anno: 2024,
                data: Some(date(2024, 3, 12)),
                verso: Some(Verso::E),
            })),
            mittente: Some(reading(Party {
                codice: Some("BSCCST70S05A944C".into()),
                ..party("Celestino Boscaroli", PartyKind::PersonaFisica)
            })),
            destinatario: Some(reading(party("Comune di Valdombra - Ufficio Edilizia", PartyKind::Ente))),
            ..Fields::default()
        };
        Self {
            ente: ente(),
            document: Document {
                id: DocumentId("doc-aaaaaaaaaaaaaaaaaaaaaaaaaa".into()),
                ente: ente_id.clone(),
                arrival: ArrivalId("arr-aaaaaaaaaaaaaaaaaaaaaaaaaa".into()),
                position: 1,
                name: FileName::new(&b"scan0001.tif"[..]),
                state: DocumentState::Ready,
                formed_at: "2024-03-12T23:30:00Z".parse().expect("instant"),
                version: 1,
            },
            components: vec![component(Role::Principale, 1, "scan0001.tif", b"principal")],
            fields,
            filing: Filing {
                voices: Vec::new(),
                tipo: reading("istanza_accesso_atti".into()),
                voce: reading(voce),
                aggregazione: key.clone(),
                confidence: 0.9,
                reasons: Vec::new(),
                alternatives: Vec::new(),
                riservato: false,
                riservato_origin: None,
                tempo_di_conservazione: Some(10),
                doubts: Vec::new(),
            },
            aggregation: Aggregation {
                id: AggregationId("2024/VI.3/1".into()),
                ente: ente_id,
                key,
                progressivo: 1,
                data_apertura: date(2024, 3, 12),
                data_chiusura: None,
                primario: None,
            },
            descrizione: "Edilizia privata".into(),
            checks: Checks::default(),
            formazione: Formazione::B,
            riservato: false,
            modifica: None,
            operatore: None,
            rup: None,
            literals: Literals::default(),
            ulteriori: Ulteriori::default(),
            of_aggregation: UlterioriAggregazione::default(),
            procedimento: None,
            posizione: None,
            intestatario: None,
        }
    }

    pub(crate) fn describe(&self) -> Described {
        self.dossier(metadata).expect("what we write is valid")
    }

    /// Has `write` write from the dossier.
    pub(crate) fn dossier<T>(&self, write: impl FnOnce(&Dossier<'_>) -> T) -> T {
        write(&Dossier {
            ente: &self.ente,
            document: &self.document,
            components: &self.components,
            fields: &self.fields,
            filing: &self.filing,
            aggregation: &self.aggregation,
            tipologia: None,
            titolario: Titolario { descrizione: &self.descrizione, piano: None },
            riservato: self.riservato,
            formazione: self.formazione,
            checks: &self.checks,
            modifica: self.modifica.as_ref(),
            operatore: self.operatore.as_ref(),
            rup: self.rup.as_ref(),
            ulteriori: &self.ulteriori,
            literals: &self.literals,
        })
    }

    fn errors(&self) -> Vec<String> {
        let described = self.describe();
        let errors: Vec<String> = described
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| finding.message.code().to_owned())
            .collect();
        assert_eq!(described.xml.is_empty(), !errors.is_empty(), "xml is empty if and only if there are errors");
        errors
    }

    pub(crate) fn describe_aggregation(&self, documents: &[Member]) -> conserva::describe::DescribedAggregation {
        aggregation(&AggregationDossier {
            ente: &self.ente,
            aggregation: &self.aggregation,
            documents,
            titolario: Titolario { descrizione: &self.descrizione, piano: Some("https://www.valdombra.example/titolario") },
            tempo_di_conservazione: Some(9_999),
            rup: self.rup.as_ref(),
            intestatario: self.intestatario.as_ref(),
            procedimento: self.procedimento.as_ref(),
            posizione_fisica: self.posizione.as_deref(),
            ulteriori: &self.of_aggregation,
        })
        .expect("what we write is valid")
    }
}

#[test]
fn a_protocolled_scan_is_a_documento_amministrativo_with_segnatura_and_all_roles() {
    let described = Desk::protocolled().describe();
    assert_eq!(described.tipo, Tipo::Amministrativo);
    for part in [
        "<Segnatura>c_v000|AOO1|REG1|0004512|2024-03-12</Segnatura>",
        "<TipologiaDiFlusso>E</TipologiaDiFlusso>",
        "<Cognome>Boscaroli</Cognome>",
        "<Nome>Celestino</Nome>",
        "<CodiceIPA>ED01</CodiceIPA>",
        "<TipoRuolo>Amministrazione Che Effettua La Registrazione</TipoRuolo>",
        "<TipoRuolo>Responsabile della Gestione Documentale</TipoRuolo>",
        "<NumeroAllegati>0</NumeroAllegati>",
        "<IdAggregazione>2024/VI.3/1</IdAggregazione>",
        "<NomeDelDocumento>scan0001.tif</NomeDelDocumento>",
        "<TipologiaDocumentale>Istanza accesso atti</TipologiaDocumentale>",
    ] {
        assert!(described.xml.contains(part), "{part} is missing in {}", described.xml);
    }
    let impronta = Digest::of(b"principal").base64();
    assert!(described.xml.contains(&format!("<Impronta>{impronta}</Impronta>")));
    assert!(!described.xml.contains("PROVA"));
    assert_eq!(described.member.expect("member").segnatura.as_deref(), Some("c_v000|AOO1|REG1|0004512|2024-03-12"));
}

#[test]
fn a_document_without_registration_is_a_documento_informatico_dated_by_the_clock_of_the_ente() {
    let mut desk = Desk::protocolled();
    desk.fields.protocollo = None;
    let described = desk.describe();
    assert_eq!(described.tipo, Tipo::Informatico);
    // Formed at half past eleven in the evening of Greenwich: the next day in Rome (invariant 12).
    assert!(described.xml.contains("<DataDocumento>2024-03-13</DataDocumento>"), "{}", described.xml);
    assert!(described.xml.contains("<NumeroDocumento>doc-aaaaaaaaaaaaaaaaaaaaaaaaaa</NumeroDocumento>"));
    assert!(!described.xml.contains("Segnatura"));
    assert_eq!(Schema::Documento.breaches(described.xml.as_bytes()).expect("schema"), Vec::<String>::new());
}

#[test]
fn an_act_of_a_repertory_is_made_by_the_ente_and_names_both_registrations() {
    let mut desk = Desk::protocolled();
    desk.aggregation.key.tipo = TipoAggregazione::SerieDocumentale;
    desk.aggregation.key.fascicolo = None;
    desk.fields.mittente = None;
    desk.fields.destinatario = None;
    desk.fields.repertorio =
        Some(reading(Repertorio { numero: "45".into(), anno: 2024, data: None, registro: "concessione_cimiteriale".into() }));
    desk.fields.data = Some(reading(date(2024, 2, 1)));
    let described = desk.describe();
    for part in [
        "<NumeroRegistrazioneDocumento>45/2024</NumeroRegistrazioneDocumento>",
        "<DataRegistrazioneDocumento>2024-02-01</DataRegistrazioneDocumento>",
        "<TipoRuolo>Autore</TipoRuolo>",
        "<TipologiaDiFlusso>I</TipologiaDiFlusso>",
        "Registrato anche al protocollo n. 0004512/2024.",
    ] {
        assert!(described.xml.contains(part), "{part} is missing in {}", described.xml);
    }
}

#[test]
fn every_breach_is_told_in_one_run_with_place_clause_and_words() {
    let mut desk = Desk::protocolled();
    desk.components.clear();
    desk.fields = Fields {
        protocollo: Some(reading(Protocollo { numero: "12".into(), anno: 2024, data: None, verso: None })),
        ..Fields::default()
    };
    desk.ente.aoo.registro = "REG 1".into();
    desk.ente.aoo.pec = " ".into();
    desk.descrizione = String::new();
    desk.filing.tempo_di_conservazione = Some(10_000);
    desk.document.version = 2;
    let codes: BTreeSet<String> = desk.errors().into_iter().collect();
    let wanted = [
        "describe-principal-count",
        "describe-protocollo-number",
        "describe-register-code",
        "describe-protocollo-undated",
        "describe-flow-unknown",
        "describe-no-author",
        "describe-ente-incomplete",
        "describe-no-oggetto",
        "describe-no-voce-words",
        "describe-retention-range",
        "describe-no-modifica",
    ];
    assert_eq!(codes, wanted.into_iter().map(str::to_owned).collect());
    for finding in desk.describe().findings {
        assert_eq!(finding.path, "DocumentoAmministrativoInformatico.xml");
        assert!(finding.place.starts_with("DocumentoAmministrativoInformatico/") && !finding.clause.is_empty(), "{finding:?}");
        for lang in [Lang::It, Lang::En] {
            let text = finding.message.text(lang);
            assert!(!text.contains('?') && !text.starts_with("describe-"), "{text}");
        }
    }
}

#[test]
fn each_error_becomes_a_hold_on_the_field_that_mends_it() {
    let mut desk = Desk::protocolled();
    desk.fields.oggetto = None;
    desk.fields.mittente = None;
    desk.descrizione = String::new();
    let holds = conserva::describe::holds(&desk.describe().findings);
    let fields: BTreeSet<&str> = holds.iter().filter_map(|hold| hold.field.as_deref()).collect();
    assert_eq!((holds.len(), fields), (3, BTreeSet::from(["mittente", "oggetto", "voce"])));
    assert!(conserva::describe::holds(&Desk::protocolled().describe().findings).is_empty());
}

#[test]
fn no_flag_of_verifica_is_true_without_its_own_proof() {
    let flags = [
        "FirmatoDigitalmente",
        "SigillatoElettronicamente",
        "MarcaturaTemporale",
        "ConformitaCopieImmagineSuSupportoInformatico",
    ];
    for bits in 0..16_u32 {
        let proof = |bit: u32| (bits >> bit & 1 == 1).then(|| Proof::of_fact("fact-1").expect("proof"));
        let mut desk = Desk::protocolled();
        desk.components[0].format.signed = true;
        desk.components[0].format.claims = vec!["pdfa-2b".into(), "firmato".into()];
        desk.checks = Checks { firma: proof(0), sigillo: proof(1), marca: proof(2), conformita: proof(3) };
        let xml = desk.describe().xml;
        for (bit, flag) in (0..).zip(flags) {
            assert!(xml.contains(&format!("<{flag}>{}</{flag}>", bits >> bit & 1 == 1)), "{bits:04b} {flag}");
        }
    }
}

#[test]
fn an_administration_without_ipa_codes_is_a_legal_person_never_a_foreign_one() {
    let mut desk = Desk::protocolled();
    desk.fields.mittente = Some(reading(Party {
        codice: Some("80012345678".into()),
        ..party("Prefettura di Valdombra", PartyKind::Amministrazione)
    }));
    let described = desk.describe();
    assert!(described.xml.contains("<DenominazioneOrganizzazione>Prefettura di Valdombra</DenominazioneOrganizzazione>"));
    assert!(!described.xml.contains("<PAE>"));
    assert!(described.findings.iter().any(|f| f.message.code() == "describe-pa-without-ipa" && f.severity == Severity::Note));
}

#[test]
fn a_trial_archive_says_prova_in_document_and_aggregation() {
    let mut desk = Desk::protocolled();
    desk.ente.prova = true;
    let described = desk.describe();
    assert!(described.xml.contains("<Note>PROVA"));
    assert!(desk.describe_aggregation(&[described.member.expect("member")]).xml.contains("<Note>PROVA"));
}

#[test]
fn nine_thousand_nine_hundred_ninety_nine_passes_and_ten_thousand_does_not() {
    let mut desk = Desk::protocolled();
    desk.filing.tempo_di_conservazione = Some(9_999);
    desk.components.extend((1..=9_999).map(|n| component(Role::Allegato, n, "a.tif", b"a")));
    assert_eq!(desk.errors(), Vec::<String>::new());
    desk.components.push(component(Role::Annesso, 1, "b.eml", b"b"));
    assert_eq!(desk.errors(), ["describe-attachments-many"]);
    desk.components.truncate(1);
    desk.filing.tempo_di_conservazione = Some(10_000);
    assert_eq!(desk.errors(), ["describe-retention-range"]);
}

#[test]
fn a_version_above_one_says_what_changed_and_who_changed_it() {
    let mut desk = Desk::protocolled();
    desk.document.version = 2;
    assert_eq!(desk.errors(), ["describe-no-modifica"]);
    desk.modifica = Some(Modifica {
        tipo: TipoModifica::Rettifica,
        at: "2024-12-31T23:30:00Z".parse().expect("instant"),
        impronta_precedente: Digest::of(b"before"),
        identificativo_precedente: "doc-before".into(),
    });
    assert_eq!(desk.errors(), ["describe-modifica-nobody"]);
    desk.operatore = Some(persona("Rossi", "Maria"));
    assert_eq!(desk.errors(), Vec::<String>::new());
    let xml = desk.describe().xml;
    assert!(xml.contains("<DataModifica>2025-01-01</DataModifica>"));
    assert_eq!(xml.matches("<Cognome>Rossi</Cognome>").count(), 2, "the author of the change is the operator among the subjects");
}

#[test]
fn a_year_that_does_not_match_its_date_is_held() {
    let mut desk = Desk::protocolled();
    desk.fields.protocollo =
        Some(reading(Protocollo { numero: "0004512".into(), anno: 2023, data: Some(date(2024, 3, 12)), verso: Some(Verso::E) }));
    assert_eq!(desk.errors(), ["describe-registration-year"]);
}

#[test]
fn a_direction_that_the_stamp_does_not_state_is_told_from_the_parties_and_said() {
    let mut desk = Desk::protocolled();
    if let Some(protocollo) = &mut desk.fields.protocollo {
        protocollo.value.verso = None;
    }
    let described = desk.describe();
    assert!(described.xml.contains("<TipologiaDiFlusso>E</TipologiaDiFlusso>"));
    assert!(described.findings.iter().any(|f| f.message.code() == "describe-flow-inferred" && f.severity == Severity::Warning));
}

#[test]
fn an_aggregation_breaks_no_rule_or_says_all_that_it_breaks() {
    let mut desk = Desk::protocolled();
    desk.rup = Some(persona("Neri", "Paola"));
    let member = desk.describe().member.expect("member");
    let described = desk.describe_aggregation(std::slice::from_ref(&member));
    assert!(described.xml.contains("<DocumentoAmministativoinformatico>") && described.xml.contains("<RUP>"));
    assert!(described.findings.iter().any(|f| f.message.code() == "describe-no-procedimento"));
    desk.aggregation.key.fascicolo = None;
    desk.aggregation.progressivo = 10_000;
    desk.aggregation.data_chiusura = Some(date(2024, 1, 1));
    let described = desk.describe_aggregation(&[]);
    let codes: BTreeSet<&str> =
        described.findings.iter().filter(|f| f.severity == Severity::Error).map(|f| f.message.code()).collect();
    let wanted =
        ["describe-fascicolo-kind", "describe-progressivo", "describe-closed-before-opened", "describe-empty-aggregation"];
    assert_eq!(codes, wanted.into_iter().collect());
    assert!(described.xml.is_empty());
}

#[test]
fn a_procedimento_with_all_its_phases_is_valid() {
    let mut desk = Desk::protocolled();
    let fasi = [Fase::Preparatoria, Fase::Istruttoria, Fase::Consultiva, Fase::Decisoria, Fase::Integrazione];
    let procedimento = Procedimento {
        materia: "Edilizia".into(),
        procedimento: "Permesso di costruire".into(),
        catalogo: Some("https://www.valdombra.example/procedimenti".into()),
        fasi: fasi.map(|fase| PeriodoFase { fase, inizio: date(2024, 1, 1), fine: Some(date(2024, 2, 1)) }).to_vec(),
    };
    let member = desk.describe().member.expect("member");
    desk.intestatario = Some(party("Alfa Costruzioni S.r.l.", PartyKind::PersonaGiuridica));
    desk.procedimento = Some(procedimento);
    desk.posizione = Some("Sede, piano 1, stanza 12".into());
    let described = desk.describe_aggregation(&[member]);
    assert!(!described.findings.iter().any(|f| f.message.code() == "describe-no-procedimento"));
    assert_eq!(
        norms::judge(Schema::Aggregazione, std::slice::from_ref(&described.xml)).unwrap_or(vec![true]),
        [true],
        "{}",
        described.xml
    );
}

#[test]
fn a_name_that_is_no_text_stands_in_the_metadata_bit_by_bit() {
    let mut desk = Desk::protocolled();
    desk.components[0].name = FileName::new(&b"\xff\xfe.tif"[..]);
    assert!(desk.describe().xml.contains("<NomeDelDocumento>base64://4udGlm</NomeDelDocumento>"));
}

#[test]
fn another_conservatore_gets_its_own_literals() {
    let mut desk = Desk::protocolled();
    desk.literals.gestione = "Responsabile  della Gestione Documentale".into();
    assert!(desk.describe().xml.contains("<TipoRuolo>Responsabile  della Gestione Documentale</TipoRuolo>"));
}

pub(crate) fn stated(ruolo: RuoloUlteriore, parte: Parte) -> Ulteriore {
    Ulteriore { ruolo, parte }
}

pub(crate) fn administration() -> Amministrazione {
    let pair = |name: &str, code: &str| Some((name.to_owned(), code.to_owned()));
    Amministrazione {
        ipa: ("Provincia di Prova".into(), "p_pr".into()),
        aoo: pair("AOO della Provincia", "AOOPR"),
        uor: pair("Settore Ambiente", "AMB"),
        indirizzo: Some("protocollo@pec.provincia.example".into()),
    }
}

pub(crate) fn foreign() -> Parte {
    let indirizzo = Some("stadt@musterstadt.example".into());
    Parte::Estera { denominazione: "Stadt Musterstadt".into(), ufficio: Some("Bauamt".into()), indirizzo }
}

fn office(uor: &str) -> Parte {
    Parte::Ufficio { uor: uor.into(), persona: Some(persona("Gialli", "Ada")) }
}

/// Everything that can be stated of a document.
fn all_stated(tipo: Tipo) -> Ulteriori {
    use RuoloUlteriore::{Altro, Assegnatario, Autore, Destinatario, Mittente, Registrante};
    let mut soggetti = vec![
        stated(Assegnatario, office("ED01")),
        stated(Assegnatario, Parte::Ufficio { uor: "ED01".into(), persona: None }),
        stated(Destinatario, Parte::Amministrazione(administration())),
        stated(Destinatario, office("ED01")),
        stated(Mittente, foreign()),
        stated(Autore, Parte::Nominata(party("Maria Rossi", PartyKind::PersonaFisica))),
    ];
    if tipo == Tipo::Informatico {
        soggetti.push(stated(Registrante, Parte::Nominata(party("Alfa S.r.l.", PartyKind::PersonaGiuridica))));
        soggetti.push(stated(Altro, foreign()));
        let bare = Amministrazione { aoo: None, uor: None, indirizzo: None, ..administration() };
        soggetti.push(stated(Altro, Parte::Amministrazione(bare)));
    }
    Ulteriori {
        soggetti,
        ora: Some(time(10, 30, 5, 0)),
        ora_modifica: Some(time(9, 0, 0, 0)),
        emergenza: (tipo == Tipo::Amministrativo).then(|| Emergenza { numero: "0000007".into(), data: date(2024, 3, 11) }),
        primario: Some(Primario {
            impronta: Digest::of(b"primario"),
            identificativo: "doc-primario".into(),
            segnatura: Some("c_v000|AOO1|REG1|0000001|2024-01-02".into()),
        }),
        prodotto: Some(Prodotto { nome: Some("Scanner & C.".into()), versione: Some("1.2".into()), produttore: None }),
        aggregazioni: vec![(TipoAggregazione::SerieDocumentale, "lettere/2024".into())],
        ..Ulteriori::default()
    }
}

#[test]
fn everything_that_can_be_stated_of_a_document_is_written_and_valid() {
    for tipo in [Tipo::Amministrativo, Tipo::Informatico] {
        let mut desk = Desk::protocolled();
        if tipo == Tipo::Informatico {
            desk.fields.protocollo = None;
            desk.fields.data = Some(reading(date(2024, 3, 12)));
        }
        desk.ulteriori = all_stated(tipo);
        desk.document.version = 2;
        desk.operatore = Some(persona("Rossi", "Maria"));
        desk.modifica = Some(Modifica {
            tipo: TipoModifica::Annullamento,
            at: "2024-03-13T08:00:00Z".parse().expect("instant"),
            impronta_precedente: Digest::of(b"before"),
            identificativo_precedente: "doc-before".into(),
        });
        let described = desk.describe();
        assert_eq!(described.tipo, tipo);
        assert_eq!(desk.errors(), Vec::<String>::new());
        let mut wanted = vec![
            "<Assegnatario>",
            "<PAE>",
            "<AS>",
            "<DenominazioneUfficio>Bauamt</DenominazioneUfficio>",
            "<CodiceIPA>AMB</CodiceIPA>",
            "<OraModifica>09:00:00</OraModifica>",
            "<IdIdentificativoDocumentoPrimario>",
            "<NomeProdotto>Scanner &amp; C.</NomeProdotto>",
            "<IdAggregazione>lettere/2024</IdAggregazione>",
        ];
        wanted.extend(match tipo {
            Tipo::Amministrativo => [
                "<OraProtocollazioneDocumento>10:30:05</OraProtocollazioneDocumento>",
                "Registro di emergenza: n. 0000007 del 2024-03-11.",
            ],
            Tipo::Informatico => ["<OraDocumento>10:30:05</OraDocumento>", "<SoggettoCheEffettuaLaRegistrazione>"],
        });
        for part in wanted {
            assert!(described.xml.contains(part), "{part} is missing in {}", described.xml);
        }
        let schema = if tipo == Tipo::Amministrativo { Schema::DocumentoAmministrativo } else { Schema::Documento };
        let verdict = norms::judge(schema, std::slice::from_ref(&described.xml)).unwrap_or(vec![true]);
        assert_eq!(verdict, [true], "{}", described.xml);
    }
}

#[test]
fn whatever_is_stated_wrongly_of_a_document_is_told_together_and_nothing_is_written() {
    use RuoloUlteriore::{Altro, Assegnatario, Destinatario, Mittente, Registrante};
    let mut desk = Desk::protocolled();
    let bare = Amministrazione { aoo: None, ..administration() };
    let nowhere = Parte::Estera { denominazione: "Stadt".into(), ufficio: None, indirizzo: None };
    desk.ulteriori.soggetti = vec![
        stated(Assegnatario, office("XX99")),
        stated(Assegnatario, Parte::Nominata(party("Maria Rossi", PartyKind::PersonaFisica))),
        stated(Destinatario, Parte::Amministrazione(bare)),
        stated(Mittente, nowhere),
        stated(Altro, foreign()),
        stated(Registrante, office("ED01")),
    ];
    desk.ulteriori.emergenza = Some(Emergenza { numero: " ".into(), data: date(2024, 3, 11) });
    let errors: Vec<String> = desk.errors();
    let wanted = [
        "describe-assignee-office",
        "describe-assignee-office",
        "describe-emergency",
        "describe-estera-incomplete",
        "describe-pai-incomplete",
        "describe-role-not-here",
        "describe-role-not-here",
    ];
    let mut sorted = errors.clone();
    sorted.sort();
    assert_eq!(sorted, wanted);
    for finding in desk.describe().findings.iter().filter(|finding| finding.severity == Severity::Error) {
        assert!(finding.place.contains('/') && !finding.clause.is_empty(), "{finding:?}");
        for lang in [Lang::It, Lang::En] {
            assert!(!finding.message.sentence(lang).is_empty() && !finding.message.advice(lang).is_empty());
        }
    }
    desk.fields.protocollo = None;
    desk.ulteriori.soggetti = vec![stated(Registrante, office("ED01"))];
    assert!(desk.errors().contains(&"describe-role-subject".to_owned()));
}

#[test]
fn as_many_further_roles_as_the_ceiling_are_written_and_one_more_is_refused() {
    let mut desk = Desk::protocolled();
    let one = stated(RuoloUlteriore::Assegnatario, office("ED01"));
    desk.ulteriori.soggetti = vec![one.clone(); conserva::describe::ULTERIORI_MAX];
    assert_eq!(desk.errors(), Vec::<String>::new());
    desk.ulteriori.soggetti.push(one);
    assert_eq!(desk.errors(), ["describe-too-many"]);
}

/// Everything that can be stated of an aggregation.
fn all_stated_of_aggregation() -> UlterioriAggregazione {
    let begun = (date(2024, 1, 2), Some(time(8, 0, 0, 0)));
    let assigned = |per_competenza, fine| Assegnazione {
        per_competenza,
        uor: "ED01".into(),
        persona: Some(persona("Gialli", "Ada")),
        inizio: begun,
        fine,
    };
    UlterioriAggregazione {
        partecipanti: vec![Parte::Amministrazione(administration()), foreign()],
        assegnazioni: vec![assigned(true, Some((date(2024, 2, 1), None))), assigned(false, None)],
        primaria: Some((TipoAggregazione::Fascicolo, "2023/VI.3/9".into())),
        parole_chiave: vec!["edilizia".into(), "accesso & atti".into()],
        ..UlterioriAggregazione::default()
    }
}

#[test]
fn everything_that_can_be_stated_of_an_aggregation_is_written_and_valid_and_what_is_wrong_is_told() {
    let mut desk = Desk::protocolled();
    desk.of_aggregation = all_stated_of_aggregation();
    desk.aggregation.data_chiusura = Some(date(2024, 12, 31));
    let member = desk.describe().member.expect("member");
    let described = desk.describe_aggregation(std::slice::from_ref(&member));
    for part in [
        "<AmministrazionePartecipante>",
        "<PerCompetenza>",
        "<PerConoscenza>",
        "<OraInizioAssegnazione>08:00:00</OraInizioAssegnazione>",
        "<DataFineAssegnazione>2024-02-01</DataFineAssegnazione>",
        "<IdAggPrimario>",
        "<ParoleChiave>accesso &amp; atti</ParoleChiave>",
        "<DataChiusura>2024-12-31</DataChiusura>",
    ] {
        assert!(described.xml.contains(part), "{part} is missing in {}", described.xml);
    }
    assert_eq!(described.xml.matches("<Assegnatario>").count(), 1, "whoever is assigned is named once among the subjects");
    let verdict = norms::judge(Schema::Aggregazione, std::slice::from_ref(&described.xml)).unwrap_or(vec![true]);
    assert_eq!(verdict, [true], "{}", described.xml);

    desk.of_aggregation.assegnazioni[0].fine = Some((date(2023, 12, 31), None));
    desk.of_aggregation.assegnazioni[1].uor = "XX99".into();
    desk.of_aggregation.partecipanti.push(Parte::Nominata(party("Alfa S.r.l.", PartyKind::PersonaGiuridica)));
    let described = desk.describe_aggregation(&[member]);
    let errors = described.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let codes: BTreeSet<&str> = errors.map(|finding| finding.message.code()).collect();
    assert_eq!(
        codes,
        ["describe-assignee-office", "describe-assignment-ends-early", "describe-role-subject"].into_iter().collect()
    );
    assert!(described.xml.is_empty());
}

/// The codes of this house's two rooms, as the sources name them, stand in the catalogue with words in both languages.
#[test]
fn every_code_of_describe_and_package_has_its_words() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut codes = BTreeSet::new();
    for folder in ["src/describe", "src/package"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("folder") {
            let path = entry.expect("entry").path();
            let text = std::fs::read_to_string(&path).expect("text");
            let is_code = |word: &&str| {
                ["describe-", "package-", "blob-"].iter().any(|room| word.starts_with(room)) && !word.contains([' ', '.', '\n'])
            };
            codes.extend(text.split('"').filter(is_code).map(str::to_owned));
        }
    }
    assert!(codes.len() > 40, "{codes:?}");
    for code in codes {
        for lang in [Lang::It, Lang::En] {
            let sentence = conserva::messages::label(&code, lang);
            assert!(!sentence.starts_with(&code), "{code} has no words");
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-zàèìòù0-9 .,'&<>\"/-]{1,60}", "(?s).{0,40}", "\\PC{0,30}"]
}

fn any_date() -> impl Strategy<Value = Date> {
    (1900_i16..2100, 1_i8..13, 1_i8..29).prop_map(|(y, m, d)| date(y, m, d))
}

fn any_party() -> impl Strategy<Value = Option<Party>> {
    let kind = prop_oneof![
        Just(PartyKind::PersonaFisica),
        Just(PartyKind::PersonaGiuridica),
        Just(PartyKind::Amministrazione),
        Just(PartyKind::Ente),
        Just(PartyKind::Unknown)
    ];
    let code = prop_oneof!["[A-Z]{6}[0-9]{2}[A-T][0-9]{2}[A-Z][0-9]{3}[A-Z]", "[0-9]{11}", "[ -~]{0,16}"];
    let party = (any_text(), kind, proptest::option::of(code), proptest::option::of(any_text()));
    proptest::option::of(party.prop_map(|(nome, kind, codice, indirizzo_digitale)| Party {
        nome,
        kind,
        codice,
        indirizzo_digitale,
    }))
}

pub(crate) fn any_desk() -> impl Strategy<Value = Desk> {
    let verso = prop_oneof![Just(None), Just(Some(Verso::E)), Just(Some(Verso::U)), Just(Some(Verso::I))];
    let protocollo = ("[0-9]{6,9}", any_date(), any::<bool>(), verso).prop_map(|(numero, data, dated, verso)| Protocollo {
        numero,
        anno: data.year(),
        data: dated.then_some(data),
        verso,
    });
    let repertorio = ("[0-9]{0,4}", any_date(), any::<bool>(), "[a-z_]{0,24}").prop_map(|(numero, data, dated, registro)| {
        Repertorio { numero, anno: data.year(), data: dated.then_some(data), registro }
    });
    let registered = (proptest::option::of(protocollo), proptest::option::of(repertorio), proptest::option::of(any_date()));
    let people = (any_party(), any_party(), any::<bool>(), any::<bool>(), any_party());
    let texts = (any_text(), any_text(), any_text(), proptest::collection::vec(any::<u8>(), 0..40));
    let rest = (0_u32..3, proptest::option::of(0_u32..10_002), any::<bool>(), any::<bool>());
    let stated =
        (any_ulteriori(), any_ulteriori_aggregazione(), any_procedimento(), proptest::option::of(any_text()), any_modifica());
    (registered, people, texts, rest, stated).prop_map(|(registered, people, texts, rest, stated)| {
        let mut desk = Desk::protocolled();
        desk.fields.protocollo = registered.0.map(reading);
        desk.fields.repertorio = registered.1.map(reading);
        desk.fields.data = registered.2.map(reading);
        (desk.fields.mittente, desk.fields.destinatario) = (people.0.map(reading), people.1.map(reading));
        desk.operatore = people.2.then(|| persona("Rossi", "Maria"));
        desk.rup = people.3.then(|| persona("Neri", "Paola"));
        desk.fields.oggetto = Some(reading(texts.0));
        desk.fields.riferimenti = vec![reading(texts.1.clone())];
        desk.descrizione = texts.1;
        desk.filing.tipo = reading(texts.2);
        desk.components[0].name = FileName::new(texts.3.clone());
        desk.components.extend((1..=rest.0).map(|n| component(Role::Allegato, n, "a & b.tif", &texts.3)));
        desk.filing.tempo_di_conservazione = rest.1;
        desk.riservato = rest.2;
        desk.ente.prova = rest.3;
        if rest.3 {
            desk.aggregation.key.tipo = TipoAggregazione::SerieDocumentale;
            desk.aggregation.key.fascicolo = None;
        }
        desk.intestatario = people.4;
        (desk.ulteriori, desk.of_aggregation, desk.procedimento, desk.posizione) = (stated.0, stated.1, stated.2, stated.3);
        if let Some(modifica) = stated.4 {
            desk.document.version = 2;
            desk.modifica = Some(modifica);
            desk.operatore = Some(persona("Rossi", "Maria"));
        }
        desk
    })
}

fn any_time() -> impl Strategy<Value = Option<Time>> {
    proptest::option::of((0_i8..24, 0_i8..60, 0_i8..60).prop_map(|(h, m, s)| time(h, m, s, 0)))
}

fn any_parte() -> impl Strategy<Value = Parte> {
    let pair = || (any_text(), any_text());
    let codes = (pair(), proptest::option::of(pair()), proptest::option::of(pair()), proptest::option::of(any_text()));
    prop_oneof![
        any_party().prop_filter_map("a party", |party| party.map(Parte::Nominata)),
        (any::<bool>(), any::<bool>()).prop_map(|(is_known, has_person)| Parte::Ufficio {
            uor: if is_known { "ED01".into() } else { "?".into() },
            persona: has_person.then(|| persona("Gialli", "Ada")),
        }),
        codes.prop_map(|(ipa, aoo, uor, indirizzo)| Parte::Amministrazione(Amministrazione { ipa, aoo, uor, indirizzo })),
        (any_text(), proptest::option::of(any_text()), proptest::option::of(any_text()))
            .prop_map(|(denominazione, ufficio, indirizzo)| Parte::Estera { denominazione, ufficio, indirizzo }),
        // As somebody who fills in a form with care would state it.
        Just(office("ED01")),
        Just(foreign()),
        Just(Parte::Amministrazione(administration())),
    ]
}

fn any_ulteriori() -> impl Strategy<Value = Ulteriori> {
    use RuoloUlteriore::{Altro, Assegnatario, Autore, Destinatario, Mittente, Registrante};
    let ruolo = prop_oneof![Just(Assegnatario), Just(Destinatario), Just(Mittente), Just(Autore), Just(Registrante), Just(Altro)];
    let soggetto = prop_oneof![
        Just(stated(Assegnatario, office("ED01"))),
        (prop_oneof![Just(Destinatario), Just(Mittente), Just(Autore)], Just(foreign())).prop_map(|(r, p)| stated(r, p)),
        (ruolo, any_parte()).prop_map(|(ruolo, parte)| stated(ruolo, parte)),
    ];
    let primario = (any_text(), proptest::option::of(any_text())).prop_map(|(identificativo, segnatura)| Primario {
        impronta: Digest::of(b"primario"),
        identificativo,
        segnatura,
    });
    let text = || proptest::option::of(any_text());
    let prodotto = (text(), text(), text()).prop_map(|(nome, versione, produttore)| Prodotto { nome, versione, produttore });
    let emergenza = ("[0-9]{0,8}", any_date()).prop_map(|(numero, data)| Emergenza { numero, data });
    let rare = (proptest::option::of(emergenza), proptest::option::of(primario), proptest::option::of(prodotto));
    let often = (proptest::collection::vec(soggetto, 0..3), any_time(), any_time());
    let agg = proptest::collection::vec(any_text(), 0..2);
    (often, rare, agg).prop_map(|((soggetti, ora, ora_modifica), (emergenza, primario, prodotto), agg)| Ulteriori {
        soggetti,
        ora,
        ora_modifica,
        emergenza,
        primario,
        prodotto,
        aggregazioni: agg.into_iter().map(|id| (TipoAggregazione::SerieDocumentale, id)).collect(),
        ..Ulteriori::default()
    })
}

fn any_ulteriori_aggregazione() -> impl Strategy<Value = UlterioriAggregazione> {
    let moment = || (any_date(), any_time());
    let assigned = (any::<bool>(), any::<bool>(), any::<bool>(), moment(), proptest::option::of(moment()));
    let assigned = assigned.prop_map(|(per_competenza, is_known, has_person, inizio, fine)| Assegnazione {
        per_competenza,
        uor: if is_known { "ED01".into() } else { "?".into() },
        persona: has_person.then(|| persona("Gialli", "Ada")),
        inizio,
        fine,
    });
    let primaria = proptest::option::of(any_text().prop_map(|id| (TipoAggregazione::Fascicolo, id)));
    let words = proptest::collection::vec(any_text(), 0..8);
    (proptest::collection::vec(any_parte(), 0..2), proptest::collection::vec(assigned, 0..2), primaria, words).prop_map(
        |(partecipanti, assegnazioni, primaria, parole_chiave)| UlterioriAggregazione {
            partecipanti,
            assegnazioni,
            primaria,
            parole_chiave,
            ..UlterioriAggregazione::default()
        },
    )
}

fn any_procedimento() -> impl Strategy<Value = Option<Procedimento>> {
    let phase = prop_oneof![
        Just(Fase::Preparatoria),
        Just(Fase::Istruttoria),
        Just(Fase::Consultiva),
        Just(Fase::Decisoria),
        Just(Fase::Integrazione)
    ];
    let period = (phase, any_date(), proptest::option::of(any_date()));
    let fasi = proptest::collection::vec(period.prop_map(|(fase, inizio, fine)| PeriodoFase { fase, inizio, fine }), 0..4);
    let all = (any_text(), any_text(), proptest::option::of(any_text()), fasi);
    proptest::option::of(all.prop_map(|(materia, procedimento, catalogo, fasi)| Procedimento {
        materia,
        procedimento,
        catalogo,
        fasi,
    }))
}

fn any_modifica() -> impl Strategy<Value = Option<Modifica>> {
    let tipo = prop_oneof![
        Just(TipoModifica::Annullamento),
        Just(TipoModifica::Rettifica),
        Just(TipoModifica::Integrazione),
        Just(TipoModifica::Annotazione)
    ];
    proptest::option::of((tipo, any_text(), 0_i64..4_000_000_000).prop_map(|(tipo, identificativo_precedente, at)| Modifica {
        tipo,
        at: jiff::Timestamp::from_second(at).expect("an instant"),
        impronta_precedente: Digest::of(b"before"),
        identificativo_precedente,
    }))
}

/// `metadata` itself refuses what our own schemas do not take; the official ones must take all of it too.
#[test]
fn whatever_is_read_the_metadata_are_valid_or_the_findings_say_why_not() {
    // A tree of so many strategies is deep where nothing is optimised.
    let judge = std::thread::Builder::new().stack_size(256 << 20).spawn(judge_whatever_is_read).expect("a thread");
    judge.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn judge_whatever_is_read() {
    let cases = std::env::var("CONSERVA_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(256);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(cases));
    let written = std::cell::RefCell::new([Vec::new(), Vec::new(), Vec::new()]);
    let outcome = runner.run(&any_desk(), |desk| {
        let described = desk.describe();
        let is_ok = conserva::describe::is_ok(&described.findings);
        prop_assert_eq!(described.xml.is_empty(), !is_ok);
        if let Some(member) = described.member {
            let mut written = written.borrow_mut();
            written[usize::from(described.tipo == Tipo::Informatico)].push(described.xml);
            let of_aggregation = desk.describe_aggregation(&[member]);
            prop_assert_eq!(of_aggregation.xml.is_empty(), !conserva::describe::is_ok(&of_aggregation.findings));
            if !of_aggregation.xml.is_empty() {
                written[2].push(of_aggregation.xml);
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
    let written = written.into_inner();
    assert!(written.iter().all(|texts| texts.len() > 5), "too few of a kind: {:?}", written.each_ref().map(Vec::len));
    for (schema, texts) in [Schema::DocumentoAmministrativo, Schema::Documento, Schema::Aggregazione].into_iter().zip(&written) {
        let Some(verdicts) = norms::judge(schema, texts) else { return };
        for (text, verdict) in texts.iter().zip(verdicts) {
            assert!(verdict, "the official schema refuses {text}");
        }
    }
}
