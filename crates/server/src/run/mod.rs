//! Wiring: what starts, in which order, and how it ends. Reads as a list.

mod apply;
mod banner;
mod certificates;
mod clock;
mod conference_flows;
mod conference_keeper;
mod crash;
mod doze;
mod engine_facts;
mod keeping;
mod lanes;
mod listeners;
mod log_feed;
mod loop_thread;
mod metrics;
mod note_log;
mod outlets;
mod outside;
mod owed_flows;
mod provided;
mod publisher;
mod resources;
mod service_manager;
mod sip_sockets;
mod snapshot;
mod speech;
mod steps;
mod store_numbers;
mod store_repository;
mod supervisor;
mod wishes;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::speech::Synthesizer;
use api::{
    Api, ApiConfig, HttpFetcher, Limits, Listener, NotReady, Ports, RateLimits, Reach, Readiness, Shape, WebhookConfig,
    Webhooks,
};
use arc_swap::ArcSwap;
use base::LoopId;
use call::{Control, Input};
use media_engine::{Engine, EngineConfig, FetchLimits, PortConfig, RecordingConfig, SoundConfig};
use model::Timestamp;
use sip_transport::{
    BindSockets, ConnectionLimits, Connections, Edge, Inlet, Lane, OnUndelivered, Push, Pushed, SipSender,
    StreamLimits, UdpTransport,
};

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::kernel_udp::kernel_udp_metrics;
use crate::logging::Logging;
use crate::process_metrics::process_metrics;
use crate::provision::{self, Provisioned};
use crate::signals::Signals;
use certificates::Certificates;
use lanes::{LaneSender, LaneSizes};
use log_feed::LogFeed;
use loop_thread::{LoopNumbers, LoopParts, LoopThread};
use metrics::ServerMetrics;
use outside::Outside;
use publisher::Publisher;
use resources::Resources;
use steps::Steps;
use store::Store;
use store_numbers::StoreNumbers;
use store_repository::{StoreCursors, StoreJournal, StoreRepository};
use supervisor::Supervisor;
use wishes::Wishes;

/// How often the first ports are looked for, and how many times: 5 s in all.
const PORT_WAIT_ROUND: Duration = Duration::from_millis(10);
const PORT_WAIT_ROUNDS: u32 = 500;

/// Places for HTTP connections of this machine itself, besides those of all: who looks after the server is heard whatever others do.
const HTTP_RESERVED: usize = 8;
/// How long a connection may take to say what it wants.
const HTTP_HEAD: Duration = Duration::from_secs(10);
/// How long the end waits for SIP connections, and for WebSockets of events, to write what they have and to be closed.
const LAST_GOODBYES: Duration = Duration::from_secs(2);
/// How long it waits for HTTP requests that are being answered.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// How long it waits for what runs besides: webhooks, and names that are looked up.
const LAST_TASKS: Duration = Duration::from_secs(1);
/// How long it waits for the database to be closed: 40 MiB may have to be carried over.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Whatever keeps the server from starting, in words for the operator.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// Runs the server until it was told to end and all is said.
///
/// # Errors
/// What keeps it from starting.
pub fn serve(args: &ServeArgs) -> Result<(), StartError> {
    let config = args.load()?;
    let provisioned = provision::load(&config.provision, Timestamp::from_us(clock::now().wall_us))?;
    let logging = Logging::start(&config.log)?;
    for warning in &provisioned.warnings {
        tracing::warn!("{warning}");
    }
    warn_of_missing_sounds(&config.media.folder);
    make_data_dir(&config.data_dir).map_err(|error| format!("data_dir {}: {error}", config.data_dir.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let result = runtime.block_on(run(args, config, provisioned, logging));
    // A look-up of a name cannot be called off, and the end does not wait for it.
    runtime.shutdown_timeout(LAST_TASKS);
    result
}

/// Without their folder all sounds that are files would be passed over, call by call.
fn warn_of_missing_sounds(folder: &Path) {
    if !folder.is_dir() {
        let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        tracing::warn!("media.folder: there is no folder {}: sounds such as file:x.wav are not heard", whole.display());
    }
}

/// The folder of everything that is kept. Phones' passwords and callers' voices are in it: nobody else may look.
fn make_data_dir(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

async fn run(args: &ServeArgs, config: Config, provisioned: Provisioned, logging: Logging) -> Result<(), StartError> {
    let signals = Signals::listen()?;
    let readiness = Arc::new(Readiness::default());
    // First of all: who starts a second server reads that this one runs, and nobody waits in a socket while records are read.
    let started = Timestamp::from_us(clock::now().wall_us);
    let (store, bridges) = keeping::open(&config, started)?;
    let mut udp = UdpTransport::bind(&listeners::udp(&config), &mut BindSockets)?;
    let connections = Connections::new(connection_limits(&config));
    let (mut tcp, mut tls) = (listeners::bind_tcp(&config)?, listeners::bind_tls(&config)?);
    let certificates = Certificates::load(&config, clock::now().wall_us)?;
    let (sip_sender, lost) = SipSender::new(udp.sender(), connections.clone()).with_lost_messages();
    let limits = Limits {
        max_connections: config.http.max_connections,
        reserved: HTTP_RESERVED,
        head: HTTP_HEAD,
        idle: Duration::from_secs(config.http.idle_seconds),
    };
    let http = Listener::bind(config.http.socket_address(), limits).await?;
    let http_address = http.local_addr()?;

    let sizes = LaneSizes {
        dialog: config.control.urgent_lane,
        new_work: config.control.new_work_lane,
        api: config.control.api_lane,
    };
    let (senders, receivers): (Vec<LaneSender>, Vec<_>) =
        (0..config.control.loops).map(|_| lanes::lanes(sizes)).unzip();
    let facts = senders.clone();
    let deliver = move |owner: LoopId, message| facts[usize::from(owner.0)].fact(engine_facts::input(message));
    let speech = speech::start(&config);
    let mut engine = Engine::start(engine_config(&config, speech), config.control.loops, Box::new(deliver))?;

    // Nothing is likely to keep it from starting any more, so that a password made up here is not lost.
    let (turn, steps) = (conference_keeper::Turn::default(), Steps::default());
    let resources = Resources::new(store.clone(), config.sip.domain.clone(), turn.clone());
    let applied = resources.apply(&provisioned, started)?;
    let secrets = banner::Secrets { access_key: resources.first_key(started)?, passwords: applied.new_passwords };
    keep_secrets(&secrets, &config.data_dir);
    publisher::tell(&store, &[], &applied.changes);
    let mut first = snapshot::snapshot(1, &config);
    resources.fill(&mut first)?;

    let wishes = Arc::new(Wishes::new(senders.clone(), store.clone()));
    let fetcher = HttpFetcher::new(reach(&config));
    let webhook_secret = Arc::new(ArcSwap::from_pointee(resources.webhook_secret()?));
    let (conferences, keeper) = conference_keeper::start(store.clone(), senders.clone(), turn.clone())?;
    let bindings = store.all_bindings()?;
    let pages = bindings.iter().filter(|binding| binding.is_of_page()).count();
    if pages > 0 {
        tracing::info!(
            pages,
            "web pages that were registered before the start are not any more: their connections are gone"
        );
    }
    let mut loops = Vec::new();
    for (number, lanes) in receivers.into_iter().enumerate() {
        let owner = LoopId(number as u8);
        senders[number].snapshot(first.clone());
        loops.push(LoopThread::spawn(LoopParts {
            control: Control::new(owner, seed()?, snapshot::endpoint(&config)),
            lanes,
            engine: engine.handle(owner).ok_or("the media engine has no handle for this loop")?,
            sender: sip_sender.clone(),
            outside: Outside {
                owner,
                feed: LogFeed::new(store.clone(), conferences.clone()),
                senders: senders.clone(),
                wishes: wishes.clone(),
                fetcher: fetcher.clone(),
                webhook_secret: webhook_secret.clone(),
                runtime: tokio::runtime::Handle::current(),
                store: store.clone(),
            },
            crash_folder: config.data_dir.join("crashes"),
        })?);
        // However many there are, and however short its lane: the loop takes them out already, behind the snapshot.
        senders[number].wish(Input::Bindings(bindings.clone()));
        bridges.iter().for_each(|bridge| senders[number].wish(publisher::made_by_hand(bridge)));
    }

    let edge = Arc::new(Edge::new(config.control.loops, config.sip.retry_after_seconds));
    let numbers: Vec<_> = loops.iter().map(|thread| thread.numbers.clone()).collect();
    wait_for_ports(&numbers).await;
    let closed = sip_sockets::closed(senders.clone());
    let inlet = Inlet::new(edge.clone(), push(senders.clone()), sip_sender, closed.clone());
    let sip_sockets = sip_sockets::Takes {
        connections: connections.clone(),
        inlet: inlet.clone(),
        listener: listeners::http_number(&config),
        closed,
        origins: config.http.sip_origins.clone(),
    };
    let stream_limits = StreamLimits { idle: Duration::from_secs(config.sip.connection_idle_seconds) };
    tokio::spawn(lost.redial(inlet.clone(), stream_limits, tcp.bound().to_vec(), undelivered(senders.clone())));
    tcp.start(&inlet, stream_limits)?;
    tls.start_tls(&inlet, stream_limits, &certificates.current())?;
    udp.start(Arc::new(move |datagram, hop| inlet.datagram(datagram, hop)))?;
    let udp = Arc::new(udp);

    let sip = udp.bound().map(|bound| bound.address).chain(tcp.bound().iter().chain(tls.bound()).copied());
    let sip = listeners::bound(&config, sip);
    announce(&banner::text(&config, &provisioned, &sip, http_address, &engine.status().to_string()));
    show_secrets(&secrets, &config.data_dir);

    let server = ServerMetrics {
        loops: numbers.clone(),
        lanes: senders.clone(),
        edge,
        udp: udp.clone(),
        connections: connections.clone(),
        engine: engine.metrics_reader(),
    };
    let repository = Arc::new(StoreRepository(store.clone(), turn));
    let (live, entries) = tokio::sync::mpsc::channel(LIVE_GROUPS);
    let webhooks = Webhooks::start(
        webhook_config(&config),
        entries,
        Arc::new(StoreJournal(store.clone())),
        Arc::new(StoreCursors(store.clone())),
        repository.clone(),
    )?;
    let publish = Arc::new(Publisher { store: store.clone(), senders: senders.clone(), steps: steps.clone() });
    let owed = owed_flows::begin(store.clone(), wishes.clone());
    let ports = Ports { repository, control: wishes, publish, sip: Arc::new(sip_sockets) };
    let api = Api::new(api_config(&config, &store)?, ports);
    let events = api.events();
    outlets::connect(&store, events.clone(), live, webhook_secret);
    tokio::spawn(owed);
    let sources: Vec<Arc<dyn api::MetricsSource>> = vec![
        Arc::new(server),
        http.metrics(),
        webhooks.metrics(),
        fetcher,
        Arc::new(StoreNumbers(store.clone())),
        logging.metrics(),
        process_metrics(),
        kernel_udp_metrics(),
    ];
    let (stop_http, http_stopped) = tokio::sync::oneshot::channel::<()>();
    let router = api::api_router(&api, readiness.clone(), sources);
    let http = tokio::spawn(api::serve(http, router, async move {
        let _ = http_stopped.await;
    }));
    readiness.set(NotReady::Starting, false);
    service_manager::tell(service_manager::Stage::Ready);

    let supervisor = Supervisor {
        args: args.clone(),
        config,
        snapshot_number: 1,
        senders,
        numbers,
        engine: engine.metrics_reader(),
        readiness,
        resources,
        certificates,
        steps,
        store: store.clone(),
        logging: &logging,
    };
    supervisor.run(signals).await;

    let mut all_well = true;
    for thread in loops {
        all_well &= thread.end();
    }
    drop(conferences);
    all_well &= keeper.join().is_ok();
    engine.shutdown();
    drop((tcp, tls));
    connections.close_all();
    if tokio::time::timeout(LAST_GOODBYES, connections.all_ended()).await.is_err() {
        tracing::warn!("some SIP connections were not closed in time");
    }
    let _ = stop_http.send(());
    if tokio::time::timeout(LAST_ANSWERS, http).await.is_err() {
        tracing::warn!("some HTTP requests were not answered to their end");
    }
    let closing = store.clone();
    let settled = keeping::settle(store).await;
    // By now they have been told of all.
    if tokio::time::timeout(LAST_GOODBYES, events.close_all()).await.is_err() {
        tracing::warn!("some WebSockets were not closed in time");
    }
    if tokio::time::timeout(LAST_TASKS, webhooks.end()).await.is_err() {
        tracing::warn!("how far webhooks have got could not be written down in time: some will be sent twice");
    }
    let closed = tokio::task::spawn_blocking(move || closing.close());
    if tokio::time::timeout(LAST_WRITES, closed).await.is_err() {
        tracing::warn!("the database could not be closed in time; the next start carries its -wal over");
    }
    tracing::info!("ended");
    match all_well {
        true => settled,
        false => Err("a thread had panicked; the log says where".into()),
    }
}

/// Lets every loop get its first leased ports: a call that came before would be turned away. Until then what arrives waits
/// in the sockets of the listeners.
async fn wait_for_ports(loops: &[Arc<ArcSwap<LoopNumbers>>]) {
    for _ in 0..PORT_WAIT_ROUNDS {
        if loops.iter().all(|numbers| numbers.load().gauges.port_stock > 0) {
            return;
        }
        tokio::time::sleep(PORT_WAIT_ROUND).await;
    }
    tracing::warn!("no RTP port could be had within 5 s: calls will be turned away until there is one");
}

/// Shows the start message: to a person as it is, to a log collector as a log line.
#[expect(clippy::print_stdout, reason = "the start message is for the person who typed the command")]
fn announce(text: &str) {
    use std::io::IsTerminal as _;
    if std::io::stdout().is_terminal() {
        println!("{text}");
    } else {
        tracing::info!("{text}");
    }
}

/// Keeps what was made up at this start in a file; a log is only told where.
fn keep_secrets(secrets: &banner::Secrets, data_dir: &Path) {
    if secrets.text().is_empty() {
        return;
    }
    let file = secrets_file(data_dir);
    match secrets.keep(&file) {
        Ok(()) => tracing::info!("an access key or passwords were made; they are in {}", file.display()),
        Err(error) => tracing::error!(%error, "{} cannot be written", file.display()),
    }
}

/// Shows it to a person.
#[expect(clippy::print_stdout, reason = "passwords are for the person who typed the command, never for a log")]
fn show_secrets(secrets: &banner::Secrets, data_dir: &Path) {
    use std::io::IsTerminal as _;
    let text = secrets.text();
    if !text.is_empty() && std::io::stdout().is_terminal() {
        println!("  Made at this start; also in {}\n{text}", secrets_file(data_dir).display());
    }
}

fn secrets_file(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets").join("first-start.txt")
}

/// Tells the loop that sent a request that there was no way for it. If its lane is full, the transaction's timer tells it.
fn undelivered(senders: Vec<LaneSender>) -> OnUndelivered {
    Arc::new(move |message| {
        let owner = sip_core::loop_of_request_sent(&message);
        if let Some(sender) = owner.and_then(|owner| senders.get(usize::from(owner.0))) {
            let _ = sender.try_sip(Lane::Dialog, Input::Undelivered(message));
        }
    })
}

/// What may wait for a peer that does not read: a hundred messages as they are, four of the longest.
const WAITING_BYTES: usize = 256 << 10;

fn connection_limits(config: &Config) -> ConnectionLimits {
    ConnectionLimits {
        max: config.sip.max_connections,
        max_per_address: config.sip.max_connections_per_address,
        max_waiting_bytes: WAITING_BYTES,
    }
}

/// Groups of accepted entries on their way to webhooks; what does not fit is read from the log.
const LIVE_GROUPS: usize = 256;

fn reach(config: &Config) -> Reach {
    if config.webhook.private_addresses { Reach::Anywhere } else { Reach::PublicOnly }
}

/// Sounds are fetched from where webhooks go, and from nowhere else.
fn is_public(ip: IpAddr) -> bool {
    Reach::PublicOnly.allows(ip)
}

fn webhook_config(config: &Config) -> WebhookConfig {
    let shape = Shape { legacy: config.api.legacy_timestamps };
    WebhookConfig { reach: reach(config), shape, queue: config.webhook.queue, ..WebhookConfig::default() }
}

fn api_config(config: &Config, store: &Store) -> Result<ApiConfig, StartError> {
    let fresh = resources::new_secret()?;
    Ok(ApiConfig {
        base_domain: config.sip.domain.clone(),
        shape: Shape { legacy: config.api.legacy_timestamps },
        recordings: config.recordings_folder(),
        token_secret: store.secret("login-tokens", || fresh)?.to_vec(),
        rate_limits: config.api.rate_limit.then(RateLimits::default),
        quotas: config.api.quotas(),
    })
}

fn engine_config(config: &Config, speech: Arc<dyn Synthesizer>) -> EngineConfig {
    let (ipv4, ipv6) = match config.rtp.address.0 {
        Some(IpAddr::V4(ip)) => (Some(ip), None),
        Some(IpAddr::V6(ip)) => (None, Some(ip)),
        None => {
            let ipv4 = snapshot::listens_on(config, IpAddr::is_ipv4);
            let ipv6 = snapshot::listens_on(config, IpAddr::is_ipv6);
            (ipv4.then_some(std::net::Ipv4Addr::UNSPECIFIED), ipv6.then_some(std::net::Ipv6Addr::UNSPECIFIED))
        }
    };
    EngineConfig {
        workers: config.media.workers,
        realtime: config.media.realtime,
        ports: PortConfig {
            first: config.rtp.first_port,
            last: config.rtp.last_port,
            ipv4,
            ipv6,
            idle_max: config.rtp.ready_pairs,
            rest_ms: config.rtp.rest_ms,
            ..PortConfig::default()
        },
        sounds: SoundConfig {
            folder: Some(config.media.folder.clone()),
            cache_octets: config.media.cache_mib << 20,
            fetch: FetchLimits {
                first_octet_ms: config.media.fetch_seconds * 1_000,
                stall_ms: config.media.fetch_stall_seconds * 1_000,
                slowest_octets_per_s: config.media.fetch_min_kib_per_second << 10,
                total_ms: config.media.fetch_total_seconds * 1_000,
                at_once: config.media.fetches,
                at_once_per_host: config.media.fetches_per_host,
                octets_max: config.media.fetch_mib << 20,
                may_ask: (!config.webhook.private_addresses).then_some(is_public as fn(IpAddr) -> bool),
                ..FetchLimits::default()
            },
            speech: Some(speech),
            speech_threads: config.speech.processes,
            ..SoundConfig::default()
        },
        recordings: RecordingConfig {
            folder: Some(config.recordings_folder()),
            threads: config.recordings.threads as u8,
            longest_s: config.recordings.longest_seconds as u32,
            ..RecordingConfig::default()
        },
        ..EngineConfig::default()
    }
}

/// 32 octets of the system's randomness: the seed of everything that a loop draws.
fn seed() -> std::io::Result<[u8; 32]> {
    use std::io::Read as _;
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}

/// The way of a SIP message into the lane of its loop.
fn push(senders: Vec<LaneSender>) -> Push {
    Arc::new(move |owner, lane, message, hop| {
        match senders[usize::from(owner.0)].try_sip(lane, Input::Sip { message, hop }) {
            Ok(()) => Pushed::Taken,
            Err(Input::Sip { message, .. }) => Pushed::Full(message),
            Err(_) => unreachable!("a lane gives back what was put in"),
        }
    })
}
