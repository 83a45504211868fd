//! What lies in a ZIP? Its files in the order of its directory, each with its folders in its name.

use std::fs::File;
use std::io::BufReader;

use super::{Member, Node, Opener, Place, about};
use crate::arrival::FileName;
use crate::error::{Error, Result};

/// What programs leave in archives and no person put there.
const LITTER: [&str; 3] = ["Thumbs.db", "desktop.ini", ".DS_Store"];

/// What only packages have.
const PACKAGE: [&str; 4] = ["METS.xml", "bagit.txt", "PIndex.xml", "IPdA.xml"];

/// The files of the archive. One whose name leads out of its folder, that is encrypted, a link, or of a method that is not known is
/// left where it is, and said.
pub(super) fn members(opener: &mut Opener<'_>, node: &mut Node) -> Result<Vec<Member>> {
    let damaged = || about(Error::hold("open-damaged").with("kind", "ZIP"), &node.name);
    let over = || about(Error::hold("open-entries").with("max", opener.limits.container_entries_max), &node.name);
    // The eye for formats has counted in a bounded way; the library takes the whole directory into memory.
    if node.format.warnings.iter().any(|warning| warning.code() == "container-entries") {
        return Err(over());
    }
    let file = File::open(&node.path).map_err(|e| Error::disk("open archive", &node.path, e))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|_| damaged())?;
    if archive.len() > opener.limits.container_entries_max as usize {
        return Err(over());
    }
    // A package of ours or of others is evidence of its own kind, with a verb of its own; its files are no documents that came in.
    if archive.file_names().flatten().any(|name| is_of_package(&name)) {
        return Err(about(Error::hold("open-package"), &node.name));
    }
    let (mut members, mut objections, mut unpacked) = (Vec::new(), Vec::new(), 0_u64);
    for at in 0..archive.len() {
        let Ok(mut entry) = archive.by_index(at) else {
            objections.push(damaged());
            continue;
        };
        let name = FileName::new(entry.name_raw());
        if entry.is_dir() || is_litter(&name.shown()) {
            continue;
        }
        if escapes(&name.shown()) || entry.is_symlink() {
            objections.push(Error::hold("open-escapes").with("name", node.name.shown()).with("what", name.shown()));
            continue;
        }
        // A directory may claim any size, and let its entries share their bytes.
        let packed = entry.compressed_size().min(node.bytes);
        let member = opener.keep(name, Place::Member, &mut entry, packed)?;
        unpacked += member.bytes;
        opener.weigh_ratio((unpacked, node.bytes)).map_err(|error| about(error, &node.name))?;
        members.push(member);
    }
    node.objections.append(&mut objections);
    Ok(members)
}

/// True of the file that makes a package one, at its root or in its one folder (E-ARK, BagIt, SInCRO).
fn is_of_package(name: &str) -> bool {
    let (folders, base) = name.rsplit_once('/').unwrap_or(("", name));
    !folders.contains('/') && PACKAGE.contains(&base)
}

fn is_litter(name: &str) -> bool {
    name.starts_with("__MACOSX/") || LITTER.contains(&name.rsplit('/').next().unwrap_or(name))
}

/// True of a name that leads elsewhere: up, to the root, to a drive.
fn escapes(name: &str) -> bool {
    name.starts_with(['/', '\\']) || name.split(['/', '\\']).any(|part| part == "..") || name.as_bytes().get(1) == Some(&b':')
}
