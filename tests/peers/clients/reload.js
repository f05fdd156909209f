// node reload.js OPTIONS: Strophe.js over BOSH keeps its session across two reloads of its page, while
// another client talks to it; prints facts as JSON. OPTIONS as for run.js, and peer (a WebSocket
// URL), page, browser, and status (the URL of Fairlead's).

import { chromium } from 'playwright-core';
import { within } from './scenario.js';
import { connect } from './xmppjs.js';

const o = JSON.parse(process.argv[2]);
const script = '**/reload.js';
const sent = { there: [], back: [] };
const got = { there: [], back: [] };
const body = (text) => ({ name: 'body', attrs: {}, children: [text] });

async function until(what, test) {
	const ask = async () => {
		while (!await test()) await new Promise((r) => setTimeout(r, 20));
	};
	await within(20, ask(), `${what}: ${JSON.stringify(got)}`);
}

// Requests that wait for their answer at Fairlead, by its own word, beside the one that asks it.
const held = async () => (await (await fetch(o.status)).json()).requests_waiting - 1;

const peer = await connect({ ...o, service: o.peer, jid: `${o.users[1]}@${o.domain}`,
	password: o.passwords[1] });
let gone = false;
peer.onstanza = (t) => {
	const text = t.name === 'message' && t.children.find((c) => c.name === 'body');
	if (text) got.back.push(text.children.join(''));
	if (t.name === 'presence' && t.attrs.type === 'unavailable') gone = true;
};
peer.send({ name: 'presence', attrs: {}, children: [] });

const browser = await chromium.launch({ executablePath: o.browser,
	args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
try {
	const page = await browser.newPage();
	await page.exposeFunction('heard', (text) => { got.there.push(text); });
	await page.goto(o.page);
	const login = { service: o.service, jid: `${o.users[0]}@${o.domain}`, password: o.passwords[0] };
	const jid = await page.evaluate((l) => window.begin('connect', l), login);
	// Directed presence, so that the end of the session is told.
	await page.evaluate((to) => window.connection.send(
		new window.Strophe.Builder('presence', { to })), peer.jid);

	const talk = (label, n) => {
		for (let i = 0; i < n; i++) {
			sent.there.push(`${label} ${i} <&> 🎣`);
			peer.send({ name: 'message', attrs: { to: jid, type: 'chat' },
				children: [body(sent.there.at(-1))] });
		}
	};
	const answer = async (text) => {
		sent.back.push(text);
		await page.evaluate(([to, t]) => window.say(to, t), [peer.jid, text]);
	};
	const jids = [jid];
	for (const round of ['first', 'second']) {
		talk(`before the ${round}`, 5);
		await answer(`before the ${round}`);
		await until('what was said before', () => got.there.length === sent.there.length &&
			got.back.length === sent.back.length);
		// Strophe counts a request before it is out; one that the reload swallows stays missing.
		await until('a held request', async () => await held() === 1);
		// The old page is gone when the new one asks for its script.
		await page.route(script, async (route) => {
			await until('the loss of the old page', async () => await held() === 0);
			talk(`during the ${round}`, 10);
			await route.continue();
		});
		await page.reload();
		await page.unroute(script);
		jids.push(await page.evaluate((l) => window.begin('restore', l), login));
		talk(`after the ${round}`, 5);
		await answer(`after the ${round}`);
		await until('what was said since', () => got.there.length >= sent.there.length &&
			got.back.length >= sent.back.length);
	}
	await within(15, page.evaluate(() => window.leave()), 'clean logout');
	await until('the end', () => gone);
	await peer.close();
	console.log(JSON.stringify({ jids, there: got.there, thereWanted: sent.there, back: got.back,
		backWanted: sent.back }));
	process.exitCode = 0;
} catch (e) {
	console.error(e.stack);
	process.exitCode = 1;
} finally {
	await browser.close();
	process.exit();
}
