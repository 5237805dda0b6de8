package fault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKind(t *testing.T) {
	for _, test := range []struct {
		kind   Kind
		name   string
		status int
	}{
		{Internal, "internal", 500},
		{Invalid, "invalid", 400},
		{Unauthenticated, "unauthenticated", 401},
		{Forbidden, "forbidden", 403},
		{NotFound, "not_found", 404},
		{Conflict, "conflict", 409},
		{TooMany, "too_many", 429},
		{Unavailable, "unavailable", 503},
		{Unavailable + 1, "internal", 500},
		{-1, "internal", 500},
	} {
		if got := test.kind.String(); got != test.name {
			t.Errorf("Kind(%d).String() = %q, want %q", test.kind, got, test.name)
		}
		if got := test.kind.Status(); got != test.status {
			t.Errorf("%v.Status() = %d, want %d", test.kind, got, test.status)
		}
	}
}

func TestConstructors(t *testing.T) {
	for _, test := range []struct {
		got, want *Error
	}{
		{Invalidf("redirect_uris/0", "must be https, not %q", "ftp"), &Error{Kind: Invalid, Field: "redirect_uris/0", Message: `must be https, not "ftp"`}},
		{Unauthenticatedf("the API key is %s", "revoked"), &Error{Kind: Unauthenticated, Message: "the API key is revoked"}},
		{Forbiddenf("the scope %s is missing", "users:read"), &Error{Kind: Forbidden, Message: "the scope users:read is missing"}},
		{NotFoundf("there is no application %s", "app_1"), &Error{Kind: NotFound, Message: "there is no application app_1"}},
		{Conflictf("name", "%s is taken", "Web"), &Error{Kind: Conflict, Field: "name", Message: "Web is taken"}},
		{TooManyf(time.Minute, "%d tries", 10), &Error{Kind: TooMany, RetryAfter: time.Minute, Message: "10 tries"}},
		{Unavailablef(time.Second, "no database"), &Error{Kind: Unavailable, RetryAfter: time.Second, Message: "no database"}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestErrorTellsAllToTheLog(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{NotFoundf("no such user"), "no such user"},
		{Invalidf("email", "is no address"), "email: is no address"},
		{Invalidf("email", "is no address").WithCause(io.EOF), "email: is no address: EOF"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("Error() = %q, want %q", got, test.want)
		}
	}
}

func TestOf(t *testing.T) {
	taken := Conflictf("name", "is taken")
	forbidden := Forbiddenf("no").WithCause(taken)
	for _, test := range []struct {
		name string
		err  error
		want *Error
	}{
		{"nil", nil, nil},
		{"itself", taken, taken},
		{"wrapped", fmt.Errorf("create application: %w", taken), taken},
		{"joined", errors.Join(io.EOF, taken), taken},
		{"the outermost of two", fmt.Errorf("create: %w", forbidden), forbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Of(test.err); got != test.want {
				t.Errorf("Of(%v) = %v, want %v", test.err, got, test.want)
			}
		})
	}
}

func TestOfHidesForeignErrors(t *testing.T) {
	err := fmt.Errorf("save: %w", errors.New(`pq: duplicate key "applications_name"`))
	got := Of(err)
	if got.Kind != Internal || got.Field != "" || got.Message != "internal error" || got.Cause != err {
		t.Errorf("Of(%v) = %+v, want an Internal error that says no more than that, and its cause", err, got)
	}
}

func TestAll(t *testing.T) {
	name, email := Invalidf("name", "is empty"), Invalidf("email", "is no address").WithCause(io.EOF)
	for _, test := range []struct {
		name string
		err  error
		want []*Error
	}{
		{"nil", nil, nil},
		{"one", name, []*Error{name}},
		{"wrapped", fmt.Errorf("sign up: %w", name), []*Error{name}},
		{"joined, wrapped and joined again", errors.Join(fmt.Errorf("sign up: %w", errors.Join(name, nil)), email), []*Error{name, email}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := All(test.err); !slices.Equal(got, test.want) {
				t.Errorf("All(%v) = %v, want %v", test.err, got, test.want)
			}
		})
	}
	got := All(errors.Join(name, fmt.Errorf("save: %w", io.EOF)))
	if len(got) != 2 || got[0] != name || got[1].Kind != Internal {
		t.Errorf("All = %v, want the mistake and an Internal error", got)
	}
}

func TestIs(t *testing.T) {
	errNotFound := NotFoundf("no such application")
	for _, test := range []struct {
		name        string
		err, target error
		want        bool
	}{
		{"a sentinel is itself", errNotFound, errNotFound, true},
		{"wrapped", fmt.Errorf("rotate: %w", errNotFound), errNotFound, true},
		{"with a cause", errNotFound.WithCause(fs.ErrNotExist), errNotFound, true},
		{"with a field", errNotFound.WithField("application"), errNotFound, true},
		{"its cause", errNotFound.WithCause(fs.ErrNotExist), fs.ErrNotExist, true},
		{"its kind", errNotFound, &Error{Kind: NotFound}, true},
		{"another kind", errNotFound, &Error{Kind: Conflict}, false},
		{"another thing of the kind", errNotFound, NotFoundf("no such user"), false},
		{"another field", Invalidf("name", "too long"), Invalidf("email", "too long"), false},
		{"a foreign error", errNotFound, io.EOF, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := errors.Is(test.err, test.target); got != test.want {
				t.Errorf("errors.Is(%v, %v) = %v, want %v", test.err, test.target, got, test.want)
			}
		})
	}
}

func TestCopiesLeaveTheSentinelAlone(t *testing.T) {
	sentinel := NotFoundf("no such application")
	_ = sentinel.WithCause(io.EOF)
	_ = sentinel.WithField("id")
	if diff := cmp.Diff(NotFoundf("no such application"), sentinel); diff != "" {
		t.Errorf("the sentinel changed (-want +got):\n%s", diff)
	}
}

func TestRetryAfterSeconds(t *testing.T) {
	for _, test := range []struct {
		after time.Duration
		want  int
	}{
		{0, 0},
		{-time.Second, 0},
		{1, 1}, // a client told 0 would come back too early
		{time.Second, 1},
		{time.Second + 1, 2},
		{time.Minute, 60},
	} {
		if got := TooManyf(test.after, "slow down").RetryAfterSeconds(); got != test.want {
			t.Errorf("RetryAfterSeconds of %v = %d, want %d", test.after, got, test.want)
		}
	}
}
