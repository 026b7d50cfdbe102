//! Starting and ending everything.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use base::{LoopId, WorkerId};
use crossbeam_channel::{Sender, unbounded};
use rtrb::RingBuffer;

use crate::config::{EngineConfig, PortConfig};
use crate::facts::{self, FactsThread, WorkerRings};
use crate::handle::{EngineHandle, Lane};
use crate::inbox::{Deliver, FromEngine};
use crate::io::wake::{self, Bell};
use crate::io::{descriptors, priority};
use crate::metrics::{EngineMetrics, LiveLoop, LivePorts, LiveSounds, ThreadMetrics};
use crate::mover::{self, Mover, MoverLane};
use crate::ports::{self, Pool, PoolRequest, PoolThread};
use crate::recording::{self, RecordingThreads, Recordings};
use crate::sound::{self, SoundThreads, Sounds};
use crate::status::{EngineStatus, WorkerStatus};
use crate::whereabouts::Whereabouts;
use crate::worker::{self, Outlet, WorkerShared, WorkerThread};

/// Fewer cores than this are left to the scheduler: a pinned worker would be in the way of everybody else.
const CORES_TO_PIN: usize = 4;
/// More workers than ids.
const WORKERS_MAX: usize = 255;

/// The running media engine: worker threads, the port pool, sounds. Dropping it ends all of them.
pub struct Engine {
    handles: Vec<Option<EngineHandle>>,
    status: EngineStatus,
    metrics: MetricsReader,
    workers: Vec<JoinHandle<()>>,
    facts: Option<JoinHandle<()>>,
    facts_stop: Arc<AtomicBool>,
    bell: Arc<Bell>,
    pool: Option<JoinHandle<()>>,
    pool_requests: Sender<PoolRequest>,
    sounds: Option<SoundThreads>,
    recordings: Option<RecordingThreads>,
}

/// Reads the engine's numbers from any thread, without disturbing any.
#[derive(Clone)]
pub struct MetricsReader {
    workers: Vec<Arc<WorkerShared>>,
    ports: Arc<LivePorts>,
    sounds: Arc<LiveSounds>,
    recordings: Arc<Recordings>,
    loops: Vec<(LoopId, Arc<LiveLoop>)>,
}

impl MetricsReader {
    /// All numbers of now.
    pub fn read(&self) -> EngineMetrics {
        EngineMetrics {
            ports: self.ports.read(),
            sounds: self.sounds.read(),
            recordings: self.recordings.metrics(),
            workers: self.workers.iter().map(|worker| worker.metrics()).collect(),
            loops: self.loops.iter().map(|(owner, live)| (*owner, live.read())).collect(),
        }
    }
}

impl Engine {
    /// Starts the workers and helper threads for `loops` control loops, numbered from 0. What the engine has to say to a loop
    /// comes through `deliver`, on a helper thread.
    ///
    /// # Errors
    /// No address family is configured, the port range has no pair, or a descriptor or thread cannot be made.
    pub fn start(
        config: EngineConfig,
        loops: u8,
        deliver: Box<dyn Fn(LoopId, FromEngine) + Send + Sync>,
    ) -> io::Result<Engine> {
        let descriptor_limit = descriptors::raise_limit();
        let port_pairs_configured = ports::pairs_possible(&config.ports, u64::MAX);
        let port_pairs = ports::pairs_possible(&config.ports, descriptor_limit);
        if port_pairs == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, no_pairs(&config.ports, descriptor_limit)));
        }
        let cores = priority::cores();
        let count = match usize::from(config.workers) {
            0 => cores.len().clamp(1, WORKERS_MAX),
            count => count,
        };
        let slots = port_pairs.div_ceil(count) as u32;
        let shared = (0..count)
            .map(|at| Ok(Arc::new(WorkerShared::with_guests(WorkerId(at as u8), slots, count as u8)?)))
            .collect::<io::Result<Vec<_>>>()?;

        let deliver: Arc<Deliver> = Arc::from(deliver);
        let live_ports = Arc::new(LivePorts::default());
        let live_sounds = Arc::new(LiveSounds::default());
        let (pool_requests, pool_jobs) = unbounded();
        // Refusals of sound requests: as many as control loops have outstanding, and they are taken at once.
        let (answers, answers_in) = unbounded();
        let (bell, listener) = wake::bell()?;
        let bell = Arc::new(bell);
        let (sounds, sound_jobs) = Sounds::new(config.sounds.clone(), deliver.clone(), live_sounds.clone());

        let (recordings, recording_queues) = Recordings::new(config.recordings.clone(), deliver.clone());

        // One message of each moving stream.
        let (arrivals, arrivals_out): (Vec<_>, Vec<_>) = (0..loops).map(|_| unbounded()).unzip();
        let handles: Vec<EngineHandle> = (0..loops)
            .zip(arrivals_out)
            .map(|(owner, arrivals)| EngineHandle {
                owner: LoopId(owner),
                lanes: Vec::with_capacity(count),
                whereabouts: Whereabouts::new(arrivals),
                pool: pool_requests.clone(),
                sounds: sounds.clone(),
                recordings: recordings.clone(),
                answers: answers.clone(),
                bell: bell.clone(),
                live: Arc::new(LiveLoop::default()),
            })
            .collect();
        let metrics = MetricsReader {
            workers: shared.clone(),
            ports: live_ports.clone(),
            sounds: live_sounds,
            recordings: recordings.clone(),
            loops: handles.iter().map(|handle| (handle.owner, handle.live.clone())).collect(),
        };
        // From here on, an error drops the engine, and that ends the threads that run by then.
        let mut engine = Engine {
            handles: handles.into_iter().map(Some).collect(),
            status: EngineStatus {
                workers: Vec::with_capacity(count),
                packet_io: "epoll and plain sockets",
                port_pairs,
                port_pairs_configured,
                descriptor_limit,
            },
            metrics,
            workers: Vec::with_capacity(count),
            facts: None,
            facts_stop: Arc::new(AtomicBool::new(false)),
            bell: bell.clone(),
            pool: None,
            pool_requests: pool_requests.clone(),
            sounds: None,
            recordings: None,
        };

        let mut rings = Vec::with_capacity(count);
        let mut lanes = Vec::with_capacity(count);
        for (at, shared) in shared.iter().enumerate() {
            let core = (cores.len() >= CORES_TO_PIN).then(|| cores[at % cores.len()]);
            let (far_ends, lane) = engine.start_worker(&config, shared, core, count as u8)?;
            rings.push(far_ends);
            lanes.push(lane);
        }
        engine.facts = Some(facts::spawn(FactsThread {
            rings,
            answers: answers_in,
            pool: pool_requests,
            mover: Mover { lanes, arrivals },
            deliver: deliver.clone(),
            bell,
            listener,
            stop: engine.facts_stop.clone(),
        })?);
        engine.sounds = Some(sound::spawn(&sounds, sound_jobs)?);
        engine.recordings = Some(recording::spawn(&recordings, recording_queues)?);
        let pool = Pool::new(config.ports, shared, port_pairs, live_ports);
        engine.pool = Some(ports::spawn(PoolThread { pool, requests: pool_jobs, deliver })?);
        Ok(engine)
    }

    /// Makes the rings of a worker and starts its thread; the far ends and the mover's way to it go to the facts thread.
    fn start_worker(
        &mut self,
        config: &EngineConfig,
        shared: &Arc<WorkerShared>,
        core: Option<usize>,
        workers: u8,
    ) -> io::Result<(WorkerRings, MoverLane)> {
        let mut ops: Vec<_> = self
            .handles
            .iter_mut()
            .flatten()
            .map(|handle| {
                let (near, far) = RingBuffer::new(config.command_ring.max(1));
                handle.lanes.push(Lane::new(shared.clone(), near));
                far
            })
            .collect();
        let (near, far) = RingBuffer::new(mover::RING);
        let lane = MoverLane { shared: shared.clone(), ring: near, outbox: VecDeque::new() };
        ops.push(far);
        let (events_near, events) = RingBuffer::new(config.event_ring.max(1));
        let (retired_near, retired) = RingBuffer::new(config.event_ring.max(1));
        let is_wildcard = |ports: &PortConfig| {
            ports.ipv4.is_some_and(|ip| ip.is_unspecified()) || ports.ipv6.is_some_and(|ip| ip.is_unspecified())
        };
        let outlet = Outlet {
            shared: shared.clone(),
            events: events_near,
            retired: retired_near,
            name_source: is_wildcard(&config.ports),
            bell: self.bell.clone(),
            news: false,
            numbers: ThreadMetrics::default(),
        };
        let thread = WorkerThread {
            shared: shared.clone(),
            ops,
            outlet,
            workers,
            core,
            hook: config.worker_hook.clone(),
            realtime: config.realtime,
            turn_us: config.turn_us,
        };
        let (join, priority, core) = worker::spawn(thread)?;
        self.workers.push(join);
        self.status.workers.push(WorkerStatus { worker: shared.id, priority, core });
        Ok((WorkerRings { events, retired }, lane))
    }

    /// The end of the control loop `owner`: once, then none.
    pub fn handle(&mut self, owner: LoopId) -> Option<EngineHandle> {
        self.handles.get_mut(usize::from(owner.0))?.take()
    }

    /// What the system permitted.
    pub fn status(&self) -> &EngineStatus {
        &self.status
    }

    /// All numbers of now.
    pub fn metrics(&self) -> EngineMetrics {
        self.metrics.read()
    }

    /// Something that reads the numbers from another thread.
    pub fn metrics_reader(&self) -> MetricsReader {
        self.metrics.clone()
    }

    /// Ends all threads and closes all sockets. Facts that the workers have reported are delivered before it returns; streams
    /// that are open are dropped without a further word, but for their recordings, which are completed.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        for worker in &self.metrics.workers {
            worker.stop();
        }
        for thread in self.workers.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media worker had panicked");
            }
        }
        if let Some(recordings) = self.recordings.take() {
            recordings.stop();
        }
        // The rings' near ends are gone now, so the facts thread drains all there is.
        self.facts_stop.store(true, Ordering::SeqCst);
        self.bell.ring();
        let _ = self.pool_requests.send(PoolRequest::Stop);
        for thread in [self.facts.take(), self.pool.take()].into_iter().flatten() {
            if thread.join().is_err() {
                tracing::error!("a helper thread of the media engine had panicked");
            }
        }
        if let Some(sounds) = self.sounds.take() {
            sounds.stop();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn no_pairs(config: &PortConfig, descriptor_limit: u64) -> String {
    if config.ipv4.is_none() && config.ipv6.is_none() {
        return "RTP has neither an IPv4 nor an IPv6 address".into();
    }
    format!(
        "the RTP port range {}-{} with a limit of {descriptor_limit} open descriptors has no room for one pair",
        config.first, config.last
    )
}
