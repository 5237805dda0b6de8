// Moves on when another tab has finished the sign-in. A step already done redirects to the current one, so
// a redirect says that there is somewhere to go.

document.addEventListener("visibilitychange", async () => {
	if (document.visibilityState !== "visible") {
		return;
	}
	try {
		const answer = await fetch(location.href, { redirect: "manual", cache: "no-store" });
		if (answer.type === "opaqueredirect") {
			location.reload();
		}
	} catch {
		// Not reachable now; the next submit finds out.
	}
});
