package api

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write openapi.yaml anew")

// TestOpenAPI keeps the contract that is checked in the same as the one that
// the server follows.
func TestOpenAPI(t *testing.T) {
	got, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.yaml", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(string(openAPI), string(got)); d != "" {
		t.Errorf("openapi.yaml is not what the server follows (-file +server); go test ./api -update writes it anew:\n%s", d)
	}
}
