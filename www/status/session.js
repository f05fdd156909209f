// One session: what it does now in a sentence, its whole state in groups, its history, its stanzas live.

import { get, post } from './api.js';
import { dialog, gated, whileSeen } from './ask.js';
import { bytes, clock, count, date, duration, el, facts, keep, pill, plural, say } from './dom.js';
import { current, live, watch } from './live.js';
import { trace } from './trace.js';
import { LOGINS, STATES, TRANSPORTS, situation, stateTone, who } from './words.js';

const PACE = 1000;
const LOST = 'Fairlead cannot be reached';
const BROWSERS = [[/Edg\w*\/(\d+)/, 'Edge'], [/OPR\/(\d+)/, 'Opera'], [/Firefox\/(\d+)/, 'Firefox'],
	[/Chrom\w*\/(\d+)/, 'Chrome'], [/Version\/(\d+).*Safari/, 'Safari']];

// The name that a person knows the browser by, before the words that it says of itself.
function browser(agent) {
	const found = BROWSERS.find(([pattern]) => pattern.test(agent || ''));
	return found ? `${found[1]} ${found[0].exec(agent)[1]}` : agent;
}

const yes = (b) => (b === undefined || b === null ? null : b ? 'yes' : 'no');
// "TLSv1.3 TLS_AES_128_GCM_SHA256", or "" for none.
function encryption(tls) {
	const [version, ...cipher] = (tls || '').split(' ');
	return ['Encryption', tls === undefined || tls === null ? null : version || 'none', cipher.join(' ')];
}

const DELIVERY = {
	undecided: ['nobody yet', 'it is settled after the login'],
	asked: ['Fairlead', 'the server was asked for stream management (XEP-0198)'],
	acknowledged: ['Fairlead', 'by stream management (XEP-0198) with the server'],
	bounced: ['Fairlead', 'what does not arrive is returned: the server has no stream management'],
	client: ['the client', 'it uses stream management (XEP-0198) itself'],
	transparent: ['nobody', 'the client may use stream management itself'],
};

const GROUPS = {
	Client: (s) => [
		['JID', s.jid || (s.login === 'done' ? 'not known' : 'not logged in')],
		['Login', s.jid ? null : LOGINS[s.login] || s.login],
		['Address', s.client?.peer ?? s.peer],
		['Program', browser(s.client?.agent), browser(s.client?.agent) === s.client?.agent ? '' : s.client?.agent],
		encryption(s.client?.tls),
		['Began', s.born_at ? date(1000 * s.born_at) : date(Date.now() - s.age_ms), `${duration(s.age_ms)} ago`],
	],
	'XMPP server': (s) => [
		['Domain', s.domain],
		['Backend', s.backend?.name || 'not connected yet'],
		['Address', s.backend?.address === s.backend?.name ? null : s.backend?.address],
		encryption(s.backend?.tls),
		['Not yet written to it', s.backend?.unsent_bytes === undefined ? null : bytes(s.backend.unsent_bytes)],
	],
	BOSH: (s) => (s.transport !== 'bosh' ? [] : [
		['Next request (rid)', s.rid],
		['Requests held now', s.window?.held ? held(s.window.held) : count(s.held)],
		['Agreed', s.window?.requests === undefined ? null
			: `${plural(s.window.requests, 'request')} at once, ${count(s.window.hold)} held for ${duration(s.window.wait_ms)}`],
		['Acknowledgements', yes(s.acks)],
		['Paused', s.paused ? 'yes' : null],
		['Time to come back', s.inactivity_left_ms > 0 ? duration(s.inactivity_left_ms) : null],
		['Kept to be repeated', bytes(s.replay_bytes)],
	]),
	Delivery: (s) => [
		['Answered for by', ...(DELIVERY[s.delivery] || [s.delivery])],
		['Queued for the client', bytes(s.queued_bytes)],
		['Not proved yet', count(s.unproved)],
		['Proved to have arrived', count(s.proved)],
		['Not acknowledged', count(s.unacknowledged)],
		['Returned to their sender', s.returned ? count(s.returned) : null],
		['Given up', s.given_up ? count(s.given_up) : null],
	],
	Traffic: (s) => [
		['From the client', `${plural(s.stanzas_in, 'stanza')}, ${bytes(s.bytes_in)}`],
		['To the client', `${plural(s.stanzas_out, 'stanza')}, ${bytes(s.bytes_out)}`],
		['Worker', s.worker],
	],
};

const held = (list) => (list.length
	? list.map((h) => `${h.rid ? `rid ${h.rid} ` : ''}for ${duration(h.since_ms)}`).join(', ') : 'none');

// sure() throws where it may be another session by now.
function end(s, sure) {
	return dialog({
		title: 'End this session?', verb: 'End it', tone: 'danger',
		text: `${s.jid || s.id} is disconnected at once. Its client may come back as it likes.`,
		fields: [el('label', null, 'Why (for the client and the log)',
			el('input', { name: 'text', maxlength: 200, autocomplete: 'off' }))],
		act: ({ text }) => {
			sure();
			return post(`/api/sessions/${encodeURIComponent(s.id)}/end`, { text });
		},
	});
}

// After a restart an id may name another session. So a view is of one `life`, the instance of Fairlead
// that it began with, and while the connection is lost it asks for nothing: who answers then is not known.
class Session {
	constructor(view, id, name, life) {
		this.id = id;
		this.life = life;
		this.path = `/api/sessions/${encodeURIComponent(id)}`;
		this.name = name;
		this.state = pill('');
		this.kind = pill('');
		this.about = el('span', null, 'Asking…');
		this.numbers = el('span', { 'aria-live': 'off' }); // not to be read aloud each second
		this.button = el('button', { type: 'button', class: 'danger', disabled: true,
			onclick: () => end(this.last, () => this.sure()).then((done) => done && this.ask()) },
		'End session…');
		this.groups = Object.fromEntries(Object.keys(GROUPS).map((name) => [name, facts()]));
		this.cards = Object.fromEntries(Object.entries(this.groups).map(([name, f]) => [name,
			el('section', { class: 'tile', hidden: true }, el('h3', null, name), f.root)]));
		this.events = el('ol', { class: 'timeline' });
		this.trace = trace(this.path, id);
		view.replaceChildren(
			el('div', { class: 'between' },
				el('p', { class: 'marks' }, this.state, this.kind, el('code', null, id)), this.button),
			el('p', { class: 'situation', role: 'status' }, this.about, ' ', this.numbers),
			el('h2', { class: 'unseen' }, 'State'),
			el('div', { class: 'grid' }, Object.values(this.cards)),
			el('h2', null, 'What happened'),
			el('div', { class: 'card' }, this.events),
			this.trace.root);
	}

	unsure() {
		return this.life.instance && !current();
	}

	sure() {
		if (this.over) throw new Error(this.over);
		if (this.unsure()) throw new Error(`${LOST}.`);
	}

	// Hears how the connection is, and to which Fairlead it leads.
	hear() {
		const now = live.status?.instance;
		this.life.instance ??= now;
		if (this.life.instance !== now) this.gone('Fairlead was restarted.');
		this.trace.allow(!this.over && !this.unsure());
	}

	async ask() {
		clearTimeout(this.timer);
		this.stop?.abort();
		if (this.over) return;
		if (this.unsure()) {
			if (live.link === 'lost') this.tell(`${LOST}; this is old.`, '');
			this.timer = setTimeout(() => this.ask(), PACE);
			return;
		}
		const stop = this.stop = new AbortController();
		try {
			const s = await get(this.path, stop.signal);
			if (!stop.signal.aborted) this.draw(s);
		} catch (e) {
			if (stop.signal.aborted || e.status === 401) return;
			if (e.status === 404) {
				const { text, ago_ms: ago } = e.body;
				this.gone(text ? `${text}, ${duration(ago)} ago.` : e.message);
				return;
			}
			this.tell(e.status ? e.message : `${LOST}; this is old.`, '');
		}
		this.timer = setTimeout(() => this.ask(), PACE);
	}

	tell(about, numbers) {
		say(this.about, about);
		say(this.numbers, numbers);
	}

	draw(s) {
		this.last = s;
		say(this.name, who(s));
		say(this.state, STATES[s.state] || s.state);
		this.state.className = `pill ${stateTone(s.state)}`;
		say(this.kind, TRANSPORTS[s.transport] || s.transport);
		this.tell(...situation(s, duration));
		this.button.disabled = false;
		for (const [name, list] of Object.entries(GROUPS)) {
			this.groups[name].show(list(s));
			this.cards[name].hidden = !this.groups[name].root.firstChild;
		}
		this.history(s);
	}

	// Events are told by their age; counted from the birth as first seen, their times stand still.
	history(s) {
		this.birth ??= Date.now() - s.age_ms;
		const list = (s.events || []).map((e, n) => ({ ...e, n, at: this.birth + s.age_ms - e.at_ms }));
		keep(this.events, list, (e) => e.n,
			() => el('li', null, el('time'), el('b'), el('span'), el('small')),
			(li, e) => [clock(e.at), e.what, e.detail || '', `${duration(e.at_ms)} ago`]
				.forEach((text, i) => say(li.children[i], text)));
		if (!list.length) this.events.replaceChildren(el('li', { class: 'quiet' }, 'Nothing is remembered.'));
	}

	gone(why) {
		if (this.over) return;
		this.close();
		this.over = `This session is gone: ${why}`;
		say(this.state, 'Ended');
		this.state.className = 'pill';
		this.tell(this.over, '');
		this.about.parentElement.classList.add('ended');
		this.button.disabled = true;
		this.trace.stop('The session is gone.');
		this.trace.allow(false);
	}

	close() {
		clearTimeout(this.timer);
		this.stop?.abort();
	}
}

export function show(view, id) {
	const name = el('h1', { tabindex: -1 }, 'Session');
	const box = el('div');
	view.append(el('p', { class: 'crumb' }, el('a', { href: '#/sessions' }, '‹ All sessions')), name, box);
	const life = { instance: live.status?.instance };
	return gated(box, () => {
		const session = new Session(box, id, name, life);
		const off = [watch(() => session.hear()), whileSeen(session)];
		return () => {
			off.forEach((f) => f());
			session.trace.stop();
		};
	});
}
