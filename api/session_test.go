package api_test

// sessionRows are the rows of who is signed in.
func sessionRows() map[string]row {
	fixed := func(path, body string) func(tenant, int) (string, string) {
		return func(tenant, int) (string, string) { return path, body }
	}
	return map[string]row{
		"get-session":  {"*oafs/oabdv", 0, 200, fixed("/session", ""), nil},
		"list-audit":   {"oafs/oa", 0, 200, fixed("/audit?limit=5", ""), nil},
		"verify-audit": {"oafs", 0, 200, fixed("/audit/verify", ""), nil},
		"end-session":  {"*", 0, 204, fixed("/session", ""), nil},
	}
}
