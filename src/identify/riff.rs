//! What is in this RIFF: sound (WAV, Broadcast WAV) or picture (WebP)?

use std::io::{Read, Seek};

use super::bytes::{Bytes, find, number};
use super::formats::Seen;

/// What this RIFF file is; it states its own length.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>) -> Seen {
    let key = if file.head.get(8..12) == Some(b"WEBP") { picture(&file.head).to_owned() } else { sound(&file.head) };
    let stated = number(&file.head, 4, 4, true).unwrap_or(0).saturating_add(8);
    Seen::of(key).missing((stated > file.len).then(|| format!("{} / {stated} byte", file.len)))
}

fn picture(head: &[u8]) -> &'static str {
    match head.get(12..16) {
        Some(b"VP8L") => "webp-lossless",
        Some(b"VP8X") => "webp-extended",
        _ => "webp-lossy",
    }
}

/// Broadcast WAV says its version in the chunk `bext`, 346 bytes into its content; plain WAV is told by its chunk `fmt `.
fn sound(head: &[u8]) -> String {
    let fmt = find(head, b"fmt ");
    let coding = fmt.and_then(|at| number(head, at + 8, 2, true));
    if let Some(at) = find(head, b"bext") {
        let version = number(head, at + 8 + 346, 2, true).filter(|&version| version <= 2).unwrap_or(0);
        let coding = match coding {
            Some(1) => "-pcm",
            Some(0x50) => "-mpeg",
            Some(0xfffe) => "-ext",
            _ => "",
        };
        return format!("bwf-{version}{coding}");
    }
    let length = fmt.and_then(|at| number(head, at + 4, 4, true));
    match (length, coding) {
        (Some(16), _) => "wav-pcm",
        (_, Some(0xfffe)) => "wav-extensible",
        (Some(18..), _) => "wav-ex",
        _ => "wav",
    }
    .to_owned()
}
