//! What do the metadata say that a request or a page repeats? Read from the file of Allegato 5 itself, so that both say the same.

use quick_xml::events::Event;

use super::PlannedDocument;

/// What the metadata of a document or an aggregation say that a request repeats.
pub(super) struct Facts {
    pub(super) numero: String,
    pub(super) anno: String,
    pub(super) registro: String,
    pub(super) data: String,
    pub(super) tipologia: String,
    pub(super) oggetto: String,
    pub(super) voce: String,
}

impl Facts {
    pub(super) fn of(document: &PlannedDocument) -> Self {
        let text = document.metadata.text.as_str();
        let one = |names: &[&str]| first(text, names);
        let data = one(&["DataProtocollazioneDocumento", "DataRegistrazioneDocumento", "DataDocumento"])
            .chars()
            .take(10)
            .collect::<String>();
        let numero = one(&["NumeroProtocolloDocumento", "NumeroRegistrazioneDocumento", "NumeroDocumento"]);
        Self {
            // A document that has no number of its own is known by its id.
            numero: if numero.is_empty() { document.id.to_string() } else { numero },
            anno: data.chars().take(4).collect(),
            registro: Some(one(&["CodiceRegistro"])).filter(|code| !code.is_empty()).unwrap_or_else(|| "Nessuno".to_owned()),
            data,
            tipologia: one(&["TipologiaDocumentale"]),
            oggetto: one(&["Oggetto"]),
            voce: one(&["IndiceDiClassificazione"]),
        }
    }
}

/// The text of the first element of one of these names.
pub(super) fn first(xml: &str, names: &[&str]) -> String {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut is_inside, mut found) = (false, String::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => is_inside = names.iter().any(|name| start.name().as_ref() == *name),
            Ok(Event::Text(text)) if is_inside => found.push_str(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) if is_inside => {
                let name = format!("&{};", reference.xml10_content());
                found.push_str(&quick_xml::escape::unescape(&name).unwrap_or_default());
            }
            Ok(Event::End(_)) if is_inside => return found.trim().to_owned(),
            Ok(Event::Eof) | Err(_) => return String::new(),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_of_a_name_is_read_with_its_references() {
        let xml = "<a><b/><Oggetto> x &amp; y </Oggetto><Oggetto>z</Oggetto></a>";
        assert_eq!(first(xml, &["Nessuno", "Oggetto"]), "x & y");
        assert_eq!(first(xml, &["altro"]), "");
    }
}
