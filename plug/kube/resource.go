package kube

import (
	"maps"
	"slices"
)

// Resource returns what Kubernetes calls a vendor's chips where its own device
// plugin is installed, and whether that is known. Plugins can be told another name,
// and those that share chips have their own: an operator's word goes first.
func Resource(vendor string) (string, bool) {
	name, ok := resources()[vendor]
	return name, ok
}

// Vendors returns those whose chips Resource knows, in order.
func Vendors() []string { return slices.Sorted(maps.Keys(resources())) }

func resources() map[string]string {
	return map[string]string{
		"nvidia":    "nvidia.com/gpu",
		"amd":       "amd.com/gpu",
		"ascend":    "huawei.com/Ascend910",
		"cambricon": "cambricon.com/mlu",
		"hygon":     "hygon.com/dcu",
		"iluvatar":  "iluvatar.com/gpu", // earlier plugins: iluvatar.ai/gpu
		"metax":     "metax-tech.com/gpu",
		"mthreads":  "mthreads.com/gpu",
		"thead":     "alibabacloud.com/ppu",
		"kunlunxin": "kunlunxin.com/xpu",
		"enflame":   "enflame.com/gcu",
	}
}
