// Copies the text of the element that data-copies names. Without script the text selects itself on one click.

for (const button of document.querySelectorAll("button[data-copies]")) {
	const source = document.getElementById(button.dataset.copies);
	const label = button.textContent;
	button.hidden = false;
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(source.textContent.trim());
		} catch {
			getSelection().selectAllChildren(source); // no permission: what is left is one key to press
			return;
		}
		button.textContent = button.dataset.done;
		setTimeout(() => {
			button.textContent = label;
		}, 2000);
	});
}
