//! Which figures of a page hold its document? Those under which a person must look at the paper again.

use crate::document::{DocumentId, Hold};
use crate::messages::Message;
use crate::page::{self, Quality, ReadPage};

/// What a figure means for the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Under its limit it holds by itself.
    Holds,
    /// It holds where the page was also read unsurely; else it is only shown.
    IfUnsure,
}

/// The figures that can hold, each with the code of its sentence. The ente's own limit (`soglie.pagina`) stands for
/// the mean confidence.
///
/// Text that is cut off at the edge or blurred away was never captured: no reading brings it back, and a person must find
/// it legible and whole (rule S-04). Few dots per inch, pale ink or many unsure words matter only where the words as a
/// whole came out unsure: a page at 150 dpi that reads well is a good page, and stamps and signatures are always unsure.
/// Not listed, hence only shown: whatever else is measured.
const FIGURES: &[(&str, &str, Weight)] = &[
    ("whole", "page-cut-short", Weight::Holds),
    ("sound", "page-damaged", Weight::Holds),
    ("blur", "page-blurred", Weight::Holds),
    ("clipping", "page-clipped", Weight::Holds),
    ("skew", "page-skewed", Weight::Holds),
    (page::MIRRORED, "page-mirrored", Weight::Holds),
    ("contrast", "page-pale", Weight::IfUnsure),
    ("low_words", "page-unsure", Weight::IfUnsure),
    ("dpi", "page-coarse", Weight::IfUnsure),
];

/// The doubts about a page that is poor, by its figures and by the ente's lowest mean confidence. A blank page has none,
/// unless its data are damaged or ended early: then nobody knows what stood there.
pub(crate) fn doubts(read: &ReadPage, least: f32, document: &DocumentId) -> Vec<Hold> {
    let page = &read.page;
    let is_hurt = page.quality.iter().any(|figure| matches!(figure.code.as_str(), "whole" | "sound"));
    if page.blank && !is_hurt {
        return Vec::new();
    }
    let doubt = |code: &str, value: String, limit: String| {
        let message =
            Message::new(code).with("page", page.survey.n).with("value", value).with("limit", limit).with("id", document);
        Hold::new(message).on_page(page.survey.n)
    };
    let mut doubts = Vec::new();
    if let Some(mean) = page.mean_confidence.filter(|mean| *mean < least) {
        doubts.push(doubt("page-poor", format!("{mean:.0}"), format!("{least:.0}")));
    }
    let read_figure = page.quality.iter().find(|q| q.code == page::SECOND_READING);
    if page.mean_confidence.is_none() && read_figure.is_some() {
        // Not blank, not digital, and no word found: unreadable, or a picture. A person tells which.
        doubts.push(doubt("page-wordless", String::new(), String::new()));
    }
    let is_unsure = !doubts.is_empty() || read_figure.is_some_and(|q| !q.is_good);
    for (figure, code, weight) in FIGURES {
        if *weight == Weight::IfUnsure && !is_unsure {
            continue;
        }
        let bad = page.quality.iter().find(|q| q.code == *figure && !q.is_good);
        doubts.extend(bad.map(|Quality { value, limit, .. }| doubt(code, shown(*value), shown(*limit))));
    }
    doubts
}

/// A figure with as many decimals as tell something.
fn shown(value: f32) -> String {
    if value.abs() >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Page, PageSource, PageSurvey, PageText};

    fn page(mean: Option<f32>, figures: &[(&str, bool)]) -> ReadPage {
        let survey = PageSurvey {
            n: 2,
            source: PageSource::Image,
            width: 10,
            height: 10,
            dpi: 300.0,
            compression: "none".into(),
            bits: 8,
            turned: None,
        };
        let quality = figures
            .iter()
            .map(|(code, is_good)| Quality { code: (*code).to_owned(), value: 0.126, limit: 150.0, is_good: *is_good })
            .collect();
        let page = Page {
            survey,
            dpi_used: 300.0,
            rotation: 0,
            skew_deg: 0.0,
            blank: false,
            mean_confidence: mean,
            quality,
            readings: 1,
            steps: Vec::new(),
        };
        let text = PageText { n: 2, width: 10, height: 10, origin: "test".into(), rotation: 0, blocks: Vec::new() };
        ReadPage { page, text }
    }

    fn codes(read: &ReadPage) -> Vec<String> {
        doubts(read, 60.0, &DocumentId("doc-x".into())).iter().map(|h| h.message.code().to_owned()).collect()
    }

    #[test]
    fn a_page_at_the_limit_passes_and_one_under_it_holds_with_value_and_limit() {
        assert!(codes(&page(Some(60.0), &[])).is_empty());
        let hold = doubts(&page(Some(59.4), &[]), 60.0, &DocumentId("doc-x".into())).remove(0);
        assert_eq!((hold.message.code(), hold.page), ("page-poor", Some(2)));
        assert_eq!((hold.message.value("value"), hold.message.value("limit")), (Some("59"), Some("60")));
    }

    #[test]
    fn what_was_never_captured_holds_even_where_the_rest_reads_well() {
        let figures = [("blur", false), ("clipping", false), ("skew", false)];
        assert_eq!(codes(&page(Some(92.0), &figures)), ["page-blurred", "page-clipped", "page-skewed"]);
        assert!(codes(&page(Some(92.0), &[("blur", true), ("clipping", true)])).is_empty());
    }

    #[test]
    fn what_matters_for_reading_only_holds_only_an_unsure_page() {
        let figures = [("contrast", false), ("low_words", false), ("dpi", false)];
        assert!(codes(&page(Some(92.0), &figures)).is_empty());
        let unsure = [&figures[..], &[(page::SECOND_READING, false)]].concat();
        assert_eq!(codes(&page(Some(65.0), &unsure)), ["page-pale", "page-unsure", "page-coarse"]);
    }

    #[test]
    fn a_page_that_is_not_blank_and_shows_no_word_holds() {
        assert_eq!(codes(&page(None, &[(page::SECOND_READING, false)])), ["page-wordless"]);
    }

    #[test]
    fn a_blank_or_digital_page_is_never_poor() {
        assert!(codes(&page(None, &[])).is_empty());
        let mut blank = page(Some(0.0), &[("dpi", false), ("contrast", false)]);
        blank.page.blank = true;
        assert!(codes(&blank).is_empty());
    }
}
