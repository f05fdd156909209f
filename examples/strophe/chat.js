// A chat in one page, with Strophe.js through Fairlead. doc/STROPHE.md explains it.
const { Strophe, $msg, $pres } = window;

// Both are paths of the site that this page comes from. To use Fairlead at another site write its
// addresses here, such as wss://chat.example.org/xmpp-websocket, and name this page's site in `origins`.
const SERVICES = {
	websocket: `${location.origin.replace(/^http/, 'ws')}/xmpp-websocket`,
	bosh: `${location.origin}/http-bind`,
};
const LONGEST_WAIT = 30; // seconds between two attempts to come back

let transport = new URLSearchParams(location.search).get('via') || 'websocket';
let account = null; // {jid, password} from the login to the logout
let connection = null;
let online = false;
let why = ''; // what became of the connection, as far as anybody said
let failures = 0;

const byId = (id) => document.getElementById(id);
const state = (text) => { byId('state').textContent = text; };

function show(text) {
	const item = document.createElement('li');
	item.textContent = text;
	byId('messages').append(item);
}

function connect() {
	state('connecting');
	why = '';
	connection = new Strophe.Connection(SERVICES[transport]);
	connection.connect(account.jid, account.password, changed);
}

function changed(status, condition) {
	const S = Strophe.Status;
	why = condition || why;
	if (status === S.CONNECTED) {
		online = true;
		failures = 0;
		state(`logged in as ${connection.jid} by ${transport}`);
		connection.addHandler(received, null, 'message');
		connection.send($pres());
	} else if (status === S.AUTHFAIL) {
		account = null;
		state('the address or the password is wrong');
	} else if (status === S.DISCONNECTED && account) {
		again();
	} else if (status === S.DISCONNECTED && online) {
		online = false;
		state('logged out');
	}
	byId('login').hidden = Boolean(account);
	byId('talk').hidden = !online;
}

// Strophe.js does not come back by itself. A page that does waits longer each time, and not as long as
// the others, or all of them ask in the same second when a server has been started anew.
function again() {
	if (why === 'conflict') { // the same address and resource, somewhere else
		account = null;
		state('logged in from another place');
		return;
	}
	if (!online && transport === 'websocket') transport = 'bosh'; // where WebSockets do not get through
	online = false;
	const seconds = Math.min(LONGEST_WAIT, 2 ** failures++) * (0.5 + Math.random() / 2);
	state(`${why || 'the connection is lost'}; again in ${Math.ceil(seconds)} s`);
	setTimeout(() => account && connect(), seconds * 1000);
}

function received(message) {
	const body = message.querySelector('body');
	if (body) show(`${Strophe.getBareJidFromJid(message.getAttribute('from'))}: ${body.textContent}`);
	return true; // and the next one
}

byId('login').addEventListener('submit', (event) => {
	event.preventDefault();
	const { jid, password } = event.target.elements;
	account = { jid: jid.value, password: password.value };
	connect();
});

byId('talk').addEventListener('submit', (event) => {
	event.preventDefault();
	const { to, text } = event.target.elements;
	const id = connection.getUniqueId();
	connection.send($msg({ to: to.value, type: 'chat', id }).c('body').t(text.value));
	show(`you: ${text.value}`);
	text.value = '';
});

byId('leave').addEventListener('click', () => {
	account = null;
	connection.disconnect('the user leaves');
});
