package dashboard

import (
	"net/http"

	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/mail"
	"github.com/portico-id/portico/templates"
)

func entry(m mail.Received) templates.MailboxEntry {
	return templates.MailboxEntry{ID: m.ID, To: m.To, Subject: m.Subject, Code: m.Code, At: m.At}
}

// showMailbox serves GET /dev/mailbox: all mail of local mode, which goes nowhere else.
func (h *Handler) showMailbox(w http.ResponseWriter, r *http.Request) error {
	page := templates.Mailbox{Chrome: h.chrome(r)}
	for _, m := range h.Mailbox.Messages() {
		page.Messages = append(page.Messages, entry(m))
	}
	return templates.Render(w, http.StatusOK, page)
}

// showMessage serves GET /dev/mailbox/{id}.
func (h *Handler) showMessage(w http.ResponseWriter, r *http.Request) error {
	m, err := h.message(r)
	if err != nil {
		return err
	}
	return templates.Render(w, http.StatusOK, templates.MailboxMessage{Chrome: h.chrome(r), MailboxEntry: entry(m), From: m.From, Text: m.Text})
}

// showMessageBody serves GET /dev/mailbox/{id}/html, for a frame.
func (h *Handler) showMessageBody(w http.ResponseWriter, r *http.Request) error {
	m, err := h.message(r)
	if err != nil {
		return err
	}
	return templates.RenderMailBody(w, m.HTML)
}

func (h *Handler) message(r *http.Request) (mail.Received, error) {
	m, known := h.Mailbox.Message(r.PathValue("id"))
	if !known {
		return mail.Received{}, fault.NotFoundf("there is no such message")
	}
	return m, nil
}
