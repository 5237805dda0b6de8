package templates

// DashboardClaims is where an operator writes the claims templates of an application. It posts id-token, access-token and
// userinfo, each a JSON object or "", with user-id, organization-id, scopes and action ("save" or "test") to its address.
type DashboardClaims struct {
	ApplicationPage
	IDToken, AccessToken, UserInfo string
	Placeholders                   []string
	User                           string // address or ID
	Organization                   string // ID
	Organizations                  []Choice
	Scopes                         string      // with spaces between
	Said                           *TokensSaid // what the templates make, saved or not; nil before she tests them
}

func (p DashboardClaims) view() view { return p.toolView("dashboard_claims", "/claims") }
