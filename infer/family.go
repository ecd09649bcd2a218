package infer

import (
	"fmt"
	"slices"
	"strings"
)

// presence says whether a family's files have a part.
type presence int

const (
	never presence = iota // such a tensor is refused
	may                   // taken where it is
	must                  // refused where it is not
)

// family is what sets an architecture apart from the others: a decoder whose
// layers are RMSNorm, attention with rotary positions and grouped queries,
// RMSNorm, SwiGLU. The forward pass is one for all; it asks for parts, not
// for names.
type family struct {
	arch string // general.architecture
	// adjacent says that value 2j of a head turns with value 2j+1, as Llama's
	// files have it, and not with the one half a head away.
	adjacent bool
	bias     presence // added to queries, keys and values
	headNorm presence // RMSNorm over each query and key head
	after    presence // RMSNorm over what each half of a layer adds
	fused    bool     // gate and up are one tensor, ffn_up
	experts  presence // a mixture of feed-forwards
}

// families are the architectures that are supported, after llama.cpp's names
// of them and of their tensors:
//
//   - llama: Llama 1 to 3 (arXiv 2407.21783), Mistral and Mixtral (arXiv
//     2401.04088);
//   - qwen2: Qwen 2 and 2.5 (arXiv 2412.15115);
//   - qwen3, qwen3moe: arXiv 2505.09388;
//   - glm4: GLM-4-0414, dense.
func families() []family {
	return []family{
		{arch: "llama", adjacent: true, bias: may, experts: may},
		{arch: "qwen2", bias: must},
		{arch: "qwen3", headNorm: must},
		{arch: "qwen3moe", headNorm: must, experts: must},
		{arch: "glm4", adjacent: true, bias: may, after: must, fused: true},
	}
}

// findFamily returns the family of an architecture.
func findFamily(arch string) (family, error) {
	all := families()
	i := slices.IndexFunc(all, func(f family) bool { return f.arch == arch })
	if i >= 0 {
		return all[i], nil
	}
	if arch == archBERT {
		return family{}, fmt.Errorf("architecture %q: %w", arch, ErrEncoder)
	}
	names := []string{archBERT + " (embeddings)"}
	for _, f := range all {
		names = append(names, f.arch)
	}
	return family{}, fmt.Errorf("architecture %q is not supported, only %s", arch, strings.Join(names, ", "))
}
