//! How does a package for a reader close? `indice.html`, a page to read, and `manifest-sha256.txt`, which `sha256sum -c` and `verify` check.
//!
//! A PdD is for whoever asks to see documents: the chosen ones with their metadata, nothing that is reserved. What was left out is
//! said by number and id, on the page and in the package's events, and stands in the journal of the archive. The events of
//! each document stay in the archive: they name who worked on it.

use std::fmt::Write as _;

use super::facts::{Facts, first};
use super::listed::Entry;
use super::names::percent_encoded;
use super::profile::Closing;
use super::told::Part;
use super::{Parcel, Plan};
use crate::error::Result;
use crate::messages::{Lang, Message, label};
use crate::xml::legal;

const STYLE: &str = include_str!("page.css");

/// True of a document that its metadata call reserved; one whose metadata do not say is treated as if they did.
pub(super) fn is_riservato(parcel: &Parcel) -> bool {
    parcel.metadata.as_deref().map(|metadata| first(metadata, &["Riservato"])).as_deref() != Some("false")
}

/// The files that close the package; `entries` are its content and metadata.
pub(super) fn closing<'e>(plan: &Plan, entries: &'e [Entry<'e>]) -> Result<Vec<Closing<'e>>> {
    let page = Closing::new("indice.html", page(plan, entries));
    let page_line = format!("{}  {}\n", page.digest()?.0, page.path);
    let list = Closing::told("manifest-sha256.txt", move |ear| {
        entries.iter().try_for_each(|entry| ear(Part::Each(&format!("{}  {}\n", entry.proof.sha256, entry.listed.path))))?;
        ear(Part::Once(&page_line))
    });
    Ok(vec![page, list])
}

/// Markup signs as references; what XML cannot carry is left out.
fn esc(text: &str) -> String {
    quick_xml::escape::escape(legal(text)).into_owned()
}

fn say(code: &str) -> String {
    esc(&label(code, Lang::It))
}

fn page(plan: &Plan, entries: &[Entry<'_>]) -> String {
    let aggregation = &plan.aggregation;
    let heading = Message::new("pdd-heading").with("ente", &plan.ente.denominazione);
    let heading = esc(&heading.sentence(Lang::It));
    let mut main = String::new();
    if plan.ente.prova {
        let _ = writeln!(main, "<p class=\"prova\"><strong>PROVA.</strong> {}</p>", say("package-summary-prova"));
    }
    let _ = writeln!(main, "<dl>");
    for (code, value) in [
        ("pdd-package", plan.id.to_string()),
        ("pdd-aggregation", format!("{} {}: {}", aggregation.tipo.literal(), aggregation.id, aggregation.oggetto)),
        ("pdd-made", plan.instant.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ("pdd-part", format!("{}/{}", plan.part.n, plan.part.of)),
        ("pdd-documents", plan.documents.len().to_string()),
    ] {
        let _ = writeln!(main, "<dt>{}</dt><dd>{}</dd>", say(code), esc(&value));
    }
    let _ = writeln!(main, "</dl>\n<h2 id=\"documenti\">{}</h2>", say("pdd-list"));
    for group in entries.chunk_by(|a, b| a.listed.group == b.listed.group) {
        put_document(&mut main, plan, group);
    }
    put_left_out(&mut main, plan);
    let _ = writeln!(main, "<h2 id=\"controllo\">{}</h2>\n<p>{}</p>", say("pdd-check"), say("pdd-check-how"));
    format!(
        "<!DOCTYPE html>\n<html lang=\"it\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{heading}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#contenuto\">{}</a>\n<main id=\"contenuto\" tabindex=\"-1\">\n<h1>{heading}</h1>\n{main}</main>\n</body>\n</html>\n",
        say("inspect-skip")
    )
}

/// A document: what its metadata say, and its files with links, sizes and digests.
fn put_document(main: &mut String, plan: &Plan, files: &[Entry<'_>]) {
    let group = files.first().map_or("", |entry| entry.listed.group);
    let Some((n, document)) = (1..).zip(&plan.documents).find(|(_, document)| document.id.as_str() == group) else { return };
    let facts = Facts::of(document);
    let _ = writeln!(main, "<section aria-labelledby=\"doc-{n}\">\n<h3 id=\"doc-{n}\">{n}. {}</h3>\n<dl>", esc(&facts.oggetto));
    for (code, value) in [
        ("a5-TipologiaDocumentale", &facts.tipologia),
        ("pdd-registro", &facts.registro),
        ("pdd-numero", &facts.numero),
        ("pdd-data", &facts.data),
        ("pdd-voce", &facts.voce),
    ] {
        if !value.is_empty() {
            let _ = writeln!(main, "<dt>{}</dt><dd>{}</dd>", say(code), esc(value));
        }
    }
    let caption = esc(&Message::new("pdd-files").with("n", n).sentence(Lang::It));
    let _ = writeln!(
        main,
        "</dl>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n<table>\n<caption>{caption}</caption>\n\
         <thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">SHA-256</th></tr></thead>\n<tbody>",
        say("pdd-file"),
        say("pdd-what"),
        say("head-bytes")
    );
    for Entry { listed, proof } in files {
        let name = listed.path.rsplit('/').next().unwrap_or_default();
        let planned = document.files.iter().find(|file| file.path.ends_with(listed.path.as_ref()));
        let what = planned.map_or_else(|| say("pdd-metadata"), |file| say(role(&file.role)));
        let _ = writeln!(
            main,
            "<tr><th scope=\"row\"><a href=\"{}\">{}</a></th><td>{what}</td><td>{}</td><td><code>{}</code></td></tr>",
            percent_encoded(&listed.path),
            esc(name),
            listed.bytes,
            proof.sha256
        );
    }
    main.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

/// The label of what a file is.
fn role(role: &str) -> &'static str {
    match role {
        "principale" => "pdd-principale",
        "allegato" => "pdd-allegato",
        "annesso" => "pdd-annesso",
        "pdfa" => "pdd-copy",
        "text" | "alto" => "pdd-text",
        _ => "pdd-other",
    }
}

fn put_left_out(main: &mut String, plan: &Plan) {
    let left_out = plan.left_out.as_ref().map(|left_out| left_out.riservati.as_slice()).unwrap_or_default();
    let _ = writeln!(main, "<h2 id=\"esclusi\">{}</h2>", say("pdd-left-out"));
    if left_out.is_empty() {
        let _ = writeln!(main, "<p>{}</p>", say("pdd-left-out-nothing"));
        return;
    }
    let sentence = Message::new("pdd-left-out-riservati").with("count", left_out.len()).sentence(Lang::It);
    let _ = writeln!(main, "<p>{}</p>\n<ul>", esc(&sentence));
    for id in left_out {
        let _ = writeln!(main, "<li><code>{}</code></li>", esc(id.as_str()));
    }
    main.push_str("</ul>\n");
}
