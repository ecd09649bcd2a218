package sluice_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"sluice"
)

func TestErrorOf(t *testing.T) {
	if sluice.ErrorOf(nil) != nil || sluice.CodeOf(nil) != "" {
		t.Error("nil is an error")
	}
	mine := sluice.Errorf(sluice.CodeNotFound, "no %s", "key")
	if got := sluice.ErrorOf(fmt.Errorf("looking up: %w", mine)); got != mine {
		t.Errorf("wrapped: %v", got)
	}
	foreign := sluice.ErrorOf(io.ErrUnexpectedEOF)
	if foreign.Code != sluice.CodeInternal || strings.Contains(foreign.Message, "EOF") || !errors.Is(foreign, io.ErrUnexpectedEOF) {
		t.Errorf("a foreign error: %+v", foreign)
	}
	if sluice.CodeOf(io.EOF) != sluice.CodeInternal || sluice.CodeOf(mine) != sluice.CodeNotFound {
		t.Error("codes")
	}
}

func TestErrorText(t *testing.T) {
	e := sluice.Errorf(sluice.CodeInvalid, "bad %d", 7)
	if e.Error() != "invalid: bad 7" || e.Unwrap() != nil {
		t.Errorf("%v", e)
	}
	e.Err = io.EOF
	if e.Error() != "invalid: bad 7: EOF" || !errors.Is(e, io.EOF) {
		t.Errorf("%v", e)
	}
}
