package config

import (
	"errors"
	"time"

	"sluice"
	"sluice/fleet/queue"
)

// checkQueue reports the first setting about waiting for engines that cannot be used.
func (c *Config) checkQueue() error {
	switch {
	case c.QueueInteractive <= 0 || c.QueueAgent <= 0 || c.QueueBatch <= 0:
		return errors.New("queue_interactive, queue_agent and queue_batch must be positive")
	case c.QueueCalls < 0 || c.QueueTokens < 0 || c.QueueTenantCalls < 0 || c.QueueTenantTokens < 0:
		return errors.New("queue_calls, queue_tokens, queue_tenant_calls and queue_tenant_tokens must not be negative")
	}
	return nil
}

// QueueWaits returns how long calls of each class wait for an engine.
func (c *Config) QueueWaits() [sluice.QueueClasses]time.Duration {
	return [sluice.QueueClasses]time.Duration{c.QueueInteractive, c.QueueAgent, c.QueueBatch}
}

// QueueLimits returns how much may wait.
func (c *Config) QueueLimits() queue.Limits {
	return queue.Limits{
		Calls: c.QueueCalls, Tokens: c.QueueTokens,
		TenantCalls: c.QueueTenantCalls, TenantTokens: c.QueueTenantTokens,
	}
}
