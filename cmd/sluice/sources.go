package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"sluice"
	"sluice/plug/oidc"
	"sluice/product/account"
)

// oidcFile is the file of the setting oidc.
type oidcFile struct {
	Providers []struct {
		Name       string   `yaml:"name"`
		Label      string   `yaml:"label"`
		Issuer     string   `yaml:"issuer"`
		ClientID   string   `yaml:"client_id"`
		Secret     string   `yaml:"client_secret"`
		SecretFile string   `yaml:"client_secret_file"`
		Scopes     []string `yaml:"scopes"`
		Domains    []string `yaml:"domains"`
		Join       struct {
			Organisation string      `yaml:"organisation"`
			Role         sluice.Role `yaml:"role"`
		} `yaml:"join"`
	} `yaml:"providers"`
}

// sourceName is what a provider may be called in addresses.
var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// parseSources reads such a file. Fields that are not known are errors.
func parseSources(raw []byte) (oidcFile, error) {
	var file oidcFile
	dec, err := yaml.NewLoader(bytes.NewReader(raw), yaml.WithKnownFields())
	if err == nil {
		err = dec.Load(&file)
	}
	return file, err
}

// readSources reads the providers by which people sign in; none when path is empty.
func readSources(path string) ([]*account.Source, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the setting oidc: %w", err)
	}
	file, err := parseSources(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	seen := map[string]bool{}
	var all []*account.Source
	for _, p := range file.Providers {
		fault := func(format string, args ...any) error {
			return fmt.Errorf("%s: provider %q: %w", path, p.Name, fmt.Errorf(format, args...))
		}
		switch {
		case !sourceName.MatchString(p.Name) || seen[p.Name]:
			return nil, fault("a name has small letters, digits and hyphens, and is there once")
		case seen[p.Issuer]:
			return nil, fault("two providers have its issuer %s", p.Issuer)
		case p.Join.Role != "" && (!p.Join.Role.For(p.Join.Organisation) || p.Join.Organisation == ""):
			return nil, fault("join needs an organisation and one of its roles")
		case p.Join.Role != "" && len(p.Domains) == 0:
			return nil, fault("join needs domains: it would let anybody in who has an account there")
		}
		seen[p.Name], seen[p.Issuer] = true, true
		if p.SecretFile != "" {
			secret, err := os.ReadFile(p.SecretFile)
			if err != nil {
				return nil, fault("reading its secret: %w", err)
			}
			p.Secret = strings.TrimSpace(string(secret))
		}
		provider, err := oidc.New(oidc.Config{Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.Secret, Scopes: p.Scopes, Now: clock})
		if err != nil {
			return nil, fault("%w", err)
		}
		label := p.Label
		if label == "" {
			label = p.Name
		}
		for i := range p.Domains {
			p.Domains[i] = strings.ToLower(p.Domains[i])
		}
		all = append(all, &account.Source{
			Provider: provider, Name: p.Name, Label: label, Domains: p.Domains,
			Join: sluice.Membership{Org: p.Join.Organisation, Role: p.Join.Role},
		})
	}
	return all, nil
}
