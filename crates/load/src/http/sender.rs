//! What one thread does with its connection: waits for its turn, asks, judges.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::Figures;
use super::connection::{Connection, Server};
use super::mix::{Mix, Request, Resource, numbered, read};
use crate::fault::Sabotaged;
use crate::sys;

/// Longest sleep, so that a stop request is noticed.
const LONGEST_SLEEP_NS: u64 = 50_000_000;

pub(super) struct Sender<'a> {
    pub server: &'a Server,
    pub mix: &'a Mix,
    pub ids: &'a BTreeMap<String, Vec<String>>,
    pub is_writer: bool,
    pub index: u64,
    /// The next request of all threads of this kind.
    pub turn: &'a AtomicU64,
    pub every_ns: f64,
    pub start_ns: u64,
    pub end_ns: u64,
    pub stop: &'a AtomicBool,
    pub sabotaged: Sabotaged,
}

impl Sender<'_> {
    pub(super) fn run(self) -> Figures {
        let mut figures = Figures::default();
        let mut connection = Connection::new(self.server);
        let reads: Vec<&Request> = self.mix.reads.iter().flat_map(|read| (0..read.weight).map(move |_| read)).collect();
        // Where this thread is in which sequence of writes, and the id of what it created last.
        let (mut sequence, mut step, mut id) = (self.index as usize, 0, String::new());
        loop {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let due_ns = self.start_ns + (turn as f64 * self.every_ns) as u64;
            // What was created is deleted again, also after the end.
            if step == 0 && (due_ns >= self.end_ns || self.stop.load(Ordering::Relaxed)) {
                break;
            }
            self.wait(due_ns.min(self.end_ns), &mut figures);
            if self.is_writer {
                let steps = &self.mix.writes[sequence % self.mix.writes.len()];
                let next = self.ask(&mut connection, &steps[step], &id, turn, due_ns, &mut figures);
                id = next.unwrap_or(id);
                step = (step + 1) % steps.len();
                sequence += usize::from(step == 0);
            } else {
                let read = reads[turn as usize % reads.len()];
                let ids = read.ids_of.as_ref().and_then(|list| self.ids.get(list));
                let id = ids.map_or("", |ids| ids[turn as usize / reads.len() % ids.len()].as_str());
                self.ask(&mut connection, read, id, turn, due_ns, &mut figures);
            }
            if self.sabotaged.is("close-connection") && turn % 10 == 5 {
                connection.close();
            }
        }
        figures.reconnected = connection.reconnected;
        figures
    }

    fn wait(&self, due_ns: u64, figures: &mut Figures) {
        let mut waited = false;
        loop {
            let now_ns = sys::monotonic_ns();
            if now_ns >= due_ns || self.stop.load(Ordering::Relaxed) {
                if waited {
                    figures.own_lateness.add(now_ns.saturating_sub(due_ns));
                }
                return;
            }
            waited = true;
            std::thread::sleep(Duration::from_nanos((due_ns - now_ns).min(LONGEST_SLEEP_NS)));
        }
    }

    /// One request; the id of what it created.
    fn ask(
        &self,
        connection: &mut Connection<'_>,
        request: &Request,
        id: &str,
        turn: u64,
        due_ns: u64,
        figures: &mut Figures,
    ) -> Option<String> {
        let one_in_ten = turn % 10 == 5;
        let path = request.path.replace("{id}", id);
        let path = if one_in_ten && self.sabotaged.is("wrong-path") { format!("{path}/no-such-thing") } else { path };
        let body = request.body.as_ref().map(|body| numbered(body, turn).to_string());
        let what = || format!("{} {path}", request.method);
        figures.sent += 1;
        let response = connection.ask(&request.method, &path, body.as_deref());
        let mut now_ns = sys::monotonic_ns();
        let mut response = match response {
            Ok(_) if one_in_ten && self.sabotaged.is("lose-response") => {
                figures.timed_out += 1;
                return None;
            }
            Ok(response) => response,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                figures.timed_out += 1;
                figures.notes.add("no response", what);
                return None;
            }
            Err(error) => {
                figures.broken += 1;
                figures.notes.add("broken", || format!("{}: {error}", what()));
                return None;
            }
        };
        figures.answered += 1;
        *figures.statuses.entry(response.status.to_string()).or_default() += 1;
        if one_in_ten && self.sabotaged.is("cut-body") {
            response.body.pop();
        }
        if self.sabotaged.is("late-response") {
            now_ns += 1_000_000_000;
        }
        let side = if self.is_writer { &mut figures.writes } else { &mut figures.reads };
        side.latency.add(now_ns.saturating_sub(due_ns.max(self.start_ns)));
        let right = match request.status {
            0 => (200..300).contains(&response.status),
            status => status == response.status,
        };
        if !right {
            figures.wrong_status += 1;
            let text = String::from_utf8_lossy(&response.body[..response.body.len().min(200)]).into_owned();
            figures.notes.add("wrong status", || format!("{}: {} {text}", what(), response.status));
            return None;
        }
        let awaited = if self.sabotaged.is("other-id") { "another" } else { id };
        if let Err(fault) = request.fault(&response.body, awaited) {
            figures.wrong_body += 1;
            figures.notes.add("wrong body", || format!("{}: {fault}", what()));
            return None;
        }
        side.done += 1;
        let created = request.method == "POST" && self.is_writer;
        let resource = created.then(|| read::<Resource<'_>>(&response.body).ok()).flatten()?;
        resource.id().ok().map(str::to_owned)
    }
}
