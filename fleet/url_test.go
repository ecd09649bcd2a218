package fleet

import (
	"testing"

	"sluice"
)

func TestParseURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://10.0.0.7:8000":          "http://10.0.0.7:8000/",
		"http://10.0.0.7:8000/":         "http://10.0.0.7:8000/",
		"http://10.0.0.7:8000/v1":       "http://10.0.0.7:8000/",
		"http://10.0.0.7:8000/v1/":      "http://10.0.0.7:8000/",
		"HTTPS://Engine.Example/v1":     "https://Engine.Example/",
		"https://h/openai/v1":           "https://h/openai",
		"https://h/a%20b":               "https://h/a%20b",
		"http://[::1]:8000/v1":          "http://[::1]:8000/",
		"http://engine_1.my-namespace/": "http://engine_1.my-namespace/",
		"http://h/v1v1":                 "http://h/v1v1",
	} {
		u, err := ParseURL(in)
		if err != nil || u.String() != want {
			t.Errorf("%q: got %v, %v; want %q", in, u, err, want)
		}
	}
	for _, in := range []string{
		"", "10.0.0.7:8000", "localhost", "ftp://h", "unix:///run/x", "file:///etc/passwd", "http://", "http:///v1", "http://user:pw@h",
		"http://h?x=1", "http://h/?", "http://h/#f", "http://h:0", "http://h:70000", "http://h:x", "http://h:", "http://h\r\nX: y/", "http://[fe80::1%25eth0]/", "http://ä/",
	} {
		if u, err := ParseURL(in); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%q: got %v, %v; want CodeInvalid", in, u, err)
		}
	}
}
