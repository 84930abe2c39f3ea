// The pipeline's status, once a second: what is up, and from its counters the
// rates.  One poller for all pages; it rests while nobody looks at the tab.

import {get, Refusal} from './api.js';
import {quantile} from './histogram.js';

const EVERY_MS = 1000;
const RATE_OVER = 3;     // samples that a rate is taken over
const POINTS_MAX = 300;  // of the charts: five minutes

const listeners = new Set();
let samples = [];
let timer = 0;

export const points = {rates: [], latency: []};
export const pipeline = {state: 'wait', status: null, error: null};

export function onStatus(listener) {
  listeners.add(listener);
  if (pipeline.state !== 'wait') listener(pipeline);
  return () => listeners.delete(listener);
}

function numbersOf(status) {
  const numbers = {created: status.orders.created,
    completed: status.orders.completed, failed: status.orders.failed,
    cancelled: status.orders.cancelled};
  for (const {topic, end} of status.topics) {
    const name = `topic ${topic}`;
    numbers[name] = (numbers[name] || 0) + end;
  }
  for (const row of status.processes) {
    if (row.pid) numbers[`in ${row.name} ${row.pid}`] = row.eventsIn;
  }
  return numbers;
}

// What a process is: the word for it, everywhere.  Who lives and tells nothing
// is silent.
export function isOf(row) {
  return row.up ? 'up' : row.silent ? 'silent' : 'down';
}

// The same of the broker, of which the gateway notices an end before its last
// word is old.
export function brokerIs(status) {
  if (status.broker.up) return 'up';
  const row = status.processes.find((one) => one.name === 'broker');
  return row && row.silent ? 'silent' : 'down';
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

// Of all orders that ended between the two, not only of those seen here.
function latencyPoint(before, now) {
  if (!before) return [null, null];
  return [quantile(before, now, 0.5), quantile(before, now, 0.99)];
}

function addPoint(list, values) {
  list.push([new Date(), ...values]);
  if (list.length > POINTS_MAX) list.shift();
}

function take(status) {
  const before = samples[samples.length - 1];
  const sample = {at: performance.now(), sagas: status.sagas,
    numbers: numbersOf(status)};
  if (before && sample.at - before.at > 10 * EVERY_MS) samples = [];
  samples.push(sample);
  if (samples.length > RATE_OVER + 1) samples.shift();
  addPoint(points.rates, [rateOf('created'), rateOf('completed'),
    rateOf('failed')]);
  addPoint(points.latency, latencyPoint(before && before.sagas,
    sample.sagas));
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
