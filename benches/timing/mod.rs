//! How is work measured? CPU and wall of this process and its children, its peak of memory, on one core or on all.
#![allow(dead_code, reason = "each bench uses what it needs")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What work cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// CPU seconds of this process and of the children that it waited for.
    pub(crate) cpu: f64,
    /// Seconds on the wall.
    pub(crate) wall: f64,
}

/// What `work` costs.
pub(crate) fn measured(work: impl FnOnce()) -> Cost {
    let (before, began) = (cpu_seconds(), Instant::now());
    work();
    Cost { cpu: cpu_seconds() - before, wall: began.elapsed().as_secs_f64() }
}

/// As [`measured`], with this thread, and those that it starts, on the first core alone.
pub(crate) fn on_one_core(work: impl FnOnce()) -> Cost {
    let keep = |cores: usize| {
        let mut set = rustix::thread::CpuSet::new();
        (0..cores).for_each(|core| set.set(core));
        let _ = rustix::thread::sched_setaffinity(None, &set);
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    keep(1);
    let cost = measured(work);
    keep(cores.max(2));
    cost
}

/// utime, stime, cutime and cstime of /proc/self/stat, in ticks of 1/100 s.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc/self/stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    fields.iter().skip(11).take(4).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// What `openssl dgst -sha256` costs of these files, and what it says of the first.
pub(crate) fn openssl(files: &[PathBuf]) -> (Cost, String) {
    let mut said = String::new();
    let cost = measured(|| {
        let run = Command::new("openssl").args(["dgst", "-sha256", "-r"]).args(files).output().expect("openssl");
        assert!(run.status.success(), "openssl fails");
        said = String::from_utf8_lossy(&run.stdout).chars().take(64).collect();
    });
    (cost, said)
}

/// The most memory that this process has, from a moment on.
pub(crate) struct Peak(u64);

impl Peak {
    pub(crate) fn begin() -> Self {
        let mut refs = std::fs::File::create("/proc/self/clear_refs").expect("the peak");
        refs.write_all(b"5").expect("is forgotten");
        Self(status("VmRSS:"))
    }

    /// Above what there was at that moment.
    pub(crate) fn grown_mib(&self) -> u64 {
        self.grown_kib() / 1024
    }

    /// The same, finer.
    pub(crate) fn grown_kib(&self) -> u64 {
        status("VmHWM:").saturating_sub(self.0)
    }
}

/// A line of /proc/self/status, KiB.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Bytes that no page of memory and no other file shares, told apart by `n`.
pub(crate) fn content(n: u32, bytes: usize) -> Vec<u8> {
    let mut state = u64::from(n) + 1;
    let mut content = Vec::with_capacity(bytes + 8);
    while content.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend(state.to_le_bytes());
    }
    content.truncate(bytes);
    content
}

pub(crate) fn written(path: &Path, bytes: &[u8]) {
    std::fs::File::create(path).and_then(|mut file| file.write_all(bytes)).expect("written");
}
