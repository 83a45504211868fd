//! What did the fax machine draw? CCITT Group 3 and 4 rows as grey pixels.

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};

/// How a strip is coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coding {
    pub(super) mode: EncodingMode,
    /// Rows start on whole bytes.
    pub(super) byte_aligned: bool,
    /// Bit 0 of a byte comes first (TIFF FillOrder 2).
    pub(super) reversed: bool,
    /// A zero bit is black (photometric BlackIsZero).
    pub(super) zero_is_black: bool,
}

/// Bytes behind the last row of Group 4 that some writers leave where the end code should stand.
const PADDING: usize = 16;

/// Decodes rows of `columns` pixels into `out`; says how many rows the data held, and whether they can be as they are: Group 4 has
/// no code that may come at any place, so that a garbled piece nearly always leads to runs beyond the row or to data left over.
pub(super) fn decode(data: &[u8], coding: Coding, columns: u32, out: &mut [u8]) -> (usize, bool) {
    let columns = columns.max(1);
    let rows = (out.len() / columns as usize) as u32;
    let turned: Vec<u8>;
    let data = if coding.reversed {
        turned = data.iter().map(|byte| byte.reverse_bits()).collect();
        &turned
    } else {
        data
    };
    let settings = DecodeSettings {
        columns,
        rows,
        end_of_block: true,
        end_of_line: false,
        rows_are_byte_aligned: coding.byte_aligned,
        encoding: coding.mode,
        strict: coding.mode == EncodingMode::Group4,
    };
    let (ink, paper) = if coding.zero_is_black { (255, 0) } else { (0, 255) };
    let mut taken = |settings| {
        let mut rows = Rows { out: out.chunks_exact_mut(columns as usize), count: 0, ink, paper };
        let outcome = hayro_ccitt::decode(data, &mut rows, &mut DecoderContext::new(settings));
        (rows.count, outcome)
    };
    let left_over = |read: usize| data.get(read..).is_some_and(|rest| rest.len() > PADDING && rest.iter().any(|byte| *byte != 0));
    match taken(settings) {
        (count, Ok(read)) => (count, settings.encoding != EncodingMode::Group4 || !left_over(read)),
        // An error after some rows leaves those rows, and those that can be made out behind it: the caller judges by their number.
        (_, Err(error)) => {
            let (count, _) = taken(DecodeSettings { strict: false, ..settings });
            tracing::debug!(?error, rows = count, "CCITT data are not as they should be");
            (count, coding.mode != EncodingMode::Group4)
        }
    }
}

struct Rows<'a> {
    out: std::slice::ChunksExactMut<'a, u8>,
    count: usize,
    ink: u8,
    paper: u8,
}

impl Decoder for Rows<'_> {
    fn push_row(&mut self, changes: &[u32]) {
        let Some(row) = self.out.next() else { return };
        self.count += 1;
        row.fill(self.paper);
        for pair in changes.chunks(2) {
            let from = (pair[0] as usize).min(row.len());
            let to = pair.get(1).map_or(row.len(), |to| (*to as usize).clamp(from, row.len()));
            row[from..to].fill(self.ink);
        }
    }
}
