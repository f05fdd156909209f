// node rnapp.js OPTIONS: the connection of examples/react-native as it runs in an app: without SCRAM
// and without `crypto`, which React Native does not have. It says what happens as lines of JSON, and does
// what lines of JSON on its input ask for.
//
// OPTIONS is JSON: service, domain, user, password, address (to connect from).
//   {"do": "send", "to", "body"}  a chat message
//   {"do": "cut"}                 the connection breaks
//   {"do": "deaf"}                nothing comes any more, and nobody says so
//   {"do": "wake"}                the app is in front again
//   {"do": "stop"}                logs out

import { register } from 'node:module';
import { createInterface } from 'node:readline';
import ws from 'ws';

const o = JSON.parse(process.argv[2]);
const tell = (event, facts = {}) => console.log(JSON.stringify({ event, ...facts }));

class NativeSocket extends ws {
	constructor(url, protocols) {
		super(url, protocols, { origin: new URL(url).origin.replace('ws', 'http'),
			localAddress: o.address, allowSynchronousEvents: false });
		NativeSocket.last = this;
		tell('socket');
	}
}

globalThis.WebSocket = NativeSocket;
Object.defineProperty(globalThis, 'crypto', { value: undefined });
register('./rnmodules.mjs', import.meta.url);
const { connect } = await import('../../../examples/react-native/connection.js');

const connection = connect({
	service: o.service, domain: o.domain, username: o.user, password: o.password,
	onState: (state, words) => tell(state, { words }),
	onMessage: ({ text, from }) => tell('message', { body: text, from }),
	onSent: (id) => tell('sent', { id }),
});

createInterface({ input: process.stdin }).on('line', async (line) => {
	const order = JSON.parse(line);
	if (order.do === 'send') tell('sending', { id: connection.send(order.to, order.body) });
	if (order.do === 'cut') NativeSocket.last.terminate();
	if (order.do === 'deaf') NativeSocket.last.pause();
	if (order.do === 'wake') await connection.wake();
	if (order.do === 'stop') {
		await connection.stop();
		process.exit(0);
	}
});
