// Strophe's BOSH wants the browser's XMLHttpRequest, responseXML included, which xhr2 leaves null.

export async function browserRequests() {
	const { DOMParser } = await import('@xmldom/xmldom');
	const XMLHttpRequest = (await import('xhr2')).default;
	globalThis.XMLHttpRequest = class extends XMLHttpRequest {
		get responseXML() {
			if (this.readyState !== 4 || !this.responseText) return null;
			this.parsed ??= new DOMParser().parseFromString(this.responseText, 'text/xml');
			return this.parsed;
		}

		set responseXML(value) {
			this.parsed = value;
		}
	};
}
