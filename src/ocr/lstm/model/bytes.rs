//! How is a model file walked through? Forward, little-endian, never past its end; every count has a ceiling.

/// What a part of a model gives, or a few words on why it cannot be used.
pub(crate) type Parsed<T> = Result<T, &'static str>;

/// What is left of a file.
pub(super) struct Bytes<'a> {
    left: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count).ok_or("ends early")?;
        self.left = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let (taken, left) = self.left.split_first_chunk().ok_or("ends early")?;
        self.left = left;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Parsed<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn i16(&mut self) -> Parsed<i16> {
        self.array().map(i16::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Parsed<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Parsed<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Parsed<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// A number of things of `size` bytes each: at most `most`, and no more than the rest of the file can hold.
    pub(super) fn count(&mut self, size: usize, most: usize) -> Parsed<usize> {
        let count = usize::try_from(self.i32()?).map_err(|_| "a negative count")?;
        let fits = count <= most && count.checked_mul(size).is_some_and(|bytes| bytes <= self.left.len());
        if fits { Ok(count) } else { Err("a count over its ceiling") }
    }

    /// A size that is only a number: at least 0, at most `most`.
    pub(super) fn size(&mut self, most: usize) -> Parsed<usize> {
        usize::try_from(self.i32()?).ok().filter(|size| *size <= most).ok_or("a size over its ceiling")
    }

    pub(super) fn string(&mut self) -> Parsed<&'a [u8]> {
        const LONGEST: usize = 4096;
        let count = self.count(1, LONGEST)?;
        self.take(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_taken_up_to_its_ceiling_and_to_the_end_of_the_file() {
        let of = |count: i32, rest: usize| [&count.to_le_bytes()[..], &vec![0; rest]].concat();
        assert_eq!(Bytes::of(&of(3, 6)).count(2, 3), Ok(3));
        assert!(Bytes::of(&of(4, 8)).count(2, 3).is_err());
        assert!(Bytes::of(&of(3, 5)).count(2, 3).is_err());
        assert!(Bytes::of(&of(-1, 8)).count(2, 3).is_err());
        assert_eq!(Bytes::of(&of(3, 0)).size(3), Ok(3));
        assert!(Bytes::of(&of(4, 0)).size(3).is_err());
    }
}
