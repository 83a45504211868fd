//! What does the daticert of a PEC certify? Who sent what to whom and when, or what became of it (DM 2 November 2005, technical rules;
//! RFC 6109, 4.4).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};

use crate::xml::tree::{self, Element};

/// The root.
const ROOT: &str = "postacert";
/// Most addressees that are kept: a message of PEC has at most some hundreds.
const DESTINATARI_MAX: usize = 1_000;

/// The data that a provider of PEC certifies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Daticert {
    /// `posta-certificata`, or the kind of receipt: `accettazione`, `avvenuta-consegna`, …
    pub tipo: String,
    /// `nessuno`, or what went wrong: `no-dest`, `no-dominio`, `virus`, `altro`.
    pub errore: String,
    /// Address of the sender.
    pub mittente: String,
    /// Addresses of the addressees, each `certificato` or `esterno`.
    pub destinatari: Vec<(String, String)>,
    /// Subject of the original message.
    pub oggetto: Option<String>,
    /// The provider.
    pub gestore: String,
    /// The instant that is certified.
    pub at: Option<Timestamp>,
    /// The provider's own id of the message.
    pub identificativo: String,
    /// Message-ID of the original message, without its brackets.
    pub msgid: Option<String>,
    /// Kind of the receipt of delivery: `completa`, `breve`, `sintetica`.
    pub ricevuta: Option<String>,
    /// The addressee that a receipt of delivery, or of its failure, is about.
    pub consegna: Option<String>,
    /// Why it was not delivered, in the provider's words.
    pub errore_esteso: Option<String>,
}

impl Daticert {
    /// True of the envelope of a message, false of a receipt.
    pub fn is_trasporto(&self) -> bool {
        self.tipo == "posta-certificata"
    }
}

/// A message's id as it is compared: without brackets and blanks.
pub fn bare(id: &str) -> Option<String> {
    let bare = id.trim().trim_start_matches('<').trim_end_matches('>').trim();
    (!bare.is_empty() && bare.len() <= 1_000).then(|| bare.to_owned())
}

/// The daticert that these bytes are; none of anything else. Some providers leave the brackets of `msgid` as they are.
pub fn read(bytes: &[u8]) -> Option<Daticert> {
    let text = tree::decoded(bytes);
    let root = tree::root(&text, tree::SMALL).or_else(|_| tree::root(&mended(&text), tree::SMALL)).ok()?;
    (root.name == ROOT).then(|| of(&root))
}

/// The text with the brackets of `msgid` escaped.
fn mended(text: &str) -> String {
    let Some((before, rest)) = text.split_once("<msgid>") else { return text.to_owned() };
    let Some((id, after)) = rest.split_once("</msgid>") else { return text.to_owned() };
    format!("{before}<msgid>{}</msgid>{after}", id.replace('<', "&lt;").replace('>', "&gt;"))
}

fn of(root: &Element) -> Daticert {
    let text = |path: &[&str]| root.text_at(path).map(one_line);
    let attribute =
        |of: Option<&Element>, name: &str| of.and_then(|e| e.attribute(name)).unwrap_or_default().to_ascii_lowercase();
    let destinatari = root.child("intestazione").into_iter().flat_map(|head| head.all("destinatari")).take(DESTINATARI_MAX);
    let errore = attribute(Some(root), "errore");
    Daticert {
        tipo: attribute(Some(root), "tipo"),
        errore: if errore.is_empty() { "nessuno".to_owned() } else { errore },
        mittente: text(&["intestazione", "mittente"]).unwrap_or_default(),
        destinatari: destinatari.map(|to| (one_line(&to.text), attribute(Some(to), "tipo"))).collect(),
        oggetto: text(&["intestazione", "oggetto"]),
        gestore: text(&["dati", "gestore-emittente"]).unwrap_or_default(),
        at: root.at(&["dati", "data"]).and_then(instant),
        identificativo: text(&["dati", "identificativo"]).unwrap_or_default(),
        msgid: root.text_at(&["dati", "msgid"]).and_then(bare),
        ricevuta: Some(attribute(root.at(&["dati", "ricevuta"]), "tipo")).filter(|kind| !kind.is_empty()),
        consegna: text(&["dati", "consegna"]),
        errore_esteso: text(&["dati", "errore-esteso"]),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `<data zona="+0100"><giorno>22/11/2026</giorno><ora>09:30:00</ora></data>`.
fn instant(data: &Element) -> Option<Timestamp> {
    let numbers = |text: &str, sign: char| -> Option<Vec<i16>> { text.split(sign).map(|n| n.trim().parse().ok()).collect() };
    let [day, month, year] = numbers(data.text_at(&["giorno"])?, '/')?[..] else { return None };
    let [hour, minute, second] = numbers(data.text_at(&["ora"])?, ':')?[..] else { return None };
    let small = |n: i16| i8::try_from(n).ok();
    let civil = Date::new(year, small(month)?, small(day)?).ok()?;
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let zone = data.attribute("zona")?.trim();
    let (sign, digits) = (if zone.starts_with('-') { -1 } else { 1 }, zone.trim_start_matches(['+', '-']).replace(':', ""));
    let (hours, minutes) = (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..4)?.parse::<i32>().ok()?);
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()?;
    offset.to_timestamp(DateTime::from_parts(civil, time)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSEGNA: &str = r#"<?xml version="1.0" encoding="UTF-8"?><postacert tipo="avvenuta-consegna" errore="nessuno">
        <intestazione><mittente>a@pec.example</mittente><destinatari tipo="certificato">b@pec.example</destinatari>
        <destinatari tipo="esterno">c@mail.example</destinatari><risposte>a@pec.example</risposte><oggetto>Istanza
        di accesso</oggetto></intestazione><dati><gestore-emittente>GESTORE</gestore-emittente>
        <data zona="+0100"><giorno>22/11/2026</giorno><ora>09:30:00</ora></data><identificativo>opec1@pec.example</identificativo>
        <msgid>&lt;abc@pec.example&gt;</msgid><ricevuta tipo="completa"/><consegna>b@pec.example</consegna></dati></postacert>"#;

    #[test]
    fn every_word_of_a_daticert_is_read() {
        let daticert = read(CONSEGNA.as_bytes()).expect("a daticert");
        assert_eq!((daticert.tipo.as_str(), daticert.errore.as_str()), ("avvenuta-consegna", "nessuno"));
        assert_eq!(daticert.oggetto.as_deref(), Some("Istanza di accesso"));
        assert_eq!(daticert.at.expect("an instant").to_string(), "2026-11-22T08:30:00Z");
        assert_eq!((daticert.msgid.as_deref(), daticert.ricevuta.as_deref()), (Some("abc@pec.example"), Some("completa")));
        assert_eq!(daticert.destinatari[1], ("c@mail.example".to_owned(), "esterno".to_owned()));
        assert!(!daticert.is_trasporto());
    }

    #[test]
    fn an_id_whose_brackets_were_not_escaped_is_read_all_the_same() {
        let raw = CONSEGNA.replace("&lt;abc@pec.example&gt;", "<abc@pec.example>");
        assert_eq!(read(raw.as_bytes()).and_then(|daticert| daticert.msgid).as_deref(), Some("abc@pec.example"));
        assert_eq!(read(b"<postacert"), None);
        assert_eq!(read(b"<fattura/>"), None);
    }
}
