// node chat.js OPTIONS: the demo's chat page in two tabs of a browser; prints facts as JSON.
// OPTIONS is JSON: page, browser, via (bosh or websocket), screenshots (a folder) if wanted, and
// accounts (names and passwords) where the page knows none; helper (see peers.py) where the server is
// one of scripts.

import { chromium } from 'playwright-core';

const o = JSON.parse(process.argv[2]);
const TEXT = 'Grüße, 日本語, שלום & <b>🎣 👩‍👩‍👧‍👦</b>';

const wide = { width: 1280, height: 760 };

async function open(browser, scheme, size) {
	const context = await browser.newContext({ colorScheme: scheme, viewport: size });
	const page = await context.newPage();
	page.said = [];
	page.on('console', (m) => page.said.push(m.text()));
	page.on('pageerror', (e) => page.said.push(String(e)));
	return page;
}

async function log(browser, name, scheme, size, password) {
	const page = await open(browser, scheme, size);
	await page.goto(`${o.page}?as=${name}&via=${o.via}`);
	await page.waitForSelector('#accounts input:checked', { state: 'attached' });
	if (password) {
		await page.click('#credentials summary');
		await page.fill('#password', password);
	}
	await page.click('#connect');
	return page;
}

const shot = (page, name) => (o.screenshots
	? page.screenshot({ path: `${o.screenshots}/${name}-${o.via}.png` }) : null);
const talkTo = (page, name) => page.click(`#talks button:has-text("${name}")`);
async function say(page, text) {
	await page.fill('#text', text);
	await page.press('#text', 'Enter');
}
const heard = (page, text) =>
	page.waitForFunction((t) => [...document.querySelectorAll('#messages li.theirs')]
		.some((li) => li.textContent.includes(t)), text, { timeout: 15000 });

// Alice has her talk with Bob open; his with her may be there only once she has said something.
async function exchange(alice, bob, facts) {
	await say(alice, TEXT);
	await talkTo(bob, 'alice');
	await heard(bob, TEXT);
	await say(bob, `Zurück: ${TEXT}`);
	await heard(alice, `Zurück: ${TEXT}`);
	facts.there = facts.back = true;
}

async function friends(browser, facts) {
	const wrong = await log(browser, 'alice', 'light', wide, 'wrong');
	await wrong.waitForSelector('#trouble:not([hidden])', { timeout: 15000 });
	facts.refused = await wrong.textContent('#trouble');
	await shot(wrong, 'refused');

	const alice = await log(browser, 'alice', 'light', wide);
	await alice.waitForSelector('#talks button:has-text("lounge")', { timeout: 15000 });
	const bob = await log(browser, 'bob', 'dark', { width: 400, height: 800 });
	await bob.waitForSelector('#talks button:has-text("lounge")', { timeout: 15000 });
	await alice.waitForSelector('#talks button:has-text("Bob") .dot.here', { timeout: 15000 });
	facts.presence = true;

	await talkTo(alice, 'Bob');
	await exchange(alice, bob, facts);
	await talkTo(bob, 'lounge');
	await say(alice, 'and once more');
	await bob.waitForSelector('#talks .unread', { timeout: 15000 });
	await talkTo(alice, 'lounge');
	await say(alice, `An alle: ${TEXT}`);
	await heard(bob, `An alle: ${TEXT}`);
	facts.room = true;

	const wire = await alice.textContent('#lines');
	facts.transport = await alice.textContent('#transport');
	facts.wireShows = wire.includes('An alle') && wire.includes('urn:ietf:params:xml:ns:xmpp-sasl');
	facts.wireHides = wire.includes('•••') && !/<response[^>]*>[A-Za-z0-9+/=]{8}/.test(wire);
	await shot(alice, 'alice');
	await shot(bob, 'bob');

	await alice.click('#leave');
	await alice.waitForSelector('#welcome:not([hidden])', { timeout: 15000 });
	facts.left = await alice.isHidden('#trouble');
	await bob.waitForSelector('#talks button:has-text("Alice") .dot:not(.here)', { timeout: 15000 });
	facts.gone = true;
	await bob.click('#leave');
	await bob.waitForSelector('#welcome:not([hidden])', { timeout: 15000 });
	return [wrong, alice, bob];
}

// As with ./demo --server: no account and no room is given, and nobody knows anybody.
async function strangers(browser, facts) {
	const enter = async (name, size) => {
		const page = await open(browser, 'light', size);
		await page.goto(`${o.page}?via=${o.via}`);
		await reenter(page, name);
		return page;
	};
	const reenter = async (page, name) => {
		await page.fill('#jid', `${name}@example.org`);
		await page.fill('#password', o.accounts[name]);
		await page.click('#connect');
		await page.waitForSelector('#app:not([hidden])', { timeout: 15000 });
	};
	const alice = await enter('alice', wide);
	await alice.waitForSelector('#messages .note', { timeout: 15000 });
	await shot(alice, 'nobody');
	const bob = await enter('bob', { width: 400, height: 800 });
	await alice.fill('#whom', 'bob');
	await alice.press('#whom', 'Enter');
	await exchange(alice, bob, facts);
	await shot(alice, 'somebody');
	await shot(bob, 'somebody-narrow');
	await alice.click('#leave');
	await alice.waitForSelector('#welcome:not([hidden])', { timeout: 15000 });
	await reenter(alice, 'bob');
	facts.forgotten = !(await alice.innerText('#app')).includes('Zurück');
	return [alice, bob];
}

// What has no "from" is of one's own account; what comes behind it is heard.
async function alone(browser, facts) {
	const page = await open(browser, 'light', wide);
	await page.goto(`${o.page}?via=${o.via}`);
	await page.fill('#jid', 'alice@example.org');
	await page.fill('#password', 'alice');
	await page.click('#connect');
	await page.waitForSelector('#app:not([hidden])', { timeout: 15000 });
	await fetch(`${o.helper}speak`);
	await page.waitForSelector('#talks button:has-text("carol") .dot.here', { timeout: 15000 });
	await page.waitForSelector('#talks button:has-text("bob")', { timeout: 15000 });
	facts.talks = {};
	for (const name of await page.$$eval('#talks button', (all) => all.map((b) => b.title))) {
		await page.click(`#talks button[title="${name}"]`);
		facts.talks[name] = await page.$$eval('#messages li', (all) => all.map((li) => li.textContent));
	}
	return [page];
}

const browser = await chromium.launch({ executablePath: o.browser,
	args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
try {
	const facts = {};
	const pages = await (o.helper ? alone : o.accounts ? strangers : friends)(browser, facts);

	facts.console = pages.flatMap((page) => page.said);
	console.log(JSON.stringify(facts));
} catch (e) {
	for (const context of browser.contexts()) {
		for (const page of context.pages()) {
			console.error(page.url(), page.said, await page.innerText('body'));
		}
	}
	console.error(e.stack);
	process.exitCode = 1;
} finally {
	await browser.close();
}
