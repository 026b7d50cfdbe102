//! What strangers send.

/// Numbers that look random and are the same on every run (xorshift).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Noise {
        Noise(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 32) as u8).collect()
    }
}

/// The most that fits into a UDP datagram over IPv4.
const LARGEST: usize = 65_507;

/// Datagrams for a SIP port, made from a good INVITE (of a number that does not exist).
pub(crate) fn sip(invite: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8(invite.to_vec()).unwrap();
    let mut noise = Noise::new(7);
    let mut all: Vec<Vec<u8>> = Vec::new();
    // Truncated: at every octet.
    all.extend((0..invite.len()).map(|length| invite[..length].to_vec()));
    // Binary: by itself, after a good first line, in the middle of a good message.
    for size in [1, 2, 3, 4, 20, 100, 1000, 9000, LARGEST] {
        all.push(noise.octets(size));
        all.push(vec![0; size]);
        all.push(vec![0xff; size]);
        all.push([b"INVITE sip:nobody@127.0.0.1 SIP/2.0\r\n".to_vec(), noise.octets(size.min(60_000))].concat());
    }
    for _ in 0..300 {
        let mut changed = invite.to_vec();
        for _ in 0..1 + noise.next() % 8 {
            let at = noise.next() as usize % changed.len();
            changed[at] = noise.next() as u8;
        }
        all.push(changed);
    }
    // Huge, folded, nested.
    let with = |header: String| {
        let mut message = text.replacen("\r\nMax-Forwards", &format!("\r\n{header}\r\nMax-Forwards"), 1).into_bytes();
        message.truncate(LARGEST);
        message
    };
    all.push(with(format!("Subject: {}", "a".repeat(64_000))));
    all.push(with(vec!["X: y"; 10_000].join("\r\n")));
    all.push(with(format!("Subject: a{}", "\r\n ".repeat(21_000))));
    all.push(with(format!("Subject: a{}", "\r\n\t b".repeat(12_000))));
    all.push(with(format!("{}: a", "n".repeat(64_000))));
    all.push(with(format!("Via: {}", vec!["SIP/2.0/UDP a;branch=b"; 2_700].join(","))));
    all.push(with(format!("Route: {}", "<sip:a;lr>,".repeat(5_800))));
    all.push(with(format!("Subject: {}", "(".repeat(60_000))));
    all.push(with(format!("Contact: {}sip:a{}", "<".repeat(30_000), ">".repeat(30_000))));
    all.push(with(format!("Contact: <sip:a>{}", ";a=\"\\\"".repeat(9_000))));
    all.push(with(format!("Contact: <sip:a@b?Route={}>", "%3Csip:a%3FRoute=".repeat(3_500))));
    all.push(with("Content-Length: 99999999999999999999999".to_owned()));
    all.push(with("Content-Length: -1".to_owned()));
    all.push(text.replace("CSeq: 1", "CSeq: 99999999999999999999").into_bytes());
    all.push(text.replace("Call-ID: ", "Call-ID: \u{0}\u{1}").into_bytes());
    all.push(text.replace("sip:nobody@", &"sip:".repeat(15_000)).into_bytes()[..60_000].to_vec());
    all.push(text.replace("SIP/2.0\r\nVia", "SIP/9.9\r\nVia").into_bytes());
    all.push(format!("SIP/2.0 999999 {}\r\n\r\n", "x".repeat(60_000)).into_bytes());
    all.push(b"\r\n".repeat(30_000));
    all
}

/// Session descriptions that are wrong, and the status each is refused with: 400 if they cannot be read, 488 if what they
/// say cannot be used.
pub(crate) fn sdp(good: &str) -> Vec<(&'static str, String, u16)> {
    let swap = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let media = good.split("m=audio ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let port = format!("m=audio {media}");
    vec![
        ("no SDP at all", "hello".to_owned(), 400),
        ("binary", "\u{1}\u{2}\u{3}".repeat(200), 400),
        ("no v=", swap("v=0\r\n", ""), 400),
        ("cut off in the m-line", good[..good.find("m=audio").unwrap() + 5].to_owned(), 400),
        ("a port that is none", swap(&port, "m=audio 99999"), 400),
        ("a negative port", swap(&port, "m=audio -5"), 400),
        ("no address", swap("c=IN IP4 127.0.0.2\r\n", ""), 488),
        ("an address that is none", swap("c=IN IP4 127.0.0.2", "c=IN IP4 999.1.2.3"), 488),
        ("a payload type that is none", swap("RTP/AVP 0", "RTP/AVP zero"), 488),
        ("no media", good[..good.find("m=audio").unwrap()].to_owned(), 488),
        ("only video", swap("m=audio", "m=video"), 488),
        ("another protocol", swap("RTP/AVP", "TCP/MSRP"), 488),
        ("a codec that nobody has", swap("RTP/AVP 0", "RTP/AVP 77"), 488),
    ]
}

/// Datagrams for the ports of a call, some of which pretend to belong to it (`ssrc`).
pub(crate) fn media(ssrc: u32) -> Vec<Vec<u8>> {
    let mut noise = Noise::new(11);
    let mut all = vec![Vec::new(), vec![0x80], vec![0x80, 200, 0xff, 0xff]];
    for size in [1, 3, 11, 12, 13, 172, 1500, LARGEST] {
        all.push(noise.octets(size));
    }
    for number in 0..100_u16 {
        // Well-formed sound of the same source, telephone events, and packets whose header lies about its length.
        all.push(crate::phone::rtp(ssrc, number, &noise.octets(160)));
        let mut event = crate::phone::rtp(ssrc, number, &[1, 0x8a, 3, 0x20]);
        event[1] = 101;
        all.push(event);
        let mut lying = crate::phone::rtp(ssrc, number, &noise.octets(20));
        lying[0] = 0x80 | 0x30 | (number as u8 & 0x0f);
        all.push(lying);
        // RTCP: BYE of this source, a report that tells too many blocks, a length beyond the end.
        for (kind, count) in [(203, 1), (200, 31), (201, 31), (202, 31), (204, 0)] {
            let mut report = vec![0x80 | count, kind, 0, (number % 20) as u8];
            report.extend_from_slice(&ssrc.to_be_bytes());
            report.extend(noise.octets(usize::from(number % 40)));
            all.push(report);
        }
    }
    all
}
