// This Fairlead itself: what it is, taking it out of service, how much it logs.

import { hasToken, post, setToken } from './api.js';
import { dialog, gated } from './ask.js';
import { bytes, count, date, duration, el, facts, percent, plural, say } from './dom.js';
import { live, watch } from './live.js';

const LEVELS = ['error', 'warn', 'info', 'debug'];

function drain() {
	const on = !live.status.draining;
	dialog(on ? {
		title: 'Drain this Fairlead?', verb: 'Drain it', tone: 'danger',
		text: `New sessions are refused and /ready says 503, so that a balancer sends them elsewhere. ${plural(live.status.sessions, 'session')} may go on.`,
		act: () => post('/api/drain', { on: true }),
	} : {
		title: 'Take new sessions again?', verb: 'Take them',
		text: 'New sessions are welcome and /ready says 200.',
		act: () => post('/api/drain', { on: false }),
	});
}

function loggingForm(said) {
	const choice = el('select', { id: 'level' }, LEVELS.map((l) => el('option', { value: l }, l)));
	let touched = false;
	choice.addEventListener('change', () => {
		touched = true;
	});
	const root = el('form', { class: 'row', onsubmit: async (e) => {
		e.preventDefault();
		try {
			const { level } = await post('/api/log', { level: choice.value });
			touched = false;
			say(said, `The log is at ${level} now.`);
		} catch (problem) {
			say(said, problem.message);
		}
	} }, el('label', { for: 'level' }, 'Log level'), choice, el('button', null, 'Set it'));
	return { root, show: (s) => {
		if (!touched && s.log_level && document.activeElement !== choice) choice.value = s.log_level;
	} };
}

function acts() {
	const said = el('p', { role: 'status', class: 'quiet' });
	const level = loggingForm(said);
	const button = el('button', { type: 'button', onclick: drain });
	const state = el('p');
	return {
		root: el('section', { class: 'card' }, el('h2', null, 'Acts'), state,
			el('p', { class: 'buttons' }, button), level.root, said,
			el('p', { class: 'quiet' }, 'Each act is logged with the address that it came from.'),
			hasToken() && el('p', { class: 'buttons' },
				el('button', { type: 'button', onclick: () => setToken(null) }, 'Forget the token'))),
		show: (s) => {
			say(state, s.draining ? 'Draining: new sessions are refused, those that live go on.'
				: 'In service: new sessions are welcome.');
			say(button, s.draining ? 'Take new sessions again' : 'Drain…');
			level.show(s);
		},
	};
}

// Where Fairlead has no TLS of its own there is nothing to tell.
function handshakes(s) {
	if (!s.tls_handshakes && !s.tls_handshakes_failed) return null;
	const share = s.tls_handshakes ? 100 * s.tls_resumed / s.tls_handshakes : undefined;
	return `${count(s.tls_handshakes)} (${percent(share)} resumed), ${count(s.tls_handshakes_failed)} failed`;
}

function describe(s) {
	const share = (100 * s.cpu_ms_total / s.uptime_ms).toFixed(1);
	const known = (value, words) => (value === undefined ? null : words(value));
	return [
		['Version', s.version], ['Instance', s.instance],
		['Started', date(s.started_at ? 1000 * s.started_at : Date.now() - s.uptime_ms)],
		['Up for', duration(s.uptime_ms)],
		['Processor time', known(s.cpu_ms_total, duration),
			known(s.cpu_ms_total, () => `${share} % of a core since the start`)],
		['Memory', known(s.memory_bytes, bytes)],
		['Workers', s.workers.length + s.silent_workers.length],
		['Sessions since the start', count(s.sessions_created)],
		['Connections since the start', count(s.connections_total)],
		['TLS handshakes since the start', handshakes(s)],
		['Requests since the start', count(s.requests_total)],
		['Refused since the start', count(s.refused)],
	];
}

const PROGRAMS = { '/metrics': 'for Prometheus', '/api/status': 'this page\'s numbers as JSON',
	'/api/history': 'the last hour as JSON', '/ready': 'for balancers: whether it takes sessions' };

export function show(view) {
	const about = facts();
	const box = el('div');
	view.append(el('h1', { tabindex: -1 }, 'Instance'),
		el('section', { class: 'card' }, el('h2', null, 'This Fairlead'), about.root), box,
		el('section', { class: 'card' }, el('h2', null, 'The same for programs'),
			el('ul', { class: 'plain' }, Object.entries(PROGRAMS).map(([path, what]) =>
				el('li', null, el('a', { href: path }, path), ` ${what}`)))));
	const off = watch(() => live.status && about.show(describe(live.status)));
	const close = gated(box, () => {
		const part = acts();
		box.append(part.root);
		return watch(() => live.status && part.show(live.status));
	});
	return () => {
		off();
		close();
	};
}
