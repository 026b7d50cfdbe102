//! Where RTP meets the machine: worker threads with their sockets, the pool of RTP port pairs, and the threads that make sounds
//! ready.
//!
//! Entry types: [`Engine`] starts and ends everything, an [`EngineHandle`] belongs to each control loop, [`FromEngine`] is what
//! comes back.
//!
//! ```text
//!  control loop ── Command ─► EngineHandle ── Op, ring ─► worker ── facts, ring ─► facts thread ── FromEngine ─► control loop
//!                                  │                         ▲                          │
//!                                  │                         └───── streams that move ────┘
//!                                  ├── ports wanted ─► port pool (registers sockets) ◄── closed streams
//!                                  ├── sounds wanted ─► sound threads (files, http)
//!                                  └── recordings ─► writers ◄─ audio, rings ── worker
//! ```
//!
//! Invariant: a worker thread makes no system call but wait, send, receive and clock, takes no lock, and neither allocates nor
//! frees; everything else is done by the helper threads.

mod config;
mod engine;
mod facts;
mod handle;
mod inbox;
mod io;
mod metrics;
mod mover;
mod ports;
mod recording;
mod sound;
mod status;
mod whereabouts;
mod worker;

pub use config::{EngineConfig, FetchLimits, PortConfig, RecordingConfig, SoundConfig, WorkerHook};
pub use engine::{Engine, MetricsReader};
pub use handle::EngineHandle;
pub use inbox::{Deliver, FromEngine, PreparedSound, SoundRequest, SoundSource};
pub use io::clock::monotonic_ns;
pub use metrics::{
    EngineMetrics, LoopMetrics, PortMetrics, RecordingMetrics, SoundMetrics, ThreadMetrics, WorkerMetrics,
};
pub use recording::repair_recording;
pub use sound::{decode_sound, look_for_sound_file};
pub use status::{EngineStatus, Priority, WorkerStatus};
