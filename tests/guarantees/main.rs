//! All integration tests in one binary, named as guarantees.

mod acquire;
#[cfg(feature = "drill")]
mod admission_drill;
mod blobs;
mod copy;
mod crash;
mod describe;
mod identify;
mod ingest_walk;
mod norms;
mod package;
mod schemas;
mod stage;
mod store;
mod tidy;
mod verify;
mod reader;
mod filing;
