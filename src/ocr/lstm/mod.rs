//! Which text stands in the image of a line? Our own reader of the LSTM models that Tesseract's packages install.
//!
//! A `model` file gives network, characters and dictionaries; a line becomes a `strip`; the network runs over all
//! lines of a page at once (`forward`) on the widest instructions of the machine (`kernel`); the `beam` finds the
//! text that its certainties mean. `reference` says the same as `forward`, plainly and slowly: tests hold them equal.

mod activation;
mod beam;
mod dictionary;
mod forward;
mod kernel;
mod model;
mod pack;
#[cfg(test)]
mod property;
#[cfg(test)]
mod reference;
mod speed;
mod strip;
mod trace;
#[cfg(test)]
mod trial;
mod words;

use std::path::{Path, PathBuf};

use beam::Beam;
use dictionary::Dictionary;
use forward::Prepared;
use kernel::{Engine, Form};
pub use kernel::{Kernel, Precision};
use model::{Charset, MODEL_BYTES_MAX, Model};
pub use speed::Speed;
use strip::{Noise, Strip};
use trace::Trace;

/// Why no reader can be made: a model that is missing, broken, or of a kind that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The language asked for.
    pub lang: String,
    /// What is the matter, in a few words.
    pub what: String,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.lang, self.what)
    }
}

impl std::error::Error for Unread {}

type Result<T> = std::result::Result<T, Unread>;

/// One line of text, cut out of a page at the page's resolution.
#[derive(Debug, Clone, Default)]
pub struct LineImage {
    /// Pixels across.
    pub width: u32,
    /// Pixels down; the reader scales them to its own height.
    pub height: u32,
    /// One byte per pixel, 0 is black, row by row.
    pub gray: Vec<u8>,
}

/// One character read.
#[derive(Debug, Clone, PartialEq)]
pub struct Glyph {
    /// What is written.
    pub text: String,
    /// Left edge, pixels of the line image.
    pub start: f32,
    /// Right edge.
    pub end: f32,
    /// How probable the network holds it, 0 to 1.
    pub probability: f32,
    /// What else it may be, with the probability of each, the best first.
    pub alternatives: Vec<(String, f32)>,
}

/// One word read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadWord {
    /// What is written, as the model writes it.
    pub text: String,
    /// Left edge, pixels of the line image.
    pub start: f32,
    /// Right edge.
    pub end: f32,
    /// 0 to 100, counted as Tesseract counts it.
    pub confidence: f32,
    /// True where the model's dictionaries have it.
    pub is_known: bool,
    /// Its characters.
    pub glyphs: Vec<Glyph>,
}

/// One line read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadLine {
    /// Its words, from left to right.
    pub words: Vec<ReadWord>,
    /// Mean of the best probabilities where something is written, 0 to 1; 0 where nothing is.
    pub mean: f32,
}

/// Lines that are read side by side in one time: fewer take as long.
pub const SIDE_BY_SIDE: usize = kernel::LANES;
/// Below this mean, a line is read with black and white exchanged too.
const MEAN_POOR: f32 = 0.7;
/// A line with a word below this confidence is read in the other languages too.
const CONFIDENCE_POOR: f32 = 80.0;
/// Most languages at a time.
const LANGUAGES_MAX: usize = 4;
/// Most steps of lines that run together; more lines take another round.
const STEPS_MAX: usize = 1 << 17;

/// A model made ready.
#[derive(Debug)]
struct Language {
    network: Prepared,
    noise: Noise,
    charset: Charset,
    dictionary: Option<Dictionary>,
    version: String,
}

/// The reader of lines.
#[derive(Debug)]
pub struct Recogniser {
    languages: Vec<Language>,
    engine: Engine,
    beam: Beam,
}

/// Where Tesseract's packages put the models of a system; the first folder that is there counts.
const FOLDERS: [&str; 5] = [
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/usr/share/tesseract/tessdata",
];

/// The folder of the models: where the environment says, as for Tesseract itself, else where systems have it.
#[expect(clippy::disallowed_methods, reason = "the variable is Tesseract's: both engines must read the same models")]
pub fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("TESSDATA_PREFIX").map(PathBuf::from).filter(|folder| folder.is_dir());
    named.or_else(|| FOLDERS.iter().map(PathBuf::from).find(|folder| folder.is_dir()))
}

/// Names a kernel to use instead of the fastest (`portable`, `avx2`, `avx-vnni`, `vnni`), and how curves are computed (`exact`, `fast`),
/// with a comma between where it says both. For measuring.
pub const KERNEL_VARIABLE: &str = "CONSERVA_KERNEL";

/// What the environment asks for; a kernel that is not known, or that this machine has not, is not asked for.
#[expect(clippy::disallowed_methods, reason = "for measuring and for tests: no configuration of the house")]
fn asked() -> (Kernel, Precision) {
    let asked = std::env::var(KERNEL_VARIABLE).unwrap_or_default();
    let kernel = asked.split(',').filter_map(Kernel::named).find(|kernel| Kernel::all().contains(kernel));
    let precision = asked.split(',').find_map(Precision::named);
    let kernel = kernel.unwrap_or_else(Kernel::best);
    (kernel, precision.unwrap_or_else(|| kernel.precision()))
}

impl Recogniser {
    /// A reader of `lang` (`ita`, `ita+deu`) on the fastest kernel of this machine. A model that is missing, broken or of
    /// a kind that is not known is an error: another engine must read.
    pub fn new(lang: &str) -> Result<Self> {
        let (kernel, precision) = asked();
        Self::with(lang, kernel, precision)
    }

    /// The same on a certain kernel.
    pub fn with(lang: &str, kernel: Kernel, precision: Precision) -> Result<Self> {
        let folder = folder().ok_or_else(|| unread(lang, "no folder of models"))?;
        let names: Vec<&str> = lang.split('+').collect();
        if names.len() > LANGUAGES_MAX {
            return Err(unread(lang, "too many languages"));
        }
        let engine = Engine::new(kernel, precision);
        let languages = names.into_iter().map(|name| Language::read(&folder, name, engine.form())).collect::<Result<Vec<_>>>()?;
        Ok(Self { languages, engine, beam: Beam::default() })
    }

    /// What the models call themselves, and the kernel.
    pub fn version(&self) -> String {
        let versions: Vec<&str> = self.languages.iter().map(|language| language.version.as_str()).collect();
        versions.join("+")
    }

    /// The kernel that computes.
    pub fn kernel(&self) -> Kernel {
        self.engine.kernel
    }

    /// Reads lines, all at once: many together are faster than one after the other. A line that cannot be read (no
    /// pixels, too wide) has no words.
    pub fn read(&mut self, lines: &[LineImage]) -> Vec<ReadLine> {
        let mut best: Vec<ReadLine> = Vec::new();
        for at in 0..self.languages.len() {
            let again: Vec<usize> = if at == 0 {
                (0..lines.len()).collect()
            } else {
                (0..lines.len()).filter(|line| worst(&best[*line]) < CONFIDENCE_POOR).collect()
            };
            let some: Vec<&LineImage> = again.iter().map(|line| &lines[*line]).collect();
            let read = self.read_in(at, &some);
            if at == 0 {
                best = read;
                continue;
            }
            for (line, read) in again.into_iter().zip(read) {
                if merit(&read) > merit(&best[line]) {
                    best[line] = read;
                }
            }
        }
        best
    }

    /// Reads lines in one language.
    fn read_in(&mut self, language: usize, lines: &[&LineImage]) -> Vec<ReadLine> {
        let language = &mut self.languages[language];
        let (network, noise) = (&language.network, &mut language.noise);
        let mut strip = |line: &LineImage| Strip::of(line, network.height, noise);
        let strips: Vec<Option<Strip>> = lines.iter().map(|line| strip(line)).collect();
        let mut traces = traces(&self.engine, network, strips);
        let poor: Vec<usize> = (0..lines.len()).filter(|line| traces[*line].mean() < MEAN_POOR).collect();
        let inverted = poor.iter().map(|line| strip(&Strip::inverted(lines[*line]))).collect();
        for (line, trace) in poor.iter().zip(self::traces(&self.engine, network, inverted)) {
            if trace.mean() > traces[*line].mean() {
                traces[*line] = trace;
            }
        }
        let mut read = Vec::with_capacity(lines.len());
        for (line, trace) in lines.iter().zip(&traces) {
            let letters = self.beam.letters(trace, &language.charset, language.dictionary.as_mut());
            let step = line.height as f32 * network.step() as f32 / network.height as f32;
            let words = words::words(&letters, trace, &language.charset, (step, line.width as f32));
            read.push(ReadLine { words, mean: trace.mean() });
        }
        read
    }
}

/// What the network says of each strip, in rounds of bounded size.
fn traces(engine: &Engine, network: &Prepared, strips: Vec<Option<Strip>>) -> Vec<Trace> {
    let mut traces: Vec<Trace> = Vec::with_capacity(strips.len());
    let mut round: Vec<Strip> = Vec::new();
    let (mut steps, mut places) = (0, Vec::new());
    let run = |round: &mut Vec<Strip>, places: &mut Vec<usize>, traces: &mut Vec<Trace>| {
        for (place, trace) in places.drain(..).zip(network.traces(engine, round)) {
            traces[place] = trace;
        }
        round.clear();
    };
    for strip in strips {
        traces.push(Trace::default());
        let Some(strip) = strip else { continue };
        steps += network.steps(&strip);
        places.push(traces.len() - 1);
        round.push(strip);
        if steps > STEPS_MAX {
            run(&mut round, &mut places, &mut traces);
            steps = 0;
        }
    }
    run(&mut round, &mut places, &mut traces);
    traces
}

/// The least confidence of a line's words; that of a line without words is 0.
fn worst(line: &ReadLine) -> f32 {
    line.words.iter().map(|word| word.confidence).reduce(f32::min).unwrap_or(0.0)
}

/// What a reading of a line is worth against one in another language: mean confidence over its letters.
fn merit(line: &ReadLine) -> f32 {
    let letters: usize = line.words.iter().map(|word| word.glyphs.len()).sum();
    let sum: f32 = line.words.iter().map(|word| word.confidence * word.glyphs.len() as f32).sum();
    if letters == 0 { 0.0 } else { sum / letters as f32 }
}

impl Language {
    fn read(folder: &Path, name: &str, form: Form) -> Result<Self> {
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(unread(name, "no such language"));
        }
        let path = folder.join(format!("{name}.traineddata"));
        let length = std::fs::metadata(&path).map_err(|e| unread(name, &e.to_string()))?.len();
        if length > MODEL_BYTES_MAX {
            return Err(unread(name, "longer than any model"));
        }
        let file = std::fs::read(&path).map_err(|e| unread(name, &e.to_string()))?;
        Self::of(&file, form).map_err(|what| unread(name, what))
    }

    fn of(file: &[u8], form: Form) -> model::Parsed<Self> {
        let model = Model::parse(file)?;
        let network = Prepared::of(&model.network, form).ok_or("a convolution that is not known")?;
        let dictionary = Dictionary::of(&model);
        let noise = Noise::new(model.network.seed);
        Ok(Self { network, noise, dictionary, charset: model.charset, version: model.version })
    }
}

fn unread(lang: &str, what: &str) -> Unread {
    Unread { lang: lang.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
mod tests;
