//! What was read on the pages? The words of an ALTO file, page by page, with those that the engine doubted.

use super::super::xml::{self, Element};

/// Words below this confidence (ALTO `WC`, 0 to 1) are shown as doubtful.
const DOUBTFUL_BELOW: f32 = 0.6;

/// The text of one page: blocks of lines of words.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Text {
    /// Degrees clockwise that bring the page upright: 0, 90, 180, 270.
    pub(super) rotation: u16,
    pub(super) blocks: Vec<Vec<Vec<Word>>>,
}

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) is_doubtful: bool,
}

/// The pages of an ALTO file; empty where it cannot be read.
pub(super) fn pages(bytes: &[u8], path: &str, words_max: usize) -> Vec<Text> {
    let mut pages = Vec::new();
    drop(xml::harvest(bytes, path, &["Page"], &mut |page| {
        let mut turns = [0_usize; 4];
        count_turns(&page, &mut turns);
        let most = (0..4_u16).rev().max_by_key(|turn| turns[usize::from(*turn)]).unwrap_or(0);
        let mut text = Text { rotation: most * 90, blocks: Vec::new() };
        let mut left = words_max;
        blocks(&page, &mut text, &mut left);
        pages.push(text);
    }));
    pages
}

/// Counts the lines by the quarter turns that their blocks are said to lie. ROTATION is in degrees counter-clockwise, so
/// that as many clockwise bring the block upright.
fn count_turns(element: &Element, turns: &mut [usize; 4]) {
    if element.name == "TextBlock" {
        let degrees: f32 = element.attribute("ROTATION").parse().unwrap_or(0.0);
        let quarter = (degrees / 90.0).round().rem_euclid(4.0);
        let turn = (0..4_u8).find(|turn| (f32::from(*turn) - quarter).abs() < 0.5).unwrap_or(0);
        turns[usize::from(turn)] += element.all("TextLine").count();
    }
    for child in &element.children {
        count_turns(child, turns);
    }
}

fn blocks(element: &Element, text: &mut Text, left: &mut usize) {
    if element.name == "TextBlock" {
        text.blocks.push(element.all("TextLine").map(|line| words(line, left)).collect());
        return;
    }
    for child in &element.children {
        blocks(child, text, left);
    }
}

fn words(line: &Element, left: &mut usize) -> Vec<Word> {
    let mut words = Vec::new();
    for word in line.all("String") {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let is_doubtful = word.attribute("WC").parse().is_ok_and(|confidence: f32| confidence < DOUBTFUL_BELOW);
        words.push(Word { text: word.attribute("CONTENT").to_owned(), is_doubtful });
    }
    if let (Some(hyphen), Some(last)) = (line.all("HYP").next(), words.last_mut()) {
        last.text.push_str(hyphen.attribute("CONTENT"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_by_block_and_line() {
        let xml = br#"<alto><Layout><Page><PrintSpace><TextBlock><TextLine><String CONTENT="Comune" WC="0.95"/><SP/>
            <String CONTENT="d1" WC="0.2"/><HYP CONTENT="-"/></TextLine></TextBlock></PrintSpace></Page><Page/></Layout></alto>"#;
        let pages = pages(xml, "alto.xml", 10);
        assert_eq!(pages.len(), 2);
        let line = &pages[0].blocks[0][0];
        assert_eq!(line[1].text, "d1-");
        assert_eq!((line.len(), line[0].is_doubtful, line[1].is_doubtful), (2, false, true));
    }

    #[test]
    fn a_page_is_turned_as_most_of_its_lines_lie() {
        let page = |blocks: &str| format!("<alto><Page>{blocks}</Page></alto>");
        let turned = |blocks: &str| pages(page(blocks).as_bytes(), "alto.xml", 10)[0].rotation;
        assert_eq!(turned("<TextBlock ROTATION='180'><TextLine/><TextLine/></TextBlock><TextBlock><TextLine/></TextBlock>"), 180);
        assert_eq!(turned("<TextBlock ROTATION='-90'><TextLine/></TextBlock>"), 270);
        assert_eq!(turned("<TextBlock ROTATION='much'><TextLine/></TextBlock>"), 0);
        assert_eq!(turned("<TextBlock ROTATION='inf'><TextLine/></TextBlock>"), 0);
        assert_eq!(turned(""), 0);
    }
}
