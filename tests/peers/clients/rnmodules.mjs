// Hooks for Node's loader: what @xmpp/client's package.json leaves out in browsers is left out, as
// Metro does for React Native; and the example finds the libraries of the tests.
import { readFileSync } from 'node:fs';

const here = new URL('./', import.meta.url);
const own = new URL('../node_modules/@xmpp/client/package.json', import.meta.url);
const left = JSON.parse(readFileSync(own)).browser;

export async function resolve(specifier, context, next) {
	const parent = context.parentURL ?? '';
	if (left[specifier] === false) {
		return { url: 'data:text/javascript,export default {}', shortCircuit: true };
	}
	if (specifier.startsWith('@xmpp/') && parent.includes('/examples/')) {
		return next(specifier, { ...context, parentURL: here.href });
	}
	const found = await next(specifier, context);
	// Node 18 does not see by itself that the example is made of modules.
	return found.url.includes('/examples/') ? { ...found, format: 'module' } : found;
}
