package openai

import (
	"bytes"
	"strconv"
	"strings"

	"sluice"

	"github.com/go-json-experiment/json/jsontext"
)

// invalid is a CodeInvalid error about one field.
func invalid(param, message string) error {
	return &sluice.Error{Code: sluice.CodeInvalid, Message: message, Param: param}
}

func missing(name string) error {
	return invalid(name, "you must provide a '"+name+"' parameter")
}

// maxDetail bounds what an error repeats of a body, in bytes.
const maxDetail = 200

// syntaxError turns the decoder's error into the caller's. Its text names the
// place by offset and pointer, and what of the body stands in it is cut short.
func syntaxError(err error) error {
	detail := strings.TrimPrefix(err.Error(), "jsontext: ")
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "…"
	}
	return sluice.Errorf(sluice.CodeInvalid, "The request body is not valid JSON, or has a duplicate name: %s", detail)
}

// readMember reads one member of an object. The name is unescaped; both are
// valid until the next read.
func readMember(dec *jsontext.Decoder) (name []byte, value jsontext.Value, err error) {
	quoted, err := dec.ReadValue()
	if err != nil {
		return nil, nil, syntaxError(err)
	}
	name = quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		if name, err = jsontext.AppendUnquote(nil, quoted); err != nil {
			return nil, nil, syntaxError(err)
		}
	}
	value, err = dec.ReadValue()
	if err != nil {
		return nil, nil, syntaxError(err)
	}
	return name, value, nil
}

func stringValue(name string, v jsontext.Value) (string, error) {
	if v.Kind() != jsontext.KindString {
		return "", invalid(name, "'"+name+"' must be a string.")
	}
	s, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return "", invalid(name, "'"+name+"' is not a valid string.")
	}
	return string(s), nil
}

// boolValue sets *to; null leaves it.
func boolValue(name string, v jsontext.Value, to *bool) error {
	switch v.Kind() {
	case jsontext.KindTrue, jsontext.KindFalse:
		*to = v.Kind() == jsontext.KindTrue
	case jsontext.KindNull:
	default:
		return invalid(name, "'"+name+"' must be true or false.")
	}
	return nil
}

// intValue reads a whole number written without fraction or exponent.
func intValue(name string, v jsontext.Value) (int64, error) {
	if v.Kind() != jsontext.KindNumber {
		return 0, invalid(name, "'"+name+"' must be a whole number.")
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0, invalid(name, "'"+name+"' must be a whole number.")
	}
	return n, nil
}
