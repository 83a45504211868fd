//! What is known of a signature: facts, doubts about them, and the outcome in the words of ETSI EN 319 102-1 (5.1.4).

use jiff::Timestamp;
use serde::Serialize;

use crate::finding::Severity;

/// The status of a validation (EN 319 102-1, table 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Indication {
    /// Everything was checked and is good.
    #[serde(rename = "TOTAL-PASSED")]
    TotalPassed,
    /// Something is broken.
    #[serde(rename = "TOTAL-FAILED")]
    TotalFailed,
    /// Nothing is broken, but not everything could be known.
    #[serde(rename = "INDETERMINATE")]
    Indeterminate,
}

/// The reason of an outcome that is not a full pass (EN 319 102-1, tables 5 and 6), in the standard's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the standard's words; what each means stands there")]
pub enum Sub {
    FormatFailure,
    HashFailure,
    SigCryptoFailure,
    Revoked,
    Expired,
    NotYetValid,
    SigConstraintsFailure,
    ChainConstraintsFailure,
    CryptoConstraintsFailureNoPoe,
    NoSigningCertificateFound,
    NoCertificateChainFound,
    RevokedNoPoe,
    OutOfBoundsNoPoe,
    TimestampOrderFailure,
    SignedDataNotFound,
    TryLater,
    Generic,
}

impl Sub {
    /// True of what makes a signature fail; the others leave it undecided.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::FormatFailure | Self::HashFailure | Self::SigCryptoFailure | Self::Revoked | Self::Expired | Self::NotYetValid
        )
    }
}

/// What a doubt is about: each has its own code in `verify`, `signature-…` (design.md, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Digest and signature value.
    Integrity,
    /// What the signature covers, and what was changed around it.
    Coverage,
    /// The signed content is not there.
    Content,
    /// The certificate of the signer.
    Certificate,
    /// The way from the certificate to somebody trusted.
    Trust,
    /// Whether a certificate was revoked.
    Revocation,
    /// Time stamps and claimed times.
    Time,
    /// Algorithms that are weak or unknown.
    Algorithm,
    /// The form of the signature.
    Form,
}

impl Topic {
    /// The code of findings about it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Integrity => "signature-integrity",
            Self::Coverage => "signature-coverage",
            Self::Content => "signature-content",
            Self::Certificate => "signature-certificate",
            Self::Trust => "signature-trust",
            Self::Revocation => "signature-revocation",
            Self::Time => "signature-time",
            Self::Algorithm => "signature-algorithm",
            Self::Form => "signature-form",
        }
    }
}

/// One thing that is wrong with a signature, or not known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Concern {
    /// What it is about.
    pub topic: Topic,
    /// How much it matters.
    pub severity: Severity,
    /// What it means for the outcome; none where it changes nothing.
    pub sub: Option<Sub>,
    /// The catalogue code of the reason.
    pub reason: &'static str,
    /// A name or a value that the reason speaks of; may be empty.
    pub detail: String,
}

/// The form of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// CMS, with or without the attributes of CAdES (ETSI EN 319 122-1).
    Cades,
    /// In a PDF (ETSI EN 319 142-1).
    Pades,
    /// XML (ETSI EN 319 132-1).
    Xades,
    /// A time-stamp token (RFC 3161).
    Timestamp,
}

/// Who signed, as the certificate says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// Common name; else organisation.
    pub name: String,
    /// The fiscal code in `serialNumber` (ETSI EN 319 412-1, 5.1.3: `TINIT-…`, and the older `IT:…`), in capitals.
    pub codice_fiscale: Option<String>,
    /// Common name of the issuer; else its organisation.
    pub issuer: String,
    /// Serial number of the certificate, hexadecimal.
    pub serial: String,
    /// First and last instant of validity.
    pub validity: Option<(Timestamp, Timestamp)>,
}

/// A time stamp on a signature or a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stamp {
    /// What it says, UTC.
    pub time: Timestamp,
    /// Who says so.
    pub authority: Signer,
    /// True where its signature and its imprint hold and no trust was denied.
    pub is_good: bool,
}

/// One signature, as found and as judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signature {
    /// Its form.
    pub form: Form,
    /// Where it stands: level of nesting, member of a container, field of a PDF.
    pub place: String,
    /// The status.
    pub indication: Indication,
    /// The reason, where it is no full pass.
    pub sub: Option<Sub>,
    /// Who signed.
    pub signer: Signer,
    /// The time that the signer claims, UTC.
    pub claimed: Option<Timestamp>,
    /// Time stamps on it.
    pub stamps: Vec<Stamp>,
    /// Digest algorithm of the content.
    pub digest: String,
    /// Signature algorithm.
    pub algorithm: String,
    /// What is wrong or not known.
    pub concerns: Vec<Concern>,
}

impl Signature {
    /// One of which nothing is known yet.
    pub(super) fn new(form: Form, place: &str) -> Self {
        Self {
            form,
            place: place.to_owned(),
            indication: Indication::Indeterminate,
            sub: None,
            signer: Signer::default(),
            claimed: None,
            stamps: Vec::new(),
            digest: String::new(),
            algorithm: String::new(),
            concerns: Vec::new(),
        }
    }

    /// Adds what breaks a rule.
    pub(super) fn fault(&mut self, topic: Topic, sub: Sub, reason: &'static str, detail: impl Into<String>) {
        self.concerns.push(Concern { topic, severity: Severity::Error, sub: Some(sub), reason, detail: detail.into() });
    }

    /// Adds what cannot be known.
    pub(super) fn doubt(&mut self, topic: Topic, sub: Sub, reason: &'static str, detail: impl Into<String>) {
        self.concerns.push(Concern { topic, severity: Severity::Warning, sub: Some(sub), reason, detail: detail.into() });
    }

    /// Adds what is worth an eye and changes nothing.
    pub(super) fn remark(&mut self, topic: Topic, severity: Severity, reason: &'static str, detail: impl Into<String>) {
        self.concerns.push(Concern { topic, severity, sub: None, reason, detail: detail.into() });
    }

    /// True if digest and signature value hold.
    pub fn is_intact(&self) -> bool {
        !self.concerns.iter().any(|concern| concern.severity == Severity::Error && concern.topic == Topic::Integrity)
    }

    /// The instant that a good time stamp proves, the earliest.
    pub fn proven(&self) -> Option<Timestamp> {
        self.stamps.iter().filter(|stamp| stamp.is_good).map(|stamp| stamp.time).min()
    }

    /// Draws the outcome from what was found: a failure outweighs doubt, the gravest comes first.
    pub(super) fn conclude(mut self) -> Self {
        self.concerns.sort_by_key(|concern| concern.severity);
        let failed = self.concerns.iter().filter_map(|concern| concern.sub).find(|sub| sub.is_failure());
        let doubted = self.concerns.iter().find_map(|concern| concern.sub);
        (self.indication, self.sub) = match (failed, doubted) {
            (Some(sub), _) => (Indication::TotalFailed, Some(sub)),
            (None, Some(sub)) => (Indication::Indeterminate, Some(sub)),
            (None, None) => (Indication::TotalPassed, None),
        };
        self
    }
}
