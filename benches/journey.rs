//! Pages per minute of the whole pipeline, and its CPU against the bare OCR floor: one Tesseract engine in one process
//! that reads the same page images and does nothing else. Ratios only mean something within one run.
//!
//! `cargo bench --bench journey [FILE…]`: the TIFF, JPEG and PNG scans to use; without them those of samples/.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    match args.next() {
        Some(word) if word == "floor" => floor(args.map(PathBuf::from).collect()),
        first => race(first.into_iter().chain(args).map(PathBuf::from).collect()),
    }
}

/// Reads every page of the files with one engine, as bare as the interface allows.
fn floor(files: Vec<PathBuf>) {
    let mut engine = tesseract::Tesseract::new(None, Some("ita")).expect("the model");
    let mut pages = 0;
    for file in files {
        for (pixels, width, height) in gray_pages(&file) {
            engine = engine.set_frame(&pixels, width as i32, height as i32, 1, width as i32).expect("a frame");
            engine = engine.set_source_resolution(300).recognize().expect("recognised");
            std::hint::black_box(engine.get_tsv_text(0).expect("words"));
            pages += 1;
        }
    }
    println!("{pages}");
}

fn gray_pages(file: &Path) -> Vec<(Vec<u8>, u32, u32)> {
    let is_tiff = file.extension().is_some_and(|e| e == "tif" || e == "tiff");
    if !is_tiff {
        let image = image::open(file).expect("an image").into_luma8();
        let (width, height) = image.dimensions();
        return vec![(image.into_raw(), width, height)];
    }
    let mut decoder = tiff::decoder::Decoder::new(std::fs::File::open(file).expect("a file")).expect("a TIFF");
    let mut pages = Vec::new();
    loop {
        let (width, height) = decoder.dimensions().expect("dimensions");
        let color = decoder.colortype().expect("a colour type");
        if let tiff::decoder::DecodingResult::U8(bytes) = decoder.read_image().expect("a page") {
            pages.push((to_gray(&bytes, color, width, height), width, height));
        }
        if !decoder.more_images() {
            return pages;
        }
        decoder.next_image().expect("the next page");
    }
}

fn to_gray(bytes: &[u8], color: tiff::ColorType, width: u32, height: u32) -> Vec<u8> {
    match color {
        tiff::ColorType::Gray(1) => {
            let stride = width.div_ceil(8) as usize;
            let bit = |x: usize, y: usize| if bytes[y * stride + x / 8] >> (7 - x % 8) & 1 == 1 { 255 } else { 0 };
            (0..height as usize).flat_map(|y| (0..width as usize).map(move |x| bit(x, y))).collect()
        }
        tiff::ColorType::RGB(8) => bytes
            .chunks_exact(3)
            .map(|p| ((u32::from(p[0]) * 299 + u32::from(p[1]) * 587 + u32::from(p[2]) * 114) / 1000) as u8)
            .collect(),
        _ => bytes.to_vec(),
    }
}

/// True of a TIFF that the floor's decoder reads.
fn is_read(file: &Path) -> bool {
    let opened = std::fs::File::open(file).expect("a file");
    tiff::decoder::Decoder::new(opened).is_ok_and(|mut decoder| decoder.read_image().is_ok())
}

/// CPU seconds of all children so far.
fn children_cpu() -> f64 {
    let usage = rustix_rusage();
    usage.0 + usage.1
}

/// User and system seconds of waited-for children, from /proc/self/stat (cutime, cstime in clock ticks of 1/100 s).
fn rustix_rusage() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc/self/stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks = |i: usize| fields.get(i).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    (ticks(13), ticks(14))
}

fn race(mut files: Vec<PathBuf>) {
    if files.is_empty() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/documenti");
        files = std::fs::read_dir(folder).expect("samples").map(|e| e.expect("an entry").path()).collect();
        files.retain(|p| p.extension().is_some_and(|e| ["tif", "jpg", "png"].iter().any(|known| e == *known)));
        // The floor's bare decoder does not read every TIFF that we do.
        files.retain(|p| p.extension().is_some_and(|e| e != "tif") || is_read(p));
        files.sort();
    }
    for round in 1..=3 {
        let (before, began) = (children_cpu(), Instant::now());
        let output = Command::new(std::env::current_exe().expect("this bench"))
            .arg("floor")
            .args(&files)
            .env("OMP_THREAD_LIMIT", "1")
            .output()
            .expect("the floor runs");
        let (floor_cpu, floor_wall) = (children_cpu() - before, began.elapsed().as_secs_f64());
        let pages: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a count of pages");
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("archivio");
        let conserva = |verb: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_conserva"));
            command.arg("--archive").arg(&archive).args(verb);
            command
        };
        assert!(conserva(&["init"]).output().expect("init").status.success());
        let (before, began) = (children_cpu(), Instant::now());
        let status = conserva(&["ingest"]).args(&files).output().expect("ingest").status;
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
        let (cpu, wall) = (children_cpu() - before, began.elapsed().as_secs_f64());
        println!(
            "journey round {round}: {pages} pages, {:.0} pages/minute, CPU {:.2} s/page, ratio to the floor {:.2} (floor {:.2} s/page, wall {:.1} s against {:.1} s)",
            pages * 60.0 / wall,
            cpu / pages,
            cpu / floor_cpu,
            floor_cpu / pages,
            wall,
            floor_wall,
        );
    }
}
