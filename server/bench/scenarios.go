package main

// scenario is a row of the table: a floor, or something that the server does.
type scenario struct {
	name    string
	floor   string  // the bare handler that it is compared with; "" of a floor
	server  bool    // of the server; else of the bare handlers
	data    bool    // asks the database, so that it is measured on each
	ratio   float64 // target: the least part of the floor's throughput; 0 for none
	cpu     float64 // target: the most server CPU of a request, in ms; 0 for none
	measure string  // the Go benchmark that counts its allocations; "" if none does
}

// scenarios has each floor before what is compared with it, so that both are measured within moments. The targets are those of
// the design.
var scenarios = []scenario{
	{name: "bare"},
	{name: "discovery", floor: "bare", server: true, cpu: 0.06, measure: "discovery"},
	{name: "jwks", floor: "bare", server: true, cpu: 0.06, measure: "jwks"},

	{name: "form"},
	{name: "client credentials", floor: "form", server: true, ratio: 0.5, cpu: 0.12, measure: "client_credentials"},
	{name: "client credentials, JWT ES256", floor: "form", server: true, measure: "client_credentials_jwt"},

	{name: "select", data: true},
	{name: "introspection", floor: "select", server: true, data: true, ratio: 0.6, cpu: 0.15, measure: "introspection"},

	{name: "select by GET", data: true},
	{name: "userinfo", floor: "select by GET", server: true, data: true, ratio: 0.6, measure: "userinfo"},

	{name: "update", data: true},
	{name: "update and insert", data: true},
	{name: "refresh, ES256 ID token", floor: "update and insert", server: true, data: true, ratio: 0.5, cpu: 0.7, measure: "refresh"},
	{name: "refresh, RS256 ID token", floor: "update and insert", server: true, data: true, measure: "refresh_rs256"},
	{name: "sign-in", floor: "update and insert", server: true, data: true, measure: "sign_in"},
}

// Targets of the whole program.
const (
	readyTarget    = 1.0      // seconds
	residentTarget = 60 << 20 // bytes, after residentSessions
	binaryTarget   = 45 << 20 // bytes
	residentOf     = 100_000  // sessions
)
