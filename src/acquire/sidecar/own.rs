//! The simple form: `{"documento": {…}}`, or the same as XML, `<documento>…</documento>`. Every key may be missing, none may
//! be unknown; a value that cannot be understood is a fault, for a typing error must not pass in silence.

use serde_json::{Map, Value};

use crate::fields::{Party, PartyKind, Verso};
use crate::given::{Given, Registrazione, VALUE_BYTES_MAX, numero};
use crate::messages::Message;

/// The root.
pub(super) const ROOT: &str = "documento";
/// Its namespace, which may be left out.
pub(super) const SPACE: &str = "urn:conserva:documento:1";

/// What the form says.
pub(super) fn given(body: &Map<String, Value>, name: &str) -> Given {
    let mut given = Given { origin: format!("sidecar {name}"), ..Given::default() };
    for (key, value) in body {
        if take(&mut given, key, value).is_none() {
            given.faults.push(Message::new("sidecar-value").with("name", name).with("key", key));
        }
    }
    given
}

/// Takes one key in; none if key or value cannot be understood.
fn take(given: &mut Given, key: &str, value: &Value) -> Option<()> {
    match key {
        "oggetto" => given.oggetto = Some(text(value)?),
        "tipo" => given.tipo = Some(text(value)?),
        "voce" => given.voce = Some(text(value)?),
        "fascicolo" => given.fascicolo = Some(text(value)?),
        "sha256" => given.impronta = Some(crate::digest::Digest::parse(&text(value)?.to_lowercase())?),
        "lotto" => given.lotto = Some(text(value)?),
        "riservato" => given.riservato = Some(truth(value)?),
        "data" => given.data = Some(text(value)?.parse().ok()?),
        "protocollo" => given.registrazione = Some(registrazione(value.as_object()?)?),
        "mittente" => given.mittente = Some(party(value)?),
        "destinatario" => given.destinatario = Some(party(value)?),
        "dichiarazioni" => given.dichiarazioni = Some(crate::stated::parse(&value.to_string())?),
        "dichiarazioni_aggregazione" => given.dichiarazioni_aggregazione = Some(crate::stated::parse(&value.to_string())?),
        _ => return None,
    }
    Some(())
}

/// A text of one line that says something; a number counts as its digits.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_good = !text.is_empty() && text.len() <= VALUE_BYTES_MAX && text.chars().all(crate::xml::is_legal);
    is_good.then_some(text)
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(is_true) => Some(*is_true),
        Value::String(word) => match word.trim().to_lowercase().as_str() {
            "true" | "1" | "si" | "sì" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn registrazione(body: &Map<String, Value>) -> Option<Registrazione> {
    let known = ["numero", "anno", "data", "verso"];
    if body.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let data = match body.get("data") {
        None => None,
        Some(data) => Some(text(data)?.parse::<jiff::civil::Date>().ok()?),
    };
    let anno = match body.get("anno") {
        None => data?.year(),
        Some(anno) => text(anno)?.parse().ok().filter(|year| (1900..=2200).contains(year))?,
    };
    if data.is_some_and(|data| data.year() != anno) {
        return None;
    }
    let verso = match body.get("verso") {
        None => None,
        Some(verso) => Some(match text(verso)?.as_str() {
            "E" => Verso::E,
            "U" => Verso::U,
            "I" => Verso::I,
            _ => return None,
        }),
    };
    Some(Registrazione { amministrazione: None, numero: numero(&text(body.get("numero")?)?)?, anno, data, verso })
}

/// A name, or a name with codice and address.
fn party(value: &Value) -> Option<Party> {
    let Some(body) = value.as_object() else {
        return Some(Party { nome: text(value)?, kind: PartyKind::Unknown, codice: None, indirizzo_digitale: None });
    };
    let known = ["nome", "codice", "indirizzo_digitale", "tipo"];
    if body.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let kind = match body.get("tipo") {
        None => PartyKind::Unknown,
        Some(kind) => serde_json::from_value(Value::String(text(kind)?)).ok()?,
    };
    let optional = |key: &str| body.get(key).map_or(Some(None), |value| text(value).map(Some));
    Some(Party {
        nome: text(body.get("nome")?)?,
        kind,
        codice: optional("codice")?,
        indirizzo_digitale: optional("indirizzo_digitale")?,
    })
}
