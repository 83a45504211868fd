//! How do parent and child speak? Frames: four bytes of length (big endian), then that many bytes of JSON.

use std::io::{Error, ErrorKind, Read, Result, Write};

/// Writes one frame, refusing one longer than `bytes_max`.
pub(super) fn write(to: &mut impl Write, payload: &[u8], bytes_max: u32) -> Result<()> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length <= bytes_max);
    let Some(length) = length else { return Err(Error::new(ErrorKind::FileTooLarge, "frame_bytes_max")) };
    to.write_all(&length.to_be_bytes())?;
    to.write_all(payload)?;
    to.flush()
}

/// Reads one frame, refusing a longer one before any of it is kept; `None` at the end of the stream.
pub(super) fn read(from: &mut impl Read, bytes_max: u32) -> Result<Option<Vec<u8>>> {
    let mut head = [0_u8; 4];
    let mut got = 0;
    while got < head.len() {
        match from.read(&mut head[got..])? {
            0 if got == 0 => return Ok(None),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => got += n,
        }
    }
    let length = u32::from_be_bytes(head);
    if length > bytes_max {
        return Err(Error::new(ErrorKind::FileTooLarge, "frame_bytes_max"));
    }
    // Memory grows with what really comes, not with what the head promises.
    let mut payload = Vec::with_capacity((length as usize).min(1 << 16));
    from.take(u64::from(length)).read_to_end(&mut payload)?;
    if payload.len() < length as usize {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_the_greatest_length_passes_and_one_byte_more_does_not() {
        let mut wire = Vec::new();
        write(&mut wire, b"12345", 5).unwrap();
        assert!(write(&mut Vec::new(), b"123456", 5).is_err());
        assert_eq!(read(&mut wire.as_slice(), 5).unwrap().unwrap(), b"12345");
        assert!(read(&mut wire.as_slice(), 4).is_err());
    }

    #[test]
    fn a_cut_off_frame_is_an_error_and_a_clean_end_is_none() {
        assert!(read(&mut [0, 0, 0, 9, b'x'].as_slice(), 100).is_err());
        assert!(read(&mut [0, 0].as_slice(), 100).is_err());
        assert!(read(&mut [].as_slice(), 100).unwrap().is_none());
    }
}
