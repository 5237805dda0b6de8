package api

import (
	"context"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
)

const tagOperators = "Operators"

func (a *API) registerOperators() {
	read, write := clients.ScopeReadOperators, clients.ScopeWriteOperators
	register(a, operation{
		id: "list-operators", at: "GET /operators", tag: tagOperators, needs: read, operators: true,
		summary: "List operators", description: "All of them, the oldest first.",
	}, a.listOperators)
	register(a, operation{
		id: "create-operator", at: "POST /operators", tag: tagOperators, needs: write, operators: true, creates: true,
		summary: "Make an operator", description: "The answer has the link by which a password is chosen, once within seven days. It is shown this once, and not mailed.",
	}, a.createOperator)
	register(a, operation{
		id: "get-operator", at: "GET /operators/{operator_id}", tag: tagOperators, needs: read, operators: true, summary: "Read an operator",
	}, a.getOperator)
	register(a, operation{
		id: "update-operator", at: "PATCH /operators/{operator_id}", tag: tagOperators, needs: write, operators: true,
		summary: "Give an operator another role", description: "It counts from the next request on. The last owner stays one.",
	}, a.updateOperator)
	register(a, operation{
		id: "delete-operator", at: "DELETE /operators/{operator_id}", tag: tagOperators, needs: write, operators: true,
		summary: "Take an operator's role", description: "The sessions of the operator end, and the account is disabled. The last owner stays.",
	}, a.deleteOperator)
	register(a, operation{
		id: "create-operator-link", at: "POST /operators/{operator_id}/links", tag: tagOperators, needs: write, operators: true, creates: true,
		summary: "Make another link by which a password is chosen", description: "For one who has not chosen a password. The links before it are worth nothing any more.",
	}, a.createOperatorLink)
}

// Operator is a person who runs the installation.
type Operator struct {
	ID        identity.ID `json:"id" doc:"usr_…: the user of the environment operators."`
	Email     string      `json:"email"`
	Name      string      `json:"name"`
	Role      admin.Role  `json:"role" enum:"viewer,support,admin,owner" doc:"viewer reads, support helps users, admin runs environments and applications, owner decides who runs the installation."`
	Invited   bool        `json:"invited" doc:"Whether no password was chosen yet."`
	CreatedAt time.Time   `json:"created_at"`
}

func operatorOf(o admin.Operator) Operator {
	return Operator{ID: o.User, Email: o.Email, Name: o.Name, Role: o.Role, Invited: o.Invited, CreatedAt: o.CreatedAt}
}

// InvitedOperator is an operator with a link, the only time that anyone sees it.
type InvitedOperator struct {
	Operator
	SetupURL  string    `json:"setup_url" doc:"Where the password is chosen, once."`
	ExpiresAt time.Time `json:"expires_at" doc:"When the link expires."`
}

// NewOperator is an operator to be.
type NewOperator struct {
	Email string     `json:"email" maxLength:"254" doc:"To sign in with."`
	Name  string     `json:"name,omitempty" maxLength:"200" doc:"The full name."`
	Role  admin.Role `json:"role,omitempty" enum:"viewer,support,admin,owner" doc:"viewer if not given."`
}

// OperatorChange is what PATCH takes.
type OperatorChange struct {
	Role admin.Role `json:"role" enum:"viewer,support,admin,owner"`
}

// OneOperator is the path of an operator.
type OneOperator struct {
	OperatorID identity.ID `path:"operator_id" doc:"usr_…"`
}

// listOperators serves GET /operators.
func (a *API) listOperators(ctx context.Context, _ *struct{}) (*reply[list[Operator]], error) {
	all, err := a.Operators.List(ctx)
	if err != nil {
		return nil, err
	}
	return whole(all, operatorOf), nil
}

// invited is an answer about an operator with a link.
type invited struct {
	Location string `header:"Location" doc:"Where the operator is read."`
	Body     InvitedOperator
}

// createOperator serves POST /operators. The reply shows the link once.
func (a *API) createOperator(ctx context.Context, in *struct{ body[NewOperator] }) (*invited, error) {
	role := in.sent.Role
	if role == "" {
		role = admin.Viewer
	}
	user, token, err := a.Setup.Invite(ctx, admin.Invitation{Name: in.sent.Name, Email: in.sent.Email, Role: role})
	if err != nil {
		return nil, err
	}
	return a.invited(ctx, user.ID, token)
}

// createOperatorLink serves POST /operators/{operator_id}/links. The reply shows the link once.
func (a *API) createOperatorLink(ctx context.Context, in *struct{ OneOperator }) (*invited, error) {
	token, err := a.Setup.NewLink(ctx, in.OperatorID)
	if err != nil {
		return nil, err
	}
	return a.invited(ctx, in.OperatorID, token)
}

func (a *API) invited(ctx context.Context, id identity.ID, token string) (*invited, error) {
	o, err := a.Operators.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return &invited{a.at(environments.FromContext(ctx), "operators", string(id)), InvitedOperator{
		Operator: operatorOf(*o), SetupURL: a.PublicURL.JoinPath("setup").String() + "?token=" + token,
		ExpiresAt: a.Now().UTC().Add(admin.InviteLinkLifetime).Truncate(time.Second),
	}}, nil
}

// getOperator serves GET /operators/{operator_id}.
func (a *API) getOperator(ctx context.Context, in *struct{ OneOperator }) (*reply[Operator], error) {
	o, err := a.Operators.Get(ctx, in.OperatorID)
	if err != nil {
		return nil, err
	}
	return &reply[Operator]{operatorOf(*o)}, nil
}

// updateOperator serves PATCH /operators/{operator_id}.
func (a *API) updateOperator(ctx context.Context, in *struct {
	OneOperator
	body[OperatorChange]
}) (*reply[Operator], error) {
	if err := a.Operators.SetRole(ctx, in.OperatorID, in.sent.Role); err != nil {
		return nil, err
	}
	return a.getOperator(ctx, &struct{ OneOperator }{in.OneOperator})
}

// deleteOperator serves DELETE /operators/{operator_id}.
func (a *API) deleteOperator(ctx context.Context, in *struct{ OneOperator }) (*struct{}, error) {
	return nil, a.Operators.Remove(ctx, in.OperatorID)
}
