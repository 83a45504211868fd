//! TIFFs whose samples are stored plane by plane, as LZW data without an end, or with more beside the colours, read as others.

use std::path::Path;

use conserva::limits::Limits;
use conserva::normalise::Opened;

const SIZE: (u32, u32) = (37, 21);
const STRIP: u32 = 8;
const TILE: u32 = 16;

/// The value of sample `n` of a pixel, 0 to 1.
fn value(x: u32, y: u32, n: u32) -> f32 {
    ((x * 7 + y * 11 + n * 83) % 256) as f32 / 255.0
}

#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a tag of the file, and any may stand with any")]
struct Kind {
    bits: u16,
    samples: u32,
    photometric: u16,
    /// 338: what samples beyond the colours are.
    extra: bool,
    lzw: bool,
    /// 266: bytes are filled from the lowest bit.
    backward: bool,
    /// Tiles of 16 by 16, in place of strips.
    tiled: bool,
}

/// LZW data of nine-bit codes, the table cleared before it would need longer ones, and no end code.
fn endless_lzw(data: &[u8]) -> Vec<u8> {
    let codes = data.chunks(200).flat_map(|part| std::iter::once(256).chain(part.iter().map(|byte| u32::from(*byte))));
    let bits: Vec<u8> = codes.flat_map(|code| (0..9).rev().map(move |bit| (code >> bit & 1) as u8)).collect();
    bits.chunks(8).map(|bits| bits.iter().enumerate().fold(0, |byte, (n, bit)| byte | bit << (7 - n))).collect()
}

/// The strips of the page: of one plane, or of all samples.
fn strips(kind: Kind, planes: bool) -> Vec<Vec<u8>> {
    let sample = |x, y, n| match kind.bits {
        8 => vec![(value(x, y, n) * 255.0) as u8],
        16 => ((value(x, y, n) * 65_535.0) as u16).to_le_bytes().to_vec(),
        _ => value(x, y, n).to_le_bytes().to_vec(),
    };
    let strip = |(left, top): (u32, u32), samples: std::ops::Range<u32>| -> Vec<u8> {
        let rows = if kind.tiled { top..top + TILE } else { top..(top + STRIP).min(SIZE.1) };
        let columns = if kind.tiled { left..left + TILE } else { 0..SIZE.0 };
        let data: Vec<u8> = rows
            .flat_map(|y| columns.clone().map(move |x| (x, y)))
            .flat_map(|(x, y)| samples.clone().flat_map(|n| sample(x, y, n)).collect::<Vec<_>>())
            .collect();
        if !kind.lzw {
            return data;
        }
        if planes {
            return endless_lzw(&data);
        }
        weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&data).expect("LZW")
    };
    let (across, down) = if kind.tiled { (TILE, TILE) } else { (SIZE.0, STRIP) };
    let corners =
        || (0..SIZE.1).step_by(down as usize).flat_map(move |top| (0..SIZE.0).step_by(across as usize).map(move |x| (x, top)));
    if planes {
        (0..kind.samples).flat_map(|n| corners().map(move |at| (at, n))).map(|(at, n)| strip(at, n..n + 1)).collect()
    } else {
        corners().map(|at| strip(at, 0..kind.samples)).collect()
    }
}

/// A TIFF of one page.
fn tiff(kind: Kind, planes: bool) -> Vec<u8> {
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    let mut put = |data: &[u8]| {
        let at = bytes.len() as u32;
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        at
    };
    let mut strips = strips(kind, planes);
    if kind.backward {
        strips.iter_mut().flatten().for_each(|byte| *byte = byte.reverse_bits());
    }
    let offsets: Vec<u8> = strips.iter().map(|strip| put(strip)).flat_map(u32::to_le_bytes).collect();
    let lengths: Vec<u8> = strips.iter().flat_map(|strip| (strip.len() as u32).to_le_bytes()).collect();
    let format: u16 = if kind.bits == 32 { 3 } else { 1 };
    let words = |word: u16| word.to_le_bytes().repeat(kind.samples as usize);
    let (offsets, lengths) = (put(&offsets), put(&lengths));
    // One or two short values stand in the entry itself.
    let mut each = |word: u16| match kind.samples {
        1 => u32::from(word),
        2 => u32::from(word) << 16 | u32::from(word),
        _ => put(&words(word)),
    };
    let (bits, formats) = (each(kind.bits), each(format));
    let mut entries: Vec<(u16, u16, u32, u32)> = vec![
        (256, 4, 1, SIZE.0),
        (257, 4, 1, SIZE.1),
        (258, 3, kind.samples, bits),
        (259, 3, 1, if kind.lzw { 5 } else { 1 }),
        (262, 3, 1, kind.photometric.into()),
        (266, 3, 1, if kind.backward { 2 } else { 1 }),
        (277, 3, 1, kind.samples),
        (284, 3, 1, if planes { 2 } else { 1 }),
    ];
    let count = strips.len() as u32;
    if kind.tiled {
        entries.extend([(322, 3, 1, TILE), (323, 3, 1, TILE), (324, 4, count, offsets), (325, 4, count, lengths)]);
    } else {
        entries.extend([(273, 4, count, offsets), (278, 4, 1, STRIP), (279, 4, count, lengths)]);
    }
    if kind.extra {
        entries.push((338, 3, 1, 2));
    }
    entries.push((339, 3, kind.samples, formats));
    entries.sort_unstable();
    let mut directory = (entries.len() as u16).to_le_bytes().to_vec();
    for (tag, form, count, value) in entries {
        directory.extend([tag.to_le_bytes(), form.to_le_bytes()].concat());
        directory.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    directory.extend([0; 4]);
    let at = put(&directory);
    bytes[4..8].copy_from_slice(&at.to_le_bytes());
    bytes
}

fn gray(path: &Path, limits: &Limits) -> conserva::error::Result<Vec<u8>> {
    let opened = Opened::open(path, "image/tiff", limits)?;
    let survey = opened.survey(limits)?.remove(0);
    opened.image(&survey, limits).map(|image| image.gray)
}

#[test]
fn samples_stored_plane_by_plane_read_as_those_stored_pixel_by_pixel() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    for (photometric, samples, extra) in [(2, 3, false), (2, 4, true), (5, 4, false)] {
        for (bits, lzw) in [(8, true), (8, false), (16, true), (16, false), (32, false)] {
            let kind = Kind { bits, samples, photometric, extra, lzw, backward: false, tiled: false };
            let [chunky, planar] = [false, true].map(|planes| {
                std::fs::write(&path, tiff(kind, planes)).expect("written");
                gray(&path, &Limits::default())
            });
            let what = format!("{bits} bits, {samples} samples, {photometric}, LZW {lzw}");
            let (chunky, planar) = (chunky.expect(&what), planar.expect(&what));
            assert_eq!(chunky.len(), (SIZE.0 * SIZE.1) as usize, "{what}");
            assert!(chunky.iter().max() > chunky.iter().min(), "{what}");
            assert!(chunky == planar, "{what}");
        }
    }
}

#[test]
fn grey_with_opacity_and_lightness_before_its_colours_are_read_as_grey() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    let read = |kind| {
        std::fs::write(&path, tiff(kind, false)).expect("written");
        gray(&path, &Limits::default()).expect("read")
    };
    let pixels = || (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
    let byte = |x, y, n| u32::from((value(x, y, n) * 255.0) as u8);
    let opaque = Kind { bits: 8, samples: 2, photometric: 1, extra: true, lzw: false, backward: false, tiled: false };
    let on_white: Vec<u8> = pixels().map(|(x, y)| (255 - (255 - byte(x, y, 0)) * byte(x, y, 1) / 255) as u8).collect();
    assert_eq!(read(opaque), on_white);
    let first: Vec<u8> = pixels().map(|(x, y)| byte(x, y, 0) as u8).collect();
    for photometric in [8, 9] {
        assert_eq!(read(Kind { samples: 3, photometric, extra: false, ..opaque }), first, "{photometric}");
    }
    assert_eq!(read(Kind { samples: 3, photometric: 8, extra: false, lzw: true, ..opaque }), first, "LZW");
}

#[test]
fn tiles_that_lie_plane_by_plane_read_as_strips() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    for (photometric, samples, extra) in [(2, 3, false), (2, 4, true), (5, 4, false), (1, 2, false)] {
        for (bits, lzw) in [(8, true), (8, false), (16, false)] {
            let kind = Kind { bits, samples, photometric, extra, lzw, backward: false, tiled: false };
            let [strips, tiles] = [kind, Kind { tiled: true, ..kind }].map(|kind| {
                std::fs::write(&path, tiff(kind, kind.tiled)).expect("written");
                gray(&path, &Limits::default())
            });
            let what = format!("{bits} bits, {samples} samples, {photometric}, LZW {lzw}");
            assert!(strips.expect(&what) == tiles.expect(&what), "{what}");
        }
    }
}

#[test]
fn a_page_without_pixels_costs_itself_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    let kind = Kind { bits: 8, samples: 1, photometric: 1, extra: false, lzw: false, backward: false, tiled: false };
    let mut bytes = tiff(kind, false);
    // A second directory, which says that the page has no height.
    let at = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
    let length = 2 + usize::from(bytes[at]) * 12;
    let mut second = bytes[at..at + length + 4].to_vec();
    second[2 + 12 + 8..2 + 12 + 12].fill(0);
    let place = (bytes.len() as u32).to_le_bytes();
    bytes[at + length..at + length + 4].copy_from_slice(&place);
    bytes.extend(second);
    std::fs::write(&path, &bytes).expect("written");
    let limits = Limits::default();
    let opened = Opened::open(&path, "image/tiff", &limits).expect("opens");
    let surveys = opened.survey(&limits).expect("two pages");
    assert_eq!(surveys.len(), 2);
    assert!(opened.image(&surveys[0], &limits).is_ok());
    assert_eq!(opened.image(&surveys[1], &limits).expect_err("no pixels").code(), "page-broken");
}

#[test]
fn samples_that_mean_nothing_known_are_held_in_plain_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    std::fs::write(
        &path,
        tiff(Kind { bits: 8, samples: 3, photometric: 10, extra: false, lzw: false, backward: false, tiled: false }, false),
    )
    .expect("written");
    let error = gray(&path, &Limits::default()).expect_err("ITU Lab is not read");
    assert_eq!(error.code(), "page-samples");
}

#[test]
fn bytes_filled_from_the_lowest_bit_read_as_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    for (samples, bits, lzw) in [(1, 8, false), (1, 8, true), (3, 8, false), (3, 16, true)] {
        let photometric = if samples == 1 { 1 } else { 2 };
        let [usual, backward] = [false, true].map(|backward| {
            let kind = Kind { bits, samples, photometric, extra: false, lzw, backward, tiled: false };
            std::fs::write(&path, tiff(kind, false)).expect("written");
            gray(&path, &Limits::default()).expect("a page")
        });
        assert!(usual.iter().any(|value| *value != usual[0]));
        assert_eq!(usual, backward, "{samples} {bits} {lzw}");
    }
}
