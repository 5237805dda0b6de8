// Answers an application that asks whether the sign-in of this browser has changed
// (OpenID Connect Session Management 1.0 §3.2). The page has the name of the cookie.
const cookie = document.documentElement.dataset.cookie + "=";

function state() {
	const found = document.cookie.split("; ").find((c) => c.startsWith(cookie));
	return found ? found.slice(cookie.length) : "";
}

async function hash(text) {
	const sum = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
	return Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, "0")).join("");
}

addEventListener("message", async (event) => {
	let answer = "error";
	const [client, claimed, ...more] = String(event.data).split(" ");
	const [, salt] = (claimed ?? "").split(".");
	if (client && salt && more.length === 0) {
		const now = `${await hash(`${client} ${event.origin} ${state()} ${salt}`)}.${salt}`;
		answer = now === claimed ? "unchanged" : "changed";
	}
	event.source.postMessage(answer, event.origin);
});
