//! How does a PDF reach the disk without being held in memory? Objects are written as they come, the index at the end.

use std::fmt::Write as _;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::error::{Error, Result};

/// Number of an object in the file written.
pub(super) type Ref = u32;

/// Objects gathered in one object stream before it is written.
const GATHERED_MAX: usize = 100;

/// Where an object lies.
#[derive(Clone, Copy)]
enum Place {
    Free,
    At(u64),
    In { stream: Ref, index: u32 },
}

/// A writer of one PDF. `is_modern` (parts 2 and 3 of ISO 19005) gathers small objects in object streams and writes
/// the index as a stream; otherwise (part 1) all is classic PDF 1.4.
pub(super) struct PdfWriter<W: Write> {
    out: W,
    offset: u64,
    places: Vec<Place>,
    gathered: Vec<(Ref, String)>,
    is_modern: bool,
}

impl<W: Write> PdfWriter<W> {
    /// Begins a file: header and the comment that marks it as binary.
    pub(super) fn begin(out: W, is_modern: bool) -> Result<Self> {
        let mut writer = Self { out, offset: 0, places: vec![Place::Free], gathered: Vec::new(), is_modern };
        writer.put(if is_modern { b"%PDF-1.7\n" } else { b"%PDF-1.4\n" })?;
        writer.put(b"%\xe2\xe3\xcf\xd3\n")?;
        Ok(writer)
    }

    /// Promises an object that is written later.
    pub(super) fn promise(&mut self) -> Ref {
        self.places.push(Place::Free);
        (self.places.len() - 1) as Ref
    }

    /// Writes a promised object that is no stream.
    pub(super) fn object(&mut self, number: Ref, body: String) -> Result<()> {
        if self.is_modern {
            self.gathered.push((number, body));
            return if self.gathered.len() >= GATHERED_MAX { self.flush_gathered() } else { Ok(()) };
        }
        self.mark(number);
        self.put(format!("{number} 0 obj\n{body}\nendobj\n").as_bytes())
    }

    /// Writes a promised stream; `entries` are the dictionary's entries but for the length.
    pub(super) fn stream(&mut self, number: Ref, entries: &str, data: &[u8]) -> Result<()> {
        self.mark(number);
        self.put(format!("{number} 0 obj\n<<{entries}/Length {}>>\nstream\n", data.len()).as_bytes())?;
        self.put(data)?;
        self.put(b"\nendstream\nendobj\n")
    }

    /// Writes a promised stream deflated.
    pub(super) fn deflated(&mut self, number: Ref, entries: &str, data: &[u8]) -> Result<()> {
        let packed = deflate(data)?;
        self.stream(number, &format!("{entries}/Filter/FlateDecode"), &packed)
    }

    /// Writes the index and ends the file; the result is its length. `id` becomes both halves of /ID.
    pub(super) fn end(mut self, catalog: Ref, info: Ref, id: &[u8; 16]) -> Result<u64> {
        self.flush_gathered()?;
        let id = hex(id);
        let root = format!("/Root {catalog} 0 R/Info {info} 0 R/ID[<{id}><{id}>]");
        if self.is_modern {
            self.index_stream(&root)?;
        } else {
            self.index_table(&root)?;
        }
        self.out.flush().map_err(written)?;
        Ok(self.offset)
    }

    fn index_table(&mut self, root: &str) -> Result<()> {
        let start = self.offset;
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", self.places.len());
        for place in &self.places[1..] {
            match place {
                Place::At(offset) => _ = writeln!(table, "{offset:010} 00000 n "),
                Place::Free | Place::In { .. } => return Err(Error::bug("a promised PDF object was not written")),
            }
        }
        _ = write!(table, "trailer\n<</Size {}{root}>>\nstartxref\n{start}\n%%EOF\n", self.places.len());
        self.put(table.as_bytes())
    }

    fn index_stream(&mut self, root: &str) -> Result<()> {
        let number = self.promise();
        self.mark(number);
        let start = self.offset;
        let mut rows = Vec::with_capacity(self.places.len() * 9);
        let mut before = [0_u8; 8];
        for (n, place) in self.places.iter().enumerate() {
            let row = match *place {
                Place::Free if n == 0 => index_row(0, 0, 0xffff),
                Place::Free => return Err(Error::bug("a promised PDF object was not written")),
                Place::At(offset) => index_row(1, offset, 0),
                Place::In { stream, index } => index_row(2, u64::from(stream), index),
            };
            rows.push(2); // PNG predictor "up": neighbouring rows differ little.
            rows.extend(row.iter().zip(before).map(|(now, up)| now.wrapping_sub(up)));
            before = row;
        }
        let entries = format!(
            "/Type/XRef/Size {}/W[1 5 2]{root}/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 8>>",
            self.places.len()
        );
        let packed = deflate(&rows)?;
        self.put(format!("{number} 0 obj\n<<{entries}/Length {}>>\nstream\n", packed.len()).as_bytes())?;
        self.put(&packed)?;
        self.put(format!("\nendstream\nendobj\nstartxref\n{start}\n%%EOF\n").as_bytes())
    }

    fn flush_gathered(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.gathered);
        let stream = self.promise();
        let (mut head, mut body) = (String::new(), String::new());
        for (index, (number, text)) in gathered.iter().enumerate() {
            _ = write!(head, "{number} {} ", body.len());
            body.push_str(text);
            body.push('\n');
            if let Some(place) = self.places.get_mut(*number as usize) {
                *place = Place::In { stream, index: index as u32 };
            }
        }
        let entries = format!("/Type/ObjStm/N {}/First {}", gathered.len(), head.len());
        self.deflated(stream, &entries, (head + &body).as_bytes())
    }

    fn mark(&mut self, number: Ref) {
        if let Some(place) = self.places.get_mut(number as usize) {
            *place = Place::At(self.offset);
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.offset += bytes.len() as u64;
        self.out.write_all(bytes).map_err(written)
    }
}

/// One row of the index: kind, five bytes of place, two of index or generation.
fn index_row(kind: u8, place: u64, index: u32) -> [u8; 8] {
    let (place, index) = (place.to_be_bytes(), index.to_be_bytes());
    [kind, place[3], place[4], place[5], place[6], place[7], index[2], index[3]]
}

/// Deflates a small stream, as well as it goes.
pub(super) fn deflate(data: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(data.len() / 2 + 64), Compression::best());
    encoder.write_all(data).map_err(written)?;
    encoder.finish().map_err(written)
}

/// The bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        _ = write!(text, "{byte:02X}");
        text
    })
}

/// A text string of the document: ASCII as a literal, the rest as UTF-16.
pub(super) fn text_string(text: &str) -> String {
    if text.chars().all(|c| (' '..='~').contains(&c)) {
        let escaped = text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
        return format!("({escaped})");
    }
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    format!("<FEFF{}>", hex(&units))
}

/// A number with at most `digits` decimals and nothing superfluous.
pub(super) fn number(value: f64, digits: usize) -> String {
    let mut text = format!("{value:.digits$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" { "0".to_owned() } else { text }
}

/// A copy that could not be written: no fault of the input.
fn written(cause: std::io::Error) -> Error {
    Error::disk("write copy", std::path::Path::new("copy.pdf"), cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_no_superfluous_digits() {
        assert_eq!(number(595.2, 3), "595.2");
        assert_eq!(number(12.0, 3), "12");
        assert_eq!(number(-0.0001, 2), "0");
        assert_eq!(number(100.0, 0), "100");
    }

    #[test]
    fn a_title_with_parentheses_or_accents_stays_itself() {
        assert_eq!(text_string(r"a(b)\"), r"(a\(b\)\\)");
        assert_eq!(text_string("è"), "<FEFF00E8>");
    }

    #[test]
    fn a_promise_that_is_not_kept_is_our_own_fault() {
        for is_modern in [false, true] {
            let mut writer = PdfWriter::begin(Vec::new(), is_modern).unwrap();
            let (catalog, info) = (writer.promise(), writer.promise());
            writer.object(catalog, "<<>>".to_owned()).unwrap();
            assert_eq!(writer.end(catalog, info, &[0; 16]).unwrap_err().kind(), crate::error::Kind::Bug);
        }
    }
}
