//! The command lines of what `flowswitch load` does besides calling.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::ValueEnum;

use crate::rtp::g711::Codec;

/// What must hold, and where the figures go.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReportArgs {
    /// Any figure of the JSON report, for example 'register.refused<=0'; repeatable
    #[arg(long, value_name = "FIGURE<=LIMIT", help_heading = "Requirements")]
    pub require: Vec<String>,
    /// Every figure that tells of a fault must be 0
    #[arg(long, help_heading = "Requirements")]
    pub strict: bool,
    /// Write every figure as JSON to this file (- for standard output instead of the table)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Say nothing while running
    #[arg(long)]
    pub no_progress: bool,
    /// Distort what is sent or received, to show that the figure for it notices; `list` tells the kinds
    #[arg(long, value_name = "KIND")]
    pub sabotage: Option<String>,
}

/// Registrations.
#[derive(Clone, Debug, clap::Args)]
pub struct RegisterArgs {
    /// Where the registrar is, for example sip:127.0.0.1:5060 (UDP); its host is the domain of the addresses
    #[arg(value_name = "SIP-URI")]
    pub registrar: String,
    /// How many users
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub users: u32,
    /// The first user's extension; the others have the numbers after it
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub first_extension: u64,
    /// The password of each; {e} becomes the extension
    #[arg(long, value_name = "PATTERN", default_value = "load-{e}")]
    pub password: String,
    /// Extensions and passwords instead: lines `extension,password`, or a JSON file with objects that have both, such as
    /// a provisioning file
    #[arg(long, value_name = "FILE")]
    pub accounts: Option<PathBuf>,
    /// The domain of the addresses of record, if it is not the registrar's host
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// First registrations per second
    #[arg(long, value_name = "R", default_value_t = 500.0)]
    pub rate: f64,
    /// Refreshes per second, once all are registered
    #[arg(long, value_name = "R", default_value_t = 500.0)]
    pub refresh_rate: f64,
    /// Seconds of refreshes
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub duration: u64,
    /// Seconds that are asked for
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub expires: u32,
    /// Remove every registration at the end, at --rate, and prove that it is gone
    #[arg(long)]
    pub unregister: bool,
    /// Which of the offered algorithms to answer with
    #[arg(long, value_enum, default_value_t = Algorithm::Offered)]
    pub algorithm: Algorithm,
    /// Percent of the users that have a wrong password and must be refused
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    pub wrong_password: f64,
    /// Users that share one socket
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub users_per_socket: u32,
    /// A request without response is given up after this time
    #[arg(long, value_name = "MS", default_value_t = 32_000)]
    pub timeout_ms: u64,
    /// Our address; 127.0.0.2 if the registrar is in 127.0.0.0/8
    #[arg(long, value_name = "IP")]
    pub from_ip: Option<IpAddr>,
    /// Measure the processor time, memory and descriptors of this process
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Allow registrars other than on loopback
    #[arg(long)]
    pub i_own_this_network: bool,
    /// What must hold.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// How a challenge is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Algorithm {
    /// By the first offered one that is known (RFC 8760 §2.4)
    Offered,
    /// By MD5, as most phones know it
    Md5,
    /// By SHA-256
    Sha256,
}

/// Requests to a REST API.
#[derive(Clone, Debug, clap::Args)]
pub struct HttpArgs {
    /// The API, for example http://127.0.0.1:8080
    #[arg(value_name = "URL")]
    pub base: String,
    /// The access key that goes with each request
    #[arg(long, value_name = "KEY", default_value = "")]
    pub key: String,
    /// What is asked for: a JSON file, see `--mix list`; without it the resources of a voice user
    #[arg(long, value_name = "FILE")]
    pub mix: Option<String>,
    /// Reads per second
    #[arg(long, value_name = "R", default_value_t = 100.0)]
    pub reads: f64,
    /// Writes per second
    #[arg(long, value_name = "R", default_value_t = 0.0)]
    pub writes: f64,
    /// Connections, each kept open; half of them for writes if there are any
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=256))]
    pub connections: u32,
    /// Seconds in all
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub duration: u64,
    /// A request without response is given up after this time
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    pub timeout_ms: u64,
    /// Measure the processor time, memory and descriptors of this process
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Allow servers other than on loopback
    #[arg(long)]
    pub i_own_this_network: bool,
    /// What must hold.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// A receiver of webhooks.
#[derive(Clone, Debug, clap::Args)]
pub struct SinkArgs {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8099")]
    pub listen: SocketAddr,
    /// The secret that signs each event; without it signatures are only counted
    #[arg(long, value_name = "SECRET")]
    pub secret: Option<String>,
    /// What it does with each event
    #[arg(long, value_enum, default_value_t = Behaviour::Ok)]
    pub behave: Behaviour,
    /// Percent of the events that it behaves so with; the others get 200
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0)]
    pub share: f64,
    /// How many calls must be heard of from their beginning to their end
    #[arg(long, value_name = "N")]
    pub calls: Option<u64>,
    /// Milliseconds before each response
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub delay_ms: u64,
    /// Seconds until it ends by itself; without it SIGINT or SIGTERM does
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub duration: Option<u64>,
    /// Allow addresses other than loopback
    #[arg(long)]
    pub i_own_this_network: bool,
    /// What must hold.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What the receiver of webhooks does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Behaviour {
    /// 200
    Ok,
    /// Never answer
    Hang,
    /// Close the connection without an answer
    Drop,
    /// 307 to itself, for ever
    Redirect,
    /// 500
    Error,
    /// 200 with a body of a gigabyte
    Huge,
    /// Something that is not HTTP
    Nonsense,
}

/// Recorded files.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckWavArgs {
    /// Files, or folders with files that end in .wav
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// How many files there must be
    #[arg(long, value_name = "N")]
    pub files: Option<u64>,
    /// The shortest that a file may be
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub min_ms: u64,
    /// The longest that a file may be
    #[arg(long, value_name = "MS", default_value_t = 86_400_000)]
    pub max_ms: u64,
    /// Milliseconds at the beginning and at the end that may be without sound
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub edge_ms: u64,
    /// What must be in each file
    #[arg(long, value_enum, default_value_t = Content::Marks)]
    pub content: Content,
    /// The codec of the call that was recorded
    #[arg(long, value_enum, default_value_t = Codec::Pcmu)]
    pub codec: Codec,
    /// The tone that must be heard all the time, for --content tone; several are those that must be heard together. Best are
    /// multiples of 50 Hz
    #[arg(long, value_name = "HZ")]
    pub tone: Vec<f64>,
    /// A tone that must never be heard
    #[arg(long, value_name = "HZ")]
    pub no_tone: Vec<f64>,
    /// Files that were last changed longer ago than this are left out
    #[arg(long, value_name = "SECONDS")]
    pub newer_than: Option<u64>,
    /// What must hold.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What a recorded file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Content {
    /// The marked frames of one echo call, each once and in order, from the first to the last without a gap
    Marks,
    /// One tone, or several together, all the time
    Tone,
    /// Anything: only header and length are looked at
    Any,
}
