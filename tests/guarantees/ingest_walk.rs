//! Which files `ingest` finds, and that an archive does not feed on itself.

use std::path::Path;

use conserva::acquire::{guard, walk};
use conserva::error::Kind;
use conserva::limits::Limits;

/// A tree of empty files.
fn tree(paths: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for path in paths {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folders");
        std::fs::File::create(path).expect("file");
    }
    folder
}

/// What a walk gives: names relative to `folder`, or codes of errors.
fn walked(folder: &Path, walk: impl Iterator<Item = conserva::error::Result<conserva::acquire::Found>>) -> Vec<String> {
    walk.map(|item| match item {
        Ok(found) => found.path.strip_prefix(folder).expect("below").display().to_string(),
        Err(error) => error.code().to_owned(),
    })
    .collect()
}

#[test]
fn a_folder_is_walked_in_order_past_what_is_no_input() {
    let folder = tree(&[
        "b/2.tif",
        "b/1.tif",
        "a.pdf",
        ".taken/2024-01-01/x.tif",
        "Thumbs.db",
        "b/desktop.ini",
        ".DS_Store",
        "~$a.docx",
        "half.PART",
        "b/half.tmp",
        "c/a.tif.json",
        "part",
    ]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("c/round")).expect("a link in a ring");
    let walk = walk(&[folder.path().to_owned()], &Limits::default());
    assert_eq!(walked(folder.path(), walk), ["a.pdf", "b/1.tif", "b/2.tif", "c/a.tif.json", "c/round", "part"]);
}

#[test]
fn files_and_folders_given_by_name_are_walked_as_given_and_a_missing_one_is_said() {
    let folder = tree(&["b/1.tif", "a.pdf"]);
    let at = |name: &str| folder.path().join(name);
    let mut walk = walk(&[at("a.pdf"), at("none"), at("b")], &Limits::default());
    assert_eq!(walked(folder.path(), walk.by_ref()), ["a.pdf", "path-missing", "b/1.tif"]);
}

#[test]
fn a_tree_as_deep_as_the_ceiling_is_walked_and_one_folder_deeper_is_said() {
    let limits = Limits { tree_depth_max: 2, ..Limits::default() };
    let folder = tree(&["a/1.tif", "b.tif"]);
    assert_eq!(walked(folder.path(), walk(&[folder.path().to_owned()], &limits)), ["a/1.tif", "b.tif"]);
    let folder = tree(&["a/b/1.tif", "a/c.tif"]);
    assert_eq!(walked(folder.path(), walk(&[folder.path().to_owned()], &limits)), ["tree-too-deep", "a/c.tif"]);
}

#[test]
fn an_archive_does_not_feed_on_itself() {
    let folder = tree(&["archivio/store.db", "archivio/blobs/x", "archivio/inbox/a.tif", "archivio2/b.tif", "c.tif"]);
    let archive = folder.path().join("archivio");
    for (path, is_apart) in
        [("", true), ("archivio2", true), ("archivio", false), ("archivio/blobs/x", false), ("archivio/none", false)]
    {
        assert_eq!(guard::ensure_apart(&folder.path().join(path), &archive).is_ok(), is_apart, "{path}");
    }
    guard::ensure_apart(&archive.join("inbox/a.tif"), &archive).expect("its inbox is a door");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(archive.join("blobs"), &link).expect("link");
    let error = guard::ensure_apart(&link, &archive).expect_err("by a detour");
    assert_eq!((error.code(), error.kind()), ("path-in-archive", Kind::Usage));
    std::fs::remove_file(link).expect("removed");
    let walk = walk(&[folder.path().to_owned()], &Limits::default()).apart_from(&archive);
    assert_eq!(walked(folder.path(), walk), ["archivio2/b.tif", "c.tif"]);
}
