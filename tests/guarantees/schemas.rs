//! Our own schemas and the official ones take the same documents and refuse the same mutants.

use conserva::schemas::Schema;

use crate::mutants::agree_at_random;
use crate::norms::{judge, say};

/// One change to a valid document: what is replaced (once), by what, and whether the result is still valid.
type Mutant = (&'static str, &'static str, bool);

/// Both judges say the same of the document and of each mutant; ours always, the official one where it is at hand.
fn agree(schema: Schema, valid: &str, mutants: &[Mutant]) {
    let mut texts = vec![valid.to_owned()];
    for (old, new, _) in mutants {
        assert!(valid.contains(old), "{schema:?}: the document has no {old:?} to alter");
        texts.push(valid.replacen(old, new, 1));
    }
    let wanted: Vec<bool> = std::iter::once(true).chain(mutants.iter().map(|mutant| mutant.2)).collect();
    let ours: Vec<bool> = texts.iter().map(|text| schema.breaches(text.as_bytes()).expect("compiles").is_empty()).collect();
    let name = |n: usize| if n == 0 { "the document itself".to_owned() } else { format!("{:?}", mutants[n - 1]) };
    for (n, wanted) in wanted.iter().enumerate() {
        assert_eq!(
            ours[n],
            *wanted,
            "ours, {schema:?}: {} {:?}",
            name(n),
            schema.breaches(texts[n].as_bytes()).expect("compiles")
        );
    }
    let Some(official) = judge(schema, &texts) else { return };
    for (n, verdict) in official.iter().enumerate() {
        assert_eq!(*verdict, ours[n], "official and ours differ, {schema:?}: {}", name(n));
    }
    say(&format!("{schema:?}: {} mutants, ours and the official schema agree on all", mutants.len()));
}

const DOCUMENT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ROOT>
  <IdDoc><ImprontaCrittograficaDelDocumento><Impronta>Ylil4Ot3KRHU+SvltdsOFFEe2+AdHQ3dHVosuduaVro=</Impronta><Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento><Identificativo>doc-1</Identificativo>SEGNATURA</IdDoc>
  <ModalitaDiFormazione>acquisizione di un documento informatico per via telematica o su supporto informatico, acquisizione della copia per immagine su supporto informatico di un documento analogico, acquisizione della copia informatica di un documento analogico</ModalitaDiFormazione>
  <TipologiaDocumentale>Istanza</TipologiaDocumentale>
  <DatiDiRegistrazione><TipologiaDiFlusso>E</TipologiaDiFlusso><TipoRegistro>REGISTRO</TipoRegistro></DatiDiRegistrazione>
  <Soggetti>SOGGETTI
    <Ruolo><Mittente><TipoRuolo>Mittente</TipoRuolo><PF><Cognome>Rossi</Cognome><Nome>Maria</Nome><CodiceFiscale>RSSMRA80A41H501U</CodiceFiscale></PF></Mittente></Ruolo>
    <Ruolo><Destinatario><TipoRuolo>Destinatario</TipoRuolo><PG><DenominazioneOrganizzazione>Alfa</DenominazioneOrganizzazione><CodiceFiscale_PartitaIva>01234567890</CodiceFiscale_PartitaIva></PG></Destinatario></Ruolo>
    <Ruolo><Autore><TipoRuolo>Autore</TipoRuolo><PAE><DenominazioneAmministrazione>Canton</DenominazioneAmministrazione><IndirizziDigitaliDiRiferimento>a@b.example</IndirizziDigitaliDiRiferimento></PAE></Autore></Ruolo>
    <Ruolo><Produttore><TipoRuolo>Produttore</TipoRuolo><SW><DenominazioneSistema>Sistema</DenominazioneSistema></SW></Produttore></Ruolo>
  </Soggetti>
  <ChiaveDescrittiva><Oggetto>Oggetto</Oggetto><ParoleChiave>una</ParoleChiave></ChiaveDescrittiva>
  <Allegati><NumeroAllegati>1</NumeroAllegati><IndiceAllegati><IdDoc><ImprontaCrittograficaDelDocumento><Impronta>Ylil</Impronta><Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento><Identificativo>all-1</Identificativo></IdDoc><Descrizione>Allegato</Descrizione></IndiceAllegati></Allegati>
  <Classificazione><IndiceDiClassificazione>VI.3</IndiceDiClassificazione><Descrizione>Edilizia privata</Descrizione></Classificazione>
  <Riservato>false</Riservato>
  <IdentificativoDelFormato><Formato>image/tiff</Formato></IdentificativoDelFormato>
  <Verifica><FirmatoDigitalmente>false</FirmatoDigitalmente><SigillatoElettronicamente>false</SigillatoElettronicamente><MarcaturaTemporale>false</MarcaturaTemporale><ConformitaCopieImmagineSuSupportoInformatico>false</ConformitaCopieImmagineSuSupportoInformatico></Verifica>
  <Agg><TipoAgg><TipoAggregazione>Fascicolo</TipoAggregazione><IdAggregazione>2024/VI.3/1</IdAggregazione></TipoAgg></Agg>
  <NomeDelDocumento>a.tif</NomeDelDocumento>
  <VersioneDelDocumento>1</VersioneDelDocumento>
  <TempoDiConservazione>10</TempoDiConservazione>
  <Note>nota</Note>
</ROOT>
"#;

const PROTOCOL: &str = r"<ProtocolloOrdinario_ProtocolloEmergenza><TipoRegistro>ProtocolloOrdinario\ProtocolloEmergenza</TipoRegistro><DataProtocollazioneDocumento>2024-03-12</DataProtocollazioneDocumento><NumeroProtocolloDocumento>0000123</NumeroProtocolloDocumento><CodiceRegistro>REG1</CodiceRegistro></ProtocolloOrdinario_ProtocolloEmergenza>";
const PAI: &str = "<PAI><IPAAmm><Denominazione>Comune</Denominazione><CodiceIPA>c_v000</CodiceIPA></IPAAmm><IPAAOO><Denominazione>AOO</Denominazione><CodiceIPA>AOO1</CodiceIPA></IPAAOO><IndirizziDigitaliDiRiferimento>p@pec.example</IndirizziDigitaliDiRiferimento></PAI>";

/// What both documents refuse or take alike.
const BOTH: &[Mutant] = &[
    ("  <TipologiaDocumentale>Istanza</TipologiaDocumentale>\n", "", false),
    ("  <Riservato>false</Riservato>\n", "", false),
    ("<Riservato>false</Riservato>", "<Riservato>NO</Riservato>", false),
    ("<Riservato>false</Riservato>", "<Riservato>1</Riservato>", true),
    ("<Oggetto>Oggetto</Oggetto>", "", false),
    (
        "<Oggetto>Oggetto</Oggetto><ParoleChiave>una</ParoleChiave>",
        "<ParoleChiave>una</ParoleChiave><Oggetto>Oggetto</Oggetto>",
        false,
    ),
    (
        "<ParoleChiave>una</ParoleChiave>",
        "<ParoleChiave>1</ParoleChiave><ParoleChiave>2</ParoleChiave><ParoleChiave>3</ParoleChiave><ParoleChiave>4</ParoleChiave><ParoleChiave>5</ParoleChiave>",
        true,
    ),
    (
        "<ParoleChiave>una</ParoleChiave>",
        "<ParoleChiave>1</ParoleChiave><ParoleChiave>2</ParoleChiave><ParoleChiave>3</ParoleChiave><ParoleChiave>4</ParoleChiave><ParoleChiave>5</ParoleChiave><ParoleChiave>6</ParoleChiave>",
        false,
    ),
    ("acquisizione di un documento", "acquisizione  di un documento", false),
    ("<TipologiaDiFlusso>E<", "<TipologiaDiFlusso>Entrata<", false),
    ("<TipologiaDiFlusso>E<", "<TipologiaDiFlusso>I<", true),
    ("<Impronta>Ylil4Ot3KRHU+SvltdsOFFEe2+AdHQ3dHVosuduaVro=</Impronta>", "<Impronta>6258a5e</Impronta>", false),
    (
        "<Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento><Identificativo>doc-1",
        "</ImprontaCrittograficaDelDocumento><Identificativo>doc-1",
        false,
    ),
    ("2024-03-12", "12/03/2024", false),
    ("2024-03-12", "2024-02-30", false),
    ("0000123", "123", false),
    ("0000123", "00001234", true),
    ("REG1", "REGISTRO.123456_7", false),
    ("REG1", "REGISTRO.12345-7", true),
    ("ProtocolloOrdinario\\ProtocolloEmergenza<", "ProtocolloOrdinario/ProtocolloEmergenza<", false),
    ("<TipoRuolo>Mittente</TipoRuolo>", "<TipoRuolo>mittente</TipoRuolo>", false),
    ("<TipoRuolo>Mittente</TipoRuolo>", "", false),
    ("<TipoRuolo>Mittente</TipoRuolo>", "<TipoRuolo/>", true),
    ("<Cognome>Rossi</Cognome><Nome>Maria</Nome>", "<Nome>Maria</Nome><Cognome>Rossi</Cognome>", false),
    ("<Nome>Maria</Nome>", "", false),
    ("RSSMRA80A41H501U", "rssmra80a41h501u", false),
    ("RSSMRA80A41H501U", "RSSMRA80F41H501U", false),
    ("RSSMRA80A41H501U", "RSSMRALLA41HRL1U", true),
    ("01234567890", "0123456789", false),
    ("<Ruolo><Produttore>", "<Ruolo><Operatore>", false),
    (
        "</Mittente></Ruolo>",
        "</Mittente><Destinatario><TipoRuolo>Destinatario</TipoRuolo><PF><Cognome>a</Cognome><Nome>b</Nome></PF></Destinatario></Ruolo>",
        false,
    ),
    ("<NumeroAllegati>1<", "<NumeroAllegati>9999<", true),
    ("<NumeroAllegati>1<", "<NumeroAllegati>10000<", false),
    ("<NumeroAllegati>1<", "<NumeroAllegati>-1<", false),
    ("<NumeroAllegati>1<", "<NumeroAllegati>uno<", false),
    ("<Descrizione>Allegato</Descrizione>", "", false),
    ("<TempoDiConservazione>10<", "<TempoDiConservazione>9999<", true),
    ("<TempoDiConservazione>10<", "<TempoDiConservazione>10000<", false),
    ("<TempoDiConservazione>10<", "<TempoDiConservazione>0<", false),
    ("<TipoAggregazione>Fascicolo<", "<TipoAggregazione>Serie di Fascicoli<", false),
    ("<TipoAggregazione>Fascicolo<", "<TipoAggregazione>Serie Di Fascicoli<", true),
    ("<MarcaturaTemporale>false</MarcaturaTemporale>", "", false),
    ("<Formato>image/tiff</Formato>", "", false),
    (
        "<Formato>image/tiff</Formato>",
        "<Formato>image/tiff</Formato><ProdottoSoftware><VersioneProdotto>1</VersioneProdotto></ProdottoSoftware>",
        true,
    ),
    ("  <VersioneDelDocumento>1</VersioneDelDocumento>\n", "", false),
    ("<Note>nota</Note>", "<Note>nota</Note><Note>altra</Note>", false),
    ("<Note>nota</Note>", "<Note>nota</Note><Altro/>", false),
    ("<Note>nota</Note>", "<Note lang=\"it\">nota</Note>", false),
    ("  <Note>nota</Note>\n", "", true),
    (
        "<TempoDiConservazione>",
        "<TracciatureModificheDocumento><TipoModifica>Rettifica</TipoModifica><SoggettoAutoreDellaModifica><Cognome>a</Cognome><Nome>b</Nome></SoggettoAutoreDellaModifica><DataModifica>2024-01-01</DataModifica><IdDocVersionePrecedente><ImprontaCrittograficaDelDocumento><Impronta>Ylil</Impronta><Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento><Identificativo>x</Identificativo></IdDocVersionePrecedente></TracciatureModificheDocumento><TempoDiConservazione>",
        true,
    ),
    (
        "<TempoDiConservazione>",
        "<TracciatureModificheDocumento><TipoModifica>Correzione</TipoModifica><SoggettoAutoreDellaModifica><Cognome>a</Cognome><Nome>b</Nome></SoggettoAutoreDellaModifica><DataModifica>2024-01-01</DataModifica><IdDocVersionePrecedente><ImprontaCrittograficaDelDocumento><Impronta>Ylil</Impronta><Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento><Identificativo>x</Identificativo></IdDocVersionePrecedente></TracciatureModificheDocumento><TempoDiConservazione>",
        false,
    ),
    ("</ROOT>", "<x/></ROOT>", false),
    ("</ROOT>", "", false),
];

/// The table of both, for the document's own root, with its own mutants.
fn table(root: &'static str, own: &[Mutant]) -> Vec<Mutant> {
    let closing: &'static str = Box::leak(format!("</{root}>").into_boxed_str());
    let extra: &'static str = Box::leak(format!("<x/></{root}>").into_boxed_str());
    let named = |mutant: &Mutant| match *mutant {
        ("</ROOT>", "", verdict) => (closing, "", verdict),
        ("</ROOT>", _, verdict) => (closing, extra, verdict),
        other => other,
    };
    BOTH.iter().map(named).chain(own.iter().copied()).collect()
}

#[test]
fn the_schema_of_the_documento_amministrativo_agrees_with_the_official_one() {
    let root = "DocumentoAmministrativoInformatico";
    let registers = format!(
        "<Ruolo><AmministrazioneCheEffettuaLaRegistrazione><TipoRuolo>Amministrazione Che Effettua La Registrazione</TipoRuolo>{PAI}</AmministrazioneCheEffettuaLaRegistrazione></Ruolo>"
    );
    let valid = DOCUMENT
        .replace("ROOT", root)
        .replace("SEGNATURA", "<Segnatura>c_v000|AOO1|REG1|0000123|2024-03-12</Segnatura>")
        .replace("REGISTRO</TipoRegistro>", &format!("{PROTOCOL}</TipoRegistro>"))
        .replace("SOGGETTI", &registers);
    // The segnatura comes first and holds the same number: what is altered below is the register's.
    let valid = valid.replace("c_v000|AOO1|REG1|0000123|2024-03-12", "segnatura");
    let own: &[Mutant] = &[
        ("<Segnatura>segnatura</Segnatura>", "", true),
        ("<IndirizziDigitaliDiRiferimento>p@pec.example</IndirizziDigitaliDiRiferimento>", "", false),
        ("<IndirizziDigitaliDiRiferimento>a@b.example</IndirizziDigitaliDiRiferimento>", "", false),
        ("<IPAAOO><Denominazione>AOO</Denominazione><CodiceIPA>AOO1</CodiceIPA></IPAAOO>", "", false),
        ("<Descrizione>Edilizia privata</Descrizione>", "", false),
        (
            "<TipoAgg><TipoAggregazione>Fascicolo</TipoAggregazione><IdAggregazione>2024/VI.3/1</IdAggregazione></TipoAgg>",
            "",
            false,
        ),
        (
            "<CodiceFiscale>RSSMRA80A41H501U</CodiceFiscale>",
            "<IPAUOR><Denominazione>a</Denominazione><CodiceIPA>b</CodiceIPA></IPAUOR>",
            true,
        ),
        (">Amministrazione Che Effettua La Registrazione<", ">Amministrazione che effettua la registrazione<", false),
        ("<Ruolo><Mittente><TipoRuolo>Mittente</TipoRuolo>", "<Ruolo><Altro><TipoRuolo>Altro</TipoRuolo>", false),
        ("<SW><DenominazioneSistema>Sistema</DenominazioneSistema></SW>", "<PF><Cognome>a</Cognome><Nome>b</Nome></PF>", false),
    ];
    agree(Schema::DocumentoAmministrativo, &valid, &table(root, own));
    agree_at_random(Schema::DocumentoAmministrativo, &valid);
}

#[test]
fn the_schema_of_the_documento_informatico_agrees_with_the_official_one() {
    let root = "DocumentoInformatico";
    let valid = DOCUMENT
        .replace("ROOT", root)
        .replace("SEGNATURA", "")
        .replace("REGISTRO</TipoRegistro>", &format!("{PROTOCOL}</TipoRegistro>"))
        .replace("SOGGETTI", "");
    let own: &[Mutant] = &[
        ("<Identificativo>doc-1</Identificativo>", "<Identificativo>doc-1</Identificativo><Segnatura>x</Segnatura>", false),
        ("<IndirizziDigitaliDiRiferimento>a@b.example</IndirizziDigitaliDiRiferimento>", "", true),
        ("<Descrizione>Edilizia privata</Descrizione>", "", true),
        (
            "  <Classificazione><IndiceDiClassificazione>VI.3</IndiceDiClassificazione><Descrizione>Edilizia privata</Descrizione></Classificazione>\n",
            "",
            true,
        ),
        (
            "<TipoAgg><TipoAggregazione>Fascicolo</TipoAggregazione><IdAggregazione>2024/VI.3/1</IdAggregazione></TipoAgg>",
            "",
            true,
        ),
        (
            "<CodiceFiscale>RSSMRA80A41H501U</CodiceFiscale>",
            "<IPAUOR><Denominazione>a</Denominazione><CodiceIPA>b</CodiceIPA></IPAUOR>",
            false,
        ),
        (
            PROTOCOL,
            "<Nessuno><TipoRegistro>Nessuno</TipoRegistro><DataDocumento>2024-03-12</DataDocumento><NumeroDocumento>1</NumeroDocumento></Nessuno>",
            true,
        ),
        (PROTOCOL, "<Nessuno><TipoRegistro>Nessuno</TipoRegistro><NumeroDocumento>1</NumeroDocumento></Nessuno>", false),
        (
            PROTOCOL,
            r"<Repertorio_Registro><TipoRegistro>Repertorio\Registro</TipoRegistro><DataRegistrazioneDocumento>2024-03-12</DataRegistrazioneDocumento><OraRegistrazioneDocumento>09:30:00</OraRegistrazioneDocumento><NumeroRegistrazioneDocumento>45</NumeroRegistrazioneDocumento><CodiceRegistro>determina</CodiceRegistro></Repertorio_Registro>",
            true,
        ),
        (
            PROTOCOL,
            r"<Repertorio_Registro><TipoRegistro>Repertorio</TipoRegistro><DataRegistrazioneDocumento>2024-03-12</DataRegistrazioneDocumento><NumeroRegistrazioneDocumento>45</NumeroRegistrazioneDocumento><CodiceRegistro>determina</CodiceRegistro></Repertorio_Registro>",
            false,
        ),
    ];
    agree(Schema::Documento, &valid, &table(root, own));
    agree_at_random(Schema::Documento, &valid);
}

/// One assignment, with all that it needs.
const ASSIGNMENT: &str = "<Assegnazione><TipoAssegnazione><PerConoscenza><TipoAssegnazioneRuolo>Per Conoscenza</TipoAssegnazioneRuolo><SoggettoAssegnatario><IPAAmm><Denominazione>a</Denominazione><CodiceIPA>b</CodiceIPA></IPAAmm><IPAAOO><Denominazione>a</Denominazione><CodiceIPA>b</CodiceIPA></IPAAOO><IPAUOR><Denominazione>a</Denominazione><CodiceIPA>b</CodiceIPA></IPAUOR><IndirizziDigitaliDiRiferimento>x</IndirizziDigitaliDiRiferimento></SoggettoAssegnatario><DataInizioAssegnazione>2024-03-12</DataInizioAssegnazione></PerConoscenza></TipoAssegnazione></Assegnazione>";

/// What the aggregation refuses or takes.
const OF_AGGREGATION: &[Mutant] = &[
    ("<TipoAggregazione>Fascicolo<", "<TipoAggregazione>fascicolo<", false),
    ("  <TipologiaFascicolo>procedimento amministrativo</TipologiaFascicolo>\n", "", true),
    ("<TipologiaFascicolo>procedimento amministrativo<", "<TipologiaFascicolo>attività<", false),
    ("<TipologiaFascicolo>procedimento amministrativo<", "<TipologiaFascicolo>attivita<", true),
    ("  <Assegnazione></Assegnazione>\n", "", false),
    ("<Assegnazione></Assegnazione>", ASSIGNMENT, true),
    ("<Assegnazione></Assegnazione>", "<Assegnazione><TipoAssegnazione/></Assegnazione>", false),
    ("  <DataApertura>2024-03-12</DataApertura>\n", "", false),
    ("<DataApertura>2024-03-12<", "<DataApertura>marzo<", false),
    ("<Progressivo>1<", "<Progressivo>9999<", true),
    ("<Progressivo>1<", "<Progressivo>10000<", false),
    ("<Progressivo>1<", "<Progressivo>0<", false),
    ("<Descrizione>Edilizia</Descrizione>", "", false),
    (
        "  <ChiaveDescrittiva><Oggetto>Pratica</Oggetto></ChiaveDescrittiva>\n",
        "  <ChiaveDescrittiva><Oggetto>Pratica</Oggetto></ChiaveDescrittiva>\n<DataChiusura>2024-04-01</DataChiusura>",
        true,
    ),
    ("  <Progressivo>1</Progressivo>\n", "<DataChiusura>2024-04-01</DataChiusura><Progressivo>1</Progressivo>\n", false),
    ("dell’efficacia", "dell'efficacia", false),
    ("<MateriaArgomentoStruttura>a</MateriaArgomentoStruttura>", "", false),
    (
        "<Fase>Integrazione dell’efficacia</Fase><DataInizioFase>2024-03-12</DataInizioFase>",
        "<Fase>Integrazione dell’efficacia</Fase>",
        false,
    ),
    ("<DocumentoAmministativoinformatico>", "<DocumentoAmministrativoinformatico>", false),
    ("<IndiceDocumenti><TipoDocumento>", "<IndiceDocumenti/><x><TipoDocumento>", false),
    (
        "<TipoDocumento>",
        "<TipoDocumento><Documentoinformatico><ImprontaCrittograficaDelDocumento><Impronta>Ylil</Impronta><Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento><Identificativo>d</Identificativo></Documentoinformatico></TipoDocumento><TipoDocumento>",
        true,
    ),
    (
        "<TipoDocumento>",
        "<TipoDocumento><Documentoinformatico><ImprontaCrittograficaDelDocumento><Impronta>Ylil</Impronta><Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento><Identificativo>d</Identificativo><Segnatura>s</Segnatura></Documentoinformatico></TipoDocumento><TipoDocumento>",
        false,
    ),
    (
        "<DenominazioneOrganizzazione>Alfa</DenominazioneOrganizzazione>",
        "<DenominazioneOrganizzazione>Alfa</DenominazioneOrganizzazione><DenominazioneUfficio>Sede</DenominazioneUfficio>",
        true,
    ),
    ("<IndirizziDigitaliDiRiferimento>p@pec.example</IndirizziDigitaliDiRiferimento>", "", false),
    ("<TempoDiConservazione>10<", "<TempoDiConservazione>9999<", true),
    ("<TempoDiConservazione>10<", "<TempoDiConservazione>10000<", false),
    (
        "  <TempoDiConservazione>",
        "  <PosizioneFisicaAggregazioneDocumentale>Sede</PosizioneFisicaAggregazioneDocumentale><TempoDiConservazione>",
        true,
    ),
    ("  <TempoDiConservazione>", "  <Note>n</Note><TempoDiConservazione>", false),
    ("<AggregazioneDocumentaliInformatiche>", "<AggregazioneDocumentaliInformatiche xmlns=\"urn:x\">", false),
];

#[test]
fn the_schema_of_the_aggregazione_agrees_with_the_official_one() {
    let valid = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<AggregazioneDocumentaliInformatiche>
  <IdAgg><TipoAggregazione>Fascicolo</TipoAggregazione><IdAggregazione>2024/VI.3/1</IdAggregazione></IdAgg>
  <TipologiaFascicolo>procedimento amministrativo</TipologiaFascicolo>
  <Soggetti><Ruolo><AmministrazioneTitolare><TipoRuolo>Amministrazione Titolare</TipoRuolo>{PAI}</AmministrazioneTitolare></Ruolo>
    <Ruolo><SoggettoIntestatarioPersonaGiuridica><TipoRuolo>Soggetto Intestatario Persona Giuridica</TipoRuolo><PG><DenominazioneOrganizzazione>Alfa</DenominazioneOrganizzazione></PG></SoggettoIntestatarioPersonaGiuridica></Ruolo></Soggetti>
  <Assegnazione></Assegnazione>
  <DataApertura>2024-03-12</DataApertura>
  <Classificazione><IndiceDiClassificazione>VI.3</IndiceDiClassificazione><Descrizione>Edilizia</Descrizione></Classificazione>
  <Progressivo>1</Progressivo>
  <ChiaveDescrittiva><Oggetto>Pratica</Oggetto></ChiaveDescrittiva>
  <ProcedimentoAmministrativo><MateriaArgomentoStruttura>a</MateriaArgomentoStruttura><Procedimento>b</Procedimento><Fasi><TipoFase><Integrazionedellefficacia><Fase>Integrazione dell’efficacia</Fase><DataInizioFase>2024-03-12</DataInizioFase></Integrazionedellefficacia></TipoFase></Fasi></ProcedimentoAmministrativo>
  <IndiceDocumenti><TipoDocumento><DocumentoAmministativoinformatico><ImprontaCrittograficaDelDocumento><Impronta>Ylil</Impronta><Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento><Identificativo>doc-1</Identificativo><Segnatura>s</Segnatura></DocumentoAmministativoinformatico></TipoDocumento></IndiceDocumenti>
  <TempoDiConservazione>10</TempoDiConservazione>
</AggregazioneDocumentaliInformatiche>
"#
    );
    agree(Schema::Aggregazione, &valid, OF_AGGREGATION);
    agree_at_random(Schema::Aggregazione, &valid);
}

#[test]
fn the_schema_of_the_index_agrees_with_the_official_one() {
    let valid = r#"<?xml version="1.0" encoding="UTF-8"?>
<sincro:PIndex xmlns:sincro="http://www.uni.com/U3011/sincro-v2/" sincro:language="it" sincro:uri="http://www.uni.com/U3011/sincro-v2/PIndex.xsd" sincro:sincroVersion="2.0">
  <sincro:SelfDescription><sincro:ID sincro:scheme="local">i-1</sincro:ID><sincro:CreatingApplication><sincro:Name>n</sincro:Name><sincro:Version>1</sincro:Version><sincro:Producer>p</sincro:Producer></sincro:CreatingApplication><sincro:MoreInfo sincro:xmlSchema="urn:x"><sincro:EmbeddedMetadata><c:Pdv xmlns:c="urn:c"><c:A>1</c:A></c:Pdv></sincro:EmbeddedMetadata></sincro:MoreInfo></sincro:SelfDescription>
  <sincro:PVolume><sincro:ID sincro:scheme="local">p-1</sincro:ID><sincro:Label>l</sincro:Label><sincro:Description>d</sincro:Description><sincro:PVolumeGroup><sincro:ID sincro:scheme="local">g-1</sincro:ID></sincro:PVolumeGroup></sincro:PVolume>
  <sincro:FileGroup><sincro:ID sincro:scheme="local">f-1</sincro:ID><sincro:File sincro:encoding="binary" sincro:extension="pdf" sincro:format="application/pdf"><sincro:ID sincro:scheme="local">o-1</sincro:ID><sincro:Path>a/b%20c.pdf</sincro:Path><sincro:Hash sincro:hashFunction="SHA-256">Ylil</sincro:Hash><sincro:Relation><sincro:Type>copia di</sincro:Type><sincro:Value>o-2</sincro:Value></sincro:Relation></sincro:File></sincro:FileGroup>
  <sincro:Process>
    <sincro:Submitter sincro:agentType="natural person"><sincro:AgentID>TINIT-RSSMRA80A01H501U</sincro:AgentID><sincro:AgentName><sincro:NameAndSurname><sincro:FirstName>a</sincro:FirstName><sincro:LastName>b</sincro:LastName></sincro:NameAndSurname></sincro:AgentName><sincro:RelevantDocument>m</sincro:RelevantDocument></sincro:Submitter>
    <sincro:Holder sincro:agentType="legal person" sincro:holderRole="soggetto produttore"><sincro:AgentName><sincro:FormalName>c</sincro:FormalName></sincro:AgentName><sincro:RelevantDocument>m</sincro:RelevantDocument></sincro:Holder>
    <sincro:AuthorizedSigner sincro:agentType="natural person" sincro:signerRole="r"><sincro:AgentName><sincro:FormalName>s</sincro:FormalName></sincro:AgentName><sincro:RelevantDocument>n</sincro:RelevantDocument></sincro:AuthorizedSigner>
    <sincro:TimeReference><sincro:TimeInfo sincro:attachedTimeStamp="false">2024-06-01T10:00:00Z</sincro:TimeInfo></sincro:TimeReference>
    <sincro:LawsAndRegulations>l</sincro:LawsAndRegulations>
  </sincro:Process>
</sincro:PIndex>
"#;
    let mutants: &[Mutant] = &[
        (" sincro:language=\"it\"", "", true),
        (" sincro:language=\"it\"", " language=\"it\"", false),
        (" sincro:sincroVersion=\"2.0\"", "", false),
        (" sincro:sincroVersion=\"2.0\"", " sincroVersion=\"2.0\"", false),
        (" sincro:sincroVersion=\"2.0\"", " sincro:sincroVersion=\"1.0\"", false),
        ("sincro-v2/PIndex.xsd", "sincro/PIndex.xsd", false),
        ("sincro-v2/\"", "sincro/\"", false),
        ("<sincro:ID sincro:scheme=\"local\">i-1", "<sincro:ID scheme=\"local\">i-1", false),
        ("<sincro:ID sincro:scheme=\"local\">i-1", "<sincro:ID>i-1", false),
        ("<sincro:Producer>p</sincro:Producer>", "", false),
        ("sincro:hashFunction=\"SHA-256\"", "hashFunction=\"SHA-256\"", false),
        ("sincro:hashFunction=\"SHA-256\"", "", false),
        ("sincro:encoding=\"binary\"", "encoding=\"binary\"", false),
        ("sincro:encoding=\"binary\"", "sincro:encoding=\"utf-8\"", false),
        ("sincro:encoding=\"binary\"", "sincro:encoding=\"8bit\"", true),
        (" sincro:extension=\"pdf\"", "", true),
        (" sincro:format=\"application/pdf\"", "", false),
        (
            "<sincro:Relation>",
            "<sincro:PreviousHash sincro:hashFunction=\"SHA-256\" sincro:relatedPIndex=\"x\">Y</sincro:PreviousHash><sincro:Relation>",
            true,
        ),
        (
            "<sincro:Relation>",
            "<sincro:PreviousHash sincro:hashFunction=\"SHA-256\" relatedPIndex=\"x\">Y</sincro:PreviousHash><sincro:Relation>",
            false,
        ),
        ("<sincro:Hash sincro:hashFunction=\"SHA-256\">Ylil</sincro:Hash>", "", false),
        (
            "<sincro:Path>a/b%20c.pdf</sincro:Path><sincro:Hash sincro:hashFunction=\"SHA-256\">Ylil</sincro:Hash>",
            "<sincro:Hash sincro:hashFunction=\"SHA-256\">Ylil</sincro:Hash><sincro:Path>a</sincro:Path>",
            false,
        ),
        ("soggetto produttore", "produttore", false),
        ("soggetto produttore", "soggetto detentore", true),
        (" sincro:agentType=\"legal person\"", "", false),
        ("\"natural person\"", "\"persona fisica\"", false),
        ("TINIT-RSSMRA80A01H501U", "RSSMRA80A01H501U", false),
        ("TINIT-RSSMRA80A01H501U", "VATIT-01234567890", true),
        ("TINIT-RSSMRA80A01H501U", "AB:IT-1", true),
        ("<sincro:RelevantDocument>n</sincro:RelevantDocument>", "", false),
        (" sincro:signerRole=\"r\"", "", true),
        ("2024-06-01T10:00:00Z", "2024-06-01", false),
        (" sincro:attachedTimeStamp=\"false\"", "", false),
        ("<sincro:LawsAndRegulations>l</sincro:LawsAndRegulations>", "", true),
        ("<sincro:LawsAndRegulations>l</sincro:LawsAndRegulations>", "<sincro:Extra/>", false),
        (" sincro:xmlSchema=\"urn:x\"", "", false),
        (
            "<sincro:Label>l</sincro:Label><sincro:Description>d</sincro:Description>",
            "<sincro:Description>d</sincro:Description><sincro:Label>l</sincro:Label>",
            false,
        ),
        ("<sincro:Version>1</sincro:Version>", "<Version>1</Version>", false),
    ];
    agree(Schema::PIndex, valid, mutants);
}

#[test]
fn the_subset_of_premis_agrees_with_premis_on_what_it_writes() {
    let valid = r#"<?xml version="1.0" encoding="UTF-8"?>
<premis xmlns="http://www.loc.gov/premis/v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0">
  <object xsi:type="representation"><objectIdentifier><objectIdentifierType>t</objectIdentifierType><objectIdentifierValue>d</objectIdentifierValue></objectIdentifier><relationship><relationshipType>structural</relationshipType><relationshipSubType>has part</relationshipSubType><relatedObjectIdentifier><relatedObjectIdentifierType>t</relatedObjectIdentifierType><relatedObjectIdentifierValue>o</relatedObjectIdentifierValue></relatedObjectIdentifier></relationship></object>
  <object xsi:type="file"><objectIdentifier><objectIdentifierType>t</objectIdentifierType><objectIdentifierValue>o</objectIdentifierValue></objectIdentifier><objectCharacteristics><fixity><messageDigestAlgorithm>SHA-256</messageDigestAlgorithm><messageDigest>00</messageDigest></fixity><size>5</size><format><formatDesignation><formatName>image/tiff</formatName></formatDesignation><formatRegistry><formatRegistryName>PRONOM</formatRegistryName><formatRegistryKey>fmt/353</formatRegistryKey></formatRegistry></format></objectCharacteristics><originalName>a.tif</originalName></object>
  <event><eventIdentifier><eventIdentifierType>t</eventIdentifierType><eventIdentifierValue>1</eventIdentifierValue></eventIdentifier><eventType>ingestion</eventType><eventDateTime>2024-06-01T10:00:00Z</eventDateTime><eventDetailInformation><eventDetail>x</eventDetail></eventDetailInformation><eventOutcomeInformation><eventOutcome>success</eventOutcome></eventOutcomeInformation><linkingAgentIdentifier><linkingAgentIdentifierType>t</linkingAgentIdentifierType><linkingAgentIdentifierValue>a</linkingAgentIdentifierValue></linkingAgentIdentifier></event>
  <agent><agentIdentifier><agentIdentifierType>t</agentIdentifierType><agentIdentifierValue>a</agentIdentifierValue></agentIdentifier><agentName>c</agentName><agentType>software</agentType><agentVersion>1</agentVersion></agent>
</premis>
"#;
    let mutants: &[Mutant] = &[
        ("version=\"3.0\">", "version=\"2.0\">", false),
        (" version=\"3.0\">", ">", false),
        ("premis/v3\"", "premis-v2\"", false),
        ("<object xsi:type=\"file\">", "<object>", false),
        ("<object xsi:type=\"file\">", "<object xsi:type=\"folder\">", false),
        ("<object xsi:type=\"file\">", "<object xsi:type=\"representation\">", false),
        ("<objectIdentifierType>t</objectIdentifierType><objectIdentifierValue>d", "<objectIdentifierValue>d", false),
        ("<size>5</size>", "<size>five</size>", false),
        ("<size>5</size>", "", true),
        ("<messageDigest>00</messageDigest>", "", false),
        ("<formatRegistryKey>fmt/353</formatRegistryKey>", "", false),
        ("<formatDesignation><formatName>image/tiff</formatName></formatDesignation>", "<formatDesignation/>", false),
        ("<originalName>a.tif</originalName>", "", true),
        ("<eventType>ingestion</eventType>", "", false),
        ("<eventDateTime>2024-06-01T10:00:00Z</eventDateTime>", "", false),
        ("<eventOutcome>success</eventOutcome>", "", false),
        (
            "<eventType>ingestion</eventType><eventDateTime>2024-06-01T10:00:00Z</eventDateTime>",
            "<eventDateTime>2024-06-01T10:00:00Z</eventDateTime><eventType>ingestion</eventType>",
            false,
        ),
        ("<relationshipSubType>has part</relationshipSubType>", "", false),
        ("<agentName>c</agentName>", "", true),
        (
            "<agentType>software</agentType><agentVersion>1</agentVersion>",
            "<agentVersion>1</agentVersion><agentType>software</agentType>",
            false,
        ),
        ("</premis>", "<x/></premis>", false),
    ];
    agree(Schema::Premis, valid, mutants);
    // Stricter than PREMIS on purpose: an instant, not any text.
    assert!(!Schema::Premis.breaches(valid.replace("2024-06-01T10:00:00Z", "1 giugno").as_bytes()).expect("schema").is_empty());
}
