package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"sluice/money/statement"
	"sluice/plug/xlsx"
)

// StatementPrinter prints a statement as a PDF file, by the clock of a timezone.
type StatementPrinter interface {
	Statement(w io.Writer, st *statement.Statement, zone *time.Location) error
}

// StatementFileQuery says which statement is wanted as which kind of file.
type StatementFileQuery struct {
	StatementQuery

	Format string `query:"format" enum:"pdf,csv,xlsx" default:"pdf"`
}

func (s *Server) registerStatementFile() {
	add(s, route{
		id: "get-statement-file", method: http.MethodGet, path: "/statements/{day}/file", tag: "closing",
		summary: "Get the statement of a day, or of several, as a file", roles: operators(), content: "application/octet-stream",
	}, s.statementFile)
}

// statementFile makes a statement and writes it as a file.
func (s *Server) statementFile(ctx context.Context, in *StatementFileQuery) (*document, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	st, err := s.opt.Statements.Maker.Statement(ctx, q)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	f := &document{Disposition: fmt.Sprintf("attachment; filename=%q", "statement-"+in.Day+"."+in.Format)}
	switch in.Format {
	case "csv":
		f.ContentType = "text/csv; charset=utf-8"
		err = st.WriteCSV(&b)
	case "xlsx":
		f.ContentType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
		table := st.Table()
		err = xlsx.Write(&b, &xlsx.Table{Name: "statement", Head: table[0], Rows: table[1:]})
	default:
		f.ContentType = "application/pdf"
		var zone *time.Location
		if zone, err = s.clockOf(ctx, in.Day); err == nil {
			err = s.opt.Statements.Printer.Statement(&b, st, zone)
		}
	}
	f.Body = b.Bytes()
	return f, err
}

// clockOf is the timezone of a day of the books.
func (s *Server) clockOf(ctx context.Context, day string) (*time.Location, error) {
	settings, err := s.opt.Statements.Maker.Settings(ctx)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(settings.Clocks.Zone(day))
	if err != nil {
		return nil, fmt.Errorf("reading the timezone of the books: %w", err)
	}
	return zone, nil
}
