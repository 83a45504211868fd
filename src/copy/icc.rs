//! What does a number of a colour mean? An sRGB profile of ICC version 2 (the newest that PDF/A-1 allows), made here.

/// Entries of the tone curve: enough for 8-bit values to come back unchanged.
const CURVE_ENTRIES: u16 = 1024;

/// Colorants and white of IEC 61966-2-1, adapted to D50 by Bradford, as s15Fixed16.
const WHITE: [f64; 3] = [0.950_45, 1.0, 1.089_05];
const RED: [f64; 3] = [0.436_07, 0.222_49, 0.013_92];
const GREEN: [f64; 3] = [0.385_15, 0.716_87, 0.097_08];
const BLUE: [f64; 3] = [0.143_07, 0.060_61, 0.714_10];

/// The profile, the same bytes every time.
pub(super) fn srgb_profile() -> Vec<u8> {
    let curve = tone_curve();
    // Each tag's data, and the signatures that share it.
    let tags: Vec<(Vec<&[u8; 4]>, Vec<u8>)> = vec![
        (vec![b"desc"], description("sRGB (IEC 61966-2-1), made by Conserva")),
        (vec![b"cprt"], text("CC0-1.0: no rights reserved")),
        (vec![b"wtpt"], xyz(WHITE)),
        (vec![b"rXYZ"], xyz(RED)),
        (vec![b"gXYZ"], xyz(GREEN)),
        (vec![b"bXYZ"], xyz(BLUE)),
        (vec![b"rTRC", b"gTRC", b"bTRC"], curve),
    ];
    let count: usize = tags.iter().map(|(names, _)| names.len()).sum();
    let mut table = (count as u32).to_be_bytes().to_vec();
    let mut body = Vec::new();
    let start = 128 + 4 + 12 * count;
    for (names, data) in &tags {
        for name in names {
            table.extend_from_slice(*name);
            table.extend(((start + body.len()) as u32).to_be_bytes());
            table.extend((data.len() as u32).to_be_bytes());
        }
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut profile = header((start + body.len()) as u32);
    profile.extend(table);
    profile.extend(body);
    profile
}

/// The 128 bytes of the header: version 2.1, a display, RGB to XYZ, perceptual, D50.
fn header(size: u32) -> Vec<u8> {
    let mut bytes = size.to_be_bytes().to_vec();
    bytes.extend([0; 4]);
    bytes.extend([2, 0x10, 0, 0]);
    bytes.extend_from_slice(b"mntrRGB XYZ ");
    for part in [2026_u16, 1, 1, 0, 0, 0] {
        bytes.extend(part.to_be_bytes());
    }
    bytes.extend_from_slice(b"acsp");
    bytes.resize(68, 0);
    for value in [0.9642, 1.0, 0.8249] {
        bytes.extend(fixed(value));
    }
    bytes.resize(128, 0);
    bytes
}

fn fixed(value: f64) -> [u8; 4] {
    ((value * 65_536.0).round() as i32).to_be_bytes()
}

fn xyz(values: [f64; 3]) -> Vec<u8> {
    let mut bytes = b"XYZ \0\0\0\0".to_vec();
    for value in values {
        bytes.extend(fixed(value));
    }
    bytes
}

fn text(words: &str) -> Vec<u8> {
    let mut bytes = b"text\0\0\0\0".to_vec();
    bytes.extend_from_slice(words.as_bytes());
    bytes.push(0);
    bytes
}

/// textDescriptionType: ASCII only; the Unicode and Macintosh parts are empty but present.
fn description(words: &str) -> Vec<u8> {
    let mut bytes = b"desc\0\0\0\0".to_vec();
    bytes.extend((words.len() as u32 + 1).to_be_bytes());
    bytes.extend_from_slice(words.as_bytes());
    bytes.extend([0; 1 + 4 + 4 + 2 + 1 + 67]);
    bytes
}

/// The transfer function of IEC 61966-2-1, sampled.
fn tone_curve() -> Vec<u8> {
    let mut bytes = b"curv\0\0\0\0".to_vec();
    bytes.extend(u32::from(CURVE_ENTRIES).to_be_bytes());
    for n in 0..CURVE_ENTRIES {
        let value = f64::from(n) / f64::from(CURVE_ENTRIES - 1);
        let linear = if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
        bytes.extend(((linear * 65_535.0).round() as u16).to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_says_its_own_size_and_every_tag_lies_inside() {
        let profile = srgb_profile();
        assert_eq!(profile[..4], (profile.len() as u32).to_be_bytes());
        let count = u32::from_be_bytes(profile[128..132].try_into().unwrap()) as usize;
        assert_eq!(count, 9);
        for tag in profile[132..132 + 12 * count].chunks(12) {
            let place = u32::from_be_bytes(tag[4..8].try_into().unwrap()) as usize;
            let size = u32::from_be_bytes(tag[8..12].try_into().unwrap()) as usize;
            assert!(place.is_multiple_of(4) && place + size <= profile.len());
        }
    }
}
