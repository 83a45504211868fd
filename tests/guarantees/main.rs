//! All integration tests in one binary, named as guarantees.

mod acquire;
#[cfg(feature = "drill")]
mod admission_drill;
mod blobs;
mod copy;
mod crash;
mod describe;
mod filing;
mod identify;
mod ingest_walk;
mod norms;
mod package;
mod reader;
mod schemas;
mod stage;
mod store;
mod tidy;
mod verify;
