package api_test

// sessionRows are the rows of who is signed in.
func sessionRows() map[string]row {
	fixed := func(path, body string) func(tenant, int) (string, string) {
		return func(tenant, int) (string, string) { return path, body }
	}
	return map[string]row{
		"get-session": {"*oafs/oabdv", 0, 200, fixed("/session", ""), nil},
		"end-session": {"*", 0, 204, fixed("/session", ""), nil},
	}
}
