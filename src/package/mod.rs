//! How does it leave? `plan` (pure) and `build` (bytes): the PdV, its PIndex and its events.
