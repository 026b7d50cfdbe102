//! Offers in the manner of real devices. Written with LF; the parser takes both line ends.

/// SIPp's built-in uac scenario.
pub(crate) const SIPP: &str = "\
v=0
o=user1 53655765 2353687637 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 6000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
";

/// A softphone with wideband codecs first, telephone-event at both clocks and feedback attributes.
pub(crate) const LINPHONE: &str = "\
v=0
o=alice 1234 3456 IN IP4 192.0.2.10
s=Talk
c=IN IP4 192.0.2.10
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
a=record:off
m=audio 7078 RTP/AVP 96 97 98 0 8 18 101 99 100
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=fmtp:98 vbr=on
a=fmtp:18 annexb=yes
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/16000
a=rtpmap:100 telephone-event/8000
a=rtcp:7079
a=rtcp-fb:* trr-int 5000
m=video 9078 RTP/AVP 96
a=rtpmap:96 VP8/90000
";

/// baresip: bandwidth, label, ssrc, explicit direction and ptime.
pub(crate) const BARESIP: &str = "\
v=0
o=- 3890844516 3890844517 IN IP4 192.0.2.11
s=-
c=IN IP4 192.0.2.11
t=0 0
a=tool:baresip 2.0.0
m=audio 10020 RTP/AVP 8 0 101
b=AS:125
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:10021
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:1634529476 cname:sip:alice@example.com
a=ptime:20
a=minptime:20
";

/// A Cisco gateway: origin with words, address below m=, static types with rtpmap in its own order.
pub(crate) const CISCO: &str = "\
v=0
o=CiscoSystemsSIP-GW-UserAgent 9901 5765 IN IP4 192.0.2.12
s=SIP Call
c=IN IP4 192.0.2.12
t=0 0
m=audio 17216 RTP/AVP 18 8 0 100
c=IN IP4 192.0.2.13
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:100 X-NSE/8000
a=fmtp:100 192-194
a=ptime:20
";

/// Asterisk: events 0-16, maxptime 150.
pub(crate) const ASTERISK: &str = "\
v=0
o=- 1820345678 1820345678 IN IP4 192.0.2.14
s=Asterisk
c=IN IP4 192.0.2.14
t=0 0
m=audio 12478 RTP/AVP 0 8 9 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:9 G722/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv
";

/// A browser's offer, shortened: nothing for us in this slice.
pub(crate) const WEBRTC: &str = "\
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 54400 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 192.0.2.15
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2122260223 192.0.2.15 54400 typ host generation 0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlBW
a=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24
a=setup:actpass
a=mid:0
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:126 telephone-event/8000
";

/// A fax gateway that puts T.38 first.
pub(crate) const FAX_FIRST: &str = "\
v=0
o=fax 1 1 IN IP4 192.0.2.16
s=-
c=IN IP4 192.0.2.16
t=0 0
m=image 4002 udptl t38
a=T38FaxVersion:0
a=T38MaxBitRate:14400
m=audio 4000 RTP/AVP 8
";

/// A re-INVITE to fax alone.
pub(crate) const FAX_ONLY: &str = "\
v=0
o=fax 1 2 IN IP4 192.0.2.16
s=-
c=IN IP4 192.0.2.16
t=0 0
m=image 4002 udptl t38
";

/// Best-effort SRTP: the secure stream first, the plain one second.
pub(crate) const SAVP_THEN_AVP: &str = "\
v=0
o=snom 1 1 IN IP4 192.0.2.17
s=call
c=IN IP4 192.0.2.17
t=0 0
m=audio 5000 RTP/SAVP 0 101
a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
a=rtpmap:101 telephone-event/8000
m=audio 5002 RTP/AVP 0 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
";

/// A conference room system: video and slides around the audio.
pub(crate) const VIDEO_FIRST: &str = "\
v=0
o=- 1 1 IN IP4 192.0.2.18
s=-
c=IN IP4 192.0.2.18
b=AS:1920
t=0 0
m=video 2326 RTP/AVP 97 98
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42e01f;max-mbps=108000
a=rtpmap:98 H263-1998/90000
m=audio 2328 RTP/AVP 99 8
a=rtpmap:99 telephone-event/8000
a=rtpmap:8 PCMA/8000
m=application 5070 UDP/BFCP *
a=floorctrl:c-s
";

/// IPv6, with RTCP elsewhere.
pub(crate) const IPV6: &str = "\
v=0
o=- 1 1 IN IP6 2001:db8::5
s=-
c=IN IP6 2001:db8::5
t=0 0
m=audio 4000 RTP/AVP 8 0
a=rtcp:53020 IN IP6 2001:db8::6
";

/// As little as can be: no o=, s=, t= and no rtpmap.
pub(crate) const BARE: &str = "v=0\nc=IN IP4 192.0.2.19\nm=audio 4000 RTP/AVP 8\n";

/// PCMU by a dynamic number, names in odd case, ptime 30.
pub(crate) const DYNAMIC_PCMU: &str = "\
v=0
o=- 1 1 IN IP4 192.0.2.20
s=-
c=IN IP4 192.0.2.20
t=2873397496 2873404696
m=audio 4000 RTP/AVP 97 98
a=rtpmap:97 pcmu/8000/1
a=rtpmap:98 Telephone-Event/8000
a=ptime:30
";

/// Third-party call control opens with a black hole (RFC 3725).
pub(crate) const BLACK_HOLE: &str = "\
v=0
o=- 1 1 IN IP4 192.0.2.21
s=-
c=IN IP4 0.0.0.0
t=0 0
m=audio 4000 RTP/AVP 0
";

/// An early announcement service: it only talks.
pub(crate) const SENDONLY_SESSION: &str = "\
v=0
o=- 1 1 IN IP4 192.0.2.22
s=-
c=IN IP4 192.0.2.22
t=0 0
a=sendonly
m=audio 4000 RTP/AVP 0
";

/// Only codecs that we lack.
pub(crate) const G729_ONLY: &str = "\
v=0
o=- 1 1 IN IP4 192.0.2.23
s=-
c=IN IP4 192.0.2.23
t=0 0
m=audio 4000 RTP/AVP 18 96 101
a=rtpmap:96 AMR/8000
a=rtpmap:101 telephone-event/8000
";

/// All of them.
#[allow(dead_code, reason = "each test file uses its own part of the corpus")]
pub(crate) const ALL: &[&str] = &[
    SIPP,
    LINPHONE,
    BARESIP,
    CISCO,
    ASTERISK,
    WEBRTC,
    FAX_FIRST,
    FAX_ONLY,
    SAVP_THEN_AVP,
    VIDEO_FIRST,
    IPV6,
    BARE,
    DYNAMIC_PCMU,
    BLACK_HOLE,
    SENDONLY_SESSION,
    G729_ONLY,
];
