//! Conserva: paper and files arrive, become documents, and leave in packages.
//!
//! Start at [`pipeline`], the spine. Each folder is a room named with the verb of what happens there; rooms know the
//! nouns below and nothing of each other. ARCHITECTURE.md is the map.

// The nouns.
pub mod aggregation;
pub mod arrival;
pub mod batch;
pub mod calendar;
pub mod clock;
pub mod codice_fiscale;
pub mod dated;
pub mod daticert;
pub mod decision;
pub mod digest;
pub mod document;
pub mod drill;
pub mod ente;
pub mod envelope;
pub mod error;
pub mod event;
pub mod fattura;
pub mod fields;
pub mod filing;
pub mod findable;
pub mod finding;
pub mod given;
pub mod inbox;
pub mod jpx;
pub mod lexicon;
pub mod likeness;
pub mod limits;
pub mod mailbox;
pub mod malware;
pub mod mapped;
pub mod messages;
pub mod page;
pub mod part;
pub mod pdf_sheet;
pub mod pdf_work;
pub mod pdv;
pub mod rescan;
pub mod retention;
pub mod riepilogo;
pub mod schemas;
pub mod scratch;
pub mod secret;
pub mod segnatura;
pub mod separator;
pub mod stack;
pub mod stated;
pub mod tiff_strip;
pub mod tipologia;
pub mod titolario;
pub mod turn;
pub mod upload;
pub mod xml;

// The corridor, the porter, the desk and the rim.
pub mod app;
pub mod child;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod desk;
pub mod pipeline;
pub mod steps;
pub mod worker;

// The rooms.
pub mod acquire;
pub mod blobs;
pub mod classify;
pub mod copy;
pub mod describe;
pub mod evaluate;
pub mod extract;
pub mod identify;
pub mod normalise;
pub mod ocr;
pub mod open;
pub mod package;
pub mod search;
pub mod spot;
pub mod store;
pub mod transcribe;
pub mod verify;
