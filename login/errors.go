package login

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/templates"
)

// handle puts the person's device into the context and reads the form. It makes a page of an error, once.
func (h *Handler) handle(do func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(audit.WithActor(r.Context(), actor(r)))
		err := r.ParseForm()
		if err != nil {
			err = fault.Invalidf("", "the form cannot be read").WithCause(err)
		} else {
			err = do(w, r)
		}
		if err != nil {
			h.showError(w, r, err)
		}
	})
}

// showError shows the error page, with the reference under which the log has what happened.
func (h *Handler) showError(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	f := fault.Of(err)
	app, _ := h.named(r) // nil where that fails too
	page := templates.ErrorPage{Chrome: h.Chrome(r, app), Text: templates.TextRequestUnusable, Reference: audit.RequestID(ctx)}
	switch f.Kind {
	case fault.Internal, fault.Unavailable:
		page.Text = templates.TextOurFault
		if errors.Is(err, context.Canceled) {
			h.Log.InfoContext(ctx, "the browser did not wait", "err", err)
		} else {
			h.Log.ErrorContext(ctx, "request failed", "err", err)
		}
	case fault.NotFound:
		page = templates.NotFound(page.Chrome)
	case fault.Forbidden:
		page.Text = templates.TextForbidden
	case fault.TooMany:
		page.Text = templates.TextTooManyTries(f.RetryAfter)
		setRetryAfter(w, f)
	}
	if err := templates.Render(w, f.Kind.Status(), page); err != nil {
		h.Log.ErrorContext(ctx, "page not rendered", "err", err)
	}
}

func setRetryAfter(w http.ResponseWriter, f *fault.Error) {
	if seconds := f.RetryAfterSeconds(); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
}

// fields are those of the forms, by what the domain calls them.
var fields = map[string]string{
	"email": "username", "name": "name", "password": "password", "code": "code", "current_password": "current-password",
	"given_name": "given-name", "family_name": "family-name", "phone_number": "tel", "birthdate": "bday",
}

// refused makes of what the domain refused the problems that the form is shown again with, and the status of that answer. What
// names no field of a form belongs to the given one. Errors that aren't the person's are returned.
func (h *Handler) refused(w http.ResponseWriter, err error, field string) (problems []templates.FieldError, status int, other error) {
	status = http.StatusUnprocessableEntity
	for _, f := range fault.All(err) {
		if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
			return nil, 0, err
		}
		if f.Kind == fault.TooMany {
			status = http.StatusTooManyRequests
			setRetryAfter(w, f)
		}
		problem := templates.FieldError{Field: fields[f.Field], Text: h.text(f)}
		if problem.Field == "" {
			problem.Field = field
		}
		problems = append(problems, problem)
	}
	return problems, status, nil
}

// text is what a form says of a mistake.
func (h *Handler) text(f *fault.Error) templates.Message {
	for _, known := range []struct {
		err  error
		text templates.Message
	}{
		{identity.ErrEmailMalformed, templates.TextEmailMissing},
		{identity.ErrWrongPassword, templates.TextWrongPassword},
		{identity.ErrWrongCurrentPassword, templates.TextWrongCurrentPassword},
		{identity.ErrDisabled, templates.TextAccountDisabled},
		{identity.ErrCodeWrong, templates.TextWrongCode},
		{identity.ErrCodeExpired, templates.TextExpiredCode},
		{identity.ErrCodeUsed, templates.TextUsedCode},
		{identity.ErrPasswordGuessable, templates.TextPasswordGuessable},
		{identity.ErrPasswordStolen, templates.TextPasswordStolen},
		{identity.ErrPasswordTooShort, templates.TextPasswordTooShort(h.Users.Passwords.Min())},
		{identity.ErrPasswordTooLong, templates.TextTooLong(identity.MaxPasswordLength)},
	} {
		if errors.Is(f, known.err) {
			return known.text
		}
	}
	switch {
	case f.Kind == fault.TooMany:
		return templates.TextTooManyTries(f.RetryAfter)
	case f.Field == "phone_number":
		return templates.TextPhone
	case f.Field == "birthdate":
		return templates.TextBirthday
	}
	return templates.Literal(f.Message)
}
