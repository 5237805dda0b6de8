// Submits the answer of response_mode=form_post. A classic script, as simple browsers ignore modules.
var form = document.getElementById("form-post");
if (form) {
	form.submit();
}
