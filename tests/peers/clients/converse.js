// node converse.js SCENARIO OPTIONS: converse.js in two tabs of a browser does what the other clients
// do in scenario.js, by its own API; prints the same facts as JSON. SCENARIO is talk, refused or
// idle; OPTIONS as for run.js, with page and browser. Or receive, which prints what receive.js does,
// of the chat with `peer`, until it is killed.

import { readFileSync, writeSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { chromium } from 'playwright-core';
import { TEXTS, within } from './scenario.js';

const [scenario, json] = process.argv.slice(2);
const o = JSON.parse(json);
const MESSAGES = 20;
const said = []; // what the pages say on their consoles

// A tab: every verb of window.person of page/converse.js as a method, and until(), which asks one of
// them until its answer will do.
async function open(browser, n, password = o.passwords[n]) {
	const page = await (await browser.newContext()).newPage();
	page.on('console', (m) => said.push(m.text()));
	page.on('pageerror', (e) => said.push(String(e)));
	await page.goto(o.page);
	await page.waitForFunction(() => window.start, null, { timeout: 20000 });
	await page.evaluate((options) => window.start(options), { jid: `${o.users[n]}@${o.domain}`,
		password, service: o.service, transport: o.transport,
		strangers: ['idle', 'receive'].includes(scenario) });
	const p = { bare: `${o.users[n]}@${o.domain}` };
	const call = (verb, args) => page.evaluate(([v, a]) => window.person[v](...a), [verb, args]);
	for (const verb of await page.evaluate(() => Object.keys(window.person))) {
		p[verb] = (...args) => call(verb, args);
	}
	p.until = (what, test, verb, ...args) => {
		let last;
		const ask = async () => {
			for (;;) {
				last = await call(verb, args);
				if (test(last)) return last;
				await new Promise((r) => setTimeout(r, 50));
			}
		};
		return within(30, ask(), what).catch((e) => {
			throw new Error(`${e.message}: ${JSON.stringify(last).slice(0, 2000)}`);
		});
	};
	return p;
}

async function login(browser, n) {
	const p = await open(browser, n);
	Object.assign(p, await within(20, p.connected(), 'login'));
	return p;
}

async function talk(browser) {
	const [a, b] = [await login(browser, 0), await login(browser, 1)];
	const facts = { jid: a.jid, mechanism: a.mechanism };
	facts.rosterBefore = (await a.contacts()).filter((jid) => jid !== a.bare).length;
	facts.disco = await a.identity(o.domain);
	facts.oddIq = await a.odd(o.domain);

	const name = 'Bœb & "Co" 🎣';
	const groups = ['Füße <&>'];
	await b.status('dnd', 'beschäftigt 🛠');
	facts.rosterSet = await a.add(b.bare, name, groups) === name ? 'result' : 'error';
	const contact = await a.until('subscription and presence of the contact', (c) => c &&
		c.subscription === 'both' && c.show === 'dnd' && c.status !== undefined, 'contact', b.bare);
	facts.rosterPush = (await a.contacts()).find((jid) => jid !== a.bare);
	facts.rosterName = contact.name === name;
	facts.rosterGroup = contact.groups.join() === groups.join();
	facts.presenceShow = contact.show;
	facts.presenceStatus = contact.status === 'beschäftigt 🛠';
	await b.until('presence back', (c) => c && c.show === 'online', 'contact', a.bare);

	// converse takes the white space off both ends.
	const numbered = (who) => Array.from({ length: MESSAGES },
		(_, i) => `${who} ${i}: ${TEXTS[i % TEXTS.length]}`.trim());
	[facts.thereWanted, facts.backWanted] = [numbered('there'), numbered('back')];
	await Promise.all([a.say(b.bare, facts.thereWanted), b.say(a.bare, facts.backWanted)]);
	facts.there = await b.until('messages', (l) => l.length >= MESSAGES, 'heard', a.bare);
	facts.back = await a.until('messages', (l) => l.length >= MESSAGES, 'heard', b.bare);

	const big = 'Ünïcødé 🎣 wörld & '.repeat(o.big);
	await a.say(b.bare, [big]);
	const got = (await b.until('the big message', (l) => l.length > MESSAGES, 'heard', a.bare)).at(-1);
	facts.bigBytes = new TextEncoder().encode(`${got} `).length;
	facts.bigSame = got === big.trim();

	const room = `raum-${Date.now()}-${process.pid}@conference.${o.domain}`;
	await a.enter(room, 'Älice');
	await a.until('the room', (n) => n === 1, 'inside', room);
	await b.enter(room, 'Bøb');
	await b.until('the room', (n) => n === 2, 'inside', room);
	await a.sayInRoom(room, 'An alle: <&> 🎣');
	const line = 'Älice: An alle: <&> 🎣';
	await a.until('own room message', (l) => l.includes(line), 'heardInRoom', room);
	await b.until('room message', (l) => l.includes(line), 'heardInRoom', room);
	facts.room = true;

	facts.closeA = [await within(15, a.leave(), 'clean logout')];
	await b.until('the contact going', (c) => c.show === 'offline', 'contact', a.bare);
	facts.gone = true;
	facts.closeB = [await within(15, b.leave(), 'clean logout')];
	return facts;
}

async function refused(browser) {
	const p = await open(browser, 0, 'wrong');
	return { refused: await p.until('an answer', (message) => message !== null, 'feedback') };
}

async function idle(browser) {
	const [a, b] = [await login(browser, 0), await login(browser, 1)];
	await new Promise((r) => setTimeout(r, o.seconds * 1000));
	const start = Date.now();
	await a.say(b.bare, ['still there? ⚓']);
	await b.until('a message', (l) => l.length >= 1, 'heard', a.bare);
	await b.say(a.bare, ['yes']);
	const back = await a.until('an answer', (l) => l.length >= 1, 'heard', b.bare);
	const ms = Date.now() - start;
	await a.say(b.bare, ['good']);
	const there = await b.until('the last word', (l) => l.length >= 2, 'heard', a.bare);
	return { ms, there, back, closed: [[await a.leave()], [await b.leave()]] };
}

async function receive(browser) {
	const p = await login(browser, 0);
	writeSync(1, `READY ${p.jid}\n`);
	for (let told = 0; ; await new Promise((r) => setTimeout(r, 50))) {
		const heard = await p.heard(o.peer);
		for (; told < heard.length; told++) writeSync(1, `GOT ${heard[told]}\n`);
	}
}

async function discover(browser) {
	const p = await login(browser, 0);
	return { jid: p.jid, service: await p.service(), oddIq: await p.odd(o.domain),
		closed: [await within(15, p.leave(), 'clean logout')] };
}

// What the browser takes for port 443 of the domain.
async function front() {
	const server = tls.createServer({ cert: readFileSync(o.cert), key: readFileSync(o.key) }, (near) => {
		const far = net.connect(o.port, '127.0.0.1');
		near.pipe(far).pipe(near);
		for (const s of [near, far]) s.on('error', () => {});
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	server.unref();
	return server.address().port;
}

// converse would ask the world outside for pictures and the like.
const names = ['MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1'];
if (!o.service) names.unshift(`MAP ${o.domain} 127.0.0.1:${await front()}`);
const browser = await chromium.launch({ executablePath: o.browser,
	args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu',
		'--ignore-certificate-errors', `--host-resolver-rules=${names.join(', ')}`] });
try {
	const facts = await { talk, refused, idle, discover, receive }[scenario](browser);
	console.log(JSON.stringify({ ...facts, console: said }));
} catch (e) {
	console.error(said.join('\n'));
	console.error(e.stack);
	process.exitCode = 1;
} finally {
	await browser.close();
}
