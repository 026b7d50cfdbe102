//! What the events of calls must be like: each call's begin with `call_created`, go forward only, end with `call_hangup`, and
//! none comes twice (spec/resources.md §12).

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use serde_json::Value;

use crate::histogram::Histogram;
use crate::notes::Notes;

/// Calls and events that are remembered at most; further ones are only counted.
const MOST: usize = 4_000_000;

/// The figures under `webhook.` that come of the events themselves.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct EventFigures {
    /// Events, each as often as it was delivered.
    pub events: u64,
    /// Events by name.
    pub names: BTreeMap<String, u64>,
    /// Calls of which anything was heard.
    pub calls: u64,
    /// Calls with their beginning and their end.
    pub complete: u64,
    /// Calls without `call_hangup`.
    pub unfinished: u64,
    /// Calls whose first event was not `call_created`.
    pub headless: u64,
    /// Events that go back in a call's life.
    pub out_of_order: u64,
    /// Events of a call's life after its `call_hangup`.
    pub after_end: u64,
    /// Events that came again although they had been answered by 200.
    pub duplicates: u64,
    /// Events that came again because they had not.
    pub retries: u64,
    /// Bodies that are no event.
    pub malformed: u64,
    /// Not looked at, since too many are remembered already.
    pub untracked: u64,
    /// `tm_create` of `call_created` until the event was here.
    pub created_delay: Histogram,
    /// `tm_hangup` of `call_hangup` until the event was here.
    pub hangup_delay: Histogram,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub figures: EventFigures,
    pub notes: Notes,
    calls: HashMap<String, Life>,
    /// Which bodies came, and whether they were answered by 200.
    seen: HashMap<u64, bool>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Life {
    begun: bool,
    ended: bool,
    stage: u8,
}

/// How far in a call's life an event is; `None` for those that may come at any time.
fn stage(name: &str) -> Option<u8> {
    match name {
        "call_created" => Some(0),
        "call_dialing" | "call_ringing" => Some(1),
        "call_progressing" => Some(2),
        "call_terminating" | "call_canceling" => Some(3),
        "call_hangup" => Some(4),
        _ => None,
    }
}

impl Events {
    /// Takes in one body. `answered`: it gets a 200.
    pub(crate) fn take(&mut self, body: &[u8], answered: bool, realtime_ns: u64) {
        let event: Option<Value> = serde_json::from_slice(body).ok();
        let parts = event.as_ref().and_then(|event| Some((event.get("type")?.as_str()?, event.get("data")?)));
        let Some((name, data)) = parts.filter(|(_, data)| data.is_object()) else {
            self.figures.malformed += 1;
            let text = String::from_utf8_lossy(&body[..body.len().min(100)]).into_owned();
            return self.notes.add("malformed", || text);
        };
        self.figures.events += 1;
        // Names are the far end's choice: those beyond a number count as one.
        let known = self.figures.names.len() < 200 || self.figures.names.contains_key(name);
        *self.figures.names.entry(if known { name } else { "other" }.to_owned()).or_default() += 1;
        if self.seen.len() >= MOST || self.calls.len() >= MOST {
            self.figures.untracked += 1;
            return;
        }
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        match self.seen.insert(hasher.finish(), answered) {
            Some(true) => {
                self.figures.duplicates += 1;
                return self.notes.add("duplicate", || describe(name, data));
            }
            Some(false) => {
                self.figures.retries += 1;
                return;
            }
            None => {}
        }
        let (delay, time) = match name {
            "call_created" => (&mut self.figures.created_delay, "tm_create"),
            "call_hangup" => (&mut self.figures.hangup_delay, "tm_hangup"),
            _ => return self.live(name, data),
        };
        if let Some(at_ns) = data.get(time).and_then(Value::as_str).and_then(realtime_of) {
            delay.add(realtime_ns.saturating_sub(at_ns));
        }
        self.live(name, data);
    }

    fn live(&mut self, name: &str, data: &Value) {
        let (Some(stage), Some(id)) = (stage(name), data.get("id").and_then(Value::as_str)) else { return };
        let figures = &mut self.figures;
        let life = match self.calls.get_mut(id) {
            Some(life) => life,
            None => {
                figures.calls += 1;
                if stage != 0 {
                    figures.headless += 1;
                    self.notes.add("without call_created", || describe(name, data));
                }
                self.calls.entry(id.to_owned()).or_default()
            }
        };
        if life.ended {
            figures.after_end += 1;
            self.notes.add("after call_hangup", || describe(name, data));
        } else if stage < life.stage || (stage == 0 && life.begun) {
            figures.out_of_order += 1;
            self.notes.add("out of order", || describe(name, data));
        }
        life.begun |= stage == 0;
        life.ended |= stage == 4;
        life.stage = life.stage.max(stage);
    }

    /// No more events are awaited.
    pub(crate) fn settle(&mut self) {
        self.figures.complete = self.calls.values().filter(|life| life.begun && life.ended).count() as u64;
        let unfinished = self.calls.iter().filter(|(_, life)| !life.ended);
        for (id, _) in unfinished {
            self.figures.unfinished += 1;
            self.notes.add("without call_hangup", || id.clone());
        }
    }
}

fn describe(name: &str, data: &Value) -> String {
    format!("{name} of {}", data.get("id").and_then(Value::as_str).unwrap_or("nothing"))
}

/// Nanoseconds since 1970 of `2023-04-06T14:53:12.569073Z`, fraction optional.
fn realtime_of(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1970..=9998).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) || !text.ends_with('Z')
    {
        return None;
    }
    let fraction = text.get(19..text.len() - 1)?;
    let nanos = match fraction.strip_prefix('.') {
        Some(digits) if (1..=9).contains(&digits.len()) => {
            digits.parse::<u64>().ok()? * 10u64.pow(9 - digits.len() as u32)
        }
        None if fraction.is_empty() => 0,
        _ => return None,
    };
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(all: &[(&str, &str)]) -> EventFigures {
        let mut events = Events::default();
        for (at, (name, id)) in all.iter().enumerate() {
            let body = serde_json::json!({ "type": name, "data": { "id": id, "at": at } });
            events.take(body.to_string().as_bytes(), true, 0);
        }
        events.settle();
        events.figures
    }

    #[test]
    fn a_call_from_its_beginning_to_its_end_is_complete() {
        let figures = events(&[
            ("call_created", "a"),
            ("call_created", "b"),
            ("activeflow_created", "c"),
            ("call_progressing", "a"),
            ("call_hangup", "b"),
            ("call_updated", "a"),
            ("call_hangup", "a"),
            ("call_updated", "a"),
            ("call_deleted", "a"),
        ]);
        assert_eq!((figures.events, figures.calls, figures.complete), (9, 2, 2));
        let faults =
            [figures.unfinished, figures.headless, figures.out_of_order, figures.after_end, figures.duplicates];
        assert_eq!(faults, [0; 5]);
    }

    #[test]
    fn what_is_missing_or_out_of_order_is_told_apart() {
        let figures = events(&[
            ("call_progressing", "a"),
            ("call_created", "a"),
            ("call_hangup", "a"),
            ("call_progressing", "a"),
            ("call_created", "b"),
            ("call_created", "b"),
        ]);
        assert_eq!((figures.headless, figures.out_of_order, figures.after_end, figures.unfinished), (1, 2, 1, 1));
    }

    #[test]
    fn what_comes_again_is_a_retry_or_a_duplicate() {
        let mut events = Events::default();
        let body = br#"{"type":"call_created","data":{"id":"a"}}"#;
        for answered in [false, true, true] {
            events.take(body, answered, 0);
        }
        assert_eq!((events.figures.retries, events.figures.duplicates), (1, 1));
        for wrong in
            [&b"x"[..], b"{}", b"{\"type\":\"a\"}", b"{\"type\":1,\"data\":{}}", b"{\"type\":\"a\",\"data\":1}"]
        {
            events.take(wrong, true, 0);
        }
        assert_eq!(events.figures.malformed, 5);
    }

    #[test]
    fn times_are_read_and_the_delay_is_that_since_then() {
        assert_eq!(realtime_of("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(realtime_of("2023-04-06T14:53:12.569073Z"), Some(1_680_792_792_569_073_000));
        assert_eq!(realtime_of("2024-02-29T23:59:59.5Z"), Some(1_709_251_199_500_000_000));
        for wrong in
            ["", "9999-01-01T00:00:00Z", "2023-13-01T00:00:00Z", "2023-04-06T14:53:12", "2023-04-06T14:53:12.Z"]
        {
            assert_eq!(realtime_of(wrong), None, "{wrong}");
        }
        let mut events = Events::default();
        let body = br#"{"type":"call_created","data":{"id":"a","tm_create":"1970-01-01T00:00:00.001000Z"}}"#;
        events.take(body, true, 3_000_000);
        assert_eq!(events.figures.created_delay.max_ms(), 2.0);
    }
}
