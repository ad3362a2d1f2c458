//! The thin binary: everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == rightseat::workspace::launch::HIDDEN_COMMAND) {
        return rightseat::workspace::launch::main(arguments);
    }
    ExitCode::SUCCESS
}
