// The console: shows what the API says, every two seconds. The key stays in this tab.
"use strict";

const at = (id) => document.getElementById(id);
let key = sessionStorage.getItem("key") || "";
let chosen = null;
let shownCalls = "";

async function ask(path, options = {}) {
  const headers = { Authorization: "Bearer " + key };
  const answer = await fetch(path, { ...options, headers });
  if (answer.status === 401) {
    forget();
    throw new Error("This key is not valid, or no longer.");
  }
  if (!answer.ok) {
    const body = await answer.json().catch(() => null);
    throw new Error(body ? body.error.message : "The server answered " + answer.status);
  }
  return answer;
}

const read = async (path) => (await ask(path)).json();

function forget() {
  key = "";
  sessionStorage.removeItem("key");
  show();
}

function show() {
  at("login").hidden = key !== "";
  at("content").hidden = key === "";
  at("logout").hidden = key === "";
  if (key === "") {
    at("who").textContent = "";
    at("key").focus();
  }
}

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(text, action) {
  const made = element("button", text);
  made.type = "button";
  made.addEventListener("click", () => action().catch(complain));
  return made;
}

// Fills a place with a table: titles, and for each item a row of texts and elements.
function table(place, titles, items, row, nothing) {
  const parent = at(place);
  parent.textContent = "";
  if (items.length === 0) {
    const empty = element("p", nothing);
    empty.className = "empty";
    parent.append(empty);
    return;
  }
  const made = element("table");
  const head = made.createTHead().insertRow();
  titles.forEach((title) => head.append(element("th", title)));
  const body = made.createTBody();
  for (const item of items) {
    const line = body.insertRow();
    if (item.id === chosen) line.className = "chosen";
    for (const cell of row(item)) {
      const td = line.insertCell();
      td.append(...(Array.isArray(cell) ? cell : [cell]));
    }
  }
  parent.append(made);
}

const party = (address) => address.target_name ? address.target_name + " (" + address.target + ")" : address.target || "unknown";
const clock = (text) => text ? new Date(text.replace(" ", "T").replace(/Z?$/, "Z")).toLocaleTimeString() : "";

function seconds(call) {
  if (!call.tm_progressing) return "";
  const end = call.tm_hangup ? new Date(call.tm_hangup) : new Date();
  const length = Math.max(0, Math.round((end - new Date(call.tm_progressing)) / 1000));
  return Math.floor(length / 60) + ":" + String(length % 60).padStart(2, "0");
}

async function hangUp(call) {
  await ask("/v1.0/calls/" + call.id + "/hangup", { method: "POST" });
  await refresh();
}

function calls(items) {
  const live = items.filter((call) => call.status !== "hangup");
  at("live-count").textContent = live.length || "";
  const columns = ["Since", "From", "To", "Status", "Action", "Length", ""];
  table("live", columns, live, (call) => [
    clock(call.tm_create), party(call.source), party(call.destination), call.status, call.action.type || "", seconds(call),
    [button("Timeline", () => choose(call.id)), button("Hang up", () => hangUp(call))],
  ], "No call is up.");
  const over = items.filter((call) => call.status === "hangup").slice(0, 30);
  table("recent", ["Began", "From", "To", "Ended by", "Reason", "Length", ""], over, (call) => [
    clock(call.tm_create), party(call.source), party(call.destination), call.hangup_by, call.hangup_reason, seconds(call),
    [button("Timeline", () => choose(call.id))],
  ], "There was no call yet.");
}

async function choose(id) {
  chosen = id;
  shownCalls = "";
  at("timeline").textContent = "";
  at("timeline-section").hidden = false;
  at("timeline-of").textContent = "of call " + id;
  await timeline("");
  at("timeline-section").scrollIntoView({ behavior: "smooth" });
}

async function timeline(token) {
  const page = await read("/v1.0/timelines/calls/" + chosen + "/events?page_token=" + encodeURIComponent(token));
  for (const event of page.result) {
    const item = element("li");
    item.append(element("time", event.timestamp.slice(11, 23)));
    item.append(event.event_type + (event.message ? ": " + event.message : ""));
    if (Object.keys(event.data || {}).length) {
      const more = element("details");
      more.append(element("summary", "details"), element("pre", JSON.stringify(event.data, null, 2)));
      item.append(more);
    }
    at("timeline").append(item);
  }
  const more = at("timeline-more");
  more.hidden = page.next_page_token === "";
  more.dataset.token = page.next_page_token;
}

async function download(recording) {
  const answer = await ask("/v1.0/recordingfiles/" + recording.id);
  const link = element("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = recording.id + ".wav";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function health() {
  const answer = await fetch("/readyz").then((got) => got.json()).catch(() => null);
  const pill = at("health");
  pill.className = "pill " + (answer && answer.ready ? "good" : "bad");
  pill.textContent = !answer ? "not reachable" : answer.ready ? "ready" : answer.reasons.join("; ");
}

async function refresh() {
  const [page, phones, conferences, recordings] = await Promise.all([
    read("/v1.0/calls"), read("/v1.0/registrations"), read("/v1.0/conferences"), read("/v1.0/recordings?page_size=20"),
  ]);
  // What did not change is left alone, so that buttons do not vanish under the pointer.
  const now = JSON.stringify([page, phones, conferences, recordings]);
  if (now !== shownCalls || page.result.some((call) => call.status === "progressing")) {
    shownCalls = now;
    calls(page.result);
    table("registrations", ["Contact", "From", "Phone", "Until"], phones.result,
      (phone) => [phone.contact, phone.received, phone.user_agent, clock(phone.tm_expire)], "No phone is registered.");
    table("conferences", ["Name", "Type", "Status", "In it"], conferences.result,
      (one) => [one.name || one.id, one.type, one.status, String(one.conferencecall_ids.length)], "There is no conference.");
    table("recordings", ["Made", "Status", "Length", ""], recordings.result, (one) => [
      clock(one.tm_create), one.status, Math.round(one.duration_ms / 1000) + " s",
      one.status === "ended" ? [button("Download", () => download(one))] : "",
    ], "There is no recording.");
  }
  at("problem").textContent = "";
}

function complain(error) {
  at(key === "" ? "login-problem" : "problem").textContent = error.message;
}

async function open() {
  const me = await read("/v1.0/me");
  at("who").textContent = me.name || me.username || "access key";
  sessionStorage.setItem("key", key);
  at("login-problem").textContent = "";
  show();
  await refresh();
}

at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value.trim();
  at("key").value = "";
  open().catch((error) => { forget(); complain(error); });
});
at("logout").addEventListener("click", forget);
at("timeline-more").addEventListener("click", () => timeline(at("timeline-more").dataset.token).catch(complain));

async function tick() {
  await health();
  if (key !== "" && !document.hidden) await refresh().catch(complain);
  setTimeout(tick, 2000);
}

show();
if (key !== "") open().catch(complain);
tick();
