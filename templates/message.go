package templates

import "time"

// Message is a text of the catalogue with its values, translated when the page is rendered. The zero Message is no text.
// All of them are made here: by the Text… variables and functions, or by Literal.
type Message struct {
	id      string
	values  values
	literal string
	tone    tone
}

// values fill a message. Durations and times are written in the reader's language; "Count" decides the plural.
type values map[string]any

// tone decides the look of a message that stands alone.
type tone string

const (
	toneInfo    tone = ""
	toneSuccess tone = "success"
)

// IsZero reports whether m is no text.
func (m Message) IsZero() bool { return m.id == "" && m.literal == "" }

// Literal is a text that is shown as it is, in every language.
func Literal(text string) Message { return Message{literal: text} }

// Errors at a field, in the words of every form.
var (
	TextEmailMissing         = Message{id: "problem.email"}
	TextPasswordMissing      = Message{id: "problem.password_missing"}
	TextNewPasswordMissing   = Message{id: "problem.new_password_missing"}
	TextNameMissing          = Message{id: "problem.name_missing"}
	TextCodeMissing          = Message{id: "problem.code_missing"}
	TextWrongPassword        = Message{id: "problem.wrong_password"}         // of a sign-in: address or password
	TextWrongCurrentPassword = Message{id: "problem.wrong_current_password"} // of somebody who is signed in
	TextWrongCode            = Message{id: "problem.wrong_code"}
	TextExpiredCode          = Message{id: "problem.expired_code"}
	TextUsedCode             = Message{id: "problem.used_code"}
	TextPasswordGuessable    = Message{id: "problem.password_guessable"}
	TextPasswordStolen       = Message{id: "problem.password_stolen"}
	TextAccountDisabled      = Message{id: "problem.account_disabled"} // only after correct credentials
	TextOrganizationMissing  = Message{id: "problem.organization_missing"}
	TextPhone                = Message{id: "problem.phone"}
	TextBirthday             = Message{id: "problem.birthday"}
)

// TextTooManyTries says how long to wait. It is rounded up to seconds, minutes or hours.
func TextTooManyTries(wait time.Duration) Message {
	return Message{id: "problem.too_many_tries", values: values{"Wait": roundUp(wait)}}
}

// TextPasswordTooShort names the least number of characters.
func TextPasswordTooShort(min int) Message {
	return Message{id: "problem.password_too_short", values: values{"Count": min}}
}

// TextTooLong names the greatest number of characters of a field.
func TextTooLong(max int) Message {
	return Message{id: "problem.too_long", values: values{"Count": max}}
}

// Notices: what was just done, or why a page is shown.
var (
	TextRestarted          = Message{id: "notice.restarted"}
	TextCodeSent           = Message{id: "notice.code_sent", tone: toneSuccess}
	TextSaved              = Message{id: "notice.saved", tone: toneSuccess}
	TextPasswordChanged    = Message{id: "notice.password_changed", tone: toneSuccess}
	TextSignedOutElsewhere = Message{id: "notice.password_changed_others_ended", tone: toneSuccess}
	TextOthersEnded        = Message{id: "notice.others_ended", tone: toneSuccess}
	TextSessionEndedNow    = Message{id: "notice.session_ended", tone: toneSuccess} // after a button of AccountSessions
)

// TextLeft says that all sessions in an application have ended.
func TextLeft(application string) Message {
	return Message{id: "notice.left", values: values{"Application": application}, tone: toneSuccess}
}

// TextWithdrawn says that an application may no longer use the account.
func TextWithdrawn(application string) Message {
	return Message{id: "notice.withdrawn", values: values{"Application": application}, tone: toneSuccess}
}

// TextSessionEnded says why the person must sign in again. The reason is an ended_reason, after the clock that ran out, if one did.
func TextSessionEnded(application, reason string, after time.Duration) Message {
	clause := because(reason, after)
	if clause.IsZero() {
		return Message{id: "notice.signed_out", values: values{"Application": application}}
	}
	return Message{id: "notice.signed_out_because", values: values{"Application": application, "Because": clause}}
}

// because is the clause of TextSessionEnded and of the list of ended sessions; zero for a reason that needs no words.
func because(reason string, after time.Duration) Message {
	switch reason {
	case "inactivity", "max_length":
		return Message{id: "because." + reason, values: values{"After": after}}
	case "signed_out_everywhere", "revoked_by_operator", "revoked_by_user", "password_reset", "refresh_reuse",
		"membership_deactivated", "user_disabled", "application_disabled", "impersonation_ended":
		return Message{id: "because." + reason}
	}
	return Message{}
}

// TextDevice names a device by what runs on it, such as "Firefox" and "Windows". Either may be ""; both are no text.
func TextDevice(client, system string) Message {
	if client == "" || system == "" {
		return Literal(client + system)
	}
	return Message{id: "device", values: values{"Client": client, "System": system}}
}

// Texts of ErrorPage.
var (
	TextOurFault         = Message{id: "error.our_fault"}
	TextNotFound         = Message{id: "error.not_found"}
	TextExpired          = Message{id: "error.expired"} // an interaction is over and its application unknown
	TextCookies          = Message{id: "error.cookies"} // the browser keeps none
	TextForbidden        = Message{id: "error.forbidden"}
	TextRequestUnusable  = Message{id: "error.request"} // by an application that is not known
	TextSignUpClosed     = Message{id: "error.sign_up_closed"}
	TextSetupLinkUsed    = Message{id: "error.setup_link_used"}
	TextSetupLinkExpired = Message{id: "error.setup_link_expired"}
	TextOtherSite        = Message{id: "error.other_site"} // refused by http.CrossOriginProtection
)

// TextApplicationMistake says that the application sent a request that cannot be used.
func TextApplicationMistake(application string) Message {
	return Message{id: "error.application_mistake", values: values{"Application": application}}
}

// Labels of a Button.
var (
	TextStartAgain  = Message{id: "button.start_again"}
	TextTryAgain    = Message{id: "button.try_again"}
	TextGoToSignIn  = Message{id: "button.sign_in"}
	TextGoToAccount = Message{id: "button.account"}

	TextGoToDashboard = Message{id: "button.dashboard"}
)

// TextContinueTo labels the way on to an application.
func TextContinueTo(application string) Message {
	return Message{id: "button.continue_to", values: values{"Application": application}}
}

// roundUp makes of a wait what a person would say: whole seconds up to a minute, then whole minutes, then whole hours.
func roundUp(d time.Duration) time.Duration {
	unit := time.Second
	switch {
	case d > time.Hour:
		unit = time.Hour
	case d > time.Minute:
		unit = time.Minute
	}
	return max((d + unit - 1).Truncate(unit), time.Second)
}
