//! What do the LZW data of a TIFF strip or tile say (TIFF 6.0, section 13)? For whoever reads the page, and for whoever copies it.

/// So many bytes of LZW data, end code or none: writers differ in whether they write it. `None` where there are fewer.
pub fn unlzw(data: &[u8], wanted: usize) -> Option<Vec<u8>> {
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
