// node newcomer.js PAGE OPTIONS: people on a page of examples/ as nginx serves it, and then whoever
// runs it all on the status page; prints facts as JSON. PAGE is strophe or converse; OPTIONS is JSON:
// port (nginx's), via, accounts ([{jid, password}, ...]), status (the status page's address), key
// (the certificate's, as Chromium's --ignore-certificate-errors-spki-list has it), browser.

import { chromium } from 'playwright-core';

const [page, json] = process.argv.slice(2);
const o = JSON.parse(json);
const TEXT = 'Grüße, שלום & <b>🎣</b>';
const said = [];

async function log(browser, { jid, password }) {
	const p = await (await browser.newContext()).newPage();
	p.on('console', (m) => m.type() === 'error' && said.push(m.text()));
	p.on('pageerror', (e) => said.push(String(e)));
	await p.goto(`https://chat.example.org/?via=${o.via}`);
	await p.getByLabel('Address').fill(jid);
	await p.getByLabel('Password').fill(password);
	await p.getByRole('button', { name: 'Log in' }).click();
	return p;
}

const state = (p, words) => p.getByRole('status').filter({ hasText: words })
	.waitFor({ timeout: 30000 });
const heard = (p, text) => p.getByRole('listitem').filter({ hasText: text })
	.waitFor({ timeout: 15000 });

async function say(p, to, text) {
	await p.getByLabel('To').fill(to);
	await p.getByLabel('Message').fill(text);
	await p.getByRole('button', { name: 'Send' }).click();
}

const browser = await chromium.launch({ executablePath: o.browser,
	args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu',
		`--ignore-certificate-errors-spki-list=${o.key}`,
		`--host-resolver-rules=MAP chat.example.org 127.0.0.1:${o.port}`] });
async function strophe() {
	const [one, other] = o.accounts;
	const wrong = await log(browser, { ...one, password: 'wrong' });
	await state(wrong, 'the address or the password is wrong');
	const a = await log(browser, one);
	await state(a, `by ${o.via}`);
	const b = await log(browser, other);
	await state(b, `by ${o.via}`);
	await say(a, other.jid, TEXT);
	await heard(b, `${one.jid}: ${TEXT}`);
	await say(b, one.jid, `${TEXT} back`);
	await heard(a, `${other.jid}: ${TEXT} back`);
	const facts = await onStatusPage();
	for (const p of [a, b]) {
		await p.getByRole('button', { name: 'Log out' }).click();
		await state(p, 'logged out');
	}
	return facts;
}

async function converse() {
	for (const { jid, password } of o.accounts) {
		const p = await (await browser.newContext()).newPage();
		p.on('pageerror', (e) => said.push(String(e)));
		p.on('console', (m) => m.type() === 'error' && said.push(m.text()));
		await p.goto('https://chat.example.org/converse/');
		await p.locator('input[name=jid]').fill(jid);
		await p.locator('input[name=password]').fill(password);
		await p.locator('input[type=submit], button[type=submit]').first().click();
		await p.locator('converse-user-profile').waitFor({ timeout: 30000 });
		if (o.screenshot) await p.screenshot({ path: o.screenshot.replace('.png', '-page.png') });
	}
	return onStatusPage();
}

async function onStatusPage() {
	const status = await (await browser.newContext()).newPage();
	status.on('pageerror', (e) => said.push(String(e)));
	await status.goto(o.status);
	await status.getByRole('link', { name: 'Sessions', exact: true }).click();
	for (const { jid } of o.accounts) {
		await status.getByText(jid).first().waitFor({ timeout: 15000 });
	}
	if (o.screenshot) await status.screenshot({ path: o.screenshot });
	return { status: await status.innerText('body') };
}

try {
	const facts = await { strophe, converse }[page]();
	console.log(JSON.stringify({ ...facts, console: said }));
} catch (e) {
	for (const context of browser.contexts()) {
		for (const p of context.pages()) console.error(p.url(), await p.innerText('body'));
	}
	console.error(said.join('\n'));
	console.error(e.stack);
	process.exitCode = 1;
} finally {
	await browser.close();
}
