//! A small PdV made by hand: two documents in one fascicolo, every byte of the ZIP under the test's control.

use std::io::Write as _;
use std::path::Path;

use conserva::digest::Digest;

/// One entry of a ZIP to be, with the lies that a test wants it to tell.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) name: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) is_deflated: bool,
    pub(crate) flags: u16,
    pub(crate) mode: u32,
    /// Another name in the local header.
    pub(crate) local_name: Option<Vec<u8>>,
    /// Sizes and sum stand in a descriptor after the data.
    pub(crate) is_streamed: bool,
    /// Bytes after the data that belong to nobody.
    pub(crate) gap: Vec<u8>,
    /// The directory points to the local header of this other entry.
    pub(crate) overlaps: Option<Vec<u8>>,
}

impl Item {
    pub(crate) fn new(name: &str, data: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            data: data.to_vec(),
            is_deflated: false,
            flags: 0x0800,
            mode: 0o100_644,
            local_name: None,
            is_streamed: false,
            gap: Vec::new(),
            overlaps: None,
        }
    }

    pub(crate) fn deflated(name: &str, data: &[u8]) -> Self {
        Self { is_deflated: true, ..Self::new(name, data) }
    }

    fn path(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

/// A ZIP of these entries.
pub(crate) fn zipped(items: &[Item]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    let mut places: Vec<(Vec<u8>, u32)> = Vec::new();
    for item in items {
        let packed = packed(item);
        let mut sum = flate2::Crc::new();
        sum.update(&item.data);
        let sizes = [sum.sum(), length(&packed), length(&item.data)];
        let flags = item.flags | if item.is_streamed { 8 } else { 0 };
        let at = length(&out);
        places.push((item.name.clone(), at));
        let local_name = item.local_name.as_ref().unwrap_or(&item.name);
        out.extend(b"PK\x03\x04");
        push16(&mut out, &[20, flags, u16::from(item.is_deflated) * 8, 0, 0x21]);
        push32(&mut out, &if item.is_streamed { [0; 3] } else { sizes });
        push16(&mut out, &[local_name.len() as u16, 0]);
        out.extend(local_name);
        out.extend(&packed);
        if item.is_streamed {
            out.extend(b"PK\x07\x08");
            push32(&mut out, &sizes);
        }
        out.extend(&item.gap);
        let at =
            item.overlaps.as_ref().map_or(at, |other| places.iter().find(|(name, _)| name == other).expect("the other entry").1);
        directory.extend(b"PK\x01\x02");
        push16(&mut directory, &[0x0314, 20, flags, u16::from(item.is_deflated) * 8, 0, 0x21]);
        push32(&mut directory, &sizes);
        push16(&mut directory, &[item.name.len() as u16, 0, 0, 0, 0]);
        push32(&mut directory, &[item.mode << 16, at]);
        directory.extend(&item.name);
    }
    let at = length(&out);
    out.extend(&directory);
    out.extend(b"PK\x05\x06");
    push16(&mut out, &[0, 0, items.len() as u16, items.len() as u16]);
    push32(&mut out, &[length(&directory), at]);
    push16(&mut out, &[0]);
    out
}

/// The same ZIP with its end written as of one with too many entries for 16 bits (APPNOTE 4.3.14 to 4.3.16): the record of
/// ZIP64 has the numbers, the old one only marks. `count` of them are declared.
pub(crate) fn ended_by_zip64(zip: &[u8], count: u64) -> Vec<u8> {
    let (body, end) = zip.split_at(zip.len() - 22);
    let of_end = |at: usize| u64::from(u32::from_le_bytes(end[at..at + 4].try_into().expect("four bytes")));
    let mut out = body.to_vec();
    let record = out.len() as u64;
    out.extend(b"PK\x06\x06");
    out.extend(44_u64.to_le_bytes());
    push16(&mut out, &[45, 45]);
    push32(&mut out, &[0, 0]);
    for value in [count, count, of_end(12), of_end(16)] {
        out.extend(value.to_le_bytes());
    }
    out.extend(b"PK\x06\x07");
    push32(&mut out, &[0]);
    out.extend(record.to_le_bytes());
    push32(&mut out, &[1]);
    out.extend(b"PK\x05\x06");
    push16(&mut out, &[0, 0, 0xFFFF, 0xFFFF]);
    push32(&mut out, &[0xFFFF_FFFF, 0xFFFF_FFFF]);
    push16(&mut out, &[0]);
    out
}

fn packed(item: &Item) -> Vec<u8> {
    if !item.is_deflated {
        return item.data.clone();
    }
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&item.data).expect("deflated");
    encoder.finish().expect("deflated")
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("small")
}

fn push16(out: &mut Vec<u8>, values: &[u16]) {
    for value in values {
        out.extend(value.to_le_bytes());
    }
}

fn push32(out: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        out.extend(value.to_le_bytes());
    }
}

/// A PdV: its files, and the index that is made from them last.
#[derive(Debug, Clone)]
pub(crate) struct Pdv {
    pub(crate) items: Vec<Item>,
    pub(crate) index: String,
}

impl Pdv {
    /// A package against which nothing can be said.
    pub(crate) fn good() -> Self {
        let (istanza, pianta) = (b"Istanza di accesso: testo del documento".as_slice(), b"pianta del piano terra".as_slice());
        let verbale = b"Verbale riservato".as_slice();
        let one = documento("doc-1", "Istanza di accesso agli atti", (istanza, &[pianta]), false);
        let two = documento("doc-2", "Verbale della commissione", (verbale, &[]), true);
        let aggregation = aggregazione(&[("doc-1", istanza), ("doc-2", verbale)]);
        let items = [
            ("aggregazioni/agg-1/AggregazioneDocumentaliInformatiche.xml", aggregation.as_bytes()),
            ("documenti/doc-1/DocumentoAmministrativoInformatico.xml", one.as_bytes()),
            ("documenti/doc-1/allegati/1/pianta.txt", pianta),
            ("documenti/doc-1/copie/istanza.pdf", b"%PDF-1.7 copy"),
            ("documenti/doc-1/eventi.xml", eventi("doc-1").as_bytes()),
            ("documenti/doc-1/principale/istanza.txt", istanza),
            ("documenti/doc-1/testo/alto.xml", alto(&["Il sottoscritto chiede", "seconda pagina"]).as_bytes()),
            ("documenti/doc-2/DocumentoAmministrativoInformatico.xml", two.as_bytes()),
            ("documenti/doc-2/eventi.xml", eventi("doc-2").as_bytes()),
            ("documenti/doc-2/principale/verbale.txt", verbale),
            ("documenti/doc-2/testo/alto.xml", alto(&["segretissimo"]).as_bytes()),
            ("eventi.xml", eventi("pdv-1").as_bytes()),
        ]
        .map(|(name, data)| Item::new(&format!("pdv-1/{name}"), data));
        Self { items: items.to_vec(), index: String::new() }
    }

    pub(crate) fn item(&self, tail: &str) -> &Item {
        self.items.iter().find(|item| item.path().ends_with(tail)).expect("that item")
    }

    /// The item whose name ends so; the index is made first, so that what is done to the item afterwards is a change.
    pub(crate) fn item_mut(&mut self, tail: &str) -> &mut Item {
        if self.index.is_empty() {
            self.seal_index();
        }
        self.items.iter_mut().find(|item| item.path().ends_with(tail)).expect("that item")
    }

    /// Replaces a text in a file, before the index is made.
    pub(crate) fn edit(&mut self, tail: &str, from: &str, to: &str) {
        let item = self.items.iter_mut().find(|item| item.path().ends_with(tail)).expect("that item");
        let text = String::from_utf8(item.data.clone()).expect("text");
        assert!(text.contains(from), "{from} is not in {tail}");
        item.data = text.replace(from, to).into_bytes();
    }

    /// Makes the index of the files as they are.
    pub(crate) fn seal_index(&mut self) {
        self.index = pindex(&self.items);
    }

    /// The package with an index of the files as they are now.
    pub(crate) fn zip(&self) -> Vec<u8> {
        let mut pdv = self.clone();
        pdv.seal_index();
        pdv.zip_keeping_index()
    }

    /// The package with the index that was made before, whatever was done to the files since.
    pub(crate) fn zip_keeping_index(&self) -> Vec<u8> {
        let mut items = self.items.clone();
        assert!(!self.index.is_empty(), "the index was not made");
        items.push(Item::new("pdv-1/PIndex.xml", self.index.as_bytes()));
        zipped(&items)
    }

    /// Bytes of all files, the index included.
    pub(crate) fn bytes(&self) -> u64 {
        (self.items.iter().map(|item| item.data.len()).sum::<usize>() + pindex(&self.items).len()) as u64
    }

    /// The package as a folder.
    pub(crate) fn unpack(&self, root: &Path) {
        let mut items = self.items.clone();
        items.push(Item::new("pdv-1/PIndex.xml", pindex(&self.items).as_bytes()));
        for item in items {
            let path = root.join(item.path());
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, &item.data).expect("written");
        }
    }
}

fn pindex(items: &[Item]) -> String {
    let mut files = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let path = item.path();
        let inside = path.strip_prefix("pdv-1/").unwrap_or(&path);
        let encoded =
            percent_encoding::utf8_percent_encode(inside, percent_encoding::NON_ALPHANUMERIC).to_string().replace("%2F", "/");
        let encoded = encoded.replace("%2E", ".").replace("%2D", "-");
        let hash = Digest::of(&item.data).base64();
        let format = if Path::new(inside).extension().is_some_and(|e| e == "xml") { "application/xml" } else { "text/plain" };
        files.push(format!(
            "<sincro:File sincro:encoding=\"binary\" sincro:format=\"{format}\"><sincro:ID sincro:scheme=\"local\">f{n}</sincro:ID>\
             <sincro:Path>{encoded}</sincro:Path><sincro:Hash sincro:hashFunction=\"SHA-256\">{hash}</sincro:Hash></sincro:File>\n"
        ));
    }
    let files = files.concat();
    let agent = "<sincro:AgentName><sincro:FormalName>Comune di Valdombra</sincro:FormalName></sincro:AgentName>\
                 <sincro:RelevantDocument>Manuale</sincro:RelevantDocument>";
    let zeros = "0".repeat(64);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sincro:PIndex xmlns:sincro=\"http://www.uni.com/U3011/sincro-v2/\" sincro:language=\"it\" \
         sincro:uri=\"http://www.uni.com/U3011/sincro-v2/PIndex.xsd\" sincro:sincroVersion=\"2.0\">\
         <sincro:SelfDescription><sincro:ID sincro:scheme=\"local\">ix-1</sincro:ID><sincro:CreatingApplication><sincro:Name>maker</sincro:Name>\
         <sincro:Version>1</sincro:Version><sincro:Producer>tests</sincro:Producer></sincro:CreatingApplication>\
         <sincro:MoreInfo sincro:xmlSchema=\"none\"><sincro:EmbeddedMetadata><Pdv><Giornale><Ente>c_x000</Ente><Numero>7</Numero>\
         <Impronta>{zeros}</Impronta></Giornale></Pdv></sincro:EmbeddedMetadata></sincro:MoreInfo></sincro:SelfDescription>\
         <sincro:PVolume><sincro:ID sincro:scheme=\"local\">pdv-1</sincro:ID></sincro:PVolume>\
         <sincro:FileGroup><sincro:ID sincro:scheme=\"local\">fg-1</sincro:ID>{files}</sincro:FileGroup><sincro:Process>\
         <sincro:Submitter sincro:agentType=\"legal person\">{agent}</sincro:Submitter>\
         <sincro:Holder sincro:agentType=\"legal person\" sincro:holderRole=\"soggetto produttore\">{agent}</sincro:Holder>\
         <sincro:AuthorizedSigner sincro:agentType=\"legal person\">{agent}</sincro:AuthorizedSigner>\
         <sincro:TimeReference><sincro:TimeInfo sincro:attachedTimeStamp=\"false\">2026-11-22T09:30:00Z</sincro:TimeInfo></sincro:TimeReference>\
         </sincro:Process></sincro:PIndex>"
    )
}

const PAI: &str = "<PAI><IPAAmm><Denominazione>Comune di Valdombra</Denominazione><CodiceIPA>c_x000</CodiceIPA></IPAAmm>\
    <IPAAOO><Denominazione>AOO unica</Denominazione><CodiceIPA>AOO1</CodiceIPA></IPAAOO>\
    <IndirizziDigitaliDiRiferimento>protocollo@pec.example.it</IndirizziDigitaliDiRiferimento></PAI>";

fn id_doc(id: &str, bytes: &[u8]) -> String {
    let impronta = Digest::of(bytes).base64();
    format!(
        "<ImprontaCrittograficaDelDocumento><Impronta>{impronta}</Impronta><Algoritmo>SHA-256</Algoritmo></ImprontaCrittograficaDelDocumento>\
         <Identificativo>{id}</Identificativo>"
    )
}

fn documento(id: &str, oggetto: &str, (principale, allegati): (&[u8], &[&[u8]]), riservato: bool) -> String {
    let number = if id == "doc-1" { "0000123" } else { "0000124" };
    let index = allegati
        .iter()
        .map(|bytes| {
            format!(
                "<IndiceAllegati><IdDoc>{}</IdDoc><Descrizione>Allegato</Descrizione></IndiceAllegati>",
                id_doc(&format!("{id}-a"), bytes)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DocumentoAmministrativoInformatico><IdDoc>{}<Segnatura>c_x000|AOO1|REG1|{number}|2026-11-22</Segnatura></IdDoc>\
         <ModalitaDiFormazione>acquisizione di un documento informatico per via telematica o su supporto informatico, acquisizione della copia per immagine su supporto informatico di un documento analogico, acquisizione della copia informatica di un documento analogico</ModalitaDiFormazione>\
         <TipologiaDocumentale>istanza_accesso_atti</TipologiaDocumentale><DatiDiRegistrazione><TipologiaDiFlusso>E</TipologiaDiFlusso><TipoRegistro>\
         <ProtocolloOrdinario_ProtocolloEmergenza><TipoRegistro>ProtocolloOrdinario\\ProtocolloEmergenza</TipoRegistro>\
         <DataProtocollazioneDocumento>2026-11-22</DataProtocollazioneDocumento><NumeroProtocolloDocumento>{number}</NumeroProtocolloDocumento>\
         <CodiceRegistro>REG1</CodiceRegistro></ProtocolloOrdinario_ProtocolloEmergenza></TipoRegistro></DatiDiRegistrazione>\
         <Soggetti><Ruolo><AmministrazioneCheEffettuaLaRegistrazione><TipoRuolo>Amministrazione Che Effettua La Registrazione</TipoRuolo>{PAI}</AmministrazioneCheEffettuaLaRegistrazione></Ruolo>\
         <Ruolo><Mittente><TipoRuolo>Mittente</TipoRuolo><PF><Cognome>Rossi</Cognome><Nome>Maria</Nome></PF></Mittente></Ruolo></Soggetti>\
         <ChiaveDescrittiva><Oggetto>{oggetto}</Oggetto></ChiaveDescrittiva><Allegati><NumeroAllegati>{}</NumeroAllegati>{index}</Allegati>\
         <Classificazione><IndiceDiClassificazione>VI.3</IndiceDiClassificazione><Descrizione>Edilizia privata</Descrizione></Classificazione>\
         <Riservato>{riservato}</Riservato><IdentificativoDelFormato><Formato>text/plain</Formato></IdentificativoDelFormato>\
         <Verifica><FirmatoDigitalmente>false</FirmatoDigitalmente><SigillatoElettronicamente>false</SigillatoElettronicamente><MarcaturaTemporale>false</MarcaturaTemporale>\
         <ConformitaCopieImmagineSuSupportoInformatico>false</ConformitaCopieImmagineSuSupportoInformatico></Verifica>\
         <Agg><TipoAgg><TipoAggregazione>Fascicolo</TipoAggregazione><IdAggregazione>2026/01.03/0001</IdAggregazione></TipoAgg></Agg>\
         <NomeDelDocumento>istanza.txt</NomeDelDocumento><VersioneDelDocumento>1</VersioneDelDocumento><TempoDiConservazione>10</TempoDiConservazione>\
         </DocumentoAmministrativoInformatico>",
        id_doc(id, principale),
        allegati.len()
    )
}

fn aggregazione(documents: &[(&str, &[u8])]) -> String {
    let index = documents
        .iter()
        .map(|(id, bytes)| {
            format!(
                "<TipoDocumento><DocumentoAmministativoinformatico>{}</DocumentoAmministativoinformatico></TipoDocumento>",
                id_doc(id, bytes)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AggregazioneDocumentaliInformatiche><IdAgg><TipoAggregazione>Fascicolo</TipoAggregazione>\
         <IdAggregazione>2026/01.03/0001</IdAggregazione></IdAgg><TipologiaFascicolo>affare</TipologiaFascicolo><Soggetti><Ruolo><AmministrazioneTitolare>\
         <TipoRuolo>Amministrazione Titolare</TipoRuolo>{PAI}</AmministrazioneTitolare></Ruolo></Soggetti><Assegnazione/><DataApertura>2026-11-22</DataApertura>\
         <Classificazione><IndiceDiClassificazione>VI.3</IndiceDiClassificazione><Descrizione>Edilizia privata</Descrizione></Classificazione>\
         <Progressivo>1</Progressivo><ChiaveDescrittiva><Oggetto>Accesso agli atti</Oggetto></ChiaveDescrittiva>\
         <IndiceDocumenti>{index}</IndiceDocumenti></AggregazioneDocumentaliInformatiche>"
    )
}

fn eventi(subject: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<premis xmlns=\"http://www.loc.gov/premis/v3\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" version=\"3.0\">\
         <object xsi:type=\"file\"><objectIdentifier><objectIdentifierType>local</objectIdentifierType><objectIdentifierValue>{subject}</objectIdentifierValue></objectIdentifier>\
         <objectCharacteristics><format><formatDesignation><formatName>text/plain</formatName></formatDesignation></format></objectCharacteristics></object>\
         <event><eventIdentifier><eventIdentifierType>local</eventIdentifierType><eventIdentifierValue>e-1</eventIdentifierValue></eventIdentifier>\
         <eventType>message digest calculation</eventType><eventDateTime>2026-11-22T09:30:00Z</eventDateTime>\
         <eventOutcomeInformation><eventOutcome>success</eventOutcome></eventOutcomeInformation>\
         <linkingAgentIdentifier><linkingAgentIdentifierType>local</linkingAgentIdentifierType><linkingAgentIdentifierValue>maker-1</linkingAgentIdentifierValue></linkingAgentIdentifier>\
         <linkingObjectIdentifier><linkingObjectIdentifierType>local</linkingObjectIdentifierType><linkingObjectIdentifierValue>{subject}</linkingObjectIdentifierValue></linkingObjectIdentifier>\
         </event><agent><agentIdentifier><agentIdentifierType>local</agentIdentifierType><agentIdentifierValue>maker-1</agentIdentifierValue></agentIdentifier>\
         <agentName>maker</agentName><agentType>software</agentType></agent></premis>"
    )
}

fn alto(pages: &[&str]) -> String {
    let page = |text: &&str| {
        let words = text.split(' ').map(|word| format!("<String CONTENT=\"{word}\" WC=\"0.95\"/>")).collect::<Vec<_>>().concat();
        format!(
            "<Page><PrintSpace><TextBlock><TextLine>{words}<String CONTENT=\"riconosciuto\" WC=\"0.4\"/></TextLine></TextBlock></PrintSpace></Page>"
        )
    };
    let pages = pages.iter().map(page).collect::<Vec<_>>().concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<alto xmlns=\"http://www.loc.gov/standards/alto/ns-v4#\"><Layout>{pages}</Layout></alto>"
    )
}
