//! The parts of the `flowswitch` program around its core: command line, configuration, provisioning, logs, signals.
//!
//! Entry types: [`cli::Cli`], [`config::Config`], [`provision::Provisioned`], [`logging::Logging`], [`signals::Signals`].
#![forbid(unsafe_code)]

pub mod check;
pub mod cli;
pub mod config;
pub mod kernel_udp;
pub mod logging;
pub mod process_metrics;
pub mod provision;
pub mod run;
pub mod signals;
pub mod upkeep;
