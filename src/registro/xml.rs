//! Entries of the register as XML of our own form (`schemas/registro-estratto.xsd`).

use jiff::civil::Date;

use super::forma::{Campi, Raccolta};
use super::{Estratto, LINES_MAX};
use crate::messages::Message;
use crate::xml::tree::{Bounds, Element, root};

/// The namespace of the form.
pub const SPACE: &str = "urn:conserva:registro:1";
/// The form has three levels; each entry has at most so many elements, recipients among them.
const BOUNDS: Bounds = Bounds { depth: 8, elements: LINES_MAX * 12 };
/// What an element or attribute of the form is called in a table.
const NAMES: [(&str, &str); 15] = [
    ("numero", "numero"),
    ("anno", "anno"),
    ("data", "data"),
    ("ora", "ora"),
    ("verso", "verso"),
    ("riservato", "riservato"),
    ("operatore", "operatore"),
    ("campo", "campo"),
    ("provvedimento", "provvedimento"),
    ("mittente", "mittente"),
    ("oggetto", "oggetto"),
    ("protocolloMittente", "protocollo_mittente"),
    ("impronta", "impronta"),
    ("voce", "voce"),
    ("prima", "prima"),
];

/// Reads an extract of the register `registro` of the ente `ente` (IPA code). Nothing in it may lie after `today`.
///
/// # Errors
/// All that is wrong; entries are counted from 1.
pub fn parse(text: &str, (ente, registro): (&str, &str), today: Date) -> Result<Estratto, Vec<Message>> {
    let mut all = Raccolta::new(today);
    let tree = match root(text, BOUNDS) {
        Ok(tree) => tree,
        Err(fault) => {
            all.breach("registro-unreadable", 1, format_args!("{fault:?}"));
            return all.finish();
        }
    };
    if tree.name != "registro" || !tree.spaces.iter().any(|space| space == SPACE) {
        all.breach("registro-root", 1, &tree.name);
        return all.finish();
    }
    for (name, own) in [("ente", ente), ("registro", registro)] {
        let told = tree.attribute(name).unwrap_or("-");
        if told != own {
            all.breach("registro-other", 1, format_args!("{name} = {told}"));
        }
    }
    for (element, at) in tree.children.iter().zip(1..) {
        if !all.has_room(at) {
            break;
        }
        let campi = campi(element, at, &mut all);
        all.take(&campi);
    }
    all.finish()
}

fn campi(element: &Element, at: u64, all: &mut Raccolta) -> Campi {
    let mut campi = Campi { at, evento: element.name.clone(), ..Campi::default() };
    let children = element.children.iter().map(|child| (child.name.as_str(), child.text.as_str()));
    let told = element.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(children);
    for (name, text) in told {
        let text = text.trim();
        let known = NAMES.iter().chain(&[("dopo", "dopo")]).find(|(of, _)| *of == name);
        match known {
            _ if name == "destinatario" && !text.is_empty() => campi.destinatari.push(text.to_owned()),
            Some((_, column)) if !text.is_empty() => {
                if campi.texts.insert((*column).to_owned(), text.to_owned()).is_some() {
                    all.breach("registro-element-twice", at, name);
                }
            }
            Some(_) => {}
            None => all.breach("registro-element", at, name),
        }
    }
    campi
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const OWN: (&str, &str) = ("c_x912", "RG");

    #[test]
    fn a_table_and_an_extract_of_the_same_entries_say_the_same() {
        let xml = r#"<registro xmlns="urn:conserva:registro:1" ente="c_x912" registro="RG">
            <registrazione numero="0000012" data="2024-03-12" ora="09:30:00" verso="E"><mittente>A &amp; B</mittente>
                <oggetto>Istanza</oggetto></registrazione>
            <registrazione numero="13" data="2024-03-12" verso="U"><destinatario>Uno</destinatario><destinatario>Due</destinatario>
                <oggetto>Risposta</oggetto></registrazione>
            <annullamento numero="13" data="2024-03-13" operatore="rossi" provvedimento="Det. 4"/></registro>"#;
        let table = "evento,numero,data,ora,verso,mittente,destinatario,oggetto,operatore,provvedimento\n\
            ,12,2024-03-12,09:30,E,A & B,,Istanza,,\n,13,2024-03-12,,U,,Uno|Due,Risposta,,\n\
            annullamento,13,2024-03-13,,,,,,rossi,Det. 4\n";
        let today = date(2024, 12, 31);
        let read = parse(xml, OWN, today).expect("read");
        assert_eq!(read, super::super::parse_csv(table, today).expect("read"));
        assert_eq!((read.registrazioni.len(), read.variazioni.len()), (2, 1));
    }

    #[test]
    fn an_extract_of_another_register_and_unknown_words_are_refused() {
        let xml = r#"<registro xmlns="urn:conserva:registro:1" ente="c_y1" registro="RG"><registrazione numero="1" data="2024-03-12"
            verso="E" colore="blu"><mittente>A</mittente><oggetto>B</oggetto></registrazione><altro/></registro>"#;
        let faults = parse(xml, OWN, date(2024, 12, 31)).expect_err("refused");
        let codes: Vec<&str> = faults.iter().map(Message::code).collect();
        assert_eq!(codes, ["registro-other", "registro-element", "registro-evento"]);
        let bomb = "<!DOCTYPE r [<!ENTITY a 'b'>]><registro xmlns='urn:conserva:registro:1'>&a;</registro>";
        assert_eq!(parse(bomb, OWN, date(2024, 12, 31)).expect_err("refused")[0].code(), "registro-unreadable");
        assert_eq!(parse("<r/>", OWN, date(2024, 12, 31)).expect_err("refused")[0].code(), "registro-root");
    }
}
