package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
)

// Clients implements clients.Store. It notifies "application" of every change, with the environment and the ID: "env_…/app_…".
type Clients struct{ DB *DB }

type applicationRow struct {
	EnvironmentID string `gorm:"primaryKey"`
	ID            string `gorm:"primaryKey"`
	ClientID      string
	Name, Kind    string
	Enabled       bool

	// Of the session policy, for statements on sessions: those whose ID is before SessionsFrom are over.
	InactivityTimeout, MaxSessionLength int64
	SessionsFrom                        string
	PoliciesRetired                     bool // there are some

	Settings  string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	UpdatedAt int64 `gorm:"autoUpdateTime:false"`
	DeletedAt *int64
}

func (applicationRow) TableName() string { return "applications" }

// applicationSettings is the JSON in applications.settings. Durations are in seconds, times in microseconds. A field can come
// and go, but its meaning stays.
type applicationSettings struct {
	Description                       string                  `json:"description,omitempty"`
	LogoURI                           string                  `json:"logo_uri,omitempty"`
	HomepageURI                       string                  `json:"homepage_uri,omitempty"`
	PolicyURI                         string                  `json:"policy_uri,omitempty"`
	TOSURI                            string                  `json:"tos_uri,omitempty"`
	RedirectURIs                      []string                `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs            []string                `json:"post_logout_redirect_uris,omitempty"`
	ExplicitPostLogoutRedirect        bool                    `json:"explicit_post_logout_redirect,omitempty"`
	WildcardRedirects                 bool                    `json:"wildcard_redirects,omitempty"`
	InitiateLoginURI                  string                  `json:"initiate_login_uri,omitempty"`
	InvitationURI                     string                  `json:"invitation_uri,omitempty"`
	PasswordResetURI                  string                  `json:"password_reset_uri,omitempty"`
	BackchannelLogoutURI              string                  `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  bool                    `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI             string                  `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired bool                    `json:"frontchannel_logout_session_required,omitempty"`
	CORSOrigins                       []string                `json:"cors_origins,omitempty"`
	GrantTypes                        []string                `json:"grant_types,omitempty"`
	ResponseTypes                     []string                `json:"response_types,omitempty"`
	Scopes                            []string                `json:"scopes,omitempty"`
	Audiences                         []string                `json:"audiences,omitempty"`
	Identifiers                       []string                `json:"identifiers,omitempty"`
	AccessTokenFormat                 string                  `json:"access_token_format,omitempty"`
	IDTokenSignedResponseAlg          string                  `json:"id_token_signed_response_alg,omitempty"`
	TokenEndpointAuthMethod           string                  `json:"token_endpoint_auth_method,omitempty"`
	JWKS                              json.RawMessage         `json:"jwks,omitempty"`
	JWKSURI                           string                  `json:"jwks_uri,omitempty"`
	RequirePAR                        bool                    `json:"require_par,omitempty"`
	RequireDPoP                       bool                    `json:"require_dpop,omitempty"`
	PKCE                              string                  `json:"pkce,omitempty"`
	Consent                           string                  `json:"consent,omitempty"`
	IntrospectsUnaddressed            bool                    `json:"introspects_unaddressed,omitempty"`
	AccessTokenLifetime               int64                   `json:"access_token_lifetime,omitempty"`
	IDTokenLifetime                   int64                   `json:"id_token_lifetime,omitempty"`
	AuthorizationCodeLifetime         int64                   `json:"authorization_code_lifetime,omitempty"`
	RefreshReuseWindow                int64                   `json:"refresh_reuse_window,omitempty"`
	Activity                          string                  `json:"activity,omitempty"`
	RetiredPolicies                   []retiredPolicySettings `json:"retired_policies,omitempty"`
	Cut                               cutSettings             `json:"cut,omitzero"`
	SignInMethods                     []string                `json:"sign_in_methods,omitempty"`
	ACR                               string                  `json:"acr,omitempty"`
	Allowed                           clients.Allowed         `json:"allowed,omitzero"`
	Branding                          clients.Branding        `json:"branding,omitzero"`
	ClaimsTemplates                   clients.ClaimsTemplates `json:"claims_templates,omitzero"`
	Metadata                          map[string]string       `json:"metadata,omitempty"`
	ManagedBy                         environments.Manager    `json:"managed_by,omitempty"`
}

type retiredPolicySettings struct {
	InactivityTimeout int64 `json:"inactivity_timeout"`
	MaxSessionLength  int64 `json:"max_session_length"`
	Until             int64 `json:"until"`
}

// cutSettings is why and by whom the sessions before applications.sessions_from were ended.
type cutSettings struct {
	At        int64           `json:"at"`
	Reason    string          `json:"reason"`
	ActorKind audit.ActorKind `json:"actor_kind"`
	ActorID   string          `json:"actor_id,omitempty"`
	ActorName string          `json:"actor_name,omitempty"`
	Address   string          `json:"address,omitempty"`
	UserAgent string          `json:"user_agent,omitempty"`
}

func rowOfApplication(a *clients.Application) (applicationRow, error) {
	p := &a.SessionPolicy
	s := applicationSettings{
		Description: a.Description, LogoURI: a.LogoURI, HomepageURI: a.HomepageURI, PolicyURI: a.PolicyURI, TOSURI: a.TOSURI,
		RedirectURIs: a.RedirectURIs, PostLogoutRedirectURIs: a.PostLogoutRedirectURIs, WildcardRedirects: a.WildcardRedirects,
		ExplicitPostLogoutRedirect: a.ExplicitPostLogoutRedirect,
		InitiateLoginURI:           a.InitiateLoginURI, InvitationURI: a.InvitationURI, PasswordResetURI: a.PasswordResetURI,
		BackchannelLogoutURI: a.BackchannelLogoutURI, BackchannelLogoutSessionRequired: a.BackchannelLogoutSessionRequired,
		FrontchannelLogoutURI: a.FrontchannelLogoutURI, FrontchannelLogoutSessionRequired: a.FrontchannelLogoutSessionRequired,
		CORSOrigins: a.CORSOrigins, GrantTypes: a.GrantTypes, ResponseTypes: a.ResponseTypes, Scopes: a.Scopes,
		Audiences: a.Audiences, Identifiers: a.Identifiers,
		AccessTokenFormat: string(a.AccessTokenFormat), IDTokenSignedResponseAlg: a.IDTokenSignedResponseAlg,
		TokenEndpointAuthMethod: string(a.TokenEndpointAuthMethod), JWKS: a.JWKS, JWKSURI: a.JWKSURI,
		RequirePAR: a.RequirePAR, RequireDPoP: a.RequireDPoP, PKCE: string(a.PKCE), Consent: string(a.Consent),
		IntrospectsUnaddressed: a.IntrospectsUnaddressed,
		AccessTokenLifetime:    seconds(p.AccessTokenLifetime), IDTokenLifetime: seconds(p.IDTokenLifetime),
		AuthorizationCodeLifetime: seconds(p.AuthorizationCodeLifetime), RefreshReuseWindow: seconds(p.RefreshReuseWindow),
		Activity: string(p.Activity), SignInMethods: a.SignInMethods, ACR: a.ACR, Allowed: a.Allowed, Branding: a.Branding,
		ClaimsTemplates: a.ClaimsTemplates, Metadata: a.Metadata, ManagedBy: a.ManagedBy,
	}
	for _, r := range p.Retired {
		s.RetiredPolicies = append(s.RetiredPolicies, retiredPolicySettings{seconds(r.InactivityTimeout), seconds(r.MaxSessionLength), micros(r.Until)})
	}
	if c := &p.Cut; c.Before != "" {
		s.Cut = cutSettings{micros(c.At), c.Reason, c.Actor.Kind, c.Actor.ID, c.Actor.Name, c.Actor.Address, c.Actor.UserAgent}
	}
	settings, err := json.Marshal(s)
	if err != nil {
		return applicationRow{}, fmt.Errorf("write the settings of %s as JSON: %w", a.ID, err)
	}
	return applicationRow{
		EnvironmentID: string(a.Environment), ID: string(a.ID), ClientID: a.ClientID, Name: a.Name, Kind: string(a.Kind), Enabled: a.Enabled,
		InactivityTimeout: seconds(p.InactivityTimeout), MaxSessionLength: seconds(p.MaxSessionLength),
		SessionsFrom: p.Cut.Before, PoliciesRetired: len(p.Retired) > 0,
		Settings: string(settings), CreatedAt: micros(a.CreatedAt), UpdatedAt: micros(a.UpdatedAt),
	}, nil
}

// application returns the application without its secrets.
func (r *applicationRow) application() (*clients.Application, error) {
	var s applicationSettings
	if err := json.Unmarshal([]byte(r.Settings), &s); err != nil {
		return nil, fmt.Errorf("read the settings of %s: %w", r.ID, err)
	}
	a := &clients.Application{
		ID: clients.ID(r.ID), Environment: environments.ID(r.EnvironmentID), ClientID: r.ClientID, Name: r.Name, Kind: clients.Kind(r.Kind),
		Enabled: r.Enabled, Description: s.Description,
		LogoURI: s.LogoURI, HomepageURI: s.HomepageURI, PolicyURI: s.PolicyURI, TOSURI: s.TOSURI,
		RedirectURIs: s.RedirectURIs, PostLogoutRedirectURIs: s.PostLogoutRedirectURIs, WildcardRedirects: s.WildcardRedirects,
		ExplicitPostLogoutRedirect: s.ExplicitPostLogoutRedirect,
		InitiateLoginURI:           s.InitiateLoginURI, InvitationURI: s.InvitationURI, PasswordResetURI: s.PasswordResetURI,
		BackchannelLogoutURI: s.BackchannelLogoutURI, BackchannelLogoutSessionRequired: s.BackchannelLogoutSessionRequired,
		FrontchannelLogoutURI: s.FrontchannelLogoutURI, FrontchannelLogoutSessionRequired: s.FrontchannelLogoutSessionRequired,
		CORSOrigins: s.CORSOrigins, GrantTypes: s.GrantTypes, ResponseTypes: s.ResponseTypes, Scopes: s.Scopes,
		Audiences: s.Audiences, Identifiers: s.Identifiers,
		AccessTokenFormat: clients.AccessTokenFormat(s.AccessTokenFormat), IDTokenSignedResponseAlg: s.IDTokenSignedResponseAlg,
		TokenEndpointAuthMethod: clients.AuthMethod(s.TokenEndpointAuthMethod), JWKS: s.JWKS, JWKSURI: s.JWKSURI,
		RequirePAR: s.RequirePAR, RequireDPoP: s.RequireDPoP, PKCE: clients.PKCE(s.PKCE), Consent: clients.Consent(s.Consent),
		IntrospectsUnaddressed: s.IntrospectsUnaddressed,
		SessionPolicy: clients.SessionPolicy{
			AccessTokenLifetime: durationOf(s.AccessTokenLifetime),
			InactivityTimeout:   durationOf(r.InactivityTimeout), MaxSessionLength: durationOf(r.MaxSessionLength),
			IDTokenLifetime: durationOf(s.IDTokenLifetime), AuthorizationCodeLifetime: durationOf(s.AuthorizationCodeLifetime),
			RefreshReuseWindow: durationOf(s.RefreshReuseWindow), Activity: clients.Activity(s.Activity),
		},
		SignInMethods: s.SignInMethods, ACR: s.ACR, Allowed: s.Allowed, Branding: s.Branding,
		ClaimsTemplates: s.ClaimsTemplates, Metadata: s.Metadata, ManagedBy: s.ManagedBy,
		CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt),
	}
	if c := s.Cut; r.SessionsFrom != "" {
		a.SessionPolicy.Cut = clients.Cut{
			Before: r.SessionsFrom, At: timeOf(c.At), Reason: c.Reason,
			Actor: audit.Actor{Kind: c.ActorKind, ID: c.ActorID, Name: c.ActorName, Address: c.Address, UserAgent: c.UserAgent},
		}
	}
	for _, p := range s.RetiredPolicies {
		a.SessionPolicy.Retired = append(a.SessionPolicy.Retired, clients.RetiredPolicy{
			InactivityTimeout: durationOf(p.InactivityTimeout), MaxSessionLength: durationOf(p.MaxSessionLength), Until: timeOf(p.Until),
		})
	}
	return a, nil
}

type secretRow struct {
	EnvironmentID string `gorm:"primaryKey"`
	ID            string `gorm:"primaryKey"`
	ApplicationID string
	Name, Hint    string
	Hash, Sealed  []byte
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	ExpiresAt     *int64
	LastUsedAt    *int64
	LastUsedFrom  string
}

func (secretRow) TableName() string { return "client_secrets" }

func rowOfSecret(a *clients.Application, s *clients.Secret) secretRow {
	var sealed []byte
	if s.Sealed != "" {
		sealed = []byte(s.Sealed)
	}
	return secretRow{
		EnvironmentID: string(a.Environment), ID: s.ID, ApplicationID: string(a.ID), Name: s.Name, Hint: s.Hint, Hash: s.Hash[:], Sealed: sealed,
		CreatedAt: micros(s.CreatedAt), ExpiresAt: microsOrNull(s.ExpiresAt),
		LastUsedAt: microsOrNull(s.LastUsed.At), LastUsedFrom: s.LastUsed.Address,
	}
}

func (r *secretRow) secret() (s clients.Secret, err error) {
	if len(r.Hash) != len(s.Hash) {
		return s, fmt.Errorf("the hash of %s has %d bytes", r.ID, len(r.Hash))
	}
	return clients.Secret{
		ID: r.ID, Name: r.Name, Hint: r.Hint, Hash: [32]byte(r.Hash), Sealed: string(r.Sealed),
		CreatedAt: timeOf(r.CreatedAt), ExpiresAt: timeOrZero(r.ExpiresAt),
		LastUsed: clients.SecretUse{At: timeOrZero(r.LastUsedAt), Address: r.LastUsedFrom},
	}, nil
}

func (s Clients) ApplicationByClientID(ctx context.Context, env environments.ID, clientID string) (*clients.Application, error) {
	return s.one(ctx, env, s.DB.conn(ctx).Where("environment_id = ? AND client_id = ? AND deleted_at IS NULL", string(env), clientID))
}

func (s Clients) Application(ctx context.Context, env environments.ID, id clients.ID) (*clients.Application, error) {
	return s.one(ctx, env, s.DB.conn(ctx).Where(oneApplication, string(env), string(id)))
}

const oneApplication = "environment_id = ? AND id = ? AND deleted_at IS NULL"

func (s Clients) one(ctx context.Context, env environments.ID, which *gorm.DB) (*clients.Application, error) {
	var row applicationRow
	err := which.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, clients.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	all, err := s.withSecrets(ctx, env, []applicationRow{row})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Applications relies on IDs that are in the order of their creation.
func (s Clients) Applications(ctx context.Context, env environments.ID, after clients.ID, limit int) ([]*clients.Application, error) {
	var rows []applicationRow
	err := s.DB.conn(ctx).Where("environment_id = ? AND id > ? AND deleted_at IS NULL", string(env), string(after)).Order("id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	return s.withSecrets(ctx, env, rows)
}

// withSecrets makes the applications of their rows and reads their secrets, the oldest first.
func (s Clients) withSecrets(ctx context.Context, env environments.ID, rows []applicationRow) ([]*clients.Application, error) {
	all := make([]*clients.Application, len(rows))
	byID := make(map[string]*clients.Application, len(rows))
	for i := range rows {
		a, err := rows[i].application()
		if err != nil {
			return nil, err
		}
		all[i], byID[rows[i].ID] = a, a
	}
	if len(rows) == 0 {
		return all, nil
	}
	var secrets []secretRow
	err := s.DB.conn(ctx).Where("environment_id = ? AND application_id IN ?", string(env), slices.Collect(maps.Keys(byID))).
		Order("created_at, id").Find(&secrets).Error
	if err != nil {
		return nil, err
	}
	for i := range secrets {
		secret, err := secrets[i].secret()
		if err != nil {
			return nil, err
		}
		a := byID[secrets[i].ApplicationID]
		a.Secrets = append(a.Secrets, secret)
	}
	return all, nil
}

func (s Clients) CreateApplication(ctx context.Context, app *clients.Application) error {
	row, err := rowOfApplication(app)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.DB.conn(ctx).Create(&row).Error; err != nil {
			return clientIDTaken(err)
		}
		if err := s.saveSecrets(ctx, app, nil); err != nil {
			return err
		}
		return s.notify(ctx, &row)
	})
}

func (s Clients) UpdateApplication(ctx context.Context, env environments.ID, id clients.ID, change func(context.Context, *clients.Application) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		app, err := s.one(ctx, env, s.DB.conn(ctx).Clauses(forUpdate).Where(oneApplication, string(env), string(id)))
		if err != nil {
			return err
		}
		before := slices.Clone(app.Secrets)
		if err := change(ctx, app); err != nil {
			return err
		}
		app.Environment, app.ID = env, id
		row, err := rowOfApplication(app)
		if err != nil {
			return err
		}
		if err := s.DB.conn(ctx).Select("*").Updates(&row).Error; err != nil {
			return clientIDTaken(err)
		}
		if err := s.saveSecrets(ctx, app, before); err != nil {
			return err
		}
		return s.notify(ctx, &row)
	})
}

// saveSecrets makes the secrets in the database, which are before, those of app. It leaves alone when they were last used.
func (s Clients) saveSecrets(ctx context.Context, app *clients.Application, before []clients.Secret) error {
	old := map[string]clients.Secret{}
	for _, secret := range before {
		secret.LastUsed = clients.SecretUse{}
		old[secret.ID] = secret
	}
	for _, secret := range app.Secrets {
		row := rowOfSecret(app, &secret)
		was, known := old[secret.ID]
		delete(old, secret.ID)
		var err error
		if secret.LastUsed = (clients.SecretUse{}); !known {
			err = s.DB.conn(ctx).Create(&row).Error
		} else if secret != was {
			err = s.DB.conn(ctx).Select("name", "hint", "hash", "sealed", "created_at", "expires_at").Updates(&row).Error
		}
		if err != nil {
			return err
		}
	}
	if len(old) == 0 {
		return nil
	}
	return s.DB.conn(ctx).Where("environment_id = ? AND id IN ?", string(app.Environment), slices.Collect(maps.Keys(old))).Delete(&secretRow{}).Error
}

func (s Clients) DeleteApplication(ctx context.Context, env environments.ID, id clients.ID, now time.Time) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		// The lock keeps it from becoming the default meanwhile.
		var in []environmentRow
		err := s.DB.conn(ctx).Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ?", string(env)).Find(&in).Error
		if err != nil {
			return err
		}
		if len(in) == 1 && in[0].DefaultApplication == string(id) {
			return clients.ErrIsDefault
		}
		row := applicationRow{EnvironmentID: string(env), ID: string(id)}
		done := s.DB.conn(ctx).Model(&row).Where("deleted_at IS NULL").Update("deleted_at", micros(now))
		if done.Error == nil && done.RowsAffected == 0 {
			return clients.ErrNotFound
		}
		if done.Error != nil {
			return done.Error
		}
		return s.notify(ctx, &row)
	})
}

func (s Clients) notify(ctx context.Context, row *applicationRow) error {
	return s.DB.Notify(ctx, "application", row.EnvironmentID+"/"+row.ID)
}

const markSecretUsed = `
	UPDATE client_secrets SET last_used_at = ?, last_used_from = ?
	WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`

// MarkSecretsUsed takes them in one order on every node, so that none waits for another that waits for it.
func (s Clients) MarkSecretsUsed(ctx context.Context, marks map[string]clients.SecretUse) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		for _, id := range slices.Sorted(maps.Keys(marks)) {
			at := micros(marks[id].At)
			if _, err := s.DB.exec(ctx, markSecretUsed, at, marks[id].Address, id, at); err != nil {
				return err
			}
		}
		return nil
	})
}

func clientIDTaken(err error) error {
	if isDuplicate(err, "client_id") {
		return clients.ErrClientIDTaken
	}
	return err
}
