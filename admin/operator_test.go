package admin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s returned %v, want %v", what, err, want)
	}
}

// first makes the first operator, as the set-up page does.
func first(t testing.TB, i *servertest.Installation) *identity.User {
	t.Helper()
	token, err := i.Setup.NewToken(t.Context())
	must(t, err)
	user, err := i.Setup.CreateOperator(t.Context(), token, "Olga", "olga@example.com", servertest.Password)
	must(t, err)
	return user
}

func TestFirstOperator(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		ctx := t.Context()
		needed, err := i.Setup.Needed(ctx)
		must(t, err)
		if !needed {
			t.Error("a new installation needs no operator")
		}
		olga := first(t, i)
		operator, err := i.Operators.Get(ctx, olga.ID)
		must(t, err)
		if operator.Role != admin.Owner || operator.Invited {
			t.Errorf("the first operator is %+v, want an owner with a password", operator)
		}
		if needed, err = i.Setup.Needed(ctx); err != nil || needed {
			t.Errorf("Needed = %v, %v after the first", needed, err)
		}
		wantErr(t, "Remove of the last owner", i.Operators.Remove(ctx, olga.ID), admin.ErrLastOwner)
		wantErr(t, "SetRole of the last owner", i.Operators.SetRole(ctx, olga.ID, admin.Viewer), admin.ErrLastOwner)
	})
}

func TestInvite(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		ctx := t.Context()
		first(t, i)
		invitation := admin.Invitation{Name: "Sam", Email: "sam@example.com", Role: admin.Support}
		sam, lost, err := i.Setup.Invite(ctx, invitation)
		must(t, err)
		_, _, err = i.Setup.Invite(ctx, invitation)
		wantErr(t, "Invite of an operator", err, admin.ErrIsOperator)

		token, err := i.Setup.NewLink(ctx, sam.ID)
		must(t, err)
		_, err = i.Setup.Accept(ctx, lost, servertest.Password)
		wantErr(t, "Accept of a link that was replaced", err, admin.ErrSetupToken)
		_, err = i.Setup.CreateOperator(ctx, token, "Sam", "eve@example.com", servertest.Password)
		wantErr(t, "CreateOperator by another's link", err, admin.ErrSetupToken)
		_, err = i.Setup.Accept(ctx, token, "short")
		wantErr(t, "Accept with a short password", err, identity.ErrPasswordTooShort)
		_, err = i.Setup.Accept(ctx, token, servertest.Password)
		must(t, err)
		_, err = i.Setup.Accept(ctx, token, servertest.Password)
		wantErr(t, "Accept for the second time", err, admin.ErrSetupToken)

		operators, err := i.Operators.Environment(ctx)
		must(t, err)
		_, err = i.Users.CheckPassword(ctx, operators.ID, "sam@example.com", servertest.Password)
		must(t, err)
		if _, err = i.Setup.NewLink(ctx, sam.ID); err == nil {
			t.Error("NewLink for somebody with a password returned no error")
		}
	})
}

func TestInviteLinkExpires(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	first(t, i)
	_, token, err := i.Setup.Invite(t.Context(), admin.Invitation{Name: "Sam", Email: "sam@example.com", Role: admin.Viewer})
	must(t, err)
	i.Clock.Set(admin.InviteLinkLifetime - time.Minute)
	_, err = i.Setup.Check(t.Context(), token)
	must(t, err)
	i.Clock.Set(admin.InviteLinkLifetime)
	_, err = i.Setup.Accept(t.Context(), token, servertest.Password)
	wantErr(t, "Accept of an expired link", err, admin.ErrSetupToken)
}

// An operator who was removed can neither go on nor come back, until she is invited again.
func TestRemove(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		ctx := t.Context()
		olga := first(t, i)
		_, token, err := i.Setup.Invite(ctx, admin.Invitation{Name: "Sam", Email: "sam@example.com", Role: admin.Owner})
		must(t, err)
		sam, err := i.Setup.Accept(ctx, token, servertest.Password)
		must(t, err)
		operators, err := i.Operators.Environment(ctx)
		must(t, err)
		_, handle, err := i.Sessions.SignIn(ctx, operators, "", sam, sessions.Authentication{AuthTime: i.Clock.Now()}, true)
		must(t, err)
		must(t, i.Operators.Remove(ctx, sam.ID))

		_, err = i.Operators.Get(ctx, sam.ID)
		wantErr(t, "Get of a removed one", err, admin.ErrNotOperator)
		accounts, err := i.Sessions.Accounts(ctx, operators.ID, handle, "")
		must(t, err)
		if accounts[0].Alive(operators, i.Clock.Now()) {
			t.Error("the operator who was removed is still signed in")
		}
		_, err = i.Users.CheckPassword(ctx, operators.ID, "sam@example.com", servertest.Password)
		wantErr(t, "the password of a removed one", err, identity.ErrDisabled)
		wantErr(t, "Remove of the last owner", i.Operators.Remove(ctx, olga.ID), admin.ErrLastOwner)

		_, _, err = i.Setup.Invite(ctx, admin.Invitation{Name: "Sam", Email: "Sam@example.com", Role: admin.Viewer})
		must(t, err)
		again, err := i.Operators.Get(ctx, sam.ID)
		must(t, err)
		if again.Role != admin.Viewer {
			t.Errorf("invited again as %s, want viewer", again.Role)
		}
	})
}
