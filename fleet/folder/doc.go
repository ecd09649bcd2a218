// Package folder keeps the models of this machine: GGUF files in one folder.
//
// A model is one file, and its name is the file's without ".gguf", in lower case
// and with "-" for all but letters, digits, ".", "_" and "-": a file that was
// dropped in is taken as it is called. Beside it NAME.json says where it came
// from, if it did not come by hand. While a file is being written it is called
// NAME.gguf.part, which is no model; Keep makes it one, whole and looked at.
//
// The folder belongs to the operator: links in it are followed, and what is no
// model is left alone.
package folder
