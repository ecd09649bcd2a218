// uPlot in the console's colours; in a file of its own, so that only pages
// with a chart load it.
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { text } from './text.svelte'
import type { Series } from '../ui/Chart.svelte'

/** What is drawn, and how. */
export interface Drawing {
  times: number[]
  series: Series[]
  kind: 'bars' | 'line'
  daily: boolean
  show: (value: number) => string
  height: number
  oncursor: (index: number | null) => void
}

/** What uPlot is given: times, and values, which for bars are stacked, the highest sum first. */
export function data(d: Pick<Drawing, 'times' | 'series' | 'kind'>): uPlot.AlignedData {
  const drawn = d.kind === 'bars' ? stack(d.series).reverse() : d.series.map((one) => one.values)
  return [d.times, ...drawn] as uPlot.AlignedData
}

/** Draws a chart into an element. Bars are stacked. `setData(data(…))` changes what it shows. */
export function draw(into: HTMLElement, d: Drawing): uPlot {
  const style = getComputedStyle(into)
  const colour = (name: string) => resolve(into, style.getPropertyValue(name).trim())
  const bars = d.kind === 'bars'
  const axis: uPlot.Axis = {
    stroke: colour('--quiet'),
    font: `11px ${style.getPropertyValue('--font')}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  const options: uPlot.Options = {
    width: Math.max(120, Math.floor(into.clientWidth)),
    height: d.height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: !bars }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: (u, min, max) => bounds(u.data[0], min, max, bars) }, y: { range: (_, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 72, values: (_, splits) => labels(splits, d.daily) },
      { ...axis, size: 52, space: 40, values: (_, splits) => splits.map((v) => d.show(v)) },
    ],
    series: [
      {},
      ...d.series.map((_, i): uPlot.Series => {
        const stroke = colour(`--series-${(i % 6) + 1}`)
        if (!bars) return { stroke, width: 1.75, points: { show: false }, spanGaps: false }
        return { stroke, fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars?.({ size: [0.72, 48], radius: 0.08 }) }
      }),
    ],
    hooks: { setCursor: [(u) => d.oncursor(u.cursor.idx ?? null)] },
  }
  // The highest sum is drawn first, the smaller ones over it.
  if (bars) options.series = [options.series[0] as uPlot.Series, ...options.series.slice(1).reverse()]
  return new uPlot(options, data(d), into)
}

// stack adds to each series those before it.
function stack(series: Series[]): number[][] {
  const sums: number[] = []
  return series.map((one) => one.values.map((v, i) => (sums[i] = (sums[i] ?? 0) + (v ?? 0))))
}

// bounds leaves half a bar free at each edge.
function bounds(times: ArrayLike<number>, min: number, max: number, bars: boolean): [number, number] {
  if (!bars) return [min, max]
  const step = times.length > 1 ? (times[1] ?? 0) - (times[0] ?? 0) : 3600
  return [(times[0] ?? min) - step / 2, (times[times.length - 1] ?? max) + step / 2]
}

function labels(splits: number[], daily: boolean): string[] {
  const short = new Intl.DateTimeFormat(text.locale, { day: 'numeric', month: 'short', ...(daily && { timeZone: 'UTC' }) })
  const time = new Intl.DateTimeFormat(text.locale, { hour: '2-digit', minute: '2-digit' })
  return splits.map((at) => {
    const date = new Date(at * 1000)
    const midnight = daily || (date.getHours() === 0 && date.getMinutes() === 0)
    return (midnight ? short : time).format(date)
  })
}

// resolve turns a colour of ours, light-dark() included, into one that a canvas knows.
function resolve(at: HTMLElement, value: string): string {
  const probe = document.createElement('span')
  probe.style.color = value
  at.append(probe)
  const colour = getComputedStyle(probe).color
  probe.remove()
  return colour
}
