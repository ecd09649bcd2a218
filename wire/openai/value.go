package openai

import (
	"bytes"
	"errors"
	"io"
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
	if name, err = readName(dec); err != nil {
		return nil, nil, syntaxError(err)
	}
	value, err = dec.ReadValue()
	if err != nil {
		return nil, nil, syntaxError(err)
	}
	return name, value, nil
}

// readName reads a member's name, without its escapes.
func readName(dec *jsontext.Decoder) ([]byte, error) {
	quoted, err := dec.ReadValue()
	if err != nil {
		return nil, err
	}
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') < 0 {
		return name, nil
	}
	return jsontext.AppendUnquote(nil, quoted)
}

func stringValue(name string, v jsontext.Value) (string, error) {
	if v.Kind() != jsontext.KindString {
		return "", invalid(name, "'"+name+"' must be a string.")
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1]), nil
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

// members walks through the object that comes next. For each member it calls
// take, which must read the value; the name is valid until then. null is an
// object without members.
func members(dec *jsontext.Decoder, take func(name []byte) error) error {
	switch dec.PeekKind() {
	case jsontext.KindNull:
		return dec.SkipValue()
	case jsontext.KindBeginObject, jsontext.KindInvalid: // of the latter, reading tells why
	default:
		return errors.New("not an object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := readName(dec)
		if err != nil {
			return err
		}
		if err := take(name); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// valueOf reads the value that comes next: a part of raw, nil for null.
func valueOf(raw []byte, dec *jsontext.Decoder) (jsontext.Value, error) {
	v, err := dec.ReadValue()
	if err != nil || v.Kind() == jsontext.KindNull {
		return nil, err
	}
	to := int(dec.InputOffset())
	return raw[to-len(v) : to], nil
}

// atEnd returns an error when something follows.
func atEnd(dec *jsontext.Decoder) error {
	switch _, err := dec.ReadToken(); {
	case err == nil:
		return errors.New("there is more after it")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}
