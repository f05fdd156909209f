// The same scenarios in a browser, on a page that comes from another origin than the manager.
import { scenarios } from '/clients/scenario.js';
import { adapter } from '/clients/strophe.js';

const { Strophe } = window;
const connect = adapter({ Strophe, Builder: Strophe.Builder });
window.runScenario = (name, options) => scenarios[name](connect, options);
