package dashboard

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/templates"
)

// metadataLines has a line KEY=VALUE for each of the metadata.
func metadataLines(metadata map[string]string) (all []string) {
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		all = append(all, metadataLine(key, metadata[key]))
	}
	return all
}

func metadataLine(key, value string) string { return key + "=" + value }

// readMetadata is what the lines of a form say. A key may have = in it and spaces around it, which nobody can tell from a line:
// one that was shown of the metadata before keeps its key.
func readMetadata(text string, before map[string]string) (map[string]string, []templates.FieldError) {
	shown := map[string]string{}
	for key, value := range before {
		shown[metadataLine(key, value)] = key
	}
	metadata := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if kept, is := shown[line]; is {
			key, value = kept, before[kept]
		} else if strings.TrimSpace(line) == "" {
			continue
		}
		if _, twice := metadata[key]; !ok || key == "" || twice {
			return nil, []templates.FieldError{{Field: "metadata", Text: templates.TextNoPair(line)}}
		}
		metadata[key] = value
	}
	return metadata, nil
}

// saveNotes serves POST /admin/env/{env}/applications/{app}/notes: what operators note of an application. The name of one that
// people sign in to is changed with its look.
func (h *Handler) saveNotes(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	form := r.PostForm
	notes := templates.ApplicationNotes{
		DisplayName: app.Name, Description: strings.TrimSpace(strings.ReplaceAll(form.Get("description"), "\r\n", "\n")), Metadata: form.Get("metadata"),
	}
	if !app.HasUsers() {
		notes.DisplayName = strings.TrimSpace(form.Get("name"))
	}
	var wrong []templates.FieldError
	if notes.DisplayName == "" {
		wrong = append(wrong, templates.FieldError{Field: "name", Text: templates.TextNoName})
	}
	metadata, unread := readMetadata(notes.Metadata, app.Metadata)
	wrong = append(wrong, unread...)
	if len(wrong) == 0 {
		var err error
		wrong, err = h.change(r, v, app, "description", func(a *clients.Application) error {
			a.Name, a.Description, a.Metadata = notes.DisplayName, notes.Description, metadata
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(wrong) == 0 {
		return to(w, r, v.atApplication(app, "", "notice", "saved"))
	}
	page, err := h.overviewPage(r, v, app)
	if err != nil {
		return err
	}
	if err := h.renew(r, v, &page.ApplicationPage); err != nil {
		return err
	}
	for i := range wrong {
		if field := &wrong[i].Field; *field != "name" && *field != "description" {
			*field = "metadata"
		}
	}
	page.Notes, page.Errors = notes, wrong
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}
