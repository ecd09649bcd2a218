package main

import (
	"context"
	"errors"
	"slices"

	"sluice"
	"sluice/api"
	"sluice/plug/kube"
)

// discover takes up the engines of a Kubernetes cluster, until the function that
// is returned ends it.
func (s *server) discover(ctx context.Context, management *api.Server) (stop func(), err error) {
	if !s.cfg.KubeDiscovery {
		return func() {}, nil
	}
	watcher, err := kube.New(kube.Options{Kubeconfig: s.cfg.Kubeconfig, Namespace: s.cfg.KubeNamespace, Selector: s.cfg.KubeSelector, Log: s.log})
	if err != nil {
		return nil, err
	}
	var told []string // what was last said of engines that were refused
	return background(context.WithoutCancel(ctx), func(ctx context.Context) {
		watcher.Run(ctx, func(ctx context.Context, found []sluice.Engine) error {
			refused, err := management.SyncEngines(ctx, sluice.OriginKubernetes, found)
			var why []string
			for _, r := range refused {
				why = append(why, r.Error())
			}
			if len(why) > 0 && !slices.Equal(why, told) {
				s.log.WarnContext(ctx, "engines of the cluster are left out", "error", errors.Join(refused...))
			}
			told = why
			return err
		})
	}), nil
}
