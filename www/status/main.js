// The frame of the page: which view is shown, what is wrong, whether the numbers are of now.

import { onToken, takeToken } from './api.js';
import { tokenForm } from './ask.js';
import { clock, count, duration, el, keep, plural, say } from './dom.js';
import { live, retry, run, watch } from './live.js';
import * as backends from './backends.js';
import * as instance from './instance.js';
import * as overview from './overview.js';
import * as session from './session.js';
import * as sessions from './sessions.js';

const byId = (id) => document.getElementById(id);
const VIEWS = { '': overview, sessions, backends, instance };
const NAMES = { '': 'Overview', sessions: 'Sessions', backends: 'Backends', instance: 'Instance' };
const WHERE = { backend: '#/backends', backends: '#/backends', worker: '#/instance',
	draining: '#/instance', limits: '#/instance' };

let leave = () => {};
let shown = null;
let refused = '';

/* Views: #/NAME, #/NAME/ID, each with ?parameters */

function place() {
	const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
	const [name, id] = path.split('/').map(decodeURIComponent);
	return { name: VIEWS[name] ? name : '', id, query: new URLSearchParams(query || '') };
}

function go() {
	const { name, id, query } = place();
	const where = id ? `${name}/${id}` : name;
	if (where === shown) return; // a view writes its own parameters into the address
	const first = shown === null;
	leave();
	const view = byId('view');
	view.replaceChildren();
	leave = (id && name === 'sessions' ? session : VIEWS[name]).show(view, id ?? query);
	shown = where;
	document.body.className = where ? 'small' : '';
	for (const a of document.querySelectorAll('nav a')) {
		const current = a.getAttribute('href') === `#/${name}`;
		if (current) a.setAttribute('aria-current', 'page');
		else a.removeAttribute('aria-current');
	}
	title();
	if (first) return;
	scrollTo(0, 0);
	view.querySelector('h1')?.focus({ preventScroll: true });
}

/* What is wrong */

function problems(s) {
	if (s.problems) return s.problems;
	const down = s.backends.filter((b) => b.state === 'down').map((b) => b.name);
	return [
		...(down.length ? [{ severity: 'error', where: 'backend', text: `Down: ${down.join(', ')}.` }] : []),
		...(s.silent_workers.length ? [{ severity: 'warn', where: 'worker',
			text: `Worker ${s.silent_workers.join(', ')} did not answer: its numbers are missing.` }] : []),
	];
}

function title() {
	const n = live.status ? problems(live.status).length : 0;
	const sign = live.link === 'lost' ? '(lost) ' : n ? `(${n}) ` : '';
	document.title = `${sign}${NAMES[place().name]} – Fairlead`;
}

function verdict(s) {
	const wrong = problems(s);
	const list = wrong.length ? wrong : [{ severity: 'good', text: 'All is well.', where: '', since_ms: s.well_ms }];
	// The same words with other numbers are the same problem: not to be read aloud each second.
	const known = (p) => `${list.indexOf(p)} ${p.severity} ${p.text.replaceAll(/\d+/g, '#')}`;
	keep(byId('verdict'), list, known,
		(p) => el('p', { class: `problem ${p.severity}` },
			el('b', null, { error: 'Wrong: ', warn: 'Take care: ' }[p.severity] || ''),
			el('span'), ' ',
			el('span', { class: 'quiet' }),
			WHERE[p.where] && el('a', { href: WHERE[p.where] }, 'Look')),
		(element, p) => {
			say(element.children[1], p.text);
			say(element.children[2], p.since_ms > 0 ? `(for ${duration(p.since_ms)}) ` : '');
		});
	const ours = s.backends.filter((b) => !b.relayed);
	const up = ours.filter((b) => b.state === 'up').length;
	say(byId('about'), [`Fairlead ${s.version}`, s.instance && `instance ${s.instance}`,
		`up ${duration(s.uptime_ms)}`, s.draining && 'draining',
		plural(s.sessions, 'session'),
		ours.length && `${count(up)} of ${plural(ours.length, 'backend')} up`,
	].filter(Boolean).join(' · '));
}

/* Whether the numbers are of now */

const LINKS = { connecting: ['connecting', ''], live: ['live', 'good'], polling: ['every 2 s', 'good'],
	lost: ['connection lost', 'bad'], paused: ['paused', 'warn'], token: ['token needed', 'warn'] };

function lost() {
	const box = byId('lost');
	if (live.link !== 'lost') {
		box.replaceChildren();
		return;
	}
	if (!box.firstChild) {
		box.append(el('p', { class: 'problem error' }, el('b', null, 'Fairlead cannot be reached'),
			el('span', { 'aria-live': 'off' }), ' ', el('button', { type: 'button', onclick: retry }, 'Try now')));
	}
	const seconds = Math.max(0, Math.ceil((live.retryAt - Date.now()) / 1000));
	say(box.querySelector('span'), [
		live.heard ? `. What you see is from ${clock(live.heard)}, ${duration(Date.now() - live.heard)} ago.` : '.',
		live.retryAt && seconds ? `Tried again in ${seconds} s.` : 'Trying again.'].join(' '));
}

function draw() {
	const [text, tone] = LINKS[live.link];
	say(byId('link'), text);
	byId('link').className = `pill ${tone}`;
	document.body.classList.toggle('stale', live.link === 'lost' || live.link === 'paused');
	lost();
	title();
	if (live.status) verdict(live.status);
	if (live.link === 'token' && refused !== live.problem) {
		refused = live.problem;
		leave();
		leave = () => {};
		shown = null;
		byId('view').replaceChildren(tokenForm(live.problem));
	} else if (live.link !== 'token' && refused) {
		refused = '';
		go();
	}
}

takeToken();
document.querySelector('.skip').addEventListener('click', (e) => {
	e.preventDefault(); // the address is the view's
	byId('view').focus();
});
addEventListener('hashchange', () => {
	takeToken();
	go();
});
onToken(() => {
	if (live.link === 'lost') retry();
});
byId('view').append(el('p', { class: 'quiet' }, 'Asking Fairlead…'));
go();
watch(draw);
setInterval(() => live.link === 'lost' && lost(), 1000);
run();
