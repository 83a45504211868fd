//! Which lines stand beside each other in a table without rules? Tesseract's layout gives such a one column by column; a person reads
//! rows.

use crate::page::{Block, Line, Rect};

/// How far the middles of two cells of a row may lie apart, heights of the lower one.
const APART: f32 = 0.4;
/// Most space between two rows, heights of a line.
const SPACE: f32 = 3.5;
/// Fewest rows of a table of three columns and more, and of one of two: addresses and signatures stand side by side too.
const ROWS_LEAST: usize = 3;
const ROWS_OF_TWO_LEAST: usize = 8;
/// Most characters of a cell, on average: lines of columns of prose have 30 and more.
const CHARS_MOST: usize = 16;
/// Share of cells, in tenths, that are numbers, from which those beside them may be longer: an index, a bill.
const NUMBERS_LEAST: usize = 4;

/// A line as the engine gave it: which one, where, how long.
struct Cell {
    block: usize,
    line: usize,
    rect: Rect,
    chars: usize,
    is_number: bool,
}

impl Cell {
    fn middle(&self) -> f32 {
        self.rect.y as f32 + self.rect.h as f32 / 2.0
    }

    fn is_beside(&self, other: &Self) -> bool {
        let apart = (self.middle() - other.middle()).abs() <= APART * self.rect.h.min(other.rect.h) as f32;
        apart && (self.rect.x >= other.rect.x + other.rect.w || other.rect.x >= self.rect.x + self.rect.w)
    }
}

/// The blocks, the rows of tables without rules as lines of one block, where the first of their cells stood.
pub(super) fn joined(blocks: Vec<Block>) -> Vec<Block> {
    let mut cells: Vec<Cell> = Vec::new();
    for (block, of) in blocks.iter().enumerate() {
        for (line, words) in of.lines.iter().enumerate() {
            let rect = words.words.iter().map(|word| word.rect).reduce(Rect::union);
            let chars = words.words.iter().map(|word| word.text.chars().count() + 1).sum::<usize>();
            let mut letters = words.words.iter().flat_map(|word| word.text.chars()).filter(|c| c.is_alphanumeric()).peekable();
            let is_number = letters.peek().is_some() && letters.all(|c| c.is_ascii_digit());
            cells.extend(rect.map(|rect| Cell { block, line, rect, chars: chars.saturating_sub(1), is_number }));
        }
    }
    let rows = rows(cells);
    let tables: Vec<&[Vec<Cell>]> = runs(&rows).into_iter().map(|run| &rows[run]).filter(|run| is_table(run)).collect();
    if tables.is_empty() { blocks } else { rebuilt(&blocks, &tables) }
}

/// Cells beside each other, from left to right, from top to bottom.
fn rows(mut cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    cells.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for cell in cells {
        match rows.last_mut() {
            Some(row) if row.iter().all(|other| cell.is_beside(other)) => row.push(cell),
            _ => rows.push(vec![cell]),
        }
    }
    for row in &mut rows {
        row.sort_by_key(|cell| cell.rect.x);
    }
    rows
}

/// Runs of rows that follow each other closely, from one of several cells to the last such; a single cell between two of them goes on
/// with the cell above it.
fn runs(rows: &[Vec<Cell>]) -> Vec<std::ops::Range<usize>> {
    let is_near = |upper: &[Cell], lower: &[Cell]| {
        let bottom = upper.iter().map(|cell| cell.rect.y + cell.rect.h).max().unwrap_or(0);
        let (top, height) = lower.iter().map(|cell| (cell.rect.y, cell.rect.h)).min().unwrap_or((0, 0));
        top.saturating_sub(bottom) as f32 <= SPACE * height as f32
    };
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for at in (0..rows.len()).filter(|at| rows[*at].len() > 1) {
        match runs.last_mut() {
            Some(run) if at - run.end <= 1 && (run.end..=at).all(|next| is_near(&rows[next - 1], &rows[next])) => {
                run.end = at + 1;
            }
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

fn is_table(run: &[Vec<Cell>]) -> bool {
    let parted = run.iter().filter(|row| row.len() > 1).count();
    let of_three = run.iter().filter(|row| row.len() > 2).count();
    let is_long = (parted >= ROWS_LEAST && of_three * 2 >= parted) || parted >= ROWS_OF_TWO_LEAST;
    let (chars, count) = run.iter().flatten().fold((0, 0), |(chars, count), cell| (chars + cell.chars, count + 1));
    let numbers = run.iter().flatten().filter(|cell| cell.is_number).count();
    is_long && (chars <= CHARS_MOST * count || numbers * 10 >= NUMBERS_LEAST * count)
}

fn rebuilt(blocks: &[Block], tables: &[&[Vec<Cell>]]) -> Vec<Block> {
    let place = |block: usize, line: usize| {
        tables.iter().position(|table| table.iter().flatten().any(|cell| (cell.block, cell.line) == (block, line)))
    };
    let mut made = vec![false; tables.len()];
    let mut out: Vec<Block> = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let mut own = Vec::new();
        for (n, line) in block.lines.iter().enumerate() {
            let Some(table) = place(at, n) else {
                own.push(line.clone());
                continue;
            };
            if !std::mem::replace(&mut made[table], true) {
                out.push(Block { lines: std::mem::take(&mut own) });
                let words = |cell: &Cell| blocks[cell.block].lines[cell.line].words.clone();
                let row = |row: &Vec<Cell>| Line { words: row.iter().flat_map(words).collect() };
                out.push(Block { lines: tables[table].iter().map(row).collect() });
            }
        }
        out.push(Block { lines: own });
    }
    out.retain(|block| !block.lines.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Word;

    fn line(text: &str, x: u32, y: u32) -> Line {
        let mut left = x;
        let words = text.split(' ').map(|text| {
            let w = 15 * text.chars().count() as u32;
            let rect = Rect { x: left, y, w, h: 30 };
            left += w + 12;
            Word { text: text.to_owned(), rect, confidence: 90.0, alternatives: Vec::new() }
        });
        Line { words: words.collect() }
    }

    fn column(texts: &[&str], x: u32) -> Block {
        Block { lines: texts.iter().zip(0..).map(|(text, n)| line(text, x, 200 + 90 * n)).collect() }
    }

    fn texts(blocks: &[Block]) -> Vec<Vec<String>> {
        blocks.iter().map(|block| block.lines.iter().map(Line::text).collect()).collect()
    }

    #[test]
    fn columns_of_cells_are_read_row_by_row_where_they_stood() {
        let heading = Block { lines: vec![line("TARIFFE DEI SERVIZI", 100, 50)] };
        let names = column(&["Servizio", "Asilo nido", "Pesa pubblica", "Lampade votive"], 100);
        let fees = column(&["Ridotta", "3,50", "5,00", "6,50"], 600);
        let foot = Block { lines: vec![line("Il responsabile del servizio finanziario", 100, 900)] };
        // The engine may break a column into blocks, and a cell may go on in a second line.
        let whole = [column(&["Intera", "6,50"], 900), Block { lines: vec![line("9,00", 900, 380), line("11,50", 900, 470)] }];
        let mut blocks = vec![heading, names, fees];
        blocks[1].lines.insert(2, line("comunale", 100, 335));
        blocks.extend(whole);
        blocks.push(foot);
        let rows = [
            "Servizio Ridotta Intera",
            "Asilo nido 3,50 6,50",
            "comunale",
            "Pesa pubblica 5,00 9,00",
            "Lampade votive 6,50 11,50",
        ];
        let expected = [&["TARIFFE DEI SERVIZI"][..], &rows, &["Il responsabile del servizio finanziario"]];
        assert_eq!(texts(&joined(blocks)), expected);
    }

    #[test]
    fn columns_of_prose_addresses_and_signatures_stay_as_they_are() {
        let prose = ["il consiglio comunale riunito in seduta"; 12];
        let columns = vec![column(&prose, 100), column(&prose, 800), column(&prose, 1_500)];
        assert_eq!(joined(columns.clone()), columns);
        let address = |x| column(&["Al Sindaco", "del Comune", "via Roma 1", "00100 Roma"], x);
        let sides = vec![address(100), address(900)];
        assert_eq!(joined(sides.clone()), sides);
        assert_eq!(joined(Vec::new()), Vec::new());
    }

    #[test]
    fn an_index_is_read_row_by_row() {
        let entries = column(&["Allegato Relazione tecnica illustrativa"; 9], 100);
        let index = vec![entries, column(&["4", "9", "11", "16", "21", "30", "31", "40", "55"], 1_500)];
        let read = joined(index);
        assert_eq!((read.len(), read[0].lines[3].text().as_str()), (1, "Allegato Relazione tecnica illustrativa 16"));
    }
}
