//! How is a model kept? Its own bytes: a head with version, counts, labels, then the rows, numbers little-endian.

use super::model::Model;

/// Head and version of the form.
const HEAD: &[u8; 12] = b"conserva-li\x01";
/// Most labels and features that are believed of bytes from outside.
const LABELS_MAX: u32 = 10_000;
const FEATURES_MAX: u32 = 1 << 20;

impl Model {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEAD.to_vec();
        out.extend((self.labels.len() as u32).to_le_bytes());
        out.extend((self.features.len() as u32).to_le_bytes());
        out.extend(self.seen.to_le_bytes());
        out.extend(self.temperature.to_le_bytes());
        for label in &self.labels {
            out.extend((label.len() as u16).to_le_bytes());
            out.extend(label.as_bytes());
        }
        out.extend(self.features.iter().flat_map(|n| n.to_le_bytes()));
        out.extend(self.having.iter().flat_map(|n| n.to_le_bytes()));
        for numbers in [&self.learned, &self.bias, &self.weights] {
            out.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
        }
        out
    }

    /// The model of those bytes; none of bytes that are not one, or not whole.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        if rest.take(HEAD.len())? != HEAD {
            return None;
        }
        let (labels, features) = (rest.number()?, rest.number()?);
        if labels > LABELS_MAX || features > FEATURES_MAX {
            return None;
        }
        let seen = u64::from_le_bytes(rest.take(8)?.try_into().ok()?);
        let temperature = rest.floats(1)?.first().copied().filter(|t| (0.05..=20.0).contains(t))?;
        let mut model = Self { seen, temperature, ..Self::default() };
        for _ in 0..labels {
            let length = u16::from_le_bytes(rest.take(2)?.try_into().ok()?);
            model.labels.push(String::from_utf8(rest.take(usize::from(length))?.to_vec()).ok()?);
        }
        model.features = (0..features).map(|_| rest.number()).collect::<Option<_>>()?;
        model.having = (0..features).map(|_| rest.number()).collect::<Option<_>>()?;
        model.learned = rest.floats(features as usize)?;
        model.bias = rest.floats(labels as usize)?;
        model.weights = rest.floats(features as usize * labels as usize)?;
        model.places = model.features.iter().zip(0..).map(|(feature, place)| (*feature, place)).collect();
        let is_whole = rest.0.is_empty() && model.places.len() == model.features.len();
        is_whole.then_some(model)
    }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Numbers that are none are refused: they would poison every score.
    fn floats(&mut self, count: usize) -> Option<Vec<f32>> {
        let raw = self.take(count.checked_mul(4)?)?;
        let all: Vec<f32> = raw.chunks_exact(4).filter_map(|c| Some(f32::from_le_bytes(c.try_into().ok()?))).collect();
        all.iter().all(|n| n.is_finite()).then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bag, Example};
    use super::*;

    fn model() -> Model {
        let mut model = Model::new(vec!["a".into(), "b".into()]);
        let example = |text: &str, label| Example { bag: Bag::of("", text), labels: vec![label] };
        model.learn(&[example("una cosa", 0), example("altra faccenda", 1)]);
        model
    }

    #[test]
    fn a_model_comes_back_from_its_bytes_as_it_was() {
        let bytes = model().to_bytes();
        assert_eq!(Model::from_bytes(&bytes).expect("a model").to_bytes(), bytes);
    }

    #[test]
    fn bytes_that_are_cut_or_changed_in_length_are_no_model() {
        let bytes = model().to_bytes();
        for cut in 0..bytes.len() {
            assert!(Model::from_bytes(&bytes[..cut]).is_none(), "{cut}");
        }
        assert!(Model::from_bytes(&[&bytes[..], b"x"].concat()).is_none());
        let mut huge = bytes;
        huge[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Model::from_bytes(&huge).is_none());
    }
}
