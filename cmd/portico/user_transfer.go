package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server"
)

// importLine is a user to be. What Portico gives is read too, so that an export can be imported, and not looked at.
type importLine struct {
	identity.Document
	Status       identity.Status `json:"status"`
	Password     string          `json:"password"`
	PasswordHash string          `json:"password_hash"`

	ID          json.RawMessage `json:"id"`
	HasPassword json.RawMessage `json:"has_password"`
	CreatedAt   json.RawMessage `json:"created_at"`
	UpdatedAt   json.RawMessage `json:"updated_at"`
}

// importDocument is what import tells.
type importDocument struct {
	Created int            `json:"created"`
	Skipped int            `json:"skipped"` // their addresses were taken
	Failed  []failedLine   `json:"failed"`
	Users   []importedUser `json:"users"`
}

type importedUser struct {
	Line int         `json:"line"`
	ID   identity.ID `json:"id"`
}

type failedLine struct {
	Line   int      `json:"line"`
	Errors []string `json:"errors"`
}

func (c *cli) importUsers() *cobra.Command {
	var file string
	var skip bool
	cmd := c.task("import -f FILE", "Make users of a file of NDJSON", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		from := c.stdin
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			from = f
		}
		d := importDocument{Failed: []failedLine{}, Users: []importedUser{}}
		if err := d.read(ctx, s, env, from, skip); err != nil {
			return err
		}
		for _, failed := range d.Failed {
			for _, mistake := range failed.Errors {
				fmt.Fprintf(c.stderr, "portico: line %d: %s\n", failed.Line, mistake)
			}
		}
		err = c.reply(d, func(w io.Writer) {
			fmt.Fprintf(w, "%d created, %d skipped, %d failed.\n", d.Created, d.Skipped, len(d.Failed))
		})
		if err == nil && len(d.Failed) > 0 {
			err = errSilent
		}
		return err
	})
	cmd.Long = `Make users of a file that has one JSON object a line, with the fields of the management API: email, email_verified, name and so on;
status; and password or password_hash, the hash of another system by argon2, bcrypt, scrypt or pbkdf2 in its usual text form, which is
upgraded at the next sign-in. What an export has besides is not looked at: every user gets a new ID.

A line makes its user whole, or not at all; the others are made anyhow. The exit code is 1 if a line failed.`
	cmd.Example = `  portico user import -f users.ndjson
  echo '{"email": "ada@example.com", "password_hash": "$2b$12$…"}' | portico user import -f - --skip-existing`
	cmd.Flags().StringVarP(&file, "file", "f", "", "the `FILE`; - is standard input")
	cmd.Flags().BoolVar(&skip, "skip-existing", false, "pass over users whose address is taken, so that an import can be repeated")
	_ = cmd.MarkFlagRequired("file") // there is such a flag
	return cmd
}

func (d *importDocument) read(ctx context.Context, s *server.Server, env *environments.Environment, from io.Reader, skip bool) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxDocument)
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		u, err := makeUser(ctx, s, env, text)
		switch {
		case err == nil:
			d.Created++
			d.Users = append(d.Users, importedUser{Line: n, ID: u.ID})
		case skip && errors.Is(err, identity.ErrEmailTaken):
			d.Skipped++
		case fault.Of(err).Kind == fault.Internal:
			return fmt.Errorf("line %d: %w", n, err)
		default:
			d.Failed = append(d.Failed, failedLine{Line: n, Errors: explain(err)})
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fault.Invalidf("", "a line has more than %d bytes", maxDocument)
	}
	return lines.Err()
}

func makeUser(ctx context.Context, s *server.Server, env *environments.Environment, text []byte) (*identity.User, error) {
	var in importLine
	j := json.NewDecoder(bytes.NewReader(text))
	j.DisallowUnknownFields()
	err := j.Decode(&in)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return nil, fault.Invalidf(strings.TrimPrefix(wrong.Field, "Document."), "it can't be a JSON %s", wrong.Value)
	}
	if err == nil && len(bytes.TrimSpace(text[j.InputOffset():])) > 0 {
		err = errors.New("something follows the object")
	}
	if err != nil {
		return nil, fault.Invalidf("", "the line must be one JSON object: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return s.Users.Create(ctx, env.ID, identity.NewUser{
		Email: in.Email, EmailVerified: in.EmailVerified, Profile: in.OwnProfile(), Status: in.Status, Password: in.Password, PasswordHash: in.PasswordHash,
	})
}

func (c *cli) exportUsers() *cobra.Command {
	cmd := c.task("export", "Print the users of an environment as NDJSON, without their passwords", cobra.NoArgs, func(ctx context.Context, s *server.Server, _ []string) error {
		env, err := c.chosen(ctx, s)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(c.stdout)
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		err = eachUser(ctx, s, env, identity.Query{}, func(u *identity.User) error { return e.Encode(u.Reply()) })
		return errors.Join(err, out.Flush())
	})
	cmd.Long = `Print the users of an environment, the latest made first, one JSON object a line: what the management API tells of each. No password and
no hash of one is in it. portico user import reads it.`
	cmd.Flags().Lookup("json").Usage = "print JSON, which is what it does anyhow"
	return cmd
}

// eachUser calls do with all users that the query asks for, the latest made first.
func eachUser(ctx context.Context, s *server.Server, env *environments.Environment, q identity.Query, do func(*identity.User) error) error {
	for q.Limit = 100; ; {
		page, more, err := s.Users.Search(ctx, env.ID, q)
		if err != nil {
			return err
		}
		for _, u := range page {
			if err := do(u); err != nil {
				return err
			}
			q.Older = u.ID
		}
		if !more {
			return nil
		}
	}
}
