// node statuspage.js SCENARIO OPTIONS: the status page in a browser, driven as an operator does;
// prints facts as JSON. OPTIONS is JSON: page (its address), token, browser, screenshots (a folder) if
// wanted, and what the scenario says.

import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { look } from './statuslook.js';

const [scenario, json] = process.argv.slice(2);
const o = JSON.parse(json);
const WIDE = { width: 1280, height: 900 };
const said = []; // what the pages say on their consoles
const browser = await chromium.launch({ executablePath: o.browser,
	args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });

async function open(path = '', options = {}) {
	const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce',
		acceptDownloads: true, ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(20000);
	page.on('console', (m) => said.push(m.text()));
	page.on('pageerror', (e) => said.push(String(e.stack)));
	await page.goto(o.page + path);
	return page;
}

const withToken = (path = '/', options) => open(`#token=${o.token}&${path}`, options);
const live = (page) => page.waitForFunction(() =>
	['live', 'every 2 s'].includes(document.querySelector('#link').textContent));
const texts = (page, selector) => page.$$eval(selector, (all) => all.map((e) => e.textContent));
// The rows of a table as objects, by its headers.
const rows = (page, caption) => page.$$eval('table', (tables, name) => {
	const table = tables.find((t) => t.caption?.textContent === name);
	const heads = [...table.tHead.rows[0].cells].map((c) => c.textContent);
	return [...table.tBodies[0].rows].map((r) => Object.fromEntries([...r.cells].map((c, i) =>
		[heads[i], c.textContent])));
}, caption);
const until = (page, condition, argument) => page.waitForFunction(condition, argument, { polling: 50 });
const found = (page, n) => until(page, (wanted) =>
	document.querySelectorAll('tbody tr').length === wanted, n);
const jids = (page) => texts(page, 'tbody tr th a');
const toSession = async (page, jid) => {
	await page.fill('input[type=search]', jid);
	await found(page, 1);
	await page.click('tbody th a');
	await page.waitForSelector('.situation');
	await until(page, () => document.querySelector('h1').textContent !== 'Session');
};
// Has somebody else (o.helper) do what is named.
const help = (act) => fetch(o.helper + act);
// The facts of a session, {group: {label: value}}.
const groups = (page) => page.$$eval('.tile:not([hidden])', (tiles) => Object.fromEntries(tiles
	.map((t) => [t.querySelector('h3').textContent, Object.fromEntries([...t.querySelectorAll('dl > div')]
		.map((d) => [d.children[0].textContent, d.children[1].textContent]))])));

const SCENARIOS = {
	// Without a token: what everybody on the machine may see.
	async glance(facts) {
		const page = await open();
		await live(page);
		await page.waitForSelector('.plot text');
		await page.waitForTimeout(2500);
		facts.verdict = await page.textContent('#verdict');
		facts.about = await page.textContent('#about');
		facts.tiles = await page.$$eval('.tile:has(.figures)', (tiles) => Object.fromEntries(tiles.map((t) =>
			[t.querySelector('h3').firstChild.textContent, Object.fromEntries(
				[...t.querySelectorAll('.figures div')].map((d) => [d.querySelector('dt').textContent,
					d.querySelector('dd').textContent]))])));
		facts.bars = await page.$$eval('.bars', (lists) => Object.fromEntries(lists.map((l) =>
			[l.parentElement.querySelector('h3').textContent, Object.fromEntries([...l.children].map((li) =>
				[li.querySelector('.label').textContent, li.querySelector('b').textContent]))])));
		facts.backends = await rows(page, 'Backends');
		facts.workers = await rows(page, 'Workers');
		await page.click('.bars a:has-text("Away")');
		facts.filtered = page.url().split('#')[1];
		facts.asksForToken = await page.waitForSelector('#token').then(() => true);
		const late = await open(`#token=${'old'.repeat(8)}&/`); // of a Fairlead before this one
		await live(late);
		facts.late = await late.textContent('#verdict');
	},

	// The pictures by keyboard: an arrow goes back in time, in all of them at once; values as a table.
	async pictures(facts) {
		const page = await open();
		await live(page);
		await until(page, (n) => document.querySelector('.plot')?.ariaValueMax >= n, o.points);
		await page.focus('.plot');
		facts.now = await page.getAttribute('.plot', 'aria-valuetext');
		await page.keyboard.press('Home');
		facts.then = await page.getAttribute('.plot', 'aria-valuetext');
		facts.crosshairs = await page.locator('.plot .cursor').count();
		facts.when = await texts(page, '.when');
		await page.keyboard.press('Escape');
		facts.after = await page.getAttribute('.plot', 'aria-valuetext');
		await page.hover('.plot >> nth=1');
		facts.hovered = await page.locator('.plot .cursor').count();
		await page.click('.values summary');
		facts.values = await texts(page, '.values[open] tbody td');
	},

	// Search, filters, order, pages; what is looked for stands in the address.
	async list(facts) {
		const page = await withToken('/sessions');
		await page.waitForSelector('tbody tr');
		facts.address = page.url();
		facts.kept = await page.evaluate((t) => [sessionStorage, localStorage].map((s) =>
			Object.values(s).includes(t)), o.token);
		await found(page, 100);
		facts.first = await page.textContent('.found');
		await page.click('button:has-text("More")');
		await found(page, o.sessions);
		facts.more = await page.textContent('.found');
		await page.fill('input[type=search]', o.jid);
		await found(page, 1);
		facts.searched = await jids(page);
		facts.searchAddress = page.url().split('#')[1];
		await page.fill('input[type=search]', '');
		await page.selectOption('select[name=transport]', 'websocket');
		await found(page, o.websockets);
		facts.websockets = [...new Set((await rows(page, 'Sessions')).map((r) => r.Transport))];
		await page.selectOption('select[name=transport]', '');
		await page.selectOption('select[name=state]', 'detached');
		await found(page, o.away);
		facts.away = [...new Set((await rows(page, 'Sessions')).map((r) => r.State))];
		await page.selectOption('select[name=state]', '');
		await page.selectOption('select[name=domain]', o.domain);
		await found(page, 100);
		await page.fill('input[type=search]', 'nobody at all');
		await found(page, 0);
		facts.none = await page.textContent('.found');
		await page.fill('input[type=search]', '');
		await found(page, 100);
		facts.orders = {};
		for (const [name, key] of [['Stanzas in', 'in'], ['Session', 'jid'], ['Age', 'age']]) {
			const button = page.locator(`th button:text-is("${name}")`);
			const before = await jids(page);
			await button.click();
			// Of sessions that have all said as much the order may stay as it was.
			await until(page, ([by, old]) => document.querySelector('th[aria-sort]')?.textContent.startsWith(by)
				&& (by === 'Stanzas in' || [...document.querySelectorAll('tbody th a')].map((a) => a.textContent)
					.join() !== old), [name, before.join()]);
			facts.orders[key] = { sort: await page.locator('th[aria-sort]').getAttribute('aria-sort'),
				first: (await rows(page, 'Sessions'))[0] };
		}
		// Under a hand nothing moves; the row of a session that ends is marked.
		await page.hover('tbody tr >> nth=2');
		await page.waitForSelector('.hold:not([hidden])');
		facts.held = true;
		await page.goto(`${o.page}#/sessions?q=${encodeURIComponent(o.jid)}&sort=jid&order=desc`);
		await page.reload();
		await found(page, 1);
		facts.restored = [await page.inputValue('input[type=search]'),
			await page.locator('th[aria-sort]').textContent()];
	},

	// One session: its state, its history, its stanzas live, and its end.
	async session(facts) {
		const page = await withToken('/sessions');
		await toSession(page, o.jid);
		facts.title = await page.textContent('h1');
		facts.situation = await page.textContent('.situation');
		facts.groups = await groups(page);
		facts.events = await texts(page, '.timeline li b');
		await page.click('text=Start tracing');
		await until(page, () => document.querySelectorAll('.trace .client').length > 1 &&
			document.querySelectorAll('.trace .server').length > 1);
		await page.click('button:text-is("Pause")');
		facts.trace = await texts(page, '.trace li');
		await until(page, () => /waiting/.test(document.querySelector('.card [role=status]').textContent));
		facts.still = (await texts(page, '.trace li')).length === facts.trace.length;
		await page.click('button:text-is("Go on")');
		await page.selectOption('.row select', 'client');
		facts.fromClient = await page.locator('.trace li.client:visible').count();
		facts.toClient = await page.locator('.trace li.server:visible').count();
		await page.fill('.row input[type=search]', 'no such words');
		facts.sifted = await page.locator('.trace li:visible').count();
		await page.fill('.row input[type=search]', '');
		const [download] = await Promise.all([page.waitForEvent('download'),
			page.click('button:text-is("Download")')]);
		facts.download = readFileSync(await download.path(), 'utf8');
		await page.click('button:text-is("Clear")');
		facts.cleared = (await texts(page, '.trace li')).length < 3;
		await page.click('text=Stop tracing');
		facts.stopped = await page.textContent('.card [role=status]');

		await page.click('button.danger');
		facts.dialogFocus = await page.evaluate(() => document.activeElement.name);
		await page.keyboard.press('Escape');
		facts.focusBack = await page.evaluate(() => document.activeElement.textContent);
		await page.click('button.danger');
		await page.fill('dialog input', o.why);
		await page.keyboard.press('Enter');
		await page.waitForSelector('.situation.ended');
		facts.ended = await page.textContent('.situation');
		facts.disabled = await page.isDisabled('button.danger >> nth=0');
		await page.goto(`${o.page}#/sessions/nosuchsession`);
		await page.waitForSelector('.situation.ended');
		facts.unknown = await page.textContent('.situation');
	},

	// What the instance says of itself, without a token.
	async instance(facts) {
		const page = await open('#/instance');
		await page.waitForSelector('dl.facts > div');
		facts.about = Object.fromEntries(await page.$$eval('dl.facts > div', (all) => all.map((d) =>
			[d.children[0].textContent, d.children[1].textContent])));
	},

	// Drain a backend, the instance, and back; the log's level.
	async acts(facts) {
		const page = await withToken('/backends');
		await page.click('td button');
		facts.dialog = await page.textContent('dialog');
		await page.click('dialog button.danger');
		await page.waitForSelector('td .pill:text-is("draining")');
		await page.click('td button:has-text("Use again")');
		await page.click('dialog button.main');
		await page.waitForSelector('td .pill:text-is("up")');
		await page.click('nav a:text-is("Instance")');
		facts.focus = await page.evaluate(() => document.activeElement.textContent);
		await page.click('button:text-is("Drain…")');
		await page.click('dialog button.danger');
		await page.waitForSelector('.problem:has-text("drained")');
		facts.problem = await page.textContent('#verdict');
		await page.click('button:text-is("Take new sessions again")');
		await page.click('dialog button.main');
		await page.waitForSelector('.problem.good');
		await page.selectOption('#level', 'debug');
		await page.click('button:text-is("Set it")');
		await page.waitForSelector('[role=status]:has-text("debug")');
		facts.level = await page.textContent('#view [role=status]');
	},

	// Without a token, with a wrong one, with the right one, and without it again.
	async token(facts) {
		const page = await open('#/sessions');
		await page.waitForSelector('#token');
		facts.says = await page.textContent('.token');
		await page.fill('#token', 'wrong');
		await page.keyboard.press('Enter');
		await page.waitForSelector('.token [role=alert]');
		facts.wrong = await page.textContent('.token [role=alert]');
		await page.fill('#token', `${o.page}#token=${o.token}`);
		await page.keyboard.press('Enter');
		await page.waitForSelector('tbody tr');
		await page.click('nav a:text-is("Instance")');
		await page.click('button:text-is("Forget the token")');
		await page.waitForSelector('#token');
		await page.evaluate((t) => { location.hash = `#token=${t}&/instance`; }, o.token);
		await page.waitForSelector('button:text-is("Forget the token")');
		facts.address = page.url();
	},

	// Fairlead stops answering (o.pid), and is there again; nobody looks, and somebody does.
	async lost(facts) {
		const page = await withToken('/');
		await live(page);
		process.kill(o.pid, 'SIGSTOP');
		try {
			await page.waitForSelector('#lost .problem', { timeout: 30000 });
			facts.lost = await page.textContent('#lost');
			facts.stale = await page.evaluate(() => document.body.classList.contains('stale'));
			facts.title = await page.title();
		} finally {
			process.kill(o.pid, 'SIGCONT');
		}
		await page.click('#lost button').catch(() => {});
		await live(page);
		facts.back = await page.textContent('#lost');
		const hide = (hidden) => page.evaluate((h) => {
			Object.defineProperty(document, 'hidden', { value: h, configurable: true });
			document.dispatchEvent(new Event('visibilitychange'));
		}, hidden);
		await hide(true);
		await until(page, () => document.querySelector('#link').textContent === 'paused');
		let asked = 0;
		page.on('request', () => { asked++; });
		await page.waitForTimeout(3000);
		facts.askedUnseen = asked;
		await hide(false);
		await live(page);
	},

	// A session with its dialog open, while Fairlead is started anew: it is gone, whoever has its id.
	async swapped(facts) {
		const page = await withToken(`/sessions/${o.id}`);
		await live(page);
		await page.waitForSelector('.timeline li b');
		facts.title = await page.textContent('h1');
		await page.click('button.danger');
		const press = async () => {
			await page.click('dialog button.danger');
			await until(page, () => document.querySelector('dialog .trouble').textContent);
			return page.textContent('dialog .trouble');
		};
		await help('down');
		await page.waitForSelector('#lost .problem');
		facts.alone = await press();
		await help('up');
		await page.click('#lost button', { force: true, timeout: 100 }).catch(() => {}); // a dialog is open
		await page.waitForSelector('.situation.ended');
		await live(page);
		facts.late = await press();
		await page.waitForTimeout(1500);
		facts.ended = await page.textContent('.situation');
		facts.still = await page.textContent('h1');
		facts.disabled = await Promise.all(['End session', 'Start tracing'].map((text) =>
			page.isDisabled(`button:has-text("${text}")`)));
	},

	// What was counted before a restart is not reckoned with afterwards.
	async counted(facts) {
		const page = await open();
		await live(page);
		const text = '.tile:has-text("What was refused") li small';
		facts.before = await page.textContent(text);
		await help('down');
		await page.waitForSelector('#lost .problem');
		await help('up');
		await page.click('#lost button').catch(() => {});
		await live(page);
		await help('refuse');
		await page.waitForSelector(`${text}:has-text("since")`);
		facts.after = await page.textContent(text);
	},

	// Views that began while nobody answered ask for the token once somebody does.
	async tokenless(facts) {
		const page = await open();
		await live(page);
		await help('down');
		await page.waitForSelector('#lost .problem');
		await page.click('nav a:text-is("Sessions")');
		await page.waitForSelector('.trouble:not([hidden])');
		facts.alone = await page.textContent('.trouble');
		await help('up');
		await page.waitForSelector('#token');
		facts.asked = await page.textContent('.token h2');
	},

	// The domains by which sessions are looked for.
	async domains(facts) {
		const page = await withToken('/');
		await live(page);
		const tile = '.tile:has-text("By domain") .label';
		await page.waitForSelector(tile);
		facts.links = Object.fromEntries(await page.$$eval(tile, (all) =>
			all.map((e) => [e.textContent, e.getAttribute('href')])));
		await page.click('nav a:text-is("Sessions")');
		await page.waitForSelector('select[name=domain] option:nth-child(2)', { state: 'attached' });
		facts.offered = await texts(page, 'select[name=domain] option');
	},

	// Without a mouse, from the first Tab to a session's end dialog.
	async keys(facts) {
		const page = await withToken('/');
		await live(page);
		await page.waitForSelector('.plot text');
		facts.stops = [];
		facts.dim = []; // stops of which one cannot see that they have the focus
		for (let i = 0; i < 80; i++) {
			await page.keyboard.press('Tab');
			const stop = await page.evaluate(() => {
				const e = document.activeElement;
				if (e === document.body) return null;
				const style = getComputedStyle(e);
				return { name: (e.ariaLabel || e.textContent || e.name).trim().slice(0, 40),
					seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
			});
			if (!stop || facts.stops.length && stop.name === facts.stops[0]) break;
			facts.stops.push(stop.name);
			if (!stop.seen) facts.dim.push(stop.name);
		}
		const tabTo = async (text) => {
			for (let i = 0; i < 60; i++) {
				await page.keyboard.press('Tab');
				if (await page.evaluate((t) => document.activeElement.textContent.startsWith(t), text)) return;
			}
			throw new Error(`no Tab leads to ${text}`);
		};
		await page.reload();
		await live(page);
		await page.keyboard.press('Tab');
		await page.keyboard.press('Enter');
		facts.skipped = await page.evaluate(() => `${document.activeElement.id} ${location.hash}`);
		await page.reload();
		await live(page);
		await tabTo('Sessions');
		await page.keyboard.press('Enter');
		await page.waitForSelector('tbody tr');
		facts.heading = await page.evaluate(() => document.activeElement.textContent);
		await tabTo('Age');
		const [youngest] = await jids(page);
		const turned = (back) => until(page, ([jid, wanted]) =>
			(document.querySelector('tbody tr th a').textContent === jid) === wanted, [youngest, back]);
		const turn = () => page.evaluate(() => document.querySelector('th[aria-sort] button').click());
		await page.keyboard.press('Enter');
		await page.waitForSelector('th[aria-sort=descending]');
		await turned(false);
		// The order changes under the focus, which stays.
		await page.focus('tbody tr:nth-child(50) th a');
		const held = await page.evaluate(() => document.activeElement.textContent);
		await turn();
		await turned(true);
		facts.kept = await page.evaluate((jid) => document.activeElement.textContent === jid, held);
		await turn();
		await turned(false);
		await page.focus('th[aria-sort=descending] button');
		await page.keyboard.press('Shift+Tab');
		await tabTo('Unproved');
		await page.keyboard.press('Tab');
		await page.keyboard.press('Enter');
		await page.waitForSelector('.timeline li b');
		await tabTo('End session');
		await page.keyboard.press('Enter');
		facts.dialog = await page.evaluate(() => document.activeElement.name);
		await page.keyboard.press('Escape');
		await tabTo('Start tracing');
	},

	// Two people talk by the demo's chat page; one is found, traced and ended.
	async people(facts) {
		const chat = async (name, via) => {
			const page = await browser.newPage();
			await page.goto(`${o.chat}?as=${name}&via=${via}`);
			await page.waitForSelector('#accounts input:checked', { state: 'attached' });
			await page.click('#connect');
			await page.waitForSelector('#talks button');
			return page;
		};
		const alice = await chat('alice', 'bosh');
		const bob = await chat('bob', 'websocket');
		await bob.click('#talks button:has-text("Alice")');
		const page = await withToken('/sessions');
		await found(page, 2);
		await toSession(page, 'alice@');
		facts.found = [await page.textContent('h1')];
		facts.group = (await groups(page)).Client;
		await page.click('text=Start tracing');
		await page.waitForSelector('[role=status]:has-text("Tracing")');
		await bob.fill('#text', o.text);
		await bob.press('#text', 'Enter');
		await page.waitForSelector('.trace .server:has-text("<message")');
		facts.trace = await texts(page, '.trace li');
		await page.click('button.danger');
		await page.click('dialog button.danger');
		await page.waitForSelector('.situation.ended');
		await alice.waitForSelector('#trouble:not([hidden])');
		facts.told = await alice.textContent('#trouble');
	},

	// What it costs Fairlead (o.pid) that the page is open: its processor time over o.period without the
	// page and with each view, and how long a search takes to be seen.
	async cost(facts) {
		const cpu = () => {
			const fields = readFileSync(`/proc/${o.pid}/stat`, 'utf8').split(') ').pop().split(' ');
			return (Number(fields[11]) + Number(fields[12])) / 100;
		};
		const during = async () => {
			const before = cpu();
			await new Promise((done) => { setTimeout(done, 1000 * o.period); });
			return (cpu() - before) / o.period;
		};
		facts.cpu = { closed: await during() };
		facts.asked = {};
		const page = await withToken('/');
		await live(page);
		let asked = 0;
		page.on('request', () => { asked++; });
		const measure = async (view) => {
			await page.waitForTimeout(2000);
			asked = 0;
			facts.cpu[view] = await during();
			facts.asked[view] = asked;
		};
		await measure('overview');
		facts.sessions = await page.textContent('.figures dd');
		await page.goto(`${o.page}#/sessions`);
		await found(page, 100);
		await measure('list');
		facts.found = await page.textContent('.found');
		await page.fill('input[type=search]', 'no such');
		await found(page, 0);
		const start = Date.now();
		await page.fill('input[type=search]', '');
		await found(page, 100);
		facts.searchMs = Date.now() - start;
		for (const n of [250, 500, 1000]) {
			await page.click('button:has-text("More")');
			await found(page, n);
		}
		facts.next = await page.textContent('.buttons button >> nth=0');
		await page.click('.buttons button >> nth=0');
		await page.waitForSelector('.found:has-text("1,001 to 2,000")');
		facts.rows = await page.locator('tbody tr').count();
		await page.click('button:text-is("Back to the first")');
		await found(page, 100);
		await page.click('tbody th a');
		await page.waitForSelector('.timeline li');
		await measure('session');
	},

	// Every view at both sizes, light and dark: nothing wider than the screen, nothing for axe to say.
	async looks(facts) {
		const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
		await look({ o, facts, open, withToken, live, axe });
	},
};

try {
	const facts = {};
	await SCENARIOS[scenario](facts);
	facts.console = said;
	console.log(JSON.stringify(facts));
} catch (e) {
	for (const context of browser.contexts()) {
		for (const page of context.pages()) {
			console.error(page.url(), (await page.innerText('body').catch(() => '')).slice(0, 3000));
		}
	}
	console.error(said, e.stack);
	process.exitCode = 1;
} finally {
	await browser.close();
}
