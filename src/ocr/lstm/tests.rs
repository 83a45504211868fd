//! What the reader promises: every kernel says what the plain network says, no model file breaks it, no kernel reads or
//! writes beyond its buffers.

use super::activation::Curves;
use super::beam::Beam;
use super::dictionary::Dictionary;
use super::forward::Prepared;
use super::kernel::{Engine, Kernel, Precision};
use super::model::{Model, Network};
use super::strip::{COLUMNS_MAX, Noise, Strip};
use super::trial::{Dice, File};
use super::*;

/// Certainties of the plain network, step by step.
fn plain(network: &Network, line: &LineImage) -> Vec<Vec<f32>> {
    let strip = Strip::of(line, network.height, &mut Noise::new(network.seed)).expect("a strip");
    reference::forward(network, &strip, &Curves::new())
}

fn best(certainties: &[f32]) -> usize {
    (0..certainties.len()).fold(0, |best, class| if certainties[class] > certainties[best] { class } else { best })
}

/// Compares kernels with the plain network over lines that run packed together.
pub(super) fn compare(network: &Network, lines: &[LineImage]) {
    let plain: Vec<_> = lines.iter().map(|line| plain(network, line)).collect();
    for kernel in Kernel::all() {
        let strips: Vec<Strip> =
            lines.iter().map(|line| Strip::of(line, network.height, &mut Noise::new(network.seed)).expect("a strip")).collect();
        for precision in [Precision::Exact, Precision::Fast] {
            let engine = Engine::new(kernel, precision);
            let prepared = Prepared::of(network, engine.form()).expect("sixteen features");
            let traces = prepared.traces(&engine, &strips);
            for (trace, plain) in traces.iter().zip(&plain) {
                assert_eq!(trace.len(), plain.len());
                if precision == Precision::Fast {
                    continue;
                }
                for (step, certainties) in plain.iter().enumerate() {
                    let (null, classes) = trace.at(step);
                    assert_eq!(usize::from(classes[0].0), best(certainties), "{kernel:?}, step {step}");
                    assert!((null - certainties[network.null]).abs() < 1e-5, "{kernel:?}, step {step}");
                    for (class, certainty) in classes {
                        assert!((certainty - certainties[usize::from(*class)]).abs() < 1e-5, "{kernel:?}, step {step}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_kernel_says_at_every_step_what_the_plain_network_says() {
    let mut dice = Dice(0x5eed);
    let network = dice.network([8, 4, 12, 8, 21]);
    let widths = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 17, 30, 31, 47, 48, 49, 50, 95, 96, 97, 150, 400, 2_000];
    let lines: Vec<LineImage> = widths.iter().map(|width| dice.line(*width, 12)).collect();
    compare(&network, &lines);
    for sizes in [[4, 4, 4, 4, 2], [12, 16, 20, 24, 16], [4, 20, 4, 16, 17]] {
        let network = dice.network(sizes);
        let lines: Vec<LineImage> = (0..5).map(|line| dice.line(3 + 23 * line, 9 + line)).collect();
        compare(&network, &lines);
    }
}

#[test]
fn a_line_says_the_same_alone_and_among_others() {
    let mut dice = Dice(99);
    let network = dice.network([4, 8, 4, 8, 9]);
    let engine = Engine::new(Kernel::best(), Precision::Exact);
    let prepared = Prepared::of(&network, engine.form()).expect("sixteen features");
    let strip = |line: &LineImage| Strip::of(line, network.height, &mut Noise::new(network.seed)).expect("a strip");
    let strips: Vec<Strip> = (0..40).map(|at| strip(&dice.line(1 + 13 * at, 12))).collect();
    let together = prepared.traces(&engine, &strips);
    for (strip, trace) in strips.iter().zip(&together) {
        let alone = prepared.traces(&engine, std::slice::from_ref(strip));
        assert_eq!(alone[0].labels(), trace.labels());
    }
}

#[test]
fn lines_without_pixels_or_too_wide_have_no_words() {
    let mut dice = Dice(3);
    assert!(Strip::of(&dice.line(0, 5), 36, &mut Noise::new(1)).is_none());
    assert!(Strip::of(&dice.line(5, 0), 36, &mut Noise::new(1)).is_none());
    assert!(Strip::of(&LineImage { width: 5, height: 5, gray: vec![0; 24] }, 36, &mut Noise::new(1)).is_none());
    let wide = |width: usize| LineImage { width: width as u32, height: 36, gray: vec![255; width * 36] };
    assert!(Strip::of(&wide(COLUMNS_MAX), 36, &mut Noise::new(1)).is_some());
    assert!(Strip::of(&wide(COLUMNS_MAX + 1), 36, &mut Noise::new(1)).is_none());
}

#[test]
fn a_small_model_is_read_whole_and_its_dictionary_is_followed() {
    let model = Model::parse(&File::small().bytes()).expect("a model");
    assert_eq!((model.version.as_str(), model.network.output.rows, model.network.null), ("trial", 5, 4));
    assert_eq!(model.charset.of_class, [Some(0), Some(3), Some(4), Some(5), None]);
    let mut dictionary = Dictionary::of(&model).expect("a dictionary");
    let (a, is_end) = dictionary.step(Dictionary::START, 3).expect("a");
    assert!(!is_end);
    assert!(dictionary.step(a, 4).is_some_and(|(_, is_end)| is_end), "ab is a word");
    assert!(dictionary.step(a, 3).is_none(), "aa is none");
    assert!(dictionary.step(Dictionary::START, 5).is_some_and(|(_, is_end)| is_end), "a digit is a number");
    let engine = Engine::new(Kernel::best(), Precision::Exact);
    let prepared = Prepared::of(&model.network, engine.form()).expect("sixteen features");
    let strip = Strip::of(&Dice(5).line(90, 12), 12, &mut Noise::new(1)).expect("a strip");
    let traces = prepared.traces(&engine, &[strip]);
    Beam::default().letters(&traces[0], &model.charset, Some(&mut dictionary));
}

#[test]
fn a_model_file_that_is_cut_anywhere_is_an_error() {
    let file = File::small().bytes();
    // The last part only names the version: what comes before it cannot be done without.
    let end = file.len() - b"trial".len();
    for length in 0..end {
        assert!(Model::parse(&file[..length]).is_err(), "cut at {length} of {}", file.len());
    }
    assert!(Model::parse(&file[..end]).is_ok());
}

#[test]
fn a_model_file_with_bytes_changed_is_an_error_or_a_model_that_reads() {
    let file = File::small().bytes();
    let mut dice = Dice(0xbad);
    let line = dice.line(40, 12);
    let engine = Engine::new(Kernel::best(), Precision::Exact);
    let mut read = 0;
    for _ in 0..4_000 {
        let mut file = file.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(file.len());
            file[at] = if dice.below(3) == 0 { [0, 127, 128, 255][dice.below(4)] } else { dice.next() as u8 };
        }
        let Ok(mut language) = Language::of(&file, engine.form()) else { continue };
        read += 1;
        if read % 20 == 0 {
            let strip = Strip::of(&line, language.network.height, &mut language.noise).into_iter().collect::<Vec<_>>();
            for trace in language.network.traces(&engine, &strip) {
                let letters = Beam::default().letters(&trace, &language.charset, language.dictionary.as_mut());
                words::words(&letters, &trace, &language.charset, (1.0, 40.0));
            }
        }
    }
    assert!(read > 100, "weights may have any value: {read}");
}

#[test]
fn what_is_not_known_is_said_so_that_another_engine_reads() {
    let whole = File::small();
    let broken = |place: usize, change: fn(&mut Vec<u8>)| {
        let mut parts = whole.0.clone();
        change(&mut parts.iter_mut().find(|(at, _)| *at == place).expect("a part").1);
        Model::parse(&File(parts).bytes()).expect_err("a model of another kind")
    };
    assert_eq!(broken(22, |recoder| recoder[5] = 2), "characters of several codes");
    assert_eq!(broken(19, |dawg| dawg[0] = 41), "a dictionary of another form");
    assert_eq!(broken(17, |lstm| *lstm.first_mut().expect("a byte") = 1), "a layer of another form");
    let renamed = |from: &'static [u8], to: &'static [u8]| {
        let mut parts = whole.0.clone();
        let lstm = &mut parts[0].1;
        let at = lstm.windows(from.len()).position(|window| window == from).expect("the layer");
        lstm[at..at + to.len()].copy_from_slice(to);
        Model::parse(&File(parts).bytes()).expect_err("a layer of another kind")
    };
    assert_eq!(renamed(b"Maxpool", b"Minpool"), "a layer that is not known");
    assert_eq!(renamed(b"Softmax", b"Sigmoid"), "a layer that is not known");
}

/// The models of a system's packages, as far as they are installed.
pub(super) fn installed(lang: &str) -> Option<Vec<u8>> {
    let path = folder()?.join(format!("{lang}.traineddata"));
    let file = std::fs::read(path).ok();
    if file.is_none() {
        println!("the model {lang} is not installed here: not tried");
    }
    file
}

#[test]
fn the_models_of_the_packages_are_known() {
    for lang in ["ita", "eng", "deu", "fra", "spa", "lat"] {
        let Some(file) = installed(lang) else { continue };
        let model = Model::parse(&file).expect(lang);
        assert!(model.version.starts_with("4.00"), "{}", model.version);
        assert!(model.words.is_some() && model.punctuation.is_some() && model.numbers.is_some());
        for cut in (1..24).map(|part| file.len() * part / 24) {
            assert!(Model::parse(&file[..cut]).is_err(), "{lang} cut at {cut}");
        }
    }
}

#[test]
fn the_installed_model_says_with_every_kernel_what_the_plain_network_says() {
    let Some(file) = installed("ita") else { return };
    let model = Model::parse(&file).expect("a model");
    let lines: Vec<LineImage> = [18, 31].iter().map(|width| Dice(0x17a).line(*width, 36)).collect();
    compare(&model.network, &lines);
}

/// A line as it is stored: a portable bitmap, one bit a pixel, 1 is black.
fn stored(bitmap: &[u8]) -> LineImage {
    let end = |nth: usize| bitmap.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(nth).expect("a header").0;
    let size = std::str::from_utf8(&bitmap[3..end(1)]).expect("a size");
    let (width, height) = size.split_once(' ').expect("two numbers");
    let (width, height): (usize, usize) = (width.parse().expect("a width"), height.parse().expect("a height"));
    let rows = bitmap[end(1) + 1..].chunks_exact(width.div_ceil(8)).take(height);
    let gray = rows.flat_map(|row| (0..width).map(|x| if row[x / 8] >> (7 - x % 8) & 1 == 1 { 0 } else { 255 })).collect();
    LineImage { width: width as u32, height: height as u32, gray }
}

/// What Tesseract 5.3.0 said of these lines, stored: for each step, every class that it gave a hundredth or more, with its
/// hundredths (`tesseract LINE.pbm OUT --psm 13 -l ita -c lstm_choice_mode=1 hocr`).
const SAID: [(&[u8], &str); 2] = [
    (include_bytes!("stored/protocollo.pbm"), include_str!("stored/protocollo.tesseract-5.3.0")),
    (include_bytes!("stored/azienda.pbm"), include_str!("stored/azienda.tesseract-5.3.0")),
];

#[test]
fn the_plain_network_says_at_every_step_what_tesseract_said() {
    let Some(file) = installed("ita") else { return };
    let model = Model::parse(&file).expect("a model");
    if !model.version.starts_with("4.00.00alpha:ita:synth20170629") {
        println!("another model of the language than Tesseract's answers are of ({}): not compared", model.version);
        return;
    }
    let text = |class: usize| {
        let character = model.charset.of_class[class];
        character.map_or("", |character| model.charset.chars[usize::from(character)].text.as_str())
    };
    for (bitmap, said) in SAID {
        let line = stored(bitmap);
        let plain = plain(&model.network, &line);
        assert_eq!(plain.len(), said.lines().count());
        for (step, (certainties, said)) in plain.iter().zip(said.lines()).enumerate() {
            for (nth, choice) in said.split('\t').enumerate() {
                let (hundredths, class) = choice.split_once(':').expect("a choice");
                let hundredths: f32 = hundredths.parse().expect("hundredths");
                let found = (0..certainties.len()).find(|at| text(*at) == class).expect("a class");
                let certainty = certainties[found] * 100.0;
                assert!((certainty - hundredths - 0.5).abs() < 0.51, "step {step}: {class:?} {certainty} and {hundredths}");
                assert!(nth > 0 || found == best(certainties), "step {step}: {class:?}");
            }
        }
        compare(&model.network, &[line]);
    }
}
