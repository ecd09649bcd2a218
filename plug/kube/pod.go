package kube

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sluice"
)

// What pods say of themselves.
const (
	LabelEngine = "sluice/engine"

	noteModels     = "sluice/models"
	notePort       = "sluice/port"
	noteScheme     = "sluice/scheme"
	noteConcurrent = "sluice/concurrent"
	noteOnLeave    = "sluice/on-leave"

	// labelWorker numbers the pods of a group of a LeaderWorkerSet; 0 leads
	// (lws.sigs.k8s.io, "Labels, annotations and environment variables").
	labelWorker = "leaderworkerset.sigs.k8s.io/worker-index"
)

// engineOf returns the engine that a pod is, without an id, and false while it
// takes no calls. Errors say which annotation cannot be read.
func engineOf(pod *corev1.Pod) (sluice.Engine, bool, error) {
	if index := pod.Labels[labelWorker]; index != "" && index != "0" || !serving(pod) {
		return sluice.Engine{}, false, nil
	}
	refused := func(note, why string) (sluice.Engine, bool, error) {
		return sluice.Engine{}, false, fmt.Errorf("pod %s/%s, annotation %s: %s", pod.Namespace, pod.Name, note, why)
	}
	notes := pod.Annotations
	models, err := modelsOf(notes[noteModels])
	if err != nil {
		return refused(noteModels, err.Error())
	}
	port, err := portOf(pod)
	if err != nil {
		return refused(notePort, err.Error())
	}
	scheme := cmp.Or(notes[noteScheme], "http")
	if scheme != "http" && scheme != "https" {
		return refused(noteScheme, "neither http nor https")
	}
	var concurrent int64
	if text := notes[noteConcurrent]; text != "" {
		if concurrent, err = strconv.ParseInt(text, 10, 64); err != nil || concurrent < 0 {
			return refused(noteConcurrent, "no number of calls")
		}
	}
	leave := sluice.OnLeave(cmp.Or(notes[noteOnLeave], string(sluice.LeaveCancel)))
	if leave != sluice.LeaveCancel && leave != sluice.LeaveDrain {
		return refused(noteOnLeave, "neither cancel nor drain")
	}
	return sluice.Engine{
		Name: pod.Namespace + "." + pod.Name, Kind: sluice.EngineHTTP,
		URL: scheme + "://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(port)), Models: models,
		Driver: driverOf(pod.Labels[LabelEngine]), OnLeave: leave, Concurrent: concurrent,
		CreatedAt: pod.CreationTimestamp.UTC(),
	}, true, nil
}

// serving reports whether a pod takes calls: it has an address, Kubernetes
// calls it ready, and nobody ends it.
func serving(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.PodIP != "" && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// driverOf leaves it to the probe to find out which engine it is where the label says "auto".
func driverOf(label string) string {
	if label == "auto" {
		return ""
	}
	return label
}

// modelsOf reads "glm-4.6=zai-org/GLM-4.6, glm-4.6-air".
func modelsOf(text string) (map[string]string, error) {
	models := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		public, own, _ := strings.Cut(strings.TrimSpace(part), "=")
		if public == "" {
			return nil, fmt.Errorf("%q names no model; it is written as PUBLIC=OWN, with commas", part)
		}
		if _, twice := models[public]; twice {
			return nil, fmt.Errorf("%q stands there twice", public)
		}
		models[public] = cmp.Or(own, public)
	}
	return models, nil
}

// portOf is the port that the annotation says, or the only one of the pod.
func portOf(pod *corev1.Pod) (int, error) {
	if text := pod.Annotations[notePort]; text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return 0, fmt.Errorf("%q is no port", text)
		}
		return int(port), nil
	}
	var ports []int32
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			ports = append(ports, p.ContainerPort)
		}
	}
	if len(ports) != 1 {
		return 0, fmt.Errorf("missing, and the pod has %d ports", len(ports))
	}
	return int(ports[0]), nil
}
