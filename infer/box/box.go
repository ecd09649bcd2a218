// Package box holds the model in the box: a real, tiny chat model that is
// compiled into the program, so that a fresh installation can answer, meter
// and bill without any engine beside it.
//
// It has 3.54 million parameters (Qwen3 architecture, Q8_0 weights, context of
// 1,024 tokens), and was trained by this project, from nothing, on text that a
// grammar in train/ makes: it is the project's own, under the project's licence.
// Its answers are real, and as good as so small a model can give: it restates
// what infer/guide finds in the docs, and is at a loss with nearly all else.
package box

import _ "embed"

// Name is the model's name as clients ask for it.
const Name = "tiny-chat"

// Description says in one sentence what the model is; listings show it.
const Description = "A real but tiny chat model (3.54 million parameters) that runs inside Sluice itself and answers from its docs; connect a bigger engine for serious work."

// SHA256 is the hash of the file in hexadecimal. A test holds the file to it.
const SHA256 = "7296d516fbf45253530ae3a6ee7fb60f8476dbfce8ce2b34cddc9b2edbf63c32"

//go:embed tiny-chat-q8_0.gguf
var file string

// File returns a copy of the GGUF file, for infer.Read.
func File() []byte { return []byte(file) }
