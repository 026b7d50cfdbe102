//! The command line of `flowswitch load`.

mod tools;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
pub use tools::{Algorithm, Behaviour, CheckWavArgs, Content, HttpArgs, RegisterArgs, ReportArgs, SinkArgs};

use crate::rtp::g711::Codec;

/// Calls a SIP target many times at once and proves what comes back.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "load",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Exit codes: 0 all requirements met, 1 one was not (or nothing could be called), 2 wrong use."
)]
pub struct Args {
    /// Something other than calls by SIP.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The calls.
    #[command(flatten)]
    pub call: CallArgs,
}

/// What `flowswitch load` does besides calling by SIP.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Send the echo mode's RTP streams at a reflector, without SIP: call I to port PORT + I * STEP
    Rtp(Box<RtpArgs>),
    /// Be the bare reflector: one UDP socket per call, receive, send back, nothing else
    Reflect(ReflectArgs),
    /// Register many phones, refresh them, and prove that each is listed
    Register(Box<RegisterArgs>),
    /// Ask a REST API for things at a steady rate
    Http(Box<HttpArgs>),
    /// Receive webhooks and look whether they are whole, in order and signed
    WebhookSink(Box<SinkArgs>),
    /// Look into recorded files: number, length, and every frame of their calls
    CheckWav(Box<CheckWavArgs>),
}

/// Calls by SIP.
#[derive(Clone, Debug, clap::Args)]
pub struct CallArgs {
    // The short form of {n:1} cannot be named: clap prints a line break in its place.
    /// Who is called, for example sip:echo@127.0.0.1:5060 (UDP). Several take turns; {n:1} becomes 1, 2, 3 ... (room: the
    /// room, else the call), {n:12} the same with zeros to 12 digits
    #[arg(value_name = "SIP-URI")]
    pub targets: Vec<String>,
    /// What each call does and proves
    #[arg(long, value_enum, default_value_t = Mode::Echo)]
    pub mode: Mode,
    /// Milliseconds from answer to BYE; without it calls last until the end (setup: 1000)
    #[arg(long, value_name = "MS")]
    pub hold: Option<u64>,
    /// Who ends the call: we after --hold, or the server, whose BYE must come within --hold
    #[arg(long, value_enum, default_value_t = End::Caller)]
    pub end: End,
    /// CANCEL a call that is not answered after this time
    #[arg(long, value_name = "MS", default_value_t = 32_000)]
    pub answer_timeout_ms: u64,
    /// Digits to send as telephone events (menu)
    #[arg(long, value_name = "DIGITS", default_value = "1")]
    pub digits: String,
    /// Milliseconds from answer to the first digit (menu)
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub digits_after_ms: u64,
    /// The tone that must be heard: after the digits (menu), or anywhere (prompt)
    #[arg(long, value_name = "HZ")]
    pub tone: Option<f64>,
    /// Milliseconds after the last digit within which the tone must have been heard for 200 ms (menu)
    #[arg(long, value_name = "MS", default_value_t = 3000)]
    pub tone_within_ms: u64,
    /// Milliseconds of sound, silence not counted, that each prompt call must hear
    #[arg(long, value_name = "MS")]
    pub expect_prompt: Option<u64>,
    /// Send no RTP for silence (prompt, talk, room), as a phone does that is on mute with silence suppression
    #[arg(long)]
    pub quiet: bool,
    /// Calls of each room (room)
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub room_size: u32,
    /// How many of them talk; without it as many as there are tones, 30 (room)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=30))]
    pub talkers: Option<u32>,
    /// What is common to calls with and without SIP.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// RTP without SIP.
#[derive(Clone, Debug, clap::Args)]
pub struct RtpArgs {
    /// Address and port of the first call's stream
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub target: SocketAddr,
    /// From one call's port to the next
    #[arg(long, value_name = "STEP", default_value_t = 1)]
    pub port_step: u16,
    /// What is common to calls with and without SIP.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// How many, how fast, how long, and what must hold.
#[derive(Clone, Debug, clap::Args)]
pub struct CommonArgs {
    /// Calls kept up at the same time
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub calls: u32,
    /// New calls per second
    #[arg(long, value_name = "R", default_value_t = 50.0)]
    pub rate: f64,
    /// Seconds in all, before the last calls are ended
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub duration: u64,
    /// Our address; 127.0.0.2 if the target is in 127.0.0.0/8
    #[arg(long, value_name = "IP")]
    pub from_ip: Option<IpAddr>,
    /// Our RTP ports: even ones of this range, RTCP on the odd one above
    #[arg(long, value_name = "FIRST-LAST", default_value = "30000-65535")]
    pub rtp_ports: String,
    /// The codec we offer
    #[arg(long, value_enum, default_value_t = Codec::Pcmu)]
    pub codec: Codec,
    /// Threads of the caller
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// Milliseconds for the last frames to come back before a call is ended
    #[arg(long, value_name = "MS", default_value_t = 300)]
    pub drain_ms: u64,
    /// Seconds after --duration within which all calls must have ended
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    pub end_within: u64,
    /// Seconds to wait after the last call before the server's memory and descriptors are read again
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub settle: u64,
    /// Measure the processor time, memory, descriptors and threads of this process
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Write every figure as JSON to this file (- for standard output instead of the table)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Say nothing while running
    #[arg(long)]
    pub no_progress: bool,
    /// Allow targets other than loopback: load on a network that is not yours is an attack
    #[arg(long)]
    pub i_own_this_network: bool,
    /// What must hold.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Distort what is sent or received, to show that the figure for it notices; `list` tells the kinds
    #[arg(long, value_name = "KIND")]
    pub sabotage: Option<String>,
}

/// Requirements; each that fails is named and makes the exit code 1.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Requirements")]
pub struct LimitArgs {
    /// Any figure of the JSON report, for example 'media.foreign<=0' or 'calls.answered>=1000'; repeatable
    #[arg(long, value_name = "FIGURE<=LIMIT")]
    pub require: Vec<String>,
    /// Every figure that tells of a fault in signalling or sound must be 0
    #[arg(long)]
    pub strict: bool,
    /// Calls that failed; 0 if not said
    #[arg(long, value_name = "N")]
    pub max_failures: Option<f64>,
    /// Frames that the server lost
    #[arg(long, value_name = "N")]
    pub max_loss: Option<f64>,
    /// Percent of the server's packets within 20 ± 5 ms of the one before
    #[arg(long, value_name = "PERCENT")]
    pub min_on_time: Option<f64>,
    /// Echo delay, 99th percentile
    #[arg(long, value_name = "MS")]
    pub max_echo_p99_ms: Option<f64>,
    /// Answer to first sound, 99th percentile (talk)
    #[arg(long, value_name = "MS")]
    pub max_first_sound_p99_ms: Option<f64>,
    /// INVITE to 200, 99th percentile
    #[arg(long, value_name = "MS")]
    pub max_setup_p99_ms: Option<f64>,
    /// Percent of our own packets sent more than 5 ms late: above it the run says nothing about the server
    #[arg(long, value_name = "PERCENT")]
    pub max_generator_late: Option<f64>,
    /// The server's processor milliseconds per call and second, all calls up
    #[arg(long, value_name = "MS")]
    pub max_cpu_per_call_second_ms: Option<f64>,
    /// The server's processor milliseconds per call, set-up to end
    #[arg(long, value_name = "MS")]
    pub max_cpu_per_call_ms: Option<f64>,
    /// KiB by which the server grew, per call up
    #[arg(long, value_name = "KIB")]
    pub max_kib_per_call: Option<f64>,
}

/// The bare reflector.
#[derive(Clone, Debug, clap::Args)]
pub struct ReflectArgs {
    /// The first port
    #[arg(long, value_name = "PORT", default_value_t = 40_000)]
    pub from_port: u16,
    /// How many sockets
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sockets: u32,
    /// From one port to the next
    #[arg(long, value_name = "STEP", default_value_t = 1)]
    pub port_step: u16,
    /// The address it listens on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// As many as the server has media workers
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// Seconds until it ends by itself; without it SIGINT or SIGTERM does
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub duration: Option<u64>,
    /// Allow addresses other than loopback
    #[arg(long)]
    pub i_own_this_network: bool,
}

/// What each call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Send marked frames; every one must come back: this call's, in order, once, unaltered
    Echo,
    /// Listen: numbers, timestamps and pace must be continuous
    Prompt,
    /// Send digits and listen for the tone that follows
    Menu,
    /// INVITE, 200, ACK, wait, BYE; no RTP is sent
    Setup,
    /// Each sings a tone in a conference and hears exactly the others, while all calls are up
    Room,
    /// Listen for how long after the answer the first sound comes
    Talk,
}

/// Who hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum End {
    /// We do, after --hold
    Caller,
    /// The far end does, within --hold
    Server,
}
