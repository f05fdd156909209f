// The demo's chat: log in through Fairlead by BOSH or WebSocket, talk to the people in the roster
// and in the room. What to connect to, and the demo's accounts, stand in config.json beside this.

import * as Wire from './wire.js';

const { Strophe, $msg, $pres, $iq } = window;
const NS_MUC = 'http://jabber.org/protocol/muc';
const byId = (id) => document.getElementById(id);
const make = (name, properties, ...children) => {
	const element = Object.assign(document.createElement(name), properties);
	element.append(...children);
	return element;
};

let config = {};
let connection = null;
let talks = new Map(); // by bare address: {jid, name, room, show, status, messages, unread, present}
let current = null;
let leaving = false;

/* What went wrong, in words */

const WORDS = {
	'host-unknown': 'Fairlead runs, but serves no domain of that name. Is the part behind the @ right?',
	'remote-connection-failed': 'Fairlead runs, but the XMPP server behind it cannot be reached.',
	'remote-stream-error': 'The XMPP server ended the connection.',
	'item-not-found': 'Fairlead does not know this session any more. It may have slept for too long.',
	'system-shutdown': 'Fairlead or the XMPP server behind it has been shut down.',
	'policy-violation': 'Something that was sent is against the rules, perhaps too large.',
	conflict: 'This session was replaced by a newer one of the same name.',
	'connection-timeout': 'The session was silent for too long.',
	'no-auth-mech': 'The server offers no way to log in that this page knows.',
	'not-authorized': 'The server does not accept this name with this password.',
	'bad-format': 'What came back is not what Fairlead would send. Is something else at that address?',
};

function words(status, condition, service) {
	if (status === Strophe.Status.AUTHFAIL) return WORDS['not-authorized'];
	if (condition && WORDS[condition]) return WORDS[condition];
	const cause = condition && /^[a-z-]+$/.test(condition) && condition !== 'giving-up' &&
		condition !== 'unknown' ? ` (${condition})` : '';
	return `Nothing answers at ${service}${cause}. Is Fairlead running, and is this page from it?`;
}

function trouble(text) {
	byId('trouble').textContent = text;
	byId('trouble').hidden = !text;
}

/* Conversations */

function talk(jid, more = {}) {
	if (!talks.has(jid)) {
		talks.set(jid, { jid, name: jid.split('@')[0], messages: [], unread: 0, present: new Set() });
	}
	return Object.assign(talks.get(jid), more);
}

function drawTalks() {
	byId('talks').replaceChildren(...[...talks.values()].map((t) => {
		const here = t.room ? t.present.size > 0 : t.show !== undefined;
		const dot = make('span', { className: 'dot' });
		if (here) dot.classList.add(['away', 'xa', 'dnd'].includes(t.show) ? 'busy' : 'here');
		const state = t.room ? `${t.present.size} in the room` : t.status || (here ? 'online' : 'offline');
		const button = make('button', { title: t.jid }, dot, make('span', { textContent: t.name }),
			t.unread ? make('span', { className: 'unread', textContent: t.unread }) : '',
			make('small', { textContent: state }));
		if (t === current) button.setAttribute('aria-current', 'true');
		button.addEventListener('click', () => open(t));
		return make('li', {}, button);
	}));
}

function drawMessage(m) {
	const line = make('li', { className: m.kind });
	if (m.name) line.append(make('b', { textContent: m.name }));
	line.append(m.text);
	byId('messages').append(line);
	byId('messages').scrollTop = byId('messages').scrollHeight;
}

function open(t) {
	current = t;
	t.unread = 0;
	byId('compose').hidden = false;
	byId('title').textContent = t.room ? `Room “${t.name}”` : t.name;
	byId('messages').replaceChildren();
	t.messages.forEach(drawMessage);
	byId('text').placeholder = t.room ? 'Say something to the room' : `Say something to ${t.name}`;
	drawTalks();
	byId('text').focus();
}

function openNone() {
	current = null;
	talks = new Map();
	byId('compose').hidden = true;
	byId('title').textContent = '';
	byId('messages').replaceChildren(make('li', {
		className: 'note', textContent: 'Whom do you want to talk to? Give an address, and press Talk.' }));
	drawTalks();
}

function begin(event) {
	event.preventDefault();
	const whom = byId('whom').value.trim();
	if (!whom) return;
	byId('whom').value = '';
	const domain = Strophe.getDomainFromJid(connection.jid);
	open(talk(Strophe.getBareJidFromJid(whom.includes('@') ? whom : `${whom}@${domain}`)));
}

function add(t, message) {
	t.messages.push(message);
	if (t === current) drawMessage(message);
	else if (message.kind === 'theirs') t.unread += 1;
	drawTalks();
}

/* What comes in */

// Without a "from" it is from one's own account (RFC 6120 8.1.2.1).
const fromOf = (stanza) => stanza.getAttribute('from') || Strophe.getBareJidFromJid(connection.jid);

const bodyOf = (stanza) => {
	const body = [...stanza.children].find((c) => c.localName === 'body');
	return body ? body.textContent : null;
};

function onMessage(stanza) {
	const from = fromOf(stanza);
	const type = stanza.getAttribute('type');
	const bare = Strophe.getBareJidFromJid(from);
	const text = bodyOf(stanza);
	if (type === 'error') {
		add(talk(bare), { kind: 'failed', text: `Not delivered: ${text || 'the server refused it'}` });
	} else if (text !== null && type === 'groupchat') {
		const nick = Strophe.getResourceFromJid(from);
		const mine = nick === talk(bare, { room: true }).nick;
		add(talk(bare), nick ? { kind: mine ? 'mine' : 'theirs', name: mine ? '' : nick, text }
			: { kind: 'note', text });
	} else if (text !== null) {
		add(talk(bare), { kind: 'theirs', text });
	}
	return true;
}

function onPresence(stanza) {
	const from = fromOf(stanza);
	const type = stanza.getAttribute('type');
	const bare = Strophe.getBareJidFromJid(from);
	const t = talks.get(bare);
	if (type === 'subscribe') {
		// Only the demo's own people: with an account of one's own that is for oneself to decide.
		if (config.accounts?.length) connection.send($pres({ to: bare, type: 'subscribed' }));
	} else if (t && t.room) {
		const nick = Strophe.getResourceFromJid(from);
		if (type === 'error') {
			add(t, { kind: 'note', text: 'This server lets nobody into that room.' });
		} else {
			t.present[type === 'unavailable' ? 'delete' : 'add'](nick);
		}
	} else if (bare !== Strophe.getBareJidFromJid(connection.jid) && (t || !type) && type !== 'error') {
		const part = (name) => [...stanza.children].find((c) => c.localName === name)?.textContent;
		talk(bare, type === 'unavailable' ? { show: undefined, status: '' }
			: { show: part('show') || 'here', status: part('status') || '' });
	}
	drawTalks();
	return true;
}

function onRoster(answer) {
	for (const item of answer.getElementsByTagName('item')) {
		talk(item.getAttribute('jid'), item.getAttribute('name') ? { name: item.getAttribute('name') } : {});
	}
	if (!current && talks.size) open([...talks.values()][0]);
	drawTalks();
}

/* Connecting and leaving */

function online() {
	const name = Strophe.getNodeFromJid(connection.jid);
	openNone();
	byId('me').textContent = Strophe.getBareJidFromJid(connection.jid);
	byId('welcome').hidden = true;
	byId('app').hidden = false;
	document.title = `${name} · Fairlead chat`;
	connection.addHandler(onMessage, null, 'message');
	connection.addHandler(onPresence, null, 'presence');
	connection.sendIQ($iq({ type: 'get' }).c('query', { xmlns: 'jabber:iq:roster' }), (answer) => {
		onRoster(answer);
		connection.send($pres());
		if (!config.room) return;
		talk(config.room, { room: true, nick: name });
		connection.send($pres({ to: `${config.room}/${name}` }).c('x', { xmlns: NS_MUC }));
		if (!current) open(talk(config.room));
		drawTalks();
	});
}

function offline(text) {
	connection = null;
	byId('app').hidden = true;
	byId('welcome').hidden = false;
	byId('connect').disabled = false;
	byId('connect').textContent = 'Connect';
	document.title = 'Fairlead chat';
	trouble(text);
}

function serviceOf(via) {
	const url = new URL(config[via] || (via === 'bosh' ? '/http-bind' : '/xmpp-websocket'), location.href);
	if (via === 'websocket') url.protocol = url.protocol.replace('http', 'ws');
	return url.href;
}

function connect(event) {
	event.preventDefault();
	const via = document.querySelector('input[name=via]:checked').value;
	const service = serviceOf(via);
	let reason = '';
	let wasOnline = false;
	leaving = false;
	trouble('');
	Wire.clear();
	byId('connect').disabled = true;
	byId('connect').textContent = 'Connecting …';
	byId('transport').textContent = via === 'bosh' ? 'BOSH' : 'WebSocket';

	connection = new Strophe.Connection(service);
	connection.xmlInput = Wire.incoming;
	connection.xmlOutput = Wire.outgoing;
	connection.connect(byId('jid').value.trim(), byId('password').value, (status, condition) => {
		const S = Strophe.Status;
		if (status === S.CONNECTED) {
			wasOnline = true;
			online();
		} else if (status === S.AUTHFAIL || status === S.CONNFAIL) {
			reason = words(status, condition, service);
			if (status === S.AUTHFAIL) connection.disconnect();
		} else if (status === S.DISCONNECTED && connection) {
			if (!leaving && !reason && wasOnline) {
				reason = WORDS[condition] || 'The connection was lost. You can connect again.';
			}
			offline(leaving ? '' : reason || words(S.CONNFAIL, condition, service));
		}
	});
}

function send(event) {
	event.preventDefault();
	const text = byId('text').value;
	if (!text || !current) return;
	byId('text').value = '';
	const type = current.room ? 'groupchat' : 'chat';
	connection.send($msg({ to: current.jid, type, id: connection.getUniqueId() }).c('body').t(text));
	// The room sends everything back to all, its speaker included.
	if (!current.room) add(current, { kind: 'mine', text });
}

/* The page itself */

function choose(account) {
	byId('jid').value = account.jid;
	byId('password').value = account.password || '';
	const other = config.accounts.find((a) => a !== account);
	byId('other').hidden = !other;
	if (other) {
		byId('other').href = `?as=${encodeURIComponent(other.name)}`;
		byId('other').textContent = `Be ${other.name} in another tab`;
	}
}

function offerAccounts(wanted) {
	const accounts = config.accounts || [];
	byId('who').hidden = !accounts.length;
	byId('credentials').open = !accounts.length;
	accounts.forEach((account, i) => {
		const chosen = wanted ? account.name.toLowerCase() === wanted.toLowerCase() : i === 0;
		const radio = make('input', { type: 'radio', name: 'who', checked: chosen });
		radio.addEventListener('change', () => choose(account));
		byId('accounts').append(make('label', {}, radio, make('span', { textContent: account.name })));
		if (chosen) choose(account);
	});
	if (!accounts.length && config.domain) byId('jid').placeholder = `you@${config.domain}`;
}

async function start() {
	const wanted = new URLSearchParams(location.search);
	if (wanted.get('via') === 'bosh') document.querySelector('input[value=bosh]').checked = true;
	byId('login').addEventListener('submit', connect);
	byId('compose').addEventListener('submit', send);
	byId('begin').addEventListener('submit', begin);
	byId('leave').addEventListener('click', () => {
		leaving = true;
		connection.disconnect('bye');
	});
	byId('clear').addEventListener('click', Wire.clear);
	byId('quiet').addEventListener('change', () => Wire.quiet(byId('quiet').checked));
	Wire.quiet(true);
	byId('show-wire').addEventListener('click', () => {
		const plain = byId('app').classList.toggle('plain');
		byId('show-wire').setAttribute('aria-pressed', String(!plain));
	});
	addEventListener('pagehide', () => {
		if (!connection) return;
		leaving = true;
		connection.flush();
		connection.disconnect('page closed');
	});
	if (!Strophe) {
		trouble('Strophe.js is missing: strophe.umd.min.js should lie beside this page.');
		byId('connect').disabled = true;
		return;
	}
	try {
		config = await (await fetch('config.json', { cache: 'no-store' })).json();
	} catch {
		trouble('There is no config.json beside this page; give an address and a password.');
	}
	offerAccounts(wanted.get('as'));
}

start();
