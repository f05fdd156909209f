// What every client library does through the connection manager, in Node and in the browser.
//
// The libraries differ, so each comes as an adapter with the same few verbs:
//   connect(options) -> client     options: {jid, password, service, domain}
//   client.jid                     the bound address
//   client.mechanism               the SASL mechanism used
//   client.send(tree)              tree: {name, attrs, children: [tree or string]}
//   client.onstanza = f(tree)
//   client.close() -> Promise      a clean logout
// A scenario returns facts, a plain object; the judging is done by pytest.

const MUC = 'http://jabber.org/protocol/muc';
const DISCO = 'http://jabber.org/protocol/disco#info';
const ROSTER = 'jabber:iq:roster';

export const x = (name, attrs = {}, ...children) => ({ name, attrs, children });
export const child = (t, name) =>
	t && t.children.find((c) => typeof c !== 'string' && c.name === name);
export const text = (t) => (t ? t.children.map((c) => (typeof c === 'string' ? c : text(c))).join('') : null);

// Texts that a manager could damage: XML's own characters, several planes of Unicode, white space.
export const TEXTS = [
	'plain',
	'Grüße aus Köln, ça va, ñandú',
	'<b>&amp; not markup</b> "quotes" \'single\' ]]>',
	'日本語と한국어와 中文',
	'שלום עולם مرحبا بالعالم',
	'😀 🎣⚓ 👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇺',
	'two\nlines\tand a tab',
	' spaces at both ends ',
	'e\u0301 combining, \u{1d54f} beyond the first plane, \u00a0 nbsp',
	'<body rid="1"/></stream:stream><close/>',
];
const MESSAGES = 20;
const numbered = (who) =>
	Array.from({ length: MESSAGES }, (_, i) => `${who} ${i}: ${TEXTS[i % TEXTS.length]}`);

export function within(seconds, promise, what) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${seconds} s without: ${what}`)), seconds * 1000);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// A person is a client with a memory: all stanzas that came, and who waits for which.
class Person {
	constructor(client) {
		this.client = client;
		this.seen = [];
		this.waits = [];
		this.next = 0;
		client.onstanza = (t) => {
			this.seen.push(t);
			this.waits = this.waits.filter((w) => !(w.test(t) && (w.done(t), true)));
		};
	}

	send(t) {
		this.client.send(t);
	}

	when(what, test) {
		const before = this.seen.find(test);
		if (before) return Promise.resolve(before);
		return within(20, new Promise((done) => this.waits.push({ test, done })), what);
	}

	async iq(type, attrs, ...children) {
		const id = `iq-${++this.next}`;
		this.send(x('iq', { type, id, ...attrs }, ...children));
		return this.when(`answer to ${id}`, (t) => t.name === 'iq' && t.attrs.id === id &&
			(t.attrs.type === 'result' || t.attrs.type === 'error'));
	}

	async texts(from, count) {
		const test = (t) => t.name === 'message' && t.attrs.type === 'chat' && child(t, 'body') &&
			t.attrs.from && t.attrs.from.startsWith(from);
		const all = () => this.seen.filter(test);
		if (all().length < count) {
			await this.when(`${count} messages from ${from}`, () => all().length >= count);
		}
		return all().map((t) => text(child(t, 'body')));
	}

	forget() {
		this.seen = [];
	}
}

const bare = (jid) => jid.split('/')[0];
const presence = (from, type) => (t) =>
	t.name === 'presence' && t.attrs.from && t.attrs.from.startsWith(from) && t.attrs.type === type;
const chat = (to, body) => x('message', { to, type: 'chat' }, x('body', {}, body));

async function rosters(a, b, facts) {
	const before = await a.iq('get', {}, x('query', { xmlns: ROSTER }));
	facts.rosterBefore = child(before, 'query').children.length;
	const name = 'Bœb & "Co" 🎣';
	const set = await a.iq('set', {}, x('query', { xmlns: ROSTER },
		x('item', { jid: bare(b.client.jid), name }, x('group', {}, 'Füße <&>'))));
	facts.rosterSet = set.attrs.type;
	const push = await a.when('roster push', (t) => t.name === 'iq' && t.attrs.type === 'set' &&
		child(t, 'query'));
	facts.rosterPush = child(child(push, 'query'), 'item').attrs.jid;
	const after = await a.iq('get', {}, x('query', { xmlns: ROSTER }));
	const item = child(child(after, 'query'), 'item');
	facts.rosterName = item.attrs.name === name;
	facts.rosterGroup = text(child(item, 'group')) === 'Füße <&>';
}

async function presences(a, b, facts) {
	a.send(x('presence'));
	b.send(x('presence', {}, x('show', {}, 'dnd'), x('status', {}, 'beschäftigt 🛠')));
	a.send(x('presence', { to: bare(b.client.jid), type: 'subscribe' }));
	await b.when('subscription request', presence(bare(a.client.jid), 'subscribe'));
	b.send(x('presence', { to: bare(a.client.jid), type: 'subscribed' }));
	const p = await a.when('presence of the contact', presence(b.client.jid));
	facts.presenceShow = text(child(p, 'show'));
	facts.presenceStatus = text(child(p, 'status')) === 'beschäftigt 🛠';
	b.send(x('presence', { to: bare(a.client.jid), type: 'subscribe' }));
	await a.when('subscription request back', presence(bare(b.client.jid), 'subscribe'));
	a.send(x('presence', { to: bare(b.client.jid), type: 'subscribed' }));
	await b.when('presence back', presence(a.client.jid));
}

async function messages(a, b, repeats, facts) {
	const [there, back] = [numbered('there'), numbered('back')];
	for (let i = 0; i < MESSAGES; i++) {
		a.send(chat(b.client.jid, there[i]));
		b.send(chat(a.client.jid, back[i]));
		if (i % 5 === 4) await new Promise((r) => setTimeout(r, 20));
	}
	facts.there = await b.texts(bare(a.client.jid), MESSAGES);
	facts.back = await a.texts(bare(b.client.jid), MESSAGES);
	facts.thereWanted = there;
	facts.backWanted = back;

	const big = 'Ünïcødé 🎣 wörld & '.repeat(repeats);
	b.forget();
	a.send(chat(b.client.jid, big));
	const [got] = await b.texts(bare(a.client.jid), 1);
	facts.bigBytes = new TextEncoder().encode(got).length;
	facts.bigSame = got === big;
}

async function room(a, b, domain, facts) {
	const where = `raum-${Date.now()}-${Math.floor(Math.random() * 1e6)}@conference.${domain}`;
	const body = 'An alle: <&> 🎣';
	for (const [p, nick] of [[a, 'Älice'], [b, 'Bøb']]) {
		p.send(x('presence', { to: `${where}/${nick}` }, x('x', { xmlns: MUC })));
		await p.when('own room presence', presence(`${where}/${nick}`));
	}
	// A new room of ejabberd's is locked until its owner has taken the configuration.
	await a.iq('set', { to: where }, x('query', { xmlns: `${MUC}#owner` },
		x('x', { xmlns: 'jabber:x:data', type: 'submit' })));
	a.send(x('message', { to: where, type: 'groupchat' }, x('body', {}, body)));
	const said = (t) => t.name === 'message' && t.attrs.type === 'groupchat' &&
		text(child(t, 'body')) === body && t.attrs.from === `${where}/Älice`;
	await Promise.all([a.when('own room message', said), b.when('room message', said)]);
	facts.room = true;
}

/** The main job, end to end: two people log in, talk in every way, and log out. */
export async function talk(connect, o) {
	const facts = {};
	const login = (n) => within(20, connect({ ...o, jid: `${o.users[n]}@${o.domain}`,
		password: o.passwords[n] }), `login of ${o.users[n]}`);
	const a = new Person(await login(0));
	const b = new Person(await login(1));
	facts.mechanism = a.client.mechanism;
	facts.jid = a.client.jid;

	await rosters(a, b, facts);
	const info = await a.iq('get', { to: o.domain }, x('query', { xmlns: DISCO }));
	facts.disco = child(child(info, 'query'), 'identity').attrs.category;
	const odd = await a.iq('get', { to: o.domain }, x('query', { xmlns: 'urn:example:no-such' }));
	facts.oddIq = odd.attrs.type;
	await presences(a, b, facts);
	await messages(a, b, o.big || 4000, facts);
	await room(a, b, o.domain, facts);

	b.forget();
	const gone = b.when('the contact going', presence(a.client.jid, 'unavailable'));
	facts.closeA = await within(15, a.client.close(), 'clean logout');
	await gone;
	facts.gone = true;
	facts.closeB = await within(15, b.client.close(), 'clean logout');
	return facts;
}

/** A wrong password is refused in words, and at once. */
export async function refused(connect, o) {
	try {
		await within(15, connect({ ...o, jid: `${o.users[0]}@${o.domain}`, password: 'wrong' }), 'an answer');
	} catch (e) {
		return { refused: e.condition || e.message };
	}
	return { refused: null };
}

/** One login after the other, to domains with accounts of the same name and password: where the client
 * was bound, or why not. */
export async function logins(connect, o) {
	const facts = {};
	for (const domain of o.domains) {
		try {
			const client = await within(30, connect({ ...o, jid: `${o.user}@${domain}` }), 'an answer');
			facts[domain] = { jid: client.jid };
			await within(15, client.close(), 'clean logout');
		} catch (e) {
			facts[domain] = { refused: e.condition || e.message };
		}
	}
	return facts;
}

/** A client that says nothing for longer than a request is held, or between pings, is still reached,
 * once, and still can speak. */
export async function idle(connect, o) {
	const login = (n) => connect({ ...o, jid: `${o.users[n]}@${o.domain}`, password: o.passwords[n] });
	const [a, b] = [new Person(await login(0)), new Person(await login(1))];
	a.send(x('presence'));
	b.send(x('presence'));
	await new Promise((r) => setTimeout(r, o.seconds * 1000));
	const start = Date.now();
	a.send(chat(b.client.jid, 'still there? ⚓'));
	await b.texts(bare(a.client.jid), 1);
	b.send(chat(a.client.jid, 'yes'));
	await a.texts(bare(b.client.jid), 1);
	const ms = Date.now() - start;
	a.send(chat(b.client.jid, 'good'));
	const facts = { ms, there: await b.texts(bare(a.client.jid), 2),
		back: await a.texts(bare(b.client.jid), 1) };
	facts.closed = await within(15, Promise.all([a.client.close(), b.client.close()]), 'clean logout');
	return facts;
}

// Logs in, says READY, and waits for whatever ends it.
export async function held(connect, o) {
	const client = await connect({ ...o, jid: `${o.users[0]}@${o.domain}`, password: o.passwords[0] });
	client.send(x('presence'));
	console.log('READY');
	const start = client.log.length;
	const ended = () => client.log.slice(start)
		.some((s) => s.startsWith('DISCONNECTED') || s === 'disconnect' || s === 'offline');
	for (const until = Date.now() + 30000; !ended() && Date.now() < until;)
		await new Promise((r) => setTimeout(r, 20));
	return { ended: ended(), said: client.log.slice(start) };
}

export const scenarios = { talk, refused, logins, idle, held };
