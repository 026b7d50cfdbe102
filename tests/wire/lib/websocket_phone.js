// JsSIP registers and calls over WebSocket, as it does in a browser; only the sound is plain RTP, since there is no browser.
//     node websocket_phone.js HTTP_PORT RTP_PORT
// One line per check. When it has said "waiting for the end" the server is to be told to drain: a call is up then.
'use strict';

const dgram = require('dgram');
const JsSIP = require('jssip');
const WebSocket = require('ws');

const [httpPort, rtpPort] = process.argv.slice(2).map(Number);
const host = '127.0.0.1';
const url = `ws://${host}:${httpPort}/sip`;
const api = `http://${host}:${httpPort}/v1.0`;
const headers = { Authorization: 'Bearer vb_WireWireWireWireWireWireWireWire' };
if (process.env.DEBUG_SIP) JsSIP.debug.enable('JsSIP:*');

/** What is told instead of RTP/AVP by a browser. */
const WEBRTC = `v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=rtpmap:111 opus/48000/2
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 ${Array(32).fill('00').join(':')}
a=setup:actpass
a=mid:0
a=rtcp-mux
`.replace(/\n/g, '\r\n');

/** Where a browser has its RTCPeerConnection: sends a packet of noise every 20 ms and counts what comes back as it was. */
class Sound {
  constructor({ webrtc } = {}) {
    Object.assign(this, { webrtc, iceGatheringState: 'complete', signalingState: 'stable', sent: new Set(), heard: 0 });
    Sound.last = this;
  }
  addEventListener() {}
  removeEventListener() {}
  getSenders() { return []; }
  async createOffer() {
    const sdp = `v=0\r\no=- 1 1 IN IP4 ${host}\r\ns=-\r\nc=IN IP4 ${host}\r\nt=0 0\r\nm=audio ${rtpPort} RTP/AVP 0\r\n`;
    return { type: 'offer', sdp: this.webrtc ? WEBRTC : sdp };
  }
  async setLocalDescription(description) { this.localDescription = description; }
  async setRemoteDescription({ sdp }) {
    const port = Number(/m=audio (\d+)/.exec(sdp)[1]);
    this.socket = dgram.createSocket('udp4');
    this.socket.on('message', (packet) => { this.heard += this.sent.has(packet.toString('latin1', 12)); });
    await new Promise((bound) => this.socket.bind(rtpPort, host, bound));
    let sequence = 0;
    this.timer = setInterval(() => {
      const packet = Buffer.alloc(172);
      packet.writeUInt16BE(0x8000, 0);
      packet.writeUInt16BE(sequence, 2);
      packet.writeUInt32BE(160 * sequence++, 4);
      packet.writeUInt32BE(0x77696e64, 8);
      for (let at = 12; at < 172; at++) packet[at] = Math.random() * 256;
      this.sent.add(packet.toString('latin1', 12));
      this.socket.send(packet, port, host);
    }, 20);
  }
  close() {
    clearInterval(this.timer);
    if (this.socket) this.socket.close();
  }
}
Object.assign(global, { WebSocket, window: { RTCPeerConnection: Sound }, RTCPeerConnection: Sound });
global.RTCSessionDescription = class { constructor(description) { Object.assign(this, description); } };

function check(what, holds, ...seen) {
  if (holds) return;
  console.log(`  ${what}: failed`, ...seen);
  process.exit(1);
}

/** What `emitter` says first of `good`; anything of `bad`, or nothing for so many seconds, is the end. */
function event(what, emitter, good, bad = [], seconds = 8) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => check(what, false, `no ${good} within ${seconds} s`), seconds * 1000);
    let said = false;
    // Once it is over, later news is of no interest: a page that is left says that it could not register again.
    const first = (then) => (data) => { if (said) return; said = true; clearTimeout(timer); then(data); };
    emitter.once(good, first(resolve));
    for (const name of bad) emitter.once(name, first((data) => check(what, false, name, data && data.cause)));
  });
}

function phone(extension, password, more = {}) {
  const socket = new JsSIP.WebSocketInterface(url);
  if (more.via) socket.via_transport = more.via;
  const ua = new JsSIP.UA({
    sockets: [socket],
    uri: `sip:${extension}@${host}`,
    password,
    register: true,
    session_timers: false,
    connection_recovery_min_interval: 1,
    user_agent: 'wire',
  });
  return Object.assign(ua, { socket });
}

/** A call that is up and hears itself. */
async function call(what, ua, options = {}) {
  const session = ua.call('sip:echo@127.0.0.1', { mediaConstraints: { audio: false, video: false }, ...options });
  const sound = Sound.last;
  await event(what, session, 'confirmed', ['failed']);
  for (let tries = 0; sound.heard < 5 && tries < 100; tries++) await new Promise((done) => setTimeout(done, 20));
  check(what, sound.heard >= 5, `heard ${sound.heard} of ${sound.sent.size} packets`);
  return { session, sound };
}

/** How many places phones are registered at. */
async function registrations() {
  return (await (await fetch(`${api}/registrations`, { headers })).json()).result.length;
}

function hangUp(what, session) {
  const ended = event(what, session, 'ended');
  session.terminate();
  return ended;
}

/** The calls that are up, as the API shows them. */
async function callsUp() {
  const answer = await (await fetch(`${api}/calls`, { headers })).json();
  return answer.result.filter((one) => one.status === 'progressing');
}

/** Sends text over a WebSocket of its own and gives what comes back first. */
function ask(text, protocol = 'sip') {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocol);
    socket.on('open', () => socket.send(text));
    socket.on('unexpected-response', (_, response) => { response.resume(); resolve(response.statusCode); });
    socket.on('message', (data) => { socket.close(); resolve(data.toString()); });
    socket.on('error', () => {});
  });
}

function request(method, more = '') {
  return `${method} sip:1001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK${method}\r\nMax-Forwards: 9\r\n` +
    `From: <sip:1001@127.0.0.1>;tag=1\r\nTo: <sip:1001@127.0.0.1>\r\nCall-ID: ${method}\r\nCSeq: 1 ${method}\r\n${more}\r\n`;
}

const checks = {
  'what is no SIP': async (what) => {
    check(what, (await ask('', 'xmpp')) === 400);
    check(what, (await ask('\r\n\r\n')) === '\r\n');
    check(what, /^SIP\/2.0 400 /.test(await ask(request('OPTIONS').replace('CSeq: 1', 'CSeq: one'))));
    const answer = await ask(request('REGISTER', 'Require: outbound\r\n'));
    check(what, /^SIP\/2.0 420 [^]*\r\nUnsupported: outbound\r\n/.test(answer), answer);
  },
  'a wrong password': async (what) => {
    const ua = phone('1001', 'wrong');
    ua.start();
    const { response } = await event(what, ua, 'registrationFailed', ['registered']);
    check(what, response && response.status_code === 403, response && response.status_code);
    ua.stop();
  },
  'a proxy with TLS in front': async (what) => {
    const ua = phone('1002', 'load-1002', { via: 'WSS' });
    ua.start();
    const { response } = await event(what, ua, 'registered', ['registrationFailed']);
    check(what, /^SIP\/2.0\/WSS /.test(response.getHeader('Via')), response.getHeader('Via'));
    ua.unregister({ all: true });
    await event(what, ua, 'unregistered');
    ua.stop();
  },
  'registered': async (what) => {
    const ua = phone('1001', 'load-1001');
    ua.start();
    const { response } = await event(what, ua, 'registered', ['registrationFailed']);
    const contact = response.getHeader('Contact');
    check(what, /\.invalid;transport=ws>.*reg-id=1.*\+sip\.instance=/.test(contact), contact);
    const bindings = await (await fetch(`${api}/registrations`, { headers })).json();
    check(what, JSON.stringify(bindings).includes('.invalid;transport=ws'), bindings);
    return ua;
  },
  'OPTIONS': async (what, ua) => {
    const options = ua.sendOptions('sip:echo@127.0.0.1');
    await event(what, options, 'succeeded', ['failed']);
  },
  'a call that the phone ends': async (what, ua) => {
    const { session } = await call(what, ua);
    check(what, (await hangUp(what, session)).originator === 'local');
  },
  'a call that the server ends': async (what, ua) => {
    const { session } = await call(what, ua);
    const [up] = await callsUp();
    const ended = event(what, session, 'ended');
    await fetch(`${api}/calls/${up.id}/hangup`, { method: 'POST', headers });
    check(what, (await ended).originator === 'remote');
  },
  'a call of WebRTC is refused in words': async (what, ua) => {
    const session = ua.call('sip:echo@127.0.0.1', { mediaConstraints: { audio: false, video: false }, pcConfig: { webrtc: true } });
    const { message } = await event(what, session, 'failed', ['accepted']);
    check(what, message && message.status_code === 488, message && message.status_code);
    check(what, /^302 .*WebRTC/.test(message.getHeader('Warning')), message.getHeader('Warning'));
  },
  'a call whose page is gone ends as soon as it is to': async (what) => {
    const page = phone('1003', 'load-1003');
    page.start();
    await event(what, page, 'registered', ['registrationFailed']);
    const { sound } = await call(what, page);
    page.transport._reconnect = () => {};
    page.socket._ws.terminate();
    const [up] = await callsUp();
    const began = Date.now();
    await fetch(`${api}/calls/${up.id}/hangup`, { method: 'POST', headers });
    const statusNow = async () => (await (await fetch(`${api}/calls/${up.id}`, { headers })).json()).status;
    for (let tries = 0; (await statusNow()) !== 'hangup' && tries < 100; tries++) await new Promise((done) => setTimeout(done, 20));
    sound.close();
    const status = await statusNow();
    check(what, status === 'hangup', status, `after ${Date.now() - began} ms`);
  },
  'a page that is closed is registered no more': async (what, ua) => {
    const page = phone('1001', 'load-1001');
    page.start();
    await event(what, page, 'registered', ['registrationFailed']);
    check(what, (await registrations()) === 2);
    page.transport._reconnect = () => {};
    page.socket._ws.terminate();
    for (let tries = 0; (await registrations()) !== 1 && tries < 50; tries++) await new Promise((done) => setTimeout(done, 20));
    check(what, (await registrations()) === 1 && ua.isRegistered());
  },
  'a call outlives its connection': async (what, ua) => {
    const { session, sound } = await call(what, ua);
    const again = event(what, ua, 'registered', ['registrationFailed']);
    ua.socket._ws.terminate();
    await event(what, ua, 'disconnected');
    const { response } = await again;
    check(what, response.getHeaders('Contact').length === 1, response.getHeaders('Contact'));
    const heard = sound.heard;
    await hangUp(what, session);
    check(what, heard > 20, `heard ${heard} packets`);
  },
  'unregistered': async (what, ua) => {
    ua.unregister({ all: true });
    const { response } = await event(what, ua, 'unregistered');
    check(what, response.getHeader('Contact') === undefined, response.getHeader('Contact'));
  },
  'a server that ends lets the call finish and says goodbye': async (what, ua) => {
    const { session, sound } = await call(what, ua);
    console.log('  waiting for the end');
    const gone = event(what, ua, 'disconnected', [], 12);
    await event(what, { once: (_, then) => setTimeout(then, 1500) }, '');
    const heard = sound.heard;
    check(what, heard > 50, `heard ${heard} packets`);
    await hangUp(what, session);
    const { error, code } = await gone;
    check(what, !error && code === 1001, error, code);
  },
};

(async () => {
  let ua;
  for (const [what, run] of Object.entries(checks)) {
    ua = (await run(what, ua)) || ua;
    console.log(`  ${what}: ok`);
  }
  process.exit(0);
})().catch((error) => check('the phone', false, error));
