// Follows the page's main link once its frames are loaded, or after a while if one of them is not.

const link = document.querySelector("a[data-leave]");
if (link) {
	const frames = Array.from(document.querySelectorAll("iframe"), (frame) => new Promise((done) => {
		frame.addEventListener("load", done, { once: true });
	}));
	const patience = new Promise((done) => setTimeout(done, 3000));
	Promise.race([Promise.all(frames), patience]).then(() => location.assign(link.href));
}
