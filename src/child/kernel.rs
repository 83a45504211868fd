//! What does the kernel promise about a child before its first instruction? That it dies with its parent, and its limits.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};

/// Arms `command`: the child is killed when the thread that starts it ends, and its limits hold before exec.
///
/// The kernel ties the death signal to the *thread* that forks: the caller starts children from a thread that lives as
/// long as the pool (`pool::starter`).
#[expect(unsafe_code, reason = "pre_exec runs between fork and exec, where only async-signal-safe calls are allowed")]
pub(super) fn arm(command: &mut Command, memory_bytes: u64) {
    let parent = rustix::process::getpid();
    let limits = [
        (Resource::As, memory_bytes),
        (Resource::Core, 0),
        (Resource::Nofile, 64),
        (Resource::Fsize, 8 << 30),
        (Resource::Memlock, 64 << 10),
    ];
    // SAFETY: the closure makes only system calls (prctl, getppid, setrlimit) and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the line above.
            if rustix::process::getppid() != Some(parent) {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            for (resource, most) in limits {
                setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
            }
            Ok(())
        });
    }
}

/// Gives this process `seconds` more of CPU time: beyond them the kernel ends it. Called before each piece of work.
pub(super) fn allow_cpu(seconds: u64) {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec.unsigned_abs();
    let hard = rustix::process::getrlimit(Resource::Cpu).maximum;
    if let Err(error) = setrlimit(Resource::Cpu, Rlimit { current: Some(spent + seconds), maximum: hard }) {
        tracing::debug!(%error, "no CPU limit");
    }
}
