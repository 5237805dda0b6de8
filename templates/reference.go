package templates

// APIReference is /api/docs: the reference of the management API, made of its OpenAPI document, whose texts are English.
type APIReference struct {
	Chrome
	BaseURL     string
	DocumentURL string
	About       string // what is true of all operations
	Scopes      []string
	Groups      []APIGroup
	Objects     []APIObject
	Problems    []APIProblem
}

func (p APIReference) view() view {
	return view{path: "/api/docs", file: "api_reference", heading: Message{id: "reference.heading", values: values{"Name": p.Name()}}}
}

// APIGroup is a part of the API.
type APIGroup struct {
	ID         string // of its heading
	Name       string
	Text       string
	Operations []APIOperation
}

// APIOperation is one thing that can be done.
type APIOperation struct {
	ID         string // of its heading
	Name       string
	Text       string
	Method     string
	Path       string
	Scope      string
	Parameters []APIField
	Body       APIType // zero if it has none
	Bodyless   bool    // the body may be left out
	Status     string
	Answer     []APIType // none, or one of these
}

// APIObject is a JSON object that is sent or answered.
type APIObject struct {
	ID     string // of its heading
	Name   string
	Text   string
	Patch  APIType // the object whose fields it has as well, all of them optional; zero if it is no patch
	Fields []APIField
}

// APITable are the fields of something.
type APITable struct {
	Of     string // its name
	Fields []APIField
}

// Table has the parameters.
func (o APIOperation) Table() APITable { return APITable{o.Name, o.Parameters} }

// Table has the fields.
func (o APIObject) Table() APITable { return APITable{o.Name, o.Fields} }

// APIField is a field of an object, or a parameter.
type APIField struct {
	Name     string
	Where    string // of a parameter: "path", "query" or "header"
	Type     APIType
	Text     string
	Required bool
}

// APIType is the type of a field, such as "list of text", or an object.
type APIType struct {
	Text   string
	Object string // ID of the heading of the object in it; "" for none
	Values []string
}

// IsZero reports whether there is no type.
func (t APIType) IsZero() bool { return t.Text == "" && t.Object == "" }

// APIProblem is a kind of problem (RFC 9457).
type APIProblem struct {
	Type   string
	Status int
	Text   string
}
