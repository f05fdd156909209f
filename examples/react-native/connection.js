// The app's connection: xmpp.js over Fairlead's WebSocket. It knows nothing of React Native, so that it
// can be tried in Node. doc/REACT-NATIVE.md explains it.
import { client, xml } from '@xmpp/client';

const LONGEST_WAIT = 30000; // ms between two attempts to come back
const PATIENCE = 5000; // ms in which a connection that is alive answers a ping

// xmpp.js wants a name of this installation, and would have the platform make one by `crypto`, which
// React Native does not have. Where it matters that it stays the same, keep it.
function newId() {
	return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g,
		() => Math.floor(Math.random() * 16).toString(16));
}

// xmpp.js logs in by PLAIN in React Native, and takes each character for one byte.
const utf8 = (text) => unescape(encodeURIComponent(text));

/** Logs in, and stays logged in until stop(). It calls onState('connecting' | 'online' | 'away' | 'refused' |
 * 'offline', address or words), onMessage({id, from, text}) and onSent(id), when the XMPP server has it. */
export function connect({ service, domain, username, password, onState, onMessage, onSent = () => {} }) {
	const agent = xml('user-agent', { id: newId() });
	const xmpp = client({ service, domain, username, userAgent: agent,
		credentials: (authenticate) => authenticate(
			{ username: utf8(username), password: utf8(password) }, 'PLAIN', agent) });
	const waiting = []; // what could not be sent yet
	let failures = 0;

	// What is on its way when the connection is lost, xmpp.js sends again by itself once it resumes.
	function post(stanza) {
		if (xmpp.status !== 'online') waiting.push(stanza);
		else xmpp.send(stanza).catch(() => xmpp.streamManagement.enabled || waiting.push(stanza));
	}

	function here() {
		failures = 0;
		onState('online', xmpp.jid.toString());
		Promise.resolve().then(() => waiting.splice(0).forEach(post));
	}

	// At each end the next attempt is put off for longer, and not for as long as all others: else each
	// app asks in the same second when a server has been started anew.
	function putOff() {
		const wait = Math.min(LONGEST_WAIT, 1000 * 2 ** failures++);
		xmpp.reconnect.delay = wait * (0.5 + Math.random() / 2);
	}

	xmpp.on('connecting', () => onState('connecting'));
	xmpp.on('online', () => {
		xmpp.send(xml('presence')).catch(() => {});
		here();
	});
	// Back in the same session: nobody saw it go, and presence is what it was.
	xmpp.streamManagement.on('resumed', here);
	// Not in the same one. The server may have had these: then they come twice, with the same id.
	xmpp.streamManagement.on('fail', (stanza) => stanza.is('message') && waiting.push(stanza));
	xmpp.on('disconnect', () => {
		putOff();
		onState('away');
	});
	xmpp.on('error', (error) => {
		const { name, condition } = error;
		if (condition === 'conflict' ||
			(name === 'SASLError' && condition !== 'temporary-auth-failure')) {
			xmpp.stop().catch(() => {});
			onState('refused', condition || error.message);
		}
	});
	xmpp.on('stanza', (stanza) => {
		const text = stanza.is('message') && stanza.getChildText('body');
		if (text) onMessage({ id: stanza.attrs.id, from: stanza.attrs.from, text });
	});
	xmpp.streamManagement.on('ack', (stanza) => stanza.attrs.id && onSent(stanza.attrs.id));

	putOff();
	xmpp.start().catch(() => {}); // 'error' and 'disconnect' have told

	return {
		/** Sends a chat message and returns its id. What is sent while away goes out on the return. */
		send(to, text) {
			const id = newId();
			post(xml('message', { to, type: 'chat', id }, xml('body', {}, text)));
			return id;
		},

		/** The app is in front again: a connection that did not survive the pause is replaced at once. */
		async wake() {
			if (xmpp.status !== 'online') return;
			const ping = xml('iq', { type: 'get', to: domain }, xml('ping', { xmlns: 'urn:xmpp:ping' }));
			await xmpp.iqCaller.request(ping, PATIENCE).catch(() => xmpp.disconnect().catch(() => {}));
		},

		/** Logs out. */
		async stop() {
			await xmpp.stop();
			onState('offline');
		},
	};
}
