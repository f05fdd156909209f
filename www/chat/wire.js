// The pane that shows what goes over the wire. Secrets are struck out before they are shown: what
// SASL exchanges, and the session id of BOSH, which is as good as a password while it lives.

const SECRET = new Set(['urn:ietf:params:xml:ns:xmpp-sasl', 'urn:xmpp:sasl:2', 'jabber:iq:auth']);
const KEEP = 300;
const lines = document.getElementById('lines');

// Newest lines are followed until the reader scrolls up.
let following = true;
lines.addEventListener('scroll', () => {
	following = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
});

// What Strophe builds has no namespace in the DOM's sense, only the attribute.
function strike(element, within = false) {
	const secret = element.localName !== 'mechanism' &&
		(within || SECRET.has(element.getAttribute('xmlns') || element.namespaceURI));
	for (const node of secret ? element.childNodes : []) {
		if (node.nodeType === 3 && node.nodeValue.trim()) {
			node.nodeValue = `••• (${node.nodeValue.length} characters)`;
		}
	}
	for (const name of ['sid', 'key', 'newkey']) {
		if (element.localName === 'body' && element.hasAttribute(name)) element.setAttribute(name, '•••');
	}
	for (const part of element.children) strike(part, secret);
}

// A line for each tag, indented; in what a browser serialises, "><" stands between tags only.
function pretty(element) {
	let depth = 0;
	return new XMLSerializer().serializeToString(element).replaceAll('><', '>\n<').split('\n<')
		.map((part, i) => (i ? `<${part}` : part))
		.map((part) => {
			if (part.startsWith('</')) depth -= 1;
			const line = '  '.repeat(depth) + part;
			if (!part.startsWith('</') && !part.endsWith('/>') && !part.includes('</')) depth += 1;
			return line;
		})
		.join('\n');
}

function show(direction, element) {
	if (!(element instanceof Element)) return;
	const copy = element.cloneNode(true);
	strike(copy);
	const line = document.createElement('li');
	line.className = direction;
	if (copy.localName === 'body' && !copy.children.length && !copy.getAttribute('type')) {
		line.classList.add('empty');
	}
	const time = document.createElement('time');
	time.textContent = `${new Date().toLocaleTimeString()} `;
	const text = pretty(copy);
	line.append(time, text.length > 20000 ? `${text.slice(0, 20000)} …` : text);
	lines.append(line);
	while (lines.children.length > KEEP) lines.firstChild.remove();
	if (following) lines.scrollTop = lines.scrollHeight;
}

export const incoming = (element) => show('in', element);
export const outgoing = (element) => show('out', element);
export const clear = () => {
	lines.replaceChildren();
	following = true;
};
export const quiet = (on) => lines.classList.toggle('quiet', on);
