// Every page: its address, and where it stands in the navigation. A page's file
// is loaded when it is opened.
import type { Route } from './core/router.svelte'
import { session } from './core/session.svelte'
import type { Messages } from './text/messages'
import type { IconName } from './ui/Icon.svelte'

/** A page. With `nav` it stands in the navigation under that heading. */
export interface PageRoute extends Route {
  title: (t: Messages) => string
  nav?: keyof Pick<Messages['shell'], 'build' | 'money' | 'manage' | 'operate'>
  icon?: IconName
  go?: string // the key after g that leads there
  may?: (org: string | undefined) => boolean // who sees it; absent: everybody
}

/** Pages of an organisation, below /:org, which they are given as a property. */
export const organisationPages: PageRoute[] = [
  { path: '/start', title: (t) => t.start.title, nav: 'build', icon: 'start', go: 's', load: () => import('./pages/start/Start.svelte') },
  { path: '/chat', title: (t) => t.chat.title, nav: 'build', icon: 'chat', go: 'x', may: (org) => session.may(org, 'list-chats'), load: () => import('./pages/chat/Chat.svelte') },
  { path: '/playground', title: (t) => t.playground.title, nav: 'build', icon: 'play', go: 'y', may: (org) => session.may(org, 'play-chat'), load: () => import('./pages/playground/Playground.svelte') },
  { path: '/keys', title: (t) => t.keys.title, nav: 'build', icon: 'key', go: 'k', may: (org) => session.may(org, 'list-keys'), load: () => import('./pages/keys/Keys.svelte') },
  { path: '/usage', title: (t) => t.usage.title, nav: 'build', icon: 'usage', go: 'u', load: () => import('./pages/usage/Usage.svelte') },
  { path: '/limits', title: (t) => t.limits.title, nav: 'build', icon: 'limits', go: 'l', load: () => import('./pages/limits/Limits.svelte') },
  { path: '/balance', title: (t) => t.balance.title, nav: 'money', icon: 'balance', go: 'b', load: () => import('./pages/balance/Balance.svelte') },
  { path: '/plan', title: (t) => t.plan.title, nav: 'money', icon: 'plan', go: 'p', load: () => import('./pages/plan/Plan.svelte') },
  { path: '/invoices', title: (t) => t.invoices.title, nav: 'money', icon: 'invoice', go: 'i', load: () => import('./pages/invoices/Invoices.svelte') },
  { path: '/members', title: (t) => t.members.title, nav: 'manage', icon: 'members', go: 'm', load: () => import('./pages/members/Members.svelte') },
  { path: '/webhooks', title: (t) => t.webhooks.title, nav: 'manage', icon: 'hook', go: 'w', may: (org) => session.may(org, 'list-webhooks'), load: () => import('./pages/webhooks/Webhooks.svelte') },
  { path: '/audit', title: (t) => t.audit.title, nav: 'manage', icon: 'audit', go: 'a', may: (org) => session.may(org, 'list-audit'), load: () => import('./pages/audit/Audit.svelte') },
]

/** Pages of the operator, below /operator. */
export const operatorPages: PageRoute[] = [
  { path: '/today', title: (t) => t.today.title, nav: 'operate', icon: 'today', go: 't', may: () => session.may(undefined, 'get-today'), load: () => import('./pages/today/Today.svelte') },
  { path: '/customers', title: (t) => t.customers.title, nav: 'operate', icon: 'customer', go: 'c', may: () => session.may(undefined, 'list-customers'), load: () => import('./pages/customers/Customers.svelte') },
  { path: '/models', title: (t) => t.models.title, nav: 'operate', icon: 'model', may: () => session.may(undefined, 'list-engines'), load: () => import('./pages/models/Models.svelte') },
  { path: '/models/:model', title: (t) => t.models.title, may: () => session.may(undefined, 'list-engines'), load: () => import('./pages/models/Model.svelte') },
  { path: '/engines', title: (t) => t.engines.title, nav: 'operate', icon: 'engine', go: 'e', may: () => session.may(undefined, 'list-engines'), load: () => import('./pages/engines/Engines.svelte') },
  { path: '/engines/:engine', title: (t) => t.engines.title, may: () => session.may(undefined, 'get-engine'), load: () => import('./pages/engines/Engine.svelte') },
  { path: '/queue', title: (t) => t.queue.title, nav: 'operate', icon: 'queue', go: 'q', may: () => session.may(undefined, 'list-queues'), load: () => import('./pages/queue/Queue.svelte') },
  { path: '/prices', title: (t) => t.prices.title, nav: 'operate', icon: 'price', may: () => session.may(undefined, 'list-price-books'), load: () => import('./pages/prices/Prices.svelte') },
  { path: '/prices/new', title: (t) => t.prices.editor, may: () => session.may(undefined, 'publish-price-book'), load: () => import('./pages/prices/Editor.svelte') },
  { path: '/prices/:book', title: (t) => t.prices.book, may: () => session.may(undefined, 'get-price-book'), load: () => import('./pages/prices/Book.svelte') },
  { path: '/plans', title: (t) => t.plans.title, nav: 'operate', icon: 'plan', may: () => session.may(undefined, 'list-plans'), load: () => import('./pages/plans/Plans.svelte') },
  { path: '/plans/new', title: (t) => t.plans.add, may: () => session.may(undefined, 'publish-plan'), load: () => import('./pages/plans/Editor.svelte') },
  { path: '/plans/:plan', title: (t) => t.plans.title, may: () => session.may(undefined, 'list-plans'), load: () => import('./pages/plans/Plan.svelte') },
  { path: '/credits', title: (t) => t.credits.title, nav: 'operate', icon: 'credit', may: () => session.may(undefined, 'list-credit-codes'), load: () => import('./pages/credits/CreditsPage.svelte') },
  { path: '/statements', title: (t) => t.statements.title, nav: 'operate', icon: 'statement', go: 'd', may: () => session.may(undefined, 'get-statement'), load: () => import('./pages/statements/Statements.svelte') },
  { path: '/what-if', title: (t) => t.whatif.title, nav: 'operate', icon: 'whatif', go: 'f', may: () => session.may(undefined, 'ask-what-if'), load: () => import('./pages/whatif/WhatIf.svelte') },
  { path: '/close', title: (t) => t.close.title, nav: 'operate', icon: 'close', may: () => session.may(undefined, 'get-day'), load: () => import('./pages/close/Close.svelte') },
  { path: '/members', title: (t) => t.members.team, nav: 'operate', icon: 'members', may: () => session.may(undefined, 'list-members'), load: () => import('./pages/members/Members.svelte') },
  { path: '/audit', title: (t) => t.audit.title, nav: 'operate', icon: 'audit', may: () => session.may(undefined, 'list-audit'), load: () => import('./pages/audit/Audit.svelte') },
]

/** Pages about the user alone, of no organisation. */
export const ownPages: PageRoute[] = [
  { path: '/account', title: (t) => t.account.title, icon: 'user', load: () => import('./pages/account/Account.svelte') },
]

/** What stands in the navigation for an organisation, or for the operator. */
export function navigation(pages: PageRoute[], org: string | undefined): PageRoute[] {
  return pages.filter((page) => page.nav && (page.may?.(org) ?? true))
}

/** Whether the user may see the operator's pages at all. */
export function operates(): boolean {
  return session.operates
}
