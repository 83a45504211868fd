//! What is in a model file? A container of parts: the network, its characters, its dictionaries. Nothing is believed:
//! every count is bounded, and a file that is cut, hostile or of a kind that is not known is an error.

mod bytes;
mod charset;
mod dawg;
mod network;

use bytes::Bytes;
pub(crate) use bytes::Parsed;
pub(super) use charset::{BLANK, Charset};
pub(super) use dawg::Dawg;
pub(super) use network::{Cell, Matrix, Network};

/// Longest model file, bytes; the largest that is published has 35 million.
pub(crate) const MODEL_BYTES_MAX: u64 = 256 << 20;

/// A model that this reader can use.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) network: Network,
    pub(super) charset: Charset,
    pub(super) words: Option<Dawg>,
    pub(super) punctuation: Option<Dawg>,
    pub(super) numbers: Option<Dawg>,
    /// What the file calls itself.
    pub(super) version: String,
}

/// Places of the parts in the container.
const LSTM: usize = 17;
const PUNCTUATION: usize = 18;
const WORDS: usize = 19;
const NUMBERS: usize = 20;
const UNICHARSET: usize = 21;
const RECODER: usize = 22;
const VERSION: usize = 23;

impl Model {
    /// Reads a `.traineddata` file.
    pub(super) fn parse(file: &[u8]) -> Parsed<Self> {
        let parts = parts(file)?;
        let part = |at: usize| parts.get(at).copied().flatten();
        let network = Network::parse(part(LSTM).ok_or("no LSTM in it")?)?;
        let classes = (network.output.rows, network.null);
        let charset = Charset::parse(part(UNICHARSET).ok_or("no characters")?, part(RECODER).ok_or("no codes")?, classes)?;
        let dawg = |at| part(at).map(Dawg::parse).transpose();
        let version = part(VERSION).map(|version| String::from_utf8_lossy(version).trim().chars().take(200).collect());
        Ok(Self {
            network,
            charset,
            words: dawg(WORDS)?,
            punctuation: dawg(PUNCTUATION)?,
            numbers: dawg(NUMBERS)?,
            version: version.unwrap_or_default(),
        })
    }
}

/// The parts of the container; each runs to the beginning of the next one, the last to the end of the file.
fn parts(file: &[u8]) -> Parsed<Vec<Option<&[u8]>>> {
    /// Tesseract has 24 kinds of parts.
    const PARTS_MAX: usize = 64;
    let mut bytes = Bytes::of(file);
    let count = bytes.count(8, PARTS_MAX)?;
    let mut starts = Vec::with_capacity(count);
    for _ in 0..count {
        let start = bytes.i64()?;
        starts.push(usize::try_from(start).ok());
    }
    let mut parts = Vec::with_capacity(count);
    for (at, start) in starts.iter().enumerate() {
        let end = starts[at + 1..].iter().flatten().next().copied().unwrap_or(file.len());
        parts.push(match start {
            Some(start) => Some(file.get(*start..end).ok_or("a part outside of the file")?),
            None => None,
        });
    }
    Ok(parts)
}
