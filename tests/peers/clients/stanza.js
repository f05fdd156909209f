// The adapter for stanza, over BOSH or WebSocket. Its own codec stands between the scenario's trees
// and the wire: what it does not know, it drops.

import stanza from 'stanza';

const { JXT, createClient } = stanza;
const toTree = (e) => ({
	name: e.getName(),
	attrs: { ...e.attributes },
	children: e.children.map((c) => (typeof c === 'string' ? c : toTree(c))),
});
const toXml = (t, xmlns) => new JXT.XMLElement(t.name, xmlns ? { xmlns, ...t.attrs } : t.attrs,
	t.children.map((c) => (typeof c === 'string' ? c : toXml(c))));

// It reads a text also as that text in each language, and would write it as often.
const once = (json) => Object.fromEntries(
	Object.entries(json).filter(([key]) => !key.startsWith('alternateLanguage')));

// It takes answers as they come; of two at once the later may be read first. XEP-0124 14.2 asks for
// the order of the requests.
function inOrder(channels) {
	let last = Promise.resolve();
	for (const channel of channels) {
		const send = channel.send.bind(channel);
		channel.send = (rid, body) => {
			const answer = send(rid, body);
			answer.catch(() => {}); // whoever waits for `last` hears of it
			last = last.catch(() => {}).then(() => answer);
			return last;
		};
	}
}

export function connect(o) {
	return new Promise((resolve, reject) => {
		const agent = createClient({
			jid: o.jid, password: o.password, autoReconnect: false,
			transports: { bosh: false, websocket: false, [o.transport]: o.service },
		});
		agent.transports.bosh = class extends agent.transports.bosh {
			constructor(...values) {
				super(...values);
				inOrder(this.channels);
			}
		};
		// It begins DIGEST-MD5 with an empty initial response, which jabberd2 refuses.
		agent.sasl.disable('DIGEST-MD5');
		const log = [];
		const client = {
			log,
			onstanza: () => {},
			send: (t) => {
				agent.send(t.name, once(agent.stanzas.import(toXml(t, 'jabber:client'))))
					.catch((e) => log.push(`error: ${e}`));
			},
			// Not `disconnected`: it never comes while an acknowledgement is still to be sent.
			close: () => new Promise((done) => {
				log.length = 0;
				agent.once('stream:end', () => done(log.slice()));
				// Over BOSH it has no place for what comes within the last body.
				agent.transport.on('error', () => {});
				agent.disconnect();
			}),
		};
		const give = (name) => () => reject(new Error(name));
		for (const name of ['auth:failed', 'stream:error', 'stream:end', 'disconnected']) {
			agent.on(name, (e) => log.push(e && e.condition ? `${name} error ${e.condition}` : name));
			agent.on(name, give(name));
		}
		agent.on('raw:outgoing', (text) => {
			client.mechanism ??= /<auth [^>]*mechanism="([^"]+)"/.exec(text)?.[1];
		});
		agent.on('stream:data', (json, kind) => {
			if (['message', 'presence', 'iq'].includes(kind)) {
				client.onstanza(toTree(agent.stanzas.export(kind, once(json))));
			}
		});
		agent.on('session:started', () => {
			client.jid = agent.jid;
			resolve(client);
		});
		agent.connect();
	});
}
