//! `flowswitch load` by itself, for trials: `cargo run --release -p load --example load -- sip:echo@127.0.0.1:5060`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match load::run(&load::Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to do if standard error is closed.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}
