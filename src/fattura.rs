//! What does a FatturaPA say? The fields of the first invoice of the file, read from its XML alone (Agenzia delle entrate,
//! FatturaPA 1.2.3: 1.2 cedente, 1.4 cessionario, 2.1 documento).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::fields::{Importo, Party, PartyKind};
use crate::given::{Given, Valori};
use crate::xml::tree::Element;

/// Most codes of one kind that are kept.
const CODES_MAX: usize = 1_000;

/// Fact kind of a document that is an invoice.
pub const FACT: &str = "fattura";

/// An invoice as its XML has it. What the XML lacks is none, and named by [`Fattura::missing`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Fattura {
    /// `FPA12`, `FPR12`, `FSM10`.
    pub formato: Option<String>,
    /// Who sells.
    pub cedente: Soggetto,
    /// Who buys.
    pub cessionario: Soggetto,
    /// `TD01` to `TD29`.
    pub tipo: Option<String>,
    /// Currency.
    pub divisa: Option<String>,
    /// Date of the invoice.
    pub data: Option<Date>,
    /// Its number, as written.
    pub numero: Option<String>,
    /// Its total, as written; where it is left out, what is taxable and the tax added up.
    pub totale: Option<String>,
    /// True where the total was added up.
    pub totale_calcolato: bool,
    /// What it is for.
    pub causale: Vec<String>,
    /// Office that it is addressed to.
    pub codice_destinatario: Option<String>,
    /// CIG of orders, contracts, agreements, receptions and linked invoices, in order, each once.
    pub cig: Vec<String>,
    /// The same of CUP.
    pub cup: Vec<String>,
    /// IBAN of the payments.
    pub iban: Vec<String>,
    /// How many invoices the file holds.
    pub corpi: u32,
}

/// A party of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Soggetto {
    /// Name of a firm, or name and family name of a person.
    pub nome: Option<String>,
    /// True of a person.
    pub is_persona: bool,
    /// Partita IVA with its country, `IT01234567890`.
    pub partita_iva: Option<String>,
    /// Codice fiscale.
    pub codice_fiscale: Option<String>,
}

impl Fattura {
    /// Names of the elements that the law wants and the XML lacks.
    pub fn missing(&self) -> Vec<&'static str> {
        let wanted = [
            (self.cedente.nome.is_some(), "CedentePrestatore"),
            (self.cessionario.nome.is_some() || self.cessionario.codice_fiscale.is_some(), "CessionarioCommittente"),
            (self.tipo.is_some(), "TipoDocumento"),
            (self.numero.is_some(), "Numero"),
            (self.data.is_some(), "Data"),
            (self.totale.is_some(), "ImportoTotaleDocumento"),
        ];
        wanted.into_iter().filter(|(is_there, _)| !is_there).map(|(_, name)| name).collect()
    }
}

/// The invoice whose root this is; none of anything else.
pub fn read(root: &Element) -> Option<Fattura> {
    if !matches!(root.name.as_str(), "FatturaElettronica" | "FatturaElettronicaSemplificata") {
        return None;
    }
    let head = root.child("FatturaElettronicaHeader");
    let bodies: Vec<&Element> = root.all("FatturaElettronicaBody").collect();
    let body = bodies.first().copied();
    let general = body.and_then(|body| body.at(&["DatiGenerali", "DatiGeneraliDocumento"]));
    let text = |of: Option<&Element>, path: &[&str]| of.and_then(|of| of.text_at(path)).map(one_line);
    let stated = text(general, &["ImportoTotaleDocumento"]);
    let (totale, totale_calcolato) = match stated {
        Some(total) => (Some(total), false),
        None => (body.and_then(added_up), true),
    };
    Some(Fattura {
        formato: root.attribute("versione").map(str::to_owned),
        cedente: soggetto(head.and_then(|head| head.child("CedentePrestatore"))),
        cessionario: soggetto(head.and_then(|head| head.child("CessionarioCommittente"))),
        tipo: text(general, &["TipoDocumento"]),
        divisa: text(general, &["Divisa"]),
        data: general.and_then(|g| g.text_at(&["Data"])).and_then(|data| data.get(..10)?.parse().ok()),
        numero: text(general, &["Numero"]),
        totale_calcolato: totale.is_some() && totale_calcolato,
        totale,
        causale: general.into_iter().flat_map(|g| g.all("Causale")).take(CODES_MAX).map(|c| one_line(&c.text)).collect(),
        codice_destinatario: text(head, &["DatiTrasmissione", "CodiceDestinatario"]),
        cig: codes(&bodies, "CodiceCIG"),
        cup: codes(&bodies, "CodiceCUP"),
        iban: ibans(&bodies),
        corpi: bodies.len() as u32,
    })
}

/// What an invoice is called.
pub fn title(fattura: &Fattura) -> String {
    let word = if fattura.tipo.as_deref() == Some("TD04") { "Nota di credito" } else { "Fattura" };
    let numero = fattura.numero.as_ref().map(|numero| format!(" n. {numero}"));
    let data = fattura.data.map(|data| format!(" del {:02}/{:02}/{}", data.day(), data.month(), data.year()));
    let nome = fattura.cedente.nome.as_ref().map(|nome| format!(" di {nome}"));
    [Some(word.to_owned()), numero, data, nome].into_iter().flatten().collect()
}

/// What an invoice in the file `name` says of its document.
pub fn given(fattura: &Fattura, name: &str) -> Given {
    let both = [&fattura.cedente, &fattura.cessionario];
    let vat = |party: &Soggetto| party.partita_iva.as_deref().and_then(|vat| vat.strip_prefix("IT")).map(str::to_owned);
    let of_length = |length: usize| move |code: &String| code.len() == length;
    let fiscal = || both.iter().filter_map(|party| party.codice_fiscale.clone());
    let mut partite_iva: Vec<String> = both.iter().filter_map(|party| vat(party)).chain(fiscal()).filter(of_length(11)).collect();
    partite_iva.sort();
    partite_iva.dedup();
    let amount = fattura
        .totale
        .as_ref()
        .map(|amount| Importo { amount: amount.clone(), currency: fattura.divisa.clone().unwrap_or_else(|| "EUR".to_owned()) });
    Given {
        origin: format!("fatturapa {name}"),
        tipo: Some("fattura".to_owned()),
        oggetto: Some(title(fattura)),
        data: fattura.data,
        mittente: fattura.cedente.party(),
        destinatario: fattura.cessionario.party(),
        valori: Valori {
            cig: fattura.cig.clone(),
            cup: fattura.cup.clone(),
            iban: fattura.iban.clone(),
            partite_iva,
            codici_fiscali: fiscal().filter(of_length(16)).collect(),
            importi: amount.into_iter().collect(),
            riferimenti: fattura.numero.iter().map(|numero| format!("fattura n. {}", numero.to_lowercase())).collect(),
            ..Valori::default()
        },
        ..Given::default()
    }
}

impl Soggetto {
    fn party(&self) -> Option<Party> {
        let vat = self.partita_iva.as_deref().map(|vat| vat.strip_prefix("IT").unwrap_or(vat).to_owned());
        Some(Party {
            nome: self.nome.clone()?,
            kind: if self.is_persona { PartyKind::PersonaFisica } else { PartyKind::PersonaGiuridica },
            codice: self.codice_fiscale.clone().or(vat),
            indirizzo_digitale: None,
        })
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A party; of the simplified invoice its data stand one level higher.
fn soggetto(of: Option<&Element>) -> Soggetto {
    let Some(of) = of else { return Soggetto::default() };
    let data = of.child("DatiAnagrafici").or_else(|| of.child("IdentificativiFiscali")).unwrap_or(of);
    let named = of.child("AltriDatiIdentificativi").or_else(|| data.child("Anagrafica")).unwrap_or(of);
    let firm = named.text_at(&["Denominazione"]).map(one_line);
    let person = || {
        let both: Vec<&str> = ["Nome", "Cognome"].iter().filter_map(|name| named.text_at(&[name])).collect();
        (!both.is_empty()).then(|| one_line(&both.join(" ")))
    };
    let vat = data
        .at(&["IdFiscaleIVA"])
        .and_then(|id| Some(format!("{}{}", id.text_at(&["IdPaese"]).unwrap_or_default(), id.text_at(&["IdCodice"])?)));
    Soggetto {
        is_persona: firm.is_none() && person().is_some(),
        nome: firm.or_else(person),
        partita_iva: vat,
        codice_fiscale: data.text_at(&["CodiceFiscale"]).map(one_line),
    }
}

/// Codes of all that the invoice refers to, in order, each once.
fn codes(bodies: &[&Element], name: &str) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for general in bodies.iter().filter_map(|body| body.child("DatiGenerali")) {
        for code in general.children.iter().filter_map(|linked| linked.text_at(&[name])).map(one_line) {
            if !codes.contains(&code) && codes.len() < CODES_MAX {
                codes.push(code);
            }
        }
    }
    codes
}

fn ibans(bodies: &[&Element]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let payments = bodies.iter().flat_map(|body| body.all("DatiPagamento")).flat_map(|paid| paid.all("DettaglioPagamento"));
    for iban in payments.filter_map(|paid| paid.text_at(&["IBAN"])).map(one_line) {
        if !found.contains(&iban) && found.len() < CODES_MAX {
            found.push(iban);
        }
    }
    found
}

/// What is taxable and the tax, added up in cents of every rate; none where one of them is no amount.
fn added_up(body: &Element) -> Option<String> {
    let mut sum = 0_i64;
    let mut count = 0;
    for summary in body.child("DatiBeniServizi")?.all("DatiRiepilogo") {
        for name in ["ImponibileImporto", "Imposta"] {
            sum = sum.checked_add(cents(summary.text_at(&[name])?)?)?;
            count += 1;
        }
    }
    let sign = if sum < 0 { "-" } else { "" };
    (count > 0).then(|| format!("{sign}{}.{:02}", sum.abs() / 100, sum.abs() % 100))
}

/// An amount in cents, `-12.30`; more than two decimals are no amount of a summary.
fn cents(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "00"));
    let is_good = !whole.is_empty() && whole.len() <= 15 && (1..=2).contains(&part.len());
    let cents: i64 = format!("{part:0<2}").parse().ok().filter(|_| is_good)?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::tree;

    const FATTURA: &str = r#"<p:FatturaElettronica versione="FPA12" xmlns:p="http://x"><FatturaElettronicaHeader>
        <DatiTrasmissione><CodiceDestinatario>UFABCD</CodiceDestinatario></DatiTrasmissione>
        <CedentePrestatore><DatiAnagrafici><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>01234567890</IdCodice></IdFiscaleIVA>
        <Anagrafica><Denominazione>Ferramenta S.r.l.</Denominazione></Anagrafica></DatiAnagrafici></CedentePrestatore>
        <CessionarioCommittente><DatiAnagrafici><CodiceFiscale>RSSMRA80A01H501U</CodiceFiscale><Anagrafica><Nome>Maria</Nome>
        <Cognome>Rossi</Cognome></Anagrafica></DatiAnagrafici></CessionarioCommittente></FatturaElettronicaHeader>
        <FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD01</TipoDocumento><Divisa>EUR</Divisa>
        <Data>2024-03-12</Data><Numero>12/A</Numero></DatiGeneraliDocumento>
        <DatiOrdineAcquisto><CodiceCUP>B83D21001230001</CodiceCUP><CodiceCIG>Z123456789</CodiceCIG></DatiOrdineAcquisto>
        <DatiContratto><CodiceCIG>Z123456789</CodiceCIG></DatiContratto></DatiGenerali><DatiBeniServizi>
        <DatiRiepilogo><ImponibileImporto>100.00</ImponibileImporto><Imposta>22.00</Imposta></DatiRiepilogo>
        <DatiRiepilogo><ImponibileImporto>0.5</ImponibileImporto><Imposta>0.05</Imposta></DatiRiepilogo></DatiBeniServizi>
        </FatturaElettronicaBody></p:FatturaElettronica>"#;

    #[test]
    fn the_fields_of_an_invoice_are_read_from_its_xml() {
        let fattura = read(&tree::root(FATTURA, tree::SMALL).expect("xml")).expect("an invoice");
        assert_eq!(fattura.cedente.nome.as_deref(), Some("Ferramenta S.r.l."));
        assert_eq!(fattura.cedente.partita_iva.as_deref(), Some("IT01234567890"));
        assert_eq!((fattura.cessionario.nome.as_deref(), fattura.cessionario.is_persona), (Some("Maria Rossi"), true));
        assert_eq!((fattura.numero.as_deref(), fattura.data), (Some("12/A"), Some(jiff::civil::date(2024, 3, 12))));
        assert_eq!((fattura.cig.len(), fattura.cup.len()), (1, 1));
        assert_eq!((fattura.totale.as_deref(), fattura.totale_calcolato), (Some("122.55"), true));
        assert!(fattura.missing().is_empty());
    }

    #[test]
    fn what_the_law_wants_and_the_xml_lacks_is_named() {
        let without = FATTURA.replace("<Numero>12/A</Numero>", "").replace("Ferramenta S.r.l.", "").replace("0.05", "0.055");
        let fattura = read(&tree::root(&without, tree::SMALL).expect("xml")).expect("an invoice");
        assert_eq!(fattura.missing(), ["CedentePrestatore", "Numero", "ImportoTotaleDocumento"]);
        assert_eq!(read(&tree::root("<Segnatura/>", tree::SMALL).expect("xml")), None);
    }
}
