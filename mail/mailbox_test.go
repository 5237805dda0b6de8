package mail

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/templates"
)

func TestMailbox(t *testing.T) {
	now := time.Date(2026, 12, 4, 14, 32, 0, 0, time.UTC)
	var told []string
	box := &Mailbox{Now: func() time.Time { return now }, Size: 2, OnReceive: func(m Received) { told = append(told, m.ID) }}
	for _, subject := range []string{"first", "second", "third"} {
		if err := box.Send(t.Context(), Message{To: "nina@example.com", Subject: subject}); err != nil {
			t.Fatal(err)
		}
	}
	want := []Received{
		{Message{To: "nina@example.com", Subject: "third"}, "3", now},
		{Message{To: "nina@example.com", Subject: "second"}, "2", now},
	}
	if diff := cmp.Diff(want, box.Messages()); diff != "" {
		t.Errorf("Messages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, told); diff != "" {
		t.Errorf("told of (-want +got):\n%s", diff)
	}
	if m, ok := box.Message("2"); !ok || m.Subject != "second" {
		t.Errorf(`Message("2") = %v, %v, want the second`, m, ok)
	}
	if m, ok := box.Message("1"); ok {
		t.Errorf(`Message("1") = %v, want none: it was dropped`, m)
	}
}

func TestMailboxConcurrently(t *testing.T) {
	box := &Mailbox{Now: time.Now, Size: 10}
	var senders sync.WaitGroup
	for i := range 50 {
		senders.Go(func() {
			if err := box.Send(t.Context(), Message{Subject: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
			box.Messages()
		})
	}
	senders.Wait()
	messages := box.Messages()
	if len(messages) != 10 || messages[0].ID != "50" || messages[9].ID != "41" {
		t.Errorf("Messages = %d from %s to %s, want 10 from 50 to 41", len(messages), messages[0].ID, messages[len(messages)-1].ID)
	}
}

func TestCompose(t *testing.T) {
	mail := templates.MailVerifyEmail{
		Letterhead: templates.Letterhead{To: "nina@example.com", Application: "Acme Web", AskedAt: time.Date(2026, 12, 4, 14, 32, 0, 0, time.UTC)},
		Code:       "482913", Valid: 10 * time.Minute, Link: "https://id.example/verify-email?code=482913",
	}
	m, err := Compose(mail)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := templates.RenderMail(mail)
	if err != nil {
		t.Fatal(err)
	}
	want := Message{To: "nina@example.com", Subject: "Verify your email, Acme Web", Text: rendered.Text, HTML: rendered.HTML, Code: "482913"}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("Compose (-want +got):\n%s", diff)
	}
}
