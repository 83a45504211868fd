//! Which codes stand in the data of a JPEG? Its tables of codes (ISO/IEC 10918-1 annex C), and its bits one after the other.

/// Bytes between the end of a scan and the next marker that some writers leave.
const PADDING: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// What stands there cannot be.
    Damaged,
    /// A kind of JPEG that is not walked.
    Unknown,
}

pub(super) type Walked<T> = Result<T, Stop>;

/// One table of codes: those of up to ten bits by their first bits, the others by counting up.
pub(super) struct Codes {
    short: Vec<u16>,
    /// For each length: the first code, how many there are, and the place of the first one's value.
    long: [(u32, u32, usize); 17],
    values: Vec<u8>,
}

const SHORT: u32 = 10;

impl Codes {
    pub(super) fn of(counts: &[u8], values: &[u8]) -> Option<Self> {
        let mut codes = Self { short: vec![0; 1 << SHORT], long: [(0, 0, 0); 17], values: values.to_vec() };
        let (mut code, mut place) = (0_u32, 0);
        for (bits, count) in (1..=16_u32).zip(counts) {
            codes.long[bits as usize] = (code, u32::from(*count), place);
            for _ in 0..*count {
                let value = *values.get(place)?;
                if bits <= SHORT {
                    let (from, many) = ((code << (SHORT - bits)) as usize, 1 << (SHORT - bits));
                    codes.short.get_mut(from..from + many)?.fill((bits as u16) << 8 | u16::from(value));
                }
                (code, place) = (code + 1, place + 1);
            }
            code <<= 1;
        }
        Some(codes)
    }
}

/// The bits of a scan; a byte of ones is followed by a zero, else by a marker.
pub(super) struct Data<'a> {
    bytes: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl<'a> Data<'a> {
    /// The bits from `at` on.
    pub(super) fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, held: 0, count: 0 }
    }

    /// Takes up bytes until `wanted` bits are there or a marker stands next.
    fn fill(&mut self) {
        // Eight bytes with no byte of ones are taken up at once, as many as there is room for.
        if let Some(eight) = self.bytes.get(self.at..).and_then(|bytes| bytes.first_chunk::<8>())
            && !eight.contains(&0xFF)
            && self.count <= 48
        {
            let taken = 7 - self.count / 8;
            self.held = self.held << (8 * taken) | u64::from_be_bytes(*eight) >> (64 - 8 * taken);
            self.at += taken as usize;
            self.count += 8 * taken;
            return;
        }
        while self.count <= 48 {
            let Some(byte) = self.bytes.get(self.at).copied() else { return };
            if byte == 0xFF {
                match self.bytes.get(self.at + 1) {
                    Some(0) => self.at += 1,
                    _ => return,
                }
            }
            self.at += 1;
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    pub(super) fn bits(&mut self, wanted: u32) -> Walked<u32> {
        if wanted == 0 {
            return Ok(0);
        }
        if self.count < wanted {
            self.fill();
        }
        if self.count < wanted {
            return Err(Stop::Damaged);
        }
        self.count -= wanted;
        Ok((self.held >> self.count) as u32 & ((1 << wanted) - 1))
    }

    /// A difference of so many bits (annex F.2.2.1).
    pub(super) fn signed(&mut self, bits: u32) -> Walked<i32> {
        if bits > 15 {
            return Err(Stop::Damaged);
        }
        let value = self.bits(bits)? as i32;
        Ok(if bits > 0 && value < 1 << (bits - 1) { value - (1 << bits) + 1 } else { value })
    }

    /// A code and past the bits that it announces, which are as many as its lower half says.
    pub(super) fn code_and_bits(&mut self, codes: &Codes) -> Walked<u8> {
        if self.count < 31 {
            self.fill();
        }
        let short =
            if self.count < 31 { 0 } else { codes.short[(self.held >> (self.count - SHORT)) as usize & ((1 << SHORT) - 1)] };
        if short > 0 {
            self.count -= u32::from(short >> 8) + u32::from(short & 15);
            return Ok(short as u8);
        }
        let code = self.code(codes)?;
        self.bits(u32::from(code & 15))?;
        Ok(code)
    }

    pub(super) fn code(&mut self, codes: &Codes) -> Walked<u8> {
        if self.count < 16 {
            self.fill();
        }
        // Behind the last bit ones are seen, which are no code.
        let seen = |bits: u32| -> u32 {
            if self.count >= bits {
                (self.held >> (self.count - bits)) as u32 & ((1 << bits) - 1)
            } else {
                let lacking = bits - self.count;
                (((self.held << lacking) as u32) | ((1 << lacking) - 1)) & ((1 << bits) - 1)
            }
        };
        let short = codes.short[seen(SHORT) as usize];
        let (bits, value) = if short > 0 {
            (u32::from(short >> 8), short as u8)
        } else {
            let found = (SHORT + 1..=16).find_map(|bits| {
                let (first, count, place) = codes.long[bits as usize];
                let beyond = seen(bits).checked_sub(first).filter(|beyond| *beyond < count)?;
                Some((bits, *codes.values.get(place + beyond as usize)?))
            });
            found.ok_or(Stop::Damaged)?
        };
        if bits > self.count {
            return Err(Stop::Damaged);
        }
        self.count -= bits;
        Ok(value)
    }

    /// Past the marker that a run of blocks ends with.
    pub(super) fn pass_restart(&mut self, number: u8) -> Walked<()> {
        let at = self.end()?;
        if self.bytes.get(at..at + 2) != Some(&[0xFF, 0xD0 + number]) {
            return Err(Stop::Damaged);
        }
        (self.at, self.held, self.count) = (at + 2, 0, 0);
        Ok(())
    }

    /// The place of the next marker, which follows at once.
    pub(super) fn end(&mut self) -> Walked<usize> {
        // Whole bytes that were taken up and not used; of a stuffed one this is a byte too few, which the padding bears.
        let unused = self.count as usize / 8;
        let mut at = self.at;
        while self.bytes.get(at).is_some_and(|byte| *byte != 0xFF) || self.bytes.get(at + 1).is_some_and(|byte| *byte == 0) {
            at += 1;
            if at - self.at + unused > PADDING {
                return Err(Stop::Damaged);
            }
        }
        while self.bytes.get(at + 1) == Some(&0xFF) {
            at += 1;
        }
        Ok(at)
    }
}
