// node resume.js OPTIONS: xmpp.js loses its connection and resumes the stream (XEP-0198); prints
// facts as JSON. OPTIONS as for run.js, and `how`:
//   cut        the connection breaks for both sides
//   half-open  the client's side breaks, and nothing tells the manager
// present: `online` to send presence as soon as xmpp.js says so, which is before it asks for stream
// management; else behind <enabled/>.

import { webcrypto } from 'node:crypto';
import net from 'node:net';
import ws from 'ws';
import { within } from './scenario.js';

globalThis.crypto ??= webcrypto; // not a global in Node 18
globalThis.WebSocket ??= ws;
const { client: makeClient, xml } = await import('@xmpp/client');

const o = JSON.parse(process.argv[2]);
const service = new URL(o.service);

// What stands between the client and the manager; its connections are there to be cut.
const pairs = [];
const between = net.createServer({ allowHalfOpen: true }, (near) => {
	const far = net.connect(service.port, service.hostname);
	for (const [from, to] of [[near, far], [far, near]]) {
		from.on('error', () => {});
		from.on('data', (data) => to.write(data));
		from.on('end', () => to.end());
	}
	pairs.push({ near, far });
});
await new Promise((done) => between.listen(0, '127.0.0.1', done));

function cut() {
	const { near, far } = pairs.at(-1);
	near.removeAllListeners('end');
	far.removeAllListeners('data');
	near.destroy();
	if (o.how === 'cut') far.destroy();
}

function person(n, address) {
	const xmpp = makeClient({ service: address, domain: o.domain, username: o.users[n],
		password: o.passwords[n] });
	const p = { xmpp, got: [], nonzas: [], online: 0, waits: [] };
	const look = () => { p.waits = p.waits.filter((w) => !(w.test() && (w.done(), true))); };
	p.until = (what, test) => (test() ? null
		: within(20, new Promise((done) => p.waits.push({ test, done })), what));
	xmpp.on('error', () => {});
	xmpp.on('online', () => {
		p.online++;
		if (o.present === 'online') xmpp.send(xml('presence'));
	});
	xmpp.on('nonza', (e) => { p.nonzas.push(e.getName()); look(); });
	xmpp.on('stanza', (e) => {
		if (e.is('message') && e.getChildText('body') !== null) p.got.push(e.getChildText('body'));
		look();
	});
	xmpp.on('status', (status) => { p.status = status; look(); });
	p.say = (to, text) => xmpp.send(xml('message', { to: to.xmpp.jid.toString(), type: 'chat' },
		xml('body', {}, text)));
	return p;
}

const counts = (p, name) => p.nonzas.filter((n) => n === name).length;
const sent = { there: [], back: [] };
async function talk(from, to, list, label, n) {
	for (let i = 0; i < n; i++) {
		list.push(`${label} ${i} <&> 🎣`);
		await from.say(to, list.at(-1));
	}
}

const a = person(0, o.service);
const b = person(1, `ws://127.0.0.1:${between.address().port}${service.pathname}`);
const wall = setTimeout(() => { throw new Error('too slow'); }, 60000);
for (const p of [a, b]) {
	await within(20, p.xmpp.start(), 'login');
	// xmpp.js miscounts a stanza that comes in one packet with <enabled/>.
	await p.until('<enabled/>', () => counts(p, 'enabled') === 1);
	if (o.present !== 'online') await p.xmpp.send(xml('presence'));
}
const jid = b.xmpp.jid.toString();
for (let round = 0; round < 2; round++) {
	await talk(a, b, sent.there, `${round} before`, 5);
	await b.until('what was said before', () => b.got.length === sent.there.length);
	// On its way when the connection breaks: nobody knows whether it arrived.
	await talk(b, a, sent.back, `${round} at the cut`, 3);
	await talk(a, b, sent.there, `${round} at the cut`, 3);
	cut();
	await b.until('the loss', () => b.status === 'disconnect');
	await talk(a, b, sent.there, `${round} meanwhile`, 10);
	await b.until('<resumed/>', () => counts(b, 'resumed') === round + 1);
	await talk(b, a, sent.back, `${round} after`, 3);
	await talk(a, b, sent.there, `${round} after`, 5);
	await b.until('all', () => b.got.length >= sent.there.length);
	await a.until('all back', () => a.got.length >= sent.back.length);
}
const facts = { jid: jid === b.xmpp.jid.toString(), online: b.online, connections: pairs.length,
	enabled: counts(b, 'enabled'), resumed: counts(b, 'resumed'), failed: counts(b, 'failed') };
await within(10, a.xmpp.stop(), 'clean logout');
await within(10, b.xmpp.stop(), 'clean logout');
Object.assign(facts, { there: b.got, thereWanted: sent.there, back: a.got, backWanted: sent.back });
clearTimeout(wall);
console.log(JSON.stringify(facts));
process.exit(0);
