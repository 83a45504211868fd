//! How does one package look in the page? Facts, findings, tree, aggregations, documents with their pages, events.

use base64::Engine as _;

use super::super::outcome::{put, severity_code, where_is};
use super::super::xml::Element;
use super::document::{DocumentView, FileView, PageView};
use super::page::{esc, say, verdict};
use super::{Event, Inspection};
use crate::finding::{Finding, Severity};
use crate::messages::{Lang, Message, label};

/// Most files drawn in the tree.
const TREE_MAX: usize = 5_000;
/// Folders that are open at first, from the top.
const TREE_OPEN: usize = 2;
/// Deepest folder drawn as a folder; what lies deeper keeps its path in one line.
const TREE_DEPTH_MAX: usize = 12;

/// The section of one package, the `n`th of the page.
pub(super) fn package(one: &Inspection, n: usize, lang: Lang) -> String {
    let mut html = format!(
        "<section class=\"package\" aria-label=\"{0} {n}: {1}\"><h2 id=\"p{n}\">{} {}</h2>",
        say("inspect-package", lang),
        esc(&one.id)
    );
    html.push_str(&verdict(&one.report, lang));
    if one.prova {
        put(&mut html, format_args!("<p><span class=\"chip warn\">PROVA</span> {}</p>", say("inspect-prova", lang)));
    }
    html.push_str(&facts(one, lang));
    html.push_str(&contents(one, n, lang));
    let heading = say("inspect-findings", lang);
    put(
        &mut html,
        format_args!(
            "<h3>{heading}</h3>{}",
            findings(&one.report.findings.iter().collect::<Vec<_>>(), &format!("{heading} ({n})"), lang)
        ),
    );
    put(&mut html, format_args!("<h3>{}</h3>{}", say("inspect-tree", lang), tree(&one.files, lang)));
    if !one.aggregations.is_empty() {
        put(&mut html, format_args!("<h3>{}</h3>", say("inspect-aggregations", lang)));
        for (path, root) in &one.aggregations {
            put(&mut html, format_args!("<p class=\"empty\"><code>{}</code></p>{}", esc(path), metadata(root, lang)));
        }
    }
    put(&mut html, format_args!("<h3>{}</h3>", say("inspect-documents", lang)));
    html.push_str(&left_out(one, lang));
    for (i, document) in one.documents.iter().enumerate() {
        html.push_str(&self::document(one, document, &format!("p{n}d{}", i + 1), lang));
    }
    if !one.events.is_empty() {
        let heading = say("inspect-package-events", lang);
        let name = format!("{heading} ({n})");
        put(&mut html, format_args!("<h3>{heading}</h3>{}", events(&one.events, &name, lang)));
    }
    html.push_str("</section>");
    html
}

fn facts(one: &Inspection, lang: Lang) -> String {
    let journal = one.journal.as_ref().map_or_else(String::new, |(n, digest)| format!("{n} · {digest}"));
    let facts = [
        ("inspect-ente", one.ente.clone()),
        ("inspect-time", one.time.clone()),
        ("inspect-profile", one.report.profile.clone()),
        ("inspect-application", one.application.clone()),
        ("inspect-documents", (one.documents.len() + one.documents_left_out).to_string()),
        ("inspect-files", one.report.files.to_string()),
        ("inspect-path", one.report.package.clone()),
        ("inspect-journal", journal),
    ];
    let rows = facts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(code, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", say(code, lang), esc(value)))
        .collect::<Vec<_>>()
        .concat();
    format!("<dl class=\"facts\">{rows}</dl>")
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
    let registration = document.registration();
    let voce = document.said("Classificazione/IndiceDiClassificazione");
    let line = [document.said("TipologiaDocumentale"), &registration, voce, document.said("Agg/TipoAgg/IdAggregazione")];
    let line: Vec<&str> = line.into_iter().filter(|part| !part.is_empty()).collect();
    put(&mut html, format_args!("<p class=\"sub\">{}</p>", esc(&line.join(" — "))));
    let title = format!("{} ({})", esc(document.title()), id.trim_start_matches('p').replace('d', "."));
    if !its.is_empty() {
        let heading = say("inspect-findings", lang);
        put(&mut html, format_args!("<h5>{heading}</h5>{}", findings(&its, &format!("{heading}: {title}"), lang)));
    }
    put(&mut html, format_args!("<h5>{}</h5>", say("inspect-metadata", lang)));
    match &document.metadata {
        Some(root) => html.push_str(&metadata(root, lang)),
        None => put(&mut html, format_args!("<p class=\"empty\">{}</p>", say("inspect-no-metadata", lang))),
    }
    html.push_str(&pages(document, &title, lang));
    let heading = say("inspect-files", lang);
    put(&mut html, format_args!("<h5>{heading}</h5>{}", files(document, &format!("{heading}: {title}"), lang)));
    if !document.events.is_empty() {
        let heading = say("inspect-events", lang);
        put(&mut html, format_args!("<h5>{heading}</h5>{}", events(&document.events, &format!("{heading}: {title}"), lang)));
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
                "<tr><td class=\"mono\">{}</td><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
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

/// Elements that hold one of many: each gets a table of its own.
const HOLDERS: [&str; 5] = ["Ruolo", "TipoAgg", "IndiceAllegati", "TipoFase", "TipoAssegnazione"];
/// Elements that only wrap what follows: their name adds nothing to a label.
const WRAPPERS: [&str; 9] = ["PF", "PG", "PAI", "PAE", "AS", "SW", "TipoRegistro", "IdDoc", "SoggettoAssegnatario"];

/// A metadata tree as tables of label and value, one for each element below the root, in the order of the norm.
fn metadata(root: &Element, lang: Lang) -> String {
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
