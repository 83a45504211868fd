//! What does building a package cost, against `openssl dgst -sha256` and `cp` on the same blobs in the same run?
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

fn main() {
    println!("see scripts/prove");
}
