package sluice

import "slices"

// Role says what a key or a user may do in the management API. It is held
// either for the operator, who runs the server, or for one organisation; the
// names owner and admin exist on both sides. Which operations a role is open to
// stands where they are declared, in api.
type Role string

// The roles, with what they are to whom.
const (
	RoleOwner     Role = "owner"     // operator: everything. Organisation: everything of its own
	RoleAdmin     Role = "admin"     // operator: all but money and the operator's own people. Organisation: its projects, keys and people
	RoleFinance   Role = "finance"   // operator: balances, prices, statements, credits
	RoleSupport   Role = "support"   // operator: reads everything but secrets
	RoleBilling   Role = "billing"   // organisation: payments, invoices, budgets, subscriptions
	RoleDeveloper Role = "developer" // organisation: calls models, reads usage and balance
	RoleViewer    Role = "viewer"    // organisation: reads usage and balance
)

// OperatorRoles are the roles that are held for the operator, the most powerful first.
func OperatorRoles() []Role { return []Role{RoleOwner, RoleAdmin, RoleFinance, RoleSupport} }

// OrganisationRoles are the roles that are held for an organisation, the most
// powerful first.
func OrganisationRoles() []Role {
	return []Role{RoleOwner, RoleAdmin, RoleBilling, RoleDeveloper, RoleViewer}
}

// For reports whether the role can be held for the organisation; an empty org
// is the operator.
func (r Role) For(org string) bool {
	if org == "" {
		return slices.Contains(OperatorRoles(), r)
	}
	return slices.Contains(OrganisationRoles(), r)
}
