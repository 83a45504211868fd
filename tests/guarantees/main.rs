//! All integration tests in one binary, named as guarantees.
#![allow(clippy::disallowed_methods, reason = "tests write files and are told by the environment what to widen")]
#![allow(clippy::print_stderr, reason = "what is not checked is said aloud")]
#![allow(unreachable_pub, reason = "modules of one binary")]

mod access;
mod accessible;
mod acquire;
#[cfg(feature = "drill")]
mod admission_drill;
mod again;
mod blobs;
mod canary;
mod command_line;
mod confidence;
mod copy;
mod crash;
mod describe;
mod doors;
mod doors_cut;
mod doors_time;
mod experience;
mod filing;
mod fixity;
mod identify;
mod inboxes;
mod ingest_walk;
mod journey;
mod large;
mod likeness;
mod long;
mod mailbox;
mod marks;
mod mutants;
mod native;
mod network;
mod network_drill;
mod norms;
mod official;
mod outgrown;
mod package;
mod page;
mod pictures;
mod planes;
mod power;
mod profiles;
mod quota;
mod read_only;
mod reader;
mod reading_order;
mod replay;
mod rescan;
mod resumable;
mod review;
mod said;
mod scale;
mod schemas;
mod search;
mod shares;
mod stage;
mod store;
mod threads;
mod tidy;
mod upgrade;
mod uploads;
mod verdicts;
mod verify;
mod watch;
