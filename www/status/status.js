// The status page: asks the API every two seconds and shows what it says, in text nodes only.
"use strict";

const $ = (id) => document.getElementById(id);
let before = null;

function seconds(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function bytes(n) {
  if (n < 1024) return `${n} B`;
  if (n < 1048576) return `${(n / 1024).toFixed(1)} KiB`;
  return `${(n / 1048576).toFixed(1)} MiB`;
}

function fill(body, rows) {
  body.replaceChildren(...rows.map((cells) => {
    const tr = document.createElement("tr");
    for (const cell of cells) {
      const td = document.createElement("td");
      td.textContent = cell;
      tr.append(td);
    }
    return tr;
  }));
}

function glance(s) {
  const rate = (key) => before
    ? ((s[key] - before[key]) / ((s.uptime_ms - before.uptime_ms) / 1000)).toFixed(1) : "–";
  const facts = [
    ["Sessions", s.sessions], ["BOSH", s.bosh], ["WebSocket", s.websocket],
    ["Without a client now", s.detached], ["Requests waiting", s.requests_waiting],
    ["Connections", s.connections], ["Stanzas in / s", rate("stanzas_in")],
    ["Stanzas out / s", rate("stanzas_out")], ["Unproved now", s.stanzas_unproved],
    ["Returned so far", s.stanzas_returned], ["Sessions so far", s.sessions_created],
    ["Refused so far", s.refused],
  ];
  $("glance").replaceChildren(...facts.map(([name, value]) => {
    const div = document.createElement("div");
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    div.append(dt, dd);
    return div;
  }));
}

function show(s) {
  $("about").textContent = `version ${s.version}, up ${seconds(s.uptime_ms)}`;
  glance(s);
  fill($("workers"), s.workers.map((w) => [
    w.worker, w.sessions, w.connections, w.websockets, w.requests_total,
    w.requests_total ? `${w.requests_foreign} (${Math.round(100 * w.requests_foreign / w.requests_total)} %)` : "0",
    `${w.turn_max_us} µs`,
  ]));
  fill($("backends"), s.backends.map((b) => [
    b.name, b.state === "down" ? `down, next try in ${seconds(b.retry_ms)}` : "up",
    b.sessions_max ? `${b.sessions} of ${b.sessions_max}` : b.sessions, b.connected_total,
    b.failed_total, b.connect_ms < 0 ? "–" : `${b.connect_ms} ms`, b.problem || "–",
  ]));
  fill($("sessions"), s.list.map((e) => [
    e.id, e.jid || "–", e.transport, e.state, e.peer, seconds(e.age_ms),
    `${e.stanzas_in} / ${e.stanzas_out}`, e.unproved, e.returned, bytes(e.queued_bytes),
  ]));
  $("shown").textContent = s.list.length < s.sessions ? `${s.list.length} of ${s.sessions}` : s.list.length;
  const down = s.backends.filter((b) => b.state === "down").map((b) => b.name);
  say([
    s.silent_workers.length
      ? `Worker ${s.silent_workers.join(", ")} did not answer in time: its sessions are missing here.` : "",
    down.length ? `Down: ${down.join(", ")}.` : "",
  ].filter(Boolean).join(" "));
  before = s;
}

function say(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

async function refresh() {
  try {
    const answer = await fetch("/api/sessions?limit=200", { cache: "no-store" });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    show(await answer.json());
  } catch (e) {
    say(`Fairlead cannot be reached: ${e.message}. Trying again.`);
  }
  setTimeout(refresh, 2000);
}

refresh();
