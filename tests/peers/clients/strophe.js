// The adapter for Strophe.js, over BOSH or WebSocket, in Node and in the browser alike.

export function adapter({ Strophe, Builder }) {
	const toTree = (e) => ({
		name: e.localName || e.nodeName,
		attrs: Object.fromEntries(Array.from(e.attributes, (a) => [a.name, a.value])),
		children: Array.from(e.childNodes).filter((n) => n.nodeType === 1 || n.nodeType === 3)
			.map((n) => (n.nodeType === 1 ? toTree(n) : n.nodeValue)),
	});

	function build(b, t) {
		for (const c of t.children) {
			if (typeof c === 'string') {
				b.t(c);
			} else {
				b.c(c.name, c.attrs);
				build(b, c);
				b.up();
			}
		}
		return b;
	}

	return function connect(o) {
		return new Promise((resolve, reject) => {
			const connection = new Strophe.Connection(o.service, o.connection || {});
			const log = [];
			let closed;
			const client = {
				log,
				onstanza: () => {},
				send: (t) => connection.send(build(new Builder(t.name, t.attrs), t)),
				close: () => new Promise((done) => {
					closed = () => done(log.slice());
					log.length = 0;
					connection.disconnect('bye');
				}),
			};
			connection.addHandler((e) => {
				client.onstanza(toTree(e));
				return true;
			}, null, null, null, null, null);
			const names = Object.fromEntries(
				Object.entries(Strophe.Status).map(([k, v]) => [v, k]));
			connection.connect(o.jid, o.password, (status, condition) => {
				log.push(condition ? `${names[status]} ${condition}` : names[status]);
				if (status === Strophe.Status.CONNECTED) {
					client.jid = connection.jid;
					client.mechanism = connection._sasl_mechanism && connection._sasl_mechanism.mechname;
					resolve(client);
				} else if (status === Strophe.Status.AUTHFAIL || status === Strophe.Status.CONNFAIL ||
					status === Strophe.Status.DISCONNECTED) {
					const e = new Error(log.join(', '));
					e.condition = condition;
					reject(e);
					if (closed && status === Strophe.Status.DISCONNECTED) closed();
				}
			});
		});
	};
}
