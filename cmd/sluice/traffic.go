package main

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
)

// trafficFlags say where a model's calls go besides its own engines.
type trafficFlags struct {
	versions    []string
	fallbacks   []string
	shadow, key string
}

func (t *trafficFlags) add(c *cli, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&t.versions, "version", nil, "model that it stands for, as MODEL=WEIGHT; may be repeated")
	f.StringSliceVar(&t.fallbacks, "fallback", nil, "model that answers in its place where its engines cannot; may be repeated")
	f.StringVar(&t.shadow, "shadow", "", "model that a part of its calls is asked of as well, as MODEL=PERCENT%")
	f.StringVar(&t.key, "shadow-key", "", "id of the API key that shadow calls are made and billed with")
	for _, name := range []string{"version", "fallback", "shadow"} {
		_ = cmd.RegisterFlagCompletionFunc(name, c.completeModels())
	}
}

// fill writes what was said. Errors name the flag.
func (t *trafficFlags) fill(in *api.PutModel) error {
	in.Fallbacks = t.fallbacks
	for _, text := range t.versions {
		model, weight, _ := strings.Cut(text, "=")
		n, err := strconv.ParseInt(weight, 10, 64)
		if err != nil || n < 0 {
			return misused("--version: %q is not MODEL=WEIGHT, such as glm-4.6=90", text)
		}
		in.Versions = append(in.Versions, sluice.ModelVersion{Model: model, Weight: n})
	}
	if t.shadow == "" {
		return nil
	}
	model, percent, _ := strings.Cut(t.shadow, "=")
	part, err := perThousand(percent)
	if err != nil {
		return misused("--shadow: %q is not MODEL=PERCENT%%, such as glm-5=2.5%%", t.shadow)
	}
	if t.key == "" {
		return misused("--shadow-key is missing: shadow calls are metered and billed to an organisation of your own")
	}
	in.Shadow = &sluice.Shadow{Model: model, Part: part, Key: t.key}
	return nil
}

// perThousand reads a percentage with one decimal at most.
func perThousand(text string) (int64, error) {
	whole, tenth, _ := strings.Cut(strings.TrimSuffix(text, "%"), ".")
	if len(tenth) > 1 {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(whole+cmp.Or(tenth, "0"), 10, 64)
}
