//! How does a person read an invoice? All that its XML says, in its order, as a page of HTML: made of the data, and worth nothing beside
//! them.

use crate::xml::tree::Element;

/// Longest value that is shown; a longer one is an attachment in Base64, of which the size is said.
const VALUE_BYTES_MAX: usize = 4_000;
/// Deepest heading.
const HEADING_MAX: usize = 5;

/// The invoice as HTML: same bytes of the same XML.
pub(super) fn html(root: &Element, title: &str) -> String {
    let title = escaped(title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"it\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n\
         <p>Copia leggibile dei dati del file XML, che solo fa fede.</p>\n"
    );
    for child in &root.children {
        if child.name != "Signature" {
            section(child, 2, &mut html);
        }
    }
    html.push_str("</body></html>\n");
    html
}

fn section(element: &Element, level: usize, html: &mut String) {
    let name = spelt(&element.name);
    if element.children.is_empty() {
        let text =
            if element.text.len() > VALUE_BYTES_MAX { format!("({} byte)", element.text.len()) } else { element.text.clone() };
        html.extend(["<p>", &name, ": ", &escaped(&text), "</p>\n"]);
        return;
    }
    let heading = level.min(HEADING_MAX);
    html.extend([format!("<h{heading}>{name}</h{heading}>\n")]);
    for child in &element.children {
        section(child, level + 1, html);
    }
}

/// `DatiGeneraliDocumento` as `Dati Generali Documento`; `CodiceCIG` as `Codice CIG`.
fn spelt(name: &str) -> String {
    let mut spelt = String::new();
    let mut was_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && was_lower {
            spelt.push(' ');
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        spelt.push(c);
    }
    escaped(&spelt)
}

fn escaped(text: &str) -> String {
    quick_xml::escape::escape(crate::xml::legal(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::tree;

    #[test]
    fn all_that_an_invoice_says_is_shown_and_nothing_of_it_is_markup() {
        let text = "<F><DatiGenerali><CodiceCIG>Z1</CodiceCIG><Causale>a &lt;b&gt; &amp; c</Causale></DatiGenerali><Signature><X>s</X></Signature></F>";
        let html = html(&tree::root(text, tree::SMALL).expect("xml"), "Fattura <1>");
        assert!(html.contains("<h1>Fattura &lt;1&gt;</h1>") && html.contains("<h2>Dati Generali</h2>"), "{html}");
        assert!(html.contains("<p>Codice CIG: Z1</p>") && html.contains("a &lt;b&gt; &amp; c"), "{html}");
        assert!(!html.contains(">s<") && !html.contains(": s"), "{html}");
    }
}
