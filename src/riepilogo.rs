//! What does the riepilogo of a practice of the one-stop shop say (SUAP, `pratica_suap-1.0.0`)? Who asks for what, under which code, and
//! which file is the form.

use crate::fields::{Party, PartyKind};
use crate::given::{Given, VALUE_BYTES_MAX, Valori};
use crate::xml::tree::Element;

/// The root.
const ROOT: &str = "riepilogo-pratica-suap";

/// A riepilogo that came with the files that it speaks of.
#[derive(Debug, Clone, PartialEq)]
pub struct Riepilogo {
    /// What it says of the practice.
    pub given: Given,
    /// Name of the file of the form: the first of the first module.
    pub principale: Option<String>,
    /// Names of the other files, in order.
    pub allegati: Vec<String>,
}

/// The riepilogo whose root this is; none of anything else.
pub fn read(root: &Element, name: &str) -> Option<Riepilogo> {
    let head = (root.name == ROOT).then(|| root.child("intestazione"))??;
    let text = |path: &[&str]| head.text_at(path).filter(|text| text.len() <= VALUE_BYTES_MAX).map(one_line);
    let address = text(&["domicilio-elettronico"]).or_else(|| text(&["dichiarante", "pec"]));
    let firm = head.child("impresa").and_then(|firm| {
        Some(Party {
            nome: one_line(firm.text_at(&["ragione-sociale"])?),
            kind: PartyKind::PersonaGiuridica,
            codice: firm.text_at(&["codice-fiscale"]).or_else(|| firm.text_at(&["partita-iva"])).map(str::to_owned),
            indirizzo_digitale: address.clone(),
        })
    });
    let practice = text(&["codice-pratica"]).map(|code| format!("pratica suap {}", code.to_lowercase()));
    let mut files = root.child("struttura").into_iter().flat_map(|all| all.all("modulo")).flat_map(|modulo| {
        let names = modulo.children.iter().filter_map(|file| file.attribute("nome-file").map(str::to_owned));
        names.collect::<Vec<_>>()
    });
    Some(Riepilogo {
        given: Given {
            origin: format!("riepilogo {name}"),
            oggetto: text(&["oggetto-comunicazione"]),
            mittente: firm,
            valori: Valori {
                riferimenti: practice.into_iter().collect(),
                pec: address.into_iter().collect(),
                ..Valori::default()
            },
            ..Given::default()
        },
        principale: files.next(),
        allegati: files.collect(),
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::tree;

    #[test]
    fn a_riepilogo_names_firm_practice_and_form() {
        let text = r#"<ps:riepilogo-pratica-suap xmlns:ps="x"><info-schema versione="1.0.0" data="2012-04-04"/><intestazione><impresa>
            <ragione-sociale>ESEMPIO S.R.L.</ragione-sociale><codice-fiscale>01234567890</codice-fiscale></impresa>
            <oggetto-comunicazione tipo-procedimento="SCIA">SCIA di apertura</oggetto-comunicazione>
            <codice-pratica>RSSMRA80A41H501Q-22112026-0930</codice-pratica><domicilio-elettronico>e@pec.example</domicilio-elettronico>
            </intestazione><struttura><modulo nome="SCIA"><distinta-modello-attivita nome-file="P.001.MDA.PDF.P7M"/>
            <documento-allegato nome-file="P.002.PDF"/></modulo></struttura></ps:riepilogo-pratica-suap>"#;
        let riepilogo = read(&tree::root(text, tree::SMALL).expect("xml"), "P.SUAP.XML").expect("a riepilogo");
        assert_eq!(riepilogo.principale.as_deref(), Some("P.001.MDA.PDF.P7M"));
        assert_eq!(riepilogo.allegati, ["P.002.PDF"]);
        let given = riepilogo.given;
        assert_eq!((given.origin.as_str(), given.oggetto.as_deref()), ("riepilogo P.SUAP.XML", Some("SCIA di apertura")));
        assert_eq!(given.valori.riferimenti, ["pratica suap rssmra80a41h501q-22112026-0930"]);
        assert_eq!(given.mittente.expect("a firm").codice.as_deref(), Some("01234567890"));
    }
}
