// Package config holds the server's settings: one struct, filled from
// defaults, a YAML file, the environment (SLUICE_*) and flags, in that order. Each
// field's name, variable, flag and help come from its tags, so they cannot differ.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Config is every setting of `sluice serve`.
type Config struct {
	Listen    string `yaml:"listen" help:"address to serve on; port 0 picks a free one"`
	PublicURL string `yaml:"public_url" help:"URL that others reach the server by, such as https://models.example.com, for the links it shows; empty: the address it serves on"`
	Data      string `yaml:"data" help:"folder for the database and everything else that is kept"`
	Database  string `yaml:"database" help:"sqlite:PATH or postgres://…; empty is SQLite in the data folder"`
	TLSCert   string `yaml:"tls_cert" help:"certificate file (PEM) to serve HTTPS with"`
	TLSKey    string `yaml:"tls_key" help:"the certificate's key file (PEM)"`

	InvoiceFont string `yaml:"invoice_font" help:"TrueType font file for what invoices have besides Latin, Greek and Cyrillic letters, such as Chinese"`

	SessionIdle    time.Duration `yaml:"session_idle" help:"a session of a signed-in user ends that is not used for so long"`
	SessionLife    time.Duration `yaml:"session_life" help:"a session of a signed-in user ends after so long, however it is used"`
	OIDC           string        `yaml:"oidc" help:"YAML file that lists the OpenID Connect providers by which people sign in; docs/accounts.md shows one"`
	TrustedProxies string        `yaml:"trusted_proxies" help:"networks of the proxies in front of the server, such as 10.0.0.0/8, whose X-Forwarded-For tells where a request comes from"`

	LogLevel string `yaml:"log_level" help:"debug, info, warn or error"`
	OTLP     string `yaml:"otlp" help:"OTLP/HTTP endpoint for traces, such as http://127.0.0.1:4318; empty sends none"`

	Embedded bool   `yaml:"embedded" help:"serve the model in the binary, and a trial key for it, when nothing else is set up"`
	GGUF     string `yaml:"gguf" help:"GGUF file to serve as the embedded model instead of the one in the binary"`
	Kernel   string `yaml:"kernel" help:"instruction set of the embedded model: portable, avx2, avx512 or neon; empty: the best one of this machine"`

	ModelMemory int64 `yaml:"model_memory" help:"memory that the models of the folder of models may take together, in bytes; 0: nine tenths of what is free at the start"`

	PowerInterval time.Duration `yaml:"power_interval" help:"how often what engines draw is read or estimated; 0: never"`

	ProbeEngines bool `yaml:"probe_engines" help:"ask each engine once, and again when its version changes, what it can do and how exact its counts are"`

	KubeDiscovery bool   `yaml:"kube_discovery" help:"take up the pods of a Kubernetes cluster that are labelled as engines"`
	Kubeconfig    string `yaml:"kubeconfig" help:"file that leads to the cluster, as kubectl has it; empty: the service account of the pod that this server runs in"`
	KubeNamespace string `yaml:"kube_namespace" help:"where engines are looked for; empty: in all namespaces"`
	KubeSelector  string `yaml:"kube_selector" help:"labels that engines must have besides sluice/engine, as kubectl writes them"`

	MaxBody      int64         `yaml:"max_body" help:"largest request body in bytes"`
	BodyTimeout  time.Duration `yaml:"body_timeout" help:"time for a request's body to arrive"`
	KeepAlive    time.Duration `yaml:"keep_alive" help:"a silent stream gets a comment so often; negative: never"`
	Attempts     int64         `yaml:"attempts" help:"engines tried before a call fails"`
	Slice        int64         `yaml:"slice" help:"output tokens that a hold covers at a time"`
	HoldWait     time.Duration `yaml:"hold_wait" help:"how long a call waits for money that running calls hold"`
	DrainLimit   time.Duration `yaml:"drain_limit" help:"how long a left call is drained where an engine's policy is to drain"`
	StopTimeout  time.Duration `yaml:"stop_timeout" help:"time for streams to finish after SIGTERM"`
	Connections  int64         `yaml:"connections" help:"client connections at once; 0 is no limit"`
	AllowMetrics bool          `yaml:"allow_metrics" help:"serve /metrics to other machines without a key"`

	QueueInteractive  time.Duration `yaml:"queue_interactive" help:"how long calls of the class interactive wait for an engine where all are full"`
	QueueAgent        time.Duration `yaml:"queue_agent" help:"how long calls of the class agent wait for an engine where all are full"`
	QueueBatch        time.Duration `yaml:"queue_batch" help:"how long calls of the class batch wait for an engine where all are full"`
	QueueCalls        int64         `yaml:"queue_calls" help:"calls that wait for engines at once; 0 is no limit"`
	QueueTokens       int64         `yaml:"queue_tokens" help:"tokens that they are expected to use together; 0 is no limit"`
	QueueTenantCalls  int64         `yaml:"queue_tenant_calls" help:"calls of one organisation that wait for engines at once; 0 is no limit"`
	QueueTenantTokens int64         `yaml:"queue_tenant_tokens" help:"tokens that the waiting calls of one organisation are expected to use; 0 is no limit"`

	MaxFile    int64         `yaml:"max_file" help:"largest file that is uploaded, in bytes"`
	FileQuota  int64         `yaml:"file_quota" help:"what an organisation's files may have together, in bytes"`
	BatchKeep  time.Duration `yaml:"batch_keep" help:"how long the input and the results of batches are kept, where the client does not say"`
	BatchLines int64         `yaml:"batch_lines" help:"lines of batches that are asked at once"`
	BatchBusy  int64         `yaml:"batch_busy" help:"calls of clients under way at which no line of a batch is begun; below, as many as there is room for"`
	BatchHours string        `yaml:"batch_hours" help:"when lines of batches are begun, such as Mon-Fri 22:00-06:00, several after each other with a semicolon; empty: at any time"`
	BatchZone  string        `yaml:"batch_zone" help:"timezone of batch_hours, such as Asia/Shanghai"`

	UsageKeep time.Duration `yaml:"usage_keep" help:"how long usage is kept by the hour, for graphs; by the day it stays; 0: for ever"`
	PowerKeep time.Duration `yaml:"power_keep" help:"how long what engines drew is kept by the quarter of an hour; of days that are not closed it always is; 0: for ever"`

	ResponseStore   bool          `yaml:"response_store" help:"keep responses where the request does not say whether, as OpenAI does; false keeps those that say store=true"`
	ResponseKeep    time.Duration `yaml:"response_keep" help:"how long stored responses are kept, and conversations after their last use"`
	ResponseQuota   int64         `yaml:"response_quota" help:"what an organisation's stored responses and conversations may have together, in bytes"`
	ResponseWorkers int64         `yaml:"response_workers" help:"background responses that are worked on at once"`

	FetchAllow   string        `yaml:"fetch_allow" help:"networks from which requests may name files by URL although they are not on the public internet, such as 10.0.0.0/8"`
	FetchPorts   string        `yaml:"fetch_ports" help:"ports at which requests may name files by URL"`
	FetchMax     int64         `yaml:"fetch_max" help:"largest file that a request may name by URL, in bytes"`
	FetchTimeout time.Duration `yaml:"fetch_timeout" help:"time to download a file that a request names by URL"`

	ModerationModel string `yaml:"moderation_model" help:"model that answers /v1/moderations where a request names none"`
	ModerationGuard bool   `yaml:"moderation_guard" help:"moderation_model is a chat model that answers as Llama Guard and Qwen3Guard do; false: its engines serve /v1/moderations"`

	JobsAtOnce int64         `yaml:"jobs_at_once" help:"videos, and images and chats that are fetched later, that are made at once"`
	JobLongest time.Duration `yaml:"job_longest" help:"a job that is not done by then fails and costs nothing"`
	JobKeep    time.Duration `yaml:"job_keep" help:"how long the results of jobs are kept"`
	LinkKeep   time.Duration `yaml:"link_keep" help:"how long images are kept that clients want by URL"`

	WebhookAllow string `yaml:"webhook_allow" help:"networks that webhooks may reach although they are not on the public internet, also by http://, such as 10.0.0.0/8,127.0.0.1/32"`
	WebhookPorts string `yaml:"webhook_ports" help:"ports that webhooks may reach"`

	MailServer   string `yaml:"mail_server" help:"mail server for what organisations are told by e-mail, such as smtp.example.com:587; empty sends none"`
	MailSecurity string `yaml:"mail_security" help:"starttls, implicit (TLS from the first byte, mostly at port 465) or none"`
	MailUser     string `yaml:"mail_user" help:"who authenticates at the mail server; empty: nobody"`
	MailPassword string `yaml:"mail_password" secret:"true" help:"password of mail_user"`
	MailFrom     string `yaml:"mail_from" help:"sender of e-mails, such as Example <billing@example.com>"`

	PaymentLife         time.Duration `yaml:"payment_life" help:"how long credit lasts that was paid for, such as 8760h for a year, by payments that are booked from now on; 0: without end"`
	PaymentReturnURL    string        `yaml:"payment_return_url" help:"page that customers come back to from paying; empty: public_url"`
	StripeKey           string        `yaml:"stripe_key" secret:"true" help:"Stripe's secret key, sk_… or rk_…, to take payments with; it goes with stripe_webhook_secret"`
	StripeWebhookSecret string        `yaml:"stripe_webhook_secret" secret:"true" help:"secret of the webhook endpoint at Stripe, whsec_…, which tells its webhooks from forged ones"`
	StripeURL           string        `yaml:"stripe_url" help:"where Stripe's API is"`
}

// Default returns the settings of a newcomer.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8080", Data: "data", LogLevel: "info", Embedded: true, ProbeEngines: true, PowerInterval: 10 * time.Second,
		MaxBody: 32 << 20, BodyTimeout: 30 * time.Second, KeepAlive: 10 * time.Second, Attempts: 3, Slice: 2048,
		HoldWait: 30 * time.Second, DrainLimit: 2 * time.Minute, StopTimeout: 10 * time.Minute,
		QueueInteractive: 30 * time.Second, QueueAgent: 2 * time.Minute, QueueBatch: 10 * time.Minute, QueueCalls: 10_000, QueueTenantCalls: 5_000,
		MaxFile: 200 << 20, FileQuota: 10 << 30, BatchKeep: 30 * 24 * time.Hour, BatchLines: 8, BatchBusy: 32, BatchZone: "UTC",
		UsageKeep: 400 * 24 * time.Hour, PowerKeep: 400 * 24 * time.Hour,
		ResponseStore: true, ResponseKeep: 30 * 24 * time.Hour, ResponseQuota: 10 << 30, ResponseWorkers: 64,
		FetchPorts: "80,443", FetchMax: 20 << 20, FetchTimeout: 15 * time.Second,
		JobsAtOnce: 64, JobLongest: 24 * time.Hour, JobKeep: 72 * time.Hour, LinkKeep: 24 * time.Hour,
		SessionIdle: 12 * time.Hour, SessionLife: 7 * 24 * time.Hour,
		WebhookPorts: "80,443", MailSecurity: "starttls",
		StripeURL: "https://api.stripe.com",
	}
}

// Setting is one field, by the names it has in the file, the environment and
// on the command line.
type Setting struct {
	Name  string // "log_level"
	Env   string // "SLUICE_LOG_LEVEL"
	Flag  string // "log-level"; empty for a secret, which everybody on the machine would read in a flag
	Help  string
	value reflect.Value
}

// Secret reports whether the value is never shown.
func (s *Setting) Secret() bool { return s.Flag == "" }

// Settings lists the fields of c, which they set.
func (c *Config) Settings() []Setting {
	v := reflect.ValueOf(c).Elem()
	list := make([]Setting, v.NumField())
	for i := range list {
		tag := v.Type().Field(i).Tag
		name := tag.Get("yaml")
		list[i] = Setting{
			Name: name, Env: "SLUICE_" + strings.ToUpper(name), Flag: strings.ReplaceAll(name, "_", "-"),
			Help: tag.Get("help"), value: v.Field(i),
		}
		if tag.Get("secret") != "" {
			list[i].Flag = ""
		}
	}
	return list
}

// String returns the current value, of a secret only that there is one; it
// makes *Setting a flag value.
func (s *Setting) String() string {
	if !s.value.IsValid() {
		return ""
	}
	if s.Secret() && !s.value.IsZero() {
		return "(not shown)"
	}
	return fmt.Sprint(s.value.Interface())
}

// Type names the kind of value, for help texts.
func (s *Setting) Type() string {
	switch s.value.Interface().(type) {
	case bool:
		return "bool"
	case int64:
		return "int"
	case time.Duration:
		return "duration"
	}
	return "string"
}

// Set parses a value.
func (s *Setting) Set(text string) error {
	switch s.value.Interface().(type) {
	case string:
		s.value.SetString(text)
	case bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		s.value.SetBool(b)
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 30s or 2m", text)
		}
		s.value.SetInt(int64(d))
	case int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		s.value.SetInt(n)
	}
	return nil
}

// ReadFile takes over what a YAML file sets. Unknown names are refused.
func (c *Config) ReadFile(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if err := c.ReadYAML(raw); err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return nil
}

// ReadYAML takes over what a YAML document sets. Unknown names and a second
// document are refused; an empty one sets nothing.
func (c *Config) ReadYAML(raw []byte) error {
	next := *c
	dec, err := yaml.NewLoader(bytes.NewReader(raw), yaml.WithKnownFields())
	if err != nil {
		return err
	}
	if err := dec.Load(&next); err != nil && !errors.Is(err, io.EOF) {
		return errors.New(strings.ReplaceAll(err.Error(), "not found in type config.Config", "is no setting"))
	}
	if err := dec.Load(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document")
	}
	*c = next
	return nil
}

// ReadEnv takes over the variables SLUICE_*. An empty one counts as not set;
// one that names no setting is refused: it is a slip of the pen.
func (c *Config) ReadEnv(environ []string) error {
	byEnv := map[string]Setting{}
	for _, s := range c.Settings() {
		byEnv[s.Env] = s
	}
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "SLUICE_") || text == "" || reserved(name) {
			continue
		}
		s, ok := byEnv[name]
		if !ok {
			return fmt.Errorf("environment: %s is no setting; `sluice serve --help` lists them", name)
		}
		if err := s.Set(text); err != nil {
			return fmt.Errorf("environment: %s: %w", name, err)
		}
	}
	return nil
}

// reserved reports whether a variable belongs to the command line's other
// commands or to the project's tests.
func reserved(name string) bool {
	switch name {
	case "SLUICE_SERVER", "SLUICE_KEY", "SLUICE_CONFIG":
		return true
	}
	return strings.HasPrefix(name, "SLUICE_TEST_") || strings.HasPrefix(name, "SLUICE_CRASH_") || strings.HasPrefix(name, "SLUICE_POWERLOSS_")
}

// Check reports the first setting that cannot be used.
func (c *Config) Check() error {
	switch {
	case c.Data == "":
		return errors.New("data: no folder given")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("tls_cert and tls_key go together")
	case c.MaxBody < 1:
		return errors.New("max_body must be at least 1")
	case c.Attempts < 1 || c.Slice < 1:
		return errors.New("attempts and slice must be at least 1")
	case c.ResponseKeep <= 0 || c.ResponseWorkers < 1 || c.ResponseQuota < 1:
		return errors.New("response_keep must be positive, response_quota and response_workers at least 1")
	case c.UsageKeep < 0 || c.PowerKeep < 0 || c.UsageKeep > 0 && c.UsageKeep < 62*24*time.Hour:
		return errors.New("usage_keep must be at least 1488h (two months), power_keep positive; 0 keeps for ever")
	case c.Connections < 0:
		return errors.New("connections must not be negative")
	case c.PowerInterval != 0 && (c.PowerInterval < time.Second || c.PowerInterval > 3*time.Minute):
		return errors.New("power_interval must be from 1s to 3m, or 0 for never")
	case c.SessionIdle <= 0 || c.SessionLife < c.SessionIdle:
		return errors.New("session_idle must be positive, and session_life not shorter")
	case c.PaymentLife < 0:
		return errors.New("payment_life must not be negative")
	case c.BodyTimeout <= 0 || c.HoldWait <= 0 || c.DrainLimit <= 0 || c.StopTimeout <= 0 || c.KeepAlive == 0:
		return errors.New("durations must be positive (keep_alive may be negative: never)")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for name, text := range map[string]string{"public_url": c.PublicURL, "payment_return_url": c.PaymentReturnURL, "stripe_url": c.StripeURL} {
		if u, err := url.Parse(text); text != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("%s: %q is no URL that begins with http:// or https://", name, text)
		}
	}
	if err := errors.Join(c.checkBatches(), c.checkQueue()); err != nil {
		return err
	}
	if err := c.checkMedia(); err != nil {
		return err
	}
	if _, err := c.WebhookNetworks(); err != nil {
		return err
	}
	if _, err := c.ProxyNetworks(); err != nil {
		return err
	}
	if _, err := c.WebhookPortList(); err != nil {
		return err
	}
	switch {
	case (c.MailServer == "") != (c.MailFrom == ""):
		return errors.New("mail_server and mail_from go together")
	case (c.StripeKey == "") != (c.StripeWebhookSecret == ""):
		return errors.New("stripe_key and stripe_webhook_secret go together: without the second one anybody could say that they paid")
	case c.StripeKey != "" && c.PaymentReturnURL == "" && c.PublicURL == "":
		return errors.New("stripe_key needs payment_return_url or public_url, where customers come back to")
	}
	switch c.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		return fmt.Errorf("log_level: %q is none of debug, info, warn, error", c.LogLevel)
	}
	return nil
}

// DSN returns the database to open.
func (c *Config) DSN() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "sluice.db")
}

// YAML writes the settings as a file that ReadFile takes, each with its help.
// Secrets that are set are left out.
func (c *Config) YAML() ([]byte, error) {
	var out bytes.Buffer
	for _, s := range c.Settings() {
		value, err := yaml.Marshal(map[string]any{s.Name: s.plain()})
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", s.Name, err)
		}
		switch {
		case s.Secret() && !s.value.IsZero():
			fmt.Fprintf(&out, "# %s ($%s)\n# %s: set, and not shown\n", s.Help, s.Env, s.Name)
		case s.Secret():
			fmt.Fprintf(&out, "# %s ($%s)\n%s", s.Help, s.Env, value)
		default:
			fmt.Fprintf(&out, "# %s ($%s, --%s)\n%s", s.Help, s.Env, s.Flag, value)
		}
	}
	return out.Bytes(), nil
}

// plain is the value as YAML shows it: durations as text.
func (s *Setting) plain() any {
	if d, ok := reflect.TypeAssert[time.Duration](s.value); ok {
		return d.String()
	}
	return s.value.Interface()
}
