// Looks at every view of the status page, at a desk and on a phone, light and dark: for what is wider
// than the screen, for what axe-core finds, and for a person, as pictures (options.screenshots).

const SIZES = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

export async function look({ o, facts, open, withToken, live, axe }) {
	facts.wide = [];
	facts.axe = [];
	facts.seen = [];
	for (const [size, viewport] of Object.entries(SIZES)) {
		for (const colorScheme of ['light', 'dark']) {
			const options = { viewport, colorScheme };
			const at = async (page, view) => {
				const name = `${view}-${size}-${colorScheme}`;
				facts.seen.push(name);
				const over = await page.evaluate(() =>
					document.documentElement.scrollWidth - document.documentElement.clientWidth);
				if (over > 0) facts.wide.push(`${name}: ${over}`);
				if (o.screenshots) {
					await page.screenshot({ path: `${o.screenshots}/${name}.png`, fullPage: view !== 'dialog' });
				}
				await page.evaluate(axe);
				const { violations } = await page.evaluate(() => window.axe.run(document,
					{ resultTypes: ['violations'] }));
				facts.axe.push(...violations.map((v) => `${name}: ${v.id} ${v.help}: ${v.nodes.slice(0, 3)
					.map((n) => n.html.slice(0, 200)).join(' | ')}`));
			};
			const stranger = await open('#/sessions', options);
			await stranger.waitForSelector('#token');
			await live(stranger);
			await at(stranger, 'token');
			await stranger.context().close();
			const page = await withToken('/', options);
			await live(page);
			await page.waitForSelector('.plot text');
			await at(page, 'overview');
			await page.goto(`${o.page}#/sessions`);
			await page.waitForSelector('tbody tr');
			await at(page, 'sessions');
			await page.goto(`${o.page}#/sessions?q=${encodeURIComponent(o.jid)}`);
			await page.reload();
			await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
			await page.click('tbody th a');
			await page.waitForSelector('.timeline li b');
			await page.click('text=Start tracing');
			await page.waitForSelector('.trace .server');
			await at(page, 'session');
			await page.click('button.danger');
			await at(page, 'dialog');
			await page.keyboard.press('Escape');
			for (const view of ['backends', 'instance']) {
				await page.goto(`${o.page}#/${view}`);
				await page.waitForSelector(view === 'backends' ? 'td button' : '#level');
				await at(page, view);
			}
			await page.context().close();
		}
	}
}
