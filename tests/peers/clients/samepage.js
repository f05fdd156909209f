// node samepage.js OPTIONS: a page of the endpoint's own origin opens a WebSocket there, when the browser
// has a connection to it already; prints the first two messages that come. OPTIONS is JSON: address
// (host:port, over TLS), domain, browser.

import { chromium } from 'playwright-core';

const o = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: o.browser,
	args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
try {
	const page = await browser.newPage({ ignoreHTTPSErrors: true });
	await page.goto(`https://${o.address}/http-bind`);
	const messages = await page.evaluate(({ address, domain }) => new Promise((done) => {
		const ws = new WebSocket(`wss://${address}/xmpp-websocket`, 'xmpp');
		const got = [];
		ws.onopen = () => ws.send('<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" ' +
			`to="${domain}" version="1.0"/>`);
		ws.onmessage = (m) => got.push(m.data) > 1 && done(got);
		ws.onclose = (e) => done([...got, `closed ${e.code}`]);
	}), o);
	console.log(JSON.stringify({ messages }));
} finally {
	await browser.close();
}
