//! Does what the pages say contradict what the office said? Only what was surely read can: a reading that no second one
//! confirms is no argument against data. A different wording is no contradiction; that nothing agrees is one.

use super::doubts::unconfirmed;
use crate::document::Hold;
use crate::ente::Ente;
use crate::fields::{Fields, Reading};
use crate::given::{self, Given};
use crate::messages::Message;

/// Shortest word that tells one subject or name from another.
const WORD_CHARS_MIN: usize = 4;

/// A doubt for each value that the pages surely say otherwise. `fields` are those that were read, nothing laid over them yet.
pub fn contradictions(fields: &Fields, given: &[Given], ente: &Ente) -> Vec<Hold> {
    let threshold = ente.soglie.lettura;
    let mut holds = Vec::new();
    if let Some((oggetto, source)) = given::first(given, |g| g.oggetto.as_deref())
        && let Some(read) = fields.oggetto.as_ref().filter(|read| is_sure(read, threshold))
        && !shares_a_word(oggetto, &read.value)
    {
        holds.push(doubt("oggetto", (oggetto, source), (&read.value, read.page)));
    }
    if let Some((party, source)) = given::first(given, |g| g.mittente.as_ref())
        && let Some(read) = fields.mittente.as_ref().filter(|read| is_sure(read, threshold))
    {
        // Of two addresses each is the other's contradiction; an address and a name are none.
        let read_address = read.value.indirizzo_digitale.as_ref();
        if let (true, Some(other)) = (party.is_address(), read_address.filter(|other| !other.eq_ignore_ascii_case(&party.nome))) {
            holds.push(doubt("mittente", (&party.nome, source), (other, read.page)));
        } else if !party.is_address() && !shares_a_word(&party.nome, &read.value.nome) {
            holds.push(doubt("mittente", (&party.nome, source), (&read.value.nome, read.page)));
        }
    }
    if let Some((registrazione, source)) = given::first(given, |g| g.registrazione.as_ref())
        && registrazione.amministrazione.as_ref().is_none_or(|code| *code == ente.codice_ipa)
        && let Some(read) = fields.protocollo.as_ref().filter(|read| is_sure(read, threshold))
    {
        let dates = registrazione.data.zip(read.value.data);
        let is_same = (&registrazione.numero, registrazione.anno) == (&read.value.numero, read.value.anno);
        if !is_same || dates.is_some_and(|(said, read)| said != read) {
            let shown = |numero: &str, anno: i16, data: Option<jiff::civil::Date>| {
                let data = data.map(|data| format!(" {data}")).unwrap_or_default();
                format!("{numero}/{anno}{data}")
            };
            let said = shown(&registrazione.numero, registrazione.anno, registrazione.data);
            let found = shown(&read.value.numero, read.value.anno, read.value.data);
            holds.push(doubt("protocollo", (&said, source), (&found, read.page)));
        }
    }
    holds
}

fn is_sure<T>(reading: &Reading<T>, threshold: f32) -> bool {
    unconfirmed(reading, threshold).is_none()
}

fn doubt(field: &str, (said, source): (&str, &Given), (read, page): (&str, Option<u32>)) -> Hold {
    let message = Message::new("given-contradicted")
        .with("field", field)
        .with("given", super::doubts::short(said))
        .with("origin", &source.origin)
        .with("read", super::doubts::short(read));
    super::doubts::on(Hold::new(message), field, page)
}

/// True if a word that tells something stands in both, or neither has one.
fn shares_a_word(a: &str, b: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= WORD_CHARS_MIN);
        words.map(str::to_lowercase).collect()
    };
    let (a, b) = (words(a), words(b));
    a.is_empty() || b.is_empty() || a.iter().any(|word| b.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Protocollo, SecondReading};
    use crate::given::Registrazione;

    fn read<T>(value: T, is_confirmed: bool) -> Reading<T> {
        let second = SecondReading { raw: String::new(), agrees: is_confirmed, confidence: 0.9, origin: "tesseract".into() };
        Reading { value, confidence: 0.9, origin: "tesseract".into(), page: Some(1), rect: None, second: Some(second) }
    }

    fn protocollo(numero: &str, is_confirmed: bool) -> Fields {
        let value = Protocollo { numero: numero.into(), anno: 2024, data: None, verso: None };
        Fields { protocollo: Some(read(value, is_confirmed)), ..Fields::default() }
    }

    fn said(amministrazione: Option<&str>) -> [Given; 1] {
        let registrazione = Registrazione {
            amministrazione: amministrazione.map(str::to_owned),
            numero: "0004512".into(),
            anno: 2024,
            data: None,
            verso: None,
        };
        [Given { origin: "sidecar a.json".into(), registrazione: Some(registrazione), ..Given::default() }]
    }

    #[test]
    fn only_a_confirmed_reading_of_our_own_register_contradicts() {
        let ente = Ente::prova();
        let codes = |fields: &Fields, given: &[Given]| {
            contradictions(fields, given, &ente).into_iter().map(|hold| hold.field.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(codes(&protocollo("0004517", true), &said(None)), ["protocollo"]);
        assert_eq!(codes(&protocollo("0004517", true), &said(Some("prova"))), ["protocollo"]);
        assert!(codes(&protocollo("0004517", false), &said(None)).is_empty(), "an unsure reading");
        assert!(codes(&protocollo("0004512", true), &said(None)).is_empty(), "the same");
        assert!(codes(&protocollo("0004517", true), &said(Some("c_a000"))).is_empty(), "the sender's register");
    }

    #[test]
    fn another_wording_is_no_contradiction_another_subject_is() {
        let fields =
            Fields { oggetto: Some(read("Richiesta di accesso agli atti edilizi".to_owned(), true)), ..Fields::default() };
        let given = |oggetto: &str| [Given { oggetto: Some(oggetto.into()), ..Given::default() }];
        assert!(contradictions(&fields, &given("ACCESSO documentale, ditta Rossi"), &Ente::prova()).is_empty());
        assert_eq!(contradictions(&fields, &given("Fattura n. 12"), &Ente::prova()).len(), 1);
    }
}
