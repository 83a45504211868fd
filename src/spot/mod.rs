//! Which codes stand on the page? What a search for bar codes, QR codes and patch codes (`codes/`) means to a batch of sheets.
//!
//! Runs inside a child process: the pixels are a hostile file's.

pub use conserva_codes::Gray;
use conserva_codes::Kind;

use crate::batch::Code;
use crate::separator::CodeKind;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spotted {
    /// Codes that were read, each once.
    pub codes: Vec<Code>,
    /// Kinds of which something is there that could not be read.
    pub signs: Vec<CodeKind>,
}

/// The codes of the kinds `wanted` on a page.
pub fn codes(page: &Gray<'_>, wanted: &[CodeKind]) -> Spotted {
    let wanted: Vec<Kind> = wanted.iter().map(|kind| sought(*kind)).collect();
    let conserva_codes::Spotted { codes, signs } = conserva_codes::codes(page, &wanted);
    Spotted {
        codes: codes.into_iter().map(|(kind, text)| Code { kind: found(kind), text }).collect(),
        signs: signs.into_iter().map(found).collect(),
    }
}

fn sought(kind: CodeKind) -> Kind {
    match kind {
        CodeKind::Qr => Kind::Qr,
        CodeKind::Code128 => Kind::Code128,
        CodeKind::Code39 => Kind::Code39,
        CodeKind::PatchT => Kind::PatchT,
    }
}

fn found(kind: Kind) -> CodeKind {
    match kind {
        Kind::Qr => CodeKind::Qr,
        Kind::Code128 => CodeKind::Code128,
        Kind::Code39 => CodeKind::Code39,
        Kind::PatchT => CodeKind::PatchT,
    }
}
