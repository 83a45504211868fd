//! What was checked, and what proves it? No flag of `Verifica` is true without a stored fact (rule C-06, invariant 11).

use serde::{Deserialize, Serialize};

/// The id of a stored fact that proves the outcome of a check. It cannot be made of nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Proof(String);

impl Proof {
    /// The proof that the stored fact `id` gives; none of an empty or blank id.
    pub fn of_fact(id: &str) -> Option<Self> {
        (!id.trim().is_empty()).then(|| Self(id.trim().to_owned()))
    }

    /// The id of the fact.
    pub fn fact(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Proof {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::of_fact(&id).ok_or("a proof needs the id of a fact")
    }
}

impl From<Proof> for String {
    fn from(proof: Proof) -> Self {
        proof.0
    }
}

/// What was checked about a document. A check that was not made, or did not hold, is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Checks {
    /// A digital signature was checked and holds.
    pub firma: Option<Proof>,
    /// An electronic seal was checked and holds.
    pub sigillo: Option<Proof>,
    /// A time stamp was checked and holds.
    pub marca: Option<Proof>,
    /// An attestation that the image copy conforms was taken in and checked.
    pub conformita: Option<Proof>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_cannot_be_made_of_nothing() {
        assert_eq!(Proof::of_fact(" "), None);
        assert!(serde_json::from_str::<Checks>(r#"{"firma":""}"#).is_err());
        assert_eq!(serde_json::from_str::<Checks>("{}").expect("checks"), Checks::default());
        assert_eq!(Proof::of_fact("fact-1").expect("proof").fact(), "fact-1");
    }
}
