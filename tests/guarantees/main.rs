//! All integration tests in one binary, named as guarantees.

mod stage;
mod tidy;
mod blobs;
mod store;
