//! How does one package look in the page? Facts, findings, tree, aggregations, documents with their pages, events.

use base64::Engine as _;

use super::super::outcome::{put, severity_code, where_is};
use super::document::{DocumentView, FileView, PageView};
use super::page::{esc, say, verdict};
use super::tables::metadata;
use super::{Event, Inspection};
use crate::finding::{Finding, Severity};
use crate::messages::{Lang, Message};

/// Most files drawn in the tree.
const TREE_MAX: usize = 5_000;
/// Folders that are open at first, from the top.
const TREE_OPEN: usize = 2;
/// Deepest folder drawn as a folder; what lies deeper keeps its path in one line.
const TREE_DEPTH_MAX: usize = 12;

/// The section of one package, the `n`th of the page.
pub(super) fn package(one: &Inspection, n: usize, lang: Lang) -> String {
    let mut html = format!(
        "<section class=\"package\" aria-label=\"{0} {n}: {1}\"><h2 id=\"p{n}\">{2}</h2><p class=\"sub\">{0} <code>{1}</code></p>",
        say("inspect-package", lang),
        esc(&one.id),
        esc(one.title())
    );
    html.push_str(&verdict(&one.report, lang));
    if one.prova {
        put(&mut html, format_args!("<p><span class=\"chip warn\">PROVA</span> {}</p>", say("inspect-prova", lang)));
    }
    html.push_str(&facts(one, lang));
    html.push_str(&package_findings(one, n, lang));
    html.push_str(&contents(one, n, lang));
    put(&mut html, format_args!("<h3>{}</h3>", say("inspect-documents", lang)));
    html.push_str(&left_out(one, lang));
    for (i, document) in one.documents.iter().enumerate() {
        html.push_str(&self::document(one, document, &format!("p{n}d{}", i + 1), lang));
    }
    for (heading, trees) in [("inspect-aggregations", &one.aggregations), ("inspect-others", &one.others)] {
        if !trees.is_empty() {
            put(&mut html, format_args!("<h3>{}</h3>", say(heading, lang)));
        }
        for (path, root) in trees {
            put(&mut html, format_args!("<p class=\"empty\"><code>{}</code></p>{}", esc(path), metadata(root, lang)));
        }
    }
    put(&mut html, format_args!("<h3>{}</h3>{}", say("inspect-tree", lang), tree(&one.files, lang)));
    if !one.events.is_empty() {
        let heading = say("inspect-package-events", lang);
        html.push_str(&more(&heading, one.events.len(), &events(&one.events, &format!("{heading} ({n})"), lang)));
    }
    html.push_str("</section>");
    html
}

/// What was found stands open where a person has to look; mere notes wait to be asked for.
fn package_findings(one: &Inspection, n: usize, lang: Lang) -> String {
    let (heading, all) = (say("inspect-findings", lang), one.report.findings.iter().collect::<Vec<_>>());
    let table = findings(&all, &format!("{heading} ({n})"), lang);
    let is_grave = all.iter().any(|finding| finding.severity != Severity::Note);
    if is_grave || all.is_empty() { format!("<h3>{heading}</h3>{table}") } else { more(&heading, all.len(), &table) }
}

/// A part that opens on demand, with how much is in it.
fn more(heading: &str, count: usize, inside: &str) -> String {
    format!("<details class=\"more\"><summary>{heading} ({count})</summary>{inside}</details>")
}

/// An instant in the reader's order, to the minute; what is no instant is shown as it is. The exact one stands in the index.
fn moment(text: &str, lang: Lang) -> String {
    let form = match lang {
        Lang::It => "%d/%m/%Y %H:%M UTC",
        Lang::En => "%Y-%m-%d %H:%M UTC",
    };
    text.parse::<jiff::Timestamp>().map_or_else(|_| text.to_owned(), |at| at.strftime(form).to_string())
}

fn facts(one: &Inspection, lang: Lang) -> String {
    // Twelve signs tell two heads apart for the eye; the whole digest stands in the note of the verification.
    let short = |digest: &String| digest.chars().take(12).collect::<String>();
    let journal = one.journal.as_ref().map_or_else(String::new, |(n, digest)| format!("{n} · {}…", short(digest)));
    let facts = [
        ("inspect-ente", one.ente.clone()),
        ("inspect-time", moment(&one.time, lang)),
        ("inspect-profile", one.report.profile.clone()),
        ("inspect-application", one.application.clone()),
        ("inspect-documents", (one.documents.len() + one.documents_left_out).to_string()),
        ("inspect-files", one.report.files.to_string()),
        ("inspect-path", one.report.package.clone()),
        ("inspect-journal", journal),
    ];
    said(&facts, lang)
}

/// Labels with their values, those that say something.
fn said(facts: &[(&str, String)], lang: Lang) -> String {
    let shown = facts.iter().filter(|(_, value)| !value.is_empty());
    let rows = shown.map(|(code, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", say(code, lang), esc(value)));
    format!("<dl class=\"facts\">{}</dl>", rows.collect::<Vec<_>>().concat())
}

/// What a clerk asks first of a document.
fn essentials(document: &DocumentView, lang: Lang) -> String {
    let (voce, words) = (document.said("Classificazione/IndiceDiClassificazione"), document.said("Classificazione/Descrizione"));
    let facts = [
        ("a5-TipologiaDocumentale", document.said("TipologiaDocumentale").to_owned()),
        ("a5-DatiDiRegistrazione", document.registration()),
        ("a5-Classificazione", format!("{voce} {words}").trim().to_owned()),
        ("a5-Agg", document.said("Agg/TipoAgg/IdAggregazione").to_owned()),
        ("a5-NomeDelDocumento", document.said("NomeDelDocumento").to_owned()),
    ];
    said(&facts, lang)
}

/// Links to the documents.
fn contents(one: &Inspection, n: usize, lang: Lang) -> String {
    if one.documents.len() < 2 {
        return String::new();
    }
    let link =
        |(i, document): (usize, &DocumentView)| format!("<li><a href=\"#p{n}d{}\">{}</a></li>", i + 1, esc(document.title()));
    let links = one.documents.iter().enumerate().map(link).collect::<Vec<_>>().concat();
    let heading = say("inspect-contents", lang);
    format!("<nav class=\"toc\" aria-label=\"{heading} {n}\"><h3>{heading}</h3><ol>{links}</ol></nav>")
}

/// What this page does not show, said before what it shows.
fn left_out(one: &Inspection, lang: Lang) -> String {
    let mut html = String::new();
    let mut say = |message: Message| put(&mut html, format_args!("<p class=\"empty\">{}</p>", esc(&message.sentence(lang))));
    if one.documents_left_out > 0 {
        say(Message::new("inspect-documents-left-out").with("count", one.documents_left_out));
    }
    if one.pages_left_out > 0 {
        say(Message::new("inspect-pages-left-out").with("count", one.pages_left_out).with("most", one.pages_asked));
    }
    html
}

/// A table of findings, or the good news that there are none.
pub(super) fn findings(findings: &[&Finding], name: &str, lang: Lang) -> String {
    if findings.is_empty() {
        return format!("<p class=\"empty\">{}</p>", say("inspect-no-findings", lang));
    }
    let mut rows = String::new();
    for finding in findings {
        let class = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let advice = match finding.message.advice(lang) {
            advice if advice.is_empty() => String::new(),
            advice => format!("<p class=\"advice\">{}</p>", esc(&advice)),
        };
        put(
            &mut rows,
            format_args!(
                "<tr><td><span class=\"chip {class}\">{}</span></td><td><p class=\"finding\">{}</p>{advice}</td><td>{}</td><td><code>{}</code></td></tr>",
                say(severity_code(finding.severity), lang),
                esc(&finding.message.sentence(lang)),
                esc(&where_is(finding)),
                esc(finding.message.code())
            ),
        );
    }
    table(&["inspect-severity", "inspect-what", "inspect-where", "inspect-code"], &rows, name, lang)
}

/// A table in a box that scrolls by itself, reachable by keyboard.
fn table(heads: &[&str], rows: &str, name: &str, lang: Lang) -> String {
    let heads = heads.iter().map(|code| format!("<th scope=\"col\">{}</th>", say(code, lang))).collect::<Vec<_>>().concat();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// The files as a tree of folders that open and close.
fn tree(files: &[FileView], lang: Lang) -> String {
    let mut html = String::from("<ul class=\"tree\">");
    let mut open: Vec<&str> = Vec::new();
    for file in files.iter().take(TREE_MAX) {
        let parts: Vec<&str> = file.path.splitn(TREE_DEPTH_MAX + 1, '/').collect();
        let (name, folders) = parts.split_last().map_or(("", &[][..]), |(name, folders)| (*name, folders));
        let same = open.iter().zip(folders).take_while(|(a, b)| a == b).count();
        for _ in same..open.len() {
            html.push_str("</ul></details></li>");
        }
        open.truncate(same);
        for folder in &folders[same..] {
            // The package, its parts: open; one document among hundreds: closed.
            let state = if open.len() < TREE_OPEN { " open" } else { "" };
            put(&mut html, format_args!("<li><details{state}><summary>{}/</summary><ul>", esc(folder)));
            open.push(folder);
        }
        put(&mut html, format_args!("<li>{}<span class=\"size\">{}</span></li>", esc(name), size(file.bytes)));
    }
    for _ in open {
        html.push_str("</ul></details></li>");
    }
    html.push_str("</ul>");
    if files.len() > TREE_MAX {
        let message = Message::new("inspect-files-left-out").with("count", files.len() - TREE_MAX);
        put(&mut html, format_args!("<p class=\"empty\">{}</p>", esc(&message.sentence(lang))));
    }
    html
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=9_999_999 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}

fn document(one: &Inspection, document: &DocumentView, id: &str, lang: Lang) -> String {
    let its: Vec<&Finding> = one.report.findings.iter().filter(|f| f.path.starts_with(&document.folder)).collect();
    let mut html = format!(
        "<article class=\"document\" aria-labelledby=\"{id}\"><header><h4 id=\"{id}\">{}</h4>{}</header>",
        esc(document.title()),
        chip(&its, lang)
    );
    html.push_str(&essentials(document, lang));
    let title = format!("{} ({})", esc(document.title()), id.trim_start_matches('p').replace('d', "."));
    if !its.is_empty() {
        let heading = say("inspect-findings", lang);
        put(&mut html, format_args!("<h5>{heading}</h5>{}", findings(&its, &format!("{heading}: {title}"), lang)));
    }
    html.push_str(&pages(document, &title, lang));
    put(&mut html, format_args!("<h5>{}</h5>", say("inspect-metadata", lang)));
    match &document.metadata {
        Some(root) => html.push_str(&metadata(root, lang)),
        None => put(&mut html, format_args!("<p class=\"empty\">{}</p>", say("inspect-no-metadata", lang))),
    }
    let heading = say("inspect-files", lang);
    put(&mut html, format_args!("<h5>{heading}</h5>{}", files(document, &format!("{heading}: {title}"), lang)));
    if !document.events.is_empty() {
        let heading = say("inspect-events", lang);
        html.push_str(&more(&heading, document.events.len(), &events(&document.events, &format!("{heading}: {title}"), lang)));
    }
    html.push_str("</article>");
    html
}

fn chip(its: &[&Finding], lang: Lang) -> String {
    let worst = its.iter().map(|finding| finding.severity).min();
    let (class, code) = match worst {
        Some(Severity::Error) => ("bad", "inspect-document-bad"),
        Some(Severity::Warning) => ("warn", "inspect-document-warned"),
        _ => ("good", "inspect-document-good"),
    };
    format!("<span class=\"chip {class}\">{}</span>", say(code, lang))
}

fn pages(document: &DocumentView, name: &str, lang: Lang) -> String {
    if document.is_reserved {
        return format!("<p class=\"reserved\">{}</p>", say("inspect-reserved", lang));
    }
    let mut html = format!("<h5>{}</h5>", say("inspect-pages", lang));
    if document.pages.is_empty() && document.pages_left_out == 0 {
        put(&mut html, format_args!("<p class=\"empty\">{}</p>", say("inspect-no-pages", lang)));
    }
    for page in &document.pages {
        html.push_str(&self::page(page, (document.title(), name), lang));
    }
    if document.pages_left_out > 0 {
        let message = Message::new("inspect-document-pages-left-out").with("count", document.pages_left_out);
        put(&mut html, format_args!("<p class=\"empty\">{}</p>", esc(&message.sentence(lang))));
    }
    html
}

fn page(page: &PageView, (title, region): (&str, &str), lang: Lang) -> String {
    let name = Message::new("inspect-page").with("n", page.n).sentence(lang);
    let picture = match &page.jpeg {
        Some(jpeg) => {
            let alt = Message::new("inspect-page-alt").with("n", page.n).with("title", title).sentence(lang);
            let data = base64::engine::general_purpose::STANDARD.encode(jpeg);
            format!("<img alt=\"{}\" src=\"data:image/jpeg;base64,{data}\">", esc(&alt))
        }
        None => format!("<p class=\"empty\">{}</p>", say("inspect-no-picture", lang)),
    };
    let mut text = String::new();
    for block in page.text.iter().flat_map(|text| &text.blocks) {
        let line = |line: &Vec<super::alto::Word>| line.iter().map(word).collect::<Vec<_>>().join(" ");
        put(&mut text, format_args!("<p>{}</p>", block.iter().map(line).collect::<Vec<_>>().join("<br>")));
    }
    if text.is_empty() {
        text = format!("<p class=\"empty\">{}</p>", say("inspect-no-text", lang));
    }
    let read = say("inspect-read-text", lang);
    let has_doubt = page.text.iter().flat_map(|text| &text.blocks).flatten().flatten().any(|word| word.is_doubtful);
    let doubt = if has_doubt { say("inspect-doubtful", lang) } else { String::new() };
    format!(
        "<div class=\"page\"><figure><figcaption>{0}</figcaption>{picture}</figure><div><p class=\"cap\">{read} {doubt}</p>\
         <div class=\"read\" tabindex=\"0\" role=\"region\" aria-label=\"{read}, {0}: {region}\">{text}</div></div></div>",
        esc(&name)
    )
}

fn word(word: &super::alto::Word) -> String {
    if word.is_doubtful { format!("<span class=\"doubt\">{}</span>", esc(&word.text)) } else { esc(&word.text) }
}

fn files(document: &DocumentView, name: &str, lang: Lang) -> String {
    let mut rows = String::new();
    for file in &document.files {
        let inside = file.path.strip_prefix(&document.folder).unwrap_or(&file.path);
        put(
            &mut rows,
            format_args!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"num\">{}</td><td class=\"mono\">{}</td></tr>",
                esc(inside),
                esc(&file.format),
                size(file.bytes),
                if file.sha256.is_empty() { say("inspect-no-digest", lang) } else { esc(&file.sha256) }
            ),
        );
    }
    table(&["inspect-file", "inspect-format", "inspect-size", "inspect-digest"], &rows, name, lang)
}

fn events(events: &[Event], name: &str, lang: Lang) -> String {
    let mut rows = String::new();
    for event in events {
        put(
            &mut rows,
            format_args!(
                "<tr><td class=\"num\">{}</td><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
                esc(&event.when),
                esc(&event.kind),
                esc(&event.outcome),
                esc(&event.agent),
                esc(&event.detail)
            ),
        );
    }
    table(&["inspect-when", "inspect-event", "inspect-outcome", "inspect-agent", "inspect-detail"], &rows, name, lang)
}
