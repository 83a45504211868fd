//! How much is too much? Every ceiling of the house in one place (invariant 10). An error that names one says its key.

use serde::{Deserialize, Serialize};

/// The ceilings. Keys are those of the `[limits]` table of `conserva.toml`; units are in the names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest file admitted, bytes. Larger ones stay in the inbox with a sentence.
    pub file_bytes_max: u64,
    /// Largest PDF that is parsed, bytes (its object tree lives in memory); a larger one is kept and held.
    pub pdf_bytes_max: u64,
    /// Most pages of one file.
    pub pages_max: u32,
    /// Pages from the first on by which a document is filed and its oggetto, registration and parties are read: where they
    /// stand. Of the others only what they mention is kept (codes, amounts, addresses, references).
    pub pages_weighed_max: u32,
    /// Most pixels of one page image (an A0 sheet at 400 dpi has 350 million).
    pub page_pixels_max: u64,
    /// Most bytes that the content of one page of a PDF may unpack to, its images apart.
    pub page_content_bytes_max: u64,
    /// Most operators that one page of a PDF may have run, those of its forms each time that they are drawn.
    pub page_operators_max: u64,
    /// Most bytes that one stream of a file may unpack to.
    pub unpacked_bytes_max: u64,
    /// Seconds that a child may spend on one page of up to [`SHEET_PIXELS`]; a larger sheet gets as many times more, at most
    /// [`SHEETS_MAX`] times.
    pub page_seconds_max: u64,
    /// Address space of a child, bytes.
    pub child_memory_bytes_max: u64,
    /// Longest frame that a child may answer, bytes.
    pub frame_bytes_max: u32,
    /// Most words kept of one page.
    pub words_per_page_max: usize,
    /// Most entries looked at in a container, and deepest nesting.
    pub container_entries_max: u32,
    /// Deepest nesting of containers.
    pub container_depth_max: u32,
    /// Most bytes that all that lies in one arrival may unpack to, however deep.
    pub container_bytes_max: u64,
    /// How many times its size a container may unpack to, once that is more than [`INFLATED_BYTES_MIN`].
    pub container_ratio_max: u64,
    /// Largest mail that is taken apart, bytes (it is held in memory).
    pub mail_bytes_max: u64,
    /// Most parts of one mail.
    pub mail_parts_max: u32,
    /// Most bytes of one XML file that is parsed.
    pub xml_bytes_max: u64,
    /// Deepest nesting of elements in one XML file.
    pub xml_depth_max: usize,
    /// Most elements of one XML file.
    pub xml_elements_max: usize,
    /// Attempts of a job before it is held.
    pub attempts_max: u32,
    /// Longest lease of a job, seconds; a step that takes longer is done again elsewhere.
    pub lease_seconds_max: u64,
    /// Jobs waiting in an archive before doors stop admitting.
    pub queue_length_max: u64,
    /// Most documents in one PdV (P-03: a conservatore refuses it as a whole).
    pub pdv_documents_max: usize,
    /// Most bytes of content in one PdV.
    pub pdv_bytes_max: u64,
    /// Largest metadata file of a PdV, bytes.
    pub metadata_bytes_max: u64,
    /// Most entries of a package that `verify` reads.
    pub verify_entries_max: u64,
    /// Most bytes that `verify` unpacks from a package.
    pub verify_bytes_max: u64,
    /// Longest file name kept, bytes.
    pub name_bytes_max: usize,
    /// Deepest folder tree that `ingest` walks.
    pub tree_depth_max: usize,
}

/// What unpacks to less is no bomb, whatever its ratio: a blank page of text packs a thousand times.
pub const INFLATED_BYTES_MIN: u64 = 64 << 20;
/// Pixels of the largest usual sheet: A3 at 300 dpi has 17 million.
pub const SHEET_PIXELS: u64 = 25_000_000;
/// Most sheets that a page counts for: A0 at 400 dpi has ten times the pixels above, and is read at less than 300 dpi.
pub const SHEETS_MAX: u64 = 8;

impl Limits {
    /// Seconds that a child may spend on a page of `pixels`.
    pub fn page_seconds(&self, pixels: u64) -> u64 {
        self.page_seconds_max.saturating_mul(pixels.div_ceil(SHEET_PIXELS).clamp(1, SHEETS_MAX))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 16 << 30,
            pdf_bytes_max: 1 << 30,
            pages_max: 5_000,
            pages_weighed_max: 100,
            page_pixels_max: 400_000_000,
            page_content_bytes_max: 128 << 20,
            page_operators_max: 10_000_000,
            unpacked_bytes_max: 1 << 30,
            page_seconds_max: 120,
            child_memory_bytes_max: 3 << 30,
            frame_bytes_max: 64 << 20,
            words_per_page_max: 20_000,
            container_entries_max: 10_000,
            container_depth_max: 5,
            container_bytes_max: 8 << 30,
            container_ratio_max: 200,
            mail_bytes_max: 256 << 20,
            mail_parts_max: 1_000,
            xml_bytes_max: 50 << 20,
            xml_depth_max: 64,
            xml_elements_max: 500_000,
            attempts_max: 5,
            lease_seconds_max: 3_600,
            queue_length_max: 1_000_000,
            pdv_documents_max: 2_000,
            pdv_bytes_max: 4 << 30,
            metadata_bytes_max: 50_000_000,
            verify_entries_max: 1_000_000,
            verify_bytes_max: 64 << 30,
            name_bytes_max: 255,
            tree_depth_max: 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_over_the_usual_size_gets_more_time_up_to_a_ceiling() {
        let limits = Limits { page_seconds_max: 10, ..Limits::default() };
        let seconds = |pixels| limits.page_seconds(pixels);
        assert_eq!([seconds(0), seconds(SHEET_PIXELS), seconds(SHEET_PIXELS + 1)], [10, 10, 20]);
        assert_eq!(seconds(u64::MAX), 10 * SHEETS_MAX);
    }
}
