// The one place that talks to the API: with the token, in JSON, and as a stream of events.
// (EventSource cannot send the token, so the stream is read from a fetch.)

const PLACE = 'fairlead-token';
let token = null;
let refused = '';
const waiting = new Set(); // told when there is another token, or one is needed

try {
	token = sessionStorage.getItem(PLACE);
} catch { /* storage is switched off: the token lives as long as the page */ }

export const hasToken = () => token !== null;

// Why the last token was not taken, or "".
export const refusal = () => refused;

export function setToken(value, why = '') {
	token = value || null;
	refused = why;
	try {
		if (token) sessionStorage.setItem(PLACE, token);
		else sessionStorage.removeItem(PLACE);
	} catch { /* as above */ }
	for (const told of [...waiting]) told();
}

export function onToken(told) {
	waiting.add(told);
	return () => waiting.delete(told);
}

// #token=... is taken out of the address at once, so that no history, bookmark or screen shows it.
export function takeToken() {
	const [, found, rest] = /^#token=([^&]*)&?(.*)$/.exec(location.hash) || [];
	if (found === undefined) return false;
	history.replaceState(null, '', `${location.pathname}${location.search}#${rest || '/'}`);
	setToken(decodeURIComponent(found));
	return true;
}

export class ApiError extends Error {
	constructor(status, message, body) {
		super(message);
		Object.assign(this, { status, body });
	}
}

async function ask(path, { signal, body, accept, quiet } = {}) {
	const used = token;
	const headers = { Accept: accept || 'application/json' };
	if (used) headers.Authorization = `Bearer ${used}`;
	if (body) headers['Content-Type'] = 'application/json';
	const answer = await fetch(path, {
		method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal,
		cache: 'no-store', credentials: 'omit', redirect: 'error',
	});
	if (answer.ok) return answer;
	const said = await answer.json().catch(() => ({}));
	// A token that was refused is not tried again: after a few the address would be shut out. Where none
	// was shown, those who wait hear that it takes one, whatever allowed() found before.
	const words = said.error || `Fairlead answered ${answer.status}`;
	if (answer.status === 401 && used === token && !quiet) setToken(null, used ? words : refused);
	throw new ApiError(answer.status, words, said);
}

export const get = async (path, signal) => (await ask(path, { signal })).json();
export const post = async (path, body) => (await ask(path, { body })).json();

// Whether single sessions and acts are for this reader: he has a token, or none is asked for. Where
// nobody answers that is not known, and a view may well begin: the first 401 ends it.
export async function allowed() {
	if (token) return true;
	try {
		await ask('/api/sessions?limit=1', { quiet: true });
	} catch (e) {
		return e.status !== 401;
	}
	return true;
}

function event(text) {
	const found = { name: 'message', data: '' };
	for (const line of text.split('\n')) {
		const [, field, value] = /^([a-z]+): ?([^]*)$/.exec(line) || []; // "." is not U+2028
		if (field === 'event') found.name = value;
		if (field === 'data') found.data += value;
	}
	return found;
}

// for await (const { name, data } of events(path, signal)): data is parsed JSON. heard() is called for
// every sign of life.
export async function* events(path, signal, heard = () => {}) {
	const answer = await ask(path, { signal, accept: 'text/event-stream' });
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		heard();
		const parts = (rest + value).split('\n\n');
		rest = parts.pop();
		for (const part of parts) {
			const { name, data } = event(part);
			if (data) yield { name, data: JSON.parse(data) };
		}
	}
}
