// Package hub fetches files of models from a hub that speaks Hugging Face's
// protocol: https://huggingface.co/docs/hub/api, and mirrors of it.
//
// A revision is resolved to a commit, the commit's files are listed with their
// digests, and a file is fetched in pieces over several connections, into a file
// that a later run goes on with. Nothing is called whole before its digest has been
// computed over every byte of it: the protocol's own client does not do so, and
// mirrors have served files of the right length and the wrong content.
package hub
