//! Do the data of a JPEG decode from end to end? They are walked code by code (ISO/IEC 10918-1 annex F and G), no pixel made.
//!
//! Decoders go on over damage in silence: what follows is shifted, smeared or grey. A damaged stretch nearly always shows in what
//! cannot be: a code that is in no table, a coefficient beyond the block, a brightness beyond the range, data that end before the
//! last block or go on after it. Arithmetic and lossless coding are not walked.

use super::entropy_bits::{Codes, Data, Stop, Walked};

/// Largest product of a block's brightness and its step: 1024, and as much again for what encoders round.
const BRIGHTNESS_MOST: i32 = 2 * 1024;
/// Most blocks whose coefficients are kept in mind for a progressive file (eight bytes each).
const BLOCKS_MAX: usize = 8_000_000;
/// Most components and scans of a frame.
const COMPONENTS_MAX: usize = 4;
const SCANS_MAX: usize = 200;

/// True where the data of a JPEG are damaged; `tables` are those of a TIFF that its strips share.
pub(super) fn is_damaged(bytes: &[u8], tables: Option<&[u8]>) -> bool {
    let mut walk = Walk::default();
    let before = tables.map(|tables| walk.segments(tables));
    if matches!(before, Some(Err(_))) {
        return false;
    }
    match walk.segments(bytes) {
        Err(Stop::Damaged) => true,
        Err(Stop::Unknown) => false,
        Ok(()) => walk.lacks(),
    }
}

#[derive(Default, Clone)]
struct Component {
    id: u8,
    across: usize,
    down: usize,
    /// Number of its table of steps.
    steps: usize,
    /// Blocks of a row and rows of them, as a scan of it alone has them, and of a row with padding.
    blocks: (usize, usize),
    stride: usize,
    /// Of a progressive file: the coefficients of each block that are not zero, one bit each.
    set: Vec<u64>,
    /// Lowest bit of each coefficient that was given; none where none was.
    given: Vec<Option<u8>>,
}

#[derive(Default)]
struct Walk {
    codes: [[Option<Codes>; 4]; 2],
    first_step: [i32; 4],
    restart: usize,
    is_progressive: bool,
    components: Vec<Component>,
    mcus: (usize, usize),
    scans: usize,
}

/// What a scan covers: bands of coefficients, bits.
#[derive(Clone, Copy)]
struct Band {
    from: usize,
    to: usize,
    high: u8,
    low: u8,
}

impl Walk {
    /// Segments up to the end marker.
    fn segments(&mut self, bytes: &[u8]) -> Walked<()> {
        let mut at = 2;
        while let Some(pair) = bytes.get(at..at + 2) {
            if pair[0] != 0xFF {
                return Err(Stop::Damaged);
            }
            let marker = pair[1];
            match marker {
                0xFF => at += 1,
                0xD9 => return Ok(()),
                0x01 | 0xD0..=0xD8 => at += 2,
                _ => {
                    let length = bytes.get(at + 2..at + 4).map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])));
                    let data = bytes.get(at + 4..at + 2 + length).ok_or(Stop::Damaged)?;
                    at += 2 + length;
                    self.segment(marker, data)?;
                    if marker == 0xDA {
                        at = self.scan(data, bytes, at)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn segment(&mut self, marker: u8, data: &[u8]) -> Walked<()> {
        match marker {
            0xC4 => self.tables(data),
            0xDB => {
                let mut rest = data;
                while let [head, tail @ ..] = rest {
                    let wide = usize::from(head >> 4 != 0);
                    let step = tail.get(..=wide).ok_or(Stop::Damaged)?;
                    let step = step.iter().fold(0, |sum, byte| sum << 8 | i32::from(*byte));
                    *self.first_step.get_mut(usize::from(head & 15)).ok_or(Stop::Damaged)? = step;
                    rest = tail.get(64 << wide..).ok_or(Stop::Damaged)?;
                }
                Ok(())
            }
            0xDD if data.len() >= 2 => {
                self.restart = usize::from(u16::from_be_bytes([data[0], data[1]]));
                Ok(())
            }
            0xC0..=0xC2 => self.frame(data, marker == 0xC2),
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF | 0xDC..=0xDF => Err(Stop::Unknown),
            _ => Ok(()),
        }
    }

    fn tables(&mut self, data: &[u8]) -> Walked<()> {
        let mut rest = data;
        while let [head, tail @ ..] = rest {
            let counts = tail.get(..16).ok_or(Stop::Damaged)?;
            let all = counts.iter().map(|count| usize::from(*count)).sum::<usize>();
            let values = tail.get(16..16 + all).ok_or(Stop::Damaged)?;
            let place = self.codes.get_mut(usize::from(head >> 4)).and_then(|class| class.get_mut(usize::from(head & 15)));
            *place.ok_or(Stop::Damaged)? = Some(Codes::of(counts, values).ok_or(Stop::Damaged)?);
            rest = &tail[16 + all..];
        }
        Ok(())
    }

    fn frame(&mut self, data: &[u8], is_progressive: bool) -> Walked<()> {
        let word = |at: usize| data.get(at..at + 2).map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])));
        let (height, width) = (word(1), word(3));
        let parts = data.get(6..).unwrap_or_default().chunks_exact(3);
        if data.first() != Some(&8) || height == 0 || width == 0 || parts.len() == 0 || parts.len() > COMPONENTS_MAX {
            return Err(Stop::Unknown);
        }
        let read = |part: &[u8]| Component {
            id: part[0],
            across: usize::from(part[1] >> 4),
            down: usize::from(part[1] & 15),
            steps: usize::from(part[2] & 3),
            given: vec![None; 64],
            ..Component::default()
        };
        self.components = parts.map(read).collect();
        let most = |side: fn(&Component) -> usize| self.components.iter().map(side).max().unwrap_or(1);
        let (across, down) = (most(|c| c.across), most(|c| c.down));
        if self.components.iter().any(|c| !(1..=4).contains(&c.across) || !(1..=4).contains(&c.down)) {
            return Err(Stop::Damaged);
        }
        self.is_progressive = is_progressive;
        self.mcus = (width.div_ceil(8 * across), height.div_ceil(8 * down));
        for part in &mut self.components {
            let blocks = |pixels: usize, own: usize, most: usize| (pixels * own).div_ceil(most).div_ceil(8);
            part.blocks = (blocks(width, part.across, across), blocks(height, part.down, down));
            part.stride = self.mcus.0 * part.across;
            let all = part.stride * self.mcus.1 * part.down;
            if is_progressive && all > BLOCKS_MAX {
                return Err(Stop::Unknown);
            }
            part.set = vec![0; if is_progressive { all } else { 0 }];
        }
        Ok(())
    }

    /// Walks the data of a scan from `at`; gives the place of the marker behind them.
    fn scan(&mut self, head: &[u8], bytes: &[u8], at: usize) -> Walked<usize> {
        self.scans += 1;
        let count = usize::from(*head.first().ok_or(Stop::Damaged)?);
        if self.components.is_empty() || self.scans > SCANS_MAX || head.len() < 4 + 2 * count {
            return Err(Stop::Unknown);
        }
        let mut parts = Vec::new();
        for pair in head[1..=2 * count].chunks_exact(2) {
            let place = self.components.iter().position(|c| c.id == pair[0]).ok_or(Stop::Damaged)?;
            parts.push((place, usize::from(pair[1] >> 4) & 3, usize::from(pair[1] & 15) & 3));
        }
        let bits = head[3 + 2 * count];
        let band = if self.is_progressive {
            Band { from: usize::from(head[1 + 2 * count]), to: usize::from(head[2 + 2 * count]), high: bits >> 4, low: bits & 15 }
        } else {
            Band { from: 0, to: 63, high: 0, low: 0 }
        };
        if band.to > 63 || band.from > band.to || band.low > 13 || parts.is_empty() {
            return Err(Stop::Damaged);
        }
        for (place, ..) in &parts {
            self.components[*place].given[band.from..=band.to].fill(Some(band.low));
        }
        let mut data = Data::at(bytes, at);
        let mut state = State { brightness: [0; COMPONENTS_MAX], run: 0 };
        let single = if let [(place, ..)] = parts[..] { Some(place) } else { None };
        let (columns, rows) = single.map_or(self.mcus, |place| self.components[place].blocks);
        for unit in 0..columns * rows {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                data.pass_restart(((unit / self.restart - 1) % 8) as u8)?;
                state = State { brightness: [0; COMPONENTS_MAX], run: 0 };
            }
            let (x, y) = (unit % columns, unit / columns);
            for part in &parts {
                let component = &self.components[part.0];
                let (across, down) = if single.is_some() { (1, 1) } else { (component.across, component.down) };
                let stride = component.stride;
                for row in y * down..(y + 1) * down {
                    for column in x * across..(x + 1) * across {
                        self.block(&mut data, (*part, row * stride + column), band, &mut state)?;
                    }
                }
            }
        }
        data.end()
    }

    fn block(
        &mut self,
        data: &mut Data<'_>,
        ((place, first, others), block): ((usize, usize, usize), usize),
        band: Band,
        state: &mut State,
    ) -> Walked<()> {
        let [firsts, rest] = &self.codes;
        let component = &mut self.components[place];
        let mut from = band.from;
        if from == 0 {
            from = 1;
            if band.high > 0 {
                data.bits(1)?;
            } else {
                let bits = u32::from(data.code(firsts[first].as_ref().ok_or(Stop::Unknown)?)?);
                state.brightness[place] = state.brightness[place].saturating_add(data.signed(bits)?);
                let reach = (state.brightness[place] << band.low).saturating_mul(self.first_step[component.steps]);
                if reach.abs() > BRIGHTNESS_MOST {
                    return Err(Stop::Damaged);
                }
            }
        }
        if from > band.to {
            return Ok(());
        }
        let codes = rest[others].as_ref().ok_or(Stop::Unknown)?;
        match component.set.get_mut(block) {
            Some(set) if band.high > 0 => refined(data, codes, (from, band.to), (set, &mut state.run)),
            Some(set) => coefficients(data, codes, (from, band.to), (set, &mut state.run)),
            None => {
                coefficients(data, codes, (from, band.to), (&mut 0, &mut state.run))?;
                // Runs of empty blocks are of progressive files.
                if state.run > 0 { Err(Stop::Damaged) } else { Ok(()) }
            }
        }
    }

    /// True where a progressive file does not give its brightness to the last bit.
    fn lacks(&self) -> bool {
        let brightness = self.components.first().filter(|_| self.is_progressive);
        brightness.is_some_and(|component| component.given.iter().any(|low| *low != Some(0)))
    }
}

/// What is carried from block to block.
struct State {
    brightness: [i32; COMPONENTS_MAX],
    /// Blocks still to come whose band is empty.
    run: u32,
}

/// The coefficients of a block, each for the first time.
fn coefficients(data: &mut Data<'_>, codes: &Codes, (from, to): (usize, usize), (set, run): (&mut u64, &mut u32)) -> Walked<()> {
    if *run > 0 {
        *run -= 1;
        return Ok(());
    }
    let mut at = from;
    while at <= to {
        let code = data.code_and_bits(codes)?;
        let (zeros, bits) = (usize::from(code >> 4), u32::from(code & 15));
        if bits == 0 && zeros < 15 {
            // Of a block alone nothing is left; of a progressive one a run of blocks may follow.
            *run = (1 << zeros) - 1 + data.bits(zeros as u32)?;
            return Ok(());
        }
        at += zeros;
        if bits > 0 {
            if at > to {
                return Err(Stop::Damaged);
            }
            *set |= 1 << at;
        }
        at += 1;
    }
    Ok(())
}

/// One more bit of those that are known, and those that appear with this bit (annex G.1.2.3).
fn refined(data: &mut Data<'_>, codes: &Codes, (from, to): (usize, usize), (set, run): (&mut u64, &mut u32)) -> Walked<()> {
    let mut at = from;
    while *run == 0 && at <= to {
        let code = data.code(codes)?;
        let (mut zeros, bits) = (code >> 4, code & 15);
        if bits == 0 && zeros < 15 {
            *run = (1 << zeros) + data.bits(u32::from(zeros))?;
            break;
        }
        if bits > 0 {
            data.bits(1)?;
        }
        while at <= to {
            if *set >> at & 1 == 1 {
                data.bits(1)?;
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            at += 1;
        }
        if bits > 0 {
            if at > to {
                return Err(Stop::Damaged);
            }
            *set |= 1 << at;
        }
        at += 1;
    }
    if *run > 0 {
        for known in at..=to {
            if *set >> known & 1 == 1 {
                data.bits(1)?;
            }
        }
        *run -= 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A noisy page as a JPEG.
    fn jpeg() -> Vec<u8> {
        let mut seed = 3_u32;
        let page = image::GrayImage::from_fn(400, 300, |x, y| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let paper = 215 + (seed >> 27) as u8;
            image::Luma([if y % 30 < 4 && x % 50 > 9 { 40 } else { paper }])
        });
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 80).encode_image(&page).expect("a JPEG");
        bytes
    }

    #[test]
    fn a_whole_jpeg_is_sound_with_a_few_bytes_or_none_at_its_end() {
        let whole = jpeg();
        assert!(!is_damaged(&whole, None));
        assert!(!is_damaged(&whole[..whole.len() - 2], None), "no end marker");
        assert!(!is_damaged(&[&whole[..], &[0; 900]].concat(), None), "bytes behind its end");
    }

    #[test]
    fn zeros_noise_and_lost_bytes_in_the_data_are_found_wherever_they_stand() {
        let whole = jpeg();
        let scan = whole.windows(2).position(|pair| pair == [0xFF, 0xDA]).expect("a scan") + 20;
        for tenth in 0..9 {
            let at = scan + (whole.len() - scan) * tenth / 10;
            let mut zeros = whole.clone();
            zeros[at..at + 600].fill(0);
            assert!(is_damaged(&zeros, None), "zeros at {tenth}");
            let mut noise = whole.clone();
            noise[at..at + 600].iter_mut().enumerate().for_each(|(n, byte)| *byte = (n * 97 + tenth) as u8);
            assert!(is_damaged(&noise, None), "noise at {tenth}");
            assert!(is_damaged(&[&whole[..at], &whole[at + 600..]].concat(), None), "bytes lost at {tenth}");
            assert!(is_damaged(&[&whole[..at], &[0xFF, 0xD9]].concat(), None), "an end at {tenth}");
        }
    }

    #[test]
    fn bytes_that_are_no_jpeg_are_walked_without_harm() {
        for bytes in [&[][..], &[0xFF, 0xD8], &[0xFF, 0xD8, 0xFF, 0xDA, 0, 2], &[0xFF, 0xD8, 0xFF, 0xC4, 0, 3, 0x40], &[0; 64]] {
            let _ = is_damaged(bytes, None);
        }
        let whole = jpeg();
        for at in 0..700.min(whole.len()) {
            let mut other = whole.clone();
            other[at] ^= 0x5A;
            let _ = is_damaged(&other, None);
        }
    }
}
