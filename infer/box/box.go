// Package box holds the model in the box: a real, tiny chat model that is
// compiled into the program, so that a fresh installation can answer, meter
// and bill without any engine beside it.
//
// It has 2.63 million parameters (Qwen3 architecture, Q8_0 weights, context of
// 1,024 tokens). Its answers are real, and as good as so small a model can give.
package box

import _ "embed"

// Name is the model's name as clients ask for it.
const Name = "tiny-chat"

// Description says in one sentence what the model is; listings show it.
const Description = "A real but tiny chat model (2.63 million parameters) that runs inside Sluice itself; connect a bigger engine for serious work."

// SHA256 is the hash of the file in hexadecimal. A test holds the file to it.
const SHA256 = "eed480557fd4e07681f3123e9f66ecca31c7ec81d54dc3a636e1339de2b42a18"

//go:embed tiny-chat-q8_0.gguf
var file string

// File returns a copy of the GGUF file, for infer.Read.
func File() []byte { return []byte(file) }
