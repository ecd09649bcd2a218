package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice/fleet/driver"
	"sluice/plug/kube"
)

func (c *cli) kubeCommand() *cobra.Command {
	var sluiceNamespace, namespace string
	access := &cobra.Command{
		Use: "access", Short: "Print what lets Sluice see engines in a cluster", Args: none,
		Long: "Prints a service account and the right to list and watch pods, which is all that a server with kube_discovery\n" +
			"needs, as YAML for kubectl. It asks no server and no cluster.",
		Example: "  sluice kube access --namespace models | kubectl apply -f -",
		RunE: func(_ *cobra.Command, _ []string) error {
			out, err := kube.Access(sluiceNamespace, namespace)
			return c.showObjects(out, err)
		},
	}
	access.Flags().StringVar(&sluiceNamespace, "sluice-namespace", "sluice", "where Sluice runs")
	access.Flags().StringVar(&namespace, "namespace", "", "where the engines are; empty: anywhere")
	return group("kube", "Kubernetes: workloads of models, and what finds them", access, c.kubeModel())
}

// showObjects prints objects of Kubernetes as YAML, or as JSON, one on a line.
func (c *cli) showObjects(objects []byte, err error) error {
	if err == nil && c.json {
		objects, err = kube.JSON(objects)
	}
	if err == nil {
		_, err = c.out.Write(objects)
	}
	return err
}

// workload is what an operator says of a model's workload.
type workload struct {
	kube.Values
	namespace, path, chip, resource, memory, claim, hostPath, size, chart string
	chips                                                                 int
	env, args, selector                                                   []string
}

func (c *cli) kubeModel() *cobra.Command {
	w := workload{}
	cmd := &cobra.Command{
		Use: "model MODEL", Short: "Print the workload of a model for Kubernetes, or write it as a Helm chart", Args: one("MODEL"),
		Long: "Prints a Deployment, or a LeaderWorkerSet where several nodes serve a replica, with the flags that make its counts\n" +
			"exact, probes that follow the checkpoint's size, and a network policy that lets only Sluice reach it, as YAML for\n" +
			"kubectl. Kubernetes places it; a server with kube_discovery finds its pods by their label. It asks no server.",
		Example: "  sluice kube model glm-4.6 --engine vllm --image vllm/vllm-openai:v0.22.0 --path /models/GLM-4.6-FP8 --claim models --chip nvidia --chips 8 --size 350Gi | kubectl apply -f -\n" +
			"  sluice kube model glm-5 --engine sglang --image lmsysorg/sglang:v0.5.12 --path /models/GLM-5 --host-path /data --chip nvidia --chips 8 --nodes 2 --chart ./glm-5",
		ValidArgsFunction: c.completeModels(),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := w.fill(args[0]); err != nil {
				return err
			}
			if w.chart != "" {
				if err := kube.WriteChart(w.Values, w.chart); err != nil {
					return err
				}
				return c.show(map[string]string{"chart": w.chart}, func(out io.Writer) {
					row(out, "chart", w.chart)
					row(out, "next", "helm install "+w.Name+" "+w.chart+" --namespace "+w.namespace)
				})
			}
			out, err := kube.Manifests(w.Values, w.namespace)
			return c.showObjects(out, err)
		},
	}
	w.flags(cmd)
	return cmd
}

func (w *workload) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.Engine, "engine", "vllm", "which engine: vllm, sglang, llamacpp, lmdeploy, tei; others with their command after --")
	f.StringVar(&w.Image, "image", "", "its container image, with a tag")
	f.StringVar(&w.path, "path", "", "the model in the container, such as /models/GLM-4.6; or a name that the engine downloads")
	f.StringVar(&w.claim, "claim", "", "persistent volume claim that holds models, mounted at --mount")
	f.StringVar(&w.hostPath, "host-path", "", "folder of the nodes that holds models, mounted at --mount")
	f.StringVar(&w.MountPath, "mount", "/models", "where models are mounted")
	f.StringVar(&w.chip, "chip", "", "vendor of the chips: nvidia, amd, ascend, …")
	f.StringVar(&w.resource, "resource", "", "what the cluster calls the chips, where that is not the vendor's name for them")
	f.IntVar(&w.chips, "chips", 1, "chips of a node")
	f.StringVar(&w.memory, "memory", "", "memory of a node, such as 512Gi")
	f.StringVar(&w.SharedMemory, "shared-memory", "16Gi", "of the processes of an engine")
	f.IntVar(&w.Nodes, "nodes", 1, "nodes that serve one replica together")
	f.IntVar(&w.Replicas, "replicas", 1, "replicas")
	f.StringVar(&w.size, "size", "", "size of the checkpoint, such as 350Gi: a start may take longer for a larger one")
	f.IntVar(&w.Concurrent, "concurrent", 0, "calls at once and replica; 0 is no limit")
	f.IntVar(&w.Port, "port", 8000, "where the engine answers")
	f.IntVar(&w.DrainSeconds, "drain", 300, "seconds for running calls once a pod is being ended")
	f.StringArrayVar(&w.env, "env", nil, "NAME=VALUE for the engine; may be repeated")
	f.StringArrayVar(&w.args, "arg", nil, "another argument of the engine; may be repeated")
	f.StringArrayVar(&w.selector, "node", nil, "LABEL=VALUE that nodes must have; may be repeated")
	f.StringVar(&w.Name, "name", "", "of the workload; by the model when absent")
	f.StringVar(&w.namespace, "namespace", "default", "where it is put")
	f.StringVar(&w.SluiceNamespace, "sluice-namespace", "sluice", "where Sluice runs, whose pods alone reach it")
	f.StringVar(&w.chart, "chart", "", "write a Helm chart into this new folder instead")
	_ = cmd.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions(driver.Known(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("chip", cobra.FixedCompletions(kube.Vendors(), cobra.ShellCompDirectiveNoFileComp))
}

// fill completes the values for a model. Errors name the flag.
func (w *workload) fill(model string) error {
	for flag, value := range map[string]string{"image": w.Image, "path": w.path} {
		if value == "" {
			return misused("--%s is missing", flag)
		}
	}
	w.Name = cmp.Or(w.Name, workloadName(model))
	if err := kube.CheckName(w.Name); err != nil {
		return misused("--name: %v", err)
	}
	d := driver.Find(w.Engine)
	if d.Name != w.Engine {
		return misused("--engine: %q is none of %s", w.Engine, strings.Join(driver.Known(), ", "))
	}
	w.Models = model
	w.Health = d.Health[0]
	w.TerminationSeconds = w.DrainSeconds + 60
	var env []string
	var err error
	w.Command, w.Follow, env, err = d.Command(driver.Start{
		Model: w.path, Served: model, Port: w.Port, Chips: w.chips, Nodes: w.Nodes, Args: w.args, Contained: true,
	})
	if err != nil {
		return err
	}
	for _, variable := range append(env, w.env...) {
		name, value, ok := strings.Cut(variable, "=")
		if !ok || name == "" {
			return misused("--env: %q is not NAME=VALUE", variable)
		}
		w.Environment = append(w.Environment, kube.Variable{Name: name, Value: value})
	}
	if w.StartTries, err = kube.StartTries(w.size); err != nil {
		return misused("--size: %v", err)
	}
	return errors.Join(w.limit(), w.mount(), w.choose())
}

// limit says what a node's part needs.
func (w *workload) limit() error {
	resource, known := kube.Resource(w.chip)
	if w.resource != "" {
		resource, known = w.resource, true
	}
	if !known {
		return misused("--chip: %q is none of %s; say --resource", w.chip, strings.Join(kube.Vendors(), ", "))
	}
	w.Limits = map[string]string{resource: fmt.Sprint(w.chips)}
	for flag, amount := range map[string]string{"memory": w.memory, "shared-memory": w.SharedMemory} {
		if amount == "" {
			continue
		}
		if err := kube.CheckQuantity(amount); err != nil {
			return misused("--%s: %v", flag, err)
		}
	}
	if w.memory != "" {
		w.Limits["memory"] = w.memory
	}
	return nil
}

// mount says where the models are.
func (w *workload) mount() error {
	switch {
	case w.claim != "" && w.hostPath != "":
		return misused("--claim and --host-path: only one of them")
	case w.claim != "":
		w.Volume = map[string]any{"persistentVolumeClaim": map[string]any{"claimName": w.claim, "readOnly": true}}
	case w.hostPath != "":
		w.Volume = map[string]any{"hostPath": map[string]any{"path": w.hostPath, "type": "Directory"}}
	case strings.HasPrefix(w.path, "/"):
		return misused("--path: %s is a folder of the container; say --claim or --host-path for what is mounted there", w.path)
	}
	return nil
}

// choose says which nodes it may run on.
func (w *workload) choose() error {
	for _, text := range w.selector {
		label, value, ok := strings.Cut(text, "=")
		if !ok || label == "" {
			return misused("--node: %q is not LABEL=VALUE", text)
		}
		if w.NodeSelector == nil {
			w.NodeSelector = map[string]string{}
		}
		w.NodeSelector[label] = value
	}
	return nil
}

// workloadName makes a name that Kubernetes takes of a model's.
func workloadName(model string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, model)
	return strings.Trim(name, "-")
}
