// node reactnative.js OPTIONS: xmpp.js as in a React Native app, which outlives its sockets. It
// says what happens as lines of JSON, and does what lines of JSON on its input ask for.
//
// OPTIONS is JSON: service, domain, user, password, resource; origin (React Native sends that of
// the endpoint; null: none, as on Windows), address (to connect from), ca (a file).
//   {"do": "send", "to", "body"}         a chat message
//   {"do": "every", "ms", "to", "body"}  the same by a timer while online: "body 0", ...
//   {"do": "move", "address", "forget"}  another network: the app hears that the socket is closed,
//                                        the other side hears nothing. forget: no resumption
//   {"do": "stop"}                       a clean logout

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { webcrypto } from 'node:crypto';
import ws from 'ws';

const o = JSON.parse(process.argv[2]);
const tell = (event, facts = {}) => console.log(JSON.stringify({ event, ...facts }));
const lost = []; // kept, or they would be closed when forgotten

// The platform's WebSocket: the app has no say in Origin.
class NativeSocket extends ws {
	constructor(url, protocols) {
		super(url, protocols, {
			...(o.origin ? { origin: o.origin } : {}),
			...(o.ca ? { ca: readFileSync(o.ca) } : {}),
			localAddress: o.address,
			// Each message is an event of its own, as the standard says and apps see it.
			// Else xmpp.js counts stanzas before it has understood <enabled/>.
			allowSynchronousEvents: false,
		});
		NativeSocket.last = this;
		this.on('unexpected-response', (request, response) => {
			tell('refused', { status: response.statusCode });
			this.emit('error', new Error(`HTTP ${response.statusCode}`));
			this.emit('close', 1006, Buffer.alloc(0));
		});
	}
}

globalThis.crypto ??= webcrypto;
globalThis.WebSocket = NativeSocket;
const { client, xml } = await import('@xmpp/client');

const { service, domain, user: username, password, resource } = o;
const xmpp = client({ service, domain, username, password, resource });
const present = () => xmpp.send(xml('presence'));
const send = (to, body) => xmpp.send(xml('message', { to, type: 'chat' }, xml('body', {}, body)))
	.catch((e) => tell('unsent', { body, why: e.message }));

function move({ address, forget }) {
	const old = NativeSocket.last;
	o.address = address;
	if (forget) Object.assign(xmpp.streamManagement, { id: '', inbound: 0 });
	lost.push(old);
	old.pause(); // nothing is read any more, pings neither
	old.emit('close', 1006, Buffer.alloc(0));
}

function every({ ms, to, body }) {
	let n = 0;
	setInterval(() => xmpp.status === 'online' && send(to, `${body} ${n++}`), ms);
}

xmpp.on('status', (status) => tell(status));
xmpp.on('error', (e) => tell('error', { text: e.condition || e.message || String(e) }));
// A client that is present before it asks for stream management leaves that to Fairlead.
xmpp.on('online', (jid) => {
	tell('bound', { jid: jid.toString() });
	if (o.early) present();
});
xmpp.on('nonza', (n) => n.is('enabled') && !o.early && present());
xmpp.streamManagement.on('resumed', () => tell('resumed'));
xmpp.on('stanza', (s) => {
	if (s.is('message') && s.getChild('body')) tell('message', { body: s.getChildText('body') });
	if (s.is('presence') && s.attrs.from === xmpp.jid?.toString()) tell('present');
});

createInterface({ input: process.stdin }).on('line', async (line) => {
	const order = JSON.parse(line);
	if (order.do === 'send') send(order.to, order.body);
	if (order.do === 'every') every(order);
	if (order.do === 'move') move(order);
	if (order.do === 'stop') {
		await xmpp.stop();
		process.exit(0);
	}
});
xmpp.start().catch((e) => tell('error', { text: e.condition || e.message || String(e) }));
