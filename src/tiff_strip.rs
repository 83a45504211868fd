//! What do the data of a TIFF strip or tile say (TIFF 6.0)? For whoever reads the page, and for whoever copies it.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

/// Turns the bits of each byte around where the directory's fill order (266) says so; JPEG data know no order.
pub fn in_order(mut data: Vec<u8>, fill_order: u64, compression: u64) -> Vec<u8> {
    if fill_order == 2 && compression != 7 {
        for byte in &mut data {
            *byte = byte.reverse_bits();
        }
    }
    data
}

/// The data of a strip or tile unpacked to no fewer than `wanted` bytes; `None` where there are fewer, or of another compression
/// (259) than none, LZW, Deflate and PackBits.
pub fn unpacked(data: Vec<u8>, compression: u64, wanted: usize) -> Option<Vec<u8>> {
    let data = match compression {
        1 => Some(data),
        5 => unlzw(&data, wanted),
        32_773 => unpackbits(&data, wanted),
        8 | 32_946 => inflated(&data, wanted),
        _ => None,
    };
    data.filter(|data| data.len() >= wanted)
}

/// So many bytes of LZW data, end code or none: writers differ in whether they write it. `None` where there are fewer.
fn unlzw(data: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; wanted];
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut read, mut filled) = (0, 0);
    while filled < wanted {
        let step = decoder.decode_bytes(&data[read..], &mut out[filled..]);
        read += step.consumed_in;
        filled += step.consumed_out;
        if !matches!(step.status, Ok(weezl::LzwStatus::Ok)) || (step.consumed_in == 0 && step.consumed_out == 0) {
            break;
        }
    }
    (filled == wanted).then_some(out)
}

/// So many bytes of Deflate data; fewer where there are fewer.
fn inflated(data: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    ZlibDecoder::new(data).take(wanted as u64).read_to_end(&mut out).ok()?;
    Some(out)
}

/// So many bytes of PackBits data (TIFF 6.0, section 9), and the rest of the last run.
pub(crate) fn unpackbits(data: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(wanted);
    let mut rest = data;
    while out.len() < wanted {
        let (&head, tail) = rest.split_first()?;
        match head as i8 {
            -128 => rest = tail,
            n @ 0.. => {
                let run = tail.get(..n as usize + 1)?;
                out.extend_from_slice(run);
                rest = &tail[run.len()..];
            }
            n => {
                out.resize(out.len() + 1 + usize::from(n.unsigned_abs()), *tail.first()?);
                rest = &tail[1..];
            }
        }
    }
    Some(out)
}
