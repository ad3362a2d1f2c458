//! For packagers: completion scripts and the manual page, derived from the arguments.

use super::{DONE, Done, parse, print};

pub fn completions(shell: clap_complete::Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut parse::command(), "rightseat", &mut script);
    print(String::from_utf8_lossy(&script).trim_end()).map(|()| DONE)
}

pub fn man() -> Done {
    let mut page = Vec::new();
    clap_mangen::Man::new(parse::command()).render(&mut page)?;
    print(String::from_utf8_lossy(&page).trim_end()).map(|()| DONE)
}
