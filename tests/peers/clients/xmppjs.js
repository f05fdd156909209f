// The adapter for xmpp.js, which speaks WebSocket only.

import ws from 'ws';

// Node has none before 22; it must be there before xmpp.js is loaded.
globalThis.WebSocket ??= ws;
const { client: makeClient, xml } = await import('@xmpp/client');

const toTree = (e) => ({
	name: e.getName(),
	attrs: { ...e.attrs },
	children: e.children.map((c) => (typeof c === 'string' ? c : toTree(c))),
});
const toXml = (t) => xml(t.name, t.attrs, ...t.children.map((c) => (typeof c === 'string' ? c : toXml(c))));

export function connect(o) {
	return new Promise((resolve, reject) => {
		const [username, domain] = o.jid.split('@');
		const xmpp = makeClient({ service: o.service, domain, username, password: o.password });
		const log = [];
		const client = {
			log,
			onstanza: () => {},
			send: (t) => xmpp.send(toXml(t)).catch((e) => log.push(`send: ${e.message}`)),
			close: async () => {
				log.length = 0;
				await xmpp.stop();
				return log.slice();
			},
		};
		// A lost connection is a fault here, not something to be mended behind the test's back.
		xmpp.reconnect.stop();
		xmpp.on('status', (status) => log.push(status));
		xmpp.on('error', (e) => {
			log.push(`error: ${e.message}`);
			reject(e);
			xmpp.stop().catch(() => {});
		});
		// The first element that chooses a mechanism tells which; SASL2 says authenticate.
		xmpp.on('send', (e) => {
			if (e.attrs && e.attrs.mechanism) client.mechanism = e.attrs.mechanism;
		});
		xmpp.on('stanza', (e) => client.onstanza(toTree(e)));
		xmpp.on('online', (jid) => {
			client.jid = jid.toString();
			resolve(client);
		});
		xmpp.start().catch(reject);
	});
}
