// node receive.js LIBRARY OPTIONS: log in and print what comes, until told otherwise on the standard
// input or killed. LIBRARY is strophe, stanza, xmppjs or resume, which is xmpp.js as it comes: it
// connects again and resumes its stream. OPTIONS is JSON: service, transport, domain, user, password.
//
//   READY JID         logged in, and present: its own presence came back, where the server does that
//   GOT ID BODY       a message with a body, in the handler's turn
//   ENDED LOG         the library says that it is over
//   SM NAME           (resume) stream management: enabled, resumed or failed
//
// Commands: logout, or logout N: in the handler of the Nth message; say TO NUMBER...

import { writeSync } from 'node:fs';
import readline from 'node:readline';
import { webcrypto } from 'node:crypto';
import ws from 'ws';
import { child, text, x } from './scenario.js';
import { browserRequests } from './xhr.js';

globalThis.crypto ??= webcrypto;
const [library, json] = process.argv.slice(2);
const o = JSON.parse(json);
// At once: what a killed process still had in its buffers was not with the user.
const print = (...words) => writeSync(1, `${words.join(' ')}\n`);

async function resuming() {
	globalThis.WebSocket ??= ws;
	const { client: makeClient, xml } = await import('@xmpp/client');
	const xmpp = makeClient({ service: o.service, domain: o.domain, username: o.user,
		password: o.password });
	const client = {
		log: [],
		send: (t) => xmpp.send(xml(t.name, t.attrs, ...t.children.map((c) =>
			(typeof c === 'string' ? c : xml(c.name, c.attrs, ...c.children))))).catch(() => {}),
		close: () => xmpp.stop(),
	};
	xmpp.on('error', () => {});
	const enabled = new Promise((done) => {
		xmpp.on('nonza', (e) => {
			if (['enabled', 'resumed', 'failed'].includes(e.getName())) print('SM', e.getName());
			if (e.is('enabled')) done();
		});
	});
	const toTree = (e) => ({ name: e.getName(), attrs: { ...e.attrs },
		children: e.children.map((c) => (typeof c === 'string' ? c : toTree(c))) });
	xmpp.on('stanza', (e) => client.onstanza(toTree(e)));
	client.onstanza = () => {};
	client.jid = (await xmpp.start()).toString();
	// It miscounts a stanza that comes in one packet with <enabled/>.
	await enabled;
	return client;
}

async function connect() {
	const options = { service: o.service, transport: o.transport, domain: o.domain,
		jid: `${o.user}@${o.domain}`, password: o.password };
	if (library === 'resume') return resuming();
	if (library === 'strophe') {
		await browserRequests();
		const strophe = await import('strophe.js');
		return (await import('./strophe.js')).adapter(strophe)(options);
	}
	return (await import(`./${library}.js`)).connect(options);
}

const client = await connect();
let present, got = 0, enough = Infinity;
const there = new Promise((done) => { present = done; });
client.onstanza = (t) => {
	if (t.name === 'presence' && t.attrs.from === client.jid) present();
	const body = child(t, 'body');
	if (t.name === 'message' && t.attrs.type !== 'error' && body) {
		print('GOT', t.attrs.id, text(body));
		if (++got === enough) logout();
	}
};
client.send(x('presence'));
// What is written to its bare address before goes another way, and comes behind the rest.
await Promise.race([there, new Promise((done) => setTimeout(done, 2000))]);
print('READY', client.jid);

let over = false;
const end = (why) => {
	if (!over) print('ENDED', why);
	over = true;
};
const logged = client.log.length;
setInterval(() => {
	const last = client.log.slice(logged)
		.find((s) => /^(DISCONNECTED|disconnect|offline|stream:end)/.test(s));
	if (last) end(client.log.slice(logged).join(', '));
}, 50);
async function logout() {
	await client.close();
	end('logout');
}
readline.createInterface({ input: process.stdin }).on('line', async (line) => {
	const [word, to, ...numbers] = line.split(' ');
	if (word === 'logout') {
		enough = Number(to);
		if (!(got < enough)) logout();
	}
	if (word === 'say') {
		for (const n of numbers) {
			client.send(x('message', { to, type: 'chat', id: `m${n}` }, x('body', {}, `number ${n}`)));
		}
	}
}).on('close', () => process.exit(0));
