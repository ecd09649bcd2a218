package main

import (
	"context"
	"net/http"
	"strings"

	"sluice"
	"sluice/fleet/power"
	"sluice/gateway"
	"sluice/plug/fetch"
	"sluice/product/job"
	"sluice/product/link"
	"sluice/wire/openai"
	"sluice/wire/zai"
)

// newFetcher makes ready what downloads the files that requests name by URL.
func (s *server) newFetcher() (gateway.Fetcher, error) {
	networks, err := s.cfg.FetchNetworks()
	if err != nil {
		return nil, err
	}
	ports, err := s.cfg.FetchPortList()
	if err != nil {
		return nil, err
	}
	return fetcher{fetch.New(fetch.Options{Allow: networks, Ports: ports, Timeout: s.cfg.FetchTimeout}), s.cfg.FetchMax}, nil
}

// fetcher downloads for the gateway.
type fetcher struct {
	*fetch.Fetcher

	most int64 // bytes of one file
}

// Get downloads a file of a kind.
func (f fetcher) Get(ctx context.Context, kind, url string) (data []byte, mediaType string, err error) {
	types := map[string][]string{
		"image": {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"},
		"audio": {"audio/", "application/ogg"}, "video": {"video/"}, "file": {"application/pdf", "text/plain"},
		"any": {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "audio/", "application/ogg", "video/"},
	}[kind]
	return f.Fetcher.Get(ctx, url, fetch.Limits{Size: f.most, Types: types})
}

// lateLinks are the server's links, which are made after the gateway.
type lateLinks struct{ *server }

// Link implements gateway.Links.
func (l lateLinks) Link(ctx context.Context, org string, data []byte) (string, error) {
	return l.links.Link(ctx, org, data)
}

// newJobs makes ready what makes videos, and what nobody waits for. A server
// that stops leaves its jobs as they are and takes them up again when it starts.
func (s *server) newJobs(ctx context.Context) error {
	secret, err := s.secret(ctx, "link_signature")
	if err != nil {
		return err
	}
	s.links = link.New(link.Options{
		Files: s.store, Blobs: s.blobs, Secret: secret, Base: func() string { return s.url },
		Keep: s.cfg.LinkKeep, Quota: s.cfg.FileQuota,
	})
	run := http.NewServeMux()
	run.HandleFunc("POST "+openai.PathVideos, s.gateway.ServeVideo)
	run.Handle("/", s.gateway.Handler())
	s.jobs = job.New(job.Options{
		Jobs: s.store, Work: s.store, Blobs: s.blobs, Gateway: s.gateway, Notifier: s.notifier, Links: s.links, Run: run, Errand: jobErrand, Log: s.log,
		Deferred: s.deferred(power.FlexJob), AtOnce: int(s.cfg.JobsAtOnce), Longest: s.cfg.JobLongest, Keep: s.cfg.JobKeep,
	})
	return nil
}

// jobErrand makes a request the second half of a job.
func jobErrand(ctx context.Context, j *sluice.Job, run *job.Run) context.Context {
	e := gateway.Errand{Key: j.Key, CallID: j.CallID, Batch: j.OffPeak, At: j.CreatedAt, Held: true, Granted: j.Held, Maker: run}
	if j.Kind != sluice.JobVideo {
		e.Keep = run
	}
	return gateway.WithErrand(ctx, e)
}

// jobRoutes adds what is made later: OpenAI's videos, Z.ai's tasks, and the links
// to what was made. Z.ai's other endpoints are OpenAI's.
func (s *server) jobRoutes(mux *http.ServeMux) {
	jobs := s.jobs.Handler()
	mux.Handle(openai.PathVideos, jobs)
	mux.Handle(openai.PathVideos+"/", jobs)
	mux.Handle("POST "+openai.PathVideos, s.commission(sluice.JobVideo, openai.PathVideos, sluice.PrefixVideo, func(contentType string, body []byte) (gateway.Order, error) {
		detail, err := openai.ReadVideo(contentType, body)
		return gateway.Order{Body: body, ContentType: contentType, Detail: detail}, err
	}))
	mux.Handle(link.Path, s.links)
	for _, prefix := range zai.Prefixes() {
		mux.Handle(prefix+"/", asOpenAI(prefix, s.gateway.Handler()))
		mux.Handle(prefix+zai.PathResult, jobs)
		mux.Handle("POST "+prefix+zai.PathVideos, s.commission(sluice.JobVideo, openai.PathVideos, sluice.PrefixTask, ofZai(zai.Video)))
		mux.Handle("POST "+prefix+zai.PathImages, s.commission(sluice.JobImage, openai.PathImages, sluice.PrefixTask, ofZai(zai.Image)))
		mux.Handle("POST "+prefix+zai.PathChat, s.commission(sluice.JobChat, openai.PathChat, sluice.PrefixTask, ofZai(zai.Chat)))
	}
}

// commission is an endpoint at which what is made later is asked for.
func (s *server) commission(kind sluice.JobKind, path, prefix string, read func(string, []byte) (gateway.Order, error)) http.HandlerFunc {
	cm := &gateway.Commission{Kind: kind, Path: path, Prefix: prefix, Read: read, Desk: s.jobs}
	return func(w http.ResponseWriter, r *http.Request) { s.gateway.ServeCommission(w, r, cm) }
}

// ofZai reads a request of Z.ai's.
func ofZai(read func([]byte) (zai.Order, error)) func(string, []byte) (gateway.Order, error) {
	return func(_ string, body []byte) (gateway.Order, error) {
		o, err := read(body)
		return gateway.Order{Body: o.Body, ContentType: "application/json", OffPeak: o.OffPeak, Detail: o.Detail}, err
	}
}

// asOpenAI serves below a prefix what OpenAI has below /v1.
func asOpenAI(prefix string, next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = "/v1"+strings.TrimPrefix(r.URL.Path, prefix), ""
		next.ServeHTTP(w, r)
	}
}
