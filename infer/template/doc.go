// Package template turns conversations into a model's tokens and a model's
// tokens into answers.
//
// A GGUF file carries its chat template as a Jinja program. This package runs
// none: it knows the families of templates, finds a file's by what its program
// says (or, without one, by the tokens it has), and writes as that family's
// published template writes. A program that is of no known family is refused;
// ErrUnknown names those that are known.
//
// Special tokens are put in as tokens. All that comes from a message is
// encoded as text, so nothing that a user says can end a turn or begin another.
package template
