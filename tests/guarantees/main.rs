//! All integration tests in one binary, named as guarantees.

mod crash;
mod stage;
mod tidy;
mod acquire;
#[cfg(feature = "drill")]
mod admission_drill;
mod blobs;
mod ingest_walk;
mod store;
mod verify;
mod copy;
mod identify;
mod describe;
mod norms;
mod package;
mod schemas;
