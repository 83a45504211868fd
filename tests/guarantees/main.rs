//! All integration tests in one binary, named as guarantees.
mod filing;
