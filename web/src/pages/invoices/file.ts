/** Where an invoice can be had as a file. */
export function file(org: string, number: string, format: 'pdf' | 'csv'): string {
  return `/api/v1/organisations/${encodeURIComponent(org)}/invoices/${encodeURIComponent(number)}/file?format=${format}`
}

/** Where the draft of a month can be had as a file. */
export function draft(org: string, period: string, format: 'pdf' | 'csv'): string {
  return `/api/v1/organisations/${encodeURIComponent(org)}/invoice-drafts/${period}/file?format=${format}`
}
