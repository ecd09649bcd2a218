package hub

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Reference is what a user asks a hub for.
type Reference struct {
	Repository string // ns/name, or a legacy name without ns
	Revision   string // "main" when not given
	File       string // its path there; "" leaves the choice to Quantisation
	// Quantisation is the one of several files that is meant, in llama.cpp's names:
	// Q4_K_M; "" takes what there is.
	Quantisation string
}

var (
	repository = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$`)
	revision   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	quantity   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_]{0,31}$`)
)

// Parse reads a reference:
//
//	ns/name                      ns/name:Q4_K_M
//	ns/name/folder/file.gguf     ns/name@revision:Q8_0
//	https://huggingface.co/ns/name/resolve/main/file.gguf
//
// Of a URL the host is left out: a hub is asked that is set elsewhere. So is "hf.co/".
func Parse(text string) (Reference, error) {
	r := Reference{Revision: "main"}
	rest := text
	if strings.Contains(rest, "://") {
		u, err := url.Parse(rest)
		if err != nil {
			return r, fmt.Errorf("%q is no URL: %w", text, err)
		}
		rest = strings.Trim(u.Path, "/")
	} else {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "hf.co/"), "huggingface.co/")
	}
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) < 2 {
		return r, fmt.Errorf("%q is no model of a hub: want OWNER/NAME, as in Qwen/Qwen3-0.6B-GGUF:Q8_0", text)
	}
	r.Repository = parts[0] + "/" + parts[1]
	if len(parts) == 3 {
		r.File = parts[2]
		if words := strings.SplitN(r.File, "/", 3); len(words) == 3 && (words[0] == "resolve" || words[0] == "blob") { // a page's address
			r.Revision, r.File = words[1], words[2]
		} else if len(words) == 2 && words[0] == "tree" {
			r.Revision, r.File = words[1], ""
		}
	} else {
		r.Repository, r.Quantisation, _ = strings.Cut(r.Repository, ":")
	}
	if name, at, ok := strings.Cut(r.Repository, "@"); ok {
		r.Repository, r.Revision = name, at
	}
	switch {
	case !repository.MatchString(r.Repository) || strings.Contains(r.Repository, ".."):
		return r, fmt.Errorf("%q is no name of a repository: want OWNER/NAME", r.Repository)
	case !revision.MatchString(r.Revision) || strings.Contains(r.Revision, ".."):
		return r, fmt.Errorf("%q is no revision: want a branch, tag or commit", r.Revision)
	case r.Quantisation != "" && !quantity.MatchString(r.Quantisation):
		return r, fmt.Errorf("%q is no quantisation: want one such as Q4_K_M", r.Quantisation)
	case r.File != "" && (path.Clean("/"+r.File) != "/"+r.File || len(r.File) > 512):
		return r, fmt.Errorf("%q is no path of a file", r.File)
	}
	return r, nil
}

// ErrChoice is wrapped when a reference means none or several of a repository's files.
var ErrChoice = errors.New("say which file")

var numbered = regexp.MustCompile(`-\d{5}-of-(\d{5})\.gguf$`)

// isPart reports whether a file holds one of several parts of a model, by its name.
func isPart(file string) bool {
	m := numbered.FindStringSubmatch(strings.ToLower(file))
	return m != nil && m[1] != "00001"
}

// Choose returns the file that a reference means: by its path, or of the GGUF
// files that are whole models the one of the quantisation. Where none is asked
// for, it is the only one, or Q4_K_M, or Q8_0. Errors: ErrChoice, naming the files.
func (r *Repository) Choose(ref Reference) (File, error) {
	if ref.File != "" {
		i := slices.IndexFunc(r.Files, func(f File) bool { return f.Path == ref.File })
		if i < 0 {
			return File{}, fmt.Errorf("%w: %s has no %s%s", ErrChoice, r.Name, ref.File, r.offer(r.models()))
		}
		if isPart(ref.File) {
			return File{}, inParts(r.Files[i])
		}
		return r.Files[i], nil
	}
	models := r.models()
	if len(models) == 0 {
		return File{}, r.noModels()
	}
	if ref.Quantisation == "" && len(models) == 1 {
		return models[0], nil
	}
	for _, want := range wanted(ref) {
		fit := slices.DeleteFunc(slices.Clone(models), func(f File) bool { return !strings.EqualFold(quantisation(f.Path), want) })
		if len(fit) == 1 {
			return fit[0], nil
		}
		if len(fit) > 1 {
			return File{}, fmt.Errorf("%w: %s has several of %s%s", ErrChoice, r.Name, want, r.offer(fit))
		}
	}
	return File{}, fmt.Errorf("%w: %s has several files, and none of %s%s", ErrChoice, r.Name, strings.Join(wanted(ref), " or "), r.offer(models))
}

func wanted(ref Reference) []string {
	if ref.Quantisation != "" {
		return []string{ref.Quantisation}
	}
	return []string{"Q4_K_M", "Q8_0"}
}

// models are the GGUF files that hold a whole model of text.
func (r *Repository) models() []File {
	var models []File
	for _, f := range r.Files {
		name := strings.ToLower(path.Base(f.Path))
		if strings.HasSuffix(name, ".gguf") && !isPart(name) && !strings.HasPrefix(name, "mmproj") && !strings.Contains(name, "imatrix") {
			models = append(models, f)
		}
	}
	return models
}

// noModels says what a repository has instead.
func (r *Repository) noModels() error {
	for _, f := range r.Files {
		if isPart(f.Path) {
			return inParts(f)
		}
	}
	return fmt.Errorf("%w: %s has no GGUF file among its %d. Look for a repository whose name ends in -GGUF", ErrChoice, r.Name, len(r.Files))
}

// inParts says what to do with a part of a model.
func inParts(f File) error {
	return fmt.Errorf("%w: %s is a part of a model. Download all of them, join them with llama-gguf-split --merge, then `sluice model import`", ErrChoice, f.Path)
}

// offer lists files for an error.
func (r *Repository) offer(files []File) string {
	const most = 12
	var b strings.Builder
	for i, f := range files {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(files)-most)
			break
		}
		tail := "/" + f.Path
		if q := quantisation(f.Path); q != "" && !strings.Contains(f.Path, "/") {
			tail = ":" + q
		}
		fmt.Fprintf(&b, "\n  %s%s (%.2f GB)", r.Name, tail, float64(f.Size)/1e9)
	}
	return b.String()
}

var quantised = regexp.MustCompile(`(?i)(?:^|[-._])((?:ud-)?i?q\d+(?:_[0-9a-z]+)*|f16|f32|bf16|mxfp4)\.gguf$`)

// quantisation is what a file's name says of its weights, in capitals; "" if nothing.
func quantisation(file string) string {
	m := quantised.FindStringSubmatch(path.Base(file))
	if m == nil {
		return ""
	}
	return strings.ToUpper(m[1])
}
