package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
)

const tagUsers = "Users"

func (a *API) registerUsers() {
	read, write := clients.ScopeReadUsers, clients.ScopeWriteUsers
	register(a, operation{
		id: "list-users", at: "GET /users", tag: tagUsers, needs: read, summary: "List or search users", description: "The latest made first.",
	}, a.listUsers)
	register(a, operation{
		id: "create-user", at: "POST /users", tag: tagUsers, needs: write, creates: true, summary: "Make a user",
		description: "Without a password the user sets one by a reset. The hash of one, as another system has it (argon2, bcrypt, scrypt, pbkdf2), is upgraded at the next sign-in.",
	}, a.createUser)
	register(a, operation{
		id: "get-user", at: "GET /users/{user_id}", tag: tagUsers, needs: read, summary: "Read a user",
	}, a.getUser)
	register(a, operation{
		id: "update-user", at: "PATCH /users/{user_id}", tag: tagUsers, needs: write, summary: "Change a user", description: "A JSON merge patch (RFC 7396).",
	}, a.updateUser)
	register(a, operation{
		id: "delete-user", at: "DELETE /users/{user_id}", tag: tagUsers, needs: write,
		summary: "Remove a user", description: "With all that belongs to the user: sessions, of whose end applications are told, grants, consents and memberships. The address is free for another user, the ID never is.",
	}, a.deleteUser)
	register(a, operation{
		id: "disable-user", at: "POST /users/{user_id}/disable", tag: tagUsers, needs: write, bodyless: true,
		summary: "Keep a user from signing in", description: "All sessions of the user end at once.",
	}, a.disableUser)
	register(a, operation{
		id: "enable-user", at: "POST /users/{user_id}/enable", tag: tagUsers, needs: write, bodyless: true, summary: "Let a user sign in again",
	}, a.enableUser)
}

// OneUser is the path of a user.
type OneUser struct {
	UserID identity.ID `path:"user_id" doc:"usr_…"`
}

// Reason is why something is done.
type Reason struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for the record."`
}

// newUser is what POST takes.
type newUser struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (newUser) Schema(r huma.Registry) *huma.Schema {
	ref := settingsSchema[identity.Document](r, "NewUser", "A user to be.", "email")
	s := r.SchemaFromRef(ref.Ref)
	longestPassword, longestHash := identity.MaxPasswordLength, identity.MaxHashLength
	s.Properties["password"] = &huma.Schema{Type: huma.TypeString, MaxLength: &longestPassword, Description: "A password, of at least 15 characters unless the installation says otherwise."}
	s.Properties["password_hash"] = &huma.Schema{Type: huma.TypeString, MaxLength: &longestHash, Description: "The hash of a password, in place of a password."}
	s.PrecomputeMessages()
	return ref
}

// userPatch is a JSON merge patch of a user.
type userPatch struct{ clients.Patch }

// Schema implements huma.SchemaProvider.
func (userPatch) Schema(r huma.Registry) *huma.Schema {
	return settingsSchema[identity.Document](r, "UserPatch", patchDescription)
}

// listUsers serves GET /users.
func (a *API) listUsers(ctx context.Context, in *struct {
	Page
	Search string          `query:"search" maxLength:"200" doc:"Beginnings of words of the name or the address, all of which must fit, or an ID."`
	Status identity.Status `query:"status" enum:"active,disabled" doc:"Only users who are so."`
}) (*reply[list[identity.Reply]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	q := identity.Query{Text: in.Search, Status: in.Status, Older: identity.ID(after), Limit: in.Limit}
	all, more, err := a.Users.Search(ctx, environments.FromContext(ctx).ID, q)
	if err != nil {
		return nil, err
	}
	return pageOf(all, more, func(u *identity.User) string { return string(u.ID) }, (*identity.User).Reply), nil
}

func userReply(u *identity.User) *versioned[identity.Reply] {
	return &versioned[identity.Reply]{etag(u.UpdatedAt), u.Reply()}
}

// createUser serves POST /users.
func (a *API) createUser(ctx context.Context, in *struct{ body[newUser] }) (*created[identity.Reply], error) {
	env := environments.FromContext(ctx)
	var wanted struct {
		identity.Document
		Password     string `json:"password"`
		PasswordHash string `json:"password_hash"`
	}
	if err := in.sent.Merge(&wanted); err != nil {
		return nil, err
	}
	u, err := a.Users.Create(ctx, env.ID, identity.NewUser{
		Email: wanted.Email, EmailVerified: wanted.EmailVerified, Profile: wanted.OwnProfile(), Password: wanted.Password, PasswordHash: wanted.PasswordHash,
	})
	if err != nil {
		return nil, err
	}
	return &created[identity.Reply]{a.at(env, "users", string(u.ID)), etag(u.UpdatedAt), u.Reply()}, nil
}

// getUser serves GET /users/{user_id}.
func (a *API) getUser(ctx context.Context, in *struct{ OneUser }) (*versioned[identity.Reply], error) {
	u, err := a.Users.Get(ctx, environments.FromContext(ctx).ID, in.UserID)
	if err != nil {
		return nil, err
	}
	return userReply(u), nil
}

// updateUser serves PATCH /users/{user_id}.
func (a *API) updateUser(ctx context.Context, in *struct {
	OneUser
	Precondition
	body[userPatch]
}) (*versioned[identity.Reply], error) {
	if err := a.notOperator(ctx, in.UserID); err != nil {
		return nil, err
	}
	env := environments.FromContext(ctx).ID
	var updated *identity.User
	err := a.holding(ctx, in.Precondition, a.lockUser(env, in.UserID, in.Precondition), func(ctx context.Context) (err error) {
		updated, err = a.Users.Update(ctx, env, in.UserID, func(d *identity.Document) error { return in.sent.Merge(d) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return userReply(updated), nil
}

func (a *API) lockUser(env environments.ID, id identity.ID, p Precondition) func(context.Context) error {
	return func(ctx context.Context) error {
		return a.Users.Store.UpdateUser(ctx, env, id, func(_ context.Context, u *identity.User) error { return p.holds(u.UpdatedAt) })
	}
}

// deleteUser serves DELETE /users/{user_id}.
func (a *API) deleteUser(ctx context.Context, in *struct {
	OneUser
	Precondition
}) (*struct{}, error) {
	env := environments.FromContext(ctx).ID
	return nil, a.holding(ctx, in.Precondition, a.lockUser(env, in.UserID, in.Precondition), func(ctx context.Context) error {
		return a.Users.Delete(ctx, env, in.UserID, "")
	})
}

// disableUser serves POST /users/{user_id}/disable.
func (a *API) disableUser(ctx context.Context, in *struct {
	OneUser
	body[Reason]
}) (*versioned[identity.Reply], error) {
	return a.setStatus(ctx, in.UserID, identity.Disabled, in.sent)
}

// enableUser serves POST /users/{user_id}/enable.
func (a *API) enableUser(ctx context.Context, in *struct {
	OneUser
	body[Reason]
}) (*versioned[identity.Reply], error) {
	return a.setStatus(ctx, in.UserID, identity.Active, in.sent)
}

func (a *API) setStatus(ctx context.Context, id identity.ID, status identity.Status, why Reason) (*versioned[identity.Reply], error) {
	if err := a.notOperator(ctx, id); err != nil {
		return nil, err
	}
	u, err := a.Users.SetStatus(ctx, environments.FromContext(ctx).ID, id, status, why.Reason)
	if err != nil {
		return nil, err
	}
	return userReply(u), nil
}

// notOperator refuses to change who runs the installation. Whoever may give an owner another address can become her.
func (a *API) notOperator(ctx context.Context, id identity.ID) error {
	operator, err := a.Users.Store.IsOperator(ctx, environments.FromContext(ctx).ID, id)
	if err == nil && operator {
		err = errIsOperator
	}
	return err
}
