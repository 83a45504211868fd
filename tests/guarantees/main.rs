//! All integration tests in one binary, named as guarantees.

mod acquire;
#[cfg(feature = "drill")]
mod admission_drill;
mod blobs;
mod ingest_walk;
mod store;
