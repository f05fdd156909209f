// The two questions that the page asks its reader: "are you sure?", and "what is the token?".

import { el, say } from './dom.js';
import { allowed, onToken, refusal, setToken } from './api.js';

// A dialog around fields; act(values) does what it promises, and what goes wrong with it is said in the
// dialog, which stays. Resolves to what act returned, or null. Focus goes back to where it was.
export function dialog({ title, text, verb, tone, fields = [], act }) {
	return new Promise((done) => {
		let result = null;
		const before = document.activeElement;
		const trouble = el('p', { class: 'trouble', role: 'alert', hidden: true });
		const cancel = el('button', { type: 'button', onclick: () => root.close() }, 'Cancel');
		const go = el('button', { class: tone || 'main' }, verb);
		const root = el('dialog', { 'aria-labelledby': 'dialog-title', 'aria-describedby': 'dialog-text' },
			el('form', { onsubmit: submit }, el('h2', { id: 'dialog-title' }, title),
				el('p', { id: 'dialog-text' }, text), fields, trouble,
				el('p', { class: 'buttons' }, cancel, go)));
		async function submit(e) {
			e.preventDefault();
			go.disabled = true;
			try {
				const values = {};
				for (const f of root.querySelectorAll('[name]')) {
					values[f.name] = f.type === 'checkbox' ? f.checked : f.value;
				}
				result = await act(values);
				root.close();
			} catch (problem) {
				say(trouble, problem.message);
				trouble.hidden = false;
				go.disabled = false;
			}
		}
		root.addEventListener('close', () => {
			root.remove();
			if (before?.isConnected) before.focus();
			done(result);
		});
		document.body.append(root);
		root.showModal();
		(fields.length ? root.querySelector('[name]') : cancel).focus();
	});
}

// What stands in the place of a view that needs the token.
export function tokenForm(why = refusal()) {
	const field = el('input', { type: 'password', id: 'token', autocomplete: 'off', required: true,
		spellcheck: 'false', autocapitalize: 'none' });
	return el('section', { class: 'card token' },
		el('h2', null, 'This needs the token'),
		why && el('p', { class: 'trouble', role: 'alert' }, why),
		el('p', null, 'Single sessions, tracing and acts are for those who may read Fairlead\'s files. On the machine where Fairlead runs, this prints the link to open:'),
		el('pre', null, el('code', null, 'fairleadctl link')),
		el('p', null, 'Or paste the token here. It stands in the file ', el('code', null, 'status.token'),
			' in Fairlead\'s runtime directory, mostly ', el('code', null, '/run/fairlead'),
			'; the log names it at the start.'),
		el('form', { class: 'row', onsubmit: (e) => {
			e.preventDefault();
			setToken(field.value.trim().replace(/^.*#token=/, ''));
		} }, el('label', { for: 'token' }, 'Token'), field, el('button', { class: 'main' }, 'Use it')),
		el('p', { class: 'quiet' }, 'It stays in this tab alone, until the tab is closed.'));
}

// Fills box with what is for the reader: open(box) if he may see it, which returns how to close it;
// else what closed(box) puts there, with the question for the token. Again whenever the token changes or
// an answer is that it takes one.
export function gated(box, open, closed = () => {}) {
	let close = () => {};
	let turn = 0;
	const again = async () => {
		const mine = ++turn;
		const may = await allowed();
		if (mine !== turn) return;
		close();
		box.replaceChildren();
		close = (may ? open : closed)(box) || (() => {});
		if (!may) box.append(tokenForm());
	};
	const off = onToken(again);
	again();
	return () => {
		turn++;
		off();
		close();
	};
}

// Keeps what asks again and again, {ask, close}, asking only while somebody looks.
export function whileSeen(asker) {
	const look = () => {
		if (document.hidden) asker.close();
		else asker.ask();
	};
	document.addEventListener('visibilitychange', look);
	asker.ask();
	return () => {
		document.removeEventListener('visibilitychange', look);
		asker.close();
	};
}
