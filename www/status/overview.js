// At a glance: the last hour in pictures, who is here, how the backends are, how sessions ended.

import { Chart } from './chart.js';
import { bytes, count, el, keep, percent, plural, rate, say, svg, table } from './dom.js';
import { live, watch } from './live.js';
import { backends } from './backends.js';
import { STATES, STATE_HINTS, ending, isCalm, isDomain, refusing } from './words.js';

const CHARTS = [
	{ title: 'Sessions', format: count, lines: [{ key: 'sessions', label: 'all', area: true },
		{ key: 'bosh', label: 'BOSH', href: '#/sessions?transport=bosh' },
		{ key: 'websocket', label: 'WebSocket', href: '#/sessions?transport=websocket' }],
	more: (s) => `${count(s.sessions_created)} since the start` },
	{ title: 'Stanzas per second', format: rate, axis: count, lines: [
		{ key: 'stanzas_in_per_s', label: 'from clients' },
		{ key: 'stanzas_out_per_s', label: 'to clients', area: true }],
	more: (s) => `${count(s.stanzas_in)} and ${count(s.stanzas_out)} since the start` },
	{ title: 'Bytes per second', format: bytes, base: 1024, least: 1024, lines: [
		{ key: 'bytes_in_per_s', label: 'from clients' },
		{ key: 'bytes_out_per_s', label: 'to clients', area: true }],
	more: (s) => `${bytes(s.bytes_in)} and ${bytes(s.bytes_out)} since the start` },
	{ title: 'Logins per minute', format: rate, axis: count, least: 4, lines: [
		{ key: 'logins_per_min', label: 'succeeded', area: true },
		{ key: 'login_failures_per_min', label: 'failed' }],
	more: (s) => (s.logins_total === undefined ? '\u00a0'
		: `${count(s.logins_total)} succeeded, ${count(s.login_failures_total)} failed since the start`) },
	{ title: 'Held requests', format: count, lines: [{ key: 'held', label: 'held', area: true },
		{ key: 'detached', label: 'sessions away' }],
	more: (s) => `${plural(s.connections, 'connection')}, ${plural(s.websockets, 'WebSocket')}` },
	{ title: 'Stanzas not yet proved', format: count, least: 10,
		lines: [{ key: 'unproved', label: 'sent, not known to have arrived', area: true }],
		more: (s) => `${count(s.stanzas_returned)} returned to their sender since the start` },
	{ title: 'Worker load', format: percent, least: 10,
		lines: [{ key: 'load_percent', label: 'busiest worker', area: true }],
		more: (s) => `longest turn ${(Math.max(0, ...s.workers.map((w) => w.turn_max_us)) / 1000)
			.toFixed(1)} ms` },
	{ title: 'Memory', format: bytes, base: 1024,
		lines: [{ key: 'memory_bytes', label: 'of the process', area: true }],
		more: (s) => (s.memory_per_session_bytes > 0
			? `${count(s.memory_per_session_bytes)} bytes a session` : '\u00a0') },
];

// A list of labelled bars; each leads to the sessions that it counts, where there is such a list.
function bars(title) {
	const list = el('ul', { class: 'bars' });
	const none = el('p', { class: 'quiet', hidden: true }, 'Nothing so far.');
	const root = el('section', { class: 'tile' }, el('h3', null, title), list, none);
	const make = (i) => el('li', { class: i.tone }, el(i.href ? 'a' : 'span',
		{ class: 'label', href: i.href }, i.label), el('b'),
	svg('svg', { class: 'share', viewBox: '0 0 100 1', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
		svg('rect', { height: 1 })), el('small'));
	const show = (items) => {
		const top = Math.max(1, ...items.map((i) => i.n));
		none.hidden = items.length > 0;
		keep(list, items, (i) => i.label, make, (li, i) => {
			say(li.children[1], count(i.n));
			li.children[2].firstChild.setAttribute('width', 100 * i.n / top);
			say(li.children[3], i.hint || '');
		});
	};
	return { root, show };
}

const by = (key, value) => `#/sessions?${new URLSearchParams({ [key]: value })}`;
const byDomain = (domain) => (isDomain(domain) ? by('domain', domain) : null);

function sinceYouLook(label, n, first) {
	const more = n - (first?.[label] || 0);
	return more > 0 ? `${label} · ${count(more)} since you look` : label;
}

function ends(now, first) {
	return Object.entries(now || {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1])
		.map(([label, n]) => ({ label: ending(label), n, tone: isCalm(label) ? '' : 'bad',
			hint: sinceYouLook(label, n, first) }));
}

function refusals(now, first) {
	return Object.entries(now || {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1])
		.map(([label, n]) => ({ label: refusing(label), n, hint: sinceYouLook(label, n, first) }));
}

function workers() {
	const one = (name) => (w) => count(w[name]);
	return table('Workers', [
		{ label: 'Worker', text: (w) => w.worker },
		{ label: 'Load', num: true, text: (w) => percent(w.load_percent) },
		{ label: 'Longest turn', num: true, text: (w) => `${(w.turn_max_us / 1000).toFixed(1)} ms` },
		{ label: 'Sessions', num: true, text: one('sessions') },
		{ label: 'Connections', num: true, text: one('connections') },
		{ label: 'WebSockets', num: true, text: one('websockets') },
		{ label: 'Requests', num: true, text: one('requests_total') },
		{ label: 'For other workers', num: true, text: (w) => (w.requests_total
			? `${Math.round(100 * w.requests_foreign / w.requests_total)} %` : '–') },
	], (w) => w.worker);
}

export function show(view) {
	const charts = CHARTS.map((c) => new Chart(c));
	const states = bars('Sessions by state');
	const domains = bars('By domain');
	const ended = bars('How sessions ended');
	const refused = bars('What was refused');
	const crew = workers();
	const servers = backends({ acts: false });
	view.append(
		el('h1', { tabindex: -1, class: 'unseen' }, 'Overview'),
		el('h2', { class: 'unseen' }, 'The last hour'),
		el('div', { class: 'grid' }, charts[0].root, states.root, charts.slice(1).map((c) => c.root)),
		el('h2', null, 'Backends'), el('div', { class: 'card' }, servers.root),
		el('h2', null, 'Where from, where to'),
		el('div', { class: 'grid' }, domains.root, ended.root, refused.root),
		el('h2', null, 'Workers'), el('div', { class: 'card' }, crew.root));
	for (const chart of charts) chart.start();
	const off = watch(() => {
		const s = live.status;
		if (!s) return;
		for (const chart of charts) chart.draw();
		states.show(Object.entries(STATES).map(([key, label]) => ({ label, n: s[key] || 0,
			hint: STATE_HINTS[key], href: by('state', key) })));
		domains.show((s.by_domain || []).map((d) => ({ label: d.domain, n: d.sessions,
			hint: `${count(d.bosh)} BOSH, ${count(d.websocket)} WebSocket`,
			href: byDomain(d.domain) })));
		ended.show(ends(s.ends, live.first.ends));
		refused.show(refusals(s.refusals, live.first.refusals));
		crew.show(s.workers);
		servers.show(s.backends);
	});
	return () => {
		off();
		for (const chart of charts) chart.stop();
	};
}
