// Answers an application that asks whether the sign-in of this browser has changed (OpenID Connect Session Management 1.0
// §3.2). The page has the name of the cookie. It is plain ES5, with a SHA-256 of its own: crypto.subtle exists in secure
// contexts alone, and an application in development has none, nor do the browsers without a screen that test suites drive.
(function () {
	"use strict";
	var cookie = document.documentElement.getAttribute("data-cookie") + "=";

	function state() {
		var all = document.cookie.split("; ");
		for (var i = 0; i < all.length; i++) {
			if (all[i].indexOf(cookie) === 0) return all[i].slice(cookie.length);
		}
		return "";
	}

	// The constants are the first 32 bits of the fractional parts of the roots of primes (FIPS 180-4 §4.2.2, §5.3.3).
	var constants = [], initial = [];
	for (var n = 2; constants.length < 64; n++) {
		var prime = true;
		for (var d = 2; d * d <= n && prime; d++) prime = n % d !== 0;
		if (!prime) continue;
		if (initial.length < 8) initial.push(fraction(Math.pow(n, 1 / 2)));
		constants.push(fraction(Math.pow(n, 1 / 3)));
	}

	function fraction(root) {
		return ((root - Math.floor(root)) * 4294967296) | 0;
	}

	function turned(word, by) {
		return (word >>> by) | (word << (32 - by));
	}

	// compress mixes a block of 16 words into the hash (FIPS 180-4 §6.2.2).
	function compress(hash, block) {
		var w = block.slice(), v = hash.slice(), i, x, y;
		for (i = 16; i < 64; i++) {
			x = w[i - 15];
			y = w[i - 2];
			w[i] = (w[i - 16] + w[i - 7] + (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) + (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10))) | 0;
		}
		for (i = 0; i < 64; i++) {
			x = (v[7] + (turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[i] + w[i]) | 0;
			y = ((turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))) | 0;
			v = [(x + y) | 0, v[0], v[1], v[2], (v[3] + x) | 0, v[4], v[5], v[6]];
		}
		for (i = 0; i < 8; i++) hash[i] = (hash[i] + v[i]) | 0;
	}

	function sha256(text) {
		var bytes = unescape(encodeURIComponent(text)), words = [], hash = initial.slice(), hex = "", i;
		for (i = 0; i < bytes.length; i++) words[i >> 2] |= bytes.charCodeAt(i) << (24 - (i % 4) * 8);
		words[bytes.length >> 2] |= 128 << (24 - (bytes.length % 4) * 8);
		var end = (((bytes.length + 8) >> 6) + 1) * 16;
		for (i = 0; i < end; i++) words[i] |= 0;
		words[end - 1] = bytes.length * 8;
		for (i = 0; i < end; i += 16) compress(hash, words.slice(i, i + 16));
		for (i = 0; i < 8; i++) hex += ("0000000" + (hash[i] >>> 0).toString(16)).slice(-8);
		return hex;
	}

	window.addEventListener("message", function (event) {
		var answer = "error", asked = String(event.data).split(" ");
		var salt = asked.length === 2 && asked[0] ? asked[1].split(".")[1] : "";
		if (salt) {
			var now = sha256(asked[0] + " " + event.origin + " " + state() + " " + salt) + "." + salt;
			answer = now === asked[1] ? "unchanged" : "changed";
		}
		event.source.postMessage(answer, event.origin);
	}, false);
})();
