//! Holds the output of drills from outside: what a process that no census sees would do.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;

/// What a launcher does first, as a script with its directory in `DIR`: it waits until somebody holds its output. That
/// is its fd 3 meanwhile, since fd 1 is the fifo while it writes.
pub const HELD: &str =
    "exec 3>&1; echo $$ >$DIR/pid; until [ \"$held\" = $$ ]; do read held <$DIR/held; done; exec 3>&-";

/// This process, which belongs to nobody's session, takes the output of each drill and tells its launcher: the kernel
/// says that something is left. A second drill is held as the first: on a busy machine the first may prove nothing.
pub struct Holder {
    launchers: File,
    outputs: Option<JoinHandle<Vec<File>>>,
}

impl Holder {
    /// `dir` is the launcher's.
    pub fn start(dir: &Path) -> Self {
        let fifos = ["pid", "held"].map(|fifo| dir.join(fifo));
        assert!(Command::new("mkfifo").args(&fifos).status().unwrap().success());
        // Both ways, so that neither end waits for the other to be opened.
        let [launchers, mut held] = fifos.map(|fifo| OpenOptions::new().read(true).write(true).open(fifo).unwrap());
        let lines = BufReader::new(launchers.try_clone().unwrap()).lines();
        let hold = move || {
            let mut outputs = Vec::new();
            for pid in lines.map(Result::unwrap).take_while(|line| line != "end") {
                // A launcher that was stopped meanwhile is not answered.
                if let Ok(output) = OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/3")) {
                    outputs.push(output);
                    writeln!(held, "{pid}").unwrap();
                }
            }
            outputs
        };
        Self { launchers, outputs: Some(std::thread::spawn(hold)) }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        writeln!(self.launchers, "end").unwrap();
        self.outputs.take().unwrap().join().unwrap();
    }
}
