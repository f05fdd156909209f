// What Fairlead's labels mean to a person: the rows of src/proto/reason.def and refusal.def. A label that
// is not here is shown as it is.

const ENDS = {
	none: 'still going',
	'client-closed': 'the client logged out',
	'client-lost': 'the client went away without a close',
	'ping-timeout': 'the client answered no ping',
	inactivity: 'the client sent no request for too long',
	'server-closed': 'the XMPP server ended the stream',
	'server-error': 'the XMPP server ended it with a stream error',
	'server-lost': 'the connection to the XMPP server broke',
	'server-unreachable': 'the XMPP server could not be reached',
	'server-bad-xml': 'the XMPP server sent what is no XMPP stream',
	'server-restricted-xml': 'the XMPP server sent XML that XMPP forbids',
	'server-too-big': 'the XMPP server sent a stanza over limits.stanza',
	'host-unknown': 'the domain is not served here',
	'improper-addressing': 'no domain was asked for',
	'bad-request': 'the request broke the rules of its protocol',
	'not-well-formed': 'the client sent XML that is not well-formed',
	'restricted-xml': 'the client sent XML that XMPP forbids',
	'invalid-namespace': 'the client used a wrong namespace',
	'unsupported-framing': 'the client frames as in the draft before RFC 7395',
	'unsupported-version': 'the client asked for another version of XMPP',
	'unsupported-data': 'the client sent a binary message',
	'bad-utf8': 'the client sent text that is not UTF-8',
	'item-not-found': 'the sid or rid was unknown or too old',
	'not-secure': 'a session that began on TLS was asked for without',
	'rid-missing': 'a request never came that later ones waited for',
	'too-big': 'the client sent more than limits.body at once',
	'other-request': 'another request made it end',
	'see-other-uri': 'sent elsewhere: new sessions are served there',
	overactivity: 'the client sent more requests at once than granted',
	'policy-violation': 'the client broke a local rule',
	'queue-full': 'more was queued for the client than limits.queue',
	overloaded: 'a limit of this Fairlead was reached',
	'system-shutdown': 'Fairlead was shutting down',
	killed: 'an operator ended it',
	drained: 'an operator drained its XMPP server',
	internal: 'Fairlead failed',
};
const REFUSALS = {
	'http-400': 'a request that cannot be read',
	'http-401': 'a request to the status API without its token',
	'http-403': 'an origin, or a name of the status page, that is not allowed',
	'http-404': 'a path at which nothing is served',
	'http-405': 'a method that has no meaning at its path',
	'http-408': 'a request that took too long to arrive',
	'http-411': 'a POST without a length',
	'http-413': 'a body over the limit',
	'http-415': 'a content coding that is not known',
	'http-417': 'an expectation that is not known',
	'http-426': 'a WebSocket upgrade that is none',
	'http-429': 'an address that showed too many wrong tokens',
	'http-431': 'a head over http.head',
	'http-500': 'a request that failed here',
	'http-501': 'a method that is not known',
	'http-503': 'a request without an answer in time, or an upgrade without a session',
	'http-505': 'a version of HTTP that is not spoken',
	'http-other': 'a request, by another status',
	'proxy-header': 'a connection without the PROXY header that it must bring',
	'too-many-connections': 'a connection over limits.connections',
};
// Ends that are nobody's fault; the others deserve a look.
const CALM = new Set(['none', 'client-closed', 'client-lost', 'inactivity', 'ping-timeout',
	'server-closed', 'killed', 'drained', 'system-shutdown', 'see-other-uri']);

export const ending = (label) => ENDS[label] || label.replaceAll('-', ' ');
export const isCalm = (label) => CALM.has(label);
// What was refused may be a session, for a reason of reason.def, or another row of refusal.def.
export const refusing = (label) => REFUSALS[label] || ending(label);

// What by_domain counts may be a pattern of the configuration, or "…other": no session's own domain.
export const isDomain = (name) => !/^[*…]/.test(name);

export const TRANSPORTS = { bosh: 'BOSH', websocket: 'WebSocket' };
export const STATES = { opening: 'Opening', open: 'Open', detached: 'Away', closing: 'Closing' };
export const STATE_HINTS = {
	opening: 'waiting for the XMPP server',
	open: 'client and server are there',
	detached: 'the client is away and may come back',
	closing: 'both sides are saying goodbye',
};
export const stateTone = (state) => ({ open: 'good', detached: 'warn', opening: 'warn' })[state] || '';
export const backendTone = (state) => ({ up: 'good', down: 'bad' })[state] || 'warn';

// What the server's features said of logging in.
export const LOGINS = {
	none: 'the server has not said how yet',
	offered: 'the server offers it, the client has not done it yet',
	missing: 'the server offers no way to do it',
	'tls-first': 'the server wants TLS from Fairlead first',
	tried: 'the client asked for it, and the server has not answered yet',
	failed: 'the server refused it: what happened is below',
	done: 'done; under which JID is not known yet',
};

// Who it is; what is said of a login without a JID is in LOGINS.
export const who = (s) => s.jid || (s.login === 'done' ? 'Logged in' : 'Not logged in');

// What a session does now, the first thing to read when somebody cannot connect; and of it the numbers
// that change all the time.
export function situation(s, duration) {
	const left = s.inactivity_left_ms;
	if (s.state === 'opening') {
		return ['The XMPP server has not answered yet: Fairlead is still connecting, or waits for its first word.', ''];
	}
	if (s.state === 'closing') return ['The session is ending.', ''];
	const login = LOGINS[s.login] || 'nobody has tried yet';
	const bound = s.jid ? `Logged in as ${s.jid}.`
		: s.login === 'done' ? 'Logged in; under which JID is not known yet.'
			: `Connected to the XMPP server, not logged in: ${login}.`;
	if (s.state === 'detached') {
		return [`${bound} The client is away: no request of it is waiting here.`,
			left > 0 ? `It has ${duration(left)} left to come back.` : ''];
	}
	if (s.unproved > 20) {
		return [`${bound} The client is slow to confirm.`, `${s.unproved} stanzas are not known to be with it.`];
	}
	return [`${bound} Client and server are both there.`, ''];
}
