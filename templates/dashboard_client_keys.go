package templates

// ClientProof is how an application authenticates. Its form posts method, jwks-uri and jwks to …/credentials/method.
type ClientProof struct {
	Method  string // as in clients.AuthMethod
	JWKSURI string
	JWKS    string // JSON
	// NeedsSecret: it authenticates by client_secret_jwt, and has no secret that was made since.
	NeedsSecret bool
}
