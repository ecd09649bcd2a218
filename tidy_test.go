package sluice_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rules of the house, as ARCHITECTURE.md explains them. Down to TestTidy
// they are data: whoever changes a rule or grants an exception does it here.

// folder is a folder at the root that holds packages of this module.
type folder struct {
	ring  int
	apart bool     // its packages do not import each other; the one at its top may import those below it
	never []string // what it must not import besides what its ring forbids
}

// house lists the folders; "." is the root package. A package imports inner
// rings and its own folder. Folders of one ring never import each other: what
// stands in ring 2 is brought together by cmd.
var house = map[string]folder{
	".":       {ring: 0, never: []string{"net", "os"}},
	"wire":    {ring: 1, never: []string{"os"}},
	"money":   {ring: 1, never: []string{"net", "os"}},
	"infer":   {ring: 1, never: []string{"net", "os/exec"}},
	"gateway": {ring: 2, apart: true},
	"billing": {ring: 2, apart: true},
	"product": {ring: 2, apart: true},
	"store":   {ring: 2},
	"fleet":   {ring: 2},
	"plug":    {ring: 2, apart: true},
	"api":     {ring: 3},
	"console": {ring: 3},
	"cmd":     {ring: 4},
	"docs":    {ring: 0},
}

// noPackages lists the folders at the root without packages of this module.
var noPackages = []string{"data", "e2e", "examples", "tools", "train", "web"}

// onlyIn says where alone a dependency may be imported.
var onlyIn = map[string]string{
	"database/sql":                  "store",
	"modernc.org/sqlite":            "store",
	"github.com/jackc/pgx":          "store",
	"go.opentelemetry.io":           "plug/otlp",
	"github.com/danielgtaylor/huma": "api",
	"github.com/wneessen/go-mail":   "plug/mail",
	"github.com/coreos/go-oidc":     "plug/oidc",
	"github.com/go-webauthn":        "plug/passkey",
	"k8s.io":                        "plug/kube",
	"github.com/spf13/cobra":        "cmd",
	"github.com/yuin/goldmark":      "api/site",
}

// onlyTests lists packages that exist for tests alone although their name
// does not end in "test".
var onlyTests = []string{"store/powerloss"}

// noFloat lists the folders where money is counted, which is done in integers.
var noFloat = []string{".", "money", "billing"}

const (
	maxFileLines = 600 // Go, TypeScript and Svelte
	maxFuncLines = 70  // a function's body; tests are free, a table of cases may be long
)

// emptyNames are names of packages that say nothing of what is inside.
var emptyNames = []string{"base", "common", "helper", "helpers", "lib", "misc", "model", "models", "types", "util", "utils"}

// exceptions maps what may break a rule to the reason. A file is written as its
// path, a function or variable as its package's folder, a dot and its name.
// One that is no longer needed fails the test.
var exceptions = map[string]string{}

// TestTidy holds the tree to these rules. It reads and parses, and runs nothing.
func TestTidy(t *testing.T) {
	tr := load(t)
	used := make(map[string]bool)
	rules := []struct {
		name  string
		check func(*tidy)
	}{
		{"folders", (*tidy).folders},
		{"imports", (*tidy).imports},
		{"packages", (*tidy).packages},
		{"docs", (*tidy).docs},
		{"sizes", (*tidy).sizes},
		{"globals", (*tidy).globals},
		{"floats", (*tidy).floats},
		{"clock", (*tidy).clock},
		{"text", (*tidy).text},
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) { rule.check(&tidy{t, tr, used}) })
	}
	for name := range exceptions {
		if !used[name] {
			t.Errorf("the exception for %s is not needed any longer", name)
		}
	}
}

// TestForbidden shows the rules of imports at work.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		dir, path string
		allowed   bool
	}{
		{".", "errors", true},
		{".", "github.com/google/uuid", false},
		{".", "net/http", false},
		{".", "sluice/money", false},
		{"wire/openai", "sluice/wire/chat", true},
		{"wire/openai", "sluice/money/price", false},
		{"infer", "net/http", false},
		{"gateway", "sluice/gateway/admit", true},
		{"gateway/admit", "sluice/gateway/route", false},
		{"gateway/admit", "sluice/money/quota", true},
		{"gateway", "sluice/billing", false},
		{"gateway", "sluice/store", false},
		{"store", "sluice/billing", false},
		{"store", "sluice/fleet", false},
		{"store", "database/sql", true},
		{"store", "database/sql/driver", true},
		{"api", "database/sql", false},
		{"api", "sluice/store", true},
		{"api", "sluice/console", false},
		{"api", "sluice/nowhere", false},
		{"fleet", "sluice/fleet/fleettest", false},
		{"fleet", "testing/synctest", false},
		{"plug/otlp", "go.opentelemetry.io/otel", true},
		{"gateway", "go.opentelemetry.io/otel", false},
		{"cmd/sluice", "sluice/store", true},
		{"api", "sluice/cmd/sluice", false},
	} {
		if why := forbidden(c.dir, c.path); (why == "") != c.allowed {
			t.Errorf("%s importing %s: allowed = %t, want %t (%s)", c.dir, c.path, why == "", c.allowed, why)
		}
	}
}

// tree is what the rules look at.
type tree struct {
	fset  *token.FileSet
	tops  []string  // folders at the root
	texts []textual // every text file, whatever module it belongs to
	files []source  // the Go files of this module
}

// textual is a file that people write.
type textual struct {
	path string
	data string
}

// source is a parsed Go file. What is generated is not judged by size or style.
type source struct {
	*ast.File
	path      string
	dir       string // "." for the root
	test      bool   // a test's file, or a package that exists for tests
	generated bool
}

// top is the folder at the root that the file lies in.
func (s *source) top() string { return topOf(s.dir) }

func topOf(dir string) string {
	top, _, _ := strings.Cut(dir, "/")
	return top
}

// under reports whether the path p is dir or lies below it.
func under(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// load reads the tree. Folders whose content nobody writes by hand are left out.
func load(t *testing.T) *tree {
	tr := &tree{fset: token.NewFileSet()}
	others := []string{} // modules of their own
	root := os.DirFS(".")
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", ".cache", "node_modules", "dist", "testdata":
				return fs.SkipDir
			}
			if p == "data" || p == "bin" { // what make leaves
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(p, "go.mod")); err == nil && p != "." {
				others = append(others, p)
			}
			if p != "." && !strings.Contains(p, "/") && !strings.HasPrefix(p, ".") {
				tr.tops = append(tr.tops, p)
			}
			return nil
		}
		if !written(p) {
			return nil
		}
		data, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		tr.texts = append(tr.texts, textual{p, string(data)})
		foreign := slices.ContainsFunc(others, func(m string) bool { return under(p, m) })
		if path.Ext(p) != ".go" || foreign {
			return nil
		}
		f, err := parser.ParseFile(tr.fset, p, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := source{File: f, path: p, dir: path.Dir(p), generated: ast.IsGenerated(f)}
		s.test = strings.HasSuffix(p, "_test.go") || testOnly(s.dir)
		tr.files = append(tr.files, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// written reports whether people write the file at p.
func written(p string) bool {
	switch path.Ext(p) {
	case ".go", ".sql", ".ts", ".js", ".mjs", ".svelte", ".css", ".html", ".md", ".sh", ".yml", ".yaml":
		return true
	}
	return path.Base(p) == "Makefile" || p == ".ci/run"
}

// testOnly reports whether the package in dir exists for tests.
func testOnly(dir string) bool {
	return strings.HasSuffix(dir, "test") || slices.Contains(onlyTests, dir)
}

// tidy is one rule at work on the tree.
type tidy struct {
	*testing.T
	*tree
	used map[string]bool // exceptions
}

// except reports whether there is an exception under the name.
func (c *tidy) except(name string) bool {
	_, ok := exceptions[name]
	if ok {
		c.used[name] = true
	}
	return ok
}

// at reports a fault at a place in a Go file.
func (c *tidy) at(n ast.Node, format string, args ...any) {
	c.Helper()
	c.Errorf("%v: "+format, append([]any{c.fset.Position(n.Pos())}, args...)...)
}

func (c *tidy) folders() {
	for _, top := range c.tops {
		if _, ok := house[top]; !ok && !slices.Contains(noPackages, top) {
			c.Errorf("unknown folder %s/: give it a ring in tidy_test.go, and a line in ARCHITECTURE.md", top)
		}
	}
}

func (c *tidy) imports() {
	for _, f := range c.files {
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				c.at(spec, "%v", err)
			}
			if f.test {
				continue // tests go where they need to
			}
			if why := forbidden(f.dir, p); why != "" {
				c.at(spec, "%s must not import %s: %s", f.dir, p, why)
			}
		}
	}
}

// forbidden says why a package of the folder dir may not import the package p,
// or "" if it may.
func forbidden(dir, p string) string {
	own := house[topOf(dir)]
	for _, n := range own.never {
		if under(p, n) {
			return "its folder stays free of " + n
		}
	}
	for dep, place := range onlyIn {
		if under(p, dep) && !under(dir, place) {
			return "only " + place + " does"
		}
	}
	if under(p, "testing") {
		return "only tests do"
	}
	if !under(p, "sluice") {
		if dir == "." && strings.Contains(topOf(p), ".") {
			return "the nouns use the standard library only"
		}
		return ""
	}
	return forbiddenHere(dir, p, own)
}

// forbiddenHere is forbidden for the packages of this module.
func forbiddenHere(dir, p string, own folder) string {
	to := "."
	if p != "sluice" {
		to = strings.TrimPrefix(p, "sluice/")
	}
	switch other, known := house[topOf(to)]; {
	case !known:
		return "its folder has no ring"
	case testOnly(to):
		return "it exists for tests"
	case topOf(to) == topOf(dir):
		if own.apart && dir != topOf(dir) {
			return "the packages of " + topOf(dir) + " stand apart"
		}
	case other.ring == own.ring:
		return "folders of one ring do not import each other; declare the small interface that is needed, and let cmd fill it"
	case other.ring > own.ring:
		return "a package imports inner rings only"
	}
	return ""
}

func (c *tidy) packages() {
	raw, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		c.Fatal(err)
	}
	architecture := string(raw)
	documented := make(map[string]bool)
	for _, f := range c.files {
		name := f.Name.Name
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		if slices.Contains(emptyNames, name) {
			c.at(f.Name, "package %s: the name does not say what is inside", name)
		}
		if name == "main" && f.top() != "cmd" {
			c.at(f.Name, "commands live in cmd/")
		}
		start := "Package " + name + " "
		if name == "main" {
			start = "Command "
		}
		has := f.Doc != nil && strings.HasPrefix(f.Doc.Text(), start)
		documented[f.dir] = documented[f.dir] || has
	}
	for dir, ok := range documented {
		if !ok {
			c.Errorf("%s: no doc comment begins with \"Package …\" (for a command: \"Command …\")", dir)
		}
		if dir != "." && !strings.HasSuffix(dir, "test") && !strings.Contains(architecture, "`"+dir+"`") {
			c.Errorf("%s is not named in ARCHITECTURE.md", dir)
		}
	}
}

// docs asks for a doc comment on what is exported. In a group of constants or
// variables a comment at the end of the line, or one for the group, will do.
func (c *tidy) docs() {
	for _, f := range c.files {
		if strings.HasSuffix(f.path, "_test.go") || f.generated {
			continue
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && ast.IsExported(receiver(d, "X")) && d.Doc == nil {
					c.at(d, "%s is exported and has no doc comment", d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					c.docsOf(d, s)
				}
			}
		}
	}
}

func (c *tidy) docsOf(d *ast.GenDecl, s ast.Spec) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		alone := !d.Lparen.IsValid()
		if s.Name.IsExported() && s.Doc == nil && (!alone || d.Doc == nil) {
			c.at(s, "%s is exported and has no doc comment", s.Name.Name)
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
				c.at(n, "%s is exported and has no doc comment", n.Name)
			}
		}
	}
}

// receiver is the name of a method's type, or the given name for a function.
func receiver(d *ast.FuncDecl, none string) string {
	if d.Recv == nil {
		return none
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr: // generic
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return none
		}
	}
}

func (c *tidy) sizes() {
	for _, f := range c.texts {
		switch path.Ext(f.path) {
		case ".go", ".ts", ".svelte":
			n := strings.Count(f.data, "\n")
			made := slices.ContainsFunc(c.files, func(s source) bool { return s.path == f.path && s.generated })
			if n > maxFileLines && !made && !strings.HasSuffix(f.path, ".d.ts") && !c.except(f.path) {
				c.Errorf("%s: %d lines, more than %d: has it one subject?", f.path, n, maxFileLines)
			}
		}
	}
	for _, f := range c.files {
		for _, d := range f.Decls {
			d, ok := d.(*ast.FuncDecl)
			if !ok || d.Body == nil || f.test || f.generated {
				continue
			}
			n := c.fset.Position(d.Body.Rbrace).Line - c.fset.Position(d.Body.Lbrace).Line - 1
			if n > maxFuncLines && !c.except(f.dir+"."+qualified(d)) {
				c.at(d, "%s: %d lines, more than %d", qualified(d), n, maxFuncLines)
			}
		}
	}
}

// qualified is a function's name, with its type if it is a method.
func qualified(d *ast.FuncDecl) string {
	if r := receiver(d, ""); r != "" {
		return r + "." + d.Name.Name
	}
	return d.Name.Name
}

// globals refuses init functions, and variables that belong to no value: state
// that nobody passed in. What cannot change is let through.
func (c *tidy) globals() {
	for _, f := range c.files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					c.at(d, "init runs before anybody asks: call a function instead")
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR || f.test || f.top() == "cmd" {
					continue
				}
				for _, s := range d.Specs {
					c.globalsOf(&f, d, s.(*ast.ValueSpec))
				}
			}
		}
	}
}

func (c *tidy) globalsOf(f *source, d *ast.GenDecl, s *ast.ValueSpec) {
	for i, n := range s.Names {
		if n.Name == "_" || embedded(d.Doc) || embedded(s.Doc) {
			continue
		}
		if i < len(s.Values) && fixed(n.Name, s.Values[i]) {
			continue
		}
		if !c.except(f.dir + "." + n.Name) {
			c.at(n, "%s is a variable of the package: make it a constant, a function or a field", n.Name)
		}
	}
}

// embedded reports whether the variable with this comment is filled by go:embed.
func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(l *ast.Comment) bool {
		return strings.HasPrefix(l.Text, "//go:embed ")
	})
}

// fixed reports whether the value cannot change, as far as custom goes: an
// error to compare with, or a compiled expression.
func fixed(name string, v ast.Expr) bool {
	call, ok := v.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch selector(call.Fun) {
	case "errors.New":
		return strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err")
	case "regexp.MustCompile":
		return true
	}
	return false
}

// selector writes x.y, or "" for other expressions.
func selector(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

func (c *tidy) floats() {
	for _, f := range c.files {
		if f.test || !slices.Contains(noFloat, f.top()) {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				switch n.Name {
				case "float32", "float64", "ParseFloat", "FormatFloat", "AppendFloat":
					c.at(n, "%s: money is counted in integers", n.Name)
				}
			case *ast.BasicLit:
				if n.Kind == token.FLOAT || n.Kind == token.IMAG {
					c.at(n, "%s: money is counted in integers", n.Value)
				}
			}
			return true
		})
	}
}

// clock keeps the clock out of rings 0 and 1: times are passed in.
func (c *tidy) clock() {
	for _, f := range c.files {
		if f.test || house[f.top()].ring > 1 {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				switch s := selector(e); s {
				case "time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.AfterFunc",
					"time.Tick", "time.NewTicker", "time.NewTimer":
					c.at(n, "%s: rings 0 and 1 have no clock; take the time as an argument", s)
				}
			}
			return true
		})
	}
}

// text looks for what has no place in any file, in whatever language.
func (c *tidy) text() {
	unfinished := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	machine := regexp.MustCompile("(^|[\\s\"'`(=:,])/(ro" + "ot|wo" + "rk)/")
	for _, f := range c.texts {
		for i, line := range strings.Split(f.data, "\n") {
			if m := unfinished.FindString(line); m != "" {
				c.Errorf("%s:%d: %s: finish it, or open an issue", f.path, i+1, m)
			}
			if m := machine.FindString(line); m != "" {
				c.Errorf("%s:%d: %q is a path of one machine", f.path, i+1, strings.TrimSpace(m))
			}
		}
	}
}
