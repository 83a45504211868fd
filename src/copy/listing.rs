//! What does a list look like on paper? Heading, what it is about, tables whose rows are as high as their words: an A4 page on its side,
//! PDF/A, drawn with strokes and with its words to be found. The register of a day, the list of a scarto.

use std::fmt::Write as _;
use std::io::Write;

use jiff::Timestamp;

use super::drawn_pages::DrawnPages;
use super::font::Alphabet;
use super::layer::{self, Sheet};
use super::writer::number;
use super::{PdfaLevel, strokes};
use crate::digest::Digest;
use crate::error::Result;
use crate::page::{Block, Line, PageSource, PageSurvey, ReadPage, Rect, Word};

/// A4 on its side, points.
const SHEET: (f64, f64) = (841.89, 595.28);
/// Margins, points: left and right, top, bottom.
const SIDE: f64 = 42.0;
const TOP: f64 = 42.0;
const BOTTOM: f64 = 40.0;
/// Capital heights, points: title, words, table.
const TITLE: f64 = 11.0;
const WORDS: f64 = 6.0;
const CELL: f64 = 4.8;
/// From one baseline of a cell to the next, and around a row.
const LEAD: f64 = 8.4;
const AROUND: f64 = 3.4;
/// Between two columns, points.
const GUTTER: f64 = 8.0;
/// Most lines of one cell; a longer text is cut with a sign, the data beside the list have it whole.
const CELL_LINES_MAX: usize = 40;

/// A list to be written: the same order gives the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// Its title, which is the title of the file too.
    pub title: String,
    /// Lines below the title.
    pub about: Vec<String>,
    /// What it says in short: names and values, two columns of them.
    pub facts: Vec<(String, String)>,
    /// Its tables.
    pub tables: Vec<ListingTable>,
    /// Stands at the foot of every page, before the page's number; `{n}` and `{of}` are filled in.
    pub foot: String,
    /// The level to claim.
    pub level: PdfaLevel,
    /// The instant that all dates of the file say.
    pub instant: Timestamp,
}

/// A table of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingTable {
    /// Its title.
    pub title: String,
    /// Heads of its columns, each with its share of the width.
    pub columns: Vec<(String, f64)>,
    /// Its rows, a text for each column.
    pub rows: Vec<Vec<String>>,
    /// Said where there are none.
    pub empty: String,
}

/// Writes the list; the result is the length of the file.
pub fn listing<W: Write>(order: &Listing, out: W) -> Result<u64> {
    let pages = Layout::of(order);
    let of = pages.len();
    let file = DrawnPages {
        title: order.title.clone(),
        level: order.level,
        instant: order.instant,
        said: Digest::of(format!("{order:?}").as_bytes()),
        sheet: SHEET,
        count: of,
    };
    file.write(out, |(at, n), alphabet| {
        let mut content = pages[at].drawn(&order.foot, (n, of)).into_bytes();
        content.extend(pages[at].found(&order.foot, (n, of), alphabet));
        Ok(content)
    })
}

/// A text at its place: baseline from the bottom left, capital height.
#[derive(Debug, Clone, PartialEq)]
struct Placed {
    text: String,
    x: f64,
    y: f64,
    cap: f64,
}

/// A page: what stands on it, drawn when it is written.
#[derive(Debug, Default, PartialEq)]
struct Leaflet {
    texts: Vec<Placed>,
    /// Rules from left to right, by their height; true of a strong one.
    rules: Vec<(f64, bool)>,
}

impl Leaflet {
    fn foot(foot: &str, (n, of): (u32, usize)) -> Placed {
        let text = foot.replace("{n}", &n.to_string()).replace("{of}", &of.to_string());
        Placed { text, x: SIDE, y: BOTTOM - 16.0, cap: CELL }
    }

    fn drawn(&self, foot: &str, page: (u32, usize)) -> String {
        let mut out = String::from("0 g 0 G\n");
        for (y, is_strong) in &self.rules {
            let width = if *is_strong { "0.9" } else { "0.25" };
            _ = writeln!(
                out,
                "{width} w {} {} m {} {} l S",
                number(SIDE, 2),
                number(*y, 2),
                number(SHEET.0 - SIDE, 2),
                number(*y, 2)
            );
        }
        for placed in self.texts.iter().chain(std::iter::once(&Self::foot(foot, page))) {
            out.push_str(&strokes::operators(&placed.text, (placed.x, placed.y), placed.cap));
        }
        out
    }

    /// The words as text that can be searched and copied.
    fn found(&self, foot: &str, page: (u32, usize), alphabet: &mut Alphabet) -> Vec<u8> {
        let tenth = |value: f64| (value * 10.0).round().max(0.0) as u32;
        let mut lines = Vec::with_capacity(self.texts.len() + 1);
        for placed in self.texts.iter().chain(std::iter::once(&Self::foot(foot, page))) {
            let mut at = placed.x;
            let mut line = Line { words: Vec::new() };
            for word in placed.text.split_whitespace() {
                let wide = strokes::width(word, placed.cap);
                let y = tenth(SHEET.1 - placed.y - placed.cap);
                let rect = Rect { x: tenth(at), y, w: tenth(wide).max(1), h: tenth(placed.cap).max(1) };
                line.words.push(Word { text: word.to_owned(), rect, confidence: 100.0, alternatives: Vec::new() });
                at += wide + strokes::width(" ", placed.cap);
            }
            if !line.words.is_empty() {
                lines.push(line);
            }
        }
        let (width, height) = (tenth(SHEET.0), tenth(SHEET.1));
        let source = PageSource::PdfDigital { page: page.0 };
        let compression = "none".to_owned();
        let survey = PageSurvey { n: page.0, source, width, height, dpi: 720.0, compression, bits: 1, turned: None };
        let mut read = ReadPage::unread(&survey);
        read.text.blocks = vec![Block { lines }];
        layer::text_operators(&read, Sheet { width_pt: SHEET.0, height_pt: SHEET.1, rotation: 0 }, alphabet)
    }
}

/// Pages as they fill.
struct Layout {
    pages: Vec<Leaflet>,
    /// Where the next line may begin, from the bottom.
    y: f64,
}

impl Layout {
    fn of(order: &Listing) -> Vec<Leaflet> {
        let mut layout = Self { pages: vec![Leaflet::default()], y: SHEET.1 - TOP };
        let wide = SHEET.0 - 2.0 * SIDE;
        for line in wrapped(&order.title, wide, TITLE) {
            layout.line(line, SIDE, TITLE, TITLE * 1.7);
        }
        for line in order.about.iter().flat_map(|line| wrapped(line, wide, WORDS)) {
            layout.line(line, SIDE, WORDS, WORDS * 1.8);
        }
        layout.y -= 4.0;
        layout.rule(true);
        layout.y -= 4.0;
        layout.facts(&order.facts);
        for table in &order.tables {
            layout.table(table);
        }
        layout.pages
    }

    fn page(&mut self) -> &mut Leaflet {
        if self.pages.is_empty() {
            self.pages.push(Leaflet::default());
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    fn put(&mut self, text: String, x: f64, cap: f64) {
        let y = self.y;
        self.page().texts.push(Placed { text, x, y, cap });
    }

    fn line(&mut self, text: String, x: f64, cap: f64, down: f64) {
        self.ensure(down);
        self.y -= down;
        self.put(text, x, cap);
    }

    fn rule(&mut self, is_strong: bool) {
        let y = self.y;
        self.page().rules.push((y, is_strong));
    }

    /// A new page where so much does not fit any more; true if there is one.
    fn ensure(&mut self, high: f64) -> bool {
        let is_full = self.y - high < BOTTOM && self.y < SHEET.1 - TOP;
        if is_full {
            self.pages.push(Leaflet::default());
            self.y = SHEET.1 - TOP;
        }
        is_full
    }

    /// Names and values, two beside each other.
    fn facts(&mut self, facts: &[(String, String)]) {
        let half = (SHEET.0 - 2.0 * SIDE) / 2.0;
        let named = half * 0.40;
        for pair in facts.chunks(2) {
            let cells: Vec<Vec<String>> = pair.iter().map(|(_, value)| wrapped(value, half - named - GUTTER, WORDS)).collect();
            let high = cells.iter().map(Vec::len).max().unwrap_or(1) as f64 * WORDS * 1.8;
            self.ensure(high);
            let top = self.y;
            for (n, ((name, _), lines)) in pair.iter().zip(cells).enumerate() {
                let x = SIDE + n as f64 * half;
                self.y = top - WORDS * 1.8;
                self.put(format!("{name}:"), x, CELL);
                for line in lines {
                    self.put(line, x + named, WORDS);
                    self.y -= WORDS * 1.8;
                }
            }
            self.y = top - high;
        }
    }

    fn table(&mut self, table: &ListingTable) {
        self.ensure(70.0);
        self.y -= 12.0;
        self.line(table.title.clone(), SIDE, WORDS + 1.0, WORDS * 2.0);
        self.y -= 4.0;
        if table.rows.is_empty() {
            self.line(table.empty.clone(), SIDE, CELL, LEAD);
            return;
        }
        let places = places(&table.columns);
        self.heads(table, &places);
        for row in &table.rows {
            let cells: Vec<Vec<String>> = row.iter().zip(&places).map(|(text, (_, wide))| cell(text, *wide)).collect();
            let high = cells.iter().map(Vec::len).max().unwrap_or(1) as f64 * LEAD + 2.0 * AROUND;
            if self.ensure(high) {
                self.heads(table, &places);
            }
            let top = self.y - AROUND;
            for (lines, (x, _)) in cells.into_iter().zip(&places) {
                self.y = top - CELL;
                for line in lines {
                    self.put(line, *x, CELL);
                    self.y -= LEAD;
                }
            }
            self.y = top - high + AROUND;
            self.rule(false);
        }
    }

    fn heads(&mut self, table: &ListingTable, places: &[(f64, f64)]) {
        self.rule(true);
        self.y -= LEAD + 1.0;
        for ((head, _), (x, _)) in table.columns.iter().zip(places) {
            self.put(head.clone(), *x, CELL);
        }
        self.y -= 4.0;
        self.rule(true);
    }
}

/// Where each column begins, and how wide it is.
fn places(columns: &[(String, f64)]) -> Vec<(f64, f64)> {
    let whole: f64 = columns.iter().map(|(_, share)| share).sum::<f64>().max(f64::MIN_POSITIVE);
    let wide = SHEET.0 - 2.0 * SIDE - GUTTER * columns.len().saturating_sub(1) as f64;
    let mut x = SIDE;
    let mut places = Vec::with_capacity(columns.len());
    for (_, share) in columns {
        let own = wide * share / whole;
        places.push((x, own));
        x += own + GUTTER;
    }
    places
}

fn cell(text: &str, wide: f64) -> Vec<String> {
    let mut lines = wrapped(text, wide, CELL);
    if lines.len() > CELL_LINES_MAX {
        lines.truncate(CELL_LINES_MAX);
        lines.push("[…]".to_owned());
    }
    lines
}

/// A text in lines of that width: at blanks, and within a word that is longer than a line. Line ends of the text are kept.
fn wrapped(text: &str, wide: f64, cap: f64) -> Vec<String> {
    let most = ((wide / strokes::width("x", cap)).floor() as usize).max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let (mut line, mut long) = (String::new(), 0);
        for word in paragraph.split_whitespace() {
            let signs: Vec<char> = word.chars().collect();
            for (n, piece) in signs.chunks(most).enumerate() {
                let blank = usize::from(n == 0 && long > 0);
                if long + blank + piece.len() > most && long > 0 {
                    lines.push(std::mem::take(&mut line));
                    long = 0;
                } else if blank == 1 {
                    line.push(' ');
                    long += 1;
                }
                line.extend(piece);
                long += piece.len();
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_at_blanks_and_long_ones_within() {
        let wide = strokes::width("x", 5.0) * 10.0 + 0.1;
        assert_eq!(wrapped("uno due tre quattro", wide, 5.0), ["uno due", "tre", "quattro"]);
        assert_eq!(wrapped("supercalifragilistico è", wide, 5.0), ["supercalif", "ragilistic", "o è"]);
        assert_eq!(wrapped("a\nb", wide, 5.0), ["a", "b"]);
        assert_eq!(wrapped("", wide, 5.0), [""]);
    }

    #[test]
    fn a_long_table_goes_on_over_pages_that_each_have_its_heads_and_nothing_is_lost() {
        let rows: Vec<Vec<String>> = (0..400).map(|n| vec![n.to_string(), format!("riga {n} ").repeat(30)]).collect();
        let columns = vec![("Numero".to_owned(), 1.0), ("Oggetto".to_owned(), 4.0)];
        let table = ListingTable { title: "Elenco".into(), columns, rows, empty: String::new() };
        let order = Listing {
            title: "Prova".into(),
            about: vec!["Comune di Prova".into()],
            facts: vec![("Primo".into(), "1".into()), ("Ultimo".into(), "2".into()), ("Altro".into(), "3".into())],
            tables: vec![table],
            foot: "Pagina {n} di {of}".into(),
            level: PdfaLevel::A2b,
            instant: Timestamp::UNIX_EPOCH,
        };
        let pages = Layout::of(&order);
        assert!(pages.len() > 10, "{}", pages.len());
        for page in &pages {
            assert_eq!(page.texts.iter().filter(|placed| placed.text == "Oggetto").count(), 1);
            assert!(page.texts.iter().all(|placed| placed.y > BOTTOM - 1.0 && placed.y < SHEET.1 - TOP + 1.0));
        }
        let all: Vec<&str> = pages.iter().flat_map(|page| &page.texts).map(|placed| placed.text.as_str()).collect();
        assert!((0..400).all(|n| all.contains(&n.to_string().as_str())));
        let (mut once, mut again) = (Vec::new(), Vec::new());
        assert_eq!(listing(&order, &mut once).expect("written"), once.len() as u64);
        listing(&order, &mut again).expect("written");
        assert!(once == again, "the same order gives the same bytes");
    }
}
