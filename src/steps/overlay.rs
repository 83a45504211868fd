//! How does a person's decision overlay what the machine read? Values set stand with the person as origin and full confidence.

use jiff::civil::Date;

use crate::aggregation::TipoAggregazione;
use crate::decision::Decisions;
use crate::error::{Error, Kind, Result};
use crate::fields::{Fields, Party, PartyKind, Protocollo, Reading, Verso};
use crate::filing::{Filing, Voce};
use crate::given::{self, Given};
use crate::stated::{Stated, Statement, Ulteriori, UlterioriAggregazione};

/// Lays decided values over the fields.
pub(crate) fn fields(fields: &mut Fields, decided: &Decisions) -> Result<()> {
    if let Some((value, origin)) = decided.value("oggetto") {
        fields.oggetto = Some(said(value.to_owned(), origin));
    }
    if let Some((value, origin)) = decided.value("protocollo") {
        fields.protocollo = Some(said(parse_protocollo(value)?, origin));
    }
    if let Some((value, origin)) = decided.value("data") {
        fields.data = Some(said(parse_date("data", value)?, origin));
    }
    if let Some((value, origin)) = decided.value("mittente") {
        fields.mittente = Some(said(party(value), origin));
    }
    if let Some((value, origin)) = decided.value("destinatario") {
        fields.destinatario = Some(said(party(value), origin));
    }
    Ok(())
}

/// Tipo and voce that people have decided, each as its own source.
pub(crate) fn given(decided: &Decisions) -> Vec<Given> {
    let tipo = decided.value("tipo").map(|(tipo, origin)| Given { origin, tipo: Some(tipo.to_owned()), ..Given::default() });
    let voce = decided.value("voce").map(|(voce, origin)| Given { origin, voce: Some(voce.to_owned()), ..Given::default() });
    tipo.into_iter().chain(voce).collect()
}

/// Lays decided values over the filing.
pub(crate) fn filing(filing: &mut Filing, decided: &Decisions) {
    let mut is_decided = false;
    if let Some((value, origin)) = decided.value("tipo") {
        filing.tipo = said(value.to_owned(), origin);
    }
    if let Some((value, origin)) = decided.value("voce") {
        filing.voce = said(Voce(value.to_owned()), origin);
        if filing.aggregazione.tipo == TipoAggregazione::Fascicolo {
            filing.aggregazione.voce = Voce(value.to_owned());
        }
        is_decided = true;
    }
    if let Some((value, origin)) = decided.value("riservato") {
        filing.riservato = is_yes(value);
        filing.riservato_origin = Some(origin);
    }
    if let Some((value, _)) = decided.value("fascicolo") {
        value.clone_into(&mut filing.aggregazione.thread);
    }
    if is_decided {
        filing.confidence = 1.0;
    }
}

/// What counts of what was stated: a person's word before that of a sidecar, each whole.
pub(crate) fn stated(decided: &Decisions, given: &[Given]) -> Stated {
    Stated {
        documento: statement(decided, "dichiarazioni", given::first(given, |g| g.dichiarazioni.clone())),
        aggregazione: statement(
            decided,
            "dichiarazioni_aggregazione",
            given::first(given, |g| g.dichiarazioni_aggregazione.clone()),
        ),
    }
}

fn statement<T: serde::de::DeserializeOwned>(
    decided: &Decisions,
    field: &str,
    given: Option<(T, &Given)>,
) -> Option<Statement<T>> {
    let typed = decided.value(field).and_then(|(text, origin)| Some(Statement { value: crate::stated::parse(text)?, origin }));
    typed.or_else(|| given.map(|(value, source)| Statement { value, origin: source.origin.clone() }))
}

/// Checks one `FIELD=VALUE` before it is stored, with the sentence for the person who typed it.
pub(crate) fn check(field: &str, value: &str, titolario: &crate::titolario::Titolario) -> Result<()> {
    let is_good = match field {
        "protocollo" => return parse_protocollo(value).map(|_| ()),
        "data" => return parse_date("data", value).map(|_| ()),
        "voce" => titolario.nome(&Voce(value.to_owned())).is_some(),
        "tipo" => crate::classify::tipo_name(value).is_some(),
        "riservato" => matches!(value, "si" | "no" | "true" | "false"),
        "dichiarazioni" => crate::stated::parse::<Ulteriori>(value).is_some(),
        "dichiarazioni_aggregazione" => crate::stated::parse::<UlterioriAggregazione>(value).is_some(),
        "oggetto" | "mittente" | "destinatario" | "fascicolo" => !value.trim().is_empty() && value.len() <= 2_000,
        _ => false,
    };
    if is_good { Ok(()) } else { Err(wrong(&format!("{field}={value}"), "value")) }
}

/// A typed yes or no, in either of the ways that files and answers write it.
fn is_yes(value: &str) -> bool {
    matches!(value, "si" | "true")
}

fn said<T>(value: T, origin: String) -> Reading<T> {
    Reading { value, confidence: 1.0, origin, page: None, rect: None, second: None }
}

fn party(name: &str) -> Party {
    Party { nome: name.to_owned(), kind: PartyKind::Unknown, codice: None, indirizzo_digitale: None }
}

fn parse_date(field: &str, text: &str) -> Result<Date> {
    text.parse().map_err(|_| wrong(&format!("{field}={text}"), "AAAA-MM-GG"))
}

/// `0001234/2024`, then, each optional and separated by blanks, a date `2024-03-12` and a direction `E`, `U` or `I`.
fn parse_protocollo(text: &str) -> Result<Protocollo> {
    let fail = || wrong(&format!("protocollo={text}"), "NUMERO/ANNO [AAAA-MM-GG] [E|U|I]");
    let mut parts = text.split_whitespace();
    let (numero, anno) = parts.next().and_then(|p| p.split_once('/')).ok_or_else(fail)?;
    if numero.is_empty() || numero.len() > 12 || !numero.bytes().all(|b| b.is_ascii_digit()) {
        return Err(fail());
    }
    let anno: i16 = anno.parse().ok().filter(|y| (1900..=2200).contains(y)).ok_or_else(fail)?;
    let mut protocollo = Protocollo { numero: format!("{numero:0>7}"), anno, data: None, verso: None };
    for part in parts {
        match part {
            "E" => protocollo.verso = Some(Verso::E),
            "U" => protocollo.verso = Some(Verso::U),
            "I" => protocollo.verso = Some(Verso::I),
            date => protocollo.data = Some(date.parse().map_err(|_| fail())?),
        }
    }
    Ok(protocollo)
}

fn wrong(what: &str, why: &str) -> Error {
    Error::new(Kind::Usage, "decision-unknown")
        .with("what", what)
        .with("why", why)
        .with("fields", crate::decision::FIELDS.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocollo_typed_by_a_person_is_padded_to_seven_digits() {
        let typed = parse_protocollo("4512/2024 2024-03-12 E").expect("a protocollo");
        assert_eq!((typed.numero.as_str(), typed.anno, typed.verso), ("0004512", 2024, Some(Verso::E)));
        assert_eq!(typed.data.map(|d| d.to_string()).as_deref(), Some("2024-03-12"));
    }

    #[test]
    fn a_protocollo_without_year_or_with_letters_is_refused() {
        for text in ["4512", "45a2/2024", "4512/24", "/2024", "4512/2024 ieri"] {
            assert_eq!(parse_protocollo(text).expect_err(text).exit_code(), 2);
        }
    }
}
