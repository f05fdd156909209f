// A small chat: one screen to log in, one to talk to one person. All of XMPP is in connection.js.
import { useEffect, useRef, useState } from 'react';
import { AppState, Button, FlatList, KeyboardAvoidingView, SafeAreaView, StyleSheet, Text,
	TextInput } from 'react-native';
import { connect } from './connection';

const SERVICE = 'wss://chat.example.org/xmpp-websocket';
const WORDS = { connecting: 'connecting', online: 'online as', away: 'no connection; trying again',
	refused: 'not let in:', offline: '' };

function Field(props) {
	return <TextInput style={styles.field} autoCapitalize="none" autoCorrect={false} {...props} />;
}

function Login({ onLogin }) {
	const [address, setAddress] = useState('');
	const [password, setPassword] = useState('');
	return (
		<>
			<Field placeholder="alice@example.org" keyboardType="email-address"
				value={address} onChangeText={setAddress} />
			<Field placeholder="password" secureTextEntry value={password} onChangeText={setPassword} />
			<Button title="Log in" disabled={!address.includes('@') || !password}
				onPress={() => onLogin(address.trim(), password)} />
		</>
	);
}

function Talk({ messages, onSend, onLeave }) {
	const [to, setTo] = useState('');
	const [text, setText] = useState('');
	return (
		<>
			<Field placeholder="to: bob@example.org" keyboardType="email-address"
				value={to} onChangeText={setTo} />
			<FlatList style={styles.list} data={messages} keyExtractor={(m) => m.key}
				renderItem={({ item }) => (
					<Text style={item.from ? styles.theirs : styles.mine}>
						{item.from ? `${item.from.split('/')[0]}: ` : ''}{item.text}{item.sent ? ' ✓' : ''}
					</Text>
				)} />
			<Field placeholder="message" value={text} onChangeText={setText} />
			<Button title="Send" disabled={!to.includes('@') || !text}
				onPress={() => {
					onSend(to.trim(), text);
					setText('');
				}} />
			<Button title="Log out" onPress={onLeave} />
		</>
	);
}

export default function App() {
	const connection = useRef(null);
	const [state, setState] = useState(['offline', '']);
	const [messages, setMessages] = useState([]);

	// The connection may have died while the app was in the background.
	useEffect(() => {
		const listener = AppState.addEventListener('change', (now) => {
			if (now === 'active') connection.current?.wake();
		});
		return () => listener.remove();
	}, []);

	const logIn = (address, password) => {
		const [username, domain] = address.split('@');
		connection.current = connect({
			service: SERVICE, domain, username, password,
			onState: (name, words = '') => setState([name, words]),
			onMessage: (m) => setMessages((all) => [...all, { ...m, key: `${all.length}` }]),
			onSent: (id) => setMessages((all) => all.map((m) => (m.id === id ? { ...m, sent: true } : m))),
		});
	};
	const send = (to, text) => {
		const id = connection.current.send(to, text);
		setMessages((all) => [...all, { id, text, key: `${all.length}` }]);
	};

	const [name, words] = state;
	return (
		<SafeAreaView style={styles.screen}>
			<KeyboardAvoidingView style={styles.screen} behavior="padding">
				<Text style={styles.state}>{WORDS[name]} {words}</Text>
				{name === 'offline' || name === 'refused'
					? <Login onLogin={logIn} />
					: <Talk messages={messages} onSend={send} onLeave={() => connection.current.stop()} />}
			</KeyboardAvoidingView>
		</SafeAreaView>
	);
}

const styles = StyleSheet.create({
	screen: { flex: 1, padding: 8 },
	state: { minHeight: 24, textAlign: 'center' },
	field: { borderWidth: 1, borderColor: '#888', borderRadius: 6, padding: 10, marginVertical: 4 },
	list: { flex: 1 },
	mine: { alignSelf: 'flex-end', padding: 6 },
	theirs: { alignSelf: 'flex-start', padding: 6 },
});
