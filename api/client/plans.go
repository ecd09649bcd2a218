package client

import (
	"context"
	"net/http"
	"net/url"

	"sluice"
	"sluice/api"
)

// PlanVersions lists the versions of all plans in order of their ids.
func (c *Client) PlanVersions(ctx context.Context, p api.Paging) (api.Page[api.PlanVersion], error) {
	return get[api.Page[api.PlanVersion]](ctx, c, query("/plans", paging(p, nil)))
}

// PublishPlan publishes a version of a plan, or tells what would change.
func (c *Client) PublishPlan(ctx context.Context, in api.PublishPlan) (api.PublishedPlan, error) {
	return send[api.PublishedPlan](ctx, c, http.MethodPost, "/plans", in)
}

// PausePlan pauses a plan's sales, or takes them up again.
func (c *Client) PausePlan(ctx context.Context, plan string, paused bool) (api.PlanSales, error) {
	return send[api.PlanSales](ctx, c, http.MethodPut, "/plans/"+url.PathEscape(plan)+"/sales", api.PlanSales{Paused: paused})
}

// Subscriptions lists the subscriptions of an organisation, or of all those
// that the caller may see when org is empty.
func (c *Client) Subscriptions(ctx context.Context, org string, p api.Paging) (api.Page[api.Subscription], error) {
	return get[api.Page[api.Subscription]](ctx, c, query("/subscriptions", paging(p, map[string]string{"organisation": org})))
}

// CreateSubscription subscribes an organisation to a plan.
func (c *Client) CreateSubscription(ctx context.Context, in api.CreateSubscription) (api.Subscription, error) {
	return send[api.Subscription](ctx, c, http.MethodPost, "/subscriptions", in)
}

// Subscription returns one subscription.
func (c *Client) Subscription(ctx context.Context, id string) (api.Subscription, error) {
	return get[api.Subscription](ctx, c, "/subscriptions/"+url.PathEscape(id))
}

// ChangeSubscription changes a subscription, or tells what that would do.
func (c *Client) ChangeSubscription(ctx context.Context, id string, in api.ChangeSubscription) (api.SubscriptionChange, error) {
	return send[api.SubscriptionChange](ctx, c, http.MethodPost, "/subscriptions/"+url.PathEscape(id)+"/change", in)
}

// Quota returns what a live subscription's windows show, with the multipliers
// for a model.
func (c *Client) Quota(ctx context.Context, id, model string) (sluice.PlanMeter, error) {
	return get[sluice.PlanMeter](ctx, c, query("/subscriptions/"+url.PathEscape(id)+"/quota", map[string]string{"model": model}))
}

// ResetQuota forgives what a subscription has used of a window, or of all for "".
func (c *Client) ResetQuota(ctx context.Context, id, window string) error {
	return c.call(ctx, http.MethodPost, "/subscriptions/"+url.PathEscape(id)+"/quota/reset", nil, api.ResetQuota{Window: window}, nil)
}
