// The XMPP servers behind: how they are, and taking one out of service.

import { post } from './api.js';
import { dialog, gated } from './ask.js';
import { count, duration, el, pill, plural, say, table } from './dom.js';
import { live, watch } from './live.js';
import { backendTone } from './words.js';

async function drain(b) {
	const on = b.state !== 'draining';
	await dialog(on ? {
		title: `Drain ${b.name}?`, verb: 'Drain it', tone: 'danger',
		text: `No new session goes to it any more. ${plural(b.sessions, 'session')} on it may go on.`,
		fields: [el('label', { class: 'check' }, el('input', { type: 'checkbox', name: 'end' }),
			'End its sessions, too; their clients can come back elsewhere')],
		act: ({ end }) => post('/api/backends/drain', { name: b.name, on: true, end }),
	} : {
		title: `Use ${b.name} again?`, verb: 'Use it again',
		text: 'New sessions go to it again, as the configuration says.',
		act: () => post('/api/backends/drain', { name: b.name, on: false, end: false }),
	});
}

function stateOf(b) {
	if (b.state === 'down') {
		return [b.down_ms > 0 ? `down for ${duration(b.down_ms)}` : 'down',
			b.retry_ms > 0 ? `tried again in ${duration(b.retry_ms)}` : 'tried by the next session'].join(', ');
	}
	return b.state === 'draining' ? 'draining' : 'up';
}

// A table of them; acts: with a button to drain each.
export function backends({ acts }) {
	const state = { make: () => pill('', ''), change: (element, b) => {
		element.className = `pill ${backendTone(b.state)}`;
		say(element, stateOf(b));
	} };
	const act = { make: (b) => {
		const button = el('button', { type: 'button', onclick: () => drain(button.of) });
		button.of = b;
		return button;
	}, change: (button, b) => {
		button.of = b;
		say(button, b.state === 'draining' ? 'Use again' : 'Drain…');
		button.setAttribute('aria-label', `${button.textContent.replace('…', '')} ${b.name}`);
	} };
	const t = table('Backends', [
		{ label: 'Backend', text: (b) => (b.relayed ? `${b.name} (a client asked for it)` : b.name), wide: true },
		{ label: 'State', split: true, ...state },
		{ label: 'Sessions', num: true, text: (b) => (b.sessions_max
			? `${count(b.sessions)} of ${count(b.sessions_max)}` : count(b.sessions)) },
		{ label: 'Ready after', num: true, text: (b) => (b.connect_ms >= 0 ? `${count(b.connect_ms)} ms` : '–') },
		{ label: 'Connected', num: true, text: (b) => count(b.connected_total) },
		{ label: 'Failed', num: true, text: (b) => count(b.failed_total) },
		{ label: 'Last problem', wide: true, text: (b) => b.problem || '–' },
		...(acts ? [{ label: 'Act', ...act }] : []),
	], (b) => b.name);
	const none = el('p', { class: 'quiet' }, 'No backend has been asked for yet: Fairlead finds them when the first session comes.');
	return { root: el('div', null, t.root, none), show: (list) => {
		none.hidden = list.length > 0;
		t.root.hidden = !list.length;
		t.show(list);
	} };
}

export function show(view) {
	const box = el('div');
	view.append(el('h1', { tabindex: -1 }, 'Backends'),
		el('p', { class: 'quiet' }, 'The XMPP servers that Fairlead connects its sessions to.'), box);
	const fill = (acts) => () => {
		const t = backends({ acts });
		box.append(el('div', { class: 'card' }, t.root));
		return watch(() => live.status && t.show(live.status.backends));
	};
	return gated(box, fill(true), fill(false));
}
