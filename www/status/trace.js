// Live tracing: a session's stanzas as they pass, already made harmless by Fairlead, which sends names,
// JIDs and ids, and of all other text only the length. Runs on while the reader is in another tab, for
// that is where he makes happen what he wants to see.

import { events } from './api.js';
import { clock, count, el, plural, say } from './dom.js';

const MOST = 1000; // lines kept
const FROM = { client: ['▲', 'from the client'], server: ['▼', 'to the client'] };

// <name attribute='value'> in spans, for colour; the text stays what it was.
function markup(xml) {
	const parts = [];
	for (const piece of xml.match(/<[^>]*>|[^<]+/g) || []) {
		if (piece[0] !== '<') {
			parts.push(piece);
			continue;
		}
		const [, open, name, rest] = /^(<[/?]?)([^\s/>]*)([^]*)$/.exec(piece);
		parts.push(open, el('b', null, name));
		for (const part of rest.match(/[^\s=]+=(?:'[^']*'|"[^"]*")|[^]/g) || []) {
			const [, key, value] = /^([^=]+=)(.+)$/.exec(part) || [];
			if (key) parts.push(key, el('i', null, value));
			else parts.push(part);
		}
	}
	return parts;
}

const asText = (l) => `${new Date(l.at).toISOString()} ${l.note ? `-- ${l.note}`
	: `${FROM[l.from][1]} (${l.bytes} bytes) ${l.xml}`}\n`;

class Trace {
	constructor(path, id) {
		Object.assign(this, { path, id, lines: [], waiting: [], dropped: 0, paused: false,
			stopper: null, allowed: true });
		this.start = el('button', { type: 'button', class: 'main', onclick: () => this.toggle() }, 'Start tracing');
		this.pause = el('button', { type: 'button', 'aria-pressed': 'false', disabled: true,
			onclick: () => this.hold() }, 'Pause');
		this.filter = el('input', { type: 'search', autocomplete: 'off', spellcheck: 'false',
			autocapitalize: 'none', placeholder: 'text in the stanza', oninput: () => this.sift() });
		this.way = el('select', { onchange: () => this.sift() }, el('option', { value: '' }, 'both'),
			el('option', { value: 'client' }, 'from the client'),
			el('option', { value: 'server' }, 'to the client'));
		this.state = el('span', null, 'Not tracing.');
		this.numbers = el('span', { 'aria-live': 'off' }); // not to be read aloud at each stanza
		this.list = el('ol');
		this.box = el('div', { class: 'trace', tabindex: 0, role: 'log', 'aria-live': 'off',
			'aria-label': 'Traced stanzas' }, this.list);
		const button = (text, onclick) => el('button', { type: 'button', onclick }, text);
		this.root = el('section', { 'aria-labelledby': 'trace-title' },
			el('h2', { id: 'trace-title' }, 'Live tracing'),
			el('div', { class: 'card' },
				el('p', { class: 'quiet' }, 'Names, JIDs and ids as they are; any other text as its length. Message bodies only where the configuration says ', el('code', null, 'trace.bodies'), '.'),
				el('div', { class: 'row' }, this.start, this.pause, button('Clear', () => this.clear()),
					button('Copy', () => this.copy()), button('Download', () => this.download())),
				el('div', { class: 'row' }, el('label', { class: 'grow' }, 'Filter', this.filter),
					el('label', null, 'Direction', this.way)),
				el('p', { role: 'status', class: 'quiet' }, this.state, ' ', this.numbers), this.box));
	}

	say(words, numbers = '') {
		say(this.state, words);
		say(this.numbers, numbers);
	}

	toggle() {
		if (this.stopper) this.stop('Stopped.');
		else this.run();
	}

	async run() {
		const stopper = this.stopper = new AbortController();
		say(this.start, 'Stop tracing');
		this.pause.disabled = false;
		this.say('Tracing.');
		try {
			for await (const { name, data } of events(`${this.path}/trace`, stopper.signal)) {
				if (name === 'stanza') {
					this.add({ at: data.at_ms > 1e12 ? data.at_ms : Date.now(), ...data });
				} else if (name === 'end') {
					this.add({ at: Date.now(), note: `the session ended: ${data.text || data.reason}` });
				} else if (data.text) {
					this.add({ at: Date.now(), note: data.text });
				}
			}
			this.stop('The trace ended.', stopper);
		} catch (e) {
			this.stop(e.status ? e.message : 'The connection was lost; start again.', stopper);
		}
	}

	// Ends the trace: the one that runs, or the given one if it still does.
	stop(words, stopper = this.stopper) {
		if (!stopper || stopper !== this.stopper) return;
		this.stopper = null;
		stopper.abort();
		if (this.paused) this.hold();
		say(this.start, 'Start tracing');
		this.start.disabled = !this.allowed;
		this.pause.disabled = true;
		this.say(words || 'Not tracing.');
	}

	// Whether one may be begun. The one that runs can be stopped all the same.
	allow(on) {
		this.allowed = on;
		this.start.disabled = !on && !this.stopper;
	}

	hold() {
		this.paused = !this.paused;
		this.pause.setAttribute('aria-pressed', this.paused);
		say(this.pause, this.paused ? 'Go on' : 'Pause');
		for (const l of this.waiting.splice(0)) this.add(l);
		this.tell();
	}

	add(line) {
		const box = this.box;
		if (this.paused) {
			this.waiting.push(line);
			if (this.waiting.length > MOST) this.waiting.shift();
			this.tell();
			return;
		}
		const low = box.scrollTop + box.clientHeight > box.scrollHeight - 24;
		line.row = this.row(line);
		this.lines.push(line);
		this.list.append(line.row);
		if (this.lines.length > MOST) {
			this.lines.shift().row.remove();
			this.dropped++;
		}
		if (low) box.scrollTop = box.scrollHeight;
		this.tell();
	}

	row(l) {
		const row = l.note
			? el('li', { class: 'note' }, el('time', null, clock(l.at)), ` ${l.note}`)
			: el('li', { class: l.from }, el('time', null, clock(l.at)),
				el('span', { class: 'way' }, ` ${FROM[l.from][0]} ${FROM[l.from][1]} `),
				el('small', null, plural(l.bytes, 'byte')), el('code', null, markup(l.xml)));
		row.hidden = !this.wanted(l);
		return row;
	}

	wanted(l) {
		return (!this.way.value || l.from === this.way.value) &&
			(l.xml || l.note).toLowerCase().includes(this.filter.value.trim().toLowerCase());
	}

	sift() {
		for (const l of this.lines) l.row.hidden = !this.wanted(l);
		this.tell();
	}

	tell() {
		const n = this.lines.filter((l) => !l.row.hidden).length;
		const state = !this.stopper ? 'Not tracing.' : this.paused ? 'Paused.' : 'Tracing.';
		this.say(state, [
			n === this.lines.length ? `${count(n)} lines` : `${count(n)} of ${count(this.lines.length)} lines`,
			this.waiting.length && `${count(this.waiting.length)} waiting`,
			this.dropped && `${count(this.dropped)} older ones dropped`].filter(Boolean).join(', '));
	}

	clear() {
		this.lines = [];
		this.dropped = 0;
		this.list.replaceChildren();
		this.tell();
	}

	text() {
		return this.lines.filter((l) => !l.row.hidden).map(asText).join('');
	}

	async copy() {
		try {
			await navigator.clipboard.writeText(this.text());
			this.say('Copied.');
		} catch {
			this.say('The browser does not let this page copy; use Download.');
		}
	}

	download() {
		const url = URL.createObjectURL(new Blob([this.text()], { type: 'text/plain' }));
		el('a', { href: url, download: `fairlead-trace-${this.id}.txt` }).click();
		setTimeout(() => URL.revokeObjectURL(url), 1000);
	}
}

export function trace(path, id) {
	const t = new Trace(path, id);
	return { root: t.root, stop: (words) => t.stop(words), allow: (on) => t.allow(on) };
}
