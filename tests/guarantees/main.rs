//! All integration tests in one binary, named as guarantees.

mod describe;
mod norms;
mod package;
mod schemas;
