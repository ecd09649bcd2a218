package kube

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	startBase = 10 * time.Minute // to pull an image and to compile
	startRate = 50 << 20         // bytes a second that a checkpoint is read with at the least
	startTick = 10 * time.Second // of the startup probe
)

// StartTries returns how many ten seconds a start may take by the size of the
// checkpoint, written as Kubernetes does (350Gi); empty is not known.
func StartTries(size string) (int, error) {
	if size == "" {
		size = "200Gi"
	}
	q, err := resource.ParseQuantity(size)
	if err != nil || q.Sign() < 0 {
		return 0, fmt.Errorf("%q is no size: write 350Gi", size)
	}
	reading := time.Duration(q.Value()/startRate) * time.Second
	return int((startBase + reading + startTick - 1) / startTick), nil
}

// CheckName reports why a text cannot be the name of a workload; nil when it can.
func CheckName(name string) error {
	if why := validation.IsDNS1035Label(name); len(why) > 0 {
		return fmt.Errorf("%q cannot be the name of a workload: %s", name, why[0])
	}
	return nil
}

// CheckQuantity reports why a text is no amount of a resource; nil when it is.
func CheckQuantity(text string) error {
	if _, err := resource.ParseQuantity(text); err != nil {
		return fmt.Errorf("%q is no amount as Kubernetes writes it, such as 512Gi", text)
	}
	return nil
}
