// Pictures of the last hour, drawn as SVG. All of them share one cursor: to point at a moment in one
// (with the mouse, a finger or the arrow keys) shows that moment's numbers in every one.

import { clock, duration, el, keep, known, say, svg } from './dom.js';
import { live } from './live.js';

const HOUR = 3600000;
const HEIGHT = 128;
const FOOT = 20; // below the base line, for the times
const HEAD = 14; // above the highest line, for its number

const charts = new Set();
let cursor = null; // a time in ms, or null: now

function point(time) {
	cursor = time;
	for (const chart of charts) chart.draw();
}

// A round number that is no smaller: the top of an axis.
function roof(n, base) {
	if (!(n > 0)) return 1;
	if (base === 1024) return 2 ** Math.ceil(Math.log2(n));
	const power = 10 ** Math.floor(Math.log10(n));
	return Math.max(power * [1, 2, 4, 5, 10].find((s) => s * power >= n), 1);
}

const words = (lines, values, format) =>
	lines.map((l, i) => `${l.label} ${format(values[i])}`).join(', ');

export class Chart {
	// lines: [{key, label, area}], the first is the one that matters; keys are those of the history.
	// more(status): a line of further facts, as they are now.
	constructor({ title, lines, format, axis = format, base, least = 0, more }) {
		Object.assign(this, { title, lines, format, axis, base, least, more });
		this.figures = lines.map(() => el('dd'));
		this.when = el('span', { class: 'when' }, 'now');
		this.extra = el('p', { class: 'extra' });
		this.picture = svg('svg', { height: HEIGHT, 'aria-hidden': 'true' });
		this.plot = el('div', { class: 'plot', role: 'slider', tabindex: 0,
			'aria-label': `${title}, the last hour`, 'aria-valuemin': 0, 'aria-orientation': 'horizontal' },
		this.picture);
		this.values = el('details', { class: 'values' }, el('summary', null, 'Values'));
		this.root = el('section', { class: 'tile' },
			el('h3', null, title, ' ', this.when),
			el('dl', { class: 'figures' }, lines.map((l, i) => el('div', { class: `line${i + 1}` },
				el('dt', null, el('i', { class: 'swatch', 'aria-hidden': 'true' }),
					l.href ? el('a', { href: l.href }, l.label) : l.label),
				this.figures[i]))),
			this.extra, this.plot, this.values);
		this.listen();
	}

	listen() {
		this.plot.addEventListener('pointermove', (e) => this.pointAt(e));
		this.plot.addEventListener('pointerdown', (e) => this.pointAt(e));
		this.plot.addEventListener('pointerleave', () => point(null));
		this.plot.addEventListener('blur', () => point(null));
		this.plot.addEventListener('keydown', (e) => this.key(e));
		this.values.addEventListener('toggle', () => this.drawTable());
		this.sized = new ResizeObserver(() => this.draw());
	}

	start() {
		charts.add(this);
		this.sized.observe(this.plot);
	}

	stop() {
		charts.delete(this);
		this.sized.disconnect();
		cursor = null;
	}

	pointAt(e) {
		const box = this.plot.getBoundingClientRect();
		if (!live.history) return;
		const end = live.history.end + this.since();
		point(end - HOUR * (1 - (e.clientX - box.left) / box.width));
	}

	key(e) {
		const h = live.history;
		if (!h) return;
		const n = h.series[this.lines[0].key]?.length || 0;
		const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -30,
			PageUp: 30, Home: -n, End: n + 1 };
		if (e.key === 'Escape') point(null);
		if (!steps[e.key]) return;
		e.preventDefault();
		const at = (cursor ?? h.end + h.step) + steps[e.key] * h.step;
		point(at > h.end || !n ? null : Math.max(at, h.end - (n - 1) * h.step));
	}

	// The values at the cursor, or now, and how long ago that was.
	reading() {
		const h = live.history;
		if (cursor === null || !h) return { values: this.lines.map((l) => live.rates[l.key]), back: 0 };
		const back = Math.max(0, Math.round((h.end - cursor) / h.step));
		return { back, values: this.lines.map((l) => {
			const series = h.series[l.key] || [];
			return series[series.length - 1 - back];
		}) };
	}

	draw() {
		const h = live.history;
		if (!h || !live.status) return;
		const { values, back } = this.reading();
		const n = h.series[this.lines[0].key]?.length || 0;
		const time = h.end - back * h.step;
		values.forEach((v, i) => say(this.figures[i], this.format(v)));
		say(this.when, cursor === null ? 'now' : 
			`${clock(time)}, ${duration(back * h.step + this.since())} ago`);
		say(this.extra, this.more(live.status));
		this.plot.setAttribute('aria-valuemax', Math.max(n - 1, 0));
		this.plot.setAttribute('aria-valuenow', Math.max(n - 1 - back, 0));
		this.plot.setAttribute('aria-valuetext',
			`${cursor === null ? 'now' : clock(time)}: ${words(this.lines, values, this.format)}`);
		this.paint(back);
		this.drawTable();
	}

	paint(back) {
		const h = live.history;
		const width = Math.max(this.plot.clientWidth, 100);
		const series = this.lines.map((l) => h.series[l.key] || []);
		const all = series.flat().concat(this.lines.map((l) => live.rates[l.key])).filter(known);
		const top = roof(Math.max(this.least, ...all), this.base);
		const y = (v) => HEIGHT - FOOT - (HEIGHT - FOOT - HEAD) * v / top;
		const x = (ago) => width * (1 - ago / HOUR);
		const parts = [];
		const numbers = []; // above the lines
		for (const part of [0, 0.5, 1]) {
			parts.push(svg('line', { class: part ? 'grid' : 'base', x1: 0, x2: width, y1: y(top * part),
				y2: y(top * part) }));
			// The middle of 0 and 1, or 5, would be rounded to what it is not.
			if (part && Number.isInteger(top * part)) {
				numbers.push(svg('text', { x: 0, y: y(top * part) - 3 }, this.axis(top * part)));
			}
		}
		for (const minutes of width > 300 ? [60, 45, 30, 15, 0] : [60, 30, 0]) {
			numbers.push(svg('text', { x: x(minutes * 60000), y: HEIGHT - 5,
				'text-anchor': minutes === 60 ? 'start' : minutes ? 'middle' : 'end' },
			minutes ? `−${minutes} min` : 'now'));
		}
		series.forEach((s, i) => parts.push(...this.line(s, i, x, y)));
		if (cursor !== null) {
			const at = x(back * h.step + this.since());
			parts.push(svg('line', { class: 'cursor', x1: at, x2: at, y1: HEAD - 6, y2: HEIGHT - FOOT }));
			this.reading().values.forEach((v, i) => {
				if (known(v)) parts.push(svg('circle', { class: `dot${i + 1}`, cx: at, cy: y(v), r: 3.5 }));
			});
		}
		this.picture.setAttribute('width', width);
		this.picture.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
		this.picture.replaceChildren(...parts, ...numbers);
	}

	// How long ago the newest point of the history was.
	since() {
		return Math.max(0, Math.min((live.status.now_ms ?? Date.now()) - live.history.end, HOUR));
	}

	// One line; where values are missing it breaks.
	line(series, i, x, y) {
		const { step } = live.history;
		const since = this.since();
		let path = '';
		let first = null;
		let drawn = false;
		let last = 0;
		series.forEach((v, k) => {
			const ago = (series.length - 1 - k) * step + since;
			if (!known(v) || ago > HOUR) {
				drawn = false;
				return;
			}
			last = x(ago);
			first ??= last;
			path += `${drawn ? 'L' : 'M'}${last.toFixed(1)} ${y(v).toFixed(1)}`;
			drawn = true;
		});
		const value = live.rates[this.lines[i].key]; // now, a little to the right of the last point
		if (known(value)) {
			path += `${drawn ? 'L' : 'M'}${x(0).toFixed(1)} ${y(value).toFixed(1)}`;
			first ??= x(0);
			last = x(0);
		}
		if (!path) return [];
		const found = [svg('path', { class: `stroke${i + 1}`, d: path })];
		if (this.lines[i].area && path.lastIndexOf('M') === 0) {
			found.unshift(svg('path', { class: `area${i + 1}`,
				d: `${path}L${last.toFixed(1)} ${y(0)}L${first.toFixed(1)} ${y(0)}Z` }));
		}
		return found;
	}

	// The same hour in words: a value every five minutes.
	drawTable() {
		const h = live.history;
		if (!this.values.open || !h) return;
		const every = Math.max(1, Math.round(300000 / h.step));
		const n = Math.max(...this.lines.map((l) => (h.series[l.key] || []).length));
		const rows = [];
		for (let back = 0; back < n; back += every) rows.push(back);
		if (!this.body) {
			this.body = el('tbody');
			this.values.append(el('table', null, el('caption', { class: 'unseen' }, this.title),
				el('thead', null, el('tr', null, el('th', { scope: 'col' }, 'Time'),
					this.lines.map((l) => el('th', { scope: 'col', class: 'num' }, l.label)))),
				this.body));
		}
		keep(this.body, rows, (back) => back,
			() => el('tr', null, el('th', { scope: 'row' }), this.lines.map(() =>
				el('td', { class: 'num' }))),
			(tr, back) => {
				say(tr.children[0], clock(h.end - back * h.step));
				this.lines.forEach((l, i) => {
					const s = h.series[l.key] || [];
					say(tr.children[i + 1], this.format(s[s.length - 1 - back]));
				});
			});
	}
}
