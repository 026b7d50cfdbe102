//! The numbers of control loops, lanes, edge and media engine for `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{MetricsSource, MetricsText};
use arc_swap::ArcSwap;
use base::metric::MetricKind;
use media_engine::MetricsReader;
use sip_transport::{Connections, Edge, UdpTransport};

use super::lanes::LaneSender;
use super::loop_thread::LoopNumbers;

/// Reads everything without disturbing anyone.
pub(super) struct ServerMetrics {
    /// The loops' own numbers, in the order of their ids.
    pub(super) loops: Vec<Arc<ArcSwap<LoopNumbers>>>,
    /// Their lanes.
    pub(super) lanes: Vec<LaneSender>,
    /// Sorting at the edge.
    pub(super) edge: Arc<Edge>,
    /// Listeners of UDP.
    pub(super) udp: Arc<UdpTransport>,
    /// What is open of the other transports.
    pub(super) connections: Connections,
    /// Media.
    pub(super) engine: MetricsReader,
}

impl MetricsSource for ServerMetrics {
    fn collect(&self, out: &mut MetricsText) {
        for (number, numbers) in self.loops.iter().enumerate() {
            let label = number.to_string();
            loop_numbers(out, &[("loop", &label)], &numbers.load());
            registrar_numbers(out, &[("loop", &label)], &numbers.load());
        }
        self.lanes(out);
        self.edge(out);
        self.udp(out);
        self.connections(out);
        self.engine(out);
    }
}

fn loop_numbers(out: &mut MetricsText, labels: &[(&str, &str)], numbers: &LoopNumbers) {
    let gauges = &numbers.gauges;
    for (name, help, value) in [
        ("calls", "Calls that are up or ending (cells)", gauges.calls),
        ("other_cells", "Flows that run without a call, and bridges", gauges.other_cells),
        ("bridges", "Bridges that were entered or made by hand and have not ended", gauges.bridges),
        ("sip_server_transactions", "SIP server transactions", gauges.server_transactions),
        ("sip_client_transactions", "SIP client transactions", gauges.client_transactions),
        ("sip_transaction_timers", "Armed timers of SIP transactions", gauges.transaction_timers),
        ("call_timers", "Calls with an armed timer", gauges.cell_timers),
        ("call_streams", "RTP streams that belong to calls", gauges.streams),
        ("orphan_streams", "RTP streams of calls that panicked, still being closed", gauges.orphan_streams),
        ("port_stock", "Leased port pairs at hand for new calls", gauges.port_stock),
    ] {
        let _ = out.gauge(name, help).sample(labels, value);
    }
    let _ = out
        .gauge("media_worker_silent", "1 while a media worker with work shows no life for 500 ms")
        .sample(labels, numbers.worker_silent);
    let (counters, endpoint) = (&numbers.counters, &numbers.endpoint);
    for (name, help, value) in [
        ("calls_total", "Calls that were given a flow", counters.calls),
        ("calls_answered_total", "Calls that were answered", counters.answered),
        ("calls_refused_total", "INVITEs refused for a reason of the caller's", counters.refused),
        ("calls_turned_away_total", "INVITEs turned away with 503: draining, overload, limits", counters.turned_away),
        ("call_panics_total", "Calls that were ended because their handler panicked", counters.panics),
        ("stale_inputs_total", "Answers and facts for a call or step that is gone", counters.stale_inputs),
        ("sip_acks_missing_total", "Final responses to INVITEs that were never acknowledged", counters.acks_missing),
        ("sip_requests_received_total", "SIP requests handed to a loop", endpoint.requests_received),
        ("sip_responses_received_total", "SIP responses handed to a loop", endpoint.responses_received),
        ("sip_requests_repeated_by_peer_total", "Retransmissions received", endpoint.requests_repeated_by_peer),
        ("sip_requests_repeated_total", "Retransmissions of requests sent", endpoint.requests_repeated),
        ("sip_responses_repeated_total", "Retransmissions of responses sent", endpoint.responses_repeated),
        ("sip_stray_responses_total", "Responses that belong to no transaction", endpoint.stray_responses),
        ("sip_transactions_refused_total", "Requests turned away because the table is full", endpoint.refused_full),
        ("sip_merged_requests_total", "Requests answered 482", endpoint.merged),
        ("sip_request_timeouts_total", "Requests of ours that got no final response", endpoint.request_timeouts),
    ] {
        let _ = out.counter(name, help).sample(labels, value);
    }
}

fn registrar_numbers(out: &mut MetricsText, labels: &[(&str, &str)], numbers: &LoopNumbers) {
    let (gauges, registrar) = (&numbers.gauges, &numbers.registrar);
    for (name, help, value) in [
        ("registrar_contacts", "Places where phones are registered", gauges.registrations),
        (
            "registrar_answers",
            "Answers that wait for the store, or because their source guesses",
            gauges.registrar_answers,
        ),
        ("registrar_guessing_networks", "Networks that guess passwords", registrar.guessing_networks),
    ] {
        let _ = out.gauge(name, help).sample(labels, value);
    }
    for (name, help, value) in [
        ("registrar_accepted_total", "REGISTERs that were answered by 200", registrar.accepted),
        ("registrar_not_saved_total", "REGISTERs that could not be written down", registrar.not_saved),
        ("registrar_delayed_total", "Answers that were kept back because their source guesses", registrar.delayed),
    ] {
        let _ = out.counter(name, help).sample(labels, value);
    }
    let refusals = &registrar.refusals;
    let mut family =
        out.counter("registrar_refused_total", "REGISTERs and calls that were asked for a password or refused");
    for (reason, value) in [
        ("asked", refusals.asked),
        ("stale", refusals.stale),
        ("replayed", refusals.replayed),
        ("wrong_password", refusals.wrong_password),
        ("unknown_user", refusals.unknown_user),
        ("other_account", refusals.other_account),
        ("malformed", refusals.malformed),
        ("too_many_mistakes", refusals.too_many_mistakes),
    ] {
        let labels: Vec<(&str, &str)> = labels.iter().copied().chain([("reason", reason)]).collect();
        family = family.sample(&labels, value);
    }
    let _ = family;
}

impl ServerMetrics {
    fn lanes(&self, out: &mut MetricsText) {
        for (number, lanes) in self.lanes.iter().enumerate() {
            let number = number.to_string();
            for lane in lanes.numbers() {
                let labels = [("loop", number.as_str()), ("lane", lane.lane)];
                let _ =
                    out.gauge("lane_depth", "Inputs that wait in a lane of a control loop").sample(&labels, lane.depth);
                let Some(bound) = lane.bound else { continue };
                let _ = out.gauge("lane_size", "Most inputs that a lane holds").sample(&labels, bound.size);
                let _ = out
                    .counter("lane_full_total", "Inputs that found a lane full: messages turned away, others waited")
                    .sample(&labels, bound.full);
            }
        }
    }

    fn edge(&self, out: &mut MetricsText) {
        let metrics = self.edge.metrics();
        for (name, help, value) in [
            ("edge_requests_total", "SIP requests sorted into a lane", &metrics.requests),
            ("edge_responses_total", "SIP responses sorted into a lane", &metrics.responses),
            ("edge_keep_alives_total", "Keep-alive datagrams", &metrics.keep_alives),
            ("edge_malformed_total", "Datagrams that are no SIP message", &metrics.malformed),
            ("edge_malformed_answered_total", "Of them answered by 400", &metrics.malformed_answered),
            ("edge_new_work_full_total", "Requests that found the lane for new work full", &metrics.new_work_full),
            ("edge_new_work_answered_total", "Of them answered by a stateless 503", &metrics.new_work_answered),
            ("edge_dialog_full_total", "Messages dropped because the dialog lane was full", &metrics.dialog_full),
        ] {
            out.counter(name, help).value(read(value));
        }
    }

    fn udp(&self, out: &mut MetricsText) {
        for (bound, metrics) in self.udp.bound().zip(self.udp.metrics()) {
            let listener = bound.address.to_string();
            let labels = [("listener", listener.as_str())];
            for (name, help, value) in [
                ("udp_received_total", "SIP datagrams received", &metrics.received_datagrams),
                ("udp_received_bytes_total", "Octets of those", &metrics.received_bytes),
                (
                    "udp_kernel_drops_total",
                    "SIP datagrams the kernel dropped: receive buffer full",
                    &metrics.kernel_drops,
                ),
                ("udp_receive_errors_total", "Receives that failed", &metrics.receive_errors),
                ("udp_handler_panics_total", "Datagrams whose handling panicked", &metrics.handler_panics),
                ("udp_sent_total", "SIP datagrams sent", &metrics.sent_datagrams),
                ("udp_sent_bytes_total", "Octets of those", &metrics.sent_bytes),
                ("udp_send_would_block_total", "SIP datagrams not sent: send buffer full", &metrics.send_would_block),
                ("udp_send_errors_total", "SIP datagrams not sent for another reason", &metrics.send_errors),
            ] {
                let _ = out.counter(name, help).sample(&labels, read(value));
            }
        }
    }

    fn connections(&self, out: &mut MetricsText) {
        out.gauge("sip_connections", "SIP connections that are open").value(self.connections.count());
        let metrics = self.connections.metrics();
        for (name, help, value) in [
            ("sip_connections_opened_total", "SIP connections taken or made", &metrics.opened),
            (
                "sip_connections_refused_total",
                "SIP connections turned away: too many, or of one address",
                &metrics.refused,
            ),
            (
                "sip_connections_not_read_total",
                "SIP connections closed: the other side did not read",
                &metrics.not_read,
            ),
            ("sip_connection_sent_total", "SIP messages handed to a connection", &metrics.sent_messages),
            ("sip_connection_sent_bytes_total", "Octets of those", &metrics.sent_bytes),
            ("sip_connection_not_open_total", "SIP messages whose connection was gone", &metrics.not_open),
            ("sip_connections_broken_total", "SIP connections closed: what came was no SIP", &metrics.broken),
            ("sip_connections_timed_out_total", "SIP connections closed: nothing came in time", &metrics.timed_out),
            ("sip_accept_errors_total", "SIP connections that the system could not give", &metrics.accept_errors),
            ("sip_connection_received_total", "SIP messages over connections", &metrics.received_messages),
            ("sip_connection_received_bytes_total", "Octets that came over connections", &metrics.received_bytes),
            ("sip_handshake_errors_total", "TLS handshakes of SIP that failed", &metrics.handshake_errors),
            ("sip_dials_total", "SIP connections made for messages whose own was gone", &metrics.dialled),
            ("sip_dial_errors_total", "Of them those that did not come about", &metrics.dial_errors),
            ("sip_undelivered_total", "SIP messages for which there was no connection at all", &metrics.undelivered),
        ] {
            out.counter(name, help).value(read(value));
        }
    }

    fn engine(&self, out: &mut MetricsText) {
        self.engine.read().visit(&mut |metric| {
            let number = metric.number.map(|number| number.to_string());
            let labels: Vec<(&str, &str)> = number.iter().map(|number| (metric.group, number.as_str())).collect();
            let name = format!("media_{}_{}", metric.group, metric.name);
            let _ = match metric.kind {
                MetricKind::Gauge => out.gauge(name, metric.help).sample(&labels, metric.value),
                MetricKind::Counter if name.ends_with("_total") => {
                    out.counter(name, metric.help).sample(&labels, metric.value)
                }
                MetricKind::Counter => out.counter(format!("{name}_total"), metric.help).sample(&labels, metric.value),
            };
        });
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
