import { plural } from '../../core/plural'

const count = plural('en')

export default {
  actions: 'Actions',
  asChart: 'Show as a chart',
  asCsv: 'Download as CSV',
  asTable: 'Show as a table',
  cancel: 'Cancel',
  chartOf: (what: string) => `Chart: ${what}. The button above shows it as a table.`,
  close: 'Close',
  copied: 'Copied',
  copy: (what: string) => `Copy: ${what}`,
  dismiss: 'Dismiss',
  done: 'Done',
  edit: 'Edit',
  failed: 'That did not work.',
  loading: 'Loading…',
  more: 'Load more',
  never: 'Never',
  nextForbidden: 'Ask somebody who administers this organisation for the role that may.',
  nextOffline: 'Check your connection, then try again.',
  nextServer: 'The server has noted what went wrong in its log. Try again; what was booked is booked once.',
  nextWait: (seconds: number) => count(seconds, { one: 'Try again in # second.', other: 'Try again in # seconds.' }),
  offline: 'The server could not be reached.',
  optional: 'optional',
  retry: 'Try again',
  rows: (n: number, all: boolean) => count(n, { one: all ? '# row' : '# row so far', other: all ? '# rows' : '# rows so far' }),
  save: 'Save',
  saved: 'Saved',
  search: 'Search',
  time: 'Time',
}
