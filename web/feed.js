// A list that changes while one looks: its newest rows, kept up to date by a
// stream of changes, or by asking again where there is no stream.
//
//   live     changes arrive as they happen
//   sampled  the stream was too fast for us: asked once a second instead
//   wait     not connected; tried again
//
// However many changes come, listeners are told at most once per frame, and
// only the newest ROWS_MAX rows are kept.

import {page, Refusal} from './api.js';
import {follow} from './stream.js';

const ROWS_MAX = 100;
const ASK_MS = 1000;
const SAMPLE_MS = 10000;  // as long, before the stream is tried again
const RETRY_MS_MAX = 10000;
const GAP_MS = 1000;     // after changes were left out, the list is asked for

function wait(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    }, {once: true});
  });
}

export class Feed {
  // list: path of the list; stream: of its changes; event: their name.
  constructor({list, stream, event}) {
    Object.assign(this, {list, stream, event});
    this.rows = new Map();
    this.newest = [];
    this.state = 'wait';
    this.error = null;
    this.changes = 0;
    this.listeners = new Set();
    this.users = 0;
  }

  // Runs while somebody listens.
  listen(listener) {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.start();
    else listener();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop();
    };
  }

  start() {
    this.control = new AbortController();
    this.run(this.control.signal);
  }

  stop() {
    this.control.abort();
    clearTimeout(this.mending);
    this.mending = 0;
    this.lastId = null;
    this.loaded = false;
    this.error = null;
    this.rows.clear();
    this.newest = [];
    this.state = 'wait';
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  take(row) {
    const before = this.rows.get(row.id);
    if (before && before.updatedAt > row.updatedAt) return;
    this.changes++;
    if (!before && this.oldest && row.id < this.oldest &&
        this.rows.size >= ROWS_MAX) return;
    this.rows.set(row.id, row);
    this.stale = true;
    if (this.rows.size > 4 * ROWS_MAX) this.trim();
  }

  trim() {
    const ids = [...this.rows.keys()].sort((a, b) => b - a);
    for (const id of ids.slice(ROWS_MAX)) this.rows.delete(id);
    this.oldest = ids[Math.min(ids.length, ROWS_MAX) - 1];
  }

  // The newest first.
  latest(count = ROWS_MAX) {
    if (this.stale) {
      this.trim();
      this.newest = [...this.rows.values()].sort((a, b) => b.id - a.id);
      this.stale = false;
    }
    return this.newest.slice(0, count);
  }

  async load(signal) {
    const answer = await page(`${this.list}?order=desc&limit=${ROWS_MAX}`,
      signal);
    this.next = answer.next;
    for (const row of answer.rows) this.take(row);
    this.loaded = true;
    this.tell();
  }

  set(state, error = null) {
    this.state = state;
    this.error = error;
    this.tell();
  }

  // Events of one piece.  True once the other side said that we are too slow.
  pass(events) {
    let dropped = false;
    for (const {id, event, data} of events) {
      if (id) this.lastId = id;
      if (event === this.event) this.take(JSON.parse(data));
      else if (event === 'dropped') dropped = true;
      else if (event === 'gap') this.mend();
    }
    this.tell();
    return dropped;
  }

  // Changes of rows that we show may be among those left out.
  mend() {
    if (this.mending) return;
    this.mending = setTimeout(() => {
      this.mending = 0;
      this.load(this.control.signal).catch(() => {});
    }, GAP_MS);
  }

  // Follows the stream until it ends; answers how to go on.
  async live(signal) {
    let dropped = false;
    try {
      await follow(this.stream, {signal, lastId: this.lastId,
        // What happened while the stream was opened is asked for behind it.
        opened: () => {
          this.set('live');
          this.load(signal).catch(() => {});
        },
        on: (events) => {
          dropped = this.pass(events) || dropped;
        }});
    } catch (error) {
      if (error instanceof Refusal && [400, 404, 405].includes(error.status)) {
        return 'sample';
      }
      throw error;
    }
    this.lastId = null;
    return dropped ? 'sample' : 'again';
  }

  async sample(signal) {
    const until = performance.now() + SAMPLE_MS;
    while (!signal.aborted && performance.now() < until) {
      await this.load(signal);
      if (this.state !== 'sampled') this.set('sampled');
      await wait(ASK_MS, signal);
    }
  }

  async run(signal) {
    let pause = 500;
    while (!signal.aborted) {
      try {
        if (!this.loaded) await this.load(signal);
        const next = await this.live(signal);
        if (next === 'sample') await this.sample(signal);
        pause = 500;
      } catch (error) {
        if (signal.aborted) return;
        this.set('wait', error);
      }
      await wait(pause, signal);
      pause = Math.min(2 * pause, RETRY_MS_MAX);
    }
  }
}
