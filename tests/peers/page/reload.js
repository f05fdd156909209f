// A page that keeps its BOSH session when it is loaded anew (Strophe's `keepalive`). What comes goes
// to heard(), of clients/reload.js, which lives longer than the page.
const { Strophe } = window;

window.begin = (how, o) => new Promise((resolve, reject) => {
	const connection = new Strophe.Connection(o.service, { keepalive: true });
	window.connection = connection;
	const changed = (status) => {
		if (status === Strophe.Status.CONNECTED || status === Strophe.Status.ATTACHED) {
			connection.addHandler((e) => {
				window.heard(e.querySelector('body').textContent);
				return true;
			}, null, 'message');
			if (how === 'connect') connection.send(new Strophe.Builder('presence'));
			resolve(connection.jid);
		} else if (status === Strophe.Status.DISCONNECTED) {
			if (window.left) window.left();
			reject(new Error('disconnected'));
		}
	};
	if (how === 'connect') connection.connect(o.jid, o.password, changed);
	else connection.restore(o.jid, changed);
});

window.say = (to, text) => window.connection.send(
	new Strophe.Builder('message', { to, type: 'chat' }).c('body').t(text));

window.leave = () => new Promise((done) => {
	window.left = done;
	window.connection.disconnect('bye');
});
