//! A file may say that its pixels lie turned or as a mirror image: page and copy show it as a viewer does.

use std::path::Path;

use conserva::copy::PdfaLevel;
use conserva::limits::Limits;
use conserva::normalise::Opened;
use conserva::page::PageSource;
use image::{GrayImage, RgbImage};

use super::material::{DPI, difference, drawn, fixture, made, order, read_page, truth, written};

/// The page as the orientation wants it shown (TIFF 6.0, tag 274): where its first row and first column belong.
fn shown(stored: &RgbImage, orientation: u16) -> RgbImage {
    let (width, height) = stored.dimensions();
    let (right, bottom) = (width - 1, height - 1);
    let size = if orientation < 5 { (width, height) } else { (height, width) };
    RgbImage::from_fn(size.0, size.1, |x, y| {
        let (x, y) = match orientation {
            2 => (right - x, y),
            3 => (right - x, bottom - y),
            4 => (x, bottom - y),
            5 => (y, x),
            6 => (y, bottom - x),
            7 => (right - y, bottom - x),
            8 => (right - y, x),
            _ => (x, y),
        };
        *stored.get_pixel(x, y)
    })
}

/// The entry of a directory that says the orientation.
fn entry(orientation: u16) -> Vec<u8> {
    [&[0x12, 1, 3, 0, 1, 0, 0, 0][..], &orientation.to_le_bytes(), &[0, 0]].concat()
}

/// The TIFF with another directory at its end, the old entries and the orientation.
fn tiff(bytes: &[u8], orientation: u16) -> Vec<u8> {
    assert!(bytes.starts_with(b"II*\0"));
    let at = u32::from_le_bytes(bytes[4..8].try_into().expect("four")) as usize;
    let count = usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two")));
    let mut entries: Vec<Vec<u8>> = bytes[at + 2..at + 2 + 12 * count].chunks(12).map(<[u8]>::to_vec).collect();
    entries.retain(|entry| entry[..2] != [0x12, 1]);
    entries.push(entry(orientation));
    entries.sort_by_key(|entry| u16::from_le_bytes([entry[0], entry[1]]));
    let mut whole = bytes.to_vec();
    whole.resize(whole.len().next_multiple_of(2), 0);
    let place = whole.len() as u32;
    whole[4..8].copy_from_slice(&place.to_le_bytes());
    whole.extend((entries.len() as u16).to_le_bytes());
    whole.extend(entries.concat());
    whole.extend([0; 4]);
    whole
}

/// The JPEG with an EXIF block that says the orientation.
fn jpeg(bytes: &[u8], orientation: u16) -> Vec<u8> {
    let exif = [&b"Exif\0\0II*\0\x08\0\0\0\x01\0"[..], &entry(orientation), &[0; 4]].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&bytes[..2], &[0xFF, 0xE1], &length, &exif, &bytes[2..]].concat()
}

/// The page of `path` as it is read: its grey pixels brought upright.
fn read(path: &Path, mime: &str) -> (RgbImage, u16) {
    let opened = Opened::open(path, mime, &Limits::default()).expect("opened");
    let survey = opened.survey(&Limits::default()).expect("surveyed").remove(0);
    let page = opened.image(&survey, &Limits::default()).expect("read");
    let gray = GrayImage::from_raw(page.width, page.height, page.gray).expect("whole");
    let upright = match page.rotation {
        90 => image::imageops::rotate90(&gray),
        180 => image::imageops::rotate180(&gray),
        270 => image::imageops::rotate270(&gray),
        _ => gray,
    };
    (image::DynamicImage::ImageLuma8(upright).into_rgb8(), page.rotation)
}

#[test]
fn a_page_is_read_and_copied_as_a_viewer_shows_it_however_its_file_says_that_it_lies() {
    let folder = tempfile::tempdir().expect("a folder");
    let gray = |picture: &RgbImage| image::DynamicImage::ImageLuma8(image::imageops::grayscale(picture)).into_rgb8();
    for (name, like) in
        [("g4.tif", "bilevel.png"), ("g4-strips.tif", "bilevel.png"), ("lzw-gray.tif", "gray.png"), ("rgb.jpg", "rgb.png")]
    {
        let stored = std::fs::read(fixture(name)).expect("fixture");
        let stored_picture = truth(like);
        for orientation in 1..=8 {
            let is_tiff = name.ends_with("tif");
            let (bytes, mime, source) = if is_tiff {
                (tiff(&stored, orientation), "image/tiff", PageSource::Tiff { directory: 0 })
            } else {
                (jpeg(&stored, orientation), "image/jpeg", PageSource::Image)
            };
            let path = folder.path().join(format!("{orientation}-{name}"));
            written(&path, &bytes);
            let viewed = shown(&stored_picture, orientation);
            let (seen, rotation) = read(&path, mime);
            let off = difference(&gray(&seen), &gray(&viewed));
            assert!(off < 4.0, "{name} {orientation}: read {off} away from what a viewer shows");

            let mut page = read_page(1, source, stored_picture.dimensions(), DPI, Vec::new());
            page.page.rotation = rotation;
            let output = folder.path().join(format!("{orientation}-{name}.pdf"));
            let report = made(&order(&path, vec![page], PdfaLevel::A2b, output.clone()));
            assert!(report.rasterised.is_empty());
            let off = difference(&drawn(&output, viewed.dimensions()), &viewed);
            assert!(off < 5.0, "{name} {orientation}: the copy is {off} away from what a viewer shows");
        }
    }
}
