//! How does a package look on a terminal? Head, documents one by one, then the report.

use super::super::outcome::{put, visible};
use super::super::xml::Element;
use super::{DocumentView, Inspection};
use crate::messages::{Lang, Message, label};

pub(super) fn text(inspection: &Inspection, lang: Lang) -> String {
    let mut text = format!("{}\n", visible(&inspection.id));
    let mut head = vec![("inspect-ente", inspection.ente.clone()), ("inspect-time", inspection.time.clone())];
    head.push(("inspect-application", inspection.application.clone()));
    head.push(("inspect-files", inspection.report.files.to_string()));
    head.push(("inspect-documents", inspection.documents.len().to_string()));
    for (code, value) in head.iter().filter(|(_, value)| !value.is_empty()) {
        put(&mut text, format_args!("  {}: {}\n", label(code, lang), visible(value)));
    }
    if inspection.prova {
        put(&mut text, format_args!("  {}\n", label("inspect-prova", lang)));
    }
    for document in &inspection.documents {
        text.push_str(&one(document, lang));
    }
    if inspection.documents_left_out > 0 {
        let message = Message::new("inspect-documents-left-out").with("count", inspection.documents_left_out);
        put(&mut text, format_args!("\n{}\n", message.sentence(lang)));
    }
    for (path, root) in &inspection.others {
        put(&mut text, format_args!("\n  {}: {}\n", label("inspect-others", lang), visible(path)));
        put_tree(root, 2, &mut text);
    }
    text.push('\n');
    text.push_str(&inspection.report.text(lang));
    text
}

/// What stands below `element`, deeper by its depth.
fn put_tree(element: &Element, depth: usize, text: &mut String) {
    for child in &element.children {
        put(text, format_args!("{}{}: {}\n", "  ".repeat(depth), visible(&child.name), visible(&child.text)));
        put_tree(child, depth + 1, text);
    }
}

fn one(document: &DocumentView, lang: Lang) -> String {
    let mut text = format!("\n  {}\n", visible(document.title()));
    let agg = document.said("Agg/TipoAgg/IdAggregazione");
    let voce = document.said("Classificazione/IndiceDiClassificazione");
    let registration = document.registration();
    let rows = [
        ("a5-TipologiaDocumentale", document.said("TipologiaDocumentale")),
        ("a5-DatiDiRegistrazione", registration.as_str()),
        ("a5-Classificazione", voce),
        ("a5-Agg", agg),
        ("a5-NomeDelDocumento", document.said("NomeDelDocumento")),
    ];
    for (code, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        put(&mut text, format_args!("    {}: {}\n", label(code, lang), visible(value)));
    }
    if document.is_reserved {
        put(&mut text, format_args!("    {}\n", label("inspect-reserved", lang)));
    }
    for file in &document.files {
        let inside = file.path.strip_prefix(&document.folder).unwrap_or(&file.path);
        put(&mut text, format_args!("    {:<44} {:>12}  {}\n", visible(inside), file.bytes, file.sha256));
    }
    for event in &document.events {
        put(&mut text, format_args!("    {}  {}  {}\n", visible(&event.when), visible(&event.kind), visible(&event.outcome)));
    }
    text
}
