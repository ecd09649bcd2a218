package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"sluice"
)

// settle is how long changes are gathered before they are told: a rollout
// changes many pods within a second.
const settle = 200 * time.Millisecond

// again is the pause before what could not be taken up is told once more.
const again = 2 * time.Second

// Options say where engines are looked for.
type Options struct {
	// Kubeconfig is a file as kubectl has it; empty: the service account of the pod
	// that Sluice runs in.
	Kubeconfig string

	Namespace string // empty: all of them
	Selector  string // labels that pods must have besides LabelEngine, as kubectl writes them

	Log *slog.Logger // default: discarded
}

// Watcher finds the engines of a cluster.
type Watcher struct {
	pods cache.ListerWatcher
	log  *slog.Logger
	told map[string]string // what was last said of a pod that cannot be read
}

// New returns a Watcher. It asks the cluster nothing yet.
func New(o Options) (*Watcher, error) {
	config, err := connect(o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("finding the cluster: %w", err)
	}
	selector, err := labels.Parse(joinSelectors(LabelEngine, o.Selector))
	if err != nil {
		return nil, fmt.Errorf("reading the selector %q: %w", o.Selector, err)
	}
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("preparing to read pods: %w", err)
	}
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	config.GroupVersion, config.APIPath = &corev1.SchemeGroupVersion, "/api"
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.UserAgent = "sluice"
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("preparing to ask the cluster: %w", err)
	}
	pods := cache.NewFilteredListWatchFromClient(client, "pods", o.Namespace, func(lo *metav1.ListOptions) {
		lo.LabelSelector = selector.String()
	})
	return &Watcher{pods: pods, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)), told: map[string]string{}}, nil
}

// connect reads where the cluster is and who asks it.
func connect(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		return clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return nil, errors.New("this is no pod of Kubernetes: say which kubeconfig leads to one")
	}
	return config, err
}

func joinSelectors(a, b string) string {
	if b == "" {
		return a
	}
	return a + "," + b
}

// Run tells the engines that take calls, all of them in the order of their
// names: once they are known, and whenever they change. What apply refuses is told
// again after a while. While the cluster does not answer, what was told last
// holds: engines that cannot be seen may well serve. It returns when ctx ends.
func (w *Watcher) Run(ctx context.Context, apply func(context.Context, []sluice.Engine) error) {
	changed := make(chan struct{}, 1)
	note := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: w.pods, ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: note, UpdateFunc: func(_, pod any) { note(pod) }, DeleteFunc: note},
	})
	ctx = klog.NewContext(ctx, logr.FromSlogHandler(w.log.Handler())) // or its lines go to standard error
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		informer.RunWithContext(ctx)
	}()
	defer func() { <-stopped }()
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return
	}
	note(nil) // none is an answer as well
	for wait(ctx, changed) {
		if err := apply(ctx, w.engines(store.List())); err != nil && ctx.Err() == nil {
			w.log.ErrorContext(ctx, "taking up the engines of the cluster; trying again", "error", err)
			time.AfterFunc(again, func() { note(nil) })
		}
	}
}

// wait returns true after a change and whatever else changes soon after it.
func wait(ctx context.Context, changed <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(settle):
		return true
	}
}

// engines reads pods. One that cannot be read is said once in the log and left out.
func (w *Watcher) engines(pods []any) []sluice.Engine {
	var engines []sluice.Engine
	faults := map[string]string{}
	for _, object := range pods {
		pod, ok := object.(*corev1.Pod)
		if !ok {
			continue
		}
		e, takes, err := engineOf(pod)
		switch {
		case err != nil:
			name := pod.Namespace + "/" + pod.Name
			faults[name] = err.Error()
			if w.told[name] != err.Error() {
				w.log.Error("an engine of the cluster is left out", "error", err)
			}
		case takes:
			engines = append(engines, e)
		}
	}
	w.told = faults
	slices.SortFunc(engines, func(a, b sluice.Engine) int { return cmp.Compare(a.Name, b.Name) })
	return engines
}
