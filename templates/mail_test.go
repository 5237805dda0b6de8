package templates

import (
	"testing"
	"time"
)

var letterhead = Letterhead{To: "nina@example.com", Environment: "Acme", Application: "Acme Web", AskedAt: now, AskedPlace: "Berlin", AskedDevice: TextDevice("Firefox", "Windows")}

var mailSamples = map[string]Mail{
	"mail_verify_email":       MailVerifyEmail{Letterhead: letterhead, Code: "482913", Valid: 10 * time.Minute, Link: "https://id.acme.example/verify-email?code=482913&interaction=int_1"},
	"mail_already_registered": MailAlreadyRegistered{Letterhead: letterhead, SignInLink: "https://id.acme.example/sign-in?client_id=acme-web", ResetLink: "https://id.acme.example/password-reset?client_id=acme-web"},
	"mail_password_reset":     MailPasswordReset{Letterhead: inGerman(letterhead), Code: "004217", Valid: 10 * time.Minute, Link: "https://id.acme.example/password-reset?code=004217"},
	"mail_test":               MailTest{Letterhead: Letterhead{To: nina.Email, Environment: "Acme", AskedAt: now}, Link: "https://id.acme.example/account"},
	"mail_password_changed": MailPasswordChanged{ResetLink: "https://id.acme.example/password-reset",
		Letterhead: Letterhead{To: longName.Email, Environment: "Acme <&> Söhne", Accent: "#ffd400", OnAccent: "#000000", AskedAt: now.In(time.FixedZone("CET", 3600))}},
}

func inGerman(l Letterhead) Letterhead {
	l.Language = "de"
	return l
}

func TestMails(t *testing.T) {
	for name, mail := range mailSamples {
		t.Run(name, func(t *testing.T) {
			got, err := RenderMail(mail)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", "To: "+got.To+"\nSubject: "+got.Subject+"\n\n"+got.Text)
			golden(t, name+".html", got.HTML)
		})
	}
}
