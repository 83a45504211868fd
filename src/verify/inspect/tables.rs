//! How do metadata of Allegato 5 look? Tables of label and value, in the order of the norm.

use super::super::xml::Element;
use super::page::{esc, say};
use crate::messages::{Lang, label};

/// Elements that hold one of many: each gets a table of its own.
const HOLDERS: [&str; 5] = ["Ruolo", "TipoAgg", "IndiceAllegati", "TipoFase", "TipoAssegnazione"];
/// Elements that only wrap what follows: their name adds nothing to a label.
const WRAPPERS: [&str; 9] = ["PF", "PG", "PAI", "PAE", "AS", "SW", "TipoRegistro", "IdDoc", "SoggettoAssegnatario"];

/// A metadata tree as tables of label and value, one for each element below the root, in the order of the norm.
pub(super) fn metadata(root: &Element, lang: Lang) -> String {
    let mut html = String::from("<div class=\"metas\">");
    let leaves = root.children.iter().filter(|child| child.children.is_empty());
    let rows = leaves.map(|leaf| row(&element_label(&leaf.name, lang), &leaf.text, lang)).collect::<Vec<_>>().concat();
    html.push_str(&group(&label("inspect-essentials", lang), &rows));
    for child in root.children.iter().filter(|child| !child.children.is_empty()) {
        let caption = element_label(&child.name, lang);
        let (held, plain): (Vec<&Element>, Vec<&Element>) =
            child.children.iter().partition(|inner| HOLDERS.contains(&inner.name.as_str()));
        let mut rows = String::new();
        for inner in plain {
            flat(inner, "", &mut rows, lang);
        }
        html.push_str(&group(&caption, &rows));
        for holder in held {
            html.push_str(&one_of_many(&caption, holder, lang));
        }
    }
    html.push_str("</div>");
    html
}

/// The table of a holder; where it holds one element only (a role), that one's name is part of the caption.
fn one_of_many(caption: &str, holder: &Element, lang: Lang) -> String {
    let (name, children) = match holder.children.as_slice() {
        [only] if !only.children.is_empty() => (element_label(&only.name, lang), &only.children),
        _ => (element_label(&holder.name, lang), &holder.children),
    };
    let caption = if name == caption { name } else { format!("{caption} › {name}") };
    let mut rows = String::new();
    // `TipoRuolo` repeats the name of the role in other words.
    for child in children.iter().filter(|child| child.name != "TipoRuolo") {
        flat(child, "", &mut rows, lang);
    }
    group(&caption, &rows)
}

fn group(caption: &str, rows: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!("<table class=\"meta\"><caption>{}</caption><tbody>{rows}</tbody></table>", esc(caption))
}

/// The leaves below `element` as rows; what stands between is named before the label.
fn flat(element: &Element, before: &str, rows: &mut String, lang: Lang) {
    let words = element_label(&element.name, lang);
    let words = if before.is_empty() { words } else { format!("{before} · {words}") };
    if element.children.is_empty() {
        rows.push_str(&row(&words, &element.text, lang));
        return;
    }
    let before = if WRAPPERS.contains(&element.name.as_str()) { before } else { &words };
    for child in &element.children {
        flat(child, before, rows, lang);
    }
}

fn row(words: &str, text: &str, lang: Lang) -> String {
    format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", esc(words), value(text, lang))
}

/// The label of an element of Allegato 5; an element that the catalogue does not know is shown by its own name.
fn element_label(name: &str, lang: Lang) -> String {
    let code = format!("a5-{name}");
    let words = label(&code, lang);
    if words.starts_with(&code) { name.to_owned() } else { words }
}

fn value(text: &str, lang: Lang) -> String {
    match text {
        "true" => say("inspect-yes", lang),
        "false" => say("inspect-no", lang),
        "" => "—".to_owned(),
        _ => esc(text),
    }
}
