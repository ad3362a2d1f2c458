//! A test as whoever runs it, and as root once more as an ordinary user.

use rightseat::workspace::layer::available;
use rightseat::workspace::root::Root;
use rightseat::workspace::tree::Rules;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in a test that was started again as an ordinary user.
pub const AGAIN: &str = "RIGHTSEAT_TEST_AS_USER";

/// A new directory. Not below the temporary directory, which is private in a layer anyway, where there is another place.
pub fn ground() -> tempfile::TempDir {
    let places = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from("/var/tmp"), std::env::temp_dir()];
    places.iter().find_map(|place| tempfile::tempdir_in(place).ok()).unwrap()
}

/// Why there are no layers here, in words.
fn no_layers() -> Option<String> {
    let dir = ground();
    let (tree, state) = (dir.path().join("tree"), dir.path().join("state"));
    for dir in [&tree, &state] {
        std::fs::create_dir(dir).unwrap();
    }
    let root = Root::open(&tree).unwrap();
    let place = (&root, &Rules::read(root.path()));
    available(env!("CARGO_BIN_EXE_rightseat").as_ref(), &state.canonicalize().unwrap(), place, &[])
        .err()
        .map(|no| no.to_string())
}

/// Runs the test of this path as it is, and as root once more as an ordinary user. Where that is not possible it says why.
pub fn as_everybody(path: &str, test: impl Fn()) {
    if let Some(no) = no_layers() {
        // Only a machine that forbids user namespaces may go without.
        let allowed = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
        let kept = Path::new("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
        let restricted = std::fs::read_to_string(kept).is_ok_and(|text| text.trim() == "1");
        // Where root can, an ordinary user can too, but for these settings.
        let in_container = std::env::var_os(AGAIN).is_none()
            && ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists());
        assert!(allowed.trim() == "0" || restricted || in_container, "{path}: no layer on this machine: {no}");
        println!("{path} was not run: {no}");
        return;
    }
    test();
    if !rustix::process::geteuid().is_root() || std::env::var_os(AGAIN).is_some() {
        return;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ordinary = passwd.lines().find_map(|line| {
        let ids: Vec<u32> = line.split(':').skip(2).take(2).filter_map(|id| id.parse().ok()).collect();
        ids.first().zip(ids.get(1)).map(|(uid, gid)| (*uid, *gid)).filter(|(uid, _)| (1000..60_000).contains(uid))
    });
    let Some((uid, gid)) = ordinary else {
        println!("{path} was not run as an ordinary user: there is none on this machine");
        return;
    };
    let again = Command::new("setpriv")
        .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned(), "--".to_owned()])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", path, "--nocapture"])
        .env(AGAIN, "1")
        .env("HOME", std::env::temp_dir())
        .output();
    match again {
        Ok(done) if done.status.success() => {
            let said = String::from_utf8_lossy(&done.stdout);
            assert!(said.contains("1 passed"), "{path} as user {uid}: {said}");
        }
        Ok(done) if done.status.code() == Some(126) || done.status.code() == Some(127) => {
            println!("{path} was not run as user {uid}: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(done) => panic!(
            "{path} as user {uid}: {}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        ),
        Err(error) => println!("{path} was not run as user {uid}: setpriv: {error}"),
    }
}
