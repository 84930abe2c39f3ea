// The pipeline's status, once a second: what is up, and from its counters the
// rates.  One poller for all pages; it rests while nobody looks at the tab.

import {get, Refusal} from './api.js';

const EVERY_MS = 1000;
const RATE_OVER = 3;     // samples that a rate is taken over
const POINTS_MAX = 300;  // of the charts: five minutes

const listeners = new Set();
let samples = [];
let timer = 0;
let latencies = [];
const LATENCIES_MAX = 4000;

export const points = {rates: [], latency: []};
export const pipeline = {state: 'wait', status: null, error: null};

export function onStatus(listener) {
  listeners.add(listener);
  if (pipeline.state !== 'wait') listener(pipeline);
  return () => listeners.delete(listener);
}

// How long an order took, from its acceptance to its end; of the orders that
// the page sees pass.
export function noteLatency(ms) {
  if (latencies.length < LATENCIES_MAX) latencies.push(ms);
}

function numbersOf(status) {
  const numbers = {created: status.orders.created,
    completed: status.orders.completed, failed: status.orders.failed,
    cancelled: status.orders.cancelled, ended: status.sagas.ended,
    seconds: status.sagas.seconds};
  for (const {topic, end} of status.topics) {
    const name = `topic ${topic}`;
    numbers[name] = (numbers[name] || 0) + end;
  }
  for (const row of status.processes) {
    if (row.pid) numbers[`in ${row.name} ${row.pid}`] = row.eventsIn;
  }
  return numbers;
}

// Per second, since some samples ago; null before there are two.
export function rateOf(name) {
  const first = samples[0];
  const last = samples[samples.length - 1];
  if (!last || first === last) return null;
  const from = first.numbers[name];
  const to = last.numbers[name];
  if (from === undefined || to === undefined || to < from) return null;
  return (to - from) / ((last.at - first.at) / 1000);
}

export function lagOf(status, process, topic) {
  const rows = status.consumers.filter((row) => row.topic === topic &&
    (row.consumer === process || row.consumer.startsWith(`${process}-`)));
  if (rows.length === 0) return null;
  return rows.reduce((sum, row) => sum + row.lag, 0);
}

function quantile(sorted, share) {
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

// What the page saw in this second; else the mean of all that ended in it.
function latencyPoint(before, now) {
  const sorted = latencies.sort((a, b) => a - b);
  latencies = [];
  if (sorted.length > 0) return [quantile(sorted, 0.5), quantile(sorted, 0.99)];
  const ended = before ? now.ended - before.ended : 0;
  if (ended <= 0) return [null, null];
  const mean = (now.seconds - before.seconds) / ended * 1000;
  return [mean, null];
}

function addPoint(list, values) {
  list.push([new Date(), ...values]);
  if (list.length > POINTS_MAX) list.shift();
}

function take(status) {
  const before = samples[samples.length - 1];
  const sample = {at: performance.now(), numbers: numbersOf(status)};
  if (before && sample.at - before.at > 10 * EVERY_MS) samples = [];
  samples.push(sample);
  if (samples.length > RATE_OVER + 1) samples.shift();
  addPoint(points.rates, [rateOf('created'), rateOf('completed'),
    rateOf('failed')]);
  addPoint(points.latency, latencyPoint(before && before.numbers,
    sample.numbers));
}

function tell(state, status, error) {
  Object.assign(pipeline, {state, error, status: status || pipeline.status});
  for (const listener of listeners) listener(pipeline);
}

async function poll() {
  try {
    const status = await get('/status', AbortSignal.timeout(5 * EVERY_MS));
    take(status);
    tell('up', status, null);
  } catch (error) {
    const refused = error instanceof Refusal;
    tell(refused ? 'refused' : 'down', null, error);
  }
  schedule(EVERY_MS);
}

function schedule(ms) {
  clearTimeout(timer);
  timer = document.hidden ? 0 : setTimeout(poll, ms);
}

export function startStatus() {
  poll();
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !timer) poll();
    else if (document.hidden) schedule(EVERY_MS);
  });
}

export function statusNow() {
  schedule(0);
}
