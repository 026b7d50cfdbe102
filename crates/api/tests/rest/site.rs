//! A served API, and a client that speaks plain HTTP.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use api::{
    Api, ApiConfig, ConferenceRecording, Control, EventHub, Kind, Limits, Listener, MemoryRepository, NewToken, Ports,
    Publish, Quotas, RateLimits, Readiness, Refused, Repository, Shape, hash_password,
};
use futures_util::future::BoxFuture;
use model::{
    Accesskey, Action, Activeflow, ActiveflowStatus, Address, AddressType, Agent, Binding, Call, CallStatus, CallType,
    Confbridge, Conference, ConferenceStatus, Conferencecall, Customer, Direction, HangupBy, HangupReason, Resource,
    Timestamp,
};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::sip::{PhoneLimits, Phones};

pub(crate) const CUSTOMER: Uuid = Uuid::from_u128(0xc1);
pub(crate) const OTHER: Uuid = Uuid::from_u128(0xc2);

/// What runs, played by a map: the repository says what state a call is in, this ends it; recordings and runs end a little later.
pub(crate) struct Calls {
    repository: Arc<MemoryRepository>,
    pub(crate) refuse: Mutex<Option<Refused>>,
    /// Runs that were stopped, of which the loops know nothing any more.
    stopped: Mutex<BTreeSet<Uuid>>,
    /// Recordings of conferences that begin are not written down.
    pub(crate) is_forgetful: AtomicBool,
}

impl Calls {
    fn answer<T>(&self, found: Option<T>) -> Result<T, Refused> {
        match *self.refuse.lock().unwrap() {
            Some(refused) => Err(refused),
            None => found.ok_or(Refused::NotFound),
        }
    }

    /// As the loops' last word of something comes: behind their answer.
    fn put_later(&self, resource: Resource, event: &'static str) {
        let repository = self.repository.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(120)).await;
            repository.put(&resource, event).unwrap();
        });
    }

    fn confbridge(&self, id: Uuid) -> Option<Confbridge> {
        match self.repository.get(Kind::Confbridge, id).unwrap() {
            Some(Resource::Confbridge(bridge)) => Some(Arc::unwrap_or_clone(bridge)),
            _ => None,
        }
    }

    fn conference(&self, id: Uuid) -> Option<Conference> {
        match self.repository.get(Kind::Conference, id).unwrap() {
            Some(Resource::Conference(conference)) => Some(Arc::unwrap_or_clone(conference)),
            _ => None,
        }
    }

    fn keep_confbridge(&self, bridge: &Confbridge, event: &str) {
        self.repository.put(&Resource::Confbridge(Arc::new(bridge.clone())), event).unwrap();
    }
}

impl Control for Calls {
    fn hang_up(&self, id: Uuid) -> BoxFuture<'_, Result<Call, Refused>> {
        Box::pin(async move {
            let found = self.repository.get(Kind::Call, id).unwrap();
            let call = found.and_then(|found| {
                if let Resource::Call(call, _) = found { Some(Arc::unwrap_or_clone(call)) } else { None }
            });
            let mut call = self.answer(call)?;
            let shown = Call { status: CallStatus::Terminating, ..call.clone() };
            call.status = CallStatus::Hangup;
            (call.hangup_by, call.hangup_reason) = (HangupBy::Local, HangupReason::Normal);
            self.repository.put(&Resource::Call(Arc::new(call.clone()), None), "call_hangup").unwrap();
            if !call.recording_id.is_nil() {
                call.recording_id = Uuid::nil();
                self.put_later(Resource::Call(Arc::new(call), None), "call_updated");
            }
            Ok(shown)
        })
    }

    fn stop_activeflow(&self, id: Uuid) -> BoxFuture<'_, Result<Activeflow, Refused>> {
        Box::pin(async move {
            let found = self.repository.get(Kind::Activeflow, id).unwrap();
            let found = found.and_then(|found| {
                if let Resource::Activeflow(found) = found { Some(Arc::unwrap_or_clone(found)) } else { None }
            });
            let mut activeflow = self.answer(found.filter(|_| self.stopped.lock().unwrap().insert(id)))?;
            activeflow.status = ActiveflowStatus::Ended;
            self.put_later(Resource::Activeflow(Arc::new(activeflow.clone())), "activeflow_updated");
            Ok(activeflow)
        })
    }

    fn activeflow_variables(&self, _: Uuid) -> BoxFuture<'_, Result<Map<String, Value>, Refused>> {
        let variables = Map::from_iter([("voipbin.call.digits".to_owned(), json!("1"))]);
        Box::pin(async move { self.answer(Some(variables)) })
    }

    fn kick_conferencecall(&self, _: Uuid) -> BoxFuture<'_, Result<Conferencecall, Refused>> {
        Box::pin(async move { self.answer(None) })
    }

    /// Only one that somebody is in is known here. He has left a little later, or before this was asked and the repository never
    /// heard of it.
    fn close_conference(&self, id: Uuid) -> BoxFuture<'_, Result<Conference, Refused>> {
        Box::pin(async move {
            let inside = self.conference(id).filter(|conference| !conference.conferencecall_ids.is_empty());
            let mut conference = self.answer(inside)?;
            if conference.status == ConferenceStatus::Terminating {
                return Ok(Conference { status: ConferenceStatus::Terminated, ..conference });
            }
            conference.status = ConferenceStatus::Terminating;
            self.repository.put(&Resource::Conference(Arc::new(conference.clone())), "conference_updated").unwrap();
            let (repository, mut over) = (self.repository.clone(), conference.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(120)).await;
                (over.status, over.tm_end) = (ConferenceStatus::Terminated, Some(at(7)));
                over.conferencecall_ids.clear();
                repository.put(&Resource::Conference(Arc::new(over)), "conference_updated").unwrap();
            });
            Ok(conference)
        })
    }

    fn kick_confbridge_call(&self, id: Uuid, call_id: Uuid) -> BoxFuture<'_, Result<Confbridge, Refused>> {
        Box::pin(async move {
            let inside = self.confbridge(id).filter(|bridge| bridge.channel_call_ids.contains(&call_id));
            let mut bridge = self.answer(inside)?;
            bridge.channel_call_ids.retain(|inside| *inside != call_id);
            self.keep_confbridge(&bridge, "confbridge_leaved");
            Ok(bridge)
        })
    }

    fn close_confbridge(&self, id: Uuid) -> BoxFuture<'_, Result<Confbridge, Refused>> {
        Box::pin(async move {
            let mut bridge = self.answer(self.confbridge(id))?;
            let ending = Confbridge { status: ConferenceStatus::Terminating, ..bridge.clone() };
            bridge.channel_call_ids.clear();
            bridge.status = ConferenceStatus::Terminated;
            self.keep_confbridge(&bridge, "confbridge_terminated");
            Ok(ending)
        })
    }

    /// One is recorded while somebody is in it. Its record says so a little later.
    fn start_conference_recording(
        &self,
        id: Uuid,
        _: ConferenceRecording,
    ) -> BoxFuture<'_, Result<Conference, Refused>> {
        Box::pin(async move {
            let mut conference = self.answer(self.conference(id))?;
            if conference.conferencecall_ids.is_empty() {
                return Err(Refused::NobodyThere);
            }
            if !conference.recording_id.is_nil() {
                return Err(Refused::RecordingActive);
            }
            conference.recording_id = Uuid::from_u128(0x4ec);
            conference.recording_ids.push(conference.recording_id);
            if !self.is_forgetful.load(Ordering::Relaxed) {
                self.put_later(Resource::Conference(Arc::new(conference.clone())), "conference_updated");
            }
            Ok(conference)
        })
    }

    fn stop_conference_recording(&self, id: Uuid) -> BoxFuture<'_, Result<Conference, Refused>> {
        Box::pin(async move {
            let conference = self.answer(self.conference(id))?;
            if conference.recording_id.is_nil() {
                return Err(Refused::RecordingNotActive);
            }
            let over = Conference { recording_id: Uuid::nil(), ..conference.clone() };
            self.put_later(Resource::Conference(Arc::new(over)), "conference_updated");
            Ok(conference)
        })
    }

    fn live_registrations(&self, _: Uuid) -> BoxFuture<'_, Vec<Binding>> {
        let binding = |customer_id, contact: &str, created_us| Binding {
            extension_id: Uuid::from_u128(1),
            customer_id,
            contact: contact.into(),
            received: "127.0.0.1:5062".into(),
            transport: "udp".to_owned(),
            listener: 0,
            local: "127.0.0.1:5060".into(),
            call_id: "x".into(),
            cseq: 1,
            user_agent: "phone".into(),
            expires_us: 2_000_000,
            created_us,
            params: String::new(),
        };
        let own = "sip:1000@127.0.0.1:5062";
        let bindings = vec![
            binding(CUSTOMER, own, 1_000_000),
            binding(OTHER, own, 1_000_000),
            binding(CUSTOMER, "sip:1000@127.0.0.2:5062", 1_500_000),
            binding(CUSTOMER, "sip:1000@127.0.0.3:5062", 1_500_000),
        ];
        Box::pin(async move { bindings })
    }
}

/// Remembers what was published, and which threads are just about a step.
#[derive(Default)]
pub(crate) struct Published(pub(crate) Mutex<Vec<(Resource, String)>>, Mutex<Vec<ThreadId>>);

impl Publish for Published {
    fn changed(&self, resource: Resource, event: &str) {
        let in_step = self.1.lock().unwrap().contains(&std::thread::current().id());
        assert!(in_step, "{event} is told outside of the step that has stored it");
        self.0.lock().unwrap().push((resource, event.to_owned()));
    }
    fn in_one_step(&self, step: &mut dyn FnMut()) {
        let thread = std::thread::current().id();
        self.1.lock().unwrap().push(thread);
        step();
        self.1.lock().unwrap().retain(|known| *known != thread);
    }
}

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) repository: Arc<MemoryRepository>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) published: Arc<Published>,
    pub(crate) phones: Arc<Phones>,
    pub(crate) events: Arc<EventHub>,
    pub(crate) folder: std::path::PathBuf,
    /// The key of the customer's program.
    pub(crate) key: String,
}

#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) legacy: bool,
    pub(crate) limits: Option<RateLimits>,
    pub(crate) quotas: Quotas,
    pub(crate) phones: PhoneLimits,
    /// Places for HTTP connections, with none kept for this machine.
    pub(crate) max_connections: Option<usize>,
    pub(crate) idle: Option<Duration>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) octets: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.octets).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and reason of a refusal; also checks that it has all its parts.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let error = &self.json()["error"];
        assert_eq!(error["request_id"].as_str().map(str::len), Some(32), "{self:?}");
        assert!(
            error["message"].as_str().is_some_and(|text| text.len() > 5) && error["status"].is_string(),
            "{self:?}"
        );
        assert!(self.head.contains(&format!("x-request-id: {}", error["request_id"].as_str().unwrap())));
        (self.status, error["reason"].as_str().unwrap().to_owned())
    }
}

pub(crate) async fn site() -> Site {
    site_with(Options::default()).await
}

pub(crate) async fn site_with(options: Options) -> Site {
    let repository = Arc::new(MemoryRepository::default());
    let calls = Arc::new(Calls {
        repository: repository.clone(),
        refuse: Mutex::default(),
        stopped: Mutex::default(),
        is_forgetful: AtomicBool::default(),
    });
    let published = Arc::new(Published::default());
    let folder = std::env::temp_dir().join(format!("flowswitch-api-{}-{}", std::process::id(), new_id().simple()));
    let config = ApiConfig {
        base_domain: "voipbin.net".into(),
        shape: Shape { legacy: options.legacy },
        recordings: folder.clone(),
        token_secret: vec![7; 32],
        rate_limits: options.limits,
        quotas: options.quotas,
    };
    let phones = Arc::new(Phones::new(options.phones));
    let (control, publish, sip) = (calls.clone(), published.clone(), phones.clone());
    let ports = Ports { repository: repository.clone(), control, publish, sip };
    let api = Api::new(config, ports);
    let (head, max_connections) = (Duration::from_secs(10), options.max_connections.unwrap_or(64));
    let reserved = if options.max_connections.is_some() { 0 } else { 8 };
    let limits = Limits { max_connections, reserved, head, idle: options.idle.unwrap_or(Duration::from_secs(20)) };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits);
    let listener = listener.await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = api::api_router(&api, Arc::new(Readiness::default()), vec![listener.metrics()]);
    tokio::spawn(api::serve(listener, router, std::future::pending()));
    let customer = Customer { id: CUSTOMER, name: "Acme".into(), tm_create: Some(at(1)), ..Customer::default() };
    repository.put(&Resource::Customer(Arc::new(customer)), "").unwrap();
    let events = api.events();
    let mut site = Site { address, repository, calls, published, phones, events, folder, key: String::new() };
    site.key = site.new_key(CUSTOMER, None);
    site
}

pub(crate) fn at(us: u64) -> Timestamp {
    Timestamp::from_us(us)
}

impl Site {
    /// Tells WebSockets of an event.
    pub(crate) fn publish(&self, entry: &model::LogEntry) {
        self.events.publish(&Arc::from([store::Accepted { seq: 1, entry: entry.clone() }]));
    }

    pub(crate) fn put(&self, resource: Resource) {
        self.repository.put(&resource, "").unwrap();
    }

    pub(crate) fn new_key(&self, customer_id: Uuid, tm_expire: Option<Timestamp>) -> String {
        let token = NewToken::random();
        let key = Accesskey {
            id: new_id(),
            customer_id,
            token_hash: token.hash(),
            tm_expire,
            tm_create: Some(at(1)),
            ..Accesskey::default()
        };
        self.put(Resource::Accesskey(Arc::new(key)));
        token.as_str().to_owned()
    }

    pub(crate) fn new_agent(&self, username: &str, password: &str, permission: u32) -> Uuid {
        let id = new_id();
        let password_hash = hash_password(password).unwrap();
        let agent = Agent {
            id,
            customer_id: CUSTOMER,
            username: username.into(),
            password_hash,
            permission,
            ..Agent::default()
        };
        self.put(Resource::Agent(Arc::new(agent)));
        id
    }

    pub(crate) fn change_password(&self, agent: Uuid, password: &str) {
        self.change_agent(agent, |agent| agent.password_hash = hash_password(password).unwrap());
    }

    pub(crate) fn change_agent(&self, id: Uuid, change: impl FnOnce(&mut Agent)) {
        let Some(Resource::Agent(mut agent)) = self.repository.get(Kind::Agent, id).unwrap() else {
            panic!("no agent")
        };
        change(Arc::make_mut(&mut agent));
        self.put(Resource::Agent(agent));
    }

    pub(crate) fn new_call(&self, id: u128, status: CallStatus, created_us: u64) -> Uuid {
        let id = Uuid::from_u128(id);
        let call = Call { id, status, tm_create: Some(at(created_us)), ..call(CUSTOMER) };
        self.put(Resource::Call(Arc::new(call), Some(Arc::new(Action { kind: "answer".into(), ..Action::start() }))));
        id
    }

    /// Asks with the program's key.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: impl Into<Option<Value>>) -> Answer {
        let body = body.into().map(|body: Value| body.to_string());
        self.ask_as(&self.key, method, path, body.as_deref()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub(crate) async fn ask_as(&self, key: &str, method: &str, path: &str, body: Option<&str>) -> Answer {
        let mut head = String::new();
        if !key.is_empty() {
            head.push_str(&format!("Authorization: Bearer {key}\r\n"));
        }
        if body.is_some() {
            head.push_str("Content-Type: application/json\r\n");
        }
        self.raw(method, path, &head, body.unwrap_or_default().as_bytes()).await
    }

    /// Any request, with any head.
    pub(crate) async fn raw(&self, method: &str, path: &str, head: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        // A refused upgrade is the last request, too.
        let connection = if head.contains("Upgrade:") { "close, upgrade" } else { "close" };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n{head}{length}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let octets = answer.split_off(end + 4);
        let head = head.to_lowercase();
        let octets = if head.contains("transfer-encoding: chunked") { unchunk(&octets) } else { octets };
        Answer { status, head, octets }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return octets;
        }
        octets.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
    }
}

/// A call of a customer.
pub(crate) fn call(customer_id: Uuid) -> Call {
    Call {
        id: new_id(),
        customer_id,
        flow_id: Uuid::nil(),
        activeflow_id: Uuid::nil(),
        kind: CallType::Flow,
        master_call_id: Uuid::nil(),
        chained_call_ids: Vec::new(),
        owner_type: String::new(),
        owner_id: Uuid::nil(),
        recording_id: Uuid::nil(),
        recording_ids: Vec::new(),
        groupcall_id: Uuid::nil(),
        confbridge_id: Uuid::nil(),
        mute_direction: String::new(),
        metadata: Map::new(),
        source: Address::new(AddressType::Tel, "+821100000001", "Ann"),
        destination: Address::new(AddressType::Tel, "+821100000002", ""),
        status: CallStatus::Progressing,
        direction: Direction::Incoming,
        hangup_by: HangupBy::None,
        hangup_reason: HangupReason::None,
        tm_ringing: None,
        tm_progressing: None,
        tm_hangup: None,
        tm_create: Some(at(1)),
        tm_update: None,
        tm_delete: None,
    }
}

/// An id that no other resource of this process has.
pub(crate) fn new_id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128((1 << 64) + u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}
