//! One call against a far end that is played by hand.

use super::*;

/// One call, and the far end's messages made from the caller's own.
struct Rig {
    uac: Uac,
    sip: SipStats,
    invite: String,
    actions: Vec<Action>,
}

const TARGET: &str = "127.0.0.1:5060";

impl Rig {
    fn new() -> Rig {
        let config = UacConfig {
            target: Target::parse("sip:echo@127.0.0.1:5060").unwrap(),
            local: "127.0.0.2:5555".parse().unwrap(),
            answer_timeout_ns: 5_000_000_000,
            any_network: false,
        };
        let mut actions = Vec::new();
        let uac = Uac::start(Arc::new(config), "run-1-0", "v=0\r\n", 1_000, &mut actions);
        let Action::Send { what: What::Invite, bytes, to } = &actions[0] else { panic!("{actions:?}") };
        assert_eq!(to.to_string(), TARGET);
        let invite = String::from_utf8(bytes.to_vec()).unwrap();
        Rig { uac, sip: SipStats::default(), invite, actions: Vec::new() }
    }

    fn line(&self, name: &str) -> String {
        self.invite.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    }

    fn receive(&mut self, text: String) -> Vec<Action> {
        let message = Incoming::parse(Bytes::from(text), TARGET.parse().unwrap()).unwrap();
        self.uac.receive(&message, 2_000, &mut self.sip, &mut self.actions);
        std::mem::take(&mut self.actions)
    }

    fn response(&mut self, status: &str, cseq: &str, headers: &str) -> Vec<Action> {
        let (via, from, to, call_id) = (self.line("Via"), self.line("From"), self.line("To"), self.line("Call-ID"));
        self.receive(format!(
            "SIP/2.0 {status}\r\n{via}\r\n{from}\r\n{to};tag=far\r\n{call_id}\r\nCSeq: {cseq}\r\n{headers}Content-Length: 0\r\n\r\n"
        ))
    }

    fn answer(&mut self) -> Vec<Action> {
        self.response("200 OK", "1 INVITE", "Contact: <sip:far@127.0.0.1:7777>\r\n")
    }

    fn bye(&mut self) -> Vec<Action> {
        let (from, to) = (self.line("To").replace("To", "From"), self.line("From").replace("From", "To"));
        let call_id = self.line("Call-ID");
        self.receive(format!(
            "BYE sip:load@127.0.0.2:5555 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n\
             {from};tag=far\r\n{to}\r\n{call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
        ))
    }

    fn expire(&mut self, timer: Timer) -> Vec<Action> {
        self.uac.expire(timer, &mut self.sip, &mut self.actions);
        std::mem::take(&mut self.actions)
    }

    fn hang_up(&mut self) -> Vec<Action> {
        self.uac.hang_up(3_000, &mut self.actions);
        std::mem::take(&mut self.actions)
    }
}

/// Kind, first line and destination of each message sent.
fn sent(actions: &[Action]) -> Vec<(What, String, String)> {
    let message = |action: &Action| match action {
        Action::Send { what, bytes, to } => {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            Some((*what, text.lines().next().unwrap().to_owned(), to.to_string()))
        }
        _ => None,
    };
    actions.iter().filter_map(message).collect()
}

fn failures(actions: &[Action]) -> Vec<Failure> {
    let failure = |action: &Action| if let Action::Failed(failure, _) = action { Some(*failure) } else { None };
    actions.iter().filter_map(failure).collect()
}

fn one(what: What, line: &str, to: &str) -> Vec<(What, String, String)> {
    vec![(what, line.to_owned(), to.to_owned())]
}

#[test]
fn a_200_is_acknowledged_at_its_contact_each_time_it_comes() {
    let mut rig = Rig::new();
    let ack = one(What::Ack, "ACK sip:far@127.0.0.1:7777 SIP/2.0", "127.0.0.1:7777");
    let actions = rig.answer();
    assert_eq!(sent(&actions), ack);
    assert!(actions.contains(&Action::Answered(Bytes::new())) && actions.contains(&Action::Stop(Timer::Repeat)));
    let again = rig.answer();
    assert_eq!(sent(&again), ack);
    assert!(!again.contains(&Action::Answered(Bytes::new())));
    assert_eq!((rig.sip.answer_repeated, rig.sip.setup.count()), (1, 1));
}

#[test]
fn an_invite_is_repeated_at_doubling_pauses_until_any_response() {
    let mut rig = Rig::new();
    for pause_ns in [2 * T1_NS, 4 * T1_NS, 8 * T1_NS] {
        let actions = rig.expire(Timer::Repeat);
        assert_eq!(sent(&actions), one(What::Invite, "INVITE sip:echo@127.0.0.1:5060 SIP/2.0", TARGET));
        assert_eq!(actions[1], Action::Arm(Timer::Repeat, pause_ns));
    }
    assert_eq!(rig.response("100 Trying", "1 INVITE", ""), [Action::Stop(Timer::Repeat)]);
    assert_eq!(rig.expire(Timer::Repeat), []);
    assert_eq!((rig.sip.invite_repeated, rig.sip.first_response.count()), (3, 1));
}

#[test]
fn a_refusal_is_acknowledged_in_the_invites_transaction_and_ends_the_call() {
    let mut rig = Rig::new();
    let actions = rig.response("486 Busy Here", "1 INVITE", "");
    assert_eq!(sent(&actions), one(What::Ack, "ACK sip:echo@127.0.0.1:5060 SIP/2.0", TARGET));
    let Action::Send { bytes, .. } = &actions[0] else { panic!() };
    let ack = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(ack.contains(&rig.line("Via")) && ack.contains(";tag=far\r\n"), "{ack}");
    assert_eq!(failures(&actions), [Failure::Refused(486)]);
    assert_eq!(actions.last(), Some(&Action::Ended));
    assert_eq!(rig.response("486 Busy Here", "1 INVITE", "").len(), 1);
}

#[test]
fn without_any_response_there_is_no_cancel_and_a_late_200_is_ended_by_bye() {
    let mut rig = Rig::new();
    let actions = rig.expire(Timer::GiveUp);
    assert_eq!((sent(&actions), failures(&actions)), (Vec::new(), vec![Failure::NoResponse]));
    let kinds: Vec<What> = sent(&rig.answer()).into_iter().map(|(what, ..)| what).collect();
    assert_eq!(kinds, [What::Ack, What::Bye]);
}

#[test]
fn a_ringing_call_is_cancelled_and_its_487_ends_it_without_a_second_failure() {
    let mut rig = Rig::new();
    rig.response("180 Ringing", "1 INVITE", "");
    let actions = rig.expire(Timer::GiveUp);
    assert_eq!(sent(&actions), one(What::Cancel, "CANCEL sip:echo@127.0.0.1:5060 SIP/2.0", TARGET));
    assert_eq!(failures(&actions), [Failure::NoAnswer]);
    assert_eq!(rig.response("200 OK", "1 CANCEL", ""), []);
    let actions = rig.response("487 Request Terminated", "1 INVITE", "");
    assert_eq!(sent(&actions)[0].0, What::Ack);
    assert_eq!((failures(&actions), actions.last()), (Vec::new(), Some(&Action::Ended)));
}

#[test]
fn a_200_that_crosses_the_cancel_is_acknowledged_and_ended_by_bye() {
    let mut rig = Rig::new();
    rig.response("180 Ringing", "1 INVITE", "");
    rig.expire(Timer::GiveUp);
    let kinds: Vec<What> = sent(&rig.answer()).into_iter().map(|(what, ..)| what).collect();
    assert_eq!(kinds, [What::Ack, What::Bye]);
    assert_eq!(rig.response("200 OK", "2 BYE", "").last(), Some(&Action::Ended));
}

#[test]
fn our_bye_goes_along_the_route_and_is_repeated_until_its_answer() {
    let mut rig = Rig::new();
    let routes = "Record-Route: <sip:127.0.0.3:1;lr>\r\nRecord-Route: <sip:127.0.0.4:2;lr>\r\n";
    rig.response("200 OK", "1 INVITE", &format!("{routes}Contact: <sip:far@127.0.0.1:7777>\r\n"));
    let actions = rig.hang_up();
    assert_eq!(sent(&actions), one(What::Bye, "BYE sip:far@127.0.0.1:7777 SIP/2.0", "127.0.0.4:2"));
    let Action::Send { bytes, .. } = &actions[0] else { panic!() };
    let bye = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(bye.contains("Route: <sip:127.0.0.4:2;lr>\r\nRoute: <sip:127.0.0.3:1;lr>\r\n"), "{bye}");
    for pause_ns in [2 * T1_NS, 4 * T1_NS, T2_NS, T2_NS] {
        assert_eq!(rig.expire(Timer::Repeat)[1], Action::Arm(Timer::Repeat, pause_ns));
    }
    assert_eq!(rig.sip.bye_repeated, 4);
    assert_eq!(rig.response("200 OK", "2 BYE", "").last(), Some(&Action::Ended));
    assert_eq!(rig.sip.bye.count(), 1);
}

#[test]
fn the_far_ends_bye_is_answered_each_time_it_comes_and_ends_the_call_once() {
    let mut rig = Rig::new();
    rig.answer();
    let actions = rig.bye();
    assert_eq!(sent(&actions), one(What::Response, "SIP/2.0 200 OK", TARGET));
    assert!(actions.contains(&Action::RemoteBye) && actions.contains(&Action::Ended));
    let again = rig.bye();
    assert_eq!(again.len(), 1);
    assert_eq!((rig.sip.server_byes, rig.sip.server_bye_repeated), (1, 1));
}

#[test]
fn byes_that_cross_are_no_failure() {
    let mut rig = Rig::new();
    rig.answer();
    rig.hang_up();
    assert_eq!(sent(&rig.bye()), one(What::Response, "SIP/2.0 200 OK", TARGET));
    let actions = rig.response("481 Call/Transaction Does Not Exist", "2 BYE", "");
    assert_eq!((failures(&actions), actions.last()), (Vec::new(), Some(&Action::Ended)));
}

#[test]
fn a_bye_of_another_dialog_is_refused_and_the_call_stays() {
    let mut rig = Rig::new();
    rig.response("180 Ringing", "1 INVITE", "");
    assert_eq!(sent(&rig.bye())[0].1, "SIP/2.0 481 Call/Transaction Does Not Exist");
    assert_eq!(rig.sip.strays, 1);
    assert_eq!(sent(&rig.answer())[0].0, What::Ack);
}

#[test]
fn a_contact_outside_of_loopback_is_not_followed() {
    let mut rig = Rig::new();
    let actions = rig.response("200 OK", "1 INVITE", "Contact: <sip:far@192.0.2.1>\r\n");
    assert_eq!((sent(&actions), failures(&actions)), (Vec::new(), vec![Failure::BadAnswer]));
}
