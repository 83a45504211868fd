//! A page is read in the order in which a person reads it: columns one after the other, tables row by row and cell by cell.
//!
//! The pages are drawn by the tests in the face that every PDF reader has, so that each word's place is known.

use std::fmt::Write as _;

use conserva::limits::Limits;
use conserva::normalise::Opened;
use conserva::page::ReadPage;

use super::inboxes::drawn;
use super::stage::readers;

/// Page, letters and distance of lines, points.
const PAGE: (f32, f32) = (440.0, 330.0);
const SIZE: f32 = 10.0;
const LEADING: f32 = 13.0;

/// A page to draw on; heights are counted from its top.
#[derive(Default)]
struct Paper {
    content: String,
}

impl Paper {
    /// A line of text from `x` on, its words pushed apart until it ends at `to`, if it is to end anywhere.
    fn line(&mut self, (x, y): (f32, f32), text: &str, to: Option<f32>) {
        let gaps = text.matches(' ').count().max(1) as f32;
        let apart = to.map_or(0.0, |to| (to - x - width(text)) / gaps);
        let y = PAGE.1 - y;
        writeln!(self.content, "BT /F1 {SIZE} Tf {apart:.3} Tw {x:.2} {y:.2} Td ({text}) Tj ET").expect("text");
    }

    /// The words as lines of a column, all but the last as wide as it; gives the height under them.
    fn column(&mut self, (left, right): (f32, f32), mut y: f32, text: &str) -> f32 {
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if width(&longer) <= right - left {
                line = longer;
                continue;
            }
            self.line((left, y), &line, Some(right));
            (line, y) = (word.to_owned(), y + LEADING);
        }
        self.line((left, y), &line, None);
        y + LEADING
    }

    fn rule(&mut self, (x, y): (f32, f32), (to_x, to_y): (f32, f32)) {
        let (y, to_y) = (PAGE.1 - y, PAGE.1 - to_y);
        writeln!(self.content, "0.8 w {x:.2} {y:.2} m {to_x:.2} {to_y:.2} l S").expect("a rule");
    }

    /// The page as a scanner would see it at 300 dpi, read.
    fn read(self) -> ReadPage {
        let folder = tempfile::tempdir().expect("a folder");
        let (pdf, scan) = (folder.path().join("drawn.pdf"), folder.path().join("scan.tif"));
        std::fs::write(&pdf, drawn(&[self.content], PAGE)).expect("written");
        let limits = Limits::default();
        let opened = Opened::open(&pdf, "application/pdf", &limits).expect("a PDF");
        let survey = opened.survey(&limits).expect("pages").remove(0);
        let image = opened.image(&survey, &limits).expect("pixels");
        let mut file = std::fs::File::create(&scan).expect("a file");
        let mut tiff = tiff::encoder::TiffEncoder::new(&mut file).expect("a TIFF");
        let mut page = tiff.new_image::<tiff::encoder::colortype::Gray8>(image.width, image.height).expect("a page");
        page.resolution(tiff::tags::ResolutionUnit::Inch, tiff::encoder::Rational { n: 300, d: 1 });
        page.write_data(&image.gray).expect("written");
        let readers = readers(folder.path(), 1);
        let surveys = readers.survey(&scan, "image/tiff").expect("a survey");
        readers.read(&scan, "image/tiff", &surveys[0]).expect("a page")
    }
}

/// How wide the text is in Helvetica (Adobe's font metrics, thousandths of the size), for the letters that the tests write.
fn width(text: &str) -> f32 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' => 222,
        ' ' | 'f' | 't' | '.' | ',' | '/' | 'I' => 278,
        'r' | '-' => 333,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' => 500,
        'E' | 'A' | 'B' | 'P' | 'S' | 'V' => 667,
        'w' | 'C' | 'D' | 'N' | 'R' | 'U' => 722,
        'F' | 'T' | 'Z' => 611,
        'm' | 'M' => 833,
        'G' | 'O' | 'Q' => 778,
        _ => 556,
    };
    text.chars().map(of).sum::<u32>() as f32 / 1000.0 * SIZE
}

/// Words of the truth that are read out of their turn, or not: those outside of the longest common sequence.
fn astray(truth: &str, read: &ReadPage) -> usize {
    let (truth, text): (Vec<&str>, String) = (truth.split_whitespace().collect(), read.text.plain());
    let found: Vec<&str> = text.split_whitespace().collect();
    let mut longest = vec![vec![0_usize; found.len() + 1]; truth.len() + 1];
    for (at, word) in truth.iter().enumerate() {
        for (to, other) in found.iter().enumerate() {
            longest[at + 1][to + 1] =
                if word == other { longest[at][to] + 1 } else { longest[at][to + 1].max(longest[at + 1][to]) };
        }
    }
    truth.len() - longest[truth.len()][found.len()]
}

const LEFT: &str = "Il servizio di manutenzione delle aree verdi comunali comprende il taglio dei prati, la cura delle siepi e la \
    raccolta delle foglie. La ditta comunica per iscritto il nome della persona che risponde dei lavori e ogni mese presenta una \
    relazione su quanto ha fatto e su quanto resta da fare. Le spese per i mezzi e per le persone sono a carico della ditta, che \
    ne tiene conto nel prezzo offerto e non pretende altro dal comune.";
const RIGHT: &str = "Il comune paga entro trenta giorni dalla data in cui riceve la fattura, se i lavori sono stati eseguiti a \
    regola d arte. Se la ditta ritarda, il comune applica una penale per ogni giorno e la trattiene dalla somma dovuta. In caso di \
    danni a persone o a cose la ditta risponde da sola e solleva il comune da ogni richiesta di terzi. Il contratto dura due anni e \
    non si rinnova tacitamente.";

#[test]
fn columns_of_justified_text_are_read_one_after_the_other_however_narrow_the_white_between_them() {
    for gutter in [12.0, 30.0] {
        let mut paper = Paper::default();
        paper.line((30.0, 40.0), "Capitolato speciale per la manutenzione delle aree verdi", None);
        let middle = PAGE.0 / 2.0;
        let left = paper.column((30.0, middle - gutter / 2.0), 70.0, LEFT);
        let right = paper.column((middle + gutter / 2.0, PAGE.0 - 30.0), 70.0, RIGHT);
        let end = left.max(right) + LEADING;
        paper.line((30.0, end), "Letto e approvato da entrambe le parti", None);
        let read = paper.read();
        let truth = format!(
            "Capitolato speciale per la manutenzione delle aree verdi {LEFT} {RIGHT} Letto e approvato da entrambe le parti"
        );
        let astray = astray(&truth, &read);
        assert!(astray <= 3, "{gutter}: {astray}\n{}", read.text.plain());
    }
}

/// Rows of a table; a bar parts the lines of a cell.
const ROWS: [[&str; 3]; 5] = [
    ["Voce", "Descrizione", "Importo"],
    ["Carta", "Risme di carta bianca|per stampanti degli uffici|al piano terra", "1.250,00"],
    ["Arredi", "Sedie e tavoli per|la sala del consiglio", "3.480,50"],
    ["Servizio|postale", "Spedizione di lettere|e di raccomandate", "915,20"],
    ["Totale", "Spese del semestre", "5.645,70"],
];

#[test]
fn the_cells_of_a_ruled_table_are_read_row_by_row_and_each_to_its_end() {
    let mut paper = Paper::default();
    paper.line((30.0, 40.0), "Prospetto delle spese del primo semestre", None);
    let columns = [30.0, 120.0, 310.0, 410.0];
    let mut y = 60.0;
    let lines = |row: &[&str; 3]| row.iter().map(|cell| cell.split('|').count()).max().unwrap_or(1);
    for row in &ROWS {
        paper.rule((columns[0], y), (columns[3], y));
        for (cell, x) in row.iter().zip(columns) {
            for (at, line) in cell.split('|').enumerate() {
                paper.line((x + 6.0, y + 12.0 + at as f32 * LEADING), line, None);
            }
        }
        y += 6.0 + lines(row) as f32 * LEADING;
    }
    paper.rule((columns[0], y), (columns[3], y));
    for x in columns {
        paper.rule((x, 60.0), (x, y));
    }
    paper.line((30.0, y + 24.0), "La giunta prende atto delle spese sostenute", None);
    let read = paper.read();
    let cells = ROWS.concat().join(" ").replace('|', " ");
    let truth = format!("Prospetto delle spese del primo semestre {cells} La giunta prende atto delle spese sostenute");
    assert_eq!(astray(&truth, &read), 0, "{}", read.text.plain());
}
