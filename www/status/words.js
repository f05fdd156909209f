// What Fairlead's labels mean to a person. Those of ends are the rows of src/proto/reason.def; a label
// that is not here is shown as it is.

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
	internal: 'Fairlead failed',
};
// Ends that are nobody's fault; the others deserve a look.
const CALM = new Set(['none', 'client-closed', 'client-lost', 'inactivity', 'ping-timeout',
	'server-closed', 'killed', 'system-shutdown', 'see-other-uri']);

export const ending = (label) => ENDS[label] || label.replaceAll('-', ' ');
export const isCalm = (label) => CALM.has(label);
export const labels = Object.keys(ENDS);

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

// One sentence on what a session does now: the first thing to read when somebody cannot connect.
export function situation(s, duration) {
	const left = s.inactivity_ms ?? s.inactivity_left_ms;
	if (s.state === 'opening') {
		return 'The XMPP server has not answered yet: Fairlead is still connecting, or waits for its first word.';
	}
	if (s.state === 'closing') return 'The session is ending.';
	const bound = s.jid ? `Logged in as ${s.jid}.` : 'Connected to the XMPP server, not logged in yet.';
	if (s.state === 'detached') {
		return `${bound} The client is away: no request of it is waiting here${left > 0
			? `; it has ${duration(left)} left to come back` : ''}.`;
	}
	if (s.unproved > 20) return `${bound} The client is slow to confirm: ${s.unproved} stanzas are not known to be with it.`;
	return `${bound} Client and server are both there.`;
}
