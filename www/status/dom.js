// Elements from data, as text nodes only, and numbers as people read them.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
	for (const [name, value] of Object.entries(properties || {})) {
		if (value === undefined || value === null || value === false) continue;
		if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
		else element.setAttribute(name, value === true ? '' : value);
	}
	element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
	return element;
}

// el('a', { href: '#/', onclick }, 'text', child...): the only way in which this page makes HTML.
export const el = (name, properties, ...children) =>
	fill(document.createElement(name), properties, children);
export const svg = (name, properties, ...children) =>
	fill(document.createElementNS(SVG, name), properties, children);

// A text that did not change is left alone: no layout, no screen reader, no lost selection.
export function say(element, text) {
	if (element.textContent !== String(text)) element.textContent = text;
}

// Makes the children of parent those of items, in their order; what is known by its key stays the
// same element. change(element, item) writes what an item is now.
export function keep(parent, items, key, make, change) {
	const known = new Map([...parent.children].map((c) => [c.dataset.key, c]));
	const focused = parent.contains(document.activeElement) ? document.activeElement : null;
	let at = parent.firstElementChild;
	for (const item of items) {
		const k = String(key(item));
		let element = known.get(k);
		if (!element) {
			element = make(item);
			element.dataset.key = k;
		}
		known.delete(k);
		change(element, item);
		if (element === at) at = at.nextElementSibling;
		else parent.insertBefore(element, at);
	}
	for (const gone of known.values()) gone.remove();
	// What is moved loses the focus, and who has no mouse the place.
	if (focused && parent.contains(focused)) focused.focus({ preventScroll: true });
}

// A table whose columns are {label, text(row)} or {label, make(row), change(element, row)}; num is
// for numbers, wide for what may take a whole line on a phone, where each row is a card, split for
// what may break anywhere. (A browser
// forgets what a table is when it is laid out as cards, hence the roles.)
export function table(caption, columns, key) {
	const head = el('tr', { role: 'row' }, columns.map((c) => el('th',
		{ scope: 'col', role: 'columnheader', class: c.num && 'num' }, c.header || c.label)));
	const body = el('tbody', { role: 'rowgroup' });
	const root = el('table', { role: 'table' },
		el('caption', { class: 'unseen' }, caption),
		el('thead', { role: 'rowgroup' }, head), body);
	const make = (row) => el('tr', { role: 'row' }, columns.map((c, i) => el(i ? 'td' : 'th', {
		role: i ? 'cell' : 'rowheader', scope: i ? null : 'row', 'data-label': c.label || null,
		class: ['num', 'wide', 'split'].filter((k) => c[k]).join(' ') || null,
	}, c.make && c.make(row))));
	const change = (tr, row) => columns.forEach((c, i) => {
		if (c.change) c.change(tr.children[i].firstElementChild, row);
		else if (c.text) say(tr.children[i], c.text(row));
	});
	return { root, body, head, make, change,
		show: (rows) => keep(body, rows, key, make, change) };
}

// A list of facts: [label, value, hint], all of them texts. Those without a value are left out; to
// find whether any are left, look at root.
export function facts() {
	const root = el('dl', { class: 'facts' });
	const show = (items) => keep(root,
		items.filter(([, value]) => value !== undefined && value !== null && value !== ''),
		([label]) => label,
		([label]) => el('div', null, el('dt', null, label), el('dd'), el('dd', { class: 'hint' })),
		(div, [, value, hint]) => {
			say(div.children[1], value);
			say(div.children[2], hint || '');
		});
	return { root, show };
}

export const pill = (text, tone) => el('span', { class: `pill ${tone || ''}` }, text);

const grouped = new Intl.NumberFormat('en');
export const known = (n) => typeof n === 'number' && Number.isFinite(n);
export const count = (n) => (known(n) ? grouped.format(Math.round(n)) : '–');
export const rate = (n) => (!known(n) ? '–' : n !== 0 && n < 10 ? n.toFixed(1) : count(n));
export const percent = (n) => (known(n) ? `${Math.round(n)} %` : '–');
export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many || `${one}s`}`;

export function bytes(n) {
	if (!known(n)) return '–';
	if (n < 1024) return `${Math.round(n)} B`;
	for (const unit of ['KiB', 'MiB', 'GiB', 'TiB']) {
		n /= 1024;
		if (n < 1023.5) return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${unit}`;
	}
	return `${Math.round(n)} PiB`;
}

export function duration(ms) {
	if (!known(ms)) return '–';
	const s = Math.floor(Math.max(ms, 0) / 1000);
	const two = (a, au, b, bu) => (b ? `${a} ${au} ${b} ${bu}` : `${a} ${au}`);
	if (ms < 1000) return `${Math.round(Math.max(ms, 0))} ms`;
	if (s < 60) return `${s} s`;
	if (s < 3600) return two(Math.floor(s / 60), 'min', s % 60, 's');
	if (s < 86400) return two(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
	return two(Math.floor(s / 86400), 'd', Math.floor((s % 86400) / 3600), 'h');
}

export const clock = (ms) => new Date(ms).toTimeString().slice(0, 8);

export function date(ms) {
	const d = new Date(ms);
	const two = (n) => String(n).padStart(2, '0');
	return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(ms)}`;
}
