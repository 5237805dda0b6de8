// Improves forms: no second submit, showing a password, waiting before a new code. Each does nothing where it isn't asked for.

for (const form of document.forms) {
	form.addEventListener("submit", (event) => {
		if ("submitting" in form.dataset) {
			event.preventDefault();
			return;
		}
		form.dataset.submitting = "";
		const button = event.submitter;
		if (button instanceof HTMLButtonElement) {
			button.setAttribute("aria-disabled", "true");
			if (button.dataset.busy) {
				button.dataset.idle = button.textContent;
				button.textContent = button.dataset.busy;
			}
		}
	});
}

// Back may show the page as it was left.
addEventListener("pageshow", () => {
	for (const form of document.forms) {
		delete form.dataset.submitting;
	}
	for (const button of document.querySelectorAll("button[aria-disabled]:not([data-wait])")) {
		button.removeAttribute("aria-disabled");
		if (button.dataset.idle) {
			button.textContent = button.dataset.idle;
			delete button.dataset.idle;
		}
	}
});

for (const button of document.querySelectorAll("button[data-shows]")) {
	const input = document.getElementById(button.dataset.shows);
	const show = (visible) => {
		input.type = visible ? "text" : "password";
		button.setAttribute("aria-pressed", String(visible));
	};
	button.hidden = false;
	button.addEventListener("click", () => {
		show(input.type === "password");
		input.focus();
	});
	// A password that is shown is sent as one, so that password managers see it.
	input.form.addEventListener("submit", () => show(false));
}

for (const button of document.querySelectorAll("button[data-wait]")) {
	const end = Date.now() + Number(button.dataset.wait) * 1000;
	const label = button.textContent;
	const tick = () => {
		const left = Math.ceil((end - Date.now()) / 1000);
		if (left > 0) {
			button.setAttribute("aria-disabled", "true");
			button.textContent = `${label} (${left})`;
			setTimeout(tick, 1000);
			return;
		}
		button.removeAttribute("aria-disabled");
		delete button.dataset.wait;
		button.textContent = label;
	};
	button.addEventListener("click", (event) => {
		if (button.dataset.wait) {
			event.preventDefault();
		}
	});
	tick();
}
