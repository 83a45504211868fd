//! How does a package look in a browser? One file that needs no network, no script and no colour to be understood.
//!
//! Everything that comes from a package is escaped here, in one place ([`esc`]); a policy in the page itself forbids
//! whatever is not a picture inside it or its own style. Headings are in order, tables have their heads, and all that can
//! be opened is a link or a `details` that a keyboard reaches (WCAG 2.1 AA).

use super::super::outcome::{Report, put, visible};
use super::{Inspection, section};
use crate::finding::Severity;
use crate::messages::{Lang, label};

const STYLE: &str = include_str!("style.css");

/// Text as HTML: markup signs as references, invisible signs shown by number.
pub(super) fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// The words of a catalogue label, as HTML.
pub(super) fn say(code: &str, lang: Lang) -> String {
    esc(&label(code, lang))
}

/// One or several packages in one page, with a table of them on top where there are several.
pub fn inspections_html(inspections: &[Inspection], lang: Lang) -> String {
    let heading = match inspections {
        [one] if !one.label.is_empty() => esc(&one.label),
        [_] => say("inspect-one", lang),
        _ => say("inspect-many", lang),
    };
    let mut main = String::new();
    if inspections.len() > 1 {
        main.push_str(&overview(inspections, lang));
    }
    for (n, inspection) in inspections.iter().enumerate() {
        main.push_str(&section::package(inspection, n + 1, lang));
    }
    shell((&say("inspect-title", lang), &heading), &main, lang)
}

/// A report alone.
pub(in crate::verify) fn report(report: &Report, lang: Lang) -> String {
    let mut main = verdict(report, lang);
    let heading = say("inspect-findings", lang);
    put(&mut main, format_args!("<h2>{heading}</h2>"));
    main.push_str(&section::findings(&report.findings.iter().collect::<Vec<_>>(), &heading, lang));
    shell((&say("report-title", lang), &esc(&report.package)), &main, lang)
}

fn shell((kind, heading): (&str, &str), main: &str, lang: Lang) -> String {
    let code = match lang {
        Lang::It => "it",
        Lang::En => "en",
    };
    let (skip, foot) = (say("inspect-skip", lang), say("inspect-foot", lang));
    format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{heading} – {kind}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#contenuto\">{skip}</a>\n\
         <header class=\"top\"><div class=\"wide\"><p class=\"kicker\">Conserva · {kind}</p><h1>{heading}</h1></div></header>\n\
         <main id=\"contenuto\" tabindex=\"-1\"><div class=\"wide\">\n{main}\n</div></main>\n\
         <footer><div class=\"wide\">{foot}</div></footer>\n</body>\n</html>\n"
    )
}

/// The verdict as a box: sign, word and sentence, so that it does not hang on colour.
pub(super) fn verdict(report: &Report, lang: Lang) -> String {
    let (class, sign, word) = grade(report);
    format!(
        "<div class=\"verdict {class}\"><span class=\"sign\" aria-hidden=\"true\">{sign}</span><p><strong>{}</strong>{}</p></div>",
        say(word, lang),
        esc(&report.verdict(lang))
    )
}

/// Class, sign and word of a verdict.
fn grade(report: &Report) -> (&'static str, &'static str, &'static str) {
    match (report.ok, report.count(Severity::Warning)) {
        (true, 0) => ("good", "✓", "inspect-good"),
        (true, _) => ("warn", "✓", "inspect-good-warned"),
        (false, _) => ("bad", "✗", "inspect-bad"),
    }
}

fn overview(inspections: &[Inspection], lang: Lang) -> String {
    let heads = [
        "inspect-package",
        "inspect-ente",
        "inspect-documents",
        "inspect-files",
        "inspect-errors",
        "inspect-warnings",
        "inspect-verdict",
    ];
    let heads = heads.iter().map(|code| format!("<th scope=\"col\">{}</th>", say(code, lang))).collect::<Vec<_>>().concat();
    let mut rows = String::new();
    for (n, one) in inspections.iter().enumerate() {
        let (errors, warnings) = (one.report.count(Severity::Error), one.report.count(Severity::Warning));
        let (class, _, word) = grade(&one.report);
        put(
            &mut rows,
            format_args!(
                "<tr><th scope=\"row\"><a href=\"#p{}\">{}</a><span class=\"under\">{}</span></th><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td>\
             <td class=\"num\">{errors}</td><td class=\"num\">{warnings}</td><td><span class=\"chip {class}\">{}</span></td></tr>",
                n + 1,
                esc(one.title()),
                if one.description.is_empty() { String::new() } else { esc(&one.id) },
                esc(&one.ente),
                one.documents.len() + one.documents_left_out,
                one.report.files,
                say(word, lang)
            ),
        );
    }
    let heading = say("inspect-packages", lang);
    format!(
        "<div class=\"package\"><h2>{heading}</h2>\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{heading}\"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_from_a_package_stays_text() {
        assert_eq!(esc("<img src=x onerror='a'>&\"\u{202E}"), "&lt;img src=x onerror=&#39;a&#39;&gt;&amp;&quot;⟨U+202E⟩");
    }
}
