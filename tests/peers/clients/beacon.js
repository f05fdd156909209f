// node beacon.js OPTIONS: a page that sends a beacon, text/plain, when it goes away, and goes away. OPTIONS
// is JSON: page (its URL), endpoint, body, browser.

import { chromium } from 'playwright-core';

const o = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: o.browser,
	args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
try {
	const page = await browser.newPage();
	await page.goto(o.page);
	await page.evaluate(({ endpoint, body }) => {
		addEventListener('pagehide', () => {
			navigator.sendBeacon(endpoint, new Blob([body], { type: 'text/plain' }));
		});
	}, o);
	await page.goto('about:blank');
	await page.waitForTimeout(1000);
	console.log('{}');
} finally {
	await browser.close();
}
