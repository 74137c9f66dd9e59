package config

import _ "embed"

//go:generate go test -run ^TestSchema$ . -update

// Schema is the JSON Schema of watch.yaml, made from the types and their doc
// comments: editors complete and check with it. What only Load can know is not
// in it.
//
//go:embed watch.schema.json
var Schema []byte
