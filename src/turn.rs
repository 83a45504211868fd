//! Which way up is a page? As a person says who has looked at it, where the reader went by what it could read.
//!
//! The sheet stays as it is: only how it is read changes, and how its page stands in the copy.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::page::PageSurvey;

/// Fact kind of a document: its pages that a person has turned, numbered by page.
pub const FACT: &str = "turn";

/// What a person says of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Number of the page, from 1.
    pub page: u32,
    /// Degrees clockwise that bring the page as stored upright: 0, 90, 180, 270.
    pub degrees: u16,
    /// Who said so.
    pub operator: String,
    /// When.
    pub at: Timestamp,
    /// The person's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The pages with what was said of them. What was said of an earlier sheet of a page (`sheets`: since when it is another) does
/// not hold of the one of today.
pub fn turned(mut surveys: Vec<PageSurvey>, turns: &[Turn], sheets: &BTreeMap<u32, Timestamp>) -> Vec<PageSurvey> {
    for turn in turns.iter().filter(|turn| sheets.get(&turn.page).is_none_or(|since| *since < turn.at)) {
        if let Some(survey) = surveys.iter_mut().find(|survey| survey.n == turn.page && !survey.source.is_digital()) {
            survey.turned = Some(turn.degrees / 90 % 4 * 90);
        }
    }
    surveys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageSource;

    fn survey(n: u32, source: PageSource) -> PageSurvey {
        PageSurvey { n, source, width: 10, height: 10, dpi: 300.0, compression: "g4".into(), bits: 1, turned: None }
    }

    #[test]
    fn a_page_is_turned_as_was_said_last_of_its_sheet_of_today() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let turn = |page, degrees, second| Turn { page, degrees, operator: "mrossi".into(), at: at(second), note: None };
        let surveys = vec![
            survey(1, PageSource::Image),
            survey(2, PageSource::Image),
            survey(3, PageSource::PdfDigital { page: 3 }),
            survey(4, PageSource::Image),
        ];
        let turns = [turn(1, 90, 5), turn(2, 180, 5), turn(3, 90, 5)];
        let found = turned(surveys, &turns, &BTreeMap::from([(2, at(9))]));
        let found: Vec<Option<u16>> = found.iter().map(|survey| survey.turned).collect();
        assert_eq!(found, [Some(90), None, None, None]);
    }
}
