// node formpost.js OPTIONS: a page of another origin has the browser show an answer of the endpoint, by a
// form; prints whether a script within it ran. OPTIONS is JSON: endpoint, name and value (of the form's
// field: name=value is posted), bare (leave the answer's own policy out), browser.

import { chromium } from 'playwright-core';

const o = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: o.browser,
	args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
try {
	const page = await browser.newPage();
	let ran = false;
	await page.route('**/*', async (route) => {
		const url = route.request().url();
		if (url.endsWith('/ran')) ran = true;
		if (url !== o.endpoint) {
			await route.fulfill({ contentType: 'text/html', body: '<title>elsewhere</title>' });
		} else {
			const response = await route.fetch();
			const headers = response.headers();
			if (o.bare) delete headers['content-security-policy'];
			await route.fulfill({ response, headers });
		}
	});
	await page.goto('http://elsewhere.example/');
	await page.evaluate(({ endpoint, name, value }) => {
		const form = document.createElement('form');
		const input = document.createElement('input');
		Object.assign(form, { method: 'post', enctype: 'text/plain', action: endpoint });
		Object.assign(input, { name, value });
		form.append(input);
		document.body.append(form);
		form.submit();
	}, o);
	await page.waitForURL(o.endpoint);
	await page.waitForTimeout(1000);
	console.log(JSON.stringify({ ran, text: await page.content() }));
} finally {
	await browser.close();
}
