//! What a machine allows of a layer, and the fix for what it does not.
//!
//! Sources: user_namespaces(7), proc_pid_status(5) for `Seccomp`, overlayfs.rst for the kernels; the switches of Debian and
//! Ubuntu; the security options of docker-run(1), which podman has too.

use super::probe::NoLayer;
use std::fs;
use std::path::{Path, PathBuf};

/// The first kernel on which an ordinary user can mount an overlay.
const KERNEL_MIN: (u32, u32) = (5, 11);

/// The settings of a machine that decide about layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub is_root: bool,
    pub has_user_namespaces: bool,
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Option<u64>,
    /// `kernel.unprivileged_userns_clone`, of Debian.
    pub userns_clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, of Ubuntu.
    pub apparmor_restricts: Option<u64>,
    /// Major and minor version.
    pub kernel: (u32, u32),
    pub is_container: bool,
    /// A seccomp filter is on this process.
    pub is_filtered: bool,
    /// The rightseat binary, which a profile of AppArmor has to name.
    pub program: PathBuf,
}

impl Machine {
    /// This machine.
    pub fn look() -> Self {
        let number = |name: &str| {
            let text = fs::read_to_string(format!("/proc/sys/{name}")).ok()?;
            text.trim().parse::<u64>().ok()
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let marks = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];
        Self {
            is_root: rustix::process::geteuid().is_root(),
            has_user_namespaces: Path::new("/proc/self/ns/user").exists(),
            max_user_namespaces: number("user/max_user_namespaces"),
            userns_clone: number("kernel/unprivileged_userns_clone"),
            apparmor_restricts: number("kernel/apparmor_restrict_unprivileged_userns"),
            kernel: version(&fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default()),
            is_container: marks.iter().any(|mark| Path::new(mark).exists()),
            is_filtered: status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "2"])),
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("rightseat")),
        }
    }

    /// The setting that forbids layers, if one is known to, with the fix.
    pub fn obstacle(&self) -> Option<NoLayer> {
        let no = |why: &str, fix: &str| Some(NoLayer::new(why.to_owned(), fix));
        if !self.has_user_namespaces {
            return no("this kernel has no user namespaces", "boot a kernel that is built with CONFIG_USER_NS=y");
        }
        if self.kernel < KERNEL_MIN {
            let (major, minor) = self.kernel;
            let why = format!("Linux {major}.{minor} cannot mount an overlay in a user namespace");
            return no(&why, "boot Linux 5.11 or newer");
        }
        if self.max_user_namespaces == Some(0) {
            return no("user.max_user_namespaces is 0", "sudo sysctl -w user.max_user_namespaces=10000");
        }
        if !self.is_root && self.userns_clone == Some(0) {
            let fix = "sudo sysctl -w kernel.unprivileged_userns_clone=1";
            return no("kernel.unprivileged_userns_clone is 0", fix);
        }
        if !self.is_root && self.apparmor_restricts.is_some_and(|value| value > 0) {
            let program = self.program.display();
            let profile = format!("abi <abi/4.0>, profile rightseat {program} flags=(unconfined) {{ userns, }}");
            let fix = format!(
                "write `{profile}` to /etc/apparmor.d/rightseat and run: sudo apparmor_parser -r /etc/apparmor.d/rightseat; or, for all programs: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
            );
            return no("AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)", &fix);
        }
        None
    }

    /// The fix for what the launcher or the file system said.
    pub(super) fn fix(&self, why: &str) -> String {
        if let Some(no) = self.obstacle() {
            return no.fix;
        }
        let is_refused = why.contains("namespace") || why.contains("mounts private") || why.contains("uid_map");
        let text = if is_refused && self.is_container {
            "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined, or with --privileged"
        } else if is_refused && self.is_filtered {
            "a seccomp filter forbids it: start rightseat outside of the sandbox, or with RestrictNamespaces=no in its systemd unit"
        } else if is_refused {
            "a security module or the limit of namespaces forbids it: see the kernel's log (sudo dmesg) and user.max_user_namespaces"
        } else if why.contains("/proc") {
            "the container hides parts of /proc: start it with --security-opt systempaths=unconfined, or run rightseat outside of it"
        } else if why.contains("overlay") {
            "the state directory or the workspace is on a file system that cannot hold a layer, as in a container: choose a directory on ext4, xfs, btrfs or tmpfs with --state-dir"
        } else {
            "commands run without a layer; `[layer] commands = \"never\"` turns this note off"
        };
        text.to_owned()
    }
}

fn version(release: &str) -> (u32, u32) {
    let mut parts = release.split(['.', '-']).map(|part| part.trim().parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Machine {
        Machine {
            is_root: false,
            has_user_namespaces: true,
            max_user_namespaces: Some(10_000),
            userns_clone: Some(1),
            apparmor_restricts: Some(0),
            kernel: (6, 8),
            is_container: false,
            is_filtered: false,
            program: PathBuf::from("/usr/bin/rightseat"),
        }
    }

    #[test]
    fn each_setting_that_forbids_a_layer_has_its_fix() {
        let check = |machine: Machine, why: &str, fix: &str| {
            let no = machine.obstacle().unwrap();
            assert!(no.why.contains(why) && no.fix.contains(fix), "{no}");
            assert_eq!(machine.fix("cannot make namespaces: EPERM"), no.fix, "the setting is the cause");
        };
        assert_eq!(fine().obstacle(), None);
        check(Machine { has_user_namespaces: false, ..fine() }, "no user namespaces", "CONFIG_USER_NS=y");
        check(Machine { kernel: (5, 4), ..fine() }, "Linux 5.4", "5.11 or newer");
        check(
            Machine { max_user_namespaces: Some(0), ..fine() },
            "max_user_namespaces is 0",
            "max_user_namespaces=10000",
        );
        check(
            Machine { userns_clone: Some(0), ..fine() },
            "unprivileged_userns_clone is 0",
            "unprivileged_userns_clone=1",
        );
        let apparmor = Machine { apparmor_restricts: Some(1), ..fine() };
        check(apparmor.clone(), "AppArmor", "profile rightseat /usr/bin/rightseat flags=(unconfined) { userns, }");
        check(apparmor.clone(), "AppArmor", "apparmor_restrict_unprivileged_userns=0");
        // Root is not restricted by the switches for ordinary users.
        assert_eq!(Machine { is_root: true, userns_clone: Some(0), ..apparmor }.obstacle(), None);
        assert_eq!(Machine { userns_clone: None, apparmor_restricts: None, ..fine() }.obstacle(), None);
    }

    #[test]
    fn what_the_kernel_refused_has_the_fix_of_its_place() {
        let check = |machine: Machine, why: &str, fix: &str| {
            let found = machine.fix(why);
            assert!(found.contains(fix), "{why}: {found}");
        };
        let container = Machine { is_container: true, is_filtered: true, ..fine() };
        check(container.clone(), "cannot make namespaces: EPERM", "--security-opt seccomp=unconfined");
        check(container.clone(), "cannot make the mounts private: EACCES", "apparmor=unconfined");
        check(container, "cannot mount a fresh /proc: EPERM", "systempaths=unconfined");
        check(Machine { is_filtered: true, ..fine() }, "cannot make namespaces: EPERM", "RestrictNamespaces=no");
        check(fine(), "cannot make namespaces: ENOSPC", "user.max_user_namespaces");
        check(fine(), "cannot lay an overlay over /w: EINVAL", "--state-dir");
        check(fine(), "something else", "commands run without a layer");
    }

    #[test]
    fn the_version_of_every_kernel_is_read() {
        for (release, expect) in
            [("5.15.0-91-generic\n", (5, 15)), ("6.18.1", (6, 18)), ("4.18-x", (4, 18)), ("", (0, 0))]
        {
            assert_eq!(version(release), expect, "{release}");
        }
    }
}
