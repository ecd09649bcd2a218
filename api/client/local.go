package client

import (
	"context"
	"net/http"

	"sluice/api"
	"sluice/billing/local"
	"sluice/money/localreport"
)

// Deployments returns a page of deployments at customers'.
func (c *Client) Deployments(ctx context.Context, p api.Paging) (api.Page[localreport.Deployment], error) {
	return get[api.Page[localreport.Deployment]](ctx, c, query("/deployments", paging(p, nil)))
}

// RegisterDeployment registers the key of a deployment.
func (c *Client) RegisterDeployment(ctx context.Context, in api.RegisterDeployment) (*localreport.Deployment, error) {
	return send[*localreport.Deployment](ctx, c, http.MethodPost, "/deployments", in)
}

// ImportReport imports what a deployment reports.
func (c *Client) ImportReport(ctx context.Context, file []byte) (*local.Imported, error) {
	return send[*local.Imported](ctx, c, http.MethodPost, "/deployments/reports", api.ImportReport{File: string(file)})
}
