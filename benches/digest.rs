//! How fast is a digest, against `openssl dgst -sha256` on the same file in the same run?
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::process::Command;
use std::time::Instant;

use conserva::digest::Digest;

const MIB: u64 = 1024;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bytes");
    let mut file = std::fs::File::create(&path).expect("a file");
    let block: Vec<u8> = (0..1024 * 1024_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..MIB {
        std::io::Write::write_all(&mut file, &block).expect("written");
    }
    drop(file);
    let rounds = 3;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let began = Instant::now();
        let (digest, bytes) = Digest::of_reader(std::fs::File::open(&path).expect("opened")).expect("read");
        ours.push(began.elapsed().as_secs_f64());
        assert_eq!(bytes, MIB * 1024 * 1024);
        let began = Instant::now();
        match Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(&path).output() {
            Ok(output) if output.status.success() => {
                theirs.push(began.elapsed().as_secs_f64());
                assert!(String::from_utf8_lossy(&output.stdout).starts_with(&digest.hex()), "the digests agree");
            }
            _ => println!("NOT COMPARED: openssl is not here"),
        }
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    };
    let (Some(ours), theirs) = (median(&mut ours), median(&mut theirs)) else { return };
    println!("digest: {MIB} MiB, {:.0} MB/s (median of {rounds})", MIB as f64 * 1.048_576 / ours);
    if let Some(theirs) = theirs {
        println!("digest: ratio to openssl dgst {:.2}", ours / theirs);
    }
}
