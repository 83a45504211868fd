//! What may a child still do once it has locked itself in? Read its folders, write its scratch, compute; nothing else.
//!
//! Landlock takes the rest of the disk away, seccomp the network, other programs and other processes. Where the kernel
//! has neither, rlimits and the death signal remain; `doctor` says which hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus,
    path_beneath_rules,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Which walls this kernel can put around a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Walls {
    /// The file system is closed but for the folders given.
    pub landlock: bool,
    /// System calls of the network, of new programs and of other processes are refused.
    pub seccomp: bool,
}

/// What the system itself needs to be read: libraries loaded late, locale, the engine's data.
const SYSTEM: [&str; 6] = ["/usr/share", "/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/proc/self"];

/// Says which walls this kernel has, without putting any up.
pub fn probe() -> Walls {
    let landlock = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .is_ok();
    Walls { landlock, seccomp: Path::new("/proc/sys/kernel/seccomp/actions_avail").exists() && filter().is_some() }
}

/// Puts up what the kernel has, for good. `readable` may be read, `scratch` written; says which walls stand.
pub(super) fn enter(readable: &[PathBuf], scratch: &Path) -> Walls {
    Walls { landlock: close_files(readable, scratch), seccomp: close_calls() }
}

fn close_files(readable: &[PathBuf], scratch: &Path) -> bool {
    let abi = ABI::V5;
    let system = SYSTEM.iter().map(PathBuf::from);
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(system.chain(readable.iter().cloned()), reading)))
        .and_then(|rules| rules.add_rules(path_beneath_rules([scratch], AccessFs::from_all(abi) & !AccessFs::Execute)))
        .and_then(landlock::RulesetCreated::restrict_self);
    status.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

fn close_calls() -> bool {
    filter().is_some_and(|program| seccompiler::apply_filter(&program).is_ok())
}

/// Calls that a reader of pages never needs: network, programs, other processes, mounts, kernel internals.
const DENIED: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_io_uring_setup,
    libc::SYS_userfaultfd,
    libc::SYS_open_by_handle_at,
    libc::SYS_memfd_create,
    libc::SYS_setsid,
];

fn filter() -> Option<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
    // A new thread is fine, a new process is not: clone without CLONE_THREAD.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let no_thread = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), 0).ok()?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![no_thread]).ok()?]);
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let first: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch).ok()?.try_into().ok()?;
    Some(first)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_filter_of_system_calls_compiles_here() {
        assert!(super::filter().is_some());
    }
}
