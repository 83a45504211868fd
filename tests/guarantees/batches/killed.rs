//! A batch whose division is killed comes apart once, whole, by whoever works next.

use std::path::PathBuf;

use image::GrayImage;

use super::super::watch::{Daemon, until, watched};
use super::tiff;

/// Three pages that are counted apart: what is killed is the division, not the looking.
const COUNTED: &str = "[inbox.separators]\npages = 1";

#[test]
fn a_batch_whose_division_is_killed_comes_apart_once_and_whole() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: kills need --features drill (scripts/test has it)");
    }
    // The third step that is stored is the division: what the bytes are and which documents they hold come before it.
    for point in ["batch.divided", "worker.before-commit:3"] {
        let (stage, inbox) = watched(&format!("profile = 'lotti'\n{COUNTED}"));
        let scan = stage.path("scansione.tif");
        tiff(&scan, &vec![GrayImage::from_pixel(400, 560, image::Luma([248])); 3], 50);
        std::fs::rename(&scan, inbox.join("lotto.tif")).expect("dropped");
        let mut killed = Daemon::start_with(&stage, &[], &[("CONSERVA_DRILL", PathBuf::from(point))]);
        until("the daemon is killed", 30, || killed.has_ended());
        drop(killed);
        let rows = || stage.json(&["list"], &[0, 4]);
        assert!(rows().len() <= 1, "{point}: nothing of a division that was not stored: {:#?}", rows());
        let daemon = Daemon::start(&stage, &[]);
        let is_at_rest = |row: &serde_json::Value| row["state"].is_string() && row["state"] != "working";
        until("the batch has come apart", 60, || rows().len() == 4 && rows().iter().all(is_at_rest));
        assert_eq!(daemon.end(rustix::process::Signal::TERM), Some(0));
        let whole: Vec<_> = rows().into_iter().filter(|row| row["state"] == "refused").collect();
        assert_eq!(whole.len(), 1, "{point}: {:#?}", rows());
        let shown = stage.json(&["show", whole[0]["id"].as_str().expect("an id")], &[0]).remove(0);
        let parts = shown["batch"]["parts"].as_array().expect("parts").clone();
        let ids: Vec<_> = parts.iter().map(|part| part["document"].clone()).collect();
        assert_eq!(ids.len(), 3);
        assert!(ids.iter().all(|id| rows().iter().any(|row| row["id"] == *id)), "{point}");
        assert_eq!(stage.json(&["journal", "verify"], &[0])[0]["ok"], true, "{point}");
    }
}
