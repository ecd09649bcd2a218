// Package kube is what Sluice knows of Kubernetes: which pods are engines, and
// what a model's workload looks like. Placing pods on nodes, starting and replacing
// them is Kubernetes's; nothing here writes to a cluster.
//
// A pod is an engine by its label:
//
//	sluice/engine: vllm                       which engine, as its driver is called
//
// and says the rest in annotations:
//
//	sluice/models: glm-4.6=zai-org/GLM-4.6    what it serves, as PUBLIC or PUBLIC=OWN, with commas
//	sluice/port: "8000"                       where it answers; else its only port
//	sluice/scheme: http                       or https
//	sluice/concurrent: "64"                   calls at once; else no limit
//	sluice/on-leave: cancel                   or drain
//
// It takes calls while Kubernetes calls it ready and does not end it. Of the
// pods of a LeaderWorkerSet the leaders are engines.
package kube
