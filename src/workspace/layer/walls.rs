//! What is closed after the mounts: capabilities, writing outside (landlock), calls of the kernel (seccomp).

use super::plan::Plan;
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope, path_beneath_rules,
};
use nix::libc;
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Compare, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

/// What root keeps in a layer: files of other users stay files that it can use.
const ROOT_KEEPS: CapabilitySet =
    CapabilitySet::CHOWN.union(CapabilitySet::DAC_OVERRIDE).union(CapabilitySet::FOWNER).union(CapabilitySet::FSETID);

/// Calls that a command has no use for, and an attack has.
const FORBIDDEN: &[i64] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_userfaultfd,
    libc::SYS_open_by_handle_at,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
];
/// Calls that programs try first and do without: they must look as if this kernel did not have them.
const ABSENT: &[i64] = &[
    // Its flags are in memory, where no filter reads them.
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];
/// Requests to a terminal that type into it: `TIOCSTI` and `TIOCLINUX` of `asm-generic/ioctls.h`. The C libraries declare them
/// with different types.
const TYPING: [u64; 2] = [0x5412, 0x541c];
/// Families of sockets that end in the network namespace, or at a path.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
const NAMESPACES: [i32; 8] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
    0x80, // CLONE_NEWTIME
];
/// The second table of numbers of x86-64.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

/// Closes everything, for this process and all that it starts.
///
/// # Errors
/// In words, with the step that failed.
pub(super) fn close(plan: &Plan) -> Result<(), String> {
    drop_capabilities().map_err(|errno| format!("cannot give capabilities up: {errno}"))?;
    rustix::thread::set_no_new_privs(true).map_err(|errno| format!("cannot set no_new_privs: {errno}"))?;
    confine(plan).map_err(|error| format!("landlock: {error}"))?;
    for (calls, errno) in [(forbidden()?, libc::EPERM), (absent(), libc::ENOSYS)] {
        let program = program(calls, errno).map_err(|error| format!("seccomp: {error}"))?;
        seccompiler::apply_filter(&program).map_err(|error| format!("seccomp: {error}"))?;
    }
    Ok(())
}

fn drop_capabilities() -> rustix::io::Result<()> {
    let kept = if rustix::process::geteuid().is_root() { ROOT_KEEPS } else { CapabilitySet::empty() };
    rustix::thread::clear_ambient_capability_set()?;
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if kept.contains(one) {
            continue;
        }
        // The kernel says so where it knows no such capability.
        match rustix::thread::remove_capability_from_bounding_set(one) {
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets)
}

/// The second line behind the read-only mounts: nothing is written outside these directories, no signal and no
/// connection to an abstract socket leaves the layer. A kernel without landlock has the first line only.
fn confine(plan: &Plan) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V6;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(plan.writable(), AccessFs::from_write(abi)))?
        .restrict_self()
        .map(|_| ())
}

type Calls = BTreeMap<i64, Vec<SeccompRule>>;

fn program(calls: Calls, errno: i32) -> Result<BpfProgram, seccompiler::BackendError> {
    let arch = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(calls, SeccompAction::Allow, refuse, arch)?.try_into()
}

fn absent() -> Calls {
    everywhere(ABSENT.iter().map(|call| (*call, Vec::new())).collect())
}

fn forbidden() -> Result<Calls, String> {
    let rule = |conditions: Vec<Result<SeccompCondition, seccompiler::BackendError>>| {
        let conditions = conditions.into_iter().collect::<Result<Vec<_>, _>>();
        conditions.and_then(SeccompRule::new).map_err(|error| format!("seccomp: {error}"))
    };
    let word =
        |argument: u8, compare: Compare, value: u64| SeccompCondition::new(argument, Length::Dword, compare, value);
    let bits = |flag: &i32| {
        let flag = u64::from(flag.unsigned_abs());
        rule(vec![word(0, Compare::MaskedEq(flag), flag)])
    };
    let namespaces = || NAMESPACES.iter().map(bits).collect::<Result<Vec<_>, _>>();
    let other_family = FAMILIES.iter().map(|family| word(0, Compare::Ne, u64::from(family.unsigned_abs())));
    let typing = TYPING.iter().map(|request| rule(vec![word(1, Compare::Eq, *request)]));
    let mut calls: Calls = FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    calls.insert(libc::SYS_unshare, namespaces()?);
    // The lowest byte of its flags is a signal, which no bit of CLONE_NEWTIME can be told from.
    calls.insert(libc::SYS_clone, namespaces()?.into_iter().take(NAMESPACES.len() - 1).collect());
    calls.insert(libc::SYS_socket, vec![rule(other_family.collect())?]);
    calls.insert(libc::SYS_ioctl, typing.collect::<Result<Vec<_>, _>>()?);
    Ok(everywhere(calls))
}

/// The same calls under every number that this machine knows them by.
fn everywhere(calls: Calls) -> Calls {
    #[cfg(target_arch = "x86_64")]
    let calls = calls.into_iter().flat_map(|(call, rules)| [(call, rules.clone()), (call | X32, rules)]).collect();
    calls
}
