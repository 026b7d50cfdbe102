//! What the engine is told at its start.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use base::WorkerId;
use speech::Synthesizer;

/// Called once on every worker thread, after it got its priority and before its first round. From then on the thread makes no
/// system call but send, receive, wait and clock, so this is the place for a sandbox.
pub type WorkerHook = Arc<dyn Fn(WorkerId) + Send + Sync>;

/// Configuration of [`crate::Engine`].
#[derive(Clone)]
pub struct EngineConfig {
    /// Worker threads; 0: as many as there are cores.
    pub workers: u8,
    /// Whether worker threads ask for real-time priority; else they stay as the process is.
    pub realtime: bool,
    /// Port pairs: addresses and range.
    pub ports: PortConfig,
    /// Sounds: folder, cache, fetching.
    pub sounds: SoundConfig,
    /// Recordings: folder, threads.
    pub recordings: RecordingConfig,
    /// Instructions that fit into the ring from one control loop to one worker. What does not fit waits in the handle.
    pub command_ring: usize,
    /// Facts that fit into the ring of one worker. What does not fit waits in the streams' slots.
    pub event_ring: usize,
    /// Under load a worker lets packets gather for turns of this length, µs, which delays an echo by as much at most; 0: it
    /// answers each at once, whatever that costs.
    pub turn_us: u32,
    /// See [`WorkerHook`].
    pub worker_hook: Option<WorkerHook>,
}

/// The RTP and RTCP sockets.
#[derive(Clone, Debug)]
pub struct PortConfig {
    /// First port of the range. RTP takes even ports, RTCP the odd one above (RFC 3550 §11).
    pub first: u16,
    /// Last port of the range.
    pub last: u16,
    /// IPv4 address to bind; none: no IPv4 media. With the wildcard each packet leaves from its stream's own address.
    pub ipv4: Option<Ipv4Addr>,
    /// IPv6 address to bind; none: no IPv6 media.
    pub ipv6: Option<Ipv6Addr>,
    /// Bound pairs that are kept ready, per address family.
    pub idle_min: u32,
    /// Ready pairs above this number are closed, per address family; those above `idle_min` when nothing was leased for 10 s.
    pub idle_max: u32,
    /// How long a released pair rests, ms, so that a stale sender is not heard in the next call.
    pub rest_ms: u64,
    /// Receive buffer of each socket, octets; none: the system's default.
    pub receive_buffer: Option<usize>,
    /// Send buffer of each socket, octets; none: the system's default.
    pub send_buffer: Option<usize>,
}

/// Where sounds come from and how much of them is kept.
#[derive(Clone)]
pub struct SoundConfig {
    /// `file:` URLs are looked up below this folder and nowhere else; none: there are no files.
    pub folder: Option<PathBuf>,
    /// Octets of encoded audio that are kept for further use.
    pub cache_octets: u64,
    /// A sound that was asked for stays this long in any case, ms: the command to play it is on its way.
    pub hold_ms: u64,
    /// Longest sound, s.
    pub longest_s: u32,
    /// Requests that may wait for a thread; more are refused.
    pub requests_max: usize,
    /// Threads that decode files and what was fetched, and as many again for large ones; each decodes one at a time.
    pub file_threads: usize,
    /// Limits of fetching by http and https.
    pub fetch: FetchLimits,
    /// Who speaks; none: texts are not spoken.
    pub speech: Option<Arc<dyn Synthesizer>>,
    /// Threads that have texts spoken; each has one spoken at a time.
    pub speech_threads: usize,
    /// Longest wait of a text for the beginning of its sound, ms.
    pub speech_first_ms: u64,
    /// Longest wait of a text for all sounds that stand in it (SSML `audio`), ms; then what the text has in their stead is spoken.
    pub speech_sounds_ms: u64,
}

/// Where recordings go and who writes them.
#[derive(Clone, Debug)]
pub struct RecordingConfig {
    /// The files are made in this folder, which is made if it does not exist; none: every recording fails with these words.
    pub folder: Option<PathBuf>,
    /// Threads that write, of slightly lowered priority (nice 2); at least 1.
    pub threads: u8,
    /// Recordings that may run at once; more fail. Each takes about 60 KiB of memory.
    pub most: usize,
    /// A recording ends as if its duration was over after this much audio, s. At most 259,200 (a WAV file has room for 74 h).
    pub longest_s: u32,
}

/// `spec/media.md` §6.
#[derive(Clone, Debug)]
pub struct FetchLimits {
    /// Longest wait for the first octet of the answer, ms.
    pub first_octet_ms: u64,
    /// Longest time for the whole, ms.
    pub total_ms: u64,
    /// Longest wait for the next octet of a body, ms.
    pub stall_ms: u64,
    /// A body that is slower than this, octets a second, measured over 10 s, is given up; 0: none is.
    pub slowest_octets_per_s: u64,
    /// Sounds that are fetched at once; others wait.
    pub at_once: usize,
    /// Of these, most from one host and port.
    pub at_once_per_host: usize,
    /// Largest body, octets.
    pub octets_max: u64,
    /// Most redirects.
    pub redirects_max: usize,
    /// Which addresses may be asked, also after a redirect; none: all.
    pub may_ask: Option<fn(IpAddr) -> bool>,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            workers: 0,
            realtime: true,
            ports: PortConfig::default(),
            sounds: SoundConfig::default(),
            recordings: RecordingConfig::default(),
            command_ring: 1_024,
            event_ring: 4_096,
            turn_us: 1_500,
            worker_hook: None,
        }
    }
}

impl Default for PortConfig {
    fn default() -> PortConfig {
        PortConfig {
            first: 10_000,
            last: 29_999,
            ipv4: Some(Ipv4Addr::UNSPECIFIED),
            ipv6: None,
            idle_min: 32,
            idle_max: 256,
            rest_ms: 2_000,
            receive_buffer: None,
            send_buffer: None,
        }
    }
}

impl Default for RecordingConfig {
    fn default() -> RecordingConfig {
        RecordingConfig { folder: None, threads: 2, most: 8_192, longest_s: 86_400 }
    }
}

impl Default for SoundConfig {
    fn default() -> SoundConfig {
        SoundConfig {
            folder: None,
            cache_octets: 256 << 20,
            hold_ms: 10_000,
            longest_s: 3_600,
            requests_max: 4_096,
            file_threads: 3,
            fetch: FetchLimits::default(),
            speech: None,
            speech_threads: 4,
            speech_first_ms: 10_000,
            speech_sounds_ms: 6_000,
        }
    }
}

impl Default for FetchLimits {
    fn default() -> FetchLimits {
        FetchLimits {
            first_octet_ms: 10_000,
            total_ms: 120_000,
            stall_ms: 5_000,
            slowest_octets_per_s: 4 << 10,
            at_once: 64,
            at_once_per_host: 8,
            octets_max: 64 << 20,
            redirects_max: 5,
            may_ask: None,
        }
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("workers", &self.workers)
            .field("realtime", &self.realtime)
            .field("ports", &self.ports)
            .field("sounds", &self.sounds)
            .field("recordings", &self.recordings)
            .field("command_ring", &self.command_ring)
            .field("event_ring", &self.event_ring)
            .field("turn_us", &self.turn_us)
            .field("worker_hook", &self.worker_hook.as_ref().map(|_| "set"))
            .finish()
    }
}

impl fmt::Debug for SoundConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoundConfig")
            .field("folder", &self.folder)
            .field("cache_octets", &self.cache_octets)
            .field("hold_ms", &self.hold_ms)
            .field("longest_s", &self.longest_s)
            .field("requests_max", &self.requests_max)
            .field("file_threads", &self.file_threads)
            .field("fetch", &self.fetch)
            .field("speech", &self.speech.as_ref().map(|speech| speech.engine()))
            .field("speech_threads", &self.speech_threads)
            .field("speech_first_ms", &self.speech_first_ms)
            .field("speech_sounds_ms", &self.speech_sounds_ms)
            .finish()
    }
}
