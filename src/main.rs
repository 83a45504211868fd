//! The command `conserva`.

fn main() {}
