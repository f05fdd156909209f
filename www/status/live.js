// What the whole page looks at: the status document each second, rates made from it, the last hour,
// and how the connection to Fairlead is. Streams while somebody looks, and says when it cannot.

import { events, get, hasToken, onToken } from './api.js';

const SILENT = 6000; // ms without a word after which the connection counts as lost
const POLL = 2000; // where no stream is to be had
const WINDOW = 5; // documents over which a rate is taken

// link: connecting, live, polling, lost, paused (nobody looks), token (it is needed for everything)
export const live = { link: 'connecting', status: null, rates: {}, history: null, first: null,
	heard: 0, retryAt: 0, problem: '' };

const watchers = new Set();
let recent = [];
let pending = null; // the averages of the point of history that is being made
let interrupt = () => {};

export function watch(told) {
	watchers.add(told);
	told(live);
	return () => watchers.delete(told);
}

// Whether what is known is of now, and of the Fairlead that answers now.
export const current = () => live.link === 'live' || live.link === 'polling';

function tell() {
	for (const told of watchers) told(live);
}

function enter(link, problem = '') {
	Object.assign(live, { link, problem });
	tell();
}

export const retry = () => interrupt();

/* Numbers */

const COUNTED = { stanzas_in: 'stanzas_in_per_s', stanzas_out: 'stanzas_out_per_s',
	bytes_in: 'bytes_in_per_s', bytes_out: 'bytes_out_per_s' };
const COUNTED_MIN = { logins_total: 'logins_per_min', login_failures_total: 'login_failures_per_min' };
const GAUGES = { sessions: 'sessions', bosh: 'bosh', websocket: 'websocket', opening: 'opening',
	open: 'open', detached: 'detached', closing: 'closing', requests_held: 'held',
	stanzas_unproved: 'unproved', memory_bytes: 'memory_bytes' };

// What this second looks like, by the names of the history's series.
function present(s) {
	const now = {};
	for (const [key, name] of Object.entries(GAUGES)) now[name] = s[key];
	now.held ??= s.requests_waiting;
	now.load_percent = Math.max(...s.workers.map((w) => w.load_percent ?? NaN));
	const old = recent[0];
	const seconds = old ? (s.uptime_ms - old.uptime_ms) / 1000 : 0;
	if (seconds > 0) {
		for (const [key, name] of Object.entries(COUNTED)) now[name] = (s[key] - old[key]) / seconds;
		for (const [key, name] of Object.entries(COUNTED_MIN)) {
			now[name] = 60 * (s[key] - old[key]) / seconds;
		}
	}
	return now;
}

// The page goes on with the history where the daemon's answer ended.
function append(now, at) {
	const h = live.history;
	pending ??= { n: {}, sum: {} };
	for (const [name, value] of Object.entries(now)) {
		if (!Number.isFinite(value)) continue;
		pending.n[name] = (pending.n[name] || 0) + 1;
		pending.sum[name] = (pending.sum[name] || 0) + value;
	}
	if (at - h.end < h.step) return;
	for (const [name, series] of Object.entries(h.series)) {
		series.push(pending.n[name] ? pending.sum[name] / pending.n[name] : null);
		if (series.length > h.most) series.shift();
	}
	h.end += h.step;
	pending = null;
}

function take(status) {
	if (live.status && live.status.instance !== status.instance) {
		recent = []; // another Fairlead than before
		live.first = null;
	}
	live.first ??= status;
	live.rates = present(status);
	live.status = status;
	live.heard = Date.now();
	live.problem = '';
	recent = [...recent.slice(1 - WINDOW), status];
	if (live.history) append(live.rates, status.now_ms ?? Date.now());
}

async function load(signal) {
	try {
		const h = await get('/api/history', signal);
		const length = Math.max(0, ...Object.values(h.series).map((s) => s.length));
		live.history = { step: h.step_ms, end: h.now_ms, series: h.series,
			most: Math.max(h.points || 0, length, 360) };
	} catch (e) {
		if (e.status !== 404) throw e;
		live.history = { step: 10000, end: Date.now(), most: 360,
			series: Object.fromEntries([...Object.values(COUNTED), ...Object.values(COUNTED_MIN),
				...Object.values(GAUGES), 'load_percent'].map((name) => [name, []])) };
	}
	pending = null;
	recent = [];
}

/* The connection */

const pause = (ms) => new Promise((done) => {
	const timer = setTimeout(done, ms);
	interrupt = () => {
		clearTimeout(timer);
		done();
	};
});

async function poll(signal, heard) {
	for (;;) {
		heard();
		take(await get('/api/status', signal));
		enter('polling');
		await pause(POLL);
		if (signal.aborted) throw signal.reason;
	}
}

async function follow(stop) {
	let timer;
	const heard = () => {
		clearTimeout(timer);
		timer = setTimeout(() => stop.abort(new Error('it fell silent')), SILENT);
	};
	heard();
	try {
		await load(stop.signal);
		for await (const { name, data } of events('/api/stream', stop.signal, heard)) {
			if (name !== 'status') continue;
			take(data);
			enter('live');
		}
	} catch (e) {
		if (e.status !== 404 && e.status !== 503) throw e;
		await poll(stop.signal, heard);
	} finally {
		clearTimeout(timer);
	}
	throw new Error('it ended the connection');
}

const HIDDEN = new Error('nobody looks');
const seen = () => new Promise((done) => {
	const look = () => {
		if (document.hidden) return;
		document.removeEventListener('visibilitychange', look);
		done();
	};
	document.addEventListener('visibilitychange', look);
	look();
});

// For ever: follow while the page is seen; when that breaks, wait longer each time, and again.
export async function run() {
	let stop;
	let tries = 0;
	document.addEventListener('visibilitychange', () => {
		if (document.hidden && stop) stop.abort(HIDDEN);
		interrupt();
	});
	addEventListener('online', () => interrupt());
	for (;;) {
		await seen();
		const before = live.heard;
		const shown = hasToken();
		stop = new AbortController();
		try {
			await follow(stop);
		} catch (e) {
			if (stop.signal.reason === HIDDEN) {
				enter('paused');
				continue;
			}
			if (e.status === 401) {
				if (shown && !hasToken()) continue; // an old one: perhaps none is asked for here
				enter('token', e.message);
				await new Promise((done) => {
					const off = onToken(() => {
						off();
						done();
					});
				});
				continue;
			}
			if (live.heard > before) tries = 0;
			const wait = Math.min(30, 2 ** tries++) * (850 + 300 * Math.random());
			live.retryAt = Date.now() + wait;
			enter('lost', (stop.signal.reason || e).message);
			await pause(wait);
			live.retryAt = 0;
			tell();
		}
	}
}
