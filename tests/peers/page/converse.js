// converse.js as its users have it, driven through its API by a plugin: window.person, whose verbs
// clients/converse.js calls. What can be seen is read from converse's own models.
import '/node_modules/converse.js/dist/converse.min.js';

const { converse } = window;
const { Strophe, sizzle, stx } = converse.env;
const ASSETS = '/node_modules/converse.js/dist/';
const texts = (box, sender) => box.messages.filter((m) => m.get('sender') === sender && m.get('body'))
	.map((m) => m.get('body'));

function person({ api, state, session }) {
	const seen = [];
	const roster = (jid) => state.roster.get(jid);
	const status = (jid) => seen.filter((e) => e.localName === 'presence' &&
		e.getAttribute('from').startsWith(`${jid}/`)).at(-1)?.querySelector('status')?.textContent;
	api.listen.on('connected', () => {
		api.connection.get().addHandler((e) => seen.push(e));
	});
	return {
		connected: () => api.waitUntil('rosterContactsFetched').then(() => api.waitUntil('statusInitialized'))
			.then(() => ({ jid: session.get('jid'),
				mechanism: api.connection.get()._sasl_mechanism.mechname })),
		service: () => api.connection.get().service,
		feedback: () => state.connfeedback.get('message') ?? null,
		contacts: () => state.roster.map((c) => c.get('jid')),
		add: async (jid, name, groups) => {
			await api.contacts.add({ jid, name, groups });
			return roster(jid).get('nickname');
		},
		contact: (jid) => roster(jid) && { name: roster(jid).get('nickname'),
			groups: roster(jid).get('groups'), subscription: roster(jid).get('subscription'),
			show: roster(jid).getStatus(), status: status(jid) },
		status: (show, message) => api.user.status.set(show, message),
		identity: async (jid) => {
			const entity = await api.disco.entities.get(jid, true);
			await entity.waitUntilItemsFetched;
			return (await entity.getIdentity('server', 'im'))?.get('category') ?? null;
		},
		odd: async (to) => {
			const iq = stx`<iq xmlns="jabber:client" type="get" to="${to}">
				<query xmlns="urn:example:no-such"/></iq>`;
			return (await api.sendIQ(iq, undefined, false)).getAttribute('type');
		},
		say: async (jid, list) => {
			const chat = await api.chats.open(jid, {}, true);
			for (const body of list) await chat.sendMessage({ body });
		},
		heard: async (jid) => {
			const chat = await api.chats.get(jid);
			return chat ? texts(chat, 'them') : [];
		},
		enter: async (jid, nick) => {
			await api.rooms.open(jid, { nick }, true);
		},
		inside: async (jid) => {
			const room = await api.rooms.get(jid);
			return room.session.get('connection_status') === converse.ROOMSTATUS.ENTERED
				? room.occupants.length : 0;
		},
		sayInRoom: async (jid, body) => (await api.rooms.get(jid)).sendMessage({ body }),
		heardInRoom: async (jid) => (await api.rooms.get(jid)).messages
			.filter((m) => m.get('type') === 'groupchat' && m.get('body'))
			.map((m) => `${m.get('nick')}: ${m.get('body')}`),
		errors: () => seen.filter((e) => sizzle('> error', e).length && e.localName === 'message').length,
		leave: async () => {
			await api.user.logout();
			return 'logout';
		},
	};
}

window.start = (o) => new Promise((resolve) => {
	converse.plugins.add('fairlead', {
		dependencies: ['converse-chat', 'converse-muc', 'converse-roster', 'converse-disco'],
		initialize() {
			window.person = person(this._converse);
			resolve(Strophe.VERSION ?? true);
		},
	});
	const key = o.transport === 'bosh' ? 'bosh_service_url' : 'websocket_url';
	converse.initialize({
		...(o.service ? { [key]: o.service } : {}),
		assets_path: ASSETS, authentication: 'login', auto_login: true, jid: o.jid,
		password: o.password, auto_reconnect: false, auto_subscribe: true, auto_away: 0,
		allow_non_roster_messaging: Boolean(o.strangers),
		blacklisted_plugins: ['converse-omemo', 'converse-omemo-views'],
		discover_connection_methods: !o.service, i18n: 'en', loglevel: 'warn', play_sounds: false,
		persistent_store: 'sessionStorage', show_desktop_notifications: false,
		view_mode: 'fullscreen', whitelisted_plugins: ['fairlead'],
	});
});
