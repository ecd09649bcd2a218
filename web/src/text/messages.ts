import type en from './en'

/** The catalogue: English has every message, and the others must. */
export type Messages = typeof en
