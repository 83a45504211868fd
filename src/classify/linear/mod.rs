//! What does experience say? A linear model over the words of a document, learned one document at a time.
//!
//! Words are kept as hashes: a model learned from papers says nothing of them to who reads its bytes. What is learned
//! depends on the examples and their order alone: the same examples give the same model, to the byte.

mod bag;
mod bytes;
mod model;
mod seed;

pub use bag::{Bag, spelled, words};
pub use model::{Example, Labels, Model};
pub use seed::{Seed, Split, Written};
