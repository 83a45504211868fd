//! Images that are no TIFF, JPEG or PNG are read like them: the same sheet says the same in every format, and gets its copy.

use image::ImageFormat;
use serde_json::Value;

use super::stage::{Stage, repository, shared};

fn words(document: &Value) -> Vec<String> {
    document["text"].as_str().expect("text").split_whitespace().map(str::to_lowercase).collect()
}

fn ingested(stage: &Stage, path: &std::path::Path) -> Value {
    let lines = stage.json(&["ingest", path.to_str().expect("a path")], &[0, 1]);
    let id = lines[0]["documents"][0].as_str().unwrap_or_else(|| panic!("admitted: {lines:?}"));
    stage.json(&["show", id], &[0]).remove(0)
}

fn copies(document: &Value) -> Vec<&str> {
    document["copies"].as_array().expect("copies").iter().filter_map(|copy| copy["kind"].as_str()).collect()
}

#[test]
fn one_sheet_says_the_same_as_bmp_gif_and_webp() {
    let stage = Stage::with_archive();
    let sheet = image::open(repository().join("tests/fixtures/drill/foglio.png")).expect("the sheet").into_rgb8();
    let first = ingested(&stage, &repository().join("tests/fixtures/drill/foglio.png"));
    let expected = words(&first);
    assert!(expected.len() > 5, "{expected:?}");
    for (name, format, puid) in [
        ("foglio.bmp", ImageFormat::Bmp, "fmt/1"),
        ("foglio.gif", ImageFormat::Gif, "fmt/4"),
        ("foglio.webp", ImageFormat::WebP, "fmt/56"),
    ] {
        let path = stage.path(name);
        sheet.save_with_format(&path, format).expect("written");
        let document = ingested(&stage, &path);
        assert!(document["components"][0]["puid"].as_str().is_some_and(|p| p.starts_with(puid)), "{name}: {document:#}");
        let read = words(&document);
        let common = expected.iter().filter(|word| read.contains(word)).count();
        assert!(common * 10 >= expected.len() * 9, "{name}: {read:?} instead of {expected:?}");
        assert_eq!(copies(&document), copies(&first), "{name}");
        assert_eq!(document["copy"]["reencoded"][0][1], "image-decoded", "{name}: {:#}", document["copy"]);
    }
}

#[test]
fn an_animated_image_is_kept_and_held_with_its_reason() {
    let stage = Stage::with_archive();
    let path = stage.path("animata.gif");
    let mut encoder = image::codecs::gif::GifEncoder::new(std::fs::File::create(&path).expect("a file"));
    for shade in [0, 255] {
        let frame = image::Frame::new(image::RgbaImage::from_pixel(40, 40, image::Rgba([shade, shade, shade, 255])));
        encoder.encode_frame(frame).expect("a frame");
    }
    drop(encoder);
    let document = ingested(&stage, &path);
    assert_eq!(document["state"], "held");
    let codes: Vec<&str> = document["holds"].as_array().expect("holds").iter().filter_map(|h| h["code"].as_str()).collect();
    assert!(codes.contains(&"image-moves"), "{codes:?}");
}

#[test]
fn a_jpeg_2000_is_opened_where_there_is_one() {
    let Some(folder) = shared("corpus") else { return };
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten().map(walkdir::DirEntry::into_path);
    let mut sound = 0;
    for path in files.filter(|path| path.extension().is_some_and(|e| e == "jp2" || e == "j2k" || e == "jpx")) {
        let bytes = std::fs::read(&path).expect("a file");
        let Some((width, height, _)) = conserva::jpx::size(&bytes) else { continue };
        let Some(pixels) = conserva::jpx::pixels(&bytes, 100_000_000) else { continue };
        assert_eq!((pixels.width(), pixels.height()), (width, height), "{}", path.display());
        assert!(conserva::jpx::pixels(&bytes, u64::from(width) * u64::from(height) - 1).is_none(), "the ceiling holds");
        sound += 1;
    }
    eprintln!("JPEG 2000: {sound} sound files opened");
}
