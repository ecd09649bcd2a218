package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"sluice"
	shipped "sluice/docs"
	"sluice/fleet/command"
	"sluice/fleet/embedded"
	"sluice/fleet/simulator"
	"sluice/infer"
	"sluice/infer/box"
	"sluice/infer/guide"
	"sluice/money/ledger"
	"sluice/money/price"
)

// The trial: what a newcomer finds, so that the first command answers.
const (
	trialName   = "trial"
	trialCredit = "5.00"
	trialFile   = "trial-key" // in the data folder, readable by its owner alone
	boxEngine   = "box"

	trialSetting = "trial_organisation" // the setting that holds its id
)

// The demo prices of the embedded model, and of files in the folder of models
// while there are no others, in USD per million tokens.
const (
	demoInput  = "0.10"
	demoCached = "0.01"
	demoOutput = "0.40"
)

// welcome is what a newcomer is given at the start.
type welcome struct {
	trialKey string // empty when there is no trial
	setup    string // the one-time token for the first administrator; empty once there is one
}

// welcome makes the model in the binary sellable and its trial key ready, the
// first time, and a token for the first administrator until there is one.
func (s *server) welcome(ctx context.Context) (welcome, error) {
	var w welcome
	var err error
	if w.setup, err = s.setupToken(ctx); err != nil {
		return w, err
	}
	if !s.cfg.Embedded {
		return w, nil
	}
	orgs, err := s.store.Organisations(ctx)
	if err != nil {
		return w, err
	}
	if len(orgs) == 0 {
		if err := s.makeTrial(ctx); err != nil {
			return w, err
		}
	}
	if err := s.grantTrial(ctx); err != nil {
		return w, err
	}
	w.trialKey, err = s.trialKey(ctx)
	return w, err
}

// setupToken makes the token of the first administrator's link; there is none
// once the operator has a user or a key that can do everything.
func (s *server) setupToken(ctx context.Context) (string, error) {
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		if k.Org == "" && k.Role == sluice.RoleOwner && k.Usable(clock()) == nil {
			return "", nil
		}
	}
	if owners, err := s.store.CountOwners(ctx, ""); err != nil || owners > 0 {
		return "", err
	}
	return s.accounts.NewSetupToken(ctx)
}

// makeTrial stores the model in the binary, its engine, a demo price book and
// an organisation, which comes last: a boot that dies before it begins anew.
func (s *server) makeTrial(ctx context.Context) error {
	now := clock()
	model := &sluice.Model{Name: box.Name, Description: box.Description, OwnedBy: "sluice", ContextLength: 1024, CreatedAt: now}
	engine := &sluice.Engine{
		ID: sluice.NewID(sluice.PrefixEngine, now), Name: boxEngine, Kind: sluice.EngineEmbedded,
		Models: map[string]string{box.Name: box.Name}, OnLeave: sluice.LeaveCancel, CreatedAt: now,
	}
	if err := s.store.PutModel(ctx, model); err != nil {
		return err
	}
	if _, err := s.engines.PutEngine(ctx, engine); err != nil {
		return err
	}
	book, err := demoBook(box.Name)
	if err != nil {
		return err
	}
	if err := s.store.PublishBook(ctx, book); err != nil {
		return err
	}
	org := &sluice.Organisation{ID: sluice.NewID(sluice.PrefixOrganisation, now), Name: trialName, Currency: "USD", CreatedAt: now}
	if err := s.store.PutSetting(ctx, trialSetting, org.ID); err != nil {
		return err
	}
	return s.store.CreateOrganisation(ctx, org)
}

// grantTrial gives the trial organisation its credit. The transaction's id is
// made of the organisation's, and so it is booked once, also where a first boot
// died before it.
func (s *server) grantTrial(ctx context.Context) error {
	id, err := s.store.Setting(ctx, trialSetting)
	if err != nil {
		return err
	}
	orgs, err := s.store.Organisations(ctx)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		if o.ID != id {
			continue
		}
		credit, err := sluice.ParseAmount(trialCredit)
		if err != nil {
			return err
		}
		tx := sluice.Tx{ID: sluice.PrefixTx + strings.TrimPrefix(o.ID, sluice.PrefixOrganisation), At: o.CreatedAt, Memo: trialName}
		if tx, err = ledger.Grant(tx, o.ID, o.Currency, credit); err != nil {
			return err
		}
		return s.ledger.Post(ctx, tx)
	}
	return nil
}

// demoBook gives models the prices of the trial; batches cost half.
func demoBook(models ...string) (*price.Book, error) {
	now := clock()
	draft := price.Draft{Currency: "USD", EffectiveAt: now}
	for _, model := range models {
		for class, text := range map[sluice.Class]string{
			sluice.ClassInput: demoInput, sluice.ClassCached: demoCached, sluice.ClassOutput: demoOutput,
		} {
			p, err := sluice.ParsePrice(text)
			if err != nil {
				return nil, err
			}
			draft.Rules = append(draft.Rules,
				price.Rule{Model: model, Class: class, Price: p},
				price.Rule{Model: model, Class: class, Price: p / 2, Conditions: price.Conditions{Batch: true}}, // all are even
			)
		}
	}
	return price.Publish(sluice.NewID(sluice.PrefixBook, now), draft, now)
}

// trialKey returns the trial's key, which a file keeps so that it can be shown
// at each start. When file or key is gone, a new key takes its place; when the
// trial organisation is gone, there is none.
func (s *server) trialKey(ctx context.Context) (string, error) {
	path := filepath.Join(s.cfg.Data, trialFile)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the trial key: %w", err)
	}
	secret := strings.TrimSpace(string(raw))
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		if secret != "" && k.Hash == sluice.HashKey(secret) && k.Usable(clock()) == nil {
			return secret, nil
		}
	}
	orgs, err := s.store.Organisations(ctx)
	if err != nil {
		return "", err
	}
	for _, o := range orgs {
		if o.Name == trialName {
			return s.makeTrialKey(ctx, o, path)
		}
	}
	return "", nil
}

func (s *server) makeTrialKey(ctx context.Context, org *sluice.Organisation, path string) (string, error) {
	now := clock()
	secret := sluice.NewSecret()
	key := &sluice.Key{
		ID: sluice.NewID(sluice.PrefixKey, now), Org: org.ID, Name: trialName, Role: sluice.RoleDeveloper,
		Hash: sluice.HashKey(secret), Last4: secret[len(secret)-4:], CreatedAt: now,
	}
	if err := s.store.CreateKey(ctx, key); err != nil {
		return "", err
	}
	if err := keepFile(path, []byte(secret+"\n")); err != nil {
		return "", fmt.Errorf("keeping the trial key: %w", err)
	}
	return secret, nil
}

// localEngine builds an engine that runs in this process.
func (s *server) localEngine(e sluice.Engine) (http.Handler, error) {
	switch e.Kind {
	case sluice.EngineEmbedded:
		if e.URL != "" {
			return s.fileEngine(&e)
		}
		own, err := s.embeddedEngine()
		if counts, ok := own.(*embedded.Engine); ok {
			s.embedded.Store(e.ID, counts)
		}
		return own, err
	case sluice.EngineSimulated:
		cfg, err := simulator.Parse(e.URL)
		if err != nil {
			return nil, err
		}
		return simulator.New(cfg)
	case sluice.EngineCommand:
		return s.commandEngine(e)
	case sluice.EngineHTTP, sluice.EngineProcess:
	}
	return nil, fmt.Errorf("engine %s of kind %q does not run in this process", e.Name, e.Kind)
}

// commandEngine builds an engine that runs a command. One that is not installed
// is an engine that is not well, and no reason for the server not to start.
func (s *server) commandEngine(e sluice.Engine) (http.Handler, error) {
	cfg, err := command.Parse(e.URL)
	if err != nil {
		return nil, err
	}
	engine, err := command.New(cfg)
	if err != nil {
		s.log.Error("an engine's command cannot be run", "engine", e.Name, "error", err)
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the command cannot be run", http.StatusInternalServerError)
		}), nil
	}
	return engine, nil
}

// boxOptions is what the model in the binary may use: it is small, and one core
// beside the server's own work is plenty.
func boxOptions(kernel string) infer.Options {
	return infer.Options{Threads: 1, Kernel: kernel, Cache: 16 << 20}
}

// embeddedEngine loads the model in the binary, or the file that the operator chose.
func (s *server) embeddedEngine() (http.Handler, error) {
	var model *infer.Model
	var err error
	if s.cfg.GGUF != "" {
		model, err = s.fileOptions().Open(s.cfg.GGUF)
		if errors.Is(err, infer.ErrEncoder) {
			return s.embeddedEncoder()
		}
		if err != nil {
			return s.unloaded(err), nil
		}
	} else {
		model, err = boxOptions(s.cfg.Kernel).Read(box.File())
	}
	if err != nil {
		return nil, fmt.Errorf("loading the embedded model: %w", err)
	}
	config := embedded.Config{Model: model, ID: box.Name, Description: box.Description, Now: clock}
	if s.cfg.GGUF == "" { // the model in the box was taught to read the docs
		config.Guide = docsGuide()
	}
	return embedded.New(config)
}

// docsGuide knows the documentation in the binary.
func docsGuide() *guide.Guide {
	var pages []guide.Page
	for _, page := range shipped.Pages() {
		pages = append(pages, guide.Page(page))
	}
	return guide.New(pages)
}

// embeddedEncoder loads the operator's file as a model of embeddings.
func (s *server) embeddedEncoder() (http.Handler, error) {
	encoder, err := s.fileOptions().OpenEncoder(s.cfg.GGUF)
	if err != nil {
		return s.unloaded(err), nil
	}
	return embedded.New(embedded.Config{Encoder: encoder, ID: box.Name, Description: encoder.Name(), Now: clock})
}

// fileOptions is what a model of the operator's may use: all cores, and nine tenths
// of the memory that is available, where that is known.
func (s *server) fileOptions() infer.Options {
	o := infer.Options{Kernel: s.cfg.Kernel}
	if free, err := sparedMemory(); err == nil {
		o.Memory = max(1, free)
	}
	return o
}

// unloaded stands for a model that could not be loaded: a file that is damaged or
// too large is an engine that is not well, and no reason for the server not to start.
// It is not full either, which would have calls wait for it.
func (s *server) unloaded(err error) http.Handler {
	s.log.Error("the embedded model cannot be loaded", "error", err)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the embedded model could not be loaded: the server's log says why", http.StatusInternalServerError)
	})
}

// secret returns a random value that is made once and kept.
func (s *server) secret(ctx context.Context, name string) ([]byte, error) {
	text, err := s.store.Setting(ctx, name)
	if err != nil {
		return nil, err
	}
	if text != "" {
		return hex.DecodeString(text)
	}
	b := make([]byte, 32)
	_, _ = rand.Read(b) // documented never to fail
	return b, s.store.PutSetting(ctx, name, hex.EncodeToString(b))
}

// newToken is a random text for a link.
func newToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // documented never to fail
	return base64.RawURLEncoding.EncodeToString(b)
}
