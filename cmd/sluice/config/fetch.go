package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// FetchNetworks returns the networks of FetchAllow.
func (c *Config) FetchNetworks() ([]netip.Prefix, error) {
	return networks("fetch_allow", c.FetchAllow)
}

// FetchPortList returns the ports of FetchPorts.
func (c *Config) FetchPortList() ([]uint16, error) { return ports("fetch_ports", c.FetchPorts) }

// ProxyNetworks returns the networks of TrustedProxies.
func (c *Config) ProxyNetworks() ([]netip.Prefix, error) {
	return networks("trusted_proxies", c.TrustedProxies)
}

// WebhookNetworks returns the networks of WebhookAllow.
func (c *Config) WebhookNetworks() ([]netip.Prefix, error) {
	return networks("webhook_allow", c.WebhookAllow)
}

// WebhookPortList returns the ports of WebhookPorts.
func (c *Config) WebhookPortList() ([]uint16, error) { return ports("webhook_ports", c.WebhookPorts) }

func networks(setting, list string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for text := range strings.FieldsFuncSeq(list, isSeparator) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no network such as 10.0.0.0/8", setting, text)
		}
		all = append(all, p)
	}
	return all, nil
}

func ports(setting, list string) ([]uint16, error) {
	var all []uint16
	for text := range strings.FieldsFuncSeq(list, isSeparator) {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return nil, fmt.Errorf("%s: %q is no port", setting, text)
		}
		all = append(all, uint16(port))
	}
	if len(all) == 0 {
		return nil, errors.New(setting + ": no port given")
	}
	return all, nil
}

func isSeparator(r rune) bool { return r == ',' || r == ' ' }

// checkMedia checks the settings of what is fetched, and of jobs.
func (c *Config) checkMedia() error {
	if _, err := c.FetchNetworks(); err != nil {
		return err
	}
	if _, err := c.FetchPortList(); err != nil {
		return err
	}
	switch {
	case c.FetchMax < 1 || c.JobsAtOnce < 1:
		return errors.New("fetch_max and jobs_at_once must be at least 1")
	case c.FetchTimeout <= 0 || c.JobLongest <= 0 || c.JobKeep <= 0 || c.LinkKeep <= 0:
		return errors.New("durations must be positive")
	case c.ModerationGuard && c.ModerationModel == "":
		return errors.New("moderation_guard needs moderation_model")
	}
	return nil
}
