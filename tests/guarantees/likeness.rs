//! The same paper scanned twice is flagged on the later document and dropped nowhere; two letters on one letterhead are two.

use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use serde_json::Value;

use super::stage::{Stage, repository};

/// Another scan of the picture: a little askew, shifted, with noise of its own.
fn scanned_again(source: &Path, target: &Path, (slope, seed): (f32, u32)) {
    let page = image::open(source).expect("a picture").to_luma8();
    let (width, height) = page.dimensions();
    let mut noise = seed;
    let scan = GrayImage::from_fn(width, height, |x, y| {
        let from_x = x as f32 - slope * (y as f32 - height as f32 / 2.0) + 3.0;
        let from_y = y as f32 + slope * (x as f32 - width as f32 / 2.0) - 5.0;
        let is_inside = from_x >= 0.0 && from_y >= 0.0 && from_x < width as f32 && from_y < height as f32;
        let value = if is_inside { page.get_pixel(from_x as u32, from_y as u32).0[0] } else { 255 };
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let speck = if noise >> 20 == 7 { 180 } else { 0 };
        Luma([value.saturating_sub((noise >> 28) as u8).saturating_sub(speck)])
    });
    scan.save_with_format(target, ImageFormat::Png).expect("saved");
}

/// The doubts `looks-like` of each document, by name.
fn flagged(stage: &Stage) -> Vec<(String, Vec<String>)> {
    let of = |row: &Value| {
        let document = stage.json(&["show", row["id"].as_str().expect("id")], &[0]).remove(0);
        let holds = document["holds"].as_array().expect("holds").clone();
        let likes =
            holds.iter().filter(|hold| hold["code"] == "looks-like").map(|hold| hold["why"].as_str().expect("why").to_owned());
        (document["name"].as_str().expect("name").to_owned(), likes.collect())
    };
    stage.json(&["list"], &[0]).iter().map(of).collect()
}

fn ingest(stage: &Stage, folder: &str) {
    stage.json(&["ingest", stage.path(folder).to_str().expect("a path")], &[0, 1]);
}

#[test]
fn a_paper_scanned_twice_is_flagged_on_the_later_document_until_a_person_says_otherwise() {
    let stage = Stage::with_archive();
    let source = repository().join("samples/documenti/07 stato di famiglia.png");
    stage.put(&source, "prima/a.png");
    ingest(&stage, "prima");
    std::fs::create_dir(stage.path("dopo")).expect("folder");
    scanned_again(&source, &stage.path("dopo/b.png"), (0.012, 7));
    ingest(&stage, "dopo");
    let found = flagged(&stage);
    assert_eq!(found.len(), 2, "nothing is dropped");
    let of = |name: &str| found.iter().find(|(n, _)| n == name).expect("a document").1.clone();
    assert!(of("a.png").is_empty(), "the first is not to blame");
    let first = stage.json(&["list"], &[0]).into_iter().find(|row| row["name"] == "a.png").expect("the first");
    assert!(of("b.png").iter().any(|why| why.contains(first["id"].as_str().expect("id"))), "{found:?}");
    let later = stage.json(&["list"], &[0]).into_iter().find(|row| row["name"] == "b.png").expect("the later");
    stage.json(&["review", later["id"].as_str().expect("id"), "--approve"], &[0, 1]);
    assert!(flagged(&stage).iter().all(|(_, likes)| likes.is_empty()), "approved: two documents");
}

#[test]
fn letters_on_one_letterhead_are_not_taken_for_one_paper() {
    let stage = Stage::with_archive();
    for (n, name) in ["04 determina.tif", "05 ordinanza circolazione.tif", "17 dichiarazione residenza.tif"].iter().enumerate() {
        stage.put(&repository().join("samples/documenti").join(name), &format!("carte/{n}.tif"));
    }
    ingest(&stage, "carte");
    let found = flagged(&stage);
    assert!(found.len() == 3 && found.iter().all(|(_, likes)| likes.is_empty()), "{found:?}");
}

/// Two scans of one paper that are read at the same time, whichever is quicker: at least one of them is flagged.
#[test]
fn of_two_scans_that_are_read_at_the_same_time_one_is_flagged_at_least() {
    let source = repository().join("samples/documenti/07 stato di famiglia.png");
    for round in 0..rounds() {
        let stage = Stage::with_archive();
        std::fs::create_dir(stage.path("insieme")).expect("folder");
        stage.put(&source, "insieme/a.png");
        scanned_again(&source, &stage.path("insieme/b.png"), (0.012, 7 + round));
        ingest(&stage, "insieme");
        let found = flagged(&stage);
        let likes: usize = found.iter().map(|(_, likes)| likes.len()).sum();
        assert!(found.len() == 2 && (1..=2).contains(&likes), "round {round}: {found:?}");
    }
}

/// Plays of the race; scripts/prove asks for more.
fn rounds() -> u32 {
    std::env::var("CONSERVA_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}
