// The list of sessions: searched, filtered and sorted by Fairlead, which answers the best few; refreshed
// while it is looked at. What is looked for stands in the address, so that it can be kept and shared.

import { get } from './api.js';
import { gated, whileSeen } from './ask.js';
import { bytes, count, duration, el, pill, plural, say, table } from './dom.js';
import { live, watch } from './live.js';
import { STATES, TRANSPORTS, isDomain, stateTone } from './words.js';

const STEPS = [100, 250, 500, 1000]; // rows asked for, one more with each "more"; then page by page
const SEARCH_REST = 250; // ms without a key before the search goes out
const pace = (rows) => (rows > 500 ? 5000 : rows > 100 ? 2500 : 1000); // ms between refreshes

// What can be sorted by, and how at first: the interesting end on top.
const SORTS = { jid: ['Session', 'asc'], peer: ['Address', 'asc'], domain: ['Domain', 'asc'],
	transport: ['Transport', 'asc'], state: ['State', 'asc'], age: ['Age', 'asc'],
	queue: ['Queued', 'desc'], in: ['Stanzas in', 'desc'], out: ['Stanzas out', 'desc'],
	bytes: ['Bytes', 'desc'], unproved: ['Unproved', 'desc'] };

function columns(headers) {
	const link = { make: (s) => el('span', null,
		el('a', { href: `#/sessions/${encodeURIComponent(s.id)}` }), el('small')),
	change: (cell, s) => {
		say(cell.children[0], s.jid || 'not logged in');
		say(cell.children[1], `${s.id}${s.traced ? ' · traced' : ''}`);
	} };
	const state = { make: () => pill(''), change: (element, s) => {
		element.className = `pill ${stateTone(s.state)}`;
		say(element, STATES[s.state] || s.state);
	} };
	return [
		{ sort: 'jid', wide: true, ...link },
		{ sort: 'peer', split: true, text: (s) => s.peer },
		{ sort: 'domain', split: true, text: (s) => s.domain || '–' },
		{ sort: 'transport', text: (s) => TRANSPORTS[s.transport] || s.transport },
		{ sort: 'state', ...state },
		{ sort: 'age', num: true, text: (s) => duration(s.age_ms) },
		{ sort: 'queue', num: true, text: (s) => bytes(s.queued_bytes) },
		{ sort: 'in', num: true, text: (s) => count(s.stanzas_in) },
		{ sort: 'out', num: true, text: (s) => count(s.stanzas_out) },
		{ sort: 'bytes', num: true, text: (s) => bytes(s.bytes_in + s.bytes_out) },
		{ sort: 'unproved', num: true, text: (s) => count(s.unproved) },
	].map((c) => ({ ...c, label: SORTS[c.sort][0], header: headers[c.sort] }));
}

class List {
	constructor(view, query) {
		this.view = view;
		this.filter = { q: '', transport: '', domain: '', state: '', sort: 'age', order: 'asc' };
		for (const key of Object.keys(this.filter)) {
			if (query.get(key)) this.filter[key] = query.get(key);
		}
		if (!SORTS[this.filter.sort]) this.filter.sort = 'age';
		this.first();
		this.build();
	}

	first() {
		this.most = 0; // index in STEPS
		this.cursors = []; // of the pages before this one; the last is this page's own
	}

	build() {
		const change = (key) => (e) => this.set(key, e.target.value);
		const choice = (key, label, options) => el('label', null, label,
			el('select', { onchange: change(key), name: key }, options.map(([value, text]) =>
				el('option', { value, selected: this.filter[key] === value }, text))));
		this.search = el('input', { type: 'search', name: 'q', value: this.filter.q, autocomplete: 'off',
			autocapitalize: 'none', spellcheck: 'false', placeholder: 'JID, address, domain or id',
			oninput: (e) => {
				clearTimeout(this.rest);
				this.rest = setTimeout(() => this.set('q', e.target.value.trim()), SEARCH_REST);
			} });
		this.domains = choice('domain', 'Domain', [['', 'any']]);
		this.sortChoice = choice('sort', 'Sort by',
			Object.entries(SORTS).map(([value, [text]]) => [value, text]));
		this.orderChoice = choice('order', 'Order', [['asc', 'rising'], ['desc', 'falling']]);
		this.buttons = Object.fromEntries(Object.entries(SORTS).map(([key, [label]]) => [key,
			el('button', { type: 'button', class: 'sort', onclick: () => this.sort(key) }, label)]));
		this.table = table('Sessions', columns(this.buttons), (s) => s.id);
		this.found = el('p', { role: 'status', class: 'found' }, 'Asking…');
		this.trouble = el('p', { class: 'trouble', role: 'alert', hidden: true });
		this.hold = el('p', { class: 'quiet hold', hidden: true }, 'The order rests while you are in the list.');
		this.more = el('button', { type: 'button', onclick: () => this.grow() });
		this.back = el('button', { type: 'button', onclick: () => {
			this.first();
			this.ask();
		} }, 'Back to the first');
		this.view.replaceChildren(
			el('form', { class: 'filters', role: 'search', onsubmit: (e) => e.preventDefault() },
				el('label', { class: 'grow' }, 'Search', this.search),
				choice('transport', 'Transport', [['', 'any'], ...Object.entries(TRANSPORTS)]),
				this.domains,
				choice('state', 'State', [['', 'any'], ...Object.entries(STATES)]),
				el('span', { class: 'narrow' }, this.sortChoice, this.orderChoice)),
			el('div', { class: 'between' }, this.found, this.hold), this.trouble,
			el('div', { class: 'card' }, this.table.root),
			el('p', { class: 'buttons' }, this.more, this.back));
		this.marks();
	}

	// The domains to choose from: those that have sessions, but no patterns, and the one that is chosen.
	offer(status) {
		const select = this.domains.querySelector('select');
		const known = (status.by_domain || []).map((d) => d.domain).filter(isDomain);
		const all = [...new Set([...known, this.filter.domain])].filter(Boolean);
		const now = [...select.options].slice(1).map((o) => o.value);
		if (all.join() === now.join()) return;
		select.replaceChildren(el('option', { value: '' }, 'any'),
			...all.map((d) => el('option', { value: d }, d)));
		select.value = this.filter.domain;
	}

	set(key, value) {
		if (this.filter[key] === value) return;
		this.filter[key] = value;
		this.first();
		const query = new URLSearchParams(Object.entries(this.filter)
			.filter(([k, v]) => v && !(k === 'sort' && v === 'age') && !(k === 'order' && v === 'asc')));
		history.replaceState(null, '', `#/sessions${query.size ? `?${query}` : ''}`);
		this.marks();
		this.ask();
	}

	sort(key) {
		const { sort, order } = this.filter;
		const next = sort === key ? { asc: 'desc', desc: 'asc' }[order] : SORTS[key][1];
		this.filter.sort = key;
		this.filter.order = null;
		this.set('order', next);
	}

	marks() {
		const { sort, order } = this.filter;
		for (const [key, button] of Object.entries(this.buttons)) {
			const th = button.parentElement;
			if (key === sort) th.setAttribute('aria-sort', order === 'asc' ? 'ascending' : 'descending');
			else th.removeAttribute('aria-sort');
		}
		this.sortChoice.querySelector('select').value = sort;
		this.orderChoice.querySelector('select').value = order;
	}

	grow() {
		if (this.most < STEPS.length - 1) {
			this.most++;
		} else {
			this.cursors.push(this.next);
			scrollTo(0, 0);
		}
		this.ask();
	}

	// Asks at once, and then again and again.
	async ask() {
		clearTimeout(this.timer);
		this.stop?.abort();
		const stop = this.stop = new AbortController();
		this.asked = JSON.stringify(this.filter);
		const query = new URLSearchParams(Object.entries(this.filter).filter(([, v]) => v));
		query.set('limit', STEPS[this.most]);
		if (this.cursors.length) query.set('cursor', this.cursors[this.cursors.length - 1]);
		try {
			const answer = await get(`/api/sessions?${query}`, stop.signal);
			if (stop.signal.aborted) return;
			this.trouble.hidden = true;
			this.draw(answer);
		} catch (e) {
			if (stop.signal.aborted || e.status === 401) return;
			say(this.trouble, e.status ? e.message : 'Fairlead cannot be reached; this list is old.');
			this.trouble.hidden = false;
		}
		this.timer = setTimeout(() => this.ask(), pace(this.table.body.children.length));
	}

	// Whether somebody is in the list: then no row may move away under him.
	occupied() {
		const { body } = this.table;
		return body.matches(':hover') || body.contains(document.activeElement) ||
			(!getSelection().isCollapsed && body.contains(getSelection().anchorNode));
	}

	draw(answer) {
		const shape = `${this.asked} ${this.most} ${this.cursors.length}`;
		const same = shape === this.shape;
		const held = same && this.occupied();
		this.shape = shape;
		this.hold.hidden = !held;
		if (held) this.renew(answer.list);
		else this.table.show(answer.list);
		for (const tr of this.table.body.querySelectorAll('.gone')) {
			if (!held) tr.classList.remove('gone');
		}
		this.next = answer.cursor;
		const n = answer.list.length;
		const from = this.cursors.length * STEPS[STEPS.length - 1];
		const matched = answer.matched ?? answer.list.length;
		const total = answer.total ?? answer.sessions;
		say(this.found, [matched === total ? plural(total, 'session')
			: `${count(matched)} of ${plural(total, 'session')}`,
		n < matched ? `, shown: ${from ? `${count(from + 1)} to ${count(from + n)}` : `the first ${count(n)}`}` : '',
		answer.silent_workers?.length
			? `; worker ${answer.silent_workers.join(', ')} did not answer: its sessions are missing` : '',
		n ? '' : '. Nothing matches.'].join(''));
		this.more.hidden = !answer.cursor;
		const last = this.most === STEPS.length - 1;
		say(this.more, last ? 'The next ones' : `More: ${count(Math.min(STEPS[this.most + 1], matched))}`);
		this.back.hidden = !this.cursors.length;
	}

	// The rows that are there get their new numbers; those that ended are marked.
	renew(list) {
		const now = new Map(list.map((s) => [s.id, s]));
		for (const tr of this.table.body.children) {
			const s = now.get(tr.dataset.key);
			if (s) this.table.change(tr, s);
			tr.classList.toggle('gone', !s);
		}
	}

	close() {
		clearTimeout(this.timer);
		clearTimeout(this.rest);
		this.stop?.abort();
	}
}

export function show(view, query) {
	const box = el('div');
	view.append(el('h1', { tabindex: -1 }, 'Sessions'), box);
	return gated(box, () => {
		const list = new List(box, query);
		const off = [whileSeen(list), watch(() => live.status && list.offer(live.status))];
		return () => off.forEach((f) => f());
	});
}
