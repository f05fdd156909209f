// node run.js LIBRARY SCENARIO OPTIONS: run one scenario, print its facts as one line of JSON.
// LIBRARY is strophe, xmppjs, stanza or chromium; OPTIONS is JSON: service (a URL), transport (bosh
// or websocket), domain, users, passwords, and for chromium page (where the test page is served), browser
// (its program) and anyCertificate (whether it takes those of authorities that it does not know).

import { webcrypto } from 'node:crypto';
import { scenarios } from './scenario.js';
import { browserRequests } from './xhr.js';

async function inNode(library, scenario, o) {
	let connect;
	// Not a global in Node 18; without it Strophe knows no SCRAM, and xmpp.js does not start.
	globalThis.crypto ??= webcrypto;
	if (library === 'xmppjs' || library === 'stanza') {
		({ connect } = await import(`./${library}.js`));
	} else {
		await browserRequests();
		const strophe = await import('strophe.js');
		connect = (await import('./strophe.js')).adapter(strophe);
	}
	return scenarios[scenario](connect, o);
}

async function inChromium(scenario, o) {
	const { chromium } = await import('playwright-core');
	const browser = await chromium.launch({ executablePath: o.browser,
		args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
	try {
		const page = await browser.newPage({ ignoreHTTPSErrors: Boolean(o.anyCertificate) });
		const said = [];
		page.on('console', (m) => said.push(m.text()));
		page.on('pageerror', (e) => said.push(String(e)));
		await page.goto(o.page);
		const facts = await page.evaluate(
			([name, options]) => window.runScenario(name, options), [scenario, o]);
		return { ...facts, console: said };
	} finally {
		await browser.close();
	}
}

const [library, scenario, json] = process.argv.slice(2);
const options = JSON.parse(json);
try {
	const facts = library === 'chromium' ? await inChromium(scenario, options)
		: await inNode(library, scenario, options);
	console.log(JSON.stringify(facts));
	process.exit(0);
} catch (e) {
	console.error(e.stack || e);
	process.exit(1);
}
