//! Whom does the office trust? A folder of certificates and revocation lists, and the national trusted lists (ETSI TS 119 612).

use std::path::Path;

use jiff::Timestamp;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509Crl, X509StoreContext};

use super::trusted_list::{self, Service};
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;

/// Most files of a trust folder that are read.
const FILES_MAX: usize = 10_000;
/// Largest file of a trust folder, bytes (national revocation lists have some ten million).
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Longest way from a certificate to one that is trusted.
const CHAIN_MAX: i32 = 10;

/// Certificates that are trusted, and what is known of revocations.
#[derive(Default)]
pub struct Trust {
    anchors: Vec<Anchor>,
    pub(super) crls: Vec<X509Crl>,
    pub(super) ocsps: Vec<Vec<u8>>,
    is_given: bool,
}

struct Anchor {
    certificate: X509,
    /// What a trusted list says of it; none of a certificate that somebody put into the folder.
    service: Option<Service>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").field("anchors", &self.anchors.len()).field("crls", &self.crls.len()).finish_non_exhaustive()
    }
}

/// The way from a certificate to one that is trusted.
pub(super) enum Way {
    /// It was found; the certificates from the signer's on.
    Found(Vec<X509>),
    /// It was found, but the service was not in good standing at that time.
    Withdrawn(String),
    /// There is none; OpenSSL's word for why.
    None(&'static str),
}

impl Trust {
    /// Takes the certificates (PEM, DER), revocation lists and OCSP answers (DER) that lie in a folder. Files of other kinds are
    /// passed over; that a folder holds no certificate at all is an error of kind `Environment`.
    pub fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let unread = |e: std::io::Error| {
            Error::new(Kind::Environment, "trust-unreadable").with("path", folder.display()).with("cause", &e).because(e)
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unread)?.take(FILES_MAX) {
            let entry = entry.map_err(unread)?;
            let metadata = std::fs::metadata(entry.path()).map_err(unread)?;
            if metadata.is_file() && metadata.len() <= FILE_BYTES_MAX {
                paths.push(entry.path());
            }
        }
        paths.sort();
        let before = self.anchors.len();
        for path in paths {
            self.take(&std::fs::read(path).map_err(unread)?);
        }
        if self.anchors.len() == before {
            return Err(Error::new(Kind::Environment, "trust-empty").with("path", folder.display()));
        }
        self.is_given = true;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) {
        let certificates = match X509::from_der(bytes) {
            Ok(one) => vec![one],
            Err(_) => X509::stack_from_pem(bytes).unwrap_or_default(),
        };
        if !certificates.is_empty() {
            self.anchors.extend(certificates.into_iter().map(|certificate| Anchor { certificate, service: None }));
        } else if let Ok(list) = X509Crl::from_der(bytes).or_else(|_| X509Crl::from_pem(bytes)) {
            self.crls.push(list);
        } else if openssl::ocsp::OcspResponse::from_der(bytes).is_ok() {
            self.ocsps.push(bytes.to_vec());
        }
    }

    /// Takes the services of a trusted list. Its own signature is judged as that of any XML file (`conserva verify LIST.xml`).
    pub fn add_list(&mut self, file: &Path, limits: &Limits) -> Result<()> {
        let services = trusted_list::services(file, limits)?;
        self.anchors.extend(services.into_iter().map(|(certificate, service)| Anchor { certificate, service: Some(service) }));
        self.is_given = true;
        Ok(())
    }

    /// True if anybody was named who is trusted.
    pub fn is_given(&self) -> bool {
        self.is_given
    }

    /// How many certificates are trusted.
    pub fn count(&self) -> usize {
        self.anchors.len()
    }

    /// The way from `certificate` to a trusted one at that time, over those that came with it.
    pub(super) fn way(&self, certificate: &X509, with_it: &[X509], at: Timestamp) -> Way {
        match self.walked(certificate, with_it, at) {
            Ok(Ok(way)) => self.standing(way, at),
            Ok(Err(word)) => Way::None(word),
            Err(_) => Way::None("not read"),
        }
    }

    fn walked(
        &self,
        certificate: &X509,
        with_it: &[X509],
        at: Timestamp,
    ) -> std::result::Result<std::result::Result<Vec<X509>, &'static str>, openssl::error::ErrorStack> {
        let store = store(self.anchors.iter().map(|anchor| &anchor.certificate), at)?;
        let mut chain = Stack::new()?;
        for one in with_it {
            chain.push(one.clone())?;
        }
        let mut context = X509StoreContext::new()?;
        context.init(&store, certificate, &chain, |context| {
            if context.verify_cert()? {
                Ok(Ok(context.chain().map(|chain| chain.iter().map(ToOwned::to_owned).collect()).unwrap_or_default()))
            } else {
                Ok(Err(context.error().error_string()))
            }
        })
    }

    /// What trusted lists say of the service at whose certificate the way ends, unless the folder has it too.
    fn standing(&self, way: Vec<X509>, at: Timestamp) -> Way {
        let is_last = |anchor: &&Anchor| way.iter().any(|one| same(one, &anchor.certificate));
        let ends: Vec<&Anchor> = self.anchors.iter().filter(is_last).collect();
        let is_good = |anchor: &&Anchor| anchor.service.as_ref().is_none_or(|service| service.is_good(at));
        if ends.is_empty() || ends.iter().any(is_good) {
            return Way::Found(way);
        }
        let status = ends.iter().find_map(|anchor| anchor.service.as_ref()?.status(at).map(str::to_owned));
        Way::Withdrawn(status.unwrap_or_default())
    }
}

/// Equal certificates.
pub(super) fn same(one: &X509, other: &X509) -> bool {
    one.to_der().ok().zip(other.to_der().ok()).is_some_and(|(one, other)| one == other)
}

/// A store of those that are trusted, each of which may be the end of a way, that sees the world as of `at`.
pub(super) fn store<'c>(
    trusted: impl Iterator<Item = &'c X509>,
    at: Timestamp,
) -> std::result::Result<X509Store, openssl::error::ErrorStack> {
    let mut builder = X509StoreBuilder::new()?;
    for certificate in trusted {
        builder.add_cert(certificate.clone())?;
    }
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    parameters.set_time(at.as_second());
    parameters.set_depth(CHAIN_MAX);
    parameters.set_auth_level(0);
    builder.set_param(&parameters)?;
    Ok(builder.build())
}
