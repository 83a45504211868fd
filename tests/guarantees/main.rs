//! All integration tests in one binary, named as guarantees.
#![allow(clippy::disallowed_methods, reason = "tests write files and are told by the environment what to widen")]
#![allow(clippy::print_stderr, reason = "what is not checked is said aloud")]
#![allow(unreachable_pub, reason = "modules of one binary")]

mod accessible;
mod acquire;
#[cfg(feature = "drill")]
mod admission_drill;
mod blobs;
mod command_line;
mod copy;
mod crash;
mod describe;
mod filing;
mod identify;
mod ingest_walk;
mod journey;
mod mutants;
mod native;
mod norms;
mod official;
mod package;
mod page;
mod reader;
mod rescan;
mod schemas;
mod stage;
mod store;
mod tidy;
mod upgrade;
mod verify;
mod watch;
